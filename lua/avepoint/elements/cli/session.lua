-- session: the client and tenant that a command line asks for, and the ids of users on it.
--
-- What is missing is named with the option and the variable that give it, before anything is sent.

local elements = require("avepoint.elements")
local credentials = require("avepoint.elements.cli.credentials")
local fault = require("avepoint.elements.cli.fault")

local concat = table.concat
local find, format, match = string.find, string.format, string.match
local getenv = os.getenv

local session = {}

local IDS = { { "customer", "AVEPOINT_CUSTOMER_ID" }, { "tenant", "AVEPOINT_TENANT_ID" } }

---The options for elements.client, and what to call the credential.
---@param args table
---@param console table
---@param on_event fun(event: table)
---@return table options
---@return string credential
function session.options(args, console, on_event)
   if args.proxy and find(args.proxy, "@", 1, true) then
      fault.usage("--proxy: a password does not belong on the command line, where others see it; set https_proxy instead")
   end
   local options, name = credentials.of(args, console)
   options.environment = args.environment
   options.base_url, options.token_url = args.base_url, args.token_url
   options.ca_file, options.proxy = args.ca_file, args.proxy
   options.concurrency = args.concurrency
   options.user_agent = "avepoint-users/" .. match(elements._VERSION, "%S+$") .. " (Lua)"
   options.on_event = on_event
   return options, name
end

---The two ids that say which tenant.
---@param args table
---@return string customer_id
---@return string tenant_id
function session.ids(args)
   local ids, missing = {}, {}
   for i, pair in ipairs(IDS) do
      local name, variable = pair[1], pair[2]
      ids[i] = args[name] or getenv(variable) or ""
      if ids[i] == "" then
         missing[#missing + 1] = format("--%s is missing: give the %s's id, or set %s", name, name, variable)
      end
   end
   if missing[1] then
      fault.usage("%s", concat(missing, "; "))
   end
   return ids[1], ids[2]
end

---Opens client and tenant, with the console for their events; raises a fault or an error of the module.
---@param args table
---@param console table
---@return table client to be closed
---@return table tenant
function session.open(args, console)
   local options = session.options(args, console, function(event) console:event(event) end)
   local customer_id, tenant_id = session.ids(args)
   local client, err = fault.checked(elements.client, options)
   if not client then
      error(err, 0)
   end
   return client, fault.checked(client.tenant, client, customer_id, tenant_id)
end

---The ids of a command line, from --user and --users-from; nil where neither is given.
---@param args table
---@return string[]? ids
function session.user_ids(args)
   if not args.users_from then
      return args.user
   end
   local file, message
   if args.users_from == "-" then
      file = io.stdin
   else
      file, message = io.open(args.users_from, "r")
      if not file then
         fault.usage("--users-from: %s", message)
      end
   end
   local name = args.users_from == "-" and "standard input" or args.users_from
   local ids, number = {}, 0
   while true do
      local line
      line, message = file:read("L")
      if not line then
         break
      end
      number = number + 1
      line = match(number == 1 and line:gsub("^\u{FEFF}", "") or line, "^%s*(.-)%s*$")
      if find(line, "@", 1, true) then
         fault.usage("--users-from: line %d of %s is a sign-in name; user ids are wanted, as in the column id", number,
            name)
      elseif line ~= "" and line:sub(1, 1) ~= "#" then
         ids[#ids + 1] = line
      end
   end
   if message then
      fault.usage("--users-from: %s: %s", name, message)
   end
   if file ~= io.stdin then
      file:close()
   end
   return ids
end

return session
