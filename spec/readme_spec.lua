-- The README's programs, as they stand there: each Lua block in a process of its own against the sandbox, the host in C
-- compiled and with a script in it.
--
-- Criteria: a block is changed in nothing; where the service is, and what earlier blocks left, comes in before it.

local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local README = assert(keeper.read("README.md"))

local sandbox

setup(function()
   sandbox = sandboxes.start { size = 250 }
end)

teardown(function()
   sandbox:stop()
end)

-- The blocks of a language under a heading, up to the next heading of the same depth.
local function blocks(heading, language)
   local text = assert(("\n" .. README):match("\n" .. heading .. "\n(.*)"), heading)
   local depth = heading:match("^#+")
   text = text:match("^(.-)\n" .. depth .. " ") or text
   local list = {}
   for block in text:gmatch("\n```" .. language .. "\n(.-\n)```") do
      list[#list + 1] = block
   end
   return list
end

-- What is true for every script: elements.client reaches the sandbox, whatever it is given.
local function prelude(name)
   return ([[
      local elements = require("avepoint.elements")
      package.loaded["avepoint.elements"] = setmetatable({
         client = function(options)
            options.token, options.base_url, options.ca_file, options.proxy = %q, %q, %q, ""
            return elements.client(options)
         end,
      }, { __index = elements })
   ]]):format(sandbox.token, sandbox:base { run = name, latency = 120, size = 250 }, sandbox.ca_file)
end

local function names(output)
   local n = 0
   for _ in output:gmatch("[^\n]+") do
      n = n + 1
   end
   return n
end

describe("the README's", function()
   local function run(block)
      local name = sandbox:new_run()
      local output, status = walks.run(sandbox, prelude(name) .. block)
      assert.equal(0, status, output)
      assert.is_true(sandbox:count(name) >= 3)
      return output
   end

   local loops = blocks("## Inside an event loop", "lua")

   it("first example prints every user", function()
      local example = README:match("\n```lua\n(.-\n)```")
      assert.equal(250, names(run(example)))
   end)

   for i, name in ipairs { "cqueues", "luv" } do
      it("example for " .. name .. " prints every user while the loop goes on", function()
         assert.is_truthy(loops[i]:find("avepoint.elements.wait." .. name, 1, true))
         local output = run(loops[i])
         local _, ticks = output:gsub("the loop goes on\n", "")
         assert.is_true(ticks >= 3, output)
         assert.equal(250 + ticks, names(output))
      end)
   end

   it("host in C runs its example while it serves its own descriptor", function()
      local code = blocks("## Inside an event loop", "c")
      assert.equal(1, #code)
      local dir, name = sandbox.dir, sandbox:new_run()
      local command, script = walks.command(sandbox, prelude(name) .. loops[3])
      command = command:match("^(env .- LUA_INIT_5_4=) ")
      local file <close> = assert(io.open(dir .. "/host.c", "w"))
      file:write(code[1], "\n")
      file:flush()
      local flags = keeper.output("pkg-config --cflags --libs lua5.4 2>/dev/null || pkg-config --cflags --libs lua")
      local compiled = keeper.output(("${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror %s/host.c -o %s/host %s 2>&1")
         :format(dir, dir, flags))
      assert.equal("", compiled)
      local output = keeper.output(("(sleep 0.05; echo one; sleep 0.1; echo two) | %s %s/host %s 2>&1"):format(
         command, dir, script))
      assert.equal(252, names(output), output)
      local first = output:find("host: 4 bytes\n", 1, true)
      assert.is_truthy(first and first < 100, "the host served after the walk only")
   end)
end)
