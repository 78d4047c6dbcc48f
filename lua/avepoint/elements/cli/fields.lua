-- fields: the fields of a user in the service's order, and what a person calls their values.
--
-- For table, CSV and show alike: unknown is nothing, and never "none". What the values hold is still foreign text.

local elements = require("avepoint.elements")
local json = require("avepoint.elements.cli.json")

local concat = table.concat

local fields = {}

---All of them, in the order of columns.
fields.ALL = {
   "id", "userPrincipalName", "mail", "displayName", "firstName", "lastName", "employeeId", "location", "company",
   "department", "mobile", "jobTitle", "isTestUser", "age", "startDate", "endDate", "officePhone", "countryOrRegion",
   "status",
}

local KNOWN = {}
for _, name in ipairs(fields.ALL) do
   KNOWN[name] = true
end

---@param name string
---@return boolean
function fields.is_known(name)
   return KNOWN[name] or false
end

---The names of a user's flags: nil where the status is unknown, "none" where there are none.
---@param user table
---@param separator string
---@return string?
function fields.flags(user, separator)
   local names = elements.status.names(user.status)
   return names and (names[1] and concat(names, separator) or "none")
end

---A field as a person reads it, nil where it is absent or not set; still foreign text.
---@param user table
---@param name string
---@return string?
function fields.words(user, name)
   local value = user[name]
   if name == "status" then
      return fields.flags(user, ", ")
   elseif value == nil or value == "" then
      return nil
   elseif (name == "startDate" or name == "endDate") and type(value) == "string" and not elements.timestamp(value)
      and (value:find("^1970%-01%-01") or value:find("^0001%-01%-01")) then
      return nil
   elseif type(value) == "boolean" then
      return value and "yes" or "no"
   end
   return type(value) == "table" and json.encode(value) or tostring(value)
end

return fields
