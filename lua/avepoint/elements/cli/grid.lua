-- grid: users as a table that fits the terminal.
--
-- Rows go out as they come, so the widths are decided before the first one: from the terminal's and each column's
-- least, largest and share, never from the data. What is cut ends in "…", what is absent is "-".

local fault = require("avepoint.elements.cli.fault")
local fields = require("avepoint.elements.cli.fields")
local text = require("avepoint.elements.cli.text")

local concat = table.concat
local huge = math.huge

local grid = {}

local GAP = "  "
local LEAST = 3

-- The largest width and the share of the columns that are not like the others.
local LARGEST = { id = 36, isTestUser = 10, age = 4, startDate = 20, endDate = 20, employeeId = 16 }
local SHARE = { userPrincipalName = 3, mail = 3, displayName = 2, status = 3, id = 4, age = 4, startDate = 2, endDate = 2 }
local RIGHT = { age = true }

-- What is shown where nobody said: more, the wider the terminal.
local CHOICE = {
   { 0, { "displayName", "userPrincipalName", "status" } },
   { 100, { "displayName", "userPrincipalName", "department", "status" } },
   { 120, { "displayName", "userPrincipalName", "department", "jobTitle", "status" } },
}

local function choice(columns)
   local names
   for _, pair in ipairs(CHOICE) do
      names = columns >= pair[1] and pair[2] or names
   end
   return names
end

-- Every column begins at its least; each further one goes to the column that has the least of its share.
local function widths_of(names, columns)
   local widths, left = {}, columns - #GAP * (#names - 1)
   for i in ipairs(names) do
      widths[i] = LEAST
      left = left - LEAST
   end
   if left < 0 then
      fault.usage("%d columns do not fit a terminal of %d; name fewer by --fields, or take --format csv", #names, columns)
   end
   for _ = 1, left do
      local best, least = nil, huge
      for i, name in ipairs(names) do
         local ratio = widths[i] / (SHARE[name] or 1.5)
         if ratio < least and widths[i] < (LARGEST[name] or 60) then
            best, least = i, ratio
         end
      end
      if not best then
         break
      end
      widths[best] = widths[best] + 1
   end
   return widths
end

---@param options {fields: string[]?, columns: integer, bold: boolean?}
---@return table format
function grid.rows(options)
   local names = options.fields or choice(options.columns)
   local widths = widths_of(names, options.columns)
   local function line(cell)
      local cells = {}
      for i, name in ipairs(names) do
         cells[i] = text.cell(cell(name), widths[i], RIGHT[name])
      end
      return (concat(cells, GAP):gsub(" +$", "")) .. "\n"
   end
   local head = line(function(name) return name end)
   return {
      head = options.bold and "\27[1m" .. head:sub(1, -2) .. "\27[0m\n" or head,
      row = function(user)
         return line(function(name) return fields.words(user, name) or "-" end)
      end,
      foot = "",
   }
end

return grid
