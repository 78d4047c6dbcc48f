-- Allocations that fail, for `make oom` and `make coverage`: builds the host program with the core, and sweeps.

local keeper = require("spec.sandbox.keeper")
local suite = require("spec.check.suite")

local sweep = {}

-- Loading is thousands of allocations of Lua's compiler: not every one of them.
local STRIDE = { require = 7 }

local RENAMED = "-Dmalloc=oom_malloc -Dcalloc=oom_calloc -Drealloc=oom_realloc -Dstrdup=oom_strdup -Dfree=oom_free"

sweep.sanitized = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" -- for clang

sweep.scenarios = { "require", "open", "page", "walk", "resume", "ids", "token", "signin", "error", "close" }
sweep.ways = {
   { "lua", "collect" }, { "lua", "once" }, { "lua", "always" },
   { "core", "once" }, { "core", "always" }, { "curl", "once" }, { "curl", "always" },
}

---@param kind string the folder under build/
---@param cc string
---@param flags string
---@param sources string? others than src/*.c
---@return table sweeper has run()
function sweep.new(kind, cc, flags, sources)
   local folder = suite.build(kind, {
      SRC = sources, CC = cc, CPPFLAGS = "-D_FORTIFY_SOURCE=0", CFLAGS = flags .. " " .. RENAMED,
      LDFLAGS = "-Wl,--allow-shlib-undefined",
   })
   return setmetatable({
      folder = folder, program = suite.host(folder, "spec/check/oom/host.c", cc, flags),
      sandbox = require("spec.sandbox.sandbox").start(),
   }, { __index = sweep, __close = function(self) self.sandbox:stop() end })
end

---Fails the n-th allocation for every n until all goes well, or one alone.
---@param who "lua"|"core"|"curl"
---@param how "once"|"always"|"collect"
---@param scenario string
---@param only integer? n
---@return integer? steps
---@return integer? failed
---@return string text what the host said
function sweep:run(who, how, scenario, only)
   local sandbox = self.sandbox
   local scheme = who ~= "curl" and "http" or nil
   local base = sandbox:base({ size = 11, run = "oom" }, scheme)
   local stride = only and 1 << 30 or STRIDE[scenario] or 1
   local command = keeper.words(self.program, who, how, only or 1, stride, "spec/check/oom/steps.lua", scenario, base,
      sandbox.token, sandbox.ca_file, sandbox.customer_id, sandbox.tenant_id,
      sandbox:token_url({ run = "oom" }, scheme), sandbox.client_id, sandbox.client_secret)
   local pipe = assert(io.popen(("LUA_CPATH=%s ASAN_OPTIONS=detect_leaks=0:exitcode=99 %s 2>&1"):format(
      keeper.quote(self.folder .. "/?.so;;"), command)))
   local text = pipe:read("a")
   pipe:close()
   sandbox:reset("oom")
   local steps, failed = text:match("steps=(%d+) failed=(%d+)\n$")
   return math.tointeger(tonumber(steps)), math.tointeger(tonumber(failed)), text
end

return sweep
