package carsim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// Transport returns a RoundTripper that reaches the simulator without a
// socket, under the services' real host names or a loopback address. It runs
// the request in the caller's goroutine, and so works in a testing/synctest
// bubble.
func (s *Sim) Transport() http.RoundTripper { return transport{s} }

type transport struct{ sim *Sim }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := req.Body
	if body == nil {
		body = http.NoBody
	}
	defer body.Close()
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	in, err := received(req, body)
	if err != nil {
		return nil, err
	}
	if host := hostname(in.Host); !isKnown(host) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}

	w := &recorder{header: http.Header{}}
	aborted := w.run(t.sim, in)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case aborted && w.status == 0:
		return nil, io.EOF // what net/http says of a connection that ends without an answer
	}
	length, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.header,
		ContentLength: length,
		Request:       req,
		Body:          &replay{ctx: ctx, body: w.body.Bytes(), cut: aborted},
	}, nil
}

// received returns a request as a server sees it.
func received(req *http.Request, body io.ReadCloser) (*http.Request, error) {
	in := req.Clone(req.Context())
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	for name, values := range in.Header {
		if canonical := http.CanonicalHeaderKey(name); canonical != name { // "Content-MD5"
			delete(in.Header, name)
			in.Header[canonical] = values
		}
	}
	in.Header.Del("Host") // net/http sends Request.Host
	in.RequestURI = req.URL.RequestURI()
	in.Body = body
	if in.ContentLength == 0 && body != http.NoBody {
		// A length of 0 means "unknown" here. net/http looks at the first
		// byte, and sends a body that has one in chunks.
		first := make([]byte, 1)
		n, err := io.ReadFull(body, first)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if n == 1 {
			in.ContentLength = -1
			in.Body = io.NopCloser(io.MultiReader(bytes.NewReader(first), body))
		}
	}
	in.Header.Del("Content-Length")
	if in.ContentLength > 0 || in.ContentLength == 0 && req.Method != http.MethodGet && req.Method != http.MethodHead {
		in.Header.Set("Content-Length", strconv.FormatInt(in.ContentLength, 10))
	}
	return in, nil
}

// recorder keeps what the handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// run calls the handler and reports whether it aborted the connection.
func (w *recorder) run(h http.Handler, r *http.Request) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// replay is the body of an answer.
type replay struct {
	ctx  context.Context
	body []byte
	cut  bool
}

func (r *replay) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n := copy(b, r.body)
	r.body = r.body[n:]
	switch {
	case n > 0 || len(b) == 0:
		return n, nil
	case r.cut:
		return 0, io.ErrUnexpectedEOF
	}
	return 0, io.EOF
}

func (r *replay) Close() error { return nil }
