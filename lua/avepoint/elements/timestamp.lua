-- timestamp: the service's ISO 8601 dates as seconds since the epoch.
--
-- Counted here rather than by os.time, which would read them in the zone of
-- the machine. The service writes 1970-01-01T00:00:00Z (.NET: the year 1)
-- where no date was set, so those are nil, as is what is no date at all.

local error, tonumber, type = error, tonumber, type
local format, match = string.format, string.match

local NOT_SET = { [0] = true, [-62135596800] = true }
local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_of_month(year, month)
   if month == 2 and year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) then
      return 29
   end
   return DAYS[month]
end

-- days from 1970-01-01; years begin in March here, so a leap day is a last one
local function days_since_epoch(year, month, day)
   if month < 3 then
      year, month = year - 1, month + 12
   end
   local leap_days = year // 4 - year // 100 + year // 400
   return 365 * year + leap_days + (153 * (month - 3) + 2) // 5 + day - 719469
end

-- seconds east of UTC; nil if it is no zone
local function offset_of(zone)
   if zone == "" or zone == "Z" or zone == "z" then
      return 0
   end
   local sign, hours, minutes = match(zone, "^([+-])(%d%d):?(%d%d)$")
   if not sign or hours > "23" or minutes > "59" then
      return nil
   end
   local seconds = tonumber(hours) * 3600 + tonumber(minutes) * 60
   return sign == "-" and -seconds or seconds
end

-- seconds since midnight UTC of "T12:30:00Z", and the zone's offset; nil if
-- it is no time
local function time_of(rest)
   local hour, minute, second, tail = match(rest, "^[Tt ](%d%d):(%d%d):(%d%d)(.*)$")
   if not hour or hour > "23" or minute > "59" or second > "60" then
      return nil
   end
   local offset = offset_of(match(tail, "^%.%d+(.*)$") or tail)
   if not offset then
      return nil
   end
   return tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second) - offset, offset
end

---Seconds since the epoch of a date such as "2026-07-01T12:30:00Z". Without a
---zone it is UTC, without a time midnight; fractions are dropped. Raises on
---what is neither a string nor nil.
---@param s? string of ISO 8601, as `startDate` and `endDate` of a user
---@return integer? seconds nil for nil, for "not set" and for what is no date
local function timestamp(s)
   if s == nil then
      return nil
   elseif type(s) ~= "string" then
      error(format("bad argument #1 to 'timestamp' (a string or nil expected, got %s)", type(s)), 2)
   end
   local year, month, day, rest = match(s, "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
   if not year then
      return nil
   end
   year, month, day = tonumber(year), tonumber(month), tonumber(day)
   if year < 1 or month < 1 or month > 12 or day < 1 or day > days_of_month(year, month) then
      return nil
   end
   local time, offset = 0, 0
   if rest ~= "" then
      time, offset = time_of(rest)
      if not time then
         return nil
      end
   end
   local seconds = days_since_epoch(year, month, day) * 86400 + time
   if offset == 0 and NOT_SET[seconds] then
      return nil
   end
   return seconds
end

return timestamp
