-- What a walk makes of a service that fails: 20 % of the answers 503 at random, and an outage in the middle.
-- Criteria: a walk either arrives whole or ends with the right kind, everything before it delivered, few repeats, and
-- a resume that gives the rest once the service is back.

local run = require("spec.bench.run")

local PAGES = 1000
local OUTAGE_PAGES, OUTAGE = 200, 50
local REPEATS = 35
local LONGEST = 300

return function(bench)
   local report = bench.report
   local base = bench:tenant(PAGES, { random_fail = "503:20:7" })
   local outage = bench:tenant(OUTAGE_PAGES, { outage = OUTAGE })
   local waits = {
      run.start(bench:walk(base, PAGES, 0, "receipt"), LONGEST),
      run.start(bench:walk(outage, OUTAGE_PAGES, 0, "receipt"), LONGEST),
   }
   local random, ended = waits[1](), waits[2]()
   local rows = { { "", "outcome" } }
   local function must(name, what, good, shown)
      rows[#rows + 1] = { what, report:must("failures." .. name, good or false, shown) }
   end
   must("random_whole", ("20 %% random 503, %d pages: users"):format(PAGES), random.users == PAGES * 100
      and random.complete == "true", ("%s of %d"):format(random.users or random.text, PAGES * 100))
   rows[#rows + 1] = { "   seconds; repeats; requests", ("%.1f; %s; %s"):format(random.elapsed or 0,
      random.retries or "?", random.requests or "?") }
   report:figure("failures.random_seconds", random.elapsed or 0)
   report:figure("failures.random_repeats", random.retries or 0)

   local before = (OUTAGE - 1) * 100
   must("outage_kind", ("outage from page %d on: kind"):format(OUTAGE), ended.kind == "server",
      tostring(ended.kind or ended.text))
   must("outage_before", "   users before it", ended.users == before, ("%s of %d"):format(ended.users or 0, before))
   rows[#rows + 1] = { "   repeats", report:limit("failures.outage_repeats", ended.retries or math.huge, REPEATS, "%.0f") }
   rows[#rows + 1] = { "   seconds until it ended", ("%.1f"):format(ended.elapsed or 0) }
   report:figure("failures.outage_seconds", ended.elapsed or 0)
   local rest = ended.resume and run.one(bench:walk(bench:tenant(OUTAGE_PAGES), OUTAGE_PAGES, 0, "receipt", ended.resume))
      or { text = "no resume" }
   local left = OUTAGE_PAGES * 100 - before
   must("outage_resume", "   resumed when it is over: users", rest.users == left and not rest.kind
      or rest.users == left and rest.kind == "nil", ("%s of %d"):format(rest.users or rest.text, left))
   report.print("FAILURES", rows)
end
