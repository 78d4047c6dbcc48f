-- demo: what `make demo` runs: starts the sandbox tenant, walks it and prints its users page by page, then the receipt.
--
-- Nothing outlives it: the sandbox ends with the program that started it.

local elements = require("avepoint.elements")
local sandbox = require("spec.sandbox.sandbox")

local COLUMNS = {
   { "displayName", 22 }, { "userPrincipalName", 34 }, { "age", 4 },
}

-- A cell of a width in characters; what is cut ends in "…".
local function cell(value, width)
   local text = value == nil and "-" or tostring(value)
   local n = utf8.len(text) or #text
   if n > width then
      return text:sub(1, utf8.offset(text, width) - 1) .. "…"
   end
   return text .. (" "):rep(width - n)
end

local function row(cells)
   print((table.concat(cells, "  "):gsub("%s+$", "")))
end

local function show(page)
   local meta = page.metadata
   print(("page %d, %d of %d users, request %s"):format(meta.pageIndex, #page.data, meta.totalCount, page.request_id))
   local head = {}
   for i, column in ipairs(COLUMNS) do
      head[i] = cell(column[1], column[2])
   end
   row { table.concat(head, "  "), "status" }
   for _, user in ipairs(page.data) do
      local cells = {}
      for i, column in ipairs(COLUMNS) do
         cells[i] = cell(user[column[1]], column[2])
      end
      local names = elements.status.names(user)
      cells[#cells + 1] = names and (names[1] and table.concat(names, ", ") or "none") or "unknown"
      row(cells)
   end
   print()
end

local function show_receipt(receipt)
   print("receipt")
   local names = {}
   for name in pairs(receipt) do
      names[#names + 1] = name
   end
   table.sort(names)
   for _, name in ipairs(names) do
      local value = receipt[name]
      print(("  %-18s %s"):format(name, math.type(value) == "float" and ("%.3f"):format(value) or value))
   end
end

local service <close> = sandbox.start()

local client <close> = assert(elements.client {
   token = service.token, base_url = service:base { size = 45, absent = 1, latency = 30 },
   ca_file = service.ca_file,
})
local walk = client:tenant(service.customer_id, service.tenant_id):pages { page_size = 15 }
for page in walk do
   show(page)
end
show_receipt(walk:receipt())
