-- What the host program does while an allocation fails. One step is: prepare (nothing fails), what it returned (the
-- n-th allocation fails), judge (nothing fails any more): the result is right, or Lua's memory error, or an error of
-- the module; the client that met it works, closes, and closes again.
--    steps.lua SCENARIO BASE_URL TOKEN CA_FILE CUSTOMER TENANT TOKEN_URL CLIENT_ID CLIENT_SECRET

local scenario, base_url, token, ca_file, customer_id, tenant_id, token_url, client_id, client_secret = ...

local elements = require("avepoint.elements")
local ids = require("spec.sandbox.tenant").id

local NO_MEMORY = "not enough memory"
local NO_STACK = "^.-stack overflow %(no room for JSON%)$" -- Lua's words where a stack finds no memory to grow
local USERS, PAGE_SIZE = 11, 2 -- six pages

-- Lua 5.4's string buffers are spoilt for good where the metatable of their first large one finds no memory half made
-- ("got a non-closable value"): no matter of ours, so there is one before we begin.
local _ = (" "):rep(1 << 16):upper()

local client, tenant

-- One attempt a page: what a repeat would mend is to be seen here.
local function options(more)
   local o = {
      token = token, base_url = base_url, ca_file = ca_file, proxy = "", concurrency = 4, max_attempts = 1, timeout = 10,
   }
   for name, value in pairs(more or {}) do
      o[name] = value
   end
   return o
end

local function open(more)
   client = assert(elements.client(options(more)))
   tenant = client:tenant(customer_id, tenant_id)
end

local function expect(condition, format, ...)
   if not condition then
      error(format:format(...), 0)
   end
end

local function check_page(page)
   expect(#page.data == PAGE_SIZE and page.data[1].id == ids(1) and page.metadata.totalCount == USERS, "a wrong page")
end

local function walk_all(query)
   local list = {}
   query.page_size = PAGE_SIZE
   local walk = tenant:users(query)
   for user in walk do
      list[#list + 1] = user.id
   end
   return list, walk:receipt()
end

local function check_list(list, from)
   for i = 1, math.max(#list, USERS - from + 1) do
      expect(list[i] == ids(from + i - 1), "user %d is %s", i, list[i])
   end
end

-- Loads the module anew, and leaves the one that is loaded in its place.
local function require_anew()
   local loaded = {}
   for name, module in pairs(package.loaded) do
      loaded[name] = name:find("^avepoint%.") and module or nil
   end
   for name in pairs(loaded) do
      package.loaded[name] = nil
   end
   return function()
      local _ <close> = setmetatable({}, {
         __close = function()
            for name, module in pairs(loaded) do
               package.loaded[name] = module
            end
         end,
      })
      return require("avepoint.elements")
   end
end

local scenarios = {
   require = {
      prepare = require_anew,
      raises = NO_MEMORY .. "$", -- in require's own words
      good = function(module)
         expect(module.client and module ~= elements, "a wrong module")
         open()
      end,
   },
   open = {
      prepare = function()
         local o = options()
         return function()
            return elements.client(o)
         end
      end,
      good = function(opened)
         client = opened
         tenant = client:tenant(customer_id, tenant_id)
      end,
   },
   page = {
      act = function()
         return tenant:page { page_size = PAGE_SIZE }
      end,
      good = check_page,
   },
   walk = {
      act = function()
         return walk_all {}
      end,
      good = function(list, receipt)
         check_list(list, 1)
         expect(receipt.complete and receipt.pages == 6 and receipt.users == USERS, "a wrong receipt")
      end,
   },
   resume = {
      prepare = function()
         open()
         local walk = tenant:users { page_size = PAGE_SIZE }
         for _ = 1, 5 do
            walk()
         end
         walk:close()
         local resume = walk:receipt().resume
         return function()
            return walk_all { resume = resume }
         end
      end,
      good = function(list)
         check_list(list, 6)
      end,
   },
   ids = {
      act = function()
         return walk_all { user_ids = { ids(3), ids(4), ids(5), "nobody" } }
      end,
      good = function(list, receipt)
         expect(#list == 3 and list[1] == ids(3) and #receipt.missing == 1 and receipt.missing[1] == "nobody", "wrong ids")
      end,
   },
   -- a function whose first token is refused, so that it is asked twice
   token = {
      prepare = function()
         local asked = 0
         open {
            token = function()
               asked = asked + 1
               return asked == 1 and "stale" or token
            end,
         }
         return function()
            return tenant:page { page_size = PAGE_SIZE }
         end
      end,
      good = check_page,
   },
   signin = {
      prepare = function()
         local o = options { token_url = token_url, client_id = client_id, client_secret = client_secret }
         o.token = nil
         client = assert(elements.client(o))
         tenant = client:tenant(customer_id, tenant_id)
         return function()
            return tenant:page { page_size = PAGE_SIZE }
         end
      end,
      good = check_page,
   },
   error = {
      prepare = function()
         open { base_url = base_url:gsub("/partner", "/fail=503:1/partner") }
         return function()
            local page, err = tenant:page { page_size = PAGE_SIZE }
            tostring(err)
            return page, err
         end
      end,
      error = "server",
      again = function()
         local _, err = tenant:page { page_size = PAGE_SIZE }
         expect(err and err.kind == "server", "a wrong error: %s", tostring(err))
      end,
   },
   close = {
      prepare = function()
         open()
         local walk = tenant:users { page_size = PAGE_SIZE }
         walk()
         return function()
            client:close()
         end
      end,
      good = function() end,
      again = function() end,
   },
}

local steps = {}
local current = assert(scenarios[scenario], "no such scenario")

function steps.prepare()
   if current.prepare then
      return current.prepare()
   end
   open()
   return current.act
end

---@param ok boolean it raised nothing
---@param met boolean an allocation failed
---@param ... any what it gave or raised
function steps.judge(ok, met, ...)
   local first, second = ...
   if not ok then
      expect(met, "raised though all was well: %s", tostring(first))
      local text = tostring(first)
      expect(elements.is_error(first) or first == NO_MEMORY or text:find(NO_STACK) or text:find(current.raises or "^$"),
         "raised %s", text)
   elseif first == nil and second ~= nil then
      expect(met or second.kind == current.error, "failed though all was well: %s", tostring(second))
      expect(elements.is_error(second) and type(second.kind) == "string" and tostring(second) ~= "", "gave %s",
         tostring(second))
   else
      current.good(...)
   end
   if client then
      if current.again then
         current.again()
      else
         check_page(assert(tenant:page { page_size = PAGE_SIZE }))
      end
      client:close()
      client:close()
      expect(not pcall(client.fd, client), "not closed")
   end
   client, tenant = nil, nil
end

function steps.forget()
   client, tenant = nil, nil
end

return steps
