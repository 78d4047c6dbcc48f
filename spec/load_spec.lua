-- fault 61: what a program hears where the C module, or what it needs, is missing or made for something else. Real
-- libraries that can't be loaded, in processes of their own.

local keeper = require("spec.sandbox.keeper")

local quote = keeper.quote

local LUA = os.getenv("LUA") or "lua5.4"

local BUILD = "make in a checkout, or luarocks --lua-version 5.4 install avepoint-elements"
local ANEW = "avepoint.elements has a C module built for another Lua, libcurl or machine; build it anew (" .. BUILD .. "): "

local folder

before_each(function()
   folder = keeper.folder(keeper.output("pwd"), "load")
end)

after_each(function()
   os.execute("rm -rf " .. quote(folder))
end)

-- A core.so of this C code in the folder, and the libraries it is linked to.
local function core(code, flags)
   local file = assert(io.open(folder .. "/core.c", "w"))
   file:write("#include <lua.h>\n#include <lauxlib.h>\nint luaopen_avepoint_elements_core (lua_State *L);\n"
      .. "int luaopen_avepoint_elements_core (lua_State *L) {\n", code, "\n  return 1;\n}\n")
   file:close()
   assert.equal("", keeper.output(("cd %s && mkdir -p avepoint/elements && ${CC:-cc} -shared -fPIC -o avepoint/elements/core.so "
      .. "$(pkg-config --cflags lua5.4 2>/dev/null || pkg-config --cflags lua) core.c %s 2>&1"):format(quote(folder),
      flags or "")))
end

-- What is said on standard error, where the folder is the only place of C modules but the system's.
local function said(command)
   return keeper.output(("LUA_PATH='lua/?.lua;;' LUA_CPATH=%s LUA=%s %s 2>&1 >/dev/null"):format(quote(folder .. "/?.so;;"),
      quote(LUA), command))
end

local function require_says(lua)
   return (said(quote(lua or LUA) .. [[ -e 'local _, why = pcall(require, "avepoint.elements")
      io.stderr:write(tostring(why))']]))
end

describe("a require of the module", function()
   it("says how the C module is built where there is none, and then where it was looked for", function()
      local first, rest = require_says():match("^([^\n]*)\n(.*)")
      assert.equal("avepoint.elements lacks its C module, avepoint/elements/core.so in package.cpath: " .. BUILD, first)
      assert.matches("^module 'avepoint.elements.core' not found:", rest)
      assert.matches(folder .. "/avepoint/elements/core.so", rest, 1, true)
      assert.equal("avepoint-users: " .. first, said("lua/avepoint/elements/cli/avepoint-users flags"))
   end)

   it("names libcurl's packages where the C module misses it", function()
      keeper.output(("cd %s && echo 'int curl_x;' | ${CC:-cc} -shared -fPIC -xc - -Wl,-soname,libcurl.so.99 -o libcurl.so")
         :format(quote(folder)))
      core("lua_pushinteger(L, 1);", "-L. -Wl,--no-as-needed -lcurl")
      assert.matches("^avepoint.elements needs libcurl %(Debian: libcurl4; Fedora, Alpine: libcurl; Homebrew: curl%): "
         .. "[^\n]*libcurl%.so%.99[^\n]*$", require_says())
   end)

   it("says what to do where the C module is one for another Lua", function()
      core("extern void *(lua_newuserdata) (lua_State *, size_t);\n"
         .. "  void *(*f) (lua_State *, size_t) = lua_newuserdata;\n  lua_pushlightuserdata(L, (void *)f);", "-Wl,-z,now")
      assert.matches("^" .. ANEW:gsub("%p", "%%%0") .. "[^\n]*lua_newuserdata[^\n]*$", require_says())
      core("luaL_checkversion_(L, 503, LUAL_NUMSIZES);")
      assert.matches("^" .. ANEW:gsub("%p", "%%%0") .. "version mismatch: [^\n]*503[^\n]*$", require_says())
   end)

   it("says what to do where the C module is no library", function()
      core("lua_pushinteger(L, 1);")
      keeper.output("echo nothing >" .. quote(folder .. "/avepoint/elements/core.so"))
      assert.matches("^" .. ANEW:gsub("%p", "%%%0") .. "[^\n]+$", require_says())
   end)

   it("says which Lua it needs in any other", function()
      assert.equal("avepoint.elements needs Lua 5.4, and this is Lua 5.5",
         said(quote(LUA) .. [[ -e '_VERSION = "Lua 5.5"; local _, why = pcall(require, "avepoint.elements")
            io.stderr:write(why)']]))
      for _, lua in ipairs { "lua5.1", "lua5.2", "lua5.3", "luajit" } do
         if keeper.output("command -v " .. lua) ~= "" then
            assert.matches("^avepoint.elements needs Lua 5.4, and this is Lua 5.[123]$", require_says(lua))
         end
      end
   end)

   it("passes on whatever else goes wrong", function()
      core('lua_pushliteral(L, "avepoint.elements needs lua-cjson (here)");\n  return lua_error(L);')
      assert.equal("avepoint.elements needs lua-cjson (here)", require_says())
      core("lua_newtable(L);\n  return lua_error(L);")
      assert.matches("^table: ", require_says())
   end)

   it("names lua-cjson's packages where that is missing", function()
      keeper.output(("ln -s \"$(pwd)\"/%s/avepoint %s"):format(quote(os.getenv("AVEPOINT_BUILD") or "build"),
         quote(folder .. "/avepoint")))
      local output = keeper.output(("LUA_PATH='lua/?.lua' LUA_CPATH=%s %s -e 'require \"avepoint.elements\"' 2>&1")
         :format(quote(folder .. "/?.so"), quote(LUA)))
      assert.equal("avepoint.elements needs lua-cjson (Debian, Fedora: lua-cjson; Alpine: lua5.4-cjson; Homebrew and others: "
         .. "luarocks --lua-version 5.4 install lua-cjson)\nrequire: module 'cjson' not found:",
         output:match("^%S+ (.-)\nstack traceback"))
   end)
end)
