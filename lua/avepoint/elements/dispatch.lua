-- dispatch: what an engine sends next, and with which token; it asks for tokens as they are wanted.
--
-- The lowest page that is due goes first, so that repeats precede fresh pages; of the walk with the fewest requests out,
-- and of those of the one that has waited longest.
-- A token is asked for when a page could go out: while the old one lives pages go on with it, otherwise they wait.

local answers = require("avepoint.elements.answers")
local failure = require("avepoint.elements.failure")
local outcome = require("avepoint.elements.outcome")
local signin = require("avepoint.elements.signin")
local token = require("avepoint.elements.token")

local format = string.format
local ceil, huge, max, min = math.ceil, math.huge, math.max, math.min
local running, status = coroutine.running, coroutine.status

local dispatch = {}

-- How long it may take before others ask for themselves: it may never be resumed.
local TOKEN_PATIENCE = 10

-- The job to send next, or when there may be one.
local function pick(engine, now)
   local best, least, last, due = nil, huge, huge, huge
   for walk, queue in next, engine.walks do
      local job, when = queue:next_job(now)
      if job and not job.queue[1] then
         engine.walks[walk] = nil -- it is garbage, and its close could not run to the end
      elseif job and (queue.out < least or queue.out == least and queue.last_sent < last) then
         best, least, last = job, queue.out, queue.last_sent
      elseif when then
         due = min(due, when)
      end
   end
   return best, best and 0 or max(0, due - now)
end

local function refused(message)
   return failure.new("config", "libcurl could not take the request: " .. failure.clean(message))
end

-- A job has its error; another coroutine may be waiting for it.
local function fail_job(engine, job, err)
   job.err = err
   engine.sleepers:rouse()
end

local function send(engine, job, now, value, generation)
   local queue = job.queue[1]
   if not queue then
      return -- its walk was collected since it was picked
   end
   engine.torn_off = true
   local id, message = engine.handle:send {
      url = job.url, body = job.body, bearer = value, limit = job.limit, cleartext = job.cleartext,
   }
   if not id then
      fail_job(engine, job, outcome.of_page(refused(message), job))
      engine.torn_off = false
      return
   end
   job.id, job.generation, job.requests = id, generation, job.requests + 1
   job.ticket = engine.pace:sent(now)
   engine.flying[id] = job
   queue.out, queue.last_sent = queue.out + 1, now
   local stats = job.stats
   stats.requests = stats.requests + 1
   if job.requests > 1 then
      stats.retries = stats.retries + 1
   end
   engine.torn_off = false
   engine:emit { type = "request", page_index = job.page, attempt = job.requests }
end

local HELD = {
   throttled = "the service limits the rate of requests", server = "the service failed and asks to wait",
}

-- Nothing may go out for so long: pages that must go out sooner have their error now.
local function fail_late(engine, now, seconds, kind)
   for _, job in next, engine.drivers do
      if not (job.id or job.answer or job.err) and job.deadline and now + seconds > job.deadline then
         local whole = ceil(seconds)
         fail_job(engine, job, outcome.of_page(failure.new(kind, format("%s; a request may go out in %d s, past the "
            .. "deadline; try again then", HELD[kind], whole), { retryable = true, retry_after = whole }), job))
      end
   end
end

-- No token is to be had: each walk that waits has this error, for the page that it would send next.
local function fail(engine, now, err)
   for _, job in next, engine.drivers do
      local queue = job.queue[1]
      local unsent = queue and queue:next_job(now)
      if unsent then
         fail_job(engine, unsent, failure.is(err) and failure.copy(err) or err)
      end
   end
end

local function announce(engine, life, scope)
   engine:emit { type = "token", generation = engine.token.generation, lifetime = life, scope = scope }
end

-- Posts a form to the identity server; the answer comes to dispatch.answered.
local function request(engine)
   local own = engine.token.signin
   local body, err = engine:call(own.form, own)
   local now, id = engine.now(), nil
   if engine.token.asking then
      return -- another coroutine was quicker than the function that gave the secret
   elseif body then
      local message
      engine.torn_off = true
      id, message = engine.handle:send {
         url = own.url, body = body, form = true, fresh = true, limit = signin.LIMIT, cleartext = own.cleartext,
      }
      err = not id and refused(message)
   end
   if err then
      engine.torn_off = false
      if engine.token:failed(now, err) then
         fail(engine, now, err)
      end
      return
   end
   engine.token.asking = true
   engine.flying[id] = { token = true, asked = now }
   engine.torn_off = false
   engine:emit { type = "request", token = true, attempt = engine.token.tries + 1 }
end

local function ask_function(engine, now)
   local value, more = engine:call(engine.token.ask)
   local err
   if value == nil or value == false then
      err = "no token: " .. failure.clean(type(more) == "string" and more
         or "the token function gave none; return a token, or nil and why")
   elseif token.flaw(value) then
      err = "what the token function gave " .. token.flaw(value)
   else
      return announce(engine, engine.token:received(now, value, more, engine.now()))
   end
   err, now = failure.new("auth", err), engine.now()
   if engine.token:failed(now, err) then
      fail(engine, now, err)
   end
end

-- Asks for a token; functions of the caller's may yield in it.
local function ask(engine, now)
   local _ <close> = engine.asked
   engine.asking[1], engine.asking.till = running(), now + TOKEN_PATIENCE
   if engine.token.signin then
      request(engine)
   else
      ask_function(engine, now)
   end
end

-- Does another coroutine ask, in a function of the caller's? Where waiting blocks it could not go on meanwhile.
local function asks(engine, now)
   local other = engine.host_waits and engine.asking[1]
   return other and status(other) ~= "dead" and now < engine.asking.till
end

-- A page waits for a token that is not there: how long, or nil where it has its error now.
local function hold(engine, job, now)
   local own = engine.token
   local err = own:refusal_at(now)
   if err then
      fail_job(engine, job, failure.copy(err))
   elseif own.asking then
      return huge
   elseif asks(engine, now) then
      return engine.asking.till - now
   elseif job.deadline and own.due > job.deadline then
      fail_job(engine, job, outcome.explain(failure.copy(own.last), "deadline"))
   else
      return max(0, own.due - now)
   end
end

---Sends what may go out.
---@param engine table
---@return number seconds until there is more to send; huge where only an answer helps
function dispatch.fill(engine)
   local asked = false
   while true do
      local now = engine.now()
      local wait, kind = engine.pace:wait(now)
      if kind then
         fail_late(engine, now, wait, kind)
      end
      if wait then
         return wait
      end
      local job, seconds = pick(engine, now)
      if not job then
         return seconds
      end
      local value, generation = engine.token:current(now)
      if engine.token:wanted(now) and not asks(engine, now) then
         if asked then
            return next(engine.flying) and huge or 0 -- no row of pages asks in vain
         end
         asked = true
         ask(engine, now)
      elseif value then
         send(engine, job, now, value, generation)
      else
         seconds = hold(engine, job, now)
         if seconds then
            return seconds
         end
      end
   end
end

---Takes the identity server's answer.
---@param engine table
---@param job table as `request` left it
---@param answer table as core's take gives it
function dispatch.answered(engine, job, answer)
   local own, now = engine.token, engine.now()
   local event = {
      type = "response", token = true, status = answer.status > 0 and answer.status or nil, seconds = answer.seconds,
      bytes = #answer.body, clock_skew = answers.clock_skew(answer.headers, engine.wall()),
   }
   if answer.ended == "no_memory" then
      own:withdrawn()
      fail(engine, now, "not enough memory")
      engine.torn_off = false
      return
   end
   local value, more, extra = own.signin:read(answer)
   if value then
      local life = own:received(job.asked, value, more, now)
      engine.torn_off = false
      engine:emit(event)
      return announce(engine, life, extra)
   end
   local err, attempt = outcome.dress(more, answer, engine.wall()), own.tries + 1
   local final, seconds = own:failed(now, err, {
      kind = err.kind, status = err.status, code = answer.code, retry_after = err.retry_after, torn = extra,
   })
   if final then
      err.attempts = attempt
      fail(engine, now, err)
   end
   engine.torn_off = false
   event.kind = err.kind
   engine:emit(event)
   if not final then
      engine:emit { type = "retry", token = true, kind = err.kind, attempt = attempt, seconds = seconds }
   end
end

return dispatch
