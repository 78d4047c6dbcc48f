-- lua/avepoint/elements/wire.lua: URLs and bodies of requests, and the shape of an answer. Answers are real ones,
-- from the raw-socket server.

local core = require("avepoint.elements.core")
local liar = require("spec.sandbox.liar")
local requests = require("spec.support.requests")
local wire = require("avepoint.elements.wire")

local server, handle

setup(function()
   server = liar.start()
   handle = requests.open()
end)

teardown(function()
   handle:close()
   server:stop()
end)

-- the answer 200 with this body, as the core gives it
local function answer(body, knobs)
   knobs = knobs or {}
   knobs.json, knobs.framing = server:upload(body), knobs.framing or "length"
   local taken = requests.post(handle, server:base(knobs), { limit = wire.PAGE_LIMIT })
   assert.equal("answered", taken.ended)
   return taken
end

local function page(body, knobs)
   return wire.page(answer(body, knobs))
end

describe("wire.address", function()
   local function good(url, wanted, host, cleartext)
      assert.same({ url = wanted, host = host, cleartext = cleartext or false }, assert(wire.address(url)))
   end
   local function refused(why, url)
      local address, message = wire.address(url)
      assert.is_nil(address, url)
      assert.equal(why, message)
   end

   it("takes https with any host, port and path, and drops slashes at the end", function()
      good("https://graph.avepointonlineservices.com/partner", "https://graph.avepointonlineservices.com/partner",
         "graph.avepointonlineservices.com")
      good("https://host", "https://host", "host")
      good("https://host/", "https://host", "host")
      good("https://host:8443/a/b///", "https://host:8443/a/b", "host")
      good("https://[2001:db8::1]/x", "https://[2001:db8::1]/x", "[2001:db8::1]")
   end)

   it("security 1: takes http for this machine only", function()
      good("http://localhost:8080/a", "http://localhost:8080/a", "localhost", true)
      good("http://127.0.0.1:80/a", "http://127.0.0.1:80/a", "127.0.0.1", true)
      good("http://127.255.255.254", "http://127.255.255.254", "127.255.255.254", true)
      good("http://[::1]:80", "http://[::1]:80", "[::1]", true)
      for _, url in ipairs {
         "http://example.com", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://128.0.0.1",
         "http://10.0.0.1", "http://[::2]", "http://[::ffff:10.0.0.1]", "http://xlocalhost", "http://0.0.0.0",
         "http://127.0.0.1x", "http://1127.0.0.1", "ftp://host/", "file:///etc/passwd",
      } do
         assert.is_nil((wire.address(url)), url)
      end
      refused("must begin with https://", "http://example.com")
      refused("must begin with https://", "http://128.0.0.1/a")
      refused("must begin with https://", "ftp://host/")
   end)

   it("security 1: refuses http to a name that only looks like this machine", function()
      for _, url in ipairs { "http://127.999.1.1", "http://127.0.0.256", "http://127.0.0.99999999999" } do
         assert.is_nil((wire.address(url)), url)
      end
   end)

   it("security 5: refuses a user or password", function()
      for _, url in ipairs { "https://u@host", "https://u:p@host/a", "https://:p@host", "https://good.com@evil.com/",
         "https://good.com\\@evil.com" } do
         refused("must not hold a user or password", url)
      end
   end)

   it("security 5: refuses a query or fragment, even an empty one", function()
      for _, url in ipairs { "https://host?a=1", "https://host/a?", "https://host/#a", "https://host#", "https://host/?#" } do
         refused("must not have a query or fragment", url)
      end
   end)

   it("refuses spaces and control characters", function()
      for _, url in ipairs { " https://host", "https://host ", "https://ho st", "https://host/\r\nX: y", "https://host/\0",
         "https://host/\127", "https://host\t" } do
         refused("has a space or control character", url)
      end
   end)

   it("refuses what is no URL", function()
      for _, url in ipairs { "", "host", "host/path", "//host", "https://", "https:///", "https://host:99999", "https://host:x",
         "https://[::1", "foo://host", "https//host" } do
         refused("is no URL", url)
      end
   end)
end)

describe("wire.endpoint", function()
   it("is the documented path behind the base", function()
      assert.equal("https://h/partner/external/v3/um/customers/966f35cc-61f4/tenants/0c7715b3_x.y/users/batch",
         wire.endpoint("https://h/partner", "966f35cc-61f4", "0c7715b3_x.y"))
   end)

   it("security 11: keeps every id inside its segment", function()
      local PATTERN = "^https://h/external/v3/um/customers/([^/?#]+)/tenants/([^/?#]+)/users/batch$"
      for byte = 0, 255 do
         local id = "a" .. string.char(byte) .. "b"
         local one, two = wire.endpoint("https://h", id, id):match(PATTERN)
         assert.equal(core.escape(id), one)
         assert.equal(one, two)
         assert.equal(id, (one:gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end)))
      end
      assert.matches("/customers/%.%.%%2F%.%.%%2Fevil/tenants/", wire.endpoint("https://h", "../../evil", "t"))
   end)
end)

describe("wire.page_url", function()
   it("always has both numbers", function()
      assert.equal("e?pageIndex=1&pageSize=100", wire.page_url("e", 1, 100))
      assert.equal("e?pageIndex=2147483647&pageSize=1", wire.page_url("e", 2147483647, 1))
   end)
end)

describe("wire.body", function()
   it("fault 38: is {} for every user", function()
      assert.equal("{}", wire.body(nil))
   end)

   it("has the ids as they were given", function()
      assert.equal('{"userIds":["c2aa00d3-ef87-40aa-a80a-9e9c79232bff"]}', wire.body { "c2aa00d3-ef87-40aa-a80a-9e9c79232bff" })
      assert.equal('{"userIds":["b","A"]}', wire.body { "b", "A" })
   end)

   it("fault 63: escapes what JSON wants escaped, and says the same when it is read", function()
      local ids = { '"', "\\", 'a"],"x":["b', "/", "é 日本 🦊", "\\u0041", "\127", "%s %d", "'" }
      for byte = 0, 31 do
         ids[#ids + 1] = "a" .. string.char(byte)
      end
      local body = wire.body(ids)
      assert.is_nil(body:find("%c"))
      assert.same({ userIds = ids }, require("cjson").decode(body))
      assert.equal([[{"userIds":["\u0022\u005c"]}]], wire.body { '"\\' })
   end)
end)

describe("wire.page", function()
   local META = '"metadata":{"pageIndex":1,"pageSize":50,"totalCount":2}'
   local ADVICE = "; this is not the answer the service documents: check base_url, or tell the vendor"

   local function refused(text, body)
      local result, err, torn = page(body)
      assert.is_nil(result, body)
      assert.equal("protocol", err.kind)
      assert.equal(text .. ADVICE, err.message)
      assert.equal(200, err.status)
      assert.is_false(err.retryable)
      assert.matches("^liar%-%d+%-%d+$", err.request_id)
      return torn
   end

   it("gives the users, the metadata and the request id", function()
      local result = assert(page('{"data":[{"id":"a","x":{"y":null}},{"id":"b","status":7}],' .. META .. ',"more":1}'))
      assert.matches("^liar%-%d+%-%d+$", result.request_id)
      result.request_id = nil
      assert.same({
         data = { { id = "a", x = {} }, { id = "b", status = { 7 } } },
         metadata = { pageIndex = 1, pageSize = 50, totalCount = 2 },
      }, result)
   end)

   it("decodes the sample of the service's documentation into exactly its values", function()
      local file = assert(io.open("spec/fixtures/sample.json", "rb"))
      local result = assert(page(file:read("a")))
      file:close()
      result.request_id = nil
      assert.same({
         data = { {
            id = "c2aa00d3-ef87-40aa-a80a-9e9c79232bff",
            userPrincipalName = "kevin@element.onmicrosoft.com",
            displayName = "Kevin Mark",
            firstName = "Kevin",
            lastName = "Mark",
            department = "DEV",
            mobile = "11122",
            jobTitle = "Software developer",
            status = { 0, 1 },
            isTestUser = false,
            age = 12,
            startDate = "1970-01-01T00:00:00Z",
            endDate = "1970-01-01T00:00:00Z",
            company = "BK Company",
            countryOrRegion = "Slovenia",
         } },
         metadata = { pageIndex = 1, pageSize = 50, totalCount = 1 },
      }, result)
      local user = result.data[1]
      for _, n in ipairs { user.age, user.status[1], user.status[2], result.metadata.pageIndex, result.metadata.pageSize,
         result.metadata.totalCount } do
         assert.equal("integer", math.type(n))
      end
      assert.is_nil(getmetatable(user))
      assert.is_nil(getmetatable(user.status))
   end)

   it("takes an empty tenant, with data as [] and as {}", function()
      local EMPTY = '"metadata":{"pageIndex":1,"pageSize":100,"totalCount":0}'
      assert.same({}, assert(page('{"data":[],' .. EMPTY .. "}")).data)
      assert.same({}, assert(page('{"data":{},' .. EMPTY .. "}")).data)
      assert.same({}, assert(page('{"data":[],"metadata":{"pageIndex":1,"pageSize":0,"totalCount":0}}')).data)
   end)

   it("fault 41: takes an empty array though there are users", function()
      assert.same({}, assert(page('{"data":[],' .. META .. "}")).data)
      assert.same({}, assert(page('{"data" : [ ] ,' .. META .. "}")).data)
   end)

   it("takes status as an array, as one integer, null and absent", function()
      local data = assert(page('{"data":[{"id":"a","status":[]},{"id":"b","status":[0,9]},{"id":"c","status":3},'
         .. '{"id":"d","status":null},{"id":"e"}],' .. META .. "}")).data
      assert.same({}, data[1].status)
      assert.same({ 0, 9 }, data[2].status)
      assert.same({ 3 }, data[3].status)
      assert.is_nil(data[4].status)
      assert.is_nil(data[5].status)
   end)

   it("fault 33: refuses what is no JSON, says what was read, and that asking again may help", function()
      for body, text in pairs {
         [""] = "the answer is not JSON: the body is empty",
         [" "] = "the answer is not JSON: Expected value but found T_END at character 2",
         ["<html>hello</html>"] = "the answer is not JSON: Expected value but found invalid token at character 1",
         ['{"data":['] = "the answer is not JSON: Expected value but found T_END at character 10",
         ['{"data":[]}\0'] = "the answer is not JSON: a NUL byte in the body",
         ["null"] = "the answer is not JSON: the body is neither an object nor an array",
         ['"x"'] = "the answer is not JSON: the body is neither an object nor an array",
      } do
         assert.is_true(refused(text, body))
      end
   end)

   it("fault 7: a page cut at any byte is refused, and asking again may help", function()
      local body = '{"data":[{"id":"a","age":12,"status":[0,1]}],' .. META .. "}"
      for cut = 0, #body - 1 do
         local result, err, torn = page(body, { framing = "close", cut = cut })
         assert.is_nil(result)
         assert.equal("protocol", err.kind)
         assert.is_true(torn)
      end
      assert.is_truthy(page(body, { framing = "close" }))
   end)

   it("fault 37: refuses another top than an object with data and metadata", function()
      assert.is_nil(refused("data is missing, not an array", "{}"))
      refused("data is missing, not an array", "[]")
      refused("data is missing, not an array", '[{"id":"a"}]')
      refused("data is missing, not an array", "{" .. META .. "}")
      refused("data is missing, not an array", '{"data":null,' .. META .. "}")
      refused("data is a string, not an array", '{"data":"x",' .. META .. "}")
      refused("data is a number, not an array", '{"data":1,' .. META .. "}")
      refused("data is a boolean, not an array", '{"data":true,' .. META .. "}")
      refused("metadata is missing, not an object", '{"data":[]}')
      refused("metadata is missing, not an object", '{"data":[],"metadata":null}')
      refused("metadata is a string, not an object", '{"data":[],"metadata":"x"}')
   end)

   it("fault 37: refuses data as an object", function()
      refused("data is an object, not an array", '{"data":{},' .. META .. "}")
      refused("data is an object, not an array", '{ "data"\n:\t{ } ,' .. META .. "}")
      refused("data is an object, not an array", '{"data":{"id":"a"},' .. META .. "}")
      refused("data is an object, not an array", '{"data":{"1":{"id":"a"}},"metadata":'
         .. '{"pageIndex":1,"pageSize":50,"totalCount":0}}')
   end)

   it("fault 37: refuses metadata that are no whole numbers, and names the field", function()
      local function meta(index, size, total)
         return ('{"data":[],"metadata":{%s"pageSize":%s,"totalCount":%s}}'):format(
            index and '"pageIndex":' .. index .. "," or "", size or 50, total or 0)
      end
      refused("metadata.pageIndex is missing, not a whole number from 0", meta(nil))
      refused("metadata.pageIndex is missing, not a whole number from 0", meta("null"))
      refused("metadata.pageIndex is -1, not a whole number from 0", meta("-1"))
      refused("metadata.pageIndex is 1.5, not a whole number from 0", meta("1.5"))
      refused("metadata.pageIndex is a string, not a whole number from 0", meta('"12"'))
      refused("metadata.pageSize is a boolean, not a whole number from 0", meta("1", "true"))
      refused("metadata.totalCount is a table, not a whole number from 0", meta("1", "50", "[1]"))
      refused("metadata.totalCount is 1e+18, not a whole number from 0", meta("1", "50", "1e18"))
      refused("metadata.pageIndex is missing, not a whole number from 0", '{"data":[],"metadata":[]}')
   end)

   it("fault 44: takes counts up to 2^53 and none above", function()
      local COUNT = '{"data":[],"metadata":{"pageIndex":1,"pageSize":50,"totalCount":%s}}'
      assert.equal(9007199254740992, assert(page(COUNT:format("9007199254740992"))).metadata.totalCount)
      assert.equal(12, assert(page(COUNT:format("1.2e1"))).metadata.totalCount)
      assert.is_nil((page(COUNT:format("9007199254740994"))))
      assert.is_nil((page(COUNT:format("99999999999999999999"))))
   end)

   it("fault 39: refuses a page size of 0 where there are users", function()
      local TEXT = "metadata.pageSize is 0 though there are users"
      refused(TEXT, '{"data":[],"metadata":{"pageIndex":1,"pageSize":0,"totalCount":2}}')
      refused(TEXT, '{"data":[{"id":"a"}],"metadata":{"pageIndex":1,"pageSize":0,"totalCount":0}}')
   end)

   it("fault 37: refuses a record that is no user, and says which", function()
      refused("data[2] is not an object", '{"data":[{"id":"a"},"x"],' .. META .. "}")
      refused("data[1] is not an object", '{"data":[1],' .. META .. "}")
      refused("data[1].id is missing", '{"data":[{}],' .. META .. "}")
      refused("data[1].id is missing", '{"data":[[]],' .. META .. "}")
      refused("data[1].id is missing", '{"data":[[{"id":"a"}]],' .. META .. "}")
      refused("data[2].id is missing", '{"data":[{"id":"a"},{"id":null}],' .. META .. "}")
      refused("data[1].id is not a string", '{"data":[{"id":12}],' .. META .. "}")
      refused("data[1].id is not a string", '{"data":[{"id":{"a":1}}],' .. META .. "}")
      refused("data[3].id is empty", '{"data":[{"id":"a"},{"id":"b"},{"id":""}],' .. META .. "}")
   end)

   it("fault 37: refuses a null inside an array, and a status that is none, and names the place", function()
      local function message(body)
         local result, err = page(body)
         assert.is_nil(result)
         assert.equal("protocol", err.kind)
         return err.message
      end
      assert.matches("data%[2%] is a null inside an array", message('{"data":[{"id":"a"},null],' .. META .. "}"))
      assert.matches("data%[1%]%.status%[1%] is a null inside an array",
         message('{"data":[{"id":"a","status":[null]}],' .. META .. "}"))
      assert.matches("data%[1%]%.status is a string, not an array of codes",
         message('{"data":[{"id":"a","status":"3"}],' .. META .. "}"))
      assert.matches("is a number out of range", message('{"data":[{"id":"a","age":1e999}],' .. META .. "}"))
   end)

   it("security 15: shows nothing of an answer that a terminal would act on", function()
      for _, body in ipairs { '{"data":[{"id":"a","\\u001b[31m":[null]}],' .. META .. "}", "\27[2J", '{"\27":1,}',
         '{"data":[],"metadata":{"pageIndex":"\\u001b[31m","pageSize":1,"totalCount":1}}' } do
         local _, err = page(body)
         assert.is_nil(tostring(err):find("[%c\x80-\xff]"), tostring(err))
         assert.is_true(#err.message < 400)
      end
   end)

   it("a null inside well-formed JSON is not called no JSON", function()
      local _, err = page('{"data":[null],' .. META .. "}")
      assert.is_nil(err.message:find("not JSON", 1, true), err.message)
   end)
end)
