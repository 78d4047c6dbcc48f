-- cli/fields.lua: the fields there are, and what is shown of a value.

local fields = require("avepoint.elements.cli.fields")
local tenants = require("spec.sandbox.tenant")

describe("fields", function()
   it("are the service's, in its order", function()
      assert.same(tenants.FIELDS, fields.ALL)
      assert.is_true(fields.is_known("displayName"))
      assert.is_false(fields.is_known("displayname"))
   end)

   it("have words: nil for absent, empty and not set", function()
      local user = { id = "a", mail = "", age = 3, isTestUser = true, startDate = "1970-01-01T00:00:00Z",
         endDate = "2030-01-02T03:04:05Z", location = { "x" }, status = { 0, 3 }, company = "1970-01-01" }
      for name, words in pairs { id = "a", age = "3", isTestUser = "yes", endDate = "2030-01-02T03:04:05Z", location = '["x"]',
         status = "mfa_disabled, high_risk", company = "1970-01-01" } do
         assert.equal(words, fields.words(user, name))
      end
      assert.is_nil(fields.words(user, "mail"))
      assert.is_nil(fields.words(user, "startDate"))
      assert.is_nil(fields.words({}, "status"))
      assert.equal("none", fields.words({ status = {} }, "status"))
      assert.equal("soon", fields.words({ startDate = "soon" }, "startDate"))
   end)
end)
