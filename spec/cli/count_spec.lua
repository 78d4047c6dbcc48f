-- `avepoint-users count`, as a real process against the sandbox.

local commands = require("spec.support.commands")
local elements = require("avepoint.elements")
local tenants = require("spec.sandbox.tenant")

local cli = commands.around(setup, teardown)

local function count(knobs)
   return cli:run("count", cli:here(knobs))
end

describe("count", function()
   it("prints the total, each flag with its share and a bar, those without any, and those whose status is unknown", function()
      local result = count { size = 1250, status = "mixed" }
      assert.same({ 0, "" }, { result.status, result.err })
      local expected, none, unknown = {}, 0, 0
      for n = 1, 1250 do
         local user = tenants.user(n, { status = "mixed" })
         for _, name in ipairs(elements.status.names(user) or {}) do
            expected[elements.status.label(name)] = (expected[elements.status.label(name)] or 0) + 1
         end
         unknown = unknown + (user.status and 0 or 1)
         none = none + (user.status and #user.status == 0 and 1 or 0)
      end
      local lines = {}
      for line in result.out:gmatch("[^\n]+") do
         lines[#lines + 1] = line
      end
      assert.equal(12, #lines)
      assert.equal("users                  1,250", lines[1])
      for i, name in ipairs(elements.status.flags) do
         local label = elements.status.label(name)
         local shown, n, share, bar = lines[i + 1]:match("^(.-)  +([%d,]+) +(%d+) %%%s*(#*)$")
         assert.equal(label, shown)
         assert.equal(expected[label], tonumber((n:gsub(",", ""))))
         assert.is_true(math.abs(expected[label] / 12.5 - tonumber(share)) <= 0.5)
         assert.is_true(math.abs(expected[label] / 1250 * 40 - #bar) <= 0.5)
      end
      assert.is_true(none > 0)
      assert.equal(("%-18s %9d"):format("No flag", none), lines[11]:sub(1, 28))
      assert.equal(626, unknown)
      assert.equal("Status unknown           626   50 %  ####################", lines[12])
   end)

   it("counts codes that are newer than we, and an empty tenant", function()
      assert.matches("\nUnknown %(9%) +20 +100 %%", count({ size = 20, status = "unknown_code" }).out)
      local result = count { size = 0 }
      assert.equal(0, result.status)
      assert.matches("^users +0\nMFA disabled +0 +0 %%\n", result.out)
   end)

   it("prints nothing after a failure, and doubts a tenant that changed", function()
      local result = count { size = 300, fail = "403:3" }
      assert.same({ 4, "" }, { result.status, result.out })
      result = count { run = cli.sandbox:new_run(), size = 450, drift = "grow:2:60" }
      assert.equal(3, result.status)
      assert.matches("^users +510\n", result.out)
      assert.matches("not sure: the tenant changed meanwhile %(450 users at first, 510 at last, 0 came twice%)", result.err)
   end)
end)
