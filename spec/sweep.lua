-- `make sweep`: one good answer cut at every byte, head and body, in every framing: the outcome is the whole page or an
-- error, never fewer users.
--    lua5.4 spec/sweep.lua [FRAMING…]
-- Criteria: real sockets and TLS; a cut that HTTP can't see is among them (the end of the connection is the end of the
-- body, a length that fits the cut, TLS without close_notify); prints what came of each, and fails for one wrong outcome.

local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local liar = require("spec.sandbox.liar")
local lies = require("spec.sandbox.lies")
local stored = require("spec.sandbox.stored")
local tenants = require("spec.sandbox.tenant")
local walks = require("spec.support.walks")

local USERS = 6

local function page()
   local records = {}
   for n = 1, USERS do
      records[n] = tenants.json(n)
   end
   return tenants.page(records, 1, 100, USERS)
end

local function gzip(text)
   local path = os.tmpname()
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
   local pipe = assert(io.popen("gzip -9nc " .. keeper.quote(path)))
   local bytes = pipe:read("a")
   assert(pipe:close(), "no gzip here")
   os.remove(path)
   return bytes
end

local function message(body, ...)
   return table.concat({ "HTTP/1.1 200 OK", "Date: " .. os.date("!%a, %d %b %Y %H:%M:%S GMT"),
      "Content-Type: application/json", "request-id: sweep", ... }, "\r\n") .. "\r\n\r\n" .. body
end

local function with_length(body, ...)
   return message(body, "Content-Length: " .. #body, ...)
end

local PAGE = page()
local PACKED = gzip(PAGE)
local CHUNKS = lies.chunks(PAGE, 700) .. "0\r\n\r\n"
local TO_THE_END = message(PAGE, "Connection: close")

-- Name, bytes, knobs for the liar (nil: the bytes are head and body), scheme, and how long that is which is cut.
local FRAMINGS = {
   { "length", with_length(PAGE) },
   { "chunked", message(CHUNKS, "Transfer-Encoding: chunked") },
   { "to the end", TO_THE_END },
   { "gzip, length", with_length(PACKED, "Content-Encoding: gzip") },
   { "gzip, to the end", message(PACKED, "Content-Encoding: gzip", "Connection: close") },
   { "a length that fits", PAGE, { framing = "short" } },
   { "chunks that end", PAGE, { framing = "chunked_end" } },
   { "gzip, chunks that end", PAGE, { framing = "chunked_end", gzip = true }, "http", #stored.gzip(PAGE) },
   { "TLS, to the end", TO_THE_END, { finish = "no_notify" }, "https" },
   { "TLS, length", with_length(PAGE), { finish = "no_notify" }, "https" },
}

-- "whole", the kind of the error, or what is wrong.
local function outcome(server, base)
   local client <close> = assert(elements.client {
      token = "t", base_url = base, ca_file = server.ca_file, proxy = "", max_attempts = 1,
   })
   local list, more, so_far = client:tenant(server.customer_id, server.tenant_id):collect()
   if list then
      local difference = walks.difference(list, walks.users(1, USERS))
      return difference or more.complete and "whole" or "not complete", difference ~= nil or not more.complete
   elseif not elements.is_error(more) or more.kind ~= "network" and more.kind ~= "protocol" then
      return tostring(more), true
   end
   return #so_far == 0 and more.kind or #so_far .. " users", #so_far > 0
end

local server <close> = liar.start { tls = true }
local cuts, wholes, errors, wrong = 0, 0, 0, 0
local wanted = {}
for _, name in ipairs(arg) do
   wanted[name] = true
end
print(("%-22s %8s %8s %8s %8s %8s"):format("framing", "cuts", "whole", "network", "protocol", "wrong"))
for i, framing in ipairs(FRAMINGS) do
   local name, bytes, more, scheme, length = table.unpack(framing, 1, 5)
   length = length or #bytes
   if not arg[1] or wanted[name] then
      server:upload("bytes" .. i, bytes)
      local knobs = { json = "bytes" .. i, framing = "raw" }
      for knob, value in pairs(more or {}) do
         knobs[knob] = value
      end
      local counts = { whole = 0, network = 0, protocol = 0, wrong = 0 }
      for cut = 0, length do
         knobs.cut = cut
         local what, bad = outcome(server, server:base(knobs, scheme))
         -- whole bytes must give the page, or nothing here could fail
         if cut == length and what ~= "whole" and not bad then
            what, bad = "the whole answer is refused: " .. what, true
         end
         if bad then
            print(("%s, cut at %d of %d: %s"):format(name, cut, length, what))
         end
         what = bad and "wrong" or what
         counts[what] = counts[what] + 1
      end
      print(("%-22s %8d %8d %8d %8d %8d"):format(name, length + 1, counts.whole, counts.network, counts.protocol, counts.wrong))
      cuts, wholes, wrong = cuts + length + 1, wholes + counts.whole, wrong + counts.wrong
      errors = errors + counts.network + counts.protocol
   end
end
print(("%d cuts: %d whole pages, %d errors, %d wrong"):format(cuts, wholes, errors, wrong))
os.exit(wrong == 0 and cuts > 0, true)
