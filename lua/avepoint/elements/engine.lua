-- engine: waits for the requests of all walks of a client, and for its tokens', takes the answers and sends again; with
-- dispatch the only one that calls the core's handle.
--
-- When to send is asked of pace, what to send next of dispatch, what an answer means of outcome. Whoever waits drives the
-- engine for everybody; nobody depends on another being resumed: a change that one makes rouses all that sleep, and so
-- does leaving for a function of the caller's, which may yield for long. Walks are held weakly: one that nobody holds
-- any more is gone.

local answers = require("avepoint.elements.answers")
local core = require("avepoint.elements.core")
local dispatch = require("avepoint.elements.dispatch")
local failure = require("avepoint.elements.failure")
local outcome = require("avepoint.elements.outcome")
local sleepers = require("avepoint.elements.sleepers")

local pack, unpack = table.pack, table.unpack
local huge, max, min = math.huge, math.max, math.min
local running = coroutine.running

local engine = {}
engine.__index = engine
engine.__name = "avepoint.elements.engine"

-- How long a wait lasts at most, in seconds. A net under hosts with a loop of their own: nothing depends on it.
local MAX_WAIT = 1

local function closing(f)
   return setmetatable({}, { __close = f })
end

---@param parts {handle: userdata, pace: table, token: table, wait: function?, on_event: function?, now: function,
---wall: function} now: seconds of a clock that never jumps; wall: seconds since the epoch
---@return table engine
function engine.new(parts)
   local self
   self = setmetatable({
      handle = parts.handle,
      pace = parts.pace,
      token = parts.token,
      host_waits = parts.wait ~= nil,
      sleepers = sleepers.new(parts.handle, parts.wait),
      max_wait = MAX_WAIT,
      on_event = parts.on_event,
      now = parts.now,
      wall = parts.wall,
      walks = setmetatable({}, { __mode = "k" }), -- their queues
      flying = {}, -- jobs by the id of their request
      drivers = setmetatable({}, { __mode = "k" }), -- coroutines that wait here now, and for which job
      calling = setmetatable({}, { __mode = "k" }), -- coroutines inside a function of the caller's
      asking = setmetatable({}, { __mode = "v" }), -- [1]: the coroutine that asks for a token
      torn_off = false, -- true while requests are counted; see start_over
      -- to-be-closed, so that Ctrl-C at any place leaves no mark behind
      called = closing(function() self.calling[running()] = nil end),
      asked = closing(function()
         self.asking[1] = nil
         self.sleepers:rouse()
      end),
      driven = closing(function() self.drivers[running()] = nil end),
   }, engine)
   return self
end

local function closed()
   error(failure.new("closed", "the client is closed; make a new one"), 0)
end

---Raises where the engine can't be used (any more).
function engine:check()
   local state = self.handle:state()
   if state == "closed" then
      closed()
   elseif state == "forked" then
      error(failure.new("forked", "the client belongs to the parent process; make one in this process"), 0)
   elseif self.calling[running()] then
      error("avepoint.elements: only close and receipt may be called from inside token, client_secret, on_event and "
         .. "wait", 0)
   elseif core.interrupted() then
      error(failure.new("interrupted", "Ctrl-C was typed"), 0)
   end
end

-- Ctrl-C raises between any two steps in the main thread, a memory error anywhere. Where it hit the counting of requests,
-- all that is out is withdrawn and asked for again.
local function start_over(self)
   for id in next, self.flying do
      self.handle:cancel(id)
      self.flying[id] = nil
   end
   for _, queue in next, self.walks do
      queue.out = 0
      for _, job in next, queue.jobs do
         job.id, job.ticket = nil, nil
      end
   end
   self.pace:nothing_out()
   self.token:withdrawn()
   self.torn_off = false
end

-- Calls a function of the caller's; what it raises comes through unchanged.
local function guarded(self, f, ...)
   local _ <close> = self.called
   self.calling[running()] = true
   local results = pack(f(...))
   self.calling[running()] = nil
   local state = self.handle:state()
   if state == "closed" then
      closed() -- it may have closed the client
   elseif self.torn_off and state == "open" then
      start_over(self) -- another coroutine was ended meanwhile
   end
   return unpack(results, 1, results.n)
end

---Calls a function of the caller's; what it raises comes through unchanged. Meanwhile others go on with what is here.
---@param f function
---@return any ...
function engine:call(f, ...)
   self.sleepers:rouse()
   return guarded(self, f, ...)
end

---Tells the hook, if there is one.
---@param event table
function engine:emit(event)
   if self.on_event then
      self:call(self.on_event, event)
   end
end

-- Tells the hook of an answer, and of what follows from it.
local function report(self, job, answer, err)
   self:emit {
      type = "response", page_index = job.page, status = answer.status > 0 and answer.status or nil,
      seconds = answer.seconds, bytes = #answer.body, request_id = answers.request_id(answer.headers),
      kind = err and err.kind, clock_skew = answers.clock_skew(answer.headers, self.wall()),
   }
   if not err or job.err or job.answer then
      return
   end
   local now = self.now()
   local pause = self.pace:paused(now)
   self:emit {
      type = "retry", page_index = job.page, kind = err.kind, attempt = job.requests,
      seconds = max(0, (job.due or now) - now, pause or 0),
   }
   if pause then
      self:emit {
         type = "throttle", seconds = pause, status = err.status, window = self.pace:window(), rate = self.pace:rate(),
      }
   end
end

-- Takes what is finished. The state is whole again before the hook hears of it.
local function collect(self)
   while true do
      self.torn_off = true
      local answer = self.handle:take()
      if not answer then
         self.torn_off = false
         return
      end
      self.sleepers:rouse()
      local job = self.flying[answer.id]
      self.flying[answer.id] = nil
      local queue = job and job.queue and job.queue[1]
      if queue then
         queue.out = queue.out - 1
         local err = outcome.settle(self.pace, self.token, job, answer, self.now(), self.wall())
         self.torn_off = false
         if self.on_event then
            report(self, job, answer, err)
         end
      elseif job and job.token then
         dispatch.answered(self, job, answer)
      elseif job then -- its walk is gone, and its close could not run to the end
         self.pace:cancelled(job.ticket)
      end
   end
end

local function wait(self, seconds, known)
   if self.host_waits then
      return guarded(self, self.sleepers.sleep, self.sleepers, seconds, known)
   end
   local ok, message = self.handle:wait(seconds)
   if not ok then
      error(failure.new("network", "can't wait for the network: " .. failure.clean(message)), 0)
   end
end

-- The clocks of the attempts count only time in which somebody waited, not that of a loop's body or a hook.
local function drive(self, waited)
   local ok, message = self.handle:drive(not waited and not self.sleepers:any())
   if not ok then
      error(failure.new("network", "can't drive the network: " .. failure.clean(message)), 0)
   end
end

-- Even where the job is done already the engine is driven once, so that the next requests are out while the caller
-- works on this one's page.
local function run(self, walk, job)
   if self.torn_off then
      start_over(self)
   end
   local waited = false
   while true do
      local known = self.sleepers.news
      self:check()
      if walk.stop_reason then -- from inside a function of the caller's, or by another coroutine
         error(walk:closed(), 0)
      end
      local left = job.deadline and job.deadline - self.now() or huge
      if left <= 0 then
         error(walk:too_late(), 0)
      end
      local seconds = dispatch.fill(self)
      drive(self, waited)
      collect(self)
      waited = false
      if not walk.stop_reason and (job.answer or job.err) then
         return
      elseif self.sleepers.news == known then
         local before = self.now()
         local paused = self.pace:paused(before)
         wait(self, max(0, min(seconds, left, self.max_wait)), known)
         waited = true
         if paused then
            job.stats.throttled_seconds = job.stats.throttled_seconds + min(paused, self.now() - before)
         end
      end
   end
end

---A walk begins.
---@param walk table
---@param queue table
function engine:begin(walk, queue)
   self.walks[walk] = queue
   self.token:begin()
end

---Drives until a job has its answer or its error; raises what hinders that.
---@param walk table
---@param job table
function engine:await(walk, job)
   self:check()
   local _ <close> = self.driven
   self.drivers[running()] = job
   local ok, err = pcall(run, self, walk, job)
   if not ok then
      if type(err) == "string" and self.handle:state() == "closed" then
         closed() -- by a finaliser of the host's, in the midst of it
      end
      error(err, 0)
   end
end

---A walk ended: what it has out is withdrawn.
---@param walk table
---@param queue table
function engine:finish(walk, queue)
   self.walks[walk] = nil
   queue:clear(self)
   self.sleepers:rouse()
end

---The bytes of a job's answer were no JSON. Is it asked again?
---@param job table
---@return boolean
function engine:torn(job)
   local again = self.pace:garbled(job)
   job.answer = not again and job.answer or nil
   return again
end

---Withdraws a job.
---@param job table
function engine:drop(job)
   if self.torn_off then
      return -- called by a finaliser while requests are counted, or before start_over: collect passes over what comes
   elseif job.id and self.handle:state() == "open" then
      self.torn_off = true
      self.handle:cancel(job.id)
      self.flying[job.id] = nil
      self.pace:cancelled(job.ticket)
      self.torn_off = false
   end
   job.id = nil
end

---Closes every walk, then the handle. A forked child's handle only forgets.
function engine:close()
   for walk in next, self.walks do
      walk:close()
   end
   self.sleepers:close()
end

return engine
