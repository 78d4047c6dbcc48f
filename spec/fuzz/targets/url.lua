-- Lines: page index and size, base_url, customer id, tenant id. Criteria: what is accepted makes a URL in which libcurl
-- itself sees the base's scheme, host and port, exactly the path of the documents and exactly our query; and ids that
-- were never checked stay one segment each all the same.

local check = require("avepoint.elements.check")
local core = require("avepoint.elements.core")
local wire = require("avepoint.elements.wire")
local bytes = require("spec.fuzz.bytes")

local PATH = "/external/v3/um/customers/%s/tenants/%s/users/batch"
local BASE = "https://host.example/partner"

local function accepted(name, id)
   local ok, message = pcall(check.path_id, "tenant", name, id, 1)
   assert(ok or message:find("avepoint.elements: tenant: " .. name, 1, true), message)
   return ok or not bytes.printable(message:gsub("^.-: ", ""))
end

local function same(url, base, path, query)
   local got, from = assert(core.url(url), "libcurl can't read it"), core.url(base)
   for _, part in ipairs { "scheme", "host", "port" } do
      assert(got[part] == from[part], part)
   end
   assert(got.path == (from.path or ""):gsub("/+$", "") .. path, "path")
   assert(got.query == query, "query")
   assert(not (got.user or got.password or got.fragment), "more than that")
end

return function(input)
   local numbers, base, customer_id, tenant_id = bytes.lines(input, 4)
   local index, size = 1 + #numbers, (numbers:byte() or 0) % 100 + 1
   local query = ("pageIndex=%d&pageSize=%d"):format(index, size)
   local url = wire.page_url(wire.endpoint(BASE, customer_id, tenant_id), index, size)
   same(url, BASE, PATH:format(core.escape(customer_id), core.escape(tenant_id)), query)
   local good = accepted("customer id", customer_id)
   good = accepted("tenant id", tenant_id) and good
   if good then -- nothing in it needs an escape
      same(url, BASE, PATH:format(customer_id, tenant_id), query)
   end
   local address, why = wire.address(base)
   if not address then
      bytes.printable(why)
      return false
   end
   assert(address.cleartext == (core.url(address.url).scheme == "http"))
   if address.cleartext then
      assert(address.host == "localhost" or address.host == "[::1]" or address.host:find("^127%.%d+%.%d+%.%d+$"),
         "cleartext to another machine")
   end
   if good then
      url = wire.page_url(wire.endpoint(address.url, customer_id, tenant_id), index, size)
      same(url, base, PATH:format(customer_id, tenant_id), query)
      assert(core.url(url).host == address.host)
   end
   return good
end
