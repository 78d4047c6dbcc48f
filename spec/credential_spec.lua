-- lua/avepoint/elements/credential.lua: which options sign in, whether they go together, and where a secret may go.
-- Through elements.client, since what is raised must blame its caller.

local certs = require("spec.sandbox.certs")
local credential = require("avepoint.elements.credential")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local liar = require("spec.sandbox.liar")
local walks = require("spec.support.walks")

local NEWLINE = 'ends with a newline; strip it, as in io.read("l")'

local dir, server

setup(function()
   dir = keeper.output("mktemp -d")
   certs.client(dir, "app")
   server = liar.start()
end)

teardown(function()
   server:stop()
   os.execute("rm -r " .. keeper.quote(dir))
end)

local function with(options, more)
   for name, value in pairs(more) do
      options[name] = value
   end
   return options
end

-- What elements.client raises for options beside a client id and a secret, without "client: "; "" where nothing.
local function refused(more, options)
   options = with(options or { client_id = "app", client_secret = "canary-canary" }, more)
   local message = walks.misuse(function() elements.client(options) end)
   for _, name in ipairs { "client_secret", "certificate_password", "token" } do
      local value = options[name]
      assert.is_false(type(value) == "string" and #value > 5 and message:find(value, 1, true) ~= nil, message)
   end
   return message == "(nothing was raised)" and "" or message:match("^client: (.*)$") or message
end

local function accepted(options)
   local client <close> = assert(elements.client(options))
   return tostring(client):match("%((.*)%)")
end

describe("a credential", function()
   it("is one of three", function()
      assert.equal("a credential is missing: give client_id with client_secret or certificate, or token", refused({}, {}))
      assert.equal("a credential is missing: give client_id with client_secret or certificate, or token",
         refused({ client_id = "app" }, {}))
      assert.equal("a credential is missing: give client_id with client_secret or certificate, or token",
         refused({ environment = "aos2", private_key = "app.key" }, {}))
   end)

   it("is one only", function()
      assert.equal("token and client_secret are more than one credential; give one of them", refused { token = "abc" })
      assert.equal("client_secret and certificate are more than one credential; give one of them",
         refused { certificate = "app.pem" })
      assert.equal("token and client_secret and certificate are more than one credential; give one of them",
         refused { token = "abc", certificate = "app.pem" })
      assert.equal("token and certificate are more than one credential; give one of them",
         refused({ token = print, certificate = "app.pem" }, {}))
   end)

   it("that is a secret or a certificate has a client id", function()
      assert.equal("option 'client_id' is missing; client_secret needs it", refused({ client_secret = "x" }, {}))
      assert.equal("option 'client_id' is missing; client_secret needs it", refused({ client_secret = print }, {}))
      assert.equal("option 'client_id' is missing; certificate needs it", refused({ certificate = "app.pem" }, {}))
   end)

   for name, value in pairs { client_id = "app", token_url = "https://a.example/t", scope = "s" } do
      it("that is a token has no " .. name, function()
         assert.equal(("option '%s' does not go with token"):format(name), refused({ [name] = value }, { token = "abc" }))
         assert.equal(("option '%s' does not go with token"):format(name), refused({ [name] = value }, { token = print }))
      end)
   end

   for name, value in pairs { private_key = "app.key", certificate_password = "canary-canary" } do
      it("that is a token or a secret has no " .. name, function()
         assert.equal(("option '%s' does not go with client_secret"):format(name), refused { [name] = value })
         assert.equal(("option '%s' does not go with token"):format(name), refused({ [name] = value }, { token = "abc" }))
      end)
   end

   it("may be each of these", function()
      assert.equal("graph.avepointonlineservices.com", accepted { token = "abc" })
      assert.equal("graph.avepointonlineservices.com", accepted { token = print })
      assert.equal("graph.avepointonlineservices.com", accepted { client_id = "app", client_secret = "x" })
      assert.equal("graph.avepointonlineservices.com", accepted { client_id = "app", client_secret = print })
      assert.equal("graph.avepointonlineservices.com", accepted {
         client_id = "app", certificate = dir .. "/app.pem", private_key = dir .. "/app.key", scope = "one two",
      })
   end)
end)

describe("the option client_id", function()
   local MUST = "option 'client_id' must be printable ASCII without spaces, at most 256 bytes, not "
   it("fault 64: is printable ASCII without spaces, of at most 256 bytes", function()
      for _, case in ipairs {
         { 7, "7" }, { {}, "a table" }, { false, "false" }, { "", '""' }, { "a b", '"a b"' }, { "a\n", '"a\\n"' },
         { "ž", '"\\xc5\\xbe"' }, { "a\0", '"a\\0"' }, { "\127", '"\\127"' },
         { ("x"):rep(257), '"' .. ("x"):rep(40) .. '"…' },
      } do
         assert.equal(MUST .. case[2], refused { client_id = case[1] })
      end
      for _, good in ipairs { "5c9f2f4e-0f4b-4a63-9a57-7d0b1b1f6f11", "a", ("x"):rep(256), "a&b=c" } do
         assert.equal("", refused { client_id = good })
      end
   end)
end)

describe("the option client_secret", function()
   it("security 14: is a string that can be a secret, or a function, and is never shown", function()
      for _, case in ipairs {
         { 7, "a string or a function, not a number" }, { true, "a string or a function, not a boolean" },
         { { "canary" }, "a string or a function, not a table" }, { "", "a client secret; this one is empty" },
         { "canary-canary\n", "a client secret; this one " .. NEWLINE },
         { "canary-canary\r\n", "a client secret; this one " .. NEWLINE },
         { "canary\0canary", "a client secret; this one holds a control character" },
         { "canary\tcanary", "a client secret; this one holds a control character" },
         { ("canary"):rep(2000), "a client secret; this one has 12000 bytes, more than 8192" },
      } do
         assert.equal("option 'client_secret' must be " .. case[2], refused { client_secret = case[1] })
      end
      assert.equal("", refused { client_secret = "a&b=c+d%e ž" })
   end)

   it("is not called before there is a request", function()
      assert.equal("graph.avepointonlineservices.com", accepted { client_id = "app", client_secret = error })
   end)
end)

describe("the options certificate and private_key", function()
   it("fault 64: are paths", function()
      for _, name in ipairs { "certificate", "private_key" } do
         for _, case in ipairs { { 7, "7" }, { {}, "a table" }, { "", '""' }, { true, "true" } } do
            assert.equal(("option '%s' must be a file's path, not %s"):format(name, case[2]),
               refused({ [name] = case[1] }, { client_id = "app", certificate = "app.pem" }))
         end
      end
   end)

   it("security 14: are not what is in the file, and nothing of that is shown", function()
      local key = assert(keeper.read(dir .. "/app.key"))
      for _, name in ipairs { "certificate", "private_key" } do
         for _, content in ipairs {
            key, (key:gsub("\n", "")), (key:match("\n(.*)\n%-"):gsub("\n", "")), "\x30\x82\0\1canary", "a\nb", "a\0b",
         } do
            assert.equal(("option '%s' must be a file's path; this one looks like what is in the file"):format(name),
               refused({ [name] = content }, { client_id = "app", certificate = "app.pem" }))
         end
      end
   end)

   it("may have any name that a file has", function()
      for _, path in ipairs { "MIIE.pem", "ž k.pem", ("a/"):rep(300) .. "a.pem", "-----", "MII" .. ("a"):rep(200) } do
         local _, err = elements.client { client_id = "app", certificate = path }
         assert.equal("config", err.kind)
         assert.matches("^certificate can't be read: ", err.message)
      end
   end)
end)

describe("the option certificate_password", function()
   it("security 14: is a string without newline or NUL, and is never shown", function()
      local function password(value)
         return refused({ certificate_password = value }, { client_id = "app", certificate = "app.pfx" })
      end
      assert.equal("option 'certificate_password' must be a string, not a number", password(7))
      assert.equal("option 'certificate_password' must be a string, not a table", password { "canary" })
      assert.equal("option 'certificate_password' must be a string, not a function", password(print))
      for _, bad in ipairs { "canary-canary\n", "canary\0canary", "canary\rcanary" } do
         assert.equal("option 'certificate_password' must be a password without newline or NUL", password(bad))
      end
      assert.equal("", password "")
      assert.equal("", password "\tž x")
   end)
end)

describe("the option scope", function()
   it("fault 64: is words of printable ASCII", function()
      for _, case in ipairs {
         { 7, "7" }, { {}, "a table" }, { "", '""' }, { "  ", '"  "' }, { 'a"b', '"a\\"b"' }, { "a\\b", '"a\\\\b"' },
         { "a\nb", '"a\\nb"' }, { "ž", '"\\xc5\\xbe"' }, { "a\0", '"a\\0"' },
      } do
         assert.equal("option 'scope' must be words of printable ASCII without '\"' and '\\', not " .. case[2],
            refused { scope = case[1] })
      end
      for _, good in ipairs { "elements.um.user.read.all", "a b", "https://x/.default", "a:b#c!d" } do
         assert.equal("", refused { scope = good })
      end
   end)

   -- the form that the identity server gets
   local function form(options)
      local run = server:new_run()
      local client <close> = assert(elements.client(with({
         client_id = "app", client_secret = "x", base_url = server:base { run = run }, token_url = server:token_url { run = run },
         proxy = "",
      }, options)))
      assert(client:tenant(server.customer_id, server.tenant_id):count())
      return server:log(run)[1].body
   end

   it("is elements.um.user.read.all by default, and nothing else", function()
      assert.equal("grant_type=client_credentials&client_id=app&scope=elements.um.user.read.all&client_secret=x", form {})
   end)

   it("is asked for as it is given", function()
      assert.equal("grant_type=client_credentials&client_id=app&scope=one%20two&client_secret=x", form { scope = "one two" })
   end)
end)

describe("the option environment", function()
   local NAMES = 'one of "commercial", "us_government", "aos2", "fedramp"'

   it("is one of the vendor's four", function()
      for _, case in ipairs {
         { "Commercial", '"Commercial"' }, { "", '""' }, { "gcc", '"gcc"' }, { 7, "7" }, { {}, "a table" }, { true, "true" },
      } do
         assert.equal("option 'environment' must be " .. NAMES .. ", not " .. case[2], refused { environment = case[1] })
      end
   end)

   -- As the vendor documents them.
   local HOSTS = {
      { "commercial", "graph.avepointonlineservices.com", "identity.avepointonlineservices.com" },
      { "us_government", "graph-gov.avepointonlineservices.com", "identity-gov.avepointonlineservices.com" },
      { "aos2", "graph-aos2.avepointonlineservices.com", "identity-aos2.avepointonlineservices.com" },
      { "fedramp", "graphusgovapi.online15.net", "identity.online15.net" },
   }
   for _, case in ipairs(HOSTS) do
      it(case[1] .. " has the vendor's API and identity hosts", function()
         assert.equal(case[2], accepted { token = "abc", environment = case[1] })
         assert.equal(case[2], accepted { client_id = "app", client_secret = "x", environment = case[1] })
         local o = { client_id = "app", client_secret = "x", environment = case[1] }
         assert.equal("https://" .. case[2] .. "/partner", credential.check(o, 1).url)
         local source = assert(credential.source(o, os.time))
         assert.equal("https://" .. case[3] .. "/connect/token", source.url)
         assert.is_false(source.cleartext)
      end)
   end

   it("is commercial by default", function()
      local source = assert(credential.source({ client_id = "app", client_secret = "x" }, os.time))
      assert.equal("https://identity.avepointonlineservices.com/connect/token", source.url)
   end)
end)

describe("the options base_url and token_url", function()
   local URLS = {
      { "http://example.com/x", "must begin with https://" }, { "ftp://example.com/x", "must begin with https://" },
      { "https://user:canary@example.com/", "must not hold a user or password" },
      { "https://user@example.com/", "must not hold a user or password" },
      { "https://example.com/x?a=canary", "must not have a query or fragment" },
      { "https://example.com/x#canary", "must not have a query or fragment" },
      { "https://example.com/\r\nX: 1", "has a space or control character" },
      { "http://127.0.0.1.example.com/", "must begin with https://" }, { "http://127.0.0.999/", "must begin with https://" },
      { "identity.example.com", "is no URL" }, { "", "is no URL" }, { "https://", "is no URL" },
   }
   for i, case in ipairs(URLS) do
      it("security 5: are addresses, and not (" .. i .. ") one that " .. case[2], function()
         for _, name in ipairs { "base_url", "token_url" } do
            assert.equal(("option '%s' must be an address like https://host/path; this one %s"):format(name, case[2]),
               refused { [name] = case[1] })
         end
      end)
   end

   it("security 5: are strings", function()
      for _, name in ipairs { "base_url", "token_url" } do
         assert.equal(("option '%s' must be a string, not 7"):format(name), refused { [name] = 7 })
         assert.equal(("option '%s' must be a string, not a table"):format(name), refused { [name] = {} })
      end
   end)

   local FOREIGN = "option 'token_url' is missing; base_url is none of AvePoint's hosts, and %s shall not go to AvePoint's "
      .. "identity host for it"

   for _, host in ipairs {
      "graph.avepointonlineservices.com.evil.example", "evilavepointonlineservices.com", "graph-x.y.avepointonlineservices.com",
      "graph.evilavepointonlineservices.com", "x.graph.avepointonlineservices.com", "avepointonlineservices.com",
      "identity.avepointonlineservices.com", "evil.example", "127.0.0.1:8443", "graph.avepointonlineservices.com.",
      "graph-de.online15.net", "graph.avepointonlineservices.com%2eevil.example",
   } do
      it("security 5: a secret or a certificate for " .. host .. " needs a token_url", function()
         local base = "https://" .. host .. "/partner"
         assert.equal(FOREIGN:format("client_secret"), refused { base_url = base })
         assert.equal(FOREIGN:format("client_secret"), refused { base_url = base, client_secret = print })
         assert.equal(FOREIGN:format("certificate"),
            refused({ base_url = base }, { client_id = "app", certificate = dir .. "/app.pem" }))
         assert.equal("", refused { base_url = base, token_url = "https://identity.example/t" })
         assert.equal("", refused({ base_url = base }, { token = "abc" }))
      end)
   end

   it("security 5: http to this machine needs a token_url as well, which may be of this machine", function()
      assert.equal(FOREIGN:format("client_secret"), refused { base_url = "http://127.0.0.1:1/partner" })
      assert.equal("", refused { base_url = "http://127.0.0.1:1/partner", token_url = "http://localhost:1/t" })
      local source = assert(credential.source({ client_id = "app", client_secret = "x", token_url = "http://[::1]:1/t" },
         os.time))
      assert.is_true(source.cleartext)
      assert.equal("http://[::1]:1/t", source.url)
   end)

   it("security 5: the hosts of data centres need none", function()
      for _, host in ipairs {
         "graph-de.avepointonlineservices.com", "graph-us.avepointonlineservices.com", "GRAPH-DE.AvePointOnlineServices.com",
         "graph.avepointonlineservices.com:443", "graph%2eavepointonlineservices.com",
      } do
         assert.equal("", refused { base_url = "https://" .. host .. "/partner" })
      end
      assert.equal("", refused { base_url = "https://graph-x.online15.net/partner", environment = "fedramp" })
      local o = { client_id = "app", client_secret = "x", base_url = "https://graph-de.avepointonlineservices.com/partner" }
      assert.equal("https://graph-de.avepointonlineservices.com/partner", credential.check(o, 1).url)
      assert.equal("https://identity.avepointonlineservices.com/connect/token", credential.source(o, os.time).url)
   end)

   it("security 5: the graph host of another environment is named, whichever it is", function()
      local GRAPH = {
         commercial = "graph", us_government = "graph-gov", aos2 = "graph-aos2",
      }
      for name, host in pairs(GRAPH) do
         local base = "https://" .. host .. ".avepointonlineservices.com/partner"
         for _, set in ipairs { "commercial", "us_government", "aos2", "fedramp" } do
            local text = ('base_url is of the environment %s; set environment = "%s", or token_url'):format(name, name)
            assert.equal(set == name and "" or text, refused { base_url = base, environment = set })
            assert.equal("", refused { base_url = base, environment = set, token_url = "https://identity.example/t" })
            assert.equal("", refused({ base_url = base, environment = set }, { token = "abc" }))
         end
      end
      assert.equal('base_url is of the environment fedramp; set environment = "fedramp", or token_url',
         refused { base_url = "https://graphusgovapi.online15.net/partner" })
   end)

   it("token_url overrides the environment's", function()
      local source = assert(credential.source({
         client_id = "app", client_secret = "x", environment = "aos2", token_url = "https://identity.example:8443/a/b",
      }, os.time))
      assert.equal("https://identity.example:8443/a/b", source.url)
      assert.is_false(source.cleartext)
   end)
end)

describe("credential.source", function()
   it("is the token, or the function that gives one", function()
      assert.equal("abc", credential.source({ token = "abc" }, os.time))
      assert.equal(print, credential.source({ token = print }, os.time))
   end)

   it("is an error of kind config for a certificate that can't be used", function()
      local source, err = credential.source({ client_id = "app", certificate = dir .. "/app.pem" }, os.time)
      assert.is_nil(source)
      assert.is_true(elements.is_error(err))
      assert.equal("config: certificate has no private key (PEM); give the file with both, or private_key beside it",
         tostring(err))
   end)

   it("judges a certificate by the clock that it is given", function()
      local _, err = credential.source({
         client_id = "app", certificate = dir .. "/app.pem", private_key = dir .. "/app.key",
      }, function() return 4102444800 end)
      assert.matches("^the certificate expired on ", err.message)
   end)

   it("security 14: shows no secret by its fields, nor does a client that has it", function()
      local source = assert(credential.source({ client_id = "app", client_secret = "canary-canary" }, os.time))
      assert.is_nil(walks.reveals(source, "canary"))
      local client <close> = assert(elements.client { client_id = "app", client_secret = "canary-canary" })
      assert.is_nil(walks.reveals(client, "canary"))
   end)
end)
