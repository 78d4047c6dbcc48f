-- lua/avepoint/elements/answers.lua: what an answer that is no page means. Answers of the
-- service are real ones, from the raw-socket server; those that libcurl gave up on are made here, as core's take
-- gives them.

local answers = require("avepoint.elements.answers")
local liar = require("spec.sandbox.liar")
local requests = require("spec.support.requests")

local server, handle

setup(function()
   server = liar.start()
   handle = requests.open()
end)

teardown(function()
   handle:close()
   server:stop()
end)

-- the answer with this status and body, as the core gives it
local function answer(status, body, knobs)
   knobs = knobs or {}
   if body then
      knobs.json, knobs.status, knobs.framing = server:upload(body), status, knobs.framing or "length"
   end
   local taken = requests.post(handle, server:base(knobs))
   assert.equal(0, taken.code, taken.message)
   return taken
end

local function of_status(status, body)
   return assert(answers.failure(answer(status, body or "")))
end

-- what take gives where libcurl gave up
local function broken(fields)
   local taken = { id = 1, ended = "answered", code = 0, status = 0, connect_status = 0, message = "words", headers = "" }
   for name, value in pairs(fields) do
      taken[name] = value
   end
   return assert(answers.failure(taken))
end

describe("a status", function()
   local BAD = "the service does not accept the request; check ids, page_size and the number of user_ids"
   local DOWN = "the service failed; try again later"
   local NO_ANSWER = "the answer's status is no answer to this request; check base_url and proxies"
   local ELSEWHERE = "the service sends elsewhere, which is never followed; check base_url"
   local CASES = {
      [201] = { "protocol", false, NO_ANSWER }, [202] = { "protocol", false, NO_ANSWER },
      [204] = { "protocol", false, NO_ANSWER }, [206] = { "protocol", false, NO_ANSWER },
      [300] = { "redirect", false, ELSEWHERE }, [304] = { "redirect", false, ELSEWHERE },
      [399] = { "redirect", false, ELSEWHERE },
      [400] = { "bad_request", false, BAD }, [402] = { "bad_request", false, BAD },
      [405] = { "bad_request", false, BAD }, [413] = { "bad_request", false, BAD },
      [415] = { "bad_request", false, BAD }, [422] = { "bad_request", false, BAD },
      [451] = { "bad_request", false, BAD }, [499] = { "bad_request", false, BAD },
      [401] = { "auth", false, "the service does not accept the token; get a new one, for this environment" },
      [403] = { "forbidden", false, "the app registration lacks the permission elements.um.user.read.all, "
         .. "or may not see this customer; grant it under Elements > API app registration" },
      [404] = { "not_found", false,
         "the service knows no such customer or tenant; check the ids, their order (customer, then tenant) and the path of "
            .. "base_url" },
      [407] = { "proxy", false, "the proxy wants to be signed in to; put user and password in the proxy's URL" },
      [408] = { "timeout", true, "the service waited too long for the request; try again" },
      [425] = { "timeout", true, "the service was not ready for the request; try again" },
      [429] = { "throttled", true, "the service limits the rate of requests; try again later or ask for less" },
      [500] = { "server", true, DOWN }, [501] = { "server", false, DOWN }, [502] = { "server", true, DOWN },
      [503] = { "server", true, DOWN }, [504] = { "server", true, DOWN }, [505] = { "server", false, DOWN },
      [511] = { "server", false, DOWN }, [599] = { "server", false, DOWN },
      [600] = { "protocol", false, NO_ANSWER }, [999] = { "protocol", false, NO_ANSWER },
   }

   it("200 is no failure, whatever its body", function()
      assert.is_nil(answers.failure(answer(200, "")))
      assert.is_nil(answers.failure(answer(200, "<html>")))
   end)

   local statuses = {}
   for status in pairs(CASES) do
      statuses[#statuses + 1] = status
   end
   table.sort(statuses)
   for _, status in ipairs(statuses) do
      local kind, retryable, text = table.unpack(CASES[status])
      it(("faults 17-22: %d is %s, %s"):format(status, kind, retryable and "worth a repeat" or "not worth a repeat"), function()
         local err = of_status(status)
         assert.equal(kind, err.kind)
         assert.equal(retryable, err.retryable)
         assert.equal(text, err.message)
         assert.equal(status, err.status)
         assert.matches("^liar%-%d+%-%d+$", err.request_id)
      end)
   end

   for _, status in ipairs { 301, 302, 303, 307, 308 } do
      it(("fault 18: %d names the host of Location and nothing more of it"):format(status), function()
         local err = answers.failure(answer(status, nil, { lie = "redirect", arg = status }))
         assert.equal("redirect", err.kind)
         assert.is_false(err.retryable)
         assert.equal("the service sends elsewhere (to 127.0.0.1), which is never followed; check base_url", err.message)
      end)
   end

   it("fault 18: names no host where Location has none", function()
      for _, location in ipairs { "/there", "file:///etc/passwd", "there", "", "mailto:a@b", "//", "https://" } do
         local err = broken { status = 302, headers = "location: " .. location .. "\n" }
         assert.equal(ELSEWHERE, err.message)
      end
   end)

   it("fault 18: shows no password that stands in Location", function()
      local err = broken { status = 302, headers = "location: https://user:s3cret@host.example/?token=s3cret\n" }
      assert.equal("the service sends elsewhere (to host.example), which is never followed; check base_url", err.message)
   end)
end)

describe("the words of an error's body", function()
   local function said(body, status)
      return of_status(status or 503, body).message:match("^the service failed; try again later(.*)$")
   end

   it("are those of a JSON message", function()
      assert.equal('; it says "not today"', said('{"message":"not today"}'))
      assert.equal('; it says "not today"', said('  {"error":{"code":7,"message":"not today"}}'))
      assert.equal('; it says "not today"', said('{"error":"not today"}'))
      assert.equal('; it says "not today"', said('{"error":"e","error_description":"not today"}'))
   end)

   it("are none where the JSON has no message, or one that is no string", function()
      assert.equal("", said('{"code":12}'))
      assert.equal("", said('{"message":12}'))
      assert.equal("", said('{"message":{"a":1}}'))
      assert.equal("", said('{"message":""}'))
      assert.equal("", said('{"message":" \\n "}'))
   end)

   it("are the title of a page in HTML", function()
      assert.equal('; it says "503 Service Temporarily Unavailable"',
         said("<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>secret</body></html>"))
      assert.equal('; it says "Sorry"', said("<!DOCTYPE html><HTML><TITLE>Sorry</TITLE>"))
      assert.equal("", said("<html><body>no title</body></html>"))
   end)

   it("are the text of any other body", function()
      assert.equal('; it says "try tomorrow"', said("try tomorrow"))
      assert.equal('; it says "try tomorrow"', said("try\r\n\ttomorrow"))
   end)

   it("are the first bytes of JSON that does not parse", function()
      assert.equal([[; it says "{"message":"cut of"]], said('{"message":"cut of'))
   end)

   it("are none where the body is empty or blank", function()
      assert.equal("", said(""))
      assert.equal("", said(" \r\n\t "))
   end)

   it("follow every status that may have some", function()
      for status, kind in pairs {
         [400] = "bad_request", [401] = "auth", [403] = "forbidden", [404] = "not_found", [429] = "throttled",
      } do
         local err = of_status(status, '{"message":"hear me"}')
         assert.equal(kind, err.kind)
         assert.matches('; it says "hear me"$', err.message)
      end
   end)

   it("security 15: act on no terminal", function()
      local text = said('{"message":"\\u001b]0;gone\\u0007\\u001b[2J\\u001b[31mred\\r\\nX: y\\u0000\\u007f"}')
      assert.equal([[; it says "\x1b]0;gone\x07\x1b[2J\x1b[31mred X: y\x00\x7f"]], text)
      assert.equal([[; it says "\x1b[31mred\x9b1m"]], said("\27[31mred\xc2\x9b1m"))
   end)

   it("fault 23: are at most 256 printable bytes of a body of any size and content", function()
      local bytes = {}
      for i = 0, 255 do
         bytes[i + 1] = string.char(i)
      end
      local binary = table.concat(bytes)
      for _, body in ipairs {
         ("x "):rep(32768), ("é"):rep(32768), "a" .. ("日本"):rep(9000), binary:rep(40), ("\27"):rep(65536), ("\0"):rep(3000),
         '{"message":"' .. ("\\u0001"):rep(900) .. '"}', "<title>" .. ("t "):rep(1500) .. "</title>",
      } do
         local err = of_status(500, body)
         local text = assert(err.message:match('; it says "(.*)"$'))
         assert.is_true(#text <= 256 and #text > 200, #text)
         assert.is_truthy(utf8.len(text))
         assert.is_nil(tostring(err):find("%c"))
         assert.is_nil(tostring(err):find("\xc2[\x80-\x9f]"))
      end
   end)

   it("security 16: hold nothing of a page that comes with a failing status", function()
      local page = '{"data":[{"id":"1","displayName":"Kevin Mark"}],"metadata":{"totalCount":1}}'
      assert.equal("", said(page))
   end)
end)

describe("the headers of an answer", function()
   it("are lists by name, in their order", function()
      assert.same({ ["retry-after"] = { "1", "7" }, location = { "https://a:1/b" } },
         answers.headers("retry-after: 1\nlocation: https://a:1/b\nretry-after: 7\n"))
      assert.same({}, answers.headers(""))
   end)

   it("give a request id that acts on no terminal and has 128 bytes at most", function()
      assert.equal("abc", answers.request_id("date: x\nrequest-id: abc\n"))
      assert.equal("abc", answers.request_id("x-request-id: abc\n"))
      assert.is_nil(answers.request_id("date: x\n"))
      assert.equal([[\x1b[2J\x7f]], answers.request_id("request-id: \27[2J\127\n"))
      assert.equal(128, #answers.request_id("request-id: " .. ("x"):rep(2000) .. "\n"))
   end)

   it("of an answer full of escapes leave its error one printable line", function()
      local err = answers.failure(answer(500, nil, { lie = "escapes" }))
      assert.equal([[server: the service failed; try again later; it says "\x1b[5m" (HTTP 500, request id \x1b[2J\x7f)]],
         tostring(err))
   end)
end)

describe("a code of libcurl", function()
   local NET = { "network", true, "words; check the network, then try again" }
   local TLS = { "tls", false, "words; check ca_file, this machine's clock and trust store, and what stands in between" }
   local WIRE = { "protocol", false, "words; check base_url and what stands in between" }
   local PROXY = { "proxy", false, "words; check proxy and the variables https_proxy and no_proxy" }
   local OTHER = { "network", false, "words; check the network" }
   local CASES = {
      [1] = WIRE, [3] = WIRE, [8] = WIRE, [22] = WIRE, [23] = WIRE, [27] = WIRE, [43] = WIRE, [61] = WIRE,
      [5] = PROXY, [97] = PROXY,
      [6] = NET, [7] = NET, [16] = NET, [18] = NET, [52] = NET, [55] = NET, [56] = NET, [92] = NET,
      [28] = { "timeout", true, "words; check the network, then try again" },
      [35] = { "tls", true, "words; check what stands between this machine and the service" },
      [47] = { "redirect", false, "words; check base_url" },
      [2] = OTHER, [99] = OTHER, [1000] = OTHER,
   }
   for _, code in ipairs { 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91 } do
      CASES[code] = TLS
   end
   local list = {}
   for code in pairs(CASES) do
      list[#list + 1] = code
   end
   table.sort(list)
   for _, code in ipairs(list) do
      local kind, retryable, text = table.unpack(CASES[code])
      it(("faults 1-14: %d is %s, %s"):format(code, kind, retryable and "worth a repeat" or "not worth a repeat"), function()
         -- a status may be there already when the connection breaks
         for _, status in ipairs { 0, 200 } do
            local err = broken { code = code, status = status }
            assert.equal(kind, err.kind)
            assert.equal(retryable, err.retryable)
            assert.equal(text, err.message)
            assert.is_nil(err.status)
         end
      end)
   end

   describe("7, where libcurl could not connect,", function()
      local URL = "https://graph.example:8443/partner"

      local function advice(message, url)
         local err = answers.failure({
            id = 1, ended = "answered", code = 7, status = 0, connect_status = 0, message = message, headers = "",
         }, nil, url)
         assert.same({ "network", true }, { err.kind, err.retryable })
         assert.equal(message, err.message:sub(1, #message))
         return err.message:sub(#message + 3)
      end

      it("to another host than the request's, names the proxy", function()
         for message, proxy in pairs {
            ["Failed to connect to proxy.example port 3128 after 0 ms: Couldn't connect to server"] = "proxy.example",
            ["Failed to connect to ::1 port 9 after 0 ms: Couldn't connect to server"] = "::1",
            ["Failed to connect to graph.example port 8443 via proxy.example after 0 ms: No"] = "proxy.example",
         } do
            assert.equal(proxy .. " is the proxy: check proxy and the variables https_proxy and no_proxy, then try again",
               advice(message, URL))
         end
      end)

      it("to the request's own host, is the network's matter", function()
         for host, url in pairs {
            ["graph.example"] = URL, ["GRAPH.example"] = "https://graph.EXAMPLE./", ["::1"] = "https://[::1]:9/",
            ["fe80::1"] = "https://[fe80::1%25lo]/", ["xn--bcher-kva.example"] = "https://bücher.example/",
            ["proxy.example"] = false,
         } do
            assert.equal("check the network, then try again",
               advice("Failed to connect to " .. host .. " port 443 after 0 ms: Couldn't connect to server", url or nil))
         end
         assert.equal("check the network, then try again", advice("Connection refused", URL))
      end)
   end)

   it("fault 1: with a refused CONNECT before it is proxy, with the proxy's status", function()
      for _, status in ipairs { 302, 403, 407, 502 } do
         local err = broken { code = 56, connect_status = status }
         assert.equal("proxy", err.kind)
         assert.is_false(err.retryable)
         assert.equal(("the proxy refused to connect (HTTP %d); check proxy and the variables https_proxy and no_proxy")
            :format(status), err.message)
      end
   end)

   it("with an accepted CONNECT before it is what it is without", function()
      assert.equal("network", broken({ code = 56, connect_status = 200 }).kind)
      assert.equal("tls", broken({ code = 60, connect_status = 200 }).kind)
   end)

   it("has words that act on no terminal", function()
      assert.equal([[a b\x1b[1m; check the network, then try again]],
         broken({ code = 56, message = "a\r\nb\27[1m" }).message)
   end)
end)

describe("libcurl's words of a proxy", function()
   it("security 9: are told without user and password", function()
      for message, told in pairs {
         ["Unsupported proxy scheme for 'ftp://user:canary@127.0.0.1:9'"] = "Unsupported proxy scheme for '127.0.0.1:9'",
         ["Unsupported proxy syntax in 'http://user:canary/1@h:9'"] = "Unsupported proxy syntax in 'h:9'",
      } do
         assert.equal(told .. "; check the network, then try again", broken { code = 7, message = message }.message)
      end
   end)
end)

describe("our own end of a transfer", function()
   it("is timeout for each of the three clocks, worth a repeat, whatever libcurl's code", function()
      local texts = {
         connect_timeout = "no connection within connect_timeout; check the network and any proxy, then try again",
         timeout = "no whole answer within timeout; try again",
         stalled = "the answer stopped coming; try again",
      }
      for ended, text in pairs(texts) do
         local err = broken { ended = ended, code = 28, status = 200 }
         assert.equal("timeout", err.kind)
         assert.equal(text, err.message)
         assert.is_true(err.retryable)
      end
   end)

   it("fault 11: is protocol for an answer above the cap, not worth a repeat", function()
      local err = broken { ended = "too_large", code = 23, status = 200 }
      assert.equal("protocol", err.kind)
      assert.equal("the answer is larger than it can be; check base_url", err.message)
      assert.is_false(err.retryable)
   end)
end)

describe("the challenge of a 401", function()
   local REFUSED = "the service does not accept the token; get a new one, for this environment"

   -- the error for these values of WWW-Authenticate, and what it says besides
   local function challenged(values, body, hide)
      local taken = body and answer(401, body) or { code = 0, status = 401 }
      taken.headers = ""
      for _, value in ipairs(type(values) == "table" and values or { values }) do
         taken.headers = taken.headers .. "www-authenticate: " .. value .. "\n"
      end
      local err = assert(answers.failure(taken, hide))
      assert.equal("auth", err.kind)
      assert.equal(REFUSED, err.message:sub(1, #REFUSED))
      return err.oauth_error, err.message:sub(#REFUSED + 1)
   end

   it("fault 24: gives oauth_error and its description", function()
      assert.same({ "invalid_token", '; it says "invalid_token: The token expired"' },
         { challenged('Bearer error="invalid_token", error_description="The token expired"') })
      assert.same({ "insufficient_scope", '; it says "insufficient_scope: more"' },
         { challenged('Bearer realm="a, b",error_description="more",scope="x", error="insufficient_scope"') })
      assert.same({ "invalid_token", '; it says "invalid_token"' }, { challenged('Bearer error="invalid_token"') })
   end)

   it("stands before the words of the body", function()
      assert.same({ "invalid_token", '; it says "invalid_token"' },
         { challenged('Bearer error="invalid_token"', '{"message":"no"}') })
   end)

   it("is not heeded where it has no error or is of another scheme: then the body speaks", function()
      for _, value in ipairs {
         "Bearer", 'Bearer realm="x"', 'Basic realm="x"', 'Digest error="invalid_token"', 'Bearer error=""', "",
         'Bearer error_description="alone"', 'Bearer x_error="invalid_token"', "Bearer error",
      } do
         assert.same({ nil, '; it says "no"' }, { challenged(value, '{"message":"no"}') })
         assert.same({ nil, "" }, { challenged(value) })
      end
   end)

   it("is found among several, and whatever its case", function()
      assert.same({ "invalid_token", '; it says "invalid_token"' },
         { challenged { "Negotiate", 'Basic realm="x"', 'Bearer error="invalid_token"' } })
      assert.equal("invalid_token", (challenged 'Basic realm="x", bearer error="invalid_token"'))
      assert.equal("invalid_token", (challenged 'BEARER error="invalid_token"'))
   end)

   it("security 15: acts on no terminal, and is short", function()
      local code, words = challenged('Bearer error="\27[2J", error_description="\7a\xc2\x9bb\x7f"')
      assert.equal("\\x1b[2J", code)
      assert.equal('; it says "\\x1b[2J: \\x07a\\x9bb\\x7f"', words)
      code, words = challenged(('Bearer error="%s", error_description="%s"'):format(("e "):rep(300), ("d "):rep(300)))
      assert.equal(("e "):rep(32), code)
      assert.equal(256, #words:match('^; it says "(.*)"$'))
   end)

   it("security 14: is without the token, should it be quoted there", function()
      local function hide(text)
         return (text:gsub("canary", "[token]"))
      end
      assert.same({ "[token]", '; it says "[token]: the [token] expired"' },
         { challenged('Bearer error="canary", error_description="the canary expired"', nil, hide) })
      local code, words = challenged(('Bearer error="%s", error_description="Bearer %s"'):format(("c"):rep(300), "canary"))
      assert.equal("[…]", code)
      assert.equal('; it says "[…]: Bearer [token]"', words)
   end)

   it("of other statuses is not heeded", function()
      for _, status in ipairs { 400, 403, 500 } do
         local err = broken { status = status, headers = 'www-authenticate: Bearer error="invalid_token"\n' }
         assert.is_nil(err.oauth_error)
         assert.is_nil(err.message:find("invalid_token"))
      end
   end)
end)

describe("answers.broken", function()
   local function message(fields, option)
      local taken = { ended = "answered", code = 0, connect_status = 0, message = "words", headers = "" }
      for name, value in pairs(fields) do
         taken[name] = value
      end
      return answers.broken(taken, nil, option).message
   end

   it("names base_url, or the option that it is given", function()
      for code, words in pairs { [1] = "words; check %s and what stands in between", [47] = "words; check %s" } do
         assert.equal(words:format("base_url"), message { code = code })
         assert.equal(words:format("token_url"), message({ code = code }, "token_url"))
      end
      assert.equal("the answer is larger than it can be; check token_url", message({ ended = "too_large" }, "token_url"))
   end)

   it("leaves what names no option as it is", function()
      assert.equal("words; check the network, then try again", message({ code = 7 }, "token_url"))
      assert.equal("no whole answer within timeout; try again", message({ ended = "timeout", code = 28 }, "token_url"))
   end)
end)

describe("answers.clock_skew", function()
   local DATE = "date: Sun, 06 Nov 1994 08:49:37 GMT\n" -- 784111777

   it("is how far a clock is ahead of an answer's Date", function()
      assert.equal(0, answers.clock_skew(DATE, 784111777))
      assert.equal(90, answers.clock_skew("request-id: x\n" .. DATE, 784111867))
      assert.equal(-3600, answers.clock_skew(DATE, 784108177))
   end)

   it("is nil where there is no Date or one that is none", function()
      for _, lines in ipairs { "", "request-id: x\n", "date: soon\n", "date: \n", "x-date: Sun, 06 Nov 1994 08:49:37 GMT\n" } do
         assert.is_nil(answers.clock_skew(lines, 784111777))
      end
   end)

   it("is that of a real answer", function()
      local skew = answers.clock_skew(answer(200, "{}").headers, os.time())
      assert.is_true(math.abs(skew) <= 1, skew)
   end)
end)
