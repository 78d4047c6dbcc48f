-- Walks end to end: what the service may do to pages (faults 37 to 46), every way out of a loop, receipts and resume.

local elements = require("avepoint.elements")
local liars = require("spec.sandbox.liar")
local requests = require("spec.support.requests")
local sandboxes = require("spec.sandbox.sandbox")
local socket = require("socket")
local walks = require("spec.support.walks")

local sandbox

setup(function()
   sandbox = sandboxes.start {}
end)

teardown(function()
   sandbox:stop()
end)

local function walked(...)
   return walks.walked(sandbox, ...)
end

-- Waits until so many requests are being answered.
local function wait_for(run, least)
   requests.eventually(function()
      return sandbox:report(run).in_flight >= least
   end)
end

-- Soon, and before it had to answer, the service sees that nothing is wanted any more.
local function assert_withdrawn(run)
   assert.equal(0, walks.settled(sandbox, run).in_flight)
end

-- Pages 1 to 8 come at once, the rest after twenty seconds: who has page 8 has others in flight. Without TLS, behind
-- which nginx does not look for clients that went away.
local HANGING, PLAIN = { size = 2000, slow = "20000:9-" }, { scheme = "http" }

-- Whether a loop over HANGING is at page 8, with requests in flight.
local function hangs(page, run)
   if page.metadata.pageIndex < 8 then
      return false
   end
   wait_for(run, 3)
   return true
end

-- A walk over HANGING that is there.
local function hanging(tenant, run)
   local walk = (tenant:pages())
   for _ = 1, 8 do
      walk()
   end
   wait_for(run, 3)
   return walk
end

describe("a walk", function()
   it("is no list: what would take it for an empty one raises", function()
      local _ <close>, tenant = walks.open(sandbox)
      for _, walk in ipairs { tenant:users(), (tenant:pages()) } do
         for _, use in ipairs {
            function() for _ in ipairs(walk) do error("a step") end end,
            function() for _ in pairs(walk) do error("a step") end end,
            function() return #walk end,
            function() return walk[1] end,
         } do
            local ok, message = pcall(use)
            assert.is_false(ok)
            assert.equal("avepoint.elements: a walk is no list; step it, as in for user in tenant:users() do, or have "
               .. "tenant:collect()", message:match("avepoint%.elements: .*"))
         end
         assert.is_nil(walk.nothing)
      end
   end)
end)

describe("a deadline", function()
   it("counts the loop's body, however fast the service is", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 1000, cap = 100 })
      local walk = tenant:pages { deadline = 0.6 }
      local pages = 0
      local ok, err = pcall(function()
         for _ in walk do
            pages = pages + 1
            socket.sleep(0.25)
         end
      end)
      assert.is_false(ok)
      assert.equal("timeout", err.kind)
      assert.equal("the deadline of 0.6 s passed after " .. pages * 100 .. " users; go on with resume", err.message)
      assert.is_true(pages >= 1 and pages <= 3, pages)
      assert.equal("string", type(err.resume))
   end)
end)

describe("the paging of a service that is not exact", function()
   local END = "; this is not the answer the service documents: check base_url, or tell the vendor"
   local UNFIT = "; pages that don't fit together give no whole list"

   it("fault 37: an answer without data is a protocol error that names the field", function()
      local numbers, err, receipt = walked { shape = "data_missing@2" }
      assert.equal("1-100", numbers)
      assert.equal("protocol", err.kind)
      assert.equal("data is missing, not an array" .. END, err.message)
      assert.equal(200, err.status)
      assert.equal(2, err.page_index)
      assert.is_false(err.retryable)
      assert.matches("^5a4d0000%-0000%-4000%-8000%-%x+$", err.request_id)
      assert.equal("protocol: data is missing, not an array" .. END .. " (HTTP 200, page 2, request id "
         .. err.request_id .. ")", tostring(err))
      assert.equal("error", receipt.stop_reason)
      assert.equal(err, receipt.error)
   end)

   local SHAPES = {
      { "data_null", "data is missing, not an array" }, { "data_string", "data is a string, not an array" },
      { "data_object", "data is an object, not an array" }, { "data_number", "data is a number, not an array" },
      { "data_object_of_users", "data is an object, not an array" },
      { "null_record", "data[1] is a null inside an array" }, { "all_null", "data[1] is a null inside an array" },
      { "string_record", "data[1] is not an object" }, { "array_record", "data[1].id is missing" },
      { "empty_record", "data[1].id is missing" }, { "no_id", "data[1].id is missing" },
      { "id_null", "data[1].id is missing" }, { "id_number", "data[1].id is not a string" },
      { "id_array", "data[1].id is not a string" }, { "null_in_status", "data[1].status[2] is a null inside an array" },
      { "status_null_only", "data[1].status[1] is a null inside an array" },
      { "status_string", "data[1].status is a string" }, { "status_words", "data[1].status[1] is not a whole number" },
      { "status_fraction", "data[1].status[1] is not a whole number" },
      { "null_in_unknown", "data[1].roles[2] is a null inside an array" },
      { "overflow", "data[1].age is a number out of range" }, { "metadata_missing", "metadata is missing, not an object" },
      { "metadata_null", "metadata is missing, not an object" }, { "metadata_string", "metadata is a string, not an object" },
      { "metadata_empty", "metadata.pageIndex is missing, not a whole number" },
      { "index_string", "metadata.pageIndex is " }, { "size_missing", "metadata.pageSize is missing, not a whole number" },
      { "size_negative", "metadata.pageSize is -1, not a whole number" },
      { "size_zero", "metadata.pageSize is 0 though there are users" },
      { "total_fraction", "metadata.totalCount is 250.5, not a whole number" },
      { "total_negative", "metadata.totalCount is -1, not a whole number" },
      { "total_null", "metadata.totalCount is missing, not a whole number" },
      { "top_array", "data is missing, not an array" }, { "top_empty", "data is missing, not an array" },
      { "error_object", "data is missing, not an array" }, { "too_many", "a page of 100 users has 101" },
      { "size_small", "the size of pages changed from 100 to 99" }, { "html", "the answer is not JSON" },
      { "cut_last", "the answer is not JSON" }, { "trailing", "the answer is not JSON" }, { "empty_body", "empty" },
      { "nul_after", "a NUL byte in the body" }, { "huge", "the answer is larger than it can be" },
   }
   for _, case in ipairs(SHAPES) do
      it("fault 37: the shape " .. case[1] .. " on page 2 ends the walk, says why, and gives nothing of that page", function()
         local numbers, err, receipt = walked { shape = case[1] .. "@2" }
         assert.equal("1-100", numbers)
         assert.is_true(elements.is_error(err))
         assert.equal("protocol", err.kind)
         assert.is_truthy(err.message:find(case[2], 1, true), err.message)
         assert.equal(2, err.page_index)
         assert.is_false(receipt.complete)
         assert.equal(1, receipt.pages)
      end)
   end

   it("fault 38: a walk over no ids sends nothing, and one over everybody sends {}", function()
      local numbers, err, receipt, run = walked({}, { user_ids = {} })
      assert.equal("", numbers)
      assert.is_nil(err)
      assert.equal(0, sandbox:count(run))
      assert.equal("end", receipt.stop_reason)
      assert.same({}, receipt.missing)
      assert.equal(0, receipt.requests)
      local _, _, _, whole = walked {}
      assert.is_nil(sandbox:log(whole)[1].ids)
      assert.equal(200, sandbox:log(whole)[1].status)
   end)

   it("fault 39: the size in the answer counts, not the size asked for", function()
      for _, cap in ipairs { 1, 30, 50, 99 } do
         local numbers, err, receipt = walked { size = 120, cap = cap }
         assert.equal("1-120", numbers)
         assert.is_nil(err)
         assert.is_true(receipt.complete)
         assert.equal(math.ceil(120 / cap), receipt.pages)
      end
   end)

   it("fault 39: a service that refuses the size is a bad_request that says what it said", function()
      local numbers, err = walked { cap = 50, cap_mode = 400 }
      assert.equal("", numbers)
      assert.equal("bad_request", err.kind)
      assert.equal("the service does not accept the request; check ids, page_size and the number of user_ids; "
         .. "it says \"400 pageSize is above 50\"", err.message)
   end)

   it("fault 39: a size that changes in the middle is a protocol error", function()
      local numbers, err = walked { size_change = "2:50" }
      assert.equal("1-100", numbers)
      assert.equal("the size of pages changed from 100 to 50" .. UNFIT, err.message)
      assert.equal("protocol", err.kind)
   end)

   it("fault 39: a size that changes on the last page does not matter", function()
      local numbers, err, receipt = walked { size_change = "3:50" }
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
   end)

   it("fault 40: a page with another index is a protocol error", function()
      local numbers, err = walked { shape = "index_wrong@2" }
      assert.equal("1-100", numbers)
      assert.equal("protocol", err.kind)
      assert.equal("page 2 was asked for and page 3 came" .. UNFIT, err.message)
   end)

   for _, concurrency in ipairs { 1, 8 } do
      it("fault 40: a service that always gives page 1 is found out on page 2, with a concurrency of " .. concurrency, function()
         local numbers, err = walked({ stuck = 1, size = 5000 }, nil, { concurrency = concurrency })
         assert.equal("1-100", numbers)
         assert.equal("protocol", err.kind)
         assert.equal("page 2 has the users of page 1: the service ignores pageIndex" .. UNFIT, err.message)
      end)
   end

   it("fault 40: a later page that repeats the one before it is a protocol error", function()
      local numbers, err = walked { size = 500, ["repeat"] = 4 }
      assert.equal("1-300", numbers)
      assert.equal("page 4 has the users of page 3: the service ignores pageIndex" .. UNFIT, err.message)
   end)

   it("fault 41: an empty page, first, in the middle or last, never ends a walk and is drift", function()
      for page, expected in pairs { "101-250", "1-100 201-250", "1-200" } do
         local numbers, err, receipt = walked { empty = page }
         assert.equal(expected, numbers)
         assert.is_nil(err)
         assert.is_true(receipt.drift)
         assert.is_false(receipt.complete)
         assert.equal("end", receipt.stop_reason)
      end
   end)

   it("fault 41: a short page never ends a walk and is drift", function()
      local numbers, err, receipt = walked { short = 2 }
      assert.equal("1-150 201-250", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 42: pages that are added while one walks are fetched", function()
      local numbers, err, receipt = walked { drift = "grow:1:200" }
      assert.equal("1-450", numbers)
      assert.is_nil(err)
      assert.equal(250, receipt.total_first)
      assert.equal(450, receipt.total_last)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 42: a tenant that shrinks ends the walk at its new end", function()
      local numbers, err, receipt = walked { drift = "shrink:1:100" }
      assert.equal("1-150", numbers)
      assert.is_nil(err)
      assert.equal(150, receipt.total_last)
      assert.is_false(receipt.complete)
   end)

   for _, past_end in ipairs { "empty", "400", "404" } do
      it("fault 42: a page that is gone by shrinking (" .. past_end .. ") makes the one before be asked again", function()
         local numbers, err, receipt, run = walked({ drift = "shrink:1:200", past_end = past_end }, nil, { concurrency = 1 })
         assert.equal("1-100", numbers)
         assert.is_nil(err)
         assert.same({ 1, 2, 1 }, walks.pages(sandbox, run))
         assert.is_true(receipt.drift)
         assert.equal("end", receipt.stop_reason)
         assert.equal(50, receipt.total_last)
      end)
   end

   it("fault 42: a 404 for page 4 though the total reaches it is that error, of page 4", function()
      local numbers, err = walked { total = 350, past_end = "404" }
      assert.equal("1-250", numbers)
      assert.equal("not_found", err.kind)
      assert.is_truthy(err.message:find("it says \"404 no page 4\"", 1, true))
      assert.equal(4, err.page_index)
   end)

   it("fault 42: nothing behind the last page is ever asked for", function()
      for _, size in ipairs { 100, 101, 800 } do
         local _, _, _, run = walked { size = size }
         local asked = walks.pages(sandbox, run)
         assert.equal(math.ceil(size / 100), math.max(table.unpack(asked)))
         assert.equal(math.ceil(size / 100), #asked)
      end
   end)

   it("fault 42: with on_drift = \"error\" a change is an error", function()
      local numbers, err, receipt = walked({ drift = "grow:1:10" }, { on_drift = "error" })
      assert.equal("1-100", numbers)
      assert.equal("drift", err.kind)
      assert.equal("the number of users changed from 250 to 260; walk again while nobody changes users, "
         .. "or take on_drift = \"report\"", err.message)
      assert.is_true(receipt.drift)
      assert.equal("error", receipt.stop_reason)
   end)

   it("fault 42: with on_drift = \"error\" a tenant that stays as it is raises nothing", function()
      local numbers, err, receipt = walked({}, { on_drift = "error" })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
   end)

   it("fault 43: users that come again because others were put in before them are given once", function()
      local numbers, err, receipt = walked({ drift = "insert:1:10" }, nil, { concurrency = 1 })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.equal(10, receipt.duplicates)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 43: users that are passed over because others were deleted before them are drift", function()
      local numbers, _, receipt = walked({ drift = "delete:1:10" }, nil, { concurrency = 1 })
      assert.equal("1-100 111-250", numbers)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 43: users that change places, with the same total, are drift", function()
      local numbers, _, receipt = walked({ drift = "swap:1:10" }, nil, { concurrency = 1 })
      assert.equal("1-240", numbers)
      assert.equal(10, receipt.duplicates)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 43: a page that holds a user twice gives it once", function()
      local numbers, _, receipt = walked { shape = "twice@2" }
      assert.equal("1-199 201-250", numbers)
      assert.equal(1, receipt.duplicates)
      assert.is_false(receipt.complete)
   end)

   it("fault 44: a total of 0 with data gives the data, and drift", function()
      local numbers, err, receipt = walked { total = 0 }
      assert.equal("1-100", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.drift)
      assert.is_false(receipt.complete)
   end)

   it("fault 44: a total that is one too high is drift", function()
      local numbers, err, receipt = walked { total = 251 }
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.drift)
   end)

   it("fault 44: a total of 10^12 ends at max_pages and takes no memory", function()
      collectgarbage()
      local before = collectgarbage("count")
      local numbers, err, receipt = walked({ total = 1000000000000 }, { max_pages = 40 })
      collectgarbage()
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.equal("max_pages", receipt.stop_reason)
      assert.is_false(receipt.complete)
      assert.is_true(collectgarbage("count") - before < 300)
   end)

   it("fault 45: when page 3 fails for good those before it were given, and the error can be resumed", function()
      local numbers, err, receipt, run = walked({ size = 800, fail = "403:3", latency = "0-20" }, nil, PLAIN)
      assert.equal("1-200", numbers)
      assert.equal("forbidden", err.kind)
      assert.equal(3, err.page_index)
      assert.is_string(err.resume)
      assert.equal(200, err.receipt.users)
      assert.equal("error", receipt.stop_reason)
      assert_withdrawn(run)
      local _ <close>, well = walks.open(sandbox, { size = 800 })
      assert.equal("201-800", walks.numbers((well:collect { resume = err.resume })))
   end)

   it("fault 46: a loop body that is slower than the attempt's timeout costs no attempt", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 160, cap = 20, latency = 60 },
         { timeout = 0.6, concurrency = 3 })
      local walk = tenant:pages()
      local n = 0
      for page in walk do
         n = n + #page.data
         if page.metadata.pageIndex == 2 then
            os.execute("sleep 0.8")
         elseif page.metadata.pageIndex == 3 then
            local stop = os.clock() + 0.8
            while os.clock() < stop do
               n = n + 0
            end
         end
      end
      assert.equal(160, n)
      assert.equal(0, walk:receipt().retries)
      assert.equal(8, sandbox:count(run))
      assert.is_true(walk:receipt().complete)
   end)

   it("fault 46: time in a loop's body is not counted against what is still unanswered after it", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 1500, slow = "1500:9" }, { timeout = 1, scheme = "http" })
      local walk = tenant:pages()
      local n = 0
      for page in walk do
         n = n + #page.data
         if page.metadata.pageIndex == 8 then
            wait_for(run, 1)
            socket.sleep(1.2)
         end
      end
      assert.equal(1500, n)
      assert.equal(0, walk:receipt().retries)
      assert.equal(15, sandbox:count(run))
   end)

   it("fault 46: an attempt that is too slow while it is waited for is repeated all the same", function()
      local numbers, err, receipt = walked({ slow = "5000:2:1" }, nil, { timeout = 0.8 })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.equal(1, receipt.retries)
   end)

   it("fault 46: connections that the server closed during the loop's body cost no page", function()
      local liar <close> = liars.start {}
      local _ <close>, tenant = walks.open(liar, { lie = "close_when_idle", size = 90, cap = 10 }, { concurrency = 2 })
      local list = {}
      for user, page in tenant:users { page_size = 10 } do
         if #list % 30 == 0 then
            socket.sleep(0.05)
         end
         list[#list + 1] = page and user
      end
      assert.equal("1-90", walks.numbers(list))
   end)
end)

describe("user_ids", function()
   for _, n in ipairs { 1, 99, 100, 101, 250 } do
      it("are asked for in chunks of at most page_size: " .. n, function()
         local numbers, err, receipt, run = walked({ size = 400 }, { user_ids = walks.ids(51, 50 + n) })
         assert.equal(n == 1 and "51" or "51-" .. 50 + n, numbers)
         assert.is_nil(err)
         assert.is_true(receipt.complete)
         assert.same({}, receipt.missing)
         local sizes = {}
         for _, entry in ipairs(sandbox:log(run)) do
            sizes[#sizes + 1] = math.tointeger(entry.ids)
         end
         table.sort(sizes)
         assert.same(({ [1] = { 1 }, [99] = { 99 }, [100] = { 100 }, [101] = { 1, 100 }, [250] = { 50, 100, 100 } })[n], sizes)
      end)
   end

   it("come in the order of their chunks", function()
      local ids = walks.ids(1, 30)
      table.move(walks.ids(1, 10), 1, 10, 21, ids)
      table.move(walks.ids(21, 30), 1, 10, 1, ids)
      assert.equal("21-30 11-20 1-10", (walked({ latency = "0-10" }, { user_ids = ids, page_size = 10 })))
   end)

   it("are walked page by page where the service caps the answers", function()
      local numbers, err, receipt = walked({ cap = 30 }, { user_ids = walks.ids(1, 250) })
      assert.equal("1-250", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
      assert.equal(250, receipt.total_last)
   end)

   it("that are given twice, also in another case, are asked for once", function()
      local ids = walks.ids(1, 3)
      ids[4], ids[5] = ids[1], ids[2]:upper()
      local numbers, err, receipt, run = walked({}, { user_ids = ids })
      assert.equal("1-3", numbers)
      assert.is_nil(err)
      assert.is_true(receipt.complete)
      assert.same({}, receipt.missing)
      assert.equal(3, sandbox:log(run)[1].ids)
   end)

   it("may be in upper case where the service's are lower, and the other way round", function()
      local upper = {}
      for i, id in ipairs(walks.ids(1, 120)) do
         upper[i] = id:upper()
      end
      for _, case in ipairs { { {}, upper }, { { filter_case = "upper" }, walks.ids(1, 120) } } do
         local numbers, err, receipt = walked(case[1], { user_ids = case[2] })
         assert.equal("1-120", numbers)
         assert.is_nil(err)
         assert.is_true(receipt.complete)
         assert.same({}, receipt.missing)
      end
   end)

   it("fault 43: that nobody has and the service leaves out are missing, in the order asked for", function()
      local ids = walks.ids(201, 310)
      local numbers, err, receipt = walked({ size = 260 }, { user_ids = ids })
      assert.equal("201-260", numbers)
      assert.is_nil(err)
      assert.same(walks.ids(261, 310), receipt.missing)
      assert.equal("end", receipt.stop_reason)
   end)

   it("fault 42: that nobody has and the service answers with 404 are not_found, never missing", function()
      local numbers, err, receipt = walked({ size = 260, ids_unknown = "404" }, { user_ids = walks.ids(101, 310) })
      assert.equal("101-200", numbers)
      assert.equal("not_found", err.kind)
      assert.same({}, receipt.missing)
   end)

   it("of many chunks are asked for only as far as max_users can need them", function()
      local numbers, _, receipt, run = walked({}, { user_ids = walks.ids(1, 200), page_size = 10, max_users = 15 })
      assert.equal("1-15", numbers)
      assert.equal("max_users", receipt.stop_reason)
      assert.equal(2, sandbox:count(run))
   end)

   it("that are not_found on a later page of theirs say so once", function()
      local numbers, err = walked({ cap = 50, fail = "404:2" }, { user_ids = walks.ids(1, 100) })
      assert.equal("1-50", numbers)
      assert.equal(2, err.page_index)
      assert.equal(1, select(2, err.message:gsub("one of user_ids is unknown to the service", "")), err.message)
   end)

   it("that a service ignores are a protocol error and not an answer", function()
      local ids = walks.ids(2, 2)
      local numbers, err = walked({ filter = "ignored" }, { user_ids = ids })
      assert.equal("", numbers)
      assert.equal("protocol", err.kind)
      assert.equal("a user came who was not asked for (" .. walks.ids(1, 1)[1] .. "): the service ignores userIds; "
         .. "pages that don't fit together give no whole list", err.message)
   end)

   it("that change while the walk runs do not change it", function()
      local ids = walks.ids(1, 150)
      local _ <close>, tenant = walks.open(sandbox)
      local walk = tenant:users { user_ids = ids }
      walk()
      for i = 1, 150 do
         ids[i] = nil
      end
      assert.equal(149, #walks.drain(walk))
      assert.same({}, walk:receipt().missing)
   end)
end)

describe("a bound", function()
   for _, case in ipairs {
      { 1, "1", 1 }, { 99, "1-99", 1 }, { 100, "1-100", 1 }, { 101, "1-101", 2 }, { 249, "1-249", 3 },
   } do
      it("of max_users " .. case[1] .. " gives so many users for " .. case[3] .. " requests", function()
         local numbers, err, receipt, run = walked({}, { max_users = case[1] })
         assert.equal(case[2], numbers)
         assert.is_nil(err)
         assert.equal("max_users", receipt.stop_reason)
         assert.is_false(receipt.complete)
         assert.equal(case[1], receipt.users)
         assert.equal(case[3], sandbox:count(run))
         assert.equal(case[3], receipt.requests)
         assert.is_string(receipt.resume)
      end)
   end

   it("of max_users asks for no page that it does not need", function()
      local numbers, _, receipt = walked({ size = 5000, latency = 3 }, { max_users = 720 })
      assert.equal("1-720", numbers)
      assert.equal(8, receipt.requests)
   end)

   it("of max_users that the tenant does not reach is a whole walk", function()
      for _, most in ipairs { 251, 100000 } do
         local numbers, _, receipt = walked({}, { max_users = most })
         assert.equal("1-250", numbers)
         assert.is_true(receipt.complete)
         assert.equal("end", receipt.stop_reason)
      end
   end)

   it("of max_users that is just the tenant is a whole walk", function()
      local _, _, receipt = walked({}, { max_users = 250 })
      assert.equal("end", receipt.stop_reason)
      assert.is_true(receipt.complete)
   end)

   it("of max_pages ends after so many", function()
      local numbers, err, receipt, run = walked({}, { max_pages = 2 })
      assert.equal("1-200", numbers)
      assert.is_nil(err)
      assert.equal("max_pages", receipt.stop_reason)
      assert.is_false(receipt.complete)
      assert.equal(2, sandbox:count(run))
   end)

   it("of max_pages that is just the tenant is a whole walk", function()
      local numbers, _, receipt = walked({}, { max_pages = 3 })
      assert.equal("1-250", numbers)
      assert.equal("end", receipt.stop_reason)
      assert.is_true(receipt.complete)
   end)

   it("of page_index starts there and is no whole walk", function()
      local numbers, err, receipt, run = walked({}, { page_index = 2 })
      assert.equal("101-250", numbers)
      assert.is_nil(err)
      assert.is_false(receipt.complete)
      assert.is_false(receipt.drift)
      assert.equal("end", receipt.stop_reason)
      assert.same({ 2, 3 }, walks.pages(sandbox, run))
   end)

   it("of page_index 1 is a whole walk", function()
      local numbers, _, receipt = walked({}, { page_index = 1 })
      assert.equal("1-250", numbers)
      assert.is_true(receipt.complete)
   end)

   it("of page_index behind the end gives nobody and is no whole walk", function()
      local numbers, err, receipt = walked({}, { page_index = 9 })
      assert.equal("", numbers)
      assert.is_nil(err)
      assert.is_false(receipt.complete)
   end)
end)

describe("a deadline", function()
   it("that passes while a page is waited for says how far the walk came and how to go on", function()
      local numbers, err, receipt, run = walked({ slow = "20000:3" }, { deadline = 0.8 }, PLAIN)
      assert.is_true(receipt.elapsed < 10, receipt.elapsed)
      assert.equal("1-200", numbers)
      assert.equal("timeout", err.kind)
      assert.equal("the deadline of 0.8 s passed after 200 users; go on with resume", err.message)
      assert.is_true(err.retryable)
      assert.is_string(err.resume)
      assert.equal("error", receipt.stop_reason)
      assert_withdrawn(run)
   end)

   it("counts from the first step", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 10 })
      local walk = tenant:users { deadline = 0.5 }
      socket.sleep(0.6)
      assert.equal(10, #walks.drain(walk))
   end)

   it("counts the loop's body", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 300 }, { concurrency = 1 })
      local walk = tenant:pages { deadline = 0.5 }
      walk()
      socket.sleep(0.6)
      local pages, err = walks.drain(walk)
      assert.equal("timeout", err.kind)
      assert.equal("the deadline of 0.5 s passed after 100 users; go on with resume", err.message)
      assert.equal(0, #pages)
   end)

   it("is not slept past by a pause of the service", function()
      local began = socket.gettime()
      local numbers, err = walked({ fail = "429:2", retry_after = 30 }, { deadline = 5 })
      assert.is_true(socket.gettime() - began < 10)
      assert.equal("1-100", numbers)
      assert.equal("throttled", err.kind)
      assert.equal(30, err.retry_after)
      assert.is_truthy(err.message:find("; it asks to wait 30 s, longer than this call may", 1, true))
   end)

   it("bounds page, count's sister", function()
      local _ <close>, tenant = walks.open(sandbox, { latency = 3000 })
      local page, err = tenant:page { deadline = 0.1 }
      assert.is_nil(page)
      assert.equal("timeout", err.kind)
      assert.equal("the deadline of 0.1 s passed; try again", err.message)
   end)
end)

-- A coroutine whose loop over HANGING is there.
local function parked(tenant, run)
   local co = coroutine.create(function()
      for page in tenant:pages() do
         if hangs(page, run) then
            coroutine.yield(page)
         end
      end
   end)
   assert(coroutine.resume(co))
   return co
end

describe("the way out of a loop", function()
   it("by break withdraws what is in flight at once", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      local walk = tenant:users()
      for user, page in walk, nil, nil, walk do
         if user and hangs(page, run) then
            break
         end
      end
      assert_withdrawn(run)
      assert.equal("closed", walk:receipt().stop_reason)
      assert.equal(701, walk:receipt().users)
      local withdrawn = 0
      for _, entry in ipairs(sandbox:log(run)) do
         withdrawn = withdrawn + (entry.status == 499 and 1 or 0)
      end
      assert.is_true(withdrawn >= 3)
   end)

   it("by break closes a walk that the loop's own line made", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      for _, page in tenant:users() do
         if hangs(page, run) then
            break
         end
      end
      assert_withdrawn(run)
   end)

   it("by error closes it and the error comes through unchanged", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      local thrown = { "mine" }
      local ok, err = pcall(function()
         for page in tenant:pages() do
            if hangs(page, run) then
               error(thrown)
            end
         end
      end)
      assert.is_false(ok)
      assert.equal(thrown, err)
      assert_withdrawn(run)
   end)

   it("by return closes it", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      local function eighth()
         for page in tenant:pages() do
            if hangs(page, run) then
               return page.data[1].id
            end
         end
      end
      assert.equal(walks.ids(701, 701)[1], eighth())
      assert_withdrawn(run)
   end)

   it("by goto closes it", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      for page in tenant:pages() do
         if hangs(page, run) then
            goto out
         end
      end
      ::out::
      assert_withdrawn(run)
   end)

   it("by the end of a block closes a walk that is a to-be-closed variable", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      local kept
      do
         local walk <close> = hanging(tenant, run)
         kept = walk
      end
      assert_withdrawn(run)
      assert.equal("closed", kept:receipt().stop_reason)
   end)

   it("by closing the client withdraws what is in flight", function()
      local client, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      local walk = hanging(tenant, run)
      client:close()
      assert_withdrawn(run)
      assert.equal("closed", walk:receipt().stop_reason)
   end)

   it("by break over TLS ends the connections of what is in flight", function()
      local script = walks.script(sandbox, { run = sandbox:new_run(), size = 2000, slow = "20000:9-" }) .. ([[
         local function open()
            local n = 0
            for line in io.lines("/proc/net/tcp") do
               n = n + (line:find("^ *%%d+: %%x+:%%x+ %%x+:%s 01 ") and 1 or 0)
            end
            return n
         end
         for page in tenant:pages() do
            if page.metadata.pageIndex == 8 then
               before = open()
               break
            end
         end
         print(before >= 4, before - open() >= 3)
      ]]):format(("%04X"):format(sandbox.https:match("%d+$")))
      assert.equal("true\ttrue\n", (walks.run(sandbox, script)))
   end)

   it("leaves the client as good as new", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 2000, slow = "3000:9-:4" }, PLAIN)
      for page in tenant:pages() do
         if hangs(page, run) then
            break
         end
      end
      local list, receipt = tenant:collect()
      assert.equal("1-2000", walks.numbers(list))
      assert.is_true(receipt.complete)
   end)

   it("fault 53: an abandoned walk is collected, and what it had in flight is withdrawn", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      hanging(tenant, run)
      collectgarbage()
      collectgarbage()
      assert_withdrawn(run)
      assert(tenant:page())
   end)

   it("fault 53: an abandoned client is collected with its walks", function()
      local run
      do
         local client, tenant
         client, tenant, run = walks.open(sandbox, HANGING, PLAIN)
         hanging(tenant, run)
         assert.is_table(client)
      end
      collectgarbage()
      collectgarbage()
      assert_withdrawn(run)
   end)

   it("fault 53: twenty abandoned walks leave a client that can still use all of its window", function()
      local _ <close>, tenant, run = walks.open(sandbox, { size = 300, cap = 10, latency = 10 },
         { concurrency = 4, scheme = "http" })
      for _ = 1, 20 do
         local walk = (tenant:pages())
         walk()
         walk()
      end
      collectgarbage()
      collectgarbage()
      walks.settled(sandbox, run)
      local before = #sandbox:log(run)
      local list = tenant:collect()
      assert.equal("1-300", walks.numbers(list))
      local log, most = sandbox:log(run), 0
      for i = before + 1, #log do
         most = math.max(most, log[i].in_flight)
      end
      assert.equal(4, most)
   end)

   it("fault 54: a loop in a coroutine that is closed is closed with it", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      assert.is_true(coroutine.close(parked(tenant, run)))
      assert_withdrawn(run)
   end)

   it("fault 54: a loop in a coroutine that nobody resumes any more is collected", function()
      local _ <close>, tenant, run = walks.open(sandbox, HANGING, PLAIN)
      parked(tenant, run)
      collectgarbage()
      collectgarbage()
      assert_withdrawn(run)
      assert.equal(2000, tenant:count())
   end)

   it("fault 54: a walk whose coroutine died of an error goes on in another", function()
      local _ <close>, tenant = walks.open(sandbox)
      local walk = tenant:users()
      local co = coroutine.create(function()
         for _ = 1, 120 do
            walk()
         end
         error("dead")
      end)
      assert.is_false(coroutine.resume(co))
      assert.equal("dead", coroutine.status(co))
      assert.equal("121-250", walks.numbers((walks.drain(walk))))
      assert.is_true(walk:receipt().complete)
   end)

   it("fault 54: a walk that began in one coroutine goes on in others and in the main thread", function()
      local _ <close>, tenant = walks.open(sandbox)
      local walk = tenant:users()
      local users = {}
      local function some(n)
         for _ = 1, n do
            users[#users + 1] = walk()
         end
      end
      coroutine.wrap(some)(90)
      some(60)
      coroutine.wrap(some)(60)
      coroutine.wrap(some)(60)
      assert.equal("1-250", walks.numbers(users))
      assert.is_true(walk:receipt().complete)
   end)
end)

describe("a step", function()
   it("after the end gives nil again", function()
      for _, kind in ipairs { "users", "pages" } do
         local _ <close>, tenant, run = walks.open(sandbox, { size = 3 })
         local walk = tenant[kind](tenant)
         walks.drain(walk)
         for _ = 1, 3 do
            assert.is_nil(walk())
         end
         assert.equal(1, sandbox:count(run))
      end
   end)

   it("after an error raises the same error again and sends nothing", function()
      local _ <close>, tenant, run = walks.open(sandbox, { fail = "403:2" })
      local walk = tenant:users()
      local _, first = walks.drain(walk)
      local count = sandbox:count(run)
      for _ = 1, 3 do
         local ok, err = pcall(walk)
         assert.is_false(ok)
         assert.is_true(rawequal(first, err))
      end
      assert.equal(count, sandbox:count(run))
   end)

   it("after close raises closed", function()
      for _, kind in ipairs { "users", "pages" } do
         local _ <close>, tenant, run = walks.open(sandbox)
         local walk = tenant[kind](tenant)
         walk()
         walk:close()
         walk:close()
         for _ = 1, 2 do
            local ok, err = pcall(walk)
            assert.is_false(ok)
            assert.equal("closed: the walk was closed; begin a new one, with resume to go on", tostring(err))
            assert.equal("closed", err.kind)
         end
         assert.equal(1, sandbox:count(run))
      end
   end)

   it("after close of a walk that was at its end gives nil", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 3 })
      local walk = tenant:users()
      walks.drain(walk)
      walk:close()
      assert.is_nil(walk())
      assert.is_true(walk:receipt().complete)
   end)

   it("before which nothing was sent is the first", function()
      local _ <close>, tenant, run = walks.open(sandbox)
      local walk = tenant:users()
      assert.equal(0, sandbox:count(run))
      assert.same({ 0, 0, 0, 0 }, { walk:receipt().requests, walk:receipt().users, walk:receipt().pages,
         walk:receipt().elapsed })
      walk:close()
      assert.equal(0, sandbox:count(run))
   end)

   it("gives the page that the user is from", function()
      local _ <close>, tenant = walks.open(sandbox)
      local n = 0
      for user, page in tenant:users() do
         n = n + 1
         assert.equal(user, page.data[(n - 1) % 100 + 1])
         assert.equal((n - 1) // 100 + 1, page.metadata.pageIndex)
         assert.is_string(page.request_id)
      end
   end)

   it("is not hindered by what a loop does to its users and pages", function()
      local _ <close>, tenant = walks.open(sandbox)
      local ids = {}
      for user, page in tenant:users() do
         ids[#ids + 1] = user.id
         user.id, user.status = nil, "mine"
         page.data[3], page.data[4] = nil, "mine"
         page.metadata.totalCount, page.metadata.pageSize, page.metadata.pageIndex = 0, 1, 77
         if #ids % 100 == 0 then
            page.data, page.metadata = nil, nil
         end
         setmetatable(user, { __index = error })
      end
      assert.same(walks.ids(1, 250), ids)
   end)

   it("over pages is not hindered by what a loop does to them", function()
      local _ <close>, tenant = walks.open(sandbox)
      local walk = tenant:pages()
      local n = 0
      for page in walk do
         n = n + #page.data
         for i = #page.data, 1, -1 do
            page.data[i] = nil
         end
         page.metadata, page.data = nil, nil
      end
      assert.equal(250, n)
      assert.is_true(walk:receipt().complete)
      assert.equal(250, walk:receipt().users)
   end)
end)

describe("several walks", function()
   it("over two tenants may be stepped alternately", function()
      local client <close>, first = walks.open(sandbox, { size = 250, latency = "0-3" })
      local second = client:tenant(sandbox.second.customer_id, sandbox.second.tenant_id)
      local a, b = first:users(), second:users()
      local of_a, of_b = {}, {}
      repeat
         local x, y = a(), b()
         of_a[#of_a + 1], of_b[#of_b + 1] = x, y
      until not x and not y
      assert.equal("1-250", walks.numbers(of_a))
      assert.equal("50000001-50000250", walks.numbers(of_b))
      assert.is_true(a:receipt().complete)
      assert.is_true(b:receipt().complete)
   end)

   it("may be nested", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 6 })
      local outer, inner = {}, {}
      for user in tenant:users { page_size = 2 } do
         outer[#outer + 1] = user
         for other in tenant:users { page_size = 4 } do
            inner[#inner + 1] = other
         end
      end
      assert.equal("1-6", walks.numbers(outer))
      assert.equal("1-6 1-6 1-6 1-6 1-6 1-6", walks.numbers(inner))
   end)

   it("in several coroutines share a client whose wait yields", function()
      local waits = 0
      local _ <close>, tenant, run = walks.open(sandbox, { size = 250, cap = 25, latency = "1-8" }, {
         wait = function(fd, seconds)
            assert(math.type(fd) == "integer" and seconds >= 0)
            waits = waits + 1
            coroutine.yield()
         end,
      })
      local found, threads = {}, {}
      for i = 1, 3 do
         found[i] = {}
         threads[i] = coroutine.create(function()
            for user in tenant:users() do
               table.insert(found[i], user)
            end
         end)
      end
      local running = 3
      while running > 0 do
         running = 0
         for _, co in ipairs(threads) do
            if coroutine.status(co) ~= "dead" then
               assert(coroutine.resume(co))
               running = running + 1
            end
         end
         socket.sleep(0.001)
      end
      for i = 1, 3 do
         assert.equal("1-250", walks.numbers(found[i]))
      end
      assert.equal(30, sandbox:count(run))
      assert.is_true(waits > 3)
   end)

   it("in several coroutines do not depend on one another being resumed", function()
      local _ <close>, tenant = walks.open(sandbox, { size = 250, cap = 25, latency = 3 }, {
         concurrency = 2,
         wait = function()
            coroutine.yield()
         end,
      })
      local stuck = coroutine.create(function()
         for _ in tenant:users() do
            coroutine.yield()
         end
      end)
      assert(coroutine.resume(stuck))
      assert.equal("suspended", coroutine.status(stuck))
      local users = {}
      local other = coroutine.create(function()
         for user in tenant:users() do
            users[#users + 1] = user
         end
      end)
      local deadline = socket.gettime() + 20
      while coroutine.status(other) ~= "dead" and socket.gettime() < deadline do
         assert(coroutine.resume(other))
         socket.sleep(0.001)
      end
      assert.equal("1-250", walks.numbers(users))
      local n = 0
      while coroutine.status(stuck) ~= "dead" and socket.gettime() < deadline do
         assert(coroutine.resume(stuck))
         n = n + 1
      end
      assert.equal("dead", coroutine.status(stuck))
      assert.is_true(n >= 250)
   end)

   it("can't be one walk that two coroutines step at a time", function()
      local _ <close>, tenant = walks.open(sandbox, { latency = 5 }, {
         wait = function()
            coroutine.yield()
         end,
      })
      local walk = tenant:users()
      local function step()
         return walk()
      end
      local one = coroutine.create(step)
      assert(coroutine.resume(one))
      local ok, message = coroutine.resume(coroutine.create(step))
      assert.is_false(ok)
      assert.equal("avepoint.elements: the walk is being stepped already, in another coroutine or from inside token, "
         .. "client_secret or on_event", message)
      repeat
         assert(coroutine.resume(one))
      until coroutine.status(one) == "dead"
   end)
end)

describe("a receipt", function()
   local function receipt_of(knobs, query, body)
      local client <close>, tenant = walks.open(sandbox, knobs)
      local walk = tenant:users(query)
      pcall(function()
         local n = 0
         for _ in walk, nil, nil, walk do
            n = n + 1
            if body and body(n, client, walk) then
               break
            end
         end
      end)
      local receipt = walk:receipt()
      assert.is_number(receipt.elapsed)
      assert.is_true(receipt.elapsed > 0 and receipt.elapsed < 60)
      local kind = receipt.error and (receipt.error.kind or receipt.error)
      local has_resume = receipt.resume ~= nil
      receipt.elapsed, receipt.error, receipt.resume, receipt.requests, receipt.throttled_seconds = nil, nil, nil, nil, nil
      return receipt, has_resume, kind
   end

   local function expected(fields)
      local receipt = {
         complete = false, pages = 3, users = 250, duplicates = 0, total_first = 250, total_last = 250, drift = false,
         status_unknown = 0, retries = 0,
      }
      for name, value in pairs(fields) do
         receipt[name] = value
      end
      return receipt
   end

   it("after the end is whole and has no resume", function()
      local receipt, resume, kind = receipt_of {}
      assert.same(expected { complete = true, stop_reason = "end" }, receipt)
      assert.is_false(resume)
      assert.is_nil(kind)
   end)

   it("counts users whose status is unknown", function()
      local receipt = receipt_of { status = "absent" }
      assert.same(expected { complete = true, stop_reason = "end", status_unknown = 250 }, receipt)
   end)

   it("after max_users says so", function()
      local receipt, resume = receipt_of({}, { max_users = 130 })
      assert.same(expected { stop_reason = "max_users", pages = 2, users = 130 }, receipt)
      assert.is_true(resume)
   end)

   it("after max_pages says so", function()
      local receipt, resume = receipt_of({}, { max_pages = 2 })
      assert.same(expected { stop_reason = "max_pages", pages = 2, users = 200 }, receipt)
      assert.is_true(resume)
   end)

   it("after break says closed", function()
      local receipt, resume = receipt_of({}, nil, function(n)
         return n == 120
      end)
      assert.same(expected { stop_reason = "closed", pages = 2, users = 120 }, receipt)
      assert.is_true(resume)
   end)

   it("after an error of the service says so", function()
      local receipt, resume, kind = receipt_of { fail = "403:3" }
      assert.same(expected { stop_reason = "error", pages = 2, users = 200 }, receipt)
      assert.equal("forbidden", kind)
      assert.is_true(resume)
   end)

   it("after a deadline says so", function()
      local receipt, resume, kind = receipt_of({ slow = "20000:2" }, { deadline = 0.5 })
      assert.same(expected { stop_reason = "error", pages = 1, users = 100 }, receipt)
      assert.equal("timeout", kind)
      assert.is_true(resume)
   end)

   it("after the client was closed says so", function()
      local receipt, resume = receipt_of({}, nil, function(n, client)
         if n == 40 then
            client:close()
         end
      end)
      assert.same(expected { stop_reason = "closed", pages = 1, users = 40 }, receipt)
      assert.is_true(resume)
   end)

   it("of a walk that runs has no stop_reason", function()
      local running
      receipt_of({}, nil, function(n, _, walk)
         if n == 120 then
            running = walk:receipt()
         end
      end)
      assert.is_nil(running.stop_reason)
      assert.is_false(running.complete)
      assert.equal(120, running.users)
      assert.equal(2, running.pages)
      assert.is_string(running.resume)
   end)

   it("counts repeats and what was sent", function()
      local _, _, receipt, run = walked { fail = "503:2:2" }
      assert.equal(2, receipt.retries)
      assert.equal(5, receipt.requests)
      assert.equal(5, sandbox:count(run))
      assert.is_true(receipt.complete)
   end)

   it("is the caller's own table", function()
      local _ <close>, tenant = walks.open(sandbox, {})
      local walk = tenant:users { user_ids = walks.ids(240, 260) }
      walks.drain(walk)
      local receipt = walk:receipt()
      receipt.missing[1], receipt.complete, receipt.users = "x", "x", "x"
      assert.same(walks.ids(251, 260), walk:receipt().missing)
      assert.equal(11, walk:receipt().users)
   end)
end)

describe("resume", function()
   -- Users of a walk that is ended by `first` and resumed; both must be the users 1 to 250.
   local function assert_whole(first, query, knobs)
      local _ <close>, tenant = walks.open(sandbox, knobs)
      local users, resume = first(tenant)
      assert.is_string(resume)
      assert.is_true(#resume <= 8000)
      local again = { resume = resume }
      for name, value in pairs(query or {}) do
         again[name] = value
      end
      local _ <close>, fresh = walks.open(sandbox)
      local rest, receipt = fresh:collect(again)
      assert(rest, receipt)
      table.move(rest, 1, #rest, #users + 1, users)
      assert.is_nil(walks.difference(users, walks.users(1, 250)))
      assert.equal("end", receipt.stop_reason)
      assert.is_false(receipt.drift)
      assert.equal(0, receipt.duplicates)
      assert.is_false(receipt.complete)
   end

   for _, n in ipairs { 1, 37, 99, 100, 101, 200, 249, 250 } do
      it("after break at user " .. n .. " gives the rest", function()
         assert_whole(function(tenant)
            local walk <close> = tenant:users()
            local users = {}
            for i = 1, n do
               users[i] = walk()
            end
            walk:close()
            return users, walk:receipt().resume
         end)
      end)
   end

   it("of a walk that never began gives everybody", function()
      assert_whole(function(tenant)
         return {}, (tenant:users()):receipt().resume
      end)
   end)

   it("after max_users gives the rest, and max_users counts anew", function()
      local _ <close>, tenant = walks.open(sandbox)
      local users, resume, steps = {}, nil, 0
      repeat
         local list, receipt = tenant:collect { max_users = 30, resume = resume }
         table.move(list, 1, #list, #users + 1, users)
         resume, steps = receipt.resume, steps + 1
      until not resume
      assert.is_nil(walks.difference(users, walks.users(1, 250)))
      assert.is_true(steps == 9, steps)
   end)

   it("after max_pages gives the rest", function()
      assert_whole(function(tenant)
         local list, receipt = tenant:collect { max_pages = 2 }
         return list, receipt.resume
      end)
   end)

   it("after an error gives the rest", function()
      assert_whole(function(tenant)
         local _, err, list = tenant:collect()
         return list, err.resume
      end, nil, { fail = "403:3" })
   end)

   it("after a deadline gives the rest", function()
      assert_whole(function(tenant)
         local _, err, list = tenant:collect { deadline = 0.5 }
         assert.equal("timeout", err.kind)
         return list, err.resume
      end, nil, { slow = "3000:2" })
   end)

   it("after the client was closed gives the rest", function()
      local client, tenant = walks.open(sandbox)
      assert_whole(function()
         local walk = tenant:users()
         local users = { walk(), nil }
         client:close()
         return users, walk:receipt().resume
      end)
   end)

   it("after the on_event function raised gives the rest", function()
      local client <close>, tenant = walks.open(sandbox, {}, {
         on_event = function(event)
            if event.type == "page" and event.page_index == 2 then
               error("enough")
            end
         end,
      })
      assert.is_table(client)
      assert_whole(function()
         local walk = tenant:users()
         local users, err = walks.drain(walk)
         assert.matches("enough", err)
         return users, walk:receipt().resume
      end)
   end)

   it("after walking pages gives the rest", function()
      assert_whole(function(tenant)
         local walk = tenant:pages()
         local users = walk().data
         walk:close()
         return users, walk:receipt().resume
      end)
   end)

   it("by pages gives no page again that holds nobody new", function()
      local _ <close>, tenant = walks.open(sandbox)
      local walk = tenant:users { page_size = 50, max_users = 120 }
      walks.drain(walk)
      local found = {}
      for page in tenant:pages { page_size = 50, resume = walk:receipt().resume } do
         found[#found + 1] = page.metadata.pageIndex .. ": " .. walks.numbers(page.data)
      end
      assert.same({ "3: 121-150", "4: 151-200", "5: 201-250" }, found)
   end)

   it("of small and capped pages gives the rest", function()
      assert_whole(function(tenant)
         local list, receipt = tenant:collect { page_size = 7, max_users = 123 }
         return list, receipt.resume
      end, { page_size = 7 })
   end)

   it("of user_ids gives the rest and all that are missing", function()
      local ids = walks.ids(1, 280)
      local _ <close>, tenant = walks.open(sandbox)
      for _, n in ipairs { 50, 100, 130, 249 } do
         local list, receipt = tenant:collect { user_ids = ids, max_users = n }
         assert.equal(n, #list)
         local rest, last = tenant:collect { user_ids = ids, resume = receipt.resume }
         table.move(rest, 1, #rest, #list + 1, list)
         assert.equal("1-250", walks.numbers(list))
         assert.same(walks.ids(251, 280), last.missing)
      end
   end)

   it("says drift where a user given before is gone", function()
      local _ <close>, tenant = walks.open(sandbox)
      local list, receipt = tenant:collect { max_users = 130 }
      assert.equal(130, #list)
      local _ <close>, changed = walks.open(sandbox, { size = 250, drift = "delete:0:1:105" })
      local rest, last = changed:collect { resume = receipt.resume }
      assert.equal("131-250", walks.numbers(rest))
      assert.is_true(last.drift)
   end)
end)
