-- Runs the programs that a bench compares, each in a process of its own, and reads the name=value lines they print.
-- Criteria: bounded in time, ended by timeout(1); CPU time is that of the process and all its children, as bash counts
-- it; several may run side by side where they wait more than they work.

local keeper = require("spec.sandbox.keeper")

local run = {}

--- The interpreter that runs the bench, for scripts in processes of their own.
run.lua = "lua5.4"

-- After so many seconds a program is ended, unless told otherwise.
local LONGEST = 120

-- bash's own clock for children: milliseconds, unlike that of sh
local SHELL = [[TIMEFORMAT=$'\nall_user=%%3U\nall_sys=%%3S'; time timeout --foreground -s KILL %d %s]]

---@class Values: table<string, number|string>  what the program printed
---@field all_cpu number  seconds, user and system, of the process and its children
---@field good boolean  it ended well
---@field text string  everything it printed

--- Starts a command.
---@param command string
---@param seconds? integer
---@return fun(): Values wait
function run.start(command, seconds)
   local pipe = assert(io.popen("exec bash -c " .. keeper.quote(SHELL:format(seconds or LONGEST, command)) .. " 2>&1 </dev/null"))
   return function()
      local values = { text = pipe:read("a") }
      values.good = pipe:close() == true
      for name, value in values.text:gmatch("([%w_]+)=(%S+)") do
         values[name] = tonumber(value) or value
      end
      values.all_cpu = (values.all_user or 0) + (values.all_sys or 0)
      return values
   end
end

--- Runs a command that must end well.
---@param command string
---@param seconds? integer
---@return Values
function run.one(command, seconds)
   local values = run.start(command, seconds)()
   if not values.good then
      error("bench: " .. command .. " failed:\n" .. values.text, 0)
   end
   return values
end

--- Runs commands side by side; each must end well.
---@param commands string[]
---@param seconds? integer
---@return Values[]
function run.all(commands, seconds)
   local waits, all = {}, {}
   for i, command in ipairs(commands) do
      waits[i] = run.start(command, seconds)
   end
   for i, wait in ipairs(waits) do
      all[i] = wait()
   end
   for i, values in ipairs(all) do
      if not values.good then
         error("bench: " .. commands[i] .. " failed:\n" .. values.text, 0)
      end
   end
   return all
end

return run
