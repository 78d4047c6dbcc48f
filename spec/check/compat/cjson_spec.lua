-- The lua-cjson of `make compat` (cjson.lua) is what it says; and what a run of the specs is meant to decode by is what
-- it decodes by, in C and in the programs that specs start.

local core = require("avepoint.elements.core")
local walks = require("spec.support.walks")

local SHIM = "spec/check/compat/cjson.lua"

local shim = assert(loadfile(SHIM))()

describe("the later lua-cjson", function()
   it("gives whole numbers as integers, at any depth, and others as they are", function()
      local value = shim.decode('{"a":[1,-2,0,{"b":3}],"c":1.0,"d":1e2,"e":-0.5,"f":9223372036854775807}')
      assert.same({ a = { 1, -2, 0, { b = 3 } }, c = 1.0, d = 100.0, e = -0.5, f = math.maxinteger }, value)
      for _, n in ipairs { value.a[1], value.a[2], value.a[3], value.a[4].b, value.f, shim.decode("7") } do
         assert.equal("integer", math.type(n))
      end
      for _, n in ipairs { value.c, value.d, value.e } do
         assert.equal("float", math.type(n))
      end
   end)

   it("gives what is beyond an integer as the last of them", function()
      assert.same({ math.maxinteger, math.mininteger, math.mininteger },
         shim.decode("[9223372036854775808, -9223372036854775808, -1000000000000000000000]"))
   end)

   it("leaves strings and names alone", function()
      assert.same({ ["1"] = "2", ['"3'] = '\\"4', ["-"] = "\xff", x = "[5,6]" },
         shim.decode('{"1":"2","\\"3":"\\\\\\"4","-":"\xff","x":"[5,6]"}'))
   end)

   it("fails as the real one does, and has its null and its settings", function()
      local real = assert(package.loadlib(assert(package.searchpath("cjson", package.cpath)), "luaopen_cjson"))()
      for _, text in ipairs { "[1,]", '{"a":12', "1 2", "", "[01x]" } do
         local ok, why = pcall(shim.decode, text)
         assert.same({ pcall(real.decode, text) }, { ok, why })
      end
      assert.equal(real.null, shim.decode("[null]")[1])
      local own = shim.new()
      own.decode_max_depth(2)
      assert.is_false(pcall(own.decode, "[[[1]]]"))
      assert.is_table(shim.decode("[[[1]]]"))
      assert.equal("integer", math.type(own.decode("[1]")[1]))
   end)

   it("writes empty arrays", function()
      assert.equal("[]", shim.encode(shim.empty_array))
      assert.equal('[[],{},[1]]', shim.encode { setmetatable({}, shim.empty_array_mt), {}, { 1 } })
   end)
end)

describe("lua-cjson", function()
   local meant = os.getenv("AVEPOINT_CJSON") == "later"

   it("is the one that this run is for", function()
      local path = package.searchpath("cjson", package.path) or ""
      assert.equal(meant, path:sub(-#SHIM) == SHIM)
   end)

   it("is what the core decodes by, here and in a program that a spec starts", function()
      local CODE = [[
         local calls = 0
         debug.sethook(function()
            calls = calls + (debug.getinfo(2, "S").source:find("check/compat/cjson.lua", 1, true) and 1 or 0)
         end, "c")
         local value = core.decode('{"a":1}')
         debug.sethook()
         return calls > 0 and value.a == 1
      ]]
      assert.equal(meant, load(CODE, "=code", "t", setmetatable({ core = core }, { __index = _G }))())
      local output = walks.run({ dir = os.getenv("TMPDIR") or "/tmp" },
         'local core = require("avepoint.elements.core")\nprint((function() ' .. CODE .. " end)())")
      assert.equal(tostring(meant) .. "\n", output)
   end)
end)
