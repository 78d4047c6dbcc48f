-- outcome: what an answer means for the job that asked: its page, a repeat, or its error.
--
-- Pure: pace and token are told and asked, the clock is passed in.

local answers = require("avepoint.elements.answers")
local retry_after = require("avepoint.elements.retry_after")

local format = string.format
local abs, huge = math.abs, math.huge

local outcome = {}

local MAX_SKEW = 60 -- seconds between two clocks that need no word

-- Seconds that the service asks to wait.
local function asked_to_wait(answer)
   local headers = answers.headers(answer.headers)
   return headers["retry-after"] and retry_after.parse(headers["retry-after"], headers.date and headers.date[1])
end

local WHY = {
   outage = "; too many requests failed in a row, so nothing more was sent",
   too_long = "; it asks to wait%s longer than this call may",
   deadline = "; another attempt would pass the deadline",
}

---An error that could have been repeated says why it was not.
---@param err avepoint.Error
---@param why string as pace gives it
---@return avepoint.Error
function outcome.explain(err, why)
   local wait = err.retry_after or huge
   err.message = err.message .. format(WHY[why] or "", wait < huge and format(" %d s,", wait) or "")
   return err
end

---An error with what the answer's headers say besides.
---@param err avepoint.Error
---@param answer table as core's take gives it
---@param wall integer seconds since the epoch
---@return avepoint.Error
function outcome.dress(err, answer, wall)
   err.retry_after = asked_to_wait(answer)
   local skew = err.kind == "auth" and answers.clock_skew(answer.headers, wall)
   err.clock_skew = skew and abs(skew) > MAX_SKEW and skew or nil
   return err
end

---An error of a page, as one about signing in is not.
---@param err avepoint.Error
---@param job table
---@return avepoint.Error
function outcome.of_page(err, job)
   err.page_index, err.attempts = err.page_index or job.page, err.attempts or job.requests
   return err
end

---Writes into a job what an answer means for it: `answer`, `err`, or `due` for a repeat.
---@param pace table
---@param token table
---@param job table
---@param answer table as core's take gives it
---@param now number
---@param wall integer seconds since the epoch
---@return avepoint.Error? err of this attempt
function outcome.settle(pace, token, job, answer, now, wall)
   -- a request id may quote it too, and libcurl the service
   answer.headers, answer.message = token:hide(answer.headers), token:hide(answer.message)
   local err = answers.failure(answer, function(text) return token:hide(text) end, job.url)
   local ticket, deadline = job.ticket, job.deadline
   job.id, job.ticket = nil, nil
   err = err and outcome.dress(err, answer, wall)
   if answer.ended == "no_memory" then
      pace:cancelled(ticket)
      job.err = "not enough memory"
   elseif not err then
      pace:answered(now, ticket, job, nil, deadline)
      token:taken()
      job.answer = answer
   elseif err.kind == "auth" and err.status == 401 then
      pace:cancelled(ticket)
      local stale = job.generation < token.generation
      if token:refused(job.generation, now, err) and (stale or not job.refreshed) then
         job.refreshed = job.refreshed or not stale
      else
         job.err = outcome.of_page(err, job)
      end
   else
      local verdict, delay = pace:answered(now, ticket, job, {
         kind = err.kind, status = err.status, code = answer.code, retry_after = err.retry_after,
      }, deadline)
      if verdict == "retry" then
         job.due = now + delay
      else
         job.err = outcome.of_page(outcome.explain(err, delay), job)
      end
   end
   return err
end

return outcome
