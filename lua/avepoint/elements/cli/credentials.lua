-- credentials: from the environment, or from a command that prints a token; never from the command line.
--
-- A file with a secret in it that others can read is warned of. What is missing is named with the variable to set. The
-- texts here name variables and files, never what is in them.

local fault = require("avepoint.elements.cli.fault")
local system = require("avepoint.elements.cli.system")

local format, find, gsub = string.format, string.find, string.gsub
local getenv, popen = os.getenv, io.popen

local credentials = {}

-- More than any token or secret has.
local MAX_BYTES = 65536

---The variables, for --help.
credentials.VARIABLES = {
   { "AVEPOINT_CLIENT_ID", "the app registration's client id" },
   { "AVEPOINT_CLIENT_SECRET", "its client secret, or" },
   { "AVEPOINT_CLIENT_SECRET_FILE", "a file with the secret, or" },
   { "AVEPOINT_CERTIFICATE", "a PEM or PFX file with its certificate" },
   { "AVEPOINT_PRIVATE_KEY", "its key, where that is another PEM file" },
   { "AVEPOINT_CERTIFICATE_PASSWORD_FILE", "a file with the PFX file's password" },
   { "AVEPOINT_CUSTOMER_ID", "for --customer" },
   { "AVEPOINT_TENANT_ID", "for --tenant" },
}

local function variable(name)
   local value = getenv(name)
   return value ~= "" and value or nil
end

local function warn_of(console, name, path)
   local mode = system.loose_mode(path)
   if mode then
      console:warn(format("%s: others may read %s (%s); type: chmod 600 %s", name, path, mode, system.quote(path)))
   end
end

-- The one line of a file with a secret, without its end.
local function secret_in(console, name)
   local path = variable(name)
   local value, message = system.read(path)
   if not value then
      fault.usage("%s: %s", name, message)
   end
   value = gsub(value, "\r?\n$", "")
   if value == "" or find(value, "[\r\n]") or #value > MAX_BYTES then
      fault.usage("%s: %s must hold one line, the secret", name, path)
   end
   warn_of(console, name, path)
   return value
end

---A function that gives a token by running a command; its standard error goes through.
---@param command string for the shell
---@return fun(): string?, string?
function credentials.token_from(command)
   return function()
      local pipe, message = popen(command, "r")
      if not pipe then
         return nil, "--token-command can't be run: " .. message
      end
      local value = pipe:read(MAX_BYTES)
      local ok, how, status = pipe:close()
      if system.interrupted() then
         error(fault.new(fault.INTERRUPTED, "interrupted"), 0)
      elseif not ok then
         return nil, format("--token-command ended with %s %d; run it by hand", how == "signal" and "signal" or "exit status",
            status)
      end
      value = gsub(gsub(value or "", "^%s+", ""), "%s+$", "")
      if value == "" then
         return nil, "--token-command printed nothing; run it by hand"
      elseif find(value, "[\r\n]") then
         return nil, "--token-command printed more than one line; it must print the token alone"
      end
      return value
   end
end

local function only_one(first, second)
   if variable(first) and variable(second) then
      fault.usage("%s and %s are both set; unset one of them", first, second)
   end
end

---Options for elements.client, and what to call the credential.
---@param args table
---@param console table
---@return table options
---@return string name
function credentials.of(args, console)
   if args.token_command then
      return { token = credentials.token_from(args.token_command) }, "token of --token-command"
   end
   only_one("AVEPOINT_CLIENT_SECRET", "AVEPOINT_CLIENT_SECRET_FILE")
   only_one("AVEPOINT_CLIENT_SECRET", "AVEPOINT_CERTIFICATE")
   only_one("AVEPOINT_CLIENT_SECRET_FILE", "AVEPOINT_CERTIFICATE")
   local options = { client_id = variable("AVEPOINT_CLIENT_ID") }
   local name
   if variable("AVEPOINT_CLIENT_SECRET") then
      options.client_secret, name = variable("AVEPOINT_CLIENT_SECRET"), "client secret of AVEPOINT_CLIENT_SECRET"
   elseif variable("AVEPOINT_CLIENT_SECRET_FILE") then
      options.client_secret = secret_in(console, "AVEPOINT_CLIENT_SECRET_FILE")
      name = "client secret of AVEPOINT_CLIENT_SECRET_FILE"
   elseif variable("AVEPOINT_CERTIFICATE") then
      options.certificate, name = variable("AVEPOINT_CERTIFICATE"), "certificate of AVEPOINT_CERTIFICATE"
      options.private_key = variable("AVEPOINT_PRIVATE_KEY")
      if variable("AVEPOINT_CERTIFICATE_PASSWORD_FILE") then
         options.certificate_password = secret_in(console, "AVEPOINT_CERTIFICATE_PASSWORD_FILE")
      end
      local holder = options.private_key and "AVEPOINT_PRIVATE_KEY" or "AVEPOINT_CERTIFICATE"
      warn_of(console, holder, variable(holder))
   elseif options.client_id then
      fault.usage("AVEPOINT_CLIENT_ID is set, its secret is missing: set AVEPOINT_CLIENT_SECRET, "
         .. "AVEPOINT_CLIENT_SECRET_FILE or AVEPOINT_CERTIFICATE")
   else
      fault.usage("a credential is missing: set AVEPOINT_CLIENT_ID and one of AVEPOINT_CLIENT_SECRET, "
         .. "AVEPOINT_CLIENT_SECRET_FILE and AVEPOINT_CERTIFICATE, or give --token-command")
   end
   if not options.client_id then
      fault.usage("AVEPOINT_CLIENT_ID is missing: set it to the app registration's client id")
   end
   return options, name
end

return credentials
