-- lua/avepoint/elements/signin.lua: the form that is posted, and what the identity server's answer means. Answers are real
-- ones, from the raw-socket server; the sandbox's endpoint reads the form.

local certificate = require("avepoint.elements.certificate")
local certs = require("spec.sandbox.certs")
local cjson = require("cjson")
local elements = require("avepoint.elements")
local failure = require("avepoint.elements.failure")
local liar = require("spec.sandbox.liar")
local mime = require("mime")
local requests = require("spec.support.requests")
local sandboxes = require("spec.sandbox.sandbox")
local signin = require("avepoint.elements.signin")
local walks = require("spec.support.walks")

local CLIENT, URL, SCOPE = "5c9f2f4e-0f4b", "https://identity.example/connect/token", "elements.um.user.read.all"
local NEWLINE = 'ends with a newline; strip it, as in io.read("l")'

local server, handle, sandbox, own

setup(function()
   server = liar.start()
   sandbox = sandboxes.start()
   handle = requests.open()
   certs.client(sandbox.dir, "app")
   own = assert(certificate.load({
      certificate = sandbox.dir .. "/app.pem", private_key = sandbox.dir .. "/app.key",
   }, os.time()))
   sandbox:register(sandbox.dir .. "/app.pem")
end)

teardown(function()
   handle:close()
   server:stop()
   sandbox:stop()
end)

local function with_secret(secret, fields)
   local parts = { client_id = CLIENT, token_url = URL, cleartext = false, scope = SCOPE, wall = os.time, secret = secret }
   for name, value in pairs(fields or {}) do
      parts[name] = value
   end
   return signin.new(parts)
end

local function with_certificate(fields)
   fields = fields or {}
   fields.certificate = fields.certificate or own
   return with_secret(nil, fields)
end

-- The names of a form in their order, and its values by name; nil where it is not form-encoded in ASCII, or has a name twice.
local function read_form(body)
   local names, values = {}, {}
   for part in (body .. "&"):gmatch("([^&]*)&") do
      local name, value = part:match("^([%w_]+)=([%w._~%%+-]*)$")
      if not name or values[name] or value:gsub("%%%x%x", ""):find("%", 1, true) then
         return nil
      end
      names[#names + 1] = name
      values[name] = value:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
   end
   return table.concat(names, " "), values
end

local function claims_of(jwt)
   local text = jwt:match("^[^.]+%.([^.]+)"):gsub("-", "+"):gsub("_", "/")
   return cjson.decode(mime.unb64(text .. ("="):rep(-#text % 4)) or "")
end

describe("signin.flaw", function()
   it("security 7: is nil for what a secret may be", function()
      for _, good in ipairs { "x", " ", "a&b=c+d%e", "žluťoučký 🦊", "\x80\xff", ("x"):rep(8192), "Bearer x", "a'b\"c\\d" } do
         assert.is_nil(signin.flaw(good), good)
      end
   end)

   it("security 7: says what is wrong, and never shows it", function()
      assert.equal("is a nil, not a string", signin.flaw(nil))
      assert.equal("is a number, not a string", signin.flaw(12))
      assert.equal("is a table, not a string", signin.flaw({}))
      assert.equal("is empty", signin.flaw(""))
      assert.equal("has 8193 bytes, more than 8192", signin.flaw(("x"):rep(8193)))
      for _, ending in ipairs { "\n", "\r", "\r\n", "\n\n" } do
         assert.equal(NEWLINE, signin.flaw("canary" .. ending))
      end
      for byte = 0, 127 do
         local c = string.char(byte)
         if c:find("%c") then
            assert.equal("holds a control character", signin.flaw(c .. "canary"))
            assert.equal("holds a control character", signin.flaw("canary" .. c .. "canary"))
         end
      end
   end)
end)

describe("signin:form", function()
   local EVERY = {}
   for byte = 32, 255 do
      EVERY[#EVERY + 1] = byte ~= 127 and string.char(byte) or nil
   end

   for name, secret in pairs {
      ["with & = + %"] = "a&b=c+d%e&client_id=x&", ["in UTF-8"] = "žluťoučký kůň 日本 🦊", ["with blanks at its ends"] = "  a b  ",
      ["that looks encoded"] = "%41%zz%a+%2B", ["of every byte but control ones"] = table.concat(EVERY),
      ["of 8192 bytes"] = ("&"):rep(8192),
   } do
      it("security 7: carries a secret " .. name .. " whole", function()
         local names, values = read_form(assert(with_secret(secret):form()))
         assert.equal("grant_type client_id scope client_secret", names)
         assert.same({ grant_type = "client_credentials", client_id = CLIENT, scope = SCOPE, client_secret = secret }, values)
      end)
   end

   it("security 7: encodes the client id and the scope as well", function()
      local _, values = read_form(with_secret("x", { client_id = "a&scope=b+c%41", scope = "one two/three&x=y" }):form())
      assert.equal("a&scope=b+c%41", values.client_id)
      assert.equal("one two/three&x=y", values.scope)
   end)

   it("security 7: has an assertion in place of a secret, never both", function()
      local names, values = read_form(assert(with_certificate():form()))
      assert.equal("grant_type client_id scope client_assertion_type client_assertion", names)
      assert.equal("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", values.client_assertion_type)
      assert.matches("^[%w_-]+%.[%w_-]+%.[%w_-]+$", values.client_assertion)
      names = read_form(assert(with_certificate({ secret = "x" }):form()))
      assert.equal("grant_type client_id scope client_assertion_type client_assertion", names)
   end)

   it("security 17: has an assertion for this client, this address and this moment", function()
      local _, values = read_form(with_certificate({ wall = function() return own.not_before // 1 | 0 end }):form())
      local claims = claims_of(values.client_assertion)
      assert.equal(CLIENT, claims.iss)
      assert.equal(CLIENT, claims.sub)
      assert.equal(URL, claims.aud)
      assert.equal(own.not_before - 30, claims.iat)
      assert.equal(own.not_before + 270, claims.exp)
   end)

   it("fault 25: has a new jti of 128 random bits in every attempt", function()
      local asked, known = {}, {}
      local counted = setmetatable({
         random = function(n)
            asked[#asked + 1] = n
            return own.random(n)
         end,
      }, { __index = own })
      local s = with_certificate { certificate = counted }
      for _ = 1, 20 do
         local _, values = read_form(s:form())
         local jti = claims_of(values.client_assertion).jti
         assert.matches("^" .. ("%x"):rep(32) .. "$", jti)
         assert.is_nil(known[jti])
         known[jti] = true
      end
      assert.equal(20, #asked)
      for _, n in ipairs(asked) do
         assert.equal(16, n)
      end
   end)

   it("security 13: calls the secret's function once for each, without arguments, and takes what it gives", function()
      local calls = 0
      local s = with_secret(function(...)
         assert.equal(0, select("#", ...))
         calls = calls + 1
         return "secret " .. calls, "ignored"
      end)
      assert.equal(0, calls)
      for i = 1, 3 do
         local _, values = read_form(s:form())
         assert.equal("secret " .. i, values.client_secret)
         assert.equal(i, calls)
      end
   end)

   it("gives an error of kind auth with the function's words where it gives none", function()
      for _, case in ipairs {
         { { nil, "the vault is sealed" }, "the vault is sealed" }, { { false, "no" }, "no" },
         { {}, "the function gave none" }, { { nil, 404 }, "the function gave none" },
         { { nil, "\27[2J\r\nx" }, "\\x1b[2J x" },
      } do
         local body, err = with_secret(function() return table.unpack(case[1], 1, 2) end):form()
         assert.is_nil(body)
         assert.is_true(failure.is(err))
         assert.equal("auth: no token: client_secret: " .. case[2], tostring(err))
         assert.is_false(err.retryable)
      end
   end)

   it("gives an error of kind auth where the function gives what can't be a secret, without showing it", function()
      for _, case in ipairs {
         { "canary\n", NEWLINE }, { "can\0ary", "holds a control character" }, { "", "is empty" },
         { 12, "is a number, not a string" }, { true, "is a boolean, not a string" },
         { ("x"):rep(8193), "has 8193 bytes, more than 8192" },
      } do
         local body, err = with_secret(function() return case[1] end):form()
         assert.is_nil(body)
         assert.equal("auth: no token: what the client_secret function gave " .. case[2], tostring(err))
      end
   end)

   it("raises through what the function raises, unchanged", function()
      local thing = {}
      local s = with_secret(function() error(thing) end)
      local ok, raised = pcall(s.form, s)
      assert.is_false(ok)
      assert.equal(thing, raised)
   end)

   it("fault 65: gives an error of kind auth once the certificate has expired", function()
      local now = os.time()
      local s = with_certificate { wall = function() return now end }
      assert.is_string(s:form())
      now = (own.not_after // 1 | 0) + 1
      local body, err = s:form()
      assert.is_nil(body)
      assert.equal("auth: no token: the certificate expired on " .. os.date("!%Y-%m-%d", own.not_after // 1 | 0)
         .. "; register a new one", tostring(err))
   end)
end)

describe("the sandbox's endpoint", function()
   local function count(options, knobs)
      knobs = knobs or {}
      knobs.run = sandbox:new_run()
      local o = {
         client_id = sandbox.client_id, base_url = sandbox:base { run = knobs.run }, token_url = sandbox:token_url(knobs),
         ca_file = sandbox.ca_file, proxy = "",
      }
      for name, value in pairs(options) do
         o[name] = value
      end
      local client <close> = assert(elements.client(o))
      local n, err = client:tenant(sandbox.customer_id, sandbox.tenant_id):count()
      return n, sandbox:count(knobs.run, "token"), err
   end

   it("security 7: gets a secret with & = + %, UTF-8 and a blank whole", function()
      for _, c in ipairs { "&", "=", "+", "%", " ", "ž", "/" } do
         assert.is_truthy(sandbox.client_secret:find(c, 1, true), c)
      end
      assert.equal(250, (count { client_secret = sandbox.client_secret }))
      local n, _, err = count { client_secret = sandbox.client_secret:gsub(" ", "+") }
      assert.is_nil(n)
      assert.equal("invalid_client", err.oauth_error)
   end)

   it("security 13: calls the secret's function once per request for a token", function()
      local calls = 0
      local n, asked = count({
         client_secret = function()
            calls = calls + 1
            return sandbox.client_secret
         end,
      }, { token_fail = "503:later:1" })
      assert.equal(250, n)
      assert.equal(2, calls)
      assert.equal(2, asked)
   end)

   it("fault 25: takes the assertion of a certificate, and a new one after a failure", function()
      local n, asked = count({ certificate = sandbox.dir .. "/app.pem", private_key = sandbox.dir .. "/app.key" },
         { token_fail = "503:later:1" })
      assert.equal(250, n)
      assert.equal(2, asked)
   end)
end)

describe("signin:read", function()
   -- the identity server's answer with this status and body, as the core gives it
   local function answer(status, body)
      return requests.post(handle, server:token_url { json = server:upload(body), status = status, framing = "length" }, {
         body = "a=b", form = true, fresh = true, limit = signin.LIMIT,
      })
   end

   -- its error
   local function failed(status, body, s)
      local value, err, torn = (s or with_secret("x")):read(answer(status, body))
      assert.is_nil(value)
      assert.is_true(failure.is(err))
      assert.is_nil(tostring(err):find("%c"))
      return err, torn
   end

   describe("of a 200", function()
      local function body_of(fields)
         local all = { access_token = "abc", expires_in = 3600, token_type = "Bearer", scope = SCOPE }
         for name, value in pairs(fields) do
            all[name] = value
         end
         return cjson.encode(all)
      end

      it("gives token, life and scope", function()
         assert.same({ "abc", 3600, SCOPE }, { with_secret("x"):read(answer(200, body_of {})) })
         assert.same({ "liar-token", 3600, SCOPE }, { with_secret("x"):read(answer(200,
            '{"access_token":"liar-token","expires_in":3600,"token_type":"Bearer","scope":"elements.um.user.read.all"}')) })
      end)

      it("fault 26: takes Bearer in any case", function()
         for _, kind in ipairs { "bearer", "BEARER", "bEaReR" } do
            assert.equal("abc", (with_secret("x"):read(answer(200, body_of { token_type = kind }))))
         end
      end)

      it("fault 26: gives the life as it came, and nil where it is missing or null", function()
         for _, life in ipairs { 1, 0, -1, 3599.5, 1e15, "3600", "soon", "", true } do
            assert.equal(life, (select(2, with_secret("x"):read(answer(200, body_of { expires_in = life })))))
         end
         for _, body in ipairs {
            '{"access_token":"abc","token_type":"Bearer"}', '{"access_token":"abc","token_type":"Bearer","expires_in":null}',
         } do
            assert.same({ "abc" }, { with_secret("x"):read(answer(200, body)) })
         end
      end)

      it("gives no scope where it is missing, blank or no string, and one printable line of it else", function()
         for _, scope in ipairs { "", " ", 7, true } do
            assert.same({ "abc", 3600 }, { with_secret("x"):read(answer(200, body_of { scope = scope })) })
         end
         local _, _, scope = with_secret("x"):read(answer(200, body_of { scope = "a\r\nb\27[2J" .. ("x"):rep(2000) }))
         assert.equal("a b\\x1b[2J" .. ("x"):rep(502), scope)
      end)

      local LAST = "; this is no answer of an identity server: check token_url"
      local BAD = "holds a character that no token has; give it as the identity server sent it"
      local SHAPES = {
         { "is empty", "", "the answer is not JSON", true },
         { "is a page", "<html>sign in</html>", "the answer is not JSON", true },
         { "is cut", '{"access_token":"abc', "the answer is not JSON", true },
         { "is null", "null", "the answer is not JSON", true },
         { "is a string", '"abc"', "the answer is not JSON", true },
         { "is two objects", '{"access_token":"abc"}{}', "the answer is not JSON", true },
         { "has a NUL behind it", '{"access_token":"abc","token_type":"Bearer"}\0', "the answer is not JSON", true },
         { "is nested too deep", ("["):rep(40) .. ("]"):rep(40), "the answer is not JSON", true },
         { "is an array", "[]", "access_token is missing" },
         { "is an array of objects", '[{"access_token":"abc"}]', "access_token is missing" },
         { "is an empty object", "{}", "access_token is missing" },
         { "has another token", '{"id_token":"abc","token_type":"Bearer"}', "access_token is missing" },
         { "has a null for the token", '{"access_token":null,"token_type":"Bearer"}', "access_token is missing" },
         { "has an empty token", body_of { access_token = "" }, "access_token is empty" },
         { "has a number for the token", body_of { access_token = 7 }, "access_token is a number, not a string" },
         { "has an object for the token", '{"access_token":{"a":1}}', "access_token is a table, not a string" },
         { "has a boolean for the token", body_of { access_token = true }, "access_token is a boolean, not a string" },
         { "has a token of 8193 bytes", body_of { access_token = ("a"):rep(8193) },
            "access_token has 8193 bytes, more than 8192" },
         { "has a token with a header in it", body_of { access_token = "abc\r\nX-Evil: 1" }, "access_token " .. BAD },
         { "has a token with a blank", body_of { access_token = "a b" }, "access_token " .. BAD },
         { "has a token with a NUL", body_of { access_token = "a\0b" }, "access_token " .. BAD },
         { "has a token in UTF-8", body_of { access_token = "ž" }, "access_token " .. BAD },
         { "has a token with a newline at its end", body_of { access_token = "abc\n" }, "access_token " .. NEWLINE },
         { "has a token with its type in front", body_of { access_token = "Bearer abc" },
            'access_token begins with "Bearer "; give the token alone' },
         { "has no token_type", '{"access_token":"abc"}', "token_type is missing" },
         { "has a null for token_type", '{"access_token":"abc","token_type":null}', "token_type is missing" },
         { "has another token_type", body_of { token_type = "DPoP" }, "token_type is not Bearer" },
         { "has an empty token_type", body_of { token_type = "" }, "token_type is not Bearer" },
         { "has a number for token_type", body_of { token_type = 7 }, "token_type is no string" },
         { "has a life beyond every number", '{"access_token":"abc","expires_in":1e999,"token_type":"Bearer"}',
            "expires_in is a number out of range" },
         { "has a null in an array", '{"a\\u001b[2J":[null]}', "a\\x1B[2J[1] is a null inside an array" },
      }
      for _, case in ipairs(SHAPES) do
         it("fault 26: is protocol where the body " .. case[1] .. (case[4] and ", and may be asked for again" or ""), function()
            local err, torn = failed(200, case[2])
            assert.equal("protocol: no token: " .. case[3] .. LAST .. " (HTTP 200)", tostring(err))
            assert.equal("protocol", err.kind)
            assert.equal(200, err.status)
            assert.is_false(err.retryable)
            assert.equal(case[4], torn)
         end)
      end

      it("fault 26: shows nothing of a token that can't be one", function()
         for _, value in ipairs { "canary-canary\r\n", "canary-canary canary", "Bearer canary-canary", ("canary"):rep(2000) } do
            assert.is_nil(tostring(failed(200, body_of { access_token = value })):find("canary"))
         end
      end)

      it("fault 26: is protocol where the body has more than 64 kB", function()
         local err = failed(200, body_of { padding = ("a"):rep(70000) })
         assert.equal("protocol: no token: the answer is larger than it can be; check token_url", tostring(err))
      end)
   end)

   describe("of a refusal", function()
      local CLIENT_TEXT = "the identity server does not accept this client; check client_id, environment and "
      local NOT_ALLOWED = "the app registration may not sign in by client credentials; check it under Elements > API app "
         .. "registration"
      local ELSE = "the identity server refuses; check client_id, token_url and environment"
      local ADVICE = {
         invalid_client = CLIENT_TEXT .. "client_secret",
         invalid_scope = "the app registration may not have the scope elements.um.user.read.all; grant it under Elements > "
            .. "API app registration",
         unauthorized_client = NOT_ALLOWED, unsupported_grant_type = NOT_ALLOWED, invalid_request = ELSE,
         invalid_grant = ELSE, something_new = ELSE,
      }
      for code, text in pairs(ADVICE) do
         it("fault 24: " .. code .. " is auth, not worth a repeat, with the code and what to do", function()
            for _, status in ipairs { 400, 401, 403 } do
               local err = failed(status, ('{"error":%q}'):format(code))
               assert.equal(("auth: no token: %s; it says %q (HTTP %d)"):format(text, code, status), tostring(err))
               assert.equal("auth", err.kind)
               assert.equal(code, err.oauth_error)
               assert.equal(status, err.status)
               assert.is_false(err.retryable)
               err = failed(status, ('{"error":%q,"error_description":"for a reason"}'):format(code))
               assert.equal(text, err.message:match("^no token: (.*); it says"))
               assert.equal(code .. ": for a reason", err.message:match('; it says "(.*)"$'))
               assert.equal(code, err.oauth_error)
            end
         end)
      end

      it("fault 24: invalid_client of a certificate says to look at that", function()
         local err = failed(400, '{"error":"invalid_client"}', with_certificate())
         assert.equal("no token: " .. CLIENT_TEXT .. 'that the certificate is the one of the app registration; it says '
            .. '"invalid_client"', err.message)
      end)

      it("fault 24: invalid_scope names the scope that was asked for, in one printable line", function()
         local err = failed(400, '{"error":"invalid_scope"}', with_secret("x", { scope = "one two" }))
         assert.matches("may not have the scope one two; grant it", err.message)
      end)

      it("fault 24: has no code where there is none, whatever the body", function()
         for _, body in ipairs {
            "", "{}", "[]", "null", "<html>no</html>", '{"error":null}', '{"error":7}', '{"error":{"code":"x"}}', '{"error":""}',
            '{"error":" "}', '{"message":"no"}', '{"error_description":"alone"}', '{"error":"invalid_client"', "\0\1\2",
         } do
            for _, status in ipairs { 400, 401, 404, 405, 451, 499 } do
               local err = failed(status, body)
               assert.equal(("auth: no token: %s (HTTP %d)"):format(ELSE, status), tostring(err))
               assert.is_nil(err.oauth_error)
            end
         end
      end)

      it("security 15: acts on no terminal, and is short", function()
         local err = failed(400, [[{"error":"\u001b[2J","error_description":"\u001b]0;gone\u0007\r\na\u0000\u007f\u009b\u202e"}]])
         assert.equal("\\x1b[2J", err.oauth_error)
         assert.equal('no token: ' .. ELSE .. '; it says "\\x1b[2J: \\x1b]0;gone\\x07 a\\x00\\x7f\\x9b?"', err.message)
         err = failed(400, cjson.encode { error = ("e"):rep(3000), error_description = ("d"):rep(3000) })
         assert.equal(("e"):rep(64), err.oauth_error)
         assert.equal(("e"):rep(64) .. ": " .. ("d"):rep(256), err.message:match('; it says "(.*)"$'))
      end)
   end)

   local OTHERS = {
      [408] = { "timeout", true, "the identity server was not ready; try again" },
      [425] = { "timeout", true, "the identity server was not ready; try again" },
      [429] = { "throttled", true, "the identity server limits the rate of requests; try again later" },
      [201] = { "protocol", false, "the answer's status is none of an identity server; check token_url and proxies" },
      [301] = { "redirect", false, "the identity server sends elsewhere, which is never followed; check token_url" },
   }
   for _, status in ipairs { 500, 501, 502, 503, 504, 505, 599 } do
      OTHERS[status] = { "server", true, "the identity server failed; try again later" }
   end
   for _, status in ipairs { 202, 204, 206, 600, 999 } do
      OTHERS[status] = OTHERS[201]
   end
   for _, status in ipairs { 300, 302, 303, 304, 307, 308, 399 } do
      OTHERS[status] = OTHERS[301]
   end
   for status, case in pairs(OTHERS) do
      it(("faults 17-25: %d is %s, %s"):format(status, case[1], case[2] and "worth a repeat" or "not worth a repeat"), function()
         local body = (status == 204 or status == 304) and "" or '{"error":"invalid_client","error_description":"canary"}'
         local err = failed(status, body)
         assert.equal(("%s: no token: %s (HTTP %d)"):format(case[1], case[3], status), tostring(err))
         assert.equal(case[2], err.retryable)
         assert.is_nil(err.oauth_error)
      end)
   end

   it("faults 1-14: of an answer that is none says what broke, and names token_url", function()
      local function broken(fields)
         local taken = { id = 1, ended = "answered", code = 0, status = 0, connect_status = 0, message = "words", headers = "" }
         for name, value in pairs(fields) do
            taken[name] = value
         end
         local value, err = with_secret("x"):read(taken)
         assert.is_nil(value)
         return tostring(err), err.retryable
      end
      assert.same({ "network: no token: words; check the network, then try again", true }, { broken { code = 7 } })
      assert.same({ "protocol: no token: words; check token_url and what stands in between", false }, { broken { code = 1 } })
      assert.same({ "redirect: no token: words; check token_url", false }, { broken { code = 47 } })
      assert.same({ "tls: no token: words; check ca_file, this machine's clock and trust store, and what stands in between",
         false }, { broken { code = 60 } })
      assert.same({ "timeout: no token: no whole answer within timeout; try again", true },
         { broken { code = 28, ended = "timeout" } })
      assert.same({ "protocol: no token: the answer is larger than it can be; check token_url", false },
         { broken { code = 23, ended = "too_large", status = 200 } })
   end)

   describe("security 14: takes out of what the server says", function()
      local SECRET = "can&ary=\"of/a<secret>\\ žluť+%"

      -- what is left of a description after a form with this secret was sent
      local function said(s, text)
         local err = failed(400, cjson.encode { error = "invalid_client", error_description = text }, s)
         return err.message:match('; it says "invalid_client: (.*)"$')
      end

      it("the secret, as it is, as the form had it, and as HTML and JSON write it", function()
         local s = with_secret(SECRET)
         local form = s:form()
         local encoded = form:match("client_secret=(.*)$")
         for _, spelling in ipairs {
            SECRET, encoded, encoded:gsub("%%%x%x", string.lower), (encoded:gsub("%%20", "+")),
            "can&amp;ary=&quot;of/a&lt;secret&gt;\\ žluť+%", cjson.encode(SECRET):sub(2, -2),
         } do
            assert.equal("no [secret] here", said(s, "no " .. spelling .. " here"))
            assert.equal("[secret]", said(s, spelling))
            assert.equal("twice [secret][secret]", said(s, "twice " .. spelling .. spelling))
            assert.equal("cut [secret]", said(s, "cut " .. spelling:sub(1, -3)))
         end
         assert.equal("the form [secret]", (said(s, "the form " .. encoded)))
      end)

      it("the secret that a function gave for this request", function()
         local value = "canary-one"
         local s = with_secret(function() return value end)
         s:form()
         assert.equal("no [secret]", said(s, "no canary-one"))
         value = "canary-two"
         s:form()
         assert.equal("no [secret]", said(s, "no canary-two"))
      end)

      it("the assertion", function()
         local s = with_certificate()
         local jwt = s:form():match("client_assertion=(.*)$")
         assert.equal("bad [secret]!", said(s, "bad " .. jwt .. "!"))
         assert.equal("bad [secret]", said(s, "bad " .. jwt:sub(1, 100)))
      end)

      it("the secret where it stands for the code or the scope", function()
         local s = with_secret("canary-canary")
         s:form()
         local err = failed(400, '{"error":"canary-canary"}', s)
         assert.equal("[secret]", err.oauth_error)
         assert.is_nil(tostring(err):find("canary"))
         local _, _, scope = s:read(answer(200, '{"access_token":"abc","token_type":"Bearer","scope":"a canary-canary"}'))
         assert.equal("a [secret]", scope)
      end)

      it("the secret in libcurl's words, and where a member of the answer bears its name", function()
         local s = with_secret("canary-canary")
         s:form()
         local _, err = s:read {
            ended = "answered", code = 8, status = 0, connect_status = 0, headers = "", message = "odd header canary-canary",
         }
         assert.equal("no token: odd header [secret]; check token_url and what stands in between", err.message)
         err = failed(200, '{"canary-canary":[null]}', s)
         assert.matches("^no token: %[secret%]%[1%] is a null inside an array; ", err.message)
         s = with_secret("canary-" .. ("x"):rep(100))
         s:form()
         err = failed(200, '{"canary-' .. ("x"):rep(100) .. '":[null]}', s)
         assert.matches("^no token: %[a long name%]%[1%] is a null inside an array; ", err.message)
      end)
   end)
end)

describe("security 14: a signin", function()
   it("shows no secret by tostring, fields or pairs, before and after its form", function()
      local s = with_secret("canary-canary")
      assert.is_nil(walks.reveals(s, "canary"))
      s:form()
      assert.is_nil(walks.reveals(s, "canary"))
      assert.matches("^avepoint%.elements%.signin: ", tostring(s))
      s = with_certificate()
      local jwt = s:form():match("client_assertion=(.*)$")
      assert.is_nil(walks.reveals(s, jwt))
      assert.is_nil(walks.reveals(s, jwt:match("[^.]+$")))
   end)
end)
