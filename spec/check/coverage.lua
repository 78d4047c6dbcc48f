-- `make coverage`: which lines and branches of src/ and which lines of lua/ the specs reach, with the allocations that
-- fail (oom/) for src/. Every line of src/ that nothing reaches is in EXPLAINED with its reason, and whatever stands
-- there is not reached: both ways a failure. What is not reached is listed in build/coverage/unreached.txt.
--
-- Child processes of specs count, for lua/ those whose Lua is $LUA.

local cjson = require("cjson")
local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")
local sweep = require("spec.check.oom.sweep")

local FLAGS = "-O0 -g --coverage"

-- Lines of lua/ that may be unreached, in percent: errors of what does not fail here, and what hangs on the moment at
-- which a collection or a signal comes.
local LUA_UNREACHED = 1

-- A file in lines.c's record: its name, and a byte for each line from 0 on.
local RECORD = "c128 c1024"

-- file, the line without its indentation, reason
local EXPLAINED = {
   { "src/core.c", [[luaL_error(L, "avepoint.elements.core can't keep itself loaded");]], "dladdr knows its own caller" },
   { "src/json.c", [[problem = "the body is too long";]], "a body of 1 GiB; a page has 4 MiB at most" },
   { "src/seen.c", "return 0;", "a 64th of 2^32 ids and more" },
   { "src/transfer.c", "return CURL_SOCKOPT_ERROR;", "fcntl on a socket just made" },
   { "src/transfer.c", "return 0;", "no memory for the second handle of a request that met what nobody asked for" },
   { "src/transport.c", "t->failed = EINVAL;", "curl_multi_assign for the socket it is asked about" },
   { "src/transport.c", "return -1;", "the same" },
   { "src/transport.c", "return message;", "no memory for a multi handle, twice" },
   { "src/transport.c", "empty_slot(s);", "curl_multi_add_handle of a handle that is in no multi handle" },
   { "src/transport.c", "return curl_multi_strerror(mc);", "the same" },
}

-- Adds what gcov says of a build to `lines`: file → line → count, and `branches`: file → line → taken counts.
local function read_counts(folder, lines, branches)
   local pipe = assert(io.popen(("find %s -name '*.gcda' | while read -r f; do gcov -b --json-format -t \"$f\" 2>/dev/null; "
      .. "echo; done"):format(folder)))
   for text in pipe:lines() do
      local found = text:find("^{") and cjson.decode(text)
      for _, file in ipairs(found and found.files or {}) do
         local name = file.file
         if name:find("^src/") then
            local counts, taken = lines[name] or {}, branches[name] or {}
            lines[name], branches[name] = counts, taken
            for _, line in ipairs(file.lines) do
               local at = math.tointeger(line.line_number)
               counts[at] = (counts[at] or 0) + line.count
               taken[at] = taken[at] or {}
               for i, branch in ipairs(line.branches) do
                  taken[at][i] = (taken[at][i] or 0) + branch.count
               end
            end
         end
      end
   end
   pipe:close()
end

local function source_lines(path)
   local list = {}
   for line in io.lines(path) do
      list[#list + 1] = line:match("^%s*(.-)%s*$")
   end
   return list
end

-- What is unreached in src/, judged by EXPLAINED, each of which stands for one line.
local function judge_c(r, lines, branches, log)
   local left = {}
   for _, entry in ipairs(EXPLAINED) do
      local key = entry[1] .. ": " .. entry[2]
      left[key] = (left[key] or 0) + 1
      log[#log + 1] = key .. " (" .. entry[3] .. ")"
   end
   local all, hit, ways, taken_ways = 0, 0, 0, 0
   for name, counts in pairs(lines) do
      local text = source_lines(name)
      for at, n in pairs(counts) do
         all = all + 1
         local key = name .. ": " .. text[at]
         if n > 0 then
            hit = hit + 1
         elseif (left[key] or 0) > 0 then
            left[key] = left[key] - 1
         else
            r:fail(("%s:%d is not reached: %s"):format(name, at, text[at]))
         end
         for _, count in ipairs(n > 0 and branches[name][at] or {}) do
            ways = ways + 1
            taken_ways = taken_ways + (count > 0 and 1 or 0)
            if count == 0 then
               log[#log + 1] = ("%s:%d: a branch is not taken: %s"):format(name, at, text[at])
            end
         end
      end
   end
   for key, n in pairs(left) do
      r:expect(n == 0, "explained though it is reached or gone: " .. key)
   end
   r:expect(all > 500, "gcov counted " .. all .. " lines only")
   r:pass(hit)
   r:figure("src/: %.1f %% of %d lines (%d explained), %.1f %% of %d branches", 100 * hit / all, all, all - hit,
      100 * taken_ways / math.max(ways, 1), ways)
end

-- Every line of lua/ that has code, as luac lists it.
local function code_lines()
   local luac
   for _, name in ipairs { "luac5.4", "luac54", "luac-5.4", "luac" } do
      luac = luac or keeper.output("command -v " .. name) ~= "" and name
   end
   local found = {}
   for path in keeper.output("find lua -name '*.lua'"):gmatch("[^\n]+") do
      found[path] = {}
      for line in keeper.output(luac .. " -l -p " .. path):gmatch("\t%d+\t%[(%d+)%]") do
         found[path][math.tointeger(tonumber(line))] = true
      end
   end
   return found
end

-- A Lua that counts in each process, and the file in which it counts; see lines.c.
local function counting_lua(folder)
   if not suite.shell(("gcc -std=c99 -O2 -shared -fPIC %s spec/support/lines.c -o %s/lines.so"):format(
      keeper.output("pkg-config --cflags lua5.4 2>/dev/null || pkg-config --cflags lua"), folder)) then
      error("spec/support/lines.c does not compile", 0)
   end
   local path = keeper.output("pwd") .. "/" .. folder .. "/lines"
   local file = assert(io.open(path, "w"))
   for name in pairs(code_lines()) do
      file:write(RECORD:pack(name, ""))
   end
   file:close()
   return suite.script(folder .. "/lua", ([[
LUA_INIT_5_4="package.loadlib('%s.so', 'count_lines')('%s')
$LUA_INIT" exec LUA "$@"]]):format(path, path)), path
end

-- What is unreached in lua/, judged by its share.
local function judge_lua(r, path, log)
   local run = {}
   local text = keeper.read(path)
   for at = 1, #text, RECORD:packsize() do
      local name, lines = RECORD:unpack(text, at)
      run[("z"):unpack(name)] = lines
   end
   local all, hit = 0, 0
   for name, lines in pairs(code_lines()) do
      local source = source_lines(name)
      for at in pairs(lines) do
         all = all + 1
         if run[name]:byte(at + 1) > 0 then
            hit = hit + 1
         elseif at == 1 or source[at]:find("^e?n?d?[%]}),;]*$") or source[at]:find("function.*%.%.%.%)$") then
            all = all - 1 -- no line of anybody's: the chunk's own, what ends a function or a table, or begins a vararg one
         else
            log[#log + 1] = ("%s:%d: %s"):format(name, at, source[at])
         end
      end
   end
   local share = 100 * (all - hit) / all
   r:expect(all > 1000 and share <= LUA_UNREACHED, ("%.1f %% of lua/ is not reached"):format(share))
   r:figure("lua/: %.1f %% of %d lines", 100 * hit / all, all)
end

report.run("coverage", function(r)
   local log = {}
   suite.shell("rm -rf build/coverage build/coverage-oom")
   local folder = suite.build("coverage", { CC = "gcc", CFLAGS = FLAGS })
   local lua, lua_lines = counting_lua(folder)
   local good, bad, path = suite.specs(folder, { lua = lua, args = table.concat(arg, " ") })
   r:pass(good)
   if bad > 0 then
      r:fail(suite.failures(path), bad)
   end
   local sweeper <close> = sweep.new("coverage-oom", "gcc", FLAGS)
   for _, way in ipairs { { "lua", "once" }, { "core", "once" }, { "curl", "once" } } do
      for _, scenario in ipairs(sweep.scenarios) do
         local _, failed, text = sweeper:run(way[1], way[2], scenario)
         r:expect(failed == 0, text)
      end
   end
   local lines, branches = {}, {}
   read_counts(folder, lines, branches)
   read_counts(sweeper.folder, lines, branches)
   judge_c(r, lines, branches, log)
   judge_lua(r, lua_lines, log)
   table.sort(log)
   local file = assert(io.open(folder .. "/unreached.txt", "w"))
   file:write(table.concat(log, "\n"), "\n")
   file:close()
end)
