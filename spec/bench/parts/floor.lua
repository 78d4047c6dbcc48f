-- How far a walk is above the floor, in instructions for each user.

local instructions = require("spec.bench.instructions")

local LIMIT = 1.15 -- times the floor

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
            results[kind] = instructions.measure(bench, scheme, name .. "." .. kind, function(base, pages)
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
