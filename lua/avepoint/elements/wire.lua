-- wire: the words of the service: URLs and bodies of requests, and the shape of an answer.
--
-- Pure: strings in, strings or tables out. What the documents leave open is coded for in every variant here.

local answers = require("avepoint.elements.answers")
local core = require("avepoint.elements.core")
local failure = require("avepoint.elements.failure")

local byte, find, format, gsub, match = string.byte, string.find, string.format, string.gsub, string.match
local mtype = math.type
local concat = table.concat

local wire = {}

-- The vendor's largest page, and its default (the page of the endpoint; the cap is from its public documents).
wire.MAX_PAGE_SIZE = 100

-- Decoded bytes of an answer; a page of 100 users has some 50 kB.
wire.PAGE_LIMIT = 4 * 1024 * 1024

-- Larger counts are not whole numbers in a double.
local MAX_COUNT = 2 ^ 53

-- libcurl writes IPv4 addresses with four parts; what looks like one but is not is a name for the resolver.
local function is_this_machine(host)
   local b, c, d = match(host, "^127%.(%d+)%.(%d+)%.(%d+)$")
   return host == "localhost" or host == "[::1]" or b and tonumber(b) < 256 and tonumber(c) < 256 and tonumber(d) < 256
end

---Reads a base or token URL: https (or http to this machine), host and path only.
---@param url string
---@return {url: string, host: string, cleartext: boolean}?
---@return string? why what is wrong with it
function wire.address(url)
   if find(url, "[%c%s]") then
      return nil, "has a space or control character"
   end
   local parts = core.url(url)
   if not parts or not parts.host then
      return nil, "is no URL"
   elseif parts.user or parts.password then
      return nil, "must not hold a user or password"
   elseif parts.query or parts.fragment or find(url, "[?#]") then
      return nil, "must not have a query or fragment"
   end
   if parts.scheme ~= "https" and not (parts.scheme == "http" and is_this_machine(parts.host)) then
      return nil, "must begin with https://"
   end
   return { url = gsub(url, "/+$", ""), host = parts.host, cleartext = parts.scheme == "http" }
end

---The endpoint of a tenant's users.
---@param base string
---@param customer_id string
---@param tenant_id string
---@return string
function wire.endpoint(base, customer_id, tenant_id)
   return format("%s/external/v3/um/customers/%s/tenants/%s/users/batch", base, core.escape(customer_id),
      core.escape(tenant_id))
end

---@param endpoint string
---@param page_index integer
---@param page_size integer
---@return string
function wire.page_url(endpoint, page_index, page_size)
   return format("%s?pageIndex=%d&pageSize=%d", endpoint, page_index, page_size)
end

local function escape(c)
   return format("\\u%04x", byte(c))
end

---The body of a request: for these ids, or for every user. Written here, since lua-cjson can't tell an empty
---array from an object.
---@param ids string[]?
---@return string
function wire.body(ids)
   if not ids then
      return "{}"
   end
   local quoted = {}
   for i, id in ipairs(ids) do
      quoted[i] = '"' .. gsub(id, '[%c"\\]', escape) .. '"'
   end
   return '{"userIds":[' .. concat(quoted, ",") .. "]}"
end

local function protocol(request_id, message, ...)
   return nil, failure.new("protocol", format(message, ...)
      .. "; this is not the answer the service documents: check base_url, or tell the vendor",
      { status = 200, request_id = request_id })
end

local function count(v)
   return mtype(v) == "integer" and v >= 0 and v <= MAX_COUNT
end

---Decodes an answer with status 200 and checks its shape.
---@param answer table as core's take gives it
---@return avepoint.Page?
---@return avepoint.Error? err
---@return boolean? torn the bytes are no JSON: asking again may help
function wire.page(answer)
   local request_id = answers.request_id(answer.headers)
   local top, message, refused = core.decode(answer.body)
   if refused then
      return protocol(request_id, "%s", message)
   elseif message then
      local _, err = protocol(request_id, "the answer is not JSON: %s", message)
      return nil, err, true
   elseif type(top) ~= "table" then
      return protocol(request_id, "the answer is not an object")
   end
   local data, metadata = top.data, top.metadata
   if type(data) ~= "table" then
      return protocol(request_id, "data is %s, not an array", data == nil and "missing" or "a " .. type(data))
   elseif type(metadata) ~= "table" then
      return protocol(request_id, "metadata is %s, not an object",
         metadata == nil and "missing" or "a " .. type(metadata))
   end
   for _, name in ipairs { "pageIndex", "pageSize", "totalCount" } do
      if not count(metadata[name]) then
         local v = metadata[name]
         return protocol(request_id, "metadata.%s is %s, not a whole number from 0", name,
            v == nil and "missing" or type(v) == "number" and tostring(v) or "a " .. type(v))
      end
   end
   local n = #data
   if n == 0 and (next(data) ~= nil or metadata.totalCount > 0 and find(answer.body:text(), '"data"%s*:%s*{')) then
      return protocol(request_id, "data is an object, not an array")
   elseif metadata.pageSize == 0 and (metadata.totalCount > 0 or n > 0) then
      return protocol(request_id, "metadata.pageSize is 0 though there are users")
   end
   local i = core.nameless(data)
   if i then
      local user = data[i]
      return protocol(request_id, "data[%d]%s", i, type(user) ~= "table" and " is not an object"
         or ".id is " .. (user.id == nil and "missing" or user.id == "" and "empty" or "not a string"))
   end
   answer.body:close()
   return { data = data, metadata = metadata, request_id = request_id }
end

return wire
