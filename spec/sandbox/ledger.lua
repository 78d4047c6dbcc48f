-- What the sandbox remembers of each run (the knob run=NAME): every request with its monotonic
-- time, how many were in flight, and how often a fault has been given already.
-- Criteria: plain tables, since nginx is one process here; nothing on disk; CLOCK_MONOTONIC, so
-- that a spec on the same machine can compare the times with its own.
-- luacheck: std ngx_lua

local ffi = require("ffi")

ffi.cdef [[
   struct sandbox_timespec { long sec; long nsec; };
   int clock_gettime(int id, struct sandbox_timespec *at);
]]

local ledger = {}

local at = ffi.new("struct sandbox_timespec")

--- Seconds of CLOCK_MONOTONIC.
---@return number
function ledger.clock()
   ffi.C.clock_gettime(1, at)
   return tonumber(at.sec) + tonumber(at.nsec) / 1e9
end

local runs = {}

--- The state of a run; made when first asked for.
---@param name string
---@return table
function ledger.run(name)
   local run = runs[name]
   if not run then
      run = { name = name, requests = {}, pages = 0, tokens = 0, in_flight = 0, max_in_flight = 0, counts = {} }
      runs[name] = run
   end
   return run
end

--- Forgets a run.
---@param name string
function ledger.reset(name)
   runs[name] = nil
end

--- Adds one to a counter of the run and gives it.
---@param run table
---@param key string
---@return integer
function ledger.tick(run, key)
   local n = (run.counts[key] or 0) + 1
   run.counts[key] = n
   return n
end

-- A run of this many requests is a benchmark: only the counters go on from there.
local MOST = 200000

--- Writes a request down when it comes in.
---@param run table
---@param method string
---@param connection string  nginx's serial number of the connection
---@return table entry
function ledger.arrive(run, method, connection)
   local n = run.in_flight + 1
   run.in_flight = n
   if n > run.max_in_flight then
      run.max_in_flight = n
   end
   local entry = { time = ledger.clock(), kind = "other", method = method, connection = tonumber(connection), in_flight = n }
   if #run.requests < MOST then
      run.requests[#run.requests + 1] = entry
   end
   entry.run = run
   return entry
end

--- Completes the entry when the request is over (also when its client went away: status 499).
---@param entry table
---@param status integer
function ledger.leave(entry, status)
   local run = entry.run
   entry.run = nil
   entry.status, entry.seconds = status, ledger.clock() - entry.time
   run.in_flight = run.in_flight - 1
end

--- A run as GET /log gives it.
---@param name string
---@return table
function ledger.report(name)
   local run = ledger.run(name)
   local requests = {}
   for i, entry in ipairs(run.requests) do
      local copy = {}
      for key, value in pairs(entry) do
         if key ~= "run" then
            copy[key] = value
         end
      end
      requests[i] = copy
   end
   return {
      run = name,
      pages = run.pages,
      tokens = run.tokens,
      in_flight = run.in_flight,
      max_in_flight = run.max_in_flight,
      now = ledger.clock(),
      requests = requests,
   }
end

return ledger
