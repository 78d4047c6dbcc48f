-- src/seen.c: the set of ids of a walk, and its hash, on which resume strings
-- rely.

local core = require("avepoint.elements.core")

-- as a number; the core gives it as eight bytes, the lowest first
local function hash(id)
   return (("<i8"):unpack(core.hash(id)))
end

local function guid(n)
   return ("%08x-1db1-4f8b-8b0c-%012x"):format(n * 2654435761 % 4294967296, n)
end

describe("core.hash", function()
   it("is the same on every machine and in every version", function()
      assert.equal(0xc8e5e0b5e1577c29, hash(""))
      assert.equal(0xe2ee304557c4f298, hash("a"))
      assert.equal(0xd08eeff5ff975abf, hash("1234567"))
      assert.equal(0x6225ed864c3170c9, hash("12345678"))
      assert.equal(0x5695d839deb6c507, hash("123456789"))
      assert.equal(0x5d736c6f4ed010f8, hash("c2aa00d3-ef87-40aa-a80a-9e9c79232bff"))
      assert.equal(0xebb243060da5ad94, hash("a\0b\xff"))
   end)

   it("tells apart what differs little", function()
      local known = {}
      local function add(id)
         local value = hash(id)
         assert.is_nil(known[value])
         known[value] = id
      end
      for length = 0, 64 do
         add(("\0"):rep(length))
         add(("a"):rep(length) .. "b")
      end
      local id = guid(1)
      for position = 1, #id do
         for byte = 0, 255 do
            if byte ~= id:byte(position) then
               add(id:sub(1, position - 1) .. string.char(byte) .. id:sub(position + 1))
            end
         end
      end
      for n = 1, 20000 do
         add(guid(n))
         add(tostring(n))
      end
   end)

   it("changes about half of its bits with any bit of the id", function()
      local samples, changed = 0, {}
      for bit = 0, 63 do
         changed[bit] = 0
      end
      for n = 1, 40 do
         local id = guid(n)
         local before = hash(id)
         for position = 1, #id do
            for shift = 0, 7 do
               local byte = id:byte(position) ~ (1 << shift)
               local after = hash(id:sub(1, position - 1) .. string.char(byte) .. id:sub(position + 1))
               samples = samples + 1
               for bit = 0, 63 do
                  changed[bit] = changed[bit] + (((before ~ after) >> bit) & 1)
               end
            end
         end
      end
      for bit = 0, 63 do
         local share = changed[bit] / samples
         assert.is_true(share > 0.47 and share < 0.53, ("bit %d: %.3f"):format(bit, share))
      end
   end)
end)

describe("core.seen", function()
   it("says whether an id is new", function()
      local seen = core.seen()
      assert.is_true(seen:add("a"))
      assert.is_false(seen:add("a"))
      assert.is_true(seen:add("b"))
      assert.equal(2, seen:count())
   end)

   it("says whether an id is in it, without adding it", function()
      local seen = core.seen()
      assert.is_false(seen:has("a"))
      assert.is_true(seen:add("a"))
      assert.is_true(seen:has("a"))
      assert.equal(1, seen:count())
   end)

   it("takes any bytes, also none", function()
      local seen = core.seen()
      for _, id in ipairs { "", "\0", "\0\0", "a\0b", "a\0c", "\xff" } do
         assert.is_true(seen:add(id))
      end
      assert.is_true(seen:has(""))
      assert.equal(6, seen:count())
   end)

   it("takes a hash of any value, also none", function()
      local seen = core.seen()
      seen:restore(("\0"):rep(8))
      assert.equal(1, seen:count())
      seen:restore(("\0"):rep(8) .. ("\255"):rep(8))
      assert.equal(2, seen:count())
   end)

   it("keeps every id while it grows", function()
      local seen = core.seen()
      for n = 1, 50000 do
         assert.is_true(seen:add(guid(n)))
      end
      for n = 1, 50000 do
         assert.is_true(seen:has(guid(n)))
         assert.is_false(seen:has(guid(-n)))
      end
      assert.is_false(seen:add(guid(77)))
      assert.equal(50000, seen:count())
   end)

   it("takes at most 16 bytes an id at every size, but for a small constant", function()
      local seen = core.seen()
      assert.is_true(seen:bytes() <= 2048)
      for n = 1, 200000 do
         seen:add(guid(n))
         if n % 997 == 0 then
            assert.is_true(seen:bytes() <= 16 * n + 8192, ("%d for %d"):format(seen:bytes(), n))
         end
      end
   end)

   it("keeps two sets apart, and needs no closing", function()
      local one, other = core.seen(), core.seen()
      one:add("a")
      assert.is_false(other:has("a"))
      one, other = nil, nil -- luacheck: ignore
      collectgarbage()
   end)
end)
