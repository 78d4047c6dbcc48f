-- The sandbox's identity service: POST {knobs}/identity/connect/token, client credentials.
-- Criteria: strict about the form's encoding and fields; a secret or a signed assertion, never
-- both; a token is good for as long as it said (token_life), and revoke takes back all of a run.
-- luacheck: std ngx_lua

local assertion = require("spec.sandbox.assertion")
local cjson = require("cjson")
local ledger = require("spec.sandbox.ledger")

local token = {}

local SCOPE = "elements.um.user.read.all"
local BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
local FIELDS = {
   client_id = true, scope = true, grant_type = true, client_secret = true, client_assertion = true,
   client_assertion_type = true,
}

-- token text -> { dies = monotonic time, run = name }
local issued = {}

local function decoded(text)
   if text:find("[^%w%-._~*+%%]") or text:gsub("%%%x%x", ""):find("%", 1, true) then
      return nil
   end
   return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
   end))
end

--- Takes a form apart; nil and the reason when it is not encoded as the standard wants.
---@param body string
---@return table<string, string>? fields
---@return string? reason
function token.form(body)
   local fields = {}
   for part in (body .. "&"):gmatch("([^&]*)&") do
      local name, value = part:match("^([%w_]+)=(.*)$")
      value = value and decoded(value)
      if not value then
         return nil, "not form-encoded: " .. part:match("^[^=]*")
      elseif fields[name] or not FIELDS[name] then
         return nil, (fields[name] and "twice: " or "unexpected: ") .. name
      end
      fields[name] = value
   end
   return fields
end

local function refusal(fields, config, url)
   if fields.grant_type ~= "client_credentials" then
      return 400, fields.grant_type and "unsupported_grant_type" or "invalid_request", "grant_type"
   elseif not fields.client_id or (fields.client_secret ~= nil) == (fields.client_assertion ~= nil) then
      return 400, "invalid_request", "client_id and one credential, please"
   elseif fields.client_id ~= config.client_id then
      return 400, "invalid_client", "no such client"
   elseif fields.client_secret and fields.client_secret ~= config.client_secret then
      return 400, "invalid_client", "wrong secret"
   elseif fields.client_secret and fields.client_assertion_type then
      return 400, "invalid_request", "client_assertion_type without an assertion"
   elseif fields.client_assertion and fields.client_assertion_type ~= BEARER then
      return 400, "invalid_request", "client_assertion_type"
   elseif fields.client_assertion then
      local bad = assertion.refusal(fields.client_assertion, config, url)
      if bad then
         return 400, "invalid_client", bad
      end
   end
   if fields.scope ~= SCOPE then
      return 400, "invalid_scope", "the scope is " .. SCOPE
   end
end

local EXPIRES = {
   text = "soon", zero = 0, negative = -1, fraction = 3599.5, null = cjson.null, digits = "3600", huge = 1e15, nested = {},
}

-- Bodies that are no token, by the knob token_shape.
local SHAPES = {
   html = "<html>sign in</html>", empty_body = "", array = "[]", null = "null", cut = '{"access_token":"abc',
   no_token = '{"expires_in":3600,"token_type":"Bearer"}',
   empty_token = '{"access_token":"","expires_in":3600,"token_type":"Bearer"}',
   number_token = '{"access_token":7,"expires_in":3600,"token_type":"Bearer"}',
   crlf_token = '{"access_token":"abc\\r\\nX-Evil: 1","expires_in":3600,"token_type":"Bearer"}',
   space_token = '{"access_token":"a b","expires_in":3600,"token_type":"Bearer"}',
   nul_token = '{"access_token":"abc\\u0000def","expires_in":3600,"token_type":"Bearer"}',
   long_token = '{"access_token":"' .. ("a"):rep(9000) .. '","expires_in":3600,"token_type":"Bearer"}',
   huge_body = '{"access_token":"abc","padding":"' .. ("a"):rep(100000) .. '","expires_in":3600,"token_type":"Bearer"}',
}

local function grant(knobs, run)
   run.tokens = run.tokens + 1
   local text = string.format("sandbox.%s.%d~%s", run.name, run.tokens, ngx.encode_base64(ngx.sha1_bin(run.name .. run.tokens)))
   local life = knobs.token_life or 3600
   issued[text] = { dies = ledger.clock() + life, run = run.name }
   local answer = { access_token = text, scope = SCOPE, token_type = knobs.token_type or "Bearer" }
   if knobs.expires_in == "missing" then
      answer.expires_in = nil
   else
      answer.expires_in = EXPIRES[knobs.expires_in] or tonumber(knobs.expires_in) or life
   end
   if knobs.token_type == "missing" then
      answer.token_type = nil
   end
   return cjson.encode(answer)
end

--- Answers a token request: status and JSON body.
---@param knobs table
---@param run table
---@param body string
---@param url string  the endpoint as the client called it, the assertion's audience
---@param config table
---@return integer status
---@return string body
---@return string? why  for the log
function token.answer(knobs, run, body, url, config)
   local fields, bad = token.form(body)
   local status, name, text = 400, "invalid_request", bad
   if fields then
      status, name, text = refusal(fields, config, url)
   end
   for _, fault in ipairs(knobs.token_fail or {}) do
      if not status and ledger.tick(run, "token_fail=" .. fault.key) <= fault.times then
         status, name, text = fault.status, fault.error, "as the knob token_fail wants"
      end
   end
   if status then
      return status, cjson.encode { error = name, error_description = text }, name .. ": " .. text
   end
   return 200, SHAPES[knobs.token_shape] or grant(knobs, run)
end

--- Is this Authorization header good?
---@param header string
---@param knobs table
---@param config table
---@return boolean
function token.accepted(header, knobs, config)
   local text = header:match("^Bearer ([%w%-._~+/]+=*)$")
   local entry = text and issued[text]
   if entry then
      return ledger.clock() < entry.dies
   end
   return text ~= nil and text == (knobs.token or config.token)
end

--- Takes back every token that this run was given.
---@param run table
function token.revoke(run)
   for _, entry in pairs(issued) do
      if entry.run == run.name then
         entry.dies = 0
      end
   end
end

return token
