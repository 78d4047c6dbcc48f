-- `make fuzz`: libFuzzer over every target, two at a time, SECONDS each (120).
--    lua5.4 spec/fuzz/fuzz.lua DRIVER [TARGET…]
-- Criteria: begins with the corpus that is kept (spec/fuzz/corpus) and goes on with what it found before (build/fuzz);
-- prints runs, inputs that were refused, and findings, and fails where there is one. A finding is kept: its input goes
-- to the corpus, and a spec to the module that it is about.

local keeper = require("spec.sandbox.keeper")

local TARGETS = { "page", "answer", "url", "error_text", "signin", "retry_after", "user_ids", "resume" }
local AT_ONCE = 2

local build = (os.getenv("AVEPOINT_BUILD") or "build") .. "/fuzz"
local seconds = math.tointeger(tonumber(os.getenv("SECONDS") or 120)) or error("SECONDS is no number")

-- Starts a target; the function that it gives waits for its end.
local function start(driver, target)
   local found = ("%s/%s"):format(build, target)
   assert(os.execute("mkdir -p " .. keeper.quote(found .. "/corpus")))
   local command = ("FUZZ_TARGET=%s exec %s -max_total_time=%d -timeout=10 -rss_limit_mb=1024 -max_len=4096 "
      .. " -detect_leaks=0 -print_final_stats=1 -dict=spec/fuzz/words.dict -artifact_prefix=%s/ %s/corpus "
      .. "spec/fuzz/corpus/%s 2>&1"):format(target, keeper.quote(driver), seconds, found, found, target)
   local pipe = assert(io.popen(command))
   return function()
      local text = pipe:read("a")
      local good = pipe:close()
      return {
         target = target, good = good, text = text,
         runs = tonumber(text:match("stat::number_of_executed_units: *(%d+)")) or 0,
         refused = tonumber(text:match("refused=(%d+)")) or 0,
         covered = tonumber(text:match(".* cov: (%d+) ")) or 0,
      }
   end
end

local driver = arg[1]
local targets = arg[2] and table.move(arg, 2, #arg, 1, {}) or TARGETS
local runs, refused, findings = 0, 0, 0
print(("%-12s %12s %12s %9s"):format("target", "runs", "refused", "findings"))
for from = 1, #targets, AT_ONCE do
   local going = {}
   for i = from, math.min(from + AT_ONCE - 1, #targets) do
      going[#going + 1] = start(driver, targets[i])
   end
   for _, wait in ipairs(going) do
      local result = wait()
      local bad = not result.good and 1 or 0
      print(("%-12s %12d %12d %9d"):format(result.target, result.runs, result.refused, bad))
      if bad > 0 then
         print(result.text:sub(-6000))
      end
      runs, refused, findings = runs + result.runs, refused + result.refused, findings + bad
   end
end
print(("%-12s %12d %12d %9d"):format("all", runs, refused, findings))
os.exit(findings == 0)
