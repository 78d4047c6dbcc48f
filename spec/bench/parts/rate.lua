-- How a walk keeps to a rate limit that it is not told: nginx's limit_req with a burst of 2, and what is above it
-- answered 429, with and without Retry-After.
-- Criteria: every page arrives; few requests are refused; the limit is used. Runs of one table go side by side, since
-- they wait far more than they work.

local run = require("spec.bench.run")

local BURST = 2
local RATE, PAGES = 20, 300
local LIMIT, REFUSED = 1.4, 3 -- times the ideal; per cent of the requests
local SECONDS, WIDE_LIMIT = 15, 2 -- ideal time at the other rates; times the ideal
local SLOWEST = 240

-- Requests and 429s that the sandbox saw.
local function counted(bench, name)
   local requests, refused = 0, 0
   for _, entry in ipairs(bench.sandbox:log(name)) do
      requests = requests + 1
      refused = refused + (entry.status == 429 and 1 or 0)
   end
   return requests, refused
end

-- Runs cases side by side: adds base, run, values, requests and refused to each.
local function all(bench, cases)
   local waits = {}
   for i, case in ipairs(cases) do
      local base
      base, case.run = bench:tenant(case.pages, {
         rate = case.rate, burst = BURST, latency = case.latency, retry_after = case.retry_after,
      })
      waits[i] = run.start(case.command(base, case.pages), SLOWEST)
   end
   for i, wait in ipairs(waits) do
      local case = cases[i]
      case.values = wait()
      case.requests, case.refused = counted(bench, case.run)
      case.share = 100 * case.refused / math.max(case.requests, 1)
      case.ideal = case.pages / case.rate
      case.times = (case.values.elapsed or math.huge) / case.ideal
   end
end

local function whole(report, name, case)
   local good = case.values.good and case.values.users == case.pages * 100
   return report:must(name .. ".whole", good, ("%s of %d"):format(case.values.users or "none: " .. case.values.text,
      case.pages * 100))
end

return function(bench)
   local report = bench.report
   local function ours(base, pages)
      return bench:walk(base, pages, 0)
   end

   local cases = {}
   for _, kind in ipairs { "seconds", "none", "date" } do
      cases[#cases + 1] = {
         name = kind, rate = RATE, pages = PAGES, latency = "5-150", command = ours,
         retry_after = kind ~= "seconds" and kind or nil,
      }
   end
   all(bench, cases)
   local rows = { { "Retry-After", "users", "seconds", "times the ideal", "% answered 429" } }
   for _, case in ipairs(cases) do
      local name = "rate.20_" .. case.name
      rows[#rows + 1] = {
         case.name, whole(report, name, case), ("%.1f"):format(case.values.elapsed or 0),
         report:limit(name .. ".times_ideal", case.times, LIMIT), report:limit(name .. ".refused", case.share, REFUSED),
      }
   end
   report.print(("RATE  %d requests/s, burst %d, %d pages, 5 to 150 ms; ideal %.1f s"):format(RATE, BURST, PAGES,
      PAGES / RATE), rows)

   local wide = {}
   for _, rate in ipairs { 2, 5, 50, 200 } do
      wide[#wide + 1] = {
         rate = rate, pages = rate * SECONDS, latency = rate < RATE and "5-150" or "20", command = ours,
      }
   end
   all(bench, wide)
   rows = { { "requests/s", "pages", "users", "seconds", "times the ideal", "% answered 429" } }
   for _, case in ipairs(wide) do
      local name = "rate." .. case.rate
      report:figure(name .. ".refused", case.share)
      rows[#rows + 1] = {
         case.rate, case.pages, whole(report, name, case), ("%.1f"):format(case.values.elapsed or 0),
         report:limit(name .. ".times_ideal", case.times, WIDE_LIMIT), ("%.1f"):format(case.share),
      }
   end
   report.print(("      other rates, burst %d; ideal %d s each"):format(BURST, SECONDS), rows)

   local function peer(script, concurrency, ...)
      local options = table.pack(...)
      return function(base, pages)
         return bench:peer(script, base, pages, concurrency, table.unpack(options))
      end
   end
   local peers = {
      { name = "aiohttp, 8 in flight, as most have it", figure = "aiohttp", command = peer("aio.py", 8) },
      { name = "aiohttp, 8 in flight, 5 repeats", figure = "aiohttp_careful", command = peer("aio.py", 8, "careful") },
      { name = "curl --parallel, 8 in flight", figure = "curl", command = peer("curl.sh", 8) },
      { name = "curl --parallel, 8 in flight, --retry 5", figure = "curl_careful", command = peer("curl.sh", 8, "careful") },
      { name = "requests, one at a time", figure = "requests", command = peer("requests.py", 1) },
   }
   for _, case in ipairs(peers) do
      case.rate, case.pages, case.latency = RATE, PAGES, "5-150"
   end
   all(bench, peers)
   rows = { { "peers at 20 requests/s, Retry-After in seconds", "users", "seconds", "% answered 429", "ended" } }
   for _, case in ipairs(peers) do
      local values = case.values
      report:figure("rate.20_" .. case.figure .. ".users", values.users or 0)
      report:figure("rate.20_" .. case.figure .. ".seconds", values.elapsed or 0)
      report:figure("rate.20_" .. case.figure .. ".refused", case.share)
      local ended = values.died and "died: " .. values.died or (values.code or 0) ~= 0 and "exit code " .. values.code
         or values.good and "well" or "died: " .. (values.text:match("(%d%d%d) Client Error") or "?")
      rows[#rows + 1] = {
         case.name, values.users or "none", values.elapsed and ("%.1f"):format(values.elapsed) or "",
         ("%.1f"):format(case.share), ended,
      }
   end
   report.print("      peers", rows)
end
