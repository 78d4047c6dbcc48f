-- `make sweep`: one good answer cut at every byte, head and body, in every framing: the outcome is the whole page or an
-- error, never fewer users.
-- Criteria: real sockets and TLS; a cut that HTTP can't see is among them (the end of the connection is the end of the
-- body, a length that fits the cut, TLS without close_notify).

local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local liar = require("spec.sandbox.liar")
local lies = require("spec.sandbox.lies")
local report = require("spec.check.report")
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

-- "whole" or the kind of the error, and whether that is right.
local function outcome(server, base)
   local client <close> = assert(elements.client {
      token = "t", base_url = base, ca_file = server.ca_file, proxy = "", max_attempts = 1,
   })
   local list, more, so_far = client:tenant(server.customer_id, server.tenant_id):collect()
   if list then
      local difference = walks.difference(list, walks.users(1, USERS))
      return difference or more.complete and "whole" or "not complete", not difference and more.complete
   elseif not elements.is_error(more) or #so_far > 0 then
      return tostring(more) .. " after " .. #so_far .. " users", false
   end
   return more.kind, more.kind == "network" or more.kind == "protocol"
end

report.run("sweep", function(r)
   local server <close> = liar.start { tls = true }
   local all, wholes = 0, 0
   print(("%-22s %8s %8s %8s %8s"):format("framing", "cuts", "whole", "network", "protocol"))
   for _, framing in ipairs(FRAMINGS) do
      local name, bytes, more, scheme, length = table.unpack(framing, 1, 5)
      length = length or #bytes
      local knobs = { json = server:upload(bytes), framing = "raw" }
      for knob, value in pairs(more or {}) do
         knobs[knob] = value
      end
      local counts = { whole = 0, network = 0, protocol = 0 }
      for cut = 0, length do
         knobs.cut = cut
         local what, good = outcome(server, server:base(knobs, scheme))
         -- whole bytes must give the page, or nothing here could fail
         good = good and (cut < length or what == "whole")
         r:expect(good, ("%s, cut at %d of %d: %s"):format(name, cut, length, what))
         counts[what] = (counts[what] or 0) + 1
      end
      print(("%-22s %8d %8d %8d %8d"):format(name, length + 1, counts.whole, counts.network, counts.protocol))
      io.stdout:flush()
      all, wholes = all + length + 1, wholes + counts.whole
   end
   r:figure("%d cuts in %d framings: %d gave the whole page, the others an error, %d fewer users", all, #FRAMINGS, wholes,
      r.failed)
end)
