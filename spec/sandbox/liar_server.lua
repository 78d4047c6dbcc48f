-- The liar's own process: lua5.4 liar_server.lua DIR STARTER [tls]. Writes its addresses to DIR/addresses
-- and serves until its input, the starter's pipe, closes, or the starter (a pid) is gone all the same.
-- Criteria: a select loop with a coroutine for each connection, so that a silent one stops nobody.

local cjson = require("cjson").new()
local socket = require("socket")

local Connection = require("spec.sandbox.connection")
local keeper = require("spec.sandbox.keeper")
local lies = require("spec.sandbox.lies")
local stored = require("spec.sandbox.stored")
local tenant = require("spec.sandbox.tenant")

local dir, starter, tls = arg[1], arg[2], arg[3] == "tls"

local clock = Connection.clock

local uploads, runs, connections = {}, {}, {}
local addresses = {}

local NUMBERS = { arg = true, size = true, page = true, times = true, status = true, cut = true }

local function parse(target)
   local knobs = { run = "default", size = 250 }
   local path = target:match("^[^?]*")
   for name, value in path:gmatch("/([%w_]+)=([^/]*)") do
      knobs[name] = NUMBERS[name] and math.tointeger(tonumber(value)) or value
   end
   return knobs
end

local TOKEN = '{"access_token":"liar-token","expires_in":3600,"token_type":"Bearer","scope":"elements.um.user.read.all"}'

local function honest_body(request, knobs)
   if request.target:find("/connect/token$") then
      return TOKEN
   end
   local index = math.tointeger(tonumber(request.target:match("[?&]pageIndex=(%d+)"))) or 1
   local size = math.tointeger(tonumber(request.target:match("[?&]pageSize=(%d+)"))) or 100
   local records = {}
   for n = (index - 1) * size + 1, math.min(index * size, knobs.size) do
      records[#records + 1] = tenant.json(n)
   end
   return tenant.page(records, index, size, knobs.size), index
end

-- Exact bytes: json, framing, gzip, cut, finish.
local function frame(c, honest, knobs)
   local body = uploads[knobs.json] or honest.body
   local more = {}
   if knobs.gzip == "1" then
      body, more[1] = stored.gzip(body), "Content-Encoding: gzip"
   end
   local cut = knobs.cut and body:sub(1, knobs.cut) or body
   local framing = knobs.framing or "length"
   if framing == "raw" then
      c:send(cut)
      return knobs.finish == "no_notify" and c:no_notify()
   end
   if framing == "length" then
      more[#more + 1] = "Content-Length: " .. #body
   elseif framing == "short" then
      more[#more + 1] = "Content-Length: " .. #cut
   elseif framing == "close" then
      more[#more + 1] = "Connection: close"
   else
      more[#more + 1] = "Transfer-Encoding: chunked"
   end
   local whole = #cut == #body
   if framing:find("^chunked") then
      cut = lies.chunks(cut, 1000) .. ((whole or framing == "chunked_end") and "0\r\n\r\n" or "")
   end
   c:send(honest.head(table.unpack(more)) .. cut)
   if knobs.finish == "reset" then
      c:sleep(0.02)
      c:reset()
   elseif knobs.finish == "hold" then
      c:hold()
   elseif knobs.finish == "no_notify" then
      c:no_notify()
   elseif not knobs.finish then
      return framing == "short" or framing == "chunked_end" or whole and framing ~= "close"
   end
end

local function answer(c, request)
   local knobs = parse(request.target)
   local run = runs[knobs.run] or { requests = {}, lied = 0 }
   runs[knobs.run] = run
   local body, page = honest_body(request, knobs)
   local lied = (not knobs.page or knobs.page == page) and (not knobs.times or run.lied < knobs.times)
   run.lied = run.lied + (lied and 1 or 0)
   local entry = request
   entry.time, entry.connection, entry.number, entry.page = clock(), c.log.serial, c.requests, page
   entry.lie, entry.sent = lied and (knobs.lie or "none") or "none", 0
   run.requests[#run.requests + 1], c.entry = entry, entry
   local honest = { body = body, knobs = knobs, elsewhere = addresses.elsewhere .. "/run=" .. knobs.run .. "-redirected/x" }
   function honest.head(...)
      return table.concat({ ("HTTP/1.1 %d OK"):format(lied and knobs.status or 200),
         "Date: " .. os.date("!%a, %d %b %Y %H:%M:%S GMT"),
         "Content-Type: application/json", "request-id: liar-" .. c.log.serial .. "-" .. c.requests, ... }, "\r\n") .. "\r\n\r\n"
   end
   local lie = lies.by_name[entry.lie]
   local keep
   if not lie then
      c:send("HTTP/1.1 400 Bad Request\r\nContent-Length: 11\r\n\r\nno such lie")
   elseif lied and entry.lie == "none" then
      keep = frame(c, honest, knobs)
   else
      keep = lie(c, honest)
   end
   entry.seconds, c.entry = clock() - entry.time, nil
   return keep
end

local function control(c, request)
   local name, run = request.target:match("^/json/([%w_.-]+)$"), request.target:match("^/log%?run=([%w_.-]+)$")
   local text = "{}"
   if name and request.method == "PUT" then
      uploads[name] = request.body
   elseif run then
      text = cjson.encode {
         requests = runs[run] and runs[run].requests or {},
         connections = connections,
      }
   end
   c:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #text .. "\r\n\r\n" .. text)
end

local function serve(c)
   while not c.closed do
      local request = c:request()
      if not request then
         return
      end
      if request.target:find("^/json/") or request.target:find("^/log%?") then
         c.log.port = "control"
         return control(c, request)
      end
      c.requests = c.requests + 1
      c.log.requests = c.requests
      if not answer(c, request) then
         return
      end
   end
end

-- What happens on each port, before any request.
local PORTS = {
   http = serve,
   elsewhere = serve,
   mute = function(c) c:hold() end,
   slam = function(c) c:receive() end,
   slam_reset = function(c)
      c:receive()
      c:reset()
   end,
   babble = function(c)
      c:send("220 babble\r\n\0\1\2\3")
      c:hold()
   end,
}

function PORTS.https(c)
   if c:secure(dir .. "/good.key", dir .. "/good.pem") then
      serve(c)
   end
end

-- The loop ----------------------------------------------------------------------------------------------

local listeners, kinds, tasks = {}, {}, {}

local function listen(name)
   local server = assert(socket.bind("127.0.0.1", 0, 1024))
   server:settimeout(0)
   listeners[#listeners + 1], kinds[server] = server, name
   local _, port = server:getsockname()
   addresses[name] = (name == "https" and "https" or "http") .. "://127.0.0.1:" .. port
end

local function step(task)
   local ok, kind, till = coroutine.resume(task.thread, task.connection)
   local c = task.connection
   if coroutine.status(task.thread) ~= "dead" then
      task.kind, task.till = kind, till
      return true
   end
   if not ok and kind ~= "gone" then
      io.stderr:write(tostring(kind), "\n")
   end
   if c.entry then
      c.entry.gone, c.entry.seconds = true, clock() - c.entry.time
   end
   c.log.closed = clock()
   if not c.closed then
      c.socket:close()
   end
end

local function accept(server)
   local client = server:accept()
   while client do
      local log = { time = clock(), serial = #connections + 1, port = kinds[server], received = 0, requests = 0 }
      connections[#connections + 1] = log
      local task = { connection = Connection.new(client, log), thread = coroutine.create(PORTS[kinds[server]]) }
      if step(task) then
         tasks[#tasks + 1] = task
      end
      client = server:accept()
   end
end

-- The starter's pipe, for select.
local input = {
   getfd = function() return 0 end,
   dirty = function() return false end,
}

-- Something else may hold the pipe open. Where there is no /proc the pipe has to do.
local watched = keeper.read("/proc/" .. starter .. "/stat") ~= nil
local looked = clock()

local function orphaned()
   if watched and clock() - looked > 0.5 then
      looked = clock()
      return not keeper.read("/proc/" .. starter .. "/stat")
   end
end

local function turn()
   local readers, writers, now, till = { input, table.unpack(listeners) }, {}, clock(), nil
   for _, task in ipairs(tasks) do
      if task.kind == "read" then
         readers[#readers + 1] = task.connection.socket
      elseif task.kind == "write" then
         writers[#writers + 1] = task.connection.socket
      end
      till = task.till and math.min(till or task.till, task.till) or till
   end
   local ready, free = socket.select(readers, writers, math.min(till and math.max(0, till - now) or 1, 1))
   if ready[input] then
      return false
   elseif orphaned() then
      os.execute("kill -USR1 " .. keeper.number(dir .. "/keeper.pid"))
      return false
   end
   now = clock()
   local left = {}
   for _, task in ipairs(tasks) do
      local own = task.connection.socket
      local due = task.kind == "read" and ready[own] or task.kind == "write" and free[own] or task.till and task.till <= now
      if not due or step(task) then
         left[#left + 1] = task
      end
   end
   tasks = left
   for _, server in ipairs(listeners) do
      if ready[server] then
         accept(server)
      end
   end
   return true
end

for name in pairs(PORTS) do
   if name ~= "https" or tls then
      listen(name)
   end
end

-- Bound and not listening; listening with a queue that is full.
local refusing, hole = socket.tcp4(), socket.tcp4()
assert(refusing:bind("127.0.0.1", 0))
assert(hole:bind("127.0.0.1", 0))
assert(hole:listen(0))
addresses.refusing = "http://127.0.0.1:" .. select(2, refusing:getsockname())
addresses.black_hole = "http://127.0.0.1:" .. select(2, hole:getsockname())
local plugs = {}
for i = 1, 3 do
   plugs[i] = socket.tcp4()
   plugs[i]:settimeout(0)
   plugs[i]:connect("127.0.0.1", tonumber(addresses.black_hole:match("%d+$")))
end

local lines = {}
for name, address in pairs(addresses) do
   lines[#lines + 1] = name .. "=" .. address
end
local file = assert(io.open(dir .. "/addresses.new", "w"))
file:write(table.concat(lines, "\n"), "\n")
file:close()
assert(os.rename(dir .. "/addresses.new", dir .. "/addresses"))

while turn() do
end
