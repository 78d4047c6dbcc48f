-- What every long check says at its end, in one form, so that `make check` can add it up:
--    FAILED <what>            a line for each failure
--    figure <name>: <text>    what it measured
--    N passed, M failed
-- and it exits with 0 only where nothing failed and something passed.

local report = {}
report.__index = report

local began = os.time()

---@param name string of the check
---@return table report
function report.new(name)
   return setmetatable({ name = name, passed = 0, failed = 0, figures = {} }, report)
end

---@param n integer?
function report:pass(n)
   self.passed = self.passed + (n or 1)
end

---@param what string
---@param n integer?
function report:fail(what, n)
   self.failed = self.failed + (n or 1)
   print("FAILED " .. self.name .. ": " .. what)
   io.stdout:flush()
end

---Counts one thing that was tried.
---@param good any
---@param what string
---@return any good
function report:expect(good, what)
   if good then
      self:pass()
   else
      self:fail(what)
   end
   return good
end

---@param format string
---@param ... any
function report:figure(format, ...)
   self.figures[#self.figures + 1] = format:format(...)
end

---Ends the program.
function report:close()
   for _, text in ipairs(self.figures) do
      print(("figure %s: %s"):format(self.name, text))
   end
   print(("%d passed, %d failed (%s, %d s)"):format(self.passed, self.failed, self.name, os.time() - began))
   os.exit(self.failed == 0 and self.passed > 0, true)
end

---Runs a check; an error in it is a failure of it.
---@param name string
---@param body fun(r: table)
function report.run(name, body)
   local r = report.new(name)
   local ok, err = xpcall(body, debug.traceback, r)
   if not ok then
      r:fail(tostring(err))
   end
   r:close()
end

return report
