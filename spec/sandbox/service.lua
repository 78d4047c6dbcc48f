-- The stand-in for the service, run by nginx for each request: checks it, lets the knobs decide
-- what happens to it, and answers. Criteria: strict, so that a client's slip is a failing spec and
-- not a lucky one; the order is request checks, sign-in, ids, query, body, then the knobs; every
-- answer has a request-id; a page without faults costs next to nothing (see squeeze.lua).
--
-- Knobs. PAGE is N, N-M, N-, "*" (all pages together) or "each" (TIMES counts for each page); TIMES is how
-- often (else always). Those marked + may be given more than once. Knobs of the one address do no harm on the other.
--   run=NAME                   the requests are logged and counted under this name ("default")
--   size=N                     users in the tenant (250); with offset OFFSET for the second pair of ids
--   cap=N, cap_mode=400        largest page: sizes above are cut to it, metadata too; or refused
--   ids_max=N                  400 for more userIds than that
--   ids_unknown=404|left_out   ids of nobody
--   filter=ignored             userIds do not matter
--   filter_case=upper          ids come in upper case
--   past_end=empty|400|404     a page behind the last one (empty)
--   latency=MS|MIN-MAX         before each answer, random and uniform
--   slow=MS:PAGE[:TIMES] +     more of it for a page
--   gzip=0|1                   never, always (as the client asks); chunked=1: no Content-Length
--   close=1, keepalive=N       announces the connection's end: at once, with its N-th request
--   nulls=1, absent=1          some fields null; those absent that the vendor's sample lacks
--   status=array|integer|null|absent|mixed|unknown_code      what users' status looks like
--   big=BYTES                  length of displayName
--   shape=NAME[@PAGE[:TIMES]] + a body of shapes.lua in place of the page
--   empty=K +, short=K +       page K has no data, lacks its second half
--   repeat=K +, stuck=1        page K has the data of K-1; every page has the data of page 1
--   total=N, size_change=K:N   metadata lies: totalCount; pageSize from page K on
--   drift=KIND:AFTER:COUNT[:AT] + grow shrink insert delete swap, once the run has had AFTER page requests
--   fail=STATUS:PAGE[:TIMES] + a failing answer (444: closed without a byte)
--   random_fail=STATUS:PERCENT:SEED   the same dice for the same seed, page and attempt
--   outage=K                   503 from page K on
--   rate=R, burst=B            as nginx's limit_req with nodelay; 429 above it
--   retry_after=S|date[:S]|none|garbage|fraction|huge|past[:S]|two[:A:B]   of failing answers (429 of rate: the wait)
--   body=json|html|empty|binary|big|ansi    of failing answers
--   redirect=STATUS            Location is this sandbox's other port, run NAME-redirected
--   token=NAME                 the bearer that is good besides issued ones
--   token_life=S               of issued tokens; expires_in=N|text|zero|negative|fraction|null|digits|huge|nested|missing
--   token_type=NAME|missing, token_shape=NAME, token_latency=MS|MIN-MAX, token_fail=STATUS:ERROR[:TIMES] +   (token.lua)
--   revoke=K[:TIMES]           after K good page requests (2K, …) the run's tokens are taken back
--   date_skew=S                the Date header is wrong by so much
-- Also GET /log?run=NAME, GET /reset?run=NAME, GET /ready.
-- luacheck: std ngx_lua

local cjson = require("cjson")
local faults = require("spec.sandbox.faults")
local knobs = require("spec.sandbox.knobs")
local ledger = require("spec.sandbox.ledger")
local pages = require("spec.sandbox.pages")
local request = require("spec.sandbox.request")
local squeeze = require("spec.sandbox.squeeze")
local tenant = require("spec.sandbox.tenant")
local token = require("spec.sandbox.token")

local service = {}

local config
local serial = 0

--- Called once when nginx starts.
---@param options table  dir, client_id, client_secret, token, nonce, https_port, http_port
function service.start(options)
   config = options
   math.randomseed(os.time())
end

local function send(status, body, headers, found)
   serial = serial + 1
   ngx.status = status
   ngx.header["request-id"] = string.format("5a4d0000-0000-4000-8000-%012x", serial)
   for name, value in pairs(headers or {}) do
      ngx.header[name] = value
   end
   if found and found.date_skew then
      ngx.header["Date"] = ngx.http_time(ngx.time() + found.date_skew)
   end
   if not (found and found.chunked) then
      ngx.header["Content-Length"] = #body
   end
   ngx.print(body)
end

local function refuse(status, reason, entry, headers)
   if entry then
      entry.reason = reason
   end
   local names = { [400] = "bad_request", [401] = "unauthorized", [404] = "not_found", [405] = "method_not_allowed" }
   return send(status, cjson.encode { error = names[status], message = reason }, headers)
end

local function wait(range)
   if range then
      local seconds = range[1] + (range[2] - range[1]) * math.random()
      if seconds > 0 then
         ngx.sleep(seconds)
      end
   end
end

-- A page, compressed or not; only compressed ones are kept: making one costs less than keeping 55 kB.
local function send_page(found, key, make)
   local asked = ngx.var.http_accept_encoding == "gzip"
   local gzip = found.gzip == "1" or asked and found.gzip ~= "0"
   local kept = gzip and key
   local text = kept and squeeze.get(kept)
   if not text then
      text = make()
      if gzip then
         text = squeeze.gzip(text)
      end
      if kept then
         squeeze.put(kept, text)
      end
   end
   ngx.header["Content-Type"] = "application/json; charset=utf-8"
   if gzip then
      ngx.header["Content-Encoding"] = "gzip"
   end
   return send(200, text, nil, found)
end

local function page(found, run, entry, customer_id, tenant_id, query)
   local bad = request.headers_refusal("application/json")
   if bad then
      return refuse(400, bad, entry)
   end
   ngx.req.read_body()
   faults.revoke(found, run)
   local status, headers = request.bearer_refusal(found, config)
   if status then
      return refuse(status, "the bearer is not good", entry, headers)
   end
   local offset
   for _, pair in ipairs(tenant.PAIRS) do
      offset = pair.customer == customer_id and pair.tenant == tenant_id and pair.offset or offset
   end
   if not offset then
      return refuse(404, "no such customer and tenant", entry)
   end
   local index, size = request.query(query)
   if not index then
      return refuse(400, size, entry)
   end
   entry.page, entry.size = index, size
   local ok, ids = request.body()
   if not ok then
      return refuse(400, ids, entry)
   end
   entry.ids = ids and #ids
   run.pages = run.pages + 1
   local number = run.pages
   local fault = faults.pick(found, run, index, config)
   wait(found.latency)
   faults.slow(found, run, index)
   if fault then
      entry.reason = fault.reason
      if fault.status == 444 then
         return ngx.exit(444)
      end
      return send(fault.status, fault.body, fault.headers, found)
   end
   local plan, reason = pages.plan(found, run, number, offset, index, size, ids)
   if not plan then
      return refuse(tonumber(reason:match("^%d+")), reason, entry)
   end
   return send_page(found, plan.key, plan.make)
end

local function sign_in(found, run, entry)
   local bad = request.headers_refusal("application/x-www-form-urlencoded")
   if bad then
      return refuse(400, bad, entry)
   end
   ngx.req.read_body()
   local url = ngx.var.scheme .. "://" .. ngx.var.http_host .. ngx.var.request_uri
   local status, body, why = token.answer(found, run, request.bytes(), url, config)
   entry.reason = why
   wait(found.token_latency)
   local headers = status >= 429 and faults.retry_headers(found) or {}
   headers["Content-Type"], headers["Cache-Control"] = "application/json", "no-store"
   return send(status, body, headers, found)
end

local CONTROL = {
   ["/ready"] = function()
      return config.nonce
   end,
   ["/log"] = function(run)
      return (cjson.encode(ledger.report(run)):gsub('"requests":{}', '"requests":[]'))
   end,
   ["/reset"] = function(run)
      ledger.reset(run)
      return "{}"
   end,
}

--- The content handler.
function service.answer()
   local path, query = ngx.var.request_uri:match("^([^?]*)%??(.*)$")
   local control = CONTROL[path]
   if control then
      return send(200, control(query:match("^run=([%w_.-]+)$") or "default"))
   end
   local found, rest, bad = knobs.parse(path)
   local last = found.close or found.keepalive and tonumber(ngx.var.connection_requests) >= found.keepalive
   if last and ngx.var.closing == "" then
      return ngx.exec("@closing")
   end
   local run, method = ledger.run(found.run), ngx.req.get_method()
   local entry = ledger.arrive(run, method, ngx.var.connection)
   ngx.ctx.entry = entry
   if bad then
      return refuse(400, bad, entry)
   end
   local customer_id, tenant_id = rest:match("^/partner/external/v3/um/customers/([^/]+)/tenants/([^/]+)/users/batch$")
   local identity = rest == "/identity/connect/token"
   entry.kind = customer_id and "page" or identity and "token" or "other"
   if entry.kind == "other" then
      entry.path = rest
      return refuse(404, "no such path: " .. rest, entry)
   elseif method ~= "POST" then
      return refuse(405, "POST it", entry, { Allow = "POST" })
   elseif identity then
      return query == "" and sign_in(found, run, entry) or query ~= "" and refuse(400, "a query", entry)
   end
   return page(found, run, entry, customer_id, tenant_id, query)
end

--- Called when a request is over, also when the client left.
function service.over()
   local entry = ngx.ctx.entry
   if entry then
      ledger.leave(entry, ngx.status)
   end
end

return service
