-- options: what can be typed, and what --help says.
--
-- Values are checked here as far as the line itself tells; what the module checks is left to it (see fault.checked). No
-- option takes a secret.

local argparse = require("argparse")
local elements = require("avepoint.elements")
local credentials = require("avepoint.elements.cli.credentials")
local fault = require("avepoint.elements.cli.fault")
local fields = require("avepoint.elements.cli.fields")

local find, format, gmatch, match = string.find, string.format, string.gmatch, string.match
local concat = table.concat
local tointeger = math.tointeger

local options = {}

local WIDTH, MARGIN = 80, 30

local function table_of(title, rows)
   local lines = { title }
   for _, row in ipairs(rows) do
      lines[#lines + 1] = format("   %-35s%s", row[1], row[2])
   end
   return concat(lines, "\n")
end

-- What a command says of them in its own words; one that it never gives is false.
local function codes(own)
   local list = { "Exit codes:" }
   for _, pair in ipairs(fault.CODES) do
      local text, lines = own and own[pair[1]] or pair[2], {}
      while #text > 68 do -- to the width of the help
         local head = match(text:sub(1, 69), "^(.*) ")
         lines[#lines + 1], text = head, text:sub(#head + 2)
      end
      lines[#lines + 1] = text
      if not own or own[pair[1]] ~= false then
         list[#list + 1] = format("   %-6d%s", pair[1], concat(lines, "\n         "))
      end
   end
   return concat(list, "\n")
end

local VARIABLES = table_of("Environment (an empty variable counts as unset):", credentials.VARIABLES) .. [[


   Secrets are never typed as arguments. From a keyring, for example:
      AVEPOINT_CLIENT_SECRET="$(pass show avepoint)" avepoint-users list
   NO_COLOR and TERM=dumb are honoured; https_proxy, no_proxy and COLUMNS too.]]

local function examples(...)
   return "Examples:\n   " .. concat({ ... }, "\n   ")
end

local function ending(text, own)
   return text .. "\n\n" .. VARIABLES .. "\n\n" .. codes(own)
end

-- What an argument means; each gives the value, or nil and what is wrong.

local function whole(option, least)
   return function(text)
      local n = match(text, "^%d+$") and tointeger(tonumber(text))
      if not n or n < least then
         return nil, format("%s must be a whole number from %d, not '%s'", option, least, text)
      end
      return n
   end
end

local function seconds(text)
   local n = match(text, "^%d+%.?%d*$") and tonumber(text)
   if not n or n <= 0 then
      return nil, format("--deadline must be a number of seconds above 0, not '%s'", text)
   end
   return n
end

local function names(option, known, list)
   return function(text)
      local found = {}
      for name in gmatch(text, "[^,]+") do
         name = match(name, "^%s*(.-)%s*$")
         if not known(name) then
            return nil, format("%s: there is no '%s'; there are %s", option, name, concat(list, ", "))
         end
         found[#found + 1] = name
      end
      if not found[1] then
         return nil, format("%s: a name is missing; there are %s", option, concat(list, ", "))
      end
      return found
   end
end

local FLAG = {}
for _, name in ipairs(elements.status.flags) do
   FLAG[name] = true
end
local flag_names = names("--status", function(name) return FLAG[name] end, elements.status.flags)
local field_names = names("--fields", fields.is_known, fields.ALL)

-- Of lists in lists, each member once.
local function flat(lists)
   local all, known = {}, {}
   local function add(value)
      if type(value) == "table" then
         for _, member in ipairs(value) do
            add(member)
         end
      elseif not known[value] then
         known[value] = true
         all[#all + 1] = value
      end
   end
   add(lists)
   return all
end

local function several(result, target, args)
   result[target] = result[target] or {}
   table.insert(result[target], args)
end

-- argparse knows no other way out of an action than to end the process, so the text is left here and the way is an
-- error.
local answer

local function add_answer(command, names_of_flag, description, text)
   command:flag(names_of_flag):description(description):action(function()
      answer = text()
      error("answered", 0)
   end)
end

local function add_help(command)
   add_answer(command, "-h --help", "Show this help.", function() return command:get_help() .. "\n" end)
end

local function add_connection(command)
   command:group("Connection",
      command:option("--customer"):argname("ID"):description("The customer's id."),
      command:option("--tenant"):argname("ID"):description("The id of the customer's tenant."),
      command:option("--token-command"):argname("COMMAND")
         :description("Shell command that prints an access token; run again when it is refused. It goes before the "
            .. "environment's credentials."),
      command:option("--environment"):argname("NAME"):choices({ "commercial", "us_government", "aos2", "fedramp" })
         :description("commercial (default), us_government, aos2 or fedramp."),
      command:option("--base-url"):argname("URL"):description("The API's address, host and path, in place of that."),
      command:option("--token-url"):argname("URL"):description("The identity server's token address."),
      command:option("--ca-file"):argname("FILE"):description("PEM file of the authorities to trust."),
      command:option("--proxy"):argname("URL"):description("Proxy; \"\" for none."),
      command:option("--concurrency"):argname("N"):convert(whole("--concurrency", 1))
         :description("Requests at once, 1 to 32 (8)."),
      command:option("--deadline"):argname("SECONDS"):convert(seconds):description("End after so long."),
      command:flag("-q --quiet"):description("No progress and no notes; warnings and errors remain."))
   add_help(command)
end

local function ids(command)
   return command:option("--user"):argname("ID"):args("+"):count("*"):action(several)
end

local function add_list(parser)
   local list = parser:command("list")
   list:summary("The users of a tenant, as a table, CSV or JSON.")
      :description("Prints the users of a tenant, page by page. An absent field is - in a table, empty in CSV and "
         .. "left out in JSON; a status of none is a user without any flag.")
      :epilog(ending(examples(
         "avepoint-users list --customer ID --tenant ID",
         "avepoint-users list --status mfa_disabled --format csv >no-mfa.csv",
         "avepoint-users list --format jsonl --resume-file u.resume >>u.jsonl",
         "avepoint-users list --users-from ids.txt --fields id,mail,status")))
   local user = ids(list):description("Only these users, by their ids.")
   local users_from = list:option("--users-from"):argname("FILE")
      :description("Only the users whose ids are in FILE, one a line (# begins a comment); - is standard "
         .. "input.")
   list:mutex(user, users_from)
   list:group("Which users", user, users_from,
      list:option("--status"):argname("NAME"):args("+"):count("*"):action(several):convert(flag_names)
         :description("Only users who have any of these flags (see: avepoint-users flags). Filtered here, over all "
            .. "users that come."),
      list:flag("--all-of"):description("With --status: users who have all of them."),
      list:option("--max"):argname("N"):convert(whole("--max", 1)):description("End after N users shown."))
   list:group("Output",
      list:option("--format"):argname("NAME"):choices({ "table", "csv", "json", "jsonl" }):default("table")
         :show_default(false):description("table (default), csv, json (one array) or jsonl (a line each)."),
      list:option("--fields"):argname("A,B"):convert(field_names):description("These fields, in this order."),
      list:flag("--csv-raw"):description("Leave out CSV's guard: a ' before what a spreadsheet would run as a formula, "
         .. "\\xNN for control characters."),
      list:option("--resume-file"):argname("FILE"):description("Where it ends early, keep the place in FILE; where FILE "
         .. "is there, go on from it. Removed at the end."),
      list:option("--receipt"):argname("FILE"):description("Write what was delivered as JSON, also on a failure."))
   add_connection(list)
end

local function add_others(parser)
   local show = parser:command("show")
   show:summary("Some users, field by field.")
      :description("Prints users field by field, with the status in words.")
      :epilog(ending(examples("avepoint-users show --user c2aa00d3-ef87-40aa-a80a-9e9c79232bff")))
   show:group("Which users", ids(show):count("+"):description("The users' ids."))
   add_connection(show)

   local count = parser:command("count")
   count:summary("How many users, how many have each flag or none, and whose status is unknown.")
      :description("Walks the tenant and counts its users, those with each flag or none, and those whose status is "
         .. "unknown.")
      :epilog(ending(examples("avepoint-users count --customer ID --tenant ID")))
   add_connection(count)

   local doctor = parser:command("doctor")
   doctor:summary("What works, and what to do about what does not.")
      :description("Checks the options in force, name resolution, TLS, proxy, clock, sign-in and one page of one user. "
         .. "Prints a line for each, with nothing secret in it.")
      :epilog(ending(examples("avepoint-users doctor",
         "avepoint-users doctor --environment us_government --ca-file corp.pem"), {
         [fault.USAGE] = "wrong usage: an argument or a variable; the rest is checked all the same", [fault.UNSURE] = false,
      }))
   add_connection(doctor)

   local flags = parser:command("flags")
   flags:summary("The nine status flags.")
      :description("Prints the status flags: code, name and label.")
      :epilog(examples("avepoint-users flags") .. "\n\n" .. codes {
         [fault.UNSURE] = false, [fault.DENIED] = false, [fault.THROTTLED] = false, [fault.INTERRUPTED] = false,
      })
   add_help(flags)
end

local function new_parser()
   local parser = argparse("avepoint-users")
      :description("The users of a customer's Microsoft 365 tenant, from the AvePoint Elements API. Data goes to standard "
         .. "output, everything else to standard error.")
      :epilog(ending(examples(
         "avepoint-users list --customer ID --tenant ID",
         "avepoint-users list --status mfa_disabled --format csv >no-mfa.csv",
         "avepoint-users count",
         "avepoint-users doctor")) .. "\n\nOptions of a command: avepoint-users COMMAND --help")
      :add_help(false):help_max_width(WIDTH):usage_max_width(WIDTH):help_description_margin(MARGIN)
      :command_target("command")
   add_answer(parser, "--version", "Show the version.", function()
      return "avepoint-users " .. match(elements._VERSION, "%S+$") .. "\n"
   end)
   add_help(parser)
   add_list(parser)
   add_others(parser)
   for _, command in ipairs(parser._commands) do
      command:add_help(false)
   end
   return parser
end

-- Where an argument may have been meant to stand, by command.
local BEHIND = {
   list = "; ids stand behind --user, flags behind --status", show = "; ids stand behind --user",
}

-- A secret that was typed is told where it belongs, and never shown.
local function hint(argv)
   for _, word in ipairs(argv) do
      if find(word, "^%-%-[%w-]*secret") or find(word, "^%-%-[%w-]*password") or find(word, "^%-%-token$")
         or find(word, "^%-%-token=") then
         return "; secrets are never typed as arguments: set AVEPOINT_CLIENT_SECRET or use --token-command"
      end
   end
   return ""
end

---The arguments, or a text to print (of --help and --version); raises a wrong usage.
---@param argv string[]
---@return table? args
---@return string? text
function options.parse(argv)
   if argv[1] == "help" then
      argv = argv[2] and { argv[2], "--help" } or { "--help" }
   end
   local parser = new_parser()
   answer = nil
   local ok, args, message = pcall(parser.pparse, parser, argv)
   if answer then
      return nil, answer
   elseif not ok then
      error(args, 0)
   elseif not args then
      message = message:gsub("\nDid", "; did"):gsub("^too many arguments$",
         "an argument is too many" .. (BEHIND[argv[1]] or ""))
      fault.usage("%s", message .. hint(argv))
   end
   local result = message
   for _, name in ipairs { "user", "status", "fields" } do
      local list = flat(result[name] or {})
      result[name] = list[1] and list or nil
   end
   return result
end

return options
