-- One byte for the status, one for how the transfer ended, then the rest of an answer: header lines, an empty line, a
-- body. In it \1 stands for a secret, the token that was sent. Criteria: tostring(err) is one printable line without the
-- secret, in whole or in part.

local failure = require("avepoint.elements.failure")
local outcome = require("avepoint.elements.outcome")
local token = require("avepoint.elements.token")
local bytes = require("spec.fuzz.bytes")

local STATUS = { 201, 204, 302, 308, 400, 401, 403, 404, 407, 408, 418, 425, 429, 451, 500, 501, 503, 599, 600, 0 }
local ENDED = { "connect_timeout", "timeout", "stalled", "too_large" }
local CODES = { 1, 5, 6, 7, 23, 27, 28, 35, 56, 60, 61, 77, 92, 4242 }

local never = {
   answered = function() return "fail" end, cancelled = function() end, garbled = function() return false end,
}

return function(input)
   local status, how, rest = input:byte(1) or 0, input:byte(2) or 0, input:sub(3)
   local planted = bytes.planted(rest)
   local headers, body = planted:match("^(.-\n)\n(.*)$")
   local answer = bytes.answer {
      status = STATUS[status % #STATUS + 1], headers = headers or "", body = body or planted, message = planted:sub(1, 255),
   }
   if how < 128 then
      answer.ended = ENDED[how % 16] or "answered"
      answer.code = how < 64 and 0 or CODES[how % #CODES + 1]
      answer.connect_status = how % 7 == 0 and 407 or 0
   end
   local bearer = token.new(bytes.SECRET, { random = math.random })
   local job = { generation = 1, page = 1, requests = 1 }
   local err = outcome.settle(never, bearer, job, answer, 0, 0)
   assert(failure.is(err))
   local text = bytes.printable(tostring(err))
   bytes.secret_free(text, rest)
   return #text > 100
end
