-- What is installed, by LuaRocks and by make, is whole: every module is there,
-- runs from another folder without anything of the checkout, and gets a page.

local installs = require("spec.support.installs")
local keeper = require("spec.sandbox.keeper")

local must, quote = installs.output, keeper.quote

local ROCKSPEC = "avepoint-elements-scm-1.rockspec"
local BUILD = os.getenv("AVEPOINT_BUILD") or "build"

local function files(command)
   local list = {}
   for line in must(command):gmatch("[^\n]+") do
      list[#list + 1] = line
   end
   table.sort(list)
   return list
end

local function rockspec()
   local spec = {}
   assert(loadfile(ROCKSPEC, "t", spec))()
   return spec
end

local function exported(library)
   return must('nm -D --defined-only "$1"', library):gsub("^%x+ ", "")
end

describe("the rockspec", function()
   it("lists every Lua file under lua/ by its module's name, and nothing else", function()
      local want, have = {}, {}
      for _, file in ipairs(files("find lua -name '*.lua'")) do
         want[file:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")] = file
      end
      for name, module in pairs(rockspec().build.modules) do
         have[name] = type(module) == "string" and module or nil
      end
      assert.same(want, have)
   end)

   it("compiles every C file under src/", function()
      local core = rockspec().build.modules["avepoint.elements.core"]
      table.sort(core.sources)
      assert.same(files("find src -name '*.c'"), core.sources)
   end)

   it("is the only one, named as its package and version", function()
      local spec = rockspec()
      assert.same({ spec.package .. "-" .. spec.version .. ".rockspec" }, files("ls | grep rockspec"))
   end)
end)

describe("an installed module", function()
   local copy = installs.around(setup, teardown)

   -- libcurl's headers, which say so when they are used, and its library, where nobody looks for them.
   local function other_curl()
      copy:must([[mkdir -p "$1/opt/include" "$1/opt/lib" && cd "$1/opt" &&
         cp -RL "$(dirname "$(echo '#include <curl/curl.h>' | cc $(pkg-config --cflags libcurl) -E - |
            sed -n 's/^# 1 "\(.*\)\/curl.h".*/\1/p' | head -n 1)")/curl" include &&
         echo '#pragma message "the other libcurl"' >>include/curl/curl.h &&
         cp -L "$(ldd "$2" | sed -n 's/.*libcurl.* => \(.*\) (.*/\1/p')" lib/libcurl.so.4 && ln -sf libcurl.so.4 lib/libcurl.so]],
         keeper.output("pwd") .. "/" .. BUILD .. "/avepoint/elements/core.so")
      return copy.folder .. "/opt"
   end

   local function libcurl(core)
      return must([[ldd "$1" | sed -n 's/.*libcurl.* => \(.*\) (.*/\1/p']], core)
   end

   local CORE = "/lib/lua/5.4/avepoint/elements/core.so"

   it("of luarocks make, where Debian's modules are rocks_provided, runs from another folder and gets a page", function()
      copy:must([[mkdir "$1/.luarocks" && echo 'rocks_provided = { ["lua-cjson"] = "2.1.0-1", argparse = "0.7.1-1" }' \
         >"$1/.luarocks/config-5.4.lua"; cd "$1/tree" && ]] .. copy:luarocks("rocks") .. "make " .. ROCKSPEC
         .. ' && rm -r "$1/.luarocks"')
      assert.equal("100 of 250, 251 lines", copy:visit_rocks("rocks"))
      -- there the flags are LuaRocks's and not ours
      assert.equal("T luaopen_avepoint_elements_core", exported(copy.folder .. "/rocks" .. CORE))
   end)

   it("of luarocks make takes libcurl from CURL_DIR, headers and library", function()
      local opt = other_curl()
      local output = copy:must('cd "$1/tree" && ' .. copy:luarocks("other") .. 'make --deps-mode none "$2" CURL_DIR="$3"',
         ROCKSPEC, opt)
      assert.matches("the other libcurl", output, 1, true)
      assert.equal(opt .. "/lib/libcurl.so.4", libcurl(copy.folder .. "/other" .. CORE))
      assert.equal("100 of 250, 251 lines", copy:visit_rocks("other"))
   end)

   it("of luarocks install says which library is missing, and the variable that names its place", function()
      local good, output = installs.run('cd "$1/tree" && ' .. copy:luarocks("none")
         .. 'make --deps-mode none "$2" CURL_DIR="$1/nowhere"', copy.folder, ROCKSPEC)
      assert.is_false(good)
      assert.matches("CURL", output, 1, true)
      assert.matches("CURL_DIR", output, 1, true)
   end)

   -- What is there under a tree that make installed to, with the modes of files and folders.
   local function found(tree)
      return files("cd " .. quote(tree) .. " && find * -printf '%m %p\n'")
   end

   it("of make install, staged by DESTDIR, runs from another folder and gets a page; uninstall leaves nothing", function()
      local stage = copy.folder .. "/a stage"
      copy:must('umask 077; cd "$1/tree" && make -s install PREFIX=/opt/it DESTDIR="$2"', stage)
      local tree = stage .. "/opt/it"
      local paths = ([[LUA_PATH="%s/share/lua/5.4/?.lua;;" LUA_CPATH="%s/lib/lua/5.4/?.so;;"; export LUA_PATH LUA_CPATH; ]])
         :format(tree, tree)
      assert.equal("100 of 250, 251 lines", copy:visit(tree, paths))
      local want = { "755 bin", "755 bin/avepoint-users", "755 lib", "755 lib/lua", "755 lib/lua/5.4",
         "755 lib/lua/5.4/avepoint", "755 lib/lua/5.4/avepoint/elements", "755 lib/lua/5.4/avepoint/elements/core.so",
         "755 share", "755 share/lua", "755 share/lua/5.4" }
      for _, file in ipairs(files("cd lua && find avepoint -type d")) do
         want[#want + 1] = "755 share/lua/5.4/" .. file
      end
      for _, file in ipairs(files("cd lua && find avepoint -name '*.lua'")) do
         want[#want + 1] = "644 share/lua/5.4/" .. file
      end
      table.sort(want)
      assert.same(want, found(tree))
      assert.same({ "opt" }, files("cd " .. quote(stage) .. " && ls -A"))
      copy:must([[cd "$1/tree" && o="$2/opt/it/share/lua/5.4/other.lua" && touch "$o" && chmod 644 "$o" &&
         make -s uninstall PREFIX=/opt/it DESTDIR="$2"]], stage)
      assert.same({ "644 share/lua/5.4/other.lua", "755 bin", "755 lib", "755 lib/lua", "755 lib/lua/5.4", "755 share",
         "755 share/lua", "755 share/lua/5.4" }, found(tree))
   end)

   it("of make install goes where LUA_SHARE and LUA_LIB say, and takes libcurl from CURL_DIR", function()
      local opt = other_curl()
      local output = copy:must([[cd "$1/tree" && make BUILD=other install PREFIX="$1/p" LUA_SHARE="$1/p/l" LUA_LIB="$1/p/c" \
         CURL_DIR="$2"]], opt)
      assert.matches("the other libcurl", output, 1, true)
      assert.equal(opt .. "/lib/libcurl.so.4", libcurl(copy.folder .. "/p/c/avepoint/elements/core.so"))
      local good, why = installs.run('cd "$1/tree" && make BUILD=other CURL_DIR="$1/nowhere"', copy.folder)
      assert.is_false(good)
      assert.matches("no include/curl/curl.h in CURL_DIR", why, 1, true)
      assert.same({ "bin", "c", "l" }, files("ls " .. quote(copy.folder .. "/p")))
      assert.same({ "avepoint" }, files("ls " .. quote(copy.folder .. "/p/l")))
      copy:must([[cd "$1/tree" && make -s uninstall PREFIX="$1/p" LUA_SHARE="$1/p/l" LUA_LIB="$1/p/c"]])
      assert.same({ "p", "p/bin", "p/c", "p/l" }, files("cd " .. quote(copy.folder) .. " && find p"))
   end)
end)

describe("security 22: the C module #build", function()
   local core = BUILD .. "/avepoint/elements/core.so"

   it("exports one symbol", function()
      assert.equal("T luaopen_avepoint_elements_core", exported(core))
   end)

   it("is bound at its start, read-only after, never unloaded, and guards its stack", function()
      local dynamic = must('readelf -dW "$1"', core)
      assert.matches("FLAGS_1.*NOW", dynamic)
      assert.matches("FLAGS_1.*NODELETE", dynamic)
      assert.not_matches("TEXTREL", dynamic)
      local segments = must('readelf -lW "$1"', core)
      assert.matches("GNU_RELRO", segments)
      assert.matches("GNU_STACK[^\n]* RW ", segments)
      assert.matches("__stack_chk_fail", must('nm -D --undefined-only "$1"', core))
   end)
end)
