-- Clients: options that make no sense raise where they stand, before anything is sent; what can't be used is an error;
-- and a client is closed once, from wherever.

local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")
local socket = require("socket")
local walks = require("spec.support.walks")

local sandbox

setup(function()
   sandbox = sandboxes.start { tls = { "wrong_host", "expired", "self_signed", "unknown_ca", "tls11" } }
end)

teardown(function()
   sandbox:stop()
end)

-- What elements.client raises for the working options with one more.
local function refused(name, value, without)
   local o = { token = "x", base_url = "https://127.0.0.1:1/partner" }
   o[name] = value
   for _, gone in ipairs(without or {}) do
      o[gone] = nil
   end
   return walks.misuse(function() elements.client(o) end)
end

describe("elements.client raises", function()
   it("on something that is no table", function()
      for value, text in pairs { ["x"] = "a string", [7] = "a number", [true] = "a boolean" } do
         assert.equal("client wants a table of options, not " .. text, walks.misuse(function() elements.client(value) end))
      end
      assert.equal("client wants a table of options, not nil", walks.misuse(function() elements.client() end))
   end)

   it("on no credential", function()
      local none = "client: a credential is missing: give client_id with client_secret or certificate, or token"
      assert.equal(none, walks.misuse(function() elements.client {} end))
      assert.equal(none, refused("timeout", 5, { "token" }))
   end)

   it("on an option that does not exist, with those that do", function()
      local message = refused("time_out", 5)
      assert.matches("^client has no option \"time_out\"; it has base_url, ca_file, ", message)
      assert.matches(", user_agent, wait$", message)
      assert.matches("^client has no option that is 1; it has ", refused(1, "x"))
      assert.matches("^client has no option that is a table; it has ", refused({}, "x"))
      assert.matches("^client has no option that is true; it has ", refused(true, "x"))
   end)

   local SECONDS = "must be a number of seconds above 0, at most a year"
   local FALSE = {
      timeout = {
         { 0, "0" }, { -1, "-1" }, { "5", "\"5\"" }, { 1 / 0, "inf" }, { 1e30, "1e+30" }, { {}, "a table" }, what = SECONDS,
      },
      connect_timeout = { { 0, "0" }, { -0.5, "-0.5" }, { true, "true" }, { -1 / 0, "-inf" }, what = SECONDS },
      concurrency = {
         { 0, "0" }, { 33, "33" }, { 1.5, "1.5" }, { "8", "\"8\"" }, { -1, "-1" }, { 1 / 0, "inf" }, { 1e300, "1e+300" },
         what = "must be a whole number from 1 to 32",
      },
      max_attempts = { { 0, "0" }, { 1.5, "1.5" }, { "8", "\"8\"" }, what = "must be a whole number from 1 to 100" },
      ca_file = { { 7, "7" }, { {}, "a table" }, what = "must be a file's path" },
      on_event = { { "x", "\"x\"" }, { {}, "a table" }, what = "must be a function" },
      wait = { { true, "true" }, what = "must be a function" },
      user_agent = {
         { "", "\"\"" }, { "a\nb", "\"a\\nb\"" }, { "ž", "\"\\xc5\\xbe\"" }, { 7, "7" },
         { ("x"):rep(257), "\"" .. ("x"):rep(40) .. "\"…" }, what = "must be printable ASCII, at most 256 bytes",
      },
      base_url = { { 7, "7" }, { {}, "a table" }, what = "must be a string" },
      proxy = { { 7, "7" }, { false, "false" }, what = "must be a string" },
   }
   for name, cases in pairs(FALSE) do
      for _, case in ipairs(cases) do
         it("fault 64: on a " .. name .. " that is " .. case[2]:sub(1, 30), function()
            assert.equal(("client: option '%s' %s, not %s"):format(name, cases.what, case[2]), refused(name, case[1]))
         end)
      end
   end

   it("fault 64: on seconds that are no number at all", function()
      assert.matches("^client: option 'timeout' " .. SECONDS:gsub("%p", "%%%0") .. ", not %-?nan$", refused("timeout", 0 / 0))
      assert.matches("^client: option 'concurrency' must be a whole number from 1 to 32, not %-?nan$",
         refused("concurrency", 0 / 0))
   end)

   local TOKENS = {
      { "", "is empty" }, { "abc\n", "ends with a newline; strip it, as in io.read(\"l\")" },
      { "abc\r\n", "ends with a newline; strip it, as in io.read(\"l\")" },
      { "Bearer abc", "begins with \"Bearer \"; give the token alone" },
      { "bearer abc", "begins with \"Bearer \"; give the token alone" },
      { "a b", "holds a character that no token has; give it as the identity server sent it" },
      { "a\r\nX-Evil: 1", "holds a character that no token has; give it as the identity server sent it" },
      { "ž", "holds a character that no token has; give it as the identity server sent it" },
      { "a\0b", "holds a character that no token has; give it as the identity server sent it" },
      { ("a"):rep(8193), "has 8193 bytes, more than 8192" },
   }
   for i, case in ipairs(TOKENS) do
      it("fault 26: on a token (" .. i .. ") that " .. case[2]:match("^[^;]+") .. ", without showing it", function()
         assert.equal("client: option 'token' must be a bearer token; this one " .. case[2], refused("token", case[1]))
      end)
   end

   it("on a token that is neither string nor function", function()
      for value, kind in pairs { [7] = "number", [true] = "boolean", [{}] = "table" } do
         assert.equal("client: option 'token' must be a string or a function, not a " .. kind, refused("token", value))
      end
   end)

   local URLS = {
      { "http://example.com/partner", "must begin with https://" }, { "ftp://example.com/x", "must begin with https://" },
      { "http://127.0.0.1.example.com/", "must begin with https://" }, { "http://10.0.0.1/", "must begin with https://" },
      { "https://user:secret@example.com/", "must not hold a user or password" },
      { "https://user@example.com/", "must not hold a user or password" },
      { "https://example.com/x?a=b", "must not have a query or fragment" },
      { "https://example.com/x#a", "must not have a query or fragment" },
      { "https://example.com/x?", "must not have a query or fragment" },
      { "https://exa mple.com/", "has a space or control character" },
      { "https://example.com/\r\nX: 1", "has a space or control character" },
      { "example.com", "is no URL" }, { "", "is no URL" }, { "https://", "is no URL" }, { "/partner", "is no URL" },
      { "https://example.com:99999/", "is no URL" },
   }
   for _, case in ipairs(URLS) do
      it("on the base_url " .. ("%q"):format(case[1]):gsub("[%c\\]", ""), function()
         assert.equal("client: option 'base_url' must be an address like https://host/path; this one " .. case[2],
            refused("base_url", case[1]))
      end)
   end

   it("on a proxy that is no URL, without showing it", function()
      for _, value in ipairs { "http://user:secret@[::", "ftp://user:secret@h:1", "HTTPX://h", "http://user:secret/1@h:2" } do
         assert.equal("client: option 'proxy' must be a URL (http, https, socks4, socks4a, socks5 or socks5h) or \"\"",
            refused("proxy", value))
      end
   end)

   it("on no proxy that libcurl knows", function()
      for _, value in ipairs { "h", "h:3128", "http://h", "https://u:p@h:1", "socks5h://h:1080", "SOCKS4A://h", "" } do
         local client <close> = assert(elements.client { token = "t", proxy = value })
         assert.is_table(client)
      end
   end)

   it("before anything is sent", function()
      local run = sandbox:new_run()
      for _, o in ipairs {
         { token = "x", page_size = 100 }, { token = "x\n" }, { token = "x", timeout = 0 }, { token = "x", scope = {} }, {},
      } do
         o.base_url, o.ca_file = sandbox:base { run = run }, sandbox.ca_file
         assert.is_false((pcall(elements.client, o)))
      end
      assert.equal(0, sandbox:count(run))
   end)
end)

describe("elements.client", function()
   it("gives a config error for a ca_file that can't be read", function()
      local client, err = elements.client { token = "x", ca_file = "/nonexistent/ca.pem" }
      assert.is_nil(client)
      assert.equal("config: ca_file can't be read: /nonexistent/ca.pem: No such file or directory", tostring(err))
      assert.equal("config", err.kind)
      assert.is_false(err.retryable)
   end)

   it("gives a config error for a ca_file that is empty or a folder", function()
      local path = sandbox.dir .. "/empty.pem"
      io.open(path, "w"):close()
      assert.equal("config: ca_file can't be read: " .. path .. " is empty",
         tostring(select(2, elements.client { token = "x", ca_file = path })))
      assert.equal("config: ca_file can't be read: " .. sandbox.dir .. ": Is a directory",
         tostring(select(2, elements.client { token = "x", ca_file = sandbox.dir })))
   end)

   it("gives a config error for a ca_file without a certificate, before anything is sent", function()
      local path = sandbox.dir .. "/none.pem"
      for _, text in ipairs {
         "no certificate\n", "0\x82\x01\n\0", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
         "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
      } do
         local file <close> = assert(io.open(path, "wb"))
         file:write(text)
         file:close()
         local client, err = elements.client { token = "x", ca_file = path }
         assert.is_nil(client)
         assert.equal("config: ca_file holds no certificate (PEM); give one that has the authorities to trust", tostring(err))
      end
   end)

   it("takes a ca_file with any of the names that OpenSSL has for a certificate", function()
      local path = sandbox.dir .. "/trusted.pem"
      for _, name in ipairs { "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE" } do
         local file <close> = assert(io.open(path, "w"))
         file:write("# ours\n-----BEGIN ", name, "-----\nAA==\n-----END ", name, "-----\n")
         file:close()
         assert(elements.client { token = "x", ca_file = path }):close()
      end
   end)

   it("fault 3: has errors that name a dead proxy, of its options or of the environment, without its password", function()
      local output = walks.run(sandbox, [[
local elements = require("avepoint.elements")
for _, options in ipairs { { token = "canary" }, { token = "canary", proxy = "http://me:canary@127.0.0.1:1" },
   { client_id = "x", client_secret = "y" } } do
   options.max_attempts = 1
   print(select(2, elements.client(options):tenant("a", "b"):count()))
end
]], { https_proxy = "http://me:canary@localhost:1", no_proxy = "none.example" })
      local lines = {}
      for line in output:gmatch("[^\n]+") do
         lines[#lines + 1] = line:gsub("port %d+", "port P"):gsub("after %d+", "after N")
      end
      local WORDS = "Failed to connect to %s port P after N ms: Couldn't connect to server; %s is the proxy: check proxy and "
         .. "the variables https_proxy and no_proxy, then try again"
      assert.same({
         "network: " .. WORDS:format("localhost", "localhost") .. " (page 1)",
         "network: " .. WORDS:format("127.0.0.1", "127.0.0.1") .. " (page 1)",
         "network: no token: " .. WORDS:format("localhost", "localhost"),
      }, lines)
   end)

   it("takes the vendor's commercial address where none is given", function()
      local client <close> = assert(elements.client { token = "x" })
      assert.equal("avepoint.Client (graph.avepointonlineservices.com)", tostring(client))
   end)

   it("takes http to this machine only", function()
      for _, host in ipairs { "127.0.0.1", "localhost", "[::1]", "127.8.9.10" } do
         local client <close> = assert(elements.client { token = "x", base_url = "http://" .. host .. ":1/partner" })
         assert.equal("avepoint.Client (" .. host .. ")", tostring(client))
      end
   end)

   it("takes a base_url with and without slashes at its end", function()
      for _, ending in ipairs { "", "/", "//" } do
         local client <close> = assert(elements.client {
            token = sandbox.token, ca_file = sandbox.ca_file, base_url = sandbox:base() .. ending, proxy = "",
         })
         assert.equal(250, client:tenant(sandbox.customer_id, sandbox.tenant_id):count())
      end
   end)

   it("takes whole numbers that are floats", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 300 }, { concurrency = 2.0, max_attempts = 3.0 })
      assert.equal(300, #tenant:collect { page_size = 50.0, max_users = 1000.0, max_pages = 20.0, concurrency = 2.0 })
   end)

   it("keeps nothing of the table of options", function()
      local o = { token = sandbox.token, ca_file = sandbox.ca_file, base_url = sandbox:base(), proxy = "" }
      local client <close> = assert(elements.client(o))
      for name in pairs(o) do
         o[name] = nil
      end
      assert.equal(250, client:tenant(sandbox.customer_id, sandbox.tenant_id):count())
   end)

   it("does not ask metamethods of the options", function()
      local o = setmetatable({ token = "x" }, { __index = error, __pairs = error, __len = error })
      local client <close> = assert(elements.client(o))
      assert.is_table(client)
   end)

   it("gives clients that know nothing of one another", function()
      local _ <close>, one = walks.open(sandbox, { size = 7 })
      local _ <close>, other = walks.open(sandbox, { size = 9 })
      assert.equal(7, one:count())
      assert.equal(9, other:count())
   end)
end)

describe("a client", function()
   it("has one descriptor for life, which is an integer", function()
      local client <close>, tenant = walks.open(sandbox)
      local fd = client:fd()
      assert.equal("integer", math.type(fd))
      assert.is_true(fd > 2)
      assert(tenant:collect())
      assert.equal(fd, client:fd())
   end)

   it("shows its host only", function()
      local client <close>, tenant = walks.open(sandbox)
      assert.equal("avepoint.Client (127.0.0.1)", tostring(client))
      assert.equal("avepoint.Tenant (" .. sandbox.customer_id .. "/" .. sandbox.tenant_id .. ")", tostring(tenant))
   end)

   it("may be closed twice, and from a to-be-closed variable", function()
      local kept
      do
         local client <close> = walks.open(sandbox)
         kept = client
         client:close()
         client:close()
      end
      kept:close()
   end)

   it("is closed at the end of its block", function()
      local tenant
      do
         local client <close>, t = walks.open(sandbox)
         assert.is_table(client)
         tenant = t
         assert.equal(250, tenant:count())
      end
      assert.equal("closed: the client is closed; make a new one", tostring(select(2, tenant:page())))
   end)

   it("fault 51: says closed to every call after close, and sends nothing", function()
      local client, tenant, run = walks.open(sandbox)
      local walk = tenant:users()
      walk()
      local before = sandbox:count(run)
      client:close()
      local TEXT = "closed: the client is closed; make a new one"
      for _, call in ipairs {
         function() return tenant:page() end, function() return tenant:count() end, function() return tenant:collect() end,
      } do
         local value, err = call()
         assert.is_nil(value)
         assert.equal(TEXT, tostring(err))
         assert.equal("closed", err.kind)
      end
      for _, call in ipairs { function() client:fd() end, tenant:users(), tenant:pages() } do
         local ok, err = pcall(call)
         assert.is_false(ok)
         assert.equal(TEXT, tostring(err))
      end
      local ok, err = pcall(walk)
      assert.is_false(ok)
      assert.equal("closed: the walk was closed; begin a new one, with resume to go on", tostring(err))
      assert.equal(before, sandbox:count(run))
      assert.equal("avepoint.Client (127.0.0.1)", tostring(client))
      assert.equal("closed", walk:receipt().stop_reason)
   end)

   it("leaves no descriptor open", function()
      local function open()
         -- by no pipe of ours, whose other end may be closed later
         os.execute("ls /proc/$PPID/fd | wc -l >" .. keeper.quote(sandbox.dir .. "/count"))
         return tonumber(keeper.read(sandbox.dir .. "/count"))
      end
      collectgarbage() -- what earlier specs left
      collectgarbage()
      local before = open()
      for _ = 1, 20 do
         local client, tenant = walks.open(sandbox)
         assert(tenant:page())
         client:close()
      end
      local after = open()
      assert.is_true(after <= before, after .. " after " .. before)
   end)

   it("that nobody holds is collected with its descriptors", function()
      collectgarbage()
      collectgarbage()
      local client <close> = walks.open(sandbox)
      local fd = client:fd()
      for _ = 1, 30 do
         local _, tenant = walks.open(sandbox)
         assert(tenant:page())
         collectgarbage()
         collectgarbage()
      end
      local last <close> = walks.open(sandbox)
      assert.is_true(last:fd() < fd + 20, last:fd() .. " after " .. fd)
   end)
end)

describe("client:tenant", function()
   local client

   before_each(function()
      client = walks.open(sandbox)
   end)

   after_each(function()
      client:close()
   end)

   local good = "0c7715b3-bc2f-4c4c-a8a0-f3634dcfacec"
   local LETTERS = "may have letters, digits, '.', '_' and '-' only"
   local BAD = {
      { nil, "must be a string", "nil" }, { 7, "must be a string", "7" }, { {}, "must be a string", "a table" },
      { "", "must have 1 to 128 bytes", "\"\"" }, { ("a"):rep(129), "must have 1 to 128 bytes", "\"" .. ("a"):rep(40) .. "\"…" },
      { ".", "must not be a folder's name", "\".\"" }, { "..", "must not be a folder's name", "\"..\"" },
      { "a/b", LETTERS, "\"a/b\"" }, { "a?b", LETTERS, "\"a?b\"" }, { "a#b", LETTERS, "\"a#b\"" },
      { "a%2fb", LETTERS, "\"a%2fb\"" }, { "a\\b", LETTERS, "\"a\\\\b\"" }, { "../../evil", LETTERS, "\"../../evil\"" },
      { "a b", LETTERS, "\"a b\"" }, { "a\0b", LETTERS, "\"a\\0b\"" }, { "a\r\nb", LETTERS, "\"a\\13\\nb\"" },
      { "\127", LETTERS, "\"\\127\"" }, { "ž", LETTERS, "\"\\xc5\\xbe\"" }, { "a@b.c", LETTERS, "\"a@b.c\"" },
      { "\27[31m", LETTERS, "\"\\27[31m\"" }, { "{id}", LETTERS, "\"{id}\"" },
   }
   for i, case in ipairs(BAD) do
      it("fault 62: raises on an id (" .. i .. ") that " .. case[2] .. ": " .. case[3]:gsub("%c", ""), function()
         assert.equal(("tenant: customer id %s, not %s"):format(case[2], case[3]),
            walks.misuse(function() client:tenant(case[1], good) end))
         assert.equal(("tenant: tenant id %s, not %s"):format(case[2], case[3]),
            walks.misuse(function() client:tenant(good, case[1]) end))
      end)
   end

   it("fault 62: takes ids of letters, digits, dots, dashes and underscores up to 128 bytes", function()
      for _, id in ipairs { "a", "...", "A-b_c.9", ("a"):rep(128), "0" } do
         assert.is_table(client:tenant(id, id))
      end
   end)

   it("sends nothing", function()
      local run = sandbox:new_run()
      client:close()
      client = walks.open(sandbox, { run = run })
      client:tenant("a", "b")
      assert.equal(0, sandbox:count(run))
   end)
end)

describe("an error", function()
   local function page_error(knobs, options, ids)
      local client <close> = walks.open(sandbox, knobs, options)
      local tenant = client:tenant(ids and ids[1] or sandbox.customer_id, ids and ids[2] or sandbox.tenant_id)
      local page, err = tenant:page()
      assert.is_nil(page)
      assert.is_true(elements.is_error(err))
      return err
   end

   it("of ids the wrong way round says to check their order", function()
      local err = page_error({}, {}, { sandbox.tenant_id, sandbox.customer_id })
      assert.equal("not_found", err.kind)
      assert.equal(404, err.status)
      assert.equal("the service knows no such customer or tenant; check the ids, their order (customer, then tenant) and "
         .. "the path of base_url; "
         .. "it says \"no such customer and tenant\"", err.message)
   end)

   it("of a permission that is missing names it", function()
      assert.equal("the app registration lacks the permission elements.um.user.read.all, or may not see this customer; "
         .. "grant it under Elements > API app registration", page_error({ fail = "403:1", body = "empty" }).message)
   end)

   it("can be joined to text", function()
      local err = page_error { fail = "403:1", body = "empty" }
      assert.equal("it failed: " .. tostring(err) .. ".", "it failed: " .. err .. ".")
   end)

   local TEXTS = {
      { "bad_request", { fail = "400:1" },
         "the service does not accept the request; check ids, page_size and the number of user_ids" },
      { "auth", { fail = "401:1" }, "the service does not accept the token; get a new one, for this environment" },
      { "proxy", { fail = "407:1" }, "the proxy wants to be signed in to; put user and password in the proxy's URL" },
      { "timeout", { fail = "408:1" }, "the service waited too long for the request; try again" },
      { "throttled", { fail = "429:1" }, "the service limits the rate of requests; try again later or ask for less" },
      { "server", { fail = "500:1" }, "the service failed; try again later" },
      { "protocol", { fail = "204:1" }, "the answer's status is no answer to this request; check base_url and proxies" },
   }
   for _, case in ipairs(TEXTS) do
      it("of the kind " .. case[1] .. " says what to do", function()
         case[2].body = "empty"
         local err = page_error(case[2], { max_attempts = 1 })
         assert.equal(case[1], err.kind)
         assert.equal(case[3], err.message)
         assert.equal(1, err.page_index)
      end)
   end

   it("fault 3: of a host that refuses connections is network", function()
      local err = page_error({}, { base_url = "https://127.0.0.1:1/partner", max_attempts = 1 })
      assert.equal("network", err.kind)
      assert.is_true(err.retryable)
      assert.matches("; check the network, then try again$", err.message)
      assert.is_nil(err.status)
   end)

   it("fault 1: of a host that nobody knows is network", function()
      local err = page_error({}, { base_url = "https://nobody.invalid/partner", max_attempts = 1 })
      assert.equal("network", err.kind)
   end)

   it("fault 1: of a proxy that is not there is network or proxy and says so", function()
      local err = page_error({}, { proxy = "http://127.0.0.1:1", max_attempts = 1 })
      assert.is_true(err.kind == "network" or err.kind == "proxy", err.kind)
   end)

   it("of a service that does not answer in time is timeout", function()
      local began = socket.gettime()
      local err = page_error({ latency = 20000 }, { timeout = 0.2, max_attempts = 1 })
      assert.equal("timeout", err.kind)
      assert.equal("no whole answer within timeout; try again", err.message)
      assert.is_true(socket.gettime() - began < 10)
   end)

   for _, kind in ipairs { "wrong_host", "expired", "self_signed", "unknown_ca", "tls11" } do
      it("fault 4: of a server that can't be trusted (" .. kind .. ") is tls, and it sees no request", function()
         local run = sandbox:new_run()
         local err = page_error({}, { base_url = sandbox:base({ run = run }, kind), max_attempts = 1 })
         assert.equal("tls", err.kind)
         assert.equal(0, sandbox:count(run))
      end)
   end

   it("fault 4: of a server whose authority is unknown is tls and names ca_file", function()
      local client <close>, tenant, run = walks.open(sandbox, {}, { ca_file = "/etc/ssl/certs/ca-certificates.crt" })
      assert.is_table(client)
      local _, err = tenant:page()
      assert.equal("tls", err.kind)
      assert.is_false(err.retryable)
      assert.is_truthy(err.message:find("; check ca_file, this machine's clock and trust store, and what stands in between", 1,
         true), err.message)
      assert.equal(0, sandbox:count(run))
   end)
end)
