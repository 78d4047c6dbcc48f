-- gzip in plain Lua for the liar: streams that are whole, and one that is small and unpacks to
-- hundreds of megabytes. Criteria: no library; every byte known, so that a stream can be cut or
-- spoilt at a place that means something.

local stored = {}

local TABLE = {}
for i = 0, 255 do
   local c = i
   for _ = 1, 8 do
      c = (c & 1) == 1 and 0xEDB88320 ~ (c >> 1) or c >> 1
   end
   TABLE[i] = c
end

local function crc32(text)
   local c = 0xFFFFFFFF
   for i = 1, #text do
      c = TABLE[(c ~ text:byte(i)) & 0xFF] ~ (c >> 8)
   end
   return c ~ 0xFFFFFFFF
end

local HEAD = "\31\139\8\0\0\0\0\0\0\255"

--- gzip of a text, in stored blocks.
---@param text string
---@return string
function stored.gzip(text)
   local parts = { HEAD }
   for from = 1, math.max(#text, 1), 65535 do
      local piece = text:sub(from, from + 65534)
      local last = from + 65535 > #text
      parts[#parts + 1] = ("<BI2I2"):pack(last and 1 or 0, #piece, ~#piece & 0xFFFF) .. piece
   end
   parts[#parts + 1] = ("<I4I4"):pack(crc32(text), #text & 0xFFFFFFFF)
   return table.concat(parts)
end

--- A gzip stream of about `megabytes` spaces, 158 times smaller: one block of the fixed code, in which
--- 13 bytes stand for eight matches of 258. It has no end; who reads it should have stopped by then.
---@param megabytes integer
---@return string
function stored.bomb(megabytes)
   -- block header (not last, fixed code), the literal " " (code 0x50, 8 bits), then matches: length code 285
   -- (11000101) and distance code 0 (00000); codes go in from their highest bit
   local bits = { 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0 }
   local match = { 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0 }
   for _ = 1, 9 do
      table.move(match, 1, 13, #bits + 1, bits)
   end
   local bytes = {}
   for i = 1, 11 + 104 + 13 - 7, 8 do
      local byte = 0
      for j = 0, 7 do
         byte = byte | (bits[i + j] or 0) << j
      end
      bytes[#bytes + 1] = string.char(byte)
   end
   local text = table.concat(bytes)
   -- after the first two bytes the pattern repeats every 13 bytes
   return HEAD .. text:sub(1, 2) .. text:sub(3, 15):rep(math.ceil(megabytes * 1048576 / 2064))
end

return stored
