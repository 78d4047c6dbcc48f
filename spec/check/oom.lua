-- `make oom`: the n-th allocation fails, for every n until all goes well: Lua's, the C core's and libcurl's, once and
-- from then on, over all that a host does with a client (oom/steps.lua). The host program is oom/host.c; it and the core
-- are built under ASan. One step alone: `make oom ARGS='lua once walk 1234'`.
--
-- lua-cjson's own mallocs are left alone, since it ends the process when one fails (known, and its own).

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local SCENARIOS = { "require", "open", "page", "walk", "resume", "ids", "token", "error", "close" }
local WAYS = {
   { "lua", "collect" }, { "lua", "once" }, { "lua", "always" },
   { "core", "once" }, { "core", "always" }, { "curl", "once" }, { "curl", "always" },
}

-- Every n, but for loading, which is thousands of allocations of Lua's compiler.
local STRIDE = { require = 7 }

local SANITIZE = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
local RENAMED = " -Dmalloc=oom_malloc -Dcalloc=oom_calloc -Drealloc=oom_realloc -Dstrdup=oom_strdup -Dfree=oom_free"

report.run("oom", function(r)
   local folder = suite.build("oom", {
      CC = "clang", CPPFLAGS = "-D_FORTIFY_SOURCE=0", CFLAGS = SANITIZE .. RENAMED, LDFLAGS = "-Wl,--allow-shlib-undefined",
   })
   local program = suite.host(folder, "spec/check/oom/host.c", SANITIZE)
   local sandbox <close> = require("spec.sandbox.sandbox").start()
   local total = {}

   local function sweep(who, how, scenario, first)
      local base = sandbox:base({ size = 11, run = "oom" }, who ~= "curl" and "http" or nil)
      local stride = first and 1 << 30 or STRIDE[scenario] or 1
      local command = suite.words(program, who, how, first or 1, stride, "spec/check/oom/steps.lua", scenario, base,
         sandbox.token, sandbox.ca_file, sandbox.customer_id, sandbox.tenant_id)
      local pipe = assert(io.popen(("LUA_CPATH=%s ASAN_OPTIONS=detect_leaks=0:exitcode=99 %s 2>&1"):format(
         keeper.quote(folder .. "/?.so;;"), command)))
      local text = pipe:read("a")
      pipe:close()
      sandbox:reset("oom")
      local steps, failed = text:match("steps=(%d+) failed=(%d+)\n$")
      if not steps then
         r:fail(("%s %s %s: %s"):format(who, how, scenario, text))
         return
      end
      steps, failed = math.tointeger(tonumber(steps)), math.tointeger(tonumber(failed))
      total[who] = (total[who] or 0) + steps
      r:pass(steps - failed)
      if failed > 0 then
         r:fail(text, failed)
      end
      print(("%-4s %-7s %-6s %6d steps, %d failed"):format(who, how, scenario, steps, failed))
      io.stdout:flush()
   end

   if #arg > 0 then
      sweep(arg[1], arg[2], arg[3], tonumber(arg[4]))
      return
   end
   for _, way in ipairs(WAYS) do
      for _, scenario in ipairs(SCENARIOS) do
         sweep(way[1], way[2], scenario)
      end
   end
   r:figure("%d allocations of Lua failed, %d of the core, %d of libcurl: no signal, no hang, no client lost",
      total.lua, total.core, total.curl)
end)
