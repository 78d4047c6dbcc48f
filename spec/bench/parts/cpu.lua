-- CPU time of a walk beside its peers, with no latency and no limit: user and system, of the process and its children.
-- Criteria: the whole program is what its user pays, so that is judged; beside it stands the work on a user, without
-- what a program takes to start. The least of several rounds, in which everyone has his turn, counts.

local run = require("spec.bench.run")

local PAGES = 600
local ROUNDS = 5
-- a connection each and 40 ms of waiting in it (two packets a request, Nagle's algorithm): fewer pages will do
local SLOW_PAGES, SLOW_ROUNDS = 100, 2

return function(bench)
   local report = bench.report
   local function peer(script, concurrency, ...)
      local options = table.pack(...)
      return function(base, pages)
         return bench:peer(script, base, pages, concurrency, table.unpack(options))
      end
   end
   local function ours(concurrency)
      return function(base, pages)
         return bench:walk(base, pages, concurrency)
      end
   end
   -- name, who, command, is it a peer that ours must be below; slow, knobs
   local programs = {
      { "walk", "users(), default in flight", ours(0) },
      { "walk_1", "users(), one in flight", ours(1) },
      { "walk_plain", "users(), one in flight, answers without gzip", ours(1), knobs = { gzip = 0 } },
      { "floor", "the floor, one in flight", function(base, pages) return bench:bare(base, pages, 1) end },
      { "requests", "Python requests, one Session", peer("requests.py", 1), true },
      { "aiohttp", "Python aiohttp, 8 in flight", peer("aio.py", 8), true },
      { "curl", "curl --parallel, 8 in flight, and jq", peer("curl.sh", 8), true },
      { "luasec", "LuaSec (ssl.https), lua-cjson", peer("luasec.lua", 1), true, slow = true },
      { "luasec_kept", "LuaSec by hand, one connection, no gzip", peer("luasec.lua", 1, "kept") },
   }
   local full, start = {}, {}
   for round = 1, ROUNDS do
      for i, program in ipairs(programs) do
         if not program.slow or round <= SLOW_ROUNDS then
            local pages = program.slow and SLOW_PAGES or PAGES
            local values = run.one(program[3](bench:tenant(pages, program.knobs), pages))
            assert(values.users == pages * 100, program[2] .. ": " .. values.text)
            full[i] = math.min(full[i] or math.huge, values.all_cpu)
            start[i] = math.min(start[i] or math.huge, run.one(program[3](bench:tenant(1, program.knobs), 1)).all_cpu)
         end
      end
   end
   local rows = { { "", "CPU s", "of it to start", "times ours", "µs a user", "times ours" } }
   local mine, my_work, best, best_work = nil, nil, math.huge, math.huge
   for i, program in ipairs(programs) do
      local work = (full[i] - start[i]) / ((program.slow and SLOW_PAGES or PAGES) - 1) / 100 * 1e6
      local whole = program.slow and start[i] + work * PAGES * 100 / 1e6 or full[i]
      mine, my_work = mine or whole, my_work or work
      best = program[4] and math.min(best, whole) or best
      best_work = program[4] and math.min(best_work, work) or best_work
      report:figure("cpu." .. program[1], whole)
      report:figure("cpu." .. program[1] .. "_us", work)
      rows[#rows + 1] = {
         program[2], ("%.3f"):format(whole), ("%.3f"):format(start[i]), ("%.2f"):format(whole / mine),
         ("%.2f"):format(work), ("%.2f"):format(work / my_work),
      }
   end
   report:figure("cpu.work_by_best_peer", my_work / best_work)
   report.print(("CPU  %d pages of 100 users, https, no latency, no limit; the least of %d rounds"):format(PAGES, ROUNDS),
      rows, {
         ("LuaSec's https has no keep-alive: a connection for each page, reckoned from %d pages. curl's become text, a "
            .. "line a user."):format(SLOW_PAGES),
         "By hand it checks nothing and unpacks nothing; it is shown beside ours without gzip, and not judged.",
         "users(), default in flight, beside the best peer: "
            .. report:limit("cpu.walk_by_best_peer", mine / best, 1, "%.2f")
            .. (", without the start %.2f"):format(my_work / best_work),
      })
end
