-- lua/avepoint/elements/token.lua: the bearer that requests carry, and when another is asked for.

local failure = require("avepoint.elements.failure")
local token = require("avepoint.elements.token")

local SECRET = "s3cret-canary"

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
   it("is given again and again, as the first generation", function()
      local t = token.new(SECRET)
      for _ = 1, 3 do
         local value, generation = t:get()
         assert.equal(SECRET, value)
         assert.equal(1, generation)
      end
   end)

   it("fault 20: is not worth a repeat when it is refused, and stays", function()
      local t = token.new(SECRET)
      local _, generation = t:get()
      assert.is_false(t:refused(generation))
      assert.equal(SECRET, (t:get()))
   end)

   it("security 14: is not found by tostring, pairs or the fields of its object", function()
      for _, source in ipairs { SECRET, function() return SECRET end } do
         local t = token.new(source)
         t:get()
         assert.is_nil(tostring(t):find(SECRET, 1, true))
         for key, value in pairs(t) do
            assert.is_nil(tostring(key):find(SECRET, 1, true))
            assert.is_nil(tostring(value):find(SECRET, 1, true))
         end
      end
   end)
end)

describe("a token that is a function", function()
   local function counting(values)
      local calls = 0
      return token.new(function(...)
         assert.equal(0, select("#", ...))
         calls = calls + 1
         local value = values[calls] or values[#values]
         if type(value) == "table" then
            return table.unpack(value, 1, 2)
         end
         return value
      end), function() return calls end
   end

   it("is not asked before it is needed, and then once", function()
      local t, calls = counting { "one", "two" }
      assert.equal(0, calls())
      for _ = 1, 3 do
         local value, generation = t:get()
         assert.equal("one", value)
         assert.equal(1, generation)
      end
      assert.equal(1, calls())
   end)

   it("may give a lifetime with the token", function()
      local t = counting { { "one", 3600 } }
      assert.equal("one", (t:get()))
   end)

   it("fault 20: is asked again after its token was refused", function()
      local t, calls = counting { "one", "two" }
      local _, generation = t:get()
      assert.is_true(t:refused(generation))
      local value, later = t:get()
      assert.equal("two", value)
      assert.equal(2, later)
      assert.equal(2, calls())
   end)

   it("fault 27: is asked once where many pages meet a 401 at once", function()
      local t, calls = counting { "one", "two", "three" }
      local _, generation = t:get()
      for _ = 1, 12 do
         assert.is_true(t:refused(generation))
         assert.equal("two", (t:get()))
      end
      assert.equal(2, calls())
      assert.is_true(t:refused(2))
      assert.equal("three", (t:get()))
   end)

   it("gives an error of kind auth with its message where it gives nil", function()
      local t = counting { { nil, "the vault is sealed" } }
      local value, err = t:get()
      assert.is_nil(value)
      assert.is_true(failure.is(err))
      assert.equal("auth: no token: the vault is sealed", tostring(err))
      assert.is_false(err.retryable)
   end)

   it("gives an error of kind auth where it gives nil or false alone, or a message that is no string", function()
      for _, given in ipairs { { nil }, { false }, { nil, 404 }, { nil, {} }, { false, true } } do
         local t = counting { given }
         local value, err = t:get()
         assert.is_nil(value)
         assert.equal("auth: no token: the token function gave none", tostring(err))
      end
   end)

   it("security 15: has a message that acts on no terminal", function()
      local _, err = counting({ { nil, "\27[2J\r\ngone" .. ("x"):rep(5000) } }):get()
      assert.equal([[\x1b[2J gonexxx]], err.message:match("^no token: (.-xxx)"))
      assert.is_true(#err.message < 300)
   end)

   it("security 6: gives an error of kind auth for a token with a flaw, without the token", function()
      for given, flaw in pairs {
         [SECRET .. "\n"] = 'ends with a newline; strip it, as in io.read("l")',
         ["Bearer " .. SECRET] = 'begins with "Bearer "; give the token alone',
         [SECRET .. "\r\nX-Injected: 1"] = "holds a character that no token has; give it as the identity server sent it",
         [""] = "is empty",
         [12] = "is a number, not a string",
         [true] = "is a boolean, not a string",
         [print] = "is a function, not a string",
      } do
         local t, calls = counting { given, "good" }
         local value, err = t:get()
         assert.is_nil(value)
         assert.equal("auth: what the token function gave " .. flaw, tostring(err))
         assert.equal("good", (t:get()))
         assert.equal(2, calls())
      end
   end)

   it("raises through what it raises, unchanged, and is asked again", function()
      local thing, fail = {}, true
      local t = token.new(function()
         if fail then
            error(thing)
         end
         return "good"
      end)
      local ok, raised = pcall(t.get, t)
      assert.is_false(ok)
      assert.equal(thing, raised)
      fail = false
      assert.equal("good", (t:get()))
   end)

   it("keeps no generation from a function that failed", function()
      local t = counting { { nil, "no" }, "one" }
      t:get()
      local _, generation = t:get()
      assert.equal(1, generation)
   end)
end)
