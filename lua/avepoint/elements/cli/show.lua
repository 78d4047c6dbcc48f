-- show: some users, field by field, with the status in the vendor's words.
--
-- Every field has its line, "-" where it is absent; fields that the service does not document come behind the others.

local elements = require("avepoint.elements")
local doubts = require("avepoint.elements.cli.doubts")
local fault = require("avepoint.elements.cli.fault")
local fields = require("avepoint.elements.cli.fields")
local output = require("avepoint.elements.cli.output")
local session = require("avepoint.elements.cli.session")
local text = require("avepoint.elements.cli.text")

local concat, sort = table.concat, table.sort
local format = string.format

local show = {}

local function labels(user)
   local names = elements.status.names(user)
   if not names then
      return "unknown"
   end
   for i, name in ipairs(names) do
      names[i] = elements.status.label(name)
   end
   return names[1] and concat(names, ", ") or "none"
end

-- The service's fields, then the ones that came besides.
local function names_of(user)
   local names, more = table.move(fields.ALL, 1, #fields.ALL, 1, {}), {}
   for name in pairs(user) do
      if not fields.is_known(name) then
         more[#more + 1] = name
      end
   end
   sort(more)
   return table.move(more, 1, #more, #names + 1, names)
end

local function block(user)
   local lines = {}
   for _, name in ipairs(names_of(user)) do
      local value = name == "status" and labels(user) or fields.words(user, name) or "-"
      if name == "age" and value ~= "-" then
         value = value .. (value == "1" and " day" or " days") .. " since the password was set"
      end
      lines[#lines + 1] = format("%-18s %s\n", text.harmless(name), text.harmless(value))
   end
   return concat(lines)
end

---@param args table
---@param con table
---@return integer code
function show.run(args, con)
   local client, tenant = session.open(args, con)
   local _ <close> = client
   local walk <close> = fault.checked(tenant.users, tenant, { user_ids = args.user, deadline = args.deadline })
   local separator = ""
   for user in walk do
      output.write(con, separator .. block(user))
      separator = "\n"
   end
   con:finish()
   return doubts.of(con, walk:receipt()) and fault.UNSURE or 0
end

return show
