-- status: the flags of a user, from the service's codes to names and back.
--
-- Unknown is not "none": a user without a status gives nil, a user with an
-- empty one gives an empty list. Codes newer than this file are kept, as
-- "unknown_9". A misspelt name is misuse and raises with the valid ones.

local error, ipairs, next, tonumber, type = error, ipairs, next, tonumber, type
local concat, unpack = table.concat, table.unpack
local math_tointeger, math_type = math.tointeger, math.type
local format, match = string.format, string.match

---@class avepoint.elements.status
local status = {}

---@alias avepoint.StatusName
---| "mfa_disabled" # 0, MFA disabled
---| "sign_in_blocked" # 1, Sign-in blocked
---| "password_expired" # 2, Password expired
---| "high_risk" # 3, High risk
---| "medium_risk" # 4, Medium risk
---| "compliance" # 5, Compliance
---| "inactive" # 6, Inactive
---| "pending_deletion" # 7, Pending deletion
---| "test_user" # 8, Test user

-- in the order of the codes, which begin at 0; labels as the vendor has them
local NAMES = {
   "mfa_disabled", "sign_in_blocked", "password_expired", "high_risk", "medium_risk",
   "compliance", "inactive", "pending_deletion", "test_user",
}
local LABELS = {
   "MFA disabled", "Sign-in blocked", "Password expired", "High risk", "Medium risk",
   "Compliance", "Inactive", "Pending deletion", "Test user",
}
local CODES = {}
for position, name in ipairs(NAMES) do
   CODES[name] = position - 1
end
local VALID = concat(NAMES, ", ")
local EXPECTED = "a user, an array of codes, a code or nil expected, "

-- a whole number that can be a code, as an integer; nil for anything else
local function as_code(value)
   local code = math_type(value) and math_tointeger(value)
   return code and code >= 0 and code or nil
end

-- what is wrong with a value, for a message
local function describe(value)
   if math_type(value) then
      return format("%s is no code", value)
   end
   return "got " .. type(value)
end

-- blames the caller's caller, whose mistake it is
local function misuse(argument, func, problem)
   error(format("bad argument #%d to '%s' (%s)", argument, func, problem), 3)
end

local function name_of(code)
   return NAMES[code + 1] or "unknown_" .. code
end

-- the code of "high_risk" or of "unknown_9"; nil if it is the name of no code
local function code_of(name)
   local code = CODES[name]
   if code then
      return code
   end
   local digits = match(name, "^unknown_([1-9]%d*)$")
   code = digits and as_code(tonumber(digits))
   return code and code >= #NAMES and code or nil
end

-- the codes of a user, a list or one integer as a new list of integers, or
-- nil; a second value says what is wrong. A table that is something else, such
-- as a page, must not read like a user without flags
local function codes_of(x)
   local given = x
   if type(x) == "table" and (x.id ~= nil or x.status ~= nil) then
      given = x.status
   end
   if given == nil then
      return nil
   end
   local list = type(given) == "table" and given or { given }
   if list[1] == nil and next(list) ~= nil then
      return nil, EXPECTED .. "got a table of something else"
   end
   local codes = {}
   for position, value in ipairs(list) do
      local code = as_code(value)
      if not code then
         return nil, EXPECTED .. describe(value)
      end
      codes[position] = code
   end
   return codes
end

---The nine names in the order of their codes, to show or to iterate over. A
---copy: what is done to it changes nothing here.
---@type avepoint.StatusName[]
status.flags = { unpack(NAMES) }

---The names of a user's flags, in the service's order.
---Raises on what is neither a user nor codes.
---@param x avepoint.User|integer[]|integer|nil a user (a table with `id`), an array of codes, one code, or nil
---@return (avepoint.StatusName|string)[]? names a new list, "unknown_9" for a newer code; nil where the status is unknown
function status.names(x)
   local codes, problem = codes_of(x)
   if problem then
      misuse(1, "names", problem)
   end
   if not codes then
      return nil
   end
   for position, code in ipairs(codes) do
      codes[position] = name_of(code)
   end
   return codes
end

---Does a user have this flag? Raises on a name that is no flag, and on what is neither a user nor codes.
---@param x avepoint.User|integer[]|integer|nil as for `names`
---@param name avepoint.StatusName|string one of the nine, or "unknown_9" for a newer code
---@return boolean? yes nil where the status is unknown
function status.has(x, name)
   if type(name) ~= "string" then
      misuse(2, "has", "the name of a flag expected, got " .. type(name))
   end
   local wanted = code_of(name)
   if not wanted then
      misuse(2, "has", format("no flag '%s'; the flags are %s", name, VALID))
   end
   local codes, problem = codes_of(x)
   if problem then
      misuse(1, "has", problem)
   end
   if not codes then
      return nil
   end
   for _, code in ipairs(codes) do
      if code == wanted then
         return true
      end
   end
   return false
end

---The name of a code. Raises on what is no whole number from 0.
---@param code integer
---@return avepoint.StatusName|string name such as "high_risk"; "unknown_9" for a code not known here
function status.name(code)
   local known = as_code(code)
   if not known then
      misuse(1, "name", "a code expected, " .. describe(code))
   end
   return name_of(known)
end

---The code of a name. Raises on a name that is no flag.
---@param name avepoint.StatusName|string
---@return integer code
function status.code(name)
   if type(name) ~= "string" then
      misuse(1, "code", "the name of a flag expected, got " .. type(name))
   end
   local code = code_of(name)
   if not code then
      misuse(1, "code", format("no flag '%s'; the flags are %s", name, VALID))
   end
   return code
end

---The vendor's label of a name or a code, for people. Raises as `name` and
---`code` do.
---@param flag avepoint.StatusName|string|integer
---@return string label such as "High risk"; "Unknown (9)" for a code not known here
function status.label(flag)
   local code
   if type(flag) == "string" then
      code = code_of(flag)
      if not code then
         misuse(1, "label", format("no flag '%s'; the flags are %s", flag, VALID))
      end
   else
      code = as_code(flag)
      if not code then
         misuse(1, "label", "a name or a code expected, " .. describe(flag))
      end
   end
   return LABELS[code + 1] or format("Unknown (%d)", code)
end

return status
