-- lua/avepoint/elements/check.lua: misuse raises before anything is sent, blames the caller's line and shows no secret.

local check = require("avepoint.elements.check")
local elements = require("avepoint.elements")

local SECRET = "s3cret-canary"

-- the message of what f raises, without its place, which must be in f's own lines: f is the caller to blame
local function raised(f, ...)
   local where = debug.getinfo(f, "S")
   local ok, message = pcall(f, ...)
   assert.is_false(ok)
   assert.equal("string", type(message))
   assert.is_nil(message:find(SECRET, 1, true), message)
   local line, text = message:match("^spec/check_spec%.lua:(%d+): avepoint%.elements: (.*)$")
   line = tonumber(line)
   assert.is_true(line and line >= where.linedefined and line <= where.lastlinedefined, message)
   return text
end

local function client(options)
   options.token = options.token or "good"
   options.proxy = options.proxy or ""
   return assert(elements.client(options))
end

describe("check.show", function()
   local show = check.show

   it("shows strings quoted, numbers, booleans and nil as they are, the rest by type", function()
      assert.equal('"abc"', show("abc"))
      assert.equal('""', show(""))
      assert.equal("12", show(12))
      assert.equal("1.5", show(1.5))
      assert.equal("inf", show(math.huge))
      assert.equal("true", show(true))
      assert.equal("nil", show(nil))
      assert.equal("a table", show({}))
      assert.equal("a function", show(print))
      assert.equal("a thread", show(coroutine.create(print)))
      assert.equal("a userdata", show(io.stdout))
   end)

   it("calls no metamethod", function()
      assert.equal("a table", show(setmetatable({}, { __tostring = error, __name = "x", __index = error, __len = error })))
   end)

   it("shows one printable line of at most 40 bytes of a string", function()
      assert.equal([["a\"b\\c"]], show('a"b\\c'))
      assert.equal([["a\nb"]], show("a\nb"))
      assert.equal('"' .. ("x"):rep(40) .. '"', show(("x"):rep(40)))
      assert.equal('"' .. ("x"):rep(40) .. '"…', show(("x"):rep(41)))
      assert.equal([["caf\xc3\xa9"]], show("café"))
      for byte = 0, 255 do
         local text = show("<" .. string.char(byte) .. ">")
         assert.is_nil(text:find("[%c\x80-\xff]"), text)
      end
   end)
end)

describe("check.integer", function()
   it("takes whole numbers of the range, floats too", function()
      local rule = check.integer(1, 100)
      for _, v in ipairs { 1, 1.0, 50, 100, 100.0 } do
         assert.is_nil(rule(v))
      end
   end)

   it("fault 64: refuses what is no whole number of the range, and says what is", function()
      local rule = check.integer(1, 100)
      for _, v in ipairs { 0, 101, -1, 1.5, "100", "1", true, {}, math.huge, -math.huge, 0 / 0, math.mininteger } do
         assert.equal("a whole number from 1 to 100", rule(v))
      end
   end)

   it("fault 64: refuses infinity, NaN and what no integer can hold where there is no upper end", function()
      local rule = check.integer(1, math.huge)
      assert.is_nil(rule(1))
      assert.is_nil(rule(math.maxinteger))
      for _, v in ipairs { 0, -1, 1.5, "1", math.huge, 1e300, 2 ^ 63, 0 / 0 } do
         assert.equal("a whole number from 1", rule(v), tostring(v))
      end
   end)
end)

describe("check.seconds", function()
   it("takes numbers above 0, at most a year", function()
      local rule = check.seconds()
      for _, v in ipairs { 0.001, 1, 60, 86400 * 365 } do
         assert.is_nil(rule(v))
      end
      for _, v in ipairs { 0, -1, 86400 * 365 + 1, math.huge, -math.huge, 0 / 0, "1", true, {} } do
         assert.equal("a number of seconds above 0, at most a year", rule(v))
      end
   end)
end)

describe("check.one_of", function()
   it("takes one of the words and names them all for another", function()
      local rule = check.one_of { "report", "error" }
      assert.is_nil(rule("report"))
      assert.is_nil(rule("error"))
      for _, v in ipairs { "Report", "", 1, false } do
         assert.equal('one of "report", "error"', rule(v))
      end
   end)
end)

describe("check.fields", function()
   local RULES = { size = check.integer(1, 9), word = check.type("string"), key = function() return "a good key", true end }

   local function fields(t)
      check.fields("f", t, RULES, 1)
   end

   it("gives a copy that does not follow the caller's table", function()
      local mine = { size = 3, word = "w" }
      local copy = check.fields("f", mine, RULES, 1)
      mine.size = 4
      assert.same({ size = 3, word = "w" }, copy)
      assert.is_nil(getmetatable(copy))
   end)

   it("fault 63: reads the table raw", function()
      local copy = check.fields("f", setmetatable({ size = 3 }, {
         __index = function() error("asked") end, __pairs = function() error("asked") end, __len = error,
      }), RULES, 1)
      assert.same({ size = 3 }, copy)
   end)

   it("names the option, what it must be and what it was", function()
      assert.equal("f: option 'size' must be a whole number from 1 to 9, not 10", raised(fields, { size = 10 }))
      assert.equal("f: option 'size' must be a whole number from 1 to 9, not \"3\"", raised(fields, { size = "3" }))
      assert.equal("f: option 'word' must be a string, not a table", raised(fields, { word = {} }))
   end)

   it("security 14: does not show a value that may be a secret", function()
      assert.equal("f: option 'key' must be a good key", raised(fields, { key = SECRET }))
   end)

   it("names what it has when it does not know an option", function()
      assert.equal([[f has no option "sise"; it has key, size, word]], raised(fields, { sise = 1 }))
      assert.equal([[f has no option that is 1; it has key, size, word]], raised(fields, { "x" }))
      assert.equal([[f has no option that is true; it has key, size, word]], raised(fields, { [true] = 1 }))
      assert.equal([[f has no option "a\nb"; it has key, size, word]], raised(fields, { ["a\nb"] = 1 }))
   end)

   it("wants a table", function()
      assert.matches("^f wants a table of options, not a? ?nil$", raised(fields))
      assert.matches("^f wants a table of options, not a? ?boolean$", (raised(fields, true):gsub("true", "boolean")))
   end)

   it("security 14: does not show a string given in place of the options", function()
      assert.matches("^f wants a table of options, not a string", raised(fields, SECRET))
      assert.matches("^client wants a table of options, not a string", raised(function()
         local _ = elements.client(SECRET)
      end))
   end)
end)

describe("check.path_id", function()
   local function path_id(v)
      check.path_id("tenant", "customer id", v, 1)
   end

   it("takes letters, digits, dots, dashes and underscores, up to 128 bytes, and gives them back", function()
      for _, v in ipairs { "a", "966f35cc-61f4-4070-819c-25cdbcf82a07", "a.b", "...", "_", "-", ("x"):rep(128) } do
         assert.equal(v, check.path_id("tenant", "customer id", v, 1))
      end
   end)

   it("fault 62: refuses what is no such text, and says why", function()
      local function text(v)
         return raised(path_id, v):match("^tenant: customer id (.*)$")
      end
      assert.equal("must be a string, not nil", text(nil))
      assert.equal("must be a string, not 12", text(12))
      assert.equal("must be a string, not a table", text({}))
      assert.equal('must have 1 to 128 bytes, not ""', text(""))
      assert.equal('must not be a folder\'s name, not "."', text("."))
      assert.equal('must not be a folder\'s name, not ".."', text(".."))
      assert.equal('must have 1 to 128 bytes, not "' .. ("x"):rep(40) .. '"…', text(("x"):rep(129)))
   end)

   it("fault 62, security 11: refuses every other byte, wherever it stands", function()
      local refused = 0
      for byte = 0, 255 do
         local c = string.char(byte)
         for _, v in ipairs { c, c .. "a", "a" .. c, "a" .. c .. "b" } do
            if not c:find("[A-Za-z0-9._-]") then
               refused = refused + 1
               assert.matches("^tenant: customer id may have letters, digits, '%.', '_' and '%-' only, not ", raised(path_id, v))
            elseif v ~= "." and v ~= ".." then
               assert.equal(v, check.path_id("tenant", "customer id", v, 1))
            end
         end
      end
      assert.equal(4 * (256 - 65), refused)
   end)
end)

describe("check.user_ids", function()
   local function user_ids(list)
      check.user_ids("users", list, 1)
   end
   local function text(list)
      return raised(user_ids, list):match("^users: option 'user_ids' (.*)$")
   end

   it("gives a copy without repeats, compared without case, the first kept", function()
      local list = { "b", "A", "a", "B", "c", "b" }
      local copy = check.user_ids("users", list, 1)
      assert.same({ "b", "A", "c" }, copy)
      list[1] = "z"
      assert.equal("b", copy[1])
      assert.same({}, check.user_ids("users", {}, 1))
   end)

   it("fault 63: takes any number of them, of up to 256 bytes, with any printable text but @", function()
      local many = {}
      for i = 1, 5000 do
         many[i] = ("%d \"\\/?#%% é"):format(i)
      end
      many[5001] = ("x"):rep(256)
      assert.same(many, check.user_ids("users", many, 1))
   end)

   it("fault 63: refuses what is no array", function()
      assert.equal("must be an array of strings, not nil", text(nil))
      assert.equal('must be an array of strings, not "a"', text("a"))
      assert.equal('must be an array of strings; it has the key "a"', text({ a = "b" }))
      assert.equal("must be an array of strings; it has the key 0", text({ [0] = "b" }))
      assert.equal("must be an array of strings; it has the key 1.5", text({ [1.5] = "b" }))
      assert.equal("must be an array of strings; it has the key -1", text({ [-1] = "b" }))
   end)

   it("fault 63: refuses holes, however far apart", function()
      assert.equal("has a hole at 2", text({ "a", nil, "c" }))
      assert.equal("has a hole at 1", text({ [2] = "b" }))
      assert.equal("has a hole at 2", text({ "a", [2 ^ 40] = "b" }))
      assert.equal("has a hole at 1", text({ [math.huge] = "b" }))
   end)

   it("fault 63: refuses an id that is none, and says where it stands", function()
      assert.equal("must hold strings; [2] is 12", text({ "a", 12 }))
      assert.equal("must hold strings; [1] is a table", text({ {} }))
      assert.equal("must not hold empty strings; [2] is one", text({ "a", "" }))
      assert.equal("must hold ids of at most 256 bytes; [1] has 257", text({ ("x"):rep(257) }))
      assert.equal([[must hold printable UTF-8; [1] is "a\0b"]], text({ "a\0b" }))
      assert.equal([[must hold printable UTF-8; [1] is "a\nb"]], text({ "a\nb" }))
      assert.equal([[must hold printable UTF-8; [1] is "a\127b"]], text({ "a\127b" }))
      assert.equal([[must hold printable UTF-8; [1] is "\xff"]], text({ "\xff" }))
      assert.equal('must hold user ids (their field id), not sign-in names; [2] is "kevin@element.onmicrosoft.com"',
         text({ "a", "kevin@element.onmicrosoft.com" }))
   end)

   it("fault 63: asks no metamethod of the list", function()
      local list = setmetatable({ "a", "b" }, { __index = error, __len = error, __pairs = error, __ipairs = error })
      assert.same({ "a", "b" }, check.user_ids("users", list, 1))
      assert.equal("must be an array of strings, not a userdata", text(io.stdout))
   end)
end)

describe("misuse of a public function", function()
   it("of client blames the line that calls it", function()
      local function none() local _ = elements.client {} end
      local function unknown() local _ = elements.client { token = SECRET, timeot = 1 } end
      local function zero() local _ = elements.client { token = SECRET, timeout = 0 } end
      for _, f in ipairs { none, unknown, zero } do
         assert.matches("^client", raised(f))
      end
   end)

   it("of a tenant's functions blames the line that calls them", function()
      local c <close> = client {}
      local tenant = c:tenant("a", "b")
      local calls = {
         function() local _ = c:tenant("a/b", "c") end,
         function() local _ = c:tenant("a", "") end,
         function() local _ = c:tenant() end,
         function() local _ = tenant:users { page_size = 0 } end,
         function() local _ = tenant:users { user_ids = { "" } } end,
         function() local _ = tenant:users { user_ids = { "a", "b" }, page_size = 1, page_index = 2 } end,
         function() local _ = tenant:users { resume = "x" } end,
         function() local _ = tenant:users { resume = "x", page_index = 2 } end,
         function() local _ = tenant:pages { page_sise = 1 } end,
         function() local _ = tenant:pages("x") end,
         function() local _ = tenant:page { page_index = 0 } end,
         function() local _ = tenant:page { user_ids = { "@" } } end,
         function() local _ = tenant:page { max_users = 1 } end,
         function() local _ = tenant:collect { deadline = 0 } end,
         function() local _ = tenant:collect { on_drift = "ignore" } end,
         function() for _ in tenant:users { max_pages = 0 } do error("a step") end end,
      }
      for _, f in ipairs(calls) do
         assert.matches("^%l+:? ", raised(f))
      end
   end)
end)

describe("the options of a client", function()
   local function open(options)
      local _ = elements.client(options)
   end
   local function wrong(options)
      return raised(open, options):match("^client:? (.*)$")
   end

   it("must hold a credential", function()
      assert.matches("^a credential is missing", wrong {})
   end)

   it("fault 64: have ranges", function()
      local SECONDS = "a number of seconds above 0, at most a year"
      for name, cases in pairs {
         timeout = { SECONDS, 0, -1, "60", math.huge },
         connect_timeout = { SECONDS, 0, -1, true, 1e18 },
         concurrency = { "a whole number from 1 to 32", 0, 33, 1.5, "8" },
         max_attempts = { "a whole number from 1 to 100", 0, 101, 2.5, {} },
         ca_file = { "a file's path", 1, true, "" },
         on_event = { "a function", "print", {} },
         wait = { "a function", 1, setmetatable({}, { __call = print }) },
         user_agent = { "printable ASCII, at most 256 bytes", "", "a\nb", "a\r\nX: y", "é", ("x"):rep(257), 1 },
      } do
         for i = 2, #cases do
            assert.equal(("option '%s' must be %s, not %s"):format(name, cases[1], check.show(cases[i])),
               wrong { token = SECRET, [name] = cases[i] })
         end
      end
   end)

   it("security 14: show no token, whatever is wrong with it", function()
      for _, token in ipairs {
         SECRET .. "\n", "Bearer " .. SECRET, SECRET .. " " .. SECRET, SECRET .. ("x"):rep(9000), "\27" .. SECRET,
         SECRET .. "é",
      } do
         assert.matches("^option 'token' must be a bearer token; this one ", wrong { token = token })
      end
      assert.equal("option 'token' must be a string or a function, not a table", wrong { token = { SECRET } })
      assert.equal("option 'token' must be a bearer token; this one is empty", wrong { token = "" })
   end)

   it("a token with a newline at its end says so", function()
      for _, ending in ipairs { "\n", "\r\n", "\r" } do
         assert.equal("option 'token' must be a bearer token; this one ends with a newline; strip it, as in io.read(\"l\")",
            wrong { token = SECRET .. ending })
      end
   end)

   it("security 5: show nothing of a base_url, which may hold a password", function()
      local WANTED = "option 'base_url' must be an address like https://host/path; this one "
      assert.equal(WANTED .. "must not hold a user or password",
         wrong { token = "t", base_url = "https://u:" .. SECRET .. "@h/" })
      assert.equal(WANTED .. "must begin with https://", wrong { token = "t", base_url = "http://example.com/" })
      assert.equal(WANTED .. "must not have a query or fragment", wrong { token = "t", base_url = "https://h/?k=" .. SECRET })
   end)

   it("security 9: show nothing of a proxy, which may hold a password", function()
      local PROXY = "option 'proxy' must be a URL (http, https, socks4, socks4a, socks5 or socks5h) or \"\""
      assert.equal(PROXY, wrong { token = "t", proxy = "http://u:" .. SECRET .. "@h:99999" })
      assert.equal(PROXY, wrong { token = "t", proxy = "http://u:" .. SECRET .. "@" })
   end)

   it("of the right type but unusable give an error of kind config", function()
      local c, err = elements.client { token = "t", ca_file = "/nowhere/ca.pem" }
      assert.is_nil(c)
      assert.is_true(elements.is_error(err))
      assert.equal("config: ca_file can't be read: /nowhere/ca.pem: No such file or directory", tostring(err))
      local empty = os.tmpname()
      finally(function() os.remove(empty) end)
      c, err = elements.client { token = "t", ca_file = empty }
      assert.is_nil(c)
      assert.equal("config: ca_file can't be read: " .. empty .. " is empty", tostring(err))
      c, err = elements.client { token = "t", ca_file = "/" }
      assert.is_nil(c)
      assert.equal("config: ca_file can't be read: /: Is a directory", tostring(err))
   end)
end)
