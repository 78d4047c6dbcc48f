-- The README's programs, as they stand there: each Lua block in a process of its own against the sandbox, the host in C
-- compiled and with a script in it. What a program says is held against what the sandbox's users are by rule.
--
-- Criteria: a block is changed in nothing; where the service is, and what earlier blocks left, comes in before it. No
-- block without a test here. (What the README says besides is manual_spec's.)

local cjson = require("cjson")

local certs = require("spec.sandbox.certs")
local keeper = require("spec.sandbox.keeper")
local readme = require("spec.support.readme")
local sandboxes = require("spec.sandbox.sandbox")
local truth = require("spec.sandbox.tenant")

local quote = keeper.quote

local SIZE = 250
local DRIFT = "grow:1:3" -- three users more, once a page has been asked for
local ROOT = keeper.output("pwd")

local sandbox, folders

setup(function()
   sandbox, folders = sandboxes.start { size = SIZE }, 0
end)

teardown(function()
   sandbox:stop()
end)

local function write(path, text)
   local file <close> = assert(io.open(path, "w"))
   file:write(text)
   return path
end

-- The same templates from any folder.
local function absolute(templates)
   return (templates:gsub("[^;]+", function(template)
      return template:find("^/") and template or ROOT .. "/" .. template
   end))
end

-- What is true for every program: elements.client reaches the sandbox, whatever it is given.
local CLIENT = [[
local real, base_url, token_url, ca_file, client_id = require("avepoint.elements"), %q, %q, %q, %q
package.loaded["avepoint.elements"] = setmetatable({
   client = function(options)
      options.base_url, options.ca_file, options.proxy = base_url, ca_file, ""
      if options.client_id then
         options.client_id, options.token_url = client_id, token_url
      end
      return real.client(options)
   end,
}, { __index = real })
]]

-- What the first example left.
local GOING_ON = [[
local elements = require("avepoint.elements")
local client <close> = assert(elements.client { token = os.getenv("AVEPOINT_TOKEN") })
local tenant = client:tenant("%s", "%s")
]]

-- Makes the folder and the command in which a block runs. options: knobs, env, files (by name), and code: going_on,
-- before and after it.
local function prepare(block, options)
   local self = { run = sandbox:new_run() }
   folders = folders + 1
   self.dir = ("%s/readme%d"):format(sandbox.dir, folders)
   assert(os.execute("mkdir " .. quote(self.dir)))
   for name, text in pairs(options.files or {}) do
      write(self.dir .. "/" .. name, text)
   end
   local knobs = { run = self.run, size = SIZE }
   for name, value in pairs(options.knobs or {}) do
      knobs[name] = value
   end
   local before = CLIENT:format(sandbox:base(knobs), sandbox:token_url { run = self.run }, sandbox.ca_file,
      sandbox.client_id)
   if options.going_on then
      before = before .. GOING_ON:format(sandbox.customer_id, sandbox.tenant_id)
   end
   self.script = write(self.dir .. "/script.lua", before .. (options.before or "") .. block .. (options.after or ""))
   local words = { "cd", quote(self.dir), "&& env" }
   local env = {
      LUA_PATH = absolute(package.path), LUA_CPATH = absolute(package.cpath), LUA_INIT = "", LUA_INIT_5_4 = "",
      AVEPOINT_TOKEN = sandbox.token, AVEPOINT_CLIENT_ID = sandbox.client_id,
      AVEPOINT_CLIENT_SECRET = sandbox.client_secret, CREDENTIALS_DIRECTORY = self.dir,
   }
   for name, value in pairs(options.env or {}) do
      env[name] = value
   end
   for name, value in pairs(env) do
      words[#words + 1] = quote(name .. "=" .. value)
   end
   self.command = table.concat(words, " ")
   return self
end

-- Runs a program of the block to its end: adds out, err and status.
local function complete(self, program)
   local pipe = assert(io.popen(("%s %s 2>%s </dev/null"):format(self.command, program, quote(self.dir .. "/stderr")), "r"))
   self.out = pipe:read("a")
   self.status = select(3, pipe:close())
   self.err = keeper.read(self.dir .. "/stderr")
   return self
end

local function run(block, options)
   local self = prepare(block, options or {})
   return complete(self, quote(os.getenv("LUA") or "lua5.4") .. " " .. quote(self.script))
end

-- It ended well, without a word on standard error.
local function good(block, options)
   local self = run(block, options)
   assert.equal("", self.err)
   assert.equal(0, self.status)
   return self
end

-- It ended with an error of this kind.
local function failed(block, options, kind)
   local self = run(block, options)
   assert.equal(1, self.status)
   assert.matches(kind .. ": ", self.err, 1, true)
   return self
end

-- A line of each user from the rule, nil for none.
local function lines(knobs, f, from, to)
   local list = {}
   for n = from or 1, to or SIZE do
      list[#list + 1] = f(truth.user(n, knobs), n)
   end
   return table.concat(list, "\n") .. (list[1] and "\n" or "")
end

local function has(user, code)
   for _, each in ipairs(user.status or {}) do
      if each == code then
         return true
      end
   end
   return user.status and false
end

local NAMES = {
   [0] = "mfa_disabled", "sign_in_blocked", "password_expired", "high_risk", "medium_risk", "compliance", "inactive",
   "pending_deletion", "test_user",
}

local function count(f, knobs, from, to)
   local n = 0
   for i = from or 1, to or SIZE do
      n = n + (f(truth.user(i, knobs)) and 1 or 0)
   end
   return n
end

local function unknown(user)
   return user.status == nil
end

local GO = { going_on = true }

-- What a program that goes on from the first is run with.
local function going_on(knobs, more)
   local options = setmetatable({ knobs = knobs }, { __index = GO })
   for name, value in pairs(more or {}) do
      options[name] = value
   end
   return options
end

-- Each block's test, by its name.
local TESTS = {}

TESTS["avepoint-elements 1"] = function(block)
   for _, knobs in ipairs { {}, { status = "mixed" } } do
      assert.equal(lines(knobs, function(user)
         local names = {}
         for i, code in ipairs(user.status or {}) do
            names[i] = NAMES[code]
         end
         return user.displayName .. "\t" .. (user.status and table.concat(names, ", ") or "status unknown")
      end), good(block, { knobs = knobs, env = { AVEPOINT_TOKEN = "none" } }).out)
   end
end

TESTS["Sign in 1"] = function(block)
   local pem = certs.client(sandbox.dir, "app")
   certs.openssl(sandbox.dir, "pkcs12 -export -out app.pfx -inkey app.key -in app.pem -passout 'pass:correct horse'")
   sandbox:register(pem)
   local done = good(block, {
      before = 'local elements = require("avepoint.elements")\n',
      after = ('\nfor _, client in ipairs { by_secret, by_certificate } do print(client:tenant("%s", "%s"):count()) end')
         :format(sandbox.customer_id, sandbox.tenant_id),
      files = {
         ["avepoint-secret"] = sandbox.client_secret .. "\n", ["avepoint-pfx-password"] = "correct horse\n",
         ["app.pfx"] = keeper.read(sandbox.dir .. "/app.pfx"),
      },
   })
   assert.equal("250\n250\n", done.out)
   assert.equal(2, sandbox:count(done.run, "token"))
end

TESTS["Walk 1"] = function(block)
   local every = lines({}, function(user, n)
      return (n + 99) // 100 .. "\t" .. user.userPrincipalName
   end)
   assert.equal(every, good(block, GO).out)
   local doubt = "the tenant changed meanwhile: these may not be all\n"
   assert.equal(doubt, good(block, going_on { drift = DRIFT }).out:sub(-#doubt))
end

TESTS["Walk 2"] = function(block)
   assert.equal("250 users\n", good(block, GO).out)
   local out = good(block, going_on { fail = "403:3:1" }).out
   assert.matches("^going on after forbidden: [^\n]+, page 3[^\n]*\n250 users\n$", out)
end

TESTS["Who has no MFA 1"] = function(block)
   local function expected(knobs)
      local without = count(function(user) return has(user, 0) end, knobs)
      local doubt = count(unknown, knobs) > 0 and "at least " or ""
      return lines(knobs, function(user)
         local lacks = has(user, 0)
         return lacks ~= false and user.userPrincipalName .. "\t" .. (lacks and "MFA disabled" or "status unknown") or nil
      end) .. ("%s%d of %d users without MFA\n"):format(doubt, without, SIZE)
   end
   for _, status in ipairs { "array", "mixed", "absent" } do
      assert.equal(expected { status = status }, good(block, going_on { status = status }).out)
   end
   local out = good(block, going_on { drift = DRIFT }).out
   assert.matches("\nat least %d+ of %d+ users without MFA\nthe tenant changed meanwhile; run it again to be sure\n$", out)
   failed(block, going_on { fail = "403:2" }, "forbidden")
end

TESTS["Who is blocked, and no test user 1"] = function(block)
   for _, knobs in ipairs { {}, { status = "mixed" }, { nulls = 1 } } do
      assert.equal(lines(knobs, function(user)
         local blocked = has(user, 1)
         if user.isTestUser == true or has(user, 8) == true or blocked == false then
            return nil
         end
         return (user.userPrincipalName or user.id) .. "\t" .. (blocked and "blocked" or "status unknown")
      end), good(block, going_on(knobs)).out)
   end
   failed(block, going_on { drift = DRIFT }, "drift")
end

-- Users that the rule has not, in place of the tenant.
local STUB = [[
tenant = { users = function()
   local n, list = 0, {
      { displayName = "=1+1", userPrincipalName = "-a@b", age = 91 }, { displayName = "a \"b\", c", age = 92 },
      { displayName = "@x", userPrincipalName = "+1" }, { displayName = "two\nlines", age = 90 },
      { displayName = "\tT", age = 400 },
   }
   return function()
      n = n + 1
      return list[n]
   end
end }
]]

TESTS["Passwords older than 90 days as CSV 1"] = function(block)
   local NAME, OLD = "old-passwords.csv", { ["old-passwords.csv"] = "yesterday's\n" }
   local function cell(value)
      return '"' .. (value or ""):gsub('"', '""') .. '"'
   end
   local function content(self)
      return keeper.read(self.dir .. "/" .. NAME)
   end
   for _, knobs in ipairs { {}, { nulls = 1 } } do
      local self = good(block, going_on(knobs, { files = OLD }))
      assert.equal("displayName,userPrincipalName,age\r\n" .. lines(knobs, function(user)
         return (user.age or 91) > 90 and ("%s,%s,%s\r"):format(cell(user.displayName), cell(user.userPrincipalName),
            user.age or "") or nil
      end), content(self))
      assert.is_nil(keeper.read(self.dir .. "/" .. NAME .. ".part"))
   end
   -- as Python's csv reads it
   local self = good(block, going_on({}, { before = STUB }))
   local read = "import csv,json; print(json.dumps(list(csv.reader(open('%s', newline=''), strict=True))))"
   assert.same({
      { "displayName", "userPrincipalName", "age" }, { "'=1+1", "'-a@b", "91" }, { 'a "b", c', "", "92" },
      { "'@x", "'+1", "" }, { "'\tT", "", "400" },
   }, cjson.decode(keeper.output("python3 -c " .. quote(read:format(self.dir .. "/" .. NAME)))))

   for kind, knobs in pairs { forbidden = { fail = "403:2" }, drift = { drift = DRIFT } } do
      assert.is_nil(content(failed(block, going_on(knobs), kind)))
      assert.equal(OLD[NAME], content(failed(block, going_on(knobs, { files = OLD }), kind)))
   end
   -- a full disk, which few users meet at the end only
   for _, users in ipairs { "", STUB } do
      self = run(block, going_on({}, { before = "os.execute('ln -s /dev/full old-passwords.csv.part')\n" .. users, files = OLD }))
      assert.equal(1, self.status)
      assert.matches("No space left on device", self.err)
      assert.equal(OLD[NAME], content(self))
   end
end

TESTS["Which of these ids are unknown here 1"] = function(block)
   local ids, strangers = {}, {}
   for n = 1, 500 do
      local known = n % 9 > 0
      ids[n] = truth.id(known and n or 1000 + n)
      if n % 2 == 0 then
         ids[n] = ids[n]:upper()
      end
      strangers[#strangers + 1] = not known and ids[n] or nil
   end
   local files = { ["ids.txt"] = table.concat(ids, "\n") .. "\n\n" }
   local self = run(block, going_on({ size = 500 }, { files = files }))
   assert.equal(("%d known, %d unknown\n"):format(500 - #strangers, #strangers), self.err)
   assert.equal(0, self.status)
   assert.equal(table.concat(strangers, "\n") .. "\n", self.out)
   assert.equal(5, sandbox:count(self.run))
   assert.equal("", failed(block, going_on({ size = 500, fail = "403:1" }, { files = files }), "forbidden").out)
   failed(block, going_on({ size = 500, ids_unknown = "404" }, { files = files }), "not_found")
end

TESTS["Several tenants, one after another 1"] = function(block)
   local function row(name, from, knobs)
      return ("%s\t%d at high risk\t%d unknown\t%s\n"):format(name,
         count(function(user) return has(user, 3) end, knobs, from + 1, from + SIZE),
         count(unknown, knobs, from + 1, from + SIZE), "")
   end
   for _, knobs in ipairs { {}, { status = "mixed" } } do
      assert.equal(row("Contoso", 0, knobs) .. row("Fabrikam", truth.OFFSET, knobs), good(block, going_on(knobs)).out)
   end
   assert.matches("^Contoso\t%d+ at high risk\t0 unknown\tnot sure\n", good(block, going_on { drift = DRIFT }).out)
   -- the first is unknown to the service
   local bad = ([[
      local there = client
      local client = { tenant = function(_, customer, id) return there:tenant(customer, id == %q and "no-such" or id) end }
   ]]):format(sandbox.tenant_id)
   local self = run(block, going_on({}, { before = bad }))
   assert.equal(row("Fabrikam", truth.OFFSET), self.out)
   assert.matches("^Contoso: not_found: [^\n]+\n$", self.err)
   assert.equal(1, self.status)
   -- the credential is refused, the loop has a mistake: that ends it
   self = failed(block, going_on({}, { env = { AVEPOINT_TOKEN = "none" } }), "auth")
   assert.equal("", self.out)
   assert.is_nil(self.err:find("Contoso", 1, true))
   self = run(block, going_on({}, { before = "elements = { status = {}, is_error = elements.is_error }\n" }))
   assert.equal("", self.out)
   assert.matches("attempt to call a nil value (field 'has')", self.err, 1, true)
   assert.is_nil(self.err:find("Contoso", 1, true))
   assert.equal(1, self.status)
end

TESTS["A nightly count 1"] = function(block)
   local function result(self)
      local path = keeper.output("cd " .. quote(self.dir) .. " && ls users-*.json*")
      assert.matches("^users%-%d%d%d%d%-%d%d%-%d%d%.json$", path)
      return cjson.decode(keeper.read(self.dir .. "/" .. path))
   end
   local function expected(knobs, to)
      local counts = { unknown = count(unknown, knobs, 1, to) }
      for code = 0, 8 do
         counts[NAMES[code]] = count(function(user) return has(user, code) end, knobs, 1, to)
      end
      return counts
   end
   for _, knobs in ipairs { { size = SIZE }, { size = SIZE, status = "mixed" }, { size = 3 } } do
      local night = result(good(block, going_on(knobs)))
      assert.same(expected(knobs, knobs.size), night.counts)
      assert.is_true(night.receipt.complete)
      assert.equal(knobs.size, night.receipt.users)
   end
   local self = failed(block, going_on { fail = "403:2" }, "forbidden")
   local night = result(self)
   assert.same(expected({}, 100), night.counts)
   assert.equal("error", night.receipt.stop_reason)
   assert.equal(self.err, night.receipt.error .. "\n")
   assert.is_false(night.receipt.complete)
   self = run(block, going_on { drift = DRIFT })
   assert.equal("", self.err)
   assert.equal(1, self.status)
   assert.is_false(result(self).receipt.complete)
   self = run(block, going_on({}, { before = "elements = { status = { flags = {} }, is_error = elements.is_error }\n" }))
   assert.matches("attempt to call a nil value (field 'names')", self.err, 1, true)
   assert.equal("", keeper.output("cd " .. quote(self.dir) .. " && ls | grep users- || true"))
end

-- Every user's name, and so many lines of something else.
local function names_and(other, out)
   local rest, n = out:gsub(other .. "\n", "")
   assert.equal(lines({}, function(user) return user.displayName end), rest)
   return n
end

local LATE = { latency = 120 }

for i, loop in ipairs { "cqueues", "luv" } do
   TESTS["Inside an event loop " .. i] = function(block)
      assert.is_truthy(block:find("avepoint.elements.wait." .. loop, 1, true))
      assert.is_true(names_and("the loop goes on", good(block, { knobs = LATE }).out) >= 3)
   end
end

TESTS["A loop of your own 1"] = function(block)
   local dir = sandbox.dir
   local code
   for _, other in ipairs(readme.blocks) do
      code = other.language == "c" and other.text or code
   end
   write(dir .. "/host.c", code)
   local flags = keeper.output("pkg-config --cflags --libs lua5.4 2>/dev/null || pkg-config --cflags --libs lua")
   assert.equal("", keeper.output(("${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror %s/host.c -o %s/host %s 2>&1")
      :format(dir, dir, flags)))
   local self = prepare(block, { knobs = LATE })
   self.command = "(sleep 0.05; echo one; sleep 0.1; echo two) | ( " .. self.command
   local pipe = assert(io.popen(("%s %s/host %s 2>&1 )"):format(self.command, quote(dir), quote(self.script))))
   local out = pipe:read("a")
   assert.is_true(pipe:close(), out)
   assert.equal(2, names_and("host: 4 bytes", out))
   assert.is_true(out:find("host: 4 bytes\n", 1, true) < 100, "the host served after the walk only")
end

describe("the README's program", function()
   local known = {}
   for _, block in ipairs(readme.blocks) do
      if block.language == "lua" then
         known[block.name] = true
         it(block.name, function()
            assert(TESTS[block.name], "a block without a test")(block.text)
         end)
      end
   end

   it("of each test is there", function()
      for name in pairs(TESTS) do
         assert.is_true(known[name], name)
      end
   end)

   it("runs from a checkout, and the sandbox by hand, by the shell's lines", function()
      local self = prepare("print(require('avepoint.elements')._VERSION)", {})
      assert(os.execute(("cd %s && mkdir bin && ln -s %s/lua %s/spec . && ln -s %s build"):format(quote(self.dir), quote(ROOT),
         quote(ROOT), quote((absolute(os.getenv("AVEPOINT_BUILD") or "build"))))))
      local lua = keeper.output("command -v " .. quote(os.getenv("LUA") or "lua5.4"))
      write(self.dir .. "/bin/lua5.4", "#!/bin/sh\nexec " .. quote(lua) .. ' "$@"\n')
      assert(os.execute("chmod +x " .. quote(self.dir .. "/bin/lua5.4")))
      local said = {
         ["script.lua"] = "^avepoint%-elements %S+\n$", ["spec/sandbox/sandbox.lua"] = "^https=https://127.*\ntoken=",
      }
      for _, block in ipairs(readme.blocks) do
         local line = block.language == "sh" and block.text:match("[^\n]*lua5%.4 %S+%.lua\n")
         local script = line and line:match("(%S+)\n")
         if line then
            local out = keeper.output(("cd %s && unset LUA_PATH_5_4 LUA_CPATH_5_4; PATH=$PWD/bin:$PATH; %s")
               :format(quote(self.dir), line:sub(1, -2)) .. " 2>&1 </dev/null") .. "\n"
            assert.matches(said[script] or script, out)
            said[script] = nil
         end
      end
      assert.same({}, said)
   end)

   it("in any other language is one that a spec knows", function()
      local found = {}
      for _, block in ipairs(readme.blocks) do
         found[block.language] = (found[block.language] or 0) + 1
      end
      found.lua, found.sh = nil, nil -- here, and in manual_spec
      assert.same({ c = 1, text = 1, [""] = 2 }, found) -- the host; the demo; an error, the layers
   end)
end)
