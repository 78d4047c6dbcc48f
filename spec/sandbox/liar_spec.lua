-- Holds the liar to its lies: what libcurl makes of each, as its command line tells.
-- Criteria: the curl command and raw sockets only; quick.
-- luacheck: std lua54+busted

local cjson = require("cjson")
local socket = require("socket")

local keeper = require("spec.sandbox.keeper")
local liars = require("spec.sandbox.liar")

local eventually = require("spec.support.requests").eventually

describe("the liar", function()
   local liar

   setup(function()
      liar = liars.start { tls = true }
   end)

   teardown(function()
      liar:stop()
   end)

   local function curl(base, options)
      local path = base:find("/partner$") and "/external/v3/um/customers/a/tenants/b/users/batch?pageIndex=1&pageSize=2" or ""
      local text = keeper.output(("curl -sS -m 20 --cacert '%s' --compressed %s -d '{}' '%s%s' 2>/dev/null "
         .. "-w '|%%{exitcode}|%%{http_code}'"):format(liar.ca_file, options or "", base, path))
      local body, code, http = text:match("^(.*)|(%d+)|(%d+)$")
      return tonumber(code), tonumber(http), body
   end

   it("tells the truth unless asked otherwise", function()
      local run = liar:new_run()
      local code, http, body = curl(liar:base { run = run, size = 3 })
      assert.same({ 0, 200, 3 }, { code, http, cjson.decode(body).metadata.totalCount })
      assert.same({ 0, 200, body }, { curl(liar:base({ run = run, size = 3 }, "https")) })
      assert.same({ 0, 200, body }, { curl(liar:base { run = run, size = 3, lie = "close", page = 2 }) })
      assert.equal(3, liar:count(run))
      assert.equal("liar-token", cjson.decode(select(3, curl(liar:token_url {}))).access_token)
   end)

   -- what libcurl makes of it
   local expected = {
      close = 52, reset = 56, reset_in_body = 56, short = 18, half = 18, longer = 0, surplus = 0, two_answers = 0,
      negative_length = 8, huge_length = 0, two_lengths = 0, length_and_chunks = 0, chunked = 0, chunked_trailer = 0,
      chunked_bytes = 0, chunked_cut = 18, chunked_no_end = 18, chunked_bad = 56, chunked_huge = 56, to_the_end = 0,
      to_the_end_cut = 0, gzip = 0, gzip_cut = 0, gzip_fake = 61, gzip_spoilt = 61, gzip_six = 61, unknown_encoding = 61,
      garbage = 1, nul_in_header = 8, http09 = 1, status = 1, continue_flood = 56, processing_flood = 56, header_flood = 56,
      no_content = 0, html = 0, redirect = 0, http10 = 0, early_hints = 0, big_header = 0, say_close = 0, gzip_twice = 0,
   }
   for name, code in pairs(expected) do
      it("lies: " .. name, function()
         local run = liar:new_run()
         assert.equal(code, (curl(liar:base { lie = name, run = run, size = 2 })))
         assert.equal(name, liar:log(run)[1].lie)
      end)
   end

   it("serves any bytes, cut anywhere, in any frame", function()
      local name = liar:upload('{"data":"\0\255' .. ("y"):rep(3000) .. '"}')
      local frames = { length = 18, short = 0, chunked = 18, chunked_end = 0, close = 0 }
      for framing, code in pairs(frames) do
         local got, _, body = curl(liar:base { json = name, framing = framing, cut = 1200 }, "--raw")
         assert.equal(code, got, framing)
         assert.is_true(#body >= 1200 and #body < 1230, framing)
         local knobs = { json = name, framing = framing, cut = 30, gzip = 1, finish = "no_notify" }
         assert.equal(code, (curl(liar:base(knobs, "https"))))
         assert.equal(0, (curl(liar:base { json = name, framing = framing })))
      end
   end)

   it("lies so often and no more", function()
      local run = liar:new_run()
      local knobs = { lie = "close", run = run, times = 2 }
      assert.same({ 52, 52, 0 }, { (curl(liar:base(knobs))), (curl(liar:base(knobs))), (curl(liar:base(knobs))) })
   end)

   it("dies on reuse, and serves others while one is silent", function()
      local connection = socket.connect("127.0.0.1", tonumber(liar.http:match("%d+$")))
      connection:settimeout(20)
      local request = "POST /lie=die_on_reuse/run=reuse/partner/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
      connection:send(request)
      assert.equal("HTTP/1.1 200 OK", connection:receive("*l"))
      local line
      repeat
         line = connection:receive("*l")
      until line:find("^Content%-Length")
      connection:receive("*l")
      connection:receive(tonumber(line:match("%d+$")))
      connection:send(request)
      assert.is_nil(connection:receive("*l"))
      connection:close()
      local silent = socket.connect("127.0.0.1", tonumber(liar.http:match("%d+$")))
      silent:send((request:gsub("die_on_reuse", "silence"):gsub("run=reuse", "run=quiet")))
      assert.equal(0, (curl(liar:base {})))
      silent:close()
      eventually(function() return liar:log("quiet")[1].gone end)
   end)

   it("has addresses that never get as far as HTTP", function()
      assert.same({ 7, 52, 56, 35 }, { (curl(liar.refusing)), (curl(liar.slam)), (curl(liar.slam_reset)),
         (curl((liar.slam:gsub("^http:", "https:")))) })
      assert.same({ 28, 28 }, { (curl(liar.black_hole, "-m 0.3")), (curl(liar.mute, "-m 0.3")) })
   end)
end)
