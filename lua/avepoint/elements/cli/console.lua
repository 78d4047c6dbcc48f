-- console: what the command says on standard error: notes, warnings, and on a terminal how far it is.
--
-- The bar is drawn by the client's events and taken away before anything else is written, so that rows on the same
-- terminal stay whole. No bar in a pipe, with --quiet, or where TERM says dumb; no colour where NO_COLOR is set.

local system = require("avepoint.elements.cli.system")
local text = require("avepoint.elements.cli.text")

local floor, max, min = math.floor, math.max, math.min
local format, gsub, rep = string.format, string.gsub, string.rep
local getenv = os.getenv
local stderr = io.stderr

local console = {}
console.__index = console

local DRAW_EVERY = 0.1 -- seconds
local LONG_WAIT = 1 -- seconds; shorter ones need no word

local TROUBLE = { server = "the service fails", network = "no connection", timeout = "no answer" }

---@param options {quiet: boolean?}
---@return table console
function console.new(options)
   local able = system.is_able() and system.is_terminal(2)
   local plain = getenv("NO_COLOR")
   stderr:setvbuf("full")
   return setmetatable({
      quiet = options.quiet or false,
      colour = able and (plain == nil or plain == ""),
      bar = able and not options.quiet and system.columns() or nil,
      drawn = 0, -- when, by the client's clock
   }, console)
end

---A whole number with thousands marked, as in "1,234,567".
---@param n integer
---@return string
function console.number(n)
   local digits = format("%d", n)
   return (gsub(gsub(digits:reverse(), "(%d%d%d)", "%1,"):reverse(), "^,", ""))
end

---"1 user", "2 users".
---@param n integer
---@param noun string
---@return string
function console.count(n, noun)
   return console.number(n) .. " " .. noun .. (n == 1 and "" or "s")
end

local function seconds(n)
   n = max(0, floor(n + 0.5))
   if n < 60 then
      return n .. " s"
   elseif n < 3600 then
      return format("%d:%02d min", n // 60, n % 60)
   end
   return format("%d:%02d h", n // 3600, n // 60 % 60)
end

function console:paint(code, s)
   return self.colour and "\27[" .. code .. "m" .. s .. "\27[0m" or s
end

local function line(self, prefix, message)
   self:clear()
   stderr:write(prefix, text.harmless(message), "\n")
   stderr:flush()
end

---What is good to know; nothing with --quiet.
function console:note(message)
   if not self.quiet then
      line(self, "", message)
   end
end

---What must not be missed.
function console:warn(message)
   line(self, self:paint("33", "warning: "), message)
end

---Why it ended.
function console:fail(message)
   line(self, self:paint("31", "avepoint-users: "), message)
end

---A line to type, by itself so that it can be copied.
function console:command(words)
   line(self, "", "   " .. words)
end

---Takes the bar away.
function console:clear()
   if self.shown then
      stderr:write("\r\27[K")
      stderr:flush()
      self.shown = nil
   end
end

---Takes it away for good: nothing more is waited for.
function console:finish()
   self:clear()
   self.latest = nil
end

---Draws the bar that was last told of.
function console:draw()
   if self.bar and self.latest then
      stderr:write("\r\27[K", self.latest)
      stderr:flush()
      self.shown = true
   end
end

-- [#####-----] 1,234/2,000 users  350/s  0:03 min left
function console:progress(done, total, elapsed, left)
   local facts = format(" %s/%s users", console.number(done), console.number(total))
   if elapsed > 0 then
      facts = facts .. format("  %s/s", console.number(floor(done / elapsed)))
   end
   if left then
      facts = facts .. format("  %s left", seconds(left))
   end
   local room = min(30, self.bar - 1 - #facts - 2)
   if room < 5 then
      return facts:sub(2, self.bar)
   end
   local part = total > 0 and min(1, done / total) or 1
   local full = floor(part * room)
   return "[" .. self:paint("32", rep("#", full)) .. rep("-", room - full) .. "]" .. facts
end

-- Why nothing comes, in place of the bar until the next page.
function console:rest(why)
   self.resting = true
   self.latest = why:sub(1, self.bar - 1)
   self:draw()
end

---Hears of the client's events.
---@param event table
function console:event(event)
   if not self.bar then
      return
   elseif event.type == "page" then
      if self.resting or event.elapsed - self.drawn >= DRAW_EVERY or event.done == event.total then
         self.drawn, self.resting = event.elapsed, nil
         self.latest = self:progress(event.done, event.total, event.elapsed, event.left)
         self:draw()
      end
   elseif event.type == "throttle" then
      self:rest("throttled, on again in " .. seconds(event.seconds))
   elseif event.type == "retry" and event.seconds >= LONG_WAIT and event.kind ~= "throttled" then
      self:rest(format("%s, tried again in %s", TROUBLE[event.kind] or event.kind, seconds(event.seconds)))
   end
end

return console
