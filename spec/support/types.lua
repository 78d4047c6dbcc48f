-- The types of LuaCATS annotations: read from their text, and values held against them.
--
-- Criteria: what is not understood is an error; a value that has more than its type says does not fit.

local types = {}

---Names of types that Lua has.
types.BASIC = {
   any = true, ["nil"] = true, boolean = true, string = true, number = true, integer = true, ["function"] = true,
   table = true, userdata = true, ["true"] = true,
}

local parse

-- `used` gets the names met on the way.
local function parse_one(text, at, used)
   local literal, after = text:match('^"([^"]*)"()', at)
   if literal then
      return { literal = literal }, after
   elseif text:find("^%(", at) then
      local node
      node, after = parse(text, at + 1, used)
      assert(text:find("^%)", after), "a ) is missing: " .. text)
      return node, after + 1
   elseif text:find("^fun%(", at) then
      local list
      list, after = text:match("^fun%((.-)%)()", at)
      for of in list:gmatch(": ([^,]+)") do
         parse(of, 1, used)
      end
      while text:find("^[:,] ", after) do
         after = select(2, parse(text, after + 2, used))
      end
      return { name = "function" }, after
   elseif text:find("^{", at) then
      local list
      list, after = text:match("^(%b{})()", at)
      for of in list:gmatch("[%w_]+: %(?([%w_.]+)") do
         used[#used + 1] = not of:find("^fun$") and of or nil
      end
      return { name = "table" }, after
   elseif text:find("^table<", at) then
      at = at + #"table"
      repeat
         at = select(2, parse(text, text:match("^[<,] *()", at), used))
      until not text:find("^,", at)
      return { name = "table" }, assert(text:match("^>()", at), "a > is missing: " .. text)
   end
   local name
   name, after = text:match("^([%a_][%w_.]*)()", at)
   assert(name, "no type: " .. text:sub(at))
   used[#used + 1] = name
   return { name = name }, after
end

function parse(text, at, used)
   local union = {}
   repeat
      local node
      node, at = parse_one(text, at, used)
      while text:find("^%[%]", at) do
         node, at = { array = node }, at + 2
      end
      union[#union + 1] = node
      if text:find("^%?", at) then
         union[#union + 1], at = { name = "nil" }, at + 1
      end
      local more = text:find("^|", at)
      at = more and at + 1 or at
   until not more
   return union[2] and { union = union } or union[1], at
end

---The type at the beginning of a text.
---@param text string
---@return table node one of {name=}, {literal=}, {array=}, {union=}
---@return string rest what follows it
---@return string[] used the names in it
function types.parse(text)
   local used = {}
   local node, at = parse(text, 1, used)
   assert(text:find("^%f[ \0]", at), "no type: " .. text)
   return node, text:sub(at + 1), used
end

---What a type may be: the members of a union or of an alias for one, without nil.
---@param of Annotations
---@param node table
---@return table[]
function types.members(of, node)
   node = of.aliases[node.name] or node
   local list = {}
   for _, member in ipairs(node.union or { node }) do
      if member == node then
         return { node }
      elseif member.name ~= "nil" then
         table.move(types.members(of, member), 1, 100, #list + 1, list)
      end
   end
   return list
end

local misfit

local function misfit_of_class(of, value, name, seen, path)
   local meta = type(value) == "table" and getmetatable(value)
   if type(value) ~= "table" or meta and not of:is_a(meta.__name, name) then
      return ("%s: a %s is no %s"):format(path, meta and meta.__name or type(value), name)
   end
   local fields = of:fields(name)
   if not next(fields) then
      return nil -- methods are all that is told of it
   end
   for field, what in pairs(fields) do
      if value[field] ~= nil or not what.optional then
         local why = misfit(of, value[field], what.node, seen, path .. "." .. field)
         if why then
            return why
         end
         seen[name .. "." .. field] = true
      end
   end
   for key in next, value do
      if not fields[key] then
         return ("%s: %s has no field %s"):format(path, name, tostring(key))
      end
   end
end

function misfit(of, value, node, seen, path)
   node = of.aliases[node.name] or node
   if node.union then
      local why
      for _, member in ipairs(node.union) do
         local found = {}
         why = misfit(of, value, member, found, path)
         if not why then
            for field in pairs(found) do
               seen[field] = true
            end
            return nil
         end
      end
      return #node.union == 2 and why or ("%s: %s is none of %d types; the last: %s"):format(path, tostring(value),
         #node.union, why)
   elseif node.literal then
      return value ~= node.literal and ("%s: %s is not %q"):format(path, tostring(value), node.literal) or nil
   elseif node.array then
      for key, item in next, type(value) == "table" and value or {} do
         local why = math.type(key) == "integer" and key >= 1 and key <= #value
            and misfit(of, item, node.array, seen, path .. "[" .. key .. "]")
         if why ~= nil then
            return why or path .. ": it has the key " .. tostring(key)
         end
      end
      return type(value) ~= "table" and path .. ": a " .. type(value) .. " is no array" or nil
   elseif of.classes[node.name] then
      return misfit_of_class(of, value, node.name, seen, path)
   end
   local name = node.name
   assert(types.BASIC[name], name)
   local fits = name == "any" or type(value) == name or name == "true" and value == true or math.type(value) == name
   return not fits and ("%s: a %s is no %s"):format(path, math.type(value) or type(value), name) or nil
end

---Why a value is not of a type; nil where it is.
---@param of Annotations
---@param value any
---@param node table
---@param seen table<string, boolean> gets "class.field" for each that is there
---@return string?
function types.misfit(of, value, node, seen)
   return misfit(of, value, node, seen, "value")
end

return types
