-- walk: asks for pages until it has what it wants, and hands them over in order, whole or user by user.
--
-- A callable object, never a coroutine, so that it may be stepped from any coroutine and closed by `break`. What to
-- ask is plan's, when to send is the engine's; here pages are put in order and the receipt is written.

local check = require("avepoint.elements.check")
local core = require("avepoint.elements.core")
local failure = require("avepoint.elements.failure")
local outcome = require("avepoint.elements.outcome")
local plan = require("avepoint.elements.plan")
local queue = require("avepoint.elements.queue")
local resume = require("avepoint.elements.resume")
local wire = require("avepoint.elements.wire")

local format, unpack = string.format, table.unpack
local running, status = coroutine.running, coroutine.status

local walk = {}

---A walk: a callable object. After the end a step gives nil, after an error it raises the same again, after `close` the
---error `closed`. A `<close>` variable closes it.
---@class avepoint.Walk
local methods = {}

local function stop(self, reason, err)
   self.stop_reason, self.err = reason, err
   self.data = self.data and {} -- the next step has none left, wherever it stands
   self.stopped = self.engine.now()
   self.engine:finish(self, self.queue)
end

---The error for a deadline that passed; for the engine.
---@private
---@return avepoint.Error
function methods:too_late()
   local query = self.query
   return failure.new("timeout", query.single and format("the deadline of %g s passed; try again", query.deadline)
      or format("the deadline of %g s passed after %d users; go on with resume", query.deadline, self:users_given()),
      { retryable = true })
end

---The error for a walk that was closed; for the engine.
---@private
---@return avepoint.Error
function methods.closed()
   return failure.new("closed", "the walk was closed; begin a new one, with resume to go on")
end

---Users handed over so far.
---@private
---@return integer
function methods:users_given()
   return self.users + (self.at or 0)
end

-- What a walk's error says besides.
local function decorate(self, err)
   if not failure.is(err) or self.query.single then
      return
   end
   err.resume = self:position()
   err.receipt = self:receipt()
end

-- An error of a job, or of the page that it got.
local function dressed(self, err)
   if failure.is(err) then
      local more = err.kind == "not_found" and self.query.chunks and "; or one of user_ids is unknown to the service" or ""
      err.message = self.engine.token:hide(err.message) .. more -- a member of the answer may be named as the token
   end
   return err
end

-- The next page, or nil at the end; raises.
local function advance(self)
   local the_plan, engine, jobs = self.plan, self.engine, self.queue
   while true do
      local chunk, index, again = the_plan:cursor()
      if not chunk then
         stop(self, the_plan.done)
         return nil
      end
      local job = jobs:job(chunk, index, again)
      if not job then
         stop(self, "max_pages")
         return nil
      end
      engine:await(self, job)
      local page, err, torn
      if job.err then
         err = job.err
         if not (failure.is(err) and the_plan:refused(err)) then
            error(dressed(self, err), 0)
         end
      else
         page, err, torn = wire.page(job.answer)
         if page then
            jobs:done(chunk, index, again)
            page, err = the_plan:deliver(page)
         end
         if err and not (torn and engine:torn(job)) then
            error(dressed(self, outcome.of_page(err, job)), 0)
         end
      end
      if page then
         return page
      elseif the_plan.again and not again then
         jobs:clear(engine) -- what comes after the page asked again is asked for anew
      end
   end
end

local function tell(self, page)
   if self.engine.on_event then
      local elapsed = self.engine.now() - self.started
      local done, total = self.told + #page.data, self.plan.total_last
      self.told = done
      self.engine:emit {
         type = "page", page_index = page.metadata.pageIndex, users = #page.data, done = done, total = total,
         elapsed = elapsed, left = done > 0 and total >= done and elapsed / done * (total - done) or nil,
      }
   end
end

local function next_page(self)
   local reason = self.stop_reason
   if reason == "closed" then
      error(self:closed(), 0)
   elseif reason == "error" then
      error(self.err, 0)
   elseif reason then
      return nil
   elseif self.stepping and status(self.stepping) ~= "dead" then
      error("avepoint.elements: the walk is being stepped already, in another coroutine or from inside token, "
         .. "client_secret or on_event", 0)
   end
   if not self.started then
      self.started = self.engine.now()
      self.queue.deadline = self.query.deadline and self.started + self.query.deadline
      self.engine:begin(self, self.queue)
   end
   local _ <close> = self.stepped
   self.stepping = running()
   local ok, page = pcall(advance, self)
   if ok and page then
      local told, err = pcall(tell, self, page)
      if not told then
         ok, page = false, err
      elseif self.stop_reason then -- the hook closed it
         ok, page = false, self:closed()
      end
   end
   if not ok then
      local err = page
      if not self.stop_reason then
         stop(self, "error", err)
         decorate(self, err)
      end
      error(err, 0)
   end
   return page
end

local function step_page(self)
   local page = next_page(self)
   if page then
      local data = page.data
      for i = 1, #data do
         if data[i].status == nil then
            self.status_unknown = self.status_unknown + 1
         end
      end
      self.pages = self.pages + 1
      self.users = self.users + #data
      self.plan.trail.handed = #data
   end
   return page
end

local function step_user(self)
   local at = self.at + 1
   local user = self.data[at]
   while not user do
      -- the page before is through; should the next one fail, resume begins behind it
      self.plan.trail.handed = self.at
      self.users, self.at = self.users + self.at, 0
      self.data, self.page = {}, nil -- garbage before the next page is decoded, not after
      local page = next_page(self)
      if not page then
         return nil
      end
      self.pages = self.pages + 1
      -- a copy of the list: the page is the caller's
      self.data, self.page = { unpack(page.data) }, page
      at, user = 1, self.data[1]
   end
   self.at = at
   if user.status == nil then
      self.status_unknown = self.status_unknown + 1
   end
   return user, self.page
end

---Where the walk can go on; nil after the end.
---@private
---@return string?
function methods:position()
   if self.stop_reason == "end" then
      return nil
   end
   if self.at and self.at > 0 then
      self.plan.trail.handed = self.at
   end
   return resume.encode(self.plan:position(), self.tenant, self.query.page_size, self.query.digest)
end

---What the walk delivered so far. May be called at any time; never raises.
---@return avepoint.Receipt
function methods:receipt()
   local stats, the_plan, reason = self.queue.stats, self.plan, self.stop_reason
   return {
      complete = reason == "end" and not the_plan.drift and not self.partial,
      stop_reason = reason,
      error = self.err,
      pages = self.pages,
      users = self:users_given(),
      duplicates = the_plan.duplicates,
      total_first = the_plan.total_first,
      total_last = the_plan.total_last,
      drift = the_plan.drift ~= nil,
      missing = the_plan:lost(),
      status_unknown = self.status_unknown,
      requests = stats.requests,
      retries = stats.retries,
      throttled_seconds = stats.throttled_seconds,
      elapsed = self.started and (self.stopped or self.engine.now()) - self.started or 0,
      resume = self:position(),
   }
end

---Ends the walk: what is in flight is withdrawn. May be called again; never raises.
function methods:close()
   if not self.stop_reason then
      stop(self, "closed")
   end
end

setmetatable(methods, { __index = check.no_list })

local function class(name, step)
   return {
      __index = methods, __name = name, __call = step, __close = methods.close, __gc = methods.close,
      __len = check.no_list, __pairs = check.no_list,
      __tostring = function(self)
         return format("%s (%s)", name, self.stop_reason or "running")
      end,
   }
end

---A walk over pages; each step gives a page, and nil at the end. Raises an avepoint.Error, and what `token`,
---`client_secret`, `on_event` or `wait` raised.
---@class avepoint.Pages: avepoint.Walk
---@overload fun(): avepoint.Page?
local Pages = class("avepoint.Pages", step_page)

---A walk over users; each step gives a user and its page, and nil at the end. Raises as avepoint.Pages does.
---@class avepoint.Users: avepoint.Walk
---@overload fun(): avepoint.User?, avepoint.Page?
local Users = class("avepoint.Users", step_user)

---@param by "pages"|"users"
---@param tenant table {customer_id=, tenant_id=}
---@param endpoint table {url=, cleartext=}
---@param engine table
---@param query table checked; see tenant
---@return avepoint.Users|avepoint.Pages
function walk.new(by, tenant, endpoint, engine, query)
   local the_plan = plan.new(query, core.seen())
   local self = {
      tenant = tenant,
      engine = engine,
      query = query,
      plan = the_plan,
      queue = queue.new(the_plan, endpoint, query),
      partial = query.resume ~= nil or (query.page_index or 1) > 1 or query.single or false,
      pages = 0,
      users = 0, -- handed over, without the current page of a walk over users
      told = 0,
      status_unknown = 0,
   }
   -- to-be-closed, so that Ctrl-C at any place leaves no mark behind
   self.stepped = setmetatable({}, { __close = function() self.stepping = nil end })
   if by == "users" then
      self.data, self.at = {}, 0
   end
   return setmetatable(self, by == "pages" and Pages or Users)
end

return walk
