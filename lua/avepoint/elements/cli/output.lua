-- output: standard output, where only data goes, and where every write is looked at.
--
-- Unbuffered, so that one write is one call of the system: where it says that it was interrupted, nothing went out.

local fault = require("avepoint.elements.cli.fault")
local system = require("avepoint.elements.cli.system")

local stdout = io.stdout

local output = {}

local EPIPE = 32

stdout:setvbuf("no")

local terminal -- asked once

local function is_terminal()
   if terminal == nil then
      terminal = system.is_terminal(1)
   end
   return terminal
end

---Is it a terminal that takes colours, and are they wanted?
---@return boolean
function output.is_able()
   local plain = os.getenv("NO_COLOR")
   return (plain == nil or plain == "") and system.is_able() and is_terminal()
end

---Writes all of a text, or raises a fault.
---@param con table the console, whose bar makes room on the same terminal
---@param text string
function output.write(con, text)
   if text == "" then
      return
   end
   if con.shown then
      con:clear()
   end
   local ok, message, number = stdout:write(text)
   if not ok then
      if number == EPIPE then
         error(fault.new(fault.PIPE, "the reader closed the pipe"), 0)
      end
      error(fault.new(fault.FAILED, "can't write to standard output: " .. message), 0)
   end
   if is_terminal() then
      con:draw()
   end
end

return output
