-- trail: which users the last two pages of a walk gave, so that the walk can be resumed there.
--
-- Users are strings of hashes, 8 bytes each, as the core's set of seen ids gives them. Pure.

local concat = table.concat
local huge = math.huge
local sub = string.sub

local trail = {}
trail.__index = trail

-- Hashes as a set.
local function set_of(hashes)
   local set = {}
   for i = 1, #hashes, 8 do
      set[sub(hashes, i, i + 7)] = true
   end
   return set
end

-- The hashes of `all` that are not in `known`.
local function without(all, known)
   local set, out = set_of(known), {}
   for i = 1, #all, 8 do
      local hash = sub(all, i, i + 7)
      out[#out + 1] = not set[hash] and hash or nil
   end
   return concat(out)
end

---Do two strings hold the same set?
---@param a string
---@param b string
---@return boolean
function trail.same(a, b)
   return without(a, b) == "" and without(b, a) == ""
end

---@param entries table[]? of the walk that is resumed, as trail:list gives them
---@param seen table a core.seen(): what was given then is seen
---@return table trail
function trail.new(entries, seen)
   local self = setmetatable({
      entries = entries or {},
      current = nil, -- the entry of the page delivered last
      handed = 0, -- users taken of that page; the walk counts
      given = nil, -- resumed: hashes given then that have not come again yet
      last = entries and entries[#entries], -- resumed: by then they must have
   }, trail)
   for _, entry in ipairs(self.entries) do
      seen:restore(entry.prefix)
      seen:restore(entry.repeats)
   end
   if self.last then
      self.given = {}
      for _, entry in ipairs(entries) do
         for hash in pairs(set_of(entry.prefix)) do
            self.given[hash] = true
         end
      end
   end
   return self
end

---How many of these users the walk before had given already: they are no duplicates.
---@param all string
---@return integer
function trail:known(all)
   local n = 0
   for i = 1, self.given and #all or 0, 8 do
      local hash = sub(all, i, i + 7)
      if self.given[hash] then
         self.given[hash], n = nil, n + 1
      end
   end
   return n
end

---Past the pages that a resumed walk asked again: are given users gone from them?
---@param chunk integer
---@param page number
---@param whole boolean pages of chunks only count when the chunk is through
---@return boolean
function trail:gone(chunk, page, whole)
   local last = self.last
   if not last or chunk < last.chunk or chunk == last.chunk and page < (whole and huge or last.page) then
      return false
   end
   local gone = next(self.given) ~= nil
   self.last, self.given = nil, nil
   return gone
end

local function entry_of(self, place)
   for _, entry in ipairs(self.entries) do
      if entry.chunk == place.chunk and entry.page == place.page then
         return entry
      end
   end
   place.prefix, place.kept, place.repeats = "", "", ""
   local last = self.entries[#self.entries]
   self.entries = last and { last, place } or { place }
   return place
end

---Puts a page behind the last one; a page that is there already gets longer.
---@param place table chunk, page, and what plan counted before it
---@param all string every user of the page
---@param kept string the new ones
---@param taken string those of them that are handed over
function trail:follow(place, all, kept, taken)
   local entry = entry_of(self, place)
   entry.prefix = entry.prefix .. (entry.kept or "")
   if #kept < #all then -- given on an earlier page, which a resumed walk does not know
      entry.repeats = entry.repeats .. without(all, entry.prefix .. kept .. entry.repeats)
   end
   -- one by one, in this order: Ctrl-C in between leaves the page before as given, and nothing of this one
   self.current = entry
   self.handed = 0
   entry.kept = taken
end

---The entries as they are now, oldest first.
---@return table[]
function trail:list()
   local list = {}
   for i, entry in ipairs(self.entries) do
      local kept = entry.kept or ""
      if entry == self.current then
         kept = sub(kept, 1, 8 * self.handed)
      end
      list[i] = {
         chunk = entry.chunk, page = entry.page, first = entry.first, chunk_users = entry.chunk_users,
         base = entry.base, prefix = entry.prefix .. kept, repeats = entry.repeats,
      }
   end
   return list
end

return trail
