-- lua/avepoint/elements/retry_after.lua: both forms of the header, and what is neither.

local parse = require("avepoint.elements.retry_after").parse

local DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
local NOW = 784111777 -- the same moment

describe("retry_after", function()
   it("reads whole seconds", function()
      assert.equal(1, parse("1"))
      assert.equal(120, parse("120"))
      assert.equal(7, parse("000000000000000000000007"))
      assert.equal(5, parse(" \t5 "))
      assert.equal("integer", math.type(parse("120")))
   end)

   it("gives nil for what is neither seconds nor a date", function()
      for _, text in ipairs { "", " ", "abc", "-5", "+5", "1.5", "1e3", "0x10", "5, 60", "5;", "5 s", "1\0", "٣", "inf" } do
         assert.is_nil(parse(text, DATE), text)
      end
      assert.is_nil(parse(nil, DATE))
      assert.is_nil(parse({}, DATE))
   end)

   it("gives nil for zero and the past", function()
      assert.is_nil(parse("0"))
      assert.is_nil(parse("000"))
      assert.is_nil(parse(DATE, DATE))
      assert.is_nil(parse("Sun, 06 Nov 1994 08:49:36 GMT", DATE))
      assert.is_nil(parse("Thu, 01 Jan 1970 00:00:00 GMT", DATE))
   end)

   it("calls a number too long that overflows", function()
      assert.equal(math.huge, parse("99999999999"))
      assert.equal(math.huge, parse(("9"):rep(21)))
      assert.equal(math.huge, parse(("9"):rep(10000)))
   end)

   it("takes the larger of two headers and skips what is none", function()
      assert.equal(60, parse { "5", "60" })
      assert.equal(60, parse { "60", "5" })
      assert.equal(5, parse { "soon", "5" })
      assert.equal(10, parse({ "5", "Sun, 06 Nov 1994 08:49:47 GMT" }, DATE))
      assert.equal(math.huge, parse { ("9"):rep(21), "5" })
      assert.is_nil(parse { "0", "soon" })
   end)

   it("reads the three forms of a date, counted from the answer's own Date", function()
      for _, text in ipairs {
         "Sun, 06 Nov 1994 08:49:47 GMT", "Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:47 1994",
         "Sun Nov 06 08:49:47 1994",
      } do
         assert.equal(10, parse(text, DATE), text)
         assert.equal(10, parse(text, "Sunday, 06-Nov-94 08:49:37 GMT", NOW), text)
         assert.equal(10, parse(text, "Sun Nov  6 08:49:37 1994"), text)
      end
   end)

   it("counts a date from our clock where the answer has no Date that can be read", function()
      assert.equal(10, parse("Sun, 06 Nov 1994 08:49:47 GMT", nil, NOW))
      assert.equal(10, parse("Sun, 06 Nov 1994 08:49:47 GMT", "today", NOW))
      assert.equal(10, parse("Sun, 06 Nov 1994 08:49:47 GMT", DATE, NOW + 1000000))
      assert.is_nil(parse("Sun, 06 Nov 1994 08:49:47 GMT"))
   end)

   it("counts across months, leap days and years", function()
      local function from(date, text) return parse(text, date) end
      assert.equal(2, from("Wed, 28 Feb 2024 23:59:59 GMT", "Thu, 29 Feb 2024 00:00:01 GMT"))
      assert.equal(2 * 86400, from("Wed, 28 Feb 2024 12:00:00 GMT", "Fri, 01 Mar 2024 12:00:00 GMT"))
      assert.equal(86400, from("Tue, 28 Feb 2023 12:00:00 GMT", "Wed, 01 Mar 2023 12:00:00 GMT"))
      assert.equal(86400, from("Sun, 28 Feb 2100 12:00:00 GMT", "Mon, 01 Mar 2100 12:00:00 GMT"))
      assert.equal(1, from("Sun, 31 Dec 2023 23:59:59 GMT", "Mon, 01 Jan 2024 00:00:00 GMT"))
      assert.equal(1, from("Fri, 31 Dec 1999 23:59:59 GMT", "Saturday, 01-Jan-00 00:00:00 GMT"))
   end)

   it("takes two digits of a year for the year that is nearest", function()
      local date = "Tue, 24 Nov 2026 00:00:00 GMT"
      assert.equal(5, parse("Tuesday, 24-Nov-26 00:00:05 GMT", date))
      assert.is_nil(parse("Sunday, 06-Nov-94 08:49:37 GMT", date))
      assert.is_true(parse("Monday, 24-Nov-75 00:00:00 GMT", date) > 48 * 365 * 86400)
   end)

   it("gives nil for a date that is none", function()
      for _, text in ipairs {
         "Xyz, 06 Nov 1994 08:49:47 GMT", "Sun, 06 Nov 1994 08:49:47 UTC", "Sun, 06 Nov 1994 08:49:47 +0100",
         "Sun, 6 Nov 1994 08:49:47 GMT", "Sun, 00 Nov 1994 08:49:47 GMT", "Sun, 31 Nov 1994 08:49:47 GMT",
         "Mon, 29 Feb 1999 08:49:47 GMT",
         "Sun, 06 Foo 1994 08:49:47 GMT", "Sun, 06 Nov 1994 24:49:47 GMT", "Sun, 06 Nov 1994 08:60:47 GMT",
         "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 94 08:49:47 GMT", "Sun 06 Nov 1994 08:49:47 GMT",
         "Mo, 06-Nov-94 08:49:47 GMT", "Munday, 06-Nov-94 08:49:47 GMT", "sun, 06 nov 1994 08:49:47 gmt",
         "1994-11-06T08:49:47Z", "Sun, 06 Nov 1994 08:49:47 GMT, 5",
      } do
         assert.is_nil(parse(text, "Sun, 06 Nov 1994 08:00:00 GMT", NOW), text)
      end
   end)

   it("asks nothing of the machine", function()
      local path = assert(package.searchpath("avepoint.elements.retry_after", package.path))
      local bare = { math = math, string = string, tonumber = tonumber, type = type, require = require }
      assert.equal(5, assert(loadfile(path, "t", bare))().parse("5"))
   end)
end)
