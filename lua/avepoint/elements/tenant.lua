-- tenant: two ids bound to a client, and the questions one can ask about its users.
--
-- A plural walks and raises; everything else returns nil and an error. One walk is what all of them are made of.

local check = require("avepoint.elements.check")
local failure = require("avepoint.elements.failure")
local resume = require("avepoint.elements.resume")
local walk = require("avepoint.elements.walk")
local wire = require("avepoint.elements.wire")

local format = string.format
local move = table.move
local huge, min, tointeger = math.huge, math.min, math.tointeger

---A customer's tenant, made by `client:tenant`. `users` and `pages` walk and raise; the rest returns nil and an error.
---@class avepoint.Tenant
---@field customer_id string
---@field tenant_id string
---@field private concurrency integer
---@field private engine table
---@field private endpoint table
local tenant = {}
---@private
tenant.__index = tenant
---@private
tenant.__name = "avepoint.Tenant"

---What `count` takes.
---@class avepoint.CountQuery
---@field deadline? number seconds it may take, in a walk from the first step with the loop's body; no wait passes it

---What `page` takes.
---@class avepoint.PageQuery: avepoint.CountQuery
---Only these users, by their `id`: for `page` at most `page_size`, for the rest any number. Repeats are dropped, case is
---ignored; an empty list asks for nobody and sends nothing.
---@field user_ids? string[]
---@field page_size? integer users a page, 1 to 100 (default): the vendor's default and largest
---@field page_index? integer the page, or that to start at, 1 by default; not with more `user_ids` than a page has

---What `users`, `pages` and `collect` take.
---@class avepoint.Query: avepoint.PageQuery
---@field max_users? integer end after so many users
---@field max_pages? integer end after so many pages, 100,000 by default and at most
---@field concurrency? integer this walk's share of the client's requests at once, 1 to 32
---@field on_drift? "report"|"error" what a change of the tenant during the walk is; "report" by default
---From a receipt or an error of a walk over the same tenant, `page_size` and `user_ids`; not with `page_index`.
---@field resume? string

-- A bound on walks that the service's totals would make endless.
local MAX_PAGES = 100000

local RULES = {
   user_ids = function() end, -- checked with its members
   page_size = check.integer(1, wire.MAX_PAGE_SIZE),
   page_index = check.integer(1, 2 ^ 31 - 1),
   max_users = check.integer(1, huge),
   max_pages = check.integer(1, MAX_PAGES),
   concurrency = check.integer(1, 32),
   deadline = check.seconds(),
   on_drift = check.one_of { "report", "error" },
   resume = check.type("string"),
}

-- Ids in the chunks that are sent.
local function chunked(ids, size)
   local chunks = {}
   for i = 1, #ids, size do
      chunks[#chunks + 1] = move(ids, i, min(i + size - 1, #ids), 1, {})
   end
   return chunks
end

-- The query with its defaults, or a misuse raised at the caller of the public function.
local function checked(self, caller, query, only)
   local rules = RULES
   if only then
      rules = {}
      for _, name in ipairs(only) do
         rules[name] = RULES[name]
      end
   end
   query = query == nil and {} or query
   local level = 3
   check.method(tenant, self, format("tenant:%s()", caller), level)
   local q = check.fields(caller, query, rules, level)
   for _, name in ipairs { "page_size", "page_index", "max_users", "max_pages", "concurrency" } do
      q[name] = q[name] and tointeger(q[name])
   end
   q.page_size = q.page_size or wire.MAX_PAGE_SIZE
   q.max_pages = q.max_pages or MAX_PAGES
   q.on_drift = q.on_drift or "report"
   q.concurrency = min(q.concurrency or self.concurrency, self.concurrency)
   if q.user_ids then
      q.user_ids = check.user_ids(caller, q.user_ids, level)
      if q.page_index and #q.user_ids > q.page_size then
         check.misuse(level, format("%s: option 'page_index' does not go with more user_ids than page_size (%d)",
            caller, q.page_size))
      end
   end
   q.chunks = q.user_ids and chunked(q.user_ids, q.page_size)
   q.digest = q.user_ids and resume.digest(q.user_ids)
   if q.resume then
      if q.page_index then
         check.misuse(level, format("%s: option 'resume' does not go with page_index", caller))
      end
      local position, why = resume.decode(q.resume, self, q.page_size, q.digest)
      if not position then
         check.misuse(level, format("%s: option 'resume' %s", caller, why))
      end
      q.resume = position
   end
   return q
end

local function new_walk(self, by, q)
   return walk.new(by, self, self.endpoint, self.engine, q)
end

---Every user, in order, each once: `for user, page in tenant:users() do`. Raises on a query that can't be meant; a step
---raises an avepoint.Error.
---@param query? avepoint.Query
---@return avepoint.Users walk
---@return nil state of a for loop: it needs none
---@return nil control
---@return avepoint.Users closing the walk again, so that a loop closes it however it is left
function tenant:users(query)
   local w = new_walk(self, "users", checked(self, "users", query))
   return w, nil, nil, w
end

---Every page: `for page in tenant:pages() do`. Raises on a query that can't be meant; a step raises an avepoint.Error.
---@param query? avepoint.Query
---@return avepoint.Pages walk
---@return nil state of a for loop: it needs none
---@return nil control
---@return avepoint.Pages closing the walk again, so that a loop closes it however it is left
function tenant:pages(query)
   local w = new_walk(self, "pages", checked(self, "pages", query))
   return w, nil, nil, w
end

-- What a step raises, ours returned and everything else raised on.
local function caught(err)
   if failure.is(err) then
      return err
   end
   error(err, 0)
end

---One page. Raises on a query that can't be meant.
---@param query? avepoint.PageQuery
---@return avepoint.Page? page
---@return avepoint.Error? err
function tenant:page(query)
   local q = checked(self, "page", query, { "page_index", "page_size", "deadline", "user_ids" })
   if q.user_ids and #q.user_ids > q.page_size then
      check.misuse(2, format("page: option 'user_ids' has %d ids, more than page_size (%d); take pages or users",
         #q.user_ids, q.page_size))
   elseif q.user_ids and #q.user_ids == 0 then
      return { data = {}, metadata = { pageIndex = 1, pageSize = q.page_size, totalCount = 0 } }
   end
   q.single = true
   local w <close> = new_walk(self, "pages", q)
   local ok, page = pcall(w)
   if not ok then
      return nil, caught(page)
   end
   return page
end

---All users in one list. Its memory grows with the tenant; that of `users` does not. Raises on a query that can't be meant.
---@param query? avepoint.Query
---@return avepoint.User[]? list
---@return avepoint.Receipt|avepoint.Error receipt_or_err the error where there is no list
---@return avepoint.User[]? so_far with an error: the users that came before it
function tenant:collect(query)
   local w <close> = new_walk(self, "users", checked(self, "collect", query))
   local list, n = {}, 0
   while true do
      local ok, user = pcall(w)
      if not ok then
         return nil, caught(user), list
      elseif not user then
         return list, w:receipt()
      end
      n = n + 1
      list[n] = user
   end
end

---How many users the tenant has, by the service's count: one request for one user. Raises on a query that can't be meant.
---@param query? avepoint.CountQuery
---@return integer? count
---@return avepoint.Error? err
function tenant:count(query)
   local q = checked(self, "count", query, { "deadline" })
   local page, err = self:page { page_size = 1, deadline = q.deadline }
   if not page then
      return nil, err
   end
   return page.metadata.totalCount
end

---@private
function tenant:__tostring()
   return format("avepoint.Tenant (%s/%s)", self.customer_id, self.tenant_id)
end

return tenant
