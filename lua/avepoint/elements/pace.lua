-- pace: when a request may go out, and what an answer means for those after it. One pace serves one client.
-- Pure: no I/O, no clock (`now` is passed in: seconds, any origin, never going back), no dice (`random` is passed in).
-- Criteria: a page is lost only when the service stays down; a refusal (429) is heeded by the whole client at once; a
-- rate limit, which a window alone cannot keep to, is learnt from two refusals and then met.
-- Every number of the policy is a constant below, with its unit and source; "sim" is spec/support/simulation.lua. Which
-- failures are repeated, and how soon, is retry's.

local retry = require("avepoint.elements.retry")

local ceil, floor, huge, max, min = math.ceil, math.floor, math.huge, math.max, math.min

-- outages
local OUTAGE = 24               -- failures in a row, client-wide, with no good answer between; SRE: bound a client's retries
local OUTAGE_MEMORY = 60        -- seconds of silence after which that row is forgotten; longer than any delay of a page

-- window
local WINDOW_START = 4          -- requests
local WINDOW_FLOOR = 1          -- requests
local CUT_THROTTLE = 0.5        -- times the window: 429, 503 with Retry-After; TCP
local CUT_SERVER = 0.9          -- times the window: other 5xx, timeouts; Netflix

-- send pacing
local RATE_FLOOR = 0.5          -- requests a second; botocore
local SEARCH_START = 14         -- requests a second after the first 429; sim: 10 to 14 differ by 4 % at 20 r/s
local SEARCH_STEP = 0.02        -- growth an answer until the second; sim: 0.012 is slow above 50 r/s, 0.03 overshoots
local HOLD_SHARE = 0.97         -- of the limit found; sim: 0.98 brings third refusals, 0.95 costs 1.5 %
local HOLD_TIME = 40            -- seconds t of sending at the rate held until it has doubled, 1 + (t/40)^3; sim
local CUT_RATE = 0.5            -- times the rate: a refusal cuts at most to this; sim: 0.25 is slow under fixed windows
local RATE_SPAN = 8             -- requests over which the rate is measured that is really had
local BURST_GUESS = 3           -- requests, where a refusal belies the burst, or came too late to measure it; sim
local BURST_SLACK = 0.2         -- requests: what comes a little late has drained a little more; sim
local LATE = 0.01               -- seconds after it was due that a request counts as on time; its delay is made up for
local LATE_SPACES = 2           -- ... or this many spaces between two, where that is less
local LOG_SIZE = 128            -- requests remembered; sim: 512 is no better
local HALVINGS = 16             -- of the bracket around the limit

---One page. Pace counts here what came of it (also in others, internal, handshakes, torn).
---@class avepoint.Job
---@field attempts integer? failures, but for 429s
---@field throttles integer? 429s

---@class avepoint.Pace
local methods = {}
local metatable = { __index = methods, __name = "avepoint.elements.pace" }

local pace = { CONCURRENCY = 8 } -- requests out at once, at most, where nobody says otherwise; Octokit 10

-- The highest fill that a leaky bucket with this rate has had from the requests of the log that were let through.
local function fill(log, rate)
   local level, highest, last = 0, 0, nil
   for i = max(1, log.n - LOG_SIZE + 1), log.n do
      local ticket = log[i]
      if not ticket.refused then
         level = last and max(0, level - rate * (ticket.time - last) + 1) or 0
         highest, last = max(highest, level), ticket.time
      end
   end
   return highest
end

-- The bucket's burst, if this were its rate: a whole number, and the fill before the first refusal is less than 1 below.
local function burst(self, rate)
   return self.burst or ceil(fill(self.first_log, rate) - BURST_SLACK)
end

-- The limit, from two refusals. A leaky bucket (nginx's limit_req; token buckets are the same) overflows at the same fill
-- both times, so its rate is the one at which the fills of both logs agree. The first log, short and steep, in effect
-- gives the burst; the second, a slow climb past the limit, the rate.
local function limit(self)
   local low, high = RATE_FLOOR, self.pace
   for _ = 1, HALVINGS do
      local rate = (low + high) / 2
      if fill(self.log, rate) > burst(self, rate) then low = rate else high = rate end
   end
   return low
end

-- After a pause, when the answers are in: the rate to go on with.
local function learn(self)
   local log, passed, refused = self.log, 0, 0
   for i = max(1, log.n - LOG_SIZE + 1), log.n do
      if log[i].refused then refused = refused + 1 else passed = passed + 1 end
   end
   if refused == 0 then return end -- it was a 5xx that paused us
   if not self.pace then
      self.base, self.first_log = SEARCH_START, log
      if log.n > LOG_SIZE then self.burst = BURST_GUESS end
   elseif passed > 0 then          -- otherwise the probe was refused: the pause was too short, the rate had no part in it
      local found = limit(self)
      local belied = self.burst and found < self.pace * CUT_RATE
      self.burst, self.first_log = belied and BURST_GUESS or burst(self, found), nil
      self.base = max(RATE_FLOOR, self.pace * CUT_RATE, found * HOLD_SHARE)
   end
   self.pace, self.calm, self.log = self.base, 0, { n = 0 }
end

-- A smaller window and a new epoch: answers to what was sent before teach the window nothing.
local function cut(self, ticket, times)
   if ticket.epoch ~= self.epoch then return end
   self.epoch, self.size, self.starting = self.epoch + 1, max(WINDOW_FLOOR, self.size * times), false
end

local function grow(self, ticket)
   self.streak = self.streak + 1
   if self.starting or self.streak >= self:window() then
      self.size, self.streak = min(self.concurrency, self.size + 1), 0
   end
   if not ticket.paced then return end -- something else held us back: this tells nothing of a higher rate
   if self.first_log then
      self.pace = self.pace * (1 + SEARCH_STEP)
   else
      self.calm = self.calm + 1 / self.pace
      self.pace = self.base * (1 + (self.calm / HOLD_TIME) ^ 3)
   end
end

--- May one more request go out?
---@param now number seconds
---@return number? wait nil: yes; else seconds until it makes sense to ask again (math.huge: after the next answer)
---@return string? kind of a finite wait: "throttled", or "server" where a 5xx asked for it
function methods:wait(now)
   if self.pause_end then
      if now < self.pause_end then return self.pause_end - now, self.pause_kind end
      if self.probe then return huge end
   end
   if self.in_flight >= self:window() then return huge end
   if self.pace and now < self.next_send then return self.next_send - now, "throttled" end
end

--- A request went out.
---@param now number seconds
---@return table ticket for answered or cancelled, one of which must be called once
function methods:sent(now)
   local probing = self.pause_end ~= nil
   if probing then learn(self) end
   local ticket = { time = now, epoch = self.epoch, paced = false, refused = false }
   if probing then self.probe = ticket end
   if self.in_flight == 0 and now - self.last_answer > OUTAGE_MEMORY then self.failures = 0 end
   self.in_flight = self.in_flight + 1
   local log = self.log
   log.n = log.n + 1
   log[log.n], log[log.n - LOG_SIZE] = ticket, nil
   if self.pace then
      local on_time = not probing and now - self.next_send < min(LATE, LATE_SPACES / self.pace)
      local span = min(RATE_SPAN, log.n - 1)
      ticket.paced = on_time and (now - log[log.n - span].time) * self.pace < 2 * span
      self.next_send = (on_time and self.next_send or now) + 1 / self.pace
   end
   return ticket
end

--- An answer came, or the attempt failed.
---@param now number seconds
---@param ticket table
---@param job avepoint.Job the page's record
---@param fault avepoint.Fault? nil: a good answer
---@param deadline number? seconds, on the clock of `now`; a repeat that would be later is not made
---@return "ok"|"retry"|"fail" verdict
---@return number|string|nil detail for "retry" seconds until the page is due (0: as soon as wait allows); for "fail" why:
---   "final" (this is never repeated), "attempts", "outage", "too_long" (Retry-After) or "deadline"
function methods:answered(now, ticket, job, fault, deadline)
   local fresh, probing = ticket.epoch == self.epoch, ticket == self.probe
   self.in_flight, self.last_answer = self.in_flight - 1, now
   if probing then self.probe = nil end
   if not fault then
      self.failures = 0
      if probing and now >= self.pause_end then self.pause_end = nil end
      if fresh then
         self.throttles = 0
         grow(self, ticket)
      end
      return "ok"
   end

   if fresh then self.streak = 0 end
   local throttled, server = fault.status == 429, (fault.status or 0) >= 500
   local header = (throttled or server) and fault.retry_after or nil
   if throttled or header and fault.status == 503 then
      cut(self, ticket, CUT_THROTTLE)
   elseif server or fault.kind == "timeout" then
      cut(self, ticket, CUT_SERVER)
   end
   local name, most = retry.allowance(fault)
   if not name then return "fail", "final" end
   job[name] = (job[name] or 0) + 1
   if throttled then
      ticket.refused = true
      if fresh then self.throttles = self.throttles + 1 end
   else
      job.attempts, self.failures = (job.attempts or 0) + 1, self.failures + 1
   end
   if self.max_attempts == 1 then most = 1 end

   local delay, pause = 0, nil
   if header then
      if header > retry.RETRY_AFTER_MAX then return "fail", "too_long" end
      pause = fresh and retry.pause(header, self.random) or header
   elseif throttled then
      pause = fresh and retry.throttle(self.throttles, self.random)
   else
      delay = retry.delay(job.attempts, self.random)
   end
   if pause and now + pause > (self.pause_end or now) then
      self.pause_end, self.pause_kind = now + pause, throttled and "throttled" or "server"
   end
   if job[name] >= most or (job.attempts or 0) >= self.max_attempts then return "fail", "attempts" end
   if self.failures >= OUTAGE then return "fail", "outage" end
   if max(now + delay, self.pause_end or now) > (deadline or huge) then
      return "fail", header and "too_long" or "deadline"
   end
   return "retry", delay
end

--- A request was withdrawn (its walk was closed), or had an answer that is no matter of pace (401).
---@param ticket table
function methods:cancelled(ticket)
   self.in_flight = self.in_flight - 1
   if ticket == self.probe then self.probe = nil end
end

--- A good answer turned out not to parse, which is seen only when the page is handed over.
---@param job avepoint.Job
---@return boolean repeat whether the page is asked for again
function methods:garbled(job)
   job.attempts, job.torn = (job.attempts or 0) + 1, (job.torn or 0) + 1
   return job.torn < retry.MAX_GARBLED and job.attempts < self.max_attempts
end

--- Nothing is out, whatever was counted.
function methods:nothing_out()
   self.in_flight, self.probe = 0, nil
end

--- What is left of a client-wide pause.
---@param now number seconds
---@return number? seconds nil: none
function methods:paused(now)
   return self.pause_end and now < self.pause_end and self.pause_end - now or nil
end

--- How many requests may be out at once.
---@return integer
function methods:window()
   return floor(self.size)
end

--- The rate that requests are held to.
---@return number? rate requests a second; nil: not paced
function methods:rate()
   return self.pace
end

--- A pace for a new client.
---@param options { random: (fun(): number), concurrency: integer?, max_attempts: integer? }
---@return avepoint.Pace
function pace.new(options)
   local concurrency = options.concurrency or pace.CONCURRENCY
   return setmetatable({
      random = options.random, concurrency = concurrency, max_attempts = options.max_attempts or retry.MAX_ATTEMPTS,
      in_flight = 0,
      last_answer = -huge, -- seconds
      failures = 0, throttles = 0, -- in a row: failures without 429s, pauses for 429
      size = min(WINDOW_START, concurrency), -- of the window, with its fraction
      starting = true,     -- until the first cut
      epoch = 0, streak = 0, -- cuts; good answers in a row since the window last changed
      pause_end = nil,     -- seconds; kept until a probe has come back good
      pause_kind = nil,    -- of what asked for it: "throttled" or "server"
      probe = nil,         -- ticket of the one request that is out after a pause
      pace = nil,          -- requests a second
      base = nil, calm = 0, -- requests a second after the last refusal; seconds that were well used since
      next_send = -huge,   -- seconds
      log = { n = 0 },     -- tickets since the last pause for a 429
      first_log = nil,     -- ... before the first one, until the second
      burst = nil,         -- requests
   }, metatable)
end

return pace
