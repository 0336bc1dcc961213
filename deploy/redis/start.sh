#!/bin/sh
# Starts Redis with the users that the service needs: start.sh CONFIG PASSWORD_FILE ACL_FILE [redis-server options].
# The ACL file is made here, since a configuration file cannot take a password from a secret. It holds a digest of it.
set -eu
config=$1
password_file=$2
acl_file=$3
shift 3

# As in streams/stores/redis_check.py, which refuses a user that may do less.
rule='~ebbwatch:* resetchannels -@all +eval +evalsha +hmget +hset +hlen +hscan +zadd +zrem +zcard +zcount +zrange +zremrangebyscore +info +acl|dryrun'

if ! password=$(cat "$password_file") || [ -z "$password" ]; then
    echo "redis: no password in $password_file: run deploy/make-secrets" >&2
    exit 1
fi
digest=$(printf '%s' "$password" | sha256sum | cut -d ' ' -f 1)
umask 077
{
    # Nobody can be this user, yet it keeps every right: Redis 7 reads its append-only file back with the rights of
    # `default`, and leaves out, without ending, every transaction that they do not allow. Each commit is one.
    echo "user default reset off ~* &* +@all"
    echo "user ebbwatch reset on #$digest $rule"
    # For the health check: it may ask whether Redis answers, and nothing else.
    echo "user health reset on nopass +ping"
} >"$acl_file"
exec redis-server "$config" --aclfile "$acl_file" "$@"
