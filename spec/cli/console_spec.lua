-- What is said on standard error, in pipes and in terminals of 40 and 120 columns.

local commands = require("spec.support.commands")
local console = require("avepoint.elements.cli.console")
local text = require("avepoint.elements.cli.text")

local cli = commands.around(setup, teardown)

local function drive(columns, job)
   job.columns = columns
   job.env = job.env or {}
   job.env.TERM = job.env.TERM or "xterm"
   return cli:drive(job.command or "list", cli:here(job.knobs or { size = 1000, latency = 20 }), job)
end

-- What a terminal shows in the end of what was written to it: CR and erasing are all that we use.
local function screen(bytes)
   local lines = {}
   for line in bytes:gmatch("([^\n]*)\n?") do
      lines[#lines + 1] = line:gsub("^.*\r\27%[K", ""):gsub("\27%[%d*m", "")
   end
   while lines[#lines] == "" do
      lines[#lines] = nil
   end
   return lines
end

describe("numbers", function()
   it("have their thousands marked, and nouns their plural", function()
      for n, words in pairs { [0] = "0", [999] = "999", [1000] = "1,000", [1234567] = "1,234,567", [123456] = "123,456" } do
         assert.equal(words, console.number(n))
      end
      assert.equal("1 user", console.count(1, "user"))
      assert.equal("2,000 users", console.count(2000, "user"))
   end)
end)

describe("the bar", function()
   it("gives way to why nothing comes, until the next page", function()
      local con, said = console.new {}, {}
      con.bar, con.colour = 60, false
      function con:draw()
         said[#said + 1] = self.latest
      end
      con:event { type = "retry", kind = "server", seconds = 0.4 }
      con:event { type = "retry", kind = "server", seconds = 3.4 }
      con:event { type = "retry", kind = "protocol", seconds = 61 }
      con:event { type = "page", done = 100, total = 200, elapsed = 0.05, left = 7200 }
      con:event { type = "page", done = 150, total = 200, elapsed = 0.06, left = 1 }
      con:event { type = "page", done = 0, total = 0, elapsed = 0 }
      assert.same({
         "the service fails, tried again in 3 s", "protocol, tried again in 1:01 min",
         "[##########-----------] 100/200 users  2,000/s  2:00 h left", "[##############################] 0/0 users",
      }, said)
   end)
end)

describe("a terminal", function()
   for _, columns in ipairs { 40, 120 } do
      it("of " .. columns .. " columns has a table that fits and a bar that goes away", function()
         local result = drive(columns, { knobs = { size = 1000, latency = 30, shape = "hostile@1" } })
         assert.equal(0, result.status)
         local lines = screen(result.master)
         assert.equal(1002, #lines)
         assert.matches("^displayN", lines[1])
         assert.equal("1,000 users", lines[1002])
         local widest = 0
         for _, line in ipairs(lines) do
            assert.is_nil(line:find("[\0-\31]"), line)
            widest = math.max(widest, text.width(line))
         end
         assert.is_true(widest <= columns and widest > columns - 4, widest)
         local bar = result.master:match("\r\27%[K([^\r\n]*/1,000 users[^\r\n]*)\r\27%[K")
         assert.is_string(bar)
         for shown in result.master:gmatch("\r\27%[K([^\r\n]*/1,000 users[^\r\n]*)") do
            assert.is_true(text.width((shown:gsub("\27%[%d*m", ""))) < columns, shown)
         end
      end)
   end

   it("is left without the bar by count and show too", function()
      for command, last in pairs { count = "^Status unknown +0 +0 %%$", show = "^status +MFA disabled$" } do
         local lines = screen(drive(80, { command = command, knobs = { size = 300, latency = 20 },
            more = command == "show" and { "--user", require("spec.sandbox.tenant").id(1) } or nil }).master)
         assert.matches(last, lines[#lines])
      end
   end)

   it("on standard error alone has the bar, and the data is clean", function()
      local out = cli:path("out")
      local result = drive(80, { terminals = { "stderr" }, stdout = out, more = { "--format", "csv" } })
      assert.equal(0, result.status)
      assert.matches("%[\27%[32m#+\27%[0m%-*%] [%d,]+/1,000 users  %d[%d,]*/s  %d+ s left", result.master)
      local data = assert(io.open(out, "rb")):read("a")
      assert.is_nil(data:find("[\27\8]"))
      assert.equal(1001, select(2, data:gsub("\r\n", "")))
   end)

   it("has no colour with NO_COLOR", function()
      local result = drive(80, { env = { NO_COLOR = "1" } })
      assert.matches("/1,000 users", result.master)
      assert.is_nil(result.master:find("\27%[%d*m"))
   end)

   it("has no bar with --quiet, TERM=dumb, or where standard error is a file", function()
      for _, job in ipairs { { more = { "--quiet" } }, { env = { TERM = "dumb" } },
         { terminals = { "stdout" }, stderr = cli:path("err") } } do
         local result = drive(80, job)
         assert.equal(0, result.status)
         assert.is_nil(result.master:find("/1,000 users", 1, true))
         assert.is_nil(result.master:find("\27%[K"))
      end
   end)

   it("is told when it goes on after a throttle", function()
      local result = drive(80, { knobs = { size = 300, fail = "429:2:1", retry_after = 1 } })
      assert.equal(0, result.status)
      assert.matches("throttled, on again in [12] s", result.master)
   end)

   it("is left clean by Ctrl-C, with whole rows", function()
      local result = drive(100, {
         knobs = { size = 800, slow = "20000:4-" }, watch = "master", bytes = 25000,
         more = { "--resume-file", cli:path("resume") },
      })
      assert.equal(130, result.status)
      local lines = screen(result.master)
      assert.equal("avepoint-users: interrupted", lines[302])
      assert.equal("300 users", lines[303])
      assert.matches("^   avepoint%-users list ", lines[305])
   end)
end)

describe("a pipe", function()
   it("has notes and errors on standard error only, and no bar", function()
      local result = cli:run("list", cli:here { size = 1000 }, { more = { "--format", "jsonl" }, env = { TERM = "xterm" } })
      assert.equal("1,000 users\n", result.err)
      result = cli:run("list", cli:here { size = 1000 }, { more = { "--format", "jsonl", "-q" } })
      assert.equal("", result.err)
      result = cli:run("list", cli:here { size = 8, status = "null" }, { more = { "-q", "--status", "inactive" } })
      assert.matches("^warning: not sure: 8 users", result.err)
   end)

   it("has a table of 80 columns, or of COLUMNS", function()
      local function widest(env)
         local result = drive(nil, { env = env, knobs = { size = 200 } })
         local most = 0
         for line in result.stdout:gmatch("[^\n]+") do
            most = math.max(most, text.width(line))
         end
         return most
      end
      assert.equal(80, widest {})
      assert.equal(50, widest { COLUMNS = "50" })
      assert.equal(80, widest { COLUMNS = "wide" })
   end)
end)
