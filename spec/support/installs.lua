-- installs: a copy of the tree to install from, and visitors of what was installed.
--
-- Criteria: everything runs in an environment that holds what is named here only; a visitor starts in an empty folder, and
-- whatever it loads has to come from the tree that was installed.

local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")

local quote = keeper.quote

local installs = {}
installs.__index = installs

-- Its arguments: the tree, and what leads to a tenant of 250 users.
installs.VISITOR = [[
local tree, base_url, token, ca_file, customer, tenant = table.unpack(arg)
local elements = require("avepoint.elements")
local count = 0
for name in pairs(package.loaded) do
   if name:find("^avepoint%.") then
      local file = package.searchpath(name, package.path) or assert(package.searchpath(name, package.cpath))
      assert(file:sub(1, #tree + 1) == tree .. "/", name .. " comes from " .. file)
      count = count + 1
   end
end
assert(package.loaded["avepoint.elements.core"] and count > 2)
local client = assert(elements.client { token = token, base_url = base_url, ca_file = ca_file })
local page = assert(client:tenant(customer, tenant):page())
print(#page.data .. " of " .. page.metadata.totalCount)
client:close()
]]

---Runs a command for the shell; $1 and so on are the further arguments.
---@param command string
---@param ... string
---@return boolean good
---@return string output both of its outputs
function installs.run(command, ...)
   local words = { "env -i", "PATH=" .. quote(os.getenv("PATH")) }
   for _, name in ipairs { "CURL_DIR", "LUA_INCDIR", "CC" } do
      local value = os.getenv(name)
      words[#words + 1] = value and name .. "=" .. quote(value)
   end
   words[#words + 1] = "sh -c " .. quote(command) .. " sh"
   for _, word in ipairs { ... } do
      words[#words + 1] = quote(word)
   end
   local pipe = assert(io.popen(table.concat(words, " ") .. " </dev/null 2>&1"))
   local output = pipe:read("a")
   return pipe:close() == true, output
end

---The same, where it has to succeed.
---@return string output without the last line's end
function installs.output(command, ...)
   local good, output = installs.run(command, ...)
   assert(good, output)
   return (output:gsub("\n$", ""))
end

local must = installs.output

---A folder that lasts as long as a block of tests, with `tree`, a copy of what is released, committed to a git repository
---of its own.
---@param setup function busted's
---@param teardown function
---@return table installs with `folder`, absolute, once it is set up
function installs.around(setup, teardown)
   local self = setmetatable({}, installs)
   setup(function()
      self.folder = keeper.folder(keeper.output("pwd"), "install")
      must([[mkdir "$1/tree" "$1/elsewhere" && cp -R Makefile LICENSE README.md .gitignore .ci src lua *.rockspec "$1/tree" &&
         cd "$1/tree" && git init -q && git config user.name spec && git config user.email spec@example.org &&
         git add -A && git commit -q -m copy]], self.folder)
   end)
   teardown(function()
      if self.sandbox then
         self.sandbox:stop()
      end
      must('rm -rf "$1"', self.folder)
   end)
   return self
end

---A command of LuaRocks, whose tree is a folder here.
---@param name string of the folder
---@return string for the shell
function installs:luarocks(name)
   return "HOME=" .. quote(self.folder) .. " luarocks --lua-version 5.4 --tree " .. quote(self.folder .. "/" .. name) .. " "
end

---Runs a command for the shell that has to succeed; $1 is the folder, $2 and so on are the further arguments.
---@return string output without the last line's end
function installs:must(command, ...)
   return must(command, self.folder, ...)
end

---What a script and the command say, of what was installed in a tree, about 250 users.
---@param tree string
---@param paths string for the shell, sets LUA_PATH and LUA_CPATH for the script; the command finds its modules itself
---@return string
function installs:visit(tree, paths)
   self.sandbox = self.sandbox or sandboxes.start()
   local s = self.sandbox
   local base = s:base { size = 250 }
   local file = assert(io.open(self.folder .. "/visitor.lua", "w"))
   file:write(installs.VISITOR)
   file:close()
   local script = must(paths .. [[ cd "$1/elsewhere" && shift && exec ]] .. (os.getenv("LUA") or "lua5.4") .. ' "$@"',
      self.folder, self.folder .. "/visitor.lua", tree, base, s.token, s.ca_file, s.customer_id, s.tenant_id)
   local lines = must([[cd "$1/elsewhere" && ln -sf "$2/bin/avepoint-users" users && shift 2 && TOKEN="$1" && export TOKEN &&
      shift && ./users list -q --format csv --fields id --token-command 'printenv TOKEN' --proxy '' "$@" | wc -l; rm users]],
      self.folder, tree, s.token, "--base-url", base, "--ca-file", s.ca_file, "--customer", s.customer_id, "--tenant",
      s.tenant_id)
   return script .. ", " .. lines .. " lines"
end

---The same, of what LuaRocks installed.
---@param name string of the tree
---@return string
function installs:visit_rocks(name)
   return self:visit(self.folder .. "/" .. name, 'eval "$(' .. self:luarocks(name) .. 'path)"; ')
end

return installs
