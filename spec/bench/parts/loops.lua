-- What an event loop adds to a walk, in instructions for each user: the same walk that blocks, and in a coroutine of
-- each of the two loops.

local instructions = require("spec.bench.instructions")

local LIMIT = 1.10 -- times the walk that blocks

return function(bench)
   local report = bench.report
   local rows, notes = { { "instructions a user", "blocking", "cqueues", "luv", "cqueues / blocking", "luv / blocking" } }, {}
   for _, concurrency in ipairs { 1, 0 } do
      local name = concurrency == 1 and "https_1" or "https_default"
      local label = "https, " .. (concurrency == 1 and "one" or "default") .. " in flight"
      local totals = {}
      for _, how in ipairs { "users", "cqueues", "luv" } do
         local profile = instructions.measure(bench, "https", "loops." .. name .. "." .. how, function(base, pages)
            return bench:walk(base, pages, concurrency, how)
         end)
         totals[how] = profile.total
         report:figure("loops." .. name .. "." .. how, math.floor(profile.total + 0.5))
         if not profile.even then
            notes[#notes + 1] = label .. ", " .. how .. ": a handshake is in the difference"
         end
      end
      local blocking = totals.users
      rows[#rows + 1] = {
         label, report.whole(blocking), report.whole(totals.cqueues), report.whole(totals.luv),
         report:limit("loops." .. name .. ".cqueues_ratio", totals.cqueues / blocking, LIMIT, "%.3f"),
         report:limit("loops." .. name .. ".luv_ratio", totals.luv / blocking, LIMIT, "%.3f"),
      }
   end
   report.print("LOOPS  a walk in an event loop beside one that blocks (callgrind)", rows, notes)
end
