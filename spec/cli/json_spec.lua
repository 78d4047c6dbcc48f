-- cli/json.lua: what it writes is read back by lua-cjson.

local cjson = require("cjson")
local json = require("avepoint.elements.cli.json")

describe("json.encode", function()
   it("writes every kind of value as another reader takes it", function()
      for text, value in pairs {
         ["9007199254740993"] = 9007199254740993, ["-1"] = -1, ["0.1"] = 0.1, ["1e+300"] = 1e300, ["true"] = true,
         ["[]"] = {}, ["[1,[2]]"] = { 1, { 2 } }, ['{"a":1,"b":{"c":[]}}'] = { b = { c = {} }, a = 1 },
         ["0.33333333333333331"] = 1 / 3, ["null"] = 1 / 0, ['"\\"\\\\\\u0000\\n\\u007f"'] = "\"\\\0\n\127",
         ['"\\u202eé\\u009b"'] = "\u{202e}é\u{9b}",
      } do
         assert.equal(text, json.encode(value))
      end
   end)

   it("gives back any string through cjson, in ASCII control characters alone or none", function()
      for byte = 0, 255 do
         local s = "a" .. string.char(byte) .. "b"
         local encoded = json.encode(s)
         assert.equal(utf8.len(s) and s or "a\u{FFFD}b", cjson.decode("[" .. encoded .. "]")[1])
         assert.is_nil(encoded:find("[\0-\31\127]"))
      end
   end)
end)

describe("json.array", function()
   it("is closed by its foot alone", function()
      local format = json.array { fields = { "id" }, more = false }
      local text = format.head .. format.row { id = "a", mail = "m" } .. format.row { id = "b" }
      assert.is_false((pcall(cjson.decode, text)))
      assert.same({ { id = "a" }, { id = "b" } }, cjson.decode(text .. format.foot))
   end)
end)

describe("json.lines", function()
   it("has known fields in order and unknown ones behind them by name", function()
      local format = json.lines { fields = { "status", "id" }, more = true }
      assert.equal('{"status":[0],"id":"a","x":{"z":1},"y":"q"}\n',
         format.row { id = "a", y = "q", x = { z = 1 }, status = { 0 } })
   end)
end)
