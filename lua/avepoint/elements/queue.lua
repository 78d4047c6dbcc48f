-- queue: the requests of one walk, from when they are wanted until their pages are handed over.
--
-- Jobs are made in the order of the pages, only as many as may be out or waiting to be handed over: `share`, and one
-- more for the page that is due next. The engine asks for the next one to send.

local wire = require("avepoint.elements.wire")

local huge, min = math.huge, math.min

local queue = {}
queue.__index = queue

-- Jobs by their place in the order of pages; a page that is asked again has a place of its own.
local AGAIN = -1

local function place_of(chunk, page, again)
   return again and AGAIN or chunk << 32 | page
end

---@param plan table
---@param endpoint {url: string, cleartext: boolean}
---@param query table checked
---@return table queue
function queue.new(plan, endpoint, query)
   local self = {
      plan = plan,
      endpoint = endpoint,
      query = query,
      share = query.concurrency or huge,
      jobs = {},
      count = 0,
      made = 0, -- jobs so far; max_pages bounds them
      out = 0, -- of them in flight; the engine counts
      last_sent = -huge, -- on the engine's clock
      deadline = nil, -- on the engine's clock, once the walk has begun
      stats = { requests = 0, retries = 0, throttled_seconds = 0 },
   }
   self.me = setmetatable({ self }, { __mode = "v" }) -- so that no job holds its queue
   return setmetatable(self, queue)
end

local function new_job(self, chunk, page, again)
   local chunks = self.query.chunks
   local job = {
      queue = self.me,
      page = page,
      url = wire.page_url(self.endpoint.url, page, self.query.page_size),
      body = wire.body(chunks and chunks[chunk]),
      cleartext = self.endpoint.cleartext,
      limit = wire.PAGE_LIMIT,
      deadline = self.deadline,
      stats = self.stats,
      requests = 0,
   }
   self.jobs[place_of(chunk, page, again)] = job
   self.count, self.made = self.count + 1, self.made + 1
   return job
end

-- The job itself where it can be sent, or when it can be.
local function sendable(job, now)
   if job.id or job.answer or job.err then
      return nil
   elseif job.due and job.due > now then
      return nil, job.due
   end
   return job
end

---The lowest page that is due to be sent.
---@param now number
---@return table? job
---@return number? due when there may be one, where only time is missing
function queue:next_job(now)
   local chunk, page, again = self.plan:cursor()
   if again then
      local job = self:job(chunk, page, true)
      if not job then
         return nil
      end
      return sendable(job, now)
   end
   local first, due = true, nil
   for _ = 1, min(self.share, self.plan:most()) do
      if not chunk then
         break
      end
      local job = self.jobs[place_of(chunk, page)]
      if not job then
         job = (first or self.count < self.share) and self:job(chunk, page)
         if not job then
            break
         end
         return job
      end
      if job.err then
         break -- the walk ends there
      end
      local ready, when = sendable(job, now)
      if ready then
         return ready
      end
      due = when and min(due or huge, when) or due
      chunk, page = self.plan:after(chunk, page)
      first = false
   end
   return nil, due
end

---The job of a page, made where there is none yet; nil where that would be more than max_pages.
---@param chunk integer
---@param page integer
---@param again boolean?
---@return table? job
function queue:job(chunk, page, again)
   local job = self.jobs[place_of(chunk, page, again)]
   if not job and self.made < self.query.max_pages then
      job = new_job(self, chunk, page, again)
   end
   return job
end

---The page was handed over.
---@param chunk integer
---@param page integer
---@param again boolean
function queue:done(chunk, page, again)
   self.jobs[place_of(chunk, page, again)] = nil
   self.count = self.count - 1
end

---Withdraws everything.
---@param engine table
function queue:clear(engine)
   for place, job in next, self.jobs do
      engine:drop(job)
      self.jobs[place] = nil
   end
   self.count, self.out = 0, 0
end

return queue
