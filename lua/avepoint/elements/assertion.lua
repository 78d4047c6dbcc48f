-- assertion: the JWT by which a certificate's owner signs in (RFC 7523), as the vendor documents it.
--
-- Pure but for the signature: clock and random are passed in. RS256 whatever comes (RFC 8725, 3.1).

local cjson = require("cjson").new() -- nobody's settings reach us

local byte, format, gsub, upper = string.byte, string.format, string.gsub, string.upper
local sub = string.sub

local assertion = {}

local LIFE = 300 -- seconds from iat to exp; the vendor's sample, and the most that servers take
local BACKDATED = 30 -- seconds, for an identity server whose clock is a little behind

-- Whether `aud` wants the token URL or the issuer is not known; the vendor's sample has the token URL.
local function audience(token_url)
   return token_url
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

---Base64url without padding (RFC 7515, 2).
---@param bytes string
---@return string
function assertion.base64url(bytes)
   return (gsub(bytes, "..?.?", function(three)
      local a, b, c = byte(three, 1, 3)
      local n, text = a << 16 | (b or 0) << 8 | (c or 0), ""
      for i = 0, #three do
         local at = (n >> 18 - 6 * i & 63) + 1
         text = text .. sub(ALPHABET, at, at)
      end
      return text
   end))
end

local function hex(bytes)
   return (gsub(bytes, ".", function(c) return format("%02x", byte(c)) end))
end

---A new assertion: good for five minutes, once.
---@param certificate table as certificate.load gives it
---@param client_id string
---@param token_url string
---@param now integer seconds since the epoch
---@param random string 16 random bytes, of no other assertion
---@return string
function assertion.new(certificate, client_id, token_url, now, random)
   local issued = now - BACKDATED
   local head = cjson.encode {
      alg = "RS256", typ = "JWT", kid = upper(hex(certificate.thumbprint)),
      x5t = assertion.base64url(certificate.thumbprint),
   }
   local claims = cjson.encode {
      iss = client_id, sub = client_id, aud = audience(token_url), jti = hex(random),
      iat = issued, nbf = issued, exp = issued + LIFE,
   }
   local text = assertion.base64url(head) .. "." .. assertion.base64url(claims)
   return text .. "." .. assertion.base64url(certificate.sign(text))
end

return assertion
