// Package transport is the one http.RoundTripper of the program: proxy and
// private CA, no redirects, capped answers, a watchdog for stalled
// connections, one User-Agent.
package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/car-publish/car-publish/internal/textfile"
)

// MaxBody is how much of one answer is read, in bytes. The longest honest
// answers, a list of 1,000 parts or of all applications, stay far below.
const MaxBody = 4 << 20

// maxHeader is how much of one answer's header is read, in bytes.
const maxHeader = 256 << 10

// maxRoots is how large ca-file may be, in bytes. All the roots that a system
// trusts take a quarter of one MB.
const maxRoots = 16 << 20

// StallTimeout is how long a connection may make no progress at all.
const StallTimeout = 60 * time.Second

// Refusal is an answer that the transport does not take. The next one would
// be no better.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Permanent tells a caller not to ask again.
func (r Refusal) Permanent() bool { return true }

// The refusals.
const (
	ErrEncoded  Refusal = "the server compressed its answer without being asked to"
	ErrTooLarge Refusal = "the answer is larger than 4 MiB"
)

// ErrStalled is a connection on which nothing moved for StallTimeout.
var ErrStalled = fmt.Errorf("no byte moved for %v", StallTimeout)

// RedirectError is the answer of a server that wants to send us elsewhere.
// No service that we speak to does so: following it would carry a signed
// request to a stranger.
type RedirectError struct {
	Status int
	Host   string // of the target, "" if it does not parse
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("the server answered HTTP %d, a redirect to %q, and redirects are not followed", e.Status, e.Host)
}

// Permanent tells a caller not to ask again.
func (e *RedirectError) Permanent() bool { return true }

// Options configures New.
type Options struct {
	UserAgent string
	Proxy     string // URL; "" takes HTTPS_PROXY, HTTP_PROXY and NO_PROXY
	Local     string // host that Proxy is not for; NO_PROXY has no say in Proxy
	CAFile    string // PEM file of further roots; "" takes the system's alone
}

// New returns the RoundTripper.
func New(o Options) (http.RoundTripper, error) {
	base := &http.Transport{
		DialContext:           wide(&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}),
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64, // one for each part in flight: the default of 2 would reconnect for every part
		// One TCP connection per part: HTTP/2 would push all parts through one.
		Protocols:              new(http.Protocols),
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        4 << 10, // a body passes it by, see conn
		ReadBufferSize:         4 << 10,
		DisableCompression:     true, // no decompression, no decompression bomb
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64), DynamicRecordSizingDisabled: true},
	}
	base.Protocols.SetHTTP1(true)
	via, err := o.via()
	if err != nil {
		return nil, err
	}
	base.Proxy = via
	if err := checkRoots(os.Getenv); err != nil {
		return nil, err
	}
	base.OnProxyConnectResponse = connected
	if o.CAFile != "" {
		pem, err := textfile.Read(context.Background(), o.CAFile, maxRoots)
		if err != nil {
			return nil, fmt.Errorf("read ca-file: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca-file %s holds no PEM certificate", o.CAFile)
		}
		base.TLSClientConfig.RootCAs = roots
	}
	return &guard{next: base, userAgent: o.UserAgent, via: via}, nil
}

// checkRoots refuses what the variables of the system's certificates name, if reading it
// would not end: a pipe, a device, or a file that is too large.
func checkRoots(getenv func(string) string) error {
	check := func(name, file string) error {
		info, err := os.Stat(file)
		if err != nil || info.Mode().IsRegular() && info.Size() <= maxRoots {
			return nil //nolint:nilerr // what is not there is not read
		}
		return fmt.Errorf("%s names %s, which is not a regular file, or is too large", name, file)
	}
	if file := getenv("SSL_CERT_FILE"); file != "" {
		if err := check("SSL_CERT_FILE", file); err != nil {
			return err
		}
	}
	for _, folder := range filepath.SplitList(getenv("SSL_CERT_DIR")) {
		entries, _ := os.ReadDir(folder) // what cannot be read is not used
		for _, entry := range entries {
			if entry.Type()&fs.ModeSymlink == 0 && entry.IsDir() {
				continue
			}
			if err := check("SSL_CERT_DIR", filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func isHostAlone(u *url.URL) bool {
	return (u.Path == "" || u.Path == "/") && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// Guard puts the rules of this package around any RoundTripper, such as a
// simulator's.
func Guard(next http.RoundTripper, userAgent string) http.RoundTripper {
	return &guard{next: next, userAgent: userAgent}
}

type guard struct {
	next      http.RoundTripper
	userAgent string
	via       func(*http.Request) (*url.URL, error) // nil without a proxy
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	dog := &watchdog{timer: time.AfterFunc(StallTimeout, func() { cancel(ErrStalled) })}
	stop := func() { dog.timer.Stop(); cancel(nil) }

	shake := &handshake{}
	req = req.Clone(httptrace.WithClientTrace(ctx, shake.trace()))
	if g.userAgent != "" {
		req.Header.Set("User-Agent", g.userAgent)
	}
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &progress{req.Body, dog}
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && req.Context().Err() != nil {
			err = cause
		} else {
			err = shake.explain(err)
		}
		stop()
		return nil, err
	}
	dog.pat()
	if err := g.refusedByProxy(req, resp.StatusCode); err != nil {
		resp.Body.Close()
		stop()
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		resp.Body.Close()
		stop()
		redirect := &RedirectError{Status: resp.StatusCode}
		if u, err := resp.Location(); err == nil {
			redirect.Host = u.Host
		}
		return nil, redirect
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		resp.Body.Close()
		stop()
		return nil, ErrEncoded
	}
	resp.Body = &body{body: resp.Body, left: MaxBody, dog: dog, ctx: ctx, stop: stop}
	return resp, nil
}

// watchdog ends a request on which no byte moves.
type watchdog struct{ timer *time.Timer }

func (w *watchdog) pat() { w.timer.Reset(StallTimeout) }

// progress tells the watchdog of every read of a request's body. net/http
// reads on only as the connection takes what it has read before.
type progress struct {
	io.ReadCloser
	dog *watchdog
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if n > 0 {
		p.dog.pat()
	}
	return n, err
}

type body struct {
	body io.ReadCloser
	left int64
	dog  *watchdog
	ctx  context.Context
	stop func()
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if n > 0 {
		b.dog.pat()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *body) Close() error {
	b.stop()
	return b.body.Close()
}
