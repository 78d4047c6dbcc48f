-- A resume string, as it is and with its check value made good. Criteria: refused in words or taken, and what is taken
-- is what its own walk would write; a walk may begin there.

local core = require("avepoint.elements.core")
local plan = require("avepoint.elements.plan")
local resume = require("avepoint.elements.resume")
local bytes = require("spec.fuzz.bytes")

local TENANT = { customer_id = "c", tenant_id = "t" }
local HEAD = resume.encode({ drift = false, chunk = 1, page = 1, first = 1, chunk_users = 0, base = 0, trail = {} }, TENANT, 100)
local KEYS = HEAD:sub(3, 34) -- of tenant and ids, which no input would guess

local function hex(s)
   return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function try(text)
   local position, why = resume.decode(text, TENANT, 100)
   if not position then
      bytes.printable(why)
      return false
   end
   local written = resume.encode(position, TENANT, 100)
   assert(#written == #text and resume.encode(resume.decode(written, TENANT, 100), TENANT, 100) == written, "no round trip")
   local begun = plan.new({ page_size = 100, on_drift = "report", resume = position }, core.seen())
   begun:cursor()
   assert(type(begun:position()) == "table")
   return true
end

return function(input)
   assert(not try(input) or #input > 80)
   local body = input:sub(1, 1) .. KEYS:gsub("..", function(x) return string.char(tonumber(x, 16)) end) .. input:sub(2)
   return try(hex(body .. core.hash(body)))
end
