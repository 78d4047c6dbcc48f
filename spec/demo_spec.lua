-- What README shows of the command is what `make demo` prints; after a wanted change:
-- AVEPOINT_GOLDEN=write make test ARGS=spec/demo_spec.lua

local fault = require("avepoint.elements.cli.fault")
local keeper = require("spec.sandbox.keeper")

describe("README", function()
   local HEAD = "ARGS=spec/demo_spec.lua -->\n```text\n"

   it("shows what the demo prints", function()
      local shown = keeper.output("COLUMNS=90 " .. keeper.quote(os.getenv("LUA") or "lua5.4") .. " spec/demo.lua 2>&1") .. "\n"
      shown = shown:gsub("\r\n", "\n") -- CSV's, in a text file of LF
      local text = keeper.read("README.md")
      local from = select(2, text:find(HEAD, 1, true)) + 1
      local to = text:find("```\n", from, true)
      if os.getenv("AVEPOINT_GOLDEN") == "write" then
         text = text:sub(1, from - 1) .. shown .. text:sub(to)
         to = from + #shown
         local file = assert(io.open("README.md", "w"))
         file:write(text)
         file:close()
      end
      assert.equal(shown, text:sub(from, to - 1))
   end)

   it("names every exit code with its meaning", function()
      local text = keeper.read("README.md")
      for _, pair in ipairs(fault.CODES) do
         assert.matches(("\n| %d | %s"):format(pair[1], pair[2]), text, 1, true)
      end
   end)
end)
