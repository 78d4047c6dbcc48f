-- Starts the sandbox, the nginx stand-in for the service, for specs, the demo and the benchmark:
--    local sandbox = require("spec.sandbox.sandbox").start()
--    local base = sandbox:base { run = sandbox:new_run(), size = 1234 }      -- see service.lua for the knobs
-- or as a program, `lua5.4 spec/sandbox/sandbox.lua [DIR]`, which prints its addresses and runs until its
-- input closes or SIGINT or SIGTERM comes.
-- Criteria: real HTTP and TLS on 127.0.0.1 alone; any number at a time; gone when its starter is gone;
-- writes in its own folder only; runs as root and as anybody.

local here = debug.getinfo(1, "S").source
local as_program = arg and "@" .. tostring(arg[0]) == here
if as_program then
   package.path = (here:match("^@(.*)/spec/sandbox/[^/]*$") or here:match("^@spec/sandbox/") and "." or "../..")
      .. "/?.lua;" .. package.path
end

local socket = require("socket")

local certs = require("spec.sandbox.certs")
local conf = require("spec.sandbox.conf")
local keeper = require("spec.sandbox.keeper")
local knobs_path = require("spec.sandbox.knobs").path
local tenant = require("spec.sandbox.tenant")

local sandbox = {}

---@class Sandbox
---@field https string  "https://127.0.0.1:PORT"
---@field http string
---@field tls table<string, string>  further https addresses, by the names given in options.tls
---@field dir string
---@field ca_file string
---@field customer_id string
---@field tenant_id string
---@field second table  customer_id and tenant_id of another tenant
---@field token string  a bearer that is always good
---@field client_id string
---@field client_secret string
---@field pid integer  of nginx
local Sandbox = {}
Sandbox.__index = Sandbox

local ROOT = keeper.root(here)

local function free_ports(count)
   local ports, servers = {}, {}
   for i = 1, count do
      servers[i] = assert(socket.bind("127.0.0.1", 0))
      ports[i] = math.tointeger(tonumber((select(2, servers[i]:getsockname()))))
   end
   for _, server in ipairs(servers) do
      server:close()
   end
   return ports
end

-- One request without a HTTP library, since the answer may come from a stranger on our port.
local function get(port, path)
   local connection = socket.tcp()
   connection:settimeout(10)
   local text
   if connection:connect("127.0.0.1", port) then
      connection:send("GET " .. path .. " HTTP/1.0\r\n\r\n")
      text = connection:receive("*a")
   end
   connection:close()
   return text and text:match("^HTTP/1.1 200.-\r\n\r\n(.*)$")
end

local function random_text(bytes)
   local file = assert(io.open("/dev/urandom", "rb"))
   local text = file:read(bytes):gsub(".", function(c)
      return ("%02x"):format(c:byte())
   end)
   file:close()
   return text
end

-- Waits until nginx answers with our nonce; false when it could not have its ports.
local function ready(dir, port, nonce)
   local deadline = socket.gettime() + 60
   while socket.gettime() < deadline do
      if get(port, "/ready") == nonce then
         return true
      end
      local log = (keeper.read(dir .. "/error.log") or "") .. (keeper.read(dir .. "/stderr") or "")
      if log:find("Address already in use", 1, true) then
         return false
      elseif log:find("[emerg]", 1, true) or log:find("[error]", 1, true) or log:find("not found", 1, true) then
         return false, log
      end
      socket.sleep(0.01)
   end
   return false, "nginx does not answer"
end

local function write(path, text)
   local file = assert(io.open(path, "w"))
   file:write(text)
   file:close()
end

--- Starts a sandbox. Raises when nginx can't run here.
---@param options? table  dir: folder to use (made, and removed by stop); tls: kinds of leaves, or "tls11", to listen with
---@return Sandbox
function sandbox.start(options)
   options = options or {}
   local kinds = options.tls or {}
   local program, modules = conf.program()
   local starter = keeper.starter()
   for _ = 1, 20 do
      local dir = keeper.folder(ROOT, "sandbox", options.dir)
      certs.authority(dir, "ca")
      certs.leaf(dir, "good")
      assert(os.execute("mkdir -p " .. keeper.quote(dir .. "/certificates")))
      local ports, extra, tls = free_ports(2 + #kinds), {}, {}
      for i, kind in ipairs(kinds) do
         if kind ~= "tls11" then
            certs.leaf(dir, kind)
         end
         extra[kind] = ports[2 + i]
         tls[kind] = "https://127.0.0.1:" .. ports[2 + i]
      end
      local self = setmetatable({
         https = "https://127.0.0.1:" .. ports[1],
         http = "http://127.0.0.1:" .. ports[2],
         tls = tls,
         dir = dir,
         ca_file = dir .. "/ca.pem",
         customer_id = tenant.PAIRS[1].customer,
         tenant_id = tenant.PAIRS[1].tenant,
         second = { customer_id = tenant.PAIRS[2].customer, tenant_id = tenant.PAIRS[2].tenant },
         token = "sandbox-" .. random_text(24),
         client_id = "5c9f2f4e-0f4b-4a63-9a57-7d0b1b1f6f11",
         client_secret = "s3cret &=+%/ž~" .. random_text(8),
         port = ports[2],
         runs = 0,
         certificates = 0,
      }, Sandbox)
      write(dir .. "/nginx.conf", conf.text(setmetatable({
         root = ROOT, modules = modules, starter = starter, nonce = random_text(16),
         https_port = ports[1], http_port = ports[2],
      }, { __index = self }), extra))
      local nonce = keeper.read(dir .. "/nginx.conf"):match('nonce = "(%x+)"')
      local command = table.concat({ keeper.quote(program), "-p", keeper.quote(dir), "-e", keeper.quote(dir .. "/error.log"),
         "-c", keeper.quote(dir .. "/nginx.conf") }, " ")
      self.halt = keeper.start(dir, command)
      local good, why = ready(dir, ports[2], nonce)
      if good then
         self.pid = keeper.number(dir .. "/server.pid")
         return self
      end
      self.halt()
      if why then
         error("the sandbox did not start: " .. why, 2)
      end
   end
   error("the sandbox found no free ports", 2)
end

--- Ends nginx and removes the folder. May be called again.
function Sandbox:stop()
   self.halt()
end

Sandbox.__close = Sandbox.stop
Sandbox.__gc = Sandbox.stop

--- The base URL of the API with these knobs.
---@param knobs? table  values are texts, numbers, true, or lists of them
---@param scheme? string  "https" (default), "http", or one of options.tls
---@return string
function Sandbox:base(knobs, scheme)
   return (self.tls[scheme] or self[scheme or "https"]) .. knobs_path(knobs) .. "/partner"
end

--- The token URL with these knobs.
---@param knobs? table
---@param scheme? string
---@return string
function Sandbox:token_url(knobs, scheme)
   return (self.tls[scheme] or self[scheme or "https"]) .. knobs_path(knobs) .. "/identity/connect/token"
end

--- A run's name that was not given before.
---@return string
function Sandbox:new_run()
   self.runs = self.runs + 1
   return "run" .. self.runs
end

--- Everything about a run: requests, pages, tokens, in_flight, max_in_flight, now (monotonic seconds).
---@param run? string
---@return table
function Sandbox:report(run)
   local text = assert(get(self.port, "/log?run=" .. (run or "default")), "the sandbox is gone")
   return require("cjson").decode(text)
end

--- A run's requests in the order in which they came, each { time, kind, method, page, size, ids, status, seconds,
--- connection, in_flight, reason }; kind is "page", "token" or "other".
---@param run? string
---@return table[]
function Sandbox:log(run)
   return self:report(run).requests
end

--- How many requests a run has had.
---@param run? string
---@param kind? string  "page", "token", "other"; all when not given
---@return integer
function Sandbox:count(run, kind)
   local count = 0
   for _, entry in ipairs(self:log(run)) do
      if not kind or entry.kind == kind then
         count = count + 1
      end
   end
   return count
end

--- Forgets a run.
---@param run string
function Sandbox:reset(run)
   assert(get(self.port, "/reset?run=" .. run), "the sandbox is gone")
end

--- Lets a client sign in with this certificate (a PEM file; its private key signs the assertion).
---@param path string
function Sandbox:register(path)
   self.certificates = self.certificates + 1
   write(self.dir .. "/certificates/" .. self.certificates .. ".pem", assert(keeper.read(path), path))
end

if as_program then
   local running = sandbox.start { dir = arg[1] }
   keeper.attend({
      "https=" .. running.https, "http=" .. running.http, "base_url=" .. running:base(),
      "token_url=" .. running:token_url(), "ca_file=" .. running.ca_file, "token=" .. running.token,
      "customer_id=" .. running.customer_id, "tenant_id=" .. running.tenant_id, "client_id=" .. running.client_id,
      "client_secret=" .. running.client_secret,
   }, running.halt)
end

return sandbox
