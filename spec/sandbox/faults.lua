-- Which failing answer, if any, the knobs have for a page request: fail, random_fail, outage, rate,
-- redirect, and what such an answer looks like.
-- Criteria: decided when the request comes in, so that counts do not depend on latency; dice are
-- thrown from seed, page and attempt, so that the order of requests does not change them.
-- luacheck: std ngx_lua

local cjson = require("cjson")
local knobs = require("spec.sandbox.knobs")
local ledger = require("spec.sandbox.ledger")
local token = require("spec.sandbox.token")

local faults = {}

-- Is this fault due? Counts how often it was given.
local function due(run, name, fault, page)
   if not knobs.fits(fault.pages, page) then
      return false
   end
   local key = name .. "=" .. fault.key .. (fault.pages.each and "/" .. page or "")
   return fault.times == math.huge or ledger.tick(run, key) <= fault.times
end

--- The first fault of a list that is due for the page.
---@param run table
---@param name string
---@param list table[]?
---@param page integer
---@return table? fault
function faults.due(run, name, list, page)
   for _, fault in ipairs(list or {}) do
      if due(run, name, fault, page) then
         return fault
      end
   end
end

--- The Retry-After of a failing answer, as the knob says; without it only a rate has one.
---@param found table
---@param wait? number  seconds until the rate lets the next one through
---@return table headers
function faults.retry_headers(found, wait)
   local knob = found.retry_after
   local seconds = knob and knob.a or wait and math.max(1, math.ceil(wait)) or 1
   local date = ngx.time() + (found.date_skew or 0)
   local kind = knob and knob.kind or wait and "" or "none"
   local values = {
      [""] = seconds, date = ngx.http_time(date + seconds), past = ngx.http_time(date - 3600), garbage = "soon",
      fraction = "1.5", huge = "99999999999999999999", two = { knob and knob.a or 1, knob and knob.b or 2 },
   }
   return { ["Retry-After"] = values[kind] }
end

local BYTES = {}
for i = 0, 255 do
   BYTES[i + 1] = string.char(i)
end

local BODIES = {
   html = function(status)
      return "<html>\r\n<head><title>" .. status .. "</title></head>\r\n<body>\r\n<center><h1>" .. status
         .. "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", "text/html"
   end,
   empty = function() return "", "application/json" end,
   binary = function() return table.concat(BYTES):rep(8), "application/octet-stream" end,
   big = function() return ("The service is not well. "):rep(400000), "text/html" end,
   ansi = function() return '{"message":"\27]0;gone\7\27[2J\27[31mred\r\nX: y"}', "application/json" end,
}

local function failing(found, status, reason, wait)
   local make = BODIES[found.body]
   local body, kind
   if make then
      body, kind = make(status)
   else
      body, kind = cjson.encode { error = "status_" .. status, message = reason }, "application/json"
   end
   local headers = faults.retry_headers(found, wait)
   headers["Content-Type"] = kind
   return { status = status, body = body, headers = headers, reason = reason }
end

-- nginx's limit_req with nodelay, in requests and seconds: how long to wait, or nil when it may pass.
local function limited(run, rate, burst)
   local now = ledger.clock()
   local excess = 0
   if run.last then
      excess = math.max(0, run.excess - rate * (now - run.last) + 1)
   end
   if excess > burst then
      return (excess - burst) / rate
   end
   run.excess, run.last = excess, now
end

-- 0 … 99, the same for the same three numbers.
local function dice(seed, page, attempt)
   local x = (seed * 7919 + page * 104729 + attempt * 1299709 + 12345) % 2147483647
   for _ = 1, 3 do
      x = (x * 48271) % 2147483647
   end
   return math.floor(x / 1000) % 100
end

--- The failing answer for a page request, or nil.
---@param found table
---@param run table
---@param page integer
---@param config table
---@return table? fault  status, body, headers, reason
function faults.pick(found, run, page, config)
   local wait = found.rate and limited(run, found.rate, found.burst or 0)
   if wait then
      return failing(found, 429, "rate", wait)
   elseif found.outage and page >= found.outage then
      return failing(found, 503, "outage")
   end
   local fail = faults.due(run, "fail", found.fail, page)
   if fail then
      return failing(found, fail.what, "fail=" .. fail.key)
   end
   local random = found.random_fail
   if random and dice(random.seed, page, ledger.tick(run, "attempt/" .. page)) < random.percent then
      return failing(found, random.status, "random_fail")
   end
   if found.redirect then
      local fault = failing(found, found.redirect, "redirect")
      local other = ngx.var.scheme == "https" and "http://localhost:" .. config.http_port
         or "https://localhost:" .. config.https_port
      fault.headers["Location"] = other .. "/run=" .. found.run .. "-redirected" .. ngx.var.request_uri:match("/partner.*$")
      return fault
   end
end

--- Waits as long as the slow knobs say.
---@param found table
---@param run table
---@param page integer
function faults.slow(found, run, page)
   local slow = faults.due(run, "slow", found.slow, page)
   if slow then
      ngx.sleep(slow.what / 1000)
   end
end

--- Takes the run's tokens back when the knob revoke says so.
---@param found table
---@param run table
function faults.revoke(found, run)
   local done = run.counts.revoke or 0
   if found.revoke and done < found.revoke[2] and run.pages >= found.revoke[1] * (done + 1) then
      ledger.tick(run, "revoke")
      token.revoke(run)
   end
end

return faults
