-- Sandbox and liar come up in any number, refuse what TLS must refuse, and leave nothing behind however their
-- starter ends.
-- Criteria: processes are looked at in /proc; every wait has an end.
-- luacheck: std lua54+busted

local socket = require("socket")

local keeper = require("spec.sandbox.keeper")
local liars = require("spec.sandbox.liar")
local sandboxes = require("spec.sandbox.sandbox")

describe("starting and stopping", function()
   -- A process that is gone may wait as a zombie for whoever adopted it.
   local function runs(pid)
      local state = (keeper.read("/proc/" .. pid .. "/stat") or ""):match("%) (%a)")
      return state ~= nil and state ~= "Z"
   end

   local function exists(path)
      return os.execute("test -e " .. keeper.quote(path)) == true
   end

   local function gone(pids, folders)
      local deadline = socket.gettime() + 20
      local left
      repeat
         left = {}
         for _, pid in ipairs(pids) do
            left[#left + 1] = runs(pid) and pid or nil
         end
         for _, folder in ipairs(folders) do
            left[#left + 1] = exists(folder) and folder or nil
         end
         socket.sleep(#left > 0 and 0.02 or 0)
      until #left == 0 or socket.gettime() > deadline
      assert.same({}, left)
   end

   it("leaves nothing after stop, with several at a time, and stops twice", function()
      local one, two = sandboxes.start(), sandboxes.start()
      local liar = liars.start()
      assert.not_equal(one.port, two.port)
      assert.is_true(runs(one.pid) and runs(two.pid) and runs(liar.pid))
      for _, server in ipairs { one, two, liar } do
         server:stop()
         server:stop()
      end
      gone({ one.pid, two.pid, liar.pid }, { one.dir, two.dir, liar.dir })
   end)

   it("refuses TLS that is wrong in one respect, before any request", function()
      local kinds = { "wrong_host", "expired", "self_signed", "unknown_ca", "tls11" }
      local sandbox <close> = sandboxes.start { tls = kinds }
      for _, kind in ipairs(kinds) do
         assert.is_false(os.execute(("curl -s --tlsv1.2 --cacert '%s' -d '{}' %s >/dev/null"):format(sandbox.ca_file,
            sandbox:base({ run = "refused" }, kind))) == true)
         assert.is_true(os.execute(("curl -sk --tlsv1.0 --ciphers ALL:@SECLEVEL=0 -d '{}' %s >/dev/null"):format(
            sandbox:base({ run = "forced" }, kind))) == true)
      end
      assert.equal(0, sandbox:count("refused"))
      assert.equal(#kinds, sandbox:count("forced"))
   end)

   -- Starts both in a process of its own and gives the pids and folders; that process then waits.
   local function start_apart(before, more)
      local file = os.tmpname()
      os.execute(([[%s %s -e '
         local s = require("spec.sandbox.sandbox").start()
         local l = require("spec.sandbox.liar").start()
         %s
         local f = io.open("%s.new", "w")
         f:write(table.concat({ require("spec.sandbox.keeper").starter(), s.pid, l.pid, s.dir, l.dir }, "\n"))
         f:close()
         os.rename("%s.new", "%s")
         require("socket").sleep(120)' >/dev/null 2>&1 &]]):format(before or "", os.getenv("LUA") or "lua5.4", more or "", file,
         file, file))
      local text = ""
      local deadline = socket.gettime() + 60
      while text == "" and socket.gettime() < deadline do
         socket.sleep(0.02)
         text = keeper.read(file)
      end
      os.remove(file)
      local starter, nginx, liar, one, two = text:match("^(%d+)\n(%d+)\n(%d+)\n(.+)\n(.+)$")
      assert.truthy(starter, "it did not start")
      assert.is_true(runs(nginx) and runs(liar))
      return starter, { starter, nginx, liar }, { one, two }
   end

   for _, signal in ipairs { "KILL", "TERM" } do
      it("leaves nothing when its starter gets SIG" .. signal, function()
         local starter, pids, folders = start_apart()
         os.execute("kill -" .. signal .. " " .. starter)
         gone(pids, folders)
      end)
   end

   it("leaves nothing when something else holds the pipe", function()
      local holder = os.tmpname()
      local starter, pids, folders = start_apart("", ('os.execute("sleep 100 & echo $! >%s")'):format(holder))
      os.execute("kill -KILL " .. starter)
      gone(pids, folders)
      local held = keeper.number(holder)
      os.remove(holder)
      assert.is_true(os.execute("kill " .. held))
   end)

   it("leaves no process when the whole group is killed", function()
      local starter, pids, folders = start_apart("setsid")
      os.execute("kill -KILL -" .. starter)
      gone(pids, {})
      local sandbox <close> = sandboxes.start()
      assert.is_true(runs(sandbox.pid))
      gone({}, folders)
   end)

   it("lives through Ctrl-C, which is for the starter", function()
      local starter, pids, folders = start_apart("setsid")
      os.execute("kill -INT -" .. starter)
      socket.sleep(0.1)
      assert.is_true(runs(pids[2]) and runs(pids[3]))
      os.execute("kill -KILL " .. starter)
      gone(pids, folders)
   end)

   it("is a program", function()
      local text = keeper.output("sleep 0.3 | " .. (os.getenv("LUA") or "lua5.4") .. " spec/sandbox/sandbox.lua")
      assert.truthy(text:find("^https=https://127.0.0.1:%d+\nhttp=http://127.0.0.1:%d+\n"
         .. "base_url=https://[^\n]+/partner\ntoken_url=https://[^\n]+\nca_file=/[^\n]+\ntoken=%S+\n"))
      gone({}, { (text:match("ca_file=([^\n]+)/ca.pem")) })
   end)
end)
