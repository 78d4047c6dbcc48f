-- cli/widths.lua, held against the tables of Unicode that Python has.

local keeper = require("spec.sandbox.keeper")
local text = require("avepoint.elements.cli.text")

describe("widths", function()
   it("agree with Unicode's tables as Python has them, for every assigned character", function()
      local pipe = assert(io.popen("python3 -c " .. keeper.quote([[
import unicodedata as u
for code in range(0x20, 0x110000):
    if 0x7f <= code < 0xa0 or code == 0xad or 0xd800 <= code < 0xe000:
        continue
    c = chr(code)
    category = u.category(c)
    if category not in ("Cn", "Co"):
        zero = category in ("Mn", "Me", "Cf") or 0x1160 <= code <= 0x11ff
        print(code, 0 if zero else 2 if u.east_asian_width(c) in "WF" else 1)
]]), "r"))
      local wrong, count = {}, 0
      for code, width in pipe:read("a"):gmatch("(%d+) (%d)") do
         count = count + 1
         if text.width(utf8.char(tonumber(code))) ~= tonumber(width) and #wrong < 10 then
            wrong[#wrong + 1] = ("U+%04X"):format(tonumber(code))
         end
      end
      pipe:close()
      assert.is_true(count > 100000)
      assert.same({}, wrong)
   end)
end)
