-- The walk that `make bench` measures: what a script of a user's would do, with nothing in the loop's body.
--    lua5.4 spec/bench/walk.lua BASE_URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY [users|pages|receipt|LOOP] [RESUME]
-- LOOP is cqueues or luv: the walk is a coroutine's there.
-- PAGES is what the tenant has: the count of users must fit. Prints name=value lines: users, elapsed and CPU seconds
-- of the walk, peak memory of the process, memory of Lua at its end and at its peak, what the receipt has.
-- Criteria: measures the walk, not itself; the client's requests at once are the module's own where CONCURRENCY is 0.

local core = require("avepoint.elements.core")
local elements = require("avepoint.elements")
local truth = require("spec.sandbox.tenant")

local base_url, ca_file, token, pages, page_size, concurrency, how, resume = table.unpack(arg)
pages, page_size, concurrency = tonumber(pages), tonumber(page_size), tonumber(concurrency)
how = how or "users"

-- Kilobytes, by a name in the kernel's record of this process.
local function memory(name)
   for line in io.lines("/proc/self/status") do
      local kilobytes = line:match("^" .. name .. ":%s*(%d+) kB")
      if kilobytes then
         return tonumber(kilobytes)
      end
   end
end

-- Runs the walk where it is to be run.
local function plainly(f) f() end
local within = {
   cqueues = function(f)
      local loop = require("cqueues").new()
      loop:wrap(f)
      assert(loop:loop())
   end,
   luv = function(f)
      coroutine.wrap(f)()
      require("luv").run()
   end,
}

local client <close> = assert(elements.client {
   base_url = base_url, ca_file = ca_file, token = token, concurrency = concurrency > 0 and concurrency or nil,
   wait = within[how] and require("avepoint.elements.wait." .. how),
})
local tenant = client:tenant(truth.PAIRS[1].customer, truth.PAIRS[1].tenant)
local query = { page_size = page_size, resume = resume }

local n, peak = 0, 0
local began, cpu = core.now(), os.clock()
local walk
local ok, err = true, nil
if how == "pages" then
   walk = tenant:pages(query)
   for page in walk do
      n = n + #page.data
   end
elseif how == "users" or within[how] then
   walk = tenant:users(query);
   (within[how] or plainly)(function()
      for _ in walk do
         n = n + 1
      end
   end)
else
   walk = tenant:users(query)
   ok, err = pcall(function()
      for _ in walk do
         n = n + 1
         if n % 1000 == 0 then
            peak = math.max(peak, collectgarbage("count"))
         end
      end
   end)
end
cpu, began = os.clock() - cpu, core.now() - began

local receipt = walk:receipt()
print(("users=%d\nelapsed=%.6f\ncpu=%.6f\nrss=%d\nlua=%d\npeak=%d\nrequests=%d\nretries=%d\ncomplete=%s"):format(n, began, cpu,
   memory("VmHWM"), collectgarbage("count") // 1 | 0, peak // 1 | 0, receipt.requests, receipt.retries, receipt.complete))
if how ~= "receipt" then
   assert(n == pages * page_size, "not every user came")
elseif not ok then
   print("kind=" .. tostring(elements.is_error(err) and err.kind or err))
   print("page=" .. tostring(elements.is_error(err) and err.page_index))
   print("resume=" .. tostring(receipt.resume))
end
