-- list: the users of a tenant as a table, CSV or JSON, page by page.
--
-- However it ends, what is out is whole rows, and what was written is what the resume file counts as given: the
-- position is taken after each page's write, never before.

local elements = require("avepoint.elements")
local console = require("avepoint.elements.cli.console")
local csv = require("avepoint.elements.cli.csv")
local doubts = require("avepoint.elements.cli.doubts")
local fault = require("avepoint.elements.cli.fault")
local fields = require("avepoint.elements.cli.fields")
local grid = require("avepoint.elements.cli.grid")
local json = require("avepoint.elements.cli.json")
local output = require("avepoint.elements.cli.output")
local receipts = require("avepoint.elements.cli.receipts")
local resume_file = require("avepoint.elements.cli.resume_file")
local session = require("avepoint.elements.cli.session")
local system = require("avepoint.elements.cli.system")

local concat = table.concat
local format = string.format
local has = elements.status.has

local list = {}

local FORMATS = { table = grid.rows, csv = csv.rows, json = json.array, jsonl = json.lines }

local function check(args)
   if args.all_of and not args.status then
      fault.usage("--all-of needs --status: the flags that a user must have")
   elseif args.csv_raw and args.format ~= "csv" then
      fault.usage("--csv-raw needs --format csv")
   elseif args.resume_file and args.format == "json" then
      fault.usage("--resume-file does not go with --format json: one array can't be continued; take --format jsonl")
   end
   local taken = {}
   for _, name in ipairs { "users_from", "resume_file", "receipt" } do
      local path = args[name] or {}
      if taken[path] then
         fault.usage("%s is the file of two options; give each its own", path)
      end
      taken[path] = true
   end
   if args.receipt then
      resume_file.check("--receipt", args.receipt)
      os.remove(args.receipt) -- that of an earlier run does not speak for this one
   end
end

local function new_format(args)
   return FORMATS[args.format] {
      fields = args.fields or args.format ~= "table" and fields.ALL or nil,
      more = not args.fields,
      raw = args.csv_raw,
      columns = args.format == "table" and system.columns() or nil,
      bold = args.format == "table" and output.is_able(),
   }
end

-- Is a user shown? nil where that is unknown.
local function chosen(args, user)
   local all = args.all_of
   for _, name in ipairs(args.status) do
      local it = has(user, name)
      if it == nil then
         return nil
      elseif it ~= (all or false) then
         return it
      end
   end
   return all or false
end

-- Steps through the walk and writes; `state` is true at any moment it may raise.
local function write_rows(walk, rows, args, con, state)
   local pending, n, last, at = {}, 0, nil, 0
   local function flush()
      if n > 0 then
         local text = concat(pending, "", 1, n)
         output.write(con, state.begun and text or rows.head .. text)
         state.begun = true
         state.shown = state.shown + n
         pending, n = {}, 0
      end
      state.position = args.resume_file and walk:receipt().resume
   end
   while true do
      local user, page = walk()
      if not user then
         break
      end
      if page ~= last then
         last, at = page, 0
      end
      at = at + 1
      local it = not args.status or chosen(args, user)
      if it == nil then
         state.unknown = state.unknown + 1
      elseif it then
         n = n + 1
         pending[n] = rows.row(user)
      end
      if args.status and state.shown + n == args.max then -- else the walk itself ends there
         state.full = true
         break
      elseif at == #page.data then
         flush()
      end
   end
   flush()
   output.write(con, state.begun and rows.foot or rows.head .. rows.foot)
end

local function summary(receipt, args, con, state)
   if args.status then
      con:note(format("%s shown of %s: --status %s%s, filtered here", console.count(state.shown, "user"),
         console.number(receipt.users), concat(args.status, args.all_of and " and " or " or "),
         args.all_of and " (all of them)" or ""))
   else
      con:note(console.count(state.shown, "user"))
   end
   if state.full or receipt.stop_reason == "max_users" then
      con:note(format("stopped at --max %d%s", args.max, (args.user or args.users_from) and ""
         or "; the tenant has " .. console.count(receipt.total_last, "user")))
   end
end

-- Keeps the position for another run, or removes what is no longer needed; false where that failed.
local function keep(path, args, con, state, ended)
   if not path then
      return true
   elseif ended then
      os.remove(path)
      return true
   elseif not state.position then
      return true -- no page came: the same command begins anew, or where the file says
   end
   local ok, message = resume_file.write(path, args, state.position, state.begun)
   if not ok then
      con:fail("--resume-file: " .. message)
   end
   return ok
end

local function tell_how_to_go_on(args, con, state, code)
   if code == fault.USAGE then
      return
   elseif args.format == "json" and state.begun and code ~= 0 and code ~= fault.PIPE then
      con:note("the JSON array is left open, so that no reader takes it for the whole; --format jsonl can be resumed")
   elseif args.resume_file and (state.position or state.resumed) then
      con:note(state.begun and "to go on, append what this writes:" or "to go on:")
      con:command(args.typed)
   elseif not args.resume_file and code ~= 0 and code ~= fault.PIPE and state.begun then
      con:note("with --resume-file FILE it could go on from there")
   end
end

---@param args table
---@param con table
---@return integer code
function list.run(args, con)
   check(args)
   local client, tenant = session.open(args, con)
   local _ <close> = client
   args.customer, args.tenant = tenant.customer_id, tenant.tenant_id
   local state = { shown = 0, unknown = 0, begun = false, resumed = false, position = nil }
   local ids = session.user_ids(args)
   if ids and #ids == 0 then
      con:note("no ids, so no users")
   end
   local resume
   if args.resume_file then
      resume, state.begun = resume_file.read(args.resume_file, args)
      state.resumed = resume ~= nil
      if resume then
         con:note("going on from " .. args.resume_file)
      end
   end
   local rows = new_format(args)
   local walk <close> = fault.checked(tenant.users, tenant, {
      user_ids = ids, deadline = args.deadline, resume = resume, max_users = not args.status and args.max or nil,
   })
   local ok, err = pcall(write_rows, walk, rows, args, con, state)
   local receipt = walk:receipt()
   con:finish()
   local code = 0
   if not ok then
      local what = fault.of(err)
      code = what.code
      con:fail(what.message)
   end
   local unsure = doubts.of(con, receipt)
   if state.unknown > 0 then
      unsure = true
      doubts.tell(con, "%s left out since the service gives no status for %s", console.count(state.unknown, "user"),
         state.unknown == 1 and "it" or "them")
   end
   if unsure and code == 0 then
      code = fault.UNSURE
   end
   if ok or state.shown > 0 then
      summary(receipt, args, con, state)
   end
   local ended = ok and receipt.stop_reason == "end"
   if not keep(args.resume_file, args, con, state, ended) and code == 0 then
      code = fault.FAILED
   end
   if not ended then
      tell_how_to_go_on(args, con, state, code)
   end
   if args.receipt then
      code = receipts.write(args, con, receipt, { code = code, shown = state.shown, error = not ok and err or nil })
   end
   return code
end

return list
