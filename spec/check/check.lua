-- `make check`: all the long checks, one after the other, each by its make target and with its output in
-- build/check/NAME.log; then what they measured, and how much passed. `make check ARGS='oom soak'` runs some.

local keeper = require("spec.sandbox.keeper")
local suite = require("spec.check.suite")

local CHECKS = { "compat", "asan", "valgrind", "tsan", "oom", "sweep", "fuzz", "coverage", "mutation", "soak" }

local LONGEST = 20 * 60 -- seconds a check

local function run(name)
   local log = "build/check/" .. name .. ".log"
   local began = os.time()
   local good = suite.shell(("env -u MAKEFLAGS -u MAKELEVEL -u ARGS timeout -k 10 %d make %s >%s 2>&1 </dev/null"):format(
      LONGEST, name, log))
   local text = keeper.read(log) or ""
   local passed, failed
   for good_ones, bad_ones in text:gmatch("(%d+) passed, (%d+) failed %(" .. name .. ",") do
      passed, failed = good_ones, bad_ones
   end
   passed, failed = math.tointeger(tonumber(passed or 0)), math.tointeger(tonumber(failed or 1))
   if not good and failed == 0 then
      failed = 1 -- it ended otherwise than it said
   end
   local figures = {}
   for figure in text:gmatch("figure " .. name .. ": ([^\n]+)") do
      figures[#figures + 1] = figure
   end
   print(("%s make %s (%d passed, %d failed, %d s)"):format(failed == 0 and "ok" or "FAILED", name, passed, failed,
      os.time() - began))
   if failed > 0 then
      print((("\n" .. text:sub(-8000)):gsub("\n", "\n| ")))
   end
   io.stdout:flush()
   return passed, failed, figures
end

assert(suite.shell("mkdir -p build/check"))
local wanted = #arg > 0 and arg or CHECKS
local passed, failed, lines, began = 0, 0, {}, os.time()
for _, name in ipairs(wanted) do
   local good, bad, figures = run(name)
   passed, failed = passed + good, failed + bad
   for i, figure in ipairs(figures) do
      lines[#lines + 1] = ("%-10s %s"):format(i == 1 and name or "", figure)
   end
end
print("\n" .. table.concat(lines, "\n"))
print(("\n%d passed, %d failed (check, %d s)"):format(passed, failed, os.time() - began))
os.exit(failed == 0 and passed > 0, true)
