-- lua/avepoint/elements/environment.lua: the vendor's clouds, and which hosts are theirs.

local environment = require("avepoint.elements.environment")

describe("environment.clouds", function()
   it("has the four of the vendor's page, in its order", function()
      assert.same({ "commercial", "us_government", "aos2", "fedramp" }, environment.NAMES)
      assert.same({
         commercial = {
            base_url = "https://graph.avepointonlineservices.com/partner",
            token_url = "https://identity.avepointonlineservices.com/connect/token",
         },
         us_government = {
            base_url = "https://graph-gov.avepointonlineservices.com/partner",
            token_url = "https://identity-gov.avepointonlineservices.com/connect/token",
         },
         aos2 = {
            base_url = "https://graph-aos2.avepointonlineservices.com/partner",
            token_url = "https://identity-aos2.avepointonlineservices.com/connect/token",
         },
         fedramp = {
            base_url = "https://graphusgovapi.online15.net/partner",
            token_url = "https://identity.online15.net/connect/token",
         },
      }, environment.clouds)
   end)

   it("security 5: is a copy, which leads nobody's secret elsewhere", function()
      local url = environment.clouds.commercial.token_url
      environment.clouds.commercial.token_url = "https://elsewhere.example/connect/token"
      assert.equal(url, environment.cloud("commercial").token_url)
      environment.clouds.commercial.token_url = url
   end)
end)

describe("environment.owns", function()
   local GRAPH = {
      commercial = "graph.avepointonlineservices.com", us_government = "graph-gov.avepointonlineservices.com",
      aos2 = "graph-aos2.avepointonlineservices.com", fedramp = "graphusgovapi.online15.net",
   }

   it("security 5: is true for a cloud's own graph host, and false for another's, which it names", function()
      for cloud, host in pairs(GRAPH) do
         for _, name in ipairs(environment.NAMES) do
            local own, other = environment.owns(host, name)
            assert.equal(cloud == name, own, host .. " " .. name)
            assert.equal(cloud, other)
         end
      end
   end)

   it("security 5: is true for the graph hosts of data centres", function()
      for _, host in ipairs { "graph-de", "graph-us", "graph-us2", "graph-uk-1", "graphde" } do
         for _, name in ipairs { "commercial", "us_government", "aos2" } do
            local own, other = environment.owns(host .. ".avepointonlineservices.com", name)
            assert.is_true(own, host)
            assert.is_nil(other)
         end
         assert.is_true((environment.owns(host .. ".online15.net", "fedramp")))
      end
   end)

   it("security 5: is false for a data centre of the other domain", function()
      assert.same({ false }, { environment.owns("graph-de.online15.net", "commercial") })
      assert.same({ false }, { environment.owns("graph-de.avepointonlineservices.com", "fedramp") })
   end)

   for _, host in ipairs {
      "graph.avepointonlineservices.com.evil.example", "evilavepointonlineservices.com", "graphavepointonlineservices.com",
      "graph.evilavepointonlineservices.com", "graph-x.y.avepointonlineservices.com", "x.graph.avepointonlineservices.com",
      "evil.example", "graph.evil.example", "avepointonlineservices.com", ".avepointonlineservices.com", "",
      "identity.avepointonlineservices.com", "www.avepointonlineservices.com", "graph", "graph.", "graph-de.",
      "graph.avepointonlineservices.com.", "graph-avepointonlineservices.com", "graph.avepointonlineservices.co",
      "graph.avepointonlineservicesXcom", "graph_x.avepointonlineservices.com", "127.0.0.1", "[::1]", "localhost",
      "online15.net", "graphusgovapi.online15.net.evil.example", "graphusgovapi.evilonline15.net",
   } do
      it("security 5: is false for the look-alike \"" .. host .. "\"", function()
         for _, name in ipairs(environment.NAMES) do
            assert.same({ false }, { environment.owns(host, name) })
         end
      end)
   end
end)
