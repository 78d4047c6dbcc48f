-- The LuaCATS annotations of lua/, read as an editor reads them.
--
-- Criteria: what an editor would pass over in silence (a tag it does not know, two values of an alias in a line, a
-- comment that lands on the next field) is an error here.

local keeper = require("spec.sandbox.keeper")
local types = require("spec.support.types")

---@class Annotations
---@field classes table<string, {name: string, parent: string?, fields: table, text: string?}>
---@field aliases table<string, table> the type each stands for
---@field docs table<string, table> of functions, by "file:line" of their first line
---@field used table<string, string> names of types, and where one was met
local annotations = {}
annotations.__index = annotations

-- A type and what follows it.
local function read_type(self, text)
   local node, rest, used = types.parse(text)
   for _, name in ipairs(used) do
      self.used[name] = self.used[name] or self.where
   end
   return node, rest
end

local function check(self, condition, message)
   if not condition then
      error(self.where .. ": " .. message, 0)
   end
   return condition
end

local function declare(self, name)
   check(self, name and name:find("^avepoint%."), "a name of the module's alone is wanted; comments stand above")
   check(self, not self.classes[name] and not self.aliases[name], name .. " is declared twice")
end

local TAGS = {}

function TAGS.class(self, block, text)
   local name, parent = text:match("^([%w_.]+)$"), nil
   if not name then
      name, parent = text:match("^([%w_.]+): ([%w_.]+)$")
   end
   declare(self, name)
   block.class = { name = name, parent = parent, fields = {}, text = block.text }
   self.classes[name], block.text = block.class, nil
   if parent then
      self.used[parent] = self.where
   end
end

function TAGS.field(self, block, text)
   local scope, rest = text:match("^(private) (.*)$")
   local name, mark, of = (rest or text):match("^([%w_]+)(%??) (.*)$")
   check(self, block.class and name, "a field of what?")
   local node, comment = read_type(self, of)
   check(self, not block.text or comment == "", "an editor shows the comment above, not the one behind")
   check(self, not block.class.fields[name], name .. " is there twice")
   block.class.fields[name] = { node = node, optional = mark == "?", private = scope ~= nil }
   block.text = nil
end

function TAGS.overload(self, block, text)
   check(self, block.class, "of what?")
   read_type(self, text)
end

function TAGS.alias(self, block, text)
   local name, of = text:match("^([%w_.]+) ?(.*)$")
   declare(self, name)
   block.alias = of == "" and { union = {} } or read_type(self, of)
   self.aliases[name], block.text = block.alias, nil
end

function TAGS.param(self, block, text)
   local name, mark, of = text:match("^([%w_]+)(%??) (.*)$")
   check(self, name, "a parameter's name and type are wanted")
   block.params[#block.params + 1] = { name = name, node = read_type(self, of), optional = mark == "?" }
end

TAGS["return"] = function(self, block, text)
   local node, rest = read_type(self, text)
   check(self, not rest:find("^[%w_]*,"), "behind a comma is another type")
   block.returns[#block.returns + 1] = node
end

TAGS["type"] = function(self, _, text)
   read_type(self, text)
end

function TAGS.private(_, block)
   block.private = true
end

function TAGS.diagnostic() end

local function read_line(self, block, line)
   local tag, text = line:match("^@(%a+) ?(.*)$")
   if tag then
      check(self, TAGS[tag], "@" .. tag .. " is not used here")(self, block, text)
   elseif line:find("^| ") then
      local node, rest = read_type(self, line:sub(3))
      check(self, block.alias and not node.union and (rest == "" or rest:find("^# ")), "one value a line, comments behind #")
      table.insert(block.alias.union, node)
   else
      block.text = (block.text and block.text .. " " or "") .. line
   end
end

local function read_file(self, path)
   local number, block, open = 0, nil, ""
   for line in check(self, keeper.read(path), path):gmatch("([^\n]*)\n?") do
      number = number + 1
      self.where = path .. ":" .. number
      local text = line:match("^%s*%-%-%-%s?(.*)$")
      if text then
         block = block or { params = {}, returns = {} }
         text = open .. text
         if select(2, text:gsub("{", "")) > select(2, text:gsub("}", "")) then
            open = text .. " " -- a type of several lines
         else
            read_line(self, block, text)
            open = ""
         end
      elseif block then
         check(self, not (block.class and block.text), "the comment above is behind the last field")
         self.docs[self.where], block = block, nil
      end
   end
end

---Reads files.
---@param paths string[]
---@return Annotations
function annotations.read(paths)
   local self = setmetatable({ classes = {}, aliases = {}, docs = {}, used = {}, where = "" }, annotations)
   for _, path in ipairs(paths) do
      read_file(self, path)
   end
   return self
end

---Types that are used and not declared, and where.
---@return string[]
function annotations:unknown()
   local list = {}
   for name, where in pairs(self.used) do
      if not types.BASIC[name] and not self.classes[name] and not self.aliases[name] then
         list[#list + 1] = where .. ": " .. name
      end
   end
   return list
end

---The annotation above a function.
---@param f function
---@return table? doc text, params, returns, private
function annotations:doc(f)
   local info = debug.getinfo(f, "S")
   return self.docs[tostring(info.source:match("lua/avepoint/.*$")) .. ":" .. info.linedefined]
end

---The fields of a class, its parents' too.
---@param name string
---@return table<string, {node: table, optional: boolean, private: boolean}>
function annotations:fields(name)
   local class = assert(self.classes[name], name)
   local all = class.parent and self:fields(class.parent) or {}
   for field, what in pairs(class.fields) do
      all[field] = what
   end
   return all
end

---Is a class another, or a child of it?
---@param name string?
---@param other string
---@return boolean
function annotations:is_a(name, other)
   local class = self.classes[name]
   return name == other or class ~= nil and self:is_a(class.parent, other)
end

return annotations
