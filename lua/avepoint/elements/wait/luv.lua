-- wait.luv: a client's wait function inside luv's loop.
--
--    wait = require("avepoint.elements.wait.luv")
-- Any number of coroutines may wait on one descriptor. libuv takes one poll handle for it, so they share that, and each
-- is resumed from a timer of its own: an error in one is luv's to report, and touches no other.

local found, uv = pcall(require, "luv")
if not found then
   error("avepoint.elements.wait.luv needs luv; install lua-luv (Debian) or the rock luv: " .. uv, 0)
end

local watches = {} -- by descriptor: its poll handle, and what resumes those that wait, by their timers

local function watch(fd)
   local self = { poll = assert(uv.new_poll(fd)), resumes = {} }
   assert(self.poll:start("r", function()
      for timer, resume in next, self.resumes do
         timer:start(0, 0, resume)
      end
   end))
   watches[fd] = self
   return self
end

---Returns when fd is readable or the time is over; the loop goes on meanwhile. Raises in the main thread.
---@param fd integer the client's
---@param seconds number
return function(fd, seconds)
   local co, main = coroutine.running()
   if main then
      error("avepoint.elements.wait.luv: the main thread can't be resumed by the loop; walk in a coroutine", 0)
   end
   local self, timer = watches[fd] or watch(fd), uv.new_timer()
   local _ <close> = setmetatable({}, {
      __close = function()
         timer:close()
         self.resumes[timer] = nil
         if not next(self.resumes) then
            self.poll:close()
            watches[fd] = nil
         end
      end,
   })
   self.resumes[timer] = function()
      local ok, err = coroutine.resume(co)
      if not ok then
         err = debug.traceback(co, tostring(err))
         coroutine.close(co) -- and with it the walks of its loops
         error(err, 0)
      end
   end
   timer:start(math.ceil(seconds * 1000), 0, self.resumes[timer])
   coroutine.yield()
end
