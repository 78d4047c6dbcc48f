-- `make soak`: 100,000 pages (or ten minutes) with faults at random, by a seed: `make soak ARGS='100000 1'`. Sixteen
-- clients at a time, in coroutines of one thread, walk tenant after tenant; failing answers, connections that end, lies of
-- the raw-socket server, refused tokens and shapes that are none come at random, and walks are broken off, dropped and
-- resumed. Every user must come once and in order, and memory, descriptors and threads must stay as they were.

local socket = require("socket")

local elements = require("avepoint.elements")
local core = require("avepoint.elements.core")
local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local tenants = require("spec.sandbox.tenant")

local PAGES = math.tointeger(tonumber(arg[1] or 100000))
local SEED = math.tointeger(tonumber(arg[2] or 1))
local MINUTES = 10
local WORKERS, PAGE_SIZE = 16, 5
local MORE_MEMORY = 3072 -- kB that the second half may take beyond the first

local LIES = { "close", "reset", "reset_in_body", "half", "chunked_cut", "gzip_cut", "gzip_spoilt", "garbage", "surplus" }
local SHAPES = { "data_missing", "data_null", "no_id", "id_empty", "cut", "trailing", "total_string", "html" }
local STATUS = { 444, 444, 502, 503, 503, 503, 500, 408 }

local sandbox = require("spec.sandbox.sandbox").start()
local liar = require("spec.sandbox.liar").start()

-- One generator for everything that is decided here, so that a seed tells it all but the network's timing.
math.randomseed(SEED)
local random = math.random

local counts = { pages = 0, users = 0, walks = 0, requests = 0, retries = 0, errors = 0, resumed = 0, lies = 0, kinds = {} }

local function pick(list)
   return list[random(#list)]
end

-- A tenant to walk: base URL, users, and the run to forget afterwards.
local function any_tenant()
   local pages = random(1, 120)
   local knobs = { size = pages * PAGE_SIZE - random(0, PAGE_SIZE - 1), cap = PAGE_SIZE }
   if random(12) == 1 then
      counts.lies = counts.lies + 1
      knobs.size, knobs.cap = math.min(knobs.size, 100), nil
      knobs.run, knobs.lie, knobs.page, knobs.times = liar:new_run(), pick(LIES), random(3), 1
      return liar, liar:base(knobs), knobs.size
   end
   knobs.run = sandbox:new_run()
   knobs.latency = random(3) == 1 and "0-6" or nil
   knobs.random_fail = random(4) > 1 and ("%d:%d:%d"):format(pick(STATUS), random(1, 3), random(1 << 20)) or nil
   knobs.keepalive = random(4) == 1 and random(2, 40) or nil
   knobs.shape = random(15) == 1 and ("%s@%d:1"):format(pick(SHAPES), random(pages)) or nil
   knobs.chunked = random(4) == 1 or nil
   knobs.gzip = random(4) == 1 and 0 or nil
   knobs.fail = random(40) == 1 and ("429:%d:1"):format(random(pages)) or random(20) == 1 and ("401:%d:1"):format(random(pages))
      or nil
   knobs.retry_after = knobs.fail and 1 or nil
   return sandbox, sandbox:base(knobs, random(3) == 1 and "http" or nil), knobs.size, knobs.run
end

-- Walks one tenant to its end, whatever happens on the way; raises where a user is lost, comes twice or is another.
local function walk_tenant(wait)
   local server, base_url, size, run = any_tenant()
   local client <close> = assert(elements.client {
      token = function() return server.token or "liar" end, base_url = base_url, ca_file = server.ca_file, proxy = "",
      wait = wait, concurrency = random(8), timeout = 20,
   })
   local tenant = client:tenant(server.customer_id, server.tenant_id)
   local seen, resume, failures = 0, nil, 0
   while true do
      local walk = tenant:pages { page_size = PAGE_SIZE, resume = resume }
      local stop = random(6) == 1 and random(1, 60) or nil
      local ok, err
      repeat
         ok, err = pcall(walk)
         for _, user in ipairs(ok and err and err.data or {}) do
            seen = seen + 1
            if user.id ~= tenants.id(seen) then
               error(("user %d is %s, in %s"):format(seen, tostring(tenants.number(user.id)), base_url), 0)
            end
         end
         counts.pages = counts.pages + (ok and err and 1 or 0)
         stop = stop and stop - 1
      until not ok or not err or stop == 0
      local receipt = walk:receipt()
      counts.requests, counts.retries = counts.requests + receipt.requests, counts.retries + receipt.retries
      if ok and not err then
         if seen ~= size or receipt.drift or receipt.duplicates > 0 then
            error(("%d of %d users, in %s"):format(seen, size, base_url), 0)
         end
         break
      elseif not ok then
         counts.errors = counts.errors + 1
         if not elements.is_error(err) then
            error(err, 0)
         end
         counts.kinds[err.kind] = (counts.kinds[err.kind] or 0) + 1
         failures = failures + 1
         if failures > 20 then
            error("no way through " .. base_url .. ": " .. tostring(err), 0)
         end
         resume = err.resume
      else
         resume = receipt.resume
         if random(2) == 1 then
            walk:close() -- else it is garbage, with requests out
         end
      end
      counts.resumed = counts.resumed + 1
   end
   counts.users, counts.walks = counts.users + seen, counts.walks + 1
   if run then
      sandbox:reset(run)
   end
end

local samples = {}

local function sample()
   collectgarbage()
   collectgarbage()
   local status = keeper.read("/proc/self/status")
   local fds = 0
   for _ in keeper.output("ls /proc/$PPID/fd"):gmatch("%d+") do
      fds = fds + 1
   end
   samples[#samples + 1] = {
      memory = math.tointeger(tonumber(status:match("VmRSS:%s*(%d+)"))),
      threads = math.tointeger(tonumber(status:match("Threads:%s*(%d+)"))), descriptors = fds,
   }
   return samples[#samples]
end

local function most(what, from, to)
   local found = 0
   for i = from, to do
      found = math.max(found, samples[i][what])
   end
   return found
end

-- Runs the workers until enough pages are there; each yields the descriptor it waits for and how long.
local function run_all(till)
   local function work()
      while counts.pages < PAGES and core.now() < till do
         walk_tenant(coroutine.yield)
      end
   end
   local workers, next_sample = {}, 0
   for i = 1, WORKERS do
      workers[i] = { co = coroutine.create(work), due = 0, getfd = function(self) return self.fd end,
         dirty = function() return false end }
   end
   local ready = {}
   while #workers > 0 do
      local now, soonest = core.now(), math.huge
      for i = #workers, 1, -1 do
         local worker = workers[i]
         if worker.due <= now or ready[worker] then
            local ok, fd, seconds = coroutine.resume(worker.co)
            if not ok then
               error(fd, 0)
            elseif coroutine.status(worker.co) == "dead" then
               table.remove(workers, i)
            else
               worker.fd, worker.due = fd, now + seconds
            end
         end
         soonest = math.min(soonest, worker.due)
      end
      if counts.pages >= next_sample and counts.pages < PAGES then
         next_sample = next_sample + math.max(1, PAGES // 40)
         sample()
      end
      ready = socket.select(workers, nil, math.max(0, soonest - core.now()))
   end
end

report.run("soak", function(r)
   local _ <close> = setmetatable({}, { __close = function()
      sandbox:stop()
      liar:stop()
   end })
   local before = sample()
   samples = {}
   local began = core.now()
   run_all(began + MINUTES * 60)
   local seconds = core.now() - began
   local after = sample()
   table.remove(samples)
   local half, count = #samples // 2, #samples
   r:pass(counts.walks)
   r:expect(counts.pages >= PAGES or seconds >= MINUTES * 60, "too few pages")
   local grown = most("memory", half + 1, count) - most("memory", 2, half)
   r:expect(grown <= MORE_MEMORY, ("memory grew by %d kB in the second half"):format(grown))
   r:expect(after.descriptors == before.descriptors, ("%d descriptors are left"):format(after.descriptors - before.descriptors))
   r:expect(after.threads == before.threads, ("%d threads are left"):format(after.threads - before.threads))
   local kinds = {}
   for kind, n in pairs(counts.kinds) do
      kinds[#kinds + 1] = kind .. " " .. n
   end
   table.sort(kinds)
   r:figure("seed %d: %d pages, %d users, %d walks in %d s (%d pages/s)", SEED, counts.pages, counts.users, counts.walks,
      seconds // 1, counts.pages // seconds)
   r:figure("%d requests, %d repeats, %d lies, %d errors (%s), %d walks broken off or resumed: no user lost or twice",
      counts.requests, counts.retries, counts.lies, counts.errors, table.concat(kinds, ", "), counts.resumed)
   r:figure("memory %d to %d kB (second half %+d), descriptors %d to %d, threads %d to %d", most("memory", 1, 1),
      most("memory", 1, count), grown, before.descriptors, most("descriptors", 1, count), before.threads,
      most("threads", 1, count))
end)
