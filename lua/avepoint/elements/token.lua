-- token: the bearer that requests carry, and when to ask for another.
--
-- Generations tell a refusal of this token from a late refusal of the one before it, so that many pages that
-- meet a 401 at once ask for one new token between them.

local failure = require("avepoint.elements.failure")

local find, format, match, sub = string.find, string.format, string.match, string.sub

local token = {}
token.__index = token
token.__name = "avepoint.elements.token" -- and no field for tostring to show

-- Longest token; those seen have 1 to 2 kB, and servers take some 8 kB of headers.
local MAX_BYTES = 8192

-- Tokens refused in a row before no other is asked for.
local MAX_VAIN = 3

---What is wrong with a bearer token (RFC 6750, 2.1), or nil. Never shows it.
---@param value any
---@return string?
function token.flaw(value)
   if type(value) ~= "string" then
      return "is a " .. type(value) .. ", not a string"
   elseif value == "" then
      return "is empty"
   elseif #value > MAX_BYTES then
      return format("has %d bytes, more than %d", #value, MAX_BYTES)
   elseif find(value, "[\r\n]$") then
      return "ends with a newline; strip it, as in io.read(\"l\")"
   elseif find(value, "^[Bb]earer ") then
      return "begins with \"Bearer \"; give the token alone"
   elseif not match(value, "^[%w%-%._~%+/]+=*$") then
      return "holds a character that no token has; give it as the identity server sent it"
   end
end

---@param source string|fun(): string?, string?
---@return table token
function token.new(source)
   return setmetatable({
      vain = 0, -- tokens refused since one was taken
      generation = type(source) == "string" and 1 or 0,
      -- closures, so that no walk over the fields of a client meets the token
      read = type(source) == "string" and function() return source end or nil,
      ask = type(source) == "function" and source or nil,
   }, token)
end

---The current token; asks for one where there is none. What the caller's function raises comes through.
---@return string? value
---@return integer|avepoint.Error generation or error
function token:get()
   if not self.read then
      local value, message = self.ask()
      if value == nil or value == false then
         return nil, failure.new("auth", "no token: "
            .. failure.clean(type(message) == "string" and message or "the token function gave none"))
      end
      local flaw = token.flaw(value)
      if flaw then
         return nil, failure.new("auth", "what the token function gave " .. flaw)
      end
      self.read = function() return value end
      self.generation = self.generation + 1
   end
   return self.read(), self.generation
end

---The service refused the token of a generation. May its request be repeated with another?
---@param generation integer
---@return boolean
function token:refused(generation)
   if not self.ask then
      return false
   elseif self.read and generation == self.generation then -- the first to say so of this token
      self.read = nil
      self.vain = self.vain + 1
   end
   return self.vain <= MAX_VAIN
end

---A foreign text without the token, should it have been quoted there.
---@param text string
---@return string
function token:hide(text)
   local value = self.read and self.read()
   local from, to
   if value then
      from, to = find(text, value, 1, true)
   end
   return from and sub(text, 1, from - 1) .. "[token]" .. self:hide(sub(text, to + 1)) or text
end

---The service took a token.
function token:taken()
   self.vain = 0
end

return token
