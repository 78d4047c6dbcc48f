-- cli/receipts.lua: the file that --receipt writes.

local cjson = require("cjson")
local elements = require("avepoint.elements")
local fault = require("avepoint.elements.cli.fault")
local keeper = require("spec.sandbox.keeper")
local receipts = require("avepoint.elements.cli.receipts")

local folder

setup(function()
   folder = keeper.folder(keeper.output("pwd"), "receipts")
end)

teardown(function()
   os.execute("rm -rf " .. keeper.quote(folder))
end)

describe("receipts.write", function()
   local args = { customer = "c", tenant = "t" }

   local function written(receipt, outcome)
      args.receipt = folder .. "/receipt"
      local code = receipts.write(args, {}, receipt, outcome)
      return cjson.decode(keeper.read(args.receipt)), code
   end

   it("has the walk's own fields, the ids and the exit code", function()
      local all, code = written({ complete = true, users = 3, missing = {}, stop_reason = "end" }, { code = 0, shown = 2 })
      assert.equal(0, code)
      assert.same({ complete = true, users = 3, missing = {}, stop_reason = "end", shown = 2, exit_code = 0, customer = "c",
         tenant = "t", version = elements._VERSION }, all)
   end)

   it("has the error without the receipt in it, and is not complete", function()
      local client <close> = elements.client { token = "t", base_url = "http://127.0.0.1:1/x", proxy = "", max_attempts = 1 }
      local _, err = client:tenant("a", "b"):collect()
      local all = written({ complete = true, users = 0, error = err }, { code = 1, shown = 0, error = err })
      assert.same({ "network", 1, false }, { all.error.kind, all.error.page_index, all.complete })
      assert.is_nil(all.error.receipt)
      all = written({ users = 0 }, { code = 141, shown = 0, error = fault.new(141, "gone") })
      assert.same({ message = "gone" }, all.error)
   end)

   it("that can't be written is told, and no success", function()
      args.receipt = "/none/receipt"
      local told
      local con = { fail = function(_, message) told = message end }
      assert.equal(1, receipts.write(args, con, {}, { code = 0, shown = 0 }))
      assert.matches("%-%-receipt: /none/receipt", told)
      assert.equal(4, receipts.write(args, con, {}, { code = 4, shown = 0 }))
   end)
end)
