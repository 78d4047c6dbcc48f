-- The sandbox's knobs: path segments name=value before /partner (or /identity), e.g.
-- https://127.0.0.1:P/run=r1/size=1234/latency=5-150/partner. This file parses and checks them.
-- Criteria: a knob that is not known, or has a value that makes no sense, is refused with a 400,
-- so that a typo in a spec is seen; what each one does is said once, in the table at the head of
-- service.lua.

local knobs = {}

-- A parser gets the value's text and gives what the service works with, or nil.

local function word(text)
   return text:match("^[%w_.-]+$")
end

local function integer(least, most)
   return function(text)
      local n = text:match("^%-?%d+$") and tonumber(text)
      return n and n >= least and n <= most and n or nil
   end
end

local function number(least)
   return function(text)
      local n = text:match("^%d+%.?%d*$") and tonumber(text)
      return n and n >= least and n or nil
   end
end

local function flag(text)
   if text == "1" then
      return true
   end
end

local function switch(text)
   if text == "0" or text == "1" then
      return text
   end
end

local function one_of(...)
   local words = {}
   for _, name in ipairs { ... } do
      words[name] = true
   end
   return function(text)
      return words[text] and text or nil
   end
end

local function range(text)
   local from, to = text:match("^(%d+)%-(%d+)$")
   from, to = tonumber(from or text:match("^%d+$")), tonumber(to or text:match("^%d+$"))
   return from and to >= from and { from / 1000, to / 1000 } or nil
end

-- PAGE: a number, a range N-M or N-, "*" (all pages together), "each" (every page on its own).
local function pages(text)
   if text == "*" or text == "each" then
      return { from = 1, to = math.huge, each = text == "each" }
   end
   local from, to = text:match("^(%d+)%-(%d*)$")
   from, to = tonumber(from or text:match("^%d+$")), tonumber(to or text:match("^%d+$") or "") or from and math.huge
   return from and { from = from, to = to or math.huge } or nil
end

local function times(text)
   return text == "" and math.huge or tonumber(text:match("^:(%d+)$"))
end

-- WHAT:PAGE[:TIMES]; what is checked by the parser given.
local function fault(what)
   return function(text)
      local name, page, count = text:match("^([%w_.-]+):([%d*each-]+)(:?%d*)$")
      local fit, where, n = name and what(name), page and pages(page), count and times(count)
      return fit and where and n and { what = fit, pages = where, times = n, key = text } or nil
   end
end

local http_status = integer(200, 999)

local function drift(text)
   local kind, after, count, at = text:match("^(%l+):(%d+):(%d+):?(%d*)$")
   local known = { grow = true, shrink = true, insert = true, delete = true, swap = true }
   return known[kind] and { kind = kind, after = tonumber(after), count = tonumber(count), at = tonumber(at) or 1 } or nil
end

local function shape(text)
   local name, page, count = text:match("^([%w_]+)@?([%d*each-]*)(:?%d*)$")
   local where, n = name and pages(page == "" and "*" or page), count and times(count)
   return where and n and { what = name, pages = where, times = n, key = text } or nil
end

local function pair(text)
   local page, n = text:match("^(%d+):(%d+)$")
   return page and { tonumber(page), tonumber(n) } or nil
end

local function random(text)
   local status, percent, seed = text:match("^(%d+):(%d+):(%d+)$")
   return status and { status = tonumber(status), percent = tonumber(percent), seed = tonumber(seed) } or nil
end

local function token_fault(text)
   local status, name, count = text:match("^(%d%d%d):([%w_]+)(:?%d*)$")
   local n = count and times(count)
   return n and { status = tonumber(status), error = name, times = n, key = text } or nil
end

local function count_times(text)
   local n, more = text:match("^(%d+)(:?%d*)$")
   local most = more and times(more)
   return most and { tonumber(n), most == math.huge and 1 or most } or nil
end

local function retry_after(text)
   local kind, a, b = text:match("^(%l*):?(%d*):?(%d*)$")
   local known = { [""] = a ~= "", date = true, none = true, garbage = true, two = true, past = true, fraction = true }
   known["huge"] = true
   return known[kind] and { kind = kind, a = tonumber(a), b = tonumber(b) } or nil
end

-- name = parser, or { parser } for a knob that may be given more than once
local PARSERS = {
   run = word, size = integer(0, 49000000), cap = integer(1, 100), cap_mode = one_of("400"), ids_max = integer(1, 1e6),
   latency = range, slow = { fault(integer(0, 600000)) }, chunked = flag, gzip = switch, close = flag,
   keepalive = integer(1, 1e6), nulls = flag, absent = flag, big = integer(1, 8e6),
   status = one_of("array", "integer", "null", "absent", "mixed", "unknown_code"), shape = { shape },
   empty = { integer(1, 1e6) }, short = { integer(1, 1e6) }, ["repeat"] = { integer(2, 1e6) }, stuck = flag,
   total = integer(0, 1e15), size_change = pair, past_end = one_of("empty", "400", "404"), drift = { drift },
   filter = one_of("ignored"), filter_case = one_of("upper"), ids_unknown = one_of("404", "left_out"),
   fail = { fault(http_status) }, random_fail = random, outage = integer(1, 1e6), retry_after = retry_after,
   body = one_of("json", "html", "empty", "binary", "big", "ansi"), redirect = integer(300, 308),
   rate = number(0.001), burst = integer(0, 1e6), token = word, token_life = number(0), token_fail = { token_fault },
   token_shape = word, token_latency = range, expires_in = word, token_type = word, revoke = count_times,
   date_skew = integer(-1e9, 1e9),
}

--- The parsers' names, for the spec that holds them against the table in service.lua.
---@return string[]
function knobs.names()
   local names = {}
   for name in pairs(PARSERS) do
      names[#names + 1] = name
   end
   table.sort(names)
   return names
end

local function decoded(text)
   return (text:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
   end))
end

-- What decides a plain page's bytes, besides the page itself: the cache's key.
local CONTENT = { "size", "nulls", "absent", "status", "big", "filter_case", "cap" }
local UNCACHED = { "shape", "drift", "empty", "short", "repeat", "stuck", "total", "size_change", "filter", "past_end" }

local function describe(found)
   local key = {}
   for i, name in ipairs(CONTENT) do
      key[i] = tostring(found[name])
   end
   found.content = table.concat(key, "/")
   for _, name in ipairs(UNCACHED) do
      if found[name] then
         found.content = nil
      end
   end
end

-- Parsing is remembered: a walk asks thousands of times with the same knobs.
local remembered, count = {}, 0

local function read(prefix)
   local found, bad = { size = 250, run = "default" }, nil
   for segment in prefix:gmatch("[^/]+") do
      local name, value = decoded(segment):match("^([^=]*)=(.*)$")
      local parser = PARSERS[name]
      local many = type(parser) == "table"
      local result
      if parser then
         result = (many and parser[1] or parser)(value)
      end
      if result == nil then
         bad = bad or "knob " .. segment .. (parser and ": no such value" or ": no such knob")
      elseif many then
         found[name] = found[name] or {}
         table.insert(found[name], result)
      else
         found[name] = result
      end
   end
   describe(found)
   return { found, bad }
end

--- Splits a request's path into knobs and the rest.
---@param path string
---@return table found  parsed values; size and run always stand
---@return string rest  the path behind the knobs
---@return string? bad  what is wrong with them
function knobs.parse(path)
   local stop = 1
   while true do
      local last = select(2, path:find("^/[^/=]+=[^/]*", stop))
      if not last then
         break
      end
      stop = last + 1
   end
   local prefix, rest = path:sub(1, stop - 1), path:sub(stop)
   local entry = remembered[prefix]
   if not entry then
      if count >= 1000 then
         remembered, count = {}, 0
      end
      entry, count = read(prefix), count + 1
      remembered[prefix] = entry
   end
   return entry[1], rest, entry[2]
end

-- Lua 5.4 alone has kinds of numbers.
local function text_of(value)
   return value == true and "1" or tostring(math.type(value) == "float" and math.tointeger(value) or value)
end

--- What is parsed here: /a=1/b=2 of { a = 1, b = 2 }.
---@param found? table  values are texts, numbers, true, or lists of them, which give the knob several times
---@return string path
function knobs.path(found)
   local names, parts = {}, {}
   for name in pairs(found or {}) do
      names[#names + 1] = name
   end
   table.sort(names)
   for _, name in ipairs(names) do
      local values = found[name]
      for _, value in ipairs(type(values) == "table" and values or { values }) do
         parts[#parts + 1] = "/" .. name .. "=" .. text_of(value)
      end
   end
   return table.concat(parts)
end

--- Does a fault's PAGE fit this one?
---@param where table
---@param page integer
---@return boolean
function knobs.fits(where, page)
   return page >= where.from and page <= where.to
end

return knobs
