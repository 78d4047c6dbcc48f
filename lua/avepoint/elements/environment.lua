-- environment: the vendor's clouds, and which hosts are theirs.
--
-- The API's base is the graph host with "/partner", the token URL the identity host with "/connect/token", in all of
-- them; data centres have graph hosts of their own under the same domain. (AvePoint's public documents.)

local find, match, sub = string.find, string.match, string.sub

local environment = {}

---@alias avepoint.Environment
---| "commercial" # the default
---| "us_government"
---| "aos2"
---| "fedramp"

---@class avepoint.Cloud
---@field base_url string of the API: host and path
---@field token_url string of the identity server

---@return avepoint.Cloud
local function cloud(graph, identity)
   return {
      base_url = "https://" .. graph .. "/partner", token_url = "https://" .. identity .. "/connect/token",
   }
end

---Names in the vendor's order.
environment.NAMES = { "commercial", "us_government", "aos2", "fedramp" }

local CLOUDS = {
   commercial = cloud("graph.avepointonlineservices.com", "identity.avepointonlineservices.com"),
   us_government = cloud("graph-gov.avepointonlineservices.com", "identity-gov.avepointonlineservices.com"),
   aos2 = cloud("graph-aos2.avepointonlineservices.com", "identity-aos2.avepointonlineservices.com"),
   fedramp = cloud("graphusgovapi.online15.net", "identity.online15.net"),
}

---The clouds by name, to show. Copies: what a host does to them sends no secret elsewhere.
---@class avepoint.Environments
---@field commercial avepoint.Cloud
---@field us_government avepoint.Cloud
---@field aos2 avepoint.Cloud
---@field fedramp avepoint.Cloud
environment.clouds = {}
for name, own in pairs(CLOUDS) do
   environment.clouds[name] = { base_url = own.base_url, token_url = own.token_url }
end

---@param name string
---@return avepoint.Cloud cloud not to be handed out
function environment.cloud(name)
   return CLOUDS[name]
end

local function host_of(url)
   return match(url, "^https://([^/]+)/")
end

---Does a host belong to a cloud, as its graph host or one of its data centres'? Only then may its identity host be
---sent what signs in there.
---@param host string
---@param name string
---@return boolean
---@return string? other the cloud whose graph host it is instead
function environment.owns(host, name)
   for _, other in ipairs(environment.NAMES) do
      if host == host_of(CLOUDS[other].base_url) then
         return other == name, other
      end
   end
   local domain = match(host_of(CLOUDS[name].base_url), "%.(.*)$")
   return find(host, "^graph[%w%-]*%.") ~= nil and sub(host, -#domain - 1) == "." .. domain
      and not find(sub(host, 1, -#domain - 2), ".", 1, true)
end

return environment
