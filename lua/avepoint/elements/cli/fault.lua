-- fault: what ends the command early, and the exit codes.
--
-- A fault is a table with an exit code and a message that says what to do. Errors of the module keep their own text;
-- what its argument checks raise is a wrong usage here, named by our options.

local elements = require("avepoint.elements")
local system = require("avepoint.elements.cli.system")

local format, gsub, match = string.format, string.gsub, string.match

local fault = {}

fault.FAILED, fault.USAGE, fault.UNSURE, fault.DENIED, fault.THROTTLED = 1, 2, 3, 4, 5
fault.INTERRUPTED, fault.PIPE = 130, 141

---For --help: each code and what it means.
fault.CODES = {
   { 0, "all of it" },
   { fault.FAILED, "failed; what came before is whole rows" },
   { fault.USAGE, "wrong usage: an argument or a variable; nothing was sent" },
   { fault.UNSURE, "not sure: the tenant changed meanwhile, ids are missing, or users without a status where a flag "
      .. "was asked for" },
   { fault.DENIED, "sign-in or permission" },
   { fault.THROTTLED, "throttled out: the rate limit stayed" },
   { fault.INTERRUPTED, "interrupted by Ctrl-C" },
   { fault.PIPE, "the reader closed the pipe" },
}

local BY_KIND = {
   config = fault.USAGE, auth = fault.DENIED, forbidden = fault.DENIED, throttled = fault.THROTTLED,
   drift = fault.UNSURE, interrupted = fault.INTERRUPTED,
}

local Fault = { __name = "avepoint.users.fault" }

function Fault:__tostring()
   return self.message
end

---@param code integer
---@param message string
---@return table
function fault.new(code, message)
   return setmetatable({ code = code, message = message }, Fault)
end

---Raises a failure.
function fault.raise(message, ...)
   error(fault.new(fault.FAILED, format(message, ...)), 0)
end

---Raises a wrong usage.
function fault.usage(message, ...)
   error(fault.new(fault.USAGE, select("#", ...) > 0 and format(message, ...) or message), 0)
end

---The fault that an error is: exit code and one line.
---@param err any
---@return table
function fault.of(err)
   if system.interrupted() then
      return fault.new(fault.INTERRUPTED, "interrupted")
   elseif getmetatable(err) == Fault then
      return err
   elseif elements.is_error(err) then
      return fault.new(BY_KIND[err.kind] or fault.FAILED, tostring(err))
   end
   return fault.new(fault.FAILED, "internal error: " .. tostring(err))
end

-- What the module calls them, and what they are called here.
local NAMES = {
   { "option 'resume'", "--resume-file" }, { "option 'user_ids'", "--user" }, { "option 'max_users'", "--max" },
   { "option 'client_id'", "AVEPOINT_CLIENT_ID" }, { "option 'client_secret'", "AVEPOINT_CLIENT_SECRET" },
   { "option 'certificate'", "AVEPOINT_CERTIFICATE" }, { "option 'private_key'", "AVEPOINT_PRIVATE_KEY" },
   { "option 'certificate_password'", "AVEPOINT_CERTIFICATE_PASSWORD_FILE" },
   { "tenant: customer id", "--customer" }, { "tenant: tenant id", "--tenant" }, { "with token$", "with --token-command" },
}

---Calls a function of the module; what its checks of arguments raise becomes a wrong usage.
function fault.checked(f, ...)
   local results = table.pack(pcall(f, ...))
   if results[1] then
      return table.unpack(results, 2, results.n)
   end
   local err = results[2]
   local text = type(err) == "string" and match(err, "avepoint%.elements: (.*)")
   if not text then
      error(err, 0)
   end
   for _, pair in ipairs(NAMES) do
      text = gsub(text, pair[1], (gsub(pair[2], "%%", "%%%%")), 1)
   end
   text = gsub(text, "option '([%w_]+)'", function(name) return "--" .. gsub(name, "_", "-") end)
   fault.usage((gsub(text, "^%l+: ", "")))
end

return fault
