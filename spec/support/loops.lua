-- The two event loops that the specs of waiting run in, under one face; loops[1], loops[2] and by their names.
--
-- Criteria: a loop ends when its tasks have; the first error of a task is raised by run, unchanged, once the others are
-- through; a task that hangs fails the spec instead of hanging it.

local LIMIT = 30 -- seconds that a loop may turn

local loops = {}

-- Tasks as the loop gets them, and the errors that they end with.
local function caught(tasks)
   local errors, all = {}, {}
   for i, task in ipairs(tasks) do
      all[i] = function()
         local ok, err = xpcall(task, function(e)
            return type(e) == "string" and debug.traceback(e, 2) or e
         end)
         if not ok then
            errors[#errors + 1] = err
         end
      end
   end
   return all, errors
end

local cqueues = { name = "cqueues" }
loops[1] = cqueues

function cqueues.sleep(seconds)
   require("cqueues").sleep(seconds)
end

--- Runs functions side by side until all have ended.
---@param ... fun()
function cqueues.run(...)
   local loop = require("cqueues").new()
   local tasks, errors = caught { ... }
   for _, task in ipairs(tasks) do
      loop:wrap(task)
   end
   local ok, err = loop:loop(LIMIT)
   assert(ok, err)
   if #errors > 0 then
      error(errors[1], 0)
   end
   assert(loop:empty(), "a task still waits")
end

--- Starts functions and turns the loop for some time, whatever they do; an error of theirs is raised.
---@param seconds number
---@param ... fun()
---@return fun() go_on turns it to its end; dropped, the loop is
function cqueues.turn(seconds, ...)
   local loop = require("cqueues").new()
   for _, task in ipairs { ... } do
      loop:wrap(task)
   end
   assert(loop:loop(seconds))
   return function()
      assert(loop:loop(LIMIT))
   end
end

local luv = { name = "luv" }
loops[2] = luv

function luv.sleep(seconds)
   local uv, co = require("luv"), coroutine.running()
   local timer = uv.new_timer()
   timer:start(math.floor(seconds * 1000 + 0.5), 0, function()
      timer:close()
      assert(coroutine.resume(co))
   end)
   coroutine.yield()
end

-- Closes all that is in the loop after LIMIT seconds; does not itself keep it going.
local function alarm()
   local uv = require("luv")
   uv.update_time() -- which stands still while the loop does, so that the time would be over at once
   local timer = uv.new_timer()
   timer:start(LIMIT * 1000, 0, function()
      uv.walk(function(handle)
         if not handle:is_closing() then
            handle:close()
         end
      end)
   end)
   timer:unref()
   return timer
end

local function run_until(timer)
   local uv = require("luv")
   uv.run()
   if not timer:is_closing() then
      timer:close()
      uv.run()
   end
end

function luv.run(...)
   local tasks, errors = caught { ... }
   local left, timer = #tasks, alarm()
   for _, task in ipairs(tasks) do
      coroutine.wrap(function()
         task()
         left = left - 1
      end)()
   end
   run_until(timer)
   if #errors > 0 then
      error(errors[1], 0)
   end
   assert(left == 0, "a task still waits")
end

function luv.turn(seconds, ...)
   local uv = require("luv")
   uv.update_time()
   for _, task in ipairs { ... } do
      coroutine.wrap(task)()
   end
   local timer = uv.new_timer()
   timer:start(math.floor(seconds * 1000), 0, function()
      timer:close()
      uv.stop()
   end)
   uv.run()
   return function()
      run_until(alarm())
   end
end

for _, loop in ipairs(loops) do
   loops[loop.name] = loop
   function loop.wait(...)
      return require("avepoint.elements.wait." .. loop.name)(...)
   end
end

return loops
