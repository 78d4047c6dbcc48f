-- cli/csv.lua: what is quoted, what a spreadsheet would run, and words for flags.

local csv = require("avepoint.elements.cli.csv")

local function row(value, raw)
   return (csv.rows { fields = { "displayName", "id" }, raw = raw }.row { displayName = value, id = "i" }:gsub(",i\r\n$", ""))
end

describe("csv.rows", function()
   it("quotes what RFC 4180 wants quoted, and nothing else", function()
      for cell, value in pairs {
         ["plain O'Neill"] = "plain O'Neill", ['"a,b"'] = "a,b", ['"say ""hi"""'] = 'say "hi"', ['"a\nb"'] = "a\nb",
         ["東京"] = "東京", [""] = "", ["12"] = 12, ["false"] = false, ['"{""a"":1}"'] = { a = 1 },
      } do
         assert.equal(cell, row(value))
         assert.equal(cell, row(value, true))
      end
   end)

   it("guards what a spreadsheet would run, but no telephone numbers", function()
      for _, formula in ipairs { "=1+1", "+1+cmd()", "-1", "@A1", "\t=1", "\r=1", "\n=1", "+386 1 555|calc", "=", "+" } do
         local cell = row(formula)
         assert.equal("'", cell:gsub('^"', ""):sub(1, 1), formula)
         assert.not_equal("'", row(formula, true):gsub('^"', ""):sub(1, 1), formula)
      end
      for _, telephone in ipairs { "+386 1 555", "+1 (201) 793-1111", "+49.89/123-4", "+3861555" } do
         assert.equal(telephone, row(telephone))
      end
   end)

   it("shows control characters as \\xNN unless raw", function()
      assert.equal("a\\x1b[2J\\x00\\x9b", row("a\27[2J\0\u{9b}"))
      assert.equal("a\27[2J\0\u{9b}", row("a\27[2J\0\u{9b}", true))
      assert.equal("a\tb", row("a\tb"))
   end)

   it("joins the names of flags, with none for none and nothing for unknown", function()
      local format = csv.rows { fields = { "id", "status" } }
      assert.equal("id,status\r\n", format.head)
      assert.equal("a,mfa_disabled;unknown_9\r\n", format.row { id = "a", status = { 0, 9 } })
      assert.equal("a,none\r\n", format.row { id = "a", status = {} })
      assert.equal("a,\r\n", format.row { id = "a" })
      assert.equal('""\r\n', csv.rows { fields = { "status" } }.row {})
   end)
end)
