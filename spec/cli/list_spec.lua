-- `avepoint-users list`, as real processes against the sandbox; every format is read back by another reader.

local cjson = require("cjson")

local commands = require("spec.support.commands")
local hostile = require("spec.sandbox.hostile")
local keeper = require("spec.sandbox.keeper")
local tenants = require("spec.sandbox.tenant")

local FIELDS = tenants.FIELDS

-- From CSV by Python's reader to a JSON list of rows.
local READ_CSV = [[python3 -c '
import csv, json, sys, io
csv.field_size_limit(1 << 24)
text = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")
print(json.dumps(list(csv.reader(text, strict=True))))']]

local cli = commands.around(setup, teardown)

local function list(knobs, more, options)
   options = options or {}
   options.more = more
   return cli:run("list", cli:here(knobs), options)
end

local function csv_rows(text)
   return cjson.decode(cli:through(READ_CSV, text))
end

local function csv_cell(value, name)
   if name == "status" then
      local names = {}
      for i, code in ipairs(value) do
         names[i] = require("avepoint.elements").status.name(code)
      end
      return names[1] and table.concat(names, ";") or "none"
   end
   return value == nil and "" or tostring(value)
end

-- The same value for cjson's floats and our integers.
local function normal(value)
   if type(value) == "table" then
      local copy = {}
      for k, v in pairs(value) do
         copy[k] = normal(v)
      end
      return copy
   end
   return math.type(value) == "float" and math.tointeger(value) or value
end

local function line_count(text)
   return select(2, text:gsub("\n", ""))
end

describe("list --format csv", function()
   it("gives every user and every column, as another reader sees them", function()
      local result = list({ size = 250, absent = 1 }, { "--format", "csv" })
      assert.same({ 0, "250 users\n" }, { result.status, result.err })
      local rows = csv_rows(result.out)
      assert.equal(251, #rows)
      assert.same(FIELDS, rows[1])
      for n = 1, 250 do
         local user, cells = tenants.user(n, { absent = true }), {}
         for i, name in ipairs(FIELDS) do
            cells[i] = csv_cell(user[name], name)
         end
         assert.same(cells, rows[n + 1])
      end
      assert.is_nil(result.out:gsub("\r\n", ""):find("[\r\n]"))
   end)

   it("tells an unknown status from none", function()
      local rows = csv_rows(list({ size = 2, status = "null" }, { "--format", "csv", "--fields", "status" }).out)
      assert.same({ { "status" }, { "" }, { "" } }, rows)
      rows = csv_rows(list({ size = 3 }, { "--format", "csv", "--fields", "status,id" }).out)
      assert.equal("none", rows[4][1])
   end)

   it("guards formulas and control characters of a hostile directory, and leaves telephone numbers alone", function()
      local result = list({ size = 40, shape = "hostile" }, { "--format", "csv", "--fields", "displayName" })
      assert.equal(0, result.status)
      assert.is_nil(result.out:find("[\0\27\127]"))
      local rows = csv_rows(result.out)
      assert.equal(41, #rows)
      for i, name in ipairs(hostile.NAMES) do
         local cell = rows[i + 1][1]
         if name:find("^[=+@\t\r\n-]") and name ~= "+386 1 555" then
            assert.equal("'" .. name, cell)
         elseif utf8.len(name) and not name:find("[\0\27\127]") and not name:find("\194\155") then
            assert.equal(name, cell)
         end
      end
      assert.equal("\\x1b[31mred\\x1b[2J", rows[14][1])
   end)

   it("gives names as they are with --csv-raw, in UTF-8 none the less", function()
      local result = list({ size = 40, shape = "hostile" }, { "--format", "csv", "--csv-raw", "--fields", "displayName" })
      local rows = csv_rows(result.out)
      for i, name in ipairs(hostile.NAMES) do
         assert.equal(utf8.len(name) and name or "\u{FFFD}\u{FFFD}\u{FFFD}", rows[i + 1][1])
      end
   end)

   it("of an empty tenant is a header", function()
      local result = list({ size = 0 }, { "--format", "csv", "--fields", "id,mail" })
      assert.same({ 0, "id,mail\r\n", "0 users\n" }, { result.status, result.out, result.err })
   end)
end)

describe("list --format json and jsonl", function()
   it("give every user as the module decoded them, as jq and cjson see them", function()
      local knobs = { size = 250, absent = 1, status = "mixed" }
      local array, lines = list(knobs, { "--format", "json" }), list(knobs, { "--format", "jsonl" })
      assert.same({ 0, 0 }, { array.status, lines.status })
      local users = normal(cjson.decode(array.out))
      assert.equal(250, #users)
      for n = 1, 250 do
         assert.same(tenants.user(n, { absent = true, status = "mixed" }), users[n])
      end
      assert.equal(cli:through("jq -c '.[]'", array.out), cli:through("jq -c .", lines.out))
      assert.equal(250, line_count(lines.out))
      assert.equal('[["array",124],["null",126]]\n', cli:through(
         "jq -c '[map(.status|type)|group_by(.)[]|[.[0],length]]'", array.out))
   end)

   it("keep hostile names and are harmless to a terminal", function()
      local result = list({ size = 40, shape = "hostile" }, { "--format", "jsonl" })
      assert.is_nil(result.out:find("[\0-\9\11-\31\127]"))
      assert.is_nil(result.out:find("\194[\128-\159]"))
      assert.is_nil(result.out:find("\226\128\174", 1, true))
      local names = cjson.decode(cli:through("jq -s '[.[].displayName]'", result.out))
      for i, name in ipairs(hostile.NAMES) do
         assert.equal(utf8.len(name) and name or "\u{FFFD}\u{FFFD}\u{FFFD}", names[i])
      end
   end)

   it("keep unknown fields and lists", function()
      local result = list({ size = 1, shape = "extra" }, { "--format", "jsonl" })
      assert.equal('[[{"on":true,"sku":"E5"}],"m",[]]\n', cli:through("jq -cS '[.licenses,.manager.id,.none]'", result.out))
   end)

   it("give the fields asked for, in that order", function()
      local result = list({ size = 1 }, { "--format", "jsonl", "--fields", "status,id" })
      assert.matches('^{"status":%[0%],"id":"[%x-]+"}\n$', result.out)
   end)

   it("are an empty array and nothing for an empty tenant", function()
      assert.equal("[]", (list({ size = 0 }, { "--format", "json" }).out:gsub("%s", "")))
      assert.equal("", list({ size = 0 }, { "--format", "jsonl" }).out)
   end)

   it("leave the array open after a failure, so that no reader takes a part for the whole", function()
      local result = list({ size = 300, fail = "404:3" }, { "--format", "json" })
      assert.equal(1, result.status)
      assert.matches("not_found", result.err)
      assert.matches("array is left open", result.err)
      assert.is_false((pcall(cjson.decode, result.out)))
      assert.equal(200, #cjson.decode(result.out .. "]"))
   end)
end)

describe("list --status", function()
   local function shown(more)
      local words = { "--format", "jsonl", "--fields", "id,status", "--status" }
      return list({ size = 250 }, table.move(more, 1, #more, #words + 1, words))
   end

   local function expected(want)
      local count = 0
      for n = 1, 250 do
         local codes = {}
         for _, code in ipairs(tenants.user(n).status) do
            codes[code] = true
         end
         count = count + (want(codes) and 1 or 0)
      end
      return count
   end

   it("shows users with any of the flags, over the whole stream, and says that it filters", function()
      local result = shown { "high_risk", "medium_risk" }
      local count = expected(function(codes) return codes[3] or codes[4] end)
      assert.equal(count, line_count(result.out))
      assert.equal(0, result.status)
      assert.equal(count .. " users shown of 250: --status high_risk or medium_risk, filtered here\n", result.err)
   end)

   it("shows users with all of them under --all-of; names may be joined by commas or given again", function()
      local count = expected(function(codes) return codes[0] and codes[1] end)
      assert.is_true(count > 0 and count < 40)
      assert.equal(count, line_count(shown { "mfa_disabled,sign_in_blocked", "--all-of" }.out))
      assert.equal(count, line_count(shown { "mfa_disabled", "--status", "sign_in_blocked", "--all-of" }.out))
   end)

   it("is not sure of users without a status: they are left out, counted, and the exit code is 3", function()
      local result = list({ size = 8, status = "mixed" }, { "--status", "high_risk", "--format", "csv" })
      assert.equal(3, result.status)
      assert.matches("not sure: 4 users left out since the service gives no status for them", result.err)
      assert.equal(0, list({ size = 8, status = "mixed" }, { "--format", "csv" }).status)
   end)
end)

describe("list of some users", function()
   it("takes ids from arguments, a file and standard input", function()
      local ids = { tenants.id(7), tenants.id(3) }
      local by_arguments = list({}, { "--format", "jsonl", "--user", ids[1], ids[2] })
      assert.same({ 0, 2 }, { by_arguments.status, line_count(by_arguments.out) })
      local text = "\u{FEFF}# ids\r\n" .. ids[1] .. "\r\n\n  " .. ids[2] .. "  "
      local path = commands.write(cli:path("ids"), text)
      assert.equal(by_arguments.out, list({}, { "--format", "jsonl", "--users-from", path }).out)
      assert.equal(by_arguments.out, list({}, { "--format", "jsonl", "--users-from", "-" }, { input = text }).out)
   end)

   it("names the ids that never came, and is not sure", function()
      local result = list({}, { "--format", "jsonl", "--user", tenants.id(1), "nobody" })
      assert.equal(3, result.status)
      assert.equal(1, line_count(result.out))
      assert.matches("not sure: 1 id asked for never came (no user of this tenant, as far as the service tells): nobody",
         result.err, 1, true)
   end)

   it("of no ids is nobody, and says so", function()
      local result = list({}, { "--format", "csv", "--fields", "id", "--users-from", "-" }, { input = "\n# none\n" })
      assert.same({ 0, "id\r\n", "no ids, so no users\n0 users\n" }, { result.status, result.out, result.err })
   end)

   it("refuses sign-in names, with the line", function()
      local result = list({}, { "--users-from", "-" }, { input = "a\nkevin@element.example\n" })
      assert.equal(2, result.status)
      assert.matches("line 2 of standard input is a sign%-in name", result.err)
   end)
end)

describe("list --max", function()
   it("counts the users shown and says that there are more", function()
      local result = list({ size = 250 }, { "--max", "120", "--format", "jsonl" })
      assert.same({ 0, 120 }, { result.status, line_count(result.out) })
      assert.matches("stopped at %-%-max 120; the tenant has 250 users", result.err)
      result = list({ size = 250 }, { "--max", "2", "--format", "jsonl", "--status", "high_risk" })
      assert.same({ 0, 2 }, { result.status, line_count(result.out) })
      assert.is_true(cli.sandbox:count("default", "page") > 0)
   end)

   it("that all users fit into has stopped nothing, and leaves nothing to go on with", function()
      for _, max in ipairs { 250, 251 } do
         local resume, receipt = cli:path("resume"), cli:path("receipt")
         local result = list({ size = 250 }, { "--max", tostring(max), "--format", "jsonl", "--resume-file", resume,
            "--receipt", receipt })
         assert.same({ 0, 250, "250 users\n" }, { result.status, line_count(result.out), result.err })
         assert.is_nil(keeper.read(resume))
         assert.is_true(cjson.decode(keeper.read(receipt)).complete)
      end
   end)

   it("does not count the tenant's users by those of some ids", function()
      local result = list({}, { "--max", "1", "--format", "jsonl", "--user", tenants.id(1), tenants.id(2) })
      assert.same({ 0, "1 user\nstopped at --max 1\n" }, { result.status, result.err })
   end)

   it("in the middle of a page goes on with the next user", function()
      local resume = cli:path("resume")
      local whole = list({ size = 250 }, { "--format", "csv" }).out
      local parts = {}
      for i = 1, 3 do
         local result = list({ size = 250 }, { "--format", "csv", "--max", "90", "--resume-file", resume })
         assert.equal(0, result.status)
         parts[i] = result.out
      end
      assert.equal(whole, table.concat(parts))
      assert.is_nil(keeper.read(resume))
   end)
end)

describe("list --resume-file", function()
   it("after a failure gives the rest, without a second header, and is removed at the end", function()
      for _, format in ipairs { "csv", "jsonl", "table" } do
         local resume = cli:path("resume")
         local whole = list({ size = 450 }, { "--format", format }).out
         local first = list({ size = 450, fail = "403:4" }, { "--format", format, "--resume-file", resume })
         assert.equal(4, first.status)
         assert.equal(whole:sub(1, #first.out), first.out)
         assert.matches("\n$", first.out)
         assert.matches("to go on, append what this writes:\n   avepoint%-users list .*%-%-resume%-file " .. resume:gsub("%p",
            "%%%0"), first.err)
         local rest = list({ size = 450 }, { "--format", format, "--resume-file", resume })
         assert.equal(0, rest.status)
         assert.equal(whole, first.out .. rest.out)
         assert.is_nil(keeper.read(resume))
         assert.is_nil(keeper.read(resume .. ".new"))
      end
   end)

   it("keeps the place of a filter that has shown nobody yet", function()
      local resume = cli:path("resume")
      local words = { "--format", "csv", "--resume-file", resume, "--status", "pending_deletion", "--all-of" }
      local whole = list({ size = 250, page_size = nil }, words).out
      local first = list({ size = 250, fail = "403:1" }, words)
      assert.same({ 4, "" }, { first.status, first.out })
      assert.is_nil(keeper.read(resume))
      assert.equal(whole, list({ size = 250 }, words).out)
   end)

   it("is refused for another tenant, another query and another kind of file", function()
      local resume = cli:path("resume")
      local words = { "--format", "csv", "--resume-file", resume }
      assert.equal(4, list({ size = 450, fail = "403:4" }, words).status)
      local kept = keeper.read(resume)
      local function refused(more, env)
         local all = table.move(words, 1, #words, 1, {})
         local result = list({ size = 450 }, table.move(more, 1, #more, #all + 1, all), { env = env })
         assert.equal(2, result.status)
         assert.equal("", result.out)
         assert.equal(kept, keeper.read(resume))
         return result.err
      end
      assert.matches("belongs to another query: %-%-status was not given and is high_risk", refused { "--status", "high_risk" })
      assert.matches("%-%-fields was not given and is id", refused { "--fields", "id" })
      assert.matches("another list of user ids", refused { "--user", "a" })
      local arguments = cli:here({ size = 450 })
      arguments[4] = cli.sandbox.second.tenant_id
      local other = cli:run("list", arguments, { more = words })
      assert.equal(2, other.status)
      assert.matches("%-%-tenant was " .. cli.sandbox.tenant_id:gsub("%-", "%%-"), other.err)
      commands.write(resume, "something else\n")
      kept = "something else\n"
      assert.matches("was not written by this command", refused {})
      commands.write(resume, "avepoint-users resume 1\nresume 00\n")
      kept = "avepoint-users resume 1\nresume 00\n"
      assert.equal(2, list({}, words).status)
   end)

   it("that can't be written is told before anything is sent", function()
      local run = cli.sandbox:new_run()
      local result = list({ run = run }, { "--format", "csv", "--resume-file", "/none/resume" })
      assert.equal(2, result.status)
      assert.matches("%-%-resume%-file: /none/resume.new: No such file", result.err)
      assert.equal(0, cli.sandbox:count(run))
   end)

   it("that can't be written at the end makes a failure of what went well", function()
      local dir = cli:path("dir")
      assert(os.execute("mkdir " .. keeper.quote(dir)))
      local arguments = cli:here { size = 450 }
      arguments[#arguments] = "rmdir " .. keeper.quote(dir) .. "; printenv SPEC_TOKEN"
      local more = { "--format", "csv", "--max", "200", "--resume-file", dir .. "/resume" }
      local result = cli:run("list", arguments, { more = more })
      assert.equal(1, result.status)
      assert.equal(201, line_count(result.out))
      assert.matches("%-%-resume%-file: [^\n]*/resume.new: No such file", result.err)
   end)

   it("does not go with json, and says what does", function()
      local result = list({}, { "--format", "json", "--resume-file", "x" })
      assert.equal(2, result.status)
      assert.matches("take %-%-format jsonl", result.err)
   end)

   it("is no other file of the same command line, which would be lost", function()
      local path = cli:path("ids")
      for _, more in ipairs {
         { "--receipt", path, "--resume-file", path }, { "--receipt", path, "--users-from", path },
         { "--resume-file", path, "--users-from", path },
      } do
         cli.write(path, "kept\n")
         local result = list({}, more)
         assert.same({ 2, "" }, { result.status, result.out })
         assert.matches(path .. " is the file of two options; give each its own", result.err, 1, true)
         assert.equal("kept\n", keeper.read(path))
      end
   end)
end)

describe("list that is not sure", function()
   it("says what changed while it walked, exit code 3", function()
      local result = list({ run = cli.sandbox:new_run(), size = 450, drift = "shrink:3:60", latency = 5 },
         { "--format", "jsonl", "--concurrency", "1" })
      assert.equal(3, result.status)
      assert.matches("not sure: the tenant changed meanwhile %(450 users at first, 390 at last", result.err)
   end)
end)

describe("list and a reader that goes away", function()
   it("leaves whole rows, writes the resume file, and exits with 141", function()
      local resume = cli:path("resume")
      local result = cli:drive("list", cli:here { size = 5000 }, {
         more = { "--format", "csv", "--resume-file", resume }, bytes = 1000, close = true, chunk = 1000,
      })
      assert.equal(141, result.status)
      assert.matches("the reader closed the pipe", result.stderr)
      assert.matches("to go on, append what this writes:\n   avepoint%-users list", result.stderr)
      local rest = list({ size = 5000 }, { "--format", "csv", "--resume-file", resume })
      assert.equal(0, rest.status)
      local whole = list({ size = 5000 }, { "--format", "csv" }).out
      assert.is_true(#rest.out > 0)
      assert.equal(rest.out, whole:sub(-#rest.out))
   end)

   it("says little to head", function()
      local result = cli:run("list", cli:here { size = 5000 }, { more = { "--format", "csv" }, redirect = "| head -n 2" })
      assert.equal(2, line_count(result.out))
      assert.matches("^avepoint%-users: the reader closed the pipe\n[%d,]+ users\n$", result.err)
   end)
end)

describe("list and a full disk", function()
   it("fails, and never looks like success", function()
      for _, more in ipairs { { "--format", "csv" }, { "--format", "json" }, {} } do
         local result = list({ size = 20 }, more, { redirect = ">/dev/full" })
         assert.equal(1, result.status)
         assert.matches("can't write to standard output: No space left on device", result.err)
      end
      local closed = list({ size = 20 }, {}, { redirect = ">&-" })
      assert.same({ 1, "avepoint-users: standard output is closed\n" }, { closed.status, closed.err })
   end)
end)

describe("list and Ctrl-C", function()
   local function interrupted(job)
      local resume = cli:path("resume")
      job.more = { "--format", "csv", "--resume-file", resume }
      local result = cli:drive("list", job.arguments or cli:here(job.knobs), job)
      assert.equal(130, result.status)
      assert.matches("interrupted", result.stderr)
      assert.is_true(result.seconds < 10, result.seconds .. " s")
      return result, resume
   end

   -- The arguments with another token command; %s in it is a file that shows that it runs, and lua its handler has.
   local begun
   local function with_token(command, knobs)
      begun = cli:path("begun")
      local arguments = cli:here(knobs)
      arguments[#arguments] = command:format(begun)
      return arguments
   end

   -- What was out and what a resumed run gives are what an uninterrupted run gives.
   local function assert_whole(size, out, resume)
      local whole = list({ size = size }, { "--format", "csv" }).out
      assert.equal(whole:sub(1, #out), out)
      assert.matches("\n$", out)
      assert.matches("^avepoint%-users resume 1\n", keeper.read(resume))
      local rest = list({ size = size }, { "--format", "csv", "--resume-file", resume })
      assert.equal(0, rest.status)
      assert.equal(whole, out .. rest.out)
   end

   it("while it waits leaves whole rows and goes on where it was", function()
      local result, resume = interrupted { knobs = { size = 800, slow = "20000:4-" }, bytes = 60000 }
      assert.matches("to go on, append what this writes:\n", result.stderr)
      assert_whole(800, result.stdout, resume)
   end)

   it("while it is busy leaves whole rows and goes on where it was", function()
      local result, resume = interrupted { knobs = { size = 12000 }, bytes = 800000 }
      assert.is_true(line_count(result.stdout) < 12000)
      assert_whole(12000, result.stdout, resume)
   end)

   it("while a write waits for its reader leaves whole rows and goes on where it was", function()
      local result, resume = interrupted { knobs = { size = 3000 }, bytes = 1, sleep = 0.4, rest = 0.2 }
      assert_whole(3000, result.stdout, resume)
   end)

   it("typed twice ends it at once", function()
      local result = cli:drive("list", with_token("trap '' INT; touch %s; sleep 3"), { file = begun, twice = true })
      assert.equal(-2, result.status) -- by the signal
   end)

   it("before the first page writes nothing and leaves no file", function()
      local arguments = with_token("touch %s; printenv SPEC_TOKEN", { size = 300, latency = 20000 })
      local result, resume = interrupted { arguments = arguments, file = begun, after = 0.3 }
      assert.equal("", result.stdout)
      assert.is_nil(keeper.read(resume))
   end)

   it("while the token command runs is an interrupt, not a failed sign-in", function()
      local result = cli:drive("list", with_token("touch %s; sleep 20; printenv SPEC_TOKEN"), { file = begun })
      assert.equal(130, result.status)
      assert.is_nil(result.stderr:find("auth", 1, true))
   end)
end)

describe("list --receipt", function()
   it("tells what was delivered as JSON, on success and on failure", function()
      local path = cli:path("receipt")
      assert.equal(0, list({ size = 120 }, { "--format", "csv", "--receipt", path }).status)
      local receipt = cjson.decode(keeper.read(path))
      assert.same({ true, "end", 120, 120, 0 }, { receipt.complete, receipt.stop_reason, receipt.users, receipt.shown,
         receipt.exit_code })
      assert.equal(4, list({ size = 450, fail = "403:4" }, { "--format", "csv", "--receipt", path }).status)
      receipt = cjson.decode(keeper.read(path))
      assert.same({ false, "error", 300, 4, "forbidden", 403, 4 }, { receipt.complete, receipt.stop_reason, receipt.users,
         receipt.exit_code, receipt.error.kind, receipt.error.status, receipt.error.page_index })
      assert.equal(3, list({}, { "--user", "nobody", "--receipt", path }).status)
      receipt = cjson.decode(keeper.read(path))
      assert.same({ false, { "nobody" } }, { receipt.complete, receipt.missing })
      assert.equal(2, list({}, { "--customer", "a b", "--receipt", path }).status)
      assert.is_nil(keeper.read(path))
   end)
end)

describe("list of a large tenant", function()
   -- Peak of the process in kB, read by the token command, which is its child and is run again when the last page is
   -- answered by a 401.
   local function peak(size)
      local path = cli:path("peak")
      local arguments = cli:here { size = size, fail = ("401:%d:1"):format(size // 100), run = cli.sandbox:new_run() }
      arguments[#arguments] = "grep VmHWM /proc/$PPID/status >" .. keeper.quote(path) .. "; printenv SPEC_TOKEN"
      local result = cli:run("list", arguments, { more = { "--format", "csv" }, redirect = ">/dev/null" })
      return tonumber(keeper.read(path):match("%d+")), result
   end

   it("needs 16 bytes a user and no more #build", function()
      local small, large = peak(2000), peak(102000)
      assert.is_true(large - small < 100000 * 16 / 1024 + 1024, ("%d kB, then %d kB"):format(small, large))
   end)
end)
