-- lua/avepoint/elements/certificate.lua: files as the openssl command makes them, good and bad; what is signed with them
-- is verified by that command.

local certificate = require("avepoint.elements.certificate")
local certs = require("spec.sandbox.certs")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local sandbox, dir
local fingerprint -- of app.pem, as the openssl command tells it

local function read(name)
   return (assert(keeper.read(dir .. "/" .. name), name))
end

local function write(name, bytes)
   local file <close> = assert(io.open(dir .. "/" .. name, "wb"))
   file:write(bytes)
end

local function openssl(arguments, ...)
   certs.openssl(dir, arguments:format(...))
end

-- Makes NAME.key, a key of this kind, NAME.pem, its own certificate, and NAME.both with the two.
local function make(name, kind, days)
   write(name .. ".cnf", ("[req]\ndistinguished_name=name\nprompt=no\n[name]\nCN=%s\n"):format(name))
   openssl("req -new -newkey %s -nodes -config %s.cnf -keyout %s.key -out %s.csr", kind, name, name, name)
   openssl("x509 -req -in %s.csr -signkey %s.key -sha256 -days %d -out %s.pem", name, name, days or 2, name)
   write(name .. ".both", read(name .. ".key") .. read(name .. ".pem"))
end

-- Makes NAME.pfx of the first app's key and certificate.
local function pfx(name, arguments)
   openssl("pkcs12 -export -out %s.pfx %s", name, arguments)
end

setup(function()
   sandbox = sandboxes.start()
   dir = sandbox.dir
   make("app", "rsa:2048")
   make("other", "rsa:2048")
   make("third", "rsa:3072")
   openssl("x509 -in app.pem -noout -pubkey -out app.pub")
   fingerprint = keeper.output("openssl x509 -in " .. dir .. "/app.pem -noout -fingerprint -sha1"):match("=(.*)$")
   local BOTH = "-inkey app.key -in app.pem "
   pfx("current", BOTH .. "-passout 'pass:correct horse'")
   pfx("3des", BOTH .. "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -passout 'pass:correct horse'")
   pfx("utf8", BOTH .. "-passout 'pass:žluťoučký'")
   pfx("empty", BOTH .. "-passout pass:")
   pfx("open", BOTH .. "-keypbe NONE -certpbe NONE -nomac -passout pass:")
   pfx("chain", BOTH .. "-certfile other.pem -passout 'pass:correct horse'")
end)

teardown(function()
   sandbox:stop()
end)

-- Loads files of the folder, by their names there.
local function load(o, now)
   return certificate.load({
      certificate = o[1] and dir .. "/" .. o[1], private_key = o[2] and dir .. "/" .. o[2],
      certificate_password = o.password,
   }, now or os.time())
end

-- Why they are refused, without the folder's name. It is one printable line that shows neither key nor password.
local function why(o, now)
   local own, message = load(o, now)
   assert.is_nil(own)
   assert.is_nil(message:find("[%c]"), message)
   assert.is_truthy(utf8.len(message))
   for _, name in ipairs { o[1], o[2] } do
      for line in (keeper.read(dir .. "/" .. name) or ""):gmatch("[%w+/=]+") do
         assert.is_false(#line > 16 and message:find(line, 1, true) ~= nil, message)
      end
   end
   assert.is_false(#(o.password or "") > 3 and message:find(o.password, 1, true) ~= nil, message)
   return (message:gsub(dir:gsub("%p", "%%%0") .. "/", ""))
end

-- They make a certificate that is app's, and what it signs is verified with app.pem.
local function signs(o)
   local own = assert(load(o))
   write("text", "signed text")
   write("signature", own.sign("signed text"))
   openssl("dgst -sha256 -verify app.pub -signature signature text")
   local hex = own.thumbprint:gsub(".", function(c) return ("%02X:"):format(c:byte()) end)
   assert.equal(fingerprint, (hex:gsub(":$", "")))
end

describe("certificate.load takes", function()
   it("a PEM with key and certificate, in either order", function()
      signs { "app.both" }
      write("turned.pem", read("app.pem") .. read("app.key"))
      signs { "turned.pem" }
   end)

   it("a PEM with a certificate, and private_key beside it", function()
      signs { "app.pem", "app.key" }
   end)

   it("the key of private_key where the certificate's file has another", function()
      write("mixed.pem", read("other.key") .. read("app.pem"))
      signs { "mixed.pem", "app.key" }
   end)

   it("keys as PKCS#1 and as PKCS#8", function()
      openssl("rsa -in app.key -traditional -out pkcs1.key")
      openssl("pkcs8 -topk8 -nocrypt -in app.key -out pkcs8.key")
      assert.matches("^%-%-%-%-%-BEGIN RSA PRIVATE KEY%-%-%-%-%-", read("pkcs1.key"))
      assert.matches("^%-%-%-%-%-BEGIN PRIVATE KEY%-%-%-%-%-", read("pkcs8.key"))
      signs { "app.pem", "pkcs1.key" }
      signs { "app.pem", "pkcs8.key" }
   end)

   it("a PEM with a chain, whatever its order", function()
      local key, own, one, two = read("app.key"), read("app.pem"), read("other.pem"), read("third.pem")
      for _, text in ipairs { own .. one .. two, one .. own .. two, one .. two .. own } do
         write("chain.pem", key .. text)
         signs { "chain.pem" }
         write("chain.pem", text .. key)
         signs { "chain.pem" }
      end
   end)

   it("a chain that has a certificate with a public key of an unknown kind", function()
      openssl("x509 -in other.pem -outform DER -out other.der")
      local rsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
      local der = read("other.der")
      local at = assert(der:find(rsa, 1, true))
      write("odd.der", der:sub(1, at + 7) .. "\x7f" .. der:sub(at + 9))
      write("odd.pem", "-----BEGIN CERTIFICATE-----\n" .. keeper.output("openssl base64 -in " .. dir .. "/odd.der")
         .. "\n-----END CERTIFICATE-----\n")
      write("chain.pem", read("app.key") .. read("odd.pem") .. read("app.pem"))
      signs { "chain.pem" }
      assert.equal("the certificate and the private key do not belong together", why { "odd.pem", "app.key" })
   end)

   it("a PEM with other text in it and lines that end as on Windows", function()
      openssl("pkcs12 -in current.pfx -passin 'pass:correct horse' -nodes -out bags.pem")
      assert.matches("Bag Attributes", read("bags.pem"))
      signs { "bags.pem" }
      write("windows.pem", (read("bags.pem"):gsub("\n", "\r\n")))
      signs { "windows.pem" }
      write("bom.pem", "\xef\xbb\xbf" .. read("app.both"))
      signs { "bom.pem" }
   end)

   it("a PFX as OpenSSL makes them now, one with 3DES, and one with a chain", function()
      signs { "current.pfx", password = "correct horse" }
      signs { "3des.pfx", password = "correct horse" }
      signs { "chain.pfx", password = "correct horse" }
      signs { "utf8.pfx", password = "žluťoučký" }
   end)

   it("a PFX with an empty password, given or not, or with none", function()
      signs { "empty.pfx" }
      signs { "empty.pfx", password = "" }
      signs { "open.pfx" }
      signs { "open.pfx", password = "" }
   end)

   it("keys of more than 2048 bits", function()
      assert(load { "third.both" })
      assert.equal(384, #load({ "third.both" }).sign("text"))
   end)
end)

describe("fault 65: certificate.load refuses", function()
   it("a PEM without a private key", function()
      local NONE = " has no private key (PEM); give the file with both, or private_key beside it"
      assert.equal("certificate" .. NONE, why { "app.pem" })
      assert.equal("private_key" .. NONE, why { "app.pem", "app.pem" })
      write("text.pem", "not a key\n")
      assert.equal("private_key" .. NONE, why { "app.both", "text.pem" })
   end)

   it("a public key", function()
      openssl("pkey -in app.key -pubout -out public.key")
      write("public.pem", read("public.key") .. read("app.pem"))
      assert.equal("certificate has no private key (PEM); give the file with both, or private_key beside it",
         why { "public.pem" })
      assert.equal("private_key has no private key (PEM); give the file with both, or private_key beside it",
         why { "app.pem", "public.key" })
   end)

   it("a PEM without a certificate", function()
      assert.equal("no certificate (PEM) is in the file that certificate names", why { "app.key" })
      assert.equal("no certificate (PEM) is in the file that certificate names", why { "other.key", "app.key" })
   end)

   local KINDS = {
      ["id-ecPublicKey"] = "ec -pkeyopt ec_paramgen_curve:P-256", ["RSASSA-PSS"] = "rsa-pss -pkeyopt rsa_keygen_bits:2048",
      ED25519 = "ed25519",
   }
   for kind, how in pairs(KINDS) do
      it("a key of the kind " .. kind, function()
         make("kind", how)
         local NO_RSA = "the private key is no RSA key (" .. kind .. "), and the service takes RS256 only; register an RSA "
            .. "certificate"
         assert.equal(NO_RSA, why { "kind.both" })
         pfx("kind", "-inkey kind.key -in kind.pem -passout pass:xyzzy")
         assert.equal(NO_RSA, why { "kind.pfx", password = "xyzzy" })
      end)
   end

   for _, bits in ipairs { 512, 1024, 2047 } do
      it("a key of " .. bits .. " bits", function()
         make("small", "rsa:" .. bits)
         local SMALL = ("the private key has %d bits, fewer than the 2048 that RS256 wants"):format(bits)
         assert.equal(SMALL, why { "small.both" })
         pfx("small", "-inkey small.key -in small.pem -passout pass:xyzzy")
         assert.equal(SMALL, why { "small.pfx", password = "xyzzy" })
      end)
   end

   it("a key and a certificate that do not belong together", function()
      local APART = "the certificate and the private key do not belong together"
      assert.equal(APART, why { "app.pem", "other.key" })
      write("apart.pem", read("other.key") .. read("app.pem") .. read("third.pem"))
      assert.equal(APART, why { "apart.pem" })
   end)

   it("a key whose numbers don't fit together, so that it can't sign", function()
      openssl("rsa -in app.key -traditional -outform DER -out app.der")
      local der, at, numbers = read("app.der"), 5, {}
      while at <= #der do -- INTEGERs: version, n, e, d, p, q, …
         local size = der:byte(at + 1)
         local from = at + 2
         if size == 0x82 then
            size, from = (">I2"):unpack(der, from), from + 2
         elseif size == 0x81 then
            size, from = der:byte(from), from + 1
         end
         numbers[#numbers + 1] = der:sub(at, from + size - 1)
         at = from + size
      end
      assert.equal(9, #numbers)
      numbers[5] = "\2\1\0" -- p is 0
      local body = table.concat(numbers)
      write("spoilt.der", "\x30\x82" .. (">I2"):pack(#body) .. body)
      certs.openssl(dir, "base64 -in spoilt.der -out spoilt.b64")
      write("spoilt.key", "-----BEGIN RSA PRIVATE KEY-----\n" .. read("spoilt.b64") .. "-----END RSA PRIVATE KEY-----\n")
      assert.matches("^the private key can't sign: ", why { "app.pem", "spoilt.key" })
   end)

   it("a certificate that has expired, however good its key", function()
      make("expired", "rsa:2048", -1)
      local told = keeper.output("openssl x509 -in " .. dir .. "/expired.pem -noout -enddate -dateopt iso_8601")
      local EXPIRED = "the certificate expired on " .. told:match("%d+%-%d+%-%d+") .. "; register a new one"
      assert.equal(EXPIRED, why { "expired.both" })
      pfx("expired", "-inkey expired.key -in expired.pem -passout pass:xyzzy")
      assert.equal(EXPIRED, why { "expired.pfx", password = "xyzzy" })
   end)

   it("a certificate after its last second, and before its first by more than clocks differ", function()
      local own = assert(load { "app.both" })
      local function day(seconds)
         return os.date("!%Y-%m-%d", seconds)
      end
      local first, last = own.not_before // 1 | 0, own.not_after // 1 | 0
      assert.equal(2 * 86400, last - first)
      assert(load({ "app.both" }, last))
      assert.equal("the certificate expired on " .. day(last) .. "; register a new one", why({ "app.both" }, last + 1))
      assert(load({ "app.both" }, first - 300))
      assert.equal("the certificate is not valid before " .. day(first) .. "; check this machine's clock",
         why({ "app.both" }, first - 301))
      assert.is_nil(own:flaw(last))
      assert.equal("the certificate expired on " .. day(last) .. "; register a new one", own:flaw(last + 1))
   end)

   it("a PFX with another password", function()
      for _, password in ipairs { "", "correct", "correct horse ", "Correct horse" } do
         assert.equal("certificate_password is not the password of the PFX", why { "current.pfx", password = password })
         assert.equal("certificate_password is not the password of the PFX", why { "3des.pfx", password = password })
      end
      assert.equal("certificate_password is not the password of the PFX", why { "empty.pfx", password = "x" })
   end)

   it("a PFX whose password is not given", function()
      assert.equal("the PFX has a password; give certificate_password", why { "current.pfx" })
      assert.equal("the PFX has a password; give certificate_password", why { "current.pfx", "app.key" })
   end)

   it("a PFX without key or without certificate", function()
      pfx("keyless", "-nokeys -in app.pem -passout pass:xyzzy")
      pfx("bare", "-nocerts -inkey app.key -passout pass:xyzzy")
      assert.equal("the PFX has no private key; export both into it", why { "keyless.pfx", password = "xyzzy" })
      assert.equal("the PFX has no certificate; export both into it", why { "bare.pfx", password = "xyzzy" })
   end)

   it("a PFX with private_key", function()
      assert.equal("private_key does not go with a PFX, which has its own",
         why { "current.pfx", "app.key", password = "correct horse" })
   end)

   it("a PEM with certificate_password", function()
      assert.equal("certificate_password is for a PFX, and certificate is a PEM that needs none; leave it out",
         why { "app.both", password = "correct horse" })
      assert.equal("certificate_password is for a PFX, and certificate is a PEM that needs none; leave it out",
         why { "app.pem", "app.key", password = "" })
   end)

   it("a PFX with RC2, as old Windows makes them, with an openssl line that makes a PEM of it", function()
      pfx("rc2", "-legacy -inkey app.key -in app.pem -passout 'pass:correct horse'")
      local message = why { "rc2.pfx", password = "correct horse" }
      assert.equal("the PFX is encrypted in a way that this OpenSSL does not read; make it anew: openssl pkcs12 -legacy -in "
         .. "rc2.pfx -nodes -out app.pem, then give app.pem", message)
      openssl("%s -passin 'pass:correct horse'", message:match("openssl (.-) %-out app.pem") .. " -out anew.pem")
      signs { "anew.pem" }
   end)

   local function encrypted(key, from, certificate_from)
      openssl(key)
      write("encrypted.pem", read("encrypted.key") .. read("app.pem"))
      local message = why(from)
      local what = from[2] and "private_key" or "certificate"
      local line = ("openssl pkcs12 -export -inkey %s -in %s -out app.pfx"):format(from[2] or from[1], certificate_from)
      assert.equal(what .. " has an encrypted key, which can't be read as PEM; make a PFX of it and give "
         .. "certificate_password: " .. line, message)
      openssl("%s -passin pass:old -passout pass:new", line:match("openssl (.*)"))
      signs { "app.pfx", password = "new" }
   end

   it("a PEM with an encrypted key, with an openssl line that makes a PFX of it", function()
      for _, key in ipairs {
         "pkcs8 -topk8 -v2 aes256 -in app.key -passout pass:old -out encrypted.key",
         "rsa -aes256 -traditional -in app.key -passout pass:old -out encrypted.key",
         "rsa -des3 -traditional -in app.key -passout pass:old -out encrypted.key",
      } do
         encrypted(key, { "encrypted.pem" }, "encrypted.pem")
         encrypted(key, { "encrypted.pem", password = "old" }, "encrypted.pem")
         encrypted(key, { "app.pem", "encrypted.key" }, "app.pem")
      end
   end)

   it("a PEM with an encrypted key in a folder with an odd name, with a line that the shell takes", function()
      openssl("pkcs8 -topk8 -v2 aes256 -in app.key -passout pass:old -out encrypted.key")
      local odd = dir .. "/it's $(here) & \"there\""
      assert(os.execute("mkdir -p " .. keeper.quote(odd)))
      local path = odd .. "/my app.pem"
      local file <close> = assert(io.open(path, "w"))
      file:write(read("encrypted.key"), read("app.pem"))
      file:flush()
      local _, message = certificate.load({ certificate = path }, os.time())
      openssl("%s -passin pass:old -passout pass:new", message:match("certificate_password: openssl (.*)$"))
      signs { "app.pfx", password = "new" }
   end)

   it("a file that can't be read", function()
      assert.equal("certificate can't be read: none.pem: No such file or directory", why { "none.pem" })
      assert.equal("private_key can't be read: none.key: No such file or directory", why { "app.pem", "none.key" })
      assert.equal("certificate can't be read: certificates: Is a directory", why { "certificates" })
      assert.equal("private_key can't be read: certificates: Is a directory", why { "app.pem", "certificates" })
   end)

   it("a file that is empty or has more than a MiB", function()
      write("empty", "")
      write("large", read("app.both") .. ("\n"):rep(1 << 20))
      assert.equal("certificate can't be read: empty is empty", why { "empty" })
      assert.equal("private_key can't be read: empty is empty", why { "app.pem", "empty" })
      assert.equal("certificate can't be read: large has more than 1048576 bytes", why { "large" })
      assert.equal("private_key can't be read: large has more than 1048576 bytes", why { "app.pem", "large" })
   end)

   it("a file of another sort", function()
      openssl("x509 -in app.pem -outform DER -out app.der")
      assert.equal("certificate is neither a PEM nor a PFX (wrong tag); give one of these", why { "app.der" })
      assert.equal("certificate is neither a PEM nor a PFX (wrong tag); give one of these", why { "app.der", "app.key" })
      write("junk", "\0\27[2J\7\r\n\xff\xfe" .. ("\xe9\0"):rep(5000))
      assert.equal("certificate is neither a PEM nor a PFX (wrong tag); give one of these", why { "junk" })
      assert.equal("private_key has no private key (PEM); give the file with both, or private_key beside it",
         why { "app.pem", "junk" })
   end)

   it("blocks of a PEM that hold something else", function()
      local key = "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n"
      write("broken.key", key:format("AAAA"))
      assert.matches("^the private key in private_key can't be read: %l[%w ]+$", why { "app.pem", "broken.key" })
      write("broken.pem", key:format("\27[2J") .. read("app.pem"))
      assert.matches("^the private key in certificate can't be read: %l[%w ]+$", why { "broken.pem" })
      write("broken.pem", (read("app.pem"):gsub("\nM.-\n", "\nAAAA\n")))
      assert.matches("^the certificate can't be read: %l[%w ]+$", why { "broken.pem", "app.key" })
   end)

   it("or takes files with bytes changed at random, and raises for none", function()
      local state = 7
      local function random(n)
         state = state * 6364136223846793005 + 1442695040888963407
         return (state >> 33) % n + 1
      end
      local refused = 0
      for round = 1, 200 do
         local from = round % 2 == 0 and "open.pfx" or "app.both"
         local text = read(from)
         for _ = 1, random(3) do
            local at = random(#text)
            text = text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + random(2))
         end
         write("changed", round % 5 == 0 and text:sub(1, random(#text)) or text)
         if not load { "changed" } then
            refused = refused + 1
            why { "changed" }
         end
      end
      assert.is_true(refused > 50, refused)
   end)
end)

describe("fault 65: a client whose certificate is refused", function()
   it("is nil and an error of kind config, before any request", function()
      local run = sandbox:new_run()
      local base, token_url = sandbox:base { run = run }, sandbox:token_url { run = run }
      for name, text in pairs {
         ["app.pem"] = "certificate has no private key (PEM); give the file with both, or private_key beside it",
         ["current.pfx"] = "the PFX has a password; give certificate_password",
         ["none.pem"] = "certificate can't be read: " .. dir .. "/none.pem: No such file or directory",
      } do
         local client, err = elements.client {
            client_id = sandbox.client_id, certificate = dir .. "/" .. name, base_url = base, token_url = token_url,
            ca_file = sandbox.ca_file, proxy = "",
         }
         assert.is_nil(client)
         assert.is_true(elements.is_error(err))
         assert.equal("config", err.kind)
         assert.is_false(err.retryable)
         assert.equal("config: " .. text, tostring(err))
      end
      assert.equal(0, sandbox:count(run))
   end)
end)

describe("security 14: a certificate", function()
   it("shows neither key nor password by tostring, fields or pairs, nor does a client that has it", function()
      local own = assert(load { "current.pfx", password = "correct horse" })
      local client <close> = assert(elements.client {
         client_id = sandbox.client_id, certificate = dir .. "/current.pfx", certificate_password = "correct horse",
         base_url = sandbox:base(), token_url = sandbox:token_url(), ca_file = sandbox.ca_file, proxy = "",
      })
      assert.matches("^avepoint%.elements%.certificate: ", tostring(own))
      local secrets = { "correct horse" }
      for line in read("app.key"):gmatch("[%w+/=]+") do
         secrets[#secrets + 1] = #line > 16 and line or nil
      end
      assert.is_true(#secrets > 20)
      for _, secret in ipairs(secrets) do
         assert.is_nil(walks.reveals(own, secret))
         assert.is_nil(walks.reveals(client, secret))
      end
      for name, value in pairs(own) do
         assert.is_true(name == "thumbprint" or type(value) == "number" or type(value) == "function", name)
      end
   end)

   it("security 18: has random bytes that are not Lua's", function()
      local own = assert(load { "app.both" })
      math.randomseed(1)
      local one = own.random(16)
      math.randomseed(1)
      local other = own.random(16)
      math.randomseed()
      assert.equal(16, #one)
      assert.equal(16, #other)
      assert.not_equal(one, other)
   end)
end)

describe("fault 61: without luaossl", function()
   local WITHOUT = [[
for i, searcher in ipairs(package.searchers) do
   package.searchers[i] = function(name)
      return name:find("^_?openssl") and "\n\tno luaossl \27[2Jhere" or searcher(name)
   end
end
]]

   local function run(options)
      return (walks.run(sandbox, WITHOUT .. ([[
local elements = require("avepoint.elements")
local client, err = elements.client { base_url = %q, token_url = %s, ca_file = %q, proxy = "", %s }
print(err or client:tenant(%q, %q):count())
for name in pairs(package.loaded) do
   assert(not name:find("openssl"), name)
end
]]):format(sandbox:base(), options:find("token =") and "nil" or ("%q"):format(sandbox:token_url()), sandbox.ca_file, options,
         sandbox.customer_id, sandbox.tenant_id)))
   end

   it("a client with a certificate is an error of kind config that names the packages", function()
      assert.equal("config: signing in with a certificate needs luaossl (Debian, Fedora: lua-luaossl; Alpine: "
         .. "lua5.4-ossl; Homebrew and others: luarocks --lua-version 5.4 install luaossl): "
         .. "module 'openssl.digest' not found: no luaossl \\x1b[2Jhere no luaossl \\x1b[2Jhere "
         .. "no luaossl \\x1b[2Jhere no luaossl \\x1b[2Jhere\n", run(("client_id = %q, certificate = %q"):format(
         sandbox.client_id, dir .. "/app.both")))
   end)

   it("clients with a secret or a token work and do not ask for it", function()
      assert.equal("250\n", run(("client_id = %q, client_secret = %q"):format(sandbox.client_id, sandbox.client_secret)))
      assert.equal("250\n", run(("token = %q"):format(sandbox.token)))
   end)
end)

describe("with luaossl", function()
   it("clients with a secret or a token do not load it either", function()
      local output = walks.run(sandbox, walks.script(sandbox, {}, "") .. ([[
print(tenant:count())
local other = assert(elements.client {
   client_id = %q, client_secret = %q, base_url = %q, token_url = %q, ca_file = %q, proxy = "",
})
print(other:tenant(tenant.customer_id, tenant.tenant_id):count())
for name in pairs(package.loaded) do
   assert(not name:find("openssl"), name)
end
]]):format(sandbox.client_id, sandbox.client_secret, sandbox:base(), sandbox:token_url(), sandbox.ca_file))
      assert.equal("250\n250\n", output)
   end)
end)
