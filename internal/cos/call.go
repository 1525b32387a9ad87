package cos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/retry"
)

// Call is one request to COS and what came of it.
type Call struct {
	Action    string // as COS names it, with the part's number: "UploadPart 7"
	Attempt   int    // from 1
	Took      time.Duration
	RequestID string
	Err       error
}

// newClient returns an SDK client that signs and speaks, and leaves alone
// what we do ourselves: its own retry sleeps through a cancelled context, its
// own checksum would be a second one over every byte.
func newClient(endpoint string, transport http.RoundTripper) (*sdk.Client, error) {
	base, err := url.Parse(endpoint)
	bucket := &sdk.BaseURL{BucketURL: base}
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" || !bucket.Check() {
		return nil, fmt.Errorf("the COS endpoint %q is not the base URL of a bucket, such as https://<bucket>.cos.<region>.myqcloud.com", cut(endpoint, 200))
	}
	client := sdk.NewClient(bucket, &http.Client{Transport: &signer{transport}})
	client.Conf.RetryOpt.Count = 1
	client.Conf.RetryOpt.AutoSwitchHost = false
	client.Conf.EnableCRC = false
	return client, nil
}

// exchange is one request and its answer, seen from below the SDK. It goes
// down in the context and brings the client and the keys with it.
type exchange struct {
	client  *sdk.Client
	keys    *Keys
	status  int // 0 if there was no answer
	header  http.Header
	body    bytes.Buffer // the beginning of the answer's body
	bodyErr error        // that ended the body too early
}

func (ex *exchange) requestID() string { return line(ex.header.Get("x-cos-request-id"), 100) }

// crc64 is COS's checksum of what it has, if it says one.
func (ex *exchange) crc64() (sum uint64, ok bool) {
	sum, err := strconv.ParseUint(ex.header.Get("x-cos-hash-crc64ecma"), 10, 64)
	return sum, err == nil
}

// maxSeen is how much of an answer we look at ourselves, in bytes: an error,
// or the end of a completed upload behind minutes of blanks.
const maxSeen = 64 << 10

type exchangeKey struct{}

// signer signs each request with the keys of its exchange, and keeps the
// answer there: the SDK drops the code of an error that comes with HTTP 200,
// and puts whole bodies into its errors.
type signer struct{ next http.RoundTripper }

func (s *signer) RoundTrip(req *http.Request) (*http.Response, error) {
	ex := req.Context().Value(exchangeKey{}).(*exchange)
	req = req.Clone(req.Context())
	// The signature is valid as long as the keys are, by their maker's clock:
	// a wrong clock of this machine then does not matter. The SDK's own
	// transport would sign from now, by our clock, for one hour.
	k := ex.keys
	sdk.AddAuthorizationHeader(k.SecretID.Reveal(), k.SecretKey.Reveal(), k.Token.Reveal(), req, &sdk.AuthTime{
		SignStartTime: k.Start, SignEndTime: k.Expires,
		KeyStartTime: k.Start, KeyEndTime: k.Expires,
	})
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	ex.status, ex.header = resp.StatusCode, resp.Header
	resp.Body = &seen{resp.Body, ex}
	return resp, nil
}

// seen is the body of an answer, copied as it is read.
type seen struct {
	io.ReadCloser
	ex *exchange
}

func (s *seen) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	news := p[:n]
	if s.ex.body.Len() == 0 {
		news = bytes.TrimLeft(news, " \r\n") // blanks that keep the connection alive
	}
	s.ex.body.Write(news[:min(len(news), maxSeen-s.ex.body.Len())])
	if err != nil && err != io.EOF {
		s.ex.bodyErr = err
	}
	return n, err
}

// repeat calls f until it succeeds, fails for good, or the tries are used up.
func (u *Upload) repeat(ctx context.Context, what string, policy retry.Policy, f func(ctx context.Context, attempt int) error) error {
	policy.Notify = func(attempt int, wait time.Duration, err error) {
		if u.o.Retrying != nil {
			u.tell(func() { u.o.Retrying(what, attempt, wait, err) })
		}
	}
	attempt := 0
	return retry.Do(ctx, policy, func(ctx context.Context) error {
		attempt++
		err := f(ctx, attempt)
		var e *Error
		if ctx.Err() == nil && errors.As(err, &e) && e.temporary() {
			return retry.Transient(err, e.after)
		}
		return err
	})
}

// call makes one call; if COS says that the keys have expired, a second one
// with new keys.
func (u *Upload) call(ctx context.Context, op string, part, attempt int, f func(context.Context, *exchange) error) error {
	keys, err := u.keys.current(ctx)
	if err != nil {
		return err
	}
	err = u.callWith(ctx, keys, op, part, attempt, f)
	var e *Error
	if ctx.Err() != nil || !errors.As(err, &e) || !e.expired() {
		return err
	}
	keys, renewal := u.keys.replace(ctx, keys)
	if renewal != nil {
		return fmt.Errorf("%w (after %w)", renewal, err)
	}
	return u.callWith(ctx, keys, op, part, attempt, f)
}

// callWith makes one call; if the bucket's domain of global acceleration does
// not take it, a second one to the bucket's own.
func (u *Upload) callWith(ctx context.Context, keys *Keys, op string, part, attempt int, f func(context.Context, *exchange) error) error {
	fast := u.fast.Load()
	if fast == nil {
		return u.callOnce(ctx, u.usual, keys, op, part, attempt, f)
	}
	err := u.callOnce(ctx, fast, keys, op, part, attempt, f)
	var e *Error
	if ctx.Err() != nil || !errors.As(err, &e) {
		return err
	}
	call, all := e.unaccelerated()
	if all && u.fast.CompareAndSwap(fast, nil) && u.o.Unaccelerated != nil {
		u.tell(func() { u.o.Unaccelerated(err) })
	}
	if call || all {
		return u.callOnce(ctx, u.usual, keys, op, part, attempt, f)
	}
	return err
}

// client is the one to make a call with.
func client(ctx context.Context) *sdk.Client { return ctx.Value(exchangeKey{}).(*exchange).client }

// callOnce makes one call. What it returns is nil, an *Error, or an
// error that wraps the cause of the context's end.
func (u *Upload) callOnce(ctx context.Context, client *sdk.Client, keys *Keys, op string, part, attempt int, f func(context.Context, *exchange) error) error {
	ex := &exchange{client: client, keys: keys}
	began := time.Now()
	err := f(context.WithValue(ctx, exchangeKey{}, ex), ex)
	switch {
	case err == nil:
	case ctx.Err() != nil && !isFinal(err):
		// Another part's failure may be the cause, so say that this is not ours.
		err = fmt.Errorf("stopped: %w", context.Cause(ctx))
	default:
		err = failure(op, part, ex, err)
	}
	if u.o.Called != nil {
		c := Call{Action: op, Attempt: attempt, Took: time.Since(began), RequestID: ex.requestID(), Err: err}
		if part > 0 {
			c.Action = fmt.Sprintf("%s %d", op, part)
		}
		u.tell(func() { u.o.Called(c) })
	}
	return err
}

// tell makes one call of the caller's functions at a time.
func (u *Upload) tell(f func()) {
	u.telling.Lock()
	defer u.telling.Unlock()
	f()
}
