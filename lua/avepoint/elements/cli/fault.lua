-- fault: what ends the command early, and the exit codes.
--
-- A fault is a table with an exit code and a message that says what to do. Errors of the module keep their own text;
-- what its argument checks raise is a wrong usage here, named by our options.

local elements = require("avepoint.elements")
local system = require("avepoint.elements.cli.system")

local find, format, gsub, match, sub = string.find, string.format, string.gsub, string.match, string.sub

local fault = {}

fault.FAILED, fault.USAGE, fault.UNSURE, fault.DENIED, fault.THROTTLED = 1, 2, 3, 4, 5
fault.INTERRUPTED, fault.PIPE = 130, 141

---For --help: each code and what it means.
fault.CODES = {
   { 0, "all that was asked for" },
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

-- What the module calls them, and what they are called here.
local WORDS = {
   base_url = "--base-url", token_url = "--token-url", ca_file = "--ca-file", user_ids = "user ids",
   client_id = "AVEPOINT_CLIENT_ID", client_secret = "AVEPOINT_CLIENT_SECRET", private_key = "AVEPOINT_PRIVATE_KEY",
   certificate_password = "AVEPOINT_CERTIFICATE_PASSWORD_FILE",
}
local OPTIONS = setmetatable({
   resume = "--resume-file", max_users = "--max", user_ids = "--user", certificate = "AVEPOINT_CERTIFICATE",
}, { __index = WORDS })

-- What a word alone does not tell: as it is there, and here.
local PHRASES = {
   { "client_id, environment and ", "client_id, --environment and " },
   { "token_url and environment", "token_url and --environment" },
   { "check ids, page_size and the number of user_ids", "check --customer, --tenant and the user ids" },
}

-- Whole words, but for those of a path.
local function in_our_words(text)
   for _, phrase in ipairs(PHRASES) do
      text = gsub(text, phrase[1], phrase[2])
   end
   text = gsub(text, "%f[%w_/.%-][%l_]+%f[^%w_/.%-]", WORDS)
   text = gsub(text, "^config: certificate ", "config: AVEPOINT_CERTIFICATE ")
   text = gsub(text, 'set environment = "([%l_]+)"', "give --environment %1")
   return (gsub(text, "the token function", "--token-command"))
end

-- An error's line; what the service says in it stays as it came.
local function line_of(err)
   local text = tostring(err)
   local last = (find(text, '; it says "', 1, true) or #text + 1) - 1
   return gsub(in_our_words(sub(text, 1, last)), "; go on with resume", "", 1) .. sub(text, last + 1)
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
      return fault.new(BY_KIND[err.kind] or fault.FAILED, line_of(err))
   end
   return fault.new(fault.FAILED, "internal error: " .. tostring(err))
end

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
   text = gsub(text, "^tenant: (%l+) id ", "--%1 ")
   text = gsub(text, "option '([%w_]+)'", function(name) return OPTIONS[name] or "--" .. gsub(name, "_", "-") end)
   text = gsub(in_our_words(text), "with token$", "with --token-command")
   fault.usage((gsub(text, "^%l+: ", "")))
end

return fault
