-- `make chroot`, by root and by hand: a new Debian 12 with nothing in it but what the README's Install names. The first
-- block there runs as it stands, in a checkout; then the second, with the rock that `make release` writes; after each a
-- script and the command, started in an empty folder, get users from the sandbox out here.
--
-- Criteria: of HEAD, as committed; Debian comes from where this machine's apt has it, or from MIRROR=; all in a namespace
-- of its own, so that no mount and no process is left.

local installs = require("spec.support.installs")
local keeper = require("spec.sandbox.keeper")
local report = require("spec.check.report")
local sandboxes = require("spec.sandbox.sandbox")
local suite = require("spec.check.suite")

local quote = keeper.quote

local RELEASE = "bookworm"

-- The shell's block number n under the README's Install.
local function block(n)
   local section = assert(keeper.read("README.md"):match("\n## Install\n(.-)\n## "))
   local list = {}
   for text in section:gmatch("\n```sh\n(.-\n)```") do
      list[#list + 1] = text
   end
   return assert(list[n])
end

local function mirror()
   local found = os.getenv("MIRROR") or keeper.output("apt-get indextargets --format '$(REPO_URI)' 'Codename: " .. RELEASE
      .. "' 'Component: main' 'Created-By: Packages' | head -n 1")
   assert(found ~= "", "apt has no " .. RELEASE .. " here; name a mirror by MIRROR=")
   return found
end

local function write(path, text)
   local file <close> = assert(io.open(path, "w"))
   file:write(text)
end

report.run("chroot", function(r)
   local began = os.time()
   assert(keeper.output("id -u") == "0", "make chroot needs root")
   local folder = keeper.folder(keeper.output("pwd"), "chroot")
   local _ <close> = setmetatable({}, { __close = function() suite.shell("rm -rf " .. quote(folder)) end })
   local root, log = folder .. "/debian", keeper.output("pwd") .. "/build/chroot.log"
   os.remove(log)

   -- In the folder, which has `tree`, a checkout, and `debian`.
   local function step(name, command)
      local good = suite.shell(("{ cd %s && %s\n} >>%s 2>&1 </dev/null"):format(quote(folder), command, quote(log)))
      if not r:expect(good, name) then
         error(keeper.read(log):sub(-4000), 0)
      end
   end
   local OWN = "unshare --mount --pid --fork --kill-child "
   -- in there, with an environment of its own, in a folder
   local function inside(where, command)
      return OWN .. "env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "
         .. "DEBIAN_FRONTEND=noninteractive chroot " .. quote(root) .. " sh -ec " .. quote("cd " .. where .. "\n" .. command)
   end

   step("make release", "git clone -q ../.. tree && cd tree && { git tag | xargs -r git tag -d; } && "
      .. "GIT_COMMITTER_NAME=chroot GIT_COMMITTER_EMAIL=chroot@example.org .ci/release")
   step("debootstrap", OWN .. keeper.words("debootstrap", "--variant=minbase", RELEASE, root, mirror()))
   write(root .. "/etc/apt/apt.conf.d/99answers", 'APT::Get::Assume-Yes "true";\n'
      .. keeper.output("apt-config dump 2>/dev/null | grep -i '^Acquire::https*::Proxy'") .. "\n")
   step("apt-get update", "cp /etc/resolv.conf debian/etc && mkdir debian/root/rock debian/root/empty && "
      .. "mv tree/build/*.src.rock debian/root/rock && rm -r tree/build && mv tree debian/root && "
      .. inside("/", "apt-get update"))

   local sandbox <close> = sandboxes.start()
   write(root .. "/root/visitor.lua", installs.VISITOR)
   write(root .. "/root/ca.pem", keeper.read(sandbox.ca_file))
   local base = sandbox:base { size = 250 }
   local visit = keeper.words("lua5.4", "/root/visitor.lua", "/usr/local", base, sandbox.token, "/root/ca.pem",
      sandbox.customer_id, sandbox.tenant_id) .. " && TOKEN=" .. quote(sandbox.token) .. " && export TOKEN && "
      .. keeper.words("avepoint-users", "list", "-q", "--format", "csv", "--fields", "id", "--token-command", "printenv TOKEN",
         "--proxy", "", "--base-url", base, "--ca-file", "/root/ca.pem", "--customer", sandbox.customer_id, "--tenant",
         sandbox.tenant_id) .. " | wc -l"
   local function visited(after)
      local output = keeper.output(inside("/root/empty", visit) .. " 2>&1")
      r:expect(output == "100 of 250\n251", after .. ": " .. output)
   end

   step("the README's first block", inside("/root/tree", block(1)))
   visited("after the README's first block")
   step("luarocks remove", inside("/root/tree", "luarocks --lua-version 5.4 remove avepoint-elements"))
   r:expect(not suite.shell(inside("/root/empty", visit) .. " >/dev/null 2>&1"), "what was removed is still there")
   step("the README's second block", inside("/root/rock", block(2)))
   visited("after the README's second block")
   r:figure("the README's Install in a new Debian, as a checkout and as a rock: %d s", os.time() - began)
end)
