-- lua/avepoint/elements/dispatch.lua: signing in while pages are walked, end to end against the sandbox's identity endpoint.

local socket = require("socket")

local certs = require("spec.sandbox.certs")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local requests = require("spec.support.requests")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local sandbox, pem, key

setup(function()
   sandbox = sandboxes.start()
   pem, key = certs.client(sandbox.dir, "app")
   sandbox:register(pem)
end)

teardown(function()
   sandbox:stop()
end)

-- A client that signs in, its tenant, and the run's name. `knobs` are those of both addresses.
local function open(knobs, options)
   local with = { run = sandbox:new_run() }
   for name, value in pairs(knobs or {}) do
      with[name] = value
   end
   local o = { token = false, client_id = sandbox.client_id, token_url = sandbox:token_url(with) }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   if not o.certificate and not o.client_secret then
      o.client_secret = sandbox.client_secret
   end
   return walks.open(sandbox, with, o)
end

local function entries(run, kind)
   local list = {}
   for _, entry in ipairs(sandbox:log(run)) do
      if entry.kind == kind then
         list[#list + 1] = entry
      end
   end
   return list
end

describe("signing in", function()
   for what, options in pairs {
      ["with a secret"] = function() return {} end,
      ["with a secret from a function"] = function()
         return { client_secret = function() return sandbox.client_secret end }
      end,
      ["with a certificate"] = function() return { certificate = pem, private_key = key } end,
   } do
      it(what .. " asks for one token for a whole walk", function()
         local client <close>, tenant, run = open({ size = 1000 }, options())
         assert.equal("1-1000", walks.numbers((walks.all(tenant))))
         assert.equal(1, sandbox:count(run, "token"))
         assert.equal(10, sandbox:count(run, "page"))
         assert.is_true(#tostring(client) > 0)
      end)
   end

   it("sends nothing before it is needed", function()
      local _ <close>, tenant, run = open()
      local walk = tenant:users()
      assert.equal(0, sandbox:count(run))
      walk()
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("serves all walks of the client, one after the other", function()
      local _ <close>, tenant, run = open()
      for _ = 1, 5 do
         assert.equal(250, tenant:count())
      end
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("fault 28: loses no page of 2,000 to tokens that live 2 s, and asks for about one a lifetime", function()
      local refused
      for _ = 1, 2 do -- a machine that stands still for a fifth of a life lets one grow too old on the way
         local _ <close>, tenant, run = open { size = 20000, latency = "20-30", token_life = 2 }
         local began = socket.gettime()
         local users, walk = walks.all(tenant, { page_size = 10 })
         local elapsed = socket.gettime() - began
         assert.equal("1-20000", walks.numbers(users))
         assert.is_true(walk:receipt().complete)
         local tokens = sandbox:count(run, "token")
         assert.is_true(elapsed > 4, elapsed)
         -- renewed after four fifths of their life
         assert.is_true(tokens >= elapsed / 2 and tokens <= elapsed / 1.6 + 1, tokens .. " in " .. elapsed)
         assert.is_true(sandbox:report(run).max_in_flight <= 8 + 1)
         refused = 0
         for _, entry in ipairs(entries(run, "page")) do
            refused = refused + (entry.status == 200 and 0 or 1)
         end
         if refused == 0 then
            break
         end
      end
      assert.equal(0, refused)
   end)

   it("fault 27: asks for one new token where twelve pages meet a 401 at once", function()
      local _ <close>, tenant, run = open({ size = 3000, latency = 60, revoke = "14:1" }, { concurrency = 12 })
      assert.equal("1-3000", walks.numbers((walks.all(tenant))))
      local refused = 0
      for _, entry in ipairs(entries(run, "page")) do
         refused = refused + (entry.status == 401 and 1 or 0)
      end
      assert.is_true(refused > 1, refused)
      assert.equal(2, sandbox:count(run, "token"))
   end)

   it("fault 25: uses the old token while a renewal fails", function()
      local secrets = { sandbox.client_secret }
      local asked = 0
      local _ <close>, tenant, run = open({ size = 1000000, latency = 20, token_life = 3 }, {
         concurrency = 1,
         client_secret = function()
            asked = asked + 1
            return secrets[asked] or "wrong"
         end,
      })
      local more = 0 -- pages after it was to be renewed, at 2.4 s; it is used until 2.85
      for _ in tenant:pages { page_size = 10 } do
         more = more + (asked == 2 and 1 or 0)
         if more == 5 then
            break
         end
      end
      assert.equal(5, more)
      local tokens = requests.eventually(function()
         local list = entries(run, "token")
         return list[2] and list[2].status and list
      end)
      assert.equal(2, #tokens)
      assert.equal(400, tokens[2].status)
   end)

   it("fault 25: makes a new assertion for each attempt, on a connection of its own", function()
      local _ <close>, tenant, run = open({ token_fail = "503:busy:2" }, { certificate = pem, private_key = key })
      assert.equal(250, tenant:count())
      local seen = {}
      for i, entry in ipairs(entries(run, "token")) do
         assert.equal(i < 3 and 503 or 200, entry.status)
         assert.is_nil(seen[entry.connection])
         seen[entry.connection] = true
      end
      assert.is_nil(seen[entries(run, "page")[1].connection])
   end)

   it("fault 24: is not tried again within a minute after a refusal, whatever the caller does", function()
      local _ <close>, tenant, run = open({}, { client_secret = "wrong" })
      for _ = 1, 10 do
         local count, err = tenant:count()
         assert.is_nil(count)
         assert.equal("auth: no token: the identity server does not accept this client; check client_id, environment and "
            .. 'client_secret; it says "invalid_client: [secret] secret" (HTTP 400)', tostring(err))
         assert.equal("invalid_client", err.oauth_error)
         assert.equal(400, err.status)
         assert.is_false(err.retryable)
      end
      assert.equal(1, sandbox:count(run, "token"))
      assert.equal(0, sandbox:count(run, "page"))
   end)

   it("gives each who waits for it an error of its own", function()
      local _ <close>, tenant = open({}, { client_secret = "wrong" })
      local users, first = walks.drain(tenant:users())
      assert.equal(0, #users)
      assert.equal("error", first.receipt.stop_reason)
      assert.is_string(first.resume)
      local _, second = tenant:count()
      assert.are_not.equal(first, second)
      assert.is_nil(second.receipt)
      assert.equal(tostring(first), tostring(second))
   end)

   it("fault 20: tells a refusal of the client after a 401 by the identity server's words", function()
      local asked = 0
      local _ <close>, tenant, run = open({ size = 1000, revoke = 3 }, {
         client_secret = function()
            asked = asked + 1
            return asked == 1 and sandbox.client_secret or "wrong"
         end,
      })
      local users, err = walks.drain(tenant:users())
      assert.equal(0, #users % 100)
      assert.equal("auth", err.kind)
      assert.equal("invalid_client", err.oauth_error)
      assert.equal(400, err.status)
      assert.equal(2, sandbox:count(run, "token"))
      assert.is_nil(err.page_index)
   end)

   it("fault 28: gives up after three new tokens that the service does not take", function()
      local _ <close>, tenant, run = open { token_life = 0, expires_in = "3600" }
      local _, err = tenant:count()
      assert.equal("auth", err.kind)
      assert.equal(401, err.status)
      assert.equal(2, sandbox:count(run, "token")) -- a page asks for one new token
      for _ = 1, 3 do
         _, err = tenant:count()
      end
      assert.equal("auth", err.kind)
      assert.is_true(sandbox:count(run, "token") <= 8)
   end)

   it("fault 28: asks for no more tokens within a minute, however often it is called", function()
      local _ <close>, tenant, run = open { fail = "401:each" }
      local err
      for _ = 1, 20 do
         err = select(2, tenant:page())
         assert.equal("auth", err.kind)
      end
      assert.equal(401, err.status)
      assert.equal(4, sandbox:count(run, "token"))
   end)

   it("fault 26: asks for a token a call where its life makes no sense", function()
      local _ <close>, tenant, run = open { size = 1000, expires_in = "text" }
      assert.equal(10, #walks.all(tenant) / 100)
      assert.equal(1, sandbox:count(run, "token"))
      tenant:count()
      tenant:count()
      assert.equal(3, sandbox:count(run, "token"))
   end)

   for shape, text in pairs {
      html = "protocol: no token: the answer is not JSON; this is no answer of an identity server: check token_url "
         .. "(HTTP 200, 2 attempts)",
      cut = "protocol: no token: the answer is not JSON; this is no answer of an identity server: check token_url "
         .. "(HTTP 200, 2 attempts)",
      crlf_token = "protocol: no token: access_token holds a character that no token has; give it as the identity server "
         .. "sent it; this is no answer of an identity server: check token_url (HTTP 200)",
      huge_body = "protocol: no token: the answer is larger than it can be; check token_url",
   } do
      it("fault 26: refuses the answer " .. shape .. ", and no page is asked for", function()
         local _ <close>, tenant, run = open { token_shape = shape }
         local _, err = tenant:count()
         assert.equal(text, tostring(err))
         assert.equal(0, sandbox:count(run, "page"))
      end)
   end

   it("waits as long as the identity server asks", function()
      local _ <close>, tenant, run = open { token_fail = "429:slow_down:1", retry_after = 1 }
      assert.equal(250, tenant:count())
      local tokens = entries(run, "token")
      assert.equal(2, #tokens)
      assert.is_true(tokens[2].time - tokens[1].time >= 1, tokens[2].time - tokens[1].time)
   end)

   it("does not wait for an identity server that asks for more than the deadline leaves", function()
      local _ <close>, tenant, run = open { token_fail = "429:slow_down", retry_after = 60 }
      local began = socket.gettime()
      local _, err = tenant:page { deadline = 20 }
      assert.is_true(socket.gettime() - began < 10)
      assert.equal("throttled: no token: the identity server limits the rate of requests; try again later; another attempt "
         .. "would pass the deadline (HTTP 429)", tostring(err))
      assert.equal(60, err.retry_after)
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("ends with the deadline where the identity server is slow", function()
      local _ <close>, tenant = open { token_latency = 20000 }
      local began = socket.gettime()
      local _, err = tenant:page { deadline = 0.3 }
      assert.equal("timeout", err.kind)
      assert.is_true(socket.gettime() - began < 10)
   end)

   it("goes on with a token that came after the call that asked for it had ended", function()
      local _ <close>, tenant, run = open { token_latency = 400 }
      assert.is_nil(tenant:page { deadline = 0.2 })
      assert.equal(250, tenant:count())
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("fault 26: takes a token whose life was over before it came for this call, and asks for no row of them", function()
      local _ <close>, tenant, run = open { token_latency = 150, expires_in = "0.1" }
      assert.equal(250, #assert(tenant:collect { deadline = 30 }))
      assert.equal(1, sandbox:count(run, "token"))
      local calls = 0
      local _ <close>, other = walks.open(sandbox, {}, {
         token = function()
            calls = calls + 1
            socket.sleep(0.02)
            return sandbox.token, 0.01
         end,
      })
      assert.equal(250, #assert(other:collect { deadline = 30 }))
      assert.equal(1, calls)
   end)

   it("is withdrawn when the client is closed", function()
      local client, tenant, run = open({ token_latency = 2000 }, { token_url = nil })
      tenant:page { deadline = 0.2 }
      client:close()
      assert.equal("closed", select(2, tenant:page()).kind)
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("counts the clock's skew where a token is refused", function()
      local _ <close>, tenant = open({ date_skew = -500 }, { client_secret = "wrong" })
      local _, err = tenant:count()
      assert.is_true(err.clock_skew >= 490 and err.clock_skew <= 501, err.clock_skew)
      assert.matches("this machine's clock is %d+ s ahead of the server's: set it%)$", tostring(err))
   end)

   it("fault 19: leaves a 403 to say which permission the app registration lacks", function()
      local _ <close>, tenant = open { fail = "403:*" }
      local _, err = tenant:count()
      assert.matches("^forbidden: the app registration lacks the permission elements%.um%.user%.read%.all", tostring(err))
   end)

   it("asks for the scope that is given", function()
      local _ <close>, tenant = open({}, { scope = "elements.um.user.readwrite.all" })
      local _, err = tenant:count()
      assert.equal("auth: no token: the app registration may not have the scope elements.um.user.readwrite.all; grant it "
         .. 'under Elements > API app registration; it says "invalid_scope: the scope is elements.um.user.read.all" '
         .. "(HTTP 400)", tostring(err))
   end)
end)

describe("the secret's function", function()
   it("that raises gives what it raised, unchanged, and the next call works", function()
      local thing, fail = {}, true
      local _ <close>, tenant, run = open({}, {
         client_secret = function()
            if fail then
               error(thing)
            end
            return sandbox.client_secret
         end,
      })
      local ok, raised = pcall(tenant.count, tenant)
      assert.is_false(ok)
      assert.equal(thing, raised)
      assert.equal(0, sandbox:count(run))
      fail = false
      assert.equal(250, tenant:count())
   end)

   it("that gives nil and a message makes an auth error with it", function()
      local _ <close>, tenant, run = open({}, { client_secret = function() return nil, "the vault is \27[31msealed" end })
      local _, err = tenant:count()
      assert.equal([[auth: no token: client_secret: the vault is \x1b[31msealed]], tostring(err))
      assert.equal(0, sandbox:count(run))
   end)

   it("that gives junk makes an auth error that says what", function()
      for junk, what in pairs { [""] = "is empty", ["a\n"] = 'ends with a newline; strip it, as in io.read("l")',
         [7] = "is a number, not a string" } do
         local _ <close>, tenant = open({}, { client_secret = function() return junk end })
         local _, err = tenant:count()
         assert.equal("auth: no token: what the client_secret function gave " .. what, tostring(err))
      end
   end)

   it("may call close and receipt, and nothing else of the client", function()
      local client, tenant, message
      client, tenant = open({}, {
         client_secret = function()
            message = select(2, pcall(tenant.count, tenant))
            client:close()
            return sandbox.client_secret
         end,
      })
      local _, err = tenant:count()
      assert.equal("avepoint.elements: only close and receipt may be called from inside token, client_secret, on_event "
         .. "and wait", message)
      assert.equal("closed", err.kind)
   end)

   it("may yield, and is called once for all who wait", function()
      local calls = 0
      local _ <close>, tenant = open({ size = 300 }, {
         wait = function(_, seconds) -- a poor host's loop: everybody in turn
            socket.sleep(math.min(seconds, 0.002))
            coroutine.yield()
         end,
         client_secret = function()
            calls = calls + 1
            for _ = 1, 5 do
               coroutine.yield()
            end
            return sandbox.client_secret
         end,
      })
      local counts, threads = {}, {}
      for i = 1, 4 do
         threads[i] = coroutine.create(function()
            counts[i] = #assert(tenant:collect())
         end)
      end
      local alive = true
      while alive do
         alive = false
         for _, thread in ipairs(threads) do
            if coroutine.status(thread) ~= "dead" then
               assert(coroutine.resume(thread))
               alive = true
            end
         end
      end
      assert.same({ 300, 300, 300, 300 }, counts)
      assert.equal(1, calls)
   end)
end)

describe("a token function", function()
   it("that is slow to come back while another coroutine asked for itself leaves one request for a token", function()
      local calls = 0
      local client <close>, tenant, run = open({}, {
         wait = function(_, seconds)
            socket.sleep(math.min(seconds, 0.002))
            coroutine.yield()
         end,
         client_secret = function()
            calls = calls + 1
            if calls == 1 then
               coroutine.yield("slow")
            end
            return sandbox.client_secret
         end,
      })
      local count
      local slow = coroutine.create(function() return tenant:count() end)
      local quick = coroutine.create(function() count = tenant:count() end)
      assert.equal("slow", select(2, coroutine.resume(slow)))
      client.engine.asking.till = 0 -- as if ten seconds had passed
      assert(coroutine.resume(quick)) -- sends its own request, and waits
      assert.equal(2, calls)
      repeat
         assert(coroutine.resume(slow))
      until coroutine.status(slow) == "dead"
      repeat
         assert(coroutine.resume(quick))
      until coroutine.status(quick) == "dead"
      assert.equal(250, count)
      assert.equal(1, sandbox:count(run, "token"))
   end)

   it("that gives none is asked once for all pages that wait", function()
      local calls = 0
      local client <close> = assert(elements.client {
         base_url = sandbox:base { run = sandbox:new_run() }, ca_file = sandbox.ca_file, proxy = "",
         token = function()
            calls = calls + 1
         end,
      })
      local tenant = client:tenant(sandbox.customer_id, sandbox.tenant_id)
      assert.equal("auth: no token: the token function gave none; return a token, or nil and why",
         tostring(select(2, tenant:collect())))
      assert.equal(1, calls)
   end)
end)

describe("a token function that takes most of the life it names", function()
   it("is called once, and the walk goes on", function()
      local calls = 0
      local _ <close>, tenant = walks.open(sandbox, {}, {
         token = function()
            calls = calls + 1
            socket.sleep(0.43)
            return sandbox.token, 0.5
         end,
      })
      local users, err = walks.drain(tenant:users { deadline = 30, max_users = 100 })
      assert.is_nil(err)
      assert.equal(100, #users)
      assert.is_true(calls <= 2, calls)
   end)
end)

describe("a walk that nobody steps", function()
   it("does not make others ask in vain again and again", function()
      local calls, good = 0, true
      local run = sandbox:new_run()
      local client <close> = assert(elements.client {
         base_url = sandbox:base { run = run, size = 2000 }, ca_file = sandbox.ca_file,
         proxy = "", concurrency = 2,
         token = function()
            calls = calls + 1
            if calls > 20 then
               error("in vain")
            end
            return good and sandbox.token or nil
         end,
      })
      local tenant = client:tenant(sandbox.customer_id, sandbox.tenant_id)
      local idle <close> = tenant:pages()
      idle()
      good = false
      client.engine.token:refused(1)
      local before = calls
      local list, err = tenant:collect()
      assert.is_nil(list)
      assert.equal("auth: no token: the token function gave none; return a token, or nil and why", tostring(err))
      assert.equal(before + 1, calls)
      good = true
      assert.is_table(idle())
   end)
end)

describe("events of signing in", function()
   local function fields(event)
      local names = {}
      for name, value in pairs(event) do
         names[#names + 1] = name .. "=" .. tostring(value)
      end
      table.sort(names)
      return (table.concat(names, " "):gsub("seconds=[%d.e-]+", "seconds=S"):gsub("bytes=%d+", "bytes=B")
         :gsub("clock_skew=%-?[01] ", "clock_skew=C ")) -- Date has whole seconds: the next may begin in between
   end

   it("tell of each request, answer, repeat and token, and of no page", function()
      local heard = {}
      local _ <close>, tenant = open({ token_fail = "503:busy:1" }, {
         on_event = function(event)
            heard[#heard + 1] = fields(event)
         end,
      })
      tenant:count()
      assert.same({
         "attempt=1 token=true type=request",
         "bytes=B clock_skew=C kind=server seconds=S status=503 token=true type=response",
         "attempt=1 kind=server seconds=S token=true type=retry",
         "attempt=2 token=true type=request",
         "bytes=B clock_skew=C seconds=S status=200 token=true type=response",
         "generation=1 lifetime=3600 scope=elements.um.user.read.all type=token",
         "attempt=1 page_index=1 type=request",
      }, { table.unpack(heard, 1, 7) })
   end)

   it("may raise, and the client goes on", function()
      for _, type_name in ipairs { "request", "response", "retry", "token" } do
         local fail = true
         local _ <close>, tenant = open({ token_fail = "503:busy:1" }, {
            on_event = function(event)
               if fail and event.type == type_name and (event.token or event.type == "token") then
                  fail = false
                  error("boom", 0)
               end
            end,
         })
         local ok, err = pcall(tenant.count, tenant)
         assert.is_false(ok)
         assert.equal("boom", err)
         assert.equal(250, tenant:count())
      end
   end)
end)

describe("promise 4", function()
   -- Runs a script under strace; gives its output, and what was written to which socket or file.
   local function traced(text)
      local command, path = walks.command(sandbox, text)
      local trace = sandbox.dir .. "/trace"
      local pipe = assert(io.popen(("strace -f -yy -s 1000000 -xx -e trace=write,writev,send,sendto,sendmsg,sendmmsg,pwrite64,"
         .. "execve -o %s %s %s 2>&1"):format(keeper.quote(trace), command, keeper.quote(path)), "r"))
      local output = pipe:read("a")
      assert.is_true(pipe:close(), output)
      local plain = assert(keeper.read(trace)):gsub("\\x(%x%x)", function(hex)
         return string.char(tonumber(hex, 16))
      end)
      return output, plain
   end

   -- The writes of a trace that hold a text, by where they went.
   local function places(trace, text)
      local found = {}
      for head, rest in trace:gmatch("(%a[%w_]*%(%d+<[^>]*>*[^,]*>), ([^\0]-)\n%d+ ") do
         if rest:find(text, 1, true) then
            found[head:match("%->([%d.]+:%d+)") or head] = true
         end
      end
      return found
   end

   it("security 14: no failure shows a secret, a token, an assertion or a key, in no error, event, field, output or file",
      function()
         local password, wrong = "canary-pass-word", "canary&wrong=+%secret ž"
         local files = sandbox.dir .. "/canary"
         assert(os.execute(("cat %s %s >%s.pem && openssl pkcs12 -export -in %s -inkey %s -passout pass:%s -out %s.pfx"):format(
            pem, key, files, pem, key, password, files)))
         local stranger, stranger_key = certs.client(sandbox.dir, "stranger") -- registered nowhere
         local run = sandbox:new_run()
         local cases = {}
         local function case(knobs, options, scheme)
            knobs.run = run
            local o = {
               client_id = sandbox.client_id, base_url = sandbox:base(knobs, scheme), token_url = sandbox:token_url(knobs),
               ca_file = sandbox.ca_file, proxy = "", max_attempts = 1, -- no repeats: it takes long enough
            }
            for name, value in pairs(options or {}) do
               o[name] = value
            end
            if not (o.certificate or o.token) then
               o.client_secret = o.client_secret or sandbox.client_secret
            end
            if o.token then
               o.client_id, o.token_url = nil, nil
            end
            local parts = {}
            for name, value in pairs(o) do
               parts[#parts + 1] = ("%s = %q"):format(name, value)
            end
            cases[#cases + 1] = "{ " .. table.concat(parts, ", ") .. " }"
         end
         case({}, { client_secret = wrong })
         case({}, { certificate = files .. ".pfx", certificate_password = password })
         case({}, { certificate = files .. ".pfx", certificate_password = password .. "2" })
         case({}, { certificate = files .. ".pem" })
         case({}, { certificate = stranger, private_key = stranger_key })
         case({}, { certificate = stranger, private_key = key })
         for _, shape in ipairs { "html", "array", "no_token", "crlf_token", "space_token", "nul_token", "long_token", "cut" } do
            case { token_shape = shape }
         end
         local bodies = { "json", "html", "ansi" }
         local credentials = { {}, { certificate = files .. ".pem" }, { token = sandbox.token } }
         for i, status in ipairs { 400, 401, 403, 404, 408, 429, 500, 503 } do
            case { token_fail = status .. ":invalid_client" }
            case({ fail = status .. ":*", body = bodies[i % 3 + 1] }, credentials[i // 3 + 1])
         end
         case { token_type = "mac" }
         case { token_life = 0, expires_in = "3600" }
         case { revoke = 1 }
         case { redirect = 307 }
         case { fail = "444:*" }
         case { shape = "top_array" }
         case({}, { ca_file = pem })
         case({}, { proxy = "http://user:" .. password .. "@127.0.0.1:1" })
         case({ latency = 500 }, { timeout = 0.2 })
         local output, trace = traced(([[
            local elements = require("avepoint.elements")
            local walks = require("spec.support.walks")
            local function show(v, depth)
               if type(v) == "table" and depth < 4 then
                  for name, value in next, v do
                     show(name, depth + 1)
                     show(value, depth + 1)
                  end
               end
               print(v)
            end
            local failed = 0
            for i, options in ipairs { %s } do
               options.on_event = function(event) show(event, 0) end
               local client, err = elements.client(options)
               if client then
                  local tenant = client:tenant(%q, %q)
                  for _ = 1, 2 do
                     local list
                     list, err = tenant:collect { page_size = 10, max_pages = 5 }
                     failed = failed + (list and 0 or 1)
                  end
                  local users = tenant:users()
                  show({ client, tenant, users, users:receipt(), err }, 0)
                  for name, word in pairs {
                     secret = %q, wrong = %q, token = "sandbox." .. %q, fixed = %q, password = %q, jwt = "eyJ",
                  } do
                     for _, value in ipairs { client, tenant, users, err } do
                        local where = walks.reveals(value, word)
                        if where then
                           print("REVEALED", name, where)
                        end
                     end
                  end
                  client:close()
               else
                  failed = failed + 1
                  show(err, 0)
               end
            end
            print("FAILED", failed)]]):format(table.concat(cases, ",\n"), sandbox.customer_id, sandbox.tenant_id,
            sandbox.client_secret, wrong, run, sandbox.token, password))
         assert.is_true(tonumber(output:match("FAILED%s+(%d+)")) >= 2 * #cases - 10, output:sub(-2000))
         assert.is_nil(output:match("REVEALED[^\n]*"))
         local escape = require("avepoint.elements.core").escape
         local private = assert(keeper.read(key))
         local words = {
            sandbox.client_secret, escape(sandbox.client_secret), wrong, escape(wrong), "sandbox." .. run, sandbox.token,
            password, "eyJ", private:match("\n([%w+/=]+)\n"), "PRIVATE KEY",
         }
         for _, word in ipairs(words) do
            assert.is_nil(output:find(word, 1, true), word)
            -- all of it went through TLS, or nowhere
            assert.is_nil(trace:find(word, 1, true), word)
         end
         assert.is_true(trace:find("FAILED", 1, true) ~= nil and #trace > 10000)
      end)

   it("security 14: the secret goes to the identity host's socket alone, the token to the API's", function()
      local run = sandbox:new_run()
      local script = ([[
         local elements = require("avepoint.elements")
         for _, schemes in ipairs { { %q, %q }, { %q, %q } } do
            local client = assert(elements.client { client_id = %q, client_secret = %q, base_url = schemes[1],
               token_url = schemes[2], ca_file = %q, proxy = "", on_event = function(e)
                  for k, v in pairs(e) do io.stderr:write(tostring(k), " ", tostring(v), "\n") end
               end })
            local tenant = client:tenant(%q, %q)
            print(tenant:count())
            print(client, tenant, tenant:users())
            client:close()
         end]]):format(sandbox:base({ run = run }, "http"), sandbox:token_url { run = run }, sandbox:base { run = run },
         sandbox:token_url({ run = run }, "http"), sandbox.client_id, sandbox.client_secret, sandbox.ca_file,
         sandbox.customer_id, sandbox.tenant_id)
      local output, trace = traced(script)
      assert.matches("250", output)
      assert.is_nil(output:find(sandbox.client_secret, 1, true))
      assert.is_nil(output:find("sandbox.run", 1, true)) -- how issued tokens begin
      local port = sandbox.http:match(":(%d+)$")
      local escaped = require("avepoint.elements.core").escape(sandbox.client_secret)
      -- in clear once each: the bearer in the first round, the secret in the second
      assert.same({ ["127.0.0.1:" .. port] = true }, places(trace, "Bearer sandbox." .. run))
      assert.same({ ["127.0.0.1:" .. port] = true }, places(trace, "client_secret=" .. escaped))
      for request in trace:gmatch("POST [^\n]-\r\n\r\n[^\n]*") do
         assert.is_nil(request:find("^POST %S*/connect/token.-Authorization"))
         assert.is_nil(request:find("^POST %S*/users/batch.-client_secret"))
      end
   end)
end)
