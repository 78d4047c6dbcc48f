-- lua-cjson as its later versions are: a whole number in the text is an integer, and there is an empty_array. What is
-- installed here does the work, whatever its version.
--
-- Criteria: text and errors are those of the real one; strings are never taken for numbers; too big an integer is
-- the biggest there is, as strtoll has it. LuaJIT, which has no integers and is in nginx, gets the real one.

local library = assert(package.searchpath("cjson", package.cpath))
local real = assert(package.loadlib(library, "luaopen_cjson"))()
if not math.type then
   return real
end

local function integer(digits)
   local n = tonumber(digits)
   return math.tointeger(n) or (n < 0 and math.mininteger or math.maxinteger)
end

-- The text with its whole numbers as strings that begin with a mark, and the mark: no UTF-8, so no \u decodes to it.
local function marked(text)
   local mark = "\xff"
   while text:find(mark, 1, true) do
      mark = mark .. "\xfe"
   end
   local parts, from, at = {}, 1, text:find('["%-%d]')
   while at do
      local stop
      if text:byte(at) == 34 then
         stop = at
         repeat
            stop = text:find('["\\]', stop + 1)
            local escape = text:byte(stop) == 92
            stop = escape and stop + 1 or stop
         until not escape
      else
         local token = text:match("^[%w.+-]+", at)
         stop = at + #token - 1
         if token:find("^%-?%d+$") then
            parts[#parts + 1] = text:sub(from, at - 1) .. '"' .. mark .. token .. '"'
            from = stop + 1
         end
      end
      at = text:find('["%-%d]', stop + 1)
   end
   return table.concat(parts) .. text:sub(from), mark
end

local function restored(value, mark)
   if type(value) == "table" then
      for k, v in next, value do
         value[k] = restored(v, mark)
      end
   elseif type(value) == "string" and value:sub(1, #mark) == mark then
      return integer(value:sub(#mark + 1))
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
   for name, value in pairs(instance) do
      cjson[name] = value
   end
   cjson.empty_array, cjson.empty_array_mt = EMPTY, empty_array_mt
   function cjson.new()
      return wrap(instance.new())
   end
   function cjson.decode(...)
      local ok, value, why = pcall(instance.decode, ...)
      if not ok then
         error(value, 2)
      elseif value == nil then -- cjson.safe
         return nil, why
      elseif type(value) ~= "table" and type(value) ~= "number" then
         return value
      end
      local text, mark = marked((...))
      return restored(instance.decode(text), mark)
   end
   function cjson.encode(...)
      local mark = "\xff\xfeempty"
      local text, why = instance.encode(with_empty(..., mark))
      return text and text:gsub('"' .. mark .. '"', "[]") or text, why
   end
   return cjson
end

package.preload["cjson.safe"] = function()
   return wrap(assert(package.loadlib(library, "luaopen_cjson_safe"))())
end

return wrap(real)
