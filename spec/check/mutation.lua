-- `make mutation`: each option that the transport sets on libcurl is left out in turn, or set to the contrary where
-- libcurl's own default is the same (CONTRARY); the module is built anew, and a test must fail. The test that is there
-- for the option is tried first (LIKELY), then all of SPECS.
--
-- What can't be seen from outside is in UNSEEN, with the reason; an option that stands there and fails a test is a
-- failure too. `make mutation ARGS=CURLOPT_NETRC` tries one.

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")
local sweep = require("spec.check.oom.sweep")

local SOURCES = { "src/transfer.c", "src/transport.c" }
local SPECS = "spec/transport_spec.lua spec/host_spec.lua spec/client_spec.lua"

-- option → its specs and part of the name of the test that is there for it
local TRANSPORT, HOST = "spec/transport_spec.lua", "spec/host_spec.lua"
local LIKELY = {
   CURLOPT_NOSIGNAL = { HOST, "no change of what it does on SIGPIPE" },
   CURLOPT_TIMEOUT_MS = { TRANSPORT, "the clocks of an attempt" },
   CURLOPT_CONNECTTIMEOUT_MS = { HOST, "libcurl's own clocks" },
   CURLOPT_FOLLOWLOCATION = { TRANSPORT, "security 2" },
   CURLOPT_SSL_VERIFYPEER = { TRANSPORT, "fault 4" },
   CURLOPT_SSL_VERIFYHOST = { TRANSPORT, "fault 4" },
   CURLOPT_SSLVERSION = { TRANSPORT, "security 3" },
   CURLOPT_PROXY_SSL_VERIFYPEER = { TRANSPORT, "of https is trusted" },
   CURLOPT_PROXY_SSL_VERIFYHOST = { TRANSPORT, "of https is trusted" },
   CURLOPT_PROXY_SSLVERSION = { TRANSPORT, "of https is trusted" },
   CURLOPT_PROXY_CAINFO = { TRANSPORT, "of https is trusted" },
   CURLOPT_CAPATH = { HOST, "security 3" },
   CURLOPT_PROXY_CAPATH = { HOST, "security 3" },
   CURLOPT_NETRC = { TRANSPORT, "security 8" },
   CURLOPT_MAXLIFETIME_CONN = { TRANSPORT, "security 4" },
   CURLOPT_HTTP_VERSION = { TRANSPORT, "fault 14" },
   CURLOPT_DISALLOW_USERNAME_IN_URL = { TRANSPORT, "security 5" },
   CURLOPT_QUICK_EXIT = { TRANSPORT, "fault 2" },
   CURLOPT_NOPROXY = { TRANSPORT, "security 9" },
   CURLMOPT_MAXCONNECTS = { TRANSPORT, "no more idle connections" },
}

-- libcurl's default is what we set, so that leaving it out changes nothing
local CONTRARY = {
   CURLOPT_TIMEOUT_MS = "200L", CURLOPT_FOLLOWLOCATION = "1L", CURLOPT_SSL_VERIFYPEER = "0L", CURLOPT_SSL_VERIFYHOST = "0L",
   CURLOPT_PROXY_SSL_VERIFYPEER = "0L", CURLOPT_PROXY_SSL_VERIFYHOST = "0L", CURLOPT_NETRC = "(long)CURL_NETRC_OPTIONAL",
   CURLOPT_UNRESTRICTED_AUTH = "1L",
}

-- ... and those whose test is a step of `make oom`
local OUT_OF_MEMORY = { CURLOPT_SSL_SESSIONID_CACHE = { "curl", "once", "walk" } }

local OLD = "compiled for a libcurl before 7.85 only"
local UNSEEN = {
   CURLOPT_NETRC = "what it finds would be sent as Basic, which HTTPAUTH forbids",
   CURLOPT_MAXREDIRS = "counts where redirects are followed, which FOLLOWLOCATION forbids",
   CURLOPT_UNRESTRICTED_AUTH = "counts where redirects are followed",
   CURLOPT_REDIR_PROTOCOLS_STR = "counts where redirects are followed",
   CURLOPT_REDIR_PROTOCOLS = OLD,
   CURLOPT_PROTOCOLS = OLD,
   CURLMOPT_PIPELINING = "counts for HTTP/2, which HTTP_VERSION forbids",
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

   local sources = keeper.output("echo " .. folder .. "/src/*.c")

   local function build()
      suite.build("mutation", { CFLAGS = "-O0 -w", SRC = sources })
   end

   -- Does a sweep fail?
   local function runs_out(way)
      local sweeper <close> = sweep.new("mutation-oom", "clang", sweep.sanitized, sources)
      local _, failed = sweeper:run(table.unpack(way))
      return failed ~= 0 and "make oom: " .. table.concat(way, " ")
   end

   local function fails(args)
      local good, bad, log = suite.specs(folder, { args = "--no-keep-going " .. args })
      return bad > 0 and (suite.failures(log):match("%-> ([^\n]+)") or "it"), good + bad
   end

   local function try(option, text)
      local path = folder .. "/" .. option.path
      local file = assert(io.open(path, "w"))
      local contrary = CONTRARY[option.name]
      file:write(text:sub(1, option.at - 1), contrary and ("set(%s, %s);"):format(option.name, contrary) or "(void)0;",
         text:sub(option.finish))
      file:close()
      build()
      local likely = LIKELY[option.name]
      local by = OUT_OF_MEMORY[option.name] and runs_out(OUT_OF_MEMORY[option.name])
         or likely and fails(likely[1] .. " --filter=" .. keeper.quote((likely[2]:gsub("[ ']", "."))))
         or not UNSEEN[option.name] and fails(SPECS) or UNSEEN[option.name] and fails(TRANSPORT)
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
