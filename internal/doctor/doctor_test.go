package doctor_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/doctor"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// found is the finding of a check.
func found(t *testing.T, r record.Result, check string) record.Finding {
	t.Helper()
	for _, f := range r.Checks {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("there is no check %q in %+v", check, r.Checks)
	return record.Finding{}
}

func expect(t *testing.T, r record.Result, check string, verdict record.Verdict, texts ...string) {
	t.Helper()
	f := found(t, r, check)
	for _, text := range texts {
		if !strings.Contains(f.Detail+"\n"+f.Hint, text) {
			t.Errorf("%s says %q and %q, want %q in it", check, f.Detail, f.Hint, text)
		}
	}
	if f.Verdict != verdict {
		t.Errorf("%s is %q, want %q: %s", check, f.Verdict, verdict, f.Detail)
	}
}

// over examines an application by way of real connections.
func over(t *testing.T, way transport.Options, endpoint string) (record.Result, *publish.Error) {
	t.Helper()
	roundTripper, err := transport.New(way)
	if err != nil {
		t.Fatal(err)
	}
	p := newPatient(carsim.World{})
	p.options.Publish.ApplicationID, p.options.Probe, p.options.Proxy = "app-desktop", false, way.ProxyFor
	result, err := doctor.Run(t.Context(), p.options, publish.Deps{
		CAR: car.Config{
			Site: "china", Endpoint: endpoint, Transport: roundTripper, Retry: retry.Policy{Attempts: 1},
			Credentials: func(context.Context) (cloudapi.Credentials, error) {
				return cloudapi.Credentials{SecretID: secret.New(carsim.SecretID), SecretKey: secret.New(carsim.SecretKey)}, nil
			},
		},
		COS: roundTripper, Endpoint: endpoint, Float: func() float64 { return 0 },
	}, func(record.Event) {})
	var failure *publish.Error
	errors.As(err, &failure)
	return result, failure
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(carsim.New(carsim.World{}))
	t.Cleanup(server.Close)
	result, err := over(t, transport.Options{}, server.URL)
	expect(t, result, "TLS", record.Broken, "certificate", "ca-file")
	expect(t, result, "CAR API", record.NotTested, "needs TLS")
	expect(t, result, "COS", record.Broken, "ca-file")
	if err == nil || err.Kind != publish.Other {
		t.Errorf("error %v", err)
	}

	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err = over(t, transport.Options{CAFile: ca}, server.URL)
	expect(t, result, "TLS", record.OK, "TLS 1.3, certificate by O=Acme Co until ")
	expect(t, result, "CAR API", record.OK)
	expect(t, result, "Room", record.OK)
	expect(t, result, "COS", record.OK)
	if err != nil {
		t.Error(err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(carsim.New(carsim.World{}))
	t.Cleanup(server.Close)
	picky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(picky.Close)
	host := strings.TrimPrefix(picky.URL, "http://")
	for _, endpoint := range []string{server.URL, "https://car.tencentcloudapi.com"} { // by a plain request, and by CONNECT
		server := endpoint[strings.Index(endpoint, "//")+2:]
		for user, want := range map[string][2]string{
			"":            {"it requires a name and a password", "http://name:password@" + host},
			"ci:hunter2@": {"it refused the name and the password that it was given (HTTP 407)", "Check both"},
		} {
			result, err := over(t, transport.Options{Proxy: "http://" + user + host}, endpoint)
			expect(t, result, "Proxy", record.Broken, "the proxy "+host+" does not connect to "+server+": "+want[0], want[1])
			expect(t, result, "COS", record.Broken, want[0])
			if err == nil || err.Kind != publish.Other || strings.Contains(err.Message, "hunter2") {
				t.Errorf("error %v", err)
			}
		}
	}
}

// What goes wrong between the connection and the answer is told as TLS, however the
// server ends it.
func TestBrokenTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(carsim.New(carsim.World{}))
	t.Cleanup(plain.Close)
	cut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cut.Close() })
	go func() {
		for c, err := cut.Accept(); err == nil; c, err = cut.Accept() {
			_ = c.Close()
		}
	}()
	for _, address := range []string{strings.Replace(plain.URL, "http", "https", 1), "https://" + cut.Addr().String()} {
		result, _ := over(t, transport.Options{}, address)
		expect(t, result, "TLS", record.Broken, "", "TLS")
	}
}

// A redirect is an answer, though an odd one; the calls tell what it means.
func TestRedirect(t *testing.T) {
	t.Parallel()
	sim := carsim.New(carsim.World{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.Redirect(w, r, "https://login.example.com/", http.StatusFound)
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	result, err := over(t, transport.Options{}, server.URL)
	expect(t, result, "CAR API", record.Doubtful, `HTTP 302, a redirect to "login.example.com"`, "login page")
	expect(t, result, "Credentials", record.OK)
	expect(t, result, "COS", record.Doubtful, "redirect")
	if err != nil {
		t.Error(err)
	}
}

func TestUnknownHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(carsim.World{})
		p.options.Probe = false
		p.endpoint = "https://car.example.com"
		result, err := p.run(t.Context())
		expect(t, result, "DNS", record.Broken, "car.example.com cannot be reached", "no such host")
		expect(t, result, "Credentials", record.NotTested, "needs CAR API")
		expect(t, result, "COS", record.OK, "service.cos.myqcloud.com answers", "may be nearer or farther")
		if err == nil || err.Kind != publish.Other {
			t.Errorf("error %v", err)
		}
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	build := pack(t, "game.zip", map[string][]byte{"Game/Game.exe": []byte("the game")})
	for skew, want := range map[time.Duration]record.Verdict{
		0: record.OK, 30 * time.Second: record.OK, 2 * time.Minute: record.Doubtful,
		10 * time.Minute: record.Doubtful, -10 * time.Minute: record.Doubtful, 20 * time.Minute: record.Doubtful,
		-20 * time.Minute: record.Doubtful, -3 * time.Hour: record.Doubtful, 3 * time.Hour: record.Doubtful,
	} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(carsim.World{ClockSkew: skew})
				p.options.Probe = false
				p.options.Publish.ApplicationID = "app-desktop"
				result, err := p.run(t.Context())
				side := "behind"
				if skew < 0 {
					side = "ahead of"
				}
				if skew != 0 {
					expect(t, result, "Clock", want, side)
				}
				expect(t, result, "Clock", want)

				// What it says of a publish is what becomes of one.
				o := p.options.Publish
				o.Command, o.Artifact = "publish", build
				_, ended := publish.Run(t.Context(), o, p.deps(), func(record.Event) {})
				var failure *publish.Error
				if errors.As(ended, &failure); (failure == nil) != (err == nil) || failure != nil && failure.Kind != err.Kind {
					t.Errorf("a publish ends with %v", ended)
				}
			})
		})
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left, timeout, capped time.Duration
		want                  record.Verdict
	}{
		"not told": {0, time.Hour, time.Hour, record.NotTested},
		"enough":   {2 * time.Hour, time.Hour, time.Hour, record.OK},
		"short":    {50 * time.Minute, time.Hour, 49 * time.Minute, record.Doubtful},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(carsim.World{})
				p.options.Probe = false
				p.options.Left, p.options.Timeout, p.options.Publish.Timeout = test.left, test.timeout, test.capped
				result, _ := p.run(t.Context())
				expect(t, result, "Time", test.want)
			})
		})
	}
}

// Doctor makes no call that changes something, whatever goes wrong, and none
// that hands out the keys to another's upload.
func TestChangesNothing(t *testing.T) {
	t.Parallel()
	for _, app := range carsim.Seed() {
		for _, kind := range append(carsim.FaultKinds(), "") {
			t.Run(app.ID+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := carsim.World{}
					for _, action := range []string{"DescribeApplicationVersion", "DescribeApplicationList", "DescribeApplicationStatus", "DescribeApplicationPathList", "DescribeCosCredential"} {
						if kind != "" {
							w.Faults = append(w.Faults, carsim.Fault{Action: action, Kind: kind, Nth: 2})
						}
					}
					p := newPatient(w)
					p.options.Probe = false
					p.options.Publish.ApplicationID = app.ID
					p.options.Publish.Release, p.options.Publish.VersionName = true, "1.0"
					_, _ = p.run(t.Context())
					for _, c := range p.sim.Journal() {
						if !strings.HasPrefix(c.Action, "Describe") && c.Action != "" && c.Action != "cos:Other" {
							t.Errorf("it called %s", c.Action)
						}
					}
				})
			})
		}
	}
}
