-- A signed assertion in place of a secret: what the identity service checks of the JWT.
-- Criteria: every claim and header that the vendor asks for, a jti used once, the thumbprint of a
-- registered certificate (files DIR/certificates/1.pem, 2.pem, …) and its RS256 signature,
-- verified by the OpenSSL that nginx has loaded anyway.
-- luacheck: std ngx_lua

local cjson = require("cjson")
local ffi = require("ffi")

ffi.cdef [[
   void *d2i_X509(void **to, const unsigned char **from, long length);
   void *X509_get_pubkey(void *certificate);
   void X509_free(void *certificate);
   void EVP_PKEY_free(void *key);
   void *EVP_MD_CTX_new(void);
   void EVP_MD_CTX_free(void *context);
   const void *EVP_sha256(void);
   int EVP_DigestVerifyInit(void *context, void **pctx, const void *digest, void *engine, void *key);
   int EVP_DigestVerify(void *context, const char *signature, size_t length, const char *text, size_t size);
]]

local assertion = {}

local used = {}

local function unpadded(text)
   if not text:find("^[%w_-]+$") then
      return nil
   end
   return ngx.decode_base64((text:gsub("-", "+"):gsub("_", "/")) .. ("="):rep(-#text % 4))
end

local function object(text)
   local ok, value = pcall(cjson.decode, text and unpadded(text) or "")
   return ok and type(value) == "table" and value or nil
end

-- The registered certificate with this thumbprint, as DER.
local function certificate(thumbprint, dir)
   for i = 1, 100 do
      local file = io.open(dir .. "/certificates/" .. i .. ".pem")
      if not file then
         return nil
      end
      local text = file:read("*a")
      file:close()
      local der = ngx.decode_base64((text:match("BEGIN CERTIFICATE%-+(.-)%-+END") or ""):gsub("%s", ""))
      if der and ngx.sha1_bin(der) == thumbprint then
         return der
      end
   end
end

local function verified(der, signature, text)
   local bytes = ffi.new("const unsigned char *[1]", { ffi.cast("const unsigned char *", der) })
   local x509 = ffi.C.d2i_X509(nil, bytes, #der)
   if x509 == nil then
      return false
   end
   local key, context = ffi.C.X509_get_pubkey(x509), ffi.C.EVP_MD_CTX_new()
   local good = ffi.C.EVP_DigestVerifyInit(context, nil, ffi.C.EVP_sha256(), nil, key) == 1
      and ffi.C.EVP_DigestVerify(context, signature, #signature, text, #text) == 1
   ffi.C.EVP_MD_CTX_free(context)
   ffi.C.EVP_PKEY_free(key)
   ffi.C.X509_free(x509)
   return good
end

local function claims_refused(claims, config, url)
   local now = ngx.time()
   if claims.iss ~= config.client_id or claims.sub ~= config.client_id then
      return "iss and sub must be the client id"
   elseif claims.aud ~= url then
      return "aud must be " .. url
   end
   for _, name in ipairs { "iat", "nbf", "exp" } do
      if type(claims[name]) ~= "number" or claims[name] % 1 ~= 0 then
         return name .. " must be a whole number"
      end
   end
   if claims.exp <= now or claims.nbf > now + 5 or claims.iat > now + 5 then
      return "not valid now"
   elseif claims.exp - claims.iat > 300 then
      return "valid for more than five minutes"
   elseif type(claims.jti) ~= "string" or #claims.jti < 16 then
      return "jti must be a long random string"
   elseif used[claims.jti] then
      return "jti was used before"
   end
   used[claims.jti] = true
end

--- Why an assertion is refused, or nil when it is good.
---@param text string
---@param config table
---@param url string
---@return string? reason
function assertion.refusal(text, config, url)
   local head, body, signature = text:match("^([^.]+)%.([^.]+)%.([^.]+)$")
   local header, claims, bytes = object(head), object(body), signature and unpadded(signature)
   if not (header and claims and bytes) then
      return "not a JWT"
   elseif header.alg ~= "RS256" or header.typ ~= "JWT" then
      return "alg must be RS256 and typ JWT"
   end
   local thumbprint = type(header.x5t) == "string" and unpadded(header.x5t)
   local der = thumbprint and #thumbprint == 20 and certificate(thumbprint, config.dir)
   if not der then
      return "x5t is of no registered certificate"
   end
   local hex = thumbprint:gsub(".", function(c)
      return string.format("%02X", c:byte())
   end)
   if header.kid ~= hex then
      return "kid must be the thumbprint in upper-case hex"
   elseif not verified(der, bytes, head .. "." .. body) then
      return "wrong signature"
   end
   return claims_refused(claims, config, url)
end

return assertion
