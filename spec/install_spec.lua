-- What is installed, by LuaRocks and by make, is whole: every module is there,
-- runs from another folder without anything of the checkout, and gets a page.

local sandbox = require("spec.sandbox.sandbox")

local ROCKSPEC = "avepoint-elements-scm-1.rockspec"
local BUILD = os.getenv("AVEPOINT_BUILD") or "build"

-- What another program finds loaded must come from the tree, and a page of the
-- sandbox must come at all.
local VISITOR = [[
local tree, base_url, token, ca_file, customer, tenant = table.unpack(arg)
local elements = require("avepoint.elements")
local count = 0
for name in pairs(package.loaded) do
   if name:find("^avepoint%.") then
      local file = package.searchpath(name, package.path) or assert(package.searchpath(name, package.cpath))
      assert(file:sub(1, #tree + 1) == tree .. "/", name .. " comes from " .. file)
      count = count + 1
   end
end
assert(package.loaded["avepoint.elements.core"] and count > 2)
local client = assert(elements.client { token = token, base_url = base_url, ca_file = ca_file })
local page = assert(client:tenant(customer, tenant):page())
print(#page.data .. " of " .. page.metadata.totalCount)
client:close()
]]

local function quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- In an environment that holds what is named here only.
local function run(command, ...)
   local words = { "env -i", "PATH=" .. quote(os.getenv("PATH")) }
   for _, name in ipairs { "CURL_DIR", "LUA_INCDIR", "CC" } do
      local value = os.getenv(name)
      words[#words + 1] = value and name .. "=" .. quote(value)
   end
   words[#words + 1] = "sh -c " .. quote(command) .. " sh"
   for _, word in ipairs { ... } do
      words[#words + 1] = quote(word)
   end
   local pipe = assert(io.popen(table.concat(words, " ") .. " </dev/null 2>&1"))
   local output = pipe:read("a")
   local ok = pipe:close()
   return ok, output
end

local function must(command, ...)
   local ok, output = run(command, ...)
   assert(ok, output)
   return (output:gsub("\n$", ""))
end

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
   local tenant, folder

   -- Says what the visitor says, started in an empty folder; paths: shell text
   -- that sets LUA_PATH and LUA_CPATH.
   local function visit(tree, paths)
      local file = assert(io.open(folder .. "/visitor.lua", "w"))
      file:write(VISITOR)
      file:close()
      return must(paths .. [[
         mkdir -p "$1/elsewhere" && cd "$1/elsewhere" && shift && exec ]] .. (os.getenv("LUA") or "lua5.4") .. ' "$@"',
         folder, folder .. "/visitor.lua", tree, tenant:base { size = 250 }, tenant.token, tenant.ca_file,
         tenant.customer_id, tenant.tenant_id)
   end

   -- What the installed command says, by a link to it, with the folder's modules alone.
   local function command(tree)
      return must([[cd "$1/elsewhere" && ln -sf "$2/bin/avepoint-users" users && shift 2 && TOKEN="$1" && export TOKEN &&
         shift && ./users list -q --format csv --fields id --token-command 'printenv TOKEN' --proxy '' "$@" | wc -l]],
         folder, tree, tenant.token, "--base-url", tenant:base { size = 250 }, "--ca-file", tenant.ca_file,
         "--customer", tenant.customer_id, "--tenant", tenant.tenant_id)
   end

   setup(function()
      tenant = sandbox.start()
      folder = must('mkdir -p "$1" && cd "$(mktemp -d "$1/install.XXXXXX")" && pwd', BUILD)
      -- a copy, since LuaRocks leaves its objects beside the sources
      must('mkdir "$1/tree" && cp -R Makefile LICENSE src lua *.rockspec "$1/tree"', folder)
   end)

   teardown(function()
      if tenant then
         tenant:stop()
      end
      must('rm -rf "$1"', folder)
   end)

   it("of luarocks make runs from another folder and gets a page", function()
      local rocks = "HOME=" .. quote(folder) .. " luarocks --lua-version 5.4 --tree " .. quote(folder .. "/rocks")
      must('cd "$1/tree" && ' .. rocks .. " make --deps-mode none " .. ROCKSPEC, folder)
      assert.equal("100 of 250", visit(folder .. "/rocks", 'eval "$(' .. rocks .. ' path)"; '))
      assert.equal("251", command(folder .. "/rocks"))
      -- there the flags are LuaRocks's and not ours
      assert.equal("T luaopen_avepoint_elements_core", exported(folder .. "/rocks/lib/lua/5.4/avepoint/elements/core.so"))
   end)

   it("of make install, staged by DESTDIR, runs from another folder and gets a page", function()
      must('cd "$1/tree" && make -s install PREFIX=/opt/it DESTDIR="$1/stage"', folder)
      local tree = folder .. "/stage/opt/it"
      assert.equal("100 of 250", visit(tree, ([[
         LUA_PATH="%s/share/lua/5.4/?.lua;;" LUA_CPATH="%s/lib/lua/5.4/?.so;;"; export LUA_PATH LUA_CPATH; ]])
         :format(tree, tree)))
      assert.equal("251", command(tree))
      local want = { "bin/avepoint-users", "lib/lua/5.4/avepoint/elements/core.so" }
      for _, file in ipairs(files("cd lua && find avepoint -name '*.lua'")) do
         want[#want + 1] = "share/lua/5.4/" .. file
      end
      table.sort(want)
      assert.same(want, files("cd " .. quote(tree) .. " && find * -type f"))
      assert.same({ "stage/opt" }, files("cd " .. quote(folder) .. " && find stage -mindepth 1 -maxdepth 1"))
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
