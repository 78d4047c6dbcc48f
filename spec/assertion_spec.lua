-- lua/avepoint/elements/assertion.lua: the JWT by which a certificate's owner signs in, taken apart and verified by
-- others: luasocket's base64, lua-cjson, the openssl command.

local assertion = require("avepoint.elements.assertion")
local certificate = require("avepoint.elements.certificate")
local certs = require("spec.sandbox.certs")
local cjson = require("cjson")
local keeper = require("spec.sandbox.keeper")
local mime = require("mime")

local CLIENT, URL = "5c9f2f4e-0f4b-4a63-9a57-7d0b1b1f6f11", "https://identity.example/connect/token"
local RANDOM = "\0\1\2\3\4\5\6\7\8\9\xfa\xfb\xfc\xfd\xfe\xff"
local NOW = 1790000000

local dir, own

setup(function()
   dir = keeper.output("mktemp -d")
   certs.client(dir, "app")
   own = assert(certificate.load({ certificate = dir .. "/app.pem", private_key = dir .. "/app.key" }, os.time()))
end)

teardown(function()
   os.execute("rm -r " .. keeper.quote(dir))
end)

local function write(name, bytes)
   local file <close> = assert(io.open(dir .. "/" .. name, "wb"))
   file:write(bytes)
end

local function bytes_of(base64url)
   assert.is_nil(base64url:find("[^%w_-]"))
   return (mime.unb64((base64url:gsub("-", "+"):gsub("_", "/")) .. ("="):rep(-#base64url % 4)))
end

local function base64url_of(bytes)
   return bytes == "" and "" or (mime.b64(bytes):gsub("%+", "-"):gsub("/", "_"):gsub("=", ""))
end

-- A JWT's header, claims, signature, and the text that is signed.
local function parts(jwt)
   local text, head, claims, signature = jwt:match("^(([^.]+)%.([^.]+))%.([^.]+)$")
   return cjson.decode(bytes_of(head)), cjson.decode(bytes_of(claims)), bytes_of(signature), text
end

local function made(random, now, certificate_, client_id, url)
   return assertion.new(certificate_ or own, client_id or CLIENT, url or URL, now or NOW, random or RANDOM)
end

describe("assertion.base64url", function()
   it("security 17: gives RFC 4648's vectors without padding", function()
      for text, encoded in pairs {
         [""] = "", f = "Zg", fo = "Zm8", foo = "Zm9v", foob = "Zm9vYg", fooba = "Zm9vYmE", foobar = "Zm9vYmFy",
      } do
         assert.equal(encoded, assertion.base64url(text))
      end
   end)

   it("security 17: has - and _ for the two last of the alphabet", function()
      assert.equal("A-z_4ME", assertion.base64url("\3\xec\xff\xe0\xc1")) -- RFC 7515, C
      assert.equal("-_-_", assertion.base64url("\xfb\xff\xbf"))
      local bytes = "" -- the 64 values of six bits in a row
      for i = 0, 63, 4 do
         bytes = bytes .. (">I3"):pack(i << 18 | i + 1 << 12 | i + 2 << 6 | i + 3)
      end
      assert.equal("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", assertion.base64url(bytes))
   end)

   it("security 17: gives what another encoder gives, for bytes at random and of every length", function()
      local file <close> = assert(io.open("/dev/urandom", "rb"))
      for length = 1, 300 do
         local bytes = file:read(length)
         local encoded = assertion.base64url(bytes)
         assert.equal(base64url_of(bytes), encoded)
         assert.equal(bytes, bytes_of(encoded))
      end
   end)
end)

describe("assertion.new", function()
   it("security 17: has exactly these header fields", function()
      local der = keeper.output("openssl x509 -in " .. dir .. "/app.pem -outform DER | openssl dgst -sha1 -r"):match("^%x+")
      assert.equal(40, #der)
      local thumbprint = der:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
      assert.same({ alg = "RS256", typ = "JWT", kid = der:upper(), x5t = base64url_of(thumbprint) }, (parts(made())))
   end)

   it("security 17: has exactly these claims, five minutes from 30 seconds ago", function()
      local _, claims = parts(made())
      assert.same({
         iss = CLIENT, sub = CLIENT, aud = URL, jti = "00010203040506070809fafbfcfdfeff",
         iat = NOW - 30, nbf = NOW - 30, exp = NOW + 270,
      }, claims)
   end)

   it("security 17: writes times as whole numbers", function()
      for _, now in ipairs { NOW, 0, 2 ^ 33 | 0 } do
         local text = bytes_of(made(nil, now):match("^[^.]+%.([^.]+)"))
         for name, at in pairs { iat = now - 30, nbf = now - 30, exp = now + 270 } do
            assert.is_truthy((text .. ","):find(('"%s":%d[,}]'):format(name, at):gsub("%-", "%%-")), text)
         end
      end
   end)

   it("security 17: carries client ids and addresses whole", function()
      local client_id, url = [[a"b\c/d&{}<>'%+=]], "https://identity.example:8443/a%20b/c+d"
      local _, claims = parts(made(nil, nil, nil, client_id, url))
      assert.equal(client_id, claims.iss)
      assert.equal(client_id, claims.sub)
      assert.equal(url, claims.aud)
   end)

   it("security 17: is signed so that the openssl command verifies it with the certificate", function()
      certs.openssl(dir, "x509 -in app.pem -noout -pubkey -out app.pub")
      for i = 1, 10 do
         local _, _, signature, text = parts(made(nil, NOW + i))
         assert.equal(256, #signature)
         write("text", text)
         write("signature", signature)
         certs.openssl(dir, "dgst -sha256 -verify app.pub -signature signature text")
      end
      write("text", "x")
      assert.is_false((pcall(certs.openssl, dir, "dgst -sha256 -verify app.pub -signature signature text")))
   end)

   it("security 17: signs header and claims as they are sent, and nothing else", function()
      local signed = {}
      local jwt = made(nil, nil, {
         thumbprint = ("\xff"):rep(20),
         sign = function(text)
            signed[#signed + 1] = text
            return "\xfb\xff\xbf"
         end,
      })
      assert.equal(1, #signed)
      assert.equal(signed[1] .. ".-_-_", jwt)
      assert.same({ alg = "RS256", typ = "JWT", kid = ("F"):rep(40), x5t = "__________________________8" }, (parts(jwt)))
   end)

   it("security 18: has the random bytes it is given as jti, and differs with them alone", function()
      local one, other = made(("\xab"):rep(16)), made(("\xcd"):rep(16))
      local _, first = parts(one)
      local _, second = parts(other)
      assert.equal(("ab"):rep(16), first.jti)
      assert.equal(("cd"):rep(16), second.jti)
      first.jti, second.jti = nil, nil
      assert.same(first, second)
      assert.equal(made(("\xab"):rep(16)), one)
   end)

   it("is base64url in three parts", function()
      assert.is_nil(made():find("[^%w_.-]"))
      assert.equal(2, select(2, made():gsub("%.", "")))
   end)

   it("does not heed how others have set lua-cjson", function()
      local before = made()
      cjson.encode_number_precision(3)
      local after = made()
      cjson.encode_number_precision(14)
      assert.equal(parts(before).kid, parts(after).kid)
      assert.equal(NOW + 270, (select(2, parts(after))).exp)
   end)
end)
