-- A connection of the liar: methods that look as if they blocked and in truth yield to the loop what
-- they wait for: "read", "write" or nil, and until when.
-- Criteria: bytes go out as given; no method lets a descriptor be closed twice.

local socket = require("socket")

local has_system, system = pcall(require, "system")

local Connection = {}
Connection.__index = Connection

--- Monotonic seconds, as the sandbox's log has them.
Connection.clock = has_system and system.monotime or socket.gettime

local clock = Connection.clock

-- A socket object that is lent the descriptor of another for a moment: TLS objects have neither
-- shutdown nor options. Only one that was told to connect has these methods.
local knife = assert(socket.tcp4())
knife:settimeout(0)
knife:connect("127.0.0.1", 9)
local own = knife:getfd()

local function below(c, method, ...)
   knife:setfd(c.socket:getfd())
   knife[method](knife, ...)
   knife:setfd(own)
end

--- A new connection.
---@param client table  socket
---@param log table  what is written down of it
function Connection.new(client, log)
   client:settimeout(0)
   client:setoption("tcp-nodelay", true)
   return setmetatable({ socket = client, buffer = "", requests = 0, log = log, since = 0 }, Connection)
end

function Connection:send(bytes)
   local from = 1
   while from <= #bytes do
      local last, why, part = self.socket:send(bytes, from)
      if not last and why ~= "timeout" and why ~= "wantwrite" and why ~= "wantread" then
         error("gone", 0)
      end
      local now = last or part or from - 1
      if self.entry then
         self.entry.sent = self.entry.sent + now - from + 1
      end
      self.since = self.since + now - from + 1
      from = now + 1
      if not last then
         self.since = 0
         coroutine.yield(why == "wantread" and "read" or "write")
      elseif self.since > 1000000 then
         -- a fast reader of an endless answer must not starve the others
         self.since = 0
         coroutine.yield(nil, 0)
      end
   end
end

-- Some bytes, or nil when the client has closed or `seconds` are over.
function Connection:receive(seconds)
   local deadline = seconds and clock() + seconds
   while true do
      local all, why, part = self.socket:receive(65536)
      local bytes = all or part or ""
      if bytes ~= "" then
         self.log.received = self.log.received + #bytes
         return bytes
      elseif why ~= "timeout" and why ~= "wantread" and why ~= "wantwrite" then
         return nil
      elseif deadline and clock() >= deadline then
         return nil, "timeout"
      end
      coroutine.yield(why == "wantwrite" and "write" or "read", deadline)
   end
end

function Connection:sleep(seconds)
   local deadline = clock() + seconds
   while clock() < deadline do
      coroutine.yield(nil, deadline)
   end
end

-- Waits until the client gives up.
function Connection:hold()
   local deadline = clock() + 600
   repeat
      local bytes, why = self:receive(deadline - clock())
      self.buffer = self.buffer .. (bytes or "")
   until not bytes and (why ~= "timeout" or clock() > deadline)
   if self.entry then
      self.entry.gone = true
   end
end

function Connection:reset()
   below(self, "setoption", "linger", { on = true, timeout = 0 })
   self.socket:close()
   self.closed = true
end

-- Ends the stream below TLS: no close_notify is sent.
function Connection:no_notify()
   below(self, "shutdown", "both")
end

-- TLS as the server; false when the client would not have it.
function Connection:secure(key, certificate)
   self.socket = require("ssl").wrap(self.socket, {
      mode = "server", protocol = "any", options = { "all", "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
      key = key, certificate = certificate,
   })
   self.socket:settimeout(0)
   while true do
      local done, why = self.socket:dohandshake()
      if done or why ~= "wantread" and why ~= "wantwrite" then
         self.log.tls = done and "done" or "failed"
         return done
      end
      coroutine.yield(why == "wantwrite" and "write" or "read")
   end
end

-- One request: method, target, head, body; nil at the end of the connection.
function Connection.request(c)
   while not c.buffer:find("\r\n\r\n", 1, true) do
      local bytes = c:receive()
      if not bytes then
         return nil
      end
      c.buffer = c.buffer .. bytes
   end
   local head, rest = c.buffer:match("^(.-\r\n)\r\n(.*)$")
   local need = tonumber(head:lower():match("\ncontent%-length: *(%d+)") or 0)
   local parts, have = { rest }, #rest
   while have < need do
      local bytes = c:receive()
      if not bytes then
         return nil
      end
      parts[#parts + 1], have = bytes, have + #bytes
   end
   rest = table.concat(parts)
   c.buffer = rest:sub(need + 1)
   local method, target = head:match("^(%S+) (%S+)")
   return { method = method, target = target or "", head = head, body = rest:sub(1, need) }
end

return Connection
