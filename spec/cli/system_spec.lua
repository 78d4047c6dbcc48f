-- cli/system.lua: words for the shell, files, names and Ctrl-C, on the system that the specs run on.

local keeper = require("spec.sandbox.keeper")
local system = require("avepoint.elements.cli.system")

local LUA = keeper.quote(os.getenv("LUA") or "lua5.4")

local folder

setup(function()
   folder = keeper.folder(keeper.output("pwd"), "system")
end)

teardown(function()
   os.execute("rm -rf " .. keeper.quote(folder))
end)

describe("system.quote", function()
   it("gives words that the shell reads back", function()
      for _, word in ipairs { "plain", "a b", "it's", "", "$HOME", "`id`", "a\nb", "--x=y", "*", "'", "\\", "ž" } do
         assert.equal(word .. ".", keeper.output("printf %s. " .. system.quote(word)))
      end
      assert.equal("https://a-b.c/d:1", system.quote("https://a-b.c/d:1"))
   end)
end)

describe("system.write", function()
   it("replaces a file all at once, and leaves the old one where it can't", function()
      local path = folder .. "/file"
      assert.is_true(system.write(path, "one"))
      assert.is_true(system.write(path, "two"))
      assert.equal("two", system.read(path))
      assert.is_nil(system.read(path .. ".new"))
      assert.is_nil(system.write("/none/file", "x"))
      assert(os.execute("mkdir " .. keeper.quote(folder .. "/taken")))
      local ok, message = system.write(folder .. "/taken", "x")
      assert.is_nil(ok)
      assert.matches("taken", message)
      assert.is_nil(system.read(folder .. "/taken.new"))
      assert(os.execute("ln -s /dev/full " .. keeper.quote(path .. ".new")))
      ok, message = system.write(path, ("x"):rep(100000))
      assert.is_nil(ok)
      assert.matches("No space left", message)
      assert.equal("two", system.read(path))
   end)
end)

describe("system.loose_mode", function()
   it("is the mode of a file that others may read, by whatever name and link", function()
      local path = folder .. "/it's -l"
      assert(io.open(path, "w")):close()
      local function mode(bits)
         assert(os.execute("chmod " .. bits .. " " .. keeper.quote(path)))
         return system.loose_mode(path)
      end
      assert.equal("-rw-r--r--", mode "644")
      assert.equal("-rw----r--", mode "604")
      assert.equal("-rw-r-----", mode "640")
      for _, bits in ipairs { "600", "400", "622", "711" } do
         assert.is_nil(mode(bits))
      end
      mode "644"
      assert(os.execute("ln -s " .. keeper.quote(path) .. " " .. keeper.quote(folder .. "/link")))
      assert.equal("-rw-r--r--", system.loose_mode(folder .. "/link"))
      assert.is_nil(system.loose_mode(folder))
      assert.is_nil(system.loose_mode("/none"))
   end)
end)

describe("system.addresses", function()
   it("are those of a host, or none", function()
      assert.same({ "127.0.0.1" }, system.addresses("127.0.0.1"))
      assert.same({}, system.addresses("nobody.invalid"))
      assert.same({}, system.addresses("$(echo 127.0.0.1)"))
   end)
end)

describe("system.interrupted", function()
   it("is true once lua's handler has left its hook, also in a coroutine, and not for other hooks", function()
      assert.is_false(system.interrupted())
      local ok, output = pcall(keeper.output, [[exec ]] .. LUA .. [[ -e '
         local system = require("avepoint.elements.cli.system")
         coroutine.wrap(function()
            debug.sethook(function() end, "l")
            print(system.interrupted())
            io.popen("kill -INT $PPID"):close()
            print(system.interrupted())
            os.exit(0)
         end)()']])
      assert.is_true(ok)
      assert.equal("false\ntrue", output)
   end)
end)
