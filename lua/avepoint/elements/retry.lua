-- retry: which failures are worth another attempt, how many, and how long to wait before it; for pages and tokens alike.
-- Pure: the dice (`random`) are passed in. Every number is a constant below, with its unit and source.

local huge, max, min = math.huge, math.max, math.min

local MAX_THROTTLES = 20        -- 429s per page
local MAX_500 = 3               -- answers 500; Azure, AWS
local MAX_GARBLED = 2           -- bodies that do not parse
local MAX_HANDSHAKES = 2        -- CURLE_SSL_CONNECT_ERROR (35)
local RETRY_STATUS = { [408] = true, [425] = true, [502] = true, [503] = true, [504] = true } -- and 429, 500; Azure
local RETRY_CODE = { -- CURLcodes, and 35; Azure
   [6] = true, [7] = true, [16] = true, [18] = true, [28] = true, [52] = true, [55] = true, [56] = true, [92] = true,
}

local DELAY_BASE = 0.5          -- seconds; full jitter: U(0, min(cap, base·2^(n-1))), n-th failure; Stripe
local DELAY_CAP = 20            -- seconds; AWS
local THROTTLE_BASE = 2         -- seconds; 429 without header: U(0.5, 1)·min(cap, base·2^(n-1)), n-th in a row; AWS 1 s
local THROTTLE_CAP = 60         -- seconds; Azure, Octokit
local PAUSE_JITTER = 1          -- seconds on top of Retry-After, at most; Octokit
local PAUSE_JITTER_SHARE = 0.1  -- of Retry-After, where that is more

local retry = {
   MAX_ATTEMPTS = 8,            -- per page, all but 429s; simulated: at 20 % 503 over 1,000 pages 5 lose 27 % of walks
   TOKEN_ATTEMPTS = 4,          -- per token; Box, MSAL
   MAX_GARBLED = MAX_GARBLED,
   RETRY_AFTER_MAX = 120,       -- seconds; more is "too long"; curl: check it is "within an acceptable range"
}

---What was wrong with an attempt.
---@class avepoint.Fault
---@field kind avepoint.ErrorKind
---@field status integer? HTTP status
---@field code integer? CURLcode; 28 too where the engine's own clock ended the attempt
---@field retry_after number? seconds, as retry_after.parse gives them (math.huge: too long)
---@field torn boolean? the body is no JSON

---Under which name a fault of this sort is counted, and how many there may be; nil where there may be none.
---@param fault avepoint.Fault
---@return string? name
---@return number? most
function retry.allowance(fault)
   if fault.status == 429 then return "throttles", MAX_THROTTLES end
   if fault.status == 500 then return "internal", MAX_500 end
   if fault.code == 35 then return "handshakes", MAX_HANDSHAKES end
   if fault.torn then return "torn", MAX_GARBLED end
   if RETRY_STATUS[fault.status] or RETRY_CODE[fault.code] then return "others", huge end
end

---The wait after a failure.
---@param n integer the n-th of this request
---@param random fun(): number
---@return number seconds
function retry.delay(n, random)
   return random() * min(DELAY_CAP, DELAY_BASE * 2 ^ (n - 1))
end

---The wait after a 429 that names none: never 0.
---@param n integer the n-th in a row
---@param random fun(): number
---@return number seconds
function retry.throttle(n, random)
   return (0.5 + 0.5 * random()) * min(THROTTLE_CAP, THROTTLE_BASE * 2 ^ (n - 1))
end

---The wait for a Retry-After, with a little more, so that not all clients come back at once.
---@param seconds number of the header
---@param random fun(): number
---@return number seconds
function retry.pause(seconds, random)
   return seconds + random() * max(PAUSE_JITTER, PAUSE_JITTER_SHARE * seconds)
end

return retry
