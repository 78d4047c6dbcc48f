-- What the specs of clients, tenants and walks share: clients of the sandbox, the users it must have given, what a
-- misuse says, child processes, and a search for secrets.
--
-- Criteria: nothing is doubled or patched; a helper asks, the spec asserts.

local socket = require("socket")

local elements = require("avepoint.elements")
local keeper = require("spec.sandbox.keeper")
local tenants = require("spec.sandbox.tenant")

local walks = {}

---A client of the sandbox (or liar), its first tenant, and the name under which its requests are logged.
---@param sandbox table
---@param knobs table? `run` is added where it is missing
---@param options table? over the defaults; `second` takes the sandbox's second tenant
---@return table client
---@return table tenant
---@return string run
function walks.open(sandbox, knobs, options)
   local with = { run = sandbox:new_run() }
   for name, value in pairs(knobs or {}) do
      with[name] = value
   end
   local o = {
      token = sandbox.token or "liar", ca_file = sandbox.ca_file, proxy = "",
      base_url = sandbox:base(with, options and options.scheme or not sandbox.ca_file and "http" or nil),
   }
   for name, value in pairs(options or {}) do
      o[name] = value
   end
   o.token = o.token or nil -- false: another credential
   local second = o.second and sandbox.second
   o.second, o.scheme = nil, nil
   local client = assert(elements.client(o))
   local at = second or sandbox
   return client, client:tenant(at.customer_id, at.tenant_id), with.run
end

---The users with these numbers, as a client must give them.
---@param from integer
---@param to integer
---@param knobs table?
---@return table[]
function walks.users(from, to, knobs)
   local list = {}
   for n = from, to do
      list[#list + 1] = tenants.user(n, knobs)
   end
   return list
end

---Ids of the users with these numbers.
---@param from integer
---@param to integer
---@return string[]
function walks.ids(from, to)
   local list = {}
   for n = from, to do
      list[#list + 1] = tenants.id(n)
   end
   return list
end

---Which numbers of the rule some users have, as "1-100 102": what came, in the order in which it came.
---@param users table[]
---@return string
function walks.numbers(users)
   local parts, from, to = {}, nil, nil
   local function close()
      parts[#parts + 1] = from and (from == to and tostring(from) or from .. "-" .. to) or nil
   end
   for _, user in ipairs(users) do
      local n = tenants.number(user.id)
      if n and n - 1 == to then
         to = n
      else
         close()
         from, to = n or user.id, n
      end
   end
   close()
   return table.concat(parts, " ")
end

local function difference(got, expected, path)
   if type(got) ~= type(expected) or type(got) == "number" and math.type(got) ~= math.type(expected) then
      return ("%s: %s is not %s"):format(path, math.type(got) or type(got), math.type(expected) or type(expected))
   elseif type(got) ~= "table" then
      return got ~= expected and ("%s: %s is not %s"):format(path, tostring(got), tostring(expected)) or nil
   end
   for key, value in pairs(expected) do
      local found = difference(got[key], value, path .. "." .. tostring(key))
      if found then
         return found
      end
   end
   for key in pairs(got) do
      if expected[key] == nil then
         return path .. "." .. tostring(key) .. " is too many"
      end
   end
end

---The first difference between two values, with the kinds of their numbers; nil where they are the same. Quicker than
---assert.same over thousands of users.
---@param got any
---@param expected any
---@return string?
function walks.difference(got, expected)
   return difference(got, expected, "value")
end

---Every user of a loop over `users`, and the walk.
---@param tenant table
---@param query table?
---@return table[] users
---@return table walk
function walks.all(tenant, query)
   local walk = tenant:users(query)
   local users = {}
   for user in walk do
      users[#users + 1] = user
   end
   return users, walk
end

---Steps until the walk ends or raises; its users, and what it raised.
---@param walk table
---@return table[], any
function walks.drain(walk)
   local users = {}
   while true do
      local ok, user = pcall(walk)
      if not ok then
         return users, user
      elseif not user then
         return users
      end
      users[#users + 1] = user
   end
end

---One walk to its end, with a client of its own.
---@param sandbox table
---@param knobs table?
---@param query table?
---@param options table?
---@return string numbers, any err, table receipt, string run, table[] users
function walks.walked(sandbox, knobs, query, options)
   local _ <close>, tenant, run = walks.open(sandbox, knobs, options)
   local walk = tenant:users(query)
   local users, err = walks.drain(walk)
   return walks.numbers(users), err, walk:receipt(), run, users
end

---What a function that misuses the module raises, without the place, which must be the function's own first line.
---@param f function
---@return string
function walks.misuse(f)
   local ok, message = pcall(f)
   if ok then
      return "(nothing was raised)"
   end
   local info = debug.getinfo(f, "S")
   local head = ("%s:%d: avepoint.elements: "):format(info.short_src, info.linedefined)
   message = tostring(message)
   return message:sub(1, #head) == head and message:sub(#head + 1) or "(elsewhere) " .. message
end

---The report of a run once it has nothing in flight any more, or after ten seconds.
---@param sandbox table
---@param run string
---@return table
function walks.settled(sandbox, run)
   local deadline = socket.gettime() + 10
   while true do
      local report = sandbox:report(run)
      if report.in_flight == 0 or socket.gettime() > deadline then
         return report
      end
      socket.sleep(0.005)
   end
end

---The pages a run was asked for, in that order.
---@param sandbox table
---@param run string
---@return integer[]
function walks.pages(sandbox, run)
   local pages = {}
   for _, entry in ipairs(sandbox:log(run)) do
      pages[#pages + 1] = math.tointeger(entry.page)
   end
   return pages
end

-- Child processes ---------------------------------------------------------------------------------

local LUA = os.getenv("LUA") or "lua5.4"

---The head of a script for a child: a client of the sandbox and its first tenant.
---@param sandbox table
---@param knobs table? with `run`
---@param more string? further options, as they stand in the source
---@param scheme string? as for sandbox:base
---@return string
function walks.script(sandbox, knobs, more, scheme)
   return ([[local elements = require("avepoint.elements")
local client = assert(elements.client { token = %q, base_url = %q, ca_file = %q, proxy = "", %s })
local tenant = client:tenant(%q, %q)
]]):format(sandbox.token, sandbox:base(knobs, scheme), sandbox.ca_file, more or "", sandbox.customer_id, sandbox.tenant_id)
end

---Writes a script beside the sandbox's files and gives the command that runs it with the checkout's modules.
---@param sandbox table
---@param text string
---@return string command for the shell
---@return string path
function walks.command(sandbox, text)
   sandbox.scripts = (sandbox.scripts or 0) + 1
   local path = ("%s/script%d.lua"):format(sandbox.dir, sandbox.scripts)
   local file = assert(io.open(path, "w"))
   file:write(text)
   file:close()
   return ("env LUA_PATH=%s LUA_CPATH=%s LUA_INIT= LUA_INIT_5_4= %s"):format(keeper.quote(package.path),
      keeper.quote(package.cpath), keeper.quote(LUA)), path
end

---Runs a script to its end.
---@param sandbox table
---@param text string
---@param environment table<string, string>?
---@param before string? words of the shell
---@return string output both of its outputs
---@return integer status as the shell counts them
---@return number seconds
function walks.run(sandbox, text, environment, before)
   local command, path = walks.command(sandbox, text)
   local words = { before or "", "env" }
   for name, value in pairs(environment or {}) do
      words[#words + 1] = name .. "=" .. keeper.quote(value)
   end
   local began = socket.gettime()
   local pipe = assert(io.popen(("%s %s %s 2>&1"):format(table.concat(words, " "), command, keeper.quote(path)), "r"))
   local output = pipe:read("a")
   local _, how, status = pipe:close()
   return output, how == "signal" and 128 + status or status, socket.gettime() - began
end

---Compiles native.c and shim.c, for what a script can't do and for what must be made to happen to it.
---@param dir string where native.so and shim.so shall be
---@return string head of a script that requires native
---@return string shim for LD_PRELOAD
function walks.natives(dir)
   for _, name in ipairs { "native", "shim" } do
      assert(os.execute(("${CC:-cc} $(pkg-config --cflags lua5.4 2>/dev/null || pkg-config --cflags lua) -O1 -shared -fPIC "
         .. "spec/support/%s.c -o %s/%s.so -Wl,--no-as-needed -lcurl -ldl"):format(name, keeper.quote(dir), name)), name)
   end
   return ("package.cpath = %q .. package.cpath\n"):format(dir .. "/?.so;"), dir .. "/shim.so"
end

-- Secrets -----------------------------------------------------------------------------------------

---Where a text occurs in what can be reached from a value by fields, keys and metatables, and by tostring; nil where it
---does not. Upvalues of functions are nobody's to read.
---@param value any
---@param secret string
---@return string? path
function walks.reveals(value, secret)
   local known = {}
   local function search(v, path)
      if type(v) == "string" then
         return v:find(secret, 1, true) and path or nil
      elseif v == nil or type(v) == "function" or type(v) == "thread" or known[v] then
         return nil
      elseif type(v) ~= "table" and type(v) ~= "userdata" then
         return nil
      end
      known[v] = true
      if tostring(v):find(secret, 1, true) then
         return path .. " (tostring)"
      end
      local found = search(debug.getmetatable(v), path .. " (metatable)")
      if type(v) == "userdata" then
         return found or search(debug.getuservalue(v, 1), path .. " (user value)")
      end
      for key, field in next, v do
         found = found or search(key, path .. " (key)") or search(field, path .. "." .. tostring(key))
      end
      return found
   end
   return search(value, "value")
end

return walks
