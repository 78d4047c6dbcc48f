-- Builds of the C module of another kind, and the specs run against them.
--
-- Criteria: the Makefile alone knows how to build; every kind has its own folder, build/KIND; what the specs said is
-- kept in build/KIND/suite.log.

local keeper = require("spec.sandbox.keeper")

local quote = keeper.quote

local suite = {}

suite.lua = os.getenv("LUA") or "lua5.4"

---Runs a command for the shell; its output goes where ours goes.
---@param command string
---@return boolean good
function suite.shell(command)
   return os.execute(command) == true
end

---Builds the module into build/KIND by the Makefile with other flags.
---@param kind string
---@param flags table<string, string> make's variables: CC, CFLAGS, CPPFLAGS, LDFLAGS, SRC
---@return string folder
function suite.build(kind, flags)
   local folder = "build/" .. kind
   local words = { "env -u MAKEFLAGS -u MAKELEVEL make -s", "BUILD=" .. folder }
   for name, value in pairs(flags) do
      words[#words + 1] = name .. "=" .. quote(value)
   end
   words[#words + 1] = folder .. "/avepoint/elements/core.so"
   if not suite.shell(table.concat(words, " ") .. " >&2") then
      error("the " .. kind .. " build failed", 0)
   end
   return folder
end

---Builds a host program with Lua in it, whose name is that of its source.
---@param folder string
---@param source string
---@param cc string
---@param flags string
---@return string program
function suite.host(folder, source, cc, flags)
   local program = folder .. "/" .. source:match("([^/]+)%.c$")
   local cflags = keeper.output("pkg-config --cflags lua5.4 libcurl 2>/dev/null || pkg-config --cflags lua libcurl")
   local lua = keeper.output("echo $(pkg-config --variable=libdir lua5.4 2>/dev/null)/liblua5.4.a")
   if not keeper.read(lua) then
      lua = keeper.output("pkg-config --libs lua5.4 2>/dev/null || pkg-config --libs lua")
   end
   if not suite.shell(("%s -std=c99 %s %s %s -o %s -Wl,-E %s -lcurl -lm -ldl -pthread"):format(cc, flags, cflags, source,
      program, lua)) then
      error(source .. " does not compile", 0)
   end
   return program
end

---Writes a script that stands for another program.
---@param path string
---@param text string the shell's; "LUA" in it is the interpreter
---@return string path absolute
function suite.script(path, text)
   path = keeper.output("pwd") .. "/" .. path
   local file = assert(io.open(path, "w"))
   file:write("#!/bin/sh\n", (text:gsub("%f[%w_]LUA%f[^%w_]", quote(keeper.output("command -v " .. quote(suite.lua))))), "\n")
   file:close()
   assert(suite.shell("chmod +x " .. quote(path)))
   return path
end

---Runs specs against a build. The tests tagged #build judge the build that users have (its flags, its
---memory, its being found by any Lua) and are left out.
---@param folder string
---@param options {lua: string?, child_lua: string?, env: string?, args: string?} args: busted's
---@return integer successes
---@return integer failures with errors
---@return string log its path
function suite.specs(folder, options)
   local log = folder .. "/suite.log"
   local lua = options.lua or suite.lua
   local cpath = folder .. "/?.so;" .. (os.getenv("LUA_CPATH") or ";"):gsub("^build/%?%.so;", "")
   suite.shell(("AVEPOINT_BUILD=%s LUA=%s LUA_CPATH=%s %s busted --lua=%s --exclude-tags=build %s >%s 2>&1 </dev/null"):format(
      folder, quote(options.child_lua or lua), quote(cpath), options.env or "", quote(lua), options.args or "", log))
   local text = (keeper.read(log) or ""):gsub("\27%[[%d;]*m", "")
   local good, bad, errors = text:match("(%d+) success%a* / (%d+) failures? / (%d+) errors? / %d+ pending")
   return math.tointeger(tonumber(good or 0)), math.tointeger(good and bad + errors or 1), log
end

---What a log says of failures, for the report.
---@param log string
---@return string
function suite.failures(log)
   local text = keeper.read(log) or ""
   local at = text:find("\nFailure", 1, true) or text:find("\nError", 1, true) or math.max(1, #text - 2000)
   return text:sub(at, at + 8000)
end

return suite
