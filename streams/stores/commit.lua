#!lua
-- One micro-batch of one shard, all or nothing. Redis does not take back what a script has written before it failed,
-- so everything that can fail is tried before the first write. Memory is no such thing: without the flag `allow-oom` a
-- script is refused before it starts. Keys that a script writes under `{shard}` share one slot of a cluster.
--
-- KEYS: the shard (hash), customers (hash), outbox (sorted set), then sorted indexes.
-- ARGV: format, expected position, position, state, number of documents (none when they stay, else one), number of
--       customers, number of outputs, for each index how many members move and how many go;
--       then the documents; customers as id, body; outputs; for each index score, member of those that move, members of those that go.
-- Returns {'committed'}, {'conflict', position where the shard stands} or {'refused', why}.

local shard, customers, outbox = KEYS[1], KEYS[2], KEYS[3]
local format, expected, position, state = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local document_count, customer_count, output_count = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local first_index, counts_from = 4, 8
local PER_CALL = 2000 -- even, so that pairs stay together; what Lua can unpack ends at about 8000

-- What can fail: kinds of keys (these raise), the place, the arguments, the rights.

local held = redis.call('HMGET', shard, 'format', 'position', 'sequence')
redis.call('HLEN', customers)
for key = 3, #KEYS do
    redis.call('ZCARD', KEYS[key])
end

if held[1] and held[1] ~= format then
    return { 'refused', 'format', held[1] }
end
local stands = held[2] or '0'
if stands ~= expected then
    return { 'conflict', stands }
end
local sequence = tonumber(held[3] or '0')

local documents_from = counts_from + 2 * (#KEYS - first_index + 1)
local customers_from = documents_from + document_count
local outputs_from = customers_from + 2 * customer_count
local moves_from = {}
local at = outputs_from + output_count
for key = first_index, #KEYS do
    local counts_at = counts_from + 2 * (key - first_index)
    local moves, removals = tonumber(ARGV[counts_at]), tonumber(ARGV[counts_at + 1])
    moves_from[key] = at
    for number = at, at + 2 * moves - 2, 2 do
        local score = tonumber(ARGV[number])
        if not score or score ~= score then
            return { 'refused', 'score' }
        end
    end
    at = at + 2 * moves + removals
end
if at ~= #ARGV + 1 then
    return { 'refused', 'arguments' }
end

if not (redis.acl_check_cmd('HSET', shard, 'position', '0') and redis.acl_check_cmd('HSET', customers, '', '')
    and redis.acl_check_cmd('ZADD', outbox, '0', '')) then
    return { 'refused', 'permission' }
end
for key = first_index, #KEYS do
    if not (redis.acl_check_cmd('ZADD', KEYS[key], '0', '') and redis.acl_check_cmd('ZREM', KEYS[key], '')) then
        return { 'refused', 'permission' }
    end
end

-- From here on nothing fails.

local function in_parts(command, key, from, count)
    for first = from, from + count - 1, PER_CALL do
        redis.call(command, key, unpack(ARGV, first, math.min(first + PER_CALL, from + count) - 1))
    end
end

redis.call('HSET', shard, 'format', format, 'position', position, 'state', state,
    'sequence', string.format('%.0f', sequence + output_count))
if document_count == 1 then
    redis.call('HSET', shard, 'documents', ARGV[documents_from])
end
in_parts('HSET', customers, customers_from, 2 * customer_count)

for key = first_index, #KEYS do
    local counts_at = counts_from + 2 * (key - first_index)
    local moves, removals = tonumber(ARGV[counts_at]), tonumber(ARGV[counts_at + 1])
    in_parts('ZADD', KEYS[key], moves_from[key], 2 * moves)
    in_parts('ZREM', KEYS[key], moves_from[key] + 2 * moves, removals)
end

-- Two outputs may be equal, members of a set may not: the number in front tells them apart.
local entries = {}
for number = 1, output_count do
    local numbered = string.format('%.0f', sequence + number)
    entries[#entries + 1] = numbered
    entries[#entries + 1] = numbered .. ' ' .. ARGV[outputs_from + number - 1]
    if #entries >= PER_CALL or number == output_count then
        redis.call('ZADD', outbox, unpack(entries))
        entries = {}
    end
end

return { 'committed' }
