-- What can go wrong and what then has to come of it, and what keeps secrets and hosts safe: each has a test that bears
-- its number in these lists: "fault 27", "faults 3 and 14", "security 4". Names are those that busted would run, as it
-- lists them, and those in the programs of `make check`. What `protocol`, `tls` and the like are is in the README's Errors.

local keeper = require("spec.sandbox.keeper")

-- What goes wrong → what comes of it. "Repeated" has its limits in the README's Policy; the kind is for when they end.
local FAULTS = {
   -- the network
   "a host has no address → repeated, network; a proxy has none or refuses → proxy",
   "a resolver hangs → timeout at connect_timeout; neither close nor exit waits for it",
   "nobody listens, or the connection does not come about → repeated, network or timeout",
   "the certificate can't be trusted → tls at once; the handshake breaks → once more, then tls",
   "the connection ends before any answer → repeated, network",
   "a body ends before its announced end → repeated, network; its beginning is dropped",
   "a body is cut where libcurl can't tell → the JSON does: once more, then protocol",
   "what comes back is not HTTP → protocol; a chunk without a size → repeated, network",
   "lengths contradict each other → the JSON decides; bytes left over begin no later answer",
   "an answer drips or falls silent → repeated, timeout",
   "a body never ends, or unpacks to too much → cut off at the cap, protocol",
   "headers never end → stopped, repeated, network; one huge header → protocol",
   "an encoding is unknown, false or stacked too high → protocol",
   "a connection dies → costs one page, since HTTP/2 is not offered",
   "the wall clock jumps → deadlines and tokens' lives go on undisturbed",
   "a pipe breaks → the host gets no SIGPIPE, and its handling of that signal stays",
   -- HTTP statuses
   "a success other than 200, or no status known → protocol, never an empty tenant",
   "a redirect → redirect at once; the message names the other host only",
   "another 4xx → bad_request, forbidden or not_found at once",
   "a 401 → one new token and one repeat, then auth",
   "a 429 → the whole client pauses and slows down, repeated, throttled",
   "a 5xx or 408, 425 → repeated where that may help (500: twice), server or timeout",
   "an error's body is HTML, binary or endless → a short printable excerpt at most",
   -- signing in
   "the identity server refuses → auth with its code; not asked again for a minute",
   "it fails → repeated with a new assertion each time; an old token serves meanwhile",
   "its answer holds no fit token → protocol; a token's odd lifetime is bounded",
   "many pages have a 401 at once → one new token for all of them",
   "a token runs out before its page is sent → a fresh one goes; endless 401s end soon",
   -- JSON
   "numbers that JSON does not know, or too large for a float → protocol",
   "versions of lua-cjson differ over integers → the same values come out",
   "arrays in arrays without end → refused beyond a depth, protocol",
   "a raw NUL byte → protocol; an escaped one is kept",
   "a document is cut, doubled or decorated → protocol",
   "strings are not UTF-8 → handed on as they are",
   "an object has a name twice → the last one counts",
   "small text wants much memory → bounded by the caps on bytes and users of a page",
   "JSON of another shape than a page → protocol that names the field",
   "an empty list of user ids → no users and no request, never everybody",
   -- pages
   "the service changes the page size → its first size counts; in the middle → protocol",
   "the wrong page comes, or the same again → protocol, no endless walk",
   "a page is empty or short → the walk goes on to its total, with drift",
   "the tenant grows or shrinks → the walk ends where it now does, with drift",
   "users move between pages → each once; those lost are drift, ids not found are missing",
   "totals lie → data still come; an endless walk ends at max_pages, memory stays flat",
   "a page fails for good → those before it were given; resume goes on there",
   "the caller is slow → few requests wait, and none is called late",
   -- Lua and C
   "a Lua error in libcurl's callbacks → can't be: they know nothing of Lua",
   "C memory runs out in a callback → Lua's memory error; the client stays usable",
   "a constructor stops halfway, or a finaliser comes late → no leak, no crash",
   "Lua's memory runs out anywhere → its own error, no leak; close still works",
   "a client is closed or collected with requests out → they go; later calls say closed",
   "lua_close, whatever is in flight → a clean end",
   "a walk is dropped → its requests are withdrawn; no stale page reaches the next walk",
   "coroutines yield, die or hand a walk on → it goes on",
   "the caller's functions raise, yield or call back → their error comes through as it is",
   "Ctrl-C → ends any wait at once, also in a coroutine; the next call works",
   "fork → the child gets forked, and the parent's connections stay whole",
   "many threads with Lua states of their own → nothing is shared",
   "little stack, debug hooks, a collector at every step → same results, or a Lua error",
   "another module changes cjson or Lua's own functions → no effect here",
   "a package is missing → named; luaossl is wanted for certificates only",
   -- the caller's input
   "a customer or tenant id could leave its place in the path → raises, nothing sent",
   "user_ids are none, have holes or metamethods → read raw; what is unfit raises",
   "an option is unknown, of the wrong type or out of range → raises and names it",
   "certificate or key are unfit → config before any request",
}

local ITEMS = {
   "https alone, and http to this machine only",
   "redirects are not followed, and nothing reaches their targets",
   "TLS 1.2 at least, certificate and name verified; no option weakens it",
   "no connection outlives an hour, so certificates are verified anew",
   "credentials go to the URLs that were given, and to no lookalike or address in an answer",
   "a token with bytes that would make another header is refused",
   "secrets reach the form whole, and never along with an assertion",
   "no .netrc, cookies or anything else kept from an answer",
   "a proxy gets its own password and none of the rest; service and errors never have that",
   "answers are capped in bytes after unpacking",
   "an id can't change the path of a request",
   "no header is the caller's but user_agent",
   "a secret may be a function, called anew each time; what can't be wiped is documented",
   "no error, event, field or tostring holds a secret, token, assertion or key",
   "nothing from a server can act on a terminal; the library prints nothing",
   "what an error quotes of an answer is short, and holds no user's data",
   "assertions are RS256, name their certificate, and live five minutes",
   "random bytes of assertions are OpenSSL's, not Lua's",
   "the command warns of a credential's file that others can read",
   "TLS keys are never written by our doing",
   "a libcurl that is too old is refused before anything is sent",
   "the C library is built hardened, and exports one symbol",
   "no file is written, no program started",
   "connections, descriptors and threads are bounded",
   "the manual says what is promised and what is not",
}

-- What no test can show, and why.
local REASONS = {}

-- The numbers that stand in a text behind a word or its plural. A range names nothing but its first.
local function add(text, word, numbers)
   for list in text:gmatch("%f[%a]" .. word .. "s? (%d[%d, and]*)") do
      for n in list:gmatch("%d+") do
         numbers[math.tointeger(tonumber(n))] = true
      end
   end
end

local function without(word, list, text)
   local numbers, missing = {}, {}
   add(text, word, numbers)
   for n = 1, #list do
      local name = ("%s %d"):format(word, n)
      if numbers[n] and REASONS[name] then
         missing[#missing + 1] = name .. " has a test and a reason for none"
      elseif not numbers[n] and not REASONS[name] then
         missing[#missing + 1] = name .. ": " .. list[n]
      end
   end
   return missing
end

describe("the list of faults and security items", function()
   local text

   setup(function()
      text = keeper.output("busted --lua=" .. keeper.quote(os.getenv("LUA") or "lua5.4")
         .. " --list 2>&1; cat spec/check/*.lua 2>/dev/null")
      assert.is_truthy(text:find("reliability_spec", 1, true), "busted lists nothing: " .. text:sub(1, 500))
   end)

   it("has a test for every fault", function()
      assert.same({}, without("fault", FAULTS, text))
   end)

   it("has a test for every security item", function()
      assert.same({}, without("security", ITEMS, text))
   end)

   it("finds numbers as they are written, and no others", function()
      local list = { "a", "b", "c", "d", "e", "f", "g", "h" }
      assert.same({ "fault 2: b", "fault 5: e", "fault 6: f" },
         without("fault", list, "fault 1: x faults 3 and 4, security 5; default 6: faults 7, 8: no"))
   end)
end)

describe("the manual", function()
   local function section(name)
      return (keeper.read("README.md"):match("\n## " .. name .. "\n(.-)\n## "))
   end

   it("security 25: has a part on security that says what is promised and what is not", function()
      local text = section("Security")
      for _, word in ipairs {
         "TLS 1%.2", "Redirects", "Not promised", "can't be wiped", "SSLKEYLOGFILE", "lua%-cjson", "2%.1%.0%.13",
      } do
         assert.is_truthy(text:find(word), word)
      end
   end)
end)
