-- src/json.c: what lua-cjson's answer becomes, and what is refused.
-- The numbers are those of the lists in spec/reliability_spec.lua.

local cjson = require("cjson")
local core = require("avepoint.elements.core")
local decode = core.decode

local GOOD = [[{"data": [{"id": "a", "displayName": "Ann", "mail": null, "age": 12, "status": [0, 1],
   "isTestUser": false}, {"id": "b", "status": 7}], "metadata": {"pageIndex": 1, "pageSize": 50, "totalCount": 2}}]]

local function refused(message, bytes)
   local value, err = decode(bytes)
   assert.is_nil(value)
   assert.equal(message, err)
end

-- tables and numbers compared with their number types
local function exact(value)
   if type(value) ~= "table" then
      return (math.type(value) or type(value)) .. ":" .. (math.type(value) == "float" and ("%a"):format(value)
         or tostring(value))
   end
   local parts = {}
   for key, member in pairs(value) do
      parts[#parts + 1] = ("%q=%s"):format(key, exact(member))
   end
   table.sort(parts)
   return "{" .. table.concat(parts, ",") .. "}"
end

-- the core as it is when `require("cjson")` gives `fake`, or raises it
local function core_with(fake)
   local loaded, preload = package.loaded, package.preload
   finally(function()
      loaded.cjson, preload.cjson, loaded["avepoint.elements.core"] = cjson, nil, core
   end)
   loaded.cjson, loaded["avepoint.elements.core"] = nil, nil
   preload.cjson = function()
      return type(fake) == "string" and error(fake, 0) or fake
   end
   return require("avepoint.elements.core")
end

describe("core.decode", function()
   it("gives plain tables without nulls, and integers", function()
      local page = assert(decode(GOOD))
      assert.equal(exact({
         data = {
            { id = "a", displayName = "Ann", age = 12, status = { 0, 1 }, isTestUser = false },
            { id = "b", status = { 7 } },
         },
         metadata = { pageIndex = 1, pageSize = 50, totalCount = 2 },
      }), exact(page))
      assert.is_nil(getmetatable(page))
      assert.is_nil(getmetatable(page.data[1].status))
   end)

   it("removes a null member of an object at any depth", function()
      assert.same({ a = { b = {} }, data = { { x = { y = true } } } },
         decode('{"a":{"b":{"c":null}},"d":null,"data":[{"x":{"y":true,"z":null},"status":null}]}'))
   end)

   it("refuses a null inside an array, and says where", function()
      refused("data[2] is a null inside an array", '{"data":[{"id":"a"},null]}')
      refused("data[1].status[2] is a null inside an array", '{"data":[{"status":[0,null]}]}')
      refused("data[1].more.deep[1][2] is a null inside an array", '{"data":[{"more":{"deep":[[1,null]]}}]}')
      refused("[1] is a null inside an array", "[null]")
   end)

   it("shows names of members in messages as short printable text", function()
      refused([[a\x00\x0A\xC3\xA9[1] is a null inside an array]], '{"a\\u0000\\n\\u00e9":[null]}')
      refused(("x"):rep(40) .. "[1] is a null inside an array", '{"' .. ("x"):rep(40) .. '":[null]}')
      refused("[a long name][1] is a null inside an array", '{"' .. ("x"):rep(41) .. '":[null]}')
   end)

   it("gives lua-cjson's message for what does not parse", function()
      refused("Expected object key string but found T_OBJ_END at character 8", '{"a":1,}')
      refused("Expected value but found T_END at character 2", " ")
   end)

   it("refuses an empty body, and one that is no object or array", function()
      refused("the body is empty", "")
      for _, bytes in ipairs { "null", "true", "12", '"text"' } do
         refused("the body is neither an object nor an array", bytes)
      end
   end)

   it("gives the same whether names or all members are visited", function()
      math.randomseed(20260701)
      local random = math.random
      local function pick(list)
         return list[random(#list)]
      end
      local names = { "id", "age", "status", "data", "a", "x y", "", ":", "], [", "1", "\\u0073tatus", "q\\\"", "é" }
      local scalars = { "1", "-0", "2.0", "2.5", "1e2", "9007199254740993", "1e300", "1e999", "null", "true", "false",
         '""', '"text"', '"2026-07-01T12:30:00Z"', '"a\\":1"', '":1"', '" : null"', '"\\\\"', '"[{]}"', '"\\u0022:1"' }
      local spaces = { "", "", "", " ", "\n  ", "\t" }
      local function space()
         return pick(spaces)
      end
      local function document(depth)
         local kind = depth > 5 and 3 or random(3)
         local parts = {}
         if kind == 1 then
            for n = 1, random(0, 4) do
               parts[n] = space() .. document(depth + 1) .. space()
            end
            return "[" .. table.concat(parts, ",") .. "]"
         elseif kind == 2 then
            for n = 1, random(0, 4) do
               parts[n] = space() .. '"' .. pick(names) .. '"' .. space() .. ":" .. space() .. document(depth + 1)
                  .. space()
            end
            return "{" .. table.concat(parts, ",") .. "}"
         end
         local scalar = pick(scalars)
         return random(3) > 1 and scalar:find("^[n19]") and '"s"' or scalar
      end
      local decoded = 0
      for _ = 1, 20000 do
         local users = "[" .. document(2) .. "," .. document(1) .. "]"
         local rest = ',"more":' .. document(1) .. "}"
         local usual, message = decode('{"data":' .. users .. rest)
         -- an escape in the name of an array's member makes it visit everything
         local other, other_message = decode('{"slow":[{"\\u0061":1}],"data":' .. users .. rest)
         assert.equal(message == nil, other_message == nil)
         if usual then
            decoded = decoded + 1
            other.slow = nil
            assert.equal(exact(other), exact(usual))
         end
      end
      assert.is_true(decoded > 2000 and decoded < 18000)
   end)

   it("visits everything when there are many names", function()
      local members, expected = {}, {}
      for n = 1, 60 do
         members[n] = ('"n%d":%s'):format(n, n % 3 == 0 and "null" or n)
         expected["n" .. n] = n % 3 ~= 0 and n or nil
      end
      assert.equal(exact({ data = { expected } }), exact(decode('{"data":[{' .. table.concat(members, ",") .. "}]}")))
   end)
end)

describe("a user's status", function()
   local function status(text)
      local page, err = decode('{"data":[{"id":"a"},{"id":"b","status":' .. text .. "}]}")
      return page and page.data[2].status, err
   end

   it("is an array of integers, as it came", function()
      assert.equal(exact({ 6, 0, 6, 9 }), exact(status("[6, 0, 6.0, 9]")))
   end)

   it("is made an array where it is one integer", function()
      assert.equal(exact({ 3 }), exact(status("3")))
      assert.equal(exact({ 0 }), exact(status("0.0")))
   end)

   it("is an empty array where it is empty", function()
      assert.same({}, status("[]"))
      assert.same({}, status("{}"))
      assert.same({}, status('{"a":null}'))
      assert.same({}, decode('{"data":[{"\\u0061":1,"status":{"a":null}}]}').data[1].status)
   end)

   it("is absent where it is null", function()
      local value, err = status("null")
      assert.is_nil(value)
      assert.is_nil(err)
   end)

   it("is refused where it is something else", function()
      for text, problem in pairs {
         ['"3"'] = "status is a string, not an array of codes",
         ["true"] = "status is a boolean, not an array of codes",
         ['{"a":1}'] = "status is an object, not an array of codes",
         ["1.5"] = "status is not a whole number",
         ["1e300"] = "status is a number out of range",
         ["[0,1.5]"] = "status[2] is not a whole number",
         ['["0"]'] = "status[1] is not a whole number",
         ["[[0]]"] = "status[1] is not a whole number",
         ["[0,null]"] = "status[2] is a null inside an array",
      } do
         local value, err = status(text)
         assert.is_nil(value)
         assert.equal("data[2]." .. problem, err)
      end
   end)

   it("concerns users only", function()
      assert.equal(exact({ status = "ok", error = { status = 400 }, list = { { status = "x" }, { status = 1 } } }),
         exact(decode('{"status":"ok","error":{"status":400},"list":[{"status":"x"},{"status":1}]}')))
      assert.equal(exact({ data = { { manager = { status = 1 } } } }), exact(decode('{"data":[{"manager":{"status":1.0}}]}')))
      assert.equal(exact({ data = { status = "x" } }), exact(decode('{"data":{"status":"x"}}')))
   end)
end)

describe("a number", function()
   it("is an integer where it is whole and at most 2^53, whatever its spelling", function()
      for text, expected in pairs {
         ["0"] = 0, ["-0"] = 0, ["-0.0"] = 0, ["12"] = 12, ["12.0"] = 12, ["1.2e1"] = 12, ["-7"] = -7,
         ["9007199254740992"] = 2 ^ 53 | 0, ["-9007199254740992"] = -(2 ^ 53 | 0), ["9007199254740993"] = 2 ^ 53 | 0,
      } do
         assert.equal(exact({ a = expected }), exact(decode('{"a":' .. text .. "}")))
         assert.equal(exact({ { a = expected }, expected }), exact(decode('[{"a":' .. text .. "}," .. text .. "]")))
      end
   end)

   it("is a float where it is not", function()
      for text, expected in pairs {
         ["0.5"] = 0.5, ["-1.25e-3"] = -0.00125, ["9007199254740994"] = 9007199254740994.0,
         ["9223372036854774784"] = 9223372036854774784.0,
      } do
         assert.equal(exact({ a = expected }), exact(decode('{"a":' .. text .. "}")))
      end
   end)
end)

describe("fault 29: numbers that JSON does not have", function()
   it("are refused", function()
      for _, text in ipairs { "NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "0x10", "007", "+5", "-", ".5" } do
         local value, err = decode('{"a":' .. text .. "}")
         assert.is_nil(value, text)
         assert.matches("^Expected value but found invalid", err)
      end
   end)

   it("are refused where they are not finite", function()
      refused("a is a number out of range", '{"a":1e999}')
      refused("a is a number out of range", '{"a":-1e999}')
      refused("data[1].age is a number out of range", '{"data":[{"age":1e309}]}')
   end)
end)

describe("fault 30: numbers of several versions of lua-cjson", function()
   -- gives integers itself, and the largest one for what is larger, as later versions do
   local function later_cjson()
      local function convert(value)
         if type(value) == "table" then
            for key, member in pairs(value) do
               value[key] = convert(member)
            end
         elseif math.type(value) == "float" and value == math.floor(value) and value - value == 0 then
            return math.tointeger(value) or (value > 0 and math.maxinteger or math.mininteger)
         end
         return value
      end
      return {
         _VERSION = "2.1.0.14",
         null = cjson.null,
         empty_array = cjson.null,
         empty_array_mt = {},
         new = function()
            local codec = cjson.new()
            return {
               decode_max_depth = codec.decode_max_depth,
               decode_invalid_numbers = codec.decode_invalid_numbers,
               decode_array_with_array_mt = function() end,
               decode = function(bytes) return convert(codec.decode(bytes)) end,
            }
         end,
      }
   end

   it("come out alike", function()
      local later = core_with(later_cjson()).decode
      for _, text in ipairs {
         "0", "-0", "1", "-1", "12.0", "1.5", "9007199254740991", "9007199254740992", "9007199254740994", "-9007199254740994",
         "9223372036854774784", "9223372036854775807", "9223372036854775808", "10000000000000000000", "-9223372036854775808",
         "-9223372036854774784", "1e18", "1e19", "1e300", "1e999",
      } do
         for _, shape in ipairs { '{"a":%s}', "[%s]", '{"data":[{"age":%s,"status":[%s]}]}', '{"data":[{"status":%s}]}' } do
            local bytes = shape:gsub("%%s", text)
            local old, old_message = decode(bytes)
            local new, new_message = later(bytes)
            assert.equal(exact(old), exact(new), bytes)
            assert.equal(old_message, new_message)
         end
      end
      assert.equal(exact(decode(GOOD)), exact(later(GOOD)))
   end)

   it("are what a float would be where integers go on beyond 2^53", function()
      local codec = {
         decode_max_depth = function() end,
         decode_invalid_numbers = function() end,
         decode = function() return { 2 ^ 53 | 0, (2 ^ 53 | 0) + 1, (2 ^ 53 | 0) + 2, -(2 ^ 53 | 0) - 1 } end,
      }
      assert.equal(exact({ 2 ^ 53 | 0, 2 ^ 53 | 0, 2 ^ 53 + 2, -(2 ^ 53 | 0) }),
         exact(core_with({ new = function() return codec end }).decode(GOOD)))
   end)

   it("are refused beyond 2^63, where some versions give another number", function()
      refused("a is a number out of range", '{"a":10000000000000000000}')
      refused("a is a number out of range", '{"a":9223372036854775808}')
   end)
end)

describe("fault 31: nesting", function()
   it("is taken to a depth of 32", function()
      assert.is_table(decode(("["):rep(32) .. ("]"):rep(32)))
      assert.is_table(decode(('{"a":'):rep(31) .. "{}" .. ("}"):rep(31)))
   end)

   it("is refused beyond", function()
      refused("Found too many nested data structures (33) at character 33", ("["):rep(33) .. ("]"):rep(33))
      assert.is_nil((decode(('{"a":'):rep(32) .. "{}" .. ("}"):rep(32))))
      assert.is_nil((decode(("["):rep(200000))))
   end)
end)

describe("fault 32: NUL bytes", function()
   it("are refused anywhere in the body", function()
      for _, bytes in ipairs { "[1]\0garbage", "\0[1]", "[1]\0", '["a\0b"]', "[\0" .. "1]" } do
         refused("a NUL byte in the body", bytes)
      end
   end)

   it("are kept where they are escaped", function()
      assert.same({ a = "x\0y" }, decode('{"a":"x\\u0000y"}'))
   end)
end)

describe("fault 33: damage", function()
   it("is refused wherever a good page is cut", function()
      for length = 0, #GOOD - 1 do
         local value, err = decode(GOOD:sub(1, length))
         assert.is_nil(value)
         assert.is_string(err)
      end
   end)

   it("is refused as garbage, second document, BOM, comment, quote or lone surrogate", function()
      for _, bytes in ipairs {
         GOOD .. "x", GOOD .. GOOD, GOOD .. ",", "\xef\xbb\xbf" .. GOOD, "// page\n" .. GOOD, "/* page */" .. GOOD,
         GOOD:gsub('"Ann"', "'Ann'"), '["\\ud800"]', '["\\udc00\\ud800"]', "<html></html>", "{a:1}", "[1,]", "[1 2]",
         '{"a" 1}', '["\\x"]', "[tru]", "\xff\xfe[\0" .. "1",
      } do
         local value, err = decode(bytes)
         assert.is_nil(value, bytes)
         assert.matches("^[\x20-\x7e]+$", err)
      end
   end)
end)

describe("fault 34: text that is not UTF-8", function()
   it("is kept byte for byte", function()
      for _, text in ipairs { "\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "a\1\27b", "tab\there" } do
         assert.same({ data = { { displayName = text } } }, decode('{"data":[{"displayName":"' .. text .. '"}]}'))
      end
   end)
end)

describe("fault 35: a name given twice", function()
   it("has the last value", function()
      assert.same({ a = 2 }, decode('{"a":1,"a":2}'))
      assert.same({}, decode('{"a":1,"a":null}'))
      assert.same({ { a = "x" } }, decode('[{"a":1,"a":"x"}]'))
      assert.same({ { a = 3 } }, decode('[{"a":"x","a":3}]'))
   end)
end)

describe("fault 36: much memory for few bytes", function()
   it("stays within 32 times the body", function()
      for _, item in ipairs { "{}", "[]", "[[]]" } do
         local bytes = "[" .. (item .. ","):rep((1 << 20) // (#item + 1) - 1) .. item .. "]"
         collectgarbage()
         collectgarbage("stop")
         local before = collectgarbage("count")
         local value = decode(bytes)
         local used = collectgarbage("count") - before
         collectgarbage("restart")
         assert.is_table(value)
         assert.is_true(used < 32 * 1024, item .. " took " .. used)
      end
   end)
end)

describe("fault 59: a deep stack", function()
   it("changes no result, and fails as a Lua error", function()
      local outcome
      local function descend(n)
         local ok, value, err = pcall(decode, GOOD)
         if not ok then
            outcome = value
            return
         end
         assert(err == nil and #value.data == 2)
         if n > 0 then
            local deeper = coroutine.wrap(descend)
            deeper(n - 1)
         end
      end
      descend(250)
      assert.is_true(outcome == nil or tostring(outcome):find("overflow", 1, true) ~= nil)
   end)
end)

describe("fault 60: other people's settings", function()
   it("reach nobody", function()
      local depth, invalid = cjson.decode_max_depth(), cjson.decode_invalid_numbers()
      finally(function()
         cjson.decode_max_depth(depth)
         cjson.decode_invalid_numbers(invalid)
      end)
      assert.equal(1000, depth)
      cjson.decode_max_depth(1)
      cjson.decode_invalid_numbers(true)
      assert.is_table(decode(GOOD))
      assert.is_nil((decode('{"a":NaN}')))
   end)

   it("change nothing where tables of the library are replaced", function()
      local next_, rawset_ = next, rawset
      finally(function() _G.next, _G.rawset = next_, rawset_ end)
      _G.next, _G.rawset = nil, nil
      assert.is_table(decode(GOOD))
   end)
end)

describe("fault 61: lua-cjson is missing", function()
   local NEEDED = "avepoint.elements needs lua-cjson (Debian, Fedora: lua-cjson; Alpine: lua5.4-cjson; "
      .. "Homebrew and others: luarocks --lua-version 5.4 install lua-cjson)\n"

   local function fails_with(problem, fake)
      local ok, err = pcall(core_with, fake)
      assert.is_false(ok)
      assert.equal(NEEDED .. problem, err)
   end

   it("names the package and gives the first line of the reason", function()
      fails_with("require: module 'cjson' not found:", "module 'cjson' not found:\n\tno file 'x'")
   end)

   it("names what an unfit one lacks or refuses", function()
      fails_with("the cjson found here has no 'new'", { decode = function() end })
      fails_with("the cjson found here has no 'new'", true)
      fails_with("the cjson found here has no 'decode_max_depth'", { new = function() return {} end })
      fails_with("decode_max_depth: too deep", { new = function()
         return { decode_max_depth = function() error("too deep", 0) end }
      end })
      fails_with("new: sorry", { new = function() error("sorry", 0) end })
   end)

   it("is not so when it is cjson.safe by another name", function()
      local safe = core_with(require("cjson.safe")).decode
      assert.equal(exact(decode(GOOD)), exact(safe(GOOD)))
      local value, err = safe("[1,]")
      assert.is_nil(value)
      assert.equal("Expected value but found T_ARR_END at character 4", err)
   end)
end)

describe("what is raised while lua-cjson runs", function()
   local function with_decode(f)
      return core_with({ new = function()
         return { decode_max_depth = function() end, decode_invalid_numbers = function() end, decode = f }
      end }).decode
   end

   it("comes through unchanged where it is not about the bytes", function()
      for _, thrown in ipairs { "interrupted!", "not enough memory", "C stack overflow", {} } do
         local ok, err = pcall(with_decode(function() error(thrown, 0) end), GOOD)
         assert.is_false(ok)
         assert.equal(thrown, err)
      end
   end)

   it("is a message where it is", function()
      local value, err = with_decode(function() error("odd \27 at character 1", 0) end)(GOOD)
      assert.is_nil(value)
      assert.equal([[odd \x1B at character 1]], err)
   end)

   it("does not matter where a value is none of JSON's", function()
      local value, err = with_decode(function() return { a = print } end)(GOOD)
      assert.is_nil(value)
      assert.equal("a is no value of JSON", err)
      local cycle = {}
      cycle.a = cycle
      value, err = with_decode(function() return cycle end)(GOOD)
      assert.is_nil(value)
      assert.matches("^a%.a.*%.a is nested too deeply$", err)
   end)
end)
