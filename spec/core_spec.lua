-- src/core.c: what the C module gives to Lua, misuse of it, and the life of its userdata. Requests themselves are in
-- transport_spec.lua, decoding in json_spec.lua, the set in seen_spec.lua.

local core = require("avepoint.elements.core")
local keeper = require("spec.sandbox.keeper")
local liar = require("spec.sandbox.liar")
local requests = require("spec.support.requests")
local walks = require("spec.support.walks")

local server

setup(function()
   server = liar.start()
end)

teardown(function()
   server:stop()
end)

local function options(more)
   local o = { slots = 2, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "spec", proxy = "" }
   for name, value in pairs(more or {}) do
      o[name] = value
   end
   return o
end

local function raises(message, f, ...)
   local ok, err = pcall(f, ...)
   assert.is_false(ok)
   assert.is_truthy(tostring(err):find(message, 1, true), tostring(err))
end

describe("core.url", function()
   it("gives the parts there are, and no others", function()
      assert.same({ scheme = "https", host = "h", path = "/" }, core.url("https://h"))
      assert.same({
         scheme = "https", host = "h", port = "8443", path = "/a/../b", user = "u", password = "p", query = "q=1", fragment = "f",
      }, core.url("https://u:p@h:8443/a/../b?q=1#f"))
      assert.same({ scheme = "http", host = "[::1]", port = "80", path = "/" }, core.url("http://[::1]:80"))
      assert.equal("127.0.0.1", core.url("http://127.1/").host)
   end)

   it("says so of what libcurl can't read", function()
      for _, text in ipairs { "", "x", "/a", "https://", "https://h:99999", "https://a b/", "https://[::1", "http://h/\n" } do
         local parts, message = core.url(text)
         assert.is_nil(parts, text)
         assert.equal("libcurl can't read it", message)
      end
   end)

   it("wants a string", function()
      raises("bad argument #1 to \'avepoint.elements.core.url\' (string expected, got nil)", core.url, nil)
      raises("bad argument #1 to \'avepoint.elements.core.url\' (string expected, got table)", core.url, {})
      raises("bad argument #1 to \'avepoint.elements.core.url\' (string expected, got no value)", core.url)
   end)
end)

describe("core.escape", function()
   it("leaves letters, digits and -._~ and encodes every other byte", function()
      for byte = 0, 255 do
         local c = string.char(byte)
         assert.equal(c:find("[A-Za-z0-9%-%._~]") and c or ("%%%02X"):format(byte), core.escape(c))
      end
      assert.equal("", core.escape(""))
      assert.equal("a%00b%2F%C3%A9", core.escape("a\0b/é"))
      assert.equal(300000, #core.escape(("/"):rep(100000)))
   end)

   it("wants a string that is not too long", function()
      raises("bad argument #1 to \'avepoint.elements.core.escape\' (string expected, got boolean)", core.escape, true)
      raises("bad argument #1 to \'avepoint.elements.core.escape\' (too long)", core.escape, ("x"):rep(1 << 24))
   end)
end)

describe("core.now", function()
   it("is a clock that goes on and never back", function()
      local last = core.now()
      for _ = 1, 1000 do
         local now = core.now()
         assert.equal("float", math.type(now))
         assert.is_true(now >= last and now - last < 1)
         last = now
      end
   end)
end)

describe("core.interrupted", function()
   it("is false where nobody typed Ctrl-C, whatever hooks there are", function()
      assert.is_false(core.interrupted())
      assert.is_false(coroutine.wrap(core.interrupted)())
      local hook, mask, count = debug.gethook()
      finally(function() debug.sethook(hook, mask, count) end)
      debug.sethook(function() end, "l")
      assert.is_false(coroutine.wrap(core.interrupted)())
      debug.sethook(function() end, "crl", 100000)
      assert.is_false(coroutine.wrap(core.interrupted)())
   end)
end)

describe("core.nameless", function()
   it("is the first that is no table with an id", function()
      assert.is_nil(core.nameless {})
      assert.is_nil(core.nameless { { id = "a" }, { id = "b" } })
      assert.equal(1, core.nameless { {} })
      assert.equal(1, core.nameless { { id = "" } })
      assert.equal(2, core.nameless { { id = "a" }, { id = 1 }, {} })
      assert.equal(2, core.nameless { { id = "a" }, "x" })
      assert.equal(1, core.nameless { setmetatable({}, { __index = { id = "a" } }) })
      raises("bad argument #1 to \'avepoint.elements.core.nameless\' (table expected, got string)", core.nameless, "x")
   end)
end)

describe("a set's admit", function()
   it("removes from an array those that were given, and gives the hashes of the rest and of all", function()
      local seen = core.seen()
      local users = { { id = "a" }, { id = "b" }, { id = "c" } }
      local repeats, kept, all = seen:admit(users)
      assert.equal(0, repeats)
      assert.equal(24, #kept)
      assert.equal(kept, all)
      assert.equal(3, #users)
      users = { { id = "x" }, { id = "b" }, { id = "y" }, { id = "a" }, { id = "x" } }
      local x, y = users[1], users[3]
      repeats, kept, all = seen:admit(users)
      assert.equal(3, repeats)
      assert.same({ x, y }, users)
      assert.equal(x, users[1])
      assert.equal(16, #kept)
      assert.equal(40, #all)
      assert.equal(kept:sub(1, 8), all:sub(1, 8))
      assert.equal(kept:sub(1, 8), all:sub(33, 40))
      assert.equal(5, seen:count())
      assert.equal(0, (seen:admit({})))
   end)

   it("removes all where all were given", function()
      local seen = core.seen()
      seen:admit { { id = "a" }, { id = "b" } }
      local users = { { id = "b" }, { id = "a" } }
      local repeats, kept = seen:admit(users)
      assert.equal(2, repeats)
      assert.equal("", kept)
      assert.is_nil(next(users))
   end)

   it("raises for a user without an id, and asks no metamethod", function()
      local seen = core.seen()
      raises("(a user without an id)", seen.admit, seen, { {} })
      raises("(a user without an id)", seen.admit, seen, { { id = 1 } })
      raises("(a user that is no table)", seen.admit, seen, { "a" })
      raises("(a user without an id)", seen.admit, seen,
         { setmetatable({}, { __index = { id = "a" } }) })
      raises("table expected, got nil", seen.admit, seen, nil)
   end)
end)

describe("a set's restore", function()
   it("adds what admit gave", function()
      local seen, other = core.seen(), core.seen()
      local users = {}
      for i = 1, 500 do
         users[i] = { id = "user " .. i }
      end
      local _, kept = seen:admit(users)
      other:restore(kept)
      assert.equal(500, other:count())
      assert.equal(500, (other:admit(users)))
      assert.equal(0, #users)
      other:restore("")
      other:restore(kept)
      assert.equal(500, other:count())
   end)

   it("wants a string of hashes", function()
      local seen = core.seen()
      raises("not a string of hashes", seen.restore, seen, "1234567")
      raises("string expected, got nil", seen.restore, seen, nil)
      assert.equal(0, seen:count())
   end)
end)

describe("core.open", function()
   it("wants a table with every number and a user agent", function()
      raises("bad argument #1 to \'avepoint.elements.core.open\' (table expected, got nil)", core.open, nil)
      for _, name in ipairs { "slots", "connect_timeout", "timeout", "stall_timeout" } do
         for _, bad in ipairs { "x", true, {}, -1, 0 / 0, -math.huge } do
            raises("field '" .. name .. "' " .. (name == "slots" and "out of range"
               or "must be a number, not negative"), core.open, options { [name] = bad })
         end
         local o = options()
         o[name] = nil
         raises("field '" .. name .. "' ", core.open, o)
      end
      for _, name in ipairs { "user_agent", "ca_file", "proxy" } do
         for _, bad in ipairs { 12, true, {} } do
            raises("field '" .. name .. "' must be a string", core.open, options { [name] = bad })
         end
      end
   end)

   it("wants 1 to 64 slots", function()
      for _, bad in ipairs { 0, 0.5, 65, 1e9, 1e300, math.huge, math.maxinteger } do
         raises("field 'slots' out of range", core.open, options { slots = bad })
      end
      core.open(options { slots = 1 }):close()
      core.open(options { slots = 64 }):close()
   end)

   it("takes time-outs as long as numbers go", function()
      for _, long in ipairs { 0, 1e9, 1e300, math.huge } do
         local handle <close> = assert(core.open(options { connect_timeout = 1e9, timeout = 1e300, stall_timeout = long }))
         assert.equal(200, requests.post(handle, server:base()).status)
      end
   end)
end)

describe("a handle", function()
   it("shows its state and nothing else", function()
      local handle = core.open(options())
      assert.equal("open", handle:state())
      assert.equal("handle (open)", tostring(handle))
      assert.is_false(getmetatable(handle))
      handle:close()
      assert.equal("closed", handle:state())
      assert.equal("handle (closed)", tostring(handle))
      assert.is_nil(handle.transport)
   end)

   it("closed, raises from everything but close, shut and state", function()
      local handle = core.open(options())
      handle:close()
      handle:close()
      raises("attempt to use a closed handle", handle.fd, handle)
      raises("attempt to use a closed handle", handle.drive, handle)
      raises("attempt to use a closed handle", handle.take, handle)
      raises("attempt to use a closed handle", handle.wait, handle, 1)
      raises("attempt to use a closed handle", handle.cancel, handle, 1)
      raises("attempt to use a closed handle", handle.wake, handle, true)
      handle:shut()
      raises("attempt to use a closed handle", handle.send, handle, {})
   end)

   it("is closed by a block that ends, with an error too", function()
      local kept
      do
         local handle <close> = core.open(options())
         kept = handle
      end
      assert.equal("closed", kept:state())
      pcall(function()
         local handle <close> = core.open(options())
         kept = handle
         error("out")
      end)
      assert.equal("closed", kept:state())
   end)

   it("raises where its functions are called on something else", function()
      local handle <close> = core.open(options())
      local seen = core.seen()
      for _, name in ipairs { "fd", "drive", "take", "wait", "cancel", "send", "wake", "shut", "close", "state" } do
         for _, other in ipairs { seen, io.stdout, {}, "x", 12 } do
            raises("handle expected, got ", handle[name], other, 1)
         end
         raises("handle expected, got no value", handle[name])
      end
      raises("seen expected, got ", seen.add, handle, "x")
   end)

   it("checks what it is given to send, and sends nothing then", function()
      local handle <close> = core.open(options())
      local good = { url = server:base(), body = "{}", limit = 10, cleartext = true }
      local function bad(message, change)
         local request = {}
         for name, value in pairs(good) do
            request[name] = value
         end
         for name, value in pairs(change) do
            request[name] = value ~= "nil" and value or nil
         end
         raises(message, handle.send, handle, request)
      end
      raises("table expected, got no value", handle.send, handle)
      raises("table expected, got string", handle.send, handle, "x")
      bad("field 'limit' out of range", { limit = "nil" })
      bad("field 'limit' out of range", { limit = -1 })
      bad("field 'limit' out of range", { limit = "x" })
      bad("field 'limit' ", { limit = 0 / 0 })
      bad("field 'limit' ", { limit = math.huge })
      bad("field 'limit' ", { limit = 1e300 })
      bad("fields 'url' and 'body' must be strings", { url = "nil" })
      bad("fields 'url' and 'body' must be strings", { body = "nil" })
      bad("field 'url' must be a string", { url = 12 })
      bad("field 'body' must be a string", { body = {} })
      bad("field 'bearer' must be a string", { bearer = true })
      for _ = 1, 4 do -- no slot was lost
         assert.equal("answered", requests.post(handle, server:base()).ended)
         assert.equal("too_large", requests.post(handle, server:base(), { limit = 10 }).ended)
      end
   end)

   it("wants numbers for wait and cancel", function()
      local handle <close> = core.open(options())
      raises("number expected, got no value", handle.wait, handle)
      raises("number expected, got table", handle.wait, handle, {})
      raises("number expected, got no value", handle.cancel, handle)
      raises("number has no integer representation", handle.cancel, handle, 1.5)
   end)
end)

describe("handle:take", function()
   -- Two answers wait; a finaliser that runs while the first is taken does `f`. Gives what was taken.
   local function taken(f)
      local handle <close> = assert(core.open(options()))
      local run = server:new_run()
      local first = requests.send(handle, server:base { run = run, lie = "status", arg = 418 })
      local second = requests.send(handle, server:base { run = run })
      requests.till(handle, function()
         local log = server:log(run)
         return #log == 2 and log[1].seconds and log[2].seconds
      end)
      for _ = 1, 20 do
         assert(handle:drive())
      end
      collectgarbage() -- no cycle is under way that would spare what comes now
      collectgarbage("stop")
      setmetatable({}, { __gc = function() f(handle, first, second) end })
      collectgarbage("incremental", 10, 1000, 40)
      collectgarbage("restart")
      local ok, answer = pcall(handle.take, handle)
      collectgarbage("incremental", 200, 100, 13)
      assert.is_true(ok, answer)
      return answer, second
   end

   it("fault 51: gives the next answer whole where a finaliser withdraws the first in the midst of it", function()
      local answer, second = taken(function(handle, first) handle:cancel(first) end)
      assert.equal(second, answer.id)
      assert.equal(200, answer.status)
   end)

   it("fault 51: gives none where a finaliser withdraws all, or closes the handle, in the midst of it", function()
      assert.is_nil((taken(function(handle, first, second)
         handle:cancel(first)
         handle:cancel(second)
      end)))
      assert.is_nil((taken(function(handle) handle:close() end)))
   end)
end)

describe("a body", function()
   local handle

   before_each(function()
      handle = core.open(options())
   end)

   after_each(function()
      handle:close()
   end)

   it("gives its bytes, its length and what they decode to", function()
      local body = requests.post(handle, server:base { size = 3 }).body
      local text = body:text()
      assert.equal(#text, #body)
      assert.equal(text:sub(1, 10), body:text(10))
      assert.equal("", body:text(0))
      assert.equal(text, body:text(#text + 1))
      assert.equal(text, body:text(math.maxinteger))
      assert.same(core.decode(text), core.decode(body))
      assert.same(core.decode(body), core.decode(body))
      assert.is_false(getmetatable(body))
   end)

   it("checks how it is used", function()
      local body = requests.post(handle, server:base { size = 3 }).body
      raises("must not be negative", body.text, body, -1)
      raises("number expected, got string", body.text, body, "x")
      raises("body expected, got ", body.text, handle)
      raises("body expected, got ", body.text, "x")
      raises("string expected, got table", core.decode, {})
      raises("string expected, got nil", core.decode, nil)
      raises("string expected, got FILE*", core.decode, io.stdout)
   end)

   it("may be empty", function()
      local body = requests.post(handle, server:base { json = server:upload(""), framing = "length" }).body
      assert.equal(0, #body)
      assert.equal("", body:text())
      local value, message = core.decode(body)
      assert.is_nil(value)
      assert.equal("the body is empty", message)
   end)

   it("closed, is empty, and may be closed again", function()
      local body = requests.post(handle, server:base { size = 3 }).body
      body:close()
      body:close()
      assert.equal(0, #body)
      assert.equal("", body:text())
      assert.is_nil((core.decode(body)))
   end)

   it("is its own, whatever comes after it and whichever is closed first", function()
      local bodies, texts = {}, {}
      for i = 1, 6 do
         bodies[i] = requests.post(handle, server:base { size = i }).body
         texts[i] = bodies[i]:text()
         if i == 3 then
            bodies[2]:close()
         end
      end
      for i = 1, 6 do
         assert.is_true(bodies[i]:text() == (i == 2 and "" or texts[i]), i)
         assert.equal(i == 2 and 0 or #texts[i], #bodies[i])
      end
      handle:close()
      bodies[4]:close()
      assert.is_true(texts[5] == bodies[5]:text())
   end)
end)

describe("the order of finalisers", function()
   it("does not matter: bodies before handles, after them, or in one go", function()
      for round = 1, 30 do
         local handle = core.open(options())
         local one = requests.post(handle, server:base { size = round }).body
         local two = requests.post(handle, server:base { size = round }).body
         local text = one:text()
         if round % 3 == 0 then
            handle = nil
            collectgarbage()
         elseif round % 3 == 1 then
            two = nil
            collectgarbage()
         end
         assert.is_true(text == one:text())
         assert.is_true(two == nil or text == two:text())
         one, two = nil, nil -- luacheck: ignore
         collectgarbage()
         assert.is_true(handle == nil or handle:state() == "open")
      end
   end)

   it("fault 49: a finaliser that uses a handle or body that is gone already gets an error or nothing, no crash", function()
      local text, status = walks.run(server, [[
         local core = require("avepoint.elements.core")
         local function late(f)
            return setmetatable({}, { __gc = function() print(pcall(f)) end })
         end
         for round = 1, 3 do
            local handle
            first = late(function() return handle:state(), handle:take() end)
            handle = assert(core.open {
               slots = 2, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "x", proxy = "",
            })
            assert(handle:send { url = os.getenv("URL"), body = "{}", limit = 1 << 22, cleartext = true })
            assert(handle:drive(true))
            local answer
            while not answer do
               handle:wait(0.2)
               handle:drive()
               answer = handle:take()
            end
            local body = answer.body
            second = late(function() return #body, #body:text(), handle:state(), handle:close(), body:close() end)
            third = late(function() return handle:send { url = os.getenv("URL"), body = "{}", limit = 1 } end)
         end
         collectgarbage()
         print("end")
      ]], { URL = server:base { size = 3 } })
      assert.equal(0, status, text)
      assert.matches("\nend\n", "\n" .. text)
   end)

   it("fault 52: lua_close with transfers in flight ends cleanly, in every state of theirs", function()
      local STATES = {
         queued = "", connecting = "url = os.getenv('HOLE')", silent = "lie('silence')", half = "lie('stall')",
         finished = "lie('none')", broken = "lie('close')", resolving = "url = 'https://nothing.invalid/'",
      }
      for name, how in pairs(STATES) do
         for _, ending in ipairs { "", "os.exit(0, true)", "error('out')", "handle:close() os.exit(0, true)" } do
            local text, status = walks.run(server, [[
               local core = require("avepoint.elements.core")
               handle = assert(core.open {
               slots = 3, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "x", proxy = "",
            })
               local url = os.getenv("URL")
               local function lie(name)
                  url = url:gsub("/partner", "/lie=" .. name .. "/partner")
               end
               ]] .. how .. [[

               for i = 1, 3 do
                  assert(handle:send { url = url, body = "{}", limit = 1 << 22, cleartext = url:find("^http:") })
               end
               ]] .. (how == "" and "" or [[
                  handle:drive(true)
                  local till = core.now() + 0.02
                  while core.now() < till do
                     handle:wait(till - core.now())
                     handle:drive()
                  end
               ]]) .. ending, { URL = server:base { size = 3 }, HOLE = server.black_hole })
            local raised = ending:find("error", 1, true)
            assert.equal(raised and 1 or 0, status, name .. " " .. ending .. ": " .. text)
            assert.is_true(raised ~= nil or text == "", text)
         end
      end
   end)
end)

describe("the module", function()
   it("stands being required again, and old and new work on each other's values", function()
      local NAME = "avepoint.elements.core"
      local old = package.loaded[NAME]
      finally(function() package.loaded[NAME] = old end)
      local handle <close> = old.open(options())
      local body = requests.post(handle, server:base { size = 3 }).body
      local seen = old.seen()
      for _ = 1, 3 do
         package.loaded[NAME] = nil
         local new = require(NAME)
         assert.not_equal(old, new)
         assert.equal(3, #new.decode(body).data)
         assert.equal("open", handle:state())
         local other <close> = new.open(options())
         assert.equal(200, requests.post(other, server:base { size = 3 }).status)
         assert.is_true(seen:add("x" .. tostring(new)))
         handle.drive(other)
      end
      assert.equal(200, requests.post(handle, server:base()).status)
   end)

   it("has no function but those that are written down", function()
      local names = {}
      for name, value in pairs(core) do
         assert.equal("function", type(value))
         names[#names + 1] = name
      end
      table.sort(names)
      assert.same({ "decode", "escape", "hash", "interrupted", "nameless", "now", "open", "seen", "url" }, names)
   end)

   it("fault 60: does not care what others do to cjson and to the tables of functions", function()
      local text, status = walks.run(server, [==[
         local cjson = require("cjson")
         local core = require("avepoint.elements.core")
         cjson.decode_invalid_numbers(true)
         cjson.decode_max_depth(1)
         cjson.encode_sparse_array(true)
         cjson.decode = error
         cjson.null = 7
         package.loaded.cjson = nil
         string.find, string.format, table.concat, tostring, type, next, rawget = nil
         assert(core.decode('{"a":[[[1]]],"b":null}').a[1][1][1] == 1)
         assert(not core.decode('{"a":NaN}'))
      ]==])
      assert.equal("", text)
      assert.equal(0, status)
   end)

   it("fault 52: stays mapped when its state is closed, with a resolver's thread still in it (7.87 #newcurl)", function()
      local dir = server.dir .. "/host"
      os.execute("mkdir -p " .. keeper.quote(dir))
      local file = assert(io.open(dir .. "/host.c", "w"))
      file:write([[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>
static volatile int resolving[2], may_end, resolved[2], i;
int getaddrinfo (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
  int mine = i;
  (void)name, (void)service, (void)hints, (void)list;
  resolving[mine] = 1;
  while (!may_end)
    usleep(1000);
  resolved[mine] = 1;
  return EAI_NONAME;
}
int main (int argc, char **argv) {
  (void)argc;
  alarm(30);
  for (i = 0; i < 2; i++) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dofile(L, argv[1])) { puts(lua_tostring(L, -1)); return 2; }
    while (!resolving[i])
      usleep(1000);
    lua_close(L);
  }
  may_end = 1;
  while (!resolved[0] || !resolved[1])
    usleep(1000);
  puts("alive");
  return 0;
}
]])
      file:close()
      file = assert(io.open(dir .. "/script.lua", "w"))
      file:write([[
         local core = require("avepoint.elements.core")
         handle = assert(core.open {
               slots = 1, connect_timeout = 5, timeout = 5, stall_timeout = 5, user_agent = "x", proxy = "",
            })
         assert(handle:send { url = "https://slow.invalid/", body = "{}", limit = 1 })
         assert(handle:drive(true))
         for _ = 1, 5 do
            handle:wait(0.01)
            handle:drive()
         end
      ]])
      file:close()
      assert(os.execute(("cd %s && ${CC:-cc} $(pkg-config --cflags lua5.4 2>/dev/null || pkg-config --cflags lua) -rdynamic "
         .. "host.c -o host $(pkg-config --libs lua5.4 2>/dev/null || pkg-config --libs lua) -ldl 2>host.log")
         :format(keeper.quote(dir))), "host.c does not compile")
      local pipe = assert(io.popen(("env LUA_PATH_5_4=%s LUA_CPATH_5_4=%s %s/host %s/script.lua 2>&1; echo $?"):format(
         keeper.quote(package.path), keeper.quote(package.cpath), keeper.quote(dir), keeper.quote(dir))))
      local text = pipe:read("a")
      pipe:close()
      assert.equal("alive\n0\n", text)
   end)
end)

describe("the most aggressive collection", function()
   local function everything()
      local results = {}
      local handle <close> = core.open(options { slots = 4 })
      local seen = core.seen()
      for round = 1, 3 do
         for i = 1, 4 do
            requests.send(handle, server:base { size = 20 * i })
         end
         local list = requests.answers(handle, 4)
         table.sort(list, function(a, b) return a.id < b.id end)
         for i, answer in ipairs(list) do
            local page = assert(core.decode(answer.body))
            local raw = #page.data
            local repeats, kept, all = seen:admit(page.data)
            results[#results + 1] = ("%d %d %d %d %d %d %s"):format(round, i, raw, repeats, #kept, #all, answer.body:text(70))
            answer.body:close()
         end
         assert(core.url("https://h/" .. core.escape("a/b")))
      end
      return results
   end

   local usual

   before_each(function()
      usual = usual or everything()
   end)

   after_each(function()
      collectgarbage("incremental", 200, 100, 13)
   end)

   it("incremental at every step changes no result", function()
      collectgarbage("incremental", 1, 1000, 1)
      assert.same(usual, everything())
   end)

   it("generational changes no result", function()
      collectgarbage("generational", 1, 1)
      assert.same(usual, everything())
   end)

   it("fault 59: a full one at every line changes no result", function()
      local hook, mask, count = debug.gethook()
      finally(function() debug.sethook(hook, mask, count) end)
      local n = 0
      debug.sethook(function()
         n = n + 1
         if n % 5 == 0 then
            collectgarbage("step")
         end
      end, "l")
      local results = everything()
      debug.sethook(hook, mask, count)
      assert.same(usual, results)
      assert.is_true(n > 100)
   end)
end)
