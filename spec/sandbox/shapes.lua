-- Answers that a 200 may carry and that are not the page asked for: the knob shape=NAME[@PAGE].
-- Each function gets the honest page { records = JSON texts, index, size, total } and gives the
-- body's bytes; the liar uses the same ones. Criteria: valid HTTP, one thing wrong (or odd: those
-- marked legal must be accepted), runs in LuaJIT and Lua 5.4.

local hostile = require("spec.sandbox.hostile")
local tenant = require("spec.sandbox.tenant")

local concat, format = table.concat, string.format

local shapes = {}

local function honest(page)
   return tenant.page(page.records, page.index, page.size, page.total)
end

local function metadata(index, size, total)
   local parts = {}
   parts[#parts + 1] = index and '"pageIndex":' .. index or nil
   parts[#parts + 1] = size and '"pageSize":' .. size or nil
   parts[#parts + 1] = total and '"totalCount":' .. total or nil
   return "{" .. concat(parts, ",") .. "}"
end

local function whole(page, data, meta)
   return '{"data":' .. data .. ',"metadata":' .. (meta or metadata(page.index, page.size, page.total)) .. "}"
end

local function list(page)
   return "[" .. concat(page.records, ",") .. "]"
end

-- The data array in place of the right one.
local DATA = {
   data_null = "null", data_string = '"none"', data_object = "{}", data_number = "0", data_true = "true",
   data_object_of_users = '{"1":{"id":"a"}}', null_record = '[null,{"id":"a"}]', string_record = '["a"]',
   array_record = "[[]]", empty_record = "[{}]", all_null = "[null]",
}
for name, data in pairs(DATA) do
   shapes[name] = function(page)
      return whole(page, data)
   end
end

-- A text of the first record and what takes its place.
local FIRST = {
   no_id = { '"id":"[^"]*",', "" }, id_number = { '"id":"[^"]*"', '"id":7' }, id_null = { '"id":"[^"]*"', '"id":null' },
   id_empty = { '"id":"[^"]*"', '"id":""' }, id_array = { '"id":"[^"]*"', '"id":["a"]' },
   id_stranger = { '"id":"[^"]*"', '"id":"00000000-0000-4000-8000-000000000000"' },
   null_in_status = { '"status":%b[]', '"status":[0,null,1]' }, status_null_only = { '"status":%b[]', '"status":[null]' },
   status_string = { '"status":%b[]', '"status":"0"' }, status_words = { '"status":%b[]', '"status":["0"]' },
   status_fraction = { '"status":%b[]', '"status":[1.5]' }, status_negative = { '"status":%b[]', '"status":[-1]' },
   status_object = { '"status":%b[]', '"status":{}' }, status_nested = { '"status":%b[]', '"status":[[0]]' },
   status_true = { '"status":%b[]', '"status":true' }, null_in_unknown = { "^{", '{"roles":["a",null],' },
   nan = { '"age":%d+', '"age":NaN' }, infinity = { '"age":%d+', '"age":Infinity' }, hex = { '"age":%d+', '"age":0x10' },
   overflow = { '"age":%d+', '"age":1e999' }, leading_zero = { '"age":%d+', '"age":007' }, plus = { '"age":%d+', '"age":+5' },
   name_number = { '"displayName":"[^,]*"', '"displayName":7' }, name_object = { '"displayName":"[^,]*"', '"displayName":{}' },
   bad_utf8 = { '"firstName":"', '"firstName":"\255\192\128' }, raw_control = { '"firstName":"', '"firstName":"\1\27[31m' },
   lone_surrogate = { '"firstName":"', '"firstName":"\\ud800' }, single_quotes = { '"id"', "'id'" },
   comment = { "^{", "{// The ID of the user\n" }, nul_byte = { '"firstName":"', '"firstName":"\0' },
   -- legal
   nul_escape = { '"firstName":"', '"firstName":"\\u0000' }, float_age = { '"age":(%d+)', '"age":%1.0' },
   big_number = { "^{", '{"serial":9007199254740993,"huge":12345678901234567890,' }, duplicate_key = { "^{", '{"age":-1,' },
   extra = { "^{", '{"licenses":[{"sku":"E5","on":true}],"manager":{"id":"m"},"none":[],"nothing":{},' },
}
for name, change in pairs(FIRST) do
   shapes[name] = function(page)
      local records = {}
      for i, record in ipairs(page.records) do
         records[i] = record
      end
      records[1] = (records[1] or tenant.json(1)):gsub(change[1], change[2], 1)
      return whole(page, "[" .. concat(records, ",") .. "]")
   end
end

-- The metadata's three texts (false: left out) by a function of the right ones.
local META = {
   index_missing = function(_, s, t) return false, s, t end,
   index_string = function(i, s, t) return format('"%d"', i), s, t end,
   index_wrong = function(i, s, t) return i + 1, s, t end,
   index_zero = function(_, s, t) return 0, s, t end,
   index_null = function(_, s, t) return "null", s, t end,
   index_fraction = function(i, s, t) return i .. ".5", s, t end,
   size_missing = function(i, _, t) return i, false, t end,
   size_string = function(i, s, t) return i, format('"%d"', s), t end,
   size_zero = function(i, _, t) return i, 0, t end,
   size_negative = function(i, _, t) return i, -1, t end,
   size_null = function(i, _, t) return i, "null", t end,
   size_small = function(i, s, t) return i, s > 1 and s - 1 or 0, t end,
   size_huge = function(i, _, t) return i, "1e300", t end,
   total_missing = function(i, s) return i, s, false end,
   total_string = function(i, s, t) return i, s, format('"%d"', t) end,
   total_fraction = function(i, s, t) return i, s, t .. ".5" end,
   total_negative = function(i, s) return i, s, -1 end,
   total_null = function(i, s) return i, s, "null" end,
   total_huge = function(i, s) return i, s, "1e12" end,
   total_overflow = function(i, s) return i, s, "1e999" end,
   total_true = function(i, s) return i, s, "true" end,
   total_zero = function(i, s) return i, s, 0 end,
   total_float = function(i, s, t) return i, s, t .. ".0" end, -- legal
}
for name, change in pairs(META) do
   shapes[name] = function(page)
      return whole(page, list(page), metadata(change(page.index, page.size, page.total)))
   end
end

local METADATA = { metadata_null = "null", metadata_array = "[]", metadata_empty = "{}", metadata_string = '"1"' }
for name, meta in pairs(METADATA) do
   shapes[name] = function(page)
      return whole(page, list(page), meta)
   end
end

function shapes.metadata_missing(page)
   return '{"data":' .. list(page) .. "}"
end

function shapes.data_missing(page)
   return '{"metadata":' .. metadata(page.index, page.size, page.total) .. "}"
end

-- The whole body by a function of the right one.
local BODY = {
   bom = function(text) return "\239\187\191" .. text end,
   trailing = function(text) return text .. "garbage" end,
   nul_after = function(text) return text .. "\0garbage" end,
   two_documents = function(text) return text .. text end,
   trailing_comma = function(text) return text:sub(1, -2) .. ",}" end,
   cut = function(text) return text:sub(1, math.floor(#text / 2)) end,
   cut_last = function(text) return text:sub(1, -2) end,
   empty_body = function() return "" end,
   blank = function() return " \r\n" end,
   top_array = function(text) return "[" .. text .. "]" end,
   top_null = function() return "null" end,
   top_string = function() return '"ok"' end,
   top_number = function() return "200" end,
   top_empty = function() return "{}" end,
   error_object = function() return '{"error":"internal","message":"try later"}' end,
   html = function() return "<!DOCTYPE html><html><body>Please sign in</body></html>" end,
   wrapped = function(text) return '{"result":' .. text .. "}" end,
   deep = function(text) return '{"extra":' .. ("["):rep(40) .. ("]"):rep(40) .. "," .. text:sub(2) end,
   deeper = function(text) return '{"extra":' .. ("["):rep(200000) .. ("]"):rep(200000) .. "," .. text:sub(2) end,
   deep_objects = function(text) return '{"extra":' .. ('{"a":'):rep(40) .. "1" .. ("}"):rep(40) .. "," .. text:sub(2) end,
   huge = function(text) return '{"padding":"' .. ("x"):rep(5 * 1024 * 1024) .. '",' .. text:sub(2) end,
   spaces = function(text) return "\r\n\t " .. text:gsub('"data":', '"data" : ', 1) .. "\r\n" end, -- legal
   large = function(text) return '{"padding":"' .. ("x"):rep(1024 * 1024) .. '",' .. text:sub(2) end, -- legal
   next_link = function(text) return '{"nextLink":"http://127.0.0.1:1/evil",' .. text:sub(2) end, -- legal
}
for name, change in pairs(BODY) do
   shapes[name] = function(page)
      return change(honest(page))
   end
end

--- One user too many for the page's own size.
function shapes.too_many(page)
   local records = {}
   for i = 1, page.size + 1 do
      records[i] = page.records[i] or tenant.json(40000000 + i)
   end
   return whole(page, "[" .. concat(records, ",") .. "]")
end

--- The page's first user stands in it twice.
function shapes.twice(page)
   local records = {}
   for i, record in ipairs(page.records) do
      records[i] = i == #page.records and page.records[1] or record
   end
   return whole(page, "[" .. concat(records, ",") .. "]")
end

--- Names that want to do something to whoever shows them; legal.
function shapes.hostile(page)
   local records = {}
   for i, record in ipairs(page.records) do
      local name = hostile.NAMES[i]
      records[i] = name and record:gsub('"displayName":"[^,]*",', function()
         return '"displayName":' .. hostile.json(name) .. ","
      end, 1) or record
   end
   return whole(page, list { records = records })
end

--- As many bytes of tiny records as fit under a limit on the body: what decoding costs.
function shapes.tiny_records(page)
   return whole(page, "[" .. ("{},"):rep(1000000) .. "{}]")
end

return shapes
