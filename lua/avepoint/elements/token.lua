-- token: the bearer that requests carry, and when another is asked for.
--
-- Generations tell a refusal of this token from a late refusal of the one before it, so that many pages that meet a
-- 401 at once ask for one new token between them. A token is asked for anew before it ends, and serves on while that
-- fails. Pure: clock and random are passed in; who asks (a function of the caller's, a request) is dispatch's matter.

local check = require("avepoint.elements.check")
local failure = require("avepoint.elements.failure")
local retry = require("avepoint.elements.retry")

local find, match = string.find, string.match
local huge, max, min, mtype = math.huge, math.max, math.min, math.type

local token = {}
token.__index = token
token.__name = "avepoint.elements.token" -- and no field for tostring to show

local MAX_BYTES = 8192         -- of a token; those seen have 1 to 2 kB, and servers take some 8 kB of headers
local MAX_VAIN = 3             -- tokens refused in a row before no other is asked for

local LONGEST_LIFE = 86400     -- seconds
local DEFAULT_LIFE = 300       -- seconds, of a token whose answer names none
local EARLY, EARLY_SHARE = 300, 0.2 -- seconds before its end, or share of its life, that another is asked for; MSAL
local LATE, LATE_SHARE = 30, 0.05 -- ... that it is used no more; Azure Core
local GAP = 60                 -- seconds between two attempts while the old one lives; MSAL
local REFUSAL_MEMORY = 60      -- seconds that a refused credential is not tried again; MSAL
local LONGEST_MEMORY = 3600    -- seconds of Retry-After that are remembered; MSAL

---What is wrong with a bearer token (RFC 6750, 2.1), or nil. Never shows it.
---@param value any
---@return string?
function token.flaw(value)
   local flaw = check.secret_flaw(value, MAX_BYTES)
   if flaw then
      return flaw
   elseif find(value, "^[Bb]earer ") then
      return "begins with \"Bearer \"; give the token alone"
   elseif not match(value, "^[%w%-%._~%+/]+=*$") then
      return "holds a character that no token has; give it as the identity server sent it"
   end
end

---@param source string|(fun(): string?, any)|table a token, a function that gives one (and its life in seconds), or a
---signin
---@param options {random: (fun(): number), max_attempts: integer?}
---@return table token
function token.new(source, options)
   local fixed = type(source) == "string"
   return setmetatable({
      ask = type(source) == "function" and source or nil,
      signin = type(source) == "table" and source or nil,
      random = options.random,
      max_attempts = min(retry.TOKEN_ATTEMPTS, options.max_attempts or retry.TOKEN_ATTEMPTS),
      -- a closure, so that no walk over the fields of a client meets the token
      read = fixed and function() return source end or nil,
      spent = nil, -- ... the one before, which a late answer may quote
      generation = fixed and 1 or 0,
      renew = huge, -- seconds, on the clock of `now`: another is asked for
      dies = huge, -- ... this one is used no more
      once = false, -- its life is not known: it is good for one call
      vain = 0, -- tokens refused since one was taken
      asking = false, -- a request for one is out
      tries = 0, -- failures since the last token; each sort is counted under its own name as well
      counts = {},
      due = -huge, -- seconds; none is asked for before
      last = nil, -- why the last attempt failed
      refusal = nil, -- ... for good, until `due`
   }, token)
end

---The token that a request may carry now.
---@param now number seconds
---@return string? value
---@return integer generation
function token:current(now)
   return self.read and now < self.dies and self.read() or nil, self.generation
end

---Should one be asked for now?
---@param now number
---@return boolean
function token:wanted(now)
   return (self.ask or self.signin) ~= nil and not self.asking and now >= self.due
      and (not self.read or now >= self.renew)
end

---A call begins: a token whose life is not known served the one before.
function token:begin()
   if self.once then
      self.read, self.spent, self.once = nil, self.read, false
   end
end

-- Seconds of life that an answer names, or nil where it names nonsense.
local function life_of(lifetime)
   if type(lifetime) == "string" and find(lifetime, "^%d+$") then
      lifetime = tonumber(lifetime)
   end
   return mtype(lifetime) and lifetime > 0 and lifetime < huge and min(lifetime, LONGEST_LIFE) or nil
end

---A token came.
---@param asked number when it was asked for
---@param value string without a flaw
---@param lifetime any seconds or digits; nil: the identity server's default, or of a function: until it is refused
---@param now number? when it came, if not at once
---@return number? life seconds, nil where it is not known
function token:received(asked, value, lifetime, now)
   self.read, self.spent = function() return value end, self.read or self.spent
   self.generation = self.generation + 1
   self.asking, self.tries, self.counts, self.due, self.last, self.refusal = false, 0, {}, -huge, nil, nil
   local life
   if lifetime == nil then
      life = self.signin and DEFAULT_LIFE or nil
      self.once = false
   else
      life = life_of(lifetime)
      self.once = life == nil
   end
   if life and asked + life - min(LATE, LATE_SHARE * life) <= (now or asked) then
      life, self.once = nil, true -- it was over before it came, and so would be the next
   end
   self.renew = life and asked + life - min(EARLY, EARLY_SHARE * life) or huge
   self.dies = life and asked + life - min(LATE, LATE_SHARE * life) or huge
   if self.renew <= (now or asked) then
      self.renew = self.dies -- it was long in coming, and the next would be
   end
   return life
end

-- How long nobody asks after a failure for good.
local function memory(err)
   if err.kind == "auth" then
      return REFUSAL_MEMORY
   end
   return err.retry_after and min(err.retry_after, LONGEST_MEMORY) or 0
end

-- Seconds until another attempt, or nil where there is none.
local function delay(self, fault)
   local name, most = retry.allowance(fault)
   if not name then
      return nil
   end
   self.counts[name] = (self.counts[name] or 0) + 1
   if self.tries >= self.max_attempts or self.counts[name] >= most then
      return nil
   elseif not fault.retry_after then
      return (fault.status == 429 and retry.throttle or retry.delay)(self.tries, self.random)
   end
   return fault.retry_after <= retry.RETRY_AFTER_MAX and retry.pause(fault.retry_after, self.random) or nil
end

---An attempt failed.
---@param now number
---@param err avepoint.Error
---@param fault avepoint.Fault? nil: no other attempt
---@return boolean final whoever waits for a token has this error
---@return number? seconds until the next attempt
function token:failed(now, err, fault)
   self.asking, self.last, self.tries = false, err, self.tries + 1
   if self:current(now) then
      self.tries, self.counts = 0, {}
      self.due = max(min(now + GAP, self.dies), now + memory(err.kind ~= "auth" and err or {}))
      self.refusal = (err.retry_after or 0) > retry.RETRY_AFTER_MAX and err or nil
      return false, self.due - now
   end
   local seconds = fault and delay(self, fault)
   if seconds then
      self.due = now + seconds
      return false, seconds
   end
   self.tries, self.counts = 0, {}
   seconds = self.signin and memory(err) or 0
   self.refusal, self.due = seconds > 0 and err or nil, now + seconds
   return true
end

---Why no token is asked for now, where that is settled.
---@param now number
---@return avepoint.Error?
function token:refusal_at(now)
   return now < self.due and self.refusal or nil
end

---The request for a token was withdrawn.
function token:withdrawn()
   self.asking = false
end

---The service refused the token of a generation. May its request be repeated with another?
---@param generation integer
---@param now number? seconds; with `err` for a source that signs in
---@param err avepoint.Error? the refusal, which others have for a while once too many came in a row
---@return boolean
function token:refused(generation, now, err)
   if not (self.ask or self.signin) then
      return false
   elseif self.read and generation == self.generation then -- the first to say so of this token
      self.read, self.spent, self.once = nil, self.read, false
      self.vain = self.vain + 1
      if self.signin and self.vain > MAX_VAIN then
         self.refusal, self.due = failure.copy(err), now + REFUSAL_MEMORY
      end
   end
   return self.vain <= MAX_VAIN
end

---A foreign text without the token, should it have been quoted there.
---@param text string
---@return string
function token:hide(text)
   for _, read in ipairs { self.read or false, self.spent or false } do
      text = read and failure.without(text, read(), "[token]") or text
   end
   return text
end

---The service took a token.
function token:taken()
   self.vain = 0
end

return token
