rockspec_format = "3.0"
package = "avepoint-elements"
version = "scm-1"

source = {
   url = "git+https://example.org/avepoint-elements.git",
}

description = {
   summary = "The users of a customer's tenant, from the AvePoint Elements API",
   detailed = [[
Retrieves the basic information of the users of a tenant: walks the pages,
keeps to the service's limits, and names the status flags.]],
   license = "MIT",
   labels = { "avepoint", "http", "api" },
}

supported_platforms = { "linux" }

dependencies = {
   "lua >= 5.4, < 5.5",
   "lua-cjson >= 2.1.0",
   "argparse >= 0.7",
}

-- by its library alone: its header lies in no common place on Debian
external_dependencies = {
   CURL = { library = "curl" },
}

build = {
   type = "builtin",
   -- all of them, by name: LuaRocks does not look for any under lua/
   modules = {
      ["avepoint.elements"] = "lua/avepoint/elements.lua",
      ["avepoint.elements.answers"] = "lua/avepoint/elements/answers.lua",
      ["avepoint.elements.assertion"] = "lua/avepoint/elements/assertion.lua",
      ["avepoint.elements.certificate"] = "lua/avepoint/elements/certificate.lua",
      ["avepoint.elements.check"] = "lua/avepoint/elements/check.lua",
      ["avepoint.elements.cli.console"] = "lua/avepoint/elements/cli/console.lua",
      ["avepoint.elements.cli.count"] = "lua/avepoint/elements/cli/count.lua",
      ["avepoint.elements.cli.credentials"] = "lua/avepoint/elements/cli/credentials.lua",
      ["avepoint.elements.cli.csv"] = "lua/avepoint/elements/cli/csv.lua",
      ["avepoint.elements.cli.doctor"] = "lua/avepoint/elements/cli/doctor.lua",
      ["avepoint.elements.cli.doubts"] = "lua/avepoint/elements/cli/doubts.lua",
      ["avepoint.elements.cli.fault"] = "lua/avepoint/elements/cli/fault.lua",
      ["avepoint.elements.cli.fields"] = "lua/avepoint/elements/cli/fields.lua",
      ["avepoint.elements.cli.grid"] = "lua/avepoint/elements/cli/grid.lua",
      ["avepoint.elements.cli.json"] = "lua/avepoint/elements/cli/json.lua",
      ["avepoint.elements.cli.list"] = "lua/avepoint/elements/cli/list.lua",
      ["avepoint.elements.cli.main"] = "lua/avepoint/elements/cli/main.lua",
      ["avepoint.elements.cli.options"] = "lua/avepoint/elements/cli/options.lua",
      ["avepoint.elements.cli.output"] = "lua/avepoint/elements/cli/output.lua",
      ["avepoint.elements.cli.receipts"] = "lua/avepoint/elements/cli/receipts.lua",
      ["avepoint.elements.cli.resume_file"] = "lua/avepoint/elements/cli/resume_file.lua",
      ["avepoint.elements.cli.session"] = "lua/avepoint/elements/cli/session.lua",
      ["avepoint.elements.cli.show"] = "lua/avepoint/elements/cli/show.lua",
      ["avepoint.elements.cli.system"] = "lua/avepoint/elements/cli/system.lua",
      ["avepoint.elements.cli.text"] = "lua/avepoint/elements/cli/text.lua",
      ["avepoint.elements.cli.widths"] = "lua/avepoint/elements/cli/widths.lua",
      ["avepoint.elements.client"] = "lua/avepoint/elements/client.lua",
      ["avepoint.elements.credential"] = "lua/avepoint/elements/credential.lua",
      ["avepoint.elements.dispatch"] = "lua/avepoint/elements/dispatch.lua",
      ["avepoint.elements.engine"] = "lua/avepoint/elements/engine.lua",
      ["avepoint.elements.environment"] = "lua/avepoint/elements/environment.lua",
      ["avepoint.elements.failure"] = "lua/avepoint/elements/failure.lua",
      ["avepoint.elements.file"] = "lua/avepoint/elements/file.lua",
      ["avepoint.elements.load"] = "lua/avepoint/elements/load.lua",
      ["avepoint.elements.outcome"] = "lua/avepoint/elements/outcome.lua",
      ["avepoint.elements.pace"] = "lua/avepoint/elements/pace.lua",
      ["avepoint.elements.plan"] = "lua/avepoint/elements/plan.lua",
      ["avepoint.elements.queue"] = "lua/avepoint/elements/queue.lua",
      ["avepoint.elements.resume"] = "lua/avepoint/elements/resume.lua",
      ["avepoint.elements.retry"] = "lua/avepoint/elements/retry.lua",
      ["avepoint.elements.retry_after"] = "lua/avepoint/elements/retry_after.lua",
      ["avepoint.elements.signin"] = "lua/avepoint/elements/signin.lua",
      ["avepoint.elements.sleepers"] = "lua/avepoint/elements/sleepers.lua",
      ["avepoint.elements.status"] = "lua/avepoint/elements/status.lua",
      ["avepoint.elements.tenant"] = "lua/avepoint/elements/tenant.lua",
      ["avepoint.elements.timestamp"] = "lua/avepoint/elements/timestamp.lua",
      ["avepoint.elements.token"] = "lua/avepoint/elements/token.lua",
      ["avepoint.elements.trail"] = "lua/avepoint/elements/trail.lua",
      ["avepoint.elements.version"] = "lua/avepoint/elements/version.lua",
      ["avepoint.elements.wait.cqueues"] = "lua/avepoint/elements/wait/cqueues.lua",
      ["avepoint.elements.wait.luv"] = "lua/avepoint/elements/wait/luv.lua",
      ["avepoint.elements.walk"] = "lua/avepoint/elements/walk.lua",
      ["avepoint.elements.wire"] = "lua/avepoint/elements/wire.lua",
      ["avepoint.elements.core"] = {
         sources = {
            "src/core.c", "src/json.c", "src/seen.c", "src/sigpipe.c", "src/transfer.c", "src/transport.c", "src/url.c",
            "src/users.c",
         },
         libraries = { "curl", "dl", "pthread" },
         incdirs = { "$(CURL_INCDIR)" },
         libdirs = { "$(CURL_LIBDIR)" },
      },
   },
   install = {
      bin = { ["avepoint-users"] = "lua/avepoint/elements/cli/avepoint-users" },
   },
}
