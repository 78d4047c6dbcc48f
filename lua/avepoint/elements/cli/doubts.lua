-- doubts: what makes an answer unsure, each told as a warning.
--
-- Users that were passed over because the tenant changed, and ids that nobody came for. A walk that failed says so
-- itself: here is only what an answer that looks whole may lack.

local console = require("avepoint.elements.cli.console")

local concat = table.concat
local format = string.format
local min = math.min

local doubts = {}

local MOST_IDS = 10 -- shown

---Tells one.
---@param con table
---@param message string
function doubts.tell(con, message, ...)
   con:warn("not sure: " .. format(message, ...))
end

---Tells those that a walk's receipt has.
---@param con table
---@param receipt table
---@return boolean any
function doubts.of(con, receipt)
   local missing = receipt.stop_reason == "end" and receipt.missing or {}
   if receipt.drift then
      doubts.tell(con, "the tenant changed meanwhile (%s users at first, %s at last, %s came twice); run it again to be sure",
         receipt.total_first or "?", receipt.total_last or "?", receipt.duplicates)
   end
   if #missing > 0 then
      doubts.tell(con, "%s asked for never came (%s of this tenant, as far as the service tells): %s%s",
         console.count(#missing, "id"), #missing == 1 and "no user" or "no users",
         concat(missing, ", ", 1, min(#missing, MOST_IDS)), #missing > MOST_IDS and ", …" or "")
   end
   return receipt.drift or #missing > 0
end

return doubts
