-- `make fuzz`: libFuzzer over every reader of foreign bytes, two targets at a time, SECONDS each (120); for some:
-- `make fuzz ARGS='page answer' SECONDS=20`. The module is built with ASan and UBSan, and an oracle in Lua says what an
-- outcome may be (spec/fuzz/targets).
--
-- Begins with the corpus that is kept (spec/fuzz/corpus) and goes on with what it found before (build/fuzz). A finding
-- is kept: its input goes to the corpus, and a spec to the module that it is about.

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local TARGETS = { "page", "answer", "url", "error_text", "signin", "retry_after", "user_ids", "resume" }
local AT_ONCE = 2
local FLAGS = "-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined"

-- Starts a target; the function that it gives waits for its end.
local function start(folder, driver, target, seconds)
   local found = folder .. "/" .. target
   assert(suite.shell(keeper.words("mkdir", "-p", found .. "/corpus")))
   local pipe = assert(io.popen(("FUZZ_TARGET=%s LUA_CPATH=%s exec %s 2>&1"):format(target,
      keeper.quote(folder .. "/?.so;" .. (os.getenv("LUA_CPATH") or ";")),
      keeper.words(driver, "-max_total_time=" .. seconds, "-timeout=10", "-rss_limit_mb=1024", "-max_len=4096",
         "-detect_leaks=0", "-print_final_stats=1", "-dict=spec/fuzz/words.dict", "-artifact_prefix=" .. found .. "/",
         found .. "/corpus", "spec/fuzz/corpus/" .. target))))
   return function()
      local text = pipe:read("a")
      return {
         target = target, good = pipe:close(), text = text,
         runs = tonumber(text:match("stat::number_of_executed_units: *(%d+)")) or 0,
         refused = tonumber(text:match("refused=(%d+)")) or 0,
      }
   end
end

report.run("fuzz", function(r)
   local seconds = math.tointeger(tonumber(os.getenv("SECONDS") or 120)) or error("SECONDS is no whole number")
   local folder = suite.build("fuzz", {
      CC = "clang", CPPFLAGS = "-D_FORTIFY_SOURCE=0", CFLAGS = FLAGS .. " -fsanitize=fuzzer-no-link",
   })
   local driver = suite.host(folder, "spec/fuzz/driver.c", "clang", FLAGS .. " -fsanitize=fuzzer")
   local targets = arg[1] and arg or TARGETS
   local runs, refused = 0, 0
   print(("%-12s %12s %12s"):format("target", "inputs", "refused"))
   for from = 1, #targets, AT_ONCE do
      local going = {}
      for i = from, math.min(from + AT_ONCE - 1, #targets) do
         going[#going + 1] = start(folder, driver, targets[i], seconds)
      end
      for _, wait in ipairs(going) do
         local result = wait()
         print(("%-12s %12d %12d"):format(result.target, result.runs, result.refused))
         io.stdout:flush()
         runs, refused = runs + result.runs, refused + result.refused
         r:expect(result.good and result.runs > 0, result.target .. ":\n" .. result.text:sub(-6000))
      end
   end
   r:figure("%d inputs in %d targets, %d of them refused, %d findings", runs, #targets, refused, r.failed)
end)
