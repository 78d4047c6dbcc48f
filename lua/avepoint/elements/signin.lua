-- signin: OAuth 2.0 client credentials as the vendor documents them: the form that is posted to the identity server,
-- and what its answer means (RFC 6749, 4.4 and 5).
--
-- Pure but for the secret's function and the signature: clock and random are passed in. Secrets live in closures, never in
-- fields, and are taken out of whatever the server says.

local answers = require("avepoint.elements.answers")
local assertion = require("avepoint.elements.assertion")
local check = require("avepoint.elements.check")
local core = require("avepoint.elements.core")
local failure = require("avepoint.elements.failure")
local token = require("avepoint.elements.token")

local find, format, lower = string.find, string.format, string.lower
local concat = table.concat

local signin = {}
signin.__index = signin
signin.__name = "avepoint.elements.signin"

---The permission of the vendor's page on the call, and so the scope.
signin.SCOPE = "elements.um.user.read.all"

---Decoded bytes of an answer; those seen have 1 to 3 kB.
signin.LIMIT = 65536

local ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

local MAX_SECRET = 8192 -- bytes

---What is wrong with a client secret, or nil. Never shows it.
---@param value any
---@return string?
function signin.flaw(value)
   local flaw = check.secret_flaw(value, MAX_SECRET)
   if flaw then
      return flaw
   elseif find(value, "%c") then
      return "holds a control character"
   end
end

local function auth(message, fields)
   return failure.new("auth", "no token: " .. message, fields)
end

---@param parts {client_id: string, token_url: string, cleartext: boolean, scope: string, wall: (fun(): integer),
---secret: nil|string|(fun(): string?, string?), certificate: table?} one of the last two; wall: seconds since the epoch
---@return table signin
function signin.new(parts)
   local self = setmetatable({
      client_id = parts.client_id,
      url = parts.token_url,
      cleartext = parts.cleartext,
      scope = parts.scope,
      by = parts.certificate and "certificate" or "secret",
      wall = parts.wall,
   }, signin)
   local certificate, secret, sent = parts.certificate, parts.secret, {}
   -- The credential's own fields of the form, or nil and an error.
   function self.credential()
      if certificate then
         local now = parts.wall()
         local flaw = certificate:flaw(now)
         if flaw then
            return nil, auth(flaw)
         end
         sent = { assertion.new(certificate, parts.client_id, parts.token_url, now, certificate.random(16)) }
         return { { "client_assertion_type", ASSERTION_TYPE }, { "client_assertion", sent[1] } }
      end
      local value = secret
      if type(secret) == "function" then
         local message
         value, message = secret()
         if value == nil or value == false then
            return nil, auth("client_secret: " .. failure.clean(type(message) == "string" and message
               or "the function gave none"))
         end
         local flaw = signin.flaw(value)
         if flaw then
            return nil, auth("what the client_secret function gave " .. flaw)
         end
      end
      sent = { value }
      return { { "client_secret", value } }
   end
   -- A foreign text without what was sent, should it have been quoted there.
   function self.hide(text)
      for _, value in ipairs(sent) do
         text = failure.without(text, value, "[secret]")
      end
      return text
   end
   return self
end

---The form for one attempt; an assertion in it is new. What the secret's function raises comes through.
---@return string? body
---@return avepoint.Error? err
function signin:form()
   local fields, err = self.credential()
   if not fields then
      return nil, err
   end
   local parts = { "grant_type=client_credentials", "client_id=" .. core.escape(self.client_id),
      "scope=" .. core.escape(self.scope) }
   for _, field in ipairs(fields) do
      parts[#parts + 1] = field[1] .. "=" .. core.escape(field[2])
   end
   return concat(parts, "&")
end

-- What to do about the errors of RFC 6749, 5.2.
local function advice(self, code)
   if code == "invalid_client" then
      return "the identity server does not accept this client; check client_id, environment and "
         .. (self.by == "certificate" and "that the certificate is the one of the app registration" or "client_secret")
   elseif code == "invalid_scope" then
      return format("the app registration may not have the scope %s; grant it under Elements > API app registration",
         failure.clean(self.scope, 128))
   elseif code == "unauthorized_client" or code == "unsupported_grant_type" then
      return "the app registration may not sign in by client credentials; check it under Elements > API app registration"
   end
   return "the identity server refuses; check client_id, token_url and environment"
end

-- The answer's JSON object, or an empty table.
local function object(answer)
   local top = core.decode(answer.body)
   return type(top) == "table" and top or {}
end

local function text_of(self, value, most)
   return type(value) == "string" and find(value, "%S") and failure.clean(self.hide(value), most) or nil
end

-- A status that is no answer with a token.
local function refused(self, answer)
   local status, said = answer.status, object(answer)
   local code, description = text_of(self, said.error, 64), text_of(self, said.error_description, 256)
   local facts = { status = status }
   if status == 408 or status == 425 then
      facts.retryable = true
      return failure.new("timeout", "no token: the identity server was not ready; try again", facts)
   elseif status == 429 then
      facts.retryable = true
      return failure.new("throttled", "no token: the identity server limits the rate of requests; try again later", facts)
   elseif status >= 500 and status < 600 then
      facts.retryable = true
      return failure.new("server", "no token: the identity server failed; try again later", facts)
   elseif status >= 300 and status < 400 then
      return failure.new("redirect", "no token: the identity server sends elsewhere, which is never followed; check "
         .. "token_url", facts)
   elseif status < 400 or status >= 600 then
      return failure.new("protocol", "no token: the answer's status is none of an identity server; check token_url "
         .. "and proxies", facts)
   end
   facts.oauth_error = code
   return auth(advice(self, code) .. (code and format("; it says \"%s\"", code
      .. (description and ": " .. description or "")) or ""), facts)
end

local function protocol(message)
   return nil, failure.new("protocol", "no token: " .. message
      .. "; this is no answer of an identity server: check token_url", { status = 200 })
end

---What an answer of the identity server means.
---@param answer table as core's take gives it
---@return string? value a bearer token
---@return any lifetime or error: `expires_in` as it came (nil: missing), or an avepoint.Error
---@return any scope or torn: the scope granted, if it is told; with an error true where the bytes are no JSON
function signin:read(answer)
   if answer.code ~= 0 then
      answer.message = self.hide(answer.message)
      local err = answers.broken(answer, self.url, "token_url")
      err.message = "no token: " .. err.message
      return nil, err
   elseif answer.status ~= 200 then
      return nil, refused(self, answer)
   end
   local top, message, known = core.decode(answer.body)
   if message and not known then
      local _, err = protocol("the answer is not JSON")
      return nil, err, true
   elseif message then
      return protocol(text_of(self, message))
   end
   local value, kind = top.access_token, top.token_type
   local flaw = value == nil and "is missing" or token.flaw(value)
   if flaw then
      return protocol("access_token " .. flaw)
   elseif type(kind) ~= "string" or lower(kind) ~= "bearer" then
      return protocol("token_type is " .. (type(kind) == "string" and "not Bearer"
         or kind == nil and "missing" or "no string"))
   end
   answer.body:close()
   return value, top.expires_in, text_of(self, top.scope, 512)
end

return signin
