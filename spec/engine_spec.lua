-- The engine over the sandbox: the token, repeats, events, and hosts that wait themselves.

local elements = require("avepoint.elements")
local sandboxes = require("spec.sandbox.sandbox")
local socket = require("socket")
local walks = require("spec.support.walks")

local sandbox

setup(function()
   sandbox = sandboxes.start {}
end)

teardown(function()
   sandbox:stop()
end)

local function walked(...)
   return walks.walked(sandbox, ...)
end

-- A token that the sandbox issued for these knobs.
local function issued(knobs)
   local _, address, port = sandbox.http:match("^(%w+)://([%d.]+):(%d+)$")
   local path = sandbox:token_url(knobs, "http"):match("^http://[^/]+(/.*)$")
   local function encoded(text)
      return (text:gsub("[^%w]", function(c)
         return ("%%%02X"):format(c:byte())
      end))
   end
   local body = "grant_type=client_credentials&scope=elements.um.user.read.all&client_id=" .. encoded(sandbox.client_id)
      .. "&client_secret=" .. encoded(sandbox.client_secret)
   local connection <close> = setmetatable({ socket.tcp() }, {
      __close = function(self)
         self[1]:close()
      end,
   })
   assert(connection[1]:connect(address, port))
   connection[1]:send(("POST %s HTTP/1.0\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      .. "Accept: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(path, #body, body))
   local answer = connection[1]:receive("*a")
   return (assert(answer:match('"access_token":"([^"]+)"'), answer):gsub("\\/", "/"))
end

local function statuses(run)
   local counts = {}
   for _, entry in ipairs(sandbox:log(run)) do
      if entry.kind == "page" then
         local status = math.tointeger(entry.status or 0)
         counts[status] = (counts[status] or 0) + 1
      end
   end
   return counts
end

describe("a token function", function()
   local calls

   before_each(function()
      calls = 0
   end)

   -- Gives what it was made of, one after the other, the last one for ever.
   local function giving(...)
      local values = table.pack(...)
      return function()
         calls = calls + 1
         return values[math.min(calls, values.n)]
      end
   end

   it("is called once for a whole walk", function()
      local numbers, err = walked({ size = 900, latency = "0-5" }, nil, { token = giving(sandbox.token) })
      assert.equal("1-900", numbers)
      assert.is_nil(err)
      assert.equal(1, calls)
   end)

   it("is not called before there is something to send", function()
      local _ <close>, tenant = walks.open(sandbox, {}, { token = giving(sandbox.token) })
      local walk = tenant:users()
      assert.equal(0, calls)
      walk()
      assert.equal(1, calls)
   end)

   it("is called once more after a 401, and the walk goes on", function()
      local numbers, err, receipt, run = walked({}, nil, { token = giving("stale", sandbox.token) })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.equal(2, calls)
      assert.is_true(receipt.complete)
      assert.same({ [200] = 3, [401] = 1 }, statuses(run))
   end)

   it("fault 20: that gives a refused token again makes an auth error after one repeat", function()
      local numbers, err, _, run = walked({}, nil, { token = giving("stale", "stale-too") })
      assert.equal("", numbers)
      assert.equal("auth", err.kind)
      assert.equal(401, err.status)
      assert.is_truthy(err.message:find("the service does not accept the token; get a new one, for this environment", 1, true),
         err.message)
      assert.equal(2, calls)
      assert.same({ [401] = 2 }, statuses(run))
   end)

   it("fault 27: is called once for many pages that are refused together", function()
      local knobs = { run = sandbox:new_run(), size = 2000, latency = "5-15", revoke = "6:1" }
      local _ <close>, tenant = walks.open(sandbox, knobs, {
         token = function()
            calls = calls + 1
            return issued { run = knobs.run }
         end,
      })
      local list, receipt = tenant:collect()
      assert.equal("1-2000", walks.numbers(list))
      assert.is_true(receipt.complete)
      assert.equal(2, calls)
      assert.is_true(statuses(knobs.run)[401] >= 2, "only one was refused")
   end)

   it("fault 28: is called again whenever a token's life is over", function()
      local LIFE = 0.5
      local knobs = { run = sandbox:new_run(), size = 4000, latency = 60, token_life = LIFE }
      local numbers, err, receipt = walked(knobs, nil, {
         concurrency = 4,
         token = function()
            calls = calls + 1
            return issued { run = knobs.run, token_life = LIFE }
         end,
      })
      assert.equal("1-4000", numbers)
      assert.is_nil(err)
      assert.is_true(calls >= 2 and calls <= receipt.elapsed / LIFE + 1, calls .. " in " .. receipt.elapsed)
   end)

   it("that gives nil and a message makes an auth error with it", function()
      local numbers, err, _, run = walked({}, nil, {
         token = function()
            return nil, "the vault is\n\27[31mlocked"
         end,
      })
      assert.equal("", numbers)
      assert.equal("auth", err.kind)
      assert.equal("no token: the vault is \\x1b[31mlocked", err.message)
      assert.equal(0, sandbox:count(run))
   end)

   it("that gives nothing makes an auth error", function()
      for _, f in ipairs { function() end, function() return false end, function() return nil, 7 end } do
         local _, err = walked({}, nil, { token = f })
         assert.equal("auth", err.kind)
         assert.equal("no token: the token function gave none; return a token, or nil and why", err.message)
      end
   end)

   it("fault 55: that raises gives what it raised, unchanged", function()
      local thrown = setmetatable({}, { __tostring = function() return "mine" end })
      for _, value in ipairs { "text", thrown, 7, false } do
         local _ <close>, tenant, run = walks.open(sandbox, {}, {
            token = function()
               error(value, 0)
            end,
         })
         for _ = 1, 2 do
            local ok, err = pcall(tenant:users())
            assert.is_false(ok)
            assert.is_true(rawequal(value, err))
         end
         local ok, err = pcall(tenant.page, tenant)
         assert.is_false(ok)
         assert.is_true(rawequal(value, err))
         assert.equal(0, sandbox:count(run))
      end
   end)

   local JUNK = {
      { 7, "is a number, not a string" }, { {}, "is a table, not a string" }, { true, "is a boolean, not a string" },
      { "", "is empty" }, { "abc\n", "ends with a newline; strip it, as in io.read(\"l\")" },
      { "abc\r\nX-Evil: 1", "holds a character that no token has; give it as the identity server sent it" },
      { "Bearer abc", "begins with \"Bearer \"; give the token alone" },
      { "a b", "holds a character that no token has; give it as the identity server sent it" },
      { "abc\0", "holds a character that no token has; give it as the identity server sent it" },
      { ("a"):rep(8193), "has 8193 bytes, more than 8192" },
   }
   for i, case in ipairs(JUNK) do
      it("that gives junk (" .. i .. ") makes an auth error that says what it " .. case[2]:match("^%w+"), function()
         local _, err, _, run = walked({}, nil, {
            token = function()
               return case[1]
            end,
         })
         assert.equal("auth", err.kind)
         assert.equal("what the token function gave " .. case[2], err.message)
         assert.equal(0, sandbox:count(run))
      end)
   end

   it("fault 55: may yield, and others that need the token wait for it", function()
      local _ <close>, tenant = walks.open(sandbox, {}, {
         token = function()
            calls = calls + 1
            coroutine.yield("asking")
            return sandbox.token
         end,
         wait = function()
            coroutine.yield("waiting")
         end,
      })
      local counts, threads = {}, {}
      for i = 1, 2 do
         threads[i] = coroutine.create(function()
            counts[i] = #tenant:collect()
         end)
      end
      local alive, deadline = 2, socket.gettime() + 20
      while alive > 0 and socket.gettime() < deadline do
         alive = 0
         for _, co in ipairs(threads) do
            if coroutine.status(co) ~= "dead" then
               assert(coroutine.resume(co))
               alive = alive + 1
            end
         end
         socket.sleep(0.001)
      end
      assert.same({ 250, 250 }, counts)
      assert.equal(1, calls)
   end)

   it("fault 55: may call close and receipt, and nothing else of the client", function()
      local client, tenant, run, walk, message
      client, tenant, run = walks.open(sandbox, {}, {
         token = function()
            message = select(2, pcall(tenant.page, tenant))
            assert.equal(0, walk:receipt().requests)
            client:close()
            return sandbox.token
         end,
      })
      walk = tenant:users()
      local ok, err = pcall(walk)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
      assert.equal("avepoint.elements: only close and receipt may be called from inside token, "
            .. "client_secret, on_event and wait", message)
      assert.equal(0, sandbox:count(run))
   end)
end)

describe("a token that is a string", function()
   it("is not sent again after a 401", function()
      local numbers, err, receipt, run = walked({}, nil, { token = "stale" })
      assert.equal("", numbers)
      assert.equal("auth", err.kind)
      assert.equal(401, err.status)
      assert.is_false(err.retryable)
      assert.equal(1, sandbox:count(run))
      assert.equal(0, receipt.retries)
   end)
end)

describe("repeats", function()
   for _, status in ipairs { 408, 425, 502, 503, 504 } do
      it("fault 22: follow an HTTP " .. status .. ", and the page arrives", function()
         local times = status == 503 and 2 or 1
         local numbers, err, receipt, run = walked { fail = status .. ":3:" .. times }
         assert.equal("1-250", numbers)
         assert.is_nil(err)
         assert.equal(times, receipt.retries)
         assert.equal(3 + times, receipt.requests)
         assert.same({ [200] = 3, [status] = times }, statuses(run))
         assert.is_true(receipt.complete)
      end)
   end

   it("fault 22: follow an HTTP 500 twice and no more", function()
      local numbers, err = walked { fail = "500:2:2" }
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      local _, last, _, run = walked { fail = "500:2" }
      assert.equal("server", last.kind)
      assert.equal(3, last.attempts)
      assert.equal(2, last.page_index)
      assert.equal(3, statuses(run)[500])
      assert.is_true(last.retryable)
   end)

   local FINAL = {
      [400] = "bad_request", [403] = "forbidden", [404] = "not_found", [405] = "bad_request", [413] = "bad_request",
      [415] = "bad_request", [422] = "bad_request", [451] = "bad_request", [501] = "server", [505] = "server",
      [201] = "protocol", [202] = "protocol", [204] = "protocol", [206] = "protocol", [600] = "protocol",
      [301] = "redirect", [302] = "redirect", [307] = "redirect", [308] = "redirect",
   }
   for status, kind in pairs(FINAL) do
      it("faults 17 to 22: do not follow an HTTP " .. status .. ", which is " .. kind, function()
         local numbers, err, receipt, run = walked({ fail = status .. ":1" }, nil, { concurrency = 1 })
         assert.equal("", numbers)
         assert.equal(kind, err.kind)
         assert.equal(status, err.status)
         assert.equal(1, err.page_index)
         assert.equal(0, receipt.retries)
         assert.equal(1, sandbox:count(run))
      end)
   end

   it("are switched off by max_attempts = 1", function()
      for status, kind in pairs { [503] = "server", [429] = "throttled", [500] = "server", [408] = "timeout" } do
         local numbers, err, receipt, run = walked({ fail = status .. ":2" }, nil, { max_attempts = 1 })
         assert.equal("1-100", numbers)
         assert.equal(kind, err.kind)
         assert.is_true(err.retryable)
         assert.equal(0, receipt.retries)
         assert.equal(1, statuses(run)[status])
      end
   end)

   it("end after max_attempts", function()
      local _, err, _, run = walked({ fail = "503:2" }, nil, { max_attempts = 3 })
      assert.equal("server", err.kind)
      assert.equal(3, err.attempts)
      assert.equal(3, statuses(run)[503])
   end)

   it("are not waited for where the service's pause passes the deadline, by whoever comes meanwhile", function()
      for status, words in pairs {
         [429] = "throttled: the service limits the rate of requests", [503] = "server: the service failed and asks to wait",
      } do
         local _ <close>, tenant, run = walks.open(sandbox, { fail = status .. ":1:1", retry_after = 30 })
         assert.is_nil(tenant:page { deadline = 20 }) -- it hears of the pause
         local began = socket.gettime()
         local page, err = tenant:page { page_index = 2, deadline = 20 }
         assert.is_nil(page)
         assert.is_true(socket.gettime() - began < 5)
         assert.is_true(err.retry_after > 20 and err.retry_after <= 33, err.retry_after)
         assert.equal(("%s; a request may go out in %d s, past the deadline; try again then (page 2)"):format(words,
            err.retry_after), tostring(err))
         assert.is_true(err.retryable)
         assert.equal(1, sandbox:count(run))
      end
   end)

   it("are not waited for where the rate that was learnt passes the deadline", function()
      local client <close>, tenant = walks.open(sandbox)
      local pace = client.engine.pace
      pace.pace, pace.next_send = 0.5, client.engine.now() + 60
      local began = socket.gettime()
      local _, err = tenant:page { deadline = 30 }
      assert.is_true(socket.gettime() - began < 10)
      assert.equal("throttled", err.kind)
      assert.is_true(err.retry_after > 30 and err.retry_after <= 60, err.retry_after)
      pace.next_send = client.engine.now()
      assert.equal(250, tenant:count())
   end)

   it("fault 5: follow a connection that was closed without a byte", function()
      local numbers, err, receipt = walked { fail = "444:2:3", size = 500 }
      assert.equal("1-500", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
   end)

   it("fault 10: begin an attempt's clock when it is sent, not when its page began to wait", function()
      local descriptor = { getfd = function(self) return self.fd end, dirty = function() return false end }
      local numbers, err, receipt = walked({ fail = "503:1:1", retry_after = 1 }, nil, {
         timeout = 0.9, max_attempts = 2,
         wait = function(fd, seconds)
            descriptor.fd = fd
            socket.select({ descriptor }, nil, seconds) -- the pause in one piece, longer than an attempt may take
         end,
      })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.equal(1, receipt.retries)
   end)

   it("fault 7: follow a body that does not parse, once", function()
      local numbers, err = walked { shape = "cut@2:1" }
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      local before, last, receipt = walked { shape = "cut@2" }
      assert.equal("1-100", before)
      assert.equal("protocol", last.kind)
      assert.equal(2, last.attempts)
      assert.equal(1, receipt.retries)
   end)

   it("fault 21: follow a 429 after the whole client paused as long as Retry-After says", function()
      local numbers, err, receipt, run = walked({ size = 800, fail = "429:4:1", retry_after = 1, latency = 5 })
      assert.equal("1-800", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
      assert.is_true(receipt.throttled_seconds >= 1, receipt.throttled_seconds)
      local log = sandbox:log(run)
      local gap = 0
      for i = 2, #log do
         gap = math.max(gap, log[i].time - log[i - 1].time)
      end
      assert.is_true(gap >= 0.98, "the longest pause was " .. gap .. " s")
   end)

   it("fault 21: do not follow a Retry-After that is too long", function()
      for _, status in ipairs { 429, 503 } do
         local began = socket.gettime()
         local numbers, err, _, run = walked { fail = status .. ":2", retry_after = 121 }
         assert.is_true(socket.gettime() - began < 60)
         assert.equal("1-100", numbers)
         assert.equal(status == 429 and "throttled" or "server", err.kind)
         assert.equal(121, err.retry_after)
         assert.is_truthy(err.message:find("; it asks to wait 121 s, longer than this call may", 1, true), err.message)
         assert.equal(1, statuses(run)[status])
      end
   end)

   it("fault 21: back off without a Retry-After that can be used", function()
      for _, what in ipairs { "none", "garbage", "past", "fraction" } do
         local pause
         local numbers, err, receipt = walked({ fail = "503:2:1", retry_after = what }, nil, {
            on_event = function(event) pause = event.type == "retry" and event.seconds or pause end,
         })
         assert.equal("1-250", numbers)
         assert.is_nil(err)
         assert.equal(1, receipt.retries)
         assert.is_true(pause < 1, pause)
      end
   end)

   it("bring every page of a service that refuses one request in ten", function()
      local numbers, err, receipt, run = walked { size = 1000, cap = 20, random_fail = "503:10:7" }
      assert.equal("1-1000", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
      assert.equal(statuses(run)[503], receipt.retries)
      assert.is_true(receipt.retries > 0)
   end)

   it("end with server in an outage, with all before it given and a resume that finishes the job", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 1500, outage = 10 }, { max_attempts = 4 })
      local none, err, list = tenant:collect()
      assert.is_nil(none)
      assert.equal("server", err.kind)
      assert.equal("1-900", walks.numbers(list))
      assert.equal(10, err.page_index)
      assert.is_true(err.receipt.retries <= 35, err.receipt.retries)
      assert.is_true(statuses(run)[503] <= 35 + 8)
      local _ <close>, well = walks.open(sandbox, { size = 1500 })
      local rest, receipt = well:collect { resume = err.resume }
      assert.equal("901-1500", walks.numbers(rest))
      assert.equal("end", receipt.stop_reason)
      assert.is_false(receipt.drift)
   end)

   it("fault 18: never follow a redirect, and the other place is not asked", function()
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
         local _, err, _, run = walked { redirect = status }
         assert.equal("redirect", err.kind)
         assert.equal("the service sends elsewhere (to localhost), which is never followed; check base_url", err.message)
         assert.equal(0, sandbox:count(run .. "-redirected"))
      end
   end)

   it("fault 23: say in one printable line what an error's body said", function()
      for body, expected in pairs {
         json = "; it says \"fail=403:1\"", html = "; it says \"403\"", empty = "", ansi = "; it says \"\\x1b]0;gone",
      } do
         local _, err = walked { fail = "403:1", body = body }
         local text = "grant it under Elements > API app registration" .. expected
         assert.is_truthy(err.message:find(text, 1, true), err.message)
         assert.is_nil(tostring(err):find("[%c]"))
      end
      for _, body in ipairs { "binary", "big" } do
         local _, err = walked { fail = "403:1", body = body }
         assert.equal("forbidden", err.kind)
         assert.is_nil(tostring(err):find("[%c]"))
         assert.is_true(#tostring(err) < 700)
      end
   end)
end)

describe("an event", function()
   -- The fields and their types, as "name:type name:type".
   local function fields(event)
      local parts = {}
      for name, value in pairs(event) do
         parts[#parts + 1] = name .. ":" .. (name ~= "seconds" and math.type(value) or type(value))
      end
      table.sort(parts)
      return table.concat(parts, " ")
   end

   local function heard(knobs, options)
      local events = {}
      local o = {
         on_event = function(event)
            events[#events + 1] = event
         end,
      }
      for name, value in pairs(options or {}) do
         o[name] = value
      end
      local numbers, err, receipt = walked(knobs, nil, o)
      local by_type = {}
      for _, event in ipairs(events) do
         assert.is_nil(getmetatable(event))
         by_type[event.type] = by_type[event.type] or {}
         table.insert(by_type[event.type], event)
      end
      return by_type, events, err, receipt, numbers
   end

   it("tells of requests, answers and pages, in the order of things", function()
      local _, events = heard({}, { concurrency = 1 })
      local order = {}
      for i, event in ipairs(events) do
         order[i] = event.type .. " " .. event.page_index
      end
      local at = {}
      for i, text in ipairs(order) do
         assert.is_nil(at[text], text)
         at[text] = i
      end
      assert.equal(9, #order)
      for page = 1, 3 do
         assert.is_true(at["request " .. page] < at["response " .. page])
         assert.is_true(at["response " .. page] < at["page " .. page])
      end
   end)

   it("has the fields that the manual lists", function()
      local by_type = heard({ size = 450, fail = { "503:2:1", "429:4:1" }, retry_after = 1 }, {
         token = function()
            return sandbox.token
         end,
      })
      assert.equal("attempt:integer page_index:integer type:string", fields(by_type.request[1]))
      assert.equal("bytes:integer clock_skew:integer page_index:integer request_id:string seconds:number status:integer "
         .. "type:string",
         fields(by_type.response[1]))
      assert.equal("attempt:integer kind:string page_index:integer seconds:number type:string", fields(by_type.retry[1]))
      assert.equal("seconds:number status:integer type:string window:integer", fields(by_type.throttle[1]))
      assert.equal("generation:integer type:string", fields(by_type.token[1]))
      assert.equal("done:integer elapsed:float left:float page_index:integer total:integer type:string users:integer",
         fields(by_type.page[1]))
   end)

   it("of an answer that is an error has its kind and status", function()
      local by_type, _, err = heard { fail = "403:2" }
      local last
      for _, event in ipairs(by_type.response) do
         last = event.page_index == 2 and event or last
      end
      assert.equal("forbidden", err.kind)
      assert.equal("forbidden", last.kind)
      assert.equal(403, last.status)
      assert.is_nil(by_type.retry)
   end)

   it("of an attempt without an answer has no status", function()
      local by_type = heard({ slow = "1000:1:1" }, { timeout = 0.1, max_attempts = 3 })
      assert.equal("timeout", by_type.response[1].kind)
      assert.is_nil(by_type.response[1].status)
      assert.equal("timeout", by_type.retry[1].kind)
   end)

   it("of a page counts up to the total", function()
      local by_type = heard {}
      local done = {}
      for i, event in ipairs(by_type.page) do
         done[i] = event.done
         assert.equal(250, event.total)
         assert.is_true(event.left >= 0 and event.elapsed > 0)
      end
      assert.same({ 100, 200, 250 }, done)
      assert.equal(0, by_type.page[3].left)
   end)

   it("tells of each request that is counted", function()
      local by_type, _, _, receipt = heard { size = 600, cap = 20, random_fail = "503:20:3" }
      assert.equal(receipt.requests, #by_type.request)
      assert.equal(receipt.requests, #by_type.response)
      assert.equal(receipt.retries, #by_type.retry)
   end)

   it("fault 55: hook that raises ends the walk with what it raised, and withdraws what is in flight", function()
      local thrown = setmetatable({}, { __tostring = function() return "mine" end })
      for _, what in ipairs { "request", "response", "page" } do
         for _, value in ipairs { "text", thrown, 7, false } do
            local armed = true
            local _ <close>, tenant, run = walks.open(sandbox, { size = 900, latency = "0-3" }, {
               scheme = "http",
               on_event = function(event)
                  if armed and event.type == what and event.page_index == 3 then
                     error(value, 0)
                  end
               end,
            })
            local walk = tenant:users()
            local users, err = walks.drain(walk)
            assert.is_true(rawequal(value, err))
            assert.is_true(#users <= 200)
            assert.equal("error", walk:receipt().stop_reason)
            assert.is_true(rawequal(value, walk:receipt().error))
            assert.equal(0, (walks.settled(sandbox, run)).in_flight)
            assert.is_true(rawequal(value, select(2, pcall(walk))))
            armed = false
            assert.equal(900, #tenant:collect())
         end
      end
   end)

   it("hook that raises nil ends the walk with nil", function()
      local _ <close>, tenant = walks.open(sandbox, {}, {
         on_event = function()
            error(nil, 0)
         end,
      })
      local walk = tenant:users()
      local ok, err = pcall(walk)
      assert.is_false(ok)
      assert.is_nil(err)
      assert.equal("error", walk:receipt().stop_reason)
      assert.is_false(pcall(walk))
      local got, message = pcall(tenant.page, tenant)
      assert.is_false(got)
      assert.is_nil(message)
   end)

   it("fault 55: hook may call close and receipt, and nothing else of the client", function()
      local client, tenant, walk
      local messages = {}
      client, tenant = walks.open(sandbox, {}, {
         on_event = function(event)
            if event.type == "page" then
               for i, call in ipairs {
                  function() tenant:page() end, function() walk() end, function() (tenant:users())() end,
                  function() tenant:count() end, function() tenant:collect() end,
               } do
                  messages[i] = select(2, pcall(call))
               end
               assert.is_table(walk:receipt())
               client:close()
            end
         end,
      })
      walk = tenant:users()
      local ok, err = pcall(walk)
      local text = "avepoint.elements: only close and receipt may be called from inside token, "
            .. "client_secret, on_event and wait"
      assert.equal(text, messages[1])
      assert.is_truthy(messages[2]:find("avepoint.elements: the walk is being stepped already", 1, true))
      assert.equal(text, messages[3])
      assert.equal(text, messages[4])
      assert.equal(text, messages[5])
      assert.is_true(ok or err.kind == "closed")
      assert.equal("closed", walk:receipt().stop_reason)
   end)

   for _, what in ipairs { "request", "response", "page" } do
      for _, concurrency in ipairs { 1, 8 } do
         it("hook that closes its walk at a " .. what .. " ends it there, with a concurrency of " .. concurrency, function()
            local walk
            local _ <close>, tenant, run = walks.open(sandbox, { size = 900 }, {
               scheme = "http",
               concurrency = concurrency,
               on_event = function(event)
                  if event.type == what and event.page_index == 4 then
                     walk:close()
                  end
               end,
            })
            walk = tenant:users()
            local users, err = walks.drain(walk)
            assert.equal("closed", err.kind)
            assert.is_true(#users <= 300, #users .. " users")
            assert.equal("closed", walk:receipt().stop_reason)
            assert.equal(#users, walk:receipt().users)
            assert.equal(0, (walks.settled(sandbox, run)).in_flight)
            assert.equal(900, #tenant:collect { page_size = 99 })
         end)
      end
   end

   it("hook may yield, and another coroutine uses the client meanwhile", function()
      local parked = {}
      local _ <close>, tenant = walks.open(sandbox, {}, {
         on_event = function(event)
            if coroutine.isyieldable() and parked[coroutine.running()] then
               coroutine.yield(event.type)
            end
         end,
      })
      local users = {}
      local co = coroutine.create(function()
         for user in tenant:users() do
            users[#users + 1] = user
         end
      end)
      parked[co] = true
      local yields, others = 0, 0
      while true do
         assert(coroutine.resume(co))
         if coroutine.status(co) == "dead" then
            break
         end
         yields = yields + 1
         others = others + (tenant:count() == 250 and 1 or 0)
      end
      assert.equal("1-250", walks.numbers(users))
      assert.is_true(yields >= 3, yields)
      assert.equal(yields, others)
   end)
end)

describe("a walk closed from inside the hook", function()
   for _, type_name in ipairs { "request", "response", "page" } do
      it("at a " .. type_name .. " says so instead of waiting for ever", function()
         local walk
         local _ <close>, tenant = walks.open(sandbox, { size = 500, latency = 5 }, {
            on_event = function(event)
               if event.type == type_name and event.page_index == 1 then
                  walk:close()
               end
            end,
         })
         walk = (tenant:pages { deadline = 30 })
         local ok, err = pcall(function()
            walk()
            walk()
         end)
         assert.is_false(ok)
         assert.equal("closed: the walk was closed; begin a new one, with resume to go on", tostring(err))
         assert.equal("closed", walk:receipt().stop_reason)
         assert.equal(500, tenant:count())
      end)
   end
end)

describe("a wait function", function()
   it("gets the one descriptor and seconds, and is called only between requests", function()
      local fds = {}
      local client, tenant = walks.open(sandbox, { size = 500, latency = 2 }, {
         wait = function(fd, seconds)
            fds[fd] = true
            assert(seconds >= 0 and seconds <= 60)
            socket.sleep(0.001)
         end,
      })
      assert.equal(500, #tenant:collect())
      assert.same({ [client:fd()] = true }, fds)
      client:close()
   end)

   it("is woken by the descriptor alone", function()
      local ready = { getfd = function(self) return self.fd end, dirty = function() return false end }
      local idle = 0
      local client <close>, tenant = walks.open(sandbox, { size = 600, cap = 20, latency = "1-6" }, {
         wait = function(fd, seconds)
            ready.fd = fd
            local readable = socket.select({ ready }, nil, math.min(seconds, 5))
            if #readable == 0 and seconds > 5 then
               idle = idle + 1
            end
         end,
      })
      client.engine.max_wait = 3600
      assert.equal(600, #tenant:collect())
      assert.equal(0, idle)
   end)

   it("that raises ends the walk with what it raised", function()
      local thrown = {}
      local _ <close>, tenant = walks.open(sandbox, { latency = 20 }, {
         wait = function()
            error(thrown)
         end,
      })
      local ok, err = pcall(tenant:users())
      assert.is_false(ok)
      assert.equal(thrown, err)
   end)

   it("may be one that returns at once", function()
      local _ <close>, tenant = walks.open(sandbox, { latency = 3 }, { wait = function() end })
      assert.equal(250, #tenant:collect())
   end)

   it("may be one that returns late", function()
      local _ <close>, tenant = walks.open(sandbox, { latency = 3, size = 600 }, {
         timeout = 3,
         wait = function()
            socket.sleep(0.2)
         end,
      })
      local list, receipt = tenant:collect()
      assert.equal(600, #list)
      assert.equal(0, receipt.retries)
   end)
end)

describe("in the midst of a step", function()
   local ENGINE = "avepoint/elements/[depotq]%l*%.lua$" -- dispatch, engine, outcome, pace, token, queue and the like

   -- Calls `act` at the n-th line of the module's that a function runs; false where it has fewer.
   local function at_line(n, act)
      local left = n
      return function()
         if debug.getinfo(2, "S").source:find(ENGINE) then
            left = left - 1
            if left == 0 then
               debug.sethook()
               act()
            end
         end
      end, function() return left <= 0 end
   end

   it("fault 51: walks that nobody holds any more are collected, and nothing crashes or stays out", function()
      local text, status = walks.run(sandbox, walks.script(sandbox, { size = 3000, run = sandbox:new_run() }) .. [[
         for i = 1, 1200 do
            local walk = tenant:pages { page_size = 1, concurrency = 8 }
            walk()
            walk()
         end
         collectgarbage() collectgarbage()
         print(#assert(tenant:collect { deadline = 10, max_users = 500 }), client.engine.pace.in_flight)
      ]])
      assert.equal("500\t0\n", text)
      assert.equal(0, status)
   end)

   it("fault 51: a client that a finaliser of the host's closes is closed, and no more is said", function()
      local n, hit = 0
      repeat
         n = n + 41
         local client, tenant = walks.open(sandbox, { size = 3 }, { concurrency = 2 })
         local hook
         hook, hit = at_line(n, function() client:close() end)
         debug.sethook(hook, "l")
         local ok, page, err = pcall(tenant.page, tenant)
         debug.sethook()
         assert.is_true(ok, page)
         assert.is_true(page ~= nil or err.kind == "closed", tostring(err))
         client:close()
      until not hit()
      assert.is_true(n > 300, n)
   end)

   it("fault 50: one coroutine that is ended by an error leaves the others theirs", function()
      local n, hit = 0
      repeat
         n = n + 53
         local client <close>, tenant = walks.open(sandbox, { size = 600, latency = 5 }, {
            concurrency = 4,
            wait = function(_, seconds)
               socket.sleep(math.min(seconds, 0.001))
               coroutine.yield()
            end,
         })
         local users
         local mine = coroutine.create(function()
            return pcall(function()
               for _ in tenant:pages { concurrency = 2 } do end
            end)
         end)
         local other = coroutine.create(function()
            users = walks.drain(tenant:users { concurrency = 2, deadline = 30 })
         end)
         local hook
         hook, hit = at_line(n, function() error("not enough memory", 0) end)
         debug.sethook(mine, hook, "l")
         repeat
            for _, co in ipairs { mine, other } do
               if coroutine.status(co) ~= "dead" then
                  assert(coroutine.resume(co))
               end
            end
         until coroutine.status(mine) == "dead" and coroutine.status(other) == "dead"
         assert.equal("1-600", walks.numbers(users), n)
         -- what the error tore is mended by whoever comes next
         local last = coroutine.create(function() assert.equal(600, tenant:count()) end)
         repeat
            assert(coroutine.resume(last))
         until coroutine.status(last) == "dead"
         assert.equal(0, client.engine.pace.in_flight, n)
      until not hit()
      assert.is_true(n > 300, n)
   end)
end)

describe("is_error", function()
   it("knows errors of a walk from other values", function()
      local _, err = walked { fail = "403:*" }
      assert.is_true(elements.is_error(err))
      assert.is_false(elements.is_error(tostring(err)))
   end)
end)
