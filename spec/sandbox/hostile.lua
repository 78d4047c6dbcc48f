-- Names that a directory may hold and that are meant to do something to whoever shows them: the knob shape=hostile gives
-- them to the first users of a page. The same file runs in nginx and in Lua 5.4.

local hostile = {}

hostile.NAMES = {
   "=cmd|' /C calc'!A0", "+1+cmd()", "-2+3", "@SUM(A1:A9)", "\t=1+1", "\r=1+1", "\n=1+1", "+386 1 555", "a,b;c", "say \"hi\"",
   "two\nlines", "two\r\nlines", "\27[31mred\27[2J", "\27]0;title\7", "\226\128\174evil\226\128\172", "\194\155\51\49m",
   "nul\0nul", "\255\192\128", "e\204\129", "\240\159\145\168\226\128\141\240\159\145\169", "\230\157\177\228\186\172", "\127",
   "\226\128\168line\226\128\169", ("long "):rep(13108), "'=1", "", " ", "\\", "a\204\129\204\129\204\129\204\129\204\129\204\129"
      .. ("\204\129"):rep(1000),
}

--- The text of a JSON string; bytes that are no UTF-8 stay as they are.
function hostile.json(text)
   return '"' .. text:gsub('[%c"\\]', function(c)
      return ("\\u%04x"):format(c:byte())
   end) .. '"'
end

return hostile
