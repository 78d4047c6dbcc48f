-- The identity server's answer: one byte for the status, the rest is the body (and, without a status, libcurl's words), in
-- which \1 stands for the client secret.
-- Criteria: a bearer that can stand in a header with a life that is bounded, or an error that can be printed, without the
-- secret; and what was learnt lets a token be asked for again.

local failure = require("avepoint.elements.failure")
local signin = require("avepoint.elements.signin")
local token = require("avepoint.elements.token")
local bytes = require("spec.fuzz.bytes")

local STATUS = { [0] = 200, 200, 200, 201, 302, 400, 401, 404, 408, 425, 429, 500, 503, 600, 0 }
local KINDS = { auth = true, protocol = true, redirect = true, server = true, throttled = true, timeout = true }
local LONGEST_LIFE = 86400

local function random()
   return 0.5
end

local own = signin.new {
   client_id = "client", token_url = "https://identity.example/connect/token", scope = signin.SCOPE, secret = bytes.SECRET,
   wall = function() return 0 end,
}

return function(input)
   local status, body = STATUS[(input:byte() or 0) % (#STATUS + 1)], bytes.planted(input:sub(2))
   own:form()
   local store = token.new(own, { random = random })
   local value, more, extra = own:read(bytes.answer {
      status = status, code = status == 0 and 8 or 0, message = body:sub(1, 255), body = body,
   })
   if not value then
      assert(failure.is(more) and KINDS[more.kind])
      bytes.secret_free(bytes.printable(tostring(more)), input)
      bytes.secret_free(bytes.printable(more.oauth_error or ""), input)
      local final, seconds = store:failed(0, more, { kind = more.kind, status = status, torn = extra })
      assert(final or seconds >= 0 and seconds <= 120)
      assert(not store:current(0) and store:wanted(3601))
      return false
   end
   assert(status == 200 and not token.flaw(value))
   bytes.secret_free(bytes.printable(extra or ""), input)
   local life = store:received(0, value, more)
   assert(life == nil or life > 0 and life <= LONGEST_LIFE, "an odd life")
   assert(store:current(0) == value)
   store:begin()
   assert(store:current(LONGEST_LIFE) == nil or more == nil)
   return true
end
