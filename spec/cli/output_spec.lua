-- cli/output.lua: writes to what is full or has no reader, in a process of its own.

local keeper = require("spec.sandbox.keeper")

local LUA = keeper.quote(os.getenv("LUA") or "lua5.4")

-- Runs Lua with output.write at hand; what it prints on standard error.
local function run(body, redirect)
   return keeper.output(LUA .. " -e " .. keeper.quote([[
      local output = require("avepoint.elements.cli.output")
      local con = { clear = function() end, draw = function() end }
      local ok, err = pcall(function() ]] .. body .. [[ end)
      io.stderr:write(tostring(ok), " ", ok and "" or err.code .. " " .. tostring(err))]]) .. " 2>&1 " .. redirect)
end

describe("output.write", function()
   it("writes at once, and raises where not all went out", function()
      assert.equal("true ", run([[output.write(con, "") output.write(con, "data")]], ">/dev/null"))
      assert.matches("^data", run([[output.write(con, "data") io.stderr:write("after")]], ""))
      assert.equal("false 1 can't write to standard output: No space left on device",
         run([[output.write(con, "data")]], ">/dev/full"))
      assert.equal("true ", run([[output.write(con, "")]], ">/dev/full"))
   end)

   it("calls a pipe without a reader by its name", function()
      assert.equal("false 141 the reader closed the pipe", keeper.output([[trap "" PIPE; { { ]] .. LUA .. " -e "
         .. keeper.quote([[
            local output = require("avepoint.elements.cli.output")
            local nobody = function() end
            local ok, err
            repeat -- the reader may not be gone yet
               ok, err = pcall(output.write, { clear = nobody, draw = nobody }, ("x"):rep(100))
            until not ok
            io.stderr:write(tostring(ok), " ", err.code, " ", tostring(err))]]) .. [[ 2>&3 3>&-; } | true; } 3>&1]]))
   end)
end)
