-- cli/grid.lua: a table fits into every width, with as many fields as there is room for.

local fields = require("avepoint.elements.cli.fields")
local grid = require("avepoint.elements.cli.grid")
local tenants = require("spec.sandbox.tenant")
local text = require("avepoint.elements.cli.text")

describe("grid.rows", function()
   it("fills the terminal and never passes it, at any width", function()
      for columns = 40, 200 do
         local format = grid.rows { columns = columns }
         local widest = 0
         for n = 0, 60 do
            local line = n == 0 and format.head or format.row(tenants.user(n))
            assert.equal("\n", line:sub(-1))
            widest = math.max(widest, text.width(line:sub(1, -2)))
         end
         assert.is_true(widest <= columns, columns .. ": " .. widest)
         assert.is_true(columns > 130 or widest > columns - 12, columns .. ": " .. widest)
      end
   end)

   it("shows more fields in a wider terminal, or those that were asked for", function()
      local function heads(options)
         return (grid.rows(options).head:gsub("\n", ""):gsub("  +", " "))
      end
      assert.equal("displayName userPrincipalName status", heads { columns = 80 })
      assert.equal("displayName userPrincipalName department status", heads { columns = 110 })
      assert.equal("displayName userPrincipalName department jobTitle status", heads { columns = 120 })
      assert.equal(" age id", heads { columns = 80, fields = { "age", "id" } })
   end)

   it("prints - for absent and not set, none for no flag, and numbers to the right", function()
      local format = grid.rows { columns = 80, fields = { "age", "mail", "startDate", "isTestUser", "status" } }
      assert.same({ "-", "-", "-", "-", "-" }, { format.row { id = "a" }:match("^ *(%S+) +(%S+) +(%S+) +(%S+) +(%S+)\n$") })
      local row = format.row { age = 7, mail = "", startDate = "1970-01-01T00:00:00Z", isTestUser = false, status = {} }
      assert.matches("^   7  %- +%- +no +none\n$", row)
   end)

   it("refuses more fields than can stand, naming what else there is", function()
      local ok, err = pcall(grid.rows, { columns = 40, fields = fields.ALL })
      assert.is_false(ok)
      assert.equal(2, err.code)
      assert.equal("19 columns do not fit a terminal of 40; name fewer by --fields, or take --format csv", tostring(err))
   end)

   it("has a bold head only where it may", function()
      assert.matches("^\27%[1m.*\27%[0m\n$", grid.rows({ columns = 80, bold = true }).head)
      assert.is_nil(grid.rows({ columns = 80 }).head:find("\27"))
   end)
end)
