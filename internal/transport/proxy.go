package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// ProxyError is the answer of a proxy that does not connect to a server.
type ProxyError struct {
	Proxy  string // its host
	Status int
	Named  bool // it was given a name, and perhaps a password
}

func (e *ProxyError) Error() string {
	status := fmt.Sprintf("(HTTP %d %s)", e.Status, http.StatusText(e.Status))
	switch {
	case e.Status == http.StatusProxyAuthRequired && e.Named:
		return "the proxy " + e.Proxy + " refused the name and the password that it was given " + status
	case e.Status == http.StatusProxyAuthRequired:
		return "the proxy " + e.Proxy + " wants a name and a password, and none was given " + status
	}
	return "the proxy " + e.Proxy + " does not connect " + status
}

// Permanent tells a caller not to ask again, unless the proxy itself has a fault.
func (e *ProxyError) Permanent() bool { return e.Status < http.StatusInternalServerError }

// As makes a Refusal of what is permanent.
func (e *ProxyError) As(target any) bool {
	refusal, ok := target.(*Refusal)
	if !ok || !e.Permanent() {
		return false
	}
	*refusal = Refusal(e.Error())
	return true
}

// connected is the error of what a proxy answered when it was to connect to a server;
// nil if it did.
func connected(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Status: answer.StatusCode, Named: proxy.User != nil}
}

// refusedByProxy is the same for a request of plain http, which a proxy passes on
// without connecting. Where no password was given, the answer says what is missing.
func (g *guard) refusedByProxy(req *http.Request, status int) error {
	if status != http.StatusProxyAuthRequired || g.via == nil {
		return nil
	}
	proxy, err := g.via(req)
	if err != nil || proxy == nil || proxy.User == nil {
		return nil //nolint:nilerr // the request itself has failed by that, and says so
	}
	return &ProxyError{Proxy: proxy.Host, Status: status, Named: true}
}

// handshake notes whether a request failed while TLS was being set up: what net/http
// then returns may be a bare EOF.
type handshake struct{ begun, failed atomic.Bool }

func (h *handshake) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart: func() { h.begun.Store(true) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { h.failed.Store(err != nil) },
	}
}

func (h *handshake) explain(err error) error {
	if !h.begun.Load() || !h.failed.Load() || strings.Contains(err.Error(), "TLS") {
		return err
	}
	return fmt.Errorf("the TLS handshake failed: %w", err)
}

// via returns what says which proxy a request goes through.
func (o Options) via() (func(*http.Request) (*url.URL, error), error) {
	if o.Proxy == "" {
		return fromEnvironment, nil
	}
	proxy, err := url.Parse(o.Proxy)
	if err != nil || proxy.Host == "" || !isHostAlone(proxy) {
		return nil, errors.New("proxy is not the URL of a proxy")
	}
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == o.Local {
			return fromEnvironment(r)
		}
		return proxy, nil
	}, nil
}

// fromEnvironment is http.ProxyFromEnvironment without proxies that have more than a
// host: a # or a / in a password makes a host of a part of it.
func fromEnvironment(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil || proxy != nil && !isHostAlone(proxy) {
		return nil, errProxyVariable
	}
	return proxy, nil
}

// errProxyVariable shows nothing of the variable, which may have a password in it.
const errProxyVariable Refusal = "HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy"

// ProxyFor returns the host of the proxy that requests to an address go
// through, without a password; "" if there is none.
func (o Options) ProxyFor(address string) string {
	to, err := url.Parse(address)
	if err != nil {
		return ""
	}
	via, err := o.via()
	if err != nil {
		return ""
	}
	proxy, err := via(&http.Request{URL: to})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.Host
}
