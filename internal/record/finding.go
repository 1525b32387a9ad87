package record

import "slices"

// Finding is what one check of the doctor command has found. Findings are
// part of Result, and so of its public JSON form.
type Finding struct {
	Check        string  `json:"check"`
	Verdict      Verdict `json:"verdict"`
	Detail       string  `json:"detail"`
	Hint         string  `json:"hint,omitempty"` // what to do about it
	Code         string  `json:"code,omitempty"` // the service's error code, or one of ours
	RequestID    string  `json:"request_id,omitempty"`
	Milliseconds int64   `json:"milliseconds,omitempty"` // that the call took
}

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	OK        Verdict = "ok"
	Doubtful  Verdict = "warning" // a publish can run, and somebody should look at this
	Broken    Verdict = "failed"  // a publish would fail
	NotTested Verdict = "not tested"
)

// FailedChecks are the names of the checks that failed, each once.
func (r Result) FailedChecks() []string {
	var names []string
	for _, f := range r.Checks {
		if f.Verdict == Broken && !slices.Contains(names, f.Check) {
			names = append(names, f.Check)
		}
	}
	return names
}

// Policy is a policy of CAM: what a key may do, or who may take a role
// (tencentcloud.com/document/product/598/10603).
type Policy struct {
	Version   string      `json:"version"` // "2.0"
	Statement []Statement `json:"statement"`
}

// Statement is one rule of a Policy. A policy of permissions has Resource, a
// trust policy has Principal and Condition.
type Statement struct {
	Effect    string     `json:"effect"` // allow
	Action    []string   `json:"action"`
	Resource  []string   `json:"resource,omitempty"`
	Principal *Principal `json:"principal,omitempty"`
	Condition *Condition `json:"condition,omitempty"`
}

// Principal is who a trust policy is about.
type Principal struct {
	Federated []string `json:"federated"`
}

// Condition is what a token must say, word for word.
type Condition struct {
	StringEqual Claims `json:"string_equal"`
}

// Claims are those of a token that a trust policy compares.
type Claims struct {
	Issuer   []string `json:"oidc:iss"`
	Audience []string `json:"oidc:aud"`
	Subject  []string `json:"oidc:sub"`
}

// Answer is what a probe has found out about a fact that Tencent does not
// document.
type Answer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`          // in words, with the code or the time that it was read from
	Field    string `json:"field,omitempty"` // of the simulator's World; "" if it has none for this
	Value    string `json:"value,omitempty"` // of that field; "" if it could not be found out
}
