-- elements: the users of a customer's tenant, from the AvePoint Elements API.
--
-- The face of the module: what is reachable from here is public, nothing else is. See README.md.

require("avepoint.elements.load")
local client = require("avepoint.elements.client")
local environment = require("avepoint.elements.environment")
local failure = require("avepoint.elements.failure")
local status = require("avepoint.elements.status")
local timestamp = require("avepoint.elements.timestamp")

---@class avepoint.User One user; unknown fields of the service are kept, null is absent.
---@field id string
---@field userPrincipalName string? sign-in name
---@field mail string?
---@field displayName string?
---@field firstName string?
---@field lastName string?
---@field employeeId string?
---@field location string?
---@field company string?
---@field department string?
---@field mobile string?
---@field jobTitle string?
---@field officePhone string?
---@field countryOrRegion string?
---@field isTestUser boolean?
---@field age integer? age of the password in days
---@field startDate string? ISO 8601; when the account may sign in from
---@field endDate string? ISO 8601; ... and until when
---@field status integer[]? codes 0 to 8, see elements.status; absent where it is unknown

---@class avepoint.Page
---@field data avepoint.User[] users not given yet
---@field metadata {pageIndex: integer, pageSize: integer, totalCount: integer} as the service sent it
---@field request_id string? the service's name for the answer

local elements = {
   _VERSION = "avepoint-elements " .. require("avepoint.elements.version"),
   environments = environment.clouds,
   status = status,
   timestamp = timestamp,
}

---Opens a client. Raises on options of the wrong type or range, unknown ones, and no credential.
---@param options avepoint.ClientOptions
---@return avepoint.Client? client
---@return avepoint.Error? err kind `config`: of the right type but unusable
elements.client = client.new

---Is this an error of this module?
---@param v any
---@return boolean
elements.is_error = failure.is

return elements
