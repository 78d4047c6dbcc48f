-- lua/avepoint/elements/retry.lua: which failures are worth another attempt, and how long to wait for it.

local retry = require("avepoint.elements.retry")

local function always(value)
   return function() return value end
end

describe("retry.allowance", function()
   local HUGE = math.huge
   local STATUS = {
      [408] = { "others", HUGE }, [425] = { "others", HUGE }, [429] = { "throttles", 20 }, [500] = { "internal", 3 },
      [502] = { "others", HUGE }, [503] = { "others", HUGE }, [504] = { "others", HUGE },
   }
   local CODE = { [35] = { "handshakes", 2 } }
   for _, code in ipairs { 6, 7, 16, 18, 28, 52, 55, 56, 92 } do
      CODE[code] = { "others", HUGE }
   end

   it("faults 17-22: lets 408, 425, 429, 500, 502, 503 and 504 be repeated, and no other status", function()
      for status = 100, 999 do
         assert.same(STATUS[status] or { nil }, { retry.allowance { kind = "x", status = status, code = 0 } }, status)
      end
   end)

   it("faults 1-14: lets these codes of libcurl be repeated, and no other", function()
      for code = 0, 120 do
         assert.same(CODE[code] or { nil }, { retry.allowance { kind = "x", code = code } }, code)
      end
   end)

   it("fault 7: lets a body that is no JSON be asked for twice", function()
      assert.same({ "torn", 2 }, { retry.allowance { kind = "protocol", status = 200, code = 0, torn = true } })
      assert.same({ nil }, { retry.allowance { kind = "protocol", status = 200, code = 0 } })
   end)

   it("counts by the status where there is a code as well", function()
      assert.same({ "throttles", 20 }, { retry.allowance { kind = "throttled", status = 429, code = 56 } })
      assert.same({ "internal", 3 }, { retry.allowance { kind = "server", status = 500, code = 35 } })
   end)
end)

describe("retry.delay", function()
   it("is full jitter under a bound that doubles from 0.5 s up to 20 s", function()
      for n, most in ipairs { 0.5, 1, 2, 4, 8, 16, 20, 20, 20 } do
         assert.equal(0, retry.delay(n, always(0)))
         assert.equal(most / 2, retry.delay(n, always(0.5)))
         assert.equal(most, retry.delay(n, always(1)))
      end
      assert.equal(20, retry.delay(5000, always(1)))
   end)
end)

describe("retry.throttle", function()
   it("is the upper half of a bound that doubles from 2 s up to 60 s, and so never 0", function()
      for n, most in ipairs { 2, 4, 8, 16, 32, 60, 60 } do
         assert.equal(most / 2, retry.throttle(n, always(0)))
         assert.equal(most * 0.75, retry.throttle(n, always(0.5)))
         assert.equal(most, retry.throttle(n, always(1)))
      end
      assert.equal(60, retry.throttle(5000, always(1)))
   end)
end)

describe("retry.pause", function()
   it("is never shorter than Retry-After, and longer by up to a second or a tenth", function()
      for seconds, most in pairs { [0] = 1, [1] = 2, [10] = 11, [20] = 22, [120] = 132 } do
         assert.equal(seconds, retry.pause(seconds, always(0)))
         assert.equal((seconds + most) / 2, retry.pause(seconds, always(0.5)))
         assert.equal(most, retry.pause(seconds, always(1)))
      end
   end)
end)

describe("retry's numbers", function()
   it("are those of the policy", function()
      assert.equal(8, retry.MAX_ATTEMPTS)
      assert.equal(4, retry.TOKEN_ATTEMPTS)
      assert.equal(2, retry.MAX_GARBLED)
      assert.equal(120, retry.RETRY_AFTER_MAX)
   end)
end)
