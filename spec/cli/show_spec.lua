-- `avepoint-users show`, as a real process against the sandbox.

local commands = require("spec.support.commands")
local tenants = require("spec.sandbox.tenant")

local cli = commands.around(setup, teardown)

local function show(knobs, ...)
   return cli:run("show", cli:here(knobs), { more = { "--user", ... } })
end

describe("show", function()
   it("prints a user field by field, with the status in words", function()
      local result = show({}, tenants.id(2))
      assert.same({ 0, "" }, { result.status, result.err })
      local user, lines = tenants.user(2), {}
      for line in result.out:gmatch("[^\n]+") do
         lines[#lines + 1] = line
      end
      assert.equal(#tenants.FIELDS, #lines)
      for i, name in ipairs(tenants.FIELDS) do
         local shown, value = lines[i]:match("^(%S+) +(.*)$")
         assert.equal(name, shown)
         if type(user[name]) == "string" and not user[name]:find("^1970") then
            assert.equal(user[name], value)
         end
      end
      assert.matches("\nage +14 days since the password was set\n", result.out)
      assert.matches("\nisTestUser +no\n", result.out)
      assert.matches("\nendDate +%-\n", result.out)
      assert.matches("\nstatus +MFA disabled, Sign%-in blocked\n$", result.out)
   end)

   it("parts users by an empty line, shows unknown fields, and tells unknown from none", function()
      local result = show({ shape = "extra", absent = 1 }, tenants.id(1), tenants.id(3))
      assert.equal(0, result.status)
      assert.matches("\nlicenses +%[{\"on\":true,\"sku\":\"E5\"}%]\n", result.out)
      assert.matches("\nmail +%-\n", result.out)
      assert.equal(1, select(2, result.out:gsub("\n\n", "")))
      assert.matches("\nstatus +none\n$", result.out)
      assert.matches("\nstatus +unknown\n$", show({ status = "null" }, tenants.id(3)).out)
   end)

   it("names ids that never came, and is not sure; nobody at all is nobody", function()
      local result = show({}, "nobody", tenants.id(1))
      assert.equal(3, result.status)
      assert.equal("warning: not sure: 1 id asked for never came (no user of this tenant, as far as the service tells): "
         .. "nobody\n", result.err)
      assert.same({ 3, "" }, { show({}, "nobody").status, show({}, "nobody").out })
   end)

   it("is harmless to a terminal", function()
      local result = show({ shape = "hostile" }, tenants.id(13), tenants.id(15))
      assert.is_nil(result.out:find("[\0-\9\11-\31\127]"))
   end)

   it("fails as the service does", function()
      local result = show({ fail = "404:*" }, tenants.id(1))
      assert.same({ 1, "" }, { result.status, result.out })
   end)
end)
