-- cli/session.lua: lists of ids, and options that must not hold a password.

local fault = require("avepoint.elements.cli.fault")
local keeper = require("spec.sandbox.keeper")
local session = require("avepoint.elements.cli.session")

local folder

setup(function()
   folder = keeper.folder(keeper.output("pwd"), "session")
end)

teardown(function()
   os.execute("rm -rf " .. keeper.quote(folder))
end)

local function ids(text)
   local path = folder .. "/ids"
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
   return session.user_ids { users_from = path }
end

local function usage(f, ...)
   local ok, err = pcall(f, ...)
   assert.is_false(ok)
   assert.equal(fault.USAGE, err.code)
   return tostring(err)
end

describe("session.user_ids", function()
   it("reads a line each, without blanks, comments, byte order mark and CR", function()
      assert.same({ "a", "b", "c" }, ids("\u{FEFF}a\r\n\n# b\n  b\t\n#c\nc"))
      assert.same({}, ids("\n\n"))
      assert.same({ "x" }, session.user_ids { user = { "x" } })
      assert.is_nil(session.user_ids {})
   end)

   it("names the file and the line that can't be", function()
      assert.matches("line 2 of .*/ids is a sign%-in name", usage(ids, "a\nb@c\n"))
      assert.matches("%-%-users%-from: /none: No such file", usage(session.user_ids, { users_from = "/none" }))
      assert.matches("%-%-users%-from: /: Is a directory", usage(session.user_ids, { users_from = "/" }))
   end)
end)

describe("session.options", function()
   it("refuses a password in --proxy, and does not repeat it", function()
      for _, proxy in ipairs { "http://me:hush@proxy:1", "me:hush@proxy", "socks5://me:hush@p", "http://me:hu/sh@p" } do
         local message = usage(session.options, { proxy = proxy, token_command = "true" }, {})
         assert.matches("set https_proxy instead", message)
         assert.is_nil(message:find("hu", 1, true))
      end
      for _, proxy in ipairs { "http://proxy:1", "proxy:1", "" } do
         assert.equal(proxy, session.options({ proxy = proxy, token_command = "true" }, {}).proxy)
      end
   end)
end)
