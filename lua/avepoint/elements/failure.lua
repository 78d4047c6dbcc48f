-- failure: the error values of this module, and how foreign text is made fit for them.
--
-- An error is a table: `kind` for programs, `tostring` for people (one printable line that says what to do
-- next). Text that came over the network is shortened and stripped of control bytes before it gets in, and of the
-- secrets that were sent there.

local core = require("avepoint.elements.core")

local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub
local lower, match, sub = string.lower, string.match, string.sub
local abs, min = math.abs, math.min
local concat = table.concat
local utf8_len = utf8.len

local failure = {}

local MIN_PIECE = 4 -- bytes of a secret's beginning, at the end of a text that was cut, that are taken out

---@alias avepoint.ErrorKind
---| "config" # an option of the right type that can't be used
---| "auth" # no token, or one the service does not take (HTTP 401)
---| "forbidden" # HTTP 403
---| "not_found" # HTTP 404
---| "bad_request" # HTTP 400 and its like
---| "throttled" # HTTP 429
---| "server" # HTTP 5xx
---| "timeout" # an attempt or the deadline ran out of time
---| "network" # no connection, or it broke
---| "tls" # the connection could not be secured
---| "proxy" # the proxy refused
---| "redirect" # HTTP 3xx, never followed
---| "protocol" # an answer that is none
---| "drift" # the tenant changed during a walk, with on_drift = "error"
---| "closed" # the walk or its client was closed
---| "interrupted" # Ctrl-C, in a coroutine
---| "forked" # the client belongs to the parent process

---An error. `tostring` makes one printable line of it that says what to do next; it can be joined by `..`.
---@class avepoint.Error
---@field kind avepoint.ErrorKind
---@field message string printable, without a full stop
---@field status? integer HTTP status
---@field retryable boolean the same call may succeed later
---@field retry_after? number seconds the service asked to wait; math.huge where that is too large a number to be meant
---@field request_id? string the service's name for the answer, for its support
---@field page_index? integer the page that failed; nil where signing in did
---@field attempts? integer requests sent for it
---@field oauth_error? string the identity server's code (RFC 6749, 5.2), or the service's (RFC 6750, 3.1)
---@field clock_skew? integer seconds this machine's clock is ahead of the server's, over 60, with the kind `auth`
---@field receipt? avepoint.Receipt of a walk
---@field resume? string of a walk: where to go on

local Error = {}

function Error:__tostring()
   local facts = {}
   if self.status then
      facts[#facts + 1] = "HTTP " .. self.status
   end
   if self.page_index then
      facts[#facts + 1] = "page " .. self.page_index
   end
   if self.attempts and self.attempts > 1 then
      facts[#facts + 1] = self.attempts .. " attempts"
   end
   if self.request_id then
      facts[#facts + 1] = "request id " .. self.request_id
   end
   if self.clock_skew then
      facts[#facts + 1] = format("this machine's clock is %d s %s the server's: set it", abs(self.clock_skew),
         self.clock_skew > 0 and "ahead of" or "behind")
   end
   local text = self.kind .. ": " .. self.message
   if #facts > 0 then
      text = text .. " (" .. concat(facts, ", ") .. ")"
   end
   return text
end

function Error.__concat(a, b)
   return tostring(a) .. tostring(b)
end

Error.__name = "avepoint.Error"

---Makes an error value; it raises nothing.
---@param kind avepoint.ErrorKind
---@param message string
---@param fields table<string, any>? further fields
---@return avepoint.Error
function failure.new(kind, message, fields)
   local err = fields or {}
   err.kind = kind
   err.message = message
   err.retryable = err.retryable or false
   return setmetatable(err, Error)
end

---Another error value with the same fields, for one more who waited for the same thing.
---@param err avepoint.Error
---@return avepoint.Error
function failure.copy(err)
   local copy = {}
   for name, value in next, err do
      copy[name] = value
   end
   return setmetatable(copy, Error)
end

---Is this an error of this module? Raises nothing.
---@param v any
---@return boolean
function failure.is(v)
   return type(v) == "table" and getmetatable(v) == Error
end

-- Cuts to so many bytes, between characters.
local function cut(text, limit)
   if #text <= limit then
      return text
   end
   return (gsub(sub(text, 1, limit), "[\xc0-\xff]?[\x80-\xbf]*$", ""))
end

local function hex(c)
   return format("\\x%02x", byte(c, -1))
end

---Foreign text in one printable line: bytes that a terminal would act on become `\xNN`, well-formed UTF-8 stays.
---@param text string
---@param limit integer? most bytes of the result, 256 by default
---@return string
function failure.clean(text, limit)
   limit = limit or 256
   text = gsub(cut(text, limit), "%s+", " ")
   if not utf8_len(text) then
      text = gsub(text, "[\x80-\xff]", hex)
   end
   text = gsub(text, "%c", hex)
   text = gsub(text, "\xc2[\x80-\x9f]", hex)
   -- marks that turn the writing direction, and Unicode's own line ends
   text = gsub(text, "\xe2\x80[\x8e\x8f\xa8-\xae]", "?")
   text = gsub(text, "\xe2\x81[\xa6-\xa9]", "?")
   text = gsub(text, "\xd8\x9c", "?")
   return cut(text, limit)
end

-- A secret as it is, and as forms, URLs, HTML and JSON write it: each once, since most secrets are written alike in all.
local function spellings(secret)
   local escaped = core.escape(secret)
   local small = gsub(escaped, "%%%x%x", lower)
   local html = gsub(gsub(gsub(gsub(secret, "&", "&amp;"), "<", "&lt;"), ">", "&gt;"), '"', "&quot;")
   local json = gsub(gsub(gsub(secret, "\\", "\\\\"), '"', '\\"'), "/", "\\/")
   local all = {}
   for _, word in ipairs { secret, escaped, small, gsub(escaped, "%%20", "+"), gsub(small, "%%20", "+"), html, json } do
      all[#all + 1], all[word] = not all[word] and word or nil, true
   end
   return all
end

local function replaced(text, word, mark)
   local parts, from = {}, 1
   while true do
      local at, last = find(text, word, from, true)
      if not at then
         parts[#parts + 1] = sub(text, from)
         return concat(parts)
      end
      parts[#parts + 1], parts[#parts + 2] = sub(text, from, at - 1), mark
      from = last + 1
   end
end

---A foreign text without a secret, should it have been quoted there, whole or cut short at the text's end.
---@param text string
---@param secret string not empty
---@param mark string what stands there instead
---@return string
function failure.without(text, secret, mark)
   local first = match(secret, "^[%w%-%._~]+") -- the same in every spelling
   if first and #first >= MIN_PIECE and not find(text, sub(first, 1, MIN_PIECE), 1, true) then
      return text
   end
   for _, word in ipairs(spellings(secret)) do
      text = replaced(text, word, mark)
      for n = min(#word - 1, #text), MIN_PIECE, -1 do
         if sub(text, -n) == sub(word, 1, n) then
            text = sub(text, 1, -n - 1) .. mark
            break
         end
      end
   end
   return text
end

return failure
