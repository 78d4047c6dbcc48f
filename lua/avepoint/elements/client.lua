-- client: one service address, one credential, one engine.
--
-- Options are checked here, before anything is opened; what is of the right type but unusable is a `config` error.

local check = require("avepoint.elements.check")
local core = require("avepoint.elements.core")
local credential = require("avepoint.elements.credential")
local engine = require("avepoint.elements.engine")
local failure = require("avepoint.elements.failure")
local file = require("avepoint.elements.file")
local pace = require("avepoint.elements.pace")
local tenant = require("avepoint.elements.tenant")
local token = require("avepoint.elements.token")
local wire = require("avepoint.elements.wire")

local find, format, lower, match = string.find, string.format, string.lower, string.match
local random, tointeger = math.random, math.tointeger
local time = os.time

---One service address, one credential, one connection pool; made by `elements.client`.
---@class avepoint.Client
---@field private base table
---@field private concurrency integer
---@field private engine table
local client = {}
---@private
client.__index = client
---@private
client.__name = "avepoint.Client"

---One credential, and how to reach the service.
---@class avepoint.ClientOptions: avepoint.Credential
---@field timeout? number seconds an attempt may take, 60 by default
---@field connect_timeout? number seconds until a connection stands, 10 by default
---@field concurrency? integer requests at once for all walks, 1 to 32, 8 by default
---@field max_attempts? integer attempts a page, 1 to 100, 8 by default; 429s do not count; 1 switches repeats off
---@field ca_file? string path of a PEM with the authorities to trust, instead of the system's
---@field proxy? string URL (http, https, socks4, socks4a, socks5, socks5h), "" for none; whatever the environment says
---@field user_agent? string printable ASCII, at most 256 bytes
---@field on_event? fun(event: avepoint.Event) hears what the client does; may yield; what it raises ends the walk
---@field wait? fun(fd: integer, seconds: number) returns when fd is readable or the time is over; may yield

local TIMEOUT, CONNECT_TIMEOUT = 60, 10 -- seconds an attempt
local STALL_TIMEOUT = 30 -- seconds without a byte once an answer began
local MAX_CA_FILE = 64 * 1024 * 1024 -- bytes
local USER_AGENT = "avepoint-elements/" .. require("avepoint.elements.version") .. " (Lua)"

-- libcurl's words for proxies; without one it is http.
local PROXY_SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }

local function proxy(v)
   if type(v) ~= "string" then
      return "a string"
   elseif v ~= "" then
      local scheme, rest = match(v, "^(%a%w*)://(.*)$")
      if scheme and not PROXY_SCHEMES[lower(scheme)] or not core.url("http://" .. (rest or v)) then
         return "a URL (http, https, socks4, socks4a, socks5 or socks5h) or \"\"", true
      end
   end
end

local function user_agent(v)
   if type(v) ~= "string" or #v > 256 or find(v, "[^\x20-\x7e]") or v == "" then
      return "printable ASCII, at most 256 bytes"
   end
end

local RULES = {
   timeout = check.seconds(),
   connect_timeout = check.seconds(),
   concurrency = check.integer(1, 32),
   max_attempts = check.integer(1, 100),
   ca_file = check.path,
   proxy = proxy,
   user_agent = user_agent,
   on_event = check.type("function"),
   wait = check.type("function"),
}

for name, rule in pairs(credential.RULES) do
   RULES[name] = rule
end

---Opens a client; sends nothing. Raises on an option that is unknown, of the wrong type or out of range, on two credentials
---or none, and on a secret for a `base_url` that is none of AvePoint's hosts without a `token_url`.
---@private
---@param options avepoint.ClientOptions
---@return avepoint.Client? client nil where an option of the right type can't be used, such as a file that can't be read
---@return avepoint.Error? err then, of the kind `config`
function client.new(options)
   local level = 2
   local o = check.fields("client", options, RULES, level)
   local base = credential.check(o, level)
   if o.ca_file then
      local text, message = file.read(o.ca_file, MAX_CA_FILE)
      if not text then
         return nil, failure.new("config", "ca_file can't be read: " .. failure.clean(message))
      elseif not find(text, "%-%-%-%-%-BEGIN [%w ]-CERTIFICATE%-%-%-%-%-") then
         return nil, failure.new("config", "ca_file holds no certificate (PEM); give one that has the authorities to trust")
      end
   end
   local source, err = credential.source(o, time)
   if not source then
      return nil, err
   end
   local concurrency = tointeger(o.concurrency or pace.CONCURRENCY)
   local handle, message = core.open {
      slots = concurrency + 1, -- one more for the token's request
      timeout = o.timeout or TIMEOUT,
      connect_timeout = o.connect_timeout or CONNECT_TIMEOUT,
      stall_timeout = STALL_TIMEOUT,
      user_agent = o.user_agent or USER_AGENT,
      ca_file = o.ca_file,
      proxy = o.proxy,
   }
   if not handle then
      return nil, failure.new("config", "libcurl can't be set up: " .. failure.clean(message))
   end
   local self = setmetatable({ base = base, concurrency = concurrency }, client)
   local max_attempts = tointeger(o.max_attempts)
   self.engine = engine.new {
      handle = handle,
      pace = pace.new { concurrency = concurrency, max_attempts = max_attempts, random = random },
      token = token.new(source, { max_attempts = max_attempts, random = random }),
      wait = o.wait,
      on_event = o.on_event,
      now = core.now,
      wall = time,
   }
   return self
end

---A customer's tenant. Sends nothing. Raises on an id that can't stand in a path.
---@param customer_id string letters, digits, ".", "_" and "-", at most 128; the service has GUIDs
---@param tenant_id string likewise
---@return avepoint.Tenant
function client:tenant(customer_id, tenant_id)
   check.method(client, self, "client:tenant(customer_id, tenant_id)", 2)
   check.path_id("tenant", "customer id", customer_id, 2)
   check.path_id("tenant", "tenant id", tenant_id, 2)
   return setmetatable({
      customer_id = customer_id,
      tenant_id = tenant_id,
      concurrency = self.concurrency,
      engine = self.engine,
      endpoint = {
         url = wire.endpoint(self.base.url, customer_id, tenant_id), cleartext = self.base.cleartext,
      },
   }, tenant)
end

---The one descriptor of the client, readable when a walk has something to do; for a `wait` function. It is neither to be
---read nor closed. Raises where the client is closed, or belongs to the parent process.
---@return integer fd
function client:fd()
   check.method(client, self, "client:fd()", 2)
   self.engine:check()
   return self.engine.handle:fd()
end

---Closes the client and its walks; what is in flight is withdrawn. May be called again; never raises. A `<close>` variable
---does the same.
function client:close()
   check.method(client, self, "client:close()", 2)
   self.engine:close()
end

---@private
client.__close = client.close

---@private
function client:__tostring()
   return format("avepoint.Client (%s)", self.base.host)
end

return client
