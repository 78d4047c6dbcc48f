-- Peak memory of a walk over few users and over a million: it must not grow with the tenant, but for the set of the
-- users seen, of which 16 bytes a user are allowed and taken off here. Beside it the command that prints them.
-- Criteria: peak of the whole process (VmHWM), over http, since TLS has nothing to do with it.

local core = require("avepoint.elements.core")
local keeper = require("spec.sandbox.keeper")
local run = require("spec.bench.run")
local truth = require("spec.sandbox.tenant")

local PAGES = { 10, 10000 } -- of 100 users
local ALLOWED = 16 -- bytes a user seen
local LIMIT = 2000 -- kB beside them
local LONGEST = 300

-- The command ends its process by os.exit.
local TELL = [[local exit = os.exit
function os.exit(...)
   io.stderr:write("rss=", io.open("/proc/self/status"):read("a"):match("VmHWM:%s+(%d+)"), "\n")
   exit(...)
end]]

local function megabytes(kilobytes)
   return kilobytes * 1024 / 1e6
end

local function csv(bench, pages)
   local box = bench.sandbox
   return ("env LUA_INIT=%s LUA=%s BENCH_TOKEN=%s lua/avepoint/elements/cli/avepoint-users list --format csv --quiet "
      .. "--customer %s --tenant %s --base-url %s --proxy '' --token-command 'printenv BENCH_TOKEN' >/dev/null"):format(
      keeper.quote(TELL), run.lua, box.token, box.customer_id, box.tenant_id, bench:tenant(pages, nil, "http"))
end

return function(bench)
   local report = bench.report
   local values = {}
   for i, pages in ipairs(PAGES) do
      values[i] = run.one(bench:walk(bench:tenant(pages, nil, "http"), pages, 8, "receipt"), LONGEST)
      assert(values[i].users == pages * 100 and values[i].complete == "true", "not every user came")
   end
   local few, many = values[1], values[2]
   local users = many.users - few.users
   local seen = core.seen()
   for i = 1, many.users do
      seen:add(truth.id(i))
   end
   local growth = (many.rss - few.rss) * 1.024 -- kB of 1000 bytes
   local beside = growth - ALLOWED * users / 1000
   local rows = {
      { "", "peak of the process", "of Lua", "users", "seconds", "the command, as CSV", "CPU s" },
   }
   for i, name in ipairs { "few", "million" } do
      local walk, command = values[i], run.one(csv(bench, PAGES[i]), LONGEST)
      rows[i + 1] = {
         i == 1 and "few users" or "a million", ("%.2f MB"):format(megabytes(walk.rss)),
         ("%.2f MB"):format(megabytes(walk.peak)), report.whole(walk.users), ("%.1f"):format(walk.elapsed),
         ("%.2f MB"):format(megabytes(command.rss)), ("%.1f"):format(command.all_cpu),
      }
      report:figure("memory." .. name .. "_mb", megabytes(walk.rss))
      report:figure("memory.csv_" .. name .. "_mb", megabytes(command.rss))
      report:figure("memory.csv_" .. name .. "_cpu", command.all_cpu)
   end
   report:figure("memory.million_seconds", many.elapsed)
   report.print("MEMORY  walks over 1,000 and 1,000,000 users", rows, {
      ("users seen: %.2f bytes a user in fact, %d allowed: %s kB"):format(seen:bytes() / many.users, ALLOWED,
         report.whole(ALLOWED * users / 1000)),
      "seen, bytes a user: " .. report:limit("memory.seen_bytes", seen:bytes() / many.users, ALLOWED),
      "growth beside 16 bytes a user, kB: " .. report:limit("memory.growth_kb", beside, LIMIT, "%.0f"),
      ("growth beside what seen takes in fact, kB: %.0f"):format(growth - seen:bytes() / 1000),
   })
end
