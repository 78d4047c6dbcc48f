-- Reads what valgrind's callgrind wrote down.
-- Criteria: instructions only, all of them and each library's own; no tool of valgrind's in between, since the format
-- is a page of rules.

local callgrind = {}

-- "(12) name" stands for name from then on, "(12)" for what it stood for.
local function named(names, text)
   local id, name = text:match("^(%(%d+%))%s*(.*)$")
   if not id then
      return text
   elseif name ~= "" then
      names[id] = name
   end
   return names[id]
end

---@class Profile
---@field total integer  instructions
---@field own table<string, integer>  by library: its file's name without version

--- Reads one file.
---@param path string
---@return Profile
function callgrind.read(path)
   local objects = {}
   local profile = { total = 0, own = {} }
   local own = profile.own
   local object, called = "?", false
   for line in io.lines(path) do
      local key, text = line:match("^(%l+)=(.*)$")
      if key == "ob" then
         object = named(objects, text):match("[^/]*$"):gsub("%.so.*$", ""):gsub("%-%d[%d.]*$", "")
      elseif key == "cob" then
         named(objects, text)
      elseif key == "calls" then
         called = true -- the next line has what the called function took
      elseif not key then
         local cost = math.tointeger(tonumber(line:match("^[%d+*-]%S* (%d+)$") or ""))
         if cost and not called then
            own[object] = (own[object] or 0) + cost
            profile.total = profile.total + cost
         end
         called = called and not cost
      end
   end
   return profile
end

return callgrind
