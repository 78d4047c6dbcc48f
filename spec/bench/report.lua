-- What a bench shows: tables for people, a file of figures for the README, and what missed its limit.
-- Criteria: a figure with a limit has it beside it, and "ok" or "MISSED"; the file has one "name value" line a figure.

local report = {}
report.__index = report

---@return table report
function report.new()
   return setmetatable({ lines = {}, missed = {} }, report)
end

local function width(text)
   return utf8.len(text) or #text
end

--- Digits in threes: 1,234,567.
---@param n number
---@return string
function report.whole(n)
   local text = ("%d"):format(math.floor(n + 0.5)):reverse():gsub("(%d%d%d)", "%1,"):reverse()
   return (text:gsub("^(%-?),", "%1"))
end

--- Keeps a figure for the file.
---@param name string
---@param value number|string
function report:figure(name, value)
   if math.type(value) == "float" then
      value = ("%.6g"):format(value)
   end
   self.lines[#self.lines + 1] = name .. " " .. tostring(value)
end

--- Keeps a figure that must not be above its limit (or below it, where `least` is set).
---@param name string
---@param value number
---@param limit number
---@param form? string  of both numbers, "%.2f" if not given
---@param least? boolean
---@return string cell
function report:limit(name, value, limit, form, least)
   form = form or "%.2f"
   local good = least and value >= limit or not least and value <= limit
   local shown = form:format(value)
   local bound = (least and "at least " or "at most ") .. form:format(limit)
   self:figure(name, value)
   if not good then
      self.missed[#self.missed + 1] = ("%s: %s, %s"):format(name, shown, bound)
   end
   return ("%s  (%s) %s"):format(shown, bound, good and "ok" or "MISSED")
end

--- Keeps whether something that must be so is so.
---@param name string
---@param good boolean
---@param shown string
---@return string cell
function report:must(name, good, shown)
   self:figure(name, good and "yes" or "no")
   if not good then
      self.missed[#self.missed + 1] = name .. ": " .. shown
   end
   return shown .. (good and "  ok" or "  MISSED")
end

--- Prints a table.
---@param title string
---@param rows (string|number)[][]  the first has the columns' names
---@param notes? string[]
function report.print(title, rows, notes)
   local widths = {}
   for _, row in ipairs(rows) do
      for i, cell in ipairs(row) do
         widths[i] = math.max(widths[i] or 0, width(tostring(cell)))
      end
   end
   print("\n" .. title)
   for at, row in ipairs(rows) do
      local cells = {}
      for i, cell in ipairs(row) do
         local text = tostring(cell)
         local space = (" "):rep(widths[i] - width(text))
         -- numbers stand right, words left
         cells[i] = text:find("^%-?[%d.,]+ ?%a?%a?$") and space .. text or text .. space
      end
      print(("   " .. table.concat(cells, "  "):gsub("%s+$", "")))
      if at == 1 then
         local line = {}
         for i = 1, #row do
            line[i] = ("-"):rep(widths[i])
         end
         print("   " .. table.concat(line, "  "))
      end
   end
   for _, note in ipairs(notes or {}) do
      print("   " .. note)
   end
   io.stdout:flush()
end

--- Writes the figures to a file.
---@param path string
function report:save(path)
   local file = assert(io.open(path, "w"))
   file:write(table.concat(self.lines, "\n"), "\n")
   file:close()
end

return report
