-- resume_file: where a list can go on, kept in a file between two runs.
--
-- Lines "name value": the query as it was typed, since rows of another one must not be appended, and the module's own
-- string. Written all or nothing, removed at the end of the tenant. It holds no secret and no user's data.

local fault = require("avepoint.elements.cli.fault")
local system = require("avepoint.elements.cli.system")

local format, gmatch, match = string.format, string.gmatch, string.match
local concat = table.concat
local open, remove = io.open, os.remove

local resume_file = {}

local ENOENT = 2

local HEAD = "avepoint-users resume 1"

-- What must be the same, and what it is called.
local SAME = {
   { "customer", "--customer" }, { "tenant", "--tenant" }, { "status", "--status" }, { "all_of", "--all-of" },
   { "format", "--format" }, { "fields", "--fields" }, { "csv_raw", "--csv-raw" },
}

local function value_of(args, name)
   local value = args[name]
   if type(value) == "table" then
      return concat(value, ",")
   end
   return value and tostring(value) or ""
end

---Can the file be written? Asked before anything is sent. What is there is replaced, so a link or a device is refused.
---@param option string
---@param path string
function resume_file.check(option, path)
   if system.is_special(path) then
      fault.usage("%s: %s is no regular file, and would be replaced by one; give another name", option, path)
   end
   local file, message = open(path .. ".new", "wb")
   if not file then
      fault.usage("%s: %s", option, message)
   end
   file:close()
   remove(path .. ".new")
   local old, why, number = open(path, "rb")
   if old then
      old:close()
   elseif number ~= ENOENT then
      fault.usage("%s: %s", option, why)
   end
end

---The string to resume with; nil where there is no file yet. Raises where it belongs to another query.
---@param path string
---@param args table with customer and tenant
---@return string? resume
---@return boolean begun the header is out
function resume_file.read(path, args)
   resume_file.check("--resume-file", path)
   local text = system.read(path)
   if not text then
      return nil, false
   end
   local kept = {}
   for name, value in gmatch(text, "([%l_]+) ([^\n]*)\n") do
      kept[name] = value
   end
   if match(text, "^[^\n]*") ~= HEAD or not kept.resume then
      fault.usage("--resume-file: %s was not written by this command; name another file, or remove it to begin anew", path)
   end
   for _, pair in ipairs(SAME) do
      local was, is = kept[pair[1]] or "", value_of(args, pair[1])
      if was ~= is then
         fault.usage("--resume-file: %s belongs to another query: %s was %s and is %s; give the same, or remove the file "
            .. "to begin anew", path, pair[2], was == "" and "not given" or was, is == "" and "not given" or is)
      end
   end
   return kept.resume, kept.begun == "true"
end

---@param path string
---@param args table with customer and tenant
---@param resume string
---@param begun boolean the header is out
---@return boolean? ok
---@return string? message
function resume_file.write(path, args, resume, begun)
   local lines = { HEAD }
   for _, pair in ipairs(SAME) do
      lines[#lines + 1] = pair[1] .. " " .. value_of(args, pair[1])
   end
   lines[#lines + 1] = format("begun %s\nresume %s\n", begun, resume)
   return system.write(path, concat(lines, "\n"))
end

return resume_file
