-- Lines: our clock, the answer's Date, then Retry-After values. Criteria: nil or seconds above 0; a number of seconds is
-- that number, a date made by strftime is its distance from Date; the service's ISO dates are integers or nil.

local elements = require("avepoint.elements")
local retry_after = require("avepoint.elements.retry_after")
local bytes = require("spec.fuzz.bytes")

local HTTP_DATE = "!%a, %d %b %Y %H:%M:%S GMT"

local function good(seconds)
   return seconds == nil or type(seconds) == "number" and seconds > 0
end

return function(input)
   local clock, date, rest = bytes.lines(input, 3)
   local now = math.tointeger(tonumber(clock:sub(1, 10)))
   now = now and math.max(1, math.min(now, 253402214399)) -- the epoch means "not set"; years have four digits
   local values = {}
   for value in (rest .. "\n"):gmatch("(.-)\n") do
      values[#values + 1] = value
   end
   local seconds = retry_after.parse(values, date, now)
   assert(good(seconds))
   local longest
   for _, value in ipairs(values) do
      local one = retry_after.parse(value, date, now)
      assert(good(one))
      longest = one and math.max(one, longest or 0) or longest
      if value:find("^%d+$") and #value <= 10 then
         assert(one == (tonumber(value) > 0 and tonumber(value) or nil), "a number is not itself")
      end
      if now and #value >= 2 then
         local later = now + (">I2"):unpack(value)
         local distance = retry_after.parse(os.date(HTTP_DATE, later), os.date(HTTP_DATE, now))
         assert(distance == (later > now and later - now or nil), "a date is not its distance")
      end
      local stamp = elements.timestamp(value)
      assert(stamp == nil or math.type(stamp) == "integer")
   end
   assert(seconds == longest, "not the longest")
   return seconds ~= nil
end
