package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

// reachTime is how long a server may take to answer before it counts as out
// of reach.
const reachTime = 30 * time.Second

// reached is an unsigned request to a host with the steps of its connection.
type reached struct {
	host  string // with the port, if the address names one
	plain bool   // http

	mu        sync.Mutex // net/http may dial several addresses at a time, and some even after the answer
	over      bool       // nothing is recorded any more
	looked    time.Time
	lookup    time.Duration
	addresses int
	lookupErr error
	dialled   time.Time
	dial      time.Duration
	shaken    time.Time
	handshake time.Duration
	tls       *tls.ConnectionState
	asked     time.Time
	answered  time.Time

	status int
	header http.Header
	err    error
}

// reach requests the root of an address, without keys, and records the steps of
// the connection. Any answer of the server is a good one.
func reach(ctx context.Context, transport http.RoundTripper, address string) *reached {
	ctx, cancel := context.WithTimeoutCause(ctx, reachTime, fmt.Errorf("no answer came in %v", reachTime))
	defer cancel()
	r := &reached{}
	u, err := url.Parse(address)
	if err != nil {
		r.err = errors.New("the address is no URL")
		return r
	}
	r.host, r.plain = u.Host, u.Scheme == "http"
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, r.trace()), http.MethodGet, address+"/", nil)
	if err != nil {
		r.err = errors.New("the address is no URL")
		return r
	}
	r.asked = time.Now()
	answer, err := transport.RoundTrip(request)
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	if err != nil {
		r.err = err
		return r
	}
	defer answer.Body.Close()
	if r.answered.IsZero() {
		r.answered = time.Now()
	}
	_, _ = io.Copy(io.Discard, answer.Body) // what it says does not matter, and its length is capped
	r.status, r.header = answer.StatusCode, answer.Header
	return r
}

func (r *reached) trace() *httptrace.ClientTrace {
	locked := func(f func()) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.over {
			f()
		}
	}
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { locked(func() { r.looked = time.Now() }) },
		DNSDone: func(i httptrace.DNSDoneInfo) {
			locked(func() { r.lookup, r.addresses, r.lookupErr = time.Since(r.looked), len(i.Addrs), i.Err })
		},
		ConnectStart: func(_, _ string) { locked(func() { r.dialled = time.Now() }) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				locked(func() { r.dial = time.Since(r.dialled) })
			}
		},
		TLSHandshakeStart: func() { locked(func() { r.shaken = time.Now() }) },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			if err == nil {
				locked(func() { r.handshake, r.tls = time.Since(r.shaken), &s })
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { locked(func() { r.asked = time.Now() }) },
		GotFirstResponseByte: func() { locked(func() { r.answered = time.Now() }) },
	}
}

// roundTrip is how long the server took to answer, once it was connected.
func (r *reached) roundTrip() time.Duration { return max(0, r.answered.Sub(r.asked)) }

// offset is how far the clock of the server is ahead of ours, by its Date
// header, which counts whole seconds.
func (r *reached) offset() (time.Duration, bool) {
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		return 0, false
	}
	half := r.answered.Sub(r.asked) / 2
	return date.Add(time.Second / 2).Sub(r.answered.Add(-half)).Round(time.Second), true
}

// name is the host without its port.
func (r *reached) name() string {
	if name, _, err := net.SplitHostPort(r.host); err == nil {
		return name
	}
	return strings.Trim(r.host, "[]")
}

// Where a request got stuck.
func (r *reached) stuckAtName() bool {
	var dns *net.DNSError
	return errors.As(r.err, &dns) || r.lookupErr != nil
}

func (r *reached) stuckAtProxy() bool {
	var op *net.OpError
	return r.status == http.StatusProxyAuthRequired ||
		r.err != nil && (errors.As(r.err, &op) && op.Op == "proxyconnect" || strings.Contains(r.err.Error(), http.StatusText(http.StatusProxyAuthRequired)))
}

func (r *reached) stuckAtTLS() bool {
	var untrusted *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(r.err, &untrusted) || errors.As(r.err, &unknown) || errors.As(r.err, &name) ||
		errors.As(r.err, &record) || errors.As(r.err, &alert)
}
