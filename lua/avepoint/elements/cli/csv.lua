-- csv: users as CSV by RFC 4180: a header, CRLF, every column always there in one order.
--
-- Names are written by others, and a spreadsheet runs a cell that begins like a formula: those get a ' before them, and
-- control characters become \xNN, since such files are shown in terminals too. `raw` leaves both as they are. An absent
-- field is an empty cell; "none" under status is a user who has no flag.

local fields = require("avepoint.elements.cli.fields")
local json = require("avepoint.elements.cli.json")
local text = require("avepoint.elements.cli.text")

local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub
local concat = table.concat

local csv = {}

local FORMULA = {}
for _, c in ipairs { "=", "+", "-", "@", "\t", "\r", "\n" } do
   FORMULA[byte(c)] = true
end

local TELEPHONE = "^%+%d[%d %-%.%(%)/]*$"

-- A row of one empty cell; an empty line is no row to many readers.
local EMPTY = "\"\"\r\n"

local function hex(c)
   return format("\\x%02x", byte(c, -1))
end

local function guarded(s)
   if FORMULA[byte(s)] and not find(s, TELEPHONE) then
      s = "'" .. s
   end
   if find(s, "[%c\xc2]") then
      s = gsub(s, "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", hex)
      s = gsub(s, "\xc2[\x80-\x9f]", hex)
   end
   return s
end

-- A cell that needs a second look: other bytes than printable ASCII, quotes, commas, or a formula's first character.
local SPECIAL = "[^\x20\x21\x23-\x2b\x2d-\x7e]"

local function cell_of(value, raw)
   if type(value) == "string" then
      if not find(value, SPECIAL) and not FORMULA[byte(value)] then
         return value
      end
      value = text.repaired(value)
      if not raw then
         value = guarded(value)
      end
      if find(value, "[\",\r\n]") then
         value = "\"" .. gsub(value, "\"", "\"\"") .. "\""
      end
      return value
   end
   return value == nil and "" or type(value) == "table" and cell_of(json.encode(value), raw) or tostring(value)
end

---@param options {fields: string[], raw: boolean?}
---@return table format
function csv.rows(options)
   local names, raw = options.fields, options.raw
   return {
      head = concat(names, ",") .. "\r\n",
      row = function(user)
         local cells = {}
         for i, name in ipairs(names) do
            local value = user[name]
            if name == "status" then
               cells[i] = fields.flags(user, ";") or ""
            else
               cells[i] = cell_of(value, raw)
            end
         end
         return (cells[2] or cells[1] ~= "") and concat(cells, ",") .. "\r\n" or EMPTY
      end,
      foot = "",
   }
end

return csv
