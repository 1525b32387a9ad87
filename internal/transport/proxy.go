package transport

import (
	"context"
	"crypto/tls"
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
