-- What the module promises, by numbers that tests elsewhere ("promise 4") bear too: each shown over the sandbox, and
-- every user compared with the rule that made it.

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

local SIZES = { 0, 1, 99, 100, 101, 250, 1250 }

describe("promise 1: every user once and in order", function()
   local VARIANTS = {
      { "a size of 100", {}, {} },
      { "a server's cap of 50", { cap = 50 }, {} },
      { "a size of 7 asked for", {}, { page_size = 7 } },
      { "nulls", { nulls = 1 }, {} },
      { "absent fields", { absent = 1 }, {} },
      { "status as one integer", { status = "integer" }, {} },
      { "status null", { status = "null" }, {} },
      { "status absent", { status = "absent" }, {} },
      { "status of every kind, nulls and absent fields", { status = "mixed", nulls = 1, absent = 1 }, {} },
      { "codes nobody knows yet", { status = "unknown_code" }, {} },
      { "answers gzipped and chunked", { gzip = 1, chunked = 1 }, {} },
      { "answers as they are", { gzip = 0 }, {} },
      { "a connection for each answer", { close = 1 }, { page_size = 50 } },
      { "totals that are floats on the wire", { shape = "total_float" }, {} },
   }

   for _, variant in ipairs(VARIANTS) do
      local name, knobs, query = table.unpack(variant)
      it("promise 1: holds with " .. name .. ", for tenants of 0 to 1,250 users", function()
         for _, size in ipairs(SIZES) do
            local with = { size = size }
            for k, v in pairs(knobs) do
               with[k] = v
            end
            local _ <close>, tenant = walks.open(sandbox, with)
            local users, walk = walks.all(tenant, query)
            assert.is_nil(walks.difference(users, walks.users(1, size, knobs)))
            local receipt = walk:receipt()
            assert.is_true(receipt.complete)
            assert.equal("end", receipt.stop_reason)
            assert.equal(size, receipt.users)
            assert.equal(size, receipt.total_first)
            assert.equal(size, receipt.total_last)
         end
      end)
   end

   it("promise 1: holds with a server's cap of 1, for tenants of 0 to 250 users", function()
      for _, size in ipairs { 0, 1, 99, 100, 101, 250 } do
         local _ <close>, tenant = walks.open(sandbox, { size = size, cap = 1 })
         local users, walk = walks.all(tenant)
         assert.is_nil(walks.difference(users, walks.users(1, size)))
         assert.is_true(walk:receipt().complete)
         assert.equal(math.max(size, 1), walk:receipt().pages)
      end
   end)

   it("promise 1: holds for any number of requests at once, with answers that overtake one another", function()
      for _, concurrency in ipairs { 1, 2, 8, 32 } do
         local _ <close>, tenant, run = walks.open(sandbox, { size = 333, cap = 10, latency = "0-8" },
            { concurrency = concurrency })
         local users, walk = walks.all(tenant)
         assert.is_nil(walks.difference(users, walks.users(1, 333)))
         assert.is_true(walk:receipt().complete)
         assert.is_true(sandbox:report(run).max_in_flight <= concurrency)
      end
   end)

   it("promise 1: holds for a tenant of 20,000 users", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 20000 })
      local users, walk = walks.all(tenant)
      assert.equal("1-20000", walks.numbers(users))
      assert.is_true(walk:receipt().complete)
   end)

   it("promise 1: numbers are integers, null is absent, and one status is a list of one", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 40, nulls = 1, status = "integer" })
      local ages, statuses = 0, 0
      for user, page in tenant:users() do
         for name, value in pairs(user) do
            assert.is_true(type(value) ~= "userdata" and type(value) ~= "function", name)
            assert.is_true(math.type(value) ~= "float", name)
         end
         ages = ages + (user.age and 1 or 0)
         if user.status then
            statuses = statuses + 1
            assert.equal(1, #user.status)
            assert.equal("integer", math.type(user.status[1]))
         end
         for _, name in ipairs { "pageIndex", "pageSize", "totalCount" } do
            assert.equal("integer", math.type(page.metadata[name]))
         end
      end
      assert.is_true(ages > 0 and ages < 40 and statuses > 0)
   end)

   it("promise 1: a user of the service keeps the fields that nobody knows", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 3, shape = "extra" })
      local first = assert(tenant:collect())[1]
      assert.same({ { sku = "E5", on = true } }, first.licenses)
      assert.same({ id = "m" }, first.manager)
      assert.same({}, first.none)
   end)

   it("promise 1: pages hold the same users as users()", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 250 })
      local list, indexes, ids = {}, {}, {}
      for page in tenant:pages() do
         indexes[#indexes + 1] = page.metadata.pageIndex
         ids[#ids + 1] = page.request_id
         table.move(page.data, 1, #page.data, #list + 1, list)
      end
      assert.is_nil(walks.difference(list, walks.users(1, 250)))
      assert.same({ 1, 2, 3 }, indexes)
      assert.equal(3, #ids)
   end)

   it("promise 1: collect gives the same users and the receipt", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 250 })
      local list, receipt = tenant:collect()
      assert.is_nil(walks.difference(list, walks.users(1, 250)))
      assert.is_true(receipt.complete)
      assert.equal(3, receipt.requests)
   end)

   it("promise 1: an empty tenant is a page without users and a whole walk", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 0 })
      local list, receipt = tenant:collect()
      assert.same({}, list)
      assert.is_true(receipt.complete)
      assert.equal(0, receipt.total_last)
      assert.equal(1, sandbox:count(run))
   end)
end)

describe("promise 2: memory does not grow with the tenant", function()
   -- Steps, then stops for as long as everything that is out needs to be answered.
   local function asked_while_stopped(tenant, run, steps)
      local walk <close> = tenant:users()
      local page
      for _ = 1, steps do
         page = select(2, walk())
      end
      socket.sleep(0.08)
      local most = 0
      for _, index in ipairs(walks.pages(sandbox, run)) do
         most = math.max(most, index)
      end
      -- the page being read has been handed over
      return most - page.metadata.pageIndex
   end

   for _, concurrency in ipairs { 1, 2, 5, 8 } do
      it("promise 2: fault 46: a stopped loop has at most " .. concurrency + 1
         .. " requests sent and not handed over with a concurrency of " .. concurrency, function()
         local most = 0
         for _, steps in ipairs { 1, 45, 250, 255 } do
            local _ <close>, tenant, run = walks.open(sandbox, { size = 5000, cap = 10, latency = "1-4" },
               { concurrency = concurrency })
            local ahead = asked_while_stopped(tenant, run, steps)
            assert.is_true(ahead <= concurrency + 1, ahead .. " after " .. steps)
            most = math.max(most, ahead)
         end
         assert.is_true(most >= 1 or concurrency == 1, "nothing was asked for ahead")
      end)
   end

   it("promise 2: fault 46: a page that is late holds up those behind it", function()
      for _, concurrency in ipairs { 1, 3, 8 } do
         local _ <close>, tenant, run = walks.open(sandbox, { size = 3000, cap = 10, slow = "200:60" },
            { concurrency = concurrency })
         local walk <close> = tenant:pages()
         for _ = 1, 60 do
            walk()
         end
         local most = math.max(table.unpack(walks.pages(sandbox, run)))
         assert.is_true(most - 60 <= concurrency + 1, most - 60 .. " pages ahead with a concurrency of " .. concurrency)
      end
   end)

   it("promise 2: a walk's own concurrency is its bound", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 400, cap = 10, latency = 3 })
      assert.equal(400, #walks.all(tenant, { concurrency = 2 }))
      assert.equal(2, sandbox:report(run).max_in_flight)
   end)

   it("promise 2: all walks of a client share its bound", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 300, cap = 10, latency = 3 }, { concurrency = 3 })
      local a, b = (tenant:users()), (tenant:users())
      local n = 0
      while a() and b() do
         n = n + 1
      end
      assert.equal(300, n)
      assert.is_true(sandbox:report(run).max_in_flight <= 3)
   end)

   it("promise 2: Lua's memory after 50,000 users is that after 1,000, but for what was seen", function()
      local script = [[
         local most, n = 0, 0
         collectgarbage("generational")
         for user in tenant:users() do
            n = n + 1
            if n % 500 == 0 then
               collectgarbage()
               most = math.max(most, collectgarbage("count"))
            end
         end
         print(n, math.floor(most))
      ]]
      local figures = {}
      for _, size in ipairs { 1000, 50000 } do
         local head = walks.script(sandbox, { run = sandbox:new_run(), size = size })
         local output, status = walks.run(sandbox, head .. script)
         local n, kilobytes = output:match("^(%d+)\t(%d+)\n$")
         assert.equal(0, status, output)
         assert.equal(size, tonumber(n))
         figures[size] = tonumber(kilobytes)
      end
      assert.is_true(figures[50000] - figures[1000] < 500, figures[1000] .. " kB, then " .. figures[50000] .. " kB")
   end)
end)

describe("promise 3: latency is hidden", function()
   it("promise 3: the first page costs one request, and no other is out before it is there", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 5000, latency = 60 })
      local walk <close> = tenant:users()
      assert.is_table(walk())
      assert.is_table(walk())
      assert.equal(1, sandbox:count(run))
      for _ = 3, 101 do
         walk()
      end
      local log = sandbox:log(run)
      for i = 2, #log do
         assert.is_true(log[i].time >= log[1].time + 0.06)
      end
      assert.equal(1, log[1].page)
   end)

   it("promise 3: a tenant of one page costs one request", function()
      for _, size in ipairs { 0, 1, 100 } do
         local _ <close>, tenant, run = walks.open(sandbox, { size = size })
         assert.equal(size, #walks.all(tenant))
         assert.equal(1, sandbox:count(run))
      end
   end)

   it("promise 3: page, count and max_users within a page cost one request", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 5000 })
      assert(tenant:page())
      assert.equal(1, sandbox:count(run))
      assert.equal(5000, tenant:count())
      assert.equal(2, sandbox:count(run))
      assert.equal(3, #tenant:collect { max_users = 3 })
      assert.equal(3, sandbox:count(run))
   end)

   it("promise 3: 41 pages of 150 ms each take less than half of what they take one after the other", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 410, cap = 10, latency = 150 })
      local began = socket.gettime()
      assert.equal(410, #walks.all(tenant))
      local seconds = socket.gettime() - began
      assert.is_true(seconds < 41 * 0.15 / 2, seconds .. " s")
      assert.equal(8, sandbox:report(run).max_in_flight)
      assert.equal(41, sandbox:count(run))
   end)

   it("promise 3: connections are reused", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 600, cap = 10, latency = 1 }, { concurrency = 4 })
      assert.equal(600, #walks.all(tenant))
      local connections, count = {}, 0
      for _, entry in ipairs(sandbox:log(run)) do
         count = count + (connections[entry.connection] and 0 or 1)
         connections[entry.connection] = true
      end
      assert.is_true(count <= 4, count .. " connections")
   end)

   it("promise 3: what a rate limit refuses is little, and every page arrives", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 600, cap = 10, rate = 40, burst = 4 })
      local list, receipt = tenant:collect()
      assert.equal("1-600", walks.numbers(list))
      assert.is_true(receipt.complete)
      assert.equal(60, receipt.pages)
      assert.is_true(receipt.retries <= 15, receipt.retries .. " refused") -- without a pace it is half of all
      assert.is_true(receipt.throttled_seconds > 0)
      assert.equal(60 + receipt.retries, sandbox:count(run))
   end)
end)

describe("promise 4: no secret is shown", function()
   local CANARY, PART

   setup(function()
      CANARY = sandbox.token
      PART = CANARY:sub(9, 28) -- what is shortened shows it too
   end)

   local function closed_to(what, value)
      assert.is_nil(walks.reveals(value, PART), what)
   end

   -- Everything a script can hold, with this token, before, during and after a walk.
   local function visit(token, knobs)
      local events = {}
      local client, tenant = walks.open(sandbox, knobs, {
         token = token, max_attempts = 2,
         on_event = function(event)
            events[#events + 1] = event
         end,
      })
      closed_to("client", client)
      closed_to("tenant", tenant)
      local walk = tenant:users()
      closed_to("walk", walk)
      pcall(walk) -- one user
      closed_to("running walk", walk)
      closed_to("client of a running walk", client)
      local users, err = walks.drain(walk)
      closed_to("users", users)
      closed_to("receipt", walk:receipt())
      closed_to("error", err)
      closed_to("error in one", select(2, tenant:page()))
      closed_to("events", events)
      closed_to("client after", client)
      client:close()
      closed_to("closed client", client)
      return #users, err, #events
   end

   it("promise 4: the search for it finds what is hidden in a table, a key or a metatable", function()
      assert.equal("value.a.b", walks.reveals({ a = { b = "x" .. CANARY } }, CANARY))
      assert.equal("value (key)", walks.reveals({ [CANARY] = 1 }, CANARY))
      assert.equal("value (metatable).x", walks.reveals(setmetatable({}, { x = CANARY }), CANARY))
      assert.equal("value (tostring)", walks.reveals(setmetatable({}, {
         __tostring = function()
            return CANARY
         end,
      }), CANARY))
   end)

   it("promise 4: a walk with a token that is a string shows it nowhere", function()
      local users, err, events = visit(CANARY, {})
      assert.equal(249, users)
      assert.is_nil(err)
      assert.is_true(events > 5)
   end)

   it("promise 4: a walk with a token that a function gives shows it nowhere", function()
      local users, err = visit(function()
         return CANARY
      end, {})
      assert.equal(249, users)
      assert.is_nil(err)
   end)

   for _, knobs in ipairs {
      { fail = "401:*" }, { fail = "403:2-" }, { fail = "404:*" }, { fail = "400:*" }, { fail = "500:*" },
      { fail = "503:2-" }, { fail = "444:*" }, { shape = "html" }, { shape = "cut" }, { redirect = 302 },
      { fail = "429:*", retry_after = 999 },
   } do
      local name = next(knobs)
      it("promise 4: " .. name .. "=" .. knobs[name] .. " gives an error that does not show it", function()
         local _, err = visit(CANARY, knobs)
         assert.is_true(elements.is_error(err))
      end)
   end

   it("promise 4: a token that can't be one is not shown in what is raised", function()
      local base = sandbox:base()
      for _, token in ipairs { CANARY .. "\n", CANARY .. " x", "Bearer " .. CANARY, CANARY .. "\0", CANARY:rep(200) } do
         local ok, message = pcall(elements.client, { token = token, base_url = base })
         assert.is_false(ok)
         closed_to("message", message)
      end
   end)

   it("promise 4: a token that can't be one and comes from a function is not shown in the error", function()
      for _, token in ipairs { CANARY .. "\n", CANARY .. " x", "Bearer " .. CANARY, CANARY:rep(200) } do
         local _ <close>, tenant = walks.open(sandbox, {}, {
            token = function()
               return token
            end,
         })
         local page, err = tenant:page()
         assert.is_nil(page)
         assert.equal("auth", err.kind)
         closed_to("error", err)
      end
   end)

   it("promise 4: a proxy's password is not shown", function()
      for _, proxy in ipairs { "http://user:" .. CANARY .. "@127.0.0.1:1", "http://user:" .. CANARY .. "@[::", } do
         local ok, client = pcall(elements.client,
            { token = "x", base_url = sandbox:base(), ca_file = sandbox.ca_file, proxy = proxy, max_attempts = 1 })
         closed_to("client or message", client)
         if ok and client then
            local tenant = client:tenant(sandbox.customer_id, sandbox.tenant_id)
            local page, err = tenant:page()
            assert.is_nil(page)
            closed_to("error", err)
            client:close()
         end
      end
   end)

   it("promise 4: a password in a base URL is refused and not shown", function()
      local ok, message = pcall(elements.client, { token = "x", base_url = "https://user:" .. CANARY .. "@host/x" })
      assert.is_false(ok)
      closed_to("message", message)
   end)
end)

describe("promise 5: nothing crashes or hangs the host", function()
   local BODY = [[
      local n, last = 0, nil
      for user in tenant:users() do
         n, last = n + 1, user.id
      end
      local list, receipt = tenant:collect { user_ids = { last } }
      print(n, #list, receipt.complete)
   ]]

   for name, setting in pairs {
      ["incremental with no pause"] = [[collectgarbage("incremental", 1, 1000, 1)]],
      generational = [[collectgarbage("generational")]],
      ["generational with each step full"] = [[collectgarbage("generational", 1, 1)]],
      off = [[collectgarbage("stop")]],
   } do
      it("promise 5: a collector that is " .. name .. " changes no result", function()
         local head = walks.script(sandbox, { run = sandbox:new_run(), size = 1250, nulls = 1, cap = 50 })
         local output, status = walks.run(sandbox, setting .. "\n" .. head .. BODY .. "client:close()")
         assert.equal("1250\t1\ttrue\n", output)
         assert.equal(0, status)
      end)
   end

   it("promise 5: a collection in every event changes no result", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 600, cap = 50 }, {
         on_event = function()
            collectgarbage()
         end,
      })
      local list, receipt = tenant:collect()
      assert.is_nil(walks.difference(list, walks.users(1, 600)))
      assert.is_true(receipt.complete)
   end)

   it("promise 5: a second require, with package.loaded cleared, works beside the first", function()
      local head = walks.script(sandbox, { run = sandbox:new_run(), size = 120 })
      local output, status = walks.run(sandbox, head .. [[
         local walk = tenant:users()
         walk()
         for name in pairs(package.loaded) do
            if name:find("^avepoint") then
               package.loaded[name] = nil
            end
         end
         local again = require("avepoint.elements")
         assert(again ~= elements)
      ]] .. walks.script(sandbox, { run = sandbox:new_run(), size = 130 }) .. [[
         local n = 1
         for user in walk do
            n = n + 1
         end
         print(n, #tenant:collect())
      ]])
      assert.equal("120\t130\n", output)
      assert.equal(0, status)
   end)

   local ENDINGS = {
      ["a walk in the middle"] = [[local walk = tenant:users() walk() kept = walk]],
      ["a walk whose client nobody holds"] = [[walk = tenant:users() walk() client, tenant = nil, nil]],
      ["requests in flight"] = [[walk = tenant:pages() for _ = 1, 3 do walk() end]],
      ["a walk that never began"] = [[walk = tenant:users()]],
      ["an error that is kept"] = [[_, err = tenant:page { page_size = 7, deadline = 1e-9 }]],
      ["os.exit with the state closed"] = [[walk = tenant:users() walk() os.exit(0, true)]],
      ["os.exit at once"] = [[walk = tenant:users() walk() os.exit(0)]],
      ["a walk in a coroutine that is not over"] =
         [[co = coroutine.wrap(function() for user in tenant:users() do coroutine.yield(user) end end) co()]],
   }
   for name, body in pairs(ENDINGS) do
      it("promise 5: fault 52: the end of the program with " .. name .. " is clean", function()
         local run = sandbox:new_run()
         local head = walks.script(sandbox, { run = run, size = 5000, cap = 50, latency = "0-40" })
         local output, status = walks.run(sandbox, head .. body)
         assert.equal("", output)
         assert.equal(0, status)
         assert.equal(0, (walks.settled(sandbox, run)).in_flight)
      end)
   end
end)
