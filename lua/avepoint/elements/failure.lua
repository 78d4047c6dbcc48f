-- failure: the error values of this module, and what an answer that is no page means.
--
-- An error is a table: `kind` for programs, `tostring` for people (one printable line that says what to do
-- next). Text that came over the network is shortened and stripped of control bytes before it gets in; secrets
-- never do, since nothing here is given any.

local core = require("avepoint.elements.core")

local find, format, gsub, match, sub = string.find, string.format, string.gsub, string.match, string.sub
local byte, gmatch = string.byte, string.gmatch
local concat = table.concat
local utf8_len = utf8.len

local failure = {}

local MAX_WORD = 200 -- bytes; longer runs in foreign text may be tokens (a URL of the service has 150)
local MAX_REQUEST_ID = 128 -- bytes; a GUID has 36

---@alias avepoint.Kind
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

---@class avepoint.Error
---@field kind avepoint.Kind
---@field message string printable, without a final full stop
---@field status integer? HTTP status
---@field retryable boolean the same call may succeed later
---@field retry_after number? seconds the service asked to wait
---@field request_id string? the service's name for the answer
---@field page_index integer? the page that failed
---@field attempts integer? requests sent for it
---@field oauth_error string? the identity server's code
---@field clock_skew integer? seconds this machine's clock is ahead of the server's
---@field receipt avepoint.Receipt? of a walk
---@field resume string? where a walk can go on

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
---@param kind avepoint.Kind
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

---Is this one of our errors?
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

---The lines that the transport kept, by name.
---@param lines string
---@return table<string, string[]>
function failure.headers(lines)
   local all = {}
   for name, value in gmatch(lines, "([^:\n]+): ([^\n]*)\n") do
      all[name] = all[name] or {}
      all[name][#all[name] + 1] = value
   end
   return all
end

---The service's name for an answer, or nil.
---@param lines string
---@return string?
function failure.request_id(lines)
   local id = match(lines, "request%-id: ([^\n]+)\n")
   if id and find(id, "^[%w%-]+$") and #id <= MAX_REQUEST_ID then
      return id
   end
   return id and failure.clean(id, MAX_REQUEST_ID)
end

-- What the other side says of itself in an error's body: a JSON message, an HTML title, or plain text.
local function words(body)
   local text = body:text(4096)
   if find(text, "^%s*{") then
      local said = core.decode(body)
      if said then
         local inner = type(said.error) == "table" and said.error or said
         local message = inner.message or inner.error_description or inner.error
         return type(message) == "string" and message or nil
      end
   elseif find(text, "^%s*<") then
      return match(text, "<[Tt][Ii][Tt][Ll][Ee]>([^<]*)</")
   end
   return text
end

-- A gateway may quote the request: what looks like a credential goes, cut short or not.
local function hidden(text, hide)
   text = gsub(hide and hide(text) or text, "[Bb]earer%s+%S+", "Bearer [token]")
   return (gsub(text, "[%w%-%._~%+/=]+", function(run) return #run >= MAX_WORD and "[…]" or nil end))
end

local function said(answer, hide)
   local text = answer.body and words(answer.body)
   text = text and failure.clean(hidden(text, hide))
   if not text or not find(text, "%S") then
      return ""
   end
   return format("; it says \"%s\"", text)
end

local function from_service(kind, text)
   return function(answer, hide)
      return kind, text .. said(answer, hide)
   end
end

local bad_request = from_service("bad_request",
   "the service does not accept the request; check ids, page_size and the number of user_ids")

-- Meanings by status; what is not listed goes by its class below.
local BY_STATUS = {
   [401] = from_service("auth", "the service does not accept the token; get a new one, for this environment"),
   [403] = from_service("forbidden", "the app registration lacks the permission elements.um.user.read.all, "
      .. "or may not see this customer; grant it under Elements > API app registration"),
   [404] = from_service("not_found",
      "the service knows no such customer or tenant; check the order: customer id, then tenant id"),
   [407] = from_service("proxy", "the proxy wants to be signed in to; put user and password in the proxy's URL"),
   [408] = from_service("timeout", "the service waited too long for the request; try again"),
   [425] = from_service("timeout", "the service was not ready for the request; try again"),
   [429] = from_service("throttled", "the service limits the rate of requests; try again later or ask for less"),
}

local RETRYABLE_STATUS = {
   [408] = true, [425] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true,
}

local function by_status(answer, hide)
   local status = answer.status
   if BY_STATUS[status] then
      return BY_STATUS[status](answer, hide)
   elseif status >= 300 and status < 400 then
      local location = failure.headers(answer.headers).location
      local url = location and core.url(location[1])
      local host = url and url.host and " (to " .. failure.clean(url.host, 128) .. ")" or ""
      return "redirect", "the service sends elsewhere" .. host
         .. ", which is never followed; check base_url"
   elseif status >= 400 and status < 500 then
      return bad_request(answer, hide)
   elseif status >= 500 and status < 600 then
      return "server", "the service failed; try again later" .. said(answer, hide)
   end
   return "protocol", "the answer's status is no answer to this request; check base_url and proxies"
end

-- libcurl's codes, by what they mean to a caller (curl/curl.h).
local function codes(kind, retryable, advice, list)
   local entry = { kind = kind, retryable = retryable, advice = advice }
   local all = {}
   for _, code in ipairs(list) do
      all[code] = entry
   end
   return all
end

local BY_CODE = {}
for _, group in ipairs {
   codes("network", true, "check the network, then try again", { 6, 7, 16, 18, 52, 55, 56, 92 }),
   codes("timeout", true, "check the network, then try again", { 28 }),
   codes("proxy", false, "check proxy and the variables https_proxy and no_proxy", { 5, 97 }),
   codes("tls", true, "check what stands between this machine and the service", { 35 }),
   codes("tls", false, "check ca_file, this machine's clock and trust store, and what stands in between",
      { 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91 }),
   codes("redirect", false, "check base_url", { 47 }),
   codes("protocol", false, "check base_url and what stands in between", { 1, 3, 8, 22, 23, 27, 61 }),
} do
   for code, entry in pairs(group) do
      BY_CODE[code] = entry
   end
end

local UNKNOWN_CODE = { kind = "network", retryable = false, advice = "check the network" }

local ENDED = {
   connect_timeout = "no connection within connect_timeout; check the network, then try again",
   timeout = "no whole answer within timeout; try again",
   stalled = "the answer stopped coming; try again",
}

local function by_code(answer)
   if ENDED[answer.ended] then
      return "timeout", ENDED[answer.ended], true
   elseif answer.ended == "too_large" then
      return "protocol", "the answer is larger than a page can be; check base_url", false
   elseif answer.connect_status >= 300 then
      return "proxy", format("the proxy refused to connect (HTTP %d); check proxy and the variables https_proxy and "
         .. "no_proxy", answer.connect_status), false
   end
   local entry = BY_CODE[answer.code] or UNKNOWN_CODE
   return entry.kind, format("%s; %s", failure.clean(answer.message), entry.advice), entry.retryable
end

---What an answer of the transport means: nil for a 200, whatever its body.
---@param answer table as core's take gives it
---@param hide (fun(text: string): string)? takes secrets out of foreign text
---@return avepoint.Error?
function failure.of(answer, hide)
   if answer.code == 0 and answer.status == 200 then
      return nil
   elseif answer.code == 0 then
      local kind, message = by_status(answer, hide)
      return failure.new(kind, message, {
         status = answer.status,
         retryable = RETRYABLE_STATUS[answer.status] or false,
         request_id = failure.request_id(answer.headers),
      })
   end
   local kind, message, retryable = by_code(answer)
   return failure.new(kind, message, { retryable = retryable })
end

return failure
