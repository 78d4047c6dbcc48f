-- The README as data, for the specs that hold it against the code: headings, blocks, tables.
--
-- Criteria: Markdown as this page has it; what is between fences is no heading and no table.

local keeper = require("spec.sandbox.keeper")

local readme = { text = assert(keeper.read("README.md")) }

---@class Heading
---@field depth integer
---@field text string  without the marks
---@field lines string[]  of its own, up to the next heading
---@field from integer  its place in readme.headings

---@class Block
---@field language string
---@field text string
---@field name string  the heading above it, and which of its language it is there

readme.headings = {}
readme.blocks = {}

local fence, block
for line in readme.text:gmatch("([^\n]*)\n") do
   local heading = readme.headings[#readme.headings]
   local language = line:match("^```(%w*)")
   local marks, text = line:match("^(#+) (.+)$")
   if fence then
      if line == "```" then
         block.text, fence = table.concat(fence, "\n") .. "\n", nil
      else
         fence[#fence + 1] = line
      end
   elseif language then
      local n = 1
      for _, other in ipairs(readme.blocks) do
         n = n + (other.heading == heading and other.language == language and 1 or 0)
      end
      fence, block = {}, { language = language, heading = heading, name = heading.text .. " " .. n }
      readme.blocks[#readme.blocks + 1] = block
   elseif marks then
      local at = #readme.headings + 1
      readme.headings[at] = { depth = #marks, text = text, lines = {}, from = at }
   elseif heading then
      heading.lines[#heading.lines + 1] = line
   end
end
assert(not fence, "README: a block without its end")

--- The first heading that begins with this text.
---@param text string
---@return Heading
function readme.heading(text)
   for _, heading in ipairs(readme.headings) do
      if heading.text:sub(1, #text) == text then
         return heading
      end
   end
   error("README has no heading " .. text, 2)
end

--- The headings below one.
---@param text string
---@return Heading[]
function readme.below(text)
   local above = readme.heading(text)
   local list = {}
   for i = above.from + 1, #readme.headings do
      local heading = readme.headings[i]
      if heading.depth <= above.depth then
         break
      end
      list[#list + 1] = heading
   end
   return list
end

--- The rows of the tables right below a heading, cell by cell; those of the table whose head begins so, where given.
---@param text string  the heading
---@param head? string  first cell of the table's head
---@return string[][]
function readme.rows(text, head)
   local rows, current, previous = {}, nil, nil
   for _, line in ipairs(readme.heading(text).lines) do
      local inner = line:match("^|(.*)|$")
      if not inner then
         current = nil
      elseif inner:find("^[ %-|]+$") and inner:find("-", 1, true) then
         current = previous
      elseif current and (not head or current[1] == head) then
         rows[#rows + 1] = {}
      end
      local cells = {}
      for cell in (inner or ""):gmatch("([^|]*)") do
         cells[#cells + 1] = cell:match("^%s*(.-)%s*$")
      end
      if rows[#rows] and not rows[#rows][1] then
         rows[#rows] = cells
      end
      previous = inner and cells
   end
   return rows
end

--- What stands between backticks.
---@param text string
---@return string[]
function readme.code(text)
   local list = {}
   for word in text:gmatch("`([^`]+)`") do
      list[#list + 1] = word
   end
   return list
end

--- What stands between backticks in the first cells of a table, sorted.
---@param text string  the heading
---@param head? string
---@return string[]
function readme.names(text, head)
   local list = {}
   for _, row in ipairs(readme.rows(text, head)) do
      table.move(readme.code(row[1]), 1, 99, #list + 1, list)
   end
   table.sort(list)
   return list
end

return readme
