-- HTTP/2 on one connection against HTTP/1.1 on several, under latency, and what a connection that dies in the middle
-- costs either. The floor measures both, since the walk speaks HTTP/1.1.
-- Criteria: nothing is judged; the same nginx in front of the sandbox for both.

local socket = require("socket")

local conf = require("spec.sandbox.conf")
local keeper = require("spec.sandbox.keeper")
local run = require("spec.bench.run")

local PAGES, LATENCY = 200, 100
local DIE = 100 -- answers after which a connection is shut down

local CONF = [[
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log DIR/error.log warn;
events { worker_connections 1024; }
http {
   access_log off;
   client_body_temp_path DIR/body;
   proxy_temp_path DIR/proxy;
   fastcgi_temp_path DIR/fastcgi;
   scgi_temp_path DIR/scgi;
   uwsgi_temp_path DIR/uwsgi;
   keepalive_requests 1000000;
   ssl_certificate GOOD.pem;
   ssl_certificate_key GOOD.key;
   proxy_buffers 16 16k;
   upstream sandbox { server UPSTREAM; keepalive 64; keepalive_requests 1000000; }
   server {
      listen 127.0.0.1:PORT ssl http2;
      location / {
         proxy_pass http://sandbox;
         proxy_http_version 1.1;
         proxy_set_header Connection "";
         proxy_set_header Host localhost;
      }
   }
}
]]

-- Starts the nginx that speaks both; returns its address and what stops it.
local function front(bench)
   local server = assert(socket.bind("127.0.0.1", 0))
   local port = select(2, server:getsockname())
   server:close()
   local dir = keeper.folder(keeper.output("pwd"), "http2")
   local values = {
      DIR = dir, PORT = port, GOOD = bench.sandbox.dir .. "/good", UPSTREAM = bench.sandbox.http:match("//(.*)$"),
   }
   local file = assert(io.open(dir .. "/nginx.conf", "w"))
   file:write((CONF:gsub("%u%u%u+", values)))
   file:close()
   local stop = keeper.start(dir, keeper.words(conf.program(), "-p", dir, "-e", dir .. "/error.log", "-c",
      dir .. "/nginx.conf"))
   for _ = 1, 500 do
      local connection = socket.tcp()
      local up = connection:connect("127.0.0.1", tonumber(port))
      connection:close()
      if up then
         return "https://127.0.0.1:" .. port, stop
      end
      socket.sleep(0.01)
   end
   local log = keeper.read(dir .. "/error.log")
   stop()
   error("nginx with HTTP/2 did not start: " .. (log or ""), 0)
end

-- Requests the sandbox saw beyond one a page, and connections.
local function extra(bench, name)
   return #bench.sandbox:log(name) - PAGES
end

return function(bench)
   local address, stop = front(bench)
   local closer <close> = setmetatable({}, { __close = stop }) -- luacheck: ignore 211
   local rows = { { "", "seconds", "CPU s", "with a connection that dies: seconds", "pages failed", "asked twice" } }
   for _, concurrency in ipairs { 8, 32 } do
      for _, version in ipairs { "HTTP/1.1", "HTTP/2" } do
         local function measure(...)
            local base, name = bench:tenant(PAGES, { latency = LATENCY }, "http")
            base = address .. base:match("^http://[^/]*(.*)$")
            local options = table.pack(...)
            if version == "HTTP/2" then
               options[#options + 1] = "http2"
            end
            local values = run.one(bench:bare(base, PAGES, concurrency, table.unpack(options)))
            assert(values.users == PAGES * 100, "not every user came")
            return values, extra(bench, name)
         end
         local plain = measure()
         local dying, twice = measure("die=" .. DIE)
         local name = ("http2.%s_%d"):format(version == "HTTP/2" and "h2" or "h1", concurrency)
         bench.report:figure(name .. ".seconds", plain.elapsed)
         bench.report:figure(name .. ".cpu", plain.cpu)
         bench.report:figure(name .. ".dying_seconds", dying.elapsed)
         bench.report:figure(name .. ".dying_failed", dying.failures)
         bench.report:figure(name .. ".dying_twice", twice)
         rows[#rows + 1] = {
            ("%s, %d in flight on %s"):format(version, concurrency, version == "HTTP/2" and "1" or concurrency),
            ("%.2f"):format(plain.elapsed), ("%.3f"):format(plain.cpu), ("%.2f"):format(dying.elapsed), dying.failures,
            twice,
         }
      end
   end
   bench.report.print(("HTTP/2  %d pages at %d ms, the floor's transfers through the same nginx"):format(PAGES, LATENCY), rows,
      { "a page failed is one whose failure libcurl reports; what it mends itself shows under asked twice" })
end
