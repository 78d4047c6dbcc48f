-- lua/avepoint/elements/resume.lua: where a walk can go on, as a string.

local core = require("avepoint.elements.core")
local resume = require("avepoint.elements.resume")

local TENANT = { customer_id = "966f35cc-61f4-4070-819c-25cdbcf82a07", tenant_id = "0c7715b3-bc2f-4c4c-a8a0-f3634dcfacec" }

-- the 8-byte hashes of n ids, as core.seen():admit gives them
local function hashes(n, from)
   local users = {}
   for i = 1, n do
      users[i] = { id = ("id %d"):format((from or 0) + i) }
   end
   local _, kept = core.seen():admit(users)
   return kept
end

local function position(prefix, repeats)
   return {
      chunk = 1, page = 6, first = 1, chunk_users = 500, base = 0, total = 1234, drift = false,
      trail = {
         { chunk = 1, page = 6, first = 1, chunk_users = 500, base = 0, prefix = hashes(prefix or 100), repeats = "" },
         {
            chunk = 1, page = 7, first = 1, chunk_users = 600, base = 0, prefix = hashes(prefix or 100, 100),
            repeats = hashes(repeats or 0, 9000),
         },
      },
   }
end

local function hex(bytes)
   return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function bytes_of(text)
   return (text:gsub("..", function(x) return string.char(tonumber(x, 16)) end))
end

-- the check value made good again after a change
local function sealed(body)
   return hex(body .. core.hash(body))
end

describe("a resume string", function()
   it("gives back the position it was made of", function()
      local text = assert(resume.encode(position(), TENANT, 100, nil))
      assert.same(position(), resume.decode(text, TENANT, 100, nil))
   end)

   it("gives back every kind of position", function()
      local cases = {
         { chunk = 1, page = 1, first = 1, chunk_users = 0, base = 0, drift = false, trail = {} },
         { chunk = 3, page = 1, first = 1, chunk_users = 0, base = 200, drift = true, trail = {
            { chunk = 3, page = 1, first = 1, chunk_users = 0, base = 200, prefix = "", repeats = "" },
         } },
         { chunk = 4294967295, page = 2147483647, first = 2147483647, chunk_users = 2 ^ 53 // 1 | 0, base = 2 ^ 53 // 1 | 0,
            total = 0, drift = false, trail = {} },
         position(0), position(1), position(3, 5),
      }
      for _, case in ipairs(cases) do
         local text = assert(resume.encode(case, TENANT, 50, resume.digest { "a" }))
         assert.same(case, resume.decode(text, TENANT, 50, resume.digest { "a" }))
      end
   end)

   it("is printable and fits a file's line", function()
      assert.matches("^[0-9a-f]+$", resume.encode(position(), TENANT, 100, nil))
   end)

   it("is the same for the same position", function()
      assert.equal(resume.encode(position(), TENANT, 100, nil), resume.encode(position(), TENANT, 100, nil))
   end)

   it("security 14: holds no id of a tenant or user", function()
      local text = resume.encode(position(), TENANT, 100, resume.digest { "c2aa00d3-ef87" })
      for _, secret in ipairs { TENANT.customer_id, TENANT.tenant_id, "c2aa00d3", "id 1" } do
         assert.is_nil(text:find(hex(secret), 1, true))
         assert.is_nil(text:find(secret, 1, true))
         assert.is_nil(bytes_of(text):find(secret, 1, true))
      end
   end)

   it("has at most 8 kB with the largest pages there are, all of their users repeats even", function()
      local text = assert(resume.encode(position(100, 100), TENANT, 100, nil))
      assert.is_true(#text <= 8000, #text)
   end)

   it("is none where it would be longer than 8 kB", function()
      local most
      for n = 100, 1500 do
         local text = resume.encode(position(n, 0), TENANT, 100, nil)
         if not text then
            most = n
            break
         end
         assert.is_true(#text <= 8000)
         assert.is_truthy(resume.decode(text, TENANT, 100, nil))
      end
      assert.is_truthy(most)
      assert.is_nil(resume.encode(position(100000, 0), TENANT, 100, nil))
   end)
end)

describe("resume.decode", function()
   local function refused(why, text, tenant, size, ids)
      local result, message = resume.decode(text, tenant or TENANT, size or 100, ids and resume.digest(ids))
      assert.is_nil(result)
      assert.equal(why, message)
   end

   it("refuses what is no resume string", function()
      for _, text in ipairs { "x", "abc", "zz", "0", "ABCDEF", " 00", "00 ", ("0"):rep(8002), ("00"):rep(1e6), "\0\0", "é" } do
         refused("is no resume string", text)
      end
   end)

   it("refuses a string that was cut anywhere", function()
      local text = resume.encode(position(3, 1), TENANT, 100, nil)
      for cut = 0, #text - 1 do
         local result, why = resume.decode(text:sub(1, cut), TENANT, 100, nil)
         assert.is_nil(result)
         assert.equal(cut % 2 == 1 and "is no resume string" or "is cut or mistyped", why)
      end
   end)

   it("refuses every string with one character changed", function()
      local text = resume.encode(position(2, 1), TENANT, 100, nil)
      local DIGITS = "0123456789abcdef"
      for at = 1, #text do
         for i = 1, 16 do
            local digit = DIGITS:sub(i, i)
            if digit ~= text:sub(at, at) then
               refused("is cut or mistyped", text:sub(1, at - 1) .. digit .. text:sub(at + 1))
            end
         end
         for _, other in ipairs { "\0", " ", "g", "A", "\255" } do
            refused("is no resume string", text:sub(1, at - 1) .. other .. text:sub(at + 1))
         end
      end
   end)

   it("refuses characters added, lost and exchanged", function()
      local text = resume.encode(position(2, 0), TENANT, 100, nil)
      refused("is cut or mistyped", text .. "00")
      refused("is cut or mistyped", "00" .. text)
      refused("is cut or mistyped", text .. text)
      for at = 1, #text - 3, 2 do
         local one, two = text:sub(at, at + 1), text:sub(at + 2, at + 3)
         if one ~= two then
            refused("is cut or mistyped", text:sub(1, at - 1) .. two .. one .. text:sub(at + 4))
         end
      end
   end)

   it("refuses another tenant's, also where the two ids are exchanged or run together", function()
      local text = resume.encode(position(), TENANT, 100, nil)
      local WHY = "belongs to another tenant"
      refused(WHY, text, { customer_id = TENANT.customer_id, tenant_id = "other" })
      refused(WHY, text, { customer_id = "other", tenant_id = TENANT.tenant_id })
      refused(WHY, text, { customer_id = TENANT.tenant_id, tenant_id = TENANT.customer_id })
      text = resume.encode(position(), { customer_id = "ab", tenant_id = "c" }, 100, nil)
      refused(WHY, text, { customer_id = "a", tenant_id = "bc" })
   end)

   it("refuses another list of ids", function()
      local WHY = "belongs to another list of user_ids"
      local all = resume.encode(position(), TENANT, 100, nil)
      local some = resume.encode(position(), TENANT, 100, resume.digest { "a", "b" })
      refused(WHY, all, TENANT, 100, { "a", "b" })
      refused(WHY, all, TENANT, 100, {})
      refused(WHY, some, TENANT, 100, nil)
      refused(WHY, some, TENANT, 100, { "b", "a" })
      refused(WHY, some, TENANT, 100, { "ab" })
      refused(WHY, some, TENANT, 100, { "a", "b", "c" })
      refused(WHY, some, TENANT, 100, { "a" })
      assert.is_truthy(resume.decode(some, TENANT, 100, resume.digest { "a", "b" }))
   end)

   it("refuses another page size, and says which it was", function()
      refused("belongs to a walk with page_size 50", resume.encode(position(), TENANT, 50, nil))
      refused("belongs to a walk with page_size 100", resume.encode(position(), TENANT, 100, nil), TENANT, 1)
   end)

   it("refuses another version's", function()
      local body = bytes_of(resume.encode(position(1), TENANT, 100, nil)):sub(1, -9)
      assert.is_truthy(resume.decode(sealed(body), TENANT, 100, nil))
      for version = 0, 255 do
         if version ~= body:byte() then
            refused("was written by another version", sealed(string.char(version) .. body:sub(2)))
         end
      end
   end)

   it("raises nothing for a body of any bytes under a good check value", function()
      math.randomseed(20260701)
      local whole = bytes_of(resume.encode(position(2, 1), TENANT, 100, nil)):sub(1, -9)
      for cut = 1, #whole - 1 do
         refused("was written by another version", sealed(whole:sub(1, cut)))
      end
      for _ = 1, 2000 do
         local at = math.random(2, #whole)
         local changed = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1)
         local result, why = resume.decode(sealed(changed), TENANT, 100, nil)
         assert.is_true(type(result) == "table" or type(why) == "string")
      end
   end)

   it("refuses a body with more behind it than it says", function()
      local whole = bytes_of(resume.encode(position(2, 1), TENANT, 100, nil)):sub(1, -9)
      refused("was written by another version", sealed(whole .. "\0"))
   end)

   it("refuses hashes that are not whole", function()
      local place = position(1, 1)
      place.trail[2].repeats = "1234567"
      refused("was written by another version", resume.encode(place, TENANT, 100, nil))
      place.trail[2].repeats, place.trail[1].prefix = "", "123456789"
      refused("was written by another version", resume.encode(place, TENANT, 100, nil))
   end)
end)
