package cloudapi

import "strings"

// hint returns what to do about an error code: the hint for the code itself,
// else for the code above it ("InvalidParameter" for "InvalidParameter.X").
func (c *Client) hint(code string) string {
	other := "international"
	if c.config.Site == other {
		other = "china"
	}
	place := strings.NewReplacer("{host}", c.host, "{site}", c.config.Site, "{other}", other)
	if _, known := hints[code]; !known && strings.HasPrefix(code, "HTTP4") {
		code = CodeAnswer
	}
	for ; code != ""; code = code[:max(0, strings.LastIndexByte(code, '.'))] {
		if h, ok := c.config.Hints[code]; ok {
			return place.Replace(h)
		}
		if h, ok := hints[code]; ok {
			return place.Replace(h)
		}
	}
	return ""
}

// hints are for the codes that every action of API 3.0 may answer
// (tencentcloud.com/document/product/1158/49970), and for our own.
var hints = map[string]string{
	"ActionOffline":                     "Tencent Cloud has withdrawn this action. Update car-publish, or tell its maintainers.",
	"AuthFailure":                       "The keys were refused. Check secret-id, secret-key and session-token, and that they belong together.",
	"AuthFailure.InvalidAuthorization":  "The Authorization header was refused. Does a proxy rewrite headers? Otherwise tell the maintainers, with the RequestId.",
	"AuthFailure.InvalidSecretId":       "This is no SecretId of API 3.0. It starts with AKID (or IKID on the international site); create one under CAM, API keys.",
	"AuthFailure.MFAFailure":            "This account asks for multi-factor authentication. Use the key of a sub-user made for CI.",
	"AuthFailure.SecretIdNotFound":      "This SecretId is unknown on the {site} site ({host}), deleted or disabled. China and international accounts are separate: for the other kind of account set site: {other}.",
	"AuthFailure.SignatureExpire":       "The clock of this machine is more than 5 minutes off. Set it by NTP.",
	"AuthFailure.SignatureFailure":      "The signature is wrong: most often secret-key belongs to another secret-id, or was cut short or given a line break when it was pasted.",
	"AuthFailure.TokenFailure":          "The session token is wrong or has expired. Temporary keys need session-token, and all three values must come from one answer.",
	"AuthFailure.UnauthorizedOperation": "The key is good, but may not do this. Attach the policy from the README to its user or role; CAR knows no policy for single applications, the resource must be *.",
	"DryRunOperation":                   "The request would have succeeded.",
	"FailedOperation":                   "CAR could not do this now. Run again; if it stays, ask Tencent Cloud support with the RequestId.",
	"InternalError":                     "The fault is on Tencent Cloud's side. Run again later; if it stays, ask its support with the RequestId.",
	"InvalidAction":                     "This endpoint does not know the action. Check site and endpoint: {host} must be CAR's.",
	"InvalidParameter":                  "The service refused a parameter; its message says which. Check the inputs that you set.",
	"InvalidParameterValue":             "The service refused a value; its message says which. Check the inputs that you set.",
	"InvalidRequest":                    "The request did not arrive as it was sent. Does a proxy rewrite it?",
	"IpInBlacklist":                     "The address of this runner is on the account's blacklist. Remove it under CAM, or use another runner.",
	"IpNotInWhitelist":                  "The account or the policy allows only some addresses, and this runner's is not among them.",
	"LimitExceeded":                     "A quota of the account is used up. Remove what is not needed, or ask Tencent Cloud to raise it.",
	"MissingParameter":                  "The service misses a parameter; its message says which. Tell the maintainers.",
	"NoSuchProduct":                     "This endpoint does not serve CAR. Check site and endpoint: {host}.",
	"NoSuchVersion":                     "This endpoint does not know version 2022-01-10 of the API. Check site and endpoint: {host}.",
	"RequestLimitExceeded":              "The account calls this action more than 20 times a second, and kept doing so. Run fewer jobs at once.",

	"RequestLimitExceeded.GlobalRegionUinLimitExceeded": "The account as a whole calls too often. Run fewer jobs at once.",
	"RequestLimitExceeded.IPLimitExceeded":              "This address calls too often. Run fewer jobs at once behind it.",
	"RequestLimitExceeded.UinLimitExceeded":             "The account as a whole calls too often. Run fewer jobs at once.",

	"RequestSizeLimitExceeded":  "The request is too large. Shorten regions, artifact-url or version-name.",
	"ResourceInUse":             "Something else is using the application, and kept doing so. Run again later.",
	"ResourceInsufficient":      "Tencent Cloud has no capacity for this now. Run again later.",
	"ResourceNotFound":          "What the request names does not exist. Check application-id and version-id.",
	"ResourceUnavailable":       "What the request names cannot be used now. Run again later; is the account in arrears?",
	"ResponseSizeLimitExceeded": "The answer would be too large. Tell the maintainers, with the RequestId.",
	"ServiceUnavailable":        "CAR is not available now. Run again later.",
	"UnauthorizedOperation":     "The key is good, but may not do this. Attach the policy from the README to its user or role; CAR knows no policy for single applications, the resource must be *.",
	"UnknownParameter":          "This endpoint does not know a parameter. Check site and endpoint: {host}; some parameters are new.",
	"UnsupportedOperation":      "CAR does not offer this for this application.",
	"UnsupportedProtocol":       "The endpoint takes only HTTPS. Check endpoint.",
	"UnsupportedRegion":         "CAR does not take this Region. Leave the input region empty: CAR does not need it.",

	CodeAnswer:   "Something other than the API answered. Check endpoint ({host}), proxy and the runner's network.",
	CodeNetwork:  "Check the runner's network, proxy and ca-file, and that {host} can be reached from here.",
	CodeRedirect: "The API never redirects. Check endpoint ({host}) and proxy: a login page may be in between.",
	"HTTP407":    "The proxy requires a name and a password: put them into the input proxy.",
	"HTTP429":    "The endpoint says that it is called too often. Run fewer jobs at once.",
	"HTTP500":    "The fault is on the other side ({host}, or a proxy before it). Run again later.",
	"HTTP502":    "The fault is on the other side ({host}, or a proxy before it). Run again later.",
	"HTTP503":    "The fault is on the other side ({host}, or a proxy before it). Run again later.",
	"HTTP504":    "The fault is on the other side ({host}, or a proxy before it). Run again later.",
}
