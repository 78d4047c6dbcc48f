-- answers: what an answer of the transport means where it is no page: by its status, or by libcurl's code.
--
-- Pure: an answer as core's take gives it, in; an error value, or nothing, out.

local core = require("avepoint.elements.core")
local failure = require("avepoint.elements.failure")
local retry_after = require("avepoint.elements.retry_after")

local find, format, gmatch, gsub, match = string.find, string.format, string.gmatch, string.gsub, string.match
local lower = string.lower
local concat = table.concat

local answers = {}

local MAX_WORD = 200 -- bytes; longer runs in foreign text may be tokens (a URL of the service has 150)
local MAX_REQUEST_ID = 128 -- bytes; a GUID has 36

---The lines that the transport kept, by name.
---@param lines string
---@return table<string, string[]>
function answers.headers(lines)
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
function answers.request_id(lines)
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

-- What the service says of a bearer (RFC 6750, 3), as identity servers word it.
local function challenge(lines)
   local values = answers.headers(lines)["www-authenticate"]
   local text = values and concat(values, ", ")
   if text and find(lower(text), "bearer", 1, true) then
      return match(text, '%f[%w_]error="([^"]+)"'), match(text, '%f[%w_]error_description="([^"]+)"')
   end
end

local function quoted(text, hide)
   text = text and failure.clean(hidden(text, hide))
   return text and find(text, "%S") and format("; it says \"%s\"", text) or ""
end

local function said(answer, hide)
   return quoted(answer.body and words(answer.body), hide)
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
   [401] = function(answer, hide)
      local code, description = challenge(answer.headers)
      local words_of_it = code and (description and code .. ": " .. description or code)
      return "auth", "the service does not accept the token; get a new one, for this environment"
         .. (words_of_it and quoted(words_of_it, hide) or said(answer, hide)), code and failure.clean(hidden(code, hide), 64)
   end,
   [403] = from_service("forbidden", "the app registration lacks the permission elements.um.user.read.all, "
      .. "or may not see this customer; grant it under Elements > API app registration"),
   [404] = from_service("not_found",
      "the service knows no such customer or tenant; check the ids, their order (customer, then tenant) and the path of "
      .. "base_url"),
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
      local location = answers.headers(answer.headers).location
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

local CHECK_PROXY = "check proxy and the variables https_proxy and no_proxy"

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
   codes("proxy", false, CHECK_PROXY, { 5, 97 }),
   codes("tls", true, "check what stands between this machine and the service", { 35 }),
   codes("tls", false, "check ca_file, this machine's clock and trust store, and what stands in between",
      { 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91 }),
   codes("redirect", false, "check base_url", { 47 }),
   codes("protocol", false, "check base_url and what stands in between", { 1, 3, 8, 22, 23, 27, 43, 61 }),
} do
   for code, entry in pairs(group) do
      BY_CODE[code] = entry
   end
end

local UNKNOWN_CODE = { kind = "network", retryable = false, advice = "check the network" }

local ENDED = {
   connect_timeout = "no connection within connect_timeout; check the network and any proxy, then try again",
   timeout = "no whole answer within timeout; try again",
   stalled = "the answer stopped coming; try again",
}

-- A host as libcurl's messages have it: no brackets and zone of an IPv6 address, no final dot.
local function plain(host)
   return lower(gsub(gsub(host, "^%[([^%%%]]*).*$", "%1"), "%.$", ""))
end

-- Before 8.6 libcurl names whom it could not connect to, which is the request's host or a proxy; later "via" whom.
local function proxy_of(message, url)
   local named = url and match(message, "^Failed to connect to .- via (%S+) ")
   if named or not url or find(url, "[\x80-\xff]") then
      return named -- other names than ASCII's are written in two ways
   end
   named = match(message, "^Failed to connect to (%S+) port ")
   return named and plain(named) ~= plain(core.url(url).host) and named
end

local function by_code(answer, url)
   if ENDED[answer.ended] then
      return "timeout", ENDED[answer.ended], true
   elseif answer.ended == "too_large" then
      return "protocol", "the answer is larger than it can be; check base_url", false
   elseif answer.connect_status >= 300 then
      return "proxy", format("the proxy refused to connect (HTTP %d); %s", answer.connect_status, CHECK_PROXY), false
   end
   local entry, proxy = BY_CODE[answer.code] or UNKNOWN_CODE, proxy_of(answer.message, url)
   return entry.kind, format("%s; %s", failure.clean((gsub(answer.message, "'.*@", "'"))), proxy
      and format("%s is the proxy: %s, then try again", failure.clean(proxy), CHECK_PROXY) or entry.advice), entry.retryable
end

---The error for an attempt that got no HTTP answer.
---@param answer table as core's take gives it, `code` not 0
---@param url string? of the request
---@param option string? the option that named the host, "base_url" by default
---@return avepoint.Error
function answers.broken(answer, url, option)
   local kind, message, retryable = by_code(answer, url)
   return failure.new(kind, option and gsub(message, "check base_url", "check " .. option) or message,
      { retryable = retryable })
end

---What an answer of the service means: nil for a 200, whatever its body.
---@param answer table as core's take gives it
---@param hide (fun(text: string): string)? takes secrets out of foreign text
---@param url string? of the request
---@return avepoint.Error?
function answers.failure(answer, hide, url)
   if answer.code ~= 0 then
      return answers.broken(answer, url)
   elseif answer.status == 200 then
      return nil
   end
   local kind, message, oauth_error = by_status(answer, hide)
   return failure.new(kind, message, {
      status = answer.status,
      retryable = RETRYABLE_STATUS[answer.status] or false,
      request_id = answers.request_id(answer.headers),
      oauth_error = oauth_error,
   })
end

---How far this machine's clock is ahead of the server's, by an answer's Date.
---@param lines string its headers
---@param wall integer seconds since the epoch
---@return integer? seconds below 0: behind; nil without a Date
function answers.clock_skew(lines, wall)
   local dates = answers.headers(lines).date
   local theirs = dates and retry_after.date(dates[1])
   return theirs and wall - theirs
end

return answers
