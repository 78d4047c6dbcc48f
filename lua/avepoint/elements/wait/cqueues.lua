-- wait.cqueues: a client's wait function inside a cqueues controller.
--
--    wait = require("avepoint.elements.wait.cqueues")
-- Any number of coroutines may wait on one descriptor. cqueues watches it on after the last has woken, and its loop
-- fails once the descriptor is closed: the last to wake takes it out.

local found, cqueues = pcall(require, "cqueues")
if not found then
   error("avepoint.elements.wait.cqueues needs cqueues; install lua-cqueues (Debian) or the rock cqueues: " .. cqueues, 0)
end

local waiting = setmetatable({}, { __mode = "k" }) -- by controller: how many wait on a descriptor

---@param fd integer
---@param seconds number
return function(fd, seconds)
   local controller = cqueues.running()
   if not controller then
      error("avepoint.elements.wait.cqueues: no controller runs here; walk in a coroutine that controller:wrap started", 0)
   end
   local counts = waiting[controller] or {}
   waiting[controller], counts[fd] = counts, (counts[fd] or 0) + 1
   local _ <close> = setmetatable({}, {
      __close = function()
         counts[fd] = counts[fd] > 1 and counts[fd] - 1 or nil
         if not counts[fd] then
            controller:cancel(fd)
         end
      end,
   })
   cqueues.poll({ pollfd = fd, events = "r" }, seconds)
end
