-- The table of figures in the README: each of its numbers by the name under which the bench keeps it.
--    AVEPOINT_GOLDEN=write make bench      writes what was measured into the README
-- Criteria: no number without a figure; `make bench` ends by comparing the two, `make test` does where a bench has run.
-- How far they may be apart is what runs on busy and idle machines differ by; seconds are compared for their unit alone.

local quoted = {}

-- How a number is written, and how far from it one may measure: a share of it, or so many, whichever is more.
local KINDS = {
   instructions = { form = "%.2f", share = 0.08 }, -- ratios; callgrind counts
   pace = { form = "%.2f", share = 0.25 },         -- times the ideal; dice in latencies and pauses
   busy = { form = "%.2f", times = 2 },            -- the same where the machine is the limit
   refused = { form = "%.1f", most = 2 },          -- per cent of requests
   repeats = { form = "%.0f", share = 0.2, most = 10 },
   failed = { form = "%.0f", most = 4 },           -- pages of the eight in flight
   bytes = { form = "%.1f", share = 0.02 },
   megabytes = { form = "%.0f", share = 0.5 },     -- most of it the libraries'
   seconds = { form = "%.2f", times = 10 },
   long = { form = "%.0f", times = 10 },           -- seconds of many
   us = { form = "%.1f", times = 10 },             -- microseconds
}

-- part, what, measured: a number is {figure:kind}
quoted.ROWS = {
   { "floor", "instructions a user (100 a page, https), one request in flight and eight",
      "{floor.https_1.users_ratio:instructions} and {floor.https_default.users_ratio:instructions} × the floor by users, "
         .. "{floor.https_1.pages_ratio:instructions} and {floor.https_default.pages_ratio:instructions} × by pages" },
   { "loops", "the same in a loop, one and eight in flight: of cqueues; of luv",
      "{loops.https_1.cqueues_ratio:instructions} and {loops.https_default.cqueues_ratio:instructions}; "
         .. "{loops.https_1.luv_ratio:instructions} and {loops.https_default.luv_ratio:instructions} × the walk that blocks" },
   { "cpu", "whole program, 60,000 users, no latency: this module · aiohttp · requests · LuaSec's https · curl and jq",
      "{cpu.walk:seconds} s · {cpu.aiohttp:seconds} s · {cpu.requests:seconds} s · {cpu.luasec:seconds} s · "
         .. "{cpu.curl:seconds} s" },
   { "cpu", "work on a user, without start-up: this module · aiohttp · the floor",
      "{cpu.walk_us:us} µs · {cpu.aiohttp_us:us} µs · {cpu.floor_us:us} µs" },
   { "cpu", "the same without gzip: this module · a loop by hand on one LuaSec connection that checks nothing",
      "{cpu.walk_plain_us:us} µs · {cpu.luasec_kept_us:us} µs" },
   { "memory", "peak of the process, 1,000 users and 1,000,000",
      "{memory.few_mb:megabytes} MB and {memory.million_mb:megabytes} MB, of which the ids seen take "
         .. "{memory.seen_bytes:bytes} bytes a user" },
   { "memory", "`avepoint-users list --format csv` of the same",
      "{memory.csv_few_mb:megabytes} MB and {memory.csv_million_mb:megabytes} MB; {memory.csv_million_cpu:long} s of CPU for "
         .. "the million" },
   { "latency", "200 pages at 100 ms, 8 at once; one at a time", "{latency.walk:seconds} s; {latency.walk_1:long} s" },
   { "rate", "20 requests/s, 300 pages, 5 to 150 ms: Retry-After in seconds, none, as a date",
      "{rate.20_seconds.times_ideal:pace}, {rate.20_none.times_ideal:pace}, {rate.20_date.times_ideal:pace} × pages/rate, with "
         .. "{rate.20_seconds.refused:refused}, {rate.20_none.refused:refused}, {rate.20_date.refused:refused} % of the "
         .. "requests refused" },
   { "rate", "2, 5, 50 and 200 requests/s",
      "{rate.2.times_ideal:pace}, {rate.5.times_ideal:pace}, {rate.50.times_ideal:pace}, {rate.200.times_ideal:busy} × "
         .. "pages/rate" },
   { "failures", "20 % of 1,000 pages answered 503", "all arrive, {failures.random_repeats:repeats} repeats" },
   { "failures", "outage from page 50 on",
      "`server` after {failures.outage_repeats:repeats} repeats; `resume` gives the rest" },
   { "http2", "200 pages at 100 ms: HTTP/1.1 on 8 connections, HTTP/2 on one",
      "{http2.h1_8.seconds:seconds} s, {http2.h2_8.seconds:seconds} s" },
   { "http2", "the same while a connection dies: pages that fail", "{http2.h1_8.dying_failed:failed}, "
      .. "{http2.h2_8.dying_failed:failed}" },
}

local BEGIN = "<!-- made by: AVEPOINT_GOLDEN=write make bench -->\n"
local HEAD = BEGIN .. "| part | | measured |\n| --- | --- | --- |\n"

-- From the table's first line to behind its last.
local function place(readme)
   local from = assert(readme:find(BEGIN, 1, true), "README: the table of figures has lost its mark")
   return from, select(2, readme:find("\n\n", from, true))
end

local function line(row, measured)
   return ("| `%s` | %s | %s |\n"):format(row[1], row[2], measured)
end

local function escaped(text)
   return (text:gsub("%p", "%%%0"))
end

local function near(kind, said, measured)
   if kind.times then
      return measured < said * kind.times and measured > said / kind.times
   end
   return math.abs(measured - said) <= math.max((kind.share or 0) * said, kind.most or 0)
end

--- The README with these figures in its table.
---@param readme string
---@param figures table<string, number>
---@return string
function quoted.write(readme, figures)
   local from, to = place(readme)
   local lines = {}
   for i, row in ipairs(quoted.ROWS) do
      lines[i] = line(row, (row[3]:gsub("{([^:]+):(%w+)}", function(name, kind)
         return KINDS[kind].form:format(assert(figures[name], "the table in the README wants every part: no figure " .. name))
      end)))
   end
   return readme:sub(1, from - 1) .. HEAD .. table.concat(lines) .. readme:sub(to)
end

--- What is wrong with the README's table.
---@param readme string
---@param figures table<string, number>
---@param parts string[]  those of which all figures must be there
---@return string[]
function quoted.problems(readme, figures, parts)
   local from, to = place(readme)
   local table_text, wrong, measured = readme:sub(from, to - 1), {}, {}
   for _, part in ipairs(parts) do
      measured[part] = true
   end
   local at = #HEAD + 1
   if table_text:sub(1, #HEAD) ~= HEAD then
      return { "README: the table of figures has another head" }
   end
   for _, row in ipairs(quoted.ROWS) do
      local names, kinds = {}, {}
      local pattern = escaped(line(row, "\0")):gsub("\0", function()
         local text = row[3]:gsub("{([^:]+):(%w+)}", function(name, kind)
            names[#names + 1], kinds[#kinds + 1] = name, assert(KINDS[kind], kind)
            return "\1"
         end)
         return (escaped(text):gsub("\1", "([%%d.]+)"))
      end)
      local found = table.pack(table_text:find("^" .. pattern, at))
      if not found[1] then
         return { ("README: the table of figures differs from spec/bench/quoted.lua at %s: %s"):format(row[1], row[2]) }
      end
      at = found[2] + 1
      for i, name in ipairs(names) do
         local kind, text, figure = kinds[i], found[2 + i], figures[name]
         local said = tonumber(text)
         if not said or kind.form:format(said) ~= text then
            wrong[#wrong + 1] = ("README: %s: %s is not written as %s"):format(name, text, kind.form)
         elseif measured[row[1]] and not figure then
            wrong[#wrong + 1] = "README: no figure " .. name
         elseif figure and not near(kind, said, figure) then
            wrong[#wrong + 1] = ("README: %s: %s is quoted, %.4g measured"):format(name, text, figure)
         end
      end
   end
   if at <= #table_text then
      wrong[#wrong + 1] = "README: the table of figures has rows that spec/bench/quoted.lua has not"
   end
   return wrong
end

--- The numbers of a bench's file of figures.
---@param text string
---@return table<string, number>
function quoted.read(text)
   local figures = {}
   for name, value in text:gmatch("(%S+) (%S+)\n") do
      figures[name] = tonumber(value)
   end
   return figures
end

return quoted
