-- What can be typed. The help texts are held against spec/fixtures/help; after a wanted change:
-- AVEPOINT_GOLDEN=write make test ARGS=spec/cli/options_spec.lua

local fault = require("avepoint.elements.cli.fault")
local keeper = require("spec.sandbox.keeper")
local options = require("avepoint.elements.cli.options")

local COMMANDS = { "list", "show", "count", "doctor", "flags" }

local function parse(...)
   return options.parse { ... }
end

local function wrong(...)
   local ok, err = pcall(options.parse, { ... })
   assert.is_false(ok)
   assert.equal(fault.USAGE, err.code)
   return tostring(err)
end

describe("--help", function()
   local function golden(name, ...)
      local _, text = parse(...)
      local path = "spec/fixtures/help/" .. name .. ".txt"
      if os.getenv("AVEPOINT_GOLDEN") == "write" then
         local file = assert(io.open(path, "w"))
         file:write(text)
         file:close()
      end
      assert.equal(keeper.read(path), text)
      for line in text:gmatch("[^\n]+") do
         assert.is_true(#line <= 80, line)
      end
      return text
   end

   it("of the program and of each command is as it was", function()
      golden("program", "--help")
      for _, name in ipairs(COMMANDS) do
         golden(name, name, "--help")
      end
   end)

   it("has examples everywhere, the exit codes that can be given, and the variables where they count", function()
      local NEVER = { flags = { 3, 4, 5, 130 }, doctor = { 3 } }
      for _, name in ipairs { "", table.unpack(COMMANDS) } do
         local _, text = parse(table.unpack(name == "" and { "-h" } or { name, "-h" }))
         assert.matches("\nExamples:\n   avepoint%-users ", text)
         local expected, listed = {}, {}
         for _, pair in ipairs(fault.CODES) do
            local never = (" " .. table.concat(NEVER[name] or {}, " ") .. " "):find(" " .. pair[1] .. " ", 1, true)
            expected[#expected + 1] = not never and pair[1] or nil
         end
         for code in text:match("\nExit codes:.*"):gmatch("\n   (%d+) ") do
            listed[#listed + 1] = tonumber(code)
         end
         assert.same(expected, listed)
         if name ~= "flags" then
            assert.matches("AVEPOINT_CLIENT_SECRET_FILE", text)
         end
      end
   end)

   it("says that nothing was sent where that is so", function()
      for _, name in ipairs(COMMANDS) do
         local _, text = parse(name, "--help")
         assert.equal(name ~= "doctor", text:find("; nothing was sent", 1, true) ~= nil, name)
      end
   end)

   it("gives examples that can be typed", function()
      for _, name in ipairs { "", table.unpack(COMMANDS) } do
         local _, text = parse(table.unpack(name == "" and { "-h" } or { name, "-h" }))
         for line in text:match("\nExamples:\n(.-)\n\n"):gmatch("[^\n]+") do
            local words = {}
            for word in line:match("avepoint%-users ([^>]*)"):gmatch("%S+") do
               words[#words + 1] = word
            end
            assert.is_table((options.parse(words)))
         end
      end
   end)
end)

describe("options.parse", function()
   it("gives lists flat, without repeats", function()
      local args = parse("list", "--user", "a", "b", "--user", "a", "--status", "high_risk,inactive", "--status", "high_risk",
         "--fields", "mail, id")
      assert.same({ "a", "b" }, args.user)
      assert.same({ "high_risk", "inactive" }, args.status)
      assert.same({ "mail", "id" }, args.fields)
      assert.same({ "list", "table" }, { args.command, args.format })
      args = parse("list", "--users-from", "-", "--max", "10", "--deadline", "1.5")
      assert.same({ "-", 10, 1.5 }, { args.users_from, args.max, args.deadline })
      assert.same({ nil, nil, nil }, { args.user, args.status, args.fields })
   end)

   it("says what is wrong and what there is", function()
      assert.equal("--status: there is no 'mfa'; there are mfa_disabled, sign_in_blocked, password_expired, high_risk, "
         .. "medium_risk, compliance, inactive, pending_deletion, test_user", wrong("list", "--status", "mfa"))
      assert.matches("^%-%-fields: there is no 'displayname'; there are id, userPrincipalName, .*status$",
         wrong("list", "--fields", "displayname"))
      assert.equal("--max must be a whole number from 1, not '0'", wrong("list", "--max", "0"))
      assert.equal("--deadline must be a number of seconds above 0, not '5m'", wrong("list", "--deadline", "5m"))
      assert.equal("--deadline must be a number of seconds above 0, not 'nan'", wrong("list", "--deadline", "nan"))
      assert.matches("must be one of 'table', 'csv', 'json', 'jsonl'", wrong("list", "--format", "xml"))
      assert.matches("must be one of 'commercial'", wrong("count", "--environment", "eu"))
      assert.matches("; did you mean '%-%-status'", wrong("list", "--statu", "x"))
      assert.matches("^unknown command 'lst'; did you mean 'list'", wrong("lst"))
      assert.equal("a command is required", wrong())
      assert.matches("can not be used together", wrong("list", "--user", "a", "--users-from", "b"))
      assert.matches("missing option '%-%-user'", wrong("show"))
      assert.equal("an argument is too many; ids stand behind --user", wrong("show", "--user", "a", "--", "x"))
      assert.equal("an argument is too many; ids stand behind --user, flags behind --status", wrong("list", "x"))
      for _, command in ipairs { "count", "doctor", "flags" } do
         assert.equal("an argument is too many", wrong(command, "x"))
      end
      assert.matches("a name is missing", wrong("list", "--fields", ","))
   end)

   it("tells where a secret belongs, and does not repeat it", function()
      for _, words in ipairs { { "--client-secret", "hush" }, { "--client-secret=hush" }, { "--token", "hush" },
         { "--certificate-password=hush" } } do
         local message = wrong("list", table.unpack(words))
         assert.matches("secrets are never typed as arguments", message)
         assert.is_nil(message:find("hush", 1, true))
      end
   end)

   it("takes help for --help", function()
      assert.same({ parse("--help") }, { parse("help") })
      assert.same({ parse("list", "--help") }, { parse("help", "list") })
   end)

   it("knows the version", function()
      local _, text = parse("--version")
      assert.equal("avepoint-users " .. require("avepoint.elements")._VERSION:match("%S+$") .. "\n", text)
   end)
end)
