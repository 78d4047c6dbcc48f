-- commands: runs avepoint-users as a real process, for its specs: in pipes, in a terminal, interrupted, or with a reader
-- that goes away.
--
-- The environment is what a spec gives and nothing else, so that no credential of the machine's gets in.

local cjson = require("cjson")

local keeper = require("spec.sandbox.keeper")
local sandboxes = require("spec.sandbox.sandbox")

local quote = keeper.quote

local commands = {}
commands.__index = commands

commands.PROGRAM = "lua/avepoint/elements/cli/avepoint-users"

-- driver.py JOB: JOB is JSON; see Commands:drive. What came is given as JSON, bytes as latin-1.
local DRIVER = [[
import fcntl, json, os, select, signal, struct, subprocess, sys, termios, time
job = json.loads(sys.argv[1])
pipes, ends = {}, {}
for name in ("stdout", "stderr"):
    if job.get("columns") and name in job.get("terminals", ["stdout", "stderr"]):
        if "master" not in pipes:
            master, slave = os.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, job["columns"], 0, 0))
            attributes = termios.tcgetattr(slave)
            attributes[1] &= ~termios.OPOST
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
            pipes["master"] = master
        ends[name] = slave
    elif job.get(name):
        ends[name] = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    else:
        pipes[name], ends[name] = os.pipe()
terminal = slave if "master" in pipes else None

def prepare():
    os.setsid()
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

p = subprocess.Popen(job["argv"], env=job["env"], stdin=subprocess.DEVNULL, stdout=ends["stdout"], stderr=ends["stderr"],
                     preexec_fn=prepare)
for fd in set(ends.values()):
    os.close(fd)
text = {name: b"" for name in pipes}
watched = job.get("watch", "stdout")
acted, began, stop = False, None, time.monotonic() + 60

def act():
    global acted, began
    acted = True
    began = time.monotonic()
    if job.get("close"):
        os.close(pipes.pop(watched))
    else:
        time.sleep(job.get("sleep", 0))
        os.killpg(p.pid, signal.SIGINT)
        if job.get("twice"):
            time.sleep(0.3)
            os.killpg(p.pid, signal.SIGINT)
        time.sleep(job.get("rest", 0))

at = job.get("bytes")
if job.get("file"):
    while not os.path.exists(job["file"]) and time.monotonic() < stop:
        time.sleep(0.01)
    time.sleep(job.get("after", 0))
    act()
while pipes and time.monotonic() < stop:
    ready = select.select(list(pipes.values()), [], [], 0.2)[0]
    for name, fd in list(pipes.items()):
        if fd in ready:
            try:
                data = os.read(fd, job.get("chunk", 65536))
            except OSError:
                data = b""
            if not data:
                os.close(fd)
                del pipes[name]
            text[name] += data
    if at is not None and not acted and len(text.get(watched, b"")) >= at:
        act()
try:
    status = p.wait(20)
except subprocess.TimeoutExpired:
    p.kill()
    status = "still there"
result = {name: data.decode("latin-1") for name, data in text.items()}
result["status"], result["seconds"] = status, time.monotonic() - began if began else 0
print(json.dumps(result))
]]

---Commands against a sandbox that lasts as long as a spec's file.
---@param setup function busted's
---@param teardown function
---@param options table? of sandbox.start
---@return table commands with `sandbox`, once it is set up
function commands.around(setup, teardown, options)
   local self = setmetatable({ count = 0 }, commands)
   setup(function()
      self.sandbox = sandboxes.start(options)
      commands.write(self.sandbox.dir .. "/commands.py", DRIVER)
   end)
   teardown(function()
      self.sandbox:stop()
   end)
   return self
end

---A path of its own beside the sandbox's files; nothing is there.
---@param name string
---@return string
function commands:path(name)
   self.count = self.count + 1
   return ("%s/%d-%s"):format(self.sandbox.dir, self.count, name)
end

---@param path string
---@param text string
---@return string path
function commands.write(path, text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
   return path
end

---The arguments that lead to the sandbox with these knobs, by a token.
---@param knobs table?
---@param scheme string? "http" by default
---@return string[]
function commands:here(knobs, scheme)
   local s = self.sandbox
   return { "--customer", s.customer_id, "--tenant", s.tenant_id, "--base-url", s:base(knobs, scheme or "http"),
      "--ca-file", s.ca_file, "--proxy", "", "--token-command", "printenv SPEC_TOKEN" }
end

---What is in the environment besides what a spec gives.
---@param more table<string, string>?
---@return table<string, string>
function commands:environment(more)
   local environment = {
      PATH = os.getenv("PATH"), LUA = os.getenv("LUA") or "lua5.4", LUA_PATH = package.path, LUA_CPATH = package.cpath,
      SPEC_TOKEN = self.sandbox.token, HOME = self.sandbox.dir,
   }
   for name, value in pairs(more or {}) do
      environment[name] = value
   end
   return environment
end

local function words_of(command, arguments, more)
   local words = { command }
   for _, list in ipairs { arguments, more or {} } do
      for _, word in ipairs(list) do
         words[#words + 1] = word
      end
   end
   return words
end

---Runs it to its end in pipes.
---@param command string
---@param arguments string[]
---@param options {more: string[]?, env: table?, input: string?, program: string?, redirect: string?}?
---@return {out: string, err: string, status: integer}
function commands:run(command, arguments, options)
   options = options or {}
   local parts = { "exec env -i" }
   for name, value in pairs(self:environment(options.env)) do
      parts[#parts + 1] = quote(name .. "=" .. value)
   end
   parts[#parts + 1] = quote(options.program or commands.PROGRAM)
   for _, word in ipairs(words_of(command, arguments, options.more)) do
      parts[#parts + 1] = quote(word)
   end
   local err = self:path("err")
   parts[#parts + 1] = "2>" .. quote(err)
   parts[#parts + 1] = options.input and "<" .. quote(commands.write(self:path("in"), options.input)) or "</dev/null"
   parts[#parts + 1] = options.redirect
   local pipe = assert(io.popen(table.concat(parts, " "), "r"))
   local out = pipe:read("a")
   local _, how, status = pipe:close()
   return { out = out, err = keeper.read(err) or "", status = how == "signal" and 128 + status or status }
end

---Runs it under a driver. job: columns (of a terminal), terminals ("stdout", "stderr"; both), stdout or stderr (paths,
---appended to), env, more, and bytes: as soon as so many have come from `watch` ("stdout"; "master" is the terminal)
---Ctrl-C is typed (`twice`, after `sleep`, with `rest` seconds before more is read), or the pipe is closed (`close`).
---In place of bytes, file: as soon as this is there, or `after` so many seconds more.
---@return {stdout: string?, stderr: string?, master: string?, status: integer|string, seconds: number}
function commands:drive(command, arguments, job)
   local all = { argv = words_of(commands.PROGRAM, words_of(command, arguments, job.more)), env = self:environment(job.env) }
   for _, name in ipairs { "columns", "terminals", "stdout", "stderr", "watch", "bytes", "close", "sleep", "twice", "file",
      "after", "rest", "chunk" } do
      all[name] = job[name]
   end
   local pipe = assert(io.popen("python3 " .. quote(self.sandbox.dir .. "/commands.py") .. " " .. quote(cjson.encode(all))
      .. " 2>&1", "r"))
   local text = pipe:read("a")
   pipe:close()
   local ok, result = pcall(cjson.decode, text)
   assert(ok, text)
   for name, value in pairs(result) do
      if type(value) == "string" then -- back to bytes
         result[name] = value:gsub("[\xc2\xc3][\x80-\xbf]", function(c) return string.char(utf8.codepoint(c)) end)
      end
   end
   return result
end

---What another program makes of a text.
---@param command string for the shell; $1 and so on are the further arguments
---@param input string
---@return string output
function commands:through(command, input, ...)
   local words = { "sh -c " .. quote(command) .. " sh" }
   for _, word in ipairs { ... } do
      words[#words + 1] = quote(word)
   end
   local pipe = assert(io.popen(table.concat(words, " ") .. " <" .. quote(commands.write(self:path("input"), input))
      .. " 2>&1", "r"))
   local output = pipe:read("a")
   local ok = pipe:close()
   assert(ok, output)
   return output
end

return commands
