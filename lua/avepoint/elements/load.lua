-- load: brings in the C module, or says what is missing, in one line, before the loader's own words.
--
-- First of all, and in words that any Lua can read, so that another Lua hears of it too.

if _VERSION ~= "Lua 5.4" then
   error("avepoint.elements needs Lua 5.4, and this is " .. _VERSION, 0)
end

local NAME = "avepoint.elements.core"

local BUILD = "make in a checkout, or luarocks --lua-version 5.4 install avepoint-elements"
local LIBCURL = "avepoint.elements needs libcurl (Debian: libcurl4; Fedora, Alpine: libcurl; Homebrew: curl)"

local ok, why = pcall(require, NAME)
if not ok and type(why) == "string" then
   local reason = why:match("^error loading module '" .. NAME .. "'.-\n%s*(.*)") or why:match("version mismatch: .*")
   if why:find("^module '" .. NAME .. "' not found") then
      why = "avepoint.elements lacks its C module, avepoint/elements/core.so in package.cpath: " .. BUILD .. "\n" .. why
   elseif reason and reason:find("libcurl[^:]*: cannot open") or reason and reason:find("library libcurl") then
      why = LIBCURL .. ": " .. reason
   elseif reason then
      why = "avepoint.elements has a C module built for another Lua, libcurl or machine; build it anew (" .. BUILD .. "): "
         .. reason
   end
end
if not ok then
   error(why, 0)
end

return true
