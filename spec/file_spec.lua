-- lua/avepoint/elements/file.lua: reads a file that an option names.

local file = require("avepoint.elements.file")
local keeper = require("spec.sandbox.keeper")
local walks = require("spec.support.walks")

local dir

setup(function()
   dir = keeper.output("mktemp -d")
end)

teardown(function()
   os.execute("rm -r " .. keeper.quote(dir))
end)

local function written(bytes)
   local path = dir .. "/file"
   local handle <close> = assert(io.open(path, "wb"))
   handle:write(bytes)
   return path
end

describe("file.read", function()
   it("gives every byte of a file", function()
      local bytes = {}
      for byte = 0, 255 do
         bytes[#bytes + 1] = string.char(byte, byte) .. "\r\n\0\26"
      end
      local text = table.concat(bytes):rep(100)
      assert.equal(text, file.read(written(text), #text))
      assert.equal("x", file.read(written("x"), 1))
   end)

   it("gives a file of the most bytes that are allowed, and none with one more", function()
      for _, most in ipairs { 1, 100, 65536, 1048576 } do
         local text = ("x"):rep(most)
         assert.equal(text, file.read(written(text), most))
         assert.same({ nil, ("%s/file has more than %d bytes"):format(dir, most) }, { file.read(written(text .. "x"), most) })
      end
   end)

   it("reads no more of a file without end than it may", function()
      assert.same({ nil, "/dev/zero has more than 1000 bytes" }, { file.read("/dev/zero", 1000) })
   end)

   it("takes memory by what a file has, not by what it may have", function()
      local output = walks.run({ dir = dir }, ([[
local file = require("avepoint.elements.file")
local function peak()
   for line in io.lines("/proc/self/status") do
      local kilobytes = line:match("VmPeak:%%s+(%%d+)")
      if kilobytes then
         return tonumber(kilobytes)
      end
   end
end
local before = peak()
assert(#file.read(%q, 1 << 30) == 200000)
print(peak() - before < 100000)
]]):format(written(("x"):rep(200000))))
      assert.equal("true\n", output)
   end)

   it("says why there is none", function()
      assert.same({ nil, dir .. "/file is empty" }, { file.read(written(""), 10) })
      assert.same({ nil, dir .. ": Is a directory" }, { file.read(dir, 10) })
      assert.same({ nil, dir .. "/none: No such file or directory" }, { file.read(dir .. "/none", 10) })
      assert.same({ nil, dir .. "/file/none: Not a directory" }, { file.read(dir .. "/file/none", 10) })
   end)

   it("leaves no file open", function()
      local function open()
         -- by no pipe of ours, whose other end may be closed later
         os.execute("ls /proc/$PPID/fd | wc -l >" .. keeper.quote(dir .. "/count"))
         return keeper.read(dir .. "/count")
      end
      local before = open()
      for _ = 1, 20 do
         file.read(written("x"), 1)
         file.read(written("xx"), 1)
         file.read(written(""), 1)
         file.read(dir, 1)
      end
      assert.equal(before, open())
   end)
end)
