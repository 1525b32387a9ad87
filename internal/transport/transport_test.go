package transport_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/transport"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(status int, body io.Reader, header ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body)}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func get(t *testing.T, rt http.RoundTripper, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rt.RoundTrip(req)
}

func TestRedirectIsRefused(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest", status))
		defer server.Close()
		rt, err := transport.New(transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = get(t, rt, server.URL)
		var redirect *transport.RedirectError
		if !errors.As(err, &redirect) || redirect.Host != "169.254.169.254" || redirect.Status != status {
			t.Errorf("HTTP %d: err = %v, want a RedirectError to 169.254.169.254", status, err)
		}
	}
}

func TestLongAnswerIsCut(t *testing.T) {
	endless := roundTrip(func(*http.Request) (*http.Response, error) {
		return answer(200, zeros{}), nil
	})
	resp, err := get(t, transport.Guard(endless, ""), "http://x/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if !errors.Is(err, transport.ErrTooLarge) || n != transport.MaxBody {
		t.Errorf("read %d bytes, err %v; want %d and ErrTooLarge", n, err, transport.MaxBody)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestCompressedAnswerIsRefused(t *testing.T) {
	for encoding, want := range map[string]error{"gzip": transport.ErrEncoded, "deflate": transport.ErrEncoded, "br": transport.ErrEncoded, "identity": nil, "": nil} {
		bomb := roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(200, strings.NewReader("x"), "Content-Encoding", encoding), nil
		})
		resp, err := get(t, transport.Guard(bomb, ""), "http://x/")
		if !errors.Is(err, want) {
			t.Errorf("Content-Encoding %q: err = %v, want %v", encoding, err, want)
		}
		if resp != nil {
			resp.Body.Close()
		}
	}
}

// net/http would hold 10 MiB of them.
func TestLongHeadersAreRefused(t *testing.T) {
	for length, refused := range map[int]bool{64 << 10: false, 1 << 20: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", length))
		}))
		defer server.Close()
		rt, err := transport.New(transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := get(t, rt, server.URL)
		if (err != nil) != refused {
			t.Errorf("%d bytes of header: err = %v, want one: %v", length, err, refused)
		}
		if resp != nil {
			resp.Body.Close()
		}
	}
}

// slow hands out one byte every pause.
type slow struct {
	pause time.Duration
	bytes int
	ctx   context.Context
}

func (s *slow) Read(p []byte) (int, error) {
	if s.bytes == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(s.pause):
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
	s.bytes--
	p[0] = 'x'
	return 1, nil
}

func TestWatchdog(t *testing.T) {
	t.Run("a slow answer is not cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := roundTrip(func(req *http.Request) (*http.Response, error) {
				return answer(200, &slow{50 * time.Second, 100, req.Context()}), nil
			})
			resp, err := get(t, transport.Guard(rt, ""), "http://x/")
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 100 {
				t.Errorf("read %d bytes, err %v; want 100 and none", len(b), err)
			}
			resp.Body.Close()
		})
	})
	t.Run("a stalled answer is cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := roundTrip(func(req *http.Request) (*http.Response, error) {
				return answer(200, &slow{time.Hour, 1, req.Context()}), nil
			})
			start := time.Now()
			resp, err := get(t, transport.Guard(rt, ""), "http://x/")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(resp.Body); !errors.Is(err, transport.ErrStalled) {
				t.Errorf("err = %v, want ErrStalled", err)
			}
			resp.Body.Close()
			if got := time.Since(start); got != transport.StallTimeout {
				t.Errorf("cut after %v, want %v", got, transport.StallTimeout)
			}
		})
	})
	t.Run("a drip without end lasts as long as the run may", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			over := errors.New("the timeout passed")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Hour+time.Second, over)
			defer cancel()
			rt := roundTrip(func(req *http.Request) (*http.Response, error) {
				return answer(200, &slow{50 * time.Second, 1 << 20, req.Context()}), nil
			})
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
			resp, err := transport.Guard(rt, "").RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			start := time.Now()
			if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, over) || n != 360 {
				t.Errorf("read %d bytes, err %v; want 360 and the cause of the context's end", n, err)
			}
			if got := time.Since(start); got != 5*time.Hour+time.Second {
				t.Errorf("cut after %v, want 5h and a second", got)
			}
		})
	})
	t.Run("a drip of headers is cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			rt := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					// An answer before the request would be nobody's.
					_, err := theirs.Read(make([]byte, 1))
					go func() { _, _ = io.Copy(io.Discard, theirs) }()
					if err == nil {
						_, err = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nX: ")
					}
					for err == nil {
						select {
						case <-time.After(50 * time.Second):
							_, err = io.WriteString(theirs, "x")
						case <-over:
							return
						}
					}
				}()
				return ours, nil
			}}
			defer rt.CloseIdleConnections()
			start := time.Now()
			if _, err := get(t, transport.Guard(rt, ""), "http://x/"); !errors.Is(err, transport.ErrStalled) {
				t.Errorf("err = %v, want ErrStalled", err)
			}
			if got := time.Since(start); got != transport.StallTimeout {
				t.Errorf("cut after %v, want %v", got, transport.StallTimeout)
			}
		})
	})
	t.Run("no answer at all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := roundTrip(func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, req.Context().Err()
			})
			if _, err := get(t, transport.Guard(rt, ""), "http://x/"); !errors.Is(err, transport.ErrStalled) {
				t.Errorf("err = %v, want ErrStalled", err)
			}
		})
	})
	t.Run("a slow upload is not cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rt := roundTrip(func(req *http.Request) (*http.Response, error) {
				_, err := io.Copy(io.Discard, req.Body)
				return answer(200, strings.NewReader("")), err
			})
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://x/", &slow{50 * time.Second, 100, t.Context()})
			resp, err := transport.Guard(rt, "").RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		})
	})
}

func TestUserAgent(t *testing.T) {
	rt := roundTrip(func(req *http.Request) (*http.Response, error) {
		if got := req.UserAgent(); got != "car-publish/1" {
			t.Errorf("User-Agent = %q", got)
		}
		return answer(200, strings.NewReader("")), nil
	})
	resp, err := get(t, transport.Guard(rt, "car-publish/1"), "http://x/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestCAFile(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for caFile, wantErr := range map[string]bool{"": true, file: false} {
		rt, err := transport.New(transport.Options{CAFile: caFile})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := get(t, rt, server.URL)
		if (err != nil) != wantErr {
			t.Errorf("ca-file %q: err = %v, want an error: %v", caFile, err, wantErr)
		}
		if resp != nil {
			resp.Body.Close()
		}
	}
	if err := os.WriteFile(file, []byte("no pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := transport.New(transport.Options{CAFile: file}); err == nil {
		t.Error("a ca-file without a certificate was taken")
	}
}

func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "via proxy for "+r.URL.Host)
	}))
	defer proxy.Close()
	rt, err := transport.New(transport.Options{Proxy: proxy.URL})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := get(t, rt, "http://car.example/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "via proxy for car.example" {
		t.Errorf("got %q", b)
	}
	if _, err := transport.New(transport.Options{Proxy: "nonsense"}); err == nil {
		t.Error("a proxy that is no URL was taken")
	}
}

// A proxy that wants another password is told from one that wants any, and neither is
// asked again; TLS that is cut off is told as TLS.
func TestProxyThatDoesNotConnect(t *testing.T) {
	status := http.StatusProxyAuthRequired
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer proxy.Close()
	for _, tt := range []struct {
		status        int
		user, address string
		want          string
		refusal       bool
	}{
		{407, "", "https://car.example/", "wants a name and a password, and none was given", true},
		{407, "me:hunter2@", "https://car.example/", "refused the name and the password that it was given", true},
		{407, "me:hunter2@", "http://car.example/", "refused the name and the password that it was given", true},
		{403, "", "https://car.example/", "does not connect (HTTP 403 Forbidden)", true},
		{503, "", "https://car.example/", "does not connect (HTTP 503 Service Unavailable)", false},
	} {
		status = tt.status
		rt, err := transport.New(transport.Options{Proxy: "http://" + tt.user + strings.TrimPrefix(proxy.URL, "http://")})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := get(t, rt, tt.address)
		if err == nil {
			resp.Body.Close()
			t.Fatalf("%+v: got an answer", tt)
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") || errors.As(err, new(transport.Refusal)) != tt.refusal {
			t.Errorf("%+v: got %q", tt, err)
		}
	}
}

func TestHandshakeThatIsCut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	}()
	rt, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := get(t, rt, "https://"+l.Addr().String())
	if err == nil {
		resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "the TLS handshake failed") {
		t.Errorf("got %v, want it to say TLS", err)
	}
}

func TestProxyWithMoreThanAHost(t *testing.T) {
	for _, proxy := range []string{"http://user:246#word@proxy", "http://proxy/x", "http://proxy?x"} {
		if _, err := transport.New(transport.Options{Proxy: proxy}); err == nil || strings.Contains(err.Error(), "246") {
			t.Errorf("%q: got %v", proxy, err)
		}
		if got := (transport.Options{Proxy: proxy}).ProxyFor("https://car.example"); got != "" {
			t.Errorf("%q: got the proxy %q", proxy, got)
		}
	}
}
