-- cli/resume_file.lua: what --resume-file keeps, and what it refuses to go on with or to replace.

local fault = require("avepoint.elements.cli.fault")
local keeper = require("spec.sandbox.keeper")
local resume_file = require("avepoint.elements.cli.resume_file")

local folder, path

setup(function()
   folder = keeper.folder(keeper.output("pwd"), "resume")
   path = folder .. "/file"
end)

teardown(function()
   os.execute("rm -rf " .. keeper.quote(folder))
end)

local ARGS = { customer = "c", tenant = "t", status = { "high_risk", "inactive" }, format = "csv", fields = { "id", "mail" } }

local function with(change)
   local args = {}
   for name, value in pairs(ARGS) do
      args[name] = value
   end
   for name, value in pairs(change) do
      args[name] = value or nil
   end
   return args
end

describe("resume_file", function()
   it("gives back what it was given for the same query, whatever else differs", function()
      assert.is_nil((resume_file.read(folder .. "/none", ARGS)))
      assert.is_true(resume_file.write(path, ARGS, "0123ab", true))
      assert.same({ "0123ab", true }, { resume_file.read(path, with { max = 3, deadline = 5, receipt = "x" }) })
      assert.is_true(resume_file.write(path, ARGS, "45", false))
      assert.same({ "45", false }, { resume_file.read(path, ARGS) })
      assert.is_nil(keeper.read(path .. ".new"))
   end)

   it("is refused for every other query, naming what differs", function()
      assert(resume_file.write(path, ARGS, "45", false))
      for option, change in pairs {
         ["--customer was c and is d"] = { customer = "d" }, ["--tenant was t and is u"] = { tenant = "u" },
         ["--status was high_risk,inactive and is not given"] = { status = false }, ["--all-of was not given and is true"] =
         { all_of = true }, ["--format was csv and is jsonl"] = { format = "jsonl" },
         ["--fields was id,mail and is mail,id"] = { fields = { "mail", "id" } },
         ["--csv-raw was not given and is true"] = { csv_raw = true },
      } do
         local ok, err = pcall(resume_file.read, path, with(change))
         assert.is_false(ok)
         assert.equal(fault.USAGE, err.code)
         assert.matches(option, tostring(err), 1, true)
      end
   end)

   it("is refused cut short at any byte", function()
      assert(resume_file.write(path, ARGS, "45", false))
      local whole = keeper.read(path)
      for n = 0, #whole - 1 do
         local file = assert(io.open(path, "wb"))
         file:write(whole:sub(1, n))
         file:close()
         assert.is_false((pcall(resume_file.read, path, ARGS)), n)
      end
   end)
end)

describe("resume_file.check", function()
   it("takes a file, and a name that is none yet", function()
      assert(resume_file.write(path, ARGS, "45", false))
      resume_file.check("--receipt", path)
      resume_file.check("--receipt", folder .. "/- it's new")
      assert.is_nil(keeper.read(folder .. "/- it's new.new"))
   end)

   it("refuses what it would replace though it is no regular file", function()
      local word = keeper.quote(folder)
      assert(os.execute(("mkfifo %s/fifo; ln -s file %s/link; ln -s none %s/dangling"):format(word, word, word)))
      for _, name in ipairs { "", "/fifo", "/link", "/dangling" } do
         local ok, err = pcall(resume_file.check, "--receipt", folder .. name)
         assert.same({ false, fault.USAGE }, { ok, err.code })
         assert.matches("is no regular file", tostring(err), 1, true)
      end
   end)
end)
