-- cli/fault.lua: an error's line in the command's own words, and its exit code.

local elements = require("avepoint.elements")
local fault = require("avepoint.elements.cli.fault")
local liars = require("spec.sandbox.liar")

local function of(f, ...)
   local ok, err = pcall(f, ...)
   assert.is_false(ok)
   local what = fault.of(err)
   return what.code, tostring(what)
end

describe("fault.checked", function()
   it("passes results and errors on, and makes misuse a wrong usage named by our options", function()
      assert.same({ 1, nil, 3 }, { fault.checked(function() return 1, nil, 3 end) })
      assert.same({ 1, "internal error: boom" }, { of(fault.checked, error, "boom", 0) })
      local code, message = of(fault.checked, elements.client, { token = "t", concurrency = 99 })
      assert.same({ 2, "--concurrency must be a whole number from 1 to 32, not 99" }, { code, message })
      code, message = of(fault.checked, elements.client, { client_id = "a", client_secret = "b", base_url = "https://x/y" })
      assert.equal(2, code)
      assert.matches("^%-%-token%-url is missing; ", message)
      code, message = of(fault.checked, elements.client, {
         client_id = "a", client_secret = "b", base_url = "https://graph-gov.avepointonlineservices.com/partner",
      })
      assert.same({ 2, "--base-url is of the environment us_government; give --environment us_government, or --token-url" },
         { code, message })
      local client <close> = elements.client { token = "t" }
      code, message = of(fault.checked, client.tenant, client, "a b", "c")
      assert.same({ 2, "--customer may have letters, digits, '.', '_' and '-' only, not \"a b\"" }, { code, message })
      local tenant = client:tenant("a", "b")
      code, message = of(fault.checked, tenant.users, tenant, { user_ids = { "x@y" } })
      assert.equal(2, code)
      assert.matches("^%-%-user must hold user ids %(their field id%), not sign%-in names", message)
   end)
end)

describe("the line of an error", function()
   it("names what can be typed, and leaves paths and what the service says alone", function()
      local client <close> = elements.client { token = "t", base_url = "http://127.0.0.1:1/x", proxy = "", max_attempts = 1 }
      local _, err = client:tenant("a", "b"):count()
      err.kind, err.page_index = "config", nil
      for text, line in pairs {
         ["ca_file can't be read: /etc/ca_file: No such file"] = "--ca-file can't be read: /etc/ca_file: No such file",
         ["the PFX has a password; give certificate_password"] =
         "the PFX has a password; give AVEPOINT_CERTIFICATE_PASSWORD_FILE",
         ["certificate can't be read: /certificate is empty"] = "AVEPOINT_CERTIFICATE can't be read: /certificate is empty",
         ["the certificate expired"] = "the certificate expired",
         ["check client_id, environment and client_secret; it says \"no client_id\""] =
         "check AVEPOINT_CLIENT_ID, --environment and AVEPOINT_CLIENT_SECRET; it says \"no client_id\"",
         ["the deadline of 2 s passed after 0 users; go on with resume"] = "the deadline of 2 s passed after 0 users",
      } do
         err.message = text
         assert.equal("config: " .. line, fault.of(err).message)
      end
   end)

   it("says the options that the module's own advice means", function()
      local liar <close> = liars.start()
      local function line(status, body, sign_in)
         local knobs = { status = status, json = liar:upload(body) }
         local client <close> = elements.client {
            token = not sign_in and "a-token" or nil, client_id = sign_in and "a", client_secret = sign_in and "a-secret",
            base_url = liar:base(not sign_in and knobs or {}), token_url = sign_in and liar:token_url(knobs), proxy = "",
            max_attempts = 1,
         }
         local _, err = client:tenant("a", "b"):count()
         return fault.of(err).message
      end
      assert.matches("; check AVEPOINT_CLIENT_ID, --environment and AVEPOINT_CLIENT_SECRET;",
         line(401, '{"error":"invalid_client"}', true), 1, true)
      assert.matches("; check AVEPOINT_CLIENT_ID, --token-url and --environment;",
         line(400, '{"error":"invalid_request"}', true), 1, true)
      assert.matches("; check --customer, --tenant and the user ids", line(400, "{}"), 1, true)
      assert.matches("get a new one, for this environment", line(401, "{}"), 1, true)
   end)
end)

describe("fault.of", function()
   it("gives each kind of error its exit code", function()
      local client <close> = elements.client { token = "t", base_url = "http://127.0.0.1:1/x", proxy = "", max_attempts = 1 }
      local _, err = client:tenant("a", "b"):count()
      for kind, code in pairs { config = 2, auth = 4, forbidden = 4, not_found = 1, bad_request = 1, throttled = 5, server = 1,
         timeout = 1, network = 1, tls = 1, proxy = 1, redirect = 1, protocol = 1, drift = 3, interrupted = 130 } do
         err.kind = kind
         assert.equal(code, fault.of(err).code, kind)
      end
      assert.same({ 2, "a 1" }, { of(fault.usage, "a %d", 1) })
      assert.same({ 2, "100 %" }, { of(fault.usage, "100 %") })
      assert.same({ 1, "b" }, { of(fault.raise, "b") })
   end)
end)
