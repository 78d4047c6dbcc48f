-- A peer: one page after another with LuaSocket, LuaSec and lua-cjson.
--    lua5.4 luasec.lua URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY [kept]
-- As their users write it, by ssl.https.request: it has no keep-alive, so each page is a connection and a handshake,
-- and no gzip. With `kept`, HTTP/1.1 written by hand on one LuaSec connection, which is what a careful user ends with.
-- CONCURRENCY does not matter.

local cjson = require("cjson")
local socket = require("socket")
local ssl = require("ssl")

local endpoint, ca_file, token, pages, page_size, _, how = table.unpack(arg)
pages, page_size = tonumber(pages), tonumber(page_size)

local function each(url)
   local https = require("ssl.https")
   local parts = {}
   -- LuaSocket sends a TE header whatever one says, which the sandbox refuses: here it becomes the Accept we need
   require("socket.headers").canonic.te = "Accept"
   local _, status = https.request {
      url = url, method = "POST", verify = "peer", cafile = ca_file, protocol = "any",
      options = { "all", "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
      headers = {
         ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json", ["TE"] = "application/json",
         ["Content-Length"] = "2", ["Connection"] = "keep-alive",
      },
      source = require("ltn12").source.string("{}"), sink = require("ltn12").sink.table(parts),
   }
   assert(status == 200, status)
   return table.concat(parts)
end

local connection

local function kept(url)
   local host, port, path = url:match("^https://([^:/]+):(%d+)(/.*)$")
   if not connection then
      connection = assert(socket.tcp())
      assert(connection:connect(host, tonumber(port)))
      connection:setoption("tcp-nodelay", true)
      connection = assert(ssl.wrap(connection, { mode = "client", protocol = "any", verify = "peer", cafile = ca_file,
         options = { "all", "no_tlsv1", "no_tlsv1_1" } }))
      assert(connection:dohandshake())
   end
   assert(connection:send(("POST %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
      .. "Accept: application/json\r\nContent-Length: 2\r\n\r\n{}"):format(path, host, port, token)))
   local status = assert(connection:receive("*l")):match("^HTTP/1.1 (%d+)")
   assert(status == "200", status)
   local length
   while true do
      local line = assert(connection:receive("*l"))
      if line == "" then
         break
      end
      length = tonumber(line:lower():match("^content%-length: (%d+)")) or length
   end
   return (assert(connection:receive(length)))
end

local get = how == "kept" and kept or each
local began = socket.gettime()
local users = 0
for page = 1, pages do
   local answer = cjson.decode(get(("%s?pageIndex=%d&pageSize=%d"):format(endpoint, page, page_size)))
   for _, user in ipairs(answer.data) do
      users = users + (user.id and 1 or 0)
   end
end
print(("users=%d\nelapsed=%.6f"):format(users, socket.gettime() - began))
