-- plan: which page a walk asks for next, and what its answer means for the walk.
--
-- Pure: it sees requests and pages, never a clock or a connection. Offset pages promise nothing: pages may be
-- capped, short, empty, repeated or shifted while one walks. So the size in the answers counts, not the size asked
-- for; nothing but the total ends a walk; every id is given once; and whatever makes the set of users unsure is
-- remembered as drift.
--
-- A walk over user ids goes chunk by chunk, each with pages of its own; a walk over all users is one chunk.

local failure = require("avepoint.elements.failure")
local trail = require("avepoint.elements.trail")

local format, lower, sub = string.format, string.lower, string.sub
local move = table.move
local ceil, huge, max, min = math.ceil, math.huge, math.max, math.min

local plan = {}
plan.__index = plan

---@class avepoint.PlanQuery
---@field page_size integer
---@field page_index integer? where to start, 1 by default
---@field chunks string[][]? ids to ask for, in chunks; nil asks for every user
---@field max_users integer?
---@field on_drift "report"|"error"
---@field single boolean? one page, whatever it says
---@field resume table? what resume.decode gave

---@param query avepoint.PlanQuery
---@param seen table a new core.seen()
---@return table plan
function plan.new(query, seen)
   local self = setmetatable({
      query = query,
      seen = seen,
      first = query.page_index or 1, -- page of the chunk where it began
      chunk = 1,
      page = query.page_index or 1,
      users = 0, -- kept, of the walk
      duplicates = 0,
      chunk_users = 0, -- kept, of the chunk
      base = 0, -- totals of the chunks before
      drift = nil, -- why the set of users is unsure
      trail = trail.new(query.resume and query.resume.trail, seen),
      wanted = nil, -- of the chunk: ids in lower case, true until they came
      missing = query.chunks and {} or nil,
      done = nil, -- why it ended
   }, plan)
   local resume = query.resume
   if resume then
      self.chunk, self.page, self.first = resume.chunk, resume.page, resume.first
      self.chunk_users, self.base, self.total = resume.chunk_users, resume.base, resume.total
      self.drift = resume.drift and "the walk that this one resumes had drift" or nil
   end
   if query.chunks and #query.chunks == 0 then
      self.done = "end"
   end
   return self
end

---The page that is delivered next, or nil at the end.
---@return integer? chunk
---@return integer? page
---@return boolean? again it was asked for before
function plan:cursor()
   if self.done then
      return nil
   elseif self.again then
      return self.chunk, self.again.page, true
   end
   return self.chunk, self.page, false
end

-- Pages of the chunk by its latest total; nil before its first answer.
local function pages(self)
   return self.size and (self.size > 0 and ceil(self.total / self.size) or 0)
end

---The page after another one as far as is known now, or nil.
---@param chunk integer
---@param page integer
---@return integer? chunk
---@return integer? page
function plan:after(chunk, page)
   local chunks = self.query.chunks
   if chunk == self.chunk and self.size and page < pages(self) then
      return chunk, page + 1
   elseif chunks and chunk < #chunks then
      return chunk + 1, 1
   end
end

---How many pages from the cursor on are worth asking for now: as many as max_users leaves, should they be full.
---@return number
function plan:most()
   if self.again then
      return 1
   end
   local left = self.query.max_users and self.query.max_users - self.users or huge
   return max(1, ceil(left / max(self.size or self.query.page_size, 1)))
end

local function protocol(page, message, ...)
   return failure.new("protocol", format(message, ...) .. "; pages that don't fit together give no whole list",
      { status = 200, request_id = page.request_id })
end

-- Remembers why the set is unsure; with on_drift = "error" that is an error.
local function drift(self, why)
   self.drift = self.drift or why
   if self.query.on_drift == "error" then
      return failure.new("drift", why .. "; walk again while nobody changes users, or take on_drift = \"report\"")
   end
end

-- Marks those of a chunk that came; returns an id that was not asked for.
local function stranger(self, data)
   if not self.query.chunks then
      return nil
   end
   if not self.wanted then
      self.wanted = {}
      for _, id in ipairs(self.query.chunks[self.chunk]) do
         self.wanted[lower(id)] = true
      end
   end
   for i = 1, #data do
      local id = lower(data[i].id)
      if self.wanted[id] == nil then
         return data[i].id
      end
      self.wanted[id] = false
   end
end

-- A resumed walk: once past the pages that it asked again, all given users must have been there.
local function settle(self, page)
   return self.trail:gone(self.chunk, page, self.query.chunks ~= nil)
      and drift(self, "users given before the walk was resumed are gone from their pages") or nil
end

local function end_chunk(self)
   local err = settle(self, huge)
   local before = (self.first - 1) * self.size
   if not err and not self.query.single and self.chunk_users ~= max(self.total - before, 0) then
      err = drift(self, format("the service counts %d users, but %d came", self.total, self.chunk_users + before))
   end
   if self.wanted then
      for _, id in ipairs(self.query.chunks[self.chunk]) do
         if self.wanted[lower(id)] then
            self.missing[#self.missing + 1] = id
         end
      end
      self.wanted = nil
   end
   if self.query.chunks and self.chunk < #self.query.chunks then
      self.base = self.base + self.total
      self.chunk, self.page, self.first, self.chunk_users = self.chunk + 1, 1, 1, 0
      self.size, self.total, self.previous = nil, nil, nil
   else
      self.done = "end"
   end
   return err
end

-- Cuts a page to what max_users leaves; true when that is reached.
local function cut(self, page, kept)
   local room = (self.query.max_users or huge) - self.users
   local data, n = page.data, #page.data
   for i = n, room + 1, -1 do
      data[i] = nil
   end
   self.users = self.users + min(n, room)
   return n > room and sub(kept, 1, 8 * room) or kept, n >= room, n > room
end

---Takes the answer for the cursor.
---@param page avepoint.Page
---@return avepoint.Page? page to hand over, with the users not given yet; nil where there is nothing to give
---@return avepoint.Error? err
function plan:deliver(page)
   local meta, data = page.metadata, page.data
   local again, chunk = self.again, self.chunk
   local index, raw, total = again and again.page or self.page, #data, meta.totalCount
   if meta.pageIndex ~= index then
      return nil, protocol(page, "page %d was asked for and page %d came", index, meta.pageIndex)
   end
   local changed = self.total and self.total ~= total and self.total
   self.size = self.size or meta.pageSize
   self.total, self.again = total, nil
   self.total_first = self.total_first or self.base + total
   self.total_last = self.base + total
   local count = pages(self)
   if meta.pageSize ~= self.size and index < count then
      return nil, protocol(page, "the size of pages changed from %d to %d", self.size, meta.pageSize)
   elseif raw > max(self.size, meta.pageSize) then
      return nil, protocol(page, "a page of %d users has %d", self.size, raw)
   end
   local unknown = stranger(self, data)
   if unknown then
      return nil, protocol(page, "a user came who was not asked for (%s): the service ignores userIds",
         failure.clean(unknown, 64))
   end
   local err = changed and drift(self, format("the number of users changed from %d to %d", changed, total))
   if err then
      return nil, err
   end

   -- nothing there: is that the end, by now?
   if raw == 0 and index > self.first and not again and self.previous ~= "" and not self.query.single then
      self.again = { page = index - 1 }
      self.previous = ""
      return nil
   end

   local repeats, kept, all = self.seen:admit(data)
   if repeats == raw and raw > 1 and not again and self.previous and trail.same(all, self.previous) then
      return nil, protocol(page, "page %d has the users of page %d: the service ignores pageIndex", index, index - 1)
   end
   local before = self.chunk_users
   local known = self.trail:known(all)
   self.chunk_users = before + raw - repeats + known
   self.duplicates = self.duplicates + (again and 0 or repeats - known)
   local taken, full, trimmed = cut(self, page, kept)
   self.trail:follow({
      chunk = chunk, page = self.query.chunks and 1 or index, first = self.first, chunk_users = before,
      base = self.base,
   }, all, kept, taken)

   if again then
      if count < self.page then
         err = drift(self, format("page %d is gone", self.page)) or end_chunk(self)
      elseif again.err then
         err = again.err
      else
         err = drift(self, format("page %d is empty", self.page))
         again.passed = true
      end
   else
      self.previous = all
      if raw == 0 and total > 0 and index <= count then
         err = drift(self, format("page %d is empty", index))
      end
   end
   if not err and not self.done and chunk == self.chunk and (not again or again.passed) then
      err = settle(self, index)
      if not err and (self.page >= count or self.query.single) then
         err = end_chunk(self)
      else
         self.page = self.page + 1
      end
   end
   if full and (trimmed or not self.done) then
      self.done = "max_users"
   end
   if err then
      return nil, err
   end
   -- a page asked again is news only as far as it has new users
   if #data == 0 and (again or known > 0) then
      return nil
   end
   return page
end

---An answer 400 or 404 for the cursor may mean that the tenant shrank: then the page before is asked again.
---@param err avepoint.Error
---@return boolean handled
function plan:refused(err)
   local gone = err.kind == "not_found" or err.kind == "bad_request" and err.status == 400
   if not gone or self.again or self.page <= self.first or not self.size or self.query.single then
      return false
   end
   self.again = { page = self.page - 1, err = err }
   return true
end

---Where a walk can go on, for resume.encode. Chunks are asked again whole, since which of their ids came is known for
---a whole one only.
---@return table
function plan:position()
   local list = self.trail:list()
   local start = list[1] or self
   return {
      chunk = start.chunk, page = start.page, first = start.first, chunk_users = start.chunk_users, base = start.base,
      total = not self.query.chunks and self.total or nil, drift = self.drift ~= nil, trail = list,
   }
end

---@return string[]? missing ids asked for that never came, nil without user_ids
function plan:lost()
   return self.missing and move(self.missing, 1, #self.missing, 1, {})
end

return plan
