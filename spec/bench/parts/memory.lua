-- Peak memory of a walk over few users and over a million: it must not grow with the tenant, but for the set of the
-- users seen, of which 16 bytes a user are allowed and taken off here.
-- Criteria: peak of the whole process (VmHWM), over http, since TLS has nothing to do with it.

local core = require("avepoint.elements.core")
local run = require("spec.bench.run")
local truth = require("spec.sandbox.tenant")

local FEW, MANY = 10, 10000 -- pages of 100 users
local ALLOWED = 16 -- bytes a user seen
local LIMIT = 2000 -- kB beside them
local LONGEST = 300

local function megabytes(kilobytes)
   return ("%.2f MB"):format(kilobytes * 1024 / 1e6)
end

return function(bench)
   local report = bench.report
   local values = {}
   for i, pages in ipairs { FEW, MANY } do
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
      { "", "peak of the process", "of Lua", "users", "seconds" },
      { "few users", megabytes(few.rss), megabytes(few.peak), report.whole(few.users), ("%.1f"):format(few.elapsed) },
      { "a million", megabytes(many.rss), megabytes(many.peak), report.whole(many.users), ("%.1f"):format(many.elapsed) },
   }
   report:figure("memory.few_kb", few.rss)
   report:figure("memory.million_kb", many.rss)
   report:figure("memory.million_seconds", many.elapsed)
   report.print("MEMORY  walks over 1,000 and 1,000,000 users", rows, {
      ("users seen: %.2f bytes a user in fact, %d allowed: %s kB"):format(seen:bytes() / many.users, ALLOWED,
         report.whole(ALLOWED * users / 1000)),
      "seen, bytes a user: " .. report:limit("memory.seen_bytes", seen:bytes() / many.users, ALLOWED),
      "growth beside 16 bytes a user, kB: " .. report:limit("memory.growth_kb", beside, LIMIT, "%.0f"),
      ("growth beside what seen takes in fact, kB: %.0f"):format(growth - seen:bytes() / 1000),
   })
end
