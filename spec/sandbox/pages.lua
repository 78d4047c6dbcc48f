-- Which users a page answer holds and what its metadata says: size, cap, ids, drift and the paging
-- faults. Criteria: plain pages are named by a key, so that their bytes can be kept; the bytes are
-- made only when needed; a page costs the same in a tenant of a million.
-- luacheck: std ngx_lua

local faults = require("spec.sandbox.faults")
local listing = require("spec.sandbox.listing")
local shapes = require("spec.sandbox.shapes")
local tenant = require("spec.sandbox.tenant")

local pages = {}

local function holds(list, value)
   for _, entry in ipairs(list or {}) do
      if entry == value then
         return true
      end
   end
   return false
end

-- The numbers of those asked for that exist, in the service's order; nil and a reason when that is refused.
local function wanted(found, list, ids)
   local numbers = {}
   if found.ids_max and #ids > found.ids_max then
      return nil, "400 at most " .. found.ids_max .. " ids"
   end
   for _, id in ipairs(ids) do
      local n = tenant.number(id)
      if n and list.has(n) then
         numbers[#numbers + 1] = n
      elseif found.ids_unknown == "404" then
         return nil, "404 no user " .. id
      end
   end
   table.sort(numbers)
   return numbers
end

-- The honest page with what the paging knobs change of it.
local function compose(found, list, numbers, index, size)
   local total = numbers and #numbers or list.total
   local shown = found.stuck and 1 or holds(found["repeat"], index) and index - 1 or index
   local first = (shown - 1) * size + 1
   local last = math.min(first + size - 1, total)
   if holds(found.empty, index) then
      last = first - 1
   elseif holds(found.short, index) then
      last = first + math.floor((last - first + 1) / 2) - 1
   end
   local records = {}
   for position = first, last do
      records[#records + 1] = tenant.json(numbers and numbers[position] or list.at(position), found)
   end
   local change = found.size_change
   return {
      records = records,
      index = index,
      size = change and index >= change[1] and change[2] or size,
      total = found.total or total,
   }
end

--- How a page request will be answered: the key under which its bytes may be kept (nil: not) and
--- what makes them; or nil and a reason that begins with the status.
---@param found table
---@param run table
---@param number integer  of the request in its run
---@param offset integer
---@param index integer
---@param size integer  asked for
---@param ids string[]?
---@return table? plan
---@return string? reason
function pages.plan(found, run, number, offset, index, size, ids)
   if found.cap and size > found.cap then
      if found.cap_mode then
         return nil, "400 pageSize is above " .. found.cap
      end
      size = found.cap
   end
   local list = listing.now(found.size, offset, found.drift, number)
   local numbers, reason
   if ids and found.filter ~= "ignored" then
      numbers, reason = wanted(found, list, ids)
      if not numbers then
         return nil, reason
      end
   end
   local total = numbers and #numbers or list.total
   if found.past_end and found.past_end ~= "empty" and index > math.max(1, math.ceil(total / size)) then
      return nil, found.past_end .. " no page " .. index
   end
   local shape = faults.due(run, "shape", found.shape, index)
   if shape and not shapes[shape.what] then
      return nil, "400 no shape " .. shape.what
   end
   local plan = {}
   if found.content and not ids then
      plan.key = found.content .. "/" .. offset .. "/" .. index .. "/" .. size
   end
   function plan.make()
      local page = compose(found, list, numbers, index, size)
      if shape then
         return shapes[shape.what](page)
      end
      return tenant.page(page.records, page.index, page.size, page.total)
   end
   return plan
end

return pages
