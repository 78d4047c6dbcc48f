-- The annotations of lua/ against what they speak of: options that are accepted, values that come, errors that can be.
--
-- Criteria: both ways, so that neither can have what the other lacks: what is annotated is met here, with a value of
-- its type, and what is met is annotated.

local annotations = require("spec.support.annotations")
local answers = require("avepoint.elements.answers")
local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")
local tenants = require("spec.sandbox.tenant")
local types = require("spec.support.types")
local walks = require("spec.support.walks")

local README = assert(keeper.read("README.md"))

local paths = {}
for path in keeper.output("find lua -name '*.lua' -not -path '*/cli/*'"):gmatch("[^\n]+") do
   paths[#paths + 1] = path
end
local read = annotations.read(paths)

local sandbox

setup(function()
   sandbox = sandboxes.start {}
end)

teardown(function()
   sandbox:stop()
end)

local function sorted(set)
   local list = {}
   for name in pairs(set) do
      list[#list + 1] = name
   end
   table.sort(list)
   return list
end

-- Values of an alias for a union of words.
local function words(alias)
   local list = {}
   for i, member in ipairs(read.aliases[alias].union) do
      list[i] = assert(member.literal)
   end
   return list
end

it("the annotations name no type that is not declared", function()
   assert.same({}, read:unknown())
end)

-- Options -----------------------------------------------------------------------------------------

-- One value at least of each sort.
local VALUES = { true, 7, 1.5, "x", {}, { 1 }, { a = "x" }, print, io.stdout, coroutine.create(print) }

-- Holds a class against a function that takes a table of its fields: it has the same names, takes the good values, which
-- are of the annotated types and leave none of them out, and raises on whatever is not of them.
local function held(class, call, good, ...)
   local with = { ... } -- what else it needs; one of them each value goes with
   local fields = read:fields(class)
   local message = walks.misuse(function() call { ["no such"] = 1 } end)
   local known = {}
   for name in message:match("^%w+ has no option \"no such\"; it has (.*)$"):gmatch("[%w_]+") do
      known[#known + 1] = name
   end
   assert.same(known, sorted(fields))
   assert.same(known, sorted(good))
   local function refusal(name, value)
      local texts = {}
      for i, more in ipairs(with) do
         local o = { [name] = value }
         for other, v in pairs(more) do
            o[other] = o[other] == nil and v or o[other]
         end
         local ok, result = pcall(call, o)
         if ok then
            local _ <close> = type(result) == "table" and getmetatable(result) and getmetatable(result).__close and result
            return nil
         end
         texts[i] = tostring(result)
      end
      return table.concat(texts, "\n")
   end
   for name, field in pairs(fields) do
      assert.is_true(field.optional, name)
      local members = types.members(read, field.node)
      for _, value in ipairs(good[name]) do
         assert.is_nil(types.misfit(read, value, field.node, {}), name)
         assert.is_nil(refusal(name, value), name)
         for i = #members, 1, -1 do
            local whole = members[i].name == "number" and math.type(value) == "integer" -- which would do for an integer
            if not whole and not types.misfit(read, value, members[i], {}) then
               table.remove(members, i)
            end
         end
      end
      assert.same({}, members, name)
      for _, value in ipairs(VALUES) do
         if types.misfit(read, value, field.node, {}) then
            assert.matches(": option '" .. name .. "' must ", refusal(name, value))
         end
      end
   end
end

describe("avepoint.ClientOptions is what elements.client takes:", function()
   it("names and types", function()
      held("avepoint.ClientOptions", elements.client, {
         client_id = { "id" }, client_secret = { "secret", print }, certificate = { "none.pem" }, private_key = { "none.key" },
         certificate_password = { "password" }, token = { "token", print }, environment = words("avepoint.Environment"),
         base_url = { "https://127.0.0.1:1/partner" }, token_url = { "https://127.0.0.1:1/token" }, scope = { "a b" },
         timeout = { 5, 0.5 }, connect_timeout = { 5, 0.5 }, concurrency = { 1, 32 }, max_attempts = { 1, 100 },
         ca_file = { "none.pem" }, proxy = { "", "socks5h://127.0.0.1:1" }, user_agent = { "me/1" }, on_event = { print },
         wait = { print },
      }, { token = "token" }, { client_id = "id", client_secret = "secret" }, { client_id = "id", certificate = "none.pem" })
   end)
end)

describe("what a method of a tenant takes is its parameter's class:", function()
   for _, name in ipairs { "users", "pages", "collect", "page", "count" } do
      it(name, function()
         local _ <close>, tenant = walks.open(sandbox, { size = 3 })
         local resume = select(2, tenant:collect { max_users = 1 }).resume
         local good = {
            user_ids = { {}, walks.ids(1, 2) }, page_size = { 1, 100 }, page_index = { 1, 2 ^ 31 - 1 | 0 }, deadline = { 5, 0.5 },
            max_users = { 1 }, max_pages = { 1, 100000 }, concurrency = { 1, 32 }, on_drift = { "report", "error" },
            resume = { resume },
         }
         local parameter = read:doc(tenant[name]).params[1]
         assert.is_true(parameter.optional)
         for field in pairs(good) do
            good[field] = read:fields(parameter.node.name)[field] and good[field]
         end
         held(parameter.node.name, function(query) return tenant[name](tenant, query) end, good, {})
      end)
   end
end)

-- What comes --------------------------------------------------------------------------------------

-- Fields met so far, and where values come from.
local seen = {}

local function fits(value, class)
   local why = types.misfit(read, value, { name = class }, seen)
   assert(not why, why)
   return value
end

-- Every field of a class was met.
local function all_seen(class)
   for name, field in pairs(read:fields(class)) do
      assert.is_true(field.private or seen[class .. "." .. name] or false, class .. "." .. name)
   end
end

local function opened(knobs, options)
   local o = { on_event = function(event) fits(event, "avepoint.Event") end }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   local client, tenant = walks.open(sandbox, knobs, o)
   return fits(client, "avepoint.Client"), fits(tenant, "avepoint.Tenant")
end

-- A walk to its end, by a query, with its receipts before, amid and after.
local function walked(knobs, query, options)
   local _ <close>, tenant = opened(knobs, options)
   local walk <close> = fits(tenant:users(query), "avepoint.Users")
   fits(walk:receipt(), "avepoint.Receipt")
   local ok, user, page, last
   repeat
      ok, user, page = pcall(walk)
      if ok and user then
         fits(user, "avepoint.User")
      end
      if ok and page and page ~= last then
         fits(page, "avepoint.Page")
         fits(walk:receipt(), "avepoint.Receipt")
      end
      last = page
   until not ok or not user
   local receipt = fits(walk:receipt(), "avepoint.Receipt")
   if elements.is_error(receipt.error) then
      fits(receipt.error, "avepoint.Error")
   end
   return receipt
end

describe("what comes is of the annotated type:", function()
   it("users, with the nineteen fields of the service", function()
      local names = sorted(read:fields("avepoint.User"))
      local documented = { table.unpack(tenants.FIELDS) }
      table.sort(documented)
      assert.equal(19, #names)
      assert.same(documented, names)
      for _, knobs in ipairs { {}, { status = "mixed" }, { status = "unknown_code" }, { nulls = 1 }, { absent = 1 } } do
         walked(knobs)
      end
      all_seen("avepoint.User")
      for name, field in pairs(read:fields("avepoint.User")) do
         assert.equal(name ~= "id", field.optional, name)
      end
   end)

   it("pages", function()
      local _ <close>, tenant = opened {}
      local walk = fits(tenant:pages(), "avepoint.Pages")
      for page in walk do
         fits(page, "avepoint.Page")
      end
      fits(tenant:page(), "avepoint.Page")
      fits(tenant:page { user_ids = {} }, "avepoint.Page")
      all_seen("avepoint.Page")
      all_seen("avepoint.PageMetadata")
   end)

   it("receipts, with every reason to stop", function()
      local reasons = {}
      local function met(receipt)
         reasons[receipt.stop_reason] = true
         return receipt
      end
      met(walked {})
      met(walked({}, { user_ids = { tenants.id(1), "nobody" } }))
      met(walked({ fail = "404:2" }))
      met(walked({ drift = "delete:1:3" }))
      met(walked({}, { max_pages = 1 }))
      met(walked({}, { resume = met(walked({}, { max_users = 130 })).resume }))
      assert.equal("boom", met(walked({}, nil, { on_event = function() error("boom", 0) end })).error)
      local _ <close>, tenant = opened {}
      local walk = tenant:users()
      walk:close()
      met(fits(walk:receipt(), "avepoint.Receipt"))
      all_seen("avepoint.Receipt")
      assert.same(sorted(reasons), (function()
         local list = words("avepoint.StopReason")
         table.sort(list)
         return list
      end)())
   end)

   it("errors, with every field", function()
      local function erred(knobs, options, query)
         local _ <close>, tenant = opened(knobs, options)
         local list, err, so_far = tenant:collect(query)
         assert.is_nil(list)
         assert.is_table(so_far)
         return fits(err, "avepoint.Error")
      end
      erred { fail = "404:2" }
      erred { fail = "429:1", retry_after = 500 }
      erred({ date_skew = -500 }, {
         token = false, client_id = sandbox.client_id, client_secret = "wrong",
         token_url = sandbox:token_url { date_skew = -500 },
      })
      erred({}, { on_event = function() end }, { deadline = 1e-9 })
      fits(select(2, elements.client { token = "x", ca_file = "none.pem" }), "avepoint.Error")
      all_seen("avepoint.Error")
   end)

   it("events, with every field, as the manual lists them", function()
      local manual = README:match("\n| type | fields |\n(.-\n)\n")
      local receipt = walked({ fail = { "444:1:1", "429:2:2" }, retry_after = 1 }, nil, {
         token = false, client_id = sandbox.client_id, client_secret = sandbox.client_secret,
         token_url = sandbox:token_url { token_fail = "503:busy:1" },
         on_event = function(event)
            fits(event, "avepoint.Event")
            if event.rate then -- learnt from the second refusal, after one pause; that is enough
               error("learnt", 0)
            end
         end,
      })
      assert.equal("learnt", receipt.error)
      for _, member in ipairs(read.aliases["avepoint.Event"].union) do
         all_seen(member.name)
         local fields = read:fields(member.name)
         local row = assert(manual:match("\n| `" .. fields.type.node.literal .. "` |([^\n]*)\n"), member.name)
         for name in row:gmatch("`([%l_]+)`") do
            assert.is_truthy(fields[name], member.name .. "." .. name)
         end
         for name in pairs(fields) do
            local listed = name == "type" or name == "token" or row:find("`" .. name .. "`", 1, true)
            assert.is_truthy(listed, member.name .. "." .. name)
         end
      end
   end)

   it("clouds, by the names of environments", function()
      for _, cloud in pairs(elements.environments) do
         fits(cloud, "avepoint.Cloud")
      end
      all_seen("avepoint.Cloud")
      local names = words("avepoint.Environment")
      table.sort(names)
      assert.same(sorted(elements.environments), names)
   end)

   it("names of flags, in the order of their codes", function()
      assert.same(elements.status.flags, words("avepoint.StatusName"))
   end)
end)

-- Kinds of errors ---------------------------------------------------------------------------------

-- Where a kind is no word of the source: those of answers are tried, and dispatch passes on what they made.
local GIVEN = { ["lua/avepoint/elements/answers.lua kind"] = true, ["lua/avepoint/elements/dispatch.lua kind"] = true }

it("avepoint.ErrorKind has every kind that can occur, and no other", function()
   local kinds = {}
   local function met(err)
      kinds[err.kind] = true
   end
   local function answer(with)
      local a = {
         code = 0, status = 0, connect_status = 0, ended = "answered", message = "", headers = "",
         body = { text = function() return "" end },
      }
      for name, value in pairs(with) do
         a[name] = value
      end
      return a
   end
   for status = 100, 999 do
      met(status == 200 and { kind = "server" } or answers.failure(answer { status = status }))
   end
   for code = 1, 120 do
      met(answers.failure(answer { code = code }))
   end
   for _, ended in ipairs { "connect_timeout", "timeout", "stalled", "too_large" } do
      met(answers.failure(answer { code = 28, ended = ended }))
   end
   met(answers.failure(answer { code = 56, connect_status = 407 }))
   for _, path in ipairs(paths) do
      local text = keeper.read(path)
      for kind in text:gmatch("failure%.new%(([^,)]+)") do
         local literal = kind:match('^"([%l_]+)"$')
         if literal then
            kinds[literal] = true
         elseif not text:find("\nfunction failure.new(", 1, true) then
            assert.is_true(GIVEN[path .. " " .. kind] or false, path .. " " .. kind)
         end
      end
   end
   local list = words("avepoint.ErrorKind")
   for _, kind in ipairs(list) do
      assert.is_truthy(README:find("\n| `" .. kind .. "` |", 1, true), kind)
   end
   table.sort(list)
   assert.same(sorted(kinds), list)
end)

-- Functions ---------------------------------------------------------------------------------------

describe("every public function", function()
   local client = assert(elements.client { token = "x" })
   local tenant = client:tenant("a", "b")
   local walk = tenant:users()
   local tables = {
      elements = elements, ["elements.status"] = elements.status, client = getmetatable(client).__index,
      tenant = getmetatable(tenant).__index, walk = getmetatable(walk).__index,
   }
   client:close()

   -- Functions by the names of the manual's headings; what is private is no editor's to offer.
   local all = {}
   for of, functions in pairs(tables) do
      for name, f in pairs(functions) do
         local doc = type(f) == "function" and not name:find("^__") and read:doc(f)
         if doc and not (doc.private and functions ~= elements) then
            all[of .. (of:find("^elements") and "." or ":") .. name] = f
         elseif type(f) == "function" and not name:find("^__") then
            assert(doc, of .. "." .. name .. " has no annotation")
         end
      end
   end

   it("has a heading in the manual, and no other has", function()
      local headings = {}
      for name in README:gmatch("\n### `([%l_]+[.:][%l_.]+)%(") do
         headings[name] = true
      end
      assert.same(sorted(headings), sorted(all))
   end)

   local NOTHING = { ["client:close"] = true, ["walk:close"] = true, ["wait.cqueues"] = true, ["wait.luv"] = true }
   local documented = { ["wait.cqueues"] = require("avepoint.elements.wait.cqueues") }
   documented["wait.luv"] = require("avepoint.elements.wait.luv")
   for name, f in pairs(all) do
      documented[name] = f
   end

   for name, f in pairs(documented) do
      it("says what it takes and gives: " .. name, function()
         local doc = assert(read:doc(f))
         assert.is_truthy(doc.text)
         local names, annotated = {}, {}
         for i = 1, debug.getinfo(f, "u").nparams do
            local parameter = debug.getlocal(f, i)
            names[#names + 1] = parameter ~= "self" and parameter or nil
         end
         for i, parameter in ipairs(doc.params) do
            annotated[i] = parameter.name
         end
         assert.same(names, annotated)
         assert.equal(NOTHING[name] or false, #doc.returns == 0)
      end)
   end

   it("gives what it says", function()
      local function gives(f, ...)
         local doc, results = read:doc(f), table.pack(f(...))
         assert.is_true(results.n <= #doc.returns)
         for i, node in ipairs(doc.returns) do
            assert.is_nil(types.misfit(read, results[i], node, {}))
         end
      end
      local made <close>, at = opened {}
      local status = elements.status
      for _, x in ipairs { 3, {}, { 0, 9 }, (tenants.user(1)), (tenants.user(2, { status = "absent" })) } do
         gives(status.names, x)
         gives(status.has, x, "high_risk")
      end
      gives(status.names, nil)
      gives(status.name, 3)
      gives(status.name, 9)
      gives(status.code, "high_risk")
      gives(status.label, 3)
      gives(elements.timestamp, "2026-07-01T12:30:00Z")
      gives(elements.timestamp, nil)
      gives(elements.is_error, 1)
      gives(elements.client, { token = "x" })
      gives(elements.client, { token = "x", ca_file = "none.pem" })
      gives(at.users, at)
      gives(at.pages, at)
      gives(at.page, at)
      gives(at.collect, at)
      gives(at.collect, at, { deadline = 1e-9 })
      gives(at.count, at)
      gives(at.count, at, { deadline = 1e-9 })
      gives(made.fd, made)
      gives(made.tenant, made, "a", "b")
      gives(walk.receipt, walk)
   end)
end)
