package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

const action = "AssumeRoleWithWebIdentity"

// bench is a role in a simulated account.
type bench struct {
	t    *testing.T
	sim  *carsim.Sim
	role auth.Role

	mu       sync.Mutex
	masked   []string
	warnings []string
}

func newBench(t *testing.T, w carsim.World) *bench {
	b := &bench{t: t, sim: carsim.New(w)}
	b.role = auth.Role{
		ARN: carsim.RoleARN, Provider: carsim.ProviderName, Session: "octo.ocean@42@1", Duration: 2 * time.Hour,
		Site: "china", Language: "en-US", Transport: transport.Guard(b.sim.Transport(), "test"),
		Retry: retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 4, Float: func() float64 { return 0.5 }},
		Tokens: func(context.Context) (secret.String, error) {
			return secret.New(b.sim.IDToken(carsim.Audience)), nil
		},
		Mask: func(s secret.String) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.masked = append(b.masked, s.Reveal())
		},
		Warn: func(text string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.warnings = append(b.warnings, text)
		},
	}
	return b
}

func (b *bench) world(w carsim.World) {
	b.t.Helper()
	if err := b.sim.SetWorld(w); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) calls() int {
	n := 0
	for _, c := range b.sim.Journal() {
		if c.Action == action {
			n++
		}
	}
	return n
}

func must(t *testing.T, s *auth.Session) cloudapi.Credentials {
	t.Helper()
	keys, err := s.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func same(a, b cloudapi.Credentials) bool { return a.SecretID.Reveal() == b.SecretID.Reveal() }

// Keys are renewed when a tenth of their time is left, and all that is secret
// is masked.
func TestRenewal(t *testing.T) {
	for _, skew := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, carsim.World{ClockSkew: skew})
				s := auth.AssumeRole(b.role)
				first := must(t, s)
				time.Sleep(107 * time.Minute)
				if !same(first, must(t, s)) {
					t.Error("got new keys after 107 of 120 minutes, want the first ones")
				}
				if left := time.Until(s.Until()).Round(time.Minute); left != 13*time.Minute {
					t.Errorf("got %v until the end, want 13m", left)
				}
				time.Sleep(2 * time.Minute)
				second := must(t, s)
				if same(first, second) {
					t.Error("got the first keys after 109 of 120 minutes, want new ones")
				}
				if b.calls() != 2 || len(b.warnings) != 0 {
					t.Errorf("got %d calls and warnings %q, want 2 and none", b.calls(), b.warnings)
				}
				for _, keys := range []cloudapi.Credentials{first, second} {
					for _, s := range []secret.String{keys.SecretID, keys.SecretKey, keys.Token} {
						if s.IsZero() || !strings.Contains(strings.Join(b.masked, "\n"), s.Reveal()) {
							t.Error("a part of the keys was not masked")
						}
					}
				}
				if len(b.masked) != 8 || !strings.HasPrefix(b.masked[0], "eyJ") {
					t.Errorf("masked %d texts, want the token and three parts of the keys, twice", len(b.masked))
				}
			})
		})
	}
}

// Many callers, one call: at the beginning they wait for it, and later they go
// on with the old keys.
func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Delay, Delay: 5 * time.Second}}})
		s := auth.AssumeRole(b.role)
		all := func() (waited []time.Duration) {
			start := time.Now()
			var mu sync.Mutex
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if _, err := s.Credentials(t.Context()); err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					waited = append(waited, time.Since(start))
				})
			}
			group.Wait()
			return waited
		}
		for _, w := range all() {
			if w != 5*time.Second {
				t.Errorf("the first keys took %v, want 5s for everybody", w)
			}
		}
		time.Sleep(110 * time.Minute)
		slow := 0
		for _, w := range all() {
			if w > 0 {
				slow++
			}
		}
		if slow != 1 || b.calls() != 2 {
			t.Errorf("%d callers waited for the renewal, and there were %d calls; want 1 and 2", slow, b.calls())
		}
	})
}

// A renewal that fails is tried again while the old keys live, is told once,
// and holds nobody up for long.
func TestFailingRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{})
		s := auth.AssumeRole(b.role)
		first := must(t, s)
		time.Sleep(110 * time.Minute)
		b.world(carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Refuse, Code: "UnauthorizedOperation"}}})
		for range 10 {
			if !same(first, must(t, s)) {
				t.Error("got new keys, want the old ones")
			}
			time.Sleep(10 * time.Second)
		}
		if got := b.calls() - 1; got != 4 {
			t.Errorf("got %d tries to renew in 100 s, want one in 30 s", got)
		}
		if len(b.warnings) != 1 || !strings.Contains(b.warnings[0], "could not be renewed") || !strings.Contains(b.warnings[0], "UnauthorizedOperation") {
			t.Errorf("got warnings %q, want one", b.warnings)
		}
		b.world(carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Delay, Delay: time.Hour}}})
		time.Sleep(time.Minute)
		start := time.Now()
		if !same(first, must(t, s)) || time.Since(start) != 10*time.Second {
			t.Errorf("a renewal that hangs held a call up for %v, want 10s", time.Since(start))
		}
		b.world(carsim.World{})
		time.Sleep(time.Minute)
		if same(first, must(t, s)) {
			t.Error("got the old keys after the fault was gone, want new ones")
		}

		// Without live keys there is no way round.
		time.Sleep(3 * time.Hour)
		b.world(carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Refuse, Code: "UnauthorizedOperation"}}})
		if _, err := s.Credentials(t.Context()); !errors.Is(err, cloudapi.Code("UnauthorizedOperation")) {
			t.Errorf("got %v once the keys have ended, want UnauthorizedOperation", err)
		}
	})
}

// A cancel ends the wait for the first keys at once, and does not take away
// keys that live: what must be undone still can be.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Delay, Delay: time.Hour}}})
		s := auth.AssumeRole(b.role)
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		var group sync.WaitGroup
		start := time.Now()
		for range 3 {
			group.Go(func() {
				if _, err := s.Credentials(ctx); !errors.Is(err, cause) {
					t.Errorf("got %v, want the cause of the cancel", err)
				}
			})
		}
		group.Wait()
		if time.Since(start) != time.Second {
			t.Errorf("the wait ended after %v, want 1s", time.Since(start))
		}
		b.world(carsim.World{})
		first := must(t, s)
		time.Sleep(110 * time.Minute)
		if keys, err := s.Credentials(ctx); err != nil || !same(first, keys) || len(b.warnings) != 0 {
			t.Errorf("got error %v and warnings %q after a cancel, want the keys that live", err, b.warnings)
		}
	})
}

// Keys that the service does not take any more are replaced, once for all who
// find out.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{})
		s := auth.AssumeRole(b.role)
		first := must(t, s)
		if !s.Refused(first) {
			t.Error("no other keys can be had")
		}
		second := must(t, s)
		if same(first, second) || !s.Refused(first) || !same(second, must(t, s)) || b.calls() != 2 {
			t.Errorf("got %d calls, want 2: the second keys were not refused", b.calls())
		}
	})
}

// A fixed token cannot be had again: that is told at the beginning, if it
// matters.
func TestFixedToken(t *testing.T) {
	for name, test := range map[string]struct {
		life time.Duration // of the token
		need time.Duration
		want string
	}{
		"long enough":        {5 * time.Minute, time.Hour, ""},
		"no renewal":         {5 * time.Minute, 5 * time.Hour, "They cannot be renewed"},
		"renewal to the end": {6 * time.Hour, 5 * time.Hour, ""},
		"renewal for long":   {3 * time.Hour, 5 * time.Hour, "They can be renewed until the OIDC token expires, at 03:00:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, carsim.World{Issuer: carsim.Issuer{TokenLifetime: test.life}})
				b.role.Tokens, b.role.Fixed, b.role.For = auth.FixedToken(secret.New(b.sim.IDToken(carsim.Audience))), true, test.need
				must(t, auth.AssumeRole(b.role))
				got := strings.Join(b.warnings, "\n")
				if !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
					t.Errorf("got warnings %q, want %q", got, test.want)
				}
			})
		})
	}
}

// A token is asked for again where the last try may have been bad luck, and
// only there; a file is read each time.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{})
		good, tries := b.role.Tokens, 0
		failing := func(n int, passing bool) {
			tries = 0
			b.role.Tokens = func(ctx context.Context) (secret.String, error) {
				if tries++; tries <= n {
					return secret.String{}, &cloudapi.Error{Action: "OIDC token", Code: auth.CodeNoToken, Temporary: passing}
				}
				return good(ctx)
			}
		}
		failing(2, true)
		must(t, auth.AssumeRole(b.role))
		failing(9, true)
		if _, err := auth.AssumeRole(b.role).Credentials(t.Context()); !errors.Is(err, cloudapi.Code(auth.CodeNoToken)) || tries != 4 {
			t.Errorf("got %v after %d tries, want NoToken after 4", err, tries)
		}
		failing(9, false)
		if _, err := auth.AssumeRole(b.role).Credentials(t.Context()); !errors.Is(err, cloudapi.Code(auth.CodeNoToken)) || tries != 1 {
			t.Errorf("got %v after %d tries, want NoToken after 1", err, tries)
		}
	})

	file := filepath.Join(t.TempDir(), "token")
	tokens := auth.TokenFile(file)
	for _, text := range []string{"one\n", "two"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := tokens(t.Context()); err != nil || got.Reveal() != strings.TrimSpace(text) {
			t.Errorf("got %q and %v, want %q", got.Reveal(), err, text)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for a file that is gone, want that", err)
	}
}

// What STS answers, and what is to be done about it. A refusal is never asked
// for again; what may pass is.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		world carsim.World
		code  string
		hint  string
		calls int
	}{
		"rate":            {faulty(carsim.Fault{Kind: carsim.Refuse, Code: "InvalidParameter.OverLimit"}), "InvalidParameter.OverLimit", "STS is called too often", 4},
		"no role":         {faulty(carsim.Fault{Kind: carsim.Refuse, Code: "InternalError.GetRoleError"}), "InternalError.GetRoleError", "STS finds no such role", 1},
		"its own fault":   {faulty(carsim.Fault{Kind: carsim.Refuse, Code: "InternalError.SystemError"}), "InternalError.SystemError", "on the side of STS", 4},
		"trust":           {faulty(carsim.Fault{Kind: carsim.Refuse, Code: "UnauthorizedOperation"}), "UnauthorizedOperation", `sub "repo:octo/ocean:ref:refs/heads/main"`, 1},
		"bad gateway":     {faulty(carsim.Fault{Kind: carsim.StatusCode, Status: 502}), "HTTP502", "the other side (sts.tencentcloudapi.com", 4},
		"a login page":    {faulty(carsim.Fault{Kind: carsim.HTML}), cloudapi.CodeAnswer, "sts.tencentcloudapi.com", 1},
		"no keys":         {faulty(carsim.Fault{Kind: carsim.Override, Field: "Credentials.Token"}), cloudapi.CodeAnswer, "is that STS?", 1},
		"keys of old":     {faulty(carsim.Fault{Kind: carsim.Override, Field: "ExpiredTime", Value: 1}), cloudapi.CodeAnswer, "is that STS?", 1},
		"keys of no time": {faulty(carsim.Fault{Kind: carsim.Override, Field: "ExpiredTime"}), cloudapi.CodeAnswer, "is that STS?", 1},
		"keys in lines":   {faulty(carsim.Fault{Kind: carsim.Override, Field: "Credentials.TmpSecretId", Value: "AKID\r\nX-Evil: 1"}), cloudapi.CodeAnswer, "is that STS?", 1},
		"no JSON of ours": {faulty(carsim.Fault{Kind: carsim.Override, Field: "Credentials", Value: "x"}), cloudapi.CodeAnswer, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, test.world)
				_, err := auth.AssumeRole(b.role).Credentials(t.Context())
				var e *cloudapi.Error
				if !errors.As(err, &e) || e.Code != test.code || !strings.Contains(e.Hint, test.hint) || b.calls() != test.calls {
					t.Errorf("got %+v after %d calls, want %s with %q after %d", err, b.calls(), test.code, test.hint, test.calls)
				}
			})
		})
	}
}

func faulty(f carsim.Fault) carsim.World {
	f.Action = action
	return carsim.World{Faults: []carsim.Fault{f}}
}

// The clock of this machine does not matter, even if STS looks at it.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ClockSkew: 30 * time.Minute, UnsignedClock: carsim.ClockChecked})
		must(t, auth.AssumeRole(b.role))
		if b.calls() != 2 {
			t.Errorf("got %d calls, want one that is refused and one by the clock of STS", b.calls())
		}
	})
}

// Each site has its STS, and its region for a call that wants one.
func TestSites(t *testing.T) {
	for site, region := range map[string]string{"china": "ap-guangzhou", "international": "ap-singapore"} {
		b := newBench(t, carsim.World{Site: carsim.Site(site)})
		asked := ""
		next := b.role.Transport
		b.role.Site = site
		b.role.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.Host + " " + r.Header.Get("X-TC-Region")
			return next.RoundTrip(r)
		})
		must(t, auth.AssumeRole(b.role))
		host := map[string]string{"china": "sts.tencentcloudapi.com", "international": "sts.intl.tencentcloudapi.com"}[site]
		if asked != host+" "+region {
			t.Errorf("%s: asked %q, want %q", site, asked, host+" "+region)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The role of a virtual machine.
func TestInstanceRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, carsim.World{InstanceRole: "builder"})
		s := auth.InstanceRole(auth.Instance{Transport: b.role.Transport, Mask: b.role.Mask, Warn: b.role.Warn})
		first := must(t, s)
		time.Sleep(107 * time.Minute)
		if !same(first, must(t, s)) || len(b.masked) != 3 {
			t.Errorf("got other keys or %d masks, want the first keys and 3", len(b.masked))
		}
		time.Sleep(2 * time.Minute)
		if same(first, must(t, s)) {
			t.Error("got the first keys, want new ones")
		}
		for name, fault := range map[string]carsim.Fault{
			"an error":      {Kind: carsim.Refuse},
			"a page":        {Kind: carsim.HTML},
			"junk":          {Kind: carsim.Junk},
			"a redirect":    {Kind: carsim.Redirect},
			"nothing":       {Kind: carsim.Empty},
			"no answer":     {Kind: carsim.DropBefore},
			"an hour later": {Kind: carsim.Delay, Delay: time.Hour},
		} {
			fault.Action = "metadata:Role"
			b.world(carsim.World{InstanceRole: "builder", Faults: []carsim.Fault{fault}})
			start := time.Now()
			_, err := auth.InstanceRole(auth.Instance{Transport: b.role.Transport, Mask: b.role.Mask, Warn: b.role.Warn}).Credentials(t.Context())
			var e *cloudapi.Error
			if !errors.As(err, &e) || e.Code != cloudapi.CodeCredentials || !strings.Contains(e.Hint, "bind a role") || time.Since(start) > time.Minute {
				t.Errorf("%s: got %v after %v, want an error with a remedy soon", name, err, time.Since(start))
			}
		}
		time.Sleep(time.Minute)
		b.world(carsim.World{})
		time.Sleep(108 * time.Minute)
		must(t, s)
		if len(b.warnings) != 1 || !strings.Contains(b.warnings[0], "no role is bound to this machine") {
			t.Errorf("got warnings %q, want that the role is gone", b.warnings)
		}
	})
}

func TestClaims(t *testing.T) {
	for text, want := range map[string]string{
		`{"iss":"i","sub":"s","aud":"a"}`:                           `iss "i", aud "a", sub "s"`,
		`{"iss":"i","sub":"s","aud":["a","b"],"exp":1.5,"nbf":"x"}`: "",
		`{"iss":"i","sub":"s","aud":["a","b","c","d"],"exp":1.7e9}`: `iss "i", aud "a" and "b" and "c" and ..., sub "s"`,
		`{"iss":"\u001b[31m","sub":"a\nb\u2028\u202e","aud":[]}`:    `iss "\x1b[31m", aud , sub "a\nb\u2028\u202e"`,
		`{"sub":"` + strings.Repeat("x", 500) + `","exp":1e300}`:    `iss "", aud , sub "` + strings.Repeat("x", 200) + `..."`,
		`{"iss":7}`: "", `[]`: "", `null`: `iss "", aud , sub ""`, `x`: "",
	} {
		token := token(text)
		claims, err := auth.ParseClaims(token)
		if (err != nil) != (want == "") || err == nil && claims.String() != want {
			t.Errorf("%s: got %v and %v, want %q", text, claims, err, want)
		}
		if err != nil && strings.Contains(err.Error(), token.Reveal()) {
			t.Errorf("%v shows the token", err)
		}
	}
	for _, text := range []string{"", "a", "a.b", "a..c", "a.b.c.d", "a.!.c", strings.Repeat("x", 20_000)} {
		if _, err := auth.ParseClaims(secret.New(text)); err == nil || text != "" && strings.Contains(err.Error(), text+".") {
			t.Errorf("got %v for %.20q, want an error without it", err, text)
		}
	}
	claims, err := auth.ParseClaims(token(`{"exp":1700000000.9,"nbf":1600000000}`))
	if err != nil || claims.Expires.Unix() != 1700000000 || claims.NotBefore.Unix() != 1600000000 {
		t.Errorf("got %+v and %v, want both times", claims, err)
	}
}

func token(claims string) secret.String {
	return secret.New(fmt.Sprintf("e30.%s.c2ln", base64.RawURLEncoding.EncodeToString([]byte(claims))))
}
