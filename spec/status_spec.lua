-- lua/avepoint/elements/status.lua: codes, names and labels, and that unknown
-- stays apart from none.

local status = require("avepoint.elements.status")

local VALID = "mfa_disabled, sign_in_blocked, password_expired, high_risk, medium_risk, "
   .. "compliance, inactive, pending_deletion, test_user"

local function fails_with(message, f, ...)
   local ok, err = pcall(f, ...)
   assert.is_false(ok)
   assert.equal(message, (tostring(err):gsub("^[^:]+:%d+: ", "")))
end

describe("status.names", function()
   it("gives the names in the service's order", function()
      assert.same({ "inactive", "mfa_disabled" }, status.names({ id = "u", status = { 6, 0 } }))
   end)

   it("takes a user, an array of codes, one code, or nil", function()
      assert.same({ "high_risk" }, status.names({ id = "u", status = { 3 } }))
      assert.same({ "high_risk" }, status.names({ 3 }))
      assert.same({ "high_risk" }, status.names(3))
      assert.is_nil(status.names(nil))
   end)

   it("takes a user whose status is one integer", function()
      assert.same({ "test_user" }, status.names({ id = "u", status = 8 }))
   end)

   it("keeps unknown apart from none", function()
      assert.is_nil(status.names({ id = "u" }))
      assert.same({}, status.names({ id = "u", status = {} }))
      assert.same({}, status.names({}))
   end)

   it("knows all nine codes", function()
      assert.same(status.flags, status.names({ 0, 1, 2, 3, 4, 5, 6, 7, 8 }))
   end)

   it("names a code it does not know by its number", function()
      assert.same({ "mfa_disabled", "unknown_9", "unknown_120" }, status.names({ 0, 9, 120 }))
   end)

   it("drops nothing, not even what is given twice", function()
      assert.same({ "compliance", "compliance" }, status.names({ 5, 5 }))
   end)

   it("takes whole floats", function()
      assert.same({ "sign_in_blocked" }, status.names({ 1.0 }))
      assert.same({ "unknown_9" }, status.names(9.0))
   end)

   it("leaves the user as it was", function()
      local user = { id = "u", status = { 1, 2 } }
      local names = status.names(user)
      names[1] = "changed"
      assert.same({ id = "u", status = { 1, 2 } }, user)
   end)

   it("raises on what is neither a user nor codes", function()
      local expected = "bad argument #1 to 'names' (a user, an array of codes, a code or nil expected, "
      fails_with(expected .. "got string)", status.names, "high_risk")
      fails_with(expected .. "got boolean)", status.names, true)
      fails_with(expected .. "1.5 is no code)", status.names, 1.5)
      fails_with(expected .. "-1 is no code)", status.names, { 0, -1 })
      fails_with(expected .. "got string)", status.names, { id = "u", status = { "3" } })
      fails_with(expected .. "got a table of something else)", status.names, { data = {}, metadata = {} })
   end)
end)

describe("status.has", function()
   it("gives true or false", function()
      assert.is_true(status.has({ id = "u", status = { 0, 6 } }, "inactive"))
      assert.is_false(status.has({ id = "u", status = { 0, 6 } }, "high_risk"))
      assert.is_false(status.has({ id = "u", status = {} }, "mfa_disabled"))
      assert.is_true(status.has({ 0 }, "mfa_disabled"))
      assert.is_true(status.has(0, "mfa_disabled"))
   end)

   it("gives nil where the status is unknown", function()
      assert.is_nil(status.has({ id = "u" }, "high_risk"))
      assert.is_nil(status.has(nil, "high_risk"))
   end)

   it("finds a code newer than itself", function()
      assert.is_true(status.has({ 9 }, "unknown_9"))
      assert.is_false(status.has({ 10 }, "unknown_9"))
   end)

   it("raises on a name that is no flag, also where the status is unknown", function()
      local message = "bad argument #2 to 'has' (no flag 'high-risk'; the flags are " .. VALID .. ")"
      fails_with(message, status.has, { 3 }, "high-risk")
      fails_with(message, status.has, nil, "high-risk")
      fails_with("bad argument #2 to 'has' (no flag 'unknown_3'; the flags are " .. VALID .. ")",
         status.has, { 3 }, "unknown_3")
   end)

   it("raises on what is no name or no user", function()
      fails_with("bad argument #2 to 'has' (the name of a flag expected, got number)", status.has, { 3 }, 3)
      fails_with("bad argument #2 to 'has' (the name of a flag expected, got nil)", status.has, { 3 })
      fails_with("bad argument #1 to 'has' (a user, an array of codes, a code or nil expected, got string)",
         status.has, "3", "high_risk")
   end)
end)

describe("status.name", function()
   it("gives the name of a code, also of one it does not know", function()
      assert.equal("mfa_disabled", status.name(0))
      assert.equal("test_user", status.name(8.0))
      assert.equal("unknown_9", status.name(9))
   end)

   it("raises on what is no code", function()
      fails_with("bad argument #1 to 'name' (a code expected, 1.5 is no code)", status.name, 1.5)
      fails_with("bad argument #1 to 'name' (a code expected, -1 is no code)", status.name, -1)
      fails_with("bad argument #1 to 'name' (a code expected, got string)", status.name, "1")
      fails_with("bad argument #1 to 'name' (a code expected, got nil)", status.name, nil)
   end)

   it("blames the caller's line", function()
      local _, err = pcall(function() status.name("x") end)
      assert.matches("^[^:]*status_spec%.lua:%d+: ", err)
   end)
end)

describe("status.code", function()
   it("is the way back from status.name", function()
      for code = 0, 12 do
         assert.equal(code, status.code(status.name(code)))
      end
   end)

   it("raises on what is the name of no flag", function()
      for _, name in ipairs { "High risk", "unknown_", "unknown_8", "unknown_09", "unknown_9.5", "",
         "unknown_99999999999999999999" } do
         fails_with("bad argument #1 to 'code' (no flag '" .. name .. "'; the flags are " .. VALID .. ")",
            status.code, name)
      end
      fails_with("bad argument #1 to 'code' (the name of a flag expected, got number)", status.code, 3)
   end)
end)

describe("status.label", function()
   it("gives the vendor's words for a name or a code", function()
      local labels = {}
      for position, name in ipairs(status.flags) do
         labels[position] = status.label(name)
         assert.equal(labels[position], status.label(position - 1))
      end
      assert.same({ "MFA disabled", "Sign-in blocked", "Password expired", "High risk", "Medium risk",
         "Compliance", "Inactive", "Pending deletion", "Test user" }, labels)
   end)

   it("labels a code it does not know by its number", function()
      assert.equal("Unknown (9)", status.label(9))
      assert.equal("Unknown (9)", status.label("unknown_9"))
   end)

   it("raises on what is neither", function()
      fails_with("bad argument #1 to 'label' (no flag 'x'; the flags are " .. VALID .. ")", status.label, "x")
      fails_with("bad argument #1 to 'label' (a name or a code expected, got nil)", status.label, nil)
      fails_with("bad argument #1 to 'label' (a name or a code expected, 0.5 is no code)", status.label, 0.5)
   end)
end)

describe("status.flags", function()
   it("lists the nine names in the order of their codes", function()
      assert.equal(VALID, table.concat(status.flags, ", "))
   end)

   it("may be altered without harm to anything else", function()
      local kept = { table.unpack(status.flags) }
      finally(function()
         for position = 1, 9 do
            status.flags[position] = kept[position]
         end
      end)
      for position = 1, 9 do
         status.flags[position] = "altered"
      end
      assert.equal("high_risk", status.name(3))
      assert.equal(3, status.code("high_risk"))
      assert.is_true(status.has({ 3 }, "high_risk"))
      assert.equal("High risk", status.label("high_risk"))
   end)
end)
