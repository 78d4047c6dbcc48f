-- credential: which of the client's options sign in, whether they go together, and what they make: a token, a function
-- that gives one, or a signin.
--
-- Criteria: what can't be meant raises; a secret goes to an identity host that was named, or to the vendor's own for an
-- API host of the vendor's, so that no test set-up sends secrets to the real one.

local certificate = require("avepoint.elements.certificate")
local check = require("avepoint.elements.check")
local environment = require("avepoint.elements.environment")
local failure = require("avepoint.elements.failure")
local signin = require("avepoint.elements.signin")
local token = require("avepoint.elements.token")
local wire = require("avepoint.elements.wire")

local find, format, lower = string.find, string.format, string.lower
local concat = table.concat

local credential = {}

---One of `token`, `client_secret` and `certificate`; the last two go with `client_id`.
---@class avepoint.Credential
---@field client_id? string of the app registration (Elements > API app registration)
---The secret, or a function that gives it, or nil and a message. It is called for each request for a token, and may yield.
---@field client_secret? string|(fun(): string?, string?)
---@field certificate? string path of a PEM with certificate and private key, or of a PFX
---@field private_key? string path of the PEM with the private key, where it is not in the certificate's
---@field certificate_password? string of a PFX
---A bearer token, or a function that gives one and, if it is known, its life in seconds; or nil and a message. It is asked
---again before that life ends and after an HTTP 401, and may yield.
---@field token? string|(fun(): string?, number|string|nil)
---@field environment? avepoint.Environment the vendor's cloud, "commercial" by default
---@field base_url? string host and path of the API, https (http to this machine), instead of the environment's
---@field token_url? string of the identity server, instead of the environment's
---@field scope? string "elements.um.user.read.all" by default, the permission that the vendor's page names

local MAX_CLIENT_ID = 256 -- bytes; a GUID has 36

-- A string without a flaw, or a function; never shown.
local function secret(flaw, what)
   return function(v)
      if type(v) == "function" then
         return nil
      elseif type(v) ~= "string" then
         return "a string or a function, not a " .. type(v), true
      end
      local wrong = flaw(v)
      return wrong and format("%s; this one %s", what, wrong), true
   end
end

local function address(v)
   if type(v) ~= "string" then
      return "a string"
   end
   local _, why = wire.address(v)
   -- what stands in front of an @ may be a password
   return why and format("an address like https://host/path; this one %s", why), true
end

local function client_id(v)
   if type(v) ~= "string" or v == "" or #v > MAX_CLIENT_ID or find(v, "[^\x21-\x7e]") then
      return format("printable ASCII without spaces, at most %d bytes", MAX_CLIENT_ID)
   end
end

local function password(v)
   if type(v) ~= "string" then
      return "a string, not a " .. type(v), true
   elseif find(v, "[\r\n\0]") then
      return "a password without newline or NUL", true
   end
end

-- Scope tokens of RFC 6749, 3.3.
local function scope(v)
   if type(v) ~= "string" or not find(v, "%S") or find(v, "[^\x20-\x7e]") or find(v, '["\\]') then
      return "words of printable ASCII without '\"' and '\\'"
   end
end

---Rules for check.fields.
credential.RULES = {
   client_id = client_id,
   client_secret = secret(signin.flaw, "a client secret"),
   certificate = check.path,
   private_key = check.path,
   certificate_password = password,
   token = secret(token.flaw, "a bearer token"),
   environment = check.one_of(environment.NAMES),
   base_url = address,
   token_url = address,
   scope = scope,
}

-- What goes with which credential only.
local BELONGS = {
   { "client_id", { client_secret = true, certificate = true } },
   { "token_url", { client_secret = true, certificate = true } },
   { "scope", { client_secret = true, certificate = true } },
   { "private_key", { certificate = true } },
   { "certificate_password", { certificate = true } },
}

local function kind_of(o)
   local kinds = {}
   for _, name in ipairs { "token", "client_secret", "certificate" } do
      kinds[#kinds + 1] = o[name] ~= nil and name or nil
   end
   if #kinds == 0 then
      return nil, "a credential is missing: give client_id with client_secret or certificate, or token"
   elseif #kinds > 1 then
      return nil, format("%s are more than one credential; give one of them", concat(kinds, " and "))
   end
   return kinds[1]
end

---Raises where the options don't go together.
---@param o table options that follow the rules
---@param level integer
---@return {url: string, host: string, cleartext: boolean} base address of the API
function credential.check(o, level)
   local function misuse(what)
      check.misuse(level + 2, "client: " .. what)
   end
   local kind, why = kind_of(o)
   if not kind then
      misuse(why)
   end
   for _, pair in ipairs(BELONGS) do
      local name, kinds = pair[1], pair[2]
      if o[name] ~= nil and not kinds[kind] then
         misuse(format("option '%s' does not go with %s", name, kind))
      end
   end
   local cloud = o.environment or "commercial"
   local base = wire.address(o.base_url or environment.cloud(cloud).base_url)
   if kind == "token" then
      return base
   elseif not o.client_id then
      misuse(format("option 'client_id' is missing; %s needs it", kind))
   end
   if not o.token_url then
      local own, other = environment.owns(lower(base.host), cloud)
      if not own then
         misuse(other and format("base_url is of the environment %s; set environment = \"%s\", or token_url", other, other)
            or format("option 'token_url' is missing; base_url is none of AvePoint's hosts, and %s shall not go to "
               .. "AvePoint's identity host for it", kind))
      end
   end
   return base
end

---The source of tokens that the options make.
---@param o table checked
---@param wall fun(): integer seconds since the epoch
---@return string|function|table|nil source for token.new
---@return avepoint.Error? err kind `config`
function credential.source(o, wall)
   if o.token then
      return o.token
   end
   local own
   if o.certificate then
      local message
      own, message = certificate.load(o, wall())
      if not own then
         return nil, failure.new("config", message)
      end
   end
   local url = o.token_url or environment.cloud(o.environment or "commercial").token_url
   return signin.new {
      client_id = o.client_id, secret = o.client_secret, certificate = own, scope = o.scope or signin.SCOPE,
      token_url = url, cleartext = wire.address(url).cleartext, wall = wall,
   }
end

return credential
