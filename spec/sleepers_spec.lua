-- Sleepers with a handle that only notes: who is woken, for how long the descriptor stays readable, who is given up.

local sleepers = require("avepoint.elements.sleepers")

local handle, host

before_each(function()
   handle = { readable = false, now = "open", closed = 0 }
   function handle:state() return self.now end
   function handle.fd() return 7 end
   function handle:wake(on) self.readable = on end
   function handle:shut() self.now, self.readable = "closed", true end
   function handle:close() self.now, self.readable, self.closed = "closed", false, self.closed + 1 end
   host = sleepers.new(handle, function(fd, seconds) coroutine.yield(fd, seconds) end)
end)

-- A coroutine that sleeps again and again, as one that drives the engine and finds nothing.
local function sleeper()
   local co = coroutine.create(function()
      while true do
         host:sleep(3, host.news)
      end
   end)
   assert.same({ true, 7, 3 }, { coroutine.resume(co) })
   return co
end

local function wake(co)
   assert(coroutine.resume(co))
end

describe("a change", function()
   it("leaves the descriptor alone where nobody sleeps", function()
      function handle.wake() error("touched") end
      host:rouse()
      assert.equal(1, host.news)
      assert.is_false(host:any())
   end)

   it("makes it readable until each sleeper has woken", function()
      local one, two, three = sleeper(), sleeper(), sleeper()
      assert.is_true(host:any())
      assert.is_false(handle.readable)
      host:rouse()
      for _, co in ipairs { two, one, three } do
         assert.is_true(handle.readable)
         wake(co)
      end
      assert.is_false(handle.readable)
   end)

   it("that came after one looked keeps it from going to sleep", function()
      function host.wait() error("it sleeps") end
      local known = host.news
      host:rouse()
      host:sleep(3, known)
      assert.is_false(host:any())
   end)

   it("while one wakes is for those who sleep still", function()
      local one, two = sleeper(), sleeper()
      host:rouse()
      wake(one)
      host:rouse()
      wake(two)
      assert.is_true(handle.readable) -- one knows the first only
      wake(one)
      assert.is_false(handle.readable)
   end)

   it("waits for no sleeper that was closed, and for none that was collected", function()
      local one, two = sleeper(), sleeper()
      sleeper() -- held by nobody
      host:rouse()
      assert.is_true(coroutine.close(one))
      wake(two)
      assert.is_true(handle.readable)
      collectgarbage()
      wake(two)
      assert.is_false(handle.readable)
   end)

   it("waits for no sleeper whose wait raised", function()
      host.wait = function()
         coroutine.yield()
         error("no loop")
      end
      local co = coroutine.create(function()
         return pcall(host.sleep, host, 1, host.news)
      end)
      coroutine.resume(co)
      host:rouse()
      assert.is_true(handle.readable)
      assert.is_true(coroutine.resume(co))
      assert.is_false(handle.readable)
      assert.is_false(host:any())
   end)

   it("gives a sleeper up that is never resumed, once the others woke in vain", function()
      local one, lost, two = sleeper(), sleeper(), sleeper()
      for _ = 1, 2 do
         host:rouse()
         local wakes = 0
         while handle.readable do
            wake(one)
            wake(two)
            wakes = wakes + 1
            assert.is_true(wakes < 10)
         end
         assert.is_nil(host.asleep[lost])
      end
      host:rouse()
      wake(one)
      wake(two)
      assert.is_false(handle.readable) -- it is not waited for again
      wake(lost) -- and may come back
      host:rouse()
      wake(one)
      wake(two)
      assert.is_true(handle.readable)
      wake(lost)
      assert.is_false(handle.readable)
   end)

   it("gives nobody up where each is resumed in its turn, however unlike their turns are", function()
      local one, two = sleeper(), sleeper()
      for _ = 1, 100 do
         host:rouse()
         wake(one)
         wake(one)
         assert.is_true(handle.readable)
         wake(two)
         assert.is_false(handle.readable)
      end
   end)
end)

describe("closing", function()
   it("closes at once where nobody sleeps", function()
      host:close()
      assert.equal(1, handle.closed)
   end)

   it("keeps the descriptor, readable, until the last sleeper has woken", function()
      local function once()
         local co = coroutine.create(function() host:sleep(3, host.news) end)
         coroutine.resume(co)
         return co
      end
      local one, two = once(), once()
      host:close()
      assert.equal(0, handle.closed)
      wake(two)
      assert.is_true(handle.readable)
      assert.equal(0, handle.closed)
      host:rouse() -- as a walk that is collected does
      wake(one)
      assert.equal(1, handle.closed)
   end)

   it("touches nothing in a forked child", function()
      local co = sleeper()
      handle.now = "forked"
      function handle.wake() error("touched") end
      host:rouse()
      coroutine.close(co)
      assert.equal(0, handle.closed)
   end)
end)
