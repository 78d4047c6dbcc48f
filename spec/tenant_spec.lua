-- Tenants: queries that make no sense raise where they stand, before anything is sent; what page, collect and count give.

local elements = require("avepoint.elements")
local sandboxes = require("spec.sandbox.sandbox")
local walks = require("spec.support.walks")

local sandbox
local client, tenant, run

setup(function()
   sandbox = sandboxes.start {}
end)

teardown(function()
   sandbox:stop()
end)

before_each(function()
   client, tenant, run = walks.open(sandbox)
end)

after_each(function()
   client:close()
end)

local METHODS = { "users", "pages", "collect", "page" }

-- What each of the four raises for a query, which must be the same but for its name; nothing is sent.
local function refused(query, methods)
   local text
   for _, method in ipairs(methods or METHODS) do
      local message = walks.misuse(function() (tenant[method])(tenant, query) end)
      local head = message:sub(1, #method)
      assert.equal(method, head, message)
      message = message:sub(#method + 1)
      assert.equal(text or message, message)
      text = message
   end
   assert.equal(0, sandbox:count(run))
   return text
end

local WALKS = { "users", "pages", "collect" }

describe("a query is refused", function()
   it("that is no table", function()
      assert.equal(" wants a table of options, not a string", refused("x"))
      assert.equal(" wants a table of options, not a number", refused(7))
      assert.equal(" wants a table of options, not a boolean", refused(false))
      assert.equal(" wants a table of options, not a function", refused(print))
   end)

   it("with an option that does not exist, with those that do", function()
      assert.equal(" has no option \"pagesize\"; it has concurrency, deadline, max_pages, max_users, on_drift, page_index, "
         .. "page_size, resume, user_ids", refused({ pagesize = 5 }, WALKS))
      assert.equal(" has no option \"pagesize\"; it has deadline, page_index, page_size, user_ids",
         refused({ pagesize = 5 }, { "page" }))
      assert.matches("^ has no option that is 1; it has ", refused({ "x" }, WALKS))
   end)

   it("with what a single page can't have", function()
      for name, value in pairs { max_users = 5, max_pages = 5, concurrency = 2, on_drift = "error", resume = "x" } do
         assert.matches("^ has no option \"" .. name .. "\"; it has deadline, page_index, page_size, user_ids$",
            refused({ [name] = value }, { "page" }))
      end
   end)

   local RANGES = {
      page_size = "a whole number from 1 to 100", page_index = "a whole number from 1 to 2147483647",
      max_users = "a whole number from 1", max_pages = "a whole number from 1 to 100000",
      concurrency = "a whole number from 1 to 32", deadline = "a number of seconds above 0, at most a year",
   }
   local BAD = {
      page_size = { 0, 101, 1.5, "100", -1, 1e300, 1 / 0 }, page_index = { 0, -1, 1.5, "1", 2147483648 },
      max_users = { 0, -5, 2.5, "7" }, max_pages = { 0, 100001, 1.5 }, concurrency = { 0, 33, 0.5 },
      deadline = { 0, -1, "5", 1 / 0, 1e12 },
   }
   for name, values in pairs(BAD) do
      for _, value in ipairs(values) do
         it("fault 64: with a " .. name .. " of " .. tostring(value), function()
            local methods = (name == "page_size" or name == "page_index" or name == "deadline") and METHODS or WALKS
            assert.equal((": option '%s' must be %s, not %s"):format(name, RANGES[name],
               type(value) == "string" and '"' .. value .. '"' or tostring(value)), refused({ [name] = value }, methods))
         end)
      end
   end

   it("fault 64: with numbers that are none", function()
      for name in pairs(RANGES) do
         assert.matches("^: option '" .. name .. "' must be .*, not %-?nan$", refused({ [name] = 0 / 0 }, WALKS))
      end
   end)

   it("with an on_drift that is no word of it", function()
      assert.equal(": option 'on_drift' must be one of \"report\", \"error\", not \"ignore\"",
         refused({ on_drift = "ignore" }, WALKS))
      assert.equal(": option 'on_drift' must be one of \"report\", \"error\", not true", refused({ on_drift = true }, WALKS))
   end)

   local long = ("a"):rep(257)
   local IDS = {
      { "x", "must be an array of strings, not \"x\"" }, { 7, "must be an array of strings, not 7" },
      { { a = "b" }, "must be an array of strings; it has the key \"a\"" },
      { { "a", [0] = "b" }, "must be an array of strings; it has the key 0" },
      { { "a", [1.5] = "b" }, "must be an array of strings; it has the key 1.5" },
      { { "a", nil, "c" }, "has a hole at 2" }, { { [2] = "b" }, "has a hole at 1" },
      { { "a", 7 }, "must hold strings; [2] is 7" }, { { {} }, "must hold strings; [1] is a table" },
      { { "a", "" }, "must not hold empty strings; [2] is one" },
      { { long }, "must hold ids of at most 256 bytes; [1] has 257" },
      { { "a\nb" }, "must hold printable UTF-8; [1] is \"a\\nb\"" },
      { { "\255" }, "must hold printable UTF-8; [1] is \"\\xff\"" },
      { { "ok", "ana@element.example" },
         "must hold user ids (their field id), not sign-in names; [2] is \"ana@element.example\"" },
   }
   for _, case in ipairs(IDS) do
      it("fault 63: with user_ids that " .. case[2]:gsub("[%c\\]", ""), function()
         assert.equal(": option 'user_ids' " .. case[2], refused { user_ids = case[1] })
      end)
   end

   it("fault 63: with more ids than a page for page", function()
      assert.equal(": option 'user_ids' has 3 ids, more than page_size (2); take pages or users",
         refused({ user_ids = { "a", "b", "c" }, page_size = 2 }, { "page" }))
      assert.equal(": option 'user_ids' has 101 ids, more than page_size (100); take pages or users",
         refused({ user_ids = walks.ids(1, 101) }, { "page" }))
   end)

   it("with page_index and several chunks of ids", function()
      assert.equal(": option 'page_index' does not go with more user_ids than page_size (2)",
         refused({ user_ids = { "a", "b", "c" }, page_size = 2, page_index = 2 }, WALKS))
   end)

   it("with a resume that is none", function()
      for _, text in ipairs { "x", "zz", "ABCDEF", ("00"):rep(4001), "0" } do
         assert.equal(": option 'resume' is no resume string", refused({ resume = text }, WALKS))
      end
      assert.equal(": option 'resume' must be a string, not 7", refused({ resume = 7 }, WALKS))
      assert.equal(": option 'resume' is cut or mistyped", refused({ resume = "" }, WALKS))
      assert.equal(": option 'resume' is cut or mistyped", refused({ resume = ("00"):rep(60) }, WALKS))
   end)

   describe("with a resume", function()
      local resume

      before_each(function()
         local _ <close>, other = walks.open(sandbox)
         resume = select(2, other:collect { max_users = 130 }).resume
      end)

      it("that was cut or changed anywhere", function()
         for at = 1, #resume, 37 do
            local digit = resume:sub(at, at) == "0" and "1" or "0"
            assert.equal(": option 'resume' is cut or mistyped",
               refused({ resume = resume:sub(1, at - 1) .. digit .. resume:sub(at + 1) }, { "users" }))
         end
         assert.equal(": option 'resume' is cut or mistyped", refused({ resume = resume:sub(1, -3) }, { "users" }))
      end)

      it("of another tenant", function()
         tenant = client:tenant(sandbox.second.customer_id, sandbox.second.tenant_id)
         assert.equal(": option 'resume' belongs to another tenant", refused({ resume = resume }, WALKS))
      end)

      it("of another page_size", function()
         assert.equal(": option 'resume' belongs to a walk with page_size 100",
            refused({ resume = resume, page_size = 50 }, WALKS))
      end)

      it("of another list of ids", function()
         assert.equal(": option 'resume' belongs to another list of user_ids",
            refused({ resume = resume, user_ids = { "a" } }, WALKS))
      end)

      it("and a page_index", function()
         assert.equal(": option 'resume' does not go with page_index", refused({ resume = resume, page_index = 2 }, WALKS))
      end)

      it("which names no user and no secret", function()
         assert.matches("^[0-9a-f]+$", resume)
         assert.is_true(#resume <= 8000)
      end)
   end)

   it("without asking its metamethods", function()
      local ids = setmetatable(walks.ids(1, 3), { __index = error, __len = error, __pairs = error })
      local query = setmetatable({ user_ids = ids }, { __index = error, __pairs = error })
      assert.equal(3, #tenant:collect(query))
   end)
end)

describe("tenant:page", function()
   it("gives the first page", function()
      local page, err = tenant:page()
      assert.is_nil(err)
      assert.is_nil(walks.difference(page.data, walks.users(1, 100)))
      assert.same({ pageIndex = 1, pageSize = 100, totalCount = 250 }, page.metadata)
      assert.is_string(page.request_id)
      assert.is_nil(getmetatable(page))
      assert.equal(1, sandbox:count(run))
   end)

   it("gives a page by index and size", function()
      local page = assert(tenant:page { page_index = 3, page_size = 40 })
      assert.is_nil(walks.difference(page.data, walks.users(81, 120)))
      assert.same({ pageIndex = 3, pageSize = 40, totalCount = 250 }, page.metadata)
   end)

   it("gives a page behind the end as the service does", function()
      local page = assert(tenant:page { page_index = 9 })
      assert.same({}, page.data)
      assert.equal(250, page.metadata.totalCount)
      assert.equal(1, sandbox:count(run))
   end)

   it("gives an error where the service refuses a page behind the end", function()
      for status, kind in pairs { ["400"] = "bad_request", ["404"] = "not_found" } do
         local _ <close>, other = walks.open(sandbox, { past_end = status })
         local page, err = other:page { page_index = 9 }
         assert.is_nil(page)
         assert.equal(kind, err.kind)
         assert.equal(9, err.page_index)
      end
   end)

   it("gives an empty page of a tenant that is not empty as it came", function()
      local _ <close>, other, its = walks.open(sandbox, { empty = 2 })
      assert.same({}, assert(other:page { page_index = 2 }).data)
      assert.equal(1, sandbox:count(its))
   end)

   it("gives the users asked for", function()
      local page = assert(tenant:page { user_ids = walks.ids(31, 33) })
      assert.is_nil(walks.difference(page.data, walks.users(31, 33)))
      assert.equal(3, page.metadata.totalCount)
   end)

   it("counts ids once, whatever their case, against page_size", function()
      local id = walks.ids(5, 5)[1]
      assert.equal(1, #assert(tenant:page { user_ids = { id, id:upper(), id }, page_size = 1 }).data)
   end)

   it("gives nobody for no ids, and sends nothing", function()
      local page = assert(tenant:page { user_ids = {} })
      assert.same({ data = {}, metadata = { pageIndex = 1, pageSize = 100, totalCount = 0 } }, page)
      assert.equal(0, sandbox:count(run))
   end)

   it("gives nil and an error, and raises nothing", function()
      local _ <close>, other = walks.open(sandbox, { fail = "403:2" })
      local page, err = other:page { page_index = 2 }
      assert.is_nil(page)
      assert.is_true(elements.is_error(err))
      assert.equal("forbidden", err.kind)
      assert.equal(2, err.page_index)
   end)

   it("repeats what can be repeated", function()
      local _ <close>, other, its = walks.open(sandbox, { fail = "503:1:1" })
      assert.equal(100, #assert(other:page()).data)
      assert.equal(2, sandbox:count(its))
   end)
end)

describe("tenant:collect", function()
   it("gives the list and the receipt", function()
      local list, receipt, none = tenant:collect { page_size = 60 }
      assert.is_nil(walks.difference(list, walks.users(1, 250)))
      assert.is_true(receipt.complete)
      assert.is_nil(none)
   end)

   it("gives nil, the error and the list so far", function()
      local _ <close>, other = walks.open(sandbox, { fail = "403:3" })
      local list, err, so_far = other:collect()
      assert.is_nil(list)
      assert.equal("forbidden", err.kind)
      assert.is_nil(walks.difference(so_far, walks.users(1, 200)))
      assert.equal(200, err.receipt.users)
      assert.is_string(err.resume)
   end)

   it("gives an empty list and the error when the first page fails", function()
      local _ <close>, other = walks.open(sandbox, { fail = "403:1" })
      local list, err, so_far = other:collect()
      assert.is_nil(list)
      assert.equal("forbidden", err.kind)
      assert.same({}, so_far)
   end)

   it("passes on what on_event raises", function()
      local thrown = {}
      local _ <close>, other = walks.open(sandbox, {}, {
         on_event = function(event)
            if event.type == "page" and event.page_index == 2 then
               error(thrown)
            end
         end,
      })
      local ok, err = pcall(other.collect, other)
      assert.is_false(ok)
      assert.equal(thrown, err)
   end)

end)

describe("a method called with a dot", function()
   it("raises and shows the colon", function()
      for _, name in ipairs { "users", "pages", "collect", "page", "count" } do
         for _, query in ipairs { false, {}, { page_size = 1 } } do
            assert.equal(("%s: to be called with a colon, as in tenant:%s()"):format(name, name),
               walks.misuse(function() tenant[name](query or nil) end))
         end
      end
      for _, name in ipairs { "fd", "close" } do
         assert.equal(("%s: to be called with a colon, as in client:%s()"):format(name, name),
            walks.misuse(function() client[name]() end))
      end
      assert.equal("tenant: to be called with a colon, as in client:tenant(customer_id, tenant_id)",
         walks.misuse(function() client.tenant("a", "b") end))
   end)
end)

describe("tenant:count", function()
   it("gives an integer for one request of one user", function()
      for _, size in ipairs { 0, 1, 250, 12345 } do
         local _ <close>, other, its = walks.open(sandbox, { size = size })
         local count = other:count()
         assert.equal(size, count)
         assert.equal("integer", math.type(count))
         local log = sandbox:log(its)
         assert.equal(1, #log)
         assert.equal(1, log[1].size)
         assert.equal(1, log[1].page)
      end
   end)

   it("gives nil and an error", function()
      local _ <close>, other = walks.open(sandbox, { fail = "401:1" })
      local count, err = other:count()
      assert.is_nil(count)
      assert.equal("auth", err.kind)
   end)

   it("keeps to its deadline, and has no other option", function()
      local _ <close>, other = walks.open(sandbox, { latency = 5000 })
      local count, err = other:count { deadline = 0.2 }
      assert.is_nil(count)
      assert.equal("timeout", err.kind)
      assert.equal("count has no option \"page_size\"; it has deadline",
         walks.misuse(function() other:count { page_size = 1 } end))
   end)
end)

describe("tostring", function()
   it("says what a walk is and how it stands", function()
      local walk = tenant:users()
      assert.equal("avepoint.Users (running)", tostring(walk))
      walk()
      walk:close()
      assert.equal("avepoint.Users (closed)", tostring(walk))
      local pages = tenant:pages()
      walks.drain(pages)
      assert.equal("avepoint.Pages (end)", tostring(pages))
   end)

   it("says which tenant it is", function()
      assert.equal("avepoint.Tenant (a/b.c)", tostring(client:tenant("a", "b.c")))
   end)
end)

describe("a tenant", function()
   it("gives four values for a loop: the walk, nil, nil and the walk", function()
      for _, method in ipairs { "users", "pages" } do
         local values = table.pack(tenant[method](tenant))
         assert.equal(4, values.n)
         assert.is_nil(values[2])
         assert.is_nil(values[3])
         assert.equal(values[1], values[4])
      end
      assert.equal(0, sandbox:count(run))
   end)

   it("keeps its client alive", function()
      local other
      do
         local hidden
         hidden, other = walks.open(sandbox)
         assert.is_table(hidden)
      end
      collectgarbage()
      collectgarbage()
      assert.equal(250, other:count())
   end)

   it("of the second pair of ids has users of its own", function()
      local _ <close>, other = walks.open(sandbox, { size = 3 }, { second = true })
      assert.equal("50000001-50000003", walks.numbers((other:collect())))
   end)
end)
