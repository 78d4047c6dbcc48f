-- Lines: user ids → the body of a request. Criteria: what is accepted comes out of a JSON decoder as it went in, each id
-- once whatever its case; what is refused is refused in words.

local cjson = require("cjson").new()
local check = require("avepoint.elements.check")
local wire = require("avepoint.elements.wire")
local bytes = require("spec.fuzz.bytes")

return function(input)
   local list, known, first = {}, {}, {}
   for id in (input .. "\n"):gmatch("(.-)\n") do
      list[#list + 1] = id
      if not known[id:lower()] then
         known[id:lower()], first[#first + 1] = true, id
      end
   end
   local ok, ids = pcall(check.user_ids, "users", list, 1)
   if not ok then
      assert(ids:find("avepoint.elements: users: option 'user_ids'", 1, true), ids)
      bytes.printable(ids)
      return false
   end
   local sent = cjson.decode(wire.body(ids)).userIds
   assert(#sent == #first and #ids == #first)
   for i, id in ipairs(first) do
      assert(sent[i] == id and ids[i] == id)
   end
   return true
end
