local doubts = require("avepoint.elements.cli.doubts")

-- What is told of a receipt, and whether that is anything.
local function told(receipt)
   local lines = {}
   receipt.duplicates = receipt.duplicates or 0
   local any = doubts.of({ warn = function(_, message) lines[#lines + 1] = message end }, receipt)
   assert.equal(#lines > 0, any)
   return lines
end

describe("doubts.of", function()
   it("tells nothing of a walk that is sure", function()
      assert.same({}, told { drift = false, stop_reason = "end" })
      assert.same({}, told { drift = false, stop_reason = "end", missing = {} })
   end)

   it("tells of a tenant that changed, with what is known of it", function()
      assert.same({ "not sure: the tenant changed meanwhile (5 users at first, 7 at last, 2 came twice); run it again to be "
         .. "sure" }, told { drift = true, stop_reason = "end", total_first = 5, total_last = 7, duplicates = 2 })
      assert.same({ "not sure: the tenant changed meanwhile (? users at first, ? at last, 0 came twice); run it again to be "
         .. "sure" }, told { drift = true, stop_reason = "error" })
   end)

   it("tells of ids that never came, at most ten of them", function()
      local ids = {}
      for i = 1, 10 do
         ids[i] = "id" .. i
      end
      assert.same({ "not sure: 10 ids asked for never came (no users of this tenant, as far as the service tells): "
         .. table.concat(ids, ", ") }, told { drift = false, stop_reason = "end", missing = ids })
      ids[11] = "id11"
      assert.same({ "not sure: 11 ids asked for never came (no users of this tenant, as far as the service tells): "
         .. table.concat(ids, ", ", 1, 10) .. ", …" }, told { drift = false, stop_reason = "end", missing = ids })
   end)

   it("tells nothing of ids while others are still to come", function()
      assert.same({}, told { drift = false, stop_reason = "error", missing = { "a" } })
   end)
end)
