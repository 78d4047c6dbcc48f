-- The face of the module: its names, and a client from the first line of the manual to the last.

local elements = require("avepoint.elements")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

describe("the module", function()
   it("has the names of the manual and no others", function()
      local names = {}
      for name, value in pairs(elements) do
         names[#names + 1] = name .. " " .. type(value)
      end
      table.sort(names)
      assert.same({ "_VERSION string", "client function", "environments table",
         "is_error function", "status table", "timestamp function" }, names)
   end)

   it("says its version", function()
      assert.matches("^avepoint%-elements %d+%.%d+%.%d+$", elements._VERSION)
   end)

   it("sets no global and changes no library", function()
      local sandbox <close> = sandboxes.start {}
      local output, status = walks.run(sandbox, [[
         local before, libraries = {}, {}
         for name in pairs(_G) do
            before[name] = true
         end
         for _, name in ipairs { "string", "table", "math", "os", "io", "coroutine", "utf8", "debug" } do
            for k, v in pairs(_G[name]) do
               libraries[name .. "." .. k] = v
            end
         end
         require("avepoint.elements")
         for name in pairs(_G) do
            assert(before[name], name)
         end
         for name, value in pairs(libraries) do
            local library, k = name:match("^(%w+)%.(%w+)$")
            assert(_G[library][k] == value, name)
         end
         assert(getmetatable("").__index == string and getmetatable(_G) == nil)
      ]])
      assert.equal("", output)
      assert.equal(0, status)
   end)

   it("fault 60: works on when somebody replaces the functions of string, table and math", function()
      local sandbox <close> = sandboxes.start {}
      local output, status = walks.run(sandbox, walks.script(sandbox, { run = "changed", size = 150 }) .. [[
         local out = print
         for _, library in ipairs { string, table, math } do
            for name in pairs(library) do
               library[name] = nil
            end
         end
         local n = 0
         for user in tenant:users() do
            n = n + 1
         end
         out(n)
      ]])
      assert.equal("150\n", output)
      assert.equal(0, status)
   end)

   it("runs the first example of the manual", function()
      local sandbox <close> = sandboxes.start {}
      local output, status = walks.run(sandbox, walks.script(sandbox, { run = "manual", size = 2 }) .. [[
         for user in tenant:users() do
            print(user.displayName, table.concat(elements.status.names(user) or {}, ", "))
         end
      ]])
      assert.equal("Ana Mark\tmfa_disabled\nŽiga Mark\tmfa_disabled, sign_in_blocked\n", output)
      assert.equal(0, status)
   end)

   it("is one module however often it is required", function()
      assert.equal(elements, require("avepoint.elements"))
   end)
end)

describe("is_error", function()
   it("is false for whatever is no error of this module", function()
      for _, v in ipairs { 1, "auth: x", {}, { kind = "auth", message = "x" }, print, true,
         setmetatable({}, { __tostring = function() return "x" end }), coroutine.create(print), io.stdout } do
         assert.is_false(elements.is_error(v))
      end
      assert.is_false(elements.is_error(nil))
      assert.is_false(elements.is_error())
   end)

   it("is true for an error of this module", function()
      local client, err = elements.client { token = "x", ca_file = "/nonexistent" }
      assert.is_nil(client)
      assert.is_true(elements.is_error(err))
   end)
end)
