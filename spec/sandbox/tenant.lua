-- The users of the sandbox's tenant, made by rule from their number, so that a spec can say
-- what the truth is without asking the sandbox. The same file runs in nginx (LuaJIT) and in
-- Lua 5.4: only arithmetic and string functions that mean the same in both.
-- Criteria: the same number gives the same user for ever; all 19 fields, realistic sizes;
-- every status flag, none and several occur; making a page of 100 costs well under a millisecond.

local concat, floor, format = table.concat, math.floor, string.format

local tenant = {}

--- The two customer and tenant pairs that the sandbox knows; anything else is a 404.
--- The second tenant's users are those from OFFSET + 1 on.
tenant.OFFSET = 50000000
tenant.PAIRS = {
   { customer = "966f35cc-61f4-4070-819c-25cdbcf82a07", tenant = "0c7715b3-bc2f-4c4c-a8a0-f3634dcfacec", offset = 0 },
   {
      customer = "51d2a6be-7c08-4f1e-9a35-e0c4b7f90d12",
      tenant = "b38e0f57-2d41-4c9a-86f3-7ea1509cd264",
      offset = tenant.OFFSET,
   },
}

--- Field names in the order of the service's table, which is the order on the wire.
tenant.FIELDS = {
   "id", "userPrincipalName", "mail", "displayName", "firstName", "lastName", "employeeId", "location", "company",
   "department", "mobile", "jobTitle", "isTestUser", "age", "startDate", "endDate", "officePhone",
   "countryOrRegion", "status",
}

-- text, address part, and the JSON form where that differs (an escape must mean the same as the character)
local FIRST = {
   { "Kevin", "kevin" }, { "Ana", "ana" }, { "Žiga", "ziga" }, { "Marie", "marie" }, { "François", "francois" },
   { "李", "li" }, { "Olga", "olga" }, { "John", "john" }, { "Jürgen", "jurgen", "J\\u00fcrgen" }, { "Aiko", "aiko" },
   { "Σοφία", "sofia" }, { "Pedro", "pedro" }, { "Noor", "noor" }, { "Zoë", "zoe" }, { "Samuel", "samuel" },
   { "Ирина", "irina" }, { "Tom", "tom" }, { "Ada 🦊", "ada", "Ada \\ud83e\\udd8a" }, { "Mihai", "mihai" },
}
local LAST = {
   { "Mark", "mark" }, { "Novak", "novak" }, { "O'Neill", "oneill" }, { "Smith", "smith" }, { "Müller", "muller" },
   { "García Márquez", "garcia" }, { "Kovač", "kovac" }, { "Nguyễn", "nguyen" }, { "Brown", "brown" },
   { "Horvat", "horvat" }, { "AC/DC", "acdc", "AC\\/DC" }, { "van der Berg", "vanderberg" }, { "Tanaka", "tanaka" },
   { 'Lee "Junior"', "lee", 'Lee \\"Junior\\"' }, { "Ivanova", "ivanova" }, { "Back\\slash", "backslash", "Back\\\\slash" },
   { "Rossi", "rossi" },
}
local PLACES = {
   { "Ljubljana", "Slovenia" }, { "München", "Germany" }, { "Jersey City", "United States" }, { "東京", "Japan" },
   { "Melbourne", "Australia" }, { "Abidjan", "Côte d'Ivoire" }, { "Utrecht", "Netherlands" },
}
local DEPARTMENTS = { "DEV", "Finance", "Human Resources", "Sales", "Research & Development" }
local TITLES = { "Software developer", "Accountant", "Office manager", "Account executive", "Head of research", "Trainee" }
local COMPANIES = { "BK Company", "Element d.o.o.", "Example Partners Ltd" }

local STATUS = {
   {}, { 0 }, { 0, 1 }, {}, { 5 }, { 6 }, { 0, 2 }, {}, { 3 }, { 4 }, { 8 }, {}, { 1, 7 }, { 0, 5, 6 }, {},
   { 0, 1, 2, 3, 4, 5, 6, 7, 8 },
}
local STATUS_TEXT = {}
for i, codes in ipairs(STATUS) do
   STATUS_TEXT[i] = "[" .. concat(codes, ",") .. "]"
end

--- A user's id: looks random, and its last group is the number itself, so an id leads back to its user.
---@param n integer
---@return string
function tenant.id(n)
   return format("%08x-%04x-4%03x-a%03x-%012x", (n * 48271 + 11) % 2147483647, (n * 7919) % 65521,
      (n * 613) % 4093, (n * 1193) % 4091, n)
end

--- The number of an id in any case of letters, or nil for an id that no user can have.
---@param id string
---@return integer?
function tenant.number(id)
   local n = tonumber(id:match("%-(%x%x%x%x%x%x%x%x%x%x%x%x)$") or "", 16)
   if n and n >= 1 and n < 2 ^ 40 and id:lower() == tenant.id(n) then
      return n
   end
end

local function people(n)
   local first = FIRST[n % #FIRST + 1]
   local last = LAST[floor(n / 3) % #LAST + 1]
   return first, last, PLACES[n % #PLACES + 1]
end

local function date(n, years)
   if n % 4 == 0 then
      return "1970-01-01T00:00:00Z"
   end
   return format("%04d-%02d-%02dT%02d:00:00Z", years + n % 6, n % 12 + 1, n % 28 + 1, n % 24)
end

local TEMPLATE = '{"id":"%s","userPrincipalName":"%s.%s%.0f@element.onmicrosoft.com","mail":"%s.%s%.0f@element.example",'
   .. '"displayName":"%s %s","firstName":"%s","lastName":"%s","employeeId":"E%07.0f","location":"%s","company":"%s",'
   .. '"department":"%s","mobile":"+386 40 %06d","jobTitle":"%s","isTestUser":%s,"age":%d,"startDate":"%s",'
   .. '"endDate":"%s","officePhone":"+386 1 %04d %03d","countryOrRegion":"%s","status":%s}'

local function plain(n)
   local first, last, place = people(n)
   local f, l = first[3] or first[1], last[3] or last[1]
   local s = n % #STATUS + 1
   return format(TEMPLATE, tenant.id(n), first[2], last[2], n, first[2], last[2], n, f, l, f, l, n, place[1],
      COMPANIES[n % #COMPANIES + 1], DEPARTMENTS[n % #DEPARTMENTS + 1], n % 1000000, TITLES[n % #TITLES + 1],
      s == 11 and "true" or "false", n * 7 % 400, date(n, 2018), date(n + 2, 2027), n * 31 % 10000, n % 1000, place[2],
      STATUS_TEXT[s])
end

local function quoted(text)
   return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

-- What status knob makes of user n: the value a client should deliver (nil: absent) and the JSON (nil: field left out).
local function status(n, mode)
   if mode == "mixed" then
      mode = ({ "integer", "null", "absent", "array" })[n % 4 + 1]
   end
   if mode == "integer" then
      return { n % 9 }, tostring(n % 9)
   elseif mode == "null" then
      return nil, "null"
   elseif mode == "absent" then
      return nil, nil
   end
   local codes = {}
   for i, code in ipairs(STATUS[n % #STATUS + 1]) do
      codes[i] = code
   end
   if mode == "unknown_code" then
      codes[#codes + 1] = 9
      codes[#codes + 1] = 42
   end
   return codes, "[" .. concat(codes, ",") .. "]"
end

-- Which fields nulls=1 takes from user n; the id never.
local function is_null(n, i)
   return i > 1 and (n + i) % 3 == 0
end

-- The fields that the vendor's sample lacks.
local ABSENT = { mail = true, employeeId = true, location = true, officePhone = true }

local function varied(n, knobs)
   local first, last, place = people(n)
   local name = first[1] .. " " .. last[1]
   if knobs.big then
      name = name .. ("x"):rep(knobs.big - #name)
   end
   local address = format("%s.%s%.0f@", first[2], last[2], n)
   local id = tenant.id(n)
   local s = n % #STATUS + 1
   local user = {
      id = knobs.filter_case == "upper" and id:upper() or id,
      userPrincipalName = address .. "element.onmicrosoft.com",
      mail = address .. "element.example",
      displayName = name,
      firstName = first[1],
      lastName = last[1],
      employeeId = format("E%07.0f", n),
      location = place[1],
      company = COMPANIES[n % #COMPANIES + 1],
      department = DEPARTMENTS[n % #DEPARTMENTS + 1],
      mobile = format("+386 40 %06d", n % 1000000),
      jobTitle = TITLES[n % #TITLES + 1],
      isTestUser = s == 11,
      age = n * 7 % 400,
      startDate = date(n, 2018),
      endDate = date(n + 2, 2027),
      officePhone = format("+386 1 %04d %03d", n * 31 % 10000, n % 1000),
      countryOrRegion = place[2],
   }
   local status_text
   user.status, status_text = status(n, knobs.status)
   local parts = {}
   for i, field in ipairs(tenant.FIELDS) do
      local value, text = user[field], nil
      if field == "status" then
         text = status_text
      elseif knobs.absent and ABSENT[field] then
         user[field] = nil
      elseif knobs.nulls and is_null(n, i) then
         user[field], text = nil, "null"
      elseif type(value) == "string" then
         text = quoted(value)
      else
         text = type(value) == "number" and format("%d", value) or tostring(value)
      end
      if text then
         parts[#parts + 1] = '"' .. field .. '":' .. text
      end
   end
   return user, "{" .. concat(parts, ",") .. "}"
end

--- The JSON text of user n as the service sends it.
---@param n integer
---@param knobs? table  nulls, absent, status, big, filter_case as in knobs.lua
---@return string
function tenant.json(n, knobs)
   if knobs and (knobs.nulls or knobs.absent or knobs.status or knobs.big or knobs.filter_case) then
      local _, text = varied(n, knobs)
      return text
   end
   return plain(n)
end

--- User n as a client should deliver it (null is absent, one status an array of one), and its JSON text.
---@param n integer
---@param knobs? table
---@return table user
---@return string json
function tenant.user(n, knobs)
   return (varied(n, knobs or {})), tenant.json(n, knobs)
end

--- The text of one answer.
---@param records string[]  JSON texts
---@param index integer
---@param size integer
---@param total integer
---@return string
function tenant.page(records, index, size, total)
   return '{"data":[' .. concat(records, ",")
      .. format('],"metadata":{"pageIndex":%.0f,"pageSize":%.0f,"totalCount":%.0f}}', index, size, total)
end

return tenant
