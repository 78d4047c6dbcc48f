-- resume: where a walk can go on, as a string that a script can keep in a file.
--
-- It holds no id and no secret: hashes of the users given on the last two pages, a hash of the tenant, and
-- numbers. A check value at its end tells a cut or mistyped string from a whole one.

local core = require("avepoint.elements.core")

local byte, char, find, format = string.byte, string.char, string.find, string.format
local gsub, pack, sub, unpack = string.gsub, string.pack, string.sub, string.unpack
local concat = table.concat

local resume = {}

local VERSION = 1

-- The longest string promised. Larger pages than the service documents would not fit: such walks have none.
local MAX_BYTES = 8000

local HEAD = "<I1 c8 c8 I2 I1 I1"
local START = "<I4 I4 I4 I8 I8 i8"
local ENTRY = "<I4 I4 I4 I8 I8 s2 s2"

local function key(tenant)
   return core.hash(tenant.customer_id .. "\0" .. tenant.tenant_id)
end

local EVERYBODY = core.hash("\0")

---What tells one list of user ids from another.
---@param ids string[]
---@return string
function resume.digest(ids)
   return core.hash(concat(ids, "\n"))
end

---@param position table as plan:position gives it
---@param tenant {customer_id: string, tenant_id: string}
---@param page_size integer
---@param digest string? of the ids asked for, nil for every user
---@return string?
function resume.encode(position, tenant, page_size, digest)
   local parts = {
      pack(HEAD, VERSION, key(tenant), digest or EVERYBODY, page_size, position.drift and 1 or 0, #position.trail),
      pack(START, position.chunk, position.page, position.first, position.chunk_users, position.base,
         position.total or -1),
   }
   for _, e in ipairs(position.trail) do
      if #e.prefix + #e.repeats > MAX_BYTES then
         return nil
      end
      parts[#parts + 1] = pack(ENTRY, e.chunk, e.page, e.first, e.chunk_users, e.base, e.prefix, e.repeats)
   end
   local bytes = concat(parts)
   local text = gsub(bytes .. core.hash(bytes), ".", function(c) return format("%02x", byte(c)) end)
   return #text <= MAX_BYTES and text or nil
end

local function read(bytes)
   local version, tenant, ids, page_size, drift, entries, at = unpack(HEAD, bytes)
   if version ~= VERSION then
      error("version")
   end
   local position = { drift = drift == 1, trail = {} }
   local total
   position.chunk, position.page, position.first, position.chunk_users, position.base, total, at =
      unpack(START, bytes, at)
   position.total = total >= 0 and total or nil
   for i = 1, entries do
      local e = {}
      e.chunk, e.page, e.first, e.chunk_users, e.base, e.prefix, e.repeats, at = unpack(ENTRY, bytes, at)
      if #e.prefix % 8 + #e.repeats % 8 > 0 then
         error("hashes")
      end
      position.trail[i] = e
   end
   if at ~= #bytes + 1 then
      error("length")
   end
   return position, tenant, ids, page_size
end

---@param text string
---@param tenant {customer_id: string, tenant_id: string}
---@param page_size integer
---@param digest string? of the ids asked for, nil for every user
---@return table? position for plan.new
---@return string? why it can't be used here
function resume.decode(text, tenant, page_size, digest)
   if #text > MAX_BYTES or #text % 2 == 1 or find(text, "[^0-9a-f]") then
      return nil, "is no resume string"
   end
   local bytes = gsub(text, "..", function(x) return char(tonumber(x, 16)) end)
   local body = sub(bytes, 1, -9)
   if #bytes < 9 or core.hash(body) ~= sub(bytes, -8) then
      return nil, "is cut or mistyped"
   end
   local ok, position, of_tenant, of_ids, size = pcall(read, body)
   if not ok and position == "not enough memory" then
      error(position, 0)
   elseif not ok then
      return nil, "was written by another version"
   elseif of_tenant ~= key(tenant) then
      return nil, "belongs to another tenant"
   elseif of_ids ~= (digest or EVERYBODY) then
      return nil, "belongs to another list of user_ids"
   elseif size ~= page_size then
      return nil, format("belongs to a walk with page_size %d", size)
   end
   return position
end

return resume
