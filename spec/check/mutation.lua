-- `make mutation`: each option that the transport sets on libcurl is left out in turn; the module is built anew, and a
-- test must fail. The likely ones are tried first (LIKELY), then all of transport_spec and client_spec.
--
-- What can't be seen from outside is in UNSEEN, with the reason; an option that stands there and fails a test is a
-- failure too.

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local SOURCES = { "src/transfer.c", "src/transport.c" }
local SPECS = "spec/transport_spec.lua spec/client_spec.lua"

-- option → part of the name of a test in transport_spec that is there for it
local LIKELY = {
}

local UNSEEN = {
}

-- Every statement set(OPTION, …); in a file.
local function options(path)
   local list, text = {}, assert(keeper.read(path))
   for at, name, finish in text:gmatch("\n *()set%((CURLM?OPT_[%w_]+),[^;]*;()") do
      list[#list + 1] = { path = path, name = name, at = at, finish = finish }
   end
   return list, text
end

report.run("mutation", function(r)
   local folder = "build/mutation"
   assert(suite.shell("rm -rf build/mutation && mkdir -p build/mutation && cp -R src build/mutation/src"))
   local killed, unseen = 0, 0

   local function build()
      suite.build("mutation", { CFLAGS = "-O0 -w", SRC = keeper.output("echo " .. folder .. "/src/*.c") })
   end

   local function fails(args)
      local good, bad, log = suite.specs(folder, { args = "--no-keep-going " .. args })
      return bad > 0 and (suite.failures(log):match("%-> ([^\n]+)") or "it"), good + bad
   end

   local function try(option, text)
      local path = folder .. "/" .. option.path
      local file = assert(io.open(path, "w"))
      file:write(text:sub(1, option.at - 1), "(void)0;", text:sub(option.finish))
      file:close()
      build()
      local likely = LIKELY[option.name]
      local by = likely and fails("spec/transport_spec.lua --filter=" .. keeper.quote((likely:gsub(" ", ".")))) or fails(SPECS)
      file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      if by and UNSEEN[option.name] then
         r:fail(option.name .. " is in the list of what can't be seen, but " .. by .. " fails without it")
      elseif by then
         killed = killed + 1
         r:pass()
      elseif UNSEEN[option.name] then
         unseen = unseen + 1
         r:pass()
      else
         r:fail("nothing fails without " .. option.name)
      end
      print(("%-40s %s"):format(option.name, by or "-"))
      io.stdout:flush()
   end

   build()
   local by, tests = fails(SPECS)
   if not r:expect(not by and tests > 100, "the specs fail with every option set: " .. tostring(by)) then
      return
   end
   for _, source in ipairs(SOURCES) do
      local list, text = options(source)
      r:expect(#list > 0, source .. " sets no option")
      for _, option in ipairs(list) do
         if not arg[1] or option.name == arg[1] then
            try(option, text)
         end
      end
   end
   r:figure("%d options of libcurl left out one by one, %d found by a test, %d not to be seen", killed + unseen, killed, unseen)
end)
