-- lua/avepoint/elements/timestamp.lua: ISO 8601 to seconds, whatever the
-- machine's zone, with nil for "not set" and for what is no date.

local timestamp = require("avepoint.elements.timestamp")

describe("timestamp", function()
   it("gives integer seconds since the epoch", function()
      assert.equal(1782909000, timestamp("2026-07-01T12:30:00Z"))
      assert.equal("integer", math.type(timestamp("2026-07-01T12:30:00Z")))
      assert.equal(1, timestamp("1970-01-01T00:00:01Z"))
      assert.equal(-1, timestamp("1969-12-31T23:59:59Z"))
      assert.equal(253402300799, timestamp("9999-12-31T23:59:59Z"))
      assert.equal(951782400, timestamp("2000-02-29T00:00:00Z"))
   end)

   it("follows the calendar day by day", function()
      local days = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
      local expected = timestamp("1896-01-01")
      for year = 1896, 2104 do
         local leap = (year % 4 == 0 and year % 100 ~= 0) or year % 400 == 0
         for month = 1, 12 do
            for day = 1, days[month] + (leap and month == 2 and 1 or 0) do
               if expected ~= 0 then
                  assert.equal(expected, timestamp(("%04d-%02d-%02d"):format(year, month, day)))
               end
               expected = expected + 86400
            end
         end
      end
   end)

   it("reads a date without a zone as UTC", function()
      assert.equal(1782909000, timestamp("2026-07-01T12:30:00"))
   end)

   it("reads zones", function()
      assert.equal(1782909000, timestamp("2026-07-01T14:30:00+02:00"))
      assert.equal(1782909000, timestamp("2026-07-01T07:00:00-0530"))
      assert.equal(1782909000, timestamp("2026-07-01T12:30:00+00:00"))
      assert.equal(1782909000, timestamp("2026-07-02T00:30:00+12:00"))
   end)

   it("drops fractions", function()
      assert.equal(1782909000, timestamp("2026-07-01T12:30:00.9999999Z"))
      assert.equal(1782909000, timestamp("2026-07-01T12:30:00.5"))
      assert.equal(1782909000, timestamp("2026-07-01T14:30:00.123+02:00"))
      assert.equal(-1, timestamp("1969-12-31T23:59:59.5Z"))
   end)

   it("takes small letters, a space for the T, and a date alone", function()
      assert.equal(1782909000, timestamp("2026-07-01t12:30:00z"))
      assert.equal(1782909000, timestamp("2026-07-01 12:30:00Z"))
      assert.equal(1782864000, timestamp("2026-07-01"))
   end)

   it("counts a leap second as the next", function()
      assert.equal(1483228800, timestamp("2016-12-31T23:59:60Z"))
   end)

   it("gives nil for absent", function()
      assert.is_nil(timestamp(nil))
   end)

   it("gives nil for the dates that mean \"not set\"", function()
      for _, day in ipairs { "1970-01-01", "0001-01-01" } do
         for _, time in ipairs { "", "T00:00:00", "T00:00:00Z", "T00:00:00.0000000Z", " 00:00:00z", "T00:00:00+00:00" } do
            assert.is_nil(timestamp(day .. time), day .. time)
         end
      end
   end)

   it("keeps the moments beside them", function()
      assert.equal(-1, timestamp("1969-12-31T23:59:59Z"))
      assert.equal(-62135596799, timestamp("0001-01-01T00:00:01Z"))
      assert.equal(0, timestamp("1970-01-01T02:00:00+02:00"))
   end)

   it("gives nil for what is no date", function()
      for _, text in ipairs {
         "", "never", "2026", "2026-07", "2026-7-1", "20260701", "2026-07-01T", "2026-07-01T12:30",
         "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-04-31", "2026-02-29", "1900-02-29",
         "2100-02-29", "0000-01-01", "2026-07-01T24:00:00Z", "2026-07-01T12:60:00Z", "2026-07-01T12:30:61Z",
         "2026-07-01T12:30:00X", "2026-07-01T12:30:00.Z", "2026-07-01T12:30:00+24:00", "2026-07-01T12:30:00+02:60",
         "2026-07-01T12:30:00+2:00", "2026-07-01T12:30:00+02", "2026-07-01T12:30:00Z ", " 2026-07-01",
         "2026-07-01\0", "2026-07-01Z", "-2026-07-01", "/Date(1782909000000)/",
      } do
         assert.is_nil(timestamp(text), text)
      end
   end)

   it("raises on what is neither a string nor nil", function()
      for kind, value in pairs { number = 1782909000, table = {}, boolean = false } do
         local ok, err = pcall(timestamp, value)
         assert.is_false(ok)
         assert.equal("bad argument #1 to 'timestamp' (a string or nil expected, got " .. kind .. ")",
            (err:gsub("^[^:]+:%d+: ", "")))
      end
   end)
end)
