-- file: reads a file that an option names: a certificate, a key, authorities.
--
-- Criteria: it takes memory by what the file has, not by what it may have; a message names the file and shows nothing
-- of what is in it.

local concat = table.concat
local format = string.format
local open = io.open

local file = {}

local PIECE = 65536 -- bytes read at once; Lua takes a buffer of all that is asked for

---Reads a whole file.
---@param path string
---@param most integer bytes; a longer file is refused
---@return string? text never empty
---@return string? message with the path
function file.read(path, most)
   local handle <close>, message = open(path, "rb")
   if not handle then
      return nil, message
   end
   local parts, size = {}, 0
   repeat
      local part, why = handle:read(PIECE)
      if why then
         return nil, path .. ": " .. why
      end
      parts[#parts + 1] = part
      size = size + #(part or "")
      if size > most then
         return nil, format("%s has more than %d bytes", path, most)
      end
   until not part
   if size == 0 then
      return nil, path .. " is empty"
   end
   return concat(parts)
end

return file
