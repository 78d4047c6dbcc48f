-- elements: the users of a customer's tenant, from the AvePoint Elements API.
--
-- The face of the module: what is reachable from here is public, nothing else is. See README.md.

require("avepoint.elements.load")
local client = require("avepoint.elements.client")
local environment = require("avepoint.elements.environment")
local failure = require("avepoint.elements.failure")
local status = require("avepoint.elements.status")
local timestamp = require("avepoint.elements.timestamp")

-- Types of what is handed over. Sources: the vendor's page "Retrieve Basic Information of users" for names and meanings,
-- and its public documents of the same API where that page is silent (the largest page, the request id).

---One user, with the service's own field names. All but `id` may be absent: null is absent, and the service leaves fields
---out. Fields that are not documented are kept.
---@class avepoint.User
---@field id string never empty
---@field userPrincipalName? string the name to sign in with
---@field mail? string the e-mail address
---@field displayName? string
---@field firstName? string
---@field lastName? string
---@field employeeId? string
---@field location? string
---@field company? string
---@field department? string
---@field mobile? string the mobile phone, as it was typed
---@field jobTitle? string
---@field isTestUser? boolean
---@field age? integer the password's age in days
---@field startDate? string ISO 8601, from when on the account may sign in; `elements.timestamp` reads it
---@field endDate? string ISO 8601, until when; 1970-01-01T00:00:00Z in both reads like "not set"
---@field officePhone? string as it was typed
---@field countryOrRegion? string
---@field status? integer[] codes 0 to 8 or newer ones, see `elements.status`; absent means unknown, never "none"

---One answer of the service.
---@class avepoint.Page
---@field data avepoint.User[] its users, in a walk those not given yet
---@field metadata avepoint.PageMetadata
---@field request_id? string the service's name for the answer, for its support

---What the service says of a page, as it came.
---@class avepoint.PageMetadata
---@field pageIndex integer from 1
---@field pageSize integer users a page; less than was asked for where the service caps it
---@field totalCount integer users of the tenant, or of the `user_ids` asked for at once, by the service's count

---What a walk delivered, true at any time.
---@class avepoint.Receipt
---@field complete boolean every user of the tenant was given: a whole walk, at its end, without drift
---@field stop_reason? avepoint.StopReason nil while the walk runs
---@field error? any what a step raised: an avepoint.Error, or what a function of yours raised
---@field pages integer pages handed over
---@field users integer users handed over
---@field duplicates integer users that came again and were left out
---@field total_first? integer the service's count in its first answer; nil before
---@field total_last? integer the same in its latest
---@field drift boolean the tenant changed, or the service's counts don't fit: the set of users is not sure
---@field missing? string[] ids asked for that never came; nil without `user_ids`
---@field status_unknown integer users without a status
---@field requests integer sent, repeats included
---@field retries integer repeats
---@field throttled_seconds number waited because the service asked to
---@field elapsed number seconds since the first step
---@field resume? string where to go on, 8,000 bytes at most; nil after the end

---@alias avepoint.StopReason
---| "end" # all that was asked for came
---| "max_users"
---| "max_pages"
---| "closed" # by `close`, or by leaving the loop
---| "error" # a step raised

---What `on_event` hears; `type` says which it is. No secret is in any.
---@alias avepoint.Event
---| avepoint.RequestEvent
---| avepoint.ResponseEvent
---| avepoint.RetryEvent
---| avepoint.ThrottleEvent
---| avepoint.TokenEvent
---| avepoint.PageEvent

---A request went out.
---@class avepoint.RequestEvent
---@field type "request"
---@field page_index? integer of a request for a page
---@field token? true of a request for a token
---@field attempt integer from 1

---An answer came, or an attempt failed.
---@class avepoint.ResponseEvent
---@field type "response"
---@field page_index? integer of a request for a page
---@field token? true of a request for a token
---@field status? integer HTTP status; nil without an answer
---@field seconds number the attempt took
---@field bytes integer of the body, unpacked
---@field request_id? string the service's name for the answer
---@field kind? avepoint.ErrorKind nil where nothing was wrong
---@field clock_skew? integer seconds this machine's clock is ahead of the server's; nil where the answer has no date

---It is sent again.
---@class avepoint.RetryEvent
---@field type "retry"
---@field page_index? integer of a request for a page
---@field token? true of a request for a token
---@field kind avepoint.ErrorKind what was wrong
---@field attempt integer that failed
---@field seconds number until it may be sent

---The whole client pauses.
---@class avepoint.ThrottleEvent
---@field type "throttle"
---@field seconds number
---@field status? integer HTTP status that asked for it
---@field window integer requests at once from now on
---@field rate? number requests a second from now on, once learnt

---There is a new token.
---@class avepoint.TokenEvent
---@field type "token"
---@field generation integer how many there were, with this one
---@field lifetime? number seconds, where they are known
---@field scope? string as granted, where the identity server says so

---A page is handed over.
---@class avepoint.PageEvent
---@field type "page"
---@field page_index integer
---@field users integer of this page
---@field done integer users of the walk so far
---@field total integer the service's count
---@field elapsed number seconds since the first step
---@field left? number seconds, an estimate

---@class avepoint.elements
local elements = {
   ---"avepoint-elements", a space and the version.
   _VERSION = "avepoint-elements " .. require("avepoint.elements.version"),
   environments = environment.clouds,
   status = status,
   timestamp = timestamp,
}

---@diagnostic disable-next-line: invisible -- so that no client offers `new`
elements.client = client.new
elements.is_error = failure.is

return elements
