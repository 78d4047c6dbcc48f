-- `make asan`: every spec, with the C module under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer.
--
-- The runtime is preloaded into Lua, and only there. A report of any process, the specs' children too, goes to a file
-- of its own, and any such file is a failure.

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

-- What is others' and known, by name: lua-cjson drops its buffer when Lua's memory error leaves it, and luaossl reads the
-- words of an OpenSSL error after it gave them back. Nothing else is let through.
local SUPPRESSED = {
   LSAN = "leak:strbuf_resize\nleak:strbuf_init\nleak:strbuf_new\n",
   ASAN = "interceptor_via_lib:_openssl.so\n",
}

-- A thread ended while LeakSanitizer looked at it: it says so, and looks at all the rest. No finding.
local GONE = "==%d+==Unable to get registers from thread %d+%.\n"

report.run("asan", function(r)
   local folder = suite.build("asan", {
      CC = "clang", CPPFLAGS = "-D_FORTIFY_SOURCE=0",
      CFLAGS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -shared-libasan",
   })
   local here = keeper.output("pwd") .. "/" .. folder
   assert(suite.shell(("rm -f %s/report.*; cc -shared -fPIC -O1 spec/check/keep.c -o %s/keep.so"):format(folder, folder)))
   for name, text in pairs(SUPPRESSED) do
      local file = assert(io.open(folder .. "/suppressed." .. name, "w"))
      file:write(text)
      file:close()
   end
   local runtime = keeper.output("clang -print-file-name=libclang_rt.asan-$(uname -m).so")
   -- a child behind a shim of libc has the plain build: the sanitizer's runtime stands in the same place
   local lua = suite.script(folder .. "/lua", ([=[
if [ -n "$LD_PRELOAD" ]; then
  for name in LUA_CPATH LUA_CPATH_5_4; do
    eval "[ -z \"\$$name\" ] || export $name=\$(echo \"\$$name\" | sed 's,build/asan/,build/,g')"
  done
  exec LUA "$@"
fi
ASAN_OPTIONS=detect_leaks=1:log_path=%s/report:quarantine_size_mb=4:exitcode=99:suppressions=%s/suppressed.ASAN
# a forked child forgets its parent's memory, and strace leaves LeakSanitizer no way to look
[ -z "$FORGETS" ] && grep -q '^TracerPid:[[:space:]]*0$' /proc/$$/status || ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
LD_PRELOAD="%s %s/keep.so"
UBSAN_OPTIONS=print_stacktrace=1:log_path=%s/report
LSAN_OPTIONS=suppressions=%s/suppressed.LSAN:print_suppressions=0
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS
exec LUA "$@"]=]):format(here, here, runtime, here, here, here))
   -- host programs that specs compile bring the runtime themselves, libraries find it there
   local cc = suite.script(folder .. "/cc", ([[
case " $* " in *" -shared "*) exec cc "$@" ;; esac
exec clang -fsanitize=address -shared-libasan -Wl,-rpath,%s "$@"]]):format(runtime:match("^(.*)/")))
   local good, bad, log = suite.specs(folder, { lua = lua, env = "CC=" .. cc, args = table.concat(arg, " ") })
   r:pass(good)
   if bad > 0 then
      r:fail(suite.failures(log), bad)
   end
   local reports = keeper.output("ls " .. folder .. "/report.* 2>/dev/null")
   local count = 0
   for path in reports:gmatch("[^\n]+") do
      local text = keeper.read(path):gsub(GONE, "")
      if text ~= "" then
         count = count + 1
         r:fail(path .. ":\n" .. text:sub(1, 6000))
      end
   end
   r:figure("%d tests under ASan, UBSan and LSan, %d reports", good + bad, count)
end)
