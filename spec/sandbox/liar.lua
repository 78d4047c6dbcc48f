-- A server that lies: for the faults that no real HTTP library would send.
--    local liar = require("spec.sandbox.liar").start()
--    local base = liar:base { lie = "chunked_cut", run = liar:new_run(), page = 2, times = 1 }
-- Knobs in the path as with the sandbox: lie=NAME (lies.lua), arg=N for it, run=NAME, size=N users (250),
-- page=K and times=N (only this page, only the first N such requests are lied to; the rest is honest), and for exact bytes:
-- json=NAME (uploaded body), status=N, framing=length|short|chunked|chunked_end|close|raw, gzip=1, cut=N bytes of the body
-- (from the end when negative), finish=close|reset|hold|no_notify. short and chunked_end frame the cut bytes as if they were
-- all; raw sends the uploaded bytes alone: head and body are theirs.
-- Criteria: one process, any number of connections; checks nothing and writes everything down; never outlives its starter.

local keeper = require("spec.sandbox.keeper")
local knobs_path = require("spec.sandbox.knobs").path

local liar = {}

---@class Liar
---@field http string
---@field https string?  with options.tls
---@field ca_file string?
---@field refusing string  an address where nobody listens
---@field black_hole string  an address whose connections never come about
---@field mute string  accepts and says nothing; also with the https scheme, which then hangs in the handshake
---@field slam string  closes at the first bytes; slam_reset: resets then; babble: sends garbage at once
---@field customer_id string
---@field tenant_id string
local Liar = {}
Liar.__index = Liar

local ROOT = keeper.root(debug.getinfo(1, "S").source)

--- Starts a liar.
---@param options? table  tls: true for an https address too
---@return Liar
function liar.start(options)
   local socket = require("socket")
   local pair = require("spec.sandbox.tenant").PAIRS[1]
   local tls = options and options.tls
   local dir = keeper.folder(ROOT, "liar")
   if tls then
      local certs = require("spec.sandbox.certs")
      certs.authority(dir, "ca")
      certs.leaf(dir, "good")
   end
   local quote = keeper.quote
   local halt = keeper.start(dir, table.concat({
      "env LUA_PATH=" .. quote(ROOT .. "/?.lua;;"), quote(os.getenv("LUA") or "lua5.4"),
      quote(ROOT .. "/spec/sandbox/liar_server.lua"), quote(dir), keeper.starter(), tls and "tls" or "",
   }, " "))
   local deadline = socket.gettime() + 60
   local text
   repeat
      text = keeper.read(dir .. "/addresses")
      if not text then
         socket.sleep(0.005)
      end
   until text or socket.gettime() > deadline
   if not text then
      local why = keeper.read(dir .. "/stderr")
      halt()
      error("the liar did not start: " .. (why or ""), 2)
   end
   local self = setmetatable({
      halt = halt, dir = dir, runs = 0, uploads = 0, customer_id = pair.customer, tenant_id = pair.tenant,
      ca_file = tls and dir .. "/ca.pem" or nil, pid = keeper.number(dir .. "/server.pid"),
   }, Liar)
   for name, address in text:gmatch("([%w_]+)=(%S+)") do
      self[name] = address
   end
   return self
end

--- Ends it and removes its folder. May be called again.
function Liar:stop()
   self.halt()
end

Liar.__close = Liar.stop
Liar.__gc = Liar.stop

--- The base URL of the API with these knobs.
---@param knobs? table
---@param scheme? string  "http" (default) or "https"
---@return string
function Liar:base(knobs, scheme)
   return self[scheme or "http"] .. knobs_path(knobs) .. "/partner"
end

--- The token URL with these knobs: the honest answer is a token.
---@param knobs? table
---@param scheme? string
---@return string
function Liar:token_url(knobs, scheme)
   return self[scheme or "http"] .. knobs_path(knobs) .. "/identity/connect/token"
end

local function control(self, method, path, body)
   local connection = require("socket").tcp()
   connection:settimeout(30)
   assert(connection:connect("127.0.0.1", tonumber(self.http:match("%d+$"))))
   connection:send(("%s %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n"):format(method, path, #(body or "")))
   connection:send(body or "")
   local text = connection:receive("*a")
   connection:close()
   return (assert(text and text:match("^HTTP/1.1 200.-\r\n\r\n(.*)$"), "the liar does not answer"))
end

--- Keeps bytes that the knob json=NAME then serves.
---@param bytes string
---@return string name
function Liar:upload(bytes)
   self.uploads = self.uploads + 1
   local name = "body" .. self.uploads
   control(self, "PUT", "/json/" .. name, bytes)
   return name
end

--- A run's requests in the order in which they came: time (monotonic), connection, number (on its connection), method,
--- target, head, body, page, lie, sent (bytes), seconds, gone (the client closed or reset before the end).
---@param run? string
---@return table[]
function Liar:log(run)
   return require("cjson").decode(control(self, "GET", "/log?run=" .. (run or "default"))).requests
end

--- Every connection since the start: time, port (name), tls ("done", "failed"), received (bytes), requests, closed.
---@return table[]
function Liar:connections()
   return require("cjson").decode(control(self, "GET", "/log?run=default")).connections
end

--- How many requests a run has had.
---@param run? string
---@return integer
function Liar:count(run)
   return #self:log(run)
end

--- A run's name that was not given before.
---@return string
function Liar:new_run()
   self.runs = self.runs + 1
   return "run" .. self.runs
end

return liar
