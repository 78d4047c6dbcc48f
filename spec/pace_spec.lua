-- Seeds of the simulated walks: PACE_SEEDS=1000 for figures, the default keeps the suite quick.
local pace = require("avepoint.elements.pace")
local simulation = require("spec.support.simulation")

local SEEDS = tonumber(os.getenv("PACE_SEEDS")) or 200

local function fixed(value)
   return function() return value end
end

local function new(options)
   options = options or {}
   options.random = options.random or simulation.random(1)
   return pace.new(options)
end

local function status(code, retry_after)
   local kind = code == 429 and "throttled" or (code == 408 or code == 425) and "timeout" or "server"
   return { kind = kind, status = code, retry_after = retry_after }
end

-- Sends as many as may go out at once; gives their tickets.
local function send_all(p, now)
   local tickets = {}
   while not p:wait(now) do tickets[#tickets + 1] = p:sent(now) end
   return tickets
end

-- A pace with its window wide open and nothing out.
local function warm(options)
   local p = new(options)
   for _ = 1, 40 do
      for _, ticket in ipairs(send_all(p, 0)) do p:answered(0, ticket, {}) end
   end
   return p
end

-- One attempt at a page, on its own.
local function attempt(p, job, fault, now, deadline)
   return p:answered(now or 0, p:sent(now or 0), job, fault, deadline)
end

-- How many attempts a page gets when each fails in the same way, and what ends it.
local function attempts(fault, options)
   local p, job, count = new(options), {}, 0
   while true do
      count = count + 1
      local verdict, detail = attempt(p, job, fault, count * 1000)
      if verdict ~= "retry" then return count, verdict, detail end
      p:answered(count * 1000, p:sent(count * 1000), {}) -- another page comes well: no outage
   end
end

describe("pace: attempts", function()
   it("repeats 408, 425, 502, 503 and 504 up to 8 attempts, 500 up to 3", function()
      for code, most in pairs { [408] = 8, [425] = 8, [500] = 3, [502] = 8, [503] = 8, [504] = 8 } do
         assert.same({ most, "fail", "attempts" }, { attempts(status(code)) })
      end
   end)

   it("repeats the CURLcodes of a bad line, and TLS handshakes once", function()
      for _, code in ipairs { 6, 7, 16, 18, 28, 52, 55, 56, 92 } do
         assert.same({ 8, "fail", "attempts" }, { attempts { kind = "network", code = code } })
      end
      assert.same({ 2, "fail", "attempts" }, { attempts { kind = "tls", code = 35 } })
   end)

   it("never repeats what is final", function()
      for _, code in ipairs { 201, 204, 301, 400, 403, 404, 405, 422, 501, 505 } do
         assert.same({ 1, "fail", "final" }, { attempts(status(code)) })
      end
      for _, code in ipairs { 1, 5, 8, 23, 27, 60, 61, 77 } do
         assert.same({ 1, "fail", "final" }, { attempts { kind = "tls", code = code } })
      end
      assert.same({ 1, "fail", "final" }, { attempts { kind = "protocol", status = 200 } })
   end)

   it("counts 429s apart, up to 20", function()
      assert.same({ 20, "fail", "attempts" }, { attempts(status(429, 1)) })
      local p, job = new(), {}
      for _ = 1, 7 do assert.equal("retry", (attempt(p, job, status(429, 1)))) end
      for _ = 1, 7 do assert.equal("retry", (attempt(p, job, status(503)))) end
      assert.equal("fail", (attempt(p, job, status(503))))
      assert.same({ 7, 8 }, { job.throttles, job.attempts })
   end)

   it("asks once more for a page that does not parse", function()
      local p, job = new(), {}
      assert.is_true(p:garbled(job))
      assert.is_false(p:garbled(job))
      assert.is_false(new({ max_attempts = 1 }):garbled({}))
   end)

   it("takes max_attempts from its owner; 1 switches repeats off", function()
      assert.same({ 3, "fail", "attempts" }, { attempts(status(503), { max_attempts = 3 }) })
      for _, fault in ipairs { status(503), status(429, 1), status(500), { kind = "network", code = 7 } } do
         assert.same({ 1, "fail", "attempts" }, { attempts(fault, { max_attempts = 1 }) })
      end
   end)

   it("fails at the 24th failure in a row, of whatever pages, until an answer is good", function()
      local p = new()
      for count = 1, 23 do assert.equal("retry", (attempt(p, {}, status(503))), count) end
      assert.same({ "fail", "outage" }, { attempt(p, {}, status(503)) })
      assert.same({ "fail", "outage" }, { attempt(p, {}, { kind = "network", code = 7 }, 59) })
      assert.equal("ok", (attempt(p, {}, nil, 59)))
      assert.equal("retry", (attempt(p, {}, status(503), 59)))
   end)

   it("forgets a row of failures after a minute of silence", function()
      local p = new()
      for _ = 1, 24 do attempt(p, {}, status(503)) end
      assert.same({ "fail", "outage" }, { attempt(p, {}, status(503), 60) })
      assert.equal("retry", (attempt(p, {}, status(503), 121)))
   end)

   it("counts no 429 and nothing final as an outage", function()
      local p = new()
      for count = 1, 100 do
         assert.equal("retry", (attempt(p, {}, status(429, 1), count * 10)))
         assert.same({ "fail", "final" }, { attempt(p, {}, status(404), count * 10) })
      end
   end)
end)

describe("pace: delays", function()
   it("draws a failed page's delay from 0 to 0.5 s, doubling up to 20 s", function()
      for share, scale in pairs { [0] = 0, [0.5] = 0.5, [0.999] = 0.999 } do
         local p, job = new { random = fixed(share), max_attempts = 12 }, {}
         for _, most in ipairs { 0.5, 1, 2, 4, 8, 16, 20, 20 } do
            local verdict, delay = attempt(p, job, status(503))
            assert.equal("retry", verdict)
            assert.near(scale * most, delay, 1e-9)
         end
      end
   end)

   it("pauses the client for 1 to 2 s after a 429 without header, doubling up to 60 s while they last", function()
      for share, scale in pairs { [0] = 0.5, [1] = 1 } do
         local p, now = new { random = fixed(share) }, 0
         for _, most in ipairs { 2, 4, 8, 16, 32, 60, 60 } do
            assert.same({ "retry", 0 }, { attempt(p, {}, status(429), now) })
            assert.near(scale * most, p:paused(now), 1e-9)
            assert.near(scale * most, p:wait(now), 1e-9)
            now = now + p:wait(now)
            assert.is_nil(p:paused(now))
         end
         attempt(p, {}, nil, now)
         attempt(p, {}, status(429), now + 10)
         assert.near(scale * 2, p:paused(now + 10), 1e-9)
      end
   end)

   it("pauses the client for Retry-After and up to 1 s or a tenth more", function()
      for _, case in ipairs { { 1, 0, 1 }, { 1, 1, 2 }, { 5, 1, 6 }, { 10, 1, 11 }, { 60, 1, 66 }, { 120, 0.5, 126 } } do
         for _, code in ipairs { 429, 500, 502, 503, 504 } do
            local p = new { random = fixed(case[2]) }
            assert.same({ "retry", 0 }, { attempt(p, {}, status(code, case[1])) })
            assert.near(case[3], p:paused(0), 1e-9)
         end
      end
   end)

   it("does not read Retry-After where it says nothing of the service's load", function()
      local p = new()
      attempt(p, {}, status(408, 50))
      attempt(p, {}, { kind = "forbidden", status = 403, retry_after = 50 })
      assert.is_nil(p:paused(0))
   end)

   it("fails at once, and pauses nobody, when Retry-After is above 120 s", function()
      for _, code in ipairs { 429, 503 } do
         for _, header in ipairs { 121, math.huge } do
            local p = new()
            assert.same({ "fail", "too_long" }, { attempt(p, {}, status(code, header)) })
            assert.is_nil(p:wait(0))
         end
      end
   end)

   it("fails a page whose pause would pass its deadline, and pauses the others", function()
      local p = new()
      assert.same({ "fail", "too_long" }, { attempt(p, {}, status(429, 30), 0, 20) })
      assert.is_true(p:paused(0) >= 30)
   end)

   it("promises no repeat beyond the deadline", function()
      for seed = 1, 200 do
         local p = new { random = simulation.random(seed) }
         for _, fault in ipairs { status(503), status(429), status(429, 1), { kind = "network", code = 7 } } do
            local now, job = 0, {}
            while true do
               local verdict, delay = attempt(p, job, fault, now, 9)
               if verdict == "fail" then break end
               now = now + math.max(delay, p:paused(now) or 0)
               assert.is_true(now <= 9)
            end
            attempt(p, {}, nil, 100)
         end
      end
   end)

   it("gives two clients that start together different delays", function()
      local one, other = new { random = simulation.random(1) }, new { random = simulation.random(2) }
      for _, fault in ipairs { status(503), status(503) } do
         assert.not_equal(select(2, attempt(one, {}, fault)), select(2, attempt(other, {}, fault)))
      end
      for _, fault in ipairs { status(429), status(429, 1) } do
         attempt(one, {}, fault)
         attempt(other, {}, fault)
         assert.not_equal(one:paused(0), other:paused(0))
      end
   end)
end)

describe("pace: pause and probe", function()
   it("answers eight 429s with half the window, no request for a second and a single probe", function()
      local p = warm()
      local tickets = send_all(p, 10)
      assert.equal(8, #tickets)
      for _, ticket in ipairs(tickets) do assert.same({ "retry", 0 }, { p:answered(10.1, ticket, {}, status(429, 1)) }) end
      assert.equal(4, p:window())
      assert.is_true(p:wait(10.1) >= 1 and p:wait(10.1) <= 2)
      local now = 10.1 + p:wait(10.1)
      local probe = p:sent(now)
      assert.equal(math.huge, p:wait(now))
      assert.equal(math.huge, p:wait(now + 50))
      p:answered(now + 0.1, probe, {})
      assert.is_true((p:wait(now + 0.1) or 0) < 0.1)
      assert.equal(4, p:window())
   end)

   it("lengthens the pause when a later answer of the same burst asks for more", function()
      local p = warm { random = fixed(0.5) }
      local tickets = send_all(p, 0)
      p:answered(0, tickets[1], {}, status(429, 1))
      assert.near(1.5, p:paused(0), 1e-9)
      p:answered(0.2, tickets[2], {}, status(429, 1))
      assert.near(1.3, p:paused(0.2), 1e-9)
      p:answered(0.3, tickets[3], {}, status(429, 7))
      assert.near(7, p:paused(0.3), 1e-9)
      p:answered(0.4, tickets[4], {}, status(429))
      assert.near(6.9, p:paused(0.4), 1e-9)
   end)

   it("pauses again when the probe is refused, with half of what was left of the window", function()
      local p = warm { random = fixed(0) }
      p:answered(0, send_all(p, 0)[1], {}, status(429, 1))
      p:answered(1, p:sent(1), {}, status(429, 1))
      assert.equal(2, p:window())
      assert.equal(1, p:paused(1))
   end)

   it("sends another probe when one fails for another reason or is withdrawn", function()
      local p = new { random = fixed(0) }
      attempt(p, {}, status(429, 1))
      p:answered(1, p:sent(1), {}, status(503))
      assert.is_nil(p:wait(2))
      p:cancelled(p:sent(2))
      assert.is_nil(p:wait(3))
      p:sent(3)
      assert.equal(math.huge, p:wait(4))
   end)

   it("does not take an answer from before the pause for the probe's", function()
      local p = warm { random = fixed(0) }
      local tickets = send_all(p, 0)
      p:answered(0, tickets[1], {}, status(429, 1))
      for i = 2, 8 do p:answered(0.5, tickets[i], {}) end
      assert.equal(0.5, p:wait(0.5))
      p:sent(1)
      assert.equal(math.huge, p:wait(1))
   end)

   it("keeps to a pause that a straggler asked for while the probe was out", function()
      local p = warm { random = fixed(0) }
      local tickets = send_all(p, 0)
      p:answered(0, tickets[1], {}, status(429, 1))
      local probe = p:sent(1)
      p:answered(1.1, tickets[2], {}, status(429, 5))
      p:answered(1.2, probe, {})
      assert.near(4.9, p:wait(1.2), 1e-9)
   end)
end)

describe("pace: what a wait is for", function()
   it("is the refusal or the failure that asked for the longest pause", function()
      local p = warm { random = fixed(0) }
      local tickets = send_all(p, 0)
      p:answered(0, tickets[1], {}, status(429, 5))
      assert.same({ 5, "throttled" }, { p:wait(0) })
      p:answered(0, tickets[2], {}, status(503, 3))
      assert.same({ 5, "throttled" }, { p:wait(0) })
      p:answered(0, tickets[3], {}, status(503, 9))
      assert.same({ 9, "server" }, { p:wait(0) })
   end)

   it("is a refusal where the rate is kept to, and is not told where only an answer helps", function()
      local p = new { random = fixed(0) }
      attempt(p, {}, status(503, 1))
      p:sent(1)
      assert.same({ math.huge }, { p:wait(1) })
      p = new()
      attempt(p, {}, status(429, 1))
      attempt(p, {}, nil, 10)
      assert.equal("throttled", select(2, p:wait(10)))
   end)
end)

describe("pace: window", function()
   it("starts at 4 and grows by 1 an answer up to concurrency", function()
      local p, sizes = new(), {}
      for i = 1, 6 do
         sizes[i] = p:window()
         attempt(p, {})
      end
      assert.same({ 4, 5, 6, 7, 8, 8 }, sizes)
      assert.equal(8, #send_all(p, 0))
      assert.equal(32, #send_all(warm { concurrency = 32 }, 0))
      assert.equal(2, #send_all(new { concurrency = 2 }, 0))
      assert.equal(1, #send_all(warm { concurrency = 1 }, 0))
   end)

   it("is cut once for all that was sent before the cut", function()
      for fault, size in pairs {
         [status(429, 1)] = 4, [status(503, 1)] = 4, [status(503)] = 7, [status(500)] = 7, [status(502, 1)] = 7,
         [{ kind = "timeout", code = 28 }] = 7, [{ kind = "network", code = 7 }] = 8,
      } do
         local p = warm()
         for _, ticket in ipairs(send_all(p, 0)) do p:answered(0, ticket, {}, fault) end
         assert.equal(size, p:window())
      end
   end)

   it("never falls below 1", function()
      local p = new()
      for now = 1, 20 do attempt(p, {}, status(429, 1), now * 1000) end
      assert.equal(1, p:window())
   end)

   it("grows by 1 for each window of good answers after a cut", function()
      local p, sizes = warm(), {}
      attempt(p, {}, status(503, 1))
      for i = 1, 23 do
         attempt(p, {}, nil, 10)
         sizes[i] = p:window()
      end
      assert.same({ 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 8, 8 }, sizes)
   end)

   it("starts to count anew at each failure", function()
      local p = warm()
      attempt(p, {}, status(503, 1)) -- 4
      for _ = 1, 3 do attempt(p, {}, nil, 10) end
      attempt(p, {}, status(503), 10) -- 3.6
      for _ = 1, 2 do attempt(p, {}, nil, 10) end
      assert.equal(3, p:window())
      attempt(p, {}, nil, 10)
      assert.equal(4, p:window()) -- 4.6
      for _ = 1, 3 do attempt(p, {}, nil, 10) end
      attempt(p, {}, { kind = "network", code = 7 }, 10)
      for _ = 1, 3 do attempt(p, {}, nil, 10) end
      assert.equal(4, p:window())
      attempt(p, {}, nil, 10)
      assert.equal(5, p:window())
   end)

   it("learns nothing from what was sent before the cut or was withdrawn", function()
      local p = warm()
      local tickets = send_all(p, 0)
      p:answered(0, tickets[1], {}, status(503))
      for i = 2, 7 do p:answered(0, tickets[i], {}) end
      p:cancelled(tickets[8])
      assert.equal(7, #send_all(p, 0))
   end)
end)

describe("pace: rate", function()
   -- Sends at each moment that wait allows; every answer is good and there at once.
   local function spread(p, now, count)
      local gaps, last = {}, nil
      for i = 1, count do
         now = now + (p:wait(now) or 0)
         if last then gaps[i - 1] = now - last end
         last = now
         p:answered(now, p:sent(now), {})
      end
      return gaps, now
   end

   it("is not there until the first 429", function()
      local p = warm()
      for _, fault in ipairs { status(503), status(503, 1), { kind = "timeout", code = 28 } } do attempt(p, {}, fault) end
      attempt(p, {}, nil, 100)
      assert.is_nil(p:rate())
      for _, gap in ipairs((spread(p, 100, 50))) do assert.equal(0, gap) end
   end)

   it("spaces requests after the first 429, ever closer while none is refused", function()
      local p = warm()
      attempt(p, {}, status(429, 1))
      local gaps = spread(p, 0, 60)
      assert.near(1 / 14, gaps[1], 1e-6)
      for i = 2, #gaps do assert.is_true(gaps[i] <= gaps[i - 1] and gaps[i] > 0) end
      assert.is_true(p:rate() > 28)
   end)

   it("is cut by every refusal, at most by half, down to 0.5 a second", function()
      local p, now, last = warm(), 0, math.huge
      for _ = 1, 40 do
         now = now + (p:wait(now) or 0)
         p:answered(now, p:sent(now), {})
         now = now + (p:wait(now) or 0)
         p:answered(now, p:sent(now), {}, status(429, 1))
         p:answered(now + 2, p:sent(now + 2), {})
         now = now + 2
         assert.is_true(p:rate() < last or p:rate() == 0.5)
         assert.is_true(p:rate() >= math.min(last / 2, 14))
         last = p:rate()
      end
      assert.equal(0.5, last)
   end)

   it("is not cut for a refused probe, which tells that the pause was too short", function()
      local p = new { random = fixed(1) }
      attempt(p, {}, status(429))
      for now = 10, 300, 100 do attempt(p, {}, status(429), now) end
      attempt(p, {}, nil, 1000)
      assert.equal(14, p:rate())
   end)

   it("does not grow while something else holds the client back", function()
      local p = new()
      attempt(p, {}, status(429, 1))
      for now = 10, 1000, 10 do attempt(p, {}, nil, now) end
      assert.equal(14, p:rate())
   end)

   it("lets a late sender make up for milliseconds, but not for a break", function()
      local p = new()
      attempt(p, {}, status(429, 1))
      attempt(p, {}, nil, 10)
      local due = 10 + p:wait(10)
      attempt(p, {}, status(404), due + 0.004)
      assert.near(1 / p:rate() - 0.004, p:wait(due + 0.004), 1e-9)
      attempt(p, {}, status(404), 20)
      assert.near(1 / p:rate(), p:wait(20), 1e-9)
   end)
end)

describe("pace in simulated walks", function()
   -- Mean and worst over the seeds of the time (in parts of the ideal one), and the worst share of 429s.
   local function measure(seeds, ideal, options, service)
      local figures = { mean = 0, worst = 0, refused = 0 }
      for seed = 1, seeds do
         local walk = {}
         for name, value in pairs(options) do walk[name] = value end
         walk.pace = pace.new { random = simulation.random(seed + 7919), concurrency = options.concurrency }
         walk.seed, walk.service = seed, service()
         local result = simulation.walk(walk)
         assert.is_nil(result.failed, ("seed %d loses page %s"):format(seed, result.failed))
         assert.is_true(result.largest <= (options.concurrency or 8))
         local time = result.elapsed / ideal
         figures.mean, figures.worst = figures.mean + time / seeds, math.max(figures.worst, time)
         figures.refused = math.max(figures.refused, result.refused / result.requests)
      end
      if os.getenv("PACE_FIGURES") then
         print(("%-44s mean %.3f, worst %.3f, 429 at most %.2f %%"):format(
            options.name, figures.mean, figures.worst, 100 * figures.refused))
      end
      return figures
   end

   local function check(most, refused, ...)
      local figures = measure(...)
      assert.is_true(figures.worst <= most and figures.refused < refused, ("%.3f, %.2f %%"):format(
         figures.worst, 100 * figures.refused))
      return figures
   end

   local HEADERS = { { "seconds", "seconds" }, { "no header", nil }, { "a date", "date" } }

   for _, header in ipairs(HEADERS) do
      it("meets a limit of 20 a second, " .. header[1] .. ", within 1.4 of the ideal and with 3 % refused", function()
         local function bucket() return simulation.bucket(20, 2, header[2]) end
         for _, latency in ipairs { { 0.005, 0.150 }, { 0.005, 0.005 }, { 0.150, 0.150 } } do
            local figures = check(1.4, 0.03, SEEDS, 15, {
               pages = 300, latency = latency, late = 0.001,
               name = ("20/s, %s, %g to %g ms"):format(header[1], latency[1] * 1000, latency[2] * 1000),
            }, bucket)
            assert.is_true(figures.mean <= 1.3, figures.mean)
         end
      end)

      it("meets limits of 2, 5, 50 and 200 a second, " .. header[1] .. ", within 2 of the ideal", function()
         for _, rate in ipairs { 2, 5, 50, 200 } do
            check(2, 1, rate < 20 and SEEDS or math.ceil(SEEDS / rate), 15, {
               pages = 15 * rate, latency = rate < 20 and { 0.005, 0.150 } or { 0.020, 0.020 }, late = 0.001,
               name = ("%d/s, %s"):format(rate, header[1]),
            }, function() return simulation.bucket(rate, 2, header[2]) end)
         end
      end)
   end

   it("meets a limit of 20 a second that is checked halfway, behind a line with that jitter", function()
      check(1.6, 0.04, SEEDS, 15, {
         pages = 300, latency = { 0.005, 0.150 }, judged = 0.5, name = "20/s, seconds, judged halfway",
      }, function() return simulation.bucket(20, 2, "seconds") end)
   end)

   it("meets a limit of 300 a second on a line with jitter", function()
      check(2, 1, 12, 15, {
         pages = 4500, latency = { 0.005, 0.020 }, judged = 0.1, late = 0.001, name = "300/s, seconds, judged at a tenth",
      }, function() return simulation.bucket(300, 2, "seconds") end)
   end)

   it("walks through limits of other bursts", function()
      for burst, most in pairs { [0] = 2, [1] = 1.5, [5] = 1.4, [10] = 1.4, [20] = 1.4 } do
         for _, latency in ipairs { 0.005, 0.150 } do
            check(most, 0.06, 10, 15, {
               pages = 300, latency = { latency, latency }, name = ("20/s, burst %d, %g ms"):format(burst, latency * 1000),
            }, function() return simulation.bucket(20, burst, "seconds") end)
         end
      end
   end)

   it("walks through limits by the second and by the minute", function()
      for _, header in ipairs(HEADERS) do
         check(2, 0.06, 10, 15, {
            pages = 300, latency = { 0.005, 0.150 }, name = "20 each second, " .. header[1],
         }, function() return simulation.fixed_window(20, 1, header[2]) end)
         check(1.3, 0.05, 5, 300, {
            pages = 3000, latency = { 0.005, 0.150 }, name = "600 each minute, " .. header[1],
         }, function() return simulation.fixed_window(600, 60, header[2]) end)
      end
   end)

   it("follows a limit that falls from 20 to 10 and rises again", function()
      check(1.7, 0.03, 20, 45, { pages = 700, latency = { 0.005, 0.150 }, name = "20/s, 10/s from 15 to 35 s" }, function()
         return simulation.bucket(function(now) return (now < 15 or now > 35) and 20 or 10 end, 2, "seconds")
      end)
   end)

   it("finds a limit that is raised", function()
      check(1.4, 0.02, 20, 60, { pages = 1000, latency = { 0.005, 0.150 }, name = "10/s, from 20 s on 20/s" }, function()
         return simulation.bucket(function(now) return now < 20 and 10 or 20 end, 2, "seconds")
      end)
   end)

   it("meets a limit that sets in late, after a stray refusal or none", function()
      for _, stray in ipairs { 0, 1 } do
         check(stray == 0 and 1.17 or 1.37, 0.01, 20, 113, {
            pages = 3000, latency = { 0.050, 0.150 }, name = "20/s from 13 s on, stray 429s: " .. stray,
         }, function()
            local bucket, left = simulation.bucket(20, 2, "seconds"), stray
            return function(now)
               if now > 13 then return bucket(now) end
               if now < 1 or left == 0 then return nil end
               left = left - 1
               return { kind = "throttled", status = 429, retry_after = 1 }
            end
         end)
      end
   end)

   it("wins as the walk gets longer", function()
      check(1.25, 0.015, 10, 50, { pages = 1000, latency = { 0.005, 0.150 }, name = "20/s, 1,000 pages" }, function()
         return simulation.bucket(20, 2, "seconds")
      end)
      check(1.2, 0.01, 3, 250, { pages = 5000, latency = { 0.005, 0.150 }, name = "20/s, 5,000 pages" }, function()
         return simulation.bucket(20, 2, "seconds")
      end)
   end)

   it("keeps the window full where there is no limit", function()
      local p = pace.new { random = simulation.random(1) }
      local result = simulation.walk { pace = p, pages = 200, latency = { 0.1, 0.1 }, service = function() end }
      assert.is_true(result.elapsed <= 1.10 * (1 + math.ceil(199 / 8)) * 0.1, result.elapsed)
      assert.is_nil(p:rate())
      assert.equal(200, result.requests)
      assert.equal(8, result.largest)
   end)

   it("loses a page of 1,000 at 20 % random 503 in at most 2 of 200 walks", function()
      local lost = 0
      for seed = 1, 200 do
         local result = simulation.walk {
            pace = pace.new { random = simulation.random(seed + 7919) }, seed = seed, pages = 1000,
            latency = { 0.02, 0.02 }, service = simulation.flaky(0.2),
         }
         lost = lost + (result.failed and 1 or 0)
      end
      assert.is_true(lost <= 2, lost)
   end)

   it("holds a rate of at most twice what is really sent", function()
      local p, stray = pace.new { random = simulation.random(1) }, true
      simulation.walk {
         pace = p, pages = 3000, latency = { 0.1, 0.1 },
         service = function(now)
            if now < 1 or not stray then return nil end
            stray = false
            return { kind = "throttled", status = 429, retry_after = 1 }
         end,
      }
      assert.is_true(p:rate() > 80 and p:rate() < 2.2 * 80, p:rate())
   end)

   it("brings all of 1,000 pages at 10 % random 503 with less than 15 % repeats", function()
      for seed = 1, 40 do
         local result = simulation.walk {
            pace = pace.new { random = simulation.random(seed + 7919) }, seed = seed, pages = 1000,
            latency = { 0.02, 0.02 }, service = simulation.flaky(0.1),
         }
         assert.is_nil(result.failed)
         assert.is_true(result.repeats < 0.15 * result.requests, result.repeats)
      end
   end)

   it("ends an outage with server after at most 35 repeats and 8 attempts a page", function()
      for seed = 1, 200 do
         for _, first in ipairs { 1, 2, 50 } do
            local result = simulation.walk {
               pace = pace.new { random = simulation.random(seed + 7919) }, seed = seed, pages = 300,
               latency = { 0.005, 0.150 }, service = simulation.outage(first),
            }
            assert.equal("server", result.fault.kind)
            assert.equal(first - 1, result.delivered)
            assert.is_true(result.repeats <= 35, result.repeats)
            for page = first, first + 8 do assert.is_true((result.tries[page] or 0) <= 8) end
         end
      end
   end)

   it("sleeps past no deadline", function()
      for seed = 1, 20 do
         for _, service in ipairs { simulation.bucket(5, 2, "seconds"), simulation.flaky(0.5), simulation.outage(2) } do
            local result = simulation.walk {
               pace = pace.new { random = simulation.random(seed + 7919) }, seed = seed, pages = 1000, deadline = 3,
               latency = { 0.005, 0.150 }, service = service,
            }
            assert.is_true(result.elapsed <= 3 and result.failed ~= nil, result.elapsed)
         end
      end
   end)
end)

describe("pace", function()
   it("asks nothing of the machine", function()
      local function bare(name, require)
         local path = assert(package.searchpath(name, package.path))
         return assert(loadfile(path, "t", { math = math, setmetatable = setmetatable, require = require }))()
      end
      local p = bare("avepoint.elements.pace", bare).new { random = fixed(0) }
      assert.equal("ok", (attempt(p, {})))
   end)
end)
