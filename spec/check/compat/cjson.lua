-- lua-cjson as its later versions are: a whole number in the text is an integer, and there is an empty_array. What is
-- installed here does the work, whatever its version.
--
-- Criteria: text and errors are those of the real one; strings are never taken for numbers; too big an integer is
-- the biggest there is, as strtoll has it; nobody's change of a library reaches it, as none reaches C. LuaJIT, which has
-- no integers and is in nginx, gets the real one.

local library = assert(package.searchpath("cjson", package.cpath))
local real = assert(package.loadlib(library, "luaopen_cjson"))()
if not math.type then
   return real
end

local assert, error, getmetatable, next, pcall, tonumber, type = assert, error, getmetatable, next, pcall, tonumber, type
local byte, find, gsub, match, sub = string.byte, string.find, string.gsub, string.match, string.sub
local concat, tointeger, least, most = table.concat, math.tointeger, math.mininteger, math.maxinteger
local loadlib = package.loadlib

local function integer(digits)
   local n = tonumber(digits)
   return tointeger(n) or (n < 0 and least or most)
end

-- The text with its whole numbers as strings that begin with a mark, and the mark: no UTF-8, so no \u decodes to it. Of
-- any text, JSON or not.
local function marked(text)
   local mark = "\xff"
   while find(text, mark, 1, true) do
      mark = mark .. "\xfe"
   end
   local parts, from, at = {}, 1, find(text, '["%-%d]')
   while at do
      local stop
      if byte(text, at) == 34 then
         stop = at
         repeat
            stop = find(text, '["\\]', stop + 1) or #text
            local escape = byte(text, stop) == 92
            stop = escape and stop + 1 or stop
         until not escape or stop > #text
      else
         local token = match(text, "^[%w.+-]+", at)
         stop = at + #token - 1
         if find(token, "^%-?[1-9]%d*$") or find(token, "^%-?0$") then
            parts[#parts + 1] = sub(text, from, at - 1) .. '"' .. mark .. token .. '"'
            from = stop + 1
         end
      end
      at = find(text, '["%-%d]', stop + 1)
   end
   return concat(parts) .. sub(text, from), mark
end

local function restored(value, mark)
   if type(value) == "table" then
      for k, v in next, value do
         value[k] = restored(v, mark)
      end
   elseif type(value) == "string" and sub(value, 1, #mark) == mark then
      return integer(sub(value, #mark + 1))
   end
   return value
end

local EMPTY = {} -- empty_array; a light userdata there
local empty_array_mt = {}

-- A copy in which empty arrays are this string.
local function with_empty(value, mark)
   if value == EMPTY or type(value) == "table" and getmetatable(value) == empty_array_mt and next(value) == nil then
      return mark
   elseif type(value) ~= "table" then
      return value
   end
   local copy = {}
   for k, v in next, value do
      copy[k] = with_empty(v, mark)
   end
   return copy
end

local function wrap(instance)
   local cjson = {}
   for name, value in next, instance do
      cjson[name] = value
   end
   cjson.empty_array, cjson.empty_array_mt = EMPTY, empty_array_mt
   function cjson.new()
      return wrap(instance.new())
   end
   function cjson.decode(...)
      local good, value, mark = false, ..., nil
      if type(value) == "string" then
         value, mark = marked(value)
         good, value = pcall(instance.decode, value)
      end
      if good and value ~= nil then
         return restored(value, mark)
      end
      local ok, result, why = pcall(instance.decode, ...) -- of the text as it came
      if not ok then
         error(result, 2)
      elseif not good and result ~= nil then
         error(value, 0) -- not about the text: Ctrl-C, say
      end
      return result, why -- cjson.safe
   end
   function cjson.encode(...)
      local mark = "\xff\xfeempty"
      local text, why = instance.encode(with_empty(..., mark))
      return text and gsub(text, '"' .. mark .. '"', "[]") or text, why
   end
   return cjson
end

package.preload["cjson.safe"] = function()
   return wrap(assert(loadlib(library, "luaopen_cjson_safe"))())
end

return wrap(real)
