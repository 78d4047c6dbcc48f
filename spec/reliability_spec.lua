-- Every fault and every security item of the design has a test that bears its number: "fault 27", "faults 3 and 14",
-- "security 4". Names are those that busted would run, as it lists them, and those in the programs of `make check`.

local keeper = require("spec.sandbox.keeper")

local FAULTS, ITEMS = 65, 25

-- What no test can show, and why.
local REASONS = {}

-- The numbers that stand in a text behind a word or its plural. A range names nothing but its first.
local function add(text, word, numbers)
   for list in text:gmatch("%f[%a]" .. word .. "s? (%d[%d, and]*)") do
      for n in list:gmatch("%d+") do
         numbers[math.tointeger(tonumber(n))] = true
      end
   end
end

local function without(word, most, text)
   local numbers, missing = {}, {}
   add(text, word, numbers)
   for n = 1, most do
      local name = ("%s %d"):format(word, n)
      if numbers[n] and REASONS[name] then
         missing[#missing + 1] = name .. " has a test and a reason for none"
      elseif not numbers[n] and not REASONS[name] then
         missing[#missing + 1] = name
      end
   end
   return missing
end

describe("the list of faults and security items", function()
   local text

   setup(function()
      text = keeper.output("busted --lua=" .. keeper.quote(os.getenv("LUA") or "lua5.4")
         .. " --list 2>&1; cat spec/check/*.lua 2>/dev/null")
      assert.is_truthy(text:find("reliability_spec", 1, true), "busted lists nothing: " .. text:sub(1, 500))
   end)

   it("has a test for every fault", function()
      assert.same({}, without("fault", FAULTS, text))
   end)

   it("has a test for every security item", function()
      assert.same({}, without("security", ITEMS, text))
   end)

   it("finds numbers as they are written, and no others", function()
      assert.same({ "fault 2", "fault 5", "fault 6" },
         without("fault", 8, "fault 1: x faults 3 and 4, security 5; default 6: faults 7, 8: no"))
   end)
end)

describe("the manual", function()
   local function section(name)
      return (keeper.read("README.md"):match("\n## " .. name .. "\n(.-)\n## "))
   end

   it("security 25: has a part on security that says what is promised and what is not", function()
      local text = section("Security")
      for _, word in ipairs {
         "TLS 1%.2", "Redirects", "Not promised", "can't be wiped", "SSLKEYLOGFILE", "lua%-cjson", "2%.1%.0%.13",
      } do
         assert.is_truthy(text:find(word), word)
      end
   end)
end)
