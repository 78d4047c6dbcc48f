-- How far a walk is above the floor, in instructions for each user. Two runs of different length are counted, and
-- the difference taken, so that what happens once does not count.
-- Criteria: every connection must be open before the shorter run ends, since a handshake costs as much as thousands of
-- users: where the two runs differ in their connections they are counted again.

local callgrind = require("spec.bench.callgrind")
local run = require("spec.bench.run")

local FEW, MANY = 40, 200 -- pages
local TRIES = 3
local LIMIT = 1.15 -- times the floor

-- Connections that a run has had.
local function connections(bench, name)
   local seen, count = {}, 0
   for _, entry in ipairs(bench.sandbox:log(name)) do
      if entry.connection and not seen[entry.connection] then
         seen[entry.connection], count = true, count + 1
      end
   end
   return count
end

-- Profile per user of what `command(base, pages)` gives.
local function measure(bench, scheme, name, command)
   local files, counts = {}, {}
   for _ = 1, TRIES do
      local commands, runs = {}, {}
      for i, pages in ipairs { FEW, MANY } do
         local base
         base, runs[i] = bench:tenant(pages, nil, scheme)
         files[i] = ("%s/callgrind.%s.%d"):format(bench.dir, name, pages)
         commands[i] = run.words("valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" .. files[i]) .. " "
            .. command(base, pages)
      end
      run.all(commands)
      counts = { connections(bench, runs[1]), connections(bench, runs[2]) }
      if counts[1] == counts[2] or scheme == "http" then
         break
      end
   end
   local few, many = callgrind.read(files[1]), callgrind.read(files[2])
   local users = (MANY - FEW) * 100
   local own = {}
   for library, cost in pairs(many.own) do
      own[library] = (cost - (few.own[library] or 0)) / users
   end
   return {
      total = (many.total - few.total) / users, own = own, even = counts[1] == counts[2] or scheme == "http", count = counts[2],
   }
end

local LIBRARIES = {
   { "Lua", "lua5.4", "liblua5.4", "floor" }, { "lua-cjson", "liblua5.4-cjson", "cjson" }, { "core", "core" },
   { "libcurl", "libcurl" }, { "zlib", "libz" }, { "TLS", "libssl", "libcrypto" }, { "libc", "libc", "libm" },
}

local function libraries(name, profile)
   local cells = { name }
   for i, library in ipairs(LIBRARIES) do
      local sum = 0
      for k = 2, #library do
         sum = sum + (profile.own[library[k]] or 0)
      end
      cells[i + 1] = ("%.0f"):format(sum)
   end
   return cells
end

return function(bench)
   local report = bench.report
   local rows = { { "instructions a user", "floor", "users()", "pages()", "users() / floor", "pages() / floor" } }
   local where = { { "where they are spent" } }
   for _, library in ipairs(LIBRARIES) do
      table.insert(where[1], library[1])
   end
   local notes = {}
   for _, scheme in ipairs { "https", "http" } do
      for _, concurrency in ipairs { 1, 0 } do
         local name = scheme .. (concurrency == 1 and "_1" or "_default")
         local label = scheme .. (concurrency == 1 and ", one in flight" or ", default in flight")
         local results = {}
         for _, kind in ipairs { "floor", "users", "pages" } do
            results[kind] = measure(bench, scheme, name .. "." .. kind, function(base, pages)
               if kind == "floor" then
                  return bench:bare(base, pages, concurrency == 1 and 1 or 8)
               end
               return bench:walk(base, pages, concurrency, kind)
            end)
            report:figure("floor." .. name .. "." .. kind, math.floor(results[kind].total + 0.5))
            if not results[kind].even then
               notes[#notes + 1] = label .. ", " .. kind .. ": a handshake is in the difference (" .. results[kind].count
                  .. " connections)"
            end
            where[#where + 1] = libraries(label .. ": " .. kind, results[kind])
         end
         local floor = results.floor.total
         rows[#rows + 1] = {
            label, report.whole(floor), report.whole(results.users.total), report.whole(results.pages.total),
            report:limit("floor." .. name .. ".users_ratio", results.users.total / floor, LIMIT, "%.3f"),
            report:limit("floor." .. name .. ".pages_ratio", results.pages.total / floor, LIMIT, "%.3f"),
         }
      end
   end
   report.print("FLOOR  a walk beside libcurl and lua-cjson alone (callgrind)", rows, notes)
   report.print("       libraries' own instructions a user; Lua's are the interpreter's, its tables' and its collector's",
      where)
end
