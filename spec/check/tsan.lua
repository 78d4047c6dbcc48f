-- `make tsan`: fault 58. Several threads, each with Lua states of its own one after the other, that load the module, walk
-- and close at the same time, under ThreadSanitizer (threads.c).

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local THREADS, STATES = 8, 40

local SCRIPT = [[
local base_url, by_name, token, ca_file, customer_id, tenant_id = ...
local elements = require("avepoint.elements")
for i, url in ipairs { base_url, by_name } do
   local client = assert(elements.client {
      token = function() return token end, base_url = url, ca_file = ca_file, proxy = "", concurrency = 4,
   })
   local tenant = client:tenant(customer_id, tenant_id)
   local n = 0
   for user in tenant:users { page_size = 10 } do
      n = n + 1
   end
   assert(n == 60, n)
   local walk = tenant:users { page_size = 10 }
   walk() -- and more in flight
   if i == 1 then
      client:close()
   end
   kept = walk -- else the state's end closes it
end
]]

report.run("tsan", function(r)
   local flags = "-O1 -g -fno-omit-frame-pointer -fsanitize=thread"
   local folder = suite.build("tsan", { CC = "clang", CPPFLAGS = "-D_FORTIFY_SOURCE=0", CFLAGS = flags })
   local program = suite.host(folder, "spec/check/threads.c", "clang", flags)
   local file = assert(io.open(folder .. "/script.lua", "w"))
   file:write(SCRIPT)
   file:close()
   local sandbox <close> = require("spec.sandbox.sandbox").start()
   local log = folder .. "/output"
   local good = suite.shell(("LUA_CPATH=%s TSAN_OPTIONS=exitcode=66 timeout 300 %s %d %d %s >%s 2>&1"):format(
      keeper.quote(folder .. "/?.so;;"), program, THREADS, STATES, keeper.words(folder .. "/script.lua",
         sandbox:base { size = 60 }, (sandbox:base({ size = 60 }, "http"):gsub("127%.0%.0%.1", "localhost")), sandbox.token,
         sandbox.ca_file, sandbox.customer_id, sandbox.tenant_id), log))
   r:expect(good, keeper.read(log):sub(1, 8000))
   r:expect(keeper.read(log) == "", keeper.read(log):sub(1, 8000))
   r:figure("%d states in %d threads loaded, walked and closed side by side", THREADS * STATES, THREADS)
end)
