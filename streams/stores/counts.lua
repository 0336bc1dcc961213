#!lua flags=no-writes
-- How many members of sorted indexes have a score up to a limit, all at one moment and in one round trip.
--
-- KEYS: sorted indexes. ARGV: for each count the number of its index among KEYS, from 1, and the limit, which counts as
-- reached. Returns the counts in that order.

local found = {}
for at = 1, #ARGV, 2 do
    found[#found + 1] = redis.call('ZCOUNT', KEYS[tonumber(ARGV[at])], '-inf', ARGV[at + 1])
end
return found
