-- lua/avepoint/elements/queue.lua: a walk's requests in their order, and how many may be out.

local queue = require("avepoint.elements.queue")

local ENDPOINT = { url = "https://h/users/batch", cleartext = false }

-- A plan of so many pages with the cursor on one of them.
local function plan(pages, cursor)
   return {
      at = cursor or 1,
      cursor = function(self)
         return 1, self.at, self.again or false
      end,
      after = function(_, chunk, page)
         if page < pages then
            return chunk, page + 1
         end
      end,
      most = function() return math.huge end,
   }
end

local function new(p, query)
   query = query or {}
   query.page_size, query.max_pages = 100, query.max_pages or 1000
   return queue.new(p, ENDPOINT, query)
end

-- Sends what the queue has now; returns the pages.
local function send(q, now)
   local pages = {}
   while true do
      local job, due = q:next_job(now or 0)
      if not job then
         return pages, due
      end
      job.id = #pages + 1
      pages[#pages + 1] = job.page
   end
end

describe("queue", function()
   it("makes the request of a page", function()
      local job = new(plan(1), { concurrency = 4 }):next_job(0)
      assert.equal("https://h/users/batch?pageIndex=1&pageSize=100", job.url)
      assert.equal("{}", job.body)
      assert.equal(4 * 1024 * 1024, job.limit)
      assert.is_false(job.cleartext)
   end)

   it("asks for the ids of the chunk", function()
      local job = new(plan(1), { concurrency = 4, chunks = { { "a", "b" } } }):next_job(0)
      assert.equal('{"userIds":["a","b"]}', job.body)
   end)

   it("has its share out, in order, and no more", function()
      assert.same({ 1, 2, 3 }, (send(new(plan(10), { concurrency = 3 }))))
   end)

   it("asks for nothing behind a page that failed: the walk ends there", function()
      local q = new(plan(10), { concurrency = 4 })
      for _ = 1, 2 do
         q:next_job(0).id = 1
      end
      q:next_job(0).err = "boom"
      assert.is_nil(q:next_job(0))
      assert.equal(3, q.count)
   end)

   it("tells when a page before one that failed is due", function()
      local q = new(plan(10), { concurrency = 4 })
      q:next_job(0).due = 0.3
      q:next_job(0).err = "boom"
      local job, due = q:next_job(0)
      assert.is_nil(job)
      assert.equal(0.3, due)
      assert.equal(1, q:next_job(0.3).page)
   end)

   it("sends the lowest page that is due first, so that a repeat precedes fresh pages", function()
      local q = new(plan(10), { concurrency = 3 })
      send(q)
      q:job(1, 2).id = nil
      assert.equal(2, q:next_job(0).page)
   end)

   it("waits for a repeat's date, and says it", function()
      local q = new(plan(2), { concurrency = 3 })
      send(q)
      local job = q:job(1, 2)
      job.id, job.due = nil, 5
      local none, due = q:next_job(4)
      assert.is_nil(none)
      assert.equal(5, due)
      assert.equal(job, q:next_job(5))
   end)

   it("promise 2: counts answers that wait to be handed over, and lets the page that is due go all the same", function()
      local p = plan(10, 3)
      local q = new(p, { concurrency = 3 })
      assert.same({ 3, 4, 5 }, (send(q)))
      for page = 3, 5 do
         q:job(1, page).id, q:job(1, page).answer = nil, {}
      end
      assert.is_nil((q:next_job(0)))
      p.at = 1 -- pages that nobody had reckoned with
      assert.same({ 1 }, (send(q)))
      q:done(1, 1, false)
      p.at = 2
      assert.same({ 2 }, (send(q)))
      assert.equal(4, q.count)
   end)

   it("makes no more requests than max_pages, repeats aside", function()
      local q = new(plan(10), { concurrency = 8, max_pages = 2 })
      assert.same({ 1, 2 }, (send(q)))
      assert.is_nil(q:job(1, 3, false))
      assert.equal(2, q:job(1, 2, false).page)
   end)

   it("asks a page again alone, in a place of its own", function()
      local p = plan(10, 3)
      local q = new(p, { concurrency = 3 })
      p.again, p.at = true, 2
      assert.same({ 2 }, (send(q)))
      q:job(1, 2, true).id, q:job(1, 2, true).due = nil, 7
      local none, due = q:next_job(6)
      assert.is_nil(none)
      assert.equal(7, due)
   end)

   it("withdraws everything", function()
      local q = new(plan(10), { concurrency = 3 })
      send(q)
      local dropped = {}
      q:clear { drop = function(_, job) dropped[#dropped + 1] = job.page end }
      table.sort(dropped)
      assert.same({ 1, 2, 3 }, dropped)
      assert.equal(0, q.count)
      assert.is_nil(next(q.jobs))
   end)

   it("is held by none of its jobs", function()
      local q = new(plan(10), { concurrency = 3 })
      local job = q:next_job(0)
      q = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.is_nil(job.queue[1])
   end)
end)
