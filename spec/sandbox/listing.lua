-- Which users the tenant lists, in which order, now that a run has come to its k-th request:
-- the drift knobs. Pure: numbers in, a function from position to user number out.
-- Criteria: nothing is allocated in proportion to the tenant, so a million users cost nothing.

local listing = {}

-- Each wraps a listing { total, at(position), has(number), next (first number never used) }.
local DRIFT = {}

function DRIFT.grow(list, count)
   local total, first, at, has = list.total, list.next, list.at, list.has
   list.total, list.next = total + count, first + count
   function list.at(position)
      return position > total and first + position - total - 1 or at(position)
   end
   function list.has(n)
      return n >= first and n < first + count or has(n)
   end
end

function DRIFT.shrink(list, count)
   local total, at, has = list.total, list.at, list.has
   list.total = math.max(0, total - count)
   local gone = {}
   for position = list.total + 1, total do
      gone[at(position)] = true
   end
   function list.has(n)
      return has(n) and not gone[n]
   end
end

function DRIFT.insert(list, count, from)
   local first, at, has = list.next, list.at, list.has
   list.total, list.next = list.total + count, first + count
   function list.at(position)
      if position < from then
         return at(position)
      elseif position < from + count then
         return first + position - from
      end
      return at(position - count)
   end
   function list.has(n)
      return n >= first and n < first + count or has(n)
   end
end

function DRIFT.delete(list, count, from)
   local at, has, gone = list.at, list.has, {}
   for position = from, math.min(from + count - 1, list.total) do
      gone[at(position)] = true
   end
   list.total = math.max(list.total - count, math.min(list.total, from - 1))
   function list.at(position)
      return position < from and at(position) or at(position + count)
   end
   function list.has(n)
      return has(n) and not gone[n]
   end
end

-- The first count users change places with the last count.
function DRIFT.swap(list, count)
   local total, at = list.total, list.at
   function list.at(position)
      if position <= count or position > total - count then
         position = total + 1 - position
      end
      return at(position)
   end
end

--- The tenant's list at the run's request number `request` (from 1).
---@param size integer
---@param offset integer  of the tenant's user numbers
---@param drifts table[]?  { kind, after, count, at }
---@param request integer
---@return table list  total, at(position), has(number)
function listing.now(size, offset, drifts, request)
   local list = { total = size, next = size + 1 }
   function list.at(position)
      return position
   end
   function list.has(n)
      return n >= 1 and n <= size
   end
   for _, drift in ipairs(drifts or {}) do
      if request > drift.after then
         DRIFT[drift.kind](list, drift.count, drift.at)
      end
   end
   local at, has = list.at, list.has
   function list.at(position)
      return at(position) + offset
   end
   function list.has(n)
      return has(n - offset)
   end
   return list
end

return listing
