-- What the targets share: reading an input piece by piece, answers made of bytes, and what any text for people must be.

local bytes = {}

-- A string stands in for the body of an answer, which the core alone can make.
local methods = getmetatable("").__index

function methods.text(s, n)
   return s:sub(1, n or -1)
end

function methods.close() end

---Makes strings what they were.
function bytes.finish()
   methods.text, methods.close = nil, nil
end

---An answer as core's take gives it.
---@param fields table
---@return table
function bytes.answer(fields)
   local answer = {
      id = 1, ended = "answered", code = 0, status = 200, connect_status = 0, seconds = 0, message = "", headers = "", body = "",
   }
   for name, value in pairs(fields) do
      answer[name] = value
   end
   return answer
end

---The lines of an input, at least so many, without their ends; the last one may have any number of lines.
---@param input string
---@param n integer
---@return string ...
function bytes.lines(input, n)
   local parts, from = {}, 1
   for i = 1, n - 1 do
      local at = input:find("\n", from, true) or #input + 1
      parts[i], from = input:sub(from, at - 1), at + 1
   end
   parts[n] = input:sub(from)
   return table.unpack(parts)
end

---Raises where a text is not one printable line of UTF-8 of a bounded length.
---@param text string
---@return string text
function bytes.printable(text)
   assert(#text <= 2000, "a text of " .. #text .. " bytes")
   assert(utf8.len(text), "not UTF-8")
   assert(not text:find("%c"), "a control character")
   for _, c in utf8.codes(text) do
      assert(not (c >= 0x80 and c < 0xa0), "a C1 control character")
      assert(not (c == 0x61c or c == 0x200e or c == 0x200f or c >= 0x2028 and c <= 0x202e or c >= 0x2066 and c <= 0x2069),
         "a mark that turns the writing direction, or a line's end")
   end
   return text
end

-- What must never come out.
bytes.SECRET = "eyJhbGciOiJSUzI1NiJ9.Zm9vYmFyLWJheg-4kQx7_pLw2Vt~0dHn+Yb6uCs/9EaJrT3oXiKfMvPzSlGq=="

local PART = 16 -- bytes of it that may not be seen

---An input with the secret in place of every \1.
---@param input string
---@return string
function bytes.planted(input)
   return (input:gsub("\1", bytes.SECRET))
end

-- libFuzzer sees what is compared, and so learns pieces of the secret.
local function is_learnt(part, input)
   for from = 1, PART // 2 do
      if input:find(part:sub(from, from + PART // 2 - 1), 1, true) then
         return true
      end
   end
   return false
end

---Raises where a text shows the secret, in whole or in part, other than as the input does.
---@param text string
---@param input string before the secret was planted
function bytes.secret_free(text, input)
   for from = 1, #bytes.SECRET - PART + 1 do
      local part = bytes.SECRET:sub(from, from + PART - 1)
      assert(not text:find(part, 1, true) or is_learnt(part, input), "a secret is shown")
   end
end

return bytes
