-- Clients inside event loops, the same for each of the two real ones: the host goes on, coroutines share a client and
-- hinder nobody, everything of the caller's may yield, and nothing is left behind.
--
-- Criteria: the engine's net under its waits is taken away (max_wait), so that what works does so by being woken; a
-- loop that hangs fails the spec; times are judged without what other processes took of the machine (WAIT_FIGURES=1
-- prints them).

local core = require("avepoint.elements.core")
local elements = require("avepoint.elements")
local lfs = require("lfs")
local loops = require("spec.support.loops")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local now = core.now
local sandbox

setup(function()
   sandbox = sandboxes.start {}
end)

teardown(function()
   sandbox:stop()
end)

local function descriptors()
   collectgarbage()
   local n = 0
   for _ in lfs.dir("/proc/self/fd") do
      n = n + 1
   end
   return n
end

-- Seconds that this process was kept from running, while it could have; 0 where the kernel does not count them.
local function kept()
   local file <close> = io.open("/proc/self/schedstat")
   return file and tonumber(file:read("a"):match("^%d+ (%d+)")) / 1e9 or 0
end

-- The shortest of five runs of `measure`, or the first that is below `limit`.
local function best(limit, measure)
   local least = math.huge
   for _ = 1, 5 do
      least = math.min(least, measure())
      if least <= limit then
         break
      end
   end
   return least
end

for _, loop in ipairs(loops) do
   describe("in a loop of " .. loop.name, function()
      local run, sleep = loop.run, loop.sleep

      local function open(knobs, options)
         local with = { wait = loop.wait }
         for name, value in pairs(options or {}) do
            with[name] = value
         end
         local client, tenant, name = walks.open(sandbox, knobs, with)
         client.engine.max_wait = 3600
         return client, tenant, name
      end

      -- Runs functions and says how long that took.
      local function timed(...)
         local began = now()
         run(...)
         return now() - began
      end

      -- Sleeps until a condition holds, or for as long as nothing here may take.
      local function sleep_until(condition)
         local deadline = now() + 10
         while not condition() and now() < deadline do
            sleep(0.02)
         end
      end

      it("a walk gives every user", function()
         local _ <close>, tenant = open { size = 1234, latency = "1-20" }
         run(function()
            local users, walk = walks.all(tenant)
            assert.equal("1-1234", walks.numbers(users))
            assert.is_true(walk:receipt().complete)
         end)
      end)

      it("the host goes on: a ticker is late by 20 ms and a page's decoding at most", function()
         local page = require("cjson").encode { data = walks.users(1, 100) }
         local began = os.clock()
         for _ = 1, 10 do
            core.decode(page)
         end
         local decoding = (os.clock() - began) / 10
         local late = best(0.020 + decoding, function()
            local client <close>, tenant, name = open { size = 10000, latency = 50, fail = "429:80-82:3", retry_after = 1 }
            local worst, ticks, walking, users = 0, 0, true, nil
            run(function()
               users = walks.all(tenant)
               walking = false
            end, function()
               while walking do
                  local from, before = now(), kept()
                  sleep(0.010)
                  worst, ticks = math.max(worst, now() - from - 0.010 - (kept() - before)), ticks + 1
               end
            end)
            assert.equal("1-10000", walks.numbers(users))
            assert.is_true(ticks > 100, ticks)
            assert.equal(103, sandbox:count(name))
            client:close()
            return worst
         end)
         if os.getenv("WAIT_FIGURES") then print(loop.name, late * 1e3, decoding * 1e3) end
         assert.is_true(late <= 0.020 + decoding, ("late by %.1f ms, decoding takes %.1f"):format(late * 1e3, decoding * 1e3))
      end)

      it("three walks that share a client take no longer than one alone", function()
         local ratio = best(1.1, function()
            local client <close>, tenant = open({ size = 3000, latency = 50 }, { concurrency = 6 })
            local function walk()
               local users = walks.all(tenant, { concurrency = 2 })
               assert.equal("1-3000", walks.numbers(users))
            end
            run(function() tenant:count() end)
            local one = timed(walk)
            local three = timed(walk, walk, walk)
            client:close()
            return three / one
         end)
         if os.getenv("WAIT_FIGURES") then print(loop.name, ratio) end
         assert.is_true(ratio <= 1.1, ratio)
      end)

      it("many coroutines get their own walks' users", function()
         local client <close>, tenant = open({ size = 900, latency = "1-30" }, { concurrency = 5 })
         local tasks = {}
         for i = 1, 12 do
            tasks[i] = function()
               local from = i * 50
               local users = walks.all(tenant, i % 2 == 0 and { page_size = 30 + i } or
                  { user_ids = walks.ids(from, from + 40), page_size = 10 })
               assert.equal(i % 2 == 0 and "1-900" or from .. "-" .. from + 40, walks.numbers(users))
            end
         end
         run(table.unpack(tasks))
         client:close()
      end)

      it("coroutines that wait for a slow service let the machine rest", function()
         local waits = 0
         local client <close>, tenant = open({ size = 300, latency = 300 }, {
            wait = function(...)
               waits = waits + 1
               return loop.wait(...)
            end,
         })
         local function walk()
            walks.all(tenant)
         end
         run(walk, walk, walk)
         assert.is_true(waits < 150, waits)
         client:close()
      end)

      it("one whose loop's body takes long holds nobody up", function()
         local client <close>, tenant = open({ size = 1000, latency = 20 }, { concurrency = 2 })
         local done, first = false, nil
         run(function()
            for _ in tenant:pages { max_pages = 1 } do
               sleep_until(function() return done end)
               first = done
            end
         end, function()
            sleep(0.1)
            assert.equal("1-1000", walks.numbers((walks.all(tenant))))
            done = true
         end)
         client:close()
         assert.is_true(first)
      end)

      it("closing a walk wakes the coroutine that waits in it, and leaves the others alone", function()
         local client <close>, tenant = open { size = 800, latency = 10 }
         local slow <close>, slow_tenant, name = open({ latency = 20000 }, { scheme = "http" })
         slow.engine.max_wait = 3600
         local walk, woke, closed = slow_tenant:users(), nil, nil
         run(function()
            local _, err = walks.drain(walk)
            woke = now()
            assert.equal("closed", err.kind)
            assert.equal("closed", walk:receipt().stop_reason)
         end, function()
            sleep(0.1)
            closed = now()
            walk:close()
         end, function()
            assert.equal("1-800", walks.numbers((walks.all(tenant))))
         end)
         assert.is_true(woke - closed < 5, woke - closed)
         assert.equal(0, walks.settled(sandbox, name).in_flight)
         client:close()
      end)

      it("closing one of the walks that share a client leaves the others alone", function()
         local client <close>, tenant, name = open({ size = 1500, latency = 30 }, { concurrency = 4 })
         local victim, kind = tenant:users(), nil
         local function whole()
            assert.equal("1-1500", walks.numbers((walks.all(tenant))))
         end
         run(function()
            local _, err = walks.drain(victim)
            kind = err.kind
         end, whole, whole, function()
            sleep(0.15)
            victim:close()
         end)
         assert.equal("closed", kind)
         assert.equal(0, walks.settled(sandbox, name).in_flight)
         client:close()
      end)

      it("closing the client wakes all that wait, and leaves no descriptor", function()
         run(function() end) -- the loop's own descriptors
         local before = descriptors()
         local client, tenant = open { latency = 20000 }
         local kinds, woke, closed = {}, nil, nil
         local function wait()
            local _, err = walks.drain(tenant:users())
            kinds[#kinds + 1], woke = err.kind, now()
         end
         run(wait, wait, wait, function()
            sleep(0.1)
            closed = now()
            client:close()
            local _, err = walks.drain(tenant:users())
            assert.equal("closed", err.kind)
         end)
         assert.same({ "closed", "closed", "closed" }, kinds)
         assert.is_true(woke - closed < 5, woke - closed)
         assert.equal(before, descriptors())
      end)

      it("a client takes up the descriptor of the one before", function()
         local took = timed(function()
            for _ = 1, 8 do
               local client <close>, tenant = open { size = 300, latency = 5 }
               assert.equal("1-300", walks.numbers((walks.all(tenant))))
               client:close()
            end
         end)
         assert.is_true(took < 20, took)
      end)

      it("an error raised in the loop's body closes its walk and no other", function()
         local client <close>, tenant, name = open({ size = 1500, latency = 30 }, { concurrency = 4 })
         local thrown, receipt = {}, nil
         run(function()
            local walk, _, _, closing = tenant:users()
            local ok, err = pcall(function()
               for user in walk, nil, nil, closing do
                  assert(user)
                  error(thrown)
               end
            end)
            receipt = walk:receipt()
            assert.is_false(ok)
            assert.equal(thrown, err)
         end, function()
            assert.equal("1-1500", walks.numbers((walks.all(tenant))))
         end)
         assert.equal("closed", receipt.stop_reason)
         assert.equal(0, walks.settled(sandbox, name).in_flight)
         client:close()
      end)

      it("a coroutine that is gone is noticed: its walk ends, the others go on", function()
         local client, tenant, name = open({ size = 1000, latency = "20-40" }, { concurrency = 3 })
         local gone = setmetatable({}, { __mode = "k" })
         run(function()
            -- started by hand, in a loop that does not know it (cqueues) or resumes it like any other (luv)
            local co = coroutine.create(function()
               walks.all(tenant)
            end)
            gone[co] = true
            assert(coroutine.resume(co))
         end, function()
            sleep(0.05)
            collectgarbage()
            collectgarbage()
            assert.equal(loop.name == "luv", next(gone) ~= nil)
            assert.equal("1-1000", walks.numbers((walks.all(tenant))))
            client:close()
            sleep(0.05)
         end)
         assert.equal(0, walks.settled(sandbox, name).in_flight)
      end)

      it("token may yield: others wait for it and are woken", function()
         local calls = 0
         local client <close>, tenant = open({ size = 100, latency = 2000 }, {
            token = function()
               calls = calls + 1
               sleep(0.2)
               return sandbox.token
            end,
         })
         local function walk()
            assert.equal("1-100", walks.numbers((walks.all(tenant))))
         end
         local took = timed(walk, walk, walk)
         assert.equal(1, calls)
         assert.is_true(took < 3.9, took) -- and not two seconds more, as if woken by the first answer
         client:close()
      end)

      it("token may yield and fail: all that wait for it are told", function()
         local client <close>, tenant = open({}, {
            token = function()
               sleep(0.1)
               return nil, "the vault is sealed"
            end,
         })
         local kinds = {}
         local function walk()
            local _, err = walks.drain(tenant:users())
            kinds[#kinds + 1] = err.kind
         end
         local took = timed(walk, walk, walk)
         assert.same({ "auth", "auth", "auth" }, kinds)
         assert.is_true(took < 10, took)
         client:close()
      end)

      it("token may yield while others go on with the old one", function()
         local calls, asking, during = 0, false, 0
         local client <close>, tenant = open({ size = 12000, latency = 20 }, {
            token = function()
               calls = calls + 1
               if calls > 1 then
                  asking = true
                  sleep(0.5)
                  asking = false
               end
               return sandbox.token, calls == 1 and 2 or 3600 -- asked for again after 1.6 s, good for 1.9
            end,
            concurrency = 2,
         })
         local function walk()
            local users = {}
            for page in tenant:pages() do
               table.move(page.data, 1, #page.data, #users + 1, users)
               during = asking and during + 1 or during
            end
            assert.equal("1-12000", walks.numbers(users))
         end
         run(walk, walk)
         assert.equal(2, calls)
         assert.is_true(during >= 3, during)
         client:close()
      end)

      -- A client that signs in, its secret from a function that takes 0.2 s; `calls` counts.
      local calls
      local function sign_in(on_event)
         local name = sandbox:new_run()
         calls = 0
         local client = assert(elements.client {
            client_id = sandbox.client_id, token_url = sandbox:token_url { run = name }, on_event = on_event,
            base_url = sandbox:base { run = name, latency = 5 }, ca_file = sandbox.ca_file, proxy = "", wait = loop.wait,
            client_secret = function()
               calls = calls + 1
               sleep(0.2)
               return sandbox.client_secret
            end,
         })
         client.engine.max_wait = 3600
         return client, client:tenant(sandbox.customer_id, sandbox.tenant_id)
      end

      it("client_secret may yield", function()
         local client <close>, tenant = sign_in()
         local function walk()
            assert.equal("1-250", walks.numbers((walks.all(tenant))))
         end
         run(walk, walk)
         assert.equal(1, calls)
         client:close()
      end)

      it("on_event that is slow at the token's request holds nobody else up", function()
         local done, first = false, nil
         local client <close>, tenant = sign_in(function(event)
            if event.type == "request" and event.token then
               sleep_until(function() return done end)
               first = done
            end
         end)
         local function walk()
            assert.equal("1-250", walks.numbers((walks.all(tenant))))
            done = true
         end
         run(walk, walk)
         assert.is_true(first)
         client:close()
      end)

      it("on_event may yield for longer than an attempt may take", function()
         local client <close>, tenant = open({ size = 500, slow = "1300:2:1" }, {
            timeout = 0.8,
            on_event = function(event)
               if event.type == "response" and event.page_index == 3 then
                  sleep(0.9)
               end
            end,
         })
         run(function()
            local users, walk = walks.all(tenant)
            assert.equal("1-500", walks.numbers(users))
            assert.equal(0, walk:receipt().retries)
         end)
         client:close()
      end)

      it("on_event may yield at every event", function()
         local client <close>, tenant = open({ size = 500, latency = 5, fail = "503:2:1" }, {
            timeout = 0.6, concurrency = 3,
            on_event = function()
               sleep(0.1)
            end,
         })
         local retries = 0
         local function walk()
            local users, w = walks.all(tenant)
            assert.equal("1-500", walks.numbers(users))
            retries = retries + w:receipt().retries
         end
         run(walk, walk)
         assert.equal(1, retries)
         client:close()
      end)

      it("on_event that never comes back holds nobody up", function()
         local parked, victim, done, first
         local client <close>, tenant = open({ size = 600, latency = 10 }, {
            on_event = function(event)
               if not parked and event.type == "request" and coroutine.running() == victim then
                  parked = true
                  sleep_until(function() return done end)
                  first = done
               end
            end,
         })
         run(function()
            victim = coroutine.running()
            assert.equal("1-600", walks.numbers((walks.all(tenant))))
         end, function()
            assert.equal("1-600", walks.numbers((walks.all(tenant))))
            done = true
         end)
         assert.is_true(parked and first)
         client:close()
      end)

      it("walks share one request at a time by turns", function()
         local client <close>, tenant = open({ size = 1000, latency = 20 }, { concurrency = 1 })
         local pages, most = { 0, 0 }, 0
         local function walk(i)
            return function()
               for _ in tenant:pages() do
                  pages[i] = pages[i] + 1
                  most = math.max(most, math.abs(pages[1] - pages[2]))
               end
            end
         end
         run(walk(1), walk(2))
         assert.same({ 10, 10 }, pages)
         assert.is_true(most <= 2, most)
         client:close()
      end)

      it("the loop's body may yield, for longer than an attempt may take", function()
         local client <close>, tenant = open({ size = 300, latency = 100 }, { timeout = 0.6 })
         run(function()
            local walk = tenant:pages()
            for _ in walk do
               sleep(0.8)
            end
            assert.equal(0, walk:receipt().retries)
            assert.is_true(walk:receipt().complete)
         end)
         client:close()
      end)

      it("a deadline is kept while others go on", function()
         local client <close>, tenant = open({ size = 1000, latency = 100 }, { concurrency = 2 })
         run(function()
            local began = now()
            local _, err = walks.drain(tenant:users { deadline = 0.35 })
            assert.equal("timeout", err.kind)
            assert.is_true(now() - began > 0.34 and now() - began < 5, now() - began)
         end, function()
            assert.equal("1-1000", walks.numbers((walks.all(tenant))))
         end)
         client:close()
      end)

      it("a walk outside any coroutine says what to do", function()
         local client <close>, tenant = open {}
         local ok, err = pcall(tenant:users())
         assert.is_false(ok)
         assert.is_truthy(err:find("avepoint.elements.wait." .. loop.name .. ": .*walk in a coroutine"), err)
         client:close()
      end)

      -- What a script prints in a process of its own, with a walk of 20 pages at 50 ms to be begun by each `task`.
      local function child(text)
         local name = sandbox:new_run()
         local output, status = walks.run(sandbox, walks.script(sandbox, { run = name, size = 2000, latency = 50 },
            ("concurrency = 4, wait = require(%q)"):format("avepoint.elements.wait." .. loop.name)) .. ([[
            client.engine.max_wait = 3600
            local loop = require("spec.support.loops").%s
            local users, kinds = 0, {}
            local function task()
               local ok, err = pcall(function()
                  for _ in tenant:users() do users = users + 1 end
               end)
               kinds[#kinds + 1] = not ok and err.kind or nil
            end
         ]]):format(loop.name) .. text)
         assert.equal(0, walks.settled(sandbox, name).in_flight)
         return output, status
      end

      for what, text in pairs {
         ["and dropped with transfers in flight"] = [[
            do local _ = loop.turn(0.4, task, task, task) end
            collectgarbage() collectgarbage()
            io.write(users > 0 and users < 6000 and "ok" or users)
         ]],
         ["and dropped, the client closed"] = [[
            do local _ = loop.turn(0.12, task, task, task) end
            client:close()
            collectgarbage() collectgarbage()
            io.write("ok")
         ]],
         ["as the process ends"] = [[
            local go_on <close> = setmetatable({ loop.turn(0.12, task, task, task) }, { __close = function() end })
            io.write("ok")
            os.exit(0, true)
         ]],
         ["and turned again later, and nothing is lost"] = [[
            local go_on = loop.turn(0.12, task, task, task)
            go_on()
            io.write(users == 6000 and #kinds == 0 and "ok" or users)
         ]],
         ["and turned again after its client was closed"] = [[
            local go_on = loop.turn(0.12, task, task, task)
            client:close()
            go_on()
            io.write(table.concat(kinds, " ") == "closed closed closed" and "ok" or table.concat(kinds, " "))
         ]],
         ["and dropped while another loop takes the client over"] = [[
            do local _ = loop.turn(0.12, task) end
            users = 0
            loop.turn(0.01, task)()
            io.write(users >= 2000 and "ok" or users)
         ]],
      } do
         it("stopped " .. what, function()
            assert.same({ "ok", 0 }, { child(text) })
         end)
      end

      it("an error that no coroutine catches is the loop's to tell", function()
         local output, status = child([[
            print(pcall(loop.turn, 10, task, function()
               for _ in tenant:users() do error("my own words") end
            end))
            collectgarbage() collectgarbage()
            users = 0
            loop.turn(3, task)
            print(users)
         ]])
         assert.is_truthy(output:find("my own words", 1, true), output)
         if loop.name == "cqueues" then
            assert.matches("\n2000\n$", output)
         else
            assert.matches("Uncaught Error", output)
            assert.equal(255, status) -- so luv does
         end
      end)

      it("a host with 2,000 open descriptors is no trouble", function()
         local output, status = child([[
            local open = {}
            while #open < 2000 do open[#open + 1] = assert(io.open("/dev/null")) end
            local other <close> = assert(elements.client {
               token = client.engine.token.read(), base_url = ]] .. ("%q"):format(sandbox:base { size = 2000, latency = 50 })
               .. ([[, ca_file = %q, proxy = "", wait = loop.wait })
            other.engine.max_wait = 3600
            assert(other:fd() > 2000)
            tenant = other:tenant(%q, %q)
            loop.run(task, task)
            io.write(users == 4000 and "ok" or users)
         ]]):format(sandbox.ca_file, sandbox.customer_id, sandbox.tenant_id))
         assert.same({ "ok", 0 }, { output, status })
      end)

      it("a missing loop is named with its packages", function()
         local name = "avepoint.elements.wait." .. loop.name
         local adapter, module = package.loaded[name], package.loaded[loop.name]
         package.loaded[name], package.loaded[loop.name] = nil, nil
         package.preload[loop.name] = function()
            error("not here")
         end
         local ok, err = pcall(require, name)
         package.preload[loop.name], package.loaded[name], package.loaded[loop.name] = nil, adapter, module
         assert.is_false(ok)
         assert.is_truthy(err:find(("%s needs %s; install lua-%s (Debian) or the rock %s: "):format(name, loop.name, loop.name,
            loop.name), 1, true), err)
      end)
   end)
end

-- Loops that differ in when they look at the one descriptor, and in whom they resume then. Each gives the coroutines
-- turns, and says how many there were.
local readable
do
   local ready = { getfd = function(self) return self.fd end, dirty = function() return false end }
   function readable(fd, seconds)
      ready.fd = fd
      return #require("socket").select({ ready }, nil, seconds) > 0
   end
end

local turns = {}

-- Looks once, then resumes all: the descriptor may be drained when the later ones have their turn.
turns["that looks once for all"] = function(waiting, resume)
   local least, fd = math.huge, nil
   for _, w in pairs(waiting) do
      least, fd = math.min(least, w.till), w.fd
   end
   local woken = readable(fd, math.max(0, least - now()))
   for co, w in pairs(waiting) do
      if woken or w.till <= now() then
         resume(co)
      end
   end
end

-- Looks for each before its turn: what made the descriptor readable may have been taken by the one before.
turns["that looks for each in its turn"] = function(waiting, resume)
   local least, fd = math.huge, nil
   for _, w in pairs(waiting) do
      least, fd = math.min(least, w.till), w.fd
   end
   readable(fd, math.max(0, least - now()))
   for co, w in pairs(waiting) do
      if readable(w.fd, 0) or w.till <= now() then
         resume(co)
      end
   end
end

-- Resumes one, then looks again.
local last
turns["that resumes one and looks again"] = function(waiting, resume)
   local least = math.huge
   for _, w in pairs(waiting) do
      least = math.min(least, w.till)
   end
   if last and not waiting[last] then
      last = nil
   end
   last = next(waiting, last) or next(waiting)
   local w = waiting[last]
   if readable(w.fd, math.max(0, least - now())) or w.till <= now() then
      resume(last)
   end
end

describe("a host's own loop", function()
   -- Runs tasks until `enough()`; those in `never` are not resumed once they wait.
   local function run(turn, tasks, never, enough)
      local waiting, resumed, begun = {}, 0, now()
      local function resume(co)
         waiting[co], resumed = nil, resumed + 1
         local _, fd, seconds = assert(coroutine.resume(co))
         if coroutine.status(co) ~= "dead" and not never[co] then
            waiting[co] = { fd = fd, till = now() + seconds }
         end
      end
      last = nil
      for _, co in ipairs(tasks) do
         resume(co)
      end
      while next(waiting) and not (enough and enough()) do
         turn(waiting, resume)
         assert(now() - begun < 20, "it hangs")
      end
      return resumed
   end

   local function open(knobs, options)
      options = options or {}
      options.wait = coroutine.yield
      local client, tenant, name = walks.open(sandbox, knobs, options)
      client.engine.max_wait = 3600
      return client, tenant, name
   end

   for kind, turn in pairs(turns) do
      it(kind .. " gives each coroutine its walk's users", function()
         local client <close>, tenant = open({ size = 1000, latency = "1-20", fail = "503:3:4" }, { concurrency = 5 })
         local given, tasks = {}, {}
         for i = 1, 6 do
            tasks[i] = coroutine.create(function()
               given[i] = walks.numbers((walks.all(tenant, { page_size = 20 + 10 * i })))
            end)
         end
         run(turn, tasks, {})
         assert.same({ "1-1000", "1-1000", "1-1000", "1-1000", "1-1000", "1-1000" }, given)
         client:close()
      end)

      it(kind .. " wakes one whose walk is closed", function()
         local client <close>, tenant = open { latency = 3000 }
         local walk, err = tenant:users(), nil
         run(turn, { coroutine.create(function()
            err = select(2, walks.drain(walk))
         end), coroutine.create(function()
            coroutine.yield(client:fd(), 0.1)
            walk:close()
         end) }, {})
         assert.equal("closed", err.kind)
         client:close()
      end)

      it(kind .. " and drops one that waits serves the others, and does not spin", function()
         local client <close>, tenant = open({ size = 2000, latency = 20 }, { concurrency = 4 })
         local users
         local lost = coroutine.create(function()
            walks.all(tenant)
         end)
         local resumed = run(turn, { lost, coroutine.create(function()
            users = walks.numbers((walks.all(tenant)))
         end) }, { [lost] = true })
         assert.equal("1-2000", users)
         assert.is_true(resumed < 300, resumed)
         client:close()
      end)
   end

   for what, lose in pairs {
      ["that drops one which asks for a token has another ask after 10 s"] = function(_, client)
         client.engine.now = function() return now() + 10 end
      end,
      ["that closes one which asks for a token has another ask at once"] = function(lost, _, fd)
         assert(coroutine.close(lost))
         assert.is_true(readable(fd, 0))
      end,
   } do
      it(what, function()
         local calls, users = 0, nil
         local client <close>, tenant = open({}, {
            token = function()
               calls = calls + 1
               if calls == 1 then
                  coroutine.yield()
               end
               return sandbox.token
            end,
         })
         local walk = tenant:users()
         local lost = coroutine.create(function()
            walk()
         end)
         assert(coroutine.resume(lost))
         local other = coroutine.create(function()
            users = walks.numbers((walks.all(tenant)))
         end)
         local _, fd, seconds = assert(coroutine.resume(other))
         assert.is_true(seconds > 5 and seconds <= 10, seconds)
         assert.equal(1, calls)
         assert.is_false(readable(fd, 0))
         lose(lost, client, fd)
         run(turns["that looks once for all"], { other }, {})
         assert.equal(2, calls)
         assert.equal("1-250", users)
         client:close()
      end)
   end

   it("may wait without a coroutine, by turning its own loop", function()
      local waits = 0
      local client <close>, tenant = walks.open(sandbox, { size = 2000, latency = 10 }, {
         wait = function(fd, seconds)
            waits = waits + 1
            readable(fd, seconds)
         end,
      })
      client.engine.max_wait = 3600
      assert.equal(2000, #tenant:collect())
      assert.is_true(waits < 200, waits)
      client:close()
   end)

   it("is told of a client closed from inside wait", function()
      local client, tenant
      client, tenant = walks.open(sandbox, { latency = 1000 }, {
         wait = function()
            client:close()
         end,
      })
      local list, err = tenant:collect()
      assert.is_nil(list)
      assert.equal("closed", err.kind)
   end)

   it("may not walk with the same client from inside wait", function()
      local message
      local client, tenant
      client, tenant = walks.open(sandbox, { latency = 20 }, {
         wait = function(fd, seconds)
            message = select(2, pcall(tenant.count, tenant))
            readable(fd, seconds)
         end,
      })
      assert.equal(250, tenant:count())
      assert.equal("avepoint.elements: only close and receipt may be called from inside token, client_secret, on_event "
         .. "and wait", message)
      client:close()
   end)
end)
