-- The bytes that a server sends, through libcurl and the transport: header lines, their values, the body. Criteria: one
-- of the outcomes that are written down, with lines that can be read back; a page is a whole one; and the next request,
-- on the same connection or another, gets its own answer, whatever was sent before it (behind [late]: after the answer).

local socket = require("socket")

local answers = require("avepoint.elements.answers")
local core = require("avepoint.elements.core")
local failure = require("avepoint.elements.failure")
local retry_after = require("avepoint.elements.retry_after")
local wire = require("avepoint.elements.wire")
local bytes = require("spec.fuzz.bytes")

local KEPT = {
   ["request-id"] = true, ["x-request-id"] = true, ["retry-after"] = true, ["www-authenticate"] = true, date = true,
   location = true,
}
local LIMIT = 65536
local PATIENCE = 0.0005 -- seconds without a byte after which the server says that there are no more

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(0)
local url = "http://127.0.0.1:" .. select(2, server:getsockname()) .. "/"
local handle = assert(core.open {
   slots = 1, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "fuzz", proxy = "",
})
local connections = {} -- the server's
local serial = 0

-- Sends a request and gives the connection that it came on.
local function ask()
   assert(handle:send { url = url, body = "{}", limit = LIMIT, cleartext = true })
   assert(handle:drive(true))
   while true do
      local new = server:accept()
      if new then
         new:setoption("tcp-nodelay", true)
         connections[#connections + 1] = new
      end
      for _, connection in ipairs(connections) do
         connection:settimeout(0)
         local _, _, part = connection:receive(4096) -- libcurl asks first: what comes before that is no answer
         if part and part ~= "" then
            return connection
         end
      end
      assert(handle:wait(1))
      assert(handle:drive())
   end
end

local function answered(connection)
   local patience = PATIENCE
   while true do
      assert(handle:drive())
      local answer = handle:take()
      if answer then
         return answer
      end
      local before = core.now()
      assert(handle:wait(patience))
      if patience == PATIENCE and core.now() - before >= PATIENCE then
         connection:shutdown("send")
         patience = 1
      end
   end
end

local function next_one()
   serial = serial + 1
   local body = ('{"serial":%d}'):format(serial)
   local connection = ask()
   connection:send(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
   local answer = answered(connection)
   assert(answer.code == 0 and answer.status == 200, answer.message)
   assert(answer.body:text() == body, "another request's answer")
end

return function(input)
   local soon, late = input:match("^(.-)%[late%](.*)$")
   local connection = ask()
   connection:settimeout(1)
   connection:send(soon or input)
   local answer = answered(connection)
   connection:send(late or "")
   assert(answer.ended == "answered" or answer.ended == "too_large", answer.ended)
   assert(#answer.body <= LIMIT)
   next_one()
   for i, one in ipairs(connections) do
      one:close()
      connections[i] = nil
   end
   local headers = answers.headers(answer.headers)
   for name, values in pairs(headers) do
      assert(KEPT[name], "a header that nothing reads")
      for _, value in ipairs(values) do
         assert(not value:find("[\n\0]"))
      end
   end
   local seconds = retry_after.parse(headers["retry-after"], headers.date and headers.date[1], 0)
   assert(seconds == nil or seconds > 0)
   local id = answers.request_id(answer.headers)
   assert(not id or #bytes.printable(id) <= 128)
   local err = answers.failure(answer)
   if err then
      bytes.printable(tostring(err))
      return false
   end
   assert(answer.code == 0 and answer.status == 200)
   local page
   page, err = wire.page(answer)
   assert(page or failure.is(err))
   return page ~= nil
end
