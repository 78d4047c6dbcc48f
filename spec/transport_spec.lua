-- src/transport.c through its binding: requests over nginx with TLS and over raw sockets that lie. The numbers are
-- those of the lists in spec/reliability_spec.lua.

local core = require("avepoint.elements.core")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local lfs = require("lfs")
local requests = require("spec.support.requests")
local socket = require("socket")
local walks = require("spec.support.walks")

local answers, eventually, till = requests.answers, requests.eventually, requests.till

local CAP = 4 * 1024 * 1024
local TLS_KINDS = { "expired", "wrong_host", "self_signed", "unknown_ca", "tls11" }
local UNRESOLVED = ("a"):rep(64) .. ".invalid" -- a label too long: no resolver has to be asked

local sandbox, server, path

setup(function()
   sandbox = require("spec.sandbox.sandbox").start { tls = TLS_KINDS }
   server = require("spec.sandbox.liar").start { tls = true }
   path = ("/external/v3/um/customers/%s/tenants/%s/users/batch?pageIndex=1&pageSize=100"):format(sandbox.customer_id,
      sandbox.tenant_id)
end)

teardown(function()
   sandbox:stop()
   server:stop()
end)

local function open(options)
   local o = { ca_file = sandbox.ca_file }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   return requests.open(o)
end

local function open_liar(options)
   options = options or {}
   options.ca_file = server.ca_file
   return open(options)
end

local function send(handle, url, fields)
   local with = { bearer = sandbox.token }
   for name, value in pairs(fields or {}) do
      with[name] = value
   end
   return requests.send(handle, url, with)
end

local function post(handle, url, fields)
   send(handle, url, fields)
   return answers(handle, 1)[1]
end

local function lie(handle, name, knobs, scheme)
   knobs = knobs or {}
   knobs.lie = name
   return post(handle, server:base(knobs, scheme) .. path)
end

-- drives for a time, then gives what is finished
local function drive_for(handle, seconds)
   local deadline, turns = core.now() + seconds, 0
   while core.now() < deadline do
      assert(handle:wait(deadline - core.now()))
      assert(handle:drive())
      turns = turns + 1
   end
   return handle:take(), turns
end

local function readable(handle, seconds)
   local fd = handle:fd()
   local object = { getfd = function() return fd end, dirty = function() return false end }
   return #socket.select({ object }, nil, seconds or 0) > 0
end

-- drives until a finished transfer waits to be taken: nothing else keeps the descriptor readable after a drive
local function drive_until_done(handle)
   till(handle, function()
      return readable(handle) and handle:drive() and readable(handle)
   end)
end

-- drives until so many requests of a run have been answered, to the last byte and beyond
local function drive_until_answered(handle, run, n)
   till(handle, function()
      local answered = 0
      for _, entry in ipairs(server:log(run)) do
         answered = answered + (entry.seconds and 1 or 0)
      end
      return answered == n
   end)
   for _ = 1, 5 do
      assert(handle:drive())
   end
end

-- waits until the server has seen that the client of a run's first request is gone
local function assert_gone(run)
   eventually(function()
      return server:log(run)[1].gone
   end)
end

local function descriptors()
   local all, n = {}, 0
   for name in lfs.dir("/proc/self/fd") do
      local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
      if target and name:find("^%d+$") and not target:find("/fd$") then
         all[tonumber(name)], n = target, n + 1
      end
   end
   return all, n
end

-- a configuration of OpenSSL that allows TLS 1.1
local function lax()
   local name = sandbox.dir .. "/lax.cnf"
   local file = assert(io.open(name, "w"))
   file:write("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n"
      .. "CipherString = ALL:@SECLEVEL=0\n")
   file:close()
   return name
end

-- the requests' own connections of the raw-socket server
local function connections(port)
   local list = {}
   for _, c in ipairs(server:connections()) do
      if c.port == port then
         list[#list + 1] = c
      end
   end
   return list
end

-- runs a script in a process of its own; gives its output and its exit status
local function child(script, environment)
   return walks.run(server, script, environment)
end

-- the same behind shim.c, with native.c at hand
local natives, shim

local function shimmed(script, environment)
   if not natives then
      natives, shim = walks.natives(server.dir)
   end
   environment.LD_PRELOAD = shim
   return walks.run(server, natives .. script, environment)
end

-- what a child's script begins with: url, open, post
local PRELUDE = [[
local core = require("avepoint.elements.core")
local function open(options)
   local o = {
      slots = 4, connect_timeout = 20, timeout = 20, stall_timeout = 20, user_agent = "spec/1", ca_file = os.getenv("CA"),
   }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   return assert(core.open(o))
end
local function answer(handle)
   assert(handle:drive(true))
   while true do
      local answer = handle:take()
      if answer then
         return answer
      end
      assert(handle:wait(0.1))
      assert(handle:drive())
   end
end
local function post(handle, url, fields)
   local request = { url = url, body = "{}", limit = 4194304, bearer = os.getenv("TOKEN"), cleartext = url:find("^http:") }
   for name, value in pairs(fields or {}) do
      request[name] = value
   end
   assert(handle:send(request))
   return answer(handle)
end
]]

local function environment(more)
   local all = { CA = sandbox.ca_file, TOKEN = sandbox.token }
   for name, value in pairs(more or {}) do
      all[name] = value
   end
   return all
end

describe("a request", function()
   it("is what the service wants, to the header", function()
      local handle <close> = open()
      local answer = post(handle, sandbox:base() .. path)
      assert.equal(200, answer.status)
      assert.equal(0, answer.code)
      assert.equal("answered", answer.ended)
      assert.equal("", answer.message)
      assert.equal(100, #assert(core.decode(answer.body)).data)
      assert.is_true(answer.seconds > 0 and answer.seconds < 5)
   end)

   it("has these headers and no others", function()
      local handle <close> = open()
      local run = server:new_run()
      post(handle, server:base { run = run } .. path, { bearer = "abc", body = '{"userIds":["x"]}' })
      local request = server:log(run)[1]
      assert.equal(("POST /run=%s/partner%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: spec/1\r\nAccept-Encoding: gzip\r\n"
         .. "Authorization: Bearer abc\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: 17\r\n")
         :format(run, path, server.http:match("//(.*)$")),
         (request.head:gsub("(Accept%-Encoding: gzip\r\n)(Authorization: Bearer abc\r\n)", "%1%2")
            :gsub("(Authorization: Bearer abc\r\n)(User%-Agent: spec/1\r\n)(Accept%-Encoding: gzip\r\n)", "%2%3%1")))
      assert.equal('{"userIds":["x"]}', request.body)
   end)

   it("may be a form without a bearer, on a slot that had one before", function()
      local handle <close> = open { slots = 1 }
      local run = server:new_run()
      post(handle, server:base { run = run } .. path)
      assert(handle:send { url = server:token_url { run = run }, body = "a=b", limit = 65536, form = true, cleartext = true })
      answers(handle, 1)
      local request = server:log(run)[2]
      assert.matches("\r\nContent%-Type: application/x%-www%-form%-urlencoded\r\n", request.head)
      assert.is_nil(request.head:find("Authorization", 1, true))
      assert.equal("a=b", request.body)
   end)

   it("carries a body of any bytes and of 100 kB", function()
      local handle <close> = open()
      local run = server:new_run()
      local bytes = {}
      for i = 1, 255 do
         bytes[i] = string.char(i % 128)
      end
      local body = table.concat(bytes):rep(400)
      assert.equal(200, post(handle, server:base { run = run } .. path, { body = body }).status)
      local request = server:log(run)[1]
      assert.equal(body, request.body)
      assert.is_nil(request.head:find("Expect", 1, true))
   end)

   it("goes to the path as it was given", function()
      local handle <close> = open()
      local run = server:new_run()
      post(handle, server:base { run = run } .. "/a/../b/%2e%2e/./c?x=1")
      assert.equal("/run=" .. run .. "/partner/a/../b/%2e%2e/./c?x=1", server:log(run)[1].target)
   end)

   it("is sent when it is driven, not before", function()
      local handle <close> = open()
      local run = server:new_run()
      send(handle, server:base { run = run } .. path)
      socket.sleep(0.05)
      assert.equal(0, server:count(run))
      answers(handle, 1)
      assert.equal(1, server:count(run))
   end)

   it("that libcurl refuses is an answer with its words", function()
      local handle <close> = open()
      for _, url in ipairs { "", "nothing", "https://", "https://host:99999/", "https://ho st/", "https://h/\r\nX: y" } do
         local id, message = handle:send { url = url, body = "{}", limit = 1 }
         if id then
            local answer = answers(handle, 1)[1]
            assert.is_true(answer.code == 3 or answer.code == 1, url) -- a scheme left out is http
            assert.equal(0, answer.status)
            assert.is_true(#answer.message > 0)
         else
            assert.equal("string", type(message))
         end
      end
   end)
end)

describe("a connection", function()
   for _, scheme in ipairs { "https", "http" } do
      it("is kept alive and used again, over " .. scheme, function()
         local handle <close> = open()
         local run = sandbox:new_run()
         for _ = 1, 5 do
            assert.equal(200, post(handle, sandbox:base({ run = run }, scheme) .. path).status)
         end
         local log = sandbox:log(run)
         assert.equal(5, #log)
         for _, entry in ipairs(log) do
            assert.equal(log[1].connection, entry.connection)
         end
      end)
   end

   it("of each of many at once is kept for the next many", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      for _ = 1, 5 do
         for _ = 1, 4 do
            send(handle, sandbox:base { run = run, latency = 20 } .. path)
         end
         answers(handle, 4)
      end
      local serials, n = {}, 0
      for _, entry in ipairs(sandbox:log(run)) do
         n = n + (serials[entry.connection] and 0 or 1)
         serials[entry.connection] = true
      end
      assert.equal(4, n)
   end)

   it("is used again after an error's answer, and after a body that was cut short by us", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      assert.equal(404, post(handle, sandbox:base { run = run, fail = "404:1:1" } .. path).status)
      assert.equal(200, post(handle, sandbox:base { run = run } .. path).status)
      local log = sandbox:log(run)
      assert.equal(log[1].connection, log[2].connection)
      run = sandbox:new_run()
      assert.equal(16384, #post(handle, sandbox:base { run = run, fail = "500:1:1", body = "big" } .. path).body)
      assert.equal(200, post(handle, sandbox:base { run = run } .. path).status)
   end)

   it("of its own is used once, and by nobody else", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      for i = 1, 5 do
         assert.equal(200, post(handle, sandbox:base { run = run } .. path, { fresh = i == 1 or i == 3 or i == 4 }).status)
      end
      local serials = {}
      for i, entry in ipairs(sandbox:log(run)) do
         serials[i] = entry.connection
      end
      assert.equal(serials[2], serials[5])
      for i, one in ipairs { 1, 2, 3, 4 } do
         for other = i + 1, 4 do
            assert.not_equal(serials[one], serials[other])
         end
      end
   end)

   it("is looked at for bytes that nobody asked for as long as it is remembered, and used either way", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      local url = sandbox:base({ run = run, size = 1 }, "http") .. path
      assert.equal(200, post(handle, url).status)
      for _ = 1, 130 do
         assert.equal(200, post(handle, url, { fresh = true }).status)
      end
      assert.equal(200, post(handle, url).status)
      local log = sandbox:log(run)
      assert.equal(132, #log)
      assert.equal(log[1].connection, log[132].connection)
   end)

   it("may be one of IPv6", function()
      local listener = socket.tcp6()
      if not listener or not listener:bind("::1", 0) then
         pending("no IPv6 here")
         return
      end
      assert(listener:listen(5))
      listener:settimeout(0)
      local handle <close> = open()
      local peer
      for _ = 1, 2 do
         send(handle, ("http://[::1]:%d/"):format((select(2, listener:getsockname()))))
         local text = ""
         till(handle, function()
            peer = peer or listener:accept()
            if peer then
               peer:settimeout(0)
               local all, _, part = peer:receive(65536)
               text = text .. (all or part)
            end
            return text:find("\r\n\r\n{}$")
         end)
         peer:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
         assert.equal("[]", answers(handle, 1)[1].body:text())
      end
      peer:close()
      listener:close()
   end)

   it("that the service closed meanwhile is replaced", function()
      local handle <close> = open()
      local run = server:new_run()
      for _ = 1, 3 do
         assert.equal(200, lie(handle, "close_when_idle", { run = run }).status)
         socket.sleep(0.02)
      end
      assert.equal(3, server:count(run))
   end)

   it("that dies under a repeated request is replaced by libcurl", function()
      for _, name in ipairs { "die_on_reuse", "reset_on_reuse" } do
         local handle <close> = open()
         local run = server:new_run()
         assert.equal(200, lie(handle, name, { run = run }).status)
         local answer = lie(handle, name, { run = run })
         assert.is_true(answer.status == 200 or answer.code == 56 or answer.code == 55, answer.message)
      end
   end)

   it("announced to end by the service is not used again", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      for _ = 1, 6 do
         assert.equal(200, post(handle, sandbox:base { run = run, keepalive = 3 } .. path).status)
      end
      local serials = {}
      for _, entry in ipairs(sandbox:log(run)) do
         serials[entry.connection] = (serials[entry.connection] or 0) + 1
      end
      for _, n in pairs(serials) do
         assert.equal(3, n)
      end
   end)

   it("brings no cookie, Alt-Svc or HSTS into the next request", function()
      local handle <close> = open()
      local run = server:new_run()
      assert.equal(200, lie(handle, "cookie", { run = run }).status)
      assert.equal(200, lie(handle, "cookie", { run = run }).status)
      local log = server:log(run)
      assert.equal(2, #log)
      assert.is_nil(log[2].head:find("\n[Cc]ookie:"))
      assert.equal(log[1].connection, log[2].connection)
   end)
end)

describe("an answer's body", function()
   it("may come gzipped, and is counted and given decoded", function()
      local handle <close> = open()
      local plain = post(handle, sandbox:base { gzip = 0 } .. path)
      local zipped = post(handle, sandbox:base { gzip = 1 } .. path)
      assert.equal(plain.body:text(), zipped.body:text())
      assert.equal(#plain.body, #zipped.body)
      assert.is_true(#plain.body > 50000)
   end)

   it("may come in chunks, of one byte even, and to the connection's end", function()
      local handle <close> = open()
      local whole = lie(handle, "none").body:text()
      for _, name in ipairs {
         "chunked", "chunked_trailer", "chunked_bytes", "to_the_end", "gzip", "identity", "http10", "no_reason", "early_hints",
         "say_close",
      } do
         local answer = lie(handle, name)
         assert.equal(0, answer.code, name)
         assert.equal(200, answer.status)
         assert.is_true(whole == answer.body:text(), name)
      end
      assert.is_true(whole == post(handle, sandbox:base { chunked = 1 } .. path).body:text())
   end)

   it("fault 11, security 10: may be as long as the cap, and not a byte longer", function()
      local handle <close> = open()
      local length = #lie(handle, "none", { size = 3 }).body
      for _, name in ipairs { "none", "gzip", "chunked", "to_the_end", "chunked_bytes" } do
         local url = server:base { lie = name, size = 3 } .. path
         assert.equal("answered", post(handle, url, { limit = length }).ended)
         local answer = post(handle, url, { limit = length - 1 })
         assert.equal("too_large", answer.ended, name)
         assert.is_true(#answer.body < length)
      end
   end)

   it("fault 11, security 10: without end is stopped at the cap", function()
      local handle <close> = open()
      for _, name in ipairs { "endless", "endless_chunked" } do
         local run = server:new_run()
         local answer = lie(handle, name, { run = run })
         assert.equal("too_large", answer.ended)
         assert.is_true(#answer.body <= CAP)
         assert_gone(run)
      end
   end)

   it("fault 11, security 10: is counted decoded, so that a bomb of 200 MB is stopped at the cap", function()
      local handle <close> = open()
      local answer = lie(handle, "gzip_bomb", { arg = 200 })
      assert.equal("too_large", answer.ended)
      assert.is_true(#answer.body <= CAP)
   end)

   it("fault 23, security 10: of an error is cut at 16 kB, and the answer stays one", function()
      local handle <close> = open()
      for name, status in pairs { endless_error = 503, gzip_bomb_error = 500 } do
         local answer = lie(handle, name)
         assert.equal("answered", answer.ended)
         assert.equal(0, answer.code)
         assert.equal(status, answer.status)
         assert.equal(16384, #answer.body)
      end
      local answer = post(handle, sandbox:base { fail = "500:1", body = "big" } .. path)
      assert.equal(500, answer.status)
      assert.equal(16384, #answer.body)
      assert.matches("^The service is not well", answer.body:text(30))
      answer = post(handle, sandbox:base { fail = "500:1", body = "empty" } .. path)
      assert.equal(0, #answer.body)
   end)

   it("is not decoded or copied before it is asked for", function()
      local handle <close> = open()
      local answer = post(handle, sandbox:base() .. path)
      assert.equal("userdata", type(answer.body))
      assert.equal('{"data":[', answer.body:text(9))
      assert.equal("", answer.body:text(0))
      assert.equal(#answer.body, #answer.body:text())
   end)

   it("outlives its handle", function()
      local handle = open()
      local answer = post(handle, sandbox:base() .. path)
      handle:close()
      collectgarbage()
      assert.equal(100, #assert(core.decode(answer.body)).data)
   end)
end)

describe("an answer's headers", function()
   it("are those few that something reads, with names in lower case", function()
      local handle <close> = open()
      local answer = post(handle, sandbox:base { fail = "503:1", retry_after = "two:3:7" } .. path)
      local names = {}
      for name, value in answer.headers:gmatch("([^:\n]+): ([^\n]*)\n") do
         names[#names + 1] = name .. (name == "retry-after" and "=" .. value or "")
      end
      table.sort(names)
      assert.same({ "date", "request-id", "retry-after=3", "retry-after=7" }, names)
   end)

   it("are not those of an interim answer, nor of a slot's last one", function()
      local handle <close> = open { slots = 1 }
      post(handle, sandbox:base { fail = "503:1", retry_after = "9" } .. path)
      local answer = lie(handle, "early_hints")
      assert.is_nil(answer.headers:find("retry-after", 1, true))
      assert.matches("request%-id: liar%-%d+%-%d+\n", answer.headers)
   end)

   it("fault 12: are passed over where one is longer than their room", function()
      local handle <close> = open()
      local answer = lie(handle, "long_location")
      assert.equal(302, answer.status)
      assert.is_nil(answer.headers:find("location", 1, true))
      assert.matches("request%-id: after\n", answer.headers)
   end)

   it("fault 12: of 100 kB and more than their room are passed over", function()
      local handle <close> = open()
      local answer = lie(handle, "big_header")
      if answer.code == 0 then
         assert.equal(200, answer.status)
         assert.matches("request%-id: liar", answer.headers)
      else
         assert.equal(27, answer.code)
      end
      assert.is_true(#answer.headers < 2048)
      assert.equal(200, lie(handle, "none").status)
   end)
end)

describe("a fault of the transport", function()
   -- code, and whether another request goes well afterwards
   local function is(code, name, knobs, scheme)
      local handle <close> = open_liar()
      local answer = lie(handle, name, knobs, scheme)
      assert.equal(code, answer.code, name .. ": " .. answer.message)
      assert.equal("answered", answer.ended)
      assert.is_true(code == 0 or #answer.message > 0)
      assert.equal(200, lie(handle, "none", nil, scheme).status, name)
      return answer
   end

   it("fault 1: a name that does not resolve is code 6, a proxy's name code 5", function()
      local handle <close> = open()
      local answer = post(handle, "https://" .. UNRESOLVED .. "/")
      assert.equal(6, answer.code)
      assert.equal("Could not resolve host: " .. UNRESOLVED, answer.message)
      local proxied <close> = open { proxy = "http://" .. UNRESOLVED .. ":1" }
      assert.equal(5, post(proxied, sandbox:base() .. path).code)
   end)

   it("fault 3: a connection refused is code 7", function()
      local handle <close> = open()
      assert.equal(7, post(handle, server.refusing .. path).code)
      assert.equal(7, post(handle, (server.refusing:gsub("http", "https")) .. path).code)
   end)

   it("fault 5: a connection closed without a byte is code 52, reset code 56", function()
      is(52, "close")
      is(56, "reset")
      is(56, "reset_in_body")
      local handle <close> = open()
      assert.equal(52, post(handle, server.slam .. path).code)
      local code = post(handle, server.slam_reset .. path).code
      assert.is_true(code == 56 or code == 55 or code == 52, code)
   end)

   it("fault 5: over TLS it is the same", function()
      local handle <close> = open_liar()
      local code = lie(handle, "close", nil, "https").code
      assert.is_true(code == 52 or code == 56, code)
      code = lie(handle, "reset", nil, "https").code
      assert.is_true(code == 52 or code == 56, code)
   end)

   it("fault 6: a body shorter than its Content-Length, or chunks without the last, are code 18", function()
      for _, scheme in ipairs { "http", "https" } do
         for _, name in ipairs { "short", "half", "chunked_cut", "chunked_no_end" } do
            local handle <close> = open_liar()
            local answer = lie(handle, name, nil, scheme)
            assert.is_true(answer.code == 18 or scheme == "https" and answer.code == 56, name .. " " .. answer.code)
         end
      end
   end)

   it("fault 7: what is cut and still code 0 is no whole JSON", function()
      for _, name in ipairs { "to_the_end_cut", "gzip_cut", "head_cut", "zero_length", "longer", "two_lengths" } do
         local answer = is(0, name)
         assert.equal(200, answer.status)
         assert.is_nil((core.decode(answer.body)), name)
      end
   end)

   it("fault 7: an end of TLS without close_notify is no whole page", function()
      local handle <close> = open_liar()
      local answer = post(handle, server:base({ framing = "close", cut = 30000, finish = "no_notify" }, "https") .. path)
      assert.is_true(answer.code ~= 0 or core.decode(answer.body) == nil)
   end)

   it("fault 8: a negative length, NUL or no colon in a header are code 8; garbage and HTTP/0.9 code 1", function()
      is(8, "negative_length")
      is(8, "nul_in_header")
      is(8, "no_colon")
      is(8, "text_length")
      is(1, "garbage")
      is(1, "http09")
      is(1, "status_text")
      is(1, "http_3")
      is(1, "icy")
      is(1, "tls_alert")
      is(1, "status", { arg = 0 })
   end)

   it("fault 8: a chunk without a size is code 56", function()
      is(56, "chunked_bad")
      is(56, "chunked_huge")
   end)

   it("fault 8: a server that speaks before it is asked, and not HTTP, is no answer", function()
      local handle <close> = open()
      local answer = post(handle, server.babble .. path)
      assert.equal(0, answer.status)
      assert.is_true(answer.code ~= 0)
      assert.is_true(post(handle, (server.babble:gsub("http", "https")) .. path).code == 35)
   end)

   it("fault 9: chunks count where there is a length too, and a length no number can hold is none", function()
      assert.is_truthy(core.decode(is(0, "length_and_chunks").body))
      assert.is_truthy(core.decode(is(0, "huge_length").body))
   end)

   for _, scheme in ipairs { "http", "https" } do
      it("fault 9: surplus bytes behind an answer over " .. scheme .. " are no part of the next one", function()
         for _, size in ipairs { 3, 250 } do
            for _, name in ipairs { "surplus", "longer" } do
               local handle <close> = open_liar()
               local run = server:new_run()
               assert.equal(0, lie(handle, name, { size = size, run = run }, scheme).code)
               drive_until_answered(handle, run, 1)
               -- over TLS they may be read already, unseen; then the connection counts as broken
               local answer = lie(handle, "none", { size = size, run = run }, scheme)
               assert.is_true(answer.code == 0 or scheme == "https" and answer.code == 56, answer.code .. answer.message)
               for _ = 1, 2 do
                  answer = lie(handle, "none", { size = size, run = run }, scheme)
                  assert.equal(0, answer.code, answer.message)
                  assert.is_truthy(core.decode(answer.body))
               end
               local log = server:log(run)
               assert.not_equal(log[1].connection, log[#log].connection)
            end
         end
      end)
   end

   it("fault 9: takes nothing that was sent before the request for its answer (7.80 #newcurl)", function()
      for _, scheme in ipairs { "http", "https" } do
         for _, size in ipairs { 3, 250 } do
            local handle <close> = open_liar()
            local honest = lie(handle, "none", { size = size }, scheme).body:text()
            local run = server:new_run()
            assert.is_true(honest == lie(handle, "two_answers", { size = size, run = run }, scheme).body:text())
            drive_until_answered(handle, run, 1)
            for _ = 1, 3 do
               local answer = lie(handle, "none", { size = size }, scheme)
               assert.is_true(honest == answer.body:text(), scheme .. " " .. size)
            end
         end
      end
   end)

   it("fault 12: floods of headers are stopped", function()
      for _, name in ipairs { "header_flood", "continue_flood", "processing_flood" } do
         local run = server:new_run()
         local answer = is(56, name, { run = run })
         assert.is_true(#answer.headers < 2048)
      end
   end)

   it("fault 12: a first header line that goes on from none reads nothing of the answer before", function()
      local text, status = child(PRELUDE .. [[
         local handle <close> = open()
         local base, path = os.getenv("BASE"), os.getenv("FOLDED")
         for _ = 1, 3 do
            assert(post(handle, base).status == 200)
            local code = post(handle, path).code
            assert(code == 0 or code == 43, code) -- libcurl 7.88 refuses it
         end
         print("whole")
      ]], environment { -- freed memory is written over
         MALLOC_PERTURB_ = "165", BASE = server:base() .. path, FOLDED = server:base { lie = "folded_first" } .. path,
      })
      assert.equal("whole\n", text)
      assert.equal(0, status)
   end)

   it("fault 13: encodings that are unknown, stacked too high or not what they say are code 61", function()
      is(61, "gzip_six")
      is(61, "gzip_fake")
      is(61, "unknown_encoding")
      local handle <close> = open()
      for _, name in ipairs { "brotli", "gzip_spoilt" } do
         local answer = lie(handle, name)
         assert.is_true(answer.code == 61 or core.decode(answer.body) == nil, name .. " " .. answer.code)
      end
   end)

   it("fault 17: a status that is no answer comes through with it", function()
      for _, status in ipairs { 201, 206, 400, 401, 403, 404, 418, 429, 500, 503, 599, 600, 999 } do
         assert.equal(status, is(0, "status", { arg = status }).status)
      end
      assert.equal(204, is(0, "no_content").status)
   end)

   it("fault 20: a 401 with other schemes to sign in with is one request", function()
      local run = server:new_run()
      assert.equal(401, is(0, "negotiate", { run = run }).status)
      assert.equal(1, server:count(run))
   end)
end)

describe("the clocks of an attempt", function()
   -- who ends as it should does so at the limit, and not at one of the others, which are far away
   local function assert_ended(how, limit, answer, took)
      assert.equal(how, answer.ended)
      assert.equal(28, answer.code)
      assert.is_true(answer.seconds >= limit - 0.01 and answer.seconds <= took, answer.seconds)
      assert.is_true(took < limit + requests.LONGEST / 2, took)
   end

   local function ends(how, limit, handle, ...)
      local urls, before = { ... }, core.now()
      for _, url in ipairs(urls) do
         send(handle, url)
      end
      for _, answer in ipairs(answers(handle, #urls)) do
         assert_ended(how, limit, answer, core.now() - before)
      end
   end

   it("fault 3: end a connection that does not come about at connect_timeout, and count the TLS handshake as such", function()
      local handle <close> = open { connect_timeout = 0.25 }
      ends("connect_timeout", 0.25, handle, server.black_hole .. path, (server.mute:gsub("http", "https")) .. path)
   end)

   it("fault 10: end an attempt at timeout, silent or dripping", function()
      local handle <close> = open { timeout = 0.8, connect_timeout = 0.4 }
      ends("timeout", 0.8, handle, server:base { lie = "silence" } .. path, server:base { lie = "drip", arg = 50 } .. path,
         server:base { lie = "drip_head", arg = 50 } .. path)
   end)

   it("fault 10: end an attempt after so long without a byte once the answer began", function()
      local handle <close> = open { stall_timeout = 0.2 }
      ends("stalled", 0.2, handle, server:base { lie = "stall" } .. path, server:base { lie = "silence_after_head" } .. path)
   end)

   it("fault 10: do not call slow what goes on, nor what has not begun", function()
      local handle <close> = open { stall_timeout = 0.8, timeout = 1.2 }
      ends("timeout", 1.2, handle, server:base { lie = "drip", arg = 50 } .. path)
      local patient <close> = open { stall_timeout = 0.2 }
      assert.equal("answered", post(patient, server:base { lie = "late", arg = 350 } .. path).ended)
   end)

   it("leave the other transfers and the next ones alone", function()
      local handle <close> = open { timeout = 0.8 }
      local silent = send(handle, server:base { lie = "silence" } .. path)
      local good = send(handle, server:base { lie = "late", arg = 100 } .. path)
      local list = answers(handle, 2)
      assert.equal(good, list[1].id)
      assert.equal("answered", list[1].ended)
      assert.equal(silent, list[2].id)
      assert.equal("timeout", list[2].ended)
      assert.equal("answered", post(handle, server:base() .. path).ended)
   end)

   it("fault 46: stand still while nobody drives", function()
      local handle <close> = open { timeout = 0.6, connect_timeout = 0.5, stall_timeout = 0.5 }
      send(handle, server:base { lie = "silence" } .. path)
      send(handle, server:base { lie = "stall" } .. path)
      send(handle, server.black_hole .. path)
      assert(handle:drive(true))
      drive_for(handle, 0.05)
      socket.sleep(0.8)
      assert(handle:drive(true))
      assert.is_nil((handle:take()))
      local list = answers(handle, 3)
      assert.same({ "connect_timeout", "stalled", "timeout" }, (function()
         local how = { list[1].ended, list[2].ended, list[3].ended }
         table.sort(how)
         return how
      end)())
   end)

   it("fault 46: an answer that came while nobody drove is an answer", function()
      local handle <close> = open { timeout = 0.4, connect_timeout = 0.4, stall_timeout = 0.4 }
      send(handle, server:base { lie = "late", arg = 100 } .. path)
      assert(handle:drive(true))
      drive_for(handle, 0.02)
      socket.sleep(0.6)
      local list = answers(handle, 1)
      assert.equal("answered", list[1].ended)
      assert.equal(200, list[1].status)
   end)

   it("count the time between two drives that are not said to be resumed", function()
      local handle <close> = open { timeout = 0.2 }
      send(handle, server:base { lie = "silence" } .. path)
      assert(handle:drive(true))
      assert(handle:drive())
      socket.sleep(0.25)
      assert(handle:drive())
      assert.equal("timeout", handle:take().ended)
   end)
end)

describe("cancel", function()
   -- a handle of one slot with a request that is driven for some seconds, or until a condition holds, and then withdrawn
   local function withdrawn(url, state, options)
      options = options or {}
      options.slots = 1
      local handle = open_liar(options)
      local id = send(handle, url)
      if state then
         assert(handle:drive(true))
         if type(state) == "number" then
            local deadline = core.now() + state
            while core.now() < deadline do
               handle:wait(deadline - core.now())
               handle:drive()
            end
         else
            till(handle, state)
         end
      end
      handle:cancel(id)
      assert.is_nil((handle:take()))
      assert(handle:drive())
      assert.is_nil((drive_for(handle, 0.02)))
      local answer = post(handle, server:base() .. path)
      assert.equal(200, answer.status)
      assert.not_equal(id, answer.id)
      assert.is_true(#answer.body > 50000)
      handle:close()
   end

   it("withdraws a request that was not sent yet", function()
      local run = server:new_run()
      withdrawn(server:base { run = run } .. path)
      assert.equal(0, server:count(run))
   end)

   it("withdraws a request while it connects", function()
      withdrawn(server.black_hole .. path, 0.05)
      withdrawn((server.mute:gsub("http", "https")) .. path, 0.05)
   end)

   it("withdraws a request that waits for its answer, and closes its connection", function()
      local run = server:new_run()
      withdrawn(server:base { lie = "silence", run = run } .. path, function() return server:count(run) == 1 end)
      assert_gone(run)
   end)

   it("withdraws a request whose answer is half there", function()
      withdrawn(server:base { lie = "stall" } .. path, 0.05)
      withdrawn(server:base({ lie = "stall" }, "https") .. path, 0.05)
   end)

   it("withdraws an answer that is there", function()
      withdrawn(server:base() .. path, 0.1)
      withdrawn(server:base { lie = "close" } .. path, 0.1)
      withdrawn(server:base { lie = "silence" } .. path, 0.4, { timeout = 0.2 })
   end)

   it("ignores what was taken already, withdrawn already or never there", function()
      local handle <close> = open { slots = 1 }
      local answer = post(handle, server:base() .. path)
      handle:cancel(answer.id)
      handle:cancel(answer.id)
      handle:cancel(0)
      handle:cancel(-1)
      handle:cancel(math.maxinteger)
      local id = send(handle, server:base() .. path)
      handle:cancel(answer.id)
      assert.equal(id, answers(handle, 1)[1].id)
   end)

   it("leaves the others alone", function()
      local handle <close> = open()
      local ids = {}
      for i = 1, 4 do
         ids[i] = send(handle, server:base { lie = "late", arg = 100 } .. path)
      end
      assert(handle:drive(true))
      drive_for(handle, 0.03)
      handle:cancel(ids[2])
      handle:cancel(ids[4])
      local list = answers(handle, 2)
      local got = { list[1].id, list[2].id }
      table.sort(got)
      assert.same({ ids[1], ids[3] }, got)
      assert.is_nil((drive_for(handle, 0.1)))
   end)
end)

describe("the descriptor", function()
   it("is one number from open to close, that nobody else gets", function()
      local handle <close> = open()
      local fd = handle:fd()
      assert.equal("integer", math.type(fd))
      assert.matches("eventpoll", descriptors()[fd])
      for i = 1, 5 do
         post(handle, sandbox:base() .. path, { fresh = i % 2 == 0 })
         assert.equal(fd, handle:fd())
         lie(handle, "reset")
         assert.equal(fd, handle:fd())
      end
      assert.matches("eventpoll", descriptors()[fd])
   end)

   it("is not readable when there is nothing to do", function()
      local handle <close> = open()
      assert.is_false(readable(handle))
      assert(handle:drive(true))
      assert.is_false(readable(handle))
      post(handle, sandbox:base() .. path)
      assert(handle:drive())
      assert.is_false(readable(handle, 0.05))
   end)

   it("knows of a request once it was driven, not before", function()
      local handle <close> = open()
      post(handle, server:base() .. path)
      assert(handle:drive())
      send(handle, server:base { lie = "late", arg = 30 } .. path)
      assert.is_false(readable(handle))
      assert(handle:drive())
      assert.is_true(readable(handle, 10))
      answers(handle, 1)
   end)

   it("is not readable while a server is silent, and driving does not spin", function()
      local handle <close> = open()
      local run = server:new_run()
      send(handle, server:base { lie = "silence", run = run } .. path)
      assert(handle:drive(true))
      till(handle, function() return server:count(run) == 1 end)
      assert(handle:drive())
      assert.is_false(readable(handle, 0.05))
      local _, turns = drive_for(handle, 0.1)
      assert.is_true(turns <= 4, turns)
   end)

   it("stays readable until the last of the finished is taken", function()
      local handle <close> = open()
      local run = server:new_run()
      for _ = 1, 3 do
         send(handle, server:base { size = 3, run = run } .. path)
      end
      assert(handle:drive(true))
      drive_until_answered(handle, run, 3)
      for _ = 1, 3 do
         assert.is_true(readable(handle))
         assert.equal(200, handle:take().status)
      end
      assert.is_nil((handle:take()))
      assert.is_false(readable(handle))
   end)

   it("is readable while wake says so, besides its own reasons", function()
      local handle <close> = open()
      handle:wake(false)
      assert.is_false(readable(handle))
      handle:wake(true)
      handle:wake(true)
      assert.is_true(readable(handle))
      assert(handle:drive())
      assert.is_true(readable(handle))
      handle:wake(false)
      assert.is_false(readable(handle))
      send(handle, server:base { size = 3 } .. path)
      assert(handle:drive(true))
      drive_until_done(handle)
      handle:wake(true)
      handle:wake(false)
      assert.is_true(readable(handle)) -- the answer is a reason still
      handle:wake(true)
      assert.equal(200, handle:take().status)
      assert.is_true(readable(handle))
      handle:wake(false)
      assert.is_false(readable(handle))
   end)

   it("stays after shut, readable, without connections, until the handle is closed", function()
      for _, finished in ipairs { false, true } do
         local _, before = descriptors()
         local handle = open()
         local fd = handle:fd()
         local run = sandbox:new_run()
         post(handle, sandbox:base() .. path)
         send(handle, sandbox:base { run = run, latency = finished and 0 or 300 } .. path)
         assert(handle:drive(true))
         if finished then
            drive_until_done(handle)
         end
         handle:shut()
         handle:shut()
         assert.equal("closed", handle:state())
         assert.equal("handle (closed)", tostring(handle))
         assert.has_error(function() handle:fd() end, "attempt to use a closed handle")
         local object = { getfd = function() return fd end, dirty = function() return false end }
         assert.equal(1, #socket.select({ object }, nil, 0))
         local all, n = descriptors()
         assert.equal(before + 3, n) -- the set, the timer and the counter
         assert.matches("eventpoll", all[fd])
         handle:close()
         _, n = descriptors()
         assert.equal(before, n)
      end
   end)

   it("is readable when a clock runs out, and not before", function()
      local handle <close> = open { connect_timeout = 0.3 }
      send(handle, server.black_hole .. path)
      assert(handle:drive(true))
      local before = core.now()
      while not handle:take() do
         assert.is_true(readable(handle, 10))
         assert(handle:drive())
      end
      local took = core.now() - before
      assert.is_true(took >= 0.29 and took < 5, took)
   end)

   it("lets a host with a poll of its own get everything, waiting on nothing else", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      local sent, got = 0, 0
      assert(handle:drive(true))
      while got < 40 do
         while sent < 40 and sent - got < 4 do
            send(handle, sandbox:base { run = run, latency = "0-5" } .. path)
            sent = sent + 1
         end
         assert(handle:drive())
         local answer = handle:take()
         if answer then
            got = got + 1
            assert.equal(200, answer.status)
         else
            assert.is_true(readable(handle, 10), "nothing to wait for")
         end
      end
      assert.equal(40, sandbox:count(run))
   end)

   it("wakes wait at once, and wait ends after its time or a slice", function()
      local handle <close> = open()
      for _, case in ipairs { { 0, 0, 0.05 }, { -1, 0, 0.05 }, { 0.1, 0.09, 0.2 }, { 100, 0.19, 0.35 }, { 0 / 0, 0, 0.35 },
         { math.huge, 0.19, 0.35 } } do
         local least = math.huge -- of five: who is kept from running wakes late
         for _ = 1, 5 do
            local before = core.now()
            assert(handle:wait(case[1]))
            least = math.min(least, core.now() - before)
            assert.is_true(least >= case[2], least)
            if least <= case[3] then
               break
            end
         end
         assert.is_true(least <= case[3], least)
      end
   end)
end)

describe("many transfers at once", function()
   it("are as many as the handle was opened for, over as many connections", function()
      local handle <close> = open { slots = 33 }
      local run = sandbox:new_run()
      for _ = 1, 33 do
         send(handle, sandbox:base({ run = run, latency = 700 }, "http") .. path)
      end
      for _, answer in ipairs(answers(handle, 33)) do
         assert.equal(200, answer.status)
      end
      assert.equal(33, sandbox:report(run).max_in_flight)
   end)

   it("security 24: keep no more idle connections than there may be transfers, to however many hosts", function()
      local handle <close> = open { slots = 1 }
      local bases = { sandbox:base(nil, "http"), sandbox:base(), server:base() }
      assert.equal(200, post(handle, bases[1] .. path).status)
      local _, before = descriptors()
      for _ = 1, 2 do
         for _, base in ipairs(bases) do
            post(handle, base .. path)
         end
      end
      local _, after = descriptors()
      assert.is_true(after <= before, after .. " after " .. before)
   end)

   it("are refused in words where there are too many, until one is taken", function()
      local handle <close> = open { slots = 2 }
      send(handle, server:base() .. path)
      send(handle, server:base() .. path)
      local id, message = handle:send { url = server:base() .. path, body = "{}", limit = CAP, cleartext = true }
      assert.is_nil(id)
      assert.equal("more requests at once than the transport was opened for", message)
      answers(handle, 2)
      assert.equal(200, post(handle, server:base() .. path).status)
   end)

   it("answer in the order in which they finish, each with its own id and body", function()
      local handle <close> = open()
      local ids = {}
      local run = server:new_run()
      for i, late in ipairs { 750, 250, 500, 1 } do
         ids[i] = send(handle, server:base { lie = "late", arg = late, size = i, run = run } .. path)
      end
      assert(handle:drive(true))
      drive_until_answered(handle, run, 4)
      local list = answers(handle, 4)
      for i, which in ipairs { 4, 2, 3, 1 } do
         assert.equal(ids[which], list[i].id)
         assert.equal(which, #assert(core.decode(list[i].body)).data)
      end
   end)

   it("fault 51: go with their handle when it is closed", function()
      local runs = { server:new_run(), server:new_run() }
      local handle = open_liar()
      send(handle, server:base { lie = "silence", run = runs[1] } .. path)
      send(handle, server:base({ lie = "stall", run = runs[2] }, "https") .. path)
      send(handle, server.black_hole .. path)
      send(handle, server:base() .. path)
      assert(handle:drive(true))
      till(handle, function() return server:count(runs[1]) == 1 and server:count(runs[2]) == 1 end)
      local before = core.now()
      handle:close()
      assert.is_true(core.now() - before < requests.LONGEST / 2)
      handle:close()
      assert.equal("closed", handle:state())
      for _, run in ipairs(runs) do
         assert_gone(run)
      end
   end)

   it("fault 53: go with their handle when it is collected", function()
      local run = server:new_run()
      do
         local handle = open()
         send(handle, server:base { lie = "silence", run = run } .. path)
         assert(handle:drive(true))
         till(handle, function() return server:count(run) == 1 end)
         handle = nil -- luacheck: ignore
      end
      collectgarbage()
      collectgarbage()
      assert_gone(run)
   end)
end)

describe("what is never done", function()
   it("security 2: a redirect is not followed, and its target hears nothing", function()
      local handle <close> = open()
      local before = #connections("elsewhere")
      for _, status in ipairs { 300, 301, 302, 303, 304, 305, 307, 308 } do
         local run = server:new_run()
         local answer = lie(handle, "redirect", { arg = status, run = run })
         assert.equal(status, answer.status)
         assert.equal(0, answer.code)
         assert.matches("location: http://127%.0%.0%.1:", answer.headers)
         assert.equal(1, server:count(run))
      end
      assert.equal(before, #connections("elsewhere"))
      local run = sandbox:new_run()
      assert.equal(302, post(handle, sandbox:base { run = run, redirect = 302 } .. path).status)
      assert.equal(0, sandbox:count(run .. "-redirected"))
   end)

   for _, kind in ipairs(TLS_KINDS) do
      it("fault 4, security 3: a server with " .. kind .. " gets no byte of HTTP", function()
         local handle <close> = open()
         local run = sandbox:new_run()
         local answer = post(handle, sandbox:base({ run = run }, kind) .. path)
         assert.equal(kind == "tls11" and 35 or 60, answer.code)
         assert.equal(0, answer.status)
         assert.equal("answered", answer.ended)
         assert.is_true(#answer.message > 0)
         assert.equal(0, sandbox:count(run))
         assert.equal(200, post(handle, sandbox:base { run = run } .. path).status)
      end)
   end

   it("security 3: a host whose OpenSSL is set to allow TLS 1.1 does not make us speak it", function()
      local run = sandbox:new_run()
      local text = child(PRELUDE .. [[
         print(post(open { proxy = "" }, os.getenv("URL")).code)
      ]], environment { OPENSSL_CONF = lax(), URL = sandbox:base({ run = run }, "tls11") .. path })
      assert.equal("35\n", text)
      assert.equal(0, sandbox:count(run))
   end)

   it("security 3: ca_file stands in place of the trust store, not beside another", function()
      local handle <close> = open_liar()
      local run = sandbox:new_run()
      assert.equal(60, post(handle, sandbox:base { run = run } .. path).code)
      assert.equal(0, sandbox:count(run))
      local system <close> = requests.open()
      assert.equal(60, post(system, sandbox:base { run = run } .. path).code)
      assert.equal(0, sandbox:count(run))
   end)

   it("fault 4: a ca_file without a certificate trusts nobody", function()
      local name = os.tmpname()
      finally(function() os.remove(name) end)
      for _, text in ipairs { "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" } do
         local file = assert(io.open(name, "w"))
         file:write(text)
         file:close()
         local handle <close> = open { ca_file = name }
         local answer = post(handle, sandbox:base() .. path)
         assert.is_true(answer.code == 77 or answer.code == 60, answer.code)
      end
      local handle <close> = open { ca_file = "/nowhere/ca.pem" }
      assert.equal(77, post(handle, sandbox:base() .. path).code)
   end)

   it("security 1: http goes nowhere unless it is allowed for this request", function()
      local handle <close> = open { slots = 1 }
      local run = sandbox:new_run()
      local url = sandbox:base({ run = run }, "http") .. path
      for _ = 1, 2 do
         local answer = post(handle, url, { cleartext = false })
         assert.equal(1, answer.code)
         assert.equal(0, sandbox:count(run))
         assert.equal(200, post(handle, url).status)
         sandbox:reset(run)
      end
   end)

   it("security 1: no other protocol is spoken", function()
      local handle <close> = open()
      for _, scheme in ipairs { "file", "ftp", "gopher", "telnet", "dict", "ws", "scp", "ldap", "smtp" } do
         for _, cleartext in ipairs { false, true } do
            local id = handle:send { url = scheme .. "://127.0.0.1/etc/passwd", body = "{}", limit = CAP, cleartext = cleartext }
            if id then
               local answer = answers(handle, 1)[1]
               assert.is_true(answer.code == 1 or answer.code == 3, answer.code)
               assert.equal(0, #answer.body)
            end
         end
      end
   end)

   it("security 5: a user in the URL is refused", function()
      local handle <close> = open()
      local run = sandbox:new_run()
      local answer = post(handle, (sandbox:base({ run = run }):gsub("://", "://u:p@")) .. path)
      assert.equal(67, answer.code)
      assert.equal(0, sandbox:count(run))
   end)

   it("security 6: a token that would inject a header reaches no server", function()
      for _, bad in ipairs { "a\r\nX-Injected: 1", "a\nX-Injected: 1", "a b", "a\0b" } do
         local run = server:new_run()
         local client <close> = assert(elements.client {
            token = function() return bad end, base_url = server:base { run = run }, proxy = "",
         })
         local page, err = client:tenant("a", "b"):page()
         assert.is_nil(page)
         assert.equal("auth", err.kind)
         assert.equal(0, server:count(run))
      end
   end)

   it("fault 14: HTTP/2 is not offered, so that no connection that dies takes many pages along", function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      finally(function() listener:close() end)
      local handle <close> = open()
      send(handle, "https://127.0.0.1:" .. select(2, listener:getsockname()) .. path)
      assert(handle:drive(true))
      local connection = assert(listener:accept())
      connection:settimeout(0)
      local hello = ""
      till(handle, function()
         local all, _, part = connection:receive(4096)
         hello = hello .. (all or part)
         return #hello >= 5 and #hello >= 5 + (">I2"):unpack(hello, 4)
      end)
      connection:close()
      assert.is_truthy(hello:find("\0\16\0\11\0\9\8http/1.1", 1, true), "ALPN has one name")
      assert.is_nil(hello:find("\2h2", 1, true))
   end)

   it("security 8: a .netrc gives no sign-in", function()
      local home = sandbox.dir .. "/home"
      assert(lfs.mkdir(home))
      local file = assert(io.open(home .. "/.netrc", "w"))
      file:write("machine 127.0.0.1 login canary password canary\ndefault login canary password canary\n")
      file:close()
      os.execute("chmod 600 " .. home .. "/.netrc")
      local run = server:new_run()
      local text, status = child(PRELUDE .. [[
         local handle <close> = open { proxy = "" }
         print(post(handle, os.getenv("URL"), { bearer = false or nil }).status)
         print(handle:send { url = os.getenv("URL"), body = "{}", limit = 9999999, cleartext = true } and answer(handle).status)
      ]], environment { HOME = home, URL = server:base { run = run } .. path })
      assert.equal("200\n200\n", text)
      assert.equal(0, status)
      local log = server:log(run)
      assert.equal(2, #log)
      assert.matches("\r\nAuthorization: Bearer ", log[1].head)
      assert.is_nil(log[2].head:find("Authorization", 1, true))
   end)
end)

-- A proxy of its own process: tunnels on one port, refuses on others, cuts idle tunnels hard on one, writes each head
-- it gets to a file.
local PROXY = [=[
local socket = require("socket")
local dir = arg[1]
local kinds, listeners = {}, {}
local lines = {}
for _, kind in ipairs { "open", "403", "407", "garbage", "cut" } do
   local server = assert(socket.bind("127.0.0.1", 0))
   kinds[server], listeners[#listeners + 1] = kind, server
   lines[#lines + 1] = kind .. "=" .. select(2, server:getsockname())
end
local file = io.open(dir .. "/ports.new", "w")
file:write(table.concat(lines, "\n"), "\n")
file:close()
os.rename(dir .. "/ports.new", dir .. "/ports")
local peer, heads, all, gone = {}, {}, {}, {}
local input = { getfd = function() return 0 end, dirty = function() return false end }
local function drop(s)
   for i = #all, 1, -1 do
      if all[i] == s then table.remove(all, i) end
   end
   gone[s] = true
   s:close()
end
local function step(s)
   local bytes, why, part = s:receive(65536)
   bytes = bytes or part
   if peer[s] then
      peer[s]:send(bytes)
      for _, one in ipairs { s, peer[s] } do
         if heads[one] then heads[one].at = socket.gettime() end
      end
   else
      heads[s].text = heads[s].text .. bytes
      local text = heads[s].text
      if text:find("\r\n\r\n", 1, true) then
         local log = io.open(dir .. "/heads", "a")
         log:write(text, "\0")
         log:close()
         local kind, host, port = heads[s].kind, text:match("^CONNECT ([%d.]+):(%d+) ")
         if (kind == "open" or kind == "cut") and host then
            local up = socket.tcp()
            up:connect(host, tonumber(port))
            up:settimeout(0)
            peer[s], peer[up] = up, s
            heads[s].at = socket.gettime()
            all[#all + 1] = up
            s:send("HTTP/1.1 200 Established\r\nretry-after: 99\r\nrequest-id: proxy\r\n\r\n")
         elseif kind == "garbage" then
            s:send("nonsense\r\n\r\n")
            return drop(s)
         else
            s:send("HTTP/1.1 " .. (tonumber(kind) or 400) .. " No\r\nretry-after: 99\r\nrequest-id: proxy\r\n"
               .. "Content-Length: 0\r\n\r\n")
            return drop(s)
         end
      end
   end
   if why == "closed" then
      drop(s)
      if peer[s] and not gone[peer[s]] then drop(peer[s]) end
   end
end
while true do
   local readers = { input, table.unpack(listeners) }
   for _, s in ipairs(all) do readers[#readers + 1] = s end
   local ready = socket.select(readers, nil, 0.05)
   for s, head in pairs(heads) do
      if head.kind == "cut" and head.at and not gone[s] and socket.gettime() - head.at > 0.1 then
         s:shutdown("send") -- FIN, then RST: the client's next write is a broken pipe
         socket.sleep(0.02)
         s:setoption("linger", { on = true, timeout = 0 })
         drop(s)
      end
   end
   if ready[input] then os.exit() end
   for _, s in ipairs(ready) do
      if kinds[s] then
         local c = s:accept()
         c:settimeout(0)
         heads[c] = { text = "", kind = kinds[s] }
         all[#all + 1] = c
      elseif s ~= input and not gone[s] then
         step(s)
      end
   end
end
]=]

describe("a proxy", function()
   local dir, halt, ports

   setup(function()
      dir = keeper.folder(keeper.root("@spec/sandbox/x"), "proxy")
      local file = assert(io.open(dir .. "/proxy.lua", "w"))
      file:write(PROXY)
      file:close()
      halt = keeper.start(dir, ("env LUA_PATH_5_4=%s LUA_CPATH_5_4=%s %s %s %s"):format(keeper.quote(package.path),
         keeper.quote(package.cpath), os.getenv("LUA") or "lua5.4", keeper.quote(dir .. "/proxy.lua"), keeper.quote(dir)))
      ports = {}
      for kind, port in eventually(function() return keeper.read(dir .. "/ports") end):gmatch("(%w+)=(%d+)") do
         ports[kind] = "http://127.0.0.1:" .. port
      end
   end)

   teardown(function()
      halt()
   end)

   before_each(function()
      os.remove(dir .. "/heads")
   end)

   local function heads()
      local list = {}
      for head in (keeper.read(dir .. "/heads") or ""):gmatch("([^\0]*)\0") do
         list[#list + 1] = head
      end
      return list
   end

   it("security 9: of the options tunnels, and its CONNECT carries no bearer", function()
      local handle <close> = open { proxy = ports.open }
      local run = sandbox:new_run()
      local answer = post(handle, sandbox:base { run = run } .. path)
      assert.equal(200, answer.status)
      assert.equal(200, answer.connect_status)
      assert.is_nil(answer.headers:find("proxy", 1, true))
      assert.is_nil(answer.headers:find("retry-after", 1, true))
      assert.equal(1, sandbox:count(run))
      local list = heads()
      assert.equal(1, #list)
      local address = sandbox.https:match("//(.*)$")
      assert.equal(("CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: spec/1\r\nProxy-Connection: Keep-Alive\r\n\r\n")
         :format(address, address), list[1])
   end)

   it("security 9: gets user and password of its URL, and the service does not", function()
      local handle <close> = open { proxy = (ports.open:gsub("://", "://canary:s3cret@")) }
      local run = server:new_run()
      local liar_handle <close> = open_liar { proxy = (ports.open:gsub("://", "://canary:s3cret@")) }
      assert.equal(200, post(handle, sandbox:base() .. path).status)
      assert.equal(200, post(liar_handle, server:base({ run = run }, "https") .. path, { bearer = "abc" }).status)
      assert.matches("\r\nProxy%-Authorization: Basic Y2FuYXJ5OnMzY3JldA==\r\n", heads()[1])
      local head = server:log(run)[1].head
      assert.is_nil(head:find("Proxy", 1, true))
      assert.matches("\r\nAuthorization: Bearer abc\r\n", head)
   end)

   it("fault 1: that refuses gives its status, and no answer", function()
      for _, kind in ipairs { "403", "407" } do
         local handle <close> = open { proxy = ports[kind] }
         local run = sandbox:new_run()
         local answer = post(handle, sandbox:base { run = run } .. path)
         assert.equal(56, answer.code)
         assert.equal(tonumber(kind), answer.connect_status)
         assert.equal("", answer.headers)
         assert.equal(0, sandbox:count(run))
         local err = require("avepoint.elements.answers").failure(answer)
         assert.equal("proxy", err.kind)
         assert.equal("the proxy refused to connect (HTTP " .. kind
            .. "); check proxy and the variables https_proxy and no_proxy", err.message)
      end
      local handle <close> = open { proxy = ports.garbage }
      assert.is_true(post(handle, sandbox:base() .. path).code ~= 0)
   end)

   it("fault 1: that nobody is at is code 7 or 5", function()
      local handle <close> = open { proxy = server.refusing }
      local answer = post(handle, sandbox:base() .. path)
      assert.is_true(answer.code == 7 or answer.code == 5)
   end)

   it("fault 4, security 3: of https is trusted by ca_file alone, under its own name, and with TLS 1.2 or more", function()
      local run = sandbox:new_run()
      local url = sandbox:base { run = run } .. path
      for _, case in ipairs {
         { sandbox.https, sandbox.ca_file, 56 }, { sandbox.https, server.ca_file, 60 },
         { sandbox.tls.wrong_host, sandbox.ca_file, 60 }, { sandbox.tls.expired, sandbox.ca_file, 60 },
      } do
         local handle <close> = open { proxy = case[1], ca_file = case[2] }
         local answer = post(handle, url)
         assert.equal(case[3], answer.code, case[1])
         assert.equal(case[3] == 56, answer.connect_status >= 400)
      end
      local text = child(PRELUDE .. [[
         print(post(open { proxy = os.getenv("PROXY") }, os.getenv("URL")).code)
      ]], environment { OPENSSL_CONF = lax(), URL = url, PROXY = sandbox.tls.tls11 })
      assert.equal("35\n", text)
      assert.equal(0, sandbox:count(run))
   end)

   it("fault 16: that breaks the pipe raises no SIGPIPE, and the host keeps its disposition and mask", function()
      local script = PRELUDE .. [[
         require("native").default_sigpipe()
         local function signals()
            local text = io.open("/proc/self/status"):read("a")
            return text:match("SigIgn:%s*%x+") .. text:match("SigBlk:%s*%x+") .. text:match("SigCgt:%s*%x+")
         end
         local before = signals()
         assert(tonumber(before:match("SigIgn:%s*(%x+)"), 16) & 1 << 12 == 0, "SIGPIPE is ignored here from the start")
         local handle = open { proxy = os.getenv("PROXY"), slots = 3 }
         local ids = {}
         for i = 1, 3 do
            ids[i] = assert(handle:send { url = os.getenv("URL"), body = "{}", limit = 9 })
         end
         assert(handle:drive(true))
         local till = core.now() + 0.09
         while core.now() < till do
            handle:wait(till - core.now())
            handle:drive()
         end
         os.execute("sleep 0.4")
         HOW
         assert(signals() == before, "changed")
         print("alive")
      ]]
      for _, way in ipairs {
         "assert(answer(handle).code ~= 0)", "handle:cancel(ids[1]) handle:cancel(ids[2])", "handle:close()",
         "handle = nil collectgarbage() collectgarbage()",
      } do
         local text, status = shimmed((script:gsub("HOW", way)), {
            SHIM_SIGPIPE = "1", CA = server.ca_file, PROXY = ports.cut, URL = server:base({ lie = "silence" }, "https") .. path,
         })
         assert.equal("alive\n", text, way .. " " .. status)
      end
   end)

   it("security 9: sends nothing in cleartext through a proxy", function()
      local handle <close> = open { proxy = ports.open }
      local run = sandbox:new_run()
      assert.equal(200, post(handle, sandbox:base({ run = run }, "http") .. path).status)
      assert.equal(1, sandbox:count(run))
      assert.same({}, heads())
   end)

   local SCRIPT = PRELUDE .. [[
      local options = {}
      if os.getenv("OPTION") then
         options.proxy = os.getenv("OPTION")
      end
      local handle <close> = open(options)
      local answer = post(handle, os.getenv("URL"))
      print(answer.code, answer.status)
   ]]

   local function child_with(variables)
      local run = sandbox:new_run()
      variables.URL = variables.URL or sandbox:base { run = run } .. path
      local text = child(SCRIPT, environment(variables))
      return text, #heads()
   end

   it("security 9: of the environment is used, by any of its names", function()
      for i, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
         local text, through = child_with { [name] = ports.open }
         assert.equal("0\t200\n", text)
         assert.equal(i, through)
      end
   end)

   it("security 9: of the environment is not used for what no_proxy names", function()
      local text, through = child_with { https_proxy = ports.open, no_proxy = "127.0.0.1" }
      assert.equal("0\t200\n", text)
      assert.equal(0, through)
   end)

   it("security 9: of the environment is not used with proxy = \"\"", function()
      local text, through = child_with { https_proxy = ports["403"], all_proxy = ports["403"], OPTION = "" }
      assert.equal("0\t200\n", text)
      assert.equal(0, through)
   end)

   it("security 9: of the environment gives way to that of the options, and so does no_proxy", function()
      local text, through = child_with { https_proxy = ports["403"], no_proxy = "127.0.0.1", OPTION = ports.open }
      assert.equal("0\t200\n", text)
      assert.equal(1, through)
   end)

   it("security 9: of the environment gets nothing in cleartext", function()
      for _, name in ipairs { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" } do
         local text, through = child_with { [name] = ports.open, URL = sandbox:base(nil, "http") .. path }
         assert.equal("0\t200\n", text)
         assert.equal(0, through)
      end
   end)
end)

describe("the host process", function()
   it("fault 57: does not hand its connections to the programs it starts", function()
      local before = descriptors()
      local handle <close> = open()
      post(handle, sandbox:base() .. path)
      send(handle, server:base { lie = "silence" } .. path)
      assert(handle:drive(true))
      drive_for(handle, 0.05)
      local sockets, others = 0, 0
      for fd, target in pairs(descriptors()) do
         if before[fd] ~= target then
            local flags = tonumber(keeper.read("/proc/self/fdinfo/" .. fd):match("flags:%s*(%d+)"), 8)
            local closes = flags & tonumber("02000000", 8) ~= 0
            if target:find("anon_inode") then
               others = others + 1
               assert.is_true(closes, target)
            elseif closes then
               sockets = sockets + 1
            end
         end
      end
      assert.is_true(sockets >= 2, sockets)
      assert.is_true(others >= 3, others)
      -- what is left without the flag is libcurl's own pair, which carries no data
      local open_still = 0
      for fd, target in pairs(descriptors()) do
         if before[fd] ~= target and target:find("socket") then
            local flags = tonumber(keeper.read("/proc/self/fdinfo/" .. fd):match("flags:%s*(%d+)"), 8)
            open_still = open_still + (flags & tonumber("02000000", 8) == 0 and 1 or 0)
         end
      end
      assert.is_true(open_still <= 2, open_still)
   end)

   it("has as many descriptors after 200 handles as before, whatever they were doing", function()
      collectgarbage()
      local _, before = descriptors()
      for i = 1, 200 do
         local handle = open()
         if i % 4 == 0 then
            send(handle, server:base { lie = "silence" } .. path)
         elseif i % 4 == 1 then
            send(handle, sandbox:base() .. path)
         elseif i % 4 == 2 then
            send(handle, server.black_hole .. path)
         end
         assert(handle:drive(true))
         handle:wait(0.002)
         assert(handle:drive())
         if i % 3 == 0 then
            handle = nil -- luacheck: ignore
            collectgarbage()
         else
            handle:close()
         end
      end
      collectgarbage()
      local _, after = descriptors()
      assert.equal(before, after)
   end)

   local function resident()
      return tonumber(keeper.read("/proc/self/status"):match("VmRSS:%s*(%d+) kB"))
   end

   it("has no more memory after 2000 requests than after 200", function()
      local handle <close> = open()
      local urls = {
         sandbox:base { run = "memory", size = 30 } .. path, server:base { lie = "close", run = "memory" } .. path,
         server:base { lie = "gzip_fake", run = "memory" } .. path, sandbox:base { run = "memory", fail = "503:1" } .. path,
      }
      local function run(n)
         local sent, got = 0, 0
         assert(handle:drive(true))
         while got < n do
            while sent < n and sent - got < 4 do
               sent = sent + 1
               local id = send(handle, sent % 10 == 0 and urls[sent // 10 % 3 + 2] or urls[1])
               if sent % 50 == 7 then
                  handle:cancel(id)
                  got = got + 1
               end
            end
            assert(handle:drive())
            local before = got
            for answer in handle.take, handle do
               got = got + 1
               answer.body:close()
            end
            if got == before then
               assert(handle:wait(1))
            end
         end
         collectgarbage()
         collectgarbage()
      end
      run(200)
      local before = resident()
      run(1800)
      assert.is_true(resident() - before < 1024, resident() - before)
      sandbox:reset("memory")
   end)

   it("fault 2: does not wait for a resolver that hangs, in a transfer, in close or at its end (7.87 #newcurl)", function()
      for how, wanted in pairs {
         ["handle:close()"] = "closed", ["handle = nil collectgarbage() collectgarbage()"] = "nil", [""] = "open",
      } do
         local text, status, seconds = shimmed(PRELUDE .. [[
            local handle = open { proxy = "", connect_timeout = 0.2 }
            local answer = post(handle, "https://stalled.invalid/")
            print(answer.ended)
            assert(handle:send { url = "https://stalled.invalid/", body = "", limit = 1 })
            assert(handle:drive(true))
            ]] .. how .. [[

            print(handle and handle:state())
         ]], { SHIM_DNS = "20" })
         assert.equal("connect_timeout\n" .. wanted .. "\n", text)
         assert.equal(0, status)
         assert.is_true(seconds < 10, seconds)
      end
   end)

   -- the parent's script; the child's part is put in
   local FORK = PRELUDE .. [[
      local native = require("native")
      local handle = open { proxy = "" }
      local url = os.getenv("URL")
      assert(post(handle, url).status == 200)
      assert(handle:send { url = os.getenv("LATE"), body = "{}", limit = 4194304, bearer = os.getenv("TOKEN") })
      assert(handle:drive(true))
      local till = core.now() + 0.05
      while core.now() < till do
         handle:wait(till - core.now())
         handle:drive()
      end
      local pid = native.fork()
      if pid == 0 then
         CHILD
      end
      local code = native.wait(pid)
      local late = assert(answer(handle))
      local again = assert(post(handle, url))
      print(code, late.status, again.status, handle:state())
   ]]

   local function forked(what)
      local run = sandbox:new_run()
      local text, status = shimmed((FORK:gsub("CHILD", function() return what end)), environment {
         URL = sandbox:base { run = run } .. path, LATE = sandbox:base { run = run, latency = 150 } .. path,
         FORGETS = "1", -- so leak finders are told: a forked child only forgets what is its parent's
      })
      assert.equal("7\t200\t200\topen\n", text)
      assert.equal(0, status)
      local log = sandbox:log(run)
      assert.equal(3, #log)
      assert.equal(log[1].connection, log[2].connection)
      assert.equal(log[1].connection, log[3].connection)
   end

   it("fault 57: forked, has a handle that says so, and refuses everything but close", function()
      forked [[
         local ok = handle:state() == "forked"
         for _, f in ipairs { handle.fd, handle.drive, handle.take, function(h) return h:wait(0) end,
            function(h) return h:cancel(1) end, function(h) return h:send { url = url, body = "", limit = 1 } end } do
            local good, message = pcall(f, handle)
            ok = ok and not good and message:find("attempt to use a handle across fork", 1, true) ~= nil
         end
         os.exit(ok and 7 or 1, true)
      ]]
   end)

   it("fault 57: forked, closes a handle without a word on its parent's connections", function()
      forked [[
         handle:close()
         local state = handle:state()
         native.exit_now(state == "closed" and 7 or 1)
      ]]
   end)

   it("fault 57: forked, collects a handle without a word on its parent's connections", function()
      forked [[
         handle = nil
         collectgarbage()
         collectgarbage()
         native.exit_now(7)
      ]]
   end)

   it("fault 57: forked, ends with lua_close without a word on its parent's connections", function()
      forked [[
         os.exit(7, true)
      ]]
   end)

   it("fault 57: forked, may open a handle of its own", function()
      forked [[
         local mine = open { proxy = "" }
         local status = post(mine, (url:gsub("run=[^/]*", "run=forked"))).status
         mine:close()
         os.exit(status == 200 and 7 or 1, true)
      ]]
   end)

   it("security 4: leaves a connection after an hour, so that its certificate is checked anew (7.80 #newcurl)", function()
      local run = sandbox:new_run()
      local text = shimmed(PRELUDE .. [[
         local handle <close> = open { proxy = "", slots = 1 }
         for _ = 1, 70 do
            assert(post(handle, os.getenv("URL")).status == 200)
            require("native").later(60)
         end
         print("done")
      ]], environment { URL = sandbox:base { run = run, size = 1 } .. path })
      assert.equal("done\n", text)
      local by_connection, counts = {}, {}
      for _, entry in ipairs(sandbox:log(run)) do
         by_connection[entry.connection] = (by_connection[entry.connection] or 0) + 1
      end
      for _, n in pairs(by_connection) do
         counts[#counts + 1] = n
      end
      table.sort(counts)
      assert.equal(2, #counts)
      assert.is_true(counts[2] >= 60 and counts[2] <= 62, counts[2])
   end)

   it("fault 47: meets no Lua error inside libcurl, whose callbacks' files know nothing of Lua", function()
      local known = {}
      local function follow(name)
         if not known[name] then
            known[name] = true
            local source = assert(keeper.read("src/" .. name), name)
            assert.is_nil(source:find("lua_%w+ ?%(") or source:find("include [\"<]la?u[ax]"), name)
            for header in source:gmatch('#include "([^"]+)"') do
               follow(header)
            end
         end
      end
      for name in lfs.dir("src") do
         if name:find("%.c$") and keeper.read("src/" .. name):find("OPT_%w+FUNCTION") then
            follow(name)
         end
      end
      assert.is_true(known["transfer.c"] and known["transport.c"])
   end)

   it("security 21: is told that its libcurl is too old, and nothing is sent by it", function()
      local SCRIPT = PRELUDE .. [[
         local made, message = pcall(open, { proxy = "" })
         print(made, made or message:match("libcurl.*$"))
      ]]
      assert.equal("false\tlibcurl is older than 7.76.0\n", (shimmed(SCRIPT, { SHIM_VERSION = "074b00" })))
      assert.equal("true\ttrue\n", (shimmed(SCRIPT, { SHIM_VERSION = "074c00" })))
   end)
end)
