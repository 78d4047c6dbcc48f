-- lua/avepoint/elements/plan.lua: which page is next, what ends a walk and what makes it unsure; by hand and by random
-- schedules of a changing tenant.

local core = require("avepoint.elements.core")
local plan = require("avepoint.elements.plan")
local resume = require("avepoint.elements.resume")
local schedule = require("spec.support.schedule")

local TENANT = { customer_id = "c", tenant_id = "t" }

local function query(fields)
   local q = { page_size = 2, on_drift = "report" }
   for name, value in pairs(fields or {}) do
      q[name] = value
   end
   return q
end

local function new(fields)
   return plan.new(query(fields), core.seen())
end

-- A page as wire gives it: its number, the total, and the ids on it.
local function page(index, total, ids, size)
   local data = {}
   for i = 1, #ids do
      data[i] = { id = ids:sub(i, i) }
   end
   return { data = data, metadata = { pageIndex = index, pageSize = size or 2, totalCount = total } }
end

local function ids(given)
   if not given then
      return nil
   end
   local all = {}
   for i, user in ipairs(given.data) do
      all[i] = user.id
   end
   return table.concat(all)
end

-- What the plan hands over, page by page, "-" where nothing; errors end the list.
local function feed(p, ...)
   local out = {}
   for _, one in ipairs { ... } do
      local given, err = p:deliver(one)
      if given then
         p.trail.handed = #given.data
      end
      out[#out + 1] = err and err.kind .. ": " .. err.message or ids(given) or "-"
   end
   return out
end

local function message(text)
   return "protocol: " .. text .. "; pages that don't fit together give no whole list"
end

describe("plan", function()
   it("walks the pages that the total needs and ends", function()
      local p = new()
      assert.same({ 1, 1, false }, { p:cursor() })
      assert.same({ "ab", "cd", "e" }, feed(p, page(1, 5, "ab"), page(2, 5, "cd"), page(3, 5, "e")))
      assert.is_nil((p:cursor()))
      assert.equal("end", p.done)
      assert.equal(nil, p.drift)
   end)

   it("knows of no second page before the first answer", function()
      local p = new()
      assert.is_nil((p:after(1, 1)))
      feed(p, page(1, 5, "ab"))
      assert.same({ 1, 3 }, { p:after(1, 2) })
      assert.is_nil((p:after(1, 3)))
   end)

   it("ends an empty tenant after its one page", function()
      local p = new()
      assert.same({ "" }, feed(p, page(1, 0, "")))
      assert.equal("end", p.done)
      assert.equal(nil, p.drift)
   end)

   describe("fault 39: sizes", function()
      it("believes the size in the answer, not the one asked for", function()
         local p = new { page_size = 100 }
         assert.same({ "ab", "c" }, feed(p, page(1, 3, "ab"), page(2, 3, "c")))
         assert.equal("end", p.done)
      end)

      it("refuses a size that changes before the last page", function()
         assert.same({ "ab", message("the size of pages changed from 2 to 3") },
            feed(new(), page(1, 7, "ab"), page(2, 7, "cde", 3)))
      end)

      it("ignores a size that changes on the last page", function()
         assert.same({ "ab", "c" }, feed(new(), page(1, 3, "ab"), page(2, 3, "c", 1)))
      end)

      it("refuses more users than the page holds (fault 36)", function()
         assert.same({ message("a page of 2 users has 3") }, feed(new(), page(1, 9, "abc")))
      end)
   end)

   describe("fault 40: pages that repeat", function()
      it("refuses another page than the one asked for", function()
         assert.same({ "ab", message("page 2 was asked for and page 3 came") },
            feed(new(), page(1, 9, "ab"), page(3, 9, "ef")))
      end)

      it("refuses a page that has the users of the page before it, in any order", function()
         assert.same({ "ab", message("page 2 has the users of page 1: the service ignores pageIndex") },
            feed(new(), page(1, 9, "ab"), page(2, 9, "ba")))
      end)

      it("takes every other repeat for a duplicate", function()
         local p = new()
         assert.same({ "ab", "c", "d" }, feed(p, page(1, 5, "ab"), page(2, 5, "bc"), page(3, 5, "d")))
         assert.equal(1, p.duplicates)
         assert.equal("the service counts 5 users, but 4 came", p.drift)
      end)

      it("takes a single repeated user on a page of one for a duplicate", function()
         local p = new { page_size = 1 }
         assert.same({ "a", "", "b" }, feed(p, page(1, 3, "a", 1), page(2, 3, "a", 1), page(3, 3, "b", 1)))
         assert.equal(1, p.duplicates)
      end)
   end)

   describe("fault 41: empty pages", function()
      it("asks the page before again, goes on and marks drift", function()
         local p = new()
         assert.same({ "ab", "-" }, feed(p, page(1, 6, "ab"), page(2, 6, "")))
         assert.same({ 1, 1, true }, { p:cursor() })
         assert.same({ "-", "ef" }, feed(p, page(1, 6, "ab"), page(3, 6, "ef")))
         assert.equal("end", p.done)
         assert.equal("page 2 is empty", p.drift)
      end)

      it("does not take an empty first page for the end", function()
         local p = new()
         assert.same({ "", "cd" }, feed(p, page(1, 4, ""), page(2, 4, "cd")))
         assert.equal("page 1 is empty", p.drift)
      end)

      it("does not take a short page for the end", function()
         local p = new()
         assert.same({ "a", "cd" }, feed(p, page(1, 4, "a"), page(2, 4, "cd")))
         assert.equal("the service counts 4 users, but 3 came", p.drift)
      end)

      it("does not ask twice where two pages in a row are empty", function()
         local p = new()
         assert.same({ "ab", "-", "-", "", "gh" },
            feed(p, page(1, 8, "ab"), page(2, 8, ""), page(1, 8, "ab"), page(3, 8, ""), page(4, 8, "gh")))
      end)
   end)

   describe("fault 42: totals that change", function()
      it("fetches pages that were added", function()
         local p = new()
         assert.same({ "ab", "cd", "e" }, feed(p, page(1, 4, "ab"), page(2, 5, "cd"), page(3, 5, "e")))
         assert.same({ 4, 5 }, { p.total_first, p.total_last })
         assert.equal("the number of users changed from 4 to 5", p.drift)
      end)

      it("stops at a nearer end", function()
         local p = new()
         assert.same({ "ab", "cd" }, feed(p, page(1, 6, "ab"), page(2, 4, "cd")))
         assert.equal("end", p.done)
         assert.equal("the number of users changed from 6 to 4", p.drift)
      end)

      it("raises drift at once where it is asked to", function()
         local p = new { on_drift = "error" }
         assert.same({ "ab", "drift: the number of users changed from 6 to 4; walk again while nobody changes users, "
            .. "or take on_drift = \"report\"" }, feed(p, page(1, 6, "ab"), page(2, 4, "cd")))
      end)

      it("takes a 404 past a new end for the end, once the page before says so", function()
         local p = new()
         feed(p, page(1, 3, "ab"))
         assert.is_true(p:refused { status = 404, kind = "not_found" })
         assert.same({ 1, 1, true }, { p:cursor() })
         assert.same({ "-" }, feed(p, page(1, 2, "ab")))
         assert.equal("end", p.done)
         assert.equal("the number of users changed from 3 to 2", p.drift)
      end)

      it("gives users that moved to the page before", function()
         local p = new()
         feed(p, page(1, 3, "ab"))
         p:refused { status = 400, kind = "bad_request" }
         assert.same({ "c" }, feed(p, page(1, 2, "ac")))
         assert.equal("end", p.done)
      end)

      it("raises the 404 where the page before still promises the page", function()
         local p = new()
         feed(p, page(1, 3, "ab"))
         local err = { status = 404, kind = "not_found", message = "x" }
         assert.is_true(p:refused(err))
         assert.same({ "not_found: x" }, feed(p, page(1, 3, "ab")))
      end)

      it("has no use for a 404 of the first page, of a page asked again, nor for other errors", function()
         local p = new()
         assert.is_false(p:refused { status = 404, kind = "not_found" })
         feed(p, page(1, 3, "ab"))
         assert.is_false(p:refused { status = 500 })
         assert.is_false(p:refused {})
         p:refused { status = 404, kind = "not_found" }
         assert.is_false(p:refused { status = 404, kind = "not_found" })
      end)
   end)

   describe("fault 44: totals that lie", function()
      it("gives the users of a total of 0 and marks drift", function()
         local p = new()
         assert.same({ "ab" }, feed(p, page(1, 0, "ab")))
         assert.equal("end", p.done)
         assert.equal("the service counts 0 users, but 2 came", p.drift)
      end)
   end)

   describe("max_users", function()
      it("cuts the page that reaches it", function()
         local p = new { max_users = 3 }
         assert.same({ "ab", "c" }, feed(p, page(1, 6, "ab"), page(2, 6, "cd")))
         assert.equal("max_users", p.done)
      end)

      it("ends there where the page is whole but more would follow", function()
         local p = new { max_users = 2 }
         assert.same({ "ab" }, feed(p, page(1, 6, "ab")))
         assert.equal("max_users", p.done)
      end)

      it("is no reason to end where the tenant ends there too", function()
         local p = new { max_users = 2 }
         assert.same({ "ab" }, feed(p, page(1, 2, "ab")))
         assert.equal("end", p.done)
      end)

      it("bounds the pages asked ahead", function()
         local p = new { max_users = 5 }
         feed(p, page(1, 60, "ab"))
         assert.equal(2, p:most())
      end)
   end)

   describe("user ids", function()
      it("go chunk by chunk, and those that never came are missing", function()
         local p = new { chunks = { { "A", "b" }, { "c", "d" } } }
         assert.same({ 2, 1 }, { p:after(1, 1) })
         assert.same({ "a", "cd" }, feed(p, page(1, 1, "a"), page(1, 2, "cd")))
         assert.equal("end", p.done)
         assert.same({ "b" }, p:lost())
         assert.same({ 1, 3 }, { p.total_first, p.total_last })
         assert.equal(nil, p.drift)
      end)

      it("may need several pages a chunk where the service caps pages", function()
         local p = new { chunks = { { "a", "b" }, { "c" } } }
         assert.same({ "a", "b", "c" },
            feed(p, page(1, 2, "a", 1), page(2, 2, "b", 1), page(1, 1, "c", 1)))
         assert.same({}, p:lost())
         assert.equal("end", p.done)
      end)

      it("refuse a user who was not asked for", function()
         assert.same({ message("a user came who was not asked for (z): the service ignores userIds") },
            feed(new { chunks = { { "a", "b" } } }, page(1, 1, "z")))
      end)

      it("walk nothing where the list is empty", function()
         local p = new { chunks = {} }
         assert.is_nil((p:cursor()))
         assert.equal("end", p.done)
         assert.same({}, p:lost())
      end)

      it("keep a 404 of a chunk an error", function()
         local p = new { chunks = { { "a" }, { "b" } } }
         feed(p, page(1, 1, "a"))
         assert.is_false(p:refused { status = 404, kind = "not_found" })
      end)
   end)

   describe("resume", function()
      local function resumed(p, fields)
         local text = resume.encode(p:position(), TENANT, 2, nil)
         local q = query(fields)
         q.resume = assert(resume.decode(text, TENANT, 2, nil))
         return plan.new(q, core.seen())
      end

      it("begins at the start where nothing was given", function()
         local p = resumed(new())
         assert.same({ 1, 1, false }, { p:cursor() })
      end)

      it("asks the last two pages again and gives what is new", function()
         local p = new()
         feed(p, page(1, 8, "ab"), page(2, 8, "cd"), page(3, 8, "ef"))
         local q = resumed(p)
         assert.same({ 1, 2, false }, { q:cursor() })
         assert.same({ "-", "-", "gh" }, feed(q, page(2, 8, "cd"), page(3, 8, "ef"), page(4, 8, "gh")))
         assert.equal("end", q.done)
         assert.equal(nil, q.drift)
         assert.equal(0, q.duplicates)
      end)

      it("gives the rest of a page that was given in part", function()
         local p = new()
         feed(p, page(1, 4, "ab"), page(2, 4, "cd"))
         p.trail.handed = 1
         local q = resumed(p)
         assert.same({ "-", "d" }, feed(q, page(1, 4, "ab"), page(2, 4, "cd")))
         assert.equal(nil, q.drift)
      end)

      it("marks drift where given users are gone", function()
         local p = new()
         feed(p, page(1, 6, "ab"), page(2, 6, "cd"))
         local q = resumed(p)
         assert.same({ "-", "e", "f" }, feed(q, page(1, 6, "ab"), page(2, 6, "ce"), page(3, 6, "f")))
         assert.equal("users given before the walk was resumed are gone from their pages", q.drift)
      end)

      it("remembers drift", function()
         local p = new()
         feed(p, page(1, 6, "ab"), page(2, 7, "cd"))
         assert.equal("the walk that this one resumes had drift", resumed(p).drift)
      end)

      it("resumes a resumed walk that gave nothing", function()
         local p = new()
         feed(p, page(1, 6, "ab"), page(2, 6, "cd"))
         local q = resumed(resumed(p))
         assert.same({ "-", "-", "ef" }, feed(q, page(1, 6, "ab"), page(2, 6, "cd"), page(3, 6, "ef")))
         assert.equal("end", q.done)
         assert.equal(nil, q.drift)
      end)

      it("asks chunks again whole, so that it knows which ids are missing", function()
         local chunks = { { "a", "b" }, { "c", "d" }, { "e", "f" } }
         local p = new { chunks = chunks }
         feed(p, page(1, 2, "ab"), page(1, 2, "cd"))
         local q = resumed(p, { chunks = chunks })
         assert.same({ "-", "-", "e" }, feed(q, page(1, 2, "ab"), page(1, 2, "cd"), page(1, 1, "e")))
         assert.same({ "f" }, q:lost())
         assert.equal(nil, q.drift)
      end)
   end)

   it("is complete only where the set of ids is exactly right, over thousands of random schedules", function()
      local tried, complete = 0, 0
      for seed = 1, 4000 do
         local result = schedule.run(seed)
         assert.equal(nil, result.wrong, "seed " .. seed)
         tried = tried + 1
         complete = complete + (result.complete and 1 or 0)
      end
      -- a checker that meets too few walks of either kind checks nothing
      assert.is_true(complete > tried // 10 and complete < tried * 9 // 10, complete .. " of " .. tried)
   end)
end)
