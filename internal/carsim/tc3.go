package carsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// api is one service that speaks Tencent Cloud API 3.0
// (tencentcloud.com/document/product/1158/49970).
type api struct {
	service string // of the credential scope and the host name
	version string
	actions map[string]action
}

// action is one action: its parameters and what it does.
type action struct {
	params   []param
	do       func(*Sim, request) (any, *refusal)
	unsigned bool // it is called without keys, with "Authorization: SKIP"
	regional bool // it requires an X-TC-Region
}

type param struct {
	name     string
	kind     kind
	required bool
}

type kind string

const (
	text    kind = "a string"
	texts   kind = "a list of strings"
	integer kind = "an integer"
	filters kind = "a list of Filter"

	baseInfo kind = "an ApplicationBaseInfo"
	stores   kind = "a list of UserApplicationStore"
)

// members are the parameters inside those kinds whose objects are checked like
// the request itself.
var members = map[kind][]param{
	baseInfo: {
		{"WindowUseType", text, true},
		{"WindowName", text, false},
		{"WindowClassName", text, false},
		{"WindowCaptureMode", text, false},
	},
	stores: {
		{"CosBucket", text, false},
		{"CosRegion", text, false},
		{"StoreType", text, false},
		{"StoreState", text, false},
		{"StorePath", text, false},
	},
}

// request holds the parameters of a call that has passed every check.
type request struct {
	now    time.Time
	site   Site
	params map[string]json.RawMessage
}

func (r request) text(name string) string {
	var s string
	_ = json.Unmarshal(r.params[name], &s) // checked before; absent is ""
	return s
}

func (r request) texts(name string) []string {
	var list []string
	_ = json.Unmarshal(r.params[name], &list)
	return list
}

func (r request) integer(name string) int {
	var n int
	_ = json.Unmarshal(r.params[name], &n)
	return n
}

// has reports whether the request names a parameter. One that is null is not
// named.
func (r request) has(name string) bool {
	_, ok := r.params[name]
	return ok
}

type filter struct {
	Name   string
	Values []string
}

func (r request) filters(name string) []filter {
	var list []filter
	_ = json.Unmarshal(r.params[name], &list)
	return list
}

// refusal is an error that the service answers.
type refusal struct{ code, message string }

func refused(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// chinese has some messages in the service's first language, which it uses
// unless X-TC-Language says en-US.
var chinese = map[string]string{ //nolint:gosec // words about secrets are none
	"AuthFailure.SecretIdNotFound":       "密钥不存在。请检查 SecretId 是否正确。",
	"AuthFailure.SignatureExpire":        "签名过期。时间戳和服务器时间相差不得超过五分钟。",
	"AuthFailure.SignatureFailure":       "签名错误。签名计算错误，请检查密钥与签名过程。",
	"UnauthorizedOperation":              "未授权操作。",
	"FailedOperation.ApplicationNotFind": "应用不存在。",
	"OperationDenied.VersionCreating":    "版本正在创建中。",
}

// maxRequest is how long a request may be, in bytes.
const maxRequest = 10 << 20

// apiService is an api as one host serves it.
type apiService struct {
	*Sim
	api
	site  Site
	local bool
}

func (a apiService) action(r *http.Request) string { return r.Header.Get("X-Tc-Action") }

func (a apiService) refuse(code, message string) *answer {
	return reply(map[string]any{"Error": map[string]string{"Code": code, "Message": message}}, code)
}

// reply makes an answer. Errors have status 200 too: the request was handled.
func reply(fields map[string]any, code string) *answer {
	id := requestID()
	fields["RequestId"] = id
	body, _ := json.Marshal(map[string]any{"Response": fields}) // strings, numbers and lists
	answer := newAnswer(http.StatusOK, "application/json", body)
	answer.call.Code, answer.call.RequestID = code, id
	return answer
}

func (a apiService) handle(r *http.Request) *answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return newAnswer(0, "", nil) // the client is gone
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fields, params, no := a.call(r, body)
	var out *answer
	if no == nil {
		out = reply(fields, "")
	} else {
		if zh := chinese[no.code]; zh != "" && r.Header.Get("X-Tc-Language") != "en-US" {
			no.message = zh
		}
		out = a.refuse(no.code, no.message)
	}
	out.call.Bytes = int64(len(body))
	out.call.Params = map[string]string{}
	for name, value := range params {
		var plain string
		if json.Unmarshal(value, &plain) != nil {
			plain = string(value)
		}
		out.call.Params[name] = plain
	}
	return out
}

// call checks a request and does it.
func (a apiService) call(r *http.Request, body []byte) (map[string]any, map[string]json.RawMessage, *refusal) {
	now := a.now()
	switch {
	case len(body) > maxRequest:
		return nil, nil, refused("RequestSizeLimitExceeded", "The request is larger than %d bytes.", maxRequest)
	case r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "":
		return nil, nil, refused("InvalidRequest", "This service takes POST / only.")
	case mediaType(r) != "application/json":
		return nil, nil, refused("InvalidRequest", "Content-Type must be application/json.")
	}
	for _, name := range []string{"X-TC-Action", "X-TC-Version", "X-TC-Timestamp"} {
		if r.Header.Get(name) == "" {
			return nil, nil, refused("MissingParameter", "The header %s is missing.", name)
		}
	}
	name := r.Header.Get("X-Tc-Action")
	action, ok := a.actions[name]
	if v := r.Header.Get("X-Tc-Version"); v != a.version {
		return nil, nil, refused("NoSuchVersion", "The version %q does not exist.", v)
	} else if !ok {
		return nil, nil, refused("InvalidAction", "The action %q does not exist.", name)
	}
	authenticate := a.authenticate
	if action.unsigned {
		authenticate = a.unsigned
	}
	key, no := authenticate(r, body, now)
	if no == nil && action.regional && r.Header.Get("X-Tc-Region") == "" {
		no = refused("MissingParameter", "The request is missing a required parameter `Region`.")
	}
	if no != nil {
		return nil, nil, no
	}
	if a.tooFast(name, now) {
		return nil, nil, refused("RequestLimitExceeded", "%s was called more than %d times in one second.", name, a.world.RateLimit)
	}
	if slices.Contains(key.Denied, name) {
		return nil, nil, refused("UnauthorizedOperation", "You are not authorized to perform %s:%s on resource (*).", a.service, name)
	}
	params, no := action.check(body)
	if no != nil {
		return nil, params, no
	}
	result, no := action.do(a.Sim, request{now, a.site, params})
	if no != nil {
		return nil, params, no
	}
	fields := map[string]any{}
	if result != nil {
		text, _ := json.Marshal(result) // a struct of strings, numbers and lists
		_ = json.Unmarshal(text, &fields)
	}
	return fields, params, nil
}

func mediaType(r *http.Request) string {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// check decodes a body and refuses unknown and missing parameters.
func (a action) check(body []byte) (map[string]json.RawMessage, *refusal) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil || given == nil {
		return nil, refused("InvalidParameter", "The request body is not a JSON object.")
	}
	return given, checkObject(given, a.params, "")
}

// checkObject checks the parameters of a request, or of an object in it, whose
// name is the prefix.
func checkObject(given map[string]json.RawMessage, params []param, prefix string) *refusal {
	for name, value := range given {
		if string(value) == "null" {
			delete(given, name)
		}
	}
	for name := range given {
		if !slices.ContainsFunc(params, func(p param) bool { return p.name == name }) {
			return refused("UnknownParameter", "The parameter `%s` is not recognized.", prefix+name)
		}
	}
	for _, p := range params {
		value, ok := given[p.name]
		switch {
		case !ok && p.required:
			return refused("MissingParameter", "The request is missing a required parameter `%s`.", prefix+p.name)
		case !ok:
			continue
		case !p.kind.fits(value):
			return refused("InvalidParameter", "The value type of parameter `%s` is not valid: it must be %s.", prefix+p.name, p.kind)
		}
		for i, object := range p.kind.objects(value) {
			inside := prefix + p.name + "."
			if p.kind == stores {
				inside += strconv.Itoa(i) + "."
			}
			if no := checkObject(object, members[p.kind], inside); no != nil {
				return no
			}
		}
	}
	return nil
}

// objects returns the objects that a value of this kind consists of.
func (k kind) objects(value json.RawMessage) []map[string]json.RawMessage {
	list := make([]map[string]json.RawMessage, 1)
	switch k {
	case baseInfo:
		_ = json.Unmarshal(value, &list[0]) // it fits
	case stores:
		_ = json.Unmarshal(value, &list)
	default:
		return nil
	}
	return list
}

func (k kind) fits(value json.RawMessage) bool {
	var target any
	switch k {
	case text:
		target = new(string)
	case texts:
		target = new([]string)
	case integer:
		target = new(int64)
	case filters:
		target = new([]filter)
	case baseInfo:
		target = new(map[string]json.RawMessage)
	case stores:
		var list []map[string]json.RawMessage
		return json.Unmarshal(value, &list) == nil &&
			!slices.ContainsFunc(list, func(o map[string]json.RawMessage) bool { return o == nil })
	}
	return json.Unmarshal(value, target) == nil
}

// unsigned checks a call without a signature, such as one that brings a token.
func (a apiService) unsigned(r *http.Request, _ []byte, now time.Time) (*Key, *refusal) {
	seconds, err := strconv.ParseInt(r.Header.Get("X-Tc-Timestamp"), 10, 64)
	switch {
	case r.Header.Get("Authorization") != "SKIP" || r.Header.Get("X-Tc-Token") != "":
		return nil, refused("AuthFailure.InvalidAuthorization", "This action is called with Authorization: SKIP, and without a token in the header.")
	case err != nil:
		return nil, refused("InvalidParameter", "X-TC-Timestamp is not a number of seconds.")
	case a.world.UnsignedClock == ClockChecked && now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute:
		return nil, refused("AuthFailure.SignatureExpire", "The request's timestamp is more than five minutes off.")
	}
	return &Key{}, nil
}

// key returns the key of a SecretID at this site, or nil.
func (a apiService) key(id string) *Key {
	for _, keys := range [][]Key{a.world.Keys, a.sessions} {
		if i := slices.IndexFunc(keys, func(k Key) bool { return k.SecretID == id && k.Site == a.site }); i >= 0 {
			return &keys[i]
		}
	}
	return nil
}

// authenticate checks the TC3-HMAC-SHA256 signature
// (tencentcloud.com/document/product/1158/49971) and returns whose it is.
func (a apiService) authenticate(r *http.Request, body []byte, now time.Time) (*Key, *refusal) {
	stamp := r.Header.Get("X-Tc-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return nil, refused("InvalidParameter", "X-TC-Timestamp is not a number of seconds.")
	}
	sent := time.Unix(seconds, 0)
	if now.Sub(sent).Abs() > 5*time.Minute {
		return nil, refused("AuthFailure.SignatureExpire",
			"The provided credentials could not be validated because of exceeding request timestamp limit: the server's time is %d and the signature's %d.", now.Unix(), seconds)
	}
	auth, ok := parseTC3(r.Header.Get("Authorization"))
	if !ok {
		return nil, refused("AuthFailure.InvalidAuthorization", "The Authorization header does not conform to TC3-HMAC-SHA256.")
	}
	key := a.key(auth.id)
	if key == nil {
		return nil, refused("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct.")
	}

	wrong := refused("AuthFailure.SignatureFailure",
		"The provided credentials could not be validated. Please check your signature is correct.")
	if auth.date != sent.UTC().Format(time.DateOnly) || auth.terminator != "tc3_request" || !a.scopes(auth.service, r.Host) ||
		!slices.Contains(auth.headers, "host") || !slices.Contains(auth.headers, "content-type") || !slices.IsSorted(auth.headers) {
		return nil, wrong
	}
	hosts := []string{r.Host}
	if a.local {
		// The official Go clients sign host:port, the Node ones the bare host.
		hosts = append(hosts, hostname(r.Host))
	}
	if !slices.ContainsFunc(hosts, func(host string) bool {
		want := auth.sign(key.SecretKey, stamp, canonicalTC3(r, host, auth.headers, body))
		return hmac.Equal([]byte(want), []byte(auth.signature))
	}) {
		return nil, wrong
	}
	if key.Token != r.Header.Get("X-Tc-Token") || !key.Expires.IsZero() && !now.Before(key.Expires) {
		return nil, refused("AuthFailure.TokenFailure", "The token is wrong or has expired.")
	}
	return key, nil
}

// scopes reports whether a credential scope may name this service. The Node
// clients take it from the endpoint's first label, which on a loopback
// address is a number.
func (a apiService) scopes(service, host string) bool {
	first, _, _ := strings.Cut(hostname(host), ".")
	return service == a.service || a.local && service == first
}

// tc3 is a parsed Authorization header.
type tc3 struct {
	id, date, service, terminator string
	headers                       []string
	signature                     string
}

func parseTC3(header string) (tc3, bool) {
	rest, ok := strings.CutPrefix(header, "TC3-HMAC-SHA256 ")
	if !ok {
		return tc3{}, false
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 4 || fields["SignedHeaders"] == "" || fields["Signature"] == "" {
		return tc3{}, false
	}
	return tc3{
		id: scope[0], date: scope[1], service: scope[2], terminator: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}, true
}

// canonicalTC3 is the text that is signed. Header values count in lower case.
func canonicalTC3(r *http.Request, host string, headers []string, body []byte) string {
	var b strings.Builder
	b.WriteString("POST\n/\n\n")
	for _, name := range headers {
		value := r.Header.Get(name)
		if name == "host" {
			value = host
		}
		b.WriteString(name + ":" + strings.ToLower(strings.TrimSpace(value)) + "\n")
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + sha256Hex(body))
	return b.String()
}

func (t tc3) sign(secretKey, stamp, canonical string) string {
	toSign := strings.Join([]string{
		"TC3-HMAC-SHA256", stamp, t.date + "/" + t.service + "/tc3_request", sha256Hex([]byte(canonical)),
	}, "\n")
	key := hmacSHA256([]byte("TC3"+secretKey), t.date)
	key = hmacSHA256(key, t.service)
	key = hmacSHA256(key, "tc3_request")
	return hex.EncodeToString(hmacSHA256(key, toSign))
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
