-- doctor: what works between here and one user, a line for each step with "ok" or what to do.
--
-- The connection is tried before the sign-in, with a token that is none: whatever the service answers, names, TLS and
-- proxy were good enough for it. Nothing secret is in a line, so that all of them may be pasted into a ticket.

local elements = require("avepoint.elements")
local console = require("avepoint.elements.cli.console")
local fault = require("avepoint.elements.cli.fault")
local output = require("avepoint.elements.cli.output")
local session = require("avepoint.elements.cli.session")
local system = require("avepoint.elements.cli.system")
local text = require("avepoint.elements.cli.text")

local abs = math.abs
local concat = table.concat
local find, format, gsub, match = string.find, string.format, string.gsub, string.match
local getenv = os.getenv

local doctor = {}

local PATIENCE = 30 -- seconds a step
local MOST_SKEW = 60 -- seconds; a signed sign-in lives five minutes
local SCOPE = "elements.um.user.read.all"

-- With these it is the service that has answered.
local ANSWERED = { auth = true, forbidden = true, not_found = true, bad_request = true, throttled = true, server = true }

local function host_of(url)
   return match(url, "^%l+://%[([^%]]*)%]") or match(url, "^%l+://([^/:]*)")
end

local function address(args, name)
   local cloud = elements.environments[args.environment or "commercial"]
   return args[name] or cloud[name]
end

-- Is it known where to sign in? A --base-url that is none of the environment's wants a --token-url, else no client is made.
local function has_sign_in(args)
   if args.token_url then
      return true
   end
   local ok, client = pcall(elements.client, {
      client_id = "none", client_secret = "none", environment = args.environment, base_url = args.base_url,
   })
   if ok and client then
      client:close()
   end
   return ok
end

-- The first of these variables that is set, and its name; libcurl takes an empty one for none.
local function variable(...)
   for _, name in ipairs { ... } do
      if (getenv(name) or "") ~= "" then
         return getenv(name), name
      end
   end
end

local function proxy_of(args)
   local value, from = args.proxy, "--proxy"
   if not value then
      value, from = variable("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
   end
   if not value or value == "" then
      return nil
   end
   return gsub(value, "^(%w*:?/?/?).*@", "%1"), from -- without user and password
end

-- One line: true is ok, false something to do, nil not tried.
local function tell(con, ok, name, message)
   local mark = ok and "ok   " or ok == nil and "-    " or "to do"
   if output.is_able() then
      mark = format("\27[%dm%s\27[0m", ok and 32 or ok == nil and 2 or 31, mark)
   end
   output.write(con, format("%s  %-10s  %s\n", mark, name, text.harmless(message)))
end

local steps = {}

local function open(options)
   local client, err = fault.checked(elements.client, options)
   if not client then
      error(err, 0)
   end
   return client
end

function steps.options(args, state)
   local options, name = session.options(args, state.con, state.hear)
   open(options):close() -- reads the certificate
   state.options = options
   return format("avepoint-users %s, %s, %s%s, %d requests at once, %s", match(elements._VERSION, "%S+$"), _VERSION, name,
      options.client_id and ", client id " .. options.client_id or "", args.concurrency or 8,
      args.deadline and format("deadline %g s", args.deadline) or "no deadline")
end

function steps.ids(args, state)
   local customer_id, tenant_id = session.ids(args)
   state.ids = { customer_id, tenant_id }
   return format("customer %s, tenant %s", customer_id, tenant_id)
end

function steps.addresses(args, state)
   local base_url = address(args, "base_url")
   state.hosts = { host_of(base_url) }
   if args.token_command or not has_sign_in(args) then
      return base_url
   end
   local token_url = address(args, "token_url")
   local host = host_of(token_url)
   if host ~= state.hosts[1] then
      state.hosts[2] = host
   end
   return format("%s, sign-in at %s", base_url, token_url)
end

function steps.names(args, state)
   if proxy_of(args) then
      return "left to the proxy"
   end
   local parts = {}
   for _, host in ipairs(state.hosts) do
      local list = system.addresses(host)
      if not list then
         return "can't be asked here (no getent); the next line tells"
      elseif not list[1] then
         fault.raise("%s has no address; check the name, and this machine's DNS", host)
      end
      parts[#parts + 1] = format("%s is %s", host, concat(list, " ", 1, math.min(#list, 3)))
   end
   return concat(parts, ", ")
end

function steps.proxy(args)
   local proxy, from = proxy_of(args)
   if not proxy then
      return args.proxy and "none, by --proxy" or "none"
   end
   local except, by = variable("no_proxy", "NO_PROXY")
   return format("%s, of %s%s", proxy, from, except and not args.proxy and ", but for " .. except .. " by " .. by or "")
end

-- Opens a client for one request, and closes it.
local function ask(args, options, ids)
   options.timeout, options.connect_timeout, options.max_attempts = PATIENCE, PATIENCE / 3, 2
   local client = open(options)
   local _ <close> = client
   local tenant = fault.checked(client.tenant, client, ids[1], ids[2])
   return tenant:page { page_size = 1, deadline = args.deadline or PATIENCE }
end

function steps.connection(args, state)
   local page, err = ask(args, {
      token = "none", environment = args.environment, base_url = args.base_url, ca_file = args.ca_file, proxy = args.proxy,
      on_event = state.hear,
   }, state.ids or { "none", "none" })
   if not page and not (ANSWERED[err.kind] and err.status) then
      error(err, 0)
   end
   return format("%s to %s, trusting %s; it answers (HTTP %d)", match(address(args, "base_url"), "^https") and "TLS" or "http",
      state.hosts[1], args.ca_file or "the system's authorities", page and 200 or err.status)
end

function steps.token(args, state)
   local page, err = ask(args, state.options, state.ids)
   state.page, state.err = page, err
   if not state.token then
      error(err, 0)
   end
   local scope = state.token.scope
   if scope and not find(" " .. scope .. " ", " " .. SCOPE .. " ", 1, true) then
      fault.raise("the token's scope is %s and lacks %s; grant it under Elements > API app registration", scope, SCOPE)
   end
   return format("%s, scope %s", state.token.lifetime and format("good for %d s", state.token.lifetime // 1)
      or "its life is not told", scope or "not told")
end

function steps.clock(_, state)
   if not state.skew then
      return "no answer had a date to compare with", true
   elseif abs(state.skew) > MOST_SKEW then
      fault.raise("this machine's clock is %d s %s the server's; set it, sign-in by certificate fails otherwise",
         abs(state.skew), state.skew > 0 and "ahead of" or "behind")
   end
   return format("%d s off the server's", abs(state.skew))
end

function steps.page(_, state)
   if not state.page then
      error(state.err, 0)
   end
   local total = state.page.metadata.totalCount
   return format("%d of %s came", #state.page.data, console.count(total, "user"))
end

-- Each with what must have been ok before.
local ORDER = {
   { "options" }, { "ids" }, { "addresses" }, { "names" }, { "proxy" }, { "connection" },
   { "token", { "options", "ids", "connection" } }, { "clock" }, { "page", { "token" } },
}

---@param args table
---@param con table
---@return integer code of the first step that is not ok
function doctor.run(args, con)
   local state = { con = con }
   function state.hear(event)
      if event.type == "token" then
         state.token = event
      elseif event.type == "response" and event.clock_skew
         and (not state.skew or abs(event.clock_skew) > abs(state.skew)) then
         state.skew = event.clock_skew
      end
   end
   local code, good = 0, {}
   for _, entry in ipairs(ORDER) do
      local name, lacks = entry[1], nil
      for _, other in ipairs(entry[2] or {}) do
         lacks = lacks or not good[other] and other or nil
      end
      if lacks then
         tell(con, nil, name, "not tried before " .. lacks .. " is ok")
      else
         local ok, message, untold = pcall(steps[name], args, state)
         good[name] = ok
         if not ok then
            local what = fault.of(message)
            if what.code == fault.INTERRUPTED then
               error(what, 0)
            end
            code = code == 0 and what.code or code
            message = what.message
         end
         if untold then
            ok = nil
         end
         tell(con, ok, name, message)
      end
   end
   return code
end

return doctor
