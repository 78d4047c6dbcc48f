-- outcome: what an answer means for the job that asked: its page, a repeat, or its error.
--
-- Pure: pace and token are told and asked, the clock is passed in.

local failure = require("avepoint.elements.failure")
local retry_after = require("avepoint.elements.retry_after")

local outcome = {}

-- Seconds that the service asks to wait.
local function asked_to_wait(answer)
   local headers = failure.headers(answer.headers)
   return headers["retry-after"] and retry_after.parse(headers["retry-after"], headers.date and headers.date[1])
end

local WHY = {
   outage = "; too many requests failed in a row, so nothing more was sent",
   too_long = "; it asks to wait longer than this call may",
   deadline = "; another attempt would pass the deadline",
}

-- An error that could have been repeated says why it was not.
local function explain(err, why)
   err.message = err.message .. (WHY[why] or "")
   return err
end

---Writes into a job what an answer means for it: `answer`, `err`, or `due` for a repeat.
---@param pace table
---@param token table
---@param job table
---@param answer table as core's take gives it
---@param now number
---@return avepoint.Error? err of this attempt
function outcome.settle(pace, token, job, answer, now)
   local err = failure.of(answer, function(text) return token:hide(text) end)
   local ticket, deadline = job.ticket, job.deadline
   job.id, job.ticket = nil, nil
   if answer.ended == "no_memory" then
      pace:cancelled(now, ticket)
      job.err = "not enough memory"
   elseif not err then
      pace:answered(now, ticket, job, nil, deadline)
      token:taken()
      job.answer = answer
   elseif err.kind == "auth" and err.status == 401 then
      pace:cancelled(now, ticket)
      local stale = job.generation < token.generation
      if token:refused(job.generation) and (stale or not job.refreshed) then
         job.refreshed = job.refreshed or not stale
      else
         job.err = err
      end
   else
      err.retry_after = asked_to_wait(answer)
      local verdict, delay = pace:answered(now, ticket, job, {
         kind = err.kind, status = err.status, code = answer.code, retry_after = err.retry_after,
      }, deadline)
      if verdict == "retry" then
         job.due = now + delay
      else
         job.err = explain(err, delay)
      end
   end
   return err
end

return outcome
