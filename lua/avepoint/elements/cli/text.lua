-- text: foreign text made fit for a terminal or a file: repaired, harmless, and as wide as a cell.
--
-- Names come from a directory that others fill. Whatever stands in them, it is well-formed UTF-8 when it leaves here,
-- and nothing in a cell moves the cursor or turns the writing direction. Work is bounded by the cell, not by the text.

local widths = require("avepoint.elements.cli.widths")

local byte, find, format, gmatch, gsub = string.byte, string.find, string.format, string.gmatch, string.gsub
local match, rep, sub = string.match, string.rep, string.sub
local utf8_char, utf8_codes, utf8_len = utf8.char, utf8.codes, utf8.len
local concat = table.concat

local text = {}

local REPLACEMENT = "\u{FFFD}"
local MAX_MARKS = 8 -- that combine with one character

---The same text with U+FFFD for each byte that is no UTF-8.
---@param s string
---@return string
function text.repaired(s)
   if utf8_len(s) then
      return s
   end
   local parts, at = {}, 1
   while true do
      local n, bad = utf8_len(s, at)
      if n then
         parts[#parts + 1] = sub(s, at)
         return concat(parts)
      end
      parts[#parts + 1] = sub(s, at, bad - 1)
      parts[#parts + 1] = REPLACEMENT
      at = bad + 1
      if at > #s then
         return concat(parts)
      end
   end
end

local function hex(c)
   return format("\\x%02x", byte(c, -1))
end

---Control characters as `\xNN`, marks of direction and Unicode's line ends as `?`; well-formed.
---@param s string
---@return string
function text.harmless(s)
   if not find(s, "[^\x20-\x7e]") then
      return s
   end
   s = gsub(text.repaired(s), "[\x00-\x1f\x7f]", hex)
   s = gsub(s, "\xc2[\x80-\x9f]", hex)
   s = gsub(s, "\xe2\x80[\x8e\x8f\xa8-\xae]", "?")
   s = gsub(s, "\xe2\x81[\xa6-\xa9]", "?")
   return (gsub(s, "\xd8\x9c", "?"))
end

local function ranges(list)
   local from, to = {}, {}
   for first, last in gmatch(list, "(%x+)%-?(%x*)") do
      from[#from + 1] = tonumber(first, 16)
      to[#to + 1] = last == "" and from[#from] or tonumber(last, 16)
   end
   return function(code)
      local low, high = 1, #from
      while low <= high do
         local middle = (low + high) // 2
         if code < from[middle] then
            high = middle - 1
         elseif code > to[middle] then
            low = middle + 1
         else
            return true
         end
      end
      return false
   end
end

local is_zero, is_wide = ranges(widths.zero), ranges(widths.wide)

local function width_of(code)
   return code < 0x300 and 1 or is_zero(code) and 0 or is_wide(code) and 2 or 1
end

---Columns that a harmless text takes in a terminal.
---@param s string
---@return integer
function text.width(s)
   local n = 0
   for _, code in utf8_codes(s) do
      n = n + width_of(code)
   end
   return n
end

-- The first bytes of a text, whole characters where it has any: more than a cell of this width can show.
local function head(s, width)
   local most = (width + 1) * 4 * (MAX_MARKS + 1)
   if #s <= most then
      return s
   end
   return match(sub(s, 1, most), "^(.-)[\xc0-\xff]?[\x80-\xbf]*$")
end

---A text in a cell of so many columns: harmless, filled with spaces, or cut and marked with "…".
---@param s string
---@param width integer at least 1
---@param right boolean? aligned to the right
---@return string
function text.cell(s, width, right)
   if #s > width or find(s, "[^\x20-\x7e]") then
      local short = head(s, width)
      local whole = #short == #s
      s = text.harmless(short)
      local used, marks, keep, fits = 0, 0, 0, true
      for at, code in utf8_codes(s) do
         local columns = width_of(code)
         marks = columns == 0 and marks + 1 or 0
         if used + columns > width or marks > MAX_MARKS then
            fits = false
            break
         end
         used = used + columns
         if used < width then -- here "…" would still fit behind
            keep = at + #utf8_char(code) - 1
         end
      end
      if not fits or not whole then
         s = sub(s, 1, keep) .. "…"
      end
      local room = rep(" ", width - text.width(s))
      return right and room .. s or s .. room
   end
   local room = rep(" ", width - #s)
   return right and room .. s or s .. room
end

return text
