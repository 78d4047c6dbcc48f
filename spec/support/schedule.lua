-- schedule: random schedules of a changing, capped, repeating, mis-totalled, failing tenant, for plan.
--
-- A schedule asks pages ahead as the engine does, so that an answer may be older than the one before it, breaks off
-- and resumes, and lets the tenant change. What came is compared with who was there. Two things offset pages can't
-- show, so they don't happen here: a removal and an addition between the same two answers, which leave the total as
-- it was, and a total too low by just what is hidden (whole pages at the end, users replaced by repeats).

local core = require("avepoint.elements.core")
local plan = require("avepoint.elements.plan")
local resume = require("avepoint.elements.resume")

local schedule = {}

local TENANT = { customer_id = "c", tenant_id = "t" }

-- A tenant of its own for each seed; `rate` is how likely a change is before an answer.
local function new_tenant(dice)
   local t = { users = {}, stayed = {}, was = {}, serial = 0, version = 0, shown = 0 }
   for _ = 1, dice(0, 30) do
      t.serial = t.serial + 1
      t.users[#t.users + 1] = t.serial
      t.stayed[t.serial], t.was[t.serial] = true, true
   end
   t.size = dice(1, 6)
   t.cap = dice(1, 3) == 1 and dice(1, 6) or 100
   t.rate = dice(1, 2) == 1 and 0 or dice(1, 30)
   t.lie = dice(1, 12) == 1 and dice(-3, 3) or 0
   local total = #t.users + t.lie
   if t.lie < 0 and (t.rate > 0 or total <= 0 or total % math.min(t.size, t.cap) == 0) then
      t.lie = 0
   end
   t.repeats = t.lie == 0 and dice(1, 12) == 1 and dice(1, 5) or nil
   t.past_end = ({ "empty", "refused" })[dice(1, 2)]
   t.failing = dice(1, 4) == 1 and dice(1, 20) or 0
   return t
end

local function change(t, dice)
   if t.version > t.shown or dice(1, 100) > t.rate then
      return
   end
   t.version = t.version + 1
   if dice(1, 2) == 1 and #t.users > 0 then
      t.stayed[table.remove(t.users, dice(1, #t.users))] = nil
   else
      t.serial = t.serial + 1
      table.insert(t.users, dice(1, #t.users + 1), t.serial)
      t.was[t.serial] = true
   end
end

-- The answer for a page as the tenant is now: a page, or an error.
local function answer(t, index, dice)
   change(t, dice)
   if dice(1, 100) <= t.failing then
      return nil, { kind = "server", status = 503, message = "down" }, t.version
   end
   local size = math.min(t.size, t.cap)
   local total = math.max(0, #t.users + t.lie)
   local data, from = {}, (index - 1) * size
   for i = from + 1, math.min(from + size, #t.users) do
      data[#data + 1] = { id = "u" .. t.users[i] }
   end
   if t.repeats and index == t.repeats and index > 1 and #data > 1 then
      data[1] = { id = "u" .. t.users[from] } -- the last of the page before
   end
   if #data == 0 and index > 1 and t.past_end == "refused" then
      return nil, { kind = "not_found", status = 404, message = "no such page" }, t.version
   end
   return { data = data, metadata = { pageIndex = index, pageSize = size, totalCount = total } }, nil, t.version
end

-- One walk until its end, an error, or a break: what it gave goes into `given`.
local function walk(t, dice, given, text)
   local query = { page_size = t.size, on_drift = "report" }
   if text then
      query.resume = assert(resume.decode(text, TENANT, t.size, nil))
   end
   local p = plan.new(query, core.seen())
   local ahead, window = {}, dice(1, 5)
   local steps = dice(1, 3) == 1 and dice(1, 8) or 1000
   local twice
   for _ = 1, steps do
      local chunk, index, again = p:cursor()
      if not chunk then
         break
      end
      if again then
         ahead = {}
      end
      local at = index
      for _ = 1, again and 1 or window do
         if at and not ahead[at] then
            ahead[at] = { answer(t, at, dice) }
         end
         _, at = p:after(1, at or 0)
      end
      local page, err, version = table.unpack(ahead[index], 1, 3)
      ahead[index] = nil
      if page then
         t.shown = math.max(t.shown, version)
      end
      if err then
         if not p:refused(err) then
            return p, err, twice
         end
      else
         page, err = p:deliver(page)
         if err then
            return p, err, twice
         end
         if page then
            for _, user in ipairs(page.data) do
               twice = twice or given[user.id] and user.id or nil
               given[user.id] = true
            end
            p.trail.handed = #page.data
         end
      end
   end
   return p, nil, twice
end

-- Who is wrong in `given`: a stranger, or one who stayed and did not come.
local function wrong_set(t, given)
   for id in pairs(given) do
      if not t.was[tonumber(id:sub(2))] then
         return "a stranger: " .. id
      end
   end
   for serial in pairs(t.stayed) do
      if not given["u" .. serial] then
         return "lost: u" .. serial
      end
   end
end

---Runs the schedule of a seed.
---@param seed integer
---@return {wrong: string?, complete: boolean, resumed: boolean?}
function schedule.run(seed)
   local state = seed * 2654435761 % 4294967296
   local function dice(from, to) -- a small generator of our own: the same schedule on every machine
      state = (state * 1103515245 + 12345) % 2147483648
      return from + (state >> 8) % (to - from + 1)
   end
   local t = new_tenant(dice)
   local given, text, first = {}, nil, true
   for _ = 1, 60 do
      local p, err, twice = walk(t, dice, given, text)
      if twice and first then
         return { wrong = "twice: " .. twice }
      end
      if p.done == "end" then
         local sure = not p.drift
         return { wrong = sure and wrong_set(t, given) or nil, complete = sure, resumed = not first }
      elseif not (err or p.done == nil) then
         return { wrong = "ended with " .. p.done }
      elseif err and err.kind == "protocol" then
         return { complete = false } -- refused for a reason; resuming would meet it again
      elseif err and err.kind == "not_found" then
         return { complete = false }
      end
      text = resume.encode(p:position(), TENANT, t.size, nil)
      first = false
      t.failing = t.failing // 2
   end
   return { wrong = "never ended" }
end

return schedule
