-- receipts: what a list delivered, as JSON in a file, however it ended.
--
-- For the job that comes after: complete only where the command's own exit code is 0, and without secrets.

local elements = require("avepoint.elements")
local fault = require("avepoint.elements.cli.fault")
local json = require("avepoint.elements.cli.json")
local system = require("avepoint.elements.cli.system")

local receipts = {}

local OF_ERROR = {
   "kind", "message", "status", "retryable", "retry_after", "request_id", "page_index", "attempts", "oauth_error",
   "clock_skew",
}

---Writes it; a failure is told. Gives the exit code, which a receipt that can't be written makes 1.
---@param args table
---@param con table
---@param receipt table the walk's
---@param outcome {code: integer, shown: integer, error: any}
---@return integer code
function receipts.write(args, con, receipt, outcome)
   local all = { customer = args.customer, tenant = args.tenant, version = elements._VERSION, shown = outcome.shown,
      exit_code = outcome.code }
   for name, value in pairs(receipt) do
      all[name] = value
   end
   all.error = nil
   if outcome.error then
      local err, what = outcome.error, fault.of(outcome.error)
      all.error = { message = what.message }
      if elements.is_error(err) then
         for _, name in ipairs(OF_ERROR) do
            all.error[name] = err[name]
         end
      end
   end
   all.complete = all.complete and outcome.code == 0
   local ok, message = system.write(args.receipt, json.encode(all) .. "\n")
   if not ok then
      con:fail("--receipt: " .. message)
      return outcome.code == 0 and fault.FAILED or outcome.code
   end
   return outcome.code
end

return receipts
