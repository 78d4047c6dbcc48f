-- Holds the sandbox to what it promises the other specs: strict about requests, its knobs do what
-- service.lua's table says, and its counts are right.
-- Criteria: raw sockets and the curl command only, so that nothing of the client is needed; quick.
-- luacheck: std lua54+busted

local cjson = require("cjson")
local socket = require("socket")

local certs = require("spec.sandbox.certs")
local keeper = require("spec.sandbox.keeper")
local knob_names = require("spec.sandbox.knobs").names
local sandboxes = require("spec.sandbox.sandbox")
local shapes = require("spec.sandbox.shapes")
local tenant = require("spec.sandbox.tenant")

local eventually = require("spec.support.requests").eventually

local function read_answer(connection)
   local line = connection:receive("*l")
   if not line then
      return nil
   elseif line:find(" 100 ", 1, true) then
      connection:receive("*l")
      line = connection:receive("*l")
   end
   local answer = { status = tonumber(line:match("^HTTP/1.1 (%d+)")), headers = {} }
   for header in function() return connection:receive("*l") end do
      if header == "" then
         break
      end
      local name, value = header:match("^([^:]+): (.*)$")
      name = name:lower()
      answer.headers[name] = answer.headers[name] and answer.headers[name] .. " | " .. value or value
   end
   if answer.headers["content-length"] then
      local length = tonumber(answer.headers["content-length"])
      answer.body = length == 0 and "" or connection:receive(length)
   elseif answer.headers["transfer-encoding"] then
      local parts = {}
      repeat
         local size = tonumber(connection:receive("*l"), 16)
         parts[#parts + 1] = size > 0 and connection:receive(size) or nil
         connection:receive("*l")
      until size == 0
      answer.body = table.concat(parts)
   end
   return answer
end

describe("the sandbox", function()
   local sandbox

   setup(function()
      sandbox = sandboxes.start()
   end)

   teardown(function()
      sandbox:stop()
   end)

   local function connect()
      local connection = assert(socket.connect("127.0.0.1", sandbox.port))
      connection:settimeout(5)
      return connection
   end

   local function send(connection, options)
      local headers = {
         Host = "127.0.0.1", Authorization = "Bearer " .. sandbox.token, ["Content-Type"] = "application/json",
         Accept = "application/json", ["Content-Length"] = #(options.body or "{}"),
      }
      for name, value in pairs(options.headers or {}) do
         headers[name] = value or nil
      end
      local lines = {}
      for name, value in pairs(headers) do
         lines[#lines + 1] = name .. ": " .. value .. "\r\n"
      end
      local path = options.path or "/external/v3/um/customers/" .. (options.customer or sandbox.customer_id) .. "/tenants/"
         .. (options.tenant or sandbox.tenant_id) .. "/users/batch?" .. (options.query
         or "pageIndex=" .. (options.page or 1) .. "&pageSize=" .. (options.size or 100))
      local base = sandbox:base(options.knobs, "http"):match("^http://[^/]+(.*)$")
      connection:send((options.method or "POST") .. " " .. base .. path .. " HTTP/1.1\r\n"
         .. table.concat(lines) .. (options.more or "") .. "\r\n" .. (options.body or "{}"))
   end

   local function ask(options)
      local connection = connect()
      send(connection, options)
      local answer = read_answer(connection)
      connection:close()
      return answer
   end

   local function page(knobs, index, size, body)
      local answer = ask { knobs = knobs, page = index, size = size, body = body }
      assert.equal(200, answer.status, answer.body)
      return cjson.decode(answer.body)
   end

   local function numbers(decoded)
      local list = {}
      for i, user in ipairs(decoded.data) do
         list[i] = tenant.number(user.id)
      end
      return list
   end

   local function status(knobs, index)
      local answer = ask { knobs = knobs, page = index }
      return answer and answer.status
   end

   local function sign_in(knobs, fields, headers)
      local connection = connect()
      local body = fields or "client_id=" .. sandbox.client_id .. "&grant_type=client_credentials"
         .. "&scope=elements.um.user.read.all&client_secret=" .. sandbox.client_secret:gsub("[^%w]", function(c)
            return ("%%%02X"):format(c:byte())
         end)
      connection:send("POST " .. sandbox:token_url(knobs, "http"):match("^http://[^/]+(.*)$")
         .. " HTTP/1.1\r\nHost: 127.0.0.1:" .. sandbox.port .. "\r\nAccept: application/json\r\n"
         .. "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body .. "\r\n"
         .. (headers or "") .. "\r\n" .. body)
      local answer = read_answer(connection)
      connection:close()
      return answer.status, answer.body:find("^{") and cjson.decode(answer.body) or answer.body, answer.headers
   end

   describe("a plain page", function()
      it("holds the tenant's users as the rule makes them", function()
         local got = page({ size = 1234 }, 3, 100)
         assert.same({ pageIndex = 3, pageSize = 100, totalCount = 1234 }, got.metadata)
         assert.equal(100, #got.data)
         for i, user in ipairs(got.data) do
            assert.same(tenant.user(200 + i), user)
         end
         assert.equal(34, #page({ size = 1234 }, 13).data)
         assert.same({}, page({ size = 1234 }, 14).data)
         assert.same({}, page({ size = 0 }, 1).data)
      end)

      it("is the same under TLS, compressed, chunked and through the cache", function()
         local command = ("curl -sS --cacert '%s' --compressed -H 'Accept-Encoding: gzip' -H 'Authorization: Bearer %s' "
            .. "-H 'Content-Type: application/json' -H 'Accept: application/json' -d '{}' '%s"
            .. "/external/v3/um/customers/%s/tenants/%s/users/batch?pageSize=100&pageIndex=2'"):format(sandbox.ca_file,
            sandbox.token, sandbox:base { size = 777, run = "tls" }, sandbox.customer_id, sandbox.tenant_id)
         local plain = ask { knobs = { size = 777 }, page = 2 }.body
         assert.equal(plain, keeper.output(command))
         assert.equal(plain, keeper.output(command))
         assert.equal(plain, ask { knobs = { size = 777, chunked = true }, page = 2 }.body)
         local squeezed = ask { knobs = { size = 777 }, page = 2, headers = { ["Accept-Encoding"] = "gzip" } }
         assert.equal("gzip", squeezed.headers["content-encoding"])
         assert.is_true(#squeezed.body < #plain / 3)
         local left = ask { knobs = { size = 777, gzip = 0 }, page = 2, headers = { ["Accept-Encoding"] = "gzip" } }
         assert.equal(plain, left.body)
      end)

      it("has a request id and a date, and the second tenant has other users", function()
         local one, two = ask {}, ask { customer = sandbox.second.customer_id, tenant = sandbox.second.tenant_id }
         assert.truthy(one.headers.date)
         assert.not_equal(one.headers["request-id"], two.headers["request-id"])
         assert.equal(tenant.OFFSET + 1, tenant.number(cjson.decode(two.body).data[1].id))
      end)
   end)

   describe("strictness", function()
      local refused = {
         { 405, method = "GET" }, { 405, method = "PUT" }, { 404, path = "/external/v3/um/users/batch" },
         { 404, customer = "x" }, { 404, tenant = "%2e%2e" }, { 404, tenant = "51d2a6be-7c08-4f1e-9a35-e0c4b7f90d12" },
         { 401, headers = { Authorization = false } }, { 401, headers = { Authorization = "Bearer x" } },
         { 401, headers = { Authorization = "bearer" } }, { 400, headers = { Accept = "*/*" } },
         { 400, headers = { ["Content-Type"] = "text/plain" } }, { 400, headers = { Cookie = "a=b" } },
         { 400, headers = { Expect = "100-continue" } }, { 400, headers = { ["Accept-Encoding"] = "gzip, br" } },
         { 400, more = "Accept: application/json\r\n" }, { 400, more = "X-Evil: 1\r\n" },
         { 400, headers = { ["Content-Length"] = false }, body = "", more = "Transfer-Encoding: chunked\r\n\r\n0\r\n" },
         { 400, query = "" }, { 400, query = "pageIndex=1" }, { 400, query = "pageSize=1" },
         { 400, query = "pageIndex=1&pageSize=1&pageSize=1" }, { 400, query = "pageIndex=1&pageSize=1&x=1" },
         { 400, query = "pageIndex=0&pageSize=1" }, { 400, query = "pageIndex=1&pageSize=101" },
         { 400, query = "pageIndex=1.0&pageSize=1" }, { 400, query = "pageIndex=01&pageSize=1" },
         { 400, query = "pageIndex=1&pageSize=1&" }, { 400, query = "pageIndex=-1&pageSize=1" },
         { 400, body = "" }, { 400, body = "null" }, { 400, body = "[]" }, { 400, body = '{"userIds":{}}' },
         { 400, body = '{"userIds":[]}' }, { 400, body = '{"userIds":[1]}' }, { 400, body = '{"userIds":[null]}' },
         { 400, body = '{"userIds":["a"],"userIds":["a"]}' }, { 400, body = '{"userIds":["a","A"]}' },
         { 400, body = '{"userIds":{"1":"a"}}' }, { 400, body = '{"userIds":"a"}' }, { 400, body = '{"userIds":null}' },
         { 400, body = '{"userIds":["a"],"x":1}' }, { 400, body = '{"userIds":[""]}' }, { 400, body = "{} {}" },
         { 400, knobs = { sise = 3 } }, { 400, knobs = { size = "x" } }, { 400, knobs = { shape = "nonsense" } },
      }
      for _, case in ipairs(refused) do
         it("answers " .. case[1] .. " to " .. cjson.encode { case.method or case.path or case.customer or case.tenant
            or case.headers or case.more or case.query or case.body or case.knobs }, function()
            local answer = ask(case)
            assert.equal(case[1], answer.status, answer.body)
            assert.is_string(cjson.decode(answer.body).message)
         end)
      end

      it("takes the parameters in any order and ids in any case", function()
         assert.equal(200, ask { query = "pageSize=5&pageIndex=1" }.status)
         assert.equal(200, ask { body = '{ "userIds" : [ "a" ] }' }.status)
      end)
   end)

   describe("ids", function()
      local body = cjson.encode { userIds = { tenant.id(7):upper(), tenant.id(3), tenant.id(9999) } }

      it("choose users", function()
         local got = page({}, 1, 100, body)
         assert.same({ 3, 7 }, numbers(got))
         assert.equal(2, got.metadata.totalCount)
         assert.same({ 7 }, numbers(page({}, 2, 1, body)))
      end)

      it("are answered as the knobs say", function()
         assert.equal(404, ask { body = body, knobs = { ids_unknown = 404 } }.status)
         assert.equal(400, ask { body = body, knobs = { ids_max = 2 } }.status)
         assert.equal(250, page({ filter = "ignored" }, 1, 100, body).metadata.totalCount)
         assert.equal(tenant.id(3):upper(), page({ filter_case = "upper" }, 1, 100, body).data[1].id)
      end)
   end)

   describe("knobs", function()
      it("are all in the table at the head of service.lua", function()
         local text = keeper.read("spec/sandbox/service.lua")
         for _, name in ipairs(knob_names()) do
            assert.truthy(text:find("[ ,;]" .. name .. "="), name .. " is not in the table")
         end
      end)

      it("vary users as tenant.user says", function()
         local absent = {}
         for _, knobs in ipairs { { nulls = true }, { absent = true }, { status = "integer" }, { status = "null" },
            { status = "absent" }, { status = "mixed" }, { status = "unknown_code" }, { big = 500 } } do
            local got = page(knobs, 1)
            for i, user in ipairs(got.data) do
               for name, value in pairs(user) do
                  if value == cjson.null then
                     user[name] = nil
                  end
               end
               user.status = type(user.status) == "number" and { user.status } or user.status
               assert.same(tenant.user(i, knobs), user)
               absent[#absent + 1] = user.mail == nil or nil
            end
         end
         assert.is_true(#absent > 100)
      end)

      it("change paging", function()
         assert.same({ pageIndex = 2, pageSize = 30, totalCount = 250 }, page({ cap = 30 }, 2).metadata)
         assert.equal(400, status { cap = 30, cap_mode = 400 })
         assert.equal(0, #page({ empty = 2 }, 2).data)
         assert.equal(50, #page({ short = 2 }, 2).data)
         assert.same(page({}, 1).data, page({ ["repeat"] = 2 }, 2).data)
         assert.equal(1, numbers(page({ stuck = true }, 2))[1])
         assert.equal(7, page({ total = 7 }, 1).metadata.totalCount)
         assert.equal(20, page({ size_change = "2:20" }, 2).metadata.pageSize)
         assert.equal(404, status({ past_end = 404 }, 4))
         assert.equal(400, status({ past_end = 400 }, 4))
      end)

      it("let the tenant drift", function()
         local function drifted(drift, index)
            local knobs = { drift = drift, run = sandbox:new_run(), size = 30 }
            assert.same(30, page(knobs, 1, 10).metadata.totalCount)
            local got = page(knobs, index, 10)
            return numbers(got), got.metadata.totalCount
         end
         local list, total = drifted("grow:1:5", 4)
         assert.same({ 31, 32, 33, 34, 35 }, list)
         assert.equal(35, total)
         list, total = drifted("shrink:1:5", 3)
         assert.same({ 21, 22, 23, 24, 25 }, list)
         assert.equal(25, total)
         list, total = drifted("insert:1:2", 2)
         assert.same({ 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 }, list)
         assert.equal(32, total)
         assert.same({ 31, 32, 1, 2, 3, 4, 5, 6, 7, 8 }, (drifted("insert:1:2", 1)))
         list, total = drifted("delete:1:3", 2)
         assert.same({ 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 }, list)
         assert.equal(27, total)
         assert.same({ 10, 12, 13, 14, 15, 16, 17, 18, 19, 20 }, { 10, table.unpack((drifted("delete:1:1:11", 2)), 1, 9) })
         assert.same({ 30, 29, 3, 4, 5, 6, 7, 8, 9, 10 }, (drifted("swap:1:2", 1)))
      end)

      it("make pages fail, so often and no more", function()
         local knobs = { run = sandbox:new_run(), fail = { "503:3:2", "500:1-2:1" } }
         assert.same({ 500, 200, 200 }, { status(knobs, 1), status(knobs, 1), status(knobs, 2) })
         assert.same({ 503, 503, 200 }, { status(knobs, 3), status(knobs, 3), status(knobs, 3) })
         knobs = { run = sandbox:new_run(), fail = "502:each:1" }
         assert.same({ 502, 502, 200, 200 }, { status(knobs, 1), status(knobs, 2), status(knobs, 1), status(knobs, 2) })
         knobs = { run = sandbox:new_run(), fail = "444:*:1" }
         assert.is_nil(status(knobs, 1))
         assert.equal(200, status(knobs, 1))
         assert.equal(503, status({ outage = 2 }, 2))
         assert.equal(200, status({ outage = 2 }, 1))
      end)

      it("throw the same dice for the same seed", function()
         local function series(seed)
            local run, list, bad = sandbox:new_run(), {}, 0
            for index = 1, 100 do
               list[index] = status({ run = run, random_fail = "503:20:" .. seed, size = 10000 }, index)
               bad = bad + (list[index] == 503 and 1 or 0)
            end
            return list, bad
         end
         local list, bad = series(1)
         assert.same(list, (series(1)))
         assert.not_same(list, (series(2)))
         assert.is_true(bad >= 10 and bad <= 30, bad)
      end)

      it("shape failing answers", function()
         local function failing(knobs)
            knobs.fail = knobs.fail or "503:*"
            return ask { knobs = knobs }
         end
         assert.equal("7", failing({ retry_after = 7 }).headers["retry-after"])
         assert.is_nil(failing({}).headers["retry-after"])
         assert.truthy(failing({ retry_after = "date:5" }).headers["retry-after"]:find("GMT$"))
         assert.equal("3 | 9", failing({ retry_after = "two:3:9" }).headers["retry-after"])
         assert.equal("soon", failing({ retry_after = "garbage" }).headers["retry-after"])
         assert.truthy(failing({ body = "html" }).body:find("<center>"))
         assert.equal("", failing({ body = "empty" }).body)
         assert.equal(2048, #failing({ body = "binary" }).body)
         assert.is_true(#failing({ body = "big" }).body > 9000000)
         assert.equal(403, failing({ fail = "403:*" }).status)
         local moved = ask { knobs = { redirect = 307, run = "moved" } }
         assert.equal(307, moved.status)
         assert.truthy(moved.headers.location:find("^https://localhost:%d+/run=moved%-redirected/partner/external/"))
      end)

      it("limit the rate as nginx does", function()
         local knobs = { run = sandbox:new_run(), rate = 1, burst = 2 }
         assert.same({ 200, 200, 200, 429 }, { status(knobs), status(knobs), status(knobs), status(knobs) })
         assert.equal("1", ask({ knobs = knobs }).headers["retry-after"])
         socket.sleep(1.1)
         assert.same({ 200, 429 }, { status(knobs), status(knobs) })
         knobs.retry_after = "none"
         assert.is_nil(ask({ knobs = knobs }).headers["retry-after"])
      end)

      it("slow answers down and count what is in flight", function()
         local run, open = sandbox:new_run(), {}
         local start = socket.gettime()
         for i = 1, 5 do
            open[i] = connect()
            send(open[i], { knobs = { run = run, latency = "500-550", slow = "100:2" }, page = i })
         end
         for i = 5, 1, -1 do
            assert.equal(200, read_answer(open[i]).status)
         end
         local elapsed = socket.gettime() - start
         assert.is_true(elapsed >= 0.6 and elapsed < 2.5, elapsed)
         local report = sandbox:report(run)
         assert.equal(5, report.max_in_flight)
         assert.equal(0, report.in_flight)
         assert.same({ 5, 2 }, { #report.requests, report.requests[2].page })
         assert.is_true(report.requests[2].seconds >= 0.6)
      end)

      it("write down a client that goes away", function()
         local run = sandbox:new_run()
         local connection = connect()
         send(connection, { knobs = { run = run, latency = 20000 } })
         eventually(function() return sandbox:report(run).in_flight == 1 end)
         connection:close()
         eventually(function() return sandbox:report(run).in_flight == 0 end)
         assert.equal(499, sandbox:log(run)[1].status)
      end)

      it("end connections", function()
         local run = sandbox:new_run()
         local connection = connect()
         for i = 1, 3 do
            send(connection, { knobs = { run = run, keepalive = 3 } })
            assert.equal(i == 3 and "close" or "keep-alive", read_answer(connection).headers.connection)
         end
         assert.is_nil(connection:receive(1))
         assert.equal("close", ask({ knobs = { close = true } }).headers.connection)
         local log = sandbox:log(run)
         assert.same({ 3, log[1].connection }, { #log, log[3].connection })
      end)

      it("give every shape", function()
         local legal = { extra = true, spaces = true, float_age = true }
         for name in pairs(shapes) do
            if name ~= "huge" and name ~= "tiny_records" then
               local run = sandbox:new_run()
               local knobs = { run = run, shape = name .. "@2:1", size = 20 }
               local honest = ask { knobs = { size = 20 }, page = 2, size = 10 }.body
               local answer = ask { knobs = knobs, page = 2, size = 10 }
               assert.equal(200, answer.status, name)
               assert.not_equal(honest, answer.body, name)
               assert.equal(honest, ask({ knobs = knobs, page = 2, size = 10 }).body, name)
               assert.is_true(not legal[name] or pcall(cjson.decode, answer.body), name)
            end
         end
      end)

      it("make the date wrong", function()
         assert.not_equal(ask({}).headers.date, ask({ knobs = { date_skew = 3600 } }).headers.date)
      end)
   end)

   describe("signing in", function()
      it("gives a token that is good while it lives", function()
         local run = sandbox:new_run()
         local code, body = sign_in { run = run, token_life = 1.5 }
         assert.equal(200, code)
         assert.same({ "Bearer", 1.5, "elements.um.user.read.all" }, { body.token_type, body.expires_in, body.scope })
         local headers = { Authorization = "Bearer " .. body.access_token }
         assert.equal(200, ask({ headers = headers }).status)
         socket.sleep(1.6)
         assert.equal(401, ask({ headers = headers }).status)
         assert.equal(1, sandbox:count(run, "token"))
      end)

      it("is strict about the form", function()
         local id = "client_id=" .. sandbox.client_id
         local rest = "&grant_type=client_credentials&scope=elements.um.user.read.all"
         local cases = {
            { "invalid_request", "{}" }, { "invalid_request", id .. rest .. "&client_secret=a%zz" },
            { "invalid_request", id .. rest .. "&client_secret=a b" }, { "invalid_request", id .. rest .. "&x=1" },
            { "invalid_request", id .. rest }, { "invalid_client", id .. rest .. "&client_secret=wrong" },
            { "invalid_client", "client_id=x" .. rest .. "&client_secret=x" },
            { "unsupported_grant_type", id .. "&grant_type=password&client_secret=x" },
            { "invalid_request", id .. rest .. "&client_secret=a&client_assertion=b" },
         }
         for _, case in ipairs(cases) do
            local code, body = sign_in({}, case[2])
            assert.same({ 400, case[1] }, { code, body.error }, case[2])
         end
         assert.equal(400, (sign_in({}, nil, "Authorization: Basic x\r\n")))
      end)

      it("fails as the knobs say", function()
         local knobs = { run = sandbox:new_run(), token_fail = "429:slow_down:1", retry_after = 4 }
         local code, body, headers = sign_in(knobs)
         assert.same({ 429, "slow_down", "4" }, { code, body.error, headers["retry-after"] })
         assert.equal(200, (sign_in(knobs)))
         assert.equal("soon", select(2, sign_in { expires_in = "text" }).expires_in)
         assert.is_nil(select(2, sign_in { expires_in = "missing" }).expires_in)
         assert.equal("mac", select(2, sign_in { token_type = "mac" }).token_type)
         assert.equal("<html>sign in</html>", select(2, sign_in { token_shape = "html" }))
      end)

      it("takes tokens back after so many pages", function()
         local knobs = { run = sandbox:new_run(), revoke = 2 }
         local function with(token)
            return ask({ knobs = knobs, headers = { Authorization = "Bearer " .. token } }).status
         end
         local first = select(2, sign_in(knobs)).access_token
         assert.same({ 200, 200, 401 }, { with(first), with(first), with(first) })
         local second = select(2, sign_in(knobs)).access_token
         assert.same({ 200, 401 }, { with(second), with(first) })
      end)

      it("verifies an assertion and takes it once", function()
         local pem, key = certs.client(sandbox.dir, "app")
         sandbox:register(pem)
         local function base64url(text)
            local file = assert(io.open(sandbox.dir .. "/text", "wb"))
            file:write(text)
            file:close()
            local coded = keeper.output("openssl base64 -A -in '" .. sandbox.dir .. "/text'")
            return (coded:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
         end
         local hex = keeper.output("openssl x509 -in '" .. pem .. "' -outform DER | openssl sha1 -r"):match("^%x+"):upper()
         local thumbprint = hex:gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end)
         local function jwt(changes, head)
            local now = os.time()
            local claims = {
               iss = sandbox.client_id, sub = sandbox.client_id, aud = sandbox:token_url({}, "http"),
               jti = "0123456789abcdef" .. now, iat = now, nbf = now, exp = now + 300,
            }
            for name, value in pairs(changes) do
               claims[name] = value
            end
            local header = { alg = "RS256", typ = "JWT", kid = hex, x5t = base64url(thumbprint) }
            for name, value in pairs(head or {}) do
               header[name] = value
            end
            local text = base64url(cjson.encode(header)) .. "." .. base64url(cjson.encode(claims))
            local pipe = io.popen("openssl dgst -sha256 -sign '" .. key .. "' -out '" .. sandbox.dir .. "/signature'", "w")
            pipe:write(text)
            pipe:close()
            return text .. "." .. base64url(keeper.read(sandbox.dir .. "/signature"))
         end
         local function try(text)
            local code, body = sign_in({}, "client_id=" .. sandbox.client_id .. "&grant_type=client_credentials&"
               .. "scope=elements.um.user.read.all&client_assertion_type="
               .. "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" .. text)
            return code, body.error_description
         end
         local good = jwt({})
         assert.equal("wrong signature", select(2, try(good:sub(1, -9) .. "AAAAAAAA")))
         assert.same({ 200 }, { try(good) })
         assert.equal("jti was used before", select(2, try(good)))
         assert.equal("valid for more than five minutes", select(2, try(jwt { exp = os.time() + 400, jti = ("x"):rep(20) })))
         assert.truthy(select(2, try(jwt { aud = "https://x" })):find("^aud must be"))
         assert.truthy(select(2, try(jwt({}, { kid = "x" }))):find("^kid must be"))
      end)
   end)
end)
