-- Throw-away certificates for a sandbox, made with the openssl command when it starts.
-- Criteria: EC P-256, which takes milliseconds; a configuration of our own, since the machine's
-- openssl.cnf may add what we do not want; nothing outside the folder; leaves that are wrong in one
-- respect each, for the specs on TLS.

local keeper = require("spec.sandbox.keeper")

local certs = {}

local CONFIG = [[
[req]
distinguished_name = name
prompt = no
[name]
CN = %s
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = %s
]]

--- Runs the openssl command in a folder; raises with its words where it fails.
---@param dir string
---@param arguments string  as a shell takes them
function certs.openssl(dir, arguments)
   local errors = dir .. "/openssl.log"
   local done = os.execute("cd " .. keeper.quote(dir) .. " && openssl " .. arguments .. " >/dev/null 2>openssl.log </dev/null")
   if not done then
      error("openssl " .. arguments .. ": " .. (keeper.read(errors) or ""), 3)
   end
end

local openssl = certs.openssl

local function write(path, text)
   local file = assert(io.open(path, "w"))
   file:write(text)
   file:close()
end

-- Makes NAME.pem and NAME.key in dir; signed by ca (another such name), or by itself.
local function make(dir, name, section, common_name, names, ca, days)
   write(dir .. "/" .. name .. ".cnf", CONFIG:format(common_name, names))
   openssl(dir, ("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days %d -config %s.cnf "
      .. "-extensions %s -keyout %s.key -out %s.pem %s"):format(days, name, section, name, name,
      ca and ("-CA %s.pem -CAkey %s.key"):format(ca, ca) or ""))
   return dir .. "/" .. name .. ".pem", dir .. "/" .. name .. ".key"
end

local GOOD = "DNS:localhost,IP:127.0.0.1"

--- Makes a certificate authority.
---@param dir string
---@param name string  of the files NAME.pem and NAME.key
---@return string pem
---@return string key
function certs.authority(dir, name)
   return make(dir, name, "ca", "Sandbox CA " .. name, "DNS:ca.invalid", nil, 2)
end

--- What a leaf may be; each but good must make a client refuse the connection.
certs.LEAVES = {
   good = { names = GOOD },
   wrong_host = { names = "DNS:elsewhere.example,IP:127.0.0.2" },
   expired = { names = GOOD, days = -1 },
   self_signed = { names = GOOD, alone = true },
   unknown_ca = { names = GOOD, stranger = true },
}

--- Makes a leaf of one of the kinds in certs.LEAVES.
---@param dir string  with the authority "ca"
---@param kind string
---@return string pem
---@return string key
function certs.leaf(dir, kind)
   local leaf = assert(certs.LEAVES[kind], "no such leaf")
   local ca = not leaf.alone and "ca" or nil
   if leaf.stranger then
      certs.authority(dir, "stranger")
      ca = "stranger"
   end
   local pem, key
   if leaf.days then
      -- req refuses an end before the start; x509 does not
      write(dir .. "/" .. kind .. ".cnf", CONFIG:format("localhost", leaf.names))
      openssl(dir, ("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config %s.cnf -keyout %s.key -out %s.csr")
         :format(kind, kind, kind))
      openssl(dir, ("x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days %d -sha256 -extfile %s.cnf "
         .. "-extensions leaf -out %s.pem"):format(kind, leaf.days, kind, kind))
      pem, key = dir .. "/" .. kind .. ".pem", dir .. "/" .. kind .. ".key"
   else
      pem, key = make(dir, kind, "leaf", "localhost", leaf.names, ca, 2)
   end
   return pem, key
end

--- Makes an RSA key and a self-signed certificate for signing in with an assertion.
---@param dir string
---@param name string
---@param bits? integer  2048
---@return string pem
---@return string key
function certs.client(dir, name, bits)
   write(dir .. "/" .. name .. ".cnf", CONFIG:format(name, "DNS:client.invalid"))
   openssl(dir, ("req -x509 -newkey rsa:%d -nodes -sha256 -days 2 -config %s.cnf -keyout %s.key -out %s.pem")
      :format(bits or 2048, name, name, name))
   return dir .. "/" .. name .. ".pem", dir .. "/" .. name .. ".key"
end

return certs
