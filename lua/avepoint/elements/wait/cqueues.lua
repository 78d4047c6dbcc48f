-- wait.cqueues: a client's wait function inside a cqueues controller.
--
--    wait = require("avepoint.elements.wait.cqueues")
-- Any number of coroutines may wait on one descriptor. cqueues watches it on after the last has woken, and its loop
-- fails once the descriptor is closed: the last to wake takes it out.

local found, cqueues = pcall(require, "cqueues")
if not found then
   error("avepoint.elements.wait.cqueues needs cqueues; install lua-cqueues (Debian) or the rock cqueues: " .. cqueues, 0)
end

local weak = { __mode = "k" }
local waiting = setmetatable({}, weak) -- by controller, then by descriptor: the coroutines

---Returns when fd is readable or the time is over; other coroutines of the controller go on meanwhile. Raises outside one.
---@param fd integer the client's
---@param seconds number
return function(fd, seconds)
   local controller, co = cqueues.running(), coroutine.running()
   if not controller then
      error("avepoint.elements.wait.cqueues: no controller runs here; walk in a coroutine that controller:wrap started", 0)
   end
   local descriptors = waiting[controller] or {}
   local waiters = descriptors[fd] or setmetatable({}, weak)
   waiting[controller], descriptors[fd], waiters[co] = descriptors, waiters, true
   local _ <close> = setmetatable({}, {
      __close = function()
         waiters[co] = nil
         if not next(waiters) then
            controller:cancel(fd)
         end
      end,
   })
   cqueues.poll({ pollfd = fd, events = "r" }, seconds)
end
