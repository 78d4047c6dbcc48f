-- Exit codes, the launcher, and what is left on standard error by whatever ends the program.

local commands = require("spec.support.commands")
local keeper = require("spec.sandbox.keeper")

local cli = commands.around(setup, teardown)

local function status(knobs, more, command)
   local result = cli:run(command or "list", cli:here(knobs), { more = more })
   return result.status, result
end

describe("the exit code", function()
   it("is 0 for all that was asked for", function()
      assert.equal(0, (status {}))
      assert.equal(0, (status({}, {}, "count")))
      assert.equal(0, cli:run("flags", {}).status)
      assert.equal(0, cli:run("--version", {}).status)
      assert.equal(0, cli:run("--help", {}).status)
   end)

   it("is 1 for a failure, which never looks like an empty tenant", function()
      for _, knobs in ipairs { { fail = "404:1" }, { fail = "501:1" }, { shape = "html" }, { shape = "top_null" },
         { redirect = 302 } } do
         local code, result = status(knobs, { "--format", "csv" })
         assert.same({ 1, "" }, { code, result.out })
         assert.matches("^avepoint%-users: [%a_]+: [^\n]+\n$", result.err)
      end
      assert.equal(1, (status({ latency = 3000 }, { "--deadline", "0.3" })))
   end)

   it("is 2 for wrong usage, with what to type", function()
      for _, more in ipairs { { "--nonsense" }, { "--status", "x" }, { "--all-of" }, { "--csv-raw" }, { "--concurrency", "64" },
         { "--customer", "a/b" }, { "--base-url", "ftp://x" }, { "--ca-file", "/none" }, { "--user", "a@b" },
         { "--receipt", "/none/x" }, { "--receipt", "/" },
         { "--resume-file", "/tmp" }, { "--user", "" }, { "--proxy", "http://a b" } } do
         local result = cli:run("list", { table.unpack(cli:here {}, 1, 6) }, { more = table.move({ "--token-command", "true" },
            1, 2, #more + 1, more) })
         assert.same({ 2, "" }, { result.status, result.out }, more[1])
         assert.matches("^avepoint%-users: [^\n]+\ntry: avepoint%-users list %-%-help\n$", result.err)
      end
      local result = cli:run("nonsense", {})
      assert.equal("avepoint-users: unknown command 'nonsense'\ntry: avepoint-users --help\n", result.err)
      assert.equal(2, cli:run("list", { "--token-command", "true" }).status)
   end)

   it("is 4 for sign-in and permission, and 5 for a rate limit that stayed", function()
      assert.equal(4, (status { fail = "401:1" }))
      assert.equal(4, (status { fail = "403:1" }))
      assert.equal(5, (status { fail = "429:1", retry_after = 500 }))
   end)

   it("is 1, and no trace of Lua, where the command itself is at fault", function()
      local function preload(name, body)
         return { LUA_INIT = ("package.preload['%s'] = function() %s end"):format(name, body) }
      end
      local result = cli:run("count", {}, { env = preload("avepoint.elements.cli.count",
         "return { run = function() error('broken') end }") })
      assert.equal(1, result.status)
      assert.matches("^avepoint%-users: internal error: [^\n]*broken\n$", result.err)
      result = cli:run("count", {}, { env = preload("argparse", "error('not here')") })
      assert.equal(1, result.status)
      assert.matches("^avepoint%-users: [^\n]*not here\n$", result.err)
      result = cli:run("count", {}, { env = preload("argparse", "error(\"module 'argparse' not found:\")") })
      assert.equal("avepoint-users: needs argparse (Debian, Fedora: lua-argparse; Alpine, Homebrew and others: "
         .. "luarocks --lua-version 5.4 install argparse)\n", result.err)
   end)
end)

describe("the launcher", function()
   it("finds Lua 5.4 by its variable or in PATH, and says so where there is none #build", function()
      local bin = cli:path("bin")
      assert(os.execute(("mkdir %s && for c in sh readlink; do ln -s \"$(command -v $c)\" %s; done"):format(keeper.quote(bin),
         keeper.quote(bin))))
      commands.write(bin .. "/lua", "#!/bin/sh\necho Lua 5.1\n")
      os.execute("chmod +x " .. keeper.quote(bin .. "/lua"))
      local result = cli:run("--version", {}, { env = { PATH = bin, LUA = "" } })
      assert.equal(1, result.status)
      assert.matches("Lua 5.4 is not in PATH", result.err)
      os.execute("ln -sf \"$(command -v lua5.4)\" " .. keeper.quote(bin .. "/lua"))
      result = cli:run("--version", {}, { env = { PATH = bin, LUA = "" } })
      assert.same({ 0, "" }, { result.status, result.err })
   end)

   it("runs without standard input and standard error too", function()
      local result = cli:run("list", cli:here { size = 3 }, { more = { "--format", "jsonl" }, redirect = "<&- 2>&-" })
      assert.equal(0, result.status)
      assert.equal(3, select(2, result.out:gsub("\n", "")))
   end)
end)

describe("flags", function()
   it("are the nine with code and label", function()
      local out = cli:run("flags", {}).out
      assert.equal(9, select(2, out:gsub("\n", "")))
      assert.matches("^0  mfa_disabled       MFA disabled\n1  sign_in_blocked    Sign%-in blocked\n", out)
      assert.matches("\n8  test_user          Test user\n$", out)
   end)
end)
