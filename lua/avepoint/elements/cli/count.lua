-- count: how many users a tenant has, how many of them have each flag or none, and whose status is unknown.
--
-- The whole tenant is walked, and nothing is printed before its end: a part of a count is no count.

local elements = require("avepoint.elements")
local console = require("avepoint.elements.cli.console")
local doubts = require("avepoint.elements.cli.doubts")
local fault = require("avepoint.elements.cli.fault")
local output = require("avepoint.elements.cli.output")
local session = require("avepoint.elements.cli.session")

local concat, sort = table.concat, table.sort
local floor, max = math.floor, math.max
local format, rep = string.format, string.rep

local count = {}

local BAR = 40

local function report(total, none, unknown, counts)
   local codes = {}
   for code in ipairs(elements.status.flags) do
      codes[code] = code - 1
   end
   for code in pairs(counts) do
      if code >= #elements.status.flags then
         codes[#codes + 1] = code
      end
   end
   sort(codes)
   local lines = { format("%-18s %9s\n", "users", console.number(total)) }
   local function line(label, n)
      local part = total > 0 and n / total or 0
      local bar = rep("#", n > 0 and max(1, floor(part * BAR + 0.5)) or 0)
      lines[#lines + 1] = (format("%-18s %9s  %3.0f %%  %s", label, console.number(n), part * 100, bar):gsub(" +$", ""))
         .. "\n"
   end
   for _, code in ipairs(codes) do
      line(elements.status.label(code), counts[code] or 0)
   end
   line("No flag", none)
   line("Status unknown", unknown)
   return concat(lines)
end

---@param args table
---@param con table
---@return integer code
function count.run(args, con)
   local client, tenant = session.open(args, con)
   local _ <close> = client
   local walk <close> = fault.checked(tenant.users, tenant, { deadline = args.deadline })
   local counts, none = {}, 0
   for user in walk do
      local seen
      if user.status and not user.status[1] then
         none = none + 1
      end
      for _, code in ipairs(user.status or {}) do
         seen = seen or {}
         if not seen[code] then
            seen[code] = true
            counts[code] = (counts[code] or 0) + 1
         end
      end
   end
   local receipt = walk:receipt()
   con:finish()
   output.write(con, report(receipt.users, none, receipt.status_unknown, counts))
   return doubts.of(con, receipt) and fault.UNSURE or 0
end

return count
