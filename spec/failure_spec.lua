-- lua/avepoint/elements/failure.lua: the error values, and foreign text in them.

local failure = require("avepoint.elements.failure")

describe("an error", function()
   it("has its kind, its message and whether the same call may succeed later", function()
      local err = failure.new("network", "no way", { retryable = true, page_index = 3 })
      assert.equal("network", err.kind)
      assert.equal("no way", err.message)
      assert.is_true(err.retryable)
      assert.equal(3, err.page_index)
      assert.is_false(failure.new("auth", "no").retryable)
   end)

   it("is known by is_error, and nothing else is", function()
      assert.is_true(failure.is(failure.new("auth", "no")))
      for _, v in ipairs { "auth: no", 1, true, {}, setmetatable({}, { __name = "avepoint.Error" }), io.stdout } do
         assert.is_false(failure.is(v))
      end
      assert.is_false(failure.is(nil))
   end)

   it("reads as one line with its kind, its message and the facts there are", function()
      assert.equal("auth: no", tostring(failure.new("auth", "no")))
      assert.equal("server: down (HTTP 503)", tostring(failure.new("server", "down", { status = 503, attempts = 1 })))
      assert.equal("server: down (HTTP 503, page 7, 3 attempts, request id abc)", tostring(failure.new("server", "down", {
         status = 503, page_index = 7, attempts = 3, request_id = "abc",
      })))
   end)

   it("fault 24: says how far this machine's clock is off", function()
      assert.equal("auth: no (this machine's clock is 90 s ahead of the server's: set it)",
         tostring(failure.new("auth", "no", { clock_skew = 90 })))
      assert.equal("auth: no (HTTP 401, page 1, request id abc, this machine's clock is 3600 s behind the server's: set it)",
         tostring(failure.new("auth", "no", { clock_skew = -3600, status = 401, page_index = 1, request_id = "abc" })))
   end)

   it("can be put together with strings, numbers and other errors", function()
      local err = failure.new("auth", "no")
      assert.equal("failed: auth: no", "failed: " .. err)
      assert.equal("auth: no!", err .. "!")
      assert.equal("auth: no1", err .. 1)
      assert.equal("auth: noauth: no", err .. err)
   end)
end)

describe("failure.copy", function()
   it("is another error with the same fields", function()
      local receipt = {}
      local err = failure.new("auth", "no", { status = 401, oauth_error = "invalid_client", clock_skew = 90, receipt = receipt })
      local copy = failure.copy(err)
      assert.not_equal(err, copy)
      assert.is_true(failure.is(copy))
      assert.same(err, copy)
      assert.equal(receipt, copy.receipt)
      assert.equal(tostring(err), tostring(copy))
   end)

   it("leaves its model alone when it is changed", function()
      local err = failure.new("auth", "no")
      local copy = failure.copy(err)
      copy.message, copy.page_index = "yes", 7
      assert.equal("auth: no", tostring(err))
      assert.is_nil(err.page_index)
   end)
end)

describe("failure.clean", function()
   local clean = failure.clean

   it("leaves printable text alone", function()
      for _, text in ipairs { "", "plain", "ÄÖ ß 日本 🦊 Σοφία", "a\\x1b" } do
         assert.equal(text, clean(text))
      end
   end)

   it("makes every run of white space one blank", function()
      assert.equal("a b c", clean("a\r\n\tb \v\f c"))
   end)

   it("shows C0, DEL and C1 as \\xNN", function()
      for byte = 0, 255 do
         local shown = clean("<" .. utf8.char(byte) .. ">")
         if byte >= 0x21 and byte <= 0x7e or byte >= 0xa0 then
            assert.equal("<" .. utf8.char(byte) .. ">", shown)
         elseif byte == 0x20 or byte >= 9 and byte <= 13 then
            assert.equal("< >", shown)
         else
            assert.equal(("<\\x%02x>"):format(byte), shown)
         end
      end
   end)

   it("shows marks that turn the writing direction, and line separators, as ?", function()
      for _, code in ipairs {
         0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
      } do
         assert.equal("a?b", clean("a" .. utf8.char(code) .. "b"), ("U+%04X"):format(code))
      end
   end)

   it("shows each byte beyond ASCII as \\xNN where the text is no UTF-8", function()
      assert.equal([[caf\xe9 \xff]], clean("caf\xe9 \xff"))
      assert.equal([[\xed\xa0\x80]], clean("\xed\xa0\x80"))
      assert.equal([[\xc0\xaf]], clean("\xc0\xaf"))
      assert.equal([[\xf4\x90\x80\x80]], clean("\xf4\x90\x80\x80"))
   end)

   it("keeps well-formed UTF-8 when it shortens", function()
      for _, text in ipairs { "a" .. ("é"):rep(300), ("日"):rep(300), "ab" .. ("🦊"):rep(300), ("é"):rep(300) } do
         local short = clean(text)
         assert.equal(text:sub(1, #short), short)
         assert.is_true(#short >= 252 and #short <= 256, #short)
      end
   end)

   it("gives at most as many bytes as it may, and cuts no shown byte or character in two", function()
      for limit = 0, 40 do
         for _, text in ipairs { ("x"):rep(99), ("\1"):rep(99), ("\xff"):rep(99), ("é"):rep(99), "x" .. ("\xc2\x9b"):rep(99) } do
            local short = clean(text, limit)
            assert.is_true(#short <= limit)
            assert.is_truthy(utf8.len(short))
         end
      end
   end)

   it("gives 256 bytes of 64 kB at once", function()
      local before = os.clock()
      assert.equal(("x"):rep(256), clean(("x"):rep(65536)))
      assert.equal([[\x1b]], clean(("\27"):rep(65536)):sub(1, 4))
      assert.equal(" ", clean((" "):rep(65536)))
      assert.is_true(os.clock() - before < 0.1)
   end)
end)

describe("security 14: failure.without", function()
   local without = failure.without
   local SECRET = "can&ary=\"of/a<secret>\\ žlu+%"
   local SPELLINGS = {
      ["as it is"] = SECRET,
      ["percent-encoded"] = "can%26ary%3D%22of%2Fa%3Csecret%3E%5C%20%C5%BElu%2B%25",
      ["percent-encoded in small letters"] = "can%26ary%3d%22of%2fa%3csecret%3e%5c%20%c5%belu%2b%25",
      ["form-encoded with +"] = "can%26ary%3D%22of%2Fa%3Csecret%3E%5C+%C5%BElu%2B%25",
      ["form-encoded with + in small letters"] = "can%26ary%3d%22of%2fa%3csecret%3e%5c+%c5%belu%2b%25",
      ["as HTML has it"] = "can&amp;ary=&quot;of/a&lt;secret&gt;\\ žlu+%",
      ["as JSON has it"] = "can&ary=\\\"of\\/a<secret>\\\\ žlu+%",
   }

   for name, spelling in pairs(SPELLINGS) do
      it("takes out a secret " .. name .. ", wherever it stands", function()
         assert.equal("[gone]", without(spelling, SECRET, "[gone]"))
         assert.equal("a [gone] b", without("a " .. spelling .. " b", SECRET, "[gone]"))
         assert.equal("[gone][gone]x[gone]", without(spelling .. spelling .. "x" .. spelling, SECRET, "[gone]"))
      end)

      it("takes out a secret " .. name .. ", cut short at the text's end", function()
         for n = 4, #spelling - 1 do
            local left = without("a " .. spelling:sub(1, n), SECRET, "[gone]")
            assert.equal("a [gone]", left)
            assert.equal("[gone]", without(spelling:sub(1, n), SECRET, "[gone]"))
         end
         for n = 1, 3 do
            assert.equal("a " .. spelling:sub(1, n), without("a " .. spelling:sub(1, n), SECRET, "[gone]"))
         end
      end)
   end

   it("takes out none that is cut short elsewhere, and nothing else", function()
      for _, text in ipairs { "", "a", "can&ary is none", "canary", "[gone]", "a can&ary=\"of/a b" } do
         assert.equal(text, without(text, SECRET, "[gone]"))
      end
   end)

   it("takes out a mark's own words once", function()
      assert.equal("the [secret] is [secret]", without("the secret is secret", "secret", "[secret]"))
      assert.equal("[e]", without("e", "e", "[e]"))
   end)

   it("takes patterns for what they are", function()
      for _, secret in ipairs { "%d+.*", "(a)[b]", "^$%", "a-b?c", "%1%0" } do
         assert.equal("x 12 [%1]", without("x 12 " .. secret, secret, "[%1]"))
      end
   end)

   it("is quick where text and secret are long and alike", function()
      local before = os.clock()
      assert.equal("[gone]", without(("a"):rep(8191), ("a"):rep(8192), "[gone]"))
      without(("a"):rep(16384), ("a"):rep(8191) .. "b", "[gone]")
      without(("e"):rep(65536), "e", "[secret]")
      assert.is_true(os.clock() - before < 0.5, os.clock() - before)
   end)
end)
