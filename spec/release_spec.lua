-- One version in one place, and `make release`: what it refuses, what it writes, and that what it wrote can be installed.

local elements = require("avepoint.elements")
local installs = require("spec.support.installs")
local keeper = require("spec.sandbox.keeper")
local liar = require("spec.sandbox.liar")
local walks = require("spec.support.walks")

local VERSION = require("avepoint.elements.version")

describe("the version", function()
   it("is that of the module, the command and the newest heading of the README's Changes", function()
      assert.matches("^%d+%.%d+%.%d+$", VERSION)
      assert.equal("avepoint-elements " .. VERSION, elements._VERSION)
      assert.equal("avepoint-users " .. VERSION, keeper.output(("LUA_PATH='lua/?.lua;;' LUA_CPATH=%s %s --version"):format(
         keeper.quote(package.cpath), "lua/avepoint/elements/cli/avepoint-users")))
      assert.equal(VERSION, keeper.read("README.md"):match("\n## Changes\n.-\n### ([^\n]*)\n"))
   end)

   it("is in what is sent, and nowhere else in the tree", function()
      local server <close> = liar.start {}
      local client <close>, tenant, run = walks.open(server, { size = 1 })
      assert(tenant:page())
      client:close()
      assert.matches("\r\nUser-Agent: avepoint-elements/" .. VERSION .. " (Lua)\r\n", server:log(run)[1].head, 1, true)
      assert.equal("lua/avepoint/elements/version.lua", keeper.output("grep -rlF " .. VERSION .. " lua src Makefile *.rockspec"))
   end)
end)

describe("make release", function()
   local copy = installs.around(setup, teardown)

   -- What it says where it refuses, after a change of the copy that is taken back.
   local function refuses(change)
      copy:must('cd "$1/tree" && { ' .. change .. "\n}")
      local good, output = installs.run('cd "$1/tree" && make -s release 2>&1', copy.folder)
      assert.is_false(good)
      assert.equal("", copy:must([[cd "$1/tree" && git reset -q --hard HEAD && git clean -qfd &&
         find build -mindepth 1 2>/dev/null; git tag]]))
      return output:match("^release: (.-)\nmake")
   end

   it("refuses a tree with changes, and lists them", function()
      assert.equal("not committed:\n M Makefile\n?? new.lua", refuses("echo >>Makefile; touch new.lua"))
   end)

   it("refuses a version that has no heading in the README's Changes", function()
      assert.equal("README.md's Changes begin with '" .. VERSION .. "', and lua/avepoint/elements/version.lua says 9.8.7",
         refuses("sed -i 's/" .. VERSION .. "/9.8.7/' lua/avepoint/elements/version.lua"))
      assert.equal("README.md's Changes begin with '', and lua/avepoint/elements/version.lua says " .. VERSION,
         refuses("sed -i '/^## Changes/,$d' README.md"))
   end)

   it("refuses what is no version", function()
      assert.equal("no version X.Y.Z in lua/avepoint/elements/version.lua",
         refuses("echo 'return \"1.0\"' >lua/avepoint/elements/version.lua"))
   end)

   local base = "build/avepoint-elements-" .. VERSION .. "-1"

   it("writes the versioned rockspec and its source rock, then tags", function()
      local said = copy:must('cd "$1/tree" && make -s release && git status --porcelain')
      assert.equal(("release: wrote %s.rockspec and %s.src.rock, and tagged v%s\nrelease: to publish: git push origin v%s && "
         .. "luarocks upload %s.rockspec"):format(base, base, VERSION, VERSION, base), said)
      assert.equal("same", copy:must('cd "$1/tree" && git diff --quiet HEAD "v$2" && echo same', VERSION))
      assert.equal("tag", copy:must('cd "$1/tree" && git cat-file -t "v$2"', VERSION))
      assert.equal(base:sub(7) .. ".rockspec\n" .. base:sub(7) .. ".src.rock", copy:must('ls "$1/tree/build"'))
      local scm, released = {}, {}
      assert(loadfile("avepoint-elements-scm-1.rockspec", "t", scm))()
      assert(loadfile(copy.folder .. "/tree/" .. base .. ".rockspec", "t", released))()
      scm.version, scm.source.tag = VERSION .. "-1", "v" .. VERSION
      assert.same(scm, released)
   end)

   it("refuses what has its tag already", function()
      local good, output = installs.run('cd "$1/tree" && make -s release', copy.folder)
      assert.is_false(good)
      assert.equal("v" .. VERSION .. " is released; raise the version in lua/avepoint/elements/version.lua and give it a heading "
         .. "in README.md's Changes", output:match("^release: (.-)\nmake"))
   end)

   it("wrote a rock that installs into an empty tree without a variable, runs from an empty folder and gets a page", function()
      copy:must(copy:luarocks("rocks") .. 'install --deps-mode none "$1/tree/' .. base .. '.src.rock"')
      assert.equal("100 of 250, 251 lines", copy:visit_rocks("rocks"))
   end)
end)
