-- What the module does to its surroundings: files, programs, the environment, the terminal; and what of an answer gets
-- where. The numbers are those of the lists in spec/reliability_spec.lua.

local lfs = require("lfs")

local elements = require("avepoint.elements")
local certs = require("spec.sandbox.certs")
local keeper = require("spec.sandbox.keeper")
local liars = require("spec.sandbox.liar")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local server, sandbox

setup(function()
   server = liars.start()
   sandbox = sandboxes.start()
end)

teardown(function()
   server:stop()
   sandbox:stop()
end)

local function listing(dir)
   local names = {}
   for name in lfs.dir(dir) do
      names[#names + 1] = not name:find("^%.%.?$") and name or nil
   end
   return names
end

describe("a program that walks", function()
   -- What it could leave behind is written down before the module is loaded, which takes its functions then.
   local RECORDER = [[
      local dir = ...
      local done = {}
      for name, list in pairs {
         io = { "output", "popen", "tmpfile" }, os = { "execute", "exit", "remove", "rename", "setlocale", "tmpname" },
      } do
         for _, f in ipairs(list) do
            local real = _G[name][f]
            _G[name][f] = function(...)
               done[#done + 1] = name .. "." .. f
               return real(...)
            end
         end
      end
      local open = io.open
      function io.open(path, mode)
         done[#done + 1] = mode and mode:find("[wa+]") and "io.open " .. path or nil
         return open(path, mode)
      end
   ]]

   local WALK = [[
      local elements = require("avepoint.elements")
      local credential, url, ca_file, bad_url = table.unpack(arg, 2)
      credential = load("return " .. credential)()
      credential.base_url, credential.ca_file, credential.proxy = url, ca_file, ""
      local client = assert(elements.client(credential))
      local bad = elements.client { token = "x", base_url = bad_url, proxy = "", max_attempts = 1 }
      require("lfs").chdir(dir)
      for _ in client:tenant(arg[6], arg[7]):users() do end
      assert(not bad:tenant("a", "b"):page())
      client:close()
      print("done:" .. table.concat(done, " "), os.getenv("SSLKEYLOGFILE"))
   ]]

   -- What the program printed, and what is left in the folder that is its home.
   local function outcome(credential)
      local dir = keeper.folder(keeper.root("@spec/sandbox/x"), "empty")
      finally(function() os.execute("rm -rf " .. keeper.quote(dir)) end)
      local command, path = walks.command(sandbox, RECORDER .. WALK)
      local words = { "env -u SSLKEYLOGFILE HOME=" .. keeper.quote(dir), "TMPDIR=" .. keeper.quote(dir), command }
      for _, word in ipairs { path, dir, credential, sandbox:base { run = sandbox:new_run(), size = 250 }, sandbox.ca_file,
         server:base { lie = "escapes" }, sandbox.customer_id, sandbox.tenant_id } do
         words[#words + 1] = keeper.quote(word)
      end
      local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
      local output = pipe:read("a")
      pipe:close()
      return output, listing(dir)
   end

   for _, way in ipairs { "token", "client_secret", "certificate" } do
      it("with a " .. way .. " writes no file and starts no program (security 23), prints nothing (security 15), and sets no "
         .. "SSLKEYLOGFILE (security 20)", function()
         local credential = ("{ token = %q }"):format(sandbox.token)
         if way ~= "token" then
            local pem, key = certs.client(sandbox.dir, "app")
            sandbox:register(pem)
            credential = ("{ client_id = %q, token_url = %q, %s }"):format(sandbox.client_id, sandbox:token_url(),
               way == "certificate" and ("certificate = %q, private_key = %q"):format(pem, key)
               or ("client_secret = %q"):format(sandbox.client_secret))
         end
         local output, left = outcome(credential)
         assert.equal("done:\tnil\n", output)
         assert.same({}, left)
      end)
   end
end)

describe("the sources", function()
   it("security 23: hold no function that writes, starts a program or connects by itself", function()
      local sources = keeper.output("cat lua/avepoint/*.lua lua/avepoint/elements/*.lua")
      for _, word in ipairs { "os%.execute", "io%.popen", "io%.output", "io%.write", "os%.tmpname", "os%.remove", "os%.rename",
         "print%(", "loadstring", "[^%w_.:]load%(", "dofile", "loadfile", "debug%." } do
         assert.is_nil(sources:find(word), word)
      end
      sources = keeper.output("cat src/*.c")
      for _, word in ipairs { "fopen", "creat%(", "[^%w_]system%(", "popen", "execv", "setenv", "putenv", "printf%(stderr",
         "CURLOPT_VERBOSE", "CURLOPT_COOKIE", "CURLOPT_HSTS", "CURLOPT_ALTSVC", "CURLOPT_UNIX_SOCKET_PATH", "NETRC_FILE" } do
         assert.is_nil(sources:find(word), word)
      end
   end)
end)

describe("an answer", function()
   it("security 5: that names a next page elsewhere is not followed there", function()
      local page = '{"data":[{"id":"a"}],"metadata":{"pageIndex":1,"pageSize":100,"totalCount":1},"nextLink":"%s",'
         .. '"@odata.nextLink":"%s"}'
      local client <close>, tenant, run = walks.open(server, {
         json = server:upload((page:gsub("%%s", server.elsewhere .. "/next"))),
      })
      local list, receipt = tenant:collect()
      assert.equal("a", list[1].id)
      assert.is_true(receipt.complete)
      assert.equal(1, server:count(run))
      for _, connection in ipairs(server:connections()) do
         assert.not_equal("elsewhere", connection.port)
      end
      client:close()
   end)

   for _, status in ipairs { 200, 403, 500 } do
      it("security 15: with status " .. status .. " puts nothing but its request id into an event, and no byte that acts "
         .. "on a terminal", function()
         local MARK = "canary-in-a-body"
         local marked = server:upload((('{"message":"%s","data":[{"id":"%s"}],"metadata":{"pageIndex":1,"pageSize":100,'
            .. '"totalCount":1}}'):gsub("%%s", MARK)))
         local events = {}
         local client <close>, tenant = walks.open(server, { json = marked, status = status }, {
            max_attempts = 1, on_event = function(event) events[#events + 1] = event end,
         })
         tenant:page()
         client:close()
         assert.is_true(#events >= 2)
         assert.is_nil(walks.reveals(events, MARK))
         assert.is_nil(walks.reveals(events, "liar "))
         for _, event in ipairs(events) do
            for name, value in pairs(event) do
               assert.is_true(type(value) ~= "table" and type(value) ~= "function", name)
               assert.is_nil(tostring(value):find("%c"), name)
            end
         end
      end)
   end

   it("security 15: shows escapes of its request id as text, in events and errors", function()
      local ids = {}
      local client <close>, tenant = walks.open(server, { lie = "escapes" }, {
         max_attempts = 1, on_event = function(event) ids[#ids + 1] = event.request_id end,
      })
      local _, err = tenant:page()
      client:close()
      assert.same({ [[\x1b[2J\x7f]] }, ids)
      assert.equal([[\x1b[2J\x7f]], err.request_id)
   end)
end)

describe("a request", function()
   it("security 12: has no header of the caller's but user_agent", function()
      local client <close>, tenant, run = walks.open(server, { size = 1 }, { user_agent = "tool/1 (x; y)" })
      assert(tenant:page())
      client:close()
      local names = {}
      for name in server:log(run)[1].head:gmatch("\n([%w-]+):") do
         names[#names + 1] = name
      end
      table.sort(names)
      assert.equal("Accept Accept-Encoding Authorization Content-Length Content-Type Host User-Agent",
         table.concat(names, " "))
      assert.matches("\r\nUser%-Agent: tool/1 %(x; y%)\r\n", server:log(run)[1].head)
      for _, agent in ipairs { "a\r\nX-Injected: 1", "a\nb", "é", ("x"):rep(257), "\127", "" } do
         assert.is_false((pcall(elements.client, { token = "x", user_agent = agent })))
      end
      for _, name in ipairs { "headers", "header", "cookie", "http_headers" } do
         assert.is_false((pcall(elements.client, { token = "x", [name] = "X: y" })))
      end
   end)
end)

describe("a secret", function()
   it("security 14: is not shown where a member of an answer bears its name", function()
      for _, secret in ipairs { "canary-of-a-token", "canary-" .. ("0123456789"):rep(10) } do
         local name = server:upload(('{"data":[{"id":"a","%s":[null]}],"metadata":{}}'):format(secret))
         local client <close>, tenant = walks.open(server, { json = name }, { token = secret })
         local _, err = tenant:page()
         client:close()
         assert.equal("protocol", err.kind)
         assert.is_truthy(err.message:find("is a null inside an array", 1, true))
         assert.is_nil(walks.reveals(err, "canary"))
      end
   end)

   it("security 13: of a function is asked for at each request for a token, and the manual says what becomes of it", function()
      local run, calls = sandbox:new_run(), 0
      local client <close> = assert(elements.client {
         client_id = sandbox.client_id, ca_file = sandbox.ca_file, proxy = "", base_url = sandbox:base { run = run, size = 1 },
         token_url = sandbox:token_url { run = run, token_fail = "503:busy:1" },
         client_secret = function()
            calls = calls + 1
            return sandbox.client_secret
         end,
      })
      assert.equal(0, calls)
      assert(client:tenant(sandbox.customer_id, sandbox.tenant_id):page())
      assert.equal(2, calls)
      assert.equal(2, sandbox:count(run, "token"))
      assert.is_nil(walks.reveals(client, sandbox.client_secret))
      assert.is_truthy(keeper.read("README.md"):find("can't be wiped", 1, true))
   end)
end)

describe("a walk", function()
   it("security 24: has a connection a request at once and one for tokens, few other descriptors, and no thread left", function()
      local WINDOW, OWN = 4, 8 -- the set, its timer and its counter, libcurl's own
      local function count(what)
         return #listing("/proc/self/" .. what)
      end
      collectgarbage()
      collectgarbage()
      local run = sandbox:new_run()
      local before, threads, most = count("fd"), count("task"), 0
      local client <close> = assert(elements.client {
         client_id = sandbox.client_id, client_secret = sandbox.client_secret, ca_file = sandbox.ca_file, proxy = "",
         base_url = sandbox:base { run = run, size = 600, cap = 20, latency = 5 }, concurrency = WINDOW,
         token_url = sandbox:token_url { run = run },
         on_event = function() most = math.max(most, count("fd")) end,
      })
      assert.equal(600, #assert(client:tenant(sandbox.customer_id, sandbox.tenant_id):collect()))
      assert.is_true(most - before <= WINDOW + 1 + OWN, most - before)
      local connections, n = {}, 0
      for _, entry in ipairs(sandbox:log(run)) do
         n = n + (connections[entry.connection] and 0 or 1)
         connections[entry.connection] = true
      end
      assert.is_true(n <= WINDOW + 1, n)
      assert.is_true(sandbox:report(run).max_in_flight <= WINDOW + 1)
      client:close()
      assert.equal(before, count("fd"))
      assert.is_true(count("task") <= threads)
   end)
end)
