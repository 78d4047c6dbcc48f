-- retry_after: reads Retry-After (RFC 9110, 10.2.3). Pure.
-- Criteria: strict, as libcurl's own reading is not (abc is 0 there, 1.5 is 1, a past date is -350055717): what is no
-- number of whole seconds and no date is nil, so that the caller backs off by its own rule. A date counts from the
-- answer's own Date, since the two clocks need not agree.

local timestamp = require("avepoint.elements.timestamp")

local floor, huge, tonumber, type = math.floor, math.huge, tonumber, type
local find, format, match = string.find, string.format, string.match

local DIGITS_MAX = 10 -- of 1*DIGIT, zeros in front not counted; 2^31 is where RFC 9111, 1.2.2 lets a number overflow
local MONTHS = {
   Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}
local WEEKDAYS = { -- short, as in IMF-fixdate and asctime, to the rest of RFC 850's
   Mon = "day", Tue = "sday", Wed = "nesday", Thu = "rsday", Fri = "day", Sat = "urday", Sun = "day",
}

local retry_after = {}

local function seconds(year, month, day, hour, minute, second)
   month = MONTHS[month]
   return month and timestamp(format("%04d-%02d-%02dT%s:%s:%sZ", year, month, day, hour, minute, second))
end

-- An HTTP-date as seconds since the epoch, or nil. RFC 850's two digits mean the year that is nearest to `now`.
local function date(text, now)
   local name, day, month, year, hour, minute, second =
      match(text, "^(%a%a%a), (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
   if name then return WEEKDAYS[name] and seconds(year, month, day, hour, minute, second) end
   name, month, day, hour, minute, second, year =
      match(text, "^(%a%a%a) (%a%a%a) ([%d ]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
   if name then return WEEKDAYS[name] and seconds(year, month, day, hour, minute, second) end
   local rest
   name, rest, day, month, year, hour, minute, second =
      match(text, "^(%a%a%a)(%a+), (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
   if not name or WEEKDAYS[name] ~= rest then return nil end
   local this_year = 1970 + floor((now or 0) / 31556952)
   year = this_year + (tonumber(year) - this_year + 50) % 100 - 50
   return seconds(year, month, day, hour, minute, second)
end

--- An HTTP-date (RFC 9110, 5.6.7).
---@param text string
---@return integer? seconds since the epoch
function retry_after.date(text)
   return date(text)
end

local function one(text, now)
   text = match(text, "^[ \t]*(.-)[ \t]*$")
   if find(text, "^%d+$") then
      local digits = match(text, "^0*(%d*)$")
      return #digits > DIGITS_MAX and huge or tonumber(digits)
   end
   local at = now and date(text, now)
   return at and at - now
end

--- How long to wait: the largest of the values that are numbers or dates.
---@param values string|string[]|nil the values of all Retry-After headers of an answer
---@param date_header string? the answer's own Date
---@param now integer? seconds since the epoch by our clock, for an answer whose Date is missing or none
---@return number? seconds above 0, math.huge where the number is too large to be meant; nil: nothing usable, zero or past
function retry_after.parse(values, date_header, now)
   if type(values) == "string" then values = { values } end
   now = date_header and date(date_header, now) or now
   local longest
   for i = 1, values and #values or 0 do
      local wait = one(values[i], now)
      if wait and wait > (longest or 0) then longest = wait end
   end
   return longest
end

return retry_after
