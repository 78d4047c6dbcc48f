-- The fuzz targets over the corpus that is kept: what `make fuzz` begins with, and what it once found.

local lfs = require("lfs")

local keeper = require("spec.sandbox.keeper")

local CORPUS = "spec/fuzz/corpus/"

local function folder(path)
   local names = {}
   for name in lfs.dir(path) do
      if not name:find("^%.") then
         names[#names + 1] = name
      end
   end
   table.sort(names)
   return names
end

describe("the fuzz target", function()
   teardown(function()
      require("spec.fuzz.bytes").finish()
   end)

   for _, target in ipairs(folder(CORPUS)) do
      local needs = target == "answer" and " (7.80 #newcurl)" or ""
      it(target .. " finds nothing in its corpus, nor in what is left of it when it is cut" .. needs, function()
         local check = require("spec.fuzz.targets." .. target)
         for _, name in ipairs(folder(CORPUS .. target)) do
            local input = keeper.read(CORPUS .. target .. "/" .. name)
            for eighth = 0, 8 do
               local bytes = input:sub(1, #input * eighth // 8)
               local ok, message = pcall(check, bytes)
               assert.is_true(ok, ("%s, %d bytes: %s"):format(name, #bytes, message))
            end
         end
      end)
   end

   it("has a corpus, and a corpus has a target", function()
      local targets = {}
      for i, name in ipairs(folder("spec/fuzz/targets")) do
         targets[i] = name:gsub("%.lua$", "")
      end
      assert.same(targets, folder(CORPUS))
   end)
end)
