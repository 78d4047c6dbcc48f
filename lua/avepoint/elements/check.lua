-- check: arguments of the wrong type, out of range or unknown raise here, before anything is sent.
--
-- A message names the argument, says what it must be and shows what it was, except where it may be a secret.

local floor, huge, tointeger = math.floor, math.huge, math.tointeger
local byte, find, format = string.byte, string.find, string.format
local gsub, lower, match, sub = string.gsub, string.lower, string.match, string.sub
local utf8_len = utf8.len
local sort, concat = table.sort, table.concat

local check = {}

---Raises for a misuse, blaming the caller of the public function.
---@param level integer as error's, counted from the function that calls `misuse`
---@param what string
function check.misuse(level, what)
   error("avepoint.elements: " .. what, level + 1)
end

---Raises where a method was called with a dot.
---@param class table
---@param self any
---@param call string how it is called
---@param level integer
function check.method(class, self, call, level)
   if getmetatable(self) ~= class then
      check.misuse(level + 1, format("%s: to be called with a colon, as in %s", match(call, ":(%l+)"), call))
   end
end

---A metamethod of walks: ipairs, pairs, # and [1] would show a tenant without users.
---@param key any
function check.no_list(_, key)
   if type(key) ~= "string" then
      error("avepoint.elements: a walk is no list; step it, as in for user in tenant:users() do, or have tenant:collect()",
         2)
   end
end

---A value as it may be shown in a message.
---@param v any
---@return string
function check.show(v)
   if type(v) == "string" then
      local text = gsub(format("%q", sub(v, 1, 40)), "\\\n", "\\n")
      text = gsub(text, "[%c\x80-\xff]", function(c) return format("\\x%02x", byte(c)) end)
      return #v > 40 and text .. "…" or text
   elseif type(v) == "number" or type(v) == "boolean" or v == nil then
      return tostring(v)
   end
   return "a " .. type(v)
end

---What is wrong with a secret, whatever its sort, or nil. Never shows it.
---@param v any
---@param most integer bytes
---@return string?
function check.secret_flaw(v, most)
   if type(v) ~= "string" then
      return "is a " .. type(v) .. ", not a string"
   elseif v == "" then
      return "is empty"
   elseif #v > most then
      return format("has %d bytes, more than %d", #v, most)
   elseif find(v, "[\r\n]$") then
      return "ends with a newline; strip it, as in io.read(\"l\")"
   end
end

-- A rule takes a value and returns nil, or what it must be; a second true keeps the value out of the message.

---@alias avepoint.Rule fun(v: any): string?, boolean?

---@param least integer
---@param most integer
---@return avepoint.Rule
function check.integer(least, most)
   return function(v)
      if type(v) ~= "number" or not tointeger(v) or v < least or v > most then
         return most == huge and format("a whole number from %d", least)
            or format("a whole number from %d to %d", least, most)
      end
   end
end

---Seconds above zero; what libcurl could not count in milliseconds is out of range.
---@return avepoint.Rule
function check.seconds()
   return function(v)
      if type(v) ~= "number" or not (v > 0 and v <= 86400 * 365) then
         return "a number of seconds above 0, at most a year"
      end
   end
end

---@param names string[]
---@return avepoint.Rule
function check.one_of(names)
   return function(v)
      for _, name in ipairs(names) do
         if v == name then
            return nil
         end
      end
      return "one of \"" .. concat(names, "\", \"") .. "\""
   end
end

---@param type_name string
---@return avepoint.Rule
function check.type(type_name)
   return function(v)
      if type(v) ~= type_name then
         return "a " .. type_name
      end
   end
end

---A file's path. What is in the file in its place is a common slip, and must not be shown.
---@param v any
---@return string?
---@return boolean?
function check.path(v)
   if type(v) ~= "string" or v == "" then
      return "a file's path"
   elseif find(v, "%c") or find(v, "-----BEGIN ", 1, true) or #v > 255 and find(v, "^MI[%w+/=]+$") then
      return "a file's path; this one looks like what is in the file", true
   end
end

---Checks the fields of a table against rules and returns a copy that its owner can't change any more.
---@param caller string the public function, for the message
---@param fields any
---@param rules table<string, avepoint.Rule>
---@param level integer
---@return table
function check.fields(caller, fields, rules, level)
   if type(fields) ~= "table" then
      -- by its type alone: it may be a token
      check.misuse(level + 1, format("%s wants a table of options, not %s", caller,
         fields == nil and "nil" or "a " .. type(fields)))
   end
   local copy = {}
   for name, value in next, fields do
      local rule = rules[name]
      if not rule then
         local known = {}
         for k in pairs(rules) do
            known[#known + 1] = k
         end
         sort(known)
         check.misuse(level + 1, format("%s has no option %s; it has %s", caller,
            type(name) == "string" and check.show(name) or "that is " .. check.show(name), concat(known, ", ")))
      end
      local must, secret = rule(value)
      if must then
         check.misuse(level + 1, format("%s: option '%s' must be %s%s", caller, name, must,
            secret and "" or ", not " .. check.show(value)))
      end
      copy[name] = value
   end
   return copy
end

-- Longest customer or tenant id; those seen are GUIDs of 36.
local MAX_ID = 128

---Raises unless v is an id that can stand in a path as it is.
---@param caller string
---@param name string
---@param v any
---@param level integer
---@return string
function check.path_id(caller, name, v, level)
   local why
   if type(v) ~= "string" then
      why = "must be a string"
   elseif v == "" or #v > MAX_ID then
      why = format("must have 1 to %d bytes", MAX_ID)
   elseif v == "." or v == ".." then
      why = "must not be a folder's name"
   elseif find(v, "[^%w%-%._]") then
      why = "may have letters, digits, '.', '_' and '-' only"
   end
   if why then
      check.misuse(level + 1, format("%s: %s %s, not %s", caller, name, why, check.show(v)))
   end
   return v
end

-- Longest user id.
local MAX_USER_ID = 256

---Copies a list of user ids, without repeats (compared without case); raises where it is no such list.
---@param caller string
---@param list any
---@param level integer
---@return string[]
function check.user_ids(caller, list, level)
   local function wrong(why)
      check.misuse(level + 2, format("%s: option 'user_ids' %s", caller, why))
   end
   if type(list) ~= "table" then
      wrong("must be an array of strings, not " .. check.show(list))
   end
   local n, ids, known = 0, {}, {}
   for key in next, list do
      if type(key) ~= "number" or key ~= floor(key) or key < 1 then
         wrong("must be an array of strings; it has the key " .. check.show(key))
      end
      n = n + 1
   end
   for i = 1, n do
      local id = rawget(list, i)
      local why
      if id == nil then
         why = format("has a hole at %d", i)
      elseif type(id) ~= "string" then
         why = format("must hold strings; [%d] is %s", i, check.show(id))
      elseif id == "" then
         why = format("must not hold empty strings; [%d] is one", i)
      elseif #id > MAX_USER_ID then
         why = format("must hold ids of at most %d bytes; [%d] has %d", MAX_USER_ID, i, #id)
      elseif find(id, "[%c]") or not utf8_len(id) then
         why = format("must hold printable UTF-8; [%d] is %s", i, check.show(id))
      elseif find(id, "@", 1, true) then
         why = format("must hold user ids (their field id), not sign-in names; [%d] is %s", i, check.show(id))
      end
      if why then
         wrong(why)
      end
      if not known[lower(id)] then
         known[lower(id)] = true
         ids[#ids + 1] = id
      end
   end
   return ids
end

return check
