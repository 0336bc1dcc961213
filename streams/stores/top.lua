#!lua flags=no-writes
-- The members with the highest scores. Redis breaks ties by member, descending, and they are wanted ascending: so of those
-- that tie for the last places the first by name are chosen here, and whoever asked puts the rest in order.
--
-- KEYS: a sorted index. ARGV: how many. Returns member, score, member, score ...

local index, wanted = KEYS[1], tonumber(ARGV[1])
local last = redis.call('ZRANGE', index, wanted - 1, wanted - 1, 'REV', 'WITHSCORES')[2]
if not last then -- there are not that many
    return redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
end
local found = redis.call('ZRANGE', index, '+inf', '(' .. last, 'BYSCORE', 'REV', 'WITHSCORES')
local ties = redis.call('ZRANGE', index, last, last, 'BYSCORE', 'LIMIT', 0, wanted - #found / 2, 'WITHSCORES')
for number = 1, #ties do
    found[#found + 1] = ties[number]
end
return found
