// Package cloudapi makes one call to Tencent Cloud API 3.0: it signs and
// sends (the official SDK does both), caps and decodes the answer, turns a
// refusal into a typed Error, and repeats what may be repeated.
//
// The SDK's own decoding, error texts and retries are not used: its errors
// hold whole bodies, and its retries sleep through a cancelled context.
package cloudapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// Credentials are what a request is signed with.
type Credentials struct {
	SecretID  secret.String
	SecretKey secret.String
	Token     secret.String // of temporary keys
}

// Config configures a Client.
type Config struct {
	Service   string // "car", the service of the credential scope
	Version   string // "2022-01-10"
	Endpoint  string // "https://car.tencentcloudapi.com"
	Site      string // "china" or "international", for hints
	Region    string // common parameter Region; "" leaves it out
	Language  string // common parameter Language: "en-US" or "zh-CN"
	Transport http.RoundTripper

	// Credentials is called before each signed request.
	Credentials func(context.Context) (Credentials, error)

	// Refused, if set, is called with temporary keys that the service does not
	// accept any more. It reports whether Credentials can get others: then the
	// call is made once more.
	Refused func(Credentials) bool

	// Hints adds to the hints for the common error codes.
	Hints map[string]string

	Retry    retry.Policy                                                               // its Notify is not used
	Called   func(action string, attempt int, took time.Duration, id string, err error) // called after each request; may be nil
	Retrying func(action string, attempt int, wait time.Duration, err error)            // called before each wait; may be nil
}

// Client calls the actions of one service.
type Client struct {
	config Config
	host   string
	scheme string
	skew   atomic.Int64 // seconds that the server's clock is ahead of ours, if that mattered
	ahead  atomic.Int64 // seconds that it was ahead of ours in the last answer
}

// New returns a Client.
func New(c Config) *Client {
	scheme, host, _ := strings.Cut(c.Endpoint, "://")
	return &Client{config: c, scheme: scheme, host: strings.TrimSuffix(host, "/")}
}

// Call is one action with its request and where its answer goes.
type Call struct {
	Action   string
	Request  any // marshalled to a JSON object
	Response any // the fields of "Response"; nil if only the RequestId matters

	// Unsigned makes the call without keys, for the actions that take a
	// token in the request instead.
	Unsigned bool

	// Once marks a change that must not be made twice. It is retried only if the
	// service said that it did not make the change. Any other failure is returned
	// with Error.Doubtful set.
	Once bool

	// NoRetry leaves every repetition to the caller, who looks first whether
	// it is still right: Error.Passing says that one is of use.
	NoRetry bool

	// Grace is how long a request in flight may still take once the context has
	// ended: nobody knows whether an aborted change was made.
	Grace time.Duration
}

// Do makes the call and returns its RequestId, with an error as well if the service
// gave one. An error of the service or of the network is an *Error.
func (c *Client) Do(ctx context.Context, call Call) (requestID string, err error) {
	attempt := 0
	corrected, renewed := false, false
	policy := c.config.Retry
	policy.Notify = func(attempt int, wait time.Duration, err error) {
		if c.config.Retrying != nil {
			c.config.Retrying(call.Action, attempt, wait, err)
		}
	}
	err = retry.Do(ctx, policy, func(ctx context.Context) error {
		attempt++
		start := time.Now()
		answer := c.send(ctx, call)
		if c.config.Called != nil {
			c.config.Called(call.Action, attempt, time.Since(start), answer.requestID, answer.errorOrNil())
		}
		requestID = answer.requestID
		e := answer.err
		if e == nil {
			return nil
		}
		if e.Code == "AuthFailure.SignatureExpire" && !corrected && c.correct(answer.date) {
			corrected = true
			return retry.Transient(e, 0)
		}
		if e.Code == "AuthFailure.TokenFailure" && !renewed && c.config.Refused != nil && c.config.Refused(answer.keys) {
			renewed = true
			return retry.Transient(e, 0)
		}
		e.Temporary = repeatable(e, call.Once)
		e.RetryAfter = answer.retryAfter
		switch {
		case !e.Temporary || call.NoRetry:
			return e
		case e.Throttled():
			return retry.Busy(e, e.RetryAfter)
		}
		return retry.Transient(e, e.RetryAfter)
	})
	return requestID, err
}

// correct adopts the clock of the server's Date header. It reports whether that
// changed anything: the service allows 5 minutes of difference
// (tencentcloud.com/document/product/1158/49970), so less than one minute
// cannot have been the reason.
func (c *Client) correct(date string) bool {
	skew, known := aheadOf(date)
	if !known {
		return false
	}
	old := c.skew.Swap(skew)
	return skew-old > 60 || old-skew > 60
}

// maxSkew is the largest difference that a wrong clock explains, as with a wrong time
// zone and date. A server that says it is years later would get signatures that stay
// valid until then.
const maxSkew = 48 * time.Hour

// aheadOf returns how many seconds a Date header is ahead of our clock. It is not
// known from a date that no wrong clock explains.
func aheadOf(date string) (seconds int64, known bool) {
	server, err := http.ParseTime(date)
	if err != nil {
		return 0, false
	}
	ahead := time.Until(server)
	return int64(ahead.Round(time.Second).Seconds()), ahead.Abs() <= maxSkew
}

// Now is what the service's clock shows, as far as its answers have told.
func (c *Client) Now() time.Time {
	return time.Now().Add(time.Duration(c.ahead.Load()) * time.Second)
}

// answer is what came back for one request.
type answer struct {
	keys       Credentials // that signed it
	requestID  string
	date       string
	retryAfter time.Duration
	err        *Error
}

func (a *answer) errorOrNil() error {
	if a.err == nil {
		return nil
	}
	return a.err
}

func (c *Client) send(ctx context.Context, call Call) *answer {
	fail := func(e *Error) *answer {
		e.Action = call.Action
		if e.Hint == "" {
			e.Hint = c.hint(e.Code)
		}
		return &answer{requestID: e.RequestID, err: e}
	}
	var keys Credentials
	if !call.Unsigned {
		var err error
		if keys, err = c.config.Credentials(ctx); err != nil {
			return fail(&Error{Code: CodeCredentials, Message: "no credentials could be obtained", Err: err})
		}
	}
	parameters, err := json.Marshal(call.Request)
	if err != nil {
		return fail(&Error{Code: CodeRequest, Message: "the request cannot be encoded", Err: err})
	}

	if call.Grace > 0 {
		var done context.CancelFunc
		ctx, done = grace.Extend(ctx, call.Grace, nil)
		defer done()
	}
	exchange := &exchange{next: c.config.Transport, skew: c.skew.Load(), unsigned: call.Unsigned}
	request := tchttp.NewCommonRequest(c.config.Service, c.config.Version, call.Action)
	request.SetContext(ctx)
	if err := request.SetActionParameters(parameters); err != nil {
		return fail(&Error{Code: CodeRequest, Message: "the request cannot be encoded"})
	}
	request.SetSkipSign(call.Unsigned)
	if exchange.skew != 0 {
		// The SDK signs with this header's time, its date included, when a
		// request brings one.
		request.SetHeader(map[string]string{stampHeader: stamp(exchange.skew)})
	}
	_ = c.sdk(keys, exchange).Send(request, tchttp.NewCommonResponse()) // what it made of the answer does not matter

	switch {
	case exchange.err != nil:
		e := networkError(exchange.err)
		if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
			e.Err = cause
		}
		return fail(e)
	case exchange.header == nil:
		return fail(&Error{Code: CodeRequest, Message: "the SDK did not send the request"})
	}
	a := &answer{keys: keys, date: exchange.header.Get("Date")}
	if ahead, known := aheadOf(a.date); known {
		c.ahead.Store(ahead)
	}
	if seconds, err := strconv.Atoi(exchange.header.Get("Retry-After")); err == nil && seconds > 0 {
		a.retryAfter = min(time.Duration(seconds)*time.Second, time.Minute)
	}
	a.requestID, a.err = decode(exchange.status, exchange.body, exchange.bodyErr, call.Response)
	if a.err != nil {
		a.err.Action = call.Action
		a.err.Hint = c.hint(a.err.Code)
	}
	return a
}

// sdk returns the official client for one request. A client keeps the keys that it
// was made with, and ours may change.
func (c *Client) sdk(keys Credentials, transport http.RoundTripper) *common.Client {
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint = c.host
	p.HttpProfile.Scheme = strings.ToUpper(c.scheme)
	p.HttpProfile.ReqMethod = http.MethodPost
	p.HttpProfile.ReqTimeout = 0 // the transport's watchdog and the context decide
	p.Language = c.config.Language
	credential := common.NewTokenCredential(keys.SecretID.Reveal(), keys.SecretKey.Reveal(), keys.Token.Reveal())
	return common.NewCommonClient(credential, c.config.Region, p).WithHttpTransport(transport)
}

// exchange is the RoundTripper under the SDK: it keeps the answer as it came.
type exchange struct {
	next     http.RoundTripper
	skew     int64 // seconds
	unsigned bool
	status   int
	header   http.Header
	body     []byte
	bodyErr  error
	err      error
}

// stampHeader says when a request was made, in seconds.
const stampHeader = "X-TC-Timestamp"

func stamp(skew int64) string { return strconv.FormatInt(time.Now().Unix()+skew, 10) }

func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	if x.unsigned && x.skew != 0 {
		// Without a signature the SDK takes no headers of ours.
		req.Header.Set(stampHeader, stamp(x.skew))
	}
	resp, err := x.next.RoundTrip(req)
	if err != nil {
		x.err = err
		return nil, err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.body, x.bodyErr = io.ReadAll(resp.Body)
	// The SDK gets an answer that it can parse; ours is decoded from the original.
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"Response":{"RequestId":""}}`)),
	}, nil
}

// decode reads an answer of API 3.0
// (tencentcloud.com/document/product/1158/49970): HTTP 200 and
// {"Response":{...,"RequestId"}}, an error inside it as "Error". Older
// gateways answer {"code","message","codeDesc"}.
func decode(status int, body []byte, bodyErr error, into any) (string, *Error) {
	if bodyErr != nil {
		code := CodeNetwork
		if errors.As(bodyErr, new(transport.Refusal)) {
			code = CodeAnswer
		}
		return "", &Error{Code: code, Message: "the answer could not be read to its end", HTTPStatus: status, Doubtful: true, Err: bodyErr}
	}
	var envelope struct {
		Response json.RawMessage
		Code     json.RawMessage `json:"code"`
		CodeDesc string          `json:"codeDesc"`
		Message  string          `json:"message"`
	}
	var head struct {
		Error *struct {
			Code, Message string
		}
		RequestID string `json:"RequestId"`
	}
	err := json.Unmarshal(body, &envelope)
	if err == nil && envelope.Response != nil {
		err = json.Unmarshal(envelope.Response, &head)
	}
	id := clean(head.RequestID, 64)
	switch {
	case err == nil && envelope.Response == nil && envelope.CodeDesc != "":
		return "", refusal(envelope.CodeDesc, envelope.Message, "", status)
	case err == nil && head.Error != nil:
		return id, refusal(head.Error.Code, head.Error.Message, id, status)
	case status != http.StatusOK:
		return id, &Error{Code: fmt.Sprintf("HTTP%d", status), Message: "instead of an answer came " + looksLike(body), RequestID: id, HTTPStatus: status, Doubtful: status >= 500}
	case err != nil || head.RequestID == "":
		return id, &Error{Code: CodeAnswer, Message: "instead of an answer came " + looksLike(body), RequestID: id, HTTPStatus: status, Doubtful: true}
	}
	if into != nil {
		if err := json.Unmarshal(envelope.Response, into); err != nil {
			field := ""
			if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
				field = " (field " + clean(t.Field, 80) + ")"
			}
			return id, &Error{Code: CodeAnswer, Message: "the answer is not of the documented form" + field, RequestID: id, HTTPStatus: status, Doubtful: true}
		}
	}
	return id, nil
}

// refusal is an error answer of the service. Without a code it does not say what
// was refused.
func refusal(code, message, requestID string, status int) *Error {
	e := &Error{Code: clean(code, 100), Message: clean(message, 300), RequestID: requestID, HTTPStatus: status}
	e.Doubtful = doubtfulCode(e.Code)
	if e.Code == "" {
		e.Code, e.Doubtful = CodeAnswer, true
		e.Message = strings.TrimSpace("the service tells of an error without a code: " + e.Message)
	}
	return e
}

// looksLike describes a body without showing it.
func looksLike(body []byte) string {
	text := strings.TrimSpace(string(body[:min(len(body), 512)]))
	switch {
	case text == "":
		return "nothing"
	case strings.HasPrefix(text, "<"):
		return fmt.Sprintf("an HTML or XML page of %d bytes: is a proxy or a login page in between?", len(body))
	case strings.HasPrefix(text, "{"):
		return fmt.Sprintf("JSON that is cut short or of another form (%d bytes)", len(body))
	}
	return fmt.Sprintf("%d bytes that are no JSON", len(body))
}

// clean makes one line of a text of the service. A long text is cut between words:
// half a secret would not be recognised and so not be masked.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimRightFunc(string(runes[:limit]), func(r rune) bool { return r > ' ' && r < 0x7f }) + "…"
	}
	return s
}
