-- `avepoint-users doctor`, as a real process against the sandbox: each step's line where all is well and where it is not.

local commands = require("spec.support.commands")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local liars = require("spec.sandbox.liar")

local cli = commands.around(setup, teardown, { tls = { "expired" } })

-- Its arguments and environment, with what a test changes; false takes away.
local function asked(change, env)
   local s = cli.sandbox
   local arguments = {
      customer = s.customer_id, tenant = s.tenant_id, ["base-url"] = s:base(), ["token-url"] = s:token_url(),
      ["ca-file"] = s.ca_file, proxy = "",
   }
   for name, value in pairs(change or {}) do
      arguments[name] = value or nil
   end
   local words = {}
   for name, value in pairs(arguments) do
      words[#words + 1], words[#words + 2] = "--" .. name, value
   end
   local all = { AVEPOINT_CLIENT_ID = s.client_id, AVEPOINT_CLIENT_SECRET = s.client_secret }
   for name, value in pairs(env or {}) do
      all[name] = value
   end
   return words, all
end

-- Runs it and gives its lines by name, as { mark, text }.
local function doctor(change, env)
   local s = cli.sandbox
   local words, all = asked(change, env)
   local result = cli:run("doctor", words, { env = all })
   local lines, order = {}, {}
   for line in result.out:gmatch("[^\n]+") do
      local name, text = line:sub(8):match("^(%S+) +(.*)$")
      lines[name] = { line:sub(1, 5):match("^(.-) *$"), text }
      order[#order + 1] = name
   end
   assert.is_nil(result.out:find(s.client_secret, 1, true))
   assert.is_nil(result.err:find(s.client_secret, 1, true))
   return lines, result, order
end

describe("doctor", function()
   it("says ok to each step where all is well", function()
      local lines, result, order = doctor()
      assert.same({ 0, "" }, { result.status, result.err })
      assert.same({ "options", "ids", "addresses", "names", "proxy", "connection", "token", "clock", "page" }, order)
      for _, line in pairs(lines) do
         assert.equal("ok", line[1])
      end
      assert.matches("client secret of AVEPOINT_CLIENT_SECRET, client id 5c9f2f4e", lines.options[2], 1, true)
      assert.equal("127.0.0.1 is 127.0.0.1", lines.names[2])
      assert.equal("good for 3600 s, scope elements.um.user.read.all", lines.token[2])
      assert.matches("^%d+ s off", lines.clock[2])
      assert.equal("1 of 250 users came", lines.page[2])
   end)

   it("says what to do about a refused sign-in, and tries nothing that needs it", function()
      local lines, result = doctor({}, { AVEPOINT_CLIENT_SECRET = "hush" })
      assert.equal(4, result.status)
      assert.equal("ok", lines.connection[1])
      assert.equal("to do", lines.token[1])
      assert.matches("check AVEPOINT_CLIENT_ID, --environment and AVEPOINT_CLIENT_SECRET", lines.token[2], 1, true)
      assert.same({ "-", "not tried before token is ok" }, lines.page)
      assert.is_nil(result.out:find("hush", 1, true))
   end)

   it("tells a missing credential and missing ids from a broken connection", function()
      local lines, result = doctor({ customer = false }, { AVEPOINT_CLIENT_ID = "" })
      assert.equal(2, result.status)
      assert.equal("to do", lines.options[1])
      assert.matches("AVEPOINT_CLIENT_ID is missing", lines.options[2])
      assert.matches("set AVEPOINT_CUSTOMER_ID", lines.ids[2])
      assert.equal("ok", lines.connection[1])
      assert.equal("-", lines.token[1])
   end)

   it("names both ids where both are missing", function()
      local lines = doctor { customer = false, tenant = false }
      assert.equal("to do", lines.ids[1])
      assert.matches("--customer is missing: give the customer's id, or set AVEPOINT_CUSTOMER_ID; --tenant is missing: "
         .. "give the tenant's id, or set AVEPOINT_TENANT_ID", lines.ids[2], 1, true)
   end)

   it("leaves the vendor's sign-in out where a base URL of another's lacks its --token-url", function()
      local lines, result = doctor { ["token-url"] = false }
      assert.equal(2, result.status)
      assert.matches("--token-url is missing", lines.options[2], 1, true)
      assert.same({ "ok", cli.sandbox:base() }, lines.addresses)
      assert.same({ "ok", "127.0.0.1 is 127.0.0.1" }, lines.names)
      local own = { ["base-url"] = "https://graph-de.avepointonlineservices.com/partner", ["token-url"] = false,
         proxy = "http://127.0.0.1:1" }
      assert.equal("https://graph-de.avepointonlineservices.com/partner, sign-in at "
         .. elements.environments.commercial.token_url, doctor(own).addresses[2])
   end)

   it("finds an untrusted and an expired certificate", function()
      local lines, result = doctor { ["ca-file"] = false }
      assert.equal(1, result.status)
      assert.matches("^tls: .*check %-%-ca%-file", lines.connection[2])
      lines = doctor { ["base-url"] = cli.sandbox:base({}, "expired") }
      assert.matches("^tls: .*expired", lines.connection[2])
      assert.equal("-", lines.token[1])
      assert.same({ "-", "no answer had a date to compare with" }, lines.clock)
   end)

   it("finds a name without an address, and a server that is not there", function()
      local lines, result = doctor { ["base-url"] = "https://nobody.invalid/partner" }
      assert.equal(1, result.status)
      assert.equal("nobody.invalid has no address; check the name, and this machine's DNS", lines.names[2])
      lines = doctor { ["base-url"] = "https://127.0.0.1:1/partner" }
      assert.matches("^network: ", lines.connection[2])
   end)

   it("names the proxy, without its password", function()
      local lines, result = doctor({ proxy = false }, { https_proxy = "http://me:hush@127.0.0.1:1" })
      assert.same({ "ok", "http://127.0.0.1:1, of https_proxy" }, lines.proxy)
      lines = doctor({ proxy = false }, { https_proxy = "http://127.0.0.1:1", no_proxy = "", NO_PROXY = "10.0.0.0/8,.example" })
      assert.same({ "ok", "http://127.0.0.1:1, of https_proxy, but for 10.0.0.0/8,.example by NO_PROXY" }, lines.proxy)
      lines = doctor({ proxy = "http://127.0.0.1:1" }, { no_proxy = "127.0.0.1" })
      assert.same({ "ok", "http://127.0.0.1:1, of --proxy" }, lines.proxy)
      assert.equal("left to the proxy", lines.names[2])
      assert.equal("to do", lines.connection[1])
      assert.is_nil(result.out:find("hush", 1, true))
      assert.equal(2, cli:run("doctor", { "--proxy", "http://me:hush@127.0.0.1:1" }).status)
   end)

   it("finds a clock that is wrong", function()
      local lines, result = doctor { ["base-url"] = cli.sandbox:base { date_skew = -600 } }
      assert.equal(1, result.status)
      assert.equal("to do", lines.clock[1])
      assert.matches("this machine's clock is %d+ s ahead of the server's; set it", lines.clock[2])
   end)

   it("finds a scope that the token lacks", function()
      local liar <close> = liars.start()
      local name = liar:upload('{"access_token":"abc","expires_in":60,"token_type":"Bearer","scope":"elements.other"}')
      local lines, result = doctor { ["token-url"] = liar:token_url { json = name } }
      assert.equal(1, result.status)
      assert.same({ "to do", "the token's scope is elements.other and lacks elements.um.user.read.all; grant it under "
         .. "Elements > API app registration" }, lines.token)
   end)

   it("asks no identity server where a command gives the token", function()
      local env = { AVEPOINT_CLIENT_ID = "", AVEPOINT_CLIENT_SECRET = "" }
      local lines, result = doctor({ ["token-url"] = false, ["token-command"] = "printenv SPEC_TOKEN" }, env)
      assert.equal(0, result.status)
      assert.same({ "ok", cli.sandbox:base() }, lines.addresses)
   end)

   it("goes on where nothing can look a name up", function()
      local bin = cli:path("bin")
      assert(os.execute(("mkdir %s && for c in sh env readlink; do ln -s \"$(command -v $c)\" %s; done"):format(
         keeper.quote(bin), keeper.quote(bin))))
      local lua = keeper.output("command -v " .. keeper.quote(os.getenv("LUA") or "lua5.4"))
      local lines, result = doctor({}, { PATH = bin, LUA = lua })
      assert.equal(0, result.status)
      assert.same({ "ok", "can't be asked here (no getent); the next line tells" }, lines.names)
   end)

   it("has colours in a terminal", function()
      local words, env = asked()
      env.TERM = "xterm"
      local result = cli:drive("doctor", words, { columns = 200, env = env })
      assert.equal(0, result.status)
      assert.equal(9, select(2, result.master:gsub("\27%[32mok   \27%[0m  %l", "")))
   end)

   it("finds a missing permission", function()
      local lines, result = doctor { ["base-url"] = cli.sandbox:base { fail = "403:1" } }
      assert.equal(4, result.status)
      assert.equal("ok", lines.token[1])
      assert.matches("elements.um.user.read.all", lines.page[2], 1, true)
   end)
end)
