-- Instructions that a program takes for each user. Two runs of different length are counted, and the difference taken,
-- so that what happens once does not count.
-- Criteria: every connection must be open before the shorter run ends, since a handshake costs as much as thousands of
-- users: where the two runs differ in their connections they are counted again.

local callgrind = require("spec.bench.callgrind")
local keeper = require("spec.sandbox.keeper")
local run = require("spec.bench.run")

local instructions = {}

local FEW, MANY = 40, 200 -- pages
local TRIES = 3

-- Connections that a run has had.
local function connections(bench, name)
   local seen, count = {}, 0
   for _, entry in ipairs(bench.sandbox:log(name)) do
      if entry.connection and not seen[entry.connection] then
         seen[entry.connection], count = true, count + 1
      end
   end
   return count
end

--- Profile per user of what `command(base, pages)` gives.
---@param bench Bench
---@param scheme "https"|"http"
---@param name string  of the files
---@param command fun(base: string, pages: integer): string
---@return {total: number, own: table<string, number>, even: boolean, count: integer}
function instructions.measure(bench, scheme, name, command)
   local files, counts = {}, {}
   for _ = 1, TRIES do
      local commands, runs = {}, {}
      for i, pages in ipairs { FEW, MANY } do
         local base
         base, runs[i] = bench:tenant(pages, nil, scheme)
         files[i] = ("%s/callgrind.%s.%d"):format(bench.dir, name, pages)
         commands[i] = keeper.words("valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" .. files[i]) .. " "
            .. command(base, pages)
      end
      run.all(commands)
      counts = { connections(bench, runs[1]), connections(bench, runs[2]) }
      if counts[1] == counts[2] or scheme == "http" then
         break
      end
   end
   local few, many = callgrind.read(files[1]), callgrind.read(files[2])
   local users = (MANY - FEW) * 100
   local own = {}
   for library, cost in pairs(many.own) do
      own[library] = (cost - (few.own[library] or 0)) / users
   end
   return {
      total = (many.total - few.total) / users, own = own, even = counts[1] == counts[2] or scheme == "http", count = counts[2],
   }
end

return instructions
