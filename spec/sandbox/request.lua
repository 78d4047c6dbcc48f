-- What the sandbox demands of a request: headers, bearer, query, body.
-- Criteria: each function gives the reason in words, for a spec's failure message; nothing that
-- the vendor does not document gets through.
-- luacheck: std ngx_lua

local cjson = require("cjson")
local token = require("spec.sandbox.token")

local request = {}

local ALLOWED = {
   host = true, authorization = true, ["content-type"] = true, ["content-length"] = true, accept = true,
   ["accept-encoding"] = true, ["user-agent"] = true, connection = true,
}

--- What is wrong with the headers, if anything.
---@param content_type string
---@return string? reason
function request.headers_refusal(content_type)
   local headers = ngx.req.get_headers(100)
   local seen = {}
   for name, value in pairs(headers) do
      name = name:lower()
      if not ALLOWED[name] then
         return "unexpected header: " .. name
      elseif type(value) == "table" or seen[name] then
         return "header twice: " .. name
      end
      seen[name] = true
   end
   if headers["content-type"] ~= content_type then
      return "Content-Type must be " .. content_type
   elseif headers.accept ~= "application/json" then
      return "Accept must be application/json"
   elseif not headers["content-length"] then
      return "Content-Length is missing"
   elseif headers["accept-encoding"] and headers["accept-encoding"] ~= "gzip" then
      return "Accept-Encoding may be gzip only"
   elseif headers.connection and headers.connection:lower() ~= "keep-alive" then
      return "Connection: " .. headers.connection
   elseif content_type ~= "application/json" and headers.authorization then
      return "Authorization at the identity service"
   end
end

--- 401 and its headers when the bearer is missing or not good.
---@param found table
---@param config table
---@return integer? status
---@return table? headers
function request.bearer_refusal(found, config)
   local header = ngx.var.http_authorization
   if not header or not token.accepted(header, found, config) then
      return 401, { ["WWW-Authenticate"] = header and 'Bearer error="invalid_token"' or "Bearer" }
   end
end

--- pageIndex and pageSize, or nil and the reason.
---@param query string
---@return integer? index
---@return integer|string size
function request.query(query)
   local found = {}
   for part in (query .. "&"):gmatch("([^&]*)&") do
      local name, value = part:match("^(%w+)=(.*)$")
      if name ~= "pageIndex" and name ~= "pageSize" then
         return nil, "unexpected parameter: " .. part
      elseif found[name] then
         return nil, name .. " twice"
      elseif not value:find("^[1-9]%d*$") or #value > 9 then
         return nil, name .. " is no whole number from 1: " .. value
      end
      found[name] = tonumber(value)
   end
   if not (found.pageIndex and found.pageSize) then
      return nil, (found.pageIndex and "pageSize" or "pageIndex") .. " is missing"
   elseif found.pageSize > 100 then
      return nil, "pageSize is above 100"
   end
   return found.pageIndex, found.pageSize
end

--- The body's bytes.
---@return string
function request.bytes()
   local text = ngx.req.get_body_data()
   local name = not text and ngx.req.get_body_file()
   if name then
      local file = assert(io.open(name, "rb"))
      text = file:read("*a")
      file:close()
   end
   return text or ""
end

--- The ids asked for: true and nil for {}, true and an array, or false and the reason.
---@return boolean ok
---@return string[]|string|nil ids
function request.body()
   local text = request.bytes()
   if text == "{}" then
      return true, nil
   end
   local ok, value = pcall(cjson.decode, text)
   if not ok or type(value) ~= "table" or not text:find("^%s*{.*}%s*$") then
      return false, "the body is no JSON object: " .. text:sub(1, 60)
   end
   local ids = value.userIds
   for name in pairs(value) do
      if name ~= "userIds" then
         return false, "unexpected in the body: " .. tostring(name)
      end
   end
   if select(2, text:gsub('"userIds"%s*:', "")) ~= (ids == nil and 0 or 1) then
      return false, "userIds twice"
   elseif ids == nil then
      return true, nil
   elseif type(ids) ~= "table" or not text:find('^%s*{%s*"userIds"%s*:%s*%[') then
      return false, "userIds is no array"
   elseif #ids == 0 then
      return false, "userIds is empty"
   end
   local count, seen = 0, {}
   for _, id in pairs(ids) do
      count = count + 1
      if type(id) ~= "string" or id == "" then
         return false, "an id that is no string or empty"
      elseif seen[id:lower()] then
         return false, "an id twice: " .. id
      end
      seen[id:lower()] = true
   end
   return count == #ids, count == #ids and ids or "userIds is no array"
end

return request
