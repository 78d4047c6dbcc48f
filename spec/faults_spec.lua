-- What a fault of the network, a proxy or a server is to the caller of the module: its kind, after how many requests, and
-- that nothing of it came out: not a user, not a secret. One such fault costs nothing where a repeat may help, and the
-- same client goes on working. The numbers are those of the lists in spec/reliability_spec.lua.
--
-- All cases run at once, each in a coroutine with clients of its own, in a host that waits for all of them.

local socket = require("socket")

local elements = require("avepoint.elements")
local liars = require("spec.sandbox.liar")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local USERS = 6
local ATTEMPTS = 3
local CANARY = "canary-0123456789.ABCDEFGHIJ"
local SECRET = CANARY .. "&=+%"
local UNRESOLVED = ("a"):rep(64) .. ".invalid" -- a label too long: no resolver has to be asked
local TLS_KINDS = { "expired", "wrong_host", "self_signed", "unknown_ca", "tls11" }
local AT_ONCE = 20 -- cases
local MOST = 16 * 1024 * 1024 -- bytes that a server gets rid of, by the cap on a page and what the machine's buffers take

-- Number of the fault, what it is (a lie, or words), kind, requests, and what differs: knobs, options of the client,
-- `at` (an address of the liar's, or a URL), `leaf` (of the sandbox's TLS).
local CASES = {}

local function case(fault, kind, requests, names, more)
   for _, name in ipairs(names) do
      local c = { fault = fault, name = name, kind = kind, requests = requests }
      for key, value in pairs(more or {}) do
         c[key] = value
      end
      CASES[#CASES + 1] = c
   end
end

local function statuses(fault, kind, list, lie)
   for _, status in ipairs(list) do
      CASES[#CASES + 1] = {
         fault = fault, name = ("%s %d"):format(lie or "status", status), kind = kind, requests = 1,
         knobs = { lie = lie or "status", arg = status },
      }
   end
end

case(1, "network", ATTEMPTS, { "a name that does not resolve" }, { at = "https://" .. UNRESOLVED })
case(1, "proxy", 1, { "a proxy's name that does not resolve" }, {
   scheme = "https", options = { proxy = "http://" .. UNRESOLVED },
})
case("1, security 9", "network", ATTEMPTS, { "a proxy that is not there, whose URL has a password" }, {
   scheme = "https", options = { proxy = "http://user:" .. CANARY .. "@127.0.0.1:1" },
})
case(1, "proxy", 1, { "proxy_auth" })
case(3, "network", ATTEMPTS, { "a port where nobody listens" }, { at = "refusing" })
case(3, "timeout", ATTEMPTS, { "a connection that does not come about" }, {
   at = "black_hole", options = { connect_timeout = 0.1 },
})
case(3, "timeout", ATTEMPTS, { "a TLS handshake that hangs" }, { at = "mute", tls = true, options = { connect_timeout = 0.1 } })
for _, leaf in ipairs(TLS_KINDS) do
   case("4, security 3", "tls", leaf == "tls11" and 2 or 1, { "TLS: " .. leaf }, { leaf = leaf })
end
case(4, "tls", 2, { "TLS: babble" }, { at = "babble", tls = true })
case(5, "network", ATTEMPTS, { "close", "reset", "reset_in_body" })
case(5, "network", ATTEMPTS, { "a connection that is closed at the request" }, { at = "slam" })
case(5, "network", ATTEMPTS, { "a connection that is reset at the request" }, { at = "slam_reset" })
case(6, "network", ATTEMPTS, { "short", "half", "chunked_cut", "chunked_no_end" })
case(7, "protocol", 2, { "to_the_end_cut", "gzip_cut", "head_cut", "zero_length", "longer" })
case(7, "protocol", 2, { "TLS that ends without close_notify" }, {
   scheme = "https", knobs = { framing = "close", cut = 2000, finish = "no_notify" },
})
case(8, "protocol", 1, {
   "negative_length", "text_length", "nul_in_header", "no_colon", "garbage", "http09", "status_text", "http_3", "icy",
   "tls_alert", "folded_first",
})
case(8, "protocol", 1, { "status 000" }, { knobs = { lie = "status", arg = 0 } })
case(8, "network", ATTEMPTS, { "chunked_bad", "chunked_huge" })
case(9, "protocol", 2, { "two_lengths" })
case(10, "timeout", ATTEMPTS, { "silence", "silence_after_head", "stall", "drip", "drip_head" }, { options = { timeout = 0.5 } })
case("11, security 10", "protocol", 1, { "endless", "endless_chunked", "gzip_bomb" })
case(12, "network", ATTEMPTS, { "header_flood", "continue_flood", "processing_flood" })
case(12, "protocol", 1, { "big_header" }, { knobs = { lie = "big_header", arg = 200000 } })
case(13, "protocol", 1, { "gzip_six", "gzip_fake", "unknown_encoding" })
statuses(17, "protocol", { 201, 202, 205, 206, 600, 999 })
case(17, "protocol", 1, { "no_content" })
statuses("18, security 2", "redirect", { 300, 301, 302, 303, 304, 305, 307, 308 }, "redirect")
statuses(19, "bad_request", { 400, 405, 413, 415, 422, 451 })
statuses(19, "forbidden", { 403 })
statuses(19, "not_found", { 404 })
case(20, "auth", 1, { "negotiate" })
statuses(22, "server", { 501, 505 })
case(23, "server", 2, { "endless_error" }, { options = { max_attempts = 2 } })

-- The same at the identity server: the service is honest.
local function token_case(fault, kind, requests, names, more)
   more = more or {}
   more.token = true
   case(fault, kind, requests, names, more)
end

token_case(25, "network", ATTEMPTS, { "close", "reset", "half", "chunked_cut" })
token_case(25, "timeout", ATTEMPTS, { "silence", "stall" }, { options = { timeout = 0.5 } })
token_case(26, "protocol", 2, { "to_the_end_cut", "gzip_cut", "zero_length" })
token_case(26, "protocol", 1, { "garbage", "http09", "negative_length", "gzip_fake", "no_content" })
token_case("26, security 10", "protocol", 1, { "endless", "endless_chunked", "gzip_bomb" })
token_case("25, security 2", "redirect", 1, { "redirect" })
for _, leaf in ipairs(TLS_KINDS) do
   token_case("4, security 3", "tls", leaf == "tls11" and 2 or 1, { "TLS: " .. leaf }, { leaf = leaf })
end
token_case(25, "server", ATTEMPTS, { "status 503" }, { knobs = { lie = "status", arg = 503 } })
token_case(24, "auth", 1, { "status 400" }, { knobs = { lie = "status", arg = 400 }, kept = true })
token_case(24, "auth", 1, { "negotiate" }, { kept = true })
token_case(26, "protocol", 1, { "status 206" }, { knobs = { lie = "status", arg = 206 } })

-- What is odd, and an answer all the same.
local LEGAL = {
   "chunked", "chunked_trailer", "chunked_bytes", "to_the_end", "gzip", "identity", "http10", "no_reason", "early_hints",
   "say_close", "surplus", "two_answers", "length_and_chunks", "huge_length", "cookie", "late", "close_when_idle",
}

describe("a fault, to the caller", function()
   local server, sandbox
   local going = {} -- coroutine → { fd, till }

   local function wait(fd, seconds)
      coroutine.yield(fd, socket.gettime() + seconds)
   end

   -- Runs the threads side by side until all are dead.
   local function run_all(threads)
      local from = 1
      local objects = {}
      while from <= #threads or next(going) do
         local count = 0
         for _ in pairs(going) do
            count = count + 1
         end
         while from <= #threads and count < AT_ONCE do
            going[threads[from]], from, count = { till = 0 }, from + 1, count + 1
         end
         local readers, first = {}, socket.gettime() + 1
         for thread, w in pairs(going) do
            objects[thread] = objects[thread] or {
               getfd = function(self) return self.fd end, dirty = function() return false end,
            }
            objects[thread].fd = w.fd
            readers[#readers + 1] = w.fd and objects[thread] or nil
            first = math.min(first, w.till)
         end
         local ready = socket.select(readers, nil, math.max(0, first - socket.gettime()))
         for thread, w in pairs(going) do
            if ready[objects[thread]] or w.till <= socket.gettime() then
               local ok, fd, till = coroutine.resume(thread)
               assert(ok, fd)
               going[thread] = coroutine.status(thread) ~= "dead" and { fd = fd, till = till } or nil
            end
         end
      end
   end

   local function base(c, knobs)
      if c.leaf then
         return sandbox:base({ run = knobs.run }, c.leaf)
      elseif c.at then
         local address = server[c.at] or c.at
         return (c.tls and address:gsub("^http:", "https:") or address) .. "/partner"
      end
      return server:base(knobs, c.scheme)
   end

   -- A client for the case, whose service lies so often.
   local function client(c, times)
      local knobs = {
         run = server:new_run(), times = times, size = USERS,
         lie = not c.knobs and not c.at and not c.name:find(" ") and c.name or nil, -- else its name is words
      }
      for name, value in pairs(c.knobs or {}) do
         knobs[name] = value
      end
      local events = {}
      local options = {
         proxy = "", max_attempts = ATTEMPTS, wait = wait, ca_file = c.leaf and sandbox.ca_file or server.ca_file, timeout = 20,
         on_event = function(event) events[#events + 1] = event end,
      }
      if c.token then
         options.client_id, options.client_secret, options.base_url = "app", SECRET, server:base { size = USERS }
         options.token_url = c.leaf and sandbox:token_url({ run = knobs.run }, c.leaf) or server:token_url(knobs)
      else
         options.token, options.base_url = CANARY, base(c, knobs)
      end
      for name, value in pairs(c.options or {}) do
         options[name] = value
      end
      local made = assert(elements.client(options))
      return made, made:tenant(server.customer_id, server.tenant_id), knobs.run, events
   end

   local function whole(page)
      return page and walks.difference(page.data, walks.users(1, USERS)) or not page and "no page" or nil
   end

   setup(function()
      server = liars.start { tls = true }
      sandbox = sandboxes.start { tls = TLS_KINDS }
      local threads = {}
      for _, c in ipairs(CASES) do
         threads[#threads + 1] = coroutine.create(function()
            local made <close>, tenant, run, events = client(c, c.requests)
            c.page, c.err = tenant:page()
            c.events, c.run = events, run
            c.shown = walks.reveals(c.err, CANARY) or walks.reveals(events, CANARY) or walks.reveals(made, CANARY)
            if not c.at and not c.leaf and not (c.options and c.options.proxy) then
               c.log = server:log(run)
               c.after = not c.kept and whole(tenant:page()) or false -- a refused secret is not tried again at once
               if c.requests > 1 then
                  local _ <close>, again = client(c, 1)
                  c.once = whole(again:page()) or false
               end
            end
         end)
      end
      for _, lie in ipairs(LEGAL) do
         local c = { name = lie }
         LEGAL[lie] = c
         threads[#threads + 1] = coroutine.create(function()
            local _ <close>, tenant, run = client(c)
            c.first = whole(tenant:page()) or false
            c.second = whole(tenant:page()) or false
            c.log = server:log(run)
         end)
      end
      run_all(threads)
   end)

   teardown(function()
      server:stop()
      sandbox:stop()
   end)

   for _, c in ipairs(CASES) do
      it(("fault %s: %s%s is %s after %d request%s, and nothing of it comes out"):format(c.fault, c.name,
         c.token and ", of the identity server," or "", c.kind, c.requests, c.requests > 1 and "s" or ""), function()
         assert.is_nil(c.page)
         assert.is_true(elements.is_error(c.err))
         assert.equal(c.kind, c.err.kind, tostring(c.err))
         assert.equal(c.requests, c.err.attempts)
         assert.is_nil(tostring(c.err):find("[%c]"))
         assert.is_nil(c.shown)
         if c.log then
            assert.equal(c.requests, #c.log)
            for _, entry in ipairs(c.log) do
               assert.is_true(entry.sent < MOST, entry.sent)
            end
            assert.is_false(c.after)
         end
         if c.log and c.requests > 1 then
            assert.is_false(c.once)
         end
      end)
   end

   it("security 14: shows no token in errors, events and clients, whatever the fault", function()
      for _, c in ipairs(CASES) do
         assert.is_nil(c.shown, c.name)
         assert.is_true(#c.events >= 2, c.name)
      end
   end)

   it("fault 4, security 3: a server that can't be trusted sees no byte of HTTP", function()
      for _, c in ipairs(CASES) do
         if c.leaf then
            assert.equal(0, sandbox:count(c.run), c.name)
         end
      end
   end)

   it("fault 18, security 2: nothing reaches the place that a redirect names", function()
      for _, connection in ipairs(server:connections()) do
         assert.not_equal("elsewhere", connection.port)
      end
   end)

   for _, lie in ipairs(LEGAL) do
      it("fault 9: the answer " .. lie .. " is one, and so is the next", function()
         local c = LEGAL[lie]
         assert.is_false(c.first)
         assert.is_false(c.second)
         assert.equal(2, #c.log)
      end)
   end

   it("security 8: what an answer asks to be kept does not come back", function()
      for _, entry in ipairs(LEGAL.cookie.log) do
         assert.is_nil(entry.head:lower():find("\ncookie:", 1, true))
      end
      assert.equal(LEGAL.cookie.log[1].head, LEGAL.cookie.log[2].head)
   end)
end)
