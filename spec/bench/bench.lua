-- `make bench`: measures the module against the sandbox, each figure beside its limit and beside its peers.
--    lua5.4 spec/bench/bench.lua [PART…]        all parts without one; also lua5.4 spec/bench/bench.lua --list
-- Criteria: one run, one sandbox, 127.0.0.1 only; prints a table a part and a line for each limit missed, and for each
-- figure that is not what the README says, and fails then; the figures go to build/bench/figures.txt as well. Ratios and
-- instruction counts travel from machine to machine, seconds do not.

local keeper = require("spec.sandbox.keeper")
local quoted = require("spec.bench.quoted")
local report = require("spec.bench.report")
local run = require("spec.bench.run")
local sandbox = require("spec.sandbox.sandbox")
local suite = require("spec.check.suite")

local PARTS = { "floor", "loops", "cpu", "memory", "latency", "rate", "failures", "http2" }

local BUILD = os.getenv("AVEPOINT_BUILD") or "build"
local DIR = BUILD .. "/bench"

---@class Bench
---@field dir string  for what a part writes
---@field floor string  the floor's program
---@field sandbox Sandbox
---@field report table
local Bench = {}
Bench.__index = Bench

--- The words that the floor and the peers are called with: the endpoint, then what every program takes.
---@param base string
---@param pages integer
---@param concurrency integer
---@return ...
function Bench:endpoint(base, pages, concurrency)
   local box = self.sandbox
   return base .. ("/external/v3/um/customers/%s/tenants/%s/users/batch"):format(box.customer_id, box.tenant_id),
      box.ca_file, box.token, pages, 100, concurrency
end

--- The command of a walk.
---@param base string
---@param pages integer
---@param concurrency integer  0: as many at once as the module's default
---@param how? "users"|"pages"|"receipt"|"cqueues"|"luv"
---@param resume? string
---@return string
function Bench:walk(base, pages, concurrency, how, resume)
   return keeper.words(run.lua, "spec/bench/walk.lua", base, self.sandbox.ca_file, self.sandbox.token, pages, 100,
      concurrency, how or "users") .. " " .. (resume and keeper.words(resume) or "")
end

--- The command of the floor.
---@param base string
---@param pages integer
---@param concurrency integer
---@param ... string  options
---@return string
function Bench:bare(base, pages, concurrency, ...)
   local words = table.pack(self:endpoint(base, pages, concurrency))
   return keeper.words(self.floor, table.unpack(words)) .. " " .. keeper.words(...)
end

local PYTHON = "/usr/bin/python3"
local PEERS = { ["luasec.lua"] = false, ["requests.py"] = PYTHON, ["aio.py"] = PYTHON, ["curl.sh"] = "sh" }

--- The command of a peer.
---@param script string
---@param base string
---@param pages integer
---@param concurrency integer
---@param ... string  options
---@return string
function Bench:peer(script, base, pages, concurrency, ...)
   local words = table.pack(self:endpoint(base, pages, concurrency))
   return keeper.words(PEERS[script] or run.lua, "spec/bench/peers/" .. script, table.unpack(words)) .. " " .. keeper.words(...)
end

--- A run's name and base URL: knobs as the sandbox has them, size by pages of 100 users.
---@param pages integer
---@param more? table  further knobs
---@param scheme? "https"|"http"
---@return string base
---@return string run
function Bench:tenant(pages, more, scheme)
   local found = { run = self.sandbox:new_run(), size = pages * 100 }
   for name, value in pairs(more or {}) do
      found[name] = value
   end
   return self.sandbox:base(found, scheme), found.run
end

local function wanted()
   local known, names = {}, {}
   for _, name in ipairs(PARTS) do
      known[name] = true
   end
   for _, name in ipairs(arg) do
      if name == "--list" then
         print(table.concat(PARTS, "\n"))
         os.exit(true)
      elseif not known[name] then
         io.stderr:write("bench: no part ", name, "; there are: ", table.concat(PARTS, ", "), "\n")
         os.exit(false)
      end
      names[#names + 1] = name
   end
   return #names > 0 and names or PARTS
end

-- A limit missed is measured once more, for machines are noisy; then it counts.
local function measure(bench, name)
   local part = require("spec.bench.parts." .. name)
   local lines, missed = bench.report.lines, bench.report.missed
   local had_lines, had_missed = #lines, #missed
   local ok, err = xpcall(part, debug.traceback, bench)
   if ok and #missed > had_missed then
      print("   " .. name .. " once more, since a limit was missed:")
      for i = #lines, had_lines + 1, -1 do
         lines[i] = nil
      end
      for i = #missed, had_missed + 1, -1 do
         missed[i] = nil
      end
      ok, err = xpcall(part, debug.traceback, bench)
   end
   return ok, err
end

-- Writes the README's table, or says where it differs.
local function quote(text, parts)
   local readme, figures = assert(keeper.read("README.md")), quoted.read(text)
   if os.getenv("AVEPOINT_GOLDEN") == "write" then
      readme = quoted.write(readme, figures) -- before the file is opened, should a figure be missing
      local file <close> = assert(io.open("README.md", "w"))
      file:write(readme)
      return {}
   end
   return quoted.problems(readme, figures, parts)
end

local function main()
   local parts = wanted()
   run.lua = arg[-1] or run.lua
   local began = os.time()
   local box <close> = sandbox.start()
   assert(os.execute("mkdir -p " .. DIR))
   -- with Lua linked into it where that is to be had, as Debian's lua5.4 is made
   local floor = suite.host(DIR, "spec/bench/floor.c", os.getenv("CC") or "cc", "-O2 -g")
   local bench = setmetatable({ dir = DIR, floor = floor, sandbox = box, report = report.new() }, Bench)
   local broken = {}
   for _, name in ipairs(parts) do
      local ok, err = measure(bench, name)
      if not ok then
         if tostring(err):find("interrupted!", 1, true) then
            error("interrupted", 0)
         end
         print("\n" .. name .. " could not be measured: " .. tostring(err))
         broken[#broken + 1] = name .. ": not measured"
      end
   end
   bench.report:save(DIR .. "/figures.txt")
   local missed = table.move(broken, 1, #broken, #bench.report.missed + 1, bench.report.missed)
   local wrong = quote(assert(keeper.read(DIR .. "/figures.txt")), parts)
   table.move(wrong, 1, #wrong, #missed + 1, missed)
   print(("\n%d figures in %s/figures.txt, %d s; missed: %d"):format(#bench.report.lines, DIR, os.time() - began,
      #missed))
   for _, line in ipairs(missed) do
      print("MISSED " .. line)
   end
   return #missed == 0
end

local ok, result = pcall(main)
if not ok then
   io.stderr:write("bench: ", tostring(result), "\n")
end
os.exit(ok and result, true)
