-- lua/avepoint/elements/trail.lua: what a walk must remember to be resumed.

local core = require("avepoint.elements.core")
local trail = require("avepoint.elements.trail")

local function hashes(ids)
   return (ids:gsub(".", core.hash))
end

local function place(page)
   return { chunk = 1, page = page, first = 1, chunk_users = (page - 1) * 2, base = 0 }
end

local function pages_of(list)
   local pages = {}
   for i, entry in ipairs(list) do
      pages[i] = entry.page
   end
   return pages
end

describe("trail", function()
   it("keeps the last two pages", function()
      local t = trail.new(nil, core.seen())
      for page = 1, 4 do
         t:follow(place(page), hashes("ab"), hashes("ab"), hashes("ab"))
         t.handed = 2
      end
      assert.same({ 3, 4 }, pages_of(t:list()))
   end)

   it("lists of the last page only what was handed over", function()
      local t = trail.new(nil, core.seen())
      t:follow(place(1), hashes("ab"), hashes("ab"), hashes("ab"))
      assert.equal("", t:list()[1].prefix)
      t.handed = 1
      assert.equal(hashes("a"), t:list()[1].prefix)
      t:follow(place(2), hashes("cd"), hashes("cd"), hashes("cd"))
      assert.equal(hashes("ab"), t:list()[1].prefix)
   end)

   it("lengthens a page that comes again", function()
      local t = trail.new(nil, core.seen())
      t:follow(place(1), hashes("ab"), hashes("ab"), hashes("ab"))
      t.handed = 2
      t:follow(place(1), hashes("bc"), hashes("c"), hashes("c"))
      t.handed = 1
      assert.same({ 1 }, pages_of(t:list()))
      assert.equal(hashes("abc"), t:list()[1].prefix)
      assert.equal("", t:list()[1].repeats)
   end)

   it("remembers users that were left out as given on an earlier page", function()
      local t = trail.new(nil, core.seen())
      t:follow(place(3), hashes("xc"), hashes("c"), hashes("c"))
      assert.equal(hashes("x"), t:list()[1].repeats)
   end)

   it("does not grow by being resumed again and again", function()
      local t = trail.new(nil, core.seen())
      t:follow(place(3), hashes("xcd"), hashes("cd"), hashes("cd"))
      t.handed = 2
      for _ = 1, 5 do
         local again = trail.new(t:list(), core.seen())
         again:follow(place(3), hashes("xcd"), "", "")
         t = again
      end
      assert.equal(hashes("cd"), t:list()[1].prefix)
      assert.equal(hashes("x"), t:list()[1].repeats)
   end)

   describe("of a resumed walk", function()
      local function resumed()
         local t = trail.new(nil, core.seen())
         t:follow(place(1), hashes("ab"), hashes("ab"), hashes("ab"))
         t:follow(place(2), hashes("ac"), hashes("c"), hashes("c"))
         t.handed = 1
         local seen = core.seen()
         return trail.new(t:list(), seen), seen
      end

      it("has seen what was given and what was left out", function()
         local _, seen = resumed()
         assert.equal(3, seen:count())
         assert.is_true(seen:has("a") and seen:has("b") and seen:has("c"))
      end)

      it("counts each given user once", function()
         local t = resumed()
         assert.equal(1, t:known(hashes("axy")))
         assert.equal(0, t:known(hashes("a")))
      end)

      it("says nothing is gone before its last page is past", function()
         local t = resumed()
         assert.is_false(t:gone(1, 1, false))
      end)

      it("says that users are gone, once", function()
         local t = resumed()
         t:known(hashes("ab"))
         assert.is_true(t:gone(1, 2, false))
         assert.is_false(t:gone(1, 3, false))
      end)

      it("says that none is gone where all came again", function()
         local t = resumed()
         t:known(hashes("abc"))
         assert.is_false(t:gone(1, 2, false))
      end)

      it("waits for the end of a chunk", function()
         local t = resumed()
         assert.is_false(t:gone(1, 2, true))
         assert.is_true(t:gone(1, math.huge, true))
      end)
   end)

   it("knows the same set in any order", function()
      assert.is_true(trail.same(hashes("abc"), hashes("cab")))
      assert.is_false(trail.same(hashes("abc"), hashes("abd")))
      assert.is_false(trail.same(hashes("ab"), hashes("abc")))
      assert.is_false(trail.same(hashes("abc"), ""))
   end)
end)
