-- How well a walk hides latency: 200 pages at 100 ms with 8 in flight, beside its peers and beside one at a time.
-- Criteria: the ideal is one round trip for the first page, which tells the size, then rounds of eight; where the floor
-- itself needs longer, the machine is slow and the floor's time counts.

local run = require("spec.bench.run")

local PAGES, LATENCY, CONCURRENCY = 200, 100, 8
local LIMIT = 1.10 -- times the ideal, or the floor

return function(bench)
   local report = bench.report
   local base = bench:tenant(PAGES, { latency = LATENCY })
   local ideal = (1 + math.ceil((PAGES - 1) / CONCURRENCY)) * LATENCY / 1000
   local mine = run.one(bench:walk(base, PAGES, CONCURRENCY))
   local others = {
      { "floor", "the floor, 8 in flight", bench:bare(base, PAGES, CONCURRENCY) },
      { "aiohttp", "Python aiohttp, 8 in flight", bench:peer("aio.py", base, PAGES, CONCURRENCY) },
      { "curl", "curl --parallel, 8 in flight, and jq", bench:peer("curl.sh", base, PAGES, CONCURRENCY) },
   }
   local slow = {
      { "walk_1", "users(), one at a time", bench:walk(base, PAGES, 1) },
      { "requests", "Python requests, one at a time", bench:peer("requests.py", base, PAGES, 1) },
      { "luasec", "LuaSec (ssl.https), one at a time", bench:peer("luasec.lua", base, PAGES, 1) },
   }
   local rows = { { "", "seconds", "times the ideal" } }
   rows[2] = { "users(), 8 in flight", ("%.2f"):format(mine.elapsed), ("%.2f"):format(mine.elapsed / ideal) }
   local function row(peer, values)
      report:figure("latency." .. peer[1], values.elapsed)
      rows[#rows + 1] = { peer[2], ("%.2f"):format(values.elapsed), ("%.2f"):format(values.elapsed / ideal) }
      return values.elapsed
   end
   local floor = row(others[1], run.one(others[1][3]))
   for i = 2, #others do
      row(others[i], run.one(others[i][3]))
   end
   -- these only wait, so side by side
   local commands = {}
   for i, peer in ipairs(slow) do
      commands[i] = peer[3]
   end
   for i, values in ipairs(run.all(commands)) do
      row(slow[i], values)
   end
   report.print(("LATENCY  %d pages at %d ms; ideal %.1f s"):format(PAGES, LATENCY, ideal), rows, {
      "users(), 8 in flight, seconds: " .. report:limit("latency.walk", mine.elapsed, LIMIT * math.max(ideal, floor)),
   })
end
