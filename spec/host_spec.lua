-- The host program and its machine: DNS that stalls, clocks that jump, descriptors that run out, fork, lua_close at any
-- moment, signals held back, system calls that fail. Each in a child process, behind spec/support/shim.c where it must
-- be made to happen.

local walks = require("spec.support.walks")

local sandbox, liar, head, shim

setup(function()
   sandbox = require("spec.sandbox.sandbox").start()
   liar = require("spec.sandbox.liar").start()
   head, shim = walks.natives(sandbox.dir)
end)

teardown(function()
   sandbox:stop()
   liar:stop()
end)

-- Output, exit status and seconds of a script, behind the shim where `with` is its environment.
local function run(script, with, before)
   local environment = with and { LD_PRELOAD = shim }
   for name, value in pairs(with or {}) do
      environment[name] = value
   end
   return walks.run(sandbox, head .. script, environment, before)
end

-- The head of a script, its client at another address.
local function at(base_url, more)
   return (walks.script(sandbox, nil, more):gsub("base_url = \"[^\"]*\"", function()
      return ("base_url = %q"):format(base_url)
   end))
end

local STALLED = "https://stalled.invalid/partner"

describe("a host", function()
   it("fault 2: whose DNS stalls gets its timeout, and is not held up by close, collection or its end (7.87 #newcurl)", function()
      for _, ending in ipairs { "client:close()", "client, tenant = nil, nil collectgarbage() collectgarbage()", "" } do
         local output, status, seconds = run(at(STALLED, "connect_timeout = 0.3, max_attempts = 1,") .. [[
            local _, err = tenant:page()
            print(err.kind)
         ]] .. ending, { SHIM_DNS = "20" })
         assert.equal("timeout\n", output)
         assert.equal(0, status)
         assert.is_true(seconds < 10, seconds)
      end
   end)

   it("fault 15: whose wall clock jumps by a day at every look has its walk, its repeats and its deadline", function()
      local begin = walks.script(sandbox, { run = sandbox:new_run(), size = 1234, latency = "5-20", fail = "503:3:2" })
      local output, status, seconds = run((begin:gsub("token = (%b\"\")", "token = function() return %1, 600 end")) .. [[
         local list, receipt = assert(tenant:collect { deadline = 60 })
         print(#list, receipt.complete, receipt.elapsed < 60)
         local walk, began = tenant:pages { page_size = 1, deadline = 0.2 }, require("avepoint.elements.core").now()
         repeat
            local ok, err = pcall(walk)
         until not ok and print(err.kind) or not ok
         print(require("avepoint.elements.core").now() - began < 20)
      ]], { SHIM_JUMP = "90000" })
      assert.equal("1234\ttrue\ttrue\ntimeout\ntrue\n", output)
      assert.equal(0, status)
      assert.is_true(seconds < 90, seconds)
   end)

   local STAGES = {
      ["a name is looked up (7.87 #newcurl)"] = function() return at(STALLED) end,
      ["a connection does not come about"] = function() return at(liar.black_hole .. "/partner") end,
      ["a handshake hangs"] = function() return at((liar.mute:gsub("^http:", "https:")) .. "/partner") end,
      ["an answer is awaited"] = function() return walks.script(sandbox, { latency = 20000 }) end,
      ["an answer drips in"] = function() return at(liar:base { lie = "drip" }) end,
      ["a repeat waits"] = function() return walks.script(sandbox, { fail = "503:1" }, "max_attempts = 50,") end,
      ["the service asked to wait"] = function() return walks.script(sandbox, { fail = "429:1", retry_after = 60 }) end,
      ["a token is asked for"] = function()
         return (walks.script(sandbox):gsub("token = %b\"\"", function()
            return ("token_url = %q, client_id = %q, client_secret = %q"):format(
               sandbox:token_url { token_latency = 20000 }, sandbox.client_id, sandbox.client_secret)
         end))
      end,
   }
   for stage, begin in pairs(STAGES) do
      it("fault 52: may end by lua_close while " .. stage, function()
         local from_inside = begin():gsub("elements.client {", [[elements.client {
            wait = function()
               require("socket").sleep(0.002)
               if require("avepoint.elements.core").now() > till then
                  os.exit(7, true)
               end
            end, ]])
         for wanted, script in pairs {
            [7] = "local till = require('avepoint.elements.core').now() + 0.15\n" .. from_inside .. "tenant:page()",
            [1] = begin() .. "kept = tenant:users { deadline = 0.15 } kept()",
         } do
            local output, status, seconds = run(script, { SHIM_DNS = "20" })
            assert.equal(wanted, status, output)
            assert.equal(wanted == 1, output:find("deadline", 1, true) ~= nil or output:find("page 1,", 1, true) ~= nil, output)
            assert.is_true(seconds < 10, seconds)
         end
      end)
   end

   it("fault 57: that forks within a walk goes on with it; its child is told, and may have a client of its own", function()
      local knobs = { run = sandbox:new_run(), size = 600, latency = 30 }
      local output, status = run(walks.script(sandbox, knobs) .. [[
         local native = require("native")
         local walk = tenant:users { page_size = 50 }
         local n = 0
         for _ = 1, 60 do
            walk()
            n = n + 1
         end
         local pid = native.fork()
         if pid == 0 then
            local kinds = {}
            for i, f in ipairs { function() for _ in walk do end end, function() client:fd() end,
               function() error((select(2, tenant:page())), 0) end } do
               local _, err = pcall(f)
               kinds[i] = elements.is_error(err) and err.kind or tostring(err)
            end
            walk:close()
            client:close()
            ]] .. walks.script(sandbox, { run = sandbox:new_run(), size = 7 }) .. [[
            local own = #assert(tenant:page()).data
            os.exit(table.concat(kinds, " ") == "forked forked forked" and own == 7 and 7 or 1, true)
         end
         local code = native.wait(pid)
         for _ in walk do
            n = n + 1
         end
         print(code, n, walk:receipt().complete, walk:receipt().retries)
      ]], nil, "export FORGETS=1;")
      assert.equal("7\t600\ttrue\t0\n", output)
      assert.equal(0, status)
   end)

   it("with 2,000 open descriptors has its walk", function()
      local output, status = run(walks.script(sandbox, { run = sandbox:new_run(), size = 450 }) .. [[
         local files = {}
         for i = 1, 2000 do
            files[i] = assert(io.open("/dev/null"))
         end
         ]] .. walks.script(sandbox, { run = sandbox:new_run(), size = 450 }) .. [[
         print(client:fd() > 1024, #assert(tenant:collect()))
      ]], nil, "ulimit -n 4096;")
      assert.equal("true\t450\n", output)
      assert.equal(0, status)
   end)

   it("without a free descriptor gets an error, and all goes well once there are some", function()
      local output, status = run(walks.script(sandbox, { run = sandbox:new_run(), size = 4 }, "max_attempts = 1,") .. [[
         local made = elements.client
         local function without(f)
            local files = {}
            repeat
               files[#files + 1] = io.open("/dev/null")
            until #files == 0 or not io.open("/dev/null")
            collectgarbage("stop")
            local _, err = f()
            for _, file in ipairs(files) do
               file:close()
            end
            collectgarbage("restart")
            collectgarbage()
            print(err.kind, err.message:find("Too many open files") ~= nil)
         end
         without(function() return elements.client { token = "a", base_url = "https://127.0.0.1:1" } end)
         without(function() return tenant:page() end)
         print(#assert(tenant:page()).data)
      ]], nil, "ulimit -n 100;")
      assert.equal("config\ttrue\nnetwork\tfalse\n4\n", output)
      assert.equal(0, status)
   end)

   it("fault 16: that holds a SIGPIPE back itself keeps it", function()
      local output, status = run(walks.script(sandbox, { run = sandbox:new_run(), size = 4 }) .. [[
         local native = require("native")
         native.hold_sigpipe()
         print(#assert(tenant:page()).data, native.sigpipe_waits())
         client:close()
         print(native.sigpipe_waits())
      ]])
      assert.equal("4\ttrue\ntrue\n", output)
      assert.equal(0, status)
   end)

   it("fault 16: sees no change of what it does on SIGPIPE", function()
      local output, status = run(walks.script(sandbox, { run = sandbox:new_run(), size = 250 }) .. [[
         print(#assert(tenant:collect()))
         client:close()
      ]], { SHIM_TELL = "1" })
      assert.equal("250\n", (output:gsub("folder\n", "")))
      assert.equal(0, status)
   end)

   it("security 3: that names a ca_file has no folder of other authorities looked into, for service and proxy", function()
      for _, proxy in ipairs { "", sandbox.https } do
         local script = ([[
            local elements = require("avepoint.elements")
            local client = elements.client { token = "t", base_url = %q, ca_file = CA, proxy = %q, max_attempts = 1 }
            client:tenant("c", "t"):page()
            print("done")
         ]]):format(sandbox.https, proxy)
         local ours, system = ("%q"):format(sandbox.ca_file), "nil"
         assert.equal("done\n", (run((script:gsub("CA", function() return ours end)), { SHIM_TELL = "1" })))
         assert.matches("folder\n", (run((script:gsub("CA", system)), { SHIM_TELL = "1" })))
      end
   end)

   it("fault 46: that drives nothing for ten minutes has no connection given up by libcurl's own clocks", function()
      local output, status = run(([[
         local core, native = require("avepoint.elements.core"), require("native")
         local handle = core.open { slots = 1, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "x", proxy = "" }
         assert(handle:send { url = %q, body = "", limit = 1, cleartext = true })
         assert(handle:drive(true))
         handle:wait(0.05)
         native.later(600)
         for _ = 1, 5 do
            assert(handle:drive(true))
            handle:wait(0.05)
         end
         print((handle:take()))
      ]]):format(liar.black_hole), {})
      assert.equal("nil\n", output)
      assert.equal(0, status)
   end)

   local FAILURES = { -- name:n:errno, what the first call gives; the second one goes well
      { "epoll_ctl:1:28", "network" }, { "epoll_ctl:1:17", "4" }, { "epoll_ctl:2:2", "4" },
      { "ppoll:1:22", "network" }, { "timerfd_settime:1:22", "network" }, { "curl_global_init:1:0", "config" },
   }
   for _, case in ipairs(FAILURES) do
      it("whose system fails in " .. case[1] .. " gets an error of the kind " .. case[2], function()
         local begin = walks.script(sandbox, { run = sandbox:new_run(), size = 4, latency = 30 }, "max_attempts = 1,")
         local output, status = run([[
            local function try()
               local elements = require("avepoint.elements")
               local assert = function(value, err) return value or error(err, 0) end
               ]] .. begin .. [[
               for _ = 1, 2 do
                  local ok, page = pcall(function() return assert(tenant:page()) end)
                  print(ok and #page.data or page.kind)
               end
            end
            local ok, err = pcall(try)
            if not ok then
               print(err.kind)
            end
         ]], { SHIM_FAIL = case[1] })
         assert.equal(case[2] == "config" and "config\n" or case[2] .. "\n4\n", output)
         assert.equal(0, status)
      end)
   end
end)
