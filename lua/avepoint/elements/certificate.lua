-- certificate: an app's certificate and private key, from a PEM or PFX file, and what they sign.
--
-- Criteria: all that can be wrong with a file is said when the client is made, with what to do about it; luaossl is
-- asked for here alone, when a certificate is used; no key leaves this file, not even as a field.

local failure = require("avepoint.elements.failure")
local file = require("avepoint.elements.file")

local byte, find, format, gmatch, gsub, match = string.byte, string.find, string.format, string.gmatch, string.gsub,
   string.match
local date = os.date

local certificate = {}
certificate.__index = certificate
certificate.__name = "avepoint.elements.certificate"

local MIN_BITS = 2048 -- of the modulus; RFC 7518, 3.3
local MAX_BYTES = 1024 * 1024 -- of a file
local SKEW = 300 -- seconds that a certificate may be young too early: this machine's clock may be behind

-- What luaossl says, in one printable line, without the place in OpenSSL's source.
local function words(message)
   return failure.clean(match(failure.clean(tostring(message), 1024), "error:%x+:[^:]*:[^:]*:(.*)$") or tostring(message))
end

local function luaossl()
   local all = {}
   for _, name in ipairs { "digest", "pkcs12", "pkey", "rand", "x509" } do
      local ok, library = pcall(require, "openssl." .. name)
      if not ok then
         return nil, "signing in with a certificate needs luaossl (Debian, Fedora: lua-luaossl; Alpine: lua5.4-ossl; "
            .. "Homebrew and others: luarocks --lua-version 5.4 install luaossl): " .. failure.clean(tostring(library))
      end
      all[name] = library
   end
   return all
end

local function shell_word(path)
   path = failure.clean(path)
   return find(path, "[^%w%./_%-]") and "'" .. gsub(path, "'", "'\\''") .. "'" or path
end

-- The private key in a PEM. luaossl would make a key of its own out of nil, and ask the terminal for a password.
local function key_of_pem(ossl, text, what, from, certificate_from)
   local block = match(text, "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-.-%-%-%-%-%-END [%u ]*PRIVATE KEY%-%-%-%-%-")
   if not block then
      return nil, format("%s has no private key (PEM); give the file with both, or private_key beside it", what)
   elseif find(block, "ENCRYPTED", 1, true) then
      return nil, format("%s has an encrypted key, which can't be read as PEM; make a PFX of it and give "
         .. "certificate_password: openssl pkcs12 -export -inkey %s -in %s -out app.pfx", what, shell_word(from),
         shell_word(certificate_from))
   end
   local ok, key = pcall(ossl.pkey.new, block, "PEM")
   if not ok then
      return nil, format("the private key in %s can't be read: %s", what, words(key))
   end
   return key
end

local function key_flaw(key)
   local kind = key:type()
   if kind ~= "rsaEncryption" then
      return format("the private key is no RSA key (%s), and the service takes RS256 only; register an RSA certificate",
         failure.clean(tostring(kind), 32))
   end
   local modulus = key:getParameters().n:tobin()
   local bits, first = 8 * (#modulus - 1), byte(modulus)
   while first > 0 do
      bits, first = bits + 1, first >> 1
   end
   if bits < MIN_BITS then
      return format("the private key has %d bits, fewer than the %d that RS256 wants", bits, MIN_BITS)
   end
end

-- Does a certificate belong to the key? One of a chain may have a public key of a kind that this OpenSSL does not know.
local function belongs(crt, key)
   local ok, public = pcall(crt.getPublicKey, crt)
   return ok and public:toPEM("public") == key:toPEM("public")
end

-- The certificate in a PEM that belongs to the key: the file may hold its chain as well.
local function certificate_of_pem(ossl, text, key)
   local any, message = false, nil
   for block in gmatch(text, "%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-.-%-%-%-%-%-END CERTIFICATE%-%-%-%-%-") do
      local ok, crt = pcall(ossl.x509.new, block, "PEM")
      if not ok then
         message = words(crt)
      else
         any = true
         if belongs(crt, key) then
            return crt
         end
      end
   end
   return nil, any and "the certificate and the private key do not belong together"
      or message and "the certificate can't be read: " .. message
      or "no certificate (PEM) is in the file that certificate names"
end

local function of_pem(ossl, text, o)
   local key_text, what, from = text, "certificate", o.certificate
   if o.private_key then
      local message
      key_text, message = file.read(o.private_key, MAX_BYTES)
      if not key_text then
         return nil, "private_key can't be read: " .. failure.clean(message)
      end
      what, from = "private_key", o.private_key
   end
   local key, why = key_of_pem(ossl, key_text, what, from, o.certificate)
   if not key then
      return nil, why
   elseif o.certificate_password then
      return nil, "certificate_password is for a PFX, and certificate is a PEM that needs none; leave it out"
   end
   why = key_flaw(key)
   if why then
      return nil, why
   end
   local crt
   crt, why = certificate_of_pem(ossl, text, key)
   if not crt then
      return nil, why
   end
   return key, crt
end

local function of_pfx(ossl, text, o)
   local ok, key, crt = pcall(ossl.pkcs12.parse, text, o.certificate_password)
   if not ok then
      local message = words(key)
      if find(message, "mac verify failure", 1, true) then
         return nil, o.certificate_password and "certificate_password is not the password of the PFX"
            or "the PFX has a password; give certificate_password"
      elseif find(message, "unsupported", 1, true) then
         return nil, format("the PFX is encrypted in a way that this OpenSSL does not read; make it anew: openssl pkcs12 "
            .. "-legacy -in %s -nodes -out app.pem, then give app.pem", shell_word(o.certificate))
      end
      return nil, "certificate is neither a PEM nor a PFX (" .. message .. "); give one of these"
   elseif o.private_key then
      return nil, "private_key does not go with a PFX, which has its own"
   elseif not key or not crt then
      return nil, format("the PFX has no %s; export both into it", key and "certificate" or "private key")
   end
   local why = key_flaw(key)
   if why then
      return nil, why
   elseif not belongs(crt, key) then
      return nil, "the certificate and the private key do not belong together"
   end
   return key, crt
end

local function day(seconds)
   return date("!%Y-%m-%d", seconds // 1)
end

---Why a certificate can't be used at a time, or nil.
---@param now integer seconds since the epoch
---@return string?
function certificate:flaw(now)
   if now > self.not_after then
      return format("the certificate expired on %s; register a new one", day(self.not_after))
   elseif now < self.not_before - SKEW then
      return format("the certificate is not valid before %s; check this machine's clock", day(self.not_before))
   end
end

---Reads a certificate and its key, and checks that they can be used.
---@param o {certificate: string, private_key: string?, certificate_password: string?} paths, and a PFX's password
---@param now integer seconds since the epoch
---@return table? certificate `thumbprint` (SHA-1, 20 bytes), `sign(text)`: RS256, 256 bytes or more,
---`random(n)`: n bytes of OpenSSL's
---@return string? why not, and what to do
function certificate.load(o, now)
   local ossl, message = luaossl()
   if not ossl then
      return nil, message
   end
   local text
   text, message = file.read(o.certificate, MAX_BYTES)
   if not text then
      return nil, "certificate can't be read: " .. failure.clean(message)
   end
   local of = find(text, "-----BEGIN ", 1, true) and of_pem or of_pfx
   local key, crt = of(ossl, text, o)
   if not key then
      return nil, crt
   end
   local not_before, not_after = crt:getLifetime()
   local self = setmetatable({
      thumbprint = crt:digest("sha1", "s"),
      not_before = not_before, -- seconds since the epoch
      not_after = not_after,
      sign = function(data) -- a closure, so that no field holds the key
         local digest = ossl.digest.new("sha256")
         digest:update(data)
         return key:sign(digest)
      end,
      random = function(n)
         return ossl.rand.bytes(n)
      end,
   }, certificate)
   message = self:flaw(now)
   if message then
      return nil, message
   end
   local ok, why = pcall(self.sign, "") -- a key may have a good modulus and spoilt other numbers
   if not ok then
      return nil, "the private key can't sign: " .. words(why)
   end
   return self
end

return certificate
