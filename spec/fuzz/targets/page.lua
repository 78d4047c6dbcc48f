-- The body of a 200 → a page or an error. Criteria: a page holds every user of the document, each with an id, and only
-- what the manual says data is; whatever else comes is an error that can be printed; memory is bounded by the bytes.

local bytes = require("spec.fuzz.bytes")
local cjson = require("cjson").new()
local failure = require("avepoint.elements.failure")
local wire = require("avepoint.elements.wire")

cjson.decode_invalid_numbers(true)

-- Nothing but tables, strings, booleans, finite numbers, whole ones as integers; no hole where a null was.
local function plain(v, depth)
   assert(depth <= 32, "too deep")
   if math.type(v) == "float" then
      assert(v - v == 0, "not finite")
      assert(v ~= math.floor(v) or math.abs(v) > 2 ^ 53, "a whole number that is a float")
   elseif type(v) == "table" then
      local n, keys = #v, 0
      for key, value in next, v do
         assert(type(key) == (n > 0 and "number" or "string"), "neither array nor object")
         keys = keys + 1
         plain(value, depth + 1)
      end
      assert(n == 0 or keys == n, "a hole")
   else
      assert(type(v) == "string" or type(v) == "boolean" or math.type(v) == "integer", type(v))
   end
end

return function(input)
   local before = collectgarbage("count")
   local page, err, torn = wire.page(bytes.answer { body = input })
   assert(collectgarbage("count") - before < (64 * #input + 65536) / 1024, "much memory for few bytes")
   if not page then
      assert(failure.is(err) and err.kind == "protocol")
      bytes.printable(tostring(err))
      -- what is no JSON for the plain decoder either, or JSON that is refused
      assert(torn or pcall(cjson.decode, input), "called JSON, and is none")
      return false
   end
   assert(not err and not torn)
   assert(#page.data == #cjson.decode(input).data, "users are missing")
   plain(page.data, 2)
   plain(page.metadata, 2)
   for _, user in ipairs(page.data) do
      assert(type(user.id) == "string" and user.id ~= "")
      assert(user.status == nil or type(user.status) == "table")
      for _, code in ipairs(user.status or {}) do
         assert(math.type(code) == "integer")
      end
   end
   for _, name in ipairs { "pageIndex", "pageSize", "totalCount" } do
      assert(math.type(page.metadata[name]) == "integer" and page.metadata[name] >= 0)
   end
   return true
end
