-- file: reads a file that an option names.

local format = string.format
local open = io.open

local file = {}

---Reads a whole file.
---@param path string
---@param most integer bytes; a longer file is refused
---@return string? text never empty
---@return string? message
function file.read(path, most)
   local handle <close>, message = open(path, "rb")
   if not handle then
      return nil, message
   end
   local text
   text, message = handle:read(most + 1)
   if not text then
      return nil, message or "it is empty"
   elseif #text > most then
      return nil, format("it has more than %d bytes", most)
   end
   return text
end

return file
