-- `make compat`: the suite with what other machines have.
--    cjson   a lua-cjson as later versions are (compat/cjson.lua): integers, empty_array
--    curl    what libcurl had at 7.76, AVEPOINT_OLD_CURL: no later name is used (compat/old_curl.h), it compiles without a
--            warning, and every spec passes but those tagged #newcurl, which name the version they want
-- `make compat ARGS=curl` runs one.

local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local suite = require("spec.check.suite")

local function whole_suite(r, folder, options)
   local good, bad, log = suite.specs(folder, options)
   r:pass(good)
   if bad > 0 then
      r:fail(suite.failures(log), bad)
   end
   return good
end

-- Left out where lua-cjson is slow because it is written in Lua: parts of names.
local SLOW = { "a ticker is late by", "uses the old token while a renewal fails" }

local parts = {}

function parts.cjson(r)
   local path = keeper.output("pwd") .. "/spec/check/compat/?.lua;" .. (os.getenv("LUA_PATH") or ";")
   local args = ""
   for _, name in ipairs(SLOW) do
      args = args .. " --filter-out=" .. keeper.quote((name:gsub(" ", ".")))
   end
   local good = whole_suite(r, suite.build("cjson", {}), { env = keeper.words("env", "AVEPOINT_CJSON=later",
      "LUA_PATH=" .. path), args = args })
   r:figure("%d tests pass with a lua-cjson that gives integers and has empty_array", good)
end

function parts.curl(r)
   for _, cc in ipairs { "gcc", "clang" } do
      local compile = cc .. " -std=c99 -fsyntax-only -Wall -Wextra -Werror -include spec/check/compat/old_curl.h "
         .. keeper.output("pkg-config --cflags lua5.4 libcurl 2>/dev/null || pkg-config --cflags lua libcurl")
      r:expect(suite.shell(compile .. " -DAVEPOINT_OLD_CURL src/*.c"), "a name later than libcurl 7.76")
      r:expect(not suite.shell(compile .. " src/*.c 2>/dev/null"), "the check of names finds none in today's build either")
   end
   local folder = suite.build("old_curl", { CPPFLAGS = "-DAVEPOINT_OLD_CURL", CFLAGS = "-O2 -g -Werror" })
   local good = whole_suite(r, folder, { args = "--exclude-tags=newcurl" })
   r:figure("%d tests pass with the options of libcurl 7.76", good)
end

report.run("compat", function(r)
   for _, name in ipairs(#arg > 0 and arg or { "cjson", "curl" }) do
      parts[name](r)
   end
end)
