-- Single requests by the core alone, for the specs of what stands below and beside the engine: no walk, no repeats.
--
-- Criteria: what must come is waited for long enough for any machine, and what ends early does so by the spec's wish.

local core = require("avepoint.elements.core")
local socket = require("socket")

local requests = {}

requests.LONGEST = 20 -- seconds

local LIMIT = 4 << 20

---A handle of the core without a proxy.
---@param options table? over the defaults
---@return table handle
function requests.open(options)
   local o = {
      slots = 4, connect_timeout = requests.LONGEST, timeout = requests.LONGEST, stall_timeout = requests.LONGEST,
      user_agent = "spec/1", proxy = "",
   }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   return assert(core.open(o))
end

---@param handle table
---@param url string
---@param fields table? over the defaults
---@return integer id
function requests.send(handle, url, fields)
   local request = { url = url, body = "{}", limit = LIMIT, cleartext = url:find("^http:") ~= nil }
   for name, value in pairs(fields or {}) do
      request[name] = value
   end
   return assert(handle:send(request))
end

---Drives until so many answers are there.
---@param handle table
---@param n integer
---@return table[] answers
function requests.answers(handle, n)
   local list, deadline = {}, core.now() + 2 * requests.LONGEST
   assert(handle:drive(true))
   while true do
      for answer in handle.take, handle do
         list[#list + 1] = answer
      end
      if #list >= n then
         return list
      end
      assert(core.now() < deadline, "no answer")
      assert(handle:wait(0.1))
      assert(handle:drive())
   end
end

---One request and its answer.
---@param handle table
---@param url string
---@param fields table?
---@return table answer
function requests.post(handle, url, fields)
   requests.send(handle, url, fields)
   return requests.answers(handle, 1)[1]
end

---Drives, and takes nothing, until a condition holds.
---@generic T
---@param handle table
---@param condition fun(): T
---@return T
function requests.till(handle, condition)
   return requests.eventually(function()
      assert(handle:drive())
      return condition()
   end)
end

---Waits until a condition holds.
---@generic T
---@param condition fun(): T
---@return T
function requests.eventually(condition)
   local deadline = core.now() + requests.LONGEST
   while true do
      local value = condition()
      if value then
         return value
      end
      assert(core.now() < deadline, "it never came about")
      socket.sleep(0.005)
   end
end

return requests
