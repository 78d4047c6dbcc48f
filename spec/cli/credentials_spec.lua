-- Credentials of the environment, against the sandbox's identity server; and that no secret ever shows.

local certs = require("spec.sandbox.certs")
local commands = require("spec.support.commands")
local keeper = require("spec.sandbox.keeper")

local quote = keeper.quote

local cli = commands.around(setup, teardown)

-- What it did, once nothing that was printed shows a secret.
local function harmless(result)
   local text = result.out .. result.err
   for _, secret in ipairs { "hush", cli.sandbox.client_secret, cli.sandbox.token } do
      assert.is_nil(text:find(secret, 1, true), text)
   end
   return result
end

-- The sandbox's addresses, and a run of its own; without a credential.
local function here(knobs)
   local s = cli.sandbox
   local run = s:new_run()
   knobs = knobs or {}
   knobs.run = run
   return { "--customer", s.customer_id, "--tenant", s.tenant_id, "--base-url", s:base(knobs), "--token-url",
      s:token_url { run = run }, "--ca-file", s.ca_file, "--proxy", "", "--format", "jsonl" }, run
end

local function list(env, knobs, more)
   local arguments, run = here(knobs)
   return harmless(cli:run("list", arguments, { env = env, more = more })), run
end

local function openssl(command)
   assert(os.execute("openssl " .. command .. " 2>/dev/null"))
end

local function private(path)
   assert(os.execute("chmod 600 " .. quote(path)))
   return path
end

describe("a credential of the environment", function()
   it("is a client secret, in a variable or in a file", function()
      local env = { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CLIENT_SECRET = cli.sandbox.client_secret }
      assert.same({ 0, "250 users\n" }, { (list(env)).status, (list(env)).err })
      local file = private(commands.write(cli:path("secret"), cli.sandbox.client_secret .. "\n"))
      local result, run = list { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CLIENT_SECRET_FILE = file }
      assert.same({ 0, "250 users\n" }, { result.status, result.err })
      assert.equal(1, cli.sandbox:count(run, "token"))
   end)

   it("is a certificate: PEM with its key, PEM and key, PFX with a password", function()
      local pem, key = certs.client(cli.sandbox.dir, "app")
      cli.sandbox:register(pem)
      local both = private(commands.write(cli:path("both.pem"), keeper.read(pem) .. keeper.read(key)))
      local pfx = private(commands.write(cli:path("app.pfx"), ""))
      openssl(("pkcs12 -export -in %s -inkey %s -out %s -passout pass:hush-pfx"):format(quote(pem), quote(key), quote(pfx)))
      local password = private(commands.write(cli:path("password"), "hush-pfx\n"))
      private(key)
      for _, env in ipairs {
         { AVEPOINT_CERTIFICATE = both },
         { AVEPOINT_CERTIFICATE = pem, AVEPOINT_PRIVATE_KEY = key },
         { AVEPOINT_CERTIFICATE = pfx, AVEPOINT_CERTIFICATE_PASSWORD_FILE = password },
      } do
         env.AVEPOINT_CLIENT_ID = cli.sandbox.client_id
         local result = list(env)
         assert.same({ 0, "250 users\n" }, { result.status, result.err })
      end
      local wrong = private(commands.write(cli:path("password"), "hush-wrong\n"))
      local result, run = list { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CERTIFICATE = pfx,
         AVEPOINT_CERTIFICATE_PASSWORD_FILE = wrong }
      assert.equal(2, result.status)
      assert.matches("^avepoint%-users: config: ", result.err)
      assert.equal(0, cli.sandbox:count(run))
   end)

   it("that the identity server refuses is exit code 4", function()
      local result = list { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CLIENT_SECRET = "hush-refused" }
      assert.same({ 4, "" }, { result.status, result.out })
      assert.matches("auth: no token: .*invalid_client", result.err)
      assert.is_nil(result.err:find("0 users", 1, true))
   end)

   it("security 19: that others may read gets a warning with what to type; one's own does not", function()
      local path = commands.write(cli:path("loose secret"), cli.sandbox.client_secret)
      local env = { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CLIENT_SECRET_FILE = path }
      for mode, warned in pairs { ["644"] = true, ["640"] = true, ["604"] = true, ["600"] = false, ["400"] = false } do
         assert(os.execute("chmod " .. mode .. " " .. quote(path)))
         local result = list(env)
         assert.equal(0, result.status)
         assert.equal(warned, result.err:find("warning: AVEPOINT_CLIENT_SECRET_FILE: others may read " .. path, 1, true) ~= nil,
            mode)
         assert.equal(warned, result.err:find("type: chmod 600 '" .. path .. "'", 1, true) ~= nil)
      end
      local pem, key = certs.client(cli.sandbox.dir, "loose")
      cli.sandbox:register(pem)
      assert(os.execute("chmod 644 " .. quote(pem) .. " " .. quote(key)))
      local result = list { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CERTIFICATE = pem, AVEPOINT_PRIVATE_KEY = key }
      assert.equal(0, result.status)
      assert.matches("warning: AVEPOINT_PRIVATE_KEY: others may read", result.err)
      assert.is_nil(result.err:find("AVEPOINT_CERTIFICATE", 1, true))
   end)

   it("that is missing, double or unusable is told with the variable, and nothing is sent", function()
      local id, secret = cli.sandbox.client_id, "hush-secret"
      local two = private(commands.write(cli:path("two"), "hush-one\nhush-two\n"))
      for _, case in ipairs {
         { {}, "a credential is missing: set AVEPOINT_CLIENT_ID and one of AVEPOINT_CLIENT_SECRET" },
         { { AVEPOINT_CLIENT_ID = "" }, "a credential is missing" },
         { { AVEPOINT_CLIENT_ID = id }, "its secret is missing: set AVEPOINT_CLIENT_SECRET" },
         { { AVEPOINT_CLIENT_SECRET = secret }, "AVEPOINT_CLIENT_ID is missing" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET = secret, AVEPOINT_CERTIFICATE = "x" },
            "AVEPOINT_CLIENT_SECRET and AVEPOINT_CERTIFICATE are both set" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET_FILE = "/none" },
            "AVEPOINT_CLIENT_SECRET_FILE: /none: No such file or directory" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET_FILE = "/" }, "AVEPOINT_CLIENT_SECRET_FILE: /: Is a directory" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET_FILE = two }, two .. " must hold one line, the secret" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET_FILE = "/dev/null" }, "must hold one line" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CERTIFICATE = "/none.pem" }, "/none.pem" },
         { { AVEPOINT_CLIENT_ID = "a b", AVEPOINT_CLIENT_SECRET = secret }, "AVEPOINT_CLIENT_ID must be printable ASCII" },
         { { AVEPOINT_CLIENT_ID = id, AVEPOINT_CLIENT_SECRET = secret .. "\27" },
            "AVEPOINT_CLIENT_SECRET must be a client secret" },
      } do
         local result, run = list(case[1])
         assert.same({ 2, "" }, { result.status, result.out }, case[2])
         assert.matches(case[2], result.err, 1, true)
         assert.matches("try: avepoint-users list --help\n", result.err, 1, true)
         assert.equal(0, cli.sandbox:count(run))
      end
   end)
end)

describe("--token-command", function()
   it("gives the token, and is run again when it is refused", function()
      local log = cli:path("asked")
      local command = "echo asked >>" .. quote(log) .. "; echo; printenv SPEC_TOKEN"
      local arguments = { table.unpack(cli:here { run = cli.sandbox:new_run(), size = 500, fail = "401:3:1" }, 1, 10) }
      local result = cli:run("list", arguments, { more = { "--format", "jsonl", "--token-command", command },
         env = { AVEPOINT_CLIENT_ID = "ignored", AVEPOINT_CLIENT_SECRET = "hush-ignored" } })
      assert.same({ 0, "500 users\n" }, { result.status, result.err })
      assert.equal("asked\nasked\n", keeper.read(log))
   end)

   it("that fails is exit code 4 with its status, its own words going through", function()
      for command, message in pairs {
         ["echo locked >&2; exit 3"] =
         "locked\navepoint-users: auth: no token: --token-command ended with exit status 3; run it by hand",
         ["kill -9 $$"] = "--token-command ended with signal 9",
         ["true"] = "--token-command printed nothing; run it by hand",
         ["echo hush-a; echo hush-b"] = "--token-command printed more than one line",
         ["echo hush ž"] = "what --token-command gave holds a character that no token has",
         ["echo Bearer hush"] = "begins with \"Bearer \"",
         ["yes hush"] = "--token-command ",
      } do
         local arguments = { table.unpack(cli:here {}, 1, 10) }
         local result = harmless(cli:run("list", arguments, { more = { "--token-command", command } }))
         assert.equal(4, result.status, command)
         assert.matches(message, result.err, 1, true)
      end
   end)
end)

describe("no secret", function()
   it("is in the arguments of the process or of a child of it", function()
      local path = cli:path("processes")
      local env = { AVEPOINT_CLIENT_ID = cli.sandbox.client_id, AVEPOINT_CLIENT_SECRET = cli.sandbox.client_secret }
      -- it has more to write than the pipe takes, and so is there while its reader looks around; the shell that gives it
      -- its environment is the spec's own
      local result = cli:run("list", here { size = 5000 }, { env = env, more = { "--format", "csv" },
         redirect = ([[| { head -c 1 >/dev/null; for f in /proc/[0-9]*/cmdline; do
            line=$(tr '\0' ' ' <$f); case $line in "sh -c exec env -i "*) ;; *) echo "$line" ;; esac
         done 2>/dev/null >%s; cat >/dev/null; }]]):format(quote(path)) })
      assert.equal("5,000 users\n", result.err)
      local seen = keeper.read(path)
      assert.matches("avepoint.elements.cli.main", seen, 1, true)
      assert.is_nil(seen:find(cli.sandbox.client_secret, 1, true))
   end)
end)
