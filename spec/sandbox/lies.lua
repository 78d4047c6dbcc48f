-- What the liar can do to a request, by name: lie=NAME. Each function gets the connection and the
-- honest answer { status, type, body, head(extra), knobs } and writes bytes; it gives true when the
-- connection goes on to the next request, else it is closed. arg=N is the lie's own number.
-- Criteria: one lie one thing wrong (those marked legal must be accepted); no lie needs a library
-- that would correct it.

local stored = require("spec.sandbox.stored")

local lies = {}

local END = "\r\n\r\n"

local function headers(...)
   return table.concat({ ... }, "\r\n") .. END
end

local function length(honest)
   return "Content-Length: " .. #honest.body
end

local function good(c, honest, ...)
   c:send(honest.head(length(honest), ...) .. honest.body)
   return true
end

--- A text in chunks of at most `size` bytes, without the last empty one.
---@param text string
---@param size integer
---@return string
function lies.chunks(text, size)
   local parts = {}
   for from = 1, #text, size do
      local piece = text:sub(from, from + size - 1)
      parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#piece, piece)
   end
   return table.concat(parts)
end

local chunks = lies.chunks
local CHUNKED = "Transfer-Encoding: chunked"
local GZIP = "Content-Encoding: gzip"

local by_name = { none = good }
lies.by_name = by_name

-- The connection --------------------------------------------------------------------------------

function by_name.close() end

function by_name.reset(c)
   c:reset()
end

function by_name.reset_in_body(c, honest)
   c:send(honest.head(length(honest)) .. honest.body:sub(1, #honest.body // 2))
   c:sleep(0.05)
   c:reset()
end

-- The first answer is good, the second request on the connection finds it dying.
function by_name.die_on_reuse(c, honest)
   return c.requests == 1 and good(c, honest)
end

function by_name.reset_on_reuse(c, honest)
   if c.requests == 1 then
      return good(c, honest)
   end
   c:reset()
end

-- Good, says keep-alive, and closes when idle.
function by_name.close_when_idle(c, honest)
   good(c, honest)
end

-- legal
function by_name.say_close(c, honest)
   good(c, honest, "Connection: close")
end

-- The body's end ----------------------------------------------------------------------------------

function by_name.short(c, honest)
   c:send(honest.head("Content-Length: " .. #honest.body + 100) .. honest.body)
end

function by_name.half(c, honest)
   c:send(honest.head(length(honest)) .. honest.body:sub(1, #honest.body // 2))
end

function by_name.stall(c, honest)
   c:send(honest.head(length(honest)) .. honest.body:sub(1, #honest.body // 2))
   c:hold()
end

function by_name.longer(c, honest)
   c:send(honest.head("Content-Length: " .. #honest.body - 10) .. honest.body)
   return true
end

-- legal: the rest belongs to no request
function by_name.surplus(c, honest)
   c:send(honest.head(length(honest)) .. honest.body .. "HTTP/1.1 200 OK\r\nContent-Le")
   return true
end

function by_name.two_answers(c, honest)
   local other = honest.body:gsub('"id":"', '"id":"0')
   c:send(honest.head(length(honest)) .. honest.body .. honest.head("Content-Length: " .. #other) .. other)
   return true
end

local LENGTHS = {
   negative_length = "-5", huge_length = "12345678901234567890123", text_length = "ten", empty_length = "",
   plus_length = "+10", list_length = "10, 20", zero_length = "0",
}
for name, value in pairs(LENGTHS) do
   by_name[name] = function(c, honest)
      c:send(honest.head("Content-Length: " .. value) .. honest.body)
   end
end

function by_name.two_lengths(c, honest)
   c:send(honest.head(length(honest), "Content-Length: 10") .. honest.body)
end

function by_name.length_and_chunks(c, honest)
   c:send(honest.head("Content-Length: 5", CHUNKED) .. chunks(honest.body, 500) .. "0\r\n\r\n")
end

-- legal
function by_name.chunked(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body, 500) .. "0\r\n\r\n")
   return true
end

-- legal
function by_name.chunked_trailer(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body, 500) .. "0\r\nX-Checksum: 1\r\n\r\n")
   return true
end

-- legal
function by_name.chunked_bytes(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body, 1) .. "0\r\n\r\n")
   return true
end

function by_name.chunked_cut(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body:sub(1, #honest.body // 2), 500))
end

function by_name.chunked_no_end(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body, 500))
end

function by_name.chunked_bad(c, honest)
   c:send(honest.head(CHUNKED) .. chunks(honest.body:sub(1, 500), 500) .. "zz\r\n" .. honest.body)
end

function by_name.chunked_huge(c, honest)
   c:send(honest.head(CHUNKED) .. "fffffffffffffffff\r\n" .. honest.body)
end

-- legal
function by_name.to_the_end(c, honest)
   c:send(honest.head("Connection: close") .. honest.body)
end

function by_name.to_the_end_cut(c, honest)
   c:send(honest.head("Connection: close") .. honest.body:sub(1, honest.knobs.arg or #honest.body // 2))
end

-- Encodings ---------------------------------------------------------------------------------------

local function encoded(change, ...)
   local more = { ... }
   return function(c, honest)
      local text = change(stored.gzip(honest.body), honest)
      c:send(honest.head("Content-Length: " .. #text, table.unpack(more)) .. text)
      return true
   end
end

by_name.gzip = encoded(function(text) return text end, GZIP) -- legal
by_name.gzip_cut = encoded(function(text, honest) return text:sub(1, honest.knobs.arg or #text // 2) end, GZIP)
by_name.gzip_fake = encoded(function(_, honest) return honest.body end, GZIP)
by_name.gzip_spoilt = encoded(function(text) return text:sub(1, -9) .. "\0\0\0\0" .. text:sub(-4) end, GZIP)
by_name.gzip_surplus = encoded(function(text) return text .. "surplus" end, GZIP)
by_name.gzip_twice = encoded(function(text) return stored.gzip(text) end, "Content-Encoding: gzip, gzip")
by_name.gzip_six = encoded(function(text)
   for _ = 1, 5 do
      text = stored.gzip(text)
   end
   return text
end, "Content-Encoding: gzip, gzip, gzip, gzip, gzip, gzip")
by_name.gzip_bomb = encoded(function(_, honest) return stored.bomb(honest.knobs.arg or 200) end, GZIP)
by_name.brotli = encoded(function(_, honest) return honest.body end, "Content-Encoding: br")
by_name.unknown_encoding = encoded(function(_, honest) return honest.body end, "Content-Encoding: zap")
by_name.identity = encoded(function(_, honest) return honest.body end, "Content-Encoding: identity") -- legal

function by_name.gzip_bomb_error(c, honest)
   local text = stored.bomb(honest.knobs.arg or 200)
   c:send(headers("HTTP/1.1 500 Sorry", "Content-Length: " .. #text, GZIP) .. text)
end

-- The head ----------------------------------------------------------------------------------------

local HEADS = {
   garbage = "\1\2\3\255 nonsense\r\nmore of it\r\n\r\n", status_text = headers("HTTP/1.1 abc OK"),
   nul_in_header = headers("HTTP/1.1 200 OK", "X-A: a\0b", "Content-Length: 2") .. "{}",
   no_colon = headers("HTTP/1.1 200 OK", "this is no header", "Content-Length: 2") .. "{}",
   http_3 = headers("HTTP/3.0 200 OK", "Content-Length: 2") .. "{}", head_cut = "HTTP/1.1 200 OK\r\nContent-Type: app",
   line_cut = "HTTP/1.1 20", switching = headers("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: Upgrade"),
   icy = headers("ICY 200 OK") .. "{}", ftp = "220 ready\r\n", tls_alert = "\21\3\3\0\2\2\40",
   no_content = headers("HTTP/1.1 204 No Content"), reset_content = headers("HTTP/1.1 205 Reset", "Content-Length: 0"),
   long_location = headers("HTTP/1.1 302 Found", "Location: /" .. ("x"):rep(3000), "request-id: after", "Content-Length: 0"),
   not_modified = headers("HTTP/1.1 304 Not Modified"),
   html = headers("HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 28") .. "<html>Please log in. </html>",
   negotiate = headers("HTTP/1.1 401 No", "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM",
      'WWW-Authenticate: Basic realm="x"', "Content-Length: 0"),
   proxy_auth = headers("HTTP/1.1 407 No", 'Proxy-Authenticate: Basic realm="x"', "Content-Length: 0"),
   escapes = headers("HTTP/1.1 500 \27[31mred\27]0;title\7", "request-id: \27[2J\127", "Content-Length: 4") .. "\27[5m",
}
for name, text in pairs(HEADS) do
   by_name[name] = function(c)
      c:send(text)
   end
end

function by_name.http09(c, honest)
   c:send(honest.body)
end

-- arg: the status; the honest body with it
function by_name.status(c, honest)
   c:send(("HTTP/1.1 %03d Odd\r\n"):format(honest.knobs.arg or 0) .. headers(length(honest)) .. honest.body)
   return true
end

-- legal
function by_name.http10(c, honest)
   c:send(headers("HTTP/1.0 200 OK", "Content-Type: application/json") .. honest.body)
end

-- legal
function by_name.no_reason(c, honest)
   c:send(headers("HTTP/1.1 200", length(honest)) .. honest.body)
   return true
end

-- the first header line goes on from none
function by_name.folded_first(c, honest)
   c:send("HTTP/1.1 200 OK\r\n folded: 1\r\n" .. headers(length(honest)) .. honest.body)
   return true
end

-- legal
function by_name.early_hints(c, honest)
   c:send(headers("HTTP/1.1 103 Early Hints", "Link: </x>") .. honest.head(length(honest)) .. honest.body)
   return true
end

-- legal; none of it may come back with the next request
function by_name.cookie(c, honest)
   return good(c, honest, "Set-Cookie: a=b; Path=/", 'Alt-Svc: h2="127.0.0.1:1"', "Strict-Transport-Security: max-age=99")
end

-- arg: the status; Location is the liar's other address
function by_name.redirect(c, honest)
   c:send(headers(("HTTP/1.1 %d Elsewhere"):format(honest.knobs.arg or 302), "Location: " .. honest.elsewhere,
      "Content-Length: 0"))
   return true
end

-- For ever ------------------------------------------------------------------------------------------

local function flood(start, piece)
   return function(c, honest)
      c:send(start == "" and "" or honest.head(start):sub(1, -3))
      while true do
         c:send(piece)
      end
   end
end

by_name.continue_flood = flood("", headers("HTTP/1.1 100 Continue"):rep(100))
by_name.processing_flood = flood("", headers("HTTP/1.1 102 Processing"):rep(100))
by_name.header_flood = flood("X-First: 1", ("X-Flood: " .. ("x"):rep(90) .. "\r\n"):rep(100))
by_name.endless = flood("Connection: close\r\n", (" "):rep(16384))
by_name.endless_chunked = flood(CHUNKED .. "\r\n", chunks((" "):rep(16384), 16384))

function by_name.endless_error(c)
   c:send(headers("HTTP/1.1 503 Sorry", "Connection: close"))
   while true do
      c:send(("x"):rep(16384))
   end
end

-- arg: bytes (100 kB)
function by_name.big_header(c, honest)
   return good(c, honest, "X-Big: " .. ("x"):rep(honest.knobs.arg or 100000))
end

-- Slow ----------------------------------------------------------------------------------------------

local function drip(c, text, seconds)
   for i = 1, #text do
      c:send(text:sub(i, i))
      c:sleep(seconds)
   end
end

-- arg: milliseconds a byte (500)
function by_name.drip(c, honest)
   c:send(honest.head(length(honest)))
   drip(c, honest.body, (honest.knobs.arg or 500) / 1000)
   return true
end

function by_name.drip_head(c, honest)
   drip(c, honest.head(length(honest)), (honest.knobs.arg or 500) / 1000)
   c:send(honest.body)
   return true
end

function by_name.silence(c)
   c:hold()
end

function by_name.silence_after_head(c, honest)
   c:send(honest.head(length(honest)))
   c:hold()
end

-- legal; arg: milliseconds before the answer
function by_name.late(c, honest)
   c:sleep((honest.knobs.arg or 500) / 1000)
   return good(c, honest)
end

return lies
