-- sleepers: the coroutines that wait on a client's one descriptor, in the host's wait function.
--
-- A descriptor wakes everybody or nobody. Where something changes that a sleeper does not know of, it is made readable
-- and stays so until each has woken: a loop may look at it long after another coroutine took what made it readable.
-- One that is never resumed (its loop was dropped) is given up once the others woke in vain, so that nobody spins.

local next, running = next, coroutine.running

local sleepers = {}
sleepers.__index = sleepers

-- How often the others wake in vain, each of them on the average, before those that did not are given up. A loop
-- resumes all that wait on a readable descriptor in one turn, so once would do.
local VAIN = 2

---@param handle table core's
---@param wait function? the host's
---@return table sleepers
function sleepers.new(handle, wait)
   local self
   self = setmetatable({
      handle = handle,
      wait = wait,
      news = 0, -- changes so far
      asleep = setmetatable({}, { __mode = "k" }), -- coroutines, and the news each knows
      vain = 0, -- times one woke that knew the latest
      woke = setmetatable({}, { __close = function() self:leave(running()) end }),
   }, sleepers)
   return self
end

---Something changed: whoever sleeps is woken.
function sleepers:rouse()
   self.news, self.vain = self.news + 1, 0
   if self:any() and self.handle:state() == "open" then
      self.handle:wake(true)
   end
end

---Waits in the host's function, which may yield, unless something changed since the caller looked.
---@param seconds number
---@param known integer `news` before the caller looked
function sleepers:sleep(seconds, known)
   local _ <close> = self.woke
   self.asleep[running()] = known
   if known == self.news then -- asked once it is known to sleep: a finaliser may bring news at any place
      self.wait(self.handle:fd(), seconds)
   end
end

-- Those that do not know the latest are waited for no longer.
local function give_up(self)
   for co, known in next, self.asleep do
      if known ~= self.news then
         self.asleep[co] = nil
      end
   end
end

-- A coroutine woke, or was closed in its sleep.
function sleepers:leave(co)
   local knew, informed, late = self.asleep[co], 1, 0
   self.asleep[co] = nil
   local state = self.handle:state()
   if state == "open" then
      for _, known in next, self.asleep do
         if known == self.news then
            informed = informed + 1
         else
            late = late + 1
         end
      end
      self.vain = knew == self.news and self.vain + 1 or self.vain
      if late == 0 or self.vain > VAIN * informed then
         give_up(self)
         self.handle:wake(false)
      end
   elseif state == "closed" and not self:any() then
      self.handle:close()
   end
end

---Does anybody wait here now?
---@return boolean
function sleepers:any()
   return next(self.asleep) ~= nil
end

---Closes the handle; its descriptor stays, readable, until the last that waits on it has woken.
function sleepers:close()
   if self:any() then
      self.handle:shut()
   else
      self.handle:close()
   end
end

return sleepers
