-- `make valgrind`: the specs of the C parts, with the C module as the Makefile builds it, under valgrind: no bad access,
-- no byte used before it was set, no leak. The only suppression is lua-cjson's buffer, by its name.
--
-- Children run plainly: they have their turn in `make asan`. Left out by name is what valgrind stretches (SLOW).

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local SPECS = "spec/core_spec.lua spec/json_spec.lua spec/seen_spec.lua spec/transport_spec.lua spec/client_spec.lua"

-- Parts of names, and why.
local SLOW = {
   ["a clock runs out, and not before"] = "measures 0.1 s",
   ["as many as the handle was opened for"] = "the first of 64 has its answer before the last one is out",
   ["has no more memory after 2000 requests"] = "measures the host's memory, and valgrind has its own",
}

local SUPPRESSED = [[
{
   lua-cjson drops its buffer when a Lua error leaves it
   Memcheck:Leak
   match-leak-kinds: definite
   ...
   fun:strbuf_*
   ...
}
]]

report.run("valgrind", function(r)
   local folder = suite.build("valgrind", {})
   local here = keeper.output("pwd") .. "/" .. folder
   assert(suite.shell(("rm -f %s/report.*; cc -shared -fPIC -O1 spec/check/keep.c -o %s/keep.so"):format(folder, folder)))
   local file = assert(io.open(folder .. "/suppressed", "w"))
   file:write(SUPPRESSED)
   file:close()
   local lua = suite.script(folder .. "/lua", ([[
LD_PRELOAD="%s/keep.so $LD_PRELOAD" exec valgrind -q --leak-check=full --errors-for-leak-kinds=definite \
  --show-leak-kinds=definite --suppressions=%s/suppressed --log-file=%s/report.%%p --error-exitcode=99 LUA "$@"]]):format(
      here, here, here))
   local names = {}
   for name in pairs(SLOW) do
      names[#names + 1] = "--filter-out=" .. keeper.quote((name:gsub(" ", ".")))
   end
   local args = #arg > 0 and table.concat(arg, " ") or SPECS
   local good, bad, log = suite.specs(folder, {
      lua = lua, child_lua = suite.lua, args = args .. " " .. table.concat(names, " "),
   })
   r:pass(good)
   if bad > 0 then
      r:fail(suite.failures(log), bad)
   end
   local count = 0
   for path in keeper.output("find " .. folder .. " -name 'report.*' -size +0"):gmatch("[^\n]+") do
      count = count + 1
      r:fail(path .. ":\n" .. keeper.read(path):sub(1, 6000))
   end
   r:figure("%d tests of the C parts under valgrind, %d reports", good + bad, count)
end)
