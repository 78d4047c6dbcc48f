-- The bytes that a server sends, through libcurl and the transport: header lines, their values, the body. Criteria: one
-- of the outcomes that are written down, with lines that can be read back; a page is a whole one.

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

local server = assert(socket.bind("127.0.0.1", 0))
local url = "http://127.0.0.1:" .. select(2, server:getsockname()) .. "/"
local handle = assert(core.open {
   slots = 1, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "fuzz", proxy = "",
})

local function exchange(input)
   assert(handle:send { url = url, body = "{}", limit = LIMIT, cleartext = true, fresh = true })
   assert(handle:drive(true))
   local connection = assert(server:accept())
   -- libcurl asks first: what comes before that is no answer
   repeat
      assert(handle:drive())
      connection:settimeout(0)
      local _, _, part = connection:receive(4096)
   until part ~= "" or handle:wait(1) and false
   connection:settimeout(1)
   connection:send(input)
   connection:shutdown("send")
   local answer
   repeat
      assert(handle:drive())
      answer = handle:take() or handle:wait(1) and nil
   until answer
   connection:close()
   return answer
end

return function(input)
   local answer = exchange(input)
   assert(answer.ended == "answered" or answer.ended == "too_large", answer.ended)
   assert(#answer.body <= LIMIT)
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
