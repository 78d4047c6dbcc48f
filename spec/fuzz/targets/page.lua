-- The body of a 200 → a page or an error; an input that begins with \2 is a recipe for one that is nearly right.
-- Criteria: a page holds every user of the document, each with an id, and only what the manual says data is; whatever
-- else comes is an error that can be printed; memory is bounded by the bytes.

local bytes = require("spec.fuzz.bytes")
local cjson = require("cjson").new()
local failure = require("avepoint.elements.failure")
local wire = require("avepoint.elements.wire")

local concat, format = table.concat, string.format

cjson.decode_invalid_numbers(true)

local ATOMS = {
   "null", "true", "false", "0", "8", "-1", "1.0", "1.5", "1e3", "-0.0", "9007199254740992", "9007199254740993", "1e300",
   "1e999", "NaN", '""', '"x"', '"\\u0000"', '"\\ud800"', '"é"', '":"', '"]"', '"\\""', "[]", "{}",
}
local NAMES = { "age", "status", "id", "data", "metadata", "a", "\\u0061", "", ":", "a b", "[" }

-- Every byte decides something; a missing one is 0.
local function cook(recipe)
   local at = 1
   local function dice(n)
      at = at + 1
      return (recipe:byte(at) or 0) % n + 1
   end
   local function list(n, item)
      local parts = {}
      for i = 1, n do
         parts[i] = item(i)
      end
      return concat(parts, dice(4) == 1 and " , " or ",")
   end
   local value
   local function member()
      return format('"%s"%s%s', NAMES[dice(#NAMES)], dice(4) == 1 and " : " or ":", value())
   end
   local depth = 0
   function value()
      local what = dice(8)
      depth = depth + 1
      local text = depth < 40 and what == 1 and "[" .. list(dice(4), value) .. "]"
         or depth < 40 and what == 2 and "{" .. list(dice(4), member) .. "}" or ATOMS[dice(#ATOMS)]
      depth = depth - 1
      return text
   end
   local function right(text)
      return dice(16) == 16 and value() or text
   end
   local n = dice(5) - 1
   local data = "[" .. list(n, function(i)
      return format('{"id":%s,"status":%s,%s}', right('"u' .. i .. '"'), dice(2) == 1 and "[0,8]" or value(),
         list(dice(3), member))
   end) .. "]"
   return format('{"data":%s,"metadata":{"pageIndex":%s,"pageSize":%s,"totalCount":%s}%s}', right(data), right("1"),
      right("100"), right(tostring(n)), dice(4) == 1 and "," .. member() or "")
end

-- Nothing but tables, strings, booleans, finite numbers, whole ones as integers; no hole where a null was.
local function plain(v, depth)
   if math.type(v) == "float" then
      assert(v - v == 0, "not finite")
      assert(v ~= math.floor(v) or math.abs(v) > 2 ^ 53, "a whole number that is a float")
   elseif type(v) == "table" then
      assert(depth <= 32, "too deep")
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
   local body = input:byte() == 2 and cook(input) or input
   local before = collectgarbage("count")
   local page, err, torn = wire.page(bytes.answer { body = body })
   assert(collectgarbage("count") - before < (64 * #body + 65536) / 1024, "much memory for few bytes")
   if not page then
      assert(failure.is(err) and err.kind == "protocol")
      bytes.printable(tostring(err))
      -- what is no JSON for the plain decoder either, or JSON that is refused
      assert(torn or pcall(cjson.decode, body), "called JSON, and is none")
      return false
   end
   assert(not err and not torn)
   assert(#page.data == #cjson.decode(body).data, "users are missing")
   assert(#page.data > 0 or next(page.data) == nil, "users of an object")
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
