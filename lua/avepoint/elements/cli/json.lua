-- json: users as JSON, one array or one line each, as the module decoded them.
--
-- An encoder of our own since lua-cjson gives fields in no order, and integers of 15 digits in its 2.1.0 as 1e+15.
-- Strings are well-formed UTF-8, control characters and marks of direction escaped: any reader takes them, and no
-- terminal acts on them.

local text = require("avepoint.elements.cli.text")

local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub
local concat, sort = table.concat, table.sort
local huge, math_type = math.huge, math.type
local utf8_codepoint = utf8.codepoint

local json = {}

local ESCAPES = { ["\""] = "\\\"", ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(c)
   return ESCAPES[c] or format("\\u%04x", byte(c, -1))
end

local function escape_code(c)
   return format("\\u%04x", utf8_codepoint(c))
end

local function string_of(s)
   if find(s, "[%c\"\\\x7f-\xff]") then
      s = gsub(text.repaired(s), "[%c\"\\\x7f]", escape)
      s = gsub(s, "\xc2[\x80-\x9f]", escape)
      s = gsub(s, "\xe2\x80[\x8e\x8f\xa8-\xae]", escape_code)
      s = gsub(s, "\xe2\x81[\xa6-\xa9]", escape_code)
      s = gsub(s, "\xd8\x9c", escape_code)
   end
   return "\"" .. s .. "\""
end

local function number_of(n)
   if math_type(n) == "integer" then
      return format("%d", n)
   elseif n ~= n or n == huge or n == -huge then
      return "null"
   end
   local short = format("%.15g", n)
   return tonumber(short) == n and short or format("%.17g", n)
end

local value_of

-- An empty table may have been an object; lists are what comes empty.
local function table_of(t)
   local parts = {}
   if next(t) == nil or t[1] ~= nil then
      for i, value in ipairs(t) do
         parts[i] = value_of(value)
      end
      return "[" .. concat(parts, ",") .. "]"
   end
   local names = {}
   for name in pairs(t) do
      names[#names + 1] = name
   end
   sort(names)
   for i, name in ipairs(names) do
      parts[i] = string_of(name) .. ":" .. value_of(t[name])
   end
   return "{" .. concat(parts, ",") .. "}"
end

function value_of(value)
   local kind = type(value)
   if kind == "string" then
      return string_of(value)
   elseif kind == "number" then
      return number_of(value)
   elseif kind == "table" then
      return table_of(value)
   end
   return tostring(value)
end

---A value as JSON, members in the order of their names.
---@param value any
---@return string
json.encode = value_of

---A function that gives users as JSON objects: these fields in this order and, where all are asked for, the unknown
---ones behind them. Absent fields are absent.
---@param names string[]
---@param more boolean unknown fields too
---@return fun(user: table): string
function json.encoder(names, more)
   local keys, known = {}, {}
   for i, name in ipairs(names) do
      keys[i], known[name] = string_of(name) .. ":", true
   end
   return function(user)
      local parts, n, unknown = {}, 0, nil
      for i, name in ipairs(names) do
         local value = user[name]
         if value ~= nil then
            n = n + 1
            parts[n] = keys[i] .. (type(value) == "string" and string_of(value) or value_of(value))
         end
      end
      if more then
         for name in next, user do
            if not known[name] then
               unknown = unknown or {}
               unknown[#unknown + 1] = name
            end
         end
         if unknown then
            sort(unknown)
            for _, name in ipairs(unknown) do
               n = n + 1
               parts[n] = string_of(name) .. ":" .. value_of(user[name])
            end
         end
      end
      return "{" .. concat(parts, ",") .. "}"
   end
end

---Lines, each an object and whole.
---@param options {fields: string[], more: boolean}
---@return table format
function json.lines(options)
   local encode = json.encoder(options.fields, options.more)
   return { head = "", row = function(user) return encode(user) .. "\n" end, foot = "" }
end

---One array. Only its foot closes it, so that no reader takes a part for the whole.
---@param options {fields: string[], more: boolean}
---@return table format
function json.array(options)
   local encode = json.encoder(options.fields, options.more)
   local separator = "\n"
   return {
      head = "[",
      row = function(user)
         local row = separator .. encode(user)
         separator = ",\n"
         return row
      end,
      foot = "\n]\n",
   }
end

return json
