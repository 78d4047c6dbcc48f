-- main: runs one command line to its end and its exit code.
--
-- Called in a coroutine (see system.lua and the launcher avepoint-users) and ends the process from inside it, whatever
-- happens: after Ctrl-C the main thread would only raise.

local elements = require("avepoint.elements")
local console = require("avepoint.elements.cli.console")
local fault = require("avepoint.elements.cli.fault")
local options = require("avepoint.elements.cli.options")
local output = require("avepoint.elements.cli.output")
local system = require("avepoint.elements.cli.system")

local format = string.format

local commands = {
   list = require("avepoint.elements.cli.list").run,
   show = require("avepoint.elements.cli.show").run,
   count = require("avepoint.elements.cli.count").run,
   doctor = require("avepoint.elements.cli.doctor").run,
}

function commands.flags(_, con)
   local lines = {}
   for i, name in ipairs(elements.status.flags) do
      lines[i] = format("%d  %-17s  %s\n", elements.status.code(name), name, elements.status.label(name))
   end
   output.write(con, table.concat(lines))
   return 0
end

local function typed(argv)
   local words = { "avepoint-users" }
   for i, word in ipairs(argv) do
      words[i + 1] = system.quote(word)
   end
   return table.concat(words, " ")
end

local function run(argv)
   local con = console.new {}
   local command
   local ok, code = pcall(function()
      local args, text = options.parse(argv)
      if text then
         output.write(con, text)
         return 0
      end
      args.typed, command = typed(argv), args.command
      con = console.new { quiet = args.quiet }
      return commands[command](args, con)
   end)
   if ok then
      return code
   end
   local what = fault.of(code)
   con:fail(what.message)
   if what.code == fault.USAGE then
      local first = commands[argv[1]] and argv[1] or nil
      con:note(format("try: avepoint-users %s--help", (command or first) and (command or first) .. " " or ""))
   end
   return what.code
end

---Runs the command line and ends the process.
return function(...)
   local code = run { ... }
   io.stderr:flush()
   os.exit(code)
end
