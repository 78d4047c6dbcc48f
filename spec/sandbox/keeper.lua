-- Runs a server that never outlives the process that started it. A shell in between holds the
-- reading end of a pipe whose writing end only the starter has: when the starter ends, however it
-- ends, the pipe closes, the shell kills the server and removes its folder.
-- Criteria: Ctrl-C on the terminal reaches neither shell nor server (the starter decides); nothing
-- is left in build/, and what a killed shell left is swept by the next start.

local keeper = {}

--- A word for the shell.
---@param text string
---@return string
function keeper.quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

local quote = keeper.quote

--- A shell command of these words.
---@param ... any
---@return string
function keeper.words(...)
   local words = table.pack(...)
   for i = 1, words.n do
      words[i] = quote(tostring(words[i]))
   end
   return table.concat(words, " ")
end

--- What a command prints, without the last line's end.
---@param command string
---@return string
function keeper.output(command)
   local pipe = assert(io.popen(command, "r"))
   local text = pipe:read("a")
   pipe:close()
   return (text:gsub("\n$", ""))
end

--- The absolute path of the project, of which a file in spec/sandbox is running.
---@param source string  as debug.getinfo gives it
---@return string
function keeper.root(source)
   local folder = source:match("^@(.*)/[^/]*$") or "."
   return keeper.output("cd " .. quote(folder) .. "/../.. && pwd")
end

--- This process's own number, which Lua does not know.
---@return string
function keeper.starter()
   return keeper.output("echo $PPID")
end

-- Folders whose shell is gone (or a zombie, where nobody collects orphans). A folder without the shell's
-- pid is one just being made.
local SWEEP = [[for old in %s/*.??????; do
   test -f "$old/keeper.pid" || continue
   read -r pid <"$old/keeper.pid"
   kill -0 "$pid" 2>/dev/null && ! grep -qs "^State:.*Z" "/proc/$pid/status" || rm -rf "$old" 2>/dev/null
done]]

--- Makes a folder of its own, build/KIND.XXXXXX, or the one that was asked for.
---@param root string  the project's folder
---@param kind string
---@param wish? string
---@return string dir  absolute
function keeper.folder(root, kind, wish)
   if wish then
      return keeper.output("mkdir -p " .. quote(wish) .. " && cd " .. quote(wish) .. " && pwd")
   end
   local build = quote(root .. "/build")
   return keeper.output("mkdir -p " .. build .. "; " .. SWEEP:format(build)
      .. "; mktemp -d " .. build .. "/" .. kind .. ".XXXXXX")
end

-- Descriptors 3 … 9 are the starter's own (sockets of a spec, say): held here they would stay open.
-- The server's own input is the pipe too, so that it can notice the end even without the shell.
local SCRIPT = [[
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 2>/dev/null
trap '' INT HUP TERM QUIT
dir=%s
echo $$ >"$dir/keeper.pid"
session=
command -v setsid >/dev/null && session=setsid
exec 3<&0
$session %s <&3 >/dev/null 2>>"$dir/stderr" &
server=$!
finish() { kill -9 $server; wait $server; rm -rf "$dir"; exit 0; } 2>/dev/null
trap finish USR1
echo $server >"$dir/server.pid"
while read -r line; do :; done
finish
]]

--- Starts a server in its folder.
---@param dir string
---@param command string  for the shell; one program, in the foreground
---@return fun() stop  idempotent; returns when the server has ended and the folder is gone
function keeper.start(dir, command)
   local pipe = assert(io.popen(SCRIPT:format(quote(dir), command), "w"))
   return function()
      if pipe then
         pipe:close()
         pipe = nil
      end
   end
end

--- Reads a file, or nil when there is none.
---@param path string
---@return string?
function keeper.read(path)
   local file = io.open(path, "rb")
   local text = file and file:read("a")
   if file then
      file:close()
   end
   return text
end

--- The whole number in a file such as server.pid, or nil.
---@param path string
---@return integer?
function keeper.number(path)
   return math.tointeger(tonumber(keeper.read(path) or ""))
end

--- Runs a server as a program: prints its addresses and waits until input closes or a signal comes.
---@param lines string[]
---@param stop fun()
function keeper.attend(lines, stop)
   local socket = require("socket")
   print(table.concat(lines, "\n"))
   io.stdout:flush()
   local input = {
      getfd = function()
         return 0
      end,
      dirty = function()
         return false
      end,
   }
   -- in slices, so that the signal's hook gets its turn
   pcall(function()
      while #socket.select({ input }, nil, 0.2) == 0 or io.read("L") do
      end
   end)
   stop()
end

return keeper
