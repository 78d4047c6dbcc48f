-- Ctrl-C in scripts, in coroutines and at the prompt of lua, while waiting and while busy; SIGTERM. Real processes and a
-- real terminal, driven by a few lines of Python, which has ptys.

local cjson = require("cjson")

local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

-- driver.py KIND SIGNAL DELAY COMMAND: starts a command, waits until it says READY, waits DELAY seconds, interrupts it.
-- KIND script: SIGNAL by kill, until it ends. KIND prompt: in a terminal, LINES typed one after the other, Ctrl-C typed
-- after the last but one, the last one typed when the prompt is back.
local DRIVER = [[
import json, os, pty, select, signal, subprocess, sys, time
kind, name, delay, command = sys.argv[1], sys.argv[2], float(sys.argv[3]), "exec " + sys.argv[4]
lines = sys.argv[5:]
text = ""

def read(fd, marker, seconds):
    global text
    stop = time.monotonic() + seconds
    while marker not in text:
        left = stop - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            return False
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        text += data.decode("utf-8", "replace")
    return True

if kind == "script":
    p = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ready = read(p.stdout.fileno(), "READY", 60)
    time.sleep(delay)
    began = time.monotonic()
    p.send_signal(getattr(signal, name))
    read(p.stdout.fileno(), "\0", 10)
    took = time.monotonic() - began
    ready = ready and took < 10
    p.kill()
    status = p.wait()
else:
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.execvp("sh", ["sh", "-c", command])
    ready, took, first = True, 0, ""
    for i, line in enumerate(lines):
        ready = ready and read(fd, "> ", 60)
        text = ""
        os.write(fd, line.encode() + b"\n")
        if i == len(lines) - 2:
            ready = ready and read(fd, "READY", 60)
            time.sleep(delay)
            began = time.monotonic()
            os.write(fd, b"\x03")
            ready = ready and read(fd, "interrupted!", 10)
            took = time.monotonic() - began
            first = text
            text = text[text.find("interrupted!"):] if ready else text
    ready = ready and read(fd, "DONE", 60)
    text = first + text
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
print(json.dumps({"ready": ready, "seconds": took, "status": status, "output": text.replace("\r", "")}))
]]

local sandbox

setup(function()
   sandbox = sandboxes.start {}
   local file = assert(io.open(sandbox.dir .. "/driver.py", "w"))
   file:write(DRIVER)
   file:close()
end)

teardown(function()
   sandbox:stop()
end)

local function drive(kind, signal, delay, command, ...)
   local words = { "python3", sandbox.dir .. "/driver.py", kind, signal, tostring(delay), command, ... }
   for i, word in ipairs(words) do
      words[i] = keeper.quote(word)
   end
   local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1", "r"))
   local text = pipe:read("a")
   pipe:close()
   local ok, result = pcall(cjson.decode, text)
   assert(ok, text)
   assert.is_true(result.ready, result.output)
   return result
end

-- Runs a script that prints READY, signals it, and gives { output, status, seconds }.
local function interrupted(knobs, body, delay, signal)
   knobs.run = knobs.run or sandbox:new_run()
   local command, path = walks.command(sandbox, [[io.stdout:setvbuf("no")]] .. "\n"
      .. walks.script(sandbox, knobs, "", "http") .. body)
   return drive("script", signal or "SIGINT", delay or 0.15, command .. " " .. keeper.quote(path)), knobs.run
end

-- Pages 1 and 2 at once, the others after twenty seconds: who has 200 users waits.
local function waiting()
   return { size = 2000, slow = "20000:3-" }
end

local function busy()
   return { size = 1000000 }
end

local function assert_stopped(result, run)
   assert.is_true(result.seconds < 5, result.seconds .. " s")
   assert.equal(0, (walks.settled(sandbox, run)).in_flight)
end

describe("Ctrl-C in a script", function()
   local LOOP = [[
      local n = 0
      for user in tenant:users() do
         n = n + 1
         if n == 200 then
            print("READY")
         end
      end
      print("not interrupted", n)
   ]]

   it("fault 56: that waits stops it at once with lua's own words", function()
      local result, run = interrupted(waiting(), LOOP)
      assert.matches("interrupted!", result.output)
      assert.is_nil(result.output:find("not interrupted", 1, true))
      assert.equal(1, result.status)
      assert_stopped(result, run)
   end)

   it("fault 56: that waits for its first page stops it at once", function()
      local result, run = interrupted({ latency = 20000 }, [[print("READY") local n = tenant:count() print("got", n)]])
      assert.matches("interrupted!", result.output)
      assert.is_nil(result.output:find("got", 1, true))
      assert.equal(1, result.status)
      assert_stopped(result, run)
   end)

   it("fault 56: that waits for a connection stops it at once", function()
      local result = interrupted({}, [[
         local lost = assert(elements.client { token = "x", base_url = "https://192.0.2.1/partner", proxy = "" })
         print("READY")
         print("got", lost:tenant("a", "b"):count())
      ]])
      -- where there is no route there is nothing to wait for
      assert.is_true(result.seconds < 5, result.seconds .. " s")
   end)

   it("fault 56: that decodes and walks without a pause stops it at once", function()
      local result, run = interrupted(busy(), LOOP, 0.4)
      assert.matches("interrupted!", result.output)
      assert.equal(1, result.status)
      assert_stopped(result, run)
   end)

   it("fault 56: that pauses as the service asked stops it at once", function()
      local result, run = interrupted({ fail = "429:2", retry_after = 20 }, [[
         for user, page in tenant:users() do
            if user == page.data[#page.data] then
               print("READY")
            end
         end
      ]])
      assert.matches("interrupted!", result.output)
      assert_stopped(result, run)
   end)

   it("fault 56: that catches it can go on with the same client, a true receipt and resume", function()
      local knobs = waiting()
      local result, run = interrupted(knobs, [[
         local walk = tenant:users()
         local n = 0
         local ok, err = pcall(function()
            for user in walk, nil, nil, walk do
               n = n + 1
               if n == 200 then
                  print("READY")
               end
            end
         end)
         local receipt = walk:receipt()
         print(ok, tostring(err):match("interrupted!"), n, receipt.users, receipt.complete)
         print(receipt.stop_reason == "error" or receipt.stop_reason == "closed", #receipt.resume > 0)
         print(tenant:count())
         local well = assert(elements.client { token = "]] .. sandbox.token .. [[", proxy = "",
            base_url = "]] .. sandbox:base({ size = 2000 }, "http") .. [[" })
         local list, last = well:tenant(tenant.customer_id, tenant.tenant_id):collect { resume = receipt.resume }
         print(#list, last.stop_reason, last.drift)
      ]])
      assert.equal("READY\nfalse\tinterrupted!\t200\t200\tfalse\ntrue\ttrue\n2000\n1800\tend\tfalse\n", result.output)
      assert.equal(0, result.status)
      assert.equal(0, (walks.settled(sandbox, run)).in_flight)
   end)

   for name, knobs in pairs { ["that waits"] = waiting(), ["that is busy"] = busy() } do
      it("fault 56: in a coroutine " .. name .. " is an error of the kind interrupted there", function()
         local result, run = interrupted(knobs, [[
            local co = coroutine.create(function()
               local walk = tenant:users()
               local ok, err = pcall(function()
                  local n = 0
                  for user in walk, nil, nil, walk do
                     n = n + 1
                     if n == 200 then
                        print("READY")
                     end
                  end
               end)
               print(ok, elements.is_error(err), err.kind, err.message, walk:receipt().stop_reason)
            end)
            coroutine.resume(co)
            print("not interrupted")
         ]], 0.3)
         assert.is_truthy(result.output:find("false\ttrue\tinterrupted\tCtrl-C was typed\terror\n", 1, true), result.output)
         assert.is_truthy(result.output:find("interrupted!", 1, true))
         assert.is_nil(result.output:find("not interrupted", 1, true))
         assert.equal(1, result.status)
         assert_stopped(result, run)
      end)
   end

   it("fault 56: that a debug hook of its own runs in goes on undisturbed", function()
      local output, status = walks.run(sandbox, walks.script(sandbox, { run = "hooked", size = 250, latency = 5 }) .. [[
         local calls = 0
         debug.sethook(function() calls = calls + 1 end, "crl", 1)
         local list = tenant:collect()
         debug.sethook()
         print(#list, calls > 100)
      ]])
      assert.equal("250\ttrue\n", output)
      assert.equal(0, status)
   end)
end)

describe("Ctrl-C at lua's prompt", function()
   local function prompted(knobs, delay, ...)
      knobs.run = sandbox:new_run()
      local command, path = walks.command(sandbox, (walks.script(sandbox, knobs, "", "http"):gsub("local (%w+ =)", "%1")))
      return drive("prompt", "SIGINT", delay, command .. " -i " .. keeper.quote(path), ...), knobs.run
   end

   local LOOP = [[n = 0 for user in tenant:users() do n = n + 1 if n == 200 then print("REA" .. "DY") end end]]
   local NEXT = [[print("n", n, "count", tenant:count(), "DO" .. "NE")]]

   it("fault 56: that waits stops the line, and the next call works", function()
      local result, run = prompted(waiting(), 0.2, LOOP, NEXT)
      assert.matches("interrupted!", result.output)
      assert.matches("n\t200\tcount\t2000\tDONE", result.output)
      assert_stopped(result, run)
   end)

   it("fault 56: that is busy stops the line, and the next call works", function()
      local result, run = prompted(busy(), 0.4, LOOP, NEXT)
      assert.matches("interrupted!", result.output)
      assert.matches("n\t%d+\tcount\t1000000\tDONE", result.output)
      assert_stopped(result, run)
   end)

   it("fault 56: in a coroutine stops the line, and the next call works", function()
      local result, run = prompted(waiting(), 0.2, "for x in coroutine.wrap(function() " .. LOOP .. " end) do end", NEXT)
      assert.matches("interrupted!", result.output)
      assert.matches("n\t200\tcount\t2000\tDONE", result.output)
      assert_stopped(result, run)
   end)
end)

describe("SIGTERM", function()
   it("ends a script that waits as it ends any program", function()
      local result, run = interrupted(waiting(), [[
         local n = 0
         for user in tenant:users() do
            n = n + 1
            if n == 200 then
               print("READY")
            end
         end
      ]], 0.15, "SIGTERM")
      assert.equal(-15, result.status)
      assert_stopped(result, run)
   end)
end)

describe("Ctrl-C between any two steps of the engine", function()
   -- As lua.c does it: a hook on all events that raises; here at the n-th. Locals, since busted's globals are functions.
   local error, pcall, sethook = error, pcall, debug.sethook

   local function interrupted_at(n, f)
      local left, over = n, false
      sethook(function()
         left = left - 1
         if left <= 0 and not over then
            over = true
            sethook()
            error("interrupted!", 0)
         end
      end, "crl", 1)
      local ok, err = pcall(function()
         f()
         over = true
      end)
      sethook()
      return ok, err
   end

   it("fault 56: leaves a client that can sign in", function()
      local service <close> = sandboxes.start {}
      for n = 40, 9000, 97 do
         local run = service:new_run()
         local _ <close>, tenant = walks.open(service, { size = 300, run = run }, {
            timeout = 20, token = false, client_id = service.client_id, client_secret = service.client_secret,
            token_url = service:token_url { run = run },
         })
         local ok, err = interrupted_at(n, function()
            return #assert(tenant:collect { deadline = 30 })
         end)
         if ok then
            assert.is_true(n > 1000, n) -- the whole of it, and with it the sign-in, was gone through
            break
         end
         assert.is_true(err == "interrupted!" or tostring(err):find("interrupted!", 1, true) ~= nil, tostring(err))
         assert.equal(300, #assert(tenant:collect { deadline = 30 }), n)
         assert.is_true(service:count(run, "token") <= 2, n)
      end
   end)

   it("fault 56: ends its own walk, whose resume is right, and costs another one nothing", function()
      local service <close> = sandboxes.start {}
      for n = 150, 9000, 37 do
         local _ <close>, tenant = walks.open(service, { size = 800 }, { timeout = 20 })
         local mine, other = tenant:pages { concurrency = 4, deadline = 30 }, tenant:pages { concurrency = 4, deadline = 30 }
         local got, others = #mine().data, #other().data
         local ok, err = interrupted_at(n, function()
            for _ = 1, 3 do
               got = got + #mine().data
            end
         end)
         if ok then
            break -- that far three steps don't go
         end
         assert.equal("interrupted!", err, n)
         local receipt = mine:receipt()
         mine:close()
         -- a page that was on its way back to us may be counted, and then may come again
         local on_its_way = receipt.users == got + 100
         assert.is_true(on_its_way or receipt.users == got, n)
         for page in other do
            others = others + #page.data
         end
         assert.equal(800, others, n)
         assert.is_true(other:receipt().complete, n)
         local rest = #assert(tenant:collect { resume = receipt.resume, deadline = 30 })
         assert.is_true(rest == 800 - got or on_its_way and rest == 700 - got, n)
      end
   end)
end)
