-- lua/avepoint/elements/token.lua: the bearer that requests carry, and when another is asked for.

local failure = require("avepoint.elements.failure")
local token = require("avepoint.elements.token")

local SECRET = "s3cret-canary"

local function fixed(value)
   return function() return value end
end

-- A token of a source, with dice that always show the same.
local function new(source, options)
   options = options or {}
   return token.new(source, { random = options.random or fixed(0.5), max_attempts = options.max_attempts })
end

local SIGNIN = {} -- stands for a signin: token only has to know that it is one

local function auth(fields)
   return failure.new("auth", "no", fields)
end

local function server(status, fields)
   fields = fields or {}
   fields.status = status
   return failure.new("server", "no", fields), { kind = "server", status = status, retry_after = fields.retry_after }
end

describe("token.flaw", function()
   it("security 6: is nil for what RFC 6750 lets a token be", function()
      for _, good in ipairs {
         "a", "eyJhbGciOi.eyJpc3MiOi.c2ln", "A-Za-z0-9-._~+/", "abc=", "abc==", ("x"):rep(8192), "bearer", "Bearer", "-",
      } do
         assert.is_nil(token.flaw(good), good)
      end
   end)

   it("says what is wrong", function()
      assert.equal("is a nil, not a string", token.flaw(nil))
      assert.equal("is a number, not a string", token.flaw(12))
      assert.equal("is a table, not a string", token.flaw({}))
      assert.equal("is empty", token.flaw(""))
      assert.equal("has 8193 bytes, more than 8192", token.flaw(("x"):rep(8193)))
      assert.equal('begins with "Bearer "; give the token alone', token.flaw("Bearer " .. SECRET))
      assert.equal('begins with "Bearer "; give the token alone', token.flaw("bearer " .. SECRET))
   end)

   it("says so of a newline at the end", function()
      for _, ending in ipairs { "\n", "\r\n", "\r", "\n\n", " \n" } do
         assert.equal('ends with a newline; strip it, as in io.read("l")', token.flaw(SECRET .. ending))
         assert.equal('ends with a newline; strip it, as in io.read("l")', token.flaw("Bearer " .. SECRET .. ending))
      end
   end)

   it("security 6: refuses every other byte, wherever it stands", function()
      local refused = 0
      for byte = 0, 255 do
         local c = string.char(byte)
         if not c:find("[A-Za-z0-9._~+/=-]") then
            for _, text in ipairs { c .. SECRET, SECRET .. c .. SECRET, SECRET .. c } do
               local flaw = token.flaw(text)
               refused = refused + 1
               assert.is_truthy(flaw, text)
               assert.is_nil(flaw:find(SECRET, 1, true))
            end
         end
      end
      assert.equal(3 * (256 - 69), refused)
      for _, text in ipairs { "=", "=a", "a=b", "==" } do
         assert.equal("holds a character that no token has; give it as the identity server sent it", token.flaw(text))
      end
      assert.is_truthy(token.flaw(SECRET .. "\r\nX-Injected: 1"))
   end)
end)

describe("a token that is a string", function()
   it("is given again and again, as the first generation, and none is asked for", function()
      local t = new(SECRET)
      for now = 0, 1e6, 1e5 do
         local value, generation = t:current(now)
         assert.equal(SECRET, value)
         assert.equal(1, generation)
         assert.is_false(t:wanted(now))
      end
   end)

   it("fault 20: is not worth a repeat when it is refused, and stays", function()
      local t = new(SECRET)
      assert.is_false(t:refused(1))
      assert.equal(SECRET, (t:current(0)))
   end)

   it("serves every call", function()
      local t = new(SECRET)
      t:begin()
      assert.equal(SECRET, (t:current(0)))
   end)
end)

describe("a token", function()
   it("security 14: is not found by tostring, pairs or the fields of its object", function()
      for _, source in ipairs { SECRET, fixed(SECRET), SIGNIN } do
         local t = new(source)
         if source ~= SECRET then
            t:received(0, SECRET, 3600)
            t:received(0, SECRET .. "2", 3600) -- the one before is kept for hide
         end
         assert.is_nil(tostring(t):find(SECRET, 1, true))
         for key, value in pairs(t) do
            assert.is_nil(tostring(key):find(SECRET, 1, true))
            assert.is_nil(tostring(value):find(SECRET, 1, true))
         end
      end
   end)

   it("is asked for before there is one, and not while a request for one is out", function()
      for _, source in ipairs { fixed("x"), SIGNIN } do
         local t = new(source)
         assert.is_nil((t:current(0)))
         assert.is_true(t:wanted(0))
         t.asking = true
         assert.is_false(t:wanted(0))
         t:withdrawn()
         assert.is_true(t:wanted(0))
      end
   end)

   it("has a generation of its own", function()
      local t = new(SIGNIN)
      for generation = 1, 3 do
         t:received(0, "t" .. generation, 3600)
         local value, of = t:current(1)
         assert.equal("t" .. generation, value)
         assert.equal(generation, of)
      end
   end)

   it("is renewed when a fifth of its life, but at most 300 s, is left", function()
      for life, renew in pairs { [3600] = 3300, [1500] = 1200, [1000] = 800, [100] = 80, [2] = 1.6 } do
         local t = new(SIGNIN)
         assert.equal(life, t:received(50, "x", life))
         assert.is_false(t:wanted(50 + renew - 0.001), life)
         assert.is_true(t:wanted(50 + renew), life)
         assert.equal("x", (t:current(50 + renew)))
      end
   end)

   it("is used no more when a twentieth of its life, but at most 30 s, is left", function()
      for life, dies in pairs { [3600] = 3570, [600] = 570, [100] = 95, [2] = 1.9 } do
         local t = new(SIGNIN)
         t:received(50, "x", life)
         assert.equal("x", (t:current(50 + dies - 0.001)), life)
         assert.is_nil((t:current(50 + dies)), life)
      end
   end)

   it("fault 26: lives a day at most", function()
      assert.equal(86400, new(SIGNIN):received(0, "x", 1e15))
      assert.equal(86400, new(SIGNIN):received(0, "x", "99999999999999999999"))
      assert.equal(86400, new(SIGNIN):received(0, "x", 86401))
   end)

   it("fault 26: may have its life in digits", function()
      local t = new(SIGNIN)
      assert.equal(100, t:received(0, "x", "100"))
      assert.is_true(t:wanted(80))
   end)

   it("fault 26: lives 300 s where the identity server does not say", function()
      local t = new(SIGNIN)
      assert.equal(300, t:received(0, "x", nil))
      assert.is_true(t:wanted(240))
      assert.is_nil((t:current(285)))
   end)

   it("fault 26: serves one call where its life makes no sense", function()
      for _, life in ipairs { 0, -1, 0 / 0, 1 / 0, -1 / 0, "soon", "", "1.5", "-5", {}, true, false } do
         local t = new(SIGNIN)
         t:begin()
         assert.is_nil(t:received(0, "x", life))
         assert.equal("x", (t:current(1e6)), tostring(life))
         assert.is_false(t:wanted(1e6))
         t:begin()
         assert.is_nil((t:current(0)))
         assert.is_true(t:wanted(0))
      end
   end)

   it("fault 26: serves one call where its life was over before it came, since the next may be so too", function()
      for _, source in ipairs { SIGNIN, print } do
         local t = new(source)
         assert.is_nil(t:received(50, "x", 1, 50.95))
         assert.equal("x", (t:current(60)))
         assert.is_false(t:wanted(60))
         t:begin()
         assert.is_nil((t:current(60)))
         assert.is_true(t:wanted(60))
         assert.equal(1, t:received(60, "x", 1, 60.94))
         assert.equal("x", (t:current(60.94)))
         assert.is_nil((t:current(60.96)))
      end
   end)

   it("with a life serves the calls after it too", function()
      local t = new(SIGNIN)
      t:received(0, "x", 3600)
      t:begin()
      assert.equal("x", (t:current(1)))
   end)

   it("from a function lives until it is refused where the function does not say", function()
      local t = new(fixed("x"))
      assert.is_nil(t:received(0, "x", nil))
      t:begin()
      assert.equal("x", (t:current(1e9)))
      assert.is_false(t:wanted(1e9))
   end)

   it("from a function is renewed by the same rules where it says", function()
      local t = new(fixed("x"))
      assert.equal(100, t:received(0, "x", 100))
      assert.is_false(t:wanted(79))
      assert.is_true(t:wanted(80))
      assert.is_nil((t:current(95)))
   end)
end)

describe("a token that was long in coming", function()
   it("is used until it ends, though another would be due by now", function()
      local t = new(fixed("x"))
      t:received(0, "x", 1, 0.85) -- of 1 s: another is due at 0.8, it is used until 0.95
      assert.equal("x", (t:current(0.9)))
      assert.is_false(t:wanted(0.9))
      assert.is_true(t:wanted(0.95))
   end)
end)

describe("a renewal that fails", function()
   it("fault 25: leaves the old token in use, and is tried again after 60 s", function()
      local t = new(SIGNIN)
      t:received(0, "old", 3600)
      local final, seconds = t:failed(3300, server(503))
      assert.is_false(final)
      assert.equal(60, seconds)
      assert.equal("old", (t:current(3300)))
      assert.is_false(t:wanted(3359))
      assert.is_true(t:wanted(3360))
   end)

   it("is tried again as soon as the old token ends", function()
      local t = new(SIGNIN)
      t:received(0, "old", 100)
      t:failed(80, server(503))
      assert.is_false(t:wanted(94))
      assert.is_true(t:wanted(95))
   end)

   it("leaves the old token in use where the credential is refused", function()
      local t = new(SIGNIN)
      t:received(0, "old", 3600)
      assert.is_false((t:failed(3300, auth())))
      assert.equal("old", (t:current(3300)))
      assert.is_nil(t:refusal_at(3301))
      assert.is_true(t:wanted(3360))
   end)

   it("keeps to a Retry-After that is longer", function()
      local t = new(SIGNIN)
      t:received(0, "old", 3600)
      t:failed(3300, server(429, { retry_after = 200 }))
      assert.is_false(t:wanted(3499))
      assert.is_true(t:wanted(3500))
   end)

   it("is the error once the old token ended, where the identity server asks for more than 120 s", function()
      local t = new(SIGNIN)
      t:received(0, "old", 3600)
      local err, fault = server(503, { retry_after = 3000 })
      t:failed(3300, err, fault)
      assert.equal("old", (t:current(3569)))
      assert.is_nil((t:current(3570)))
      assert.equal(err, t:refusal_at(3570))
   end)

   it("does not count against the attempts for a token that is needed", function()
      local t = new(SIGNIN)
      t:received(0, "old", 3600)
      for _, now in ipairs { 3300, 3360, 3420, 3480, 3540 } do
         t:failed(now, server(503))
      end
      assert.is_true(t:wanted(3570))
      assert.is_false((t:failed(3570, server(503))))
   end)
end)

describe("a token that can't be had", function()
   -- how often it is asked for until it is given up, and the waits between
   local function tries(t, err, fault)
      local waits, now = {}, 0
      while true do
         local final, seconds = t:failed(now, err, fault)
         if final then
            return #waits + 1, waits
         end
         assert.is_false(t:wanted(now + seconds - 0.001))
         now = now + seconds
         assert.is_true(t:wanted(now))
         waits[#waits + 1] = seconds
      end
   end

   it("fault 25: is asked for four times, after full jitter", function()
      local n, waits = tries(new(SIGNIN), server(503))
      assert.equal(4, n)
      assert.same({ 0.25, 0.5, 1 }, waits)
   end)

   it("fault 25: is asked for again after 408, 425, 429, 500, 502, 503, 504 and broken connections only", function()
      for status, n in pairs {
         [408] = 4, [425] = 4, [429] = 4, [500] = 3, [502] = 4, [503] = 4, [504] = 4,
         [400] = 1, [401] = 1, [403] = 1, [404] = 1, [501] = 1, [505] = 1, [302] = 1, [204] = 1,
      } do
         assert.equal(n, (tries(new(SIGNIN), server(status))), status)
      end
      local broken = failure.new("network", "no")
      for code, n in pairs { [6] = 4, [7] = 4, [28] = 4, [35] = 2, [52] = 4, [56] = 4, [60] = 1, [5] = 1, [23] = 1 } do
         assert.equal(n, (tries(new(SIGNIN), broken, { kind = "network", code = code })), code)
      end
   end)

   it("is asked for once more where the answer is no JSON", function()
      assert.equal(2, (tries(new(SIGNIN), failure.new("protocol", "no"), { kind = "protocol", status = 200, torn = true })))
   end)

   it("is asked for once where repeats are switched off", function()
      assert.equal(1, (tries(new(SIGNIN, { max_attempts = 1 }), server(503))))
      assert.equal(2, (tries(new(SIGNIN, { max_attempts = 2 }), server(503))))
      assert.equal(4, (tries(new(SIGNIN, { max_attempts = 100 }), server(503))))
   end)

   it("is asked for after a Retry-After and up to a tenth, at least a second, more", function()
      local _, waits = tries(new(SIGNIN), server(429, { retry_after = 5 }))
      assert.same({ 5.5, 5.5, 5.5 }, waits)
      _, waits = tries(new(SIGNIN, { random = fixed(1) }), server(503, { retry_after = 100 }))
      assert.same({ 110, 110, 110 }, waits)
   end)

   it("is asked for ever more slowly after 429s without a date", function()
      local _, waits = tries(new(SIGNIN), server(429))
      assert.same({ 1.5, 3, 6 }, waits)
   end)

   it("is given up at once where Retry-After is more than 120 s, and not asked for before then, but for an hour at most",
      function()
         for after, remembered in pairs { [121] = 121, [600] = 600, [7200] = 3600, [1 / 0] = 3600 } do
            local t = new(SIGNIN)
            local err, fault = server(429, { retry_after = after })
            assert.is_true((t:failed(1000, err, fault)))
            assert.equal(err, t:refusal_at(1000 + remembered - 1))
            assert.is_false(t:wanted(1000 + remembered - 1))
            assert.is_nil(t:refusal_at(1000 + remembered))
            assert.is_true(t:wanted(1000 + remembered))
         end
      end)

   it("fault 24: is not asked for within 60 s after the credential was refused", function()
      local t, err = new(SIGNIN), auth()
      assert.is_true((t:failed(1000, err, { kind = "auth", status = 400 })))
      assert.equal(err, t:refusal_at(1059))
      assert.is_false(t:wanted(1059))
      assert.is_nil(t:refusal_at(1060))
      assert.is_true(t:wanted(1060))
   end)

   it("may be asked for at once by the next call after a failure of the network", function()
      local t = new(SIGNIN)
      tries(t, server(503))
      assert.is_nil(t:refusal_at(1e6))
      assert.is_true(t:wanted(1e6))
      assert.equal(4, (tries(t, server(503))))
   end)

   it("may be asked of a function at once again", function()
      local t = new(fixed(nil))
      assert.is_true((t:failed(0, auth())))
      assert.is_true(t:wanted(0))
      assert.is_nil(t:refusal_at(0))
   end)

   it("has all its attempts again once it could be had", function()
      local t = new(SIGNIN)
      t:failed(0, server(503))
      t:failed(1, server(503))
      t:received(2, "x", 3600)
      t:refused(1)
      assert.equal(4, (tries(t, server(503))))
   end)
end)

describe("a token that the service refused", function()
   it("fault 20: is given up, and another is asked for", function()
      local t = new(fixed("x"))
      t:received(0, "one")
      assert.is_true(t:refused(1))
      assert.is_nil((t:current(0)))
      assert.is_true(t:wanted(0))
      t:received(0, "two")
      local value, generation = t:current(0)
      assert.equal("two", value)
      assert.equal(2, generation)
   end)

   it("fault 27: is asked for once where many pages meet a 401 at once", function()
      local t = new(SIGNIN)
      t:received(0, "one", 3600)
      for _ = 1, 12 do
         assert.is_true(t:refused(1))
      end
      t:received(1, "two", 3600)
      for _ = 1, 12 do
         assert.is_true(t:refused(1))
         assert.equal("two", (t:current(2)))
         assert.is_false(t:wanted(2))
      end
   end)

   it("fault 28: is no more worth another where three in a row were refused", function()
      local t = new(SIGNIN)
      for generation = 1, 3 do
         t:received(0, "t", 3600)
         assert.is_true(t:refused(generation))
      end
      t:received(0, "t", 3600)
      local err = auth()
      assert.is_false(t:refused(4, 100, err))
      assert.are_not.equal(err, t:refusal_at(159))
      assert.equal(tostring(err), tostring(t:refusal_at(159)))
      assert.is_false(t:wanted(159))
      assert.is_true(t:wanted(160))
      t:received(0, "t", 3600)
      t:taken()
      assert.is_true(t:refused(5))
   end)
end)

describe("token:hide", function()
   it("security 14: takes the token and the one before out of a text", function()
      local t = new(SIGNIN)
      assert.equal("a b", t:hide("a b"))
      t:received(0, "first.token", 3600)
      assert.equal("a [token] b", t:hide("a first.token b"))
      t:received(0, "second.token", 3600)
      assert.equal("[token] and [token]", t:hide("first.token and second.token"))
      t:refused(2)
      assert.equal("was [token]", t:hide("was second.token"))
   end)
end)
