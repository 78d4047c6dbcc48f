-- simulation: whole walks against a model of the service, on a clock that only jumps from event to event.
-- The client is the engine's rule without its I/O: page 1 alone, then the lowest page that is due, as far as pace lets it
-- and the reorder buffer has room; answers that are there are all taken before anything is sent. The service is a
-- function of time and page that gives a fault or nil. Criteria: the same seed gives the same walk; hundreds a second.

local ceil, floor, huge, max, min = math.ceil, math.floor, math.huge, math.max, math.min

local simulation = {}

--- A source of numbers in [0, 1) of its own, so that pace and service do not share dice.
---@param seed integer
---@return fun(): number
function simulation.random(seed)
   local state = seed * 2654435761 + 88172645463325252
   return function()
      state = state ~ state << 13
      state = state ~ state >> 7 -- xorshift64
      state = state ~ state << 17
      return (state >> 11) / (1 << 53)
   end
end

local function throttled(seconds, header, now)
   local retry_after
   if header == "seconds" then
      retry_after = ceil(seconds)
   elseif header == "date" then -- both to whole seconds; clocks rarely tick when the service starts
      retry_after = ceil(now + 0.37 + seconds) - floor(now + 0.37)
   end
   return { kind = "throttled", status = 429, retry_after = retry_after }
end

--- nginx's limit_req with nodelay.
---@param rate number|fun(now: number): number requests a second
---@param burst integer requests
---@param header "seconds"|"date"|nil what of Retry-After a refusal carries
---@return fun(now: number): table?
function simulation.bucket(rate, burst, header)
   local excess, last
   return function(now)
      local r = type(rate) == "function" and rate(now) or rate
      local level = last and max(0, excess - r * (now - last) + 1) or 0
      if level > burst then return throttled((level - burst) / r, header, now) end
      excess, last = level, now
   end
end

--- So many requests in each span of time, refusals say when the next one begins.
---@param most integer requests
---@param span number seconds
---@param header "seconds"|"date"|nil
---@return fun(now: number): table?
function simulation.fixed_window(most, span, header)
   local current, count
   return function(now)
      now = now + 0.4 * span
      local index = now // span
      if index ~= current then current, count = index, 0 end
      count = count + 1
      if count > most then return throttled((index + 1) * span - now, header, now) end
   end
end

--- Fails with 503 at random.
---@param share number of the requests
---@return fun(now: number, page: integer, random: fun(): number): table?
function simulation.flaky(share)
   return function(_, _, random)
      return random() < share and { kind = "server", status = 503 } or nil
   end
end

--- Fails with 503 from a page on.
---@param page integer
---@return fun(now: number, page: integer): table?
function simulation.outage(page)
   return function(_, asked)
      return asked >= page and { kind = "server", status = 503 } or nil
   end
end

-- The lowest page that may be asked for now, and the next time that one becomes due.
local function next_page(walk, now)
   local page, due = nil, huge
   for again, at in next, walk.again do
      if at > now then
         due = min(due, at)
      elseif not page or again < page then
         page = again
      end
   end
   local fresh = walk.fresh
   local room = fresh == 1 or walk.good[1] and fresh - walk.delivered <= walk.concurrency + 1
   return page or fresh <= walk.pages and room and fresh or nil, due
end

-- What happens next to the requests that are out: each is judged by the service, then its answer arrives.
local function next_flight(flights)
   local first, at = nil, huge
   for i = 1, #flights do
      if flights[i].at < at then first, at = i, flights[i].at end
   end
   return first, at
end

---@class Simulated
---@field elapsed number seconds until the last page was in, or the walk failed
---@field delivered integer pages, in order
---@field requests integer
---@field refused integer answers 429
---@field repeats integer requests beyond the first of a page
---@field largest integer most requests that were out at once
---@field tries integer[] requests by page
---@field sent number[] when each request went out, seconds
---@field failed integer? the page that failed; and why, its fault
---@field why string?
---@field fault table?

--- One walk. Options: pace (a new one), service, pages; latency ({least, most}, seconds), judged (share of the latency
--- that has passed when the service decides; 0), concurrency (8), seed (1), deadline (seconds), late (seconds that the
--- client may wake too late).
---@param options table
---@return Simulated
function simulation.walk(options)
   local random, pace, service = simulation.random(options.seed or 1), options.pace, options.service
   local least, most, judged = options.latency[1], options.latency[2], options.judged or 0
   local late, deadline = options.late or 0, options.deadline or huge
   local result = { requests = 0, refused = 0, repeats = 0, largest = 0, tries = {}, sent = {} }
   local walk = {
      pages = options.pages, concurrency = options.concurrency or 8, fresh = 1, delivered = 0, good = {}, again = {},
   }
   local now, flights, jobs = 0, {}, {}

   local function send(page)
      if page == walk.fresh then
         walk.fresh, jobs[page] = page + 1, {}
      else
         walk.again[page], result.repeats = nil, result.repeats + 1
      end
      local latency = least + (most - least) * random()
      flights[#flights + 1] = {
         page = page, ticket = pace:sent(now), at = now + latency * judged, rest = latency * (1 - judged),
      }
      result.requests, result.largest = result.requests + 1, max(result.largest, #flights)
      result.tries[page], result.sent[result.requests] = (result.tries[page] or 0) + 1, now
   end

   local function take(index)
      local flight = table.remove(flights, index)
      local page, fault = flight.page, flight.fault
      if fault and fault.status == 429 then result.refused = result.refused + 1 end
      local verdict, detail = pace:answered(now, flight.ticket, jobs[page], fault, options.deadline)
      if verdict == "ok" then
         walk.good[page] = true
         while walk.good[walk.delivered + 1] do walk.delivered = walk.delivered + 1 end
      elseif verdict == "retry" then
         walk.again[page] = now + detail
      else
         result.failed, result.why, result.fault = page, detail, fault
      end
   end

   while walk.delivered < walk.pages and not result.failed do
      local index, at = next_flight(flights)
      if index and at <= now then
         local flight = flights[index]
         if flight.rest then
            flight.fault, flight.at, flight.rest = service(now, flight.page, random), now + flight.rest, nil
         else
            take(index)
         end
      else
         local page, due = next_page(walk, now)
         local wait = page and pace:wait(now)
         if page and not wait then
            send(page)
         else
            local wake = min(due, now + (wait or huge))
            now = wake < at and wake + late * random() or at
            if now > deadline then result.failed, result.why, now = walk.delivered + 1, "deadline", deadline end
            assert(now < huge, "the walk is stuck")
         end
      end
   end
   result.elapsed, result.delivered = now, walk.delivered
   return result
end

return simulation
