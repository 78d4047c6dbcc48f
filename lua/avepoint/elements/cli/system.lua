-- system: what the command asks of the system it runs on: terminals, file modes, other programs' output, Ctrl-C.
--
-- Without a library for POSIX: sh's `test`, stty and ls do, on glibc's and busybox's systems alike. The command runs in
-- a coroutine, where lua's handler of Ctrl-C raises nothing: it leaves its hook on the main thread, and we look there
-- between two steps. So a write is never torn from the count of what was written. A second Ctrl-C ends the process.

local execute, getenv, open, popen = os.execute, os.getenv, io.open, io.popen
local remove, rename = os.remove, os.rename
local find, format, gsub, match = string.find, string.format, string.gsub, string.match
local gethook = debug.gethook

local system = {}

local MAIN = debug.getregistry()[1] -- LUA_RIDX_MAINTHREAD

---Was Ctrl-C typed?
---@return boolean
function system.interrupted()
   local hook, _, count = gethook(MAIN)
   return hook == "external hook" and count == 1
end

---A word for the shell; plain ones stay as they are.
---@param word string
---@return string
function system.quote(word)
   if word ~= "" and not find(word, "[^%w%-%._/:=@,+]") then
      return word
   end
   return "'" .. gsub(word, "'", "'\\''") .. "'"
end

-- First line of what a command prints, or nil.
local function line_of(command)
   local pipe = popen(command, "r")
   if not pipe then
      return nil
   end
   local line = pipe:read("l")
   pipe:close()
   return line
end

---Is a standard stream a terminal?
---@param number integer 1 or 2
---@return boolean
function system.is_terminal(number)
   return execute("test -t " .. number) == true
end

---Does it take cursor movements and colours?
---@return boolean
function system.is_able()
   local term = getenv("TERM")
   return term ~= nil and term ~= "" and term ~= "dumb"
end

---Columns of the terminal that the command was started from: COLUMNS where it is set, 80 where nobody knows.
---@return integer
function system.columns()
   local columns = match(getenv("COLUMNS") or "", "^%d+$")
   if not columns then
      columns = match(line_of("stty size 2>/dev/null </dev/tty") or "", "^%d+ (%d+)$")
   end
   columns = math.tointeger(tonumber(columns))
   return columns and columns > 0 and columns < 10000 and columns or 80
end

---The mode of a regular file as ls shows it, where group or others may read it; nil where all is well.
---@param path string
---@return string?
function system.loose_mode(path)
   local mode = match(line_of("LC_ALL=C ls -ldL -- " .. system.quote(path) .. " 2>/dev/null") or "", "^%-[rwxsStT-]+")
   return mode and find(mode, "^....r") and mode or mode and find(mode, "^.......r") and mode or nil
end

---Is something there that is no regular file: a folder, a link, a device?
---@param path string
---@return boolean
function system.is_special(path)
   local word = system.quote(path)
   return execute(format("test -L %s || { test -e %s && ! test -f %s; }", word, word, word)) == true
end

---Addresses of a host's name; an empty list where it has none, nil where nothing here can ask.
---@param host string
---@return string[]?
function system.addresses(host)
   if not execute("command -v getent >/dev/null 2>&1") then
      return nil
   end
   local list, known = {}, {}
   local pipe = popen("getent ahosts " .. system.quote(host) .. " 2>/dev/null", "r")
   for line in pipe:lines() do
      local address = match(line, "^%S+")
      if address and not known[address] then
         known[address] = true
         list[#list + 1] = address
      end
   end
   pipe:close()
   return list
end

---A file's text, or nil and why not.
---@param path string
---@return string?
---@return string?
function system.read(path)
   local file, message = open(path, "rb")
   if not file then
      return nil, message
   end
   local text
   text, message = file:read("a")
   file:close()
   return text, message and path .. ": " .. message
end

---Replaces a file by another text, all or nothing.
---@param path string
---@param text string
---@return boolean? ok
---@return string? message
function system.write(path, text)
   local aside = path .. ".new"
   local file, message = open(aside, "wb")
   if not file then
      return nil, message
   end
   local ok
   ok, message = file:write(text)
   if ok then
      ok, message = file:close()
   else
      file:close()
   end
   if ok then
      ok, message = rename(aside, path)
   end
   if not ok then
      remove(aside)
      return nil, path .. ": " .. (message or "can't be written")
   end
   return true
end

return system
