-- The machinery: builds that run side by side, what makes one run again, what
-- .ci/deps says where it can't install, and how .ci/run counts.

local BUILD = os.getenv("AVEPOINT_BUILD") or "build"

local CORE = [[
#include <lua.h>
#include "part.h"
__attribute__((visibility("default"))) int luaopen_avepoint_elements_core (lua_State *L);
int luaopen_avepoint_elements_core (lua_State *L) {
  lua_pushinteger(L, PART);
  return 1;
}
]]

local function quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Output and exit status of a shell command in an environment of its own.
local function run(command, path)
   local pipe = assert(io.popen(("env -i PATH=%s sh -c %s </dev/null 2>&1"):format(
      quote(path or os.getenv("PATH")), quote(command))))
   local output = pipe:read("a")
   local _, _, status = pipe:close()
   return output, status
end

local function must(command)
   local output, status = run(command)
   assert(status == 0, output)
   return (output:gsub("\n$", ""))
end

local function write(path, text)
   local file = assert(io.open(path, "w"))
   file:write(text)
   file:close()
end

local folder

before_each(function()
   folder = must(("mkdir -p %s && cd \"$(mktemp -d %s/make.XXXXXX)\" && pwd"):format(quote(BUILD), quote(BUILD)))
   must("mkdir " .. quote(folder .. "/src") .. " && cp -R Makefile .ci " .. quote(folder))
   write(folder .. "/src/core.c", CORE)
   write(folder .. "/src/part.h", "#define PART 1\n")
end)

after_each(function()
   must("rm -rf " .. quote(folder))
end)

local function here(command)
   return "cd " .. quote(folder) .. " && { " .. command .. "\n}"
end

describe("make", function()
   local LOAD = "lua5.4 -e 'package.cpath = \"build/?.so\"; print((require(\"avepoint.elements.core\")))'"

   it("builds the module, in several copies at a time", function()
      must(here("for i in 1 2 3 4; do make & pids=\"$pids $!\"; done; for p in $pids; do wait $p || exit 1; done"))
      assert.equal("1", must(here(LOAD)))
      assert.equal("build/avepoint/elements/core.so\nbuild/flags", must(here("find build -type f | sort")))
   end)

   it("builds anew for a changed header, flag or list of sources, and for nothing else", function()
      local INODE = "make >/dev/null && ls -i build/avepoint/elements/core.so"
      local first = must(here(INODE))
      assert.equal(first, must(here(INODE)))
      write(folder .. "/src/part.h", "#define PART 2\n")
      must(here("touch -d '+2 seconds' src/part.h && make"))
      assert.equal("2", must(here(LOAD)))
      must(here("touch -d '-1 hour' src/*; make"))
      local second = must(here(INODE))
      assert.not_equal(second, must(here((INODE:gsub("make", "make CFLAGS=-O1")))))
      write(folder .. "/src/more.c", "extern int more;\nint more = 1;\n")
      assert.matches("more%.c", must(here("touch -d '-1 hour' src/more.c && make")))
      assert.matches("core%.c", must(here("rm src/more.c && make")))
   end)

   it("builds without a warning whatever the flags say of optimizing and FORTIFY", function()
      for _, flags in ipairs { "", "-O0", "-O2 -O0", "-g", "-O3 -D_FORTIFY_SOURCE=1" } do
         assert.not_matches("warning", must(here("make CFLAGS=" .. quote(flags))))
      end
   end)

   it("leaves nothing half-made where a source does not compile", function()
      write(folder .. "/src/core.c", "#error no\n")
      local output, status = run(here("make"))
      assert.matches("make deps", output, 1, true)
      assert.not_equal(0, status)
      assert.equal("build/flags", must(here("find build -type f")))
   end)

   it("help names every target that is meant for people", function()
      local help = must(here("make help"))
      for target in ("all test run demo bench lint check chroot release deps install uninstall clean help"):gmatch("%a+") do
         assert.matches("make " .. target .. " +%a", help)
      end
   end)
end)

describe(".ci/deps", function()
   it("is silent and quick where everything is there", function()
      assert.equal("", must("timeout 1 .ci/deps test"))
   end)

   it("refuses a group it does not know", function()
      local output, status = run(".ci/deps tests")
      assert.equal(2, status)
      assert.matches("no group tests", output, 1, true)
   end)

   it("prints the system's names and stops where it can't install", function()
      local bin = folder .. "/bin"
      must("mkdir " .. quote(bin) .. "; for c in sh sed awk env; do ln -s \"$(command -v $c)\" " .. quote(bin) .. "; done")
      local function asked(manager)
         write(bin .. "/" .. manager, "#!/bin/sh\n")
         must("chmod +x " .. quote(bin .. "/" .. manager))
         local output, status = run(".ci/deps test", bin)
         os.remove(bin .. "/" .. manager)
         assert.equal(1, status)
         return output
      end
      assert.matches("dnf install [^\n]*libcurl%-devel", asked("dnf"))
      assert.matches("apk add [^\n]*curl%-dev", asked("apk"))
      assert.matches("brew install [^\n]*lua@5%.4", asked("brew"))
      assert.matches("each of: lua%-cjson [^\n]*busted", asked("dnf"))
      assert.matches("on Debian: [^\n]*libcurl4%-openssl%-dev", asked("none"))
   end)
end)

describe(".ci/run", function()
   -- { last line, exit status } and the whole output, where `make test` is this
   -- text for the shell, `make check` (with the long ones) that one, and every
   -- other target succeeds.
   local function counted(test, check)
      must("mkdir -p " .. quote(folder .. "/bin"))
      write(folder .. "/bin/make", "#!/bin/bash\n[ \"$1\" != check ] || {\n" .. (check or ":")
         .. "\nexit\n}\n[ \"$1\" = test ] || exit 0\n" .. test .. "\n")
      local output, status = run(here("chmod +x bin/make; PATH=$PWD/bin:$PATH TMPDIR=$PWD .ci/run "
         .. (check and "" or "quick")))
      return { output:match("([^\n]*)\n$"), status }, output
   end

   local function line(successes, failures, errors, pending)
      return ("echo '%s / %s / %s / %s : 1.5 seconds'"):format(successes, failures, errors, pending)
   end

   local GOOD = line("12 successes", "0 failures", "0 errors", "3 pending")

   it("adds busted's count to the other steps, and a pass is a pass", function()
      assert.same({ "16 passed, 0 failed", 0 }, (counted(GOOD)))
   end)

   it("adds what the long checks count, and a check that did not come to its end is a failure", function()
      assert.same({ "24 passed, 0 failed", 0 }, (counted(GOOD, "echo '1 passed, 9 failed (oom, 3 s)'; "
         .. "echo '7 passed, 0 failed (check, 9 s)'")))
      assert.same({ "19 passed, 5 failed", 1 }, (counted(GOOD, "echo '2 passed, 5 failed (check, 9 s)'; exit 1")))
      assert.same({ "17 passed, 1 failed", 1 }, (counted(GOOD, "echo '7 passed, 0 failed (oom, 9 s)'; exit 1")))
   end)

   it("counts failures and errors, in the singular too, whatever the exit status says", function()
      assert.same({ "5 passed, 3 failed", 1 }, (counted(line("1 success", "2 failures", "1 error", "0 pending"))))
      assert.same({ "5 passed, 256 failed", 1 }, (counted(line("1 success", "256 failures", "0 errors", "0 pending"))))
   end)

   it("fails where no test ran, or where busted did not come to its end", function()
      assert.same({ "4 passed, 1 failed", 1 }, (counted(line("0 successes", "0 failures", "0 errors", "0 pending"))))
      local last, output = counted("echo cause; kill -SEGV $$")
      assert.same({ "4 passed, 1 failed", 1 }, last)
      assert.matches("FAILED make test", output, 1, true)
      assert.matches("| cause", output, 1, true)
   end)

   it("fails where all passed and the program then crashed", function()
      assert.same({ "16 passed, 1 failed", 1 }, (counted(GOOD .. "; exit 139")))
   end)

   it("ends what a step left running, and counts it as a failure", function()
      local last, output = counted(GOOD .. "; sleep 600 & echo $! >left")
      assert.same({ "16 passed, 1 failed", 1 }, last)
      assert.matches("left processes behind", output, 1, true)
      assert.equal("gone", must(here("kill -0 $(cat left) 2>/dev/null || echo gone")))
   end)

   it("closes with its line when it is stopped, and takes its step along", function()
      -- .ci/run is the parent of our parent, which is timeout
      local last, output = counted("echo $$ >step; read -r _ _ _ up _ </proc/$PPID/stat; kill -TERM $up; sleep 600")
      assert.same({ "3 passed, 1 failed", 1 }, last)
      assert.matches("stopped by SIGTERM", output, 1, true)
      assert.equal("gone", must(here("kill -0 $(cat step) 2>/dev/null || echo gone")))
   end)
end)
