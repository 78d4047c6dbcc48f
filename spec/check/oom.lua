-- `make oom`, faults 48, 49, 50 and 59: the n-th allocation fails, for every n until all goes well: Lua's, the C core's
-- and libcurl's, once and from then on, over all that a host does with a client (oom/steps.lua). The host program is
-- oom/host.c; it and the core are built under ASan. A failing step reads "step WHO HOW SCENARIO N: what", and
-- `make oom ARGS='WHO HOW SCENARIO N'` runs it alone.
--
-- lua-cjson's own mallocs are left alone, since it ends the process when one fails (known, and its own).

local report = require("spec.check.report")
local sweep = require("spec.check.oom.sweep")

report.run("oom", function(r)
   local sweeper <close> = sweep.new("oom", "clang", sweep.sanitized)
   local total = { lua = 0, core = 0, curl = 0 }

   local function try(who, how, scenario, only)
      local steps, failed, text = sweeper:run(who, how, scenario, only)
      if not steps then
         r:fail(("%s %s %s: %s"):format(who, how, scenario, text))
         return
      end
      total[who] = total[who] + steps
      r:pass(steps - failed)
      if failed > 0 then
         r:fail(text, failed)
      end
      print(("%-4s %-7s %-7s %5d steps, %d failed"):format(who, how, scenario, steps, failed))
      io.stdout:flush()
   end

   if #arg > 0 then
      try(arg[1], arg[2], arg[3], tonumber(arg[4]))
      return
   end
   for _, way in ipairs(sweep.ways) do
      for _, scenario in ipairs(sweep.scenarios) do
         try(way[1], way[2], scenario)
      end
   end
   r:figure("%d allocations of Lua failed, %d of the core, %d of libcurl: no signal, no hang, no client lost", total.lua,
      total.core, total.curl)
end)
