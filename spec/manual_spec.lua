-- What the README says, held against what is there, in both directions: names, fields, kinds, events, variables, numbers
-- of the policy, paths, targets, links, and the figures. (Its programs run in readme_spec.)
--
-- Criteria: what is true is asked of the module where it can be: by its own messages, a real receipt, real errors.

local elements = require("avepoint.elements")
local credentials = require("avepoint.elements.cli.credentials")
local keeper = require("spec.sandbox.keeper")
local options = require("avepoint.elements.cli.options")
local quoted = require("spec.bench.quoted")
local readme = require("spec.support.readme")
local sandboxes = require("spec.sandbox.sandbox")
local truth = require("spec.sandbox.tenant")
local walks = require("spec.support.walks")

local LUA = "lua/avepoint/elements/"
local BUILD = os.getenv("AVEPOINT_BUILD") or "build"

local sandbox, events

-- Prints the fields of every event: a sign-in, two refusals, the rest of the pages.
local LISTENER = [[
local elements = require("avepoint.elements")
local known = {}
local client = assert(elements.client {
   client_id = %q, client_secret = %q, base_url = %q, token_url = %q, ca_file = %q, proxy = "",
   on_event = function(event)
      for name in pairs(event) do
         known[event.type .. "." .. name] = true
      end
   end,
})
assert(client:tenant(%q, %q):collect())
for name in pairs(known) do
   print(name)
end
]]

setup(function()
   sandbox = sandboxes.start()
   local command, path = walks.command(sandbox, LISTENER:format(sandbox.client_id, sandbox.client_secret,
      sandbox:base { fail = "429:1:2", retry_after = 1 }, sandbox:token_url(), sandbox.ca_file, sandbox.customer_id,
      sandbox.tenant_id))
   events = io.popen(command .. " " .. keeper.quote(path) .. " 2>&1")
end)

teardown(function()
   events:close()
   sandbox:stop()
end)

local function sorted(set, prefix)
   local list = {}
   for name in pairs(set) do
      list[#list + 1] = (prefix or "") .. name
   end
   table.sort(list)
   return list
end

-- Each word once, sorted.
local function each_once(list)
   local set = {}
   for _, word in ipairs(list) do
      set[word] = true
   end
   return sorted(set)
end

local function words(text, pattern)
   local list = {}
   for word in text:gmatch(pattern) do
      list[#list + 1] = word
   end
   return each_once(list)
end

-- The options that a call takes, by its own message.
local function taken(f, ...)
   local ok, message = pcall(f, ...)
   assert.is_false(ok)
   return words(message:match("; it has (.*)$"), "[%w_]+")
end

describe("the README names", function()
   it("everything public under a heading, and nothing else", function()
      -- reachable, since they are the engine's, and no one's to call
      local INTERNAL = { ["client:new"] = true }
      for _, name in ipairs { "closed", "position", "too_late", "users_given" } do
         INTERNAL["walk:" .. name] = true
      end
      local public = { user = true, page = true, on_event = true, require = true }
      for name, value in pairs(elements) do
         if name == "status" then
            for _, each in ipairs(sorted(value)) do
               public["elements.status." .. each] = true
            end
         else
            public["elements." .. name] = true
         end
      end
      local client, tenant = walks.open(sandbox)
      local _ <close> = client
      for name, object in pairs { client = client, tenant = tenant, walk = tenant:users() } do
         for key, value in pairs(getmetatable(object).__index) do
            local method = name .. ":" .. key
            public[method] = type(value) == "function" and not key:find("^__") and not INTERNAL[method] or nil
         end
      end
      local named = {}
      for _, heading in ipairs(readme.below("Reference")) do
         named[assert(heading.text:match("^`([%a_][%w_.:]*)"), heading.text)] = true
      end
      assert.same(sorted(public), sorted(named))
   end)

   it("every wait function", function()
      local named = {}
      for _, heading in ipairs(readme.below("Reference")) do
         named[#named + 1] = heading.text:match("^`require%(\"(.-)\"%)`")
      end
      assert.same(words(keeper.output("ls " .. LUA .. "wait"), "%w+%f[.]"),
         words(table.concat(named, " "), "avepoint%.elements%.wait%.(%w+)"))
   end)

   it("the client's options", function()
      assert.same(taken(elements.client, { nonsense = 1 }), readme.names("`elements.client(options)`"))
   end)

   it("the options of walks and of the other calls", function()
      local client, tenant = walks.open(sandbox)
      local _ <close> = client
      local function of(call)
         return taken(tenant[call], tenant, { nonsense = 1 })
      end
      assert.same(of("users"), readme.names("`tenant:pages([query])`"))
      assert.same(of("users"), of("pages"))
      assert.same(of("users"), of("collect"))
      for _, call in ipairs { "page", "count" } do
         local text = table.concat(readme.heading("`tenant:" .. call .. "([query])`").lines)
         assert.same(of(call), each_once(readme.code(text)))
      end
   end)

   it("the fields of a receipt", function()
      local client, tenant = walks.open(sandbox, nil, {
         on_event = function(event) return event.type == "page" and error("enough", 0) end,
      })
      local _ <close> = client
      local walk = tenant:users { user_ids = { truth.id(1) } }
      assert.is_false((pcall(walk)))
      assert.same(sorted(walk:receipt()), readme.names("`walk:receipt()`"))
   end)

   it("the fields of users and of a page", function()
      local fields = table.move(truth.FIELDS, 1, #truth.FIELDS, 1, {})
      table.sort(fields)
      assert.same(fields, readme.names("`user`"))
      local client, tenant = walks.open(sandbox)
      local _ <close> = client
      local page = assert(tenant:page())
      assert.same(sorted(page), readme.names("`page`"))
      assert.same(sorted(page.metadata), words(table.concat(readme.heading("`page`").lines), "%f[%w](%l+%u%l+)"))
   end)

   it("the kinds of errors", function()
      local source = keeper.output("cat " .. LUA .. "*.lua")
      local kinds = {}
      for _, pattern in ipairs {
         'failure%.new%("(%l[%l_]+)"', '%f[%w]codes%("(%l[%l_]+)"', 'from_service%("(%l[%l_]+)"', 'return "(%l[%l_]+)", "the ',
      } do
         for kind in source:gmatch(pattern) do
            kinds[kind] = true
         end
      end
      assert.same(sorted(kinds), readme.names("Errors", "`err.kind`"))
   end)

   it("the fields of errors", function()
      local fields = {}
      local function add(knobs, more, f)
         local client, tenant = walks.open(sandbox, knobs, more)
         local _ <close> = client
         for name in pairs(select(2, f(tenant))) do
            fields[name] = true
         end
      end
      local function collect(tenant) return tenant:collect() end
      add({ fail = "429:1", retry_after = 500 }, nil, collect)
      add({ fail = "401:1", date_skew = 3600 }, nil, collect)
      add({}, {
         token = false, client_id = sandbox.client_id, client_secret = "wrong", token_url = sandbox:token_url(),
      }, collect)
      assert.same(sorted(fields), readme.names("Errors", "field of `err`"))
   end)

   it("the events and their fields", function()
      local found, said = {}, {}
      for name in events:read("a"):gmatch("[^\n]+") do
         found[name] = not name:find("%.type$") and name ~= "request.token" and name ~= "response.token" or nil
      end
      for _, row in ipairs(readme.rows("`on_event(event)`", "type")) do
         for _, name in ipairs(readme.code(row[2])) do
            said[(readme.code(row[1])[1] or "") .. "." .. name] = true
         end
      end
      said[".token = true"], said[".page_index"] = nil, nil -- the row without a type
      assert.same(sorted(found), sorted(said))
   end)

   it("the flags", function()
      local rows = {}
      for i, name in ipairs(elements.status.flags) do
         rows[i] = { tostring(i - 1), "`" .. name .. "`", elements.status.label(name) }
      end
      assert.same(rows, readme.rows("Status"))
   end)

   it("the environments and their hosts", function()
      local rows = {}
      for _, row in ipairs(readme.rows("Sign in")) do
         rows[readme.code(row[1])[1]] = {
            base_url = "https://" .. readme.code(row[2])[1] .. "/partner",
            token_url = "https://" .. readme.code(row[3])[1] .. "/connect/token",
         }
      end
      assert.same(elements.environments, rows)
   end)

   it("the command's parts, options and variables", function()
      local _, help = options.parse { "--help" }
      local commands = words(help:match("\nCommands:\n(.-)\n\n"), "%f[^\n%z]   (%l+) ")
      assert.is_true(#commands > 3)
      local named = {}
      for _, name in ipairs(readme.names("The command", "")) do
         named[#named + 1] = name:match("^%l+")
      end
      assert.same(commands, each_once(named))
      for _, command in ipairs(commands) do
         help = help .. select(2, options.parse { command, "--help" })
      end
      local text = table.concat(readme.heading("The command").lines, "\n")
      for _, option in ipairs(words(text, "%f[%w-]%-%-[%l-]+%l")) do
         assert.is_truthy(help:find(option:gsub("%-", "%%-") .. "%f[^%w-]"), option)
      end
      local variables = {}
      for i, pair in ipairs(credentials.VARIABLES) do
         variables[i] = pair[1]
      end
      table.sort(variables)
      local block
      for _, each in ipairs(readme.blocks) do
         block = each.name == "The command 1" and each.language == "sh" and each.text or block
      end
      assert.same(variables, words(text:gsub("<!%-%-.-%-%->", "") .. block, "AVEPOINT_[%u_]+%u"))
   end)
end)

describe("the README's policy", function()
   local source = keeper.output("cat " .. LUA .. "*.lua")

   -- The values that constants of this name have.
   local function values(name)
      local found = {}
      local single = source:gsub("local ([%u_]+), ([%u_]+) = ([%d.]+), ([%d.]+)", function(a, b, x, y)
         found[#found + 1] = a == name and x or b == name and y or nil
         return ""
      end)
      for value in single:gmatch("%f[%w_]" .. name .. " = ([%d.]+)") do
         found[#found + 1] = value
      end
      return found
   end

   it("has the constants' numbers", function()
      local rows = readme.rows("Policy")
      assert.is_true(#rows > 10)
      for _, row in ipairs(rows) do
         local text = " " .. row[1] .. " "
         for _, name in ipairs(readme.code(row[2])) do
            local there = false
            for _, value in ipairs(name == "RETRY_STATUS" and {} or values(name)) do
               there = there or text:find("[^%d.]" .. value:gsub("%.", "%%.") .. "[^%d.]") ~= nil
            end
            if name == "RETRY_STATUS" then
               there = true
               for code in source:match("RETRY_STATUS = (%b{})"):gmatch("%d+") do
                  there = there and text:find(code, 1, true) ~= nil
               end
            end
            assert.is_true(there, ("%s is %s in the source; README: %s"):format(name, table.concat(values(name), " or "),
               row[1]))
         end
      end
   end)
end)

describe("the README's", function()
   -- As GitHub makes them.
   local function slug(text)
      return (text:lower():gsub("[^%w%-_ \x80-\xff]", ""):gsub(" ", "-"))
   end

   it("links lead to a heading", function()
      local slugs, n = {}, 0
      for _, heading in ipairs(readme.headings) do
         assert.is_nil(slugs[slug(heading.text)], heading.text)
         slugs[slug(heading.text)] = true
      end
      for target in readme.text:gmatch("%]%(#([^)]*)%)") do
         n = n + 1
         assert.is_true(slugs[target] or false, "#" .. target)
      end
      assert.is_true(n > 20)
   end)

   it("parts are all linked from the first screen", function()
      local first = table.concat(readme.headings[1].lines, "\n")
      for _, heading in ipairs(readme.headings) do
         if heading.depth == 2 then
            assert.is_truthy(first:find("](#" .. slug(heading.text) .. ")", 1, true), heading.text)
         end
      end
      for _, heading in ipairs(readme.below("Examples")) do
         assert.is_truthy(first:find("](#" .. slug(heading.text) .. ")", 1, true), heading.text)
      end
   end)

   it("shell lines parse, and name targets and arguments that there are", function()
      local makefile = keeper.read("Makefile")
      local targets = {}
      for line in makefile:gmatch("\n([%l][%l ]*):[^=]") do
         for name in line:gmatch("%l+") do
            targets[name] = true
         end
      end
      for name in makefile:match("\nCHECKS *= *([^\n]+)"):gmatch("%l+") do
         targets[name] = true
      end
      local n = 0
      local function check(line)
         local rest = line:match("^make%f[%s%z](.*)$")
         if rest then
            n = n + 1
            for word in rest:gsub("%b''", ""):gsub("#.*", ""):gmatch("%S+") do
               assert.is_truthy(word:find("=", 1, true) or targets[word], line)
            end
         end
         local arguments = line:gsub(" #.*", ""):match("^avepoint%-users (.*)$")
         if arguments then
            local argv = {}
            for word in arguments:gmatch("%S+") do
               argv[#argv + 1] = word
            end
            n = n + 1
            local args, text = options.parse(argv)
            assert(args or text, line)
         end
      end
      for _, block in ipairs(readme.blocks) do
         if block.language == "sh" then
            local path = sandbox.dir .. "/block.sh"
            local file <close> = assert(io.open(path, "w"))
            file:write(block.text)
            file:flush()
            assert.equal("", keeper.output("sh -n " .. path .. " 2>&1"), block.name)
            for line in block.text:gmatch("[^\n]+") do
               check(line)
            end
         end
      end
      for _, heading in ipairs(readme.headings) do
         for _, line in ipairs(heading.lines) do
            -- the table there is of packages, of which one is make
            for _, code in ipairs(heading.text == "Install" and line:find("^|") and {} or readme.code(line)) do
               check(code)
            end
         end
      end
      assert.is_true(n > 20)
   end)

   it("paths are there", function()
      local n = 0
      for _, heading in ipairs(readme.headings) do
         for _, code in ipairs(readme.code(table.concat(heading.lines, "\n"))) do
            local path = code:match("^[%w_./-]+$")
            local known = path and (path:find("^spec/") or path:find("^src/") or path:find("^lua/") or path:find("^%.ci/"))
            if known or path and (path:find("%w%.lua$") or path:find("%w%.c$")) then
               n = n + 1
               local found = false
               for _, root in ipairs(known and { "" } or { "", LUA, "src/" }) do
                  found = found or os.execute("test -e " .. keeper.quote(root .. path)) or false
               end
               assert.is_true(found, code)
            end
         end
      end
      assert.is_true(n > 20)
   end)

   it("layers have every module and every part of the core", function()
      local picture
      for _, block in ipairs(readme.blocks) do
         picture = block.name == "Development 1" and block.text or picture
      end
      local files = keeper.output("ls src/*.c; cd " .. LUA .. " && ls *.lua wait/*.lua"):gsub("src/", "")
      for name in files:gmatch("[%w_/]+%f[.]") do
         assert.is_truthy(picture:find("%f[%w_]" .. name:gsub("/", "%%.") .. "%f[^%w_]"), name)
      end
   end)
end)

describe("the README's figures", function()
   it("are what the bench measured here, where it has run", function()
      local path = BUILD .. "/bench/figures.txt"
      local text = keeper.read(path)
      assert.same({}, quoted.problems(readme.text, text and quoted.read(text) or {}, {}), path .. ", of the last make bench")
   end)

   it("are all there is of numbers measured", function()
      for _, row in ipairs(quoted.ROWS) do
         assert.is_nil(row[3]:gsub("%b{}", ""):find("%d"), row[3])
         assert.is_truthy(keeper.read("spec/bench/parts/" .. row[1] .. ".lua"), row[1])
      end
      for _, line in ipairs(readme.heading("Figures").lines) do
         if not line:find("^|") then
            assert.is_nil(line:gsub("HTTP/%d[.%d]*", ""):gsub("`[^`]*`", ""):find("%d"), line)
         end
      end
   end)

   it("are held against a bench that measured something else", function()
      local name = "floor.https_1.users_ratio"
      local measured, parts = {}, {}
      for _, row in ipairs(quoted.ROWS) do
         parts[#parts + 1] = row[1]
         for each in row[3]:gmatch("{([^:]+):") do
            measured[each] = 7
         end
      end
      local written = quoted.write(readme.text, measured)
      assert.same({}, quoted.problems(written, measured, parts))
      measured[name] = 8
      assert.same({ "README: " .. name .. ": 7.00 is quoted, 8 measured" }, quoted.problems(written, measured, parts))
      measured[name] = nil
      assert.same({ "README: no figure " .. name }, quoted.problems(written, measured, parts))
      assert.same({}, quoted.problems(written, measured, { "rate" }))
      for from, to in pairs {
         ["7%.00"] = "7", ["one request in flight"] = "two requests in flight", ["\n\nHTTP/2"] = "\n| `x` | y | 1 |%0",
      } do
         assert.equal(1, #quoted.problems(written:gsub(from, to, 1), {}, {}), from)
      end
   end)
end)
