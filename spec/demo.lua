-- demo: what `make demo` runs: avepoint-users against a sandbox tenant, a table and then CSV. README shows its output.
--
-- Nothing outlives it: the sandbox ends with the program that started it.

local keeper = require("spec.sandbox.keeper")
local sandbox = require("spec.sandbox.sandbox")

local quote = keeper.quote

local RUNS = {
   "list --max 8",
   "list --status high_risk medium_risk --fields displayName,mail,officePhone,status --format csv",
   "count",
}

local service <close> = sandbox.start()

local secret = service.dir .. "/secret"
assert(os.execute("umask 077; touch " .. quote(secret)))
local file = assert(io.open(secret, "w"))
file:write(service.client_secret)
file:close()

local environment = {}
for name, value in pairs {
   CLIENT_ID = service.client_id, CLIENT_SECRET_FILE = secret, CUSTOMER_ID = service.customer_id, TENANT_ID = service.tenant_id,
} do
   environment[#environment + 1] = "AVEPOINT_" .. name .. "=" .. quote(value)
end
table.sort(environment)

local address = table.concat({
   "", "--base-url", quote(service:base { size = 45, latency = 30 }), "--token-url", quote(service:token_url()),
   "--ca-file", quote(service.ca_file), "--proxy ''",
}, " ")

io.stdout:setvbuf("no")
local failed = false
for i, run in ipairs(RUNS) do
   print((i > 1 and "\n" or "") .. "$ avepoint-users " .. run)
   failed = not os.execute("env -u AVEPOINT_CLIENT_SECRET -u AVEPOINT_CERTIFICATE " .. table.concat(environment, " ")
      .. " lua/avepoint/elements/cli/avepoint-users " .. run .. address) or failed
end
os.exit(not failed, true)
