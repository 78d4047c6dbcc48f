-- lua/avepoint/elements/outcome.lua: what an answer means for its job, pace and token; no token is shown.

local outcome = require("avepoint.elements.outcome")
local token = require("avepoint.elements.token")

-- A pace that notes what it is told and answers as set.
local function pace(verdict, detail)
   return {
      told = {},
      answered = function(self, _, _, _, fault)
         self.told[#self.told + 1] = fault or "good"
         return verdict or "ok", detail
      end,
      cancelled = function(self)
         self.told[#self.told + 1] = "cancelled"
      end,
   }
end

local function new_token(source)
   return token.new(source, { random = math.random })
end

local BODY = { text = function() return "" end }

local function answer(fields)
   local a = { ended = "answered", code = 0, status = 200, connect_status = 0, message = "", headers = "", body = BODY }
   for name, value in pairs(fields or {}) do
      a[name] = value
   end
   return a
end

local function new_job()
   return { id = 7, ticket = {}, generation = 1, requests = 1 }
end

local function settled(fields, p, t)
   local job = new_job()
   local a = answer(fields)
   local err = outcome.settle(p, t or new_token("abc"), job, a, 100, 0)
   return job, err, a
end

describe("outcome.settle", function()
   for name, body in pairs {
      ["as it is"] = "bad header: canary.abc-DEF",
      ["in its header"] = '{"message":"Authorization: Bearer canary.abc-DEF was refused"}',
      ["cut short in its header"] = "x " .. ("Bearer canary.abc-D"),
      ["twice"] = "canary.abc-DEF canary.abc-DEF",
   } do
      it("promise 4: shows no token that an answer quotes " .. name, function()
         local text = { text = function() return body end }
         local json = body:find("^{") and require("avepoint.elements.core")
         local job = new_job()
         local decode = json and json.decode
         if json then -- a body is the core's own; a string decodes alike
            json.decode = function() return decode(body) end
         end
         outcome.settle(pace("fail", "final"), new_token("canary.abc-DEF"), job, answer { status = 400, body = text }, 0, 0)
         if json then
            json.decode = decode
         end
         assert.is_truthy(job.err.message:find("[token]", 1, true), job.err.message)
         assert.is_nil(job.err.message:find("canary", 1, true), job.err.message)
      end)
   end

   it("promise 4: shows no token that a request id quotes, of whatever answer", function()
      for _, status in ipairs { 200, 403 } do
         local _, err, a = settled({ status = status, headers = "request-id: canary.abc-DEF\n" }, pace("fail", "final"),
            new_token("canary.abc-DEF"))
         assert.equal("request-id: [token]\n", a.headers)
         assert.equal(status == 403 and "[token]" or nil, err and err.request_id)
      end
   end)

   it("promise 4: shows no token in libcurl's words", function()
      local job = settled({ code = 8, status = 0, message = "odd header canary.abc-DEF" }, pace("fail", "final"),
         new_token("canary.abc-DEF"))
      assert.equal("odd header [token]; check base_url and what stands in between", job.err.message)
   end)

   it("keeps a 200 as it is", function()
      local p = pace()
      local job, err, a = settled(nil, p)
      assert.equal(a, job.answer)
      assert.is_nil(err)
      assert.is_nil(job.id)
      assert.is_nil(job.ticket)
      assert.same({ "good" }, p.told)
   end)

   it("gives a repeat its date", function()
      local job, err = settled({ status = 503 }, pace("retry", 2.5))
      assert.equal(102.5, job.due)
      assert.is_nil(job.err)
      assert.equal("server", err.kind)
   end)

   it("tells pace kind, status, code and Retry-After", function()
      local p = pace("retry", 0)
      local _, err = settled({ status = 429, headers = "retry-after: 12\nretry-after: 3\n" }, p)
      assert.same({ kind = "throttled", status = 429, code = 0, retry_after = 12 }, p.told[1])
      assert.equal(12, err.retry_after)
   end)

   it("reads a date in Retry-After by the answer's own clock", function()
      local p = pace("retry", 0)
      settled({ status = 503, headers = "date: Sun, 06 Nov 1994 08:49:37 GMT\n"
         .. "retry-after: Sun, 06 Nov 1994 08:49:47 GMT\n" }, p)
      assert.equal(10, p.told[1].retry_after)
   end)

   it("fault 19: fills retry_after of a 403 too", function()
      local job = settled({ status = 403, headers = "retry-after: 9\n" }, pace("fail", "final"))
      assert.equal("forbidden", job.err.kind)
      assert.equal(9, job.err.retry_after)
   end)

   for why, words in pairs {
      outage = "the service failed; try again later; too many requests failed in a row, so nothing more was sent",
      too_long = "the service failed; try again later; it asks to wait longer than this call may",
      deadline = "the service failed; try again later; another attempt would pass the deadline",
      attempts = "the service failed; try again later",
   } do
      it("says why there is no repeat: " .. why, function()
         local job = settled({ status = 503 }, pace("fail", why))
         assert.equal(words, job.err.message)
      end)
   end

   it("says how long the service asks to wait, unless that is too long to be meant", function()
      local asked = settled({ status = 429, headers = "retry-after: 400\n" }, pace("fail", "too_long"))
      assert.matches("; it asks to wait 400 s, longer than this call may$", asked.err.message)
      local endless = settled({ status = 429, headers = "retry-after: 99999999999\n" }, pace("fail", "too_long"))
      assert.matches("; it asks to wait longer than this call may$", endless.err.message)
   end)

   it("fault 48: makes a failed allocation Lua's own memory error", function()
      local p = pace()
      local job = settled({ ended = "no_memory", code = 23 }, p)
      assert.equal("not enough memory", job.err)
      assert.same({ "cancelled" }, p.told)
   end)

   it("tells how far this machine's clock is off where that may be why a token is refused", function()
      local wall = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT
      for skew, told in pairs { [61] = 61, [-61] = -61, [60] = false, [-60] = false, [0] = false, [3600] = 3600 } do
         local job, a = new_job(), answer { status = 401, headers = "date: Sun, 06 Nov 1994 08:49:37 GMT\n" }
         outcome.settle(pace(), new_token("abc"), job, a, 0, wall + skew)
         assert.equal(told or nil, job.err.clock_skew, skew)
      end
      local job = new_job()
      outcome.settle(pace(), new_token("abc"), job, answer { status = 401 }, 0, wall)
      assert.is_nil(job.err.clock_skew)
      outcome.settle(pace("fail", "final"), new_token("abc"), job,
         answer { status = 403, headers = "date: Sun, 06 Nov 1994 08:49:37 GMT\n" }, 0, wall + 999)
      assert.is_nil(job.err.clock_skew)
   end)

   describe("of a 401", function()
      local function function_token()
         local t = new_token(function() end)
         t:received(0, "token1")
         return t
      end

      it("is auth for a token that can't be renewed", function()
         local job = settled({ status = 401 }, pace())
         assert.equal("auth", job.err.kind)
      end)

      it("fault 20: asks for one new token and repeats once", function()
         local t, p, job = function_token(), pace(), new_job()
         outcome.settle(p, t, job, answer { status = 401 }, 0, 0)
         assert.is_nil(job.err)
         assert.same({ "cancelled" }, p.told)
         t:received(0, "token2")
         job.generation = 2
         outcome.settle(p, t, job, answer { status = 401 }, 0, 0)
         assert.equal("auth", job.err.kind)
      end)

      it("fault 27: repeats with the newer token where another page has asked for one already", function()
         local t, first, second = function_token(), new_job(), new_job()
         outcome.settle(pace(), t, first, answer { status = 401 }, 0, 0)
         t:received(0, "token2")
         outcome.settle(pace(), t, second, answer { status = 401 }, 0, 0)
         assert.is_nil(second.err)
         -- and that does not count as the page's own new token
         second.generation = 2
         outcome.settle(pace(), t, second, answer { status = 401 }, 0, 0)
         assert.is_nil(second.err)
      end)

      it("fault 27: counts a token that many pages find refused once", function()
         local t, p = function_token(), pace()
         for _ = 1, 8 do
            local job = new_job()
            outcome.settle(p, t, job, answer { status = 401 }, 0, 0)
            assert.is_nil(job.err)
         end
         assert.equal(1, t.vain)
      end)

      it("fault 28: asks for no fourth token where none was taken", function()
         local t, job = function_token(), nil
         for generation = 1, 4 do
            job = new_job()
            job.generation = generation
            outcome.settle(pace(), t, job, answer { status = 401 }, 0, 0)
            t:received(0, "token")
         end
         assert.equal("auth", job.err.kind)
         outcome.settle(pace(), t, new_job(), answer(), 0, 0)
         assert.equal(0, t.vain)
      end)
   end)
end)
