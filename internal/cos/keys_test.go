package cos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*Keys)
		want string // "" is good
	}{
		{"as documented", func(*Keys) {}, ""},
		{"no slash, a folder", func(k *Keys) { k.Path = "103121832/app-fcegkdfa/ver-xxx/app-fcegkdfa.rar" }, ""},
		{"no token", func(k *Keys) { k.Token = secret.String{} }, ""},
		{"dots within a name", func(k *Keys) { k.Path = "/a/..b..c.zip" }, ""},
		{"a name in Chinese", func(k *Keys) { k.Path = "/a/游戏 1.zip" }, ""},

		{"bucket empty", func(k *Keys) { k.Bucket = "" }, `CAR answered with a malformed bucket name: ""`},
		{"bucket without APPID", func(k *Keys) { k.Bucket = "bucket" }, `CAR answered with a malformed bucket name: "bucket"`},
		{"bucket is a host", func(k *Keys) { k.Bucket = "evil.example.com/a-1" }, `CAR answered with a malformed bucket name: "evil.example.com/a-1"`},
		{"bucket with user", func(k *Keys) { k.Bucket = "a@b-1" }, `CAR answered with a malformed bucket name: "a@b-1"`},
		{"bucket with line break", func(k *Keys) { k.Bucket = "a-1\n" }, `CAR answered with a malformed bucket name: "a-1\n"`},
		{"bucket endless", func(k *Keys) { k.Bucket = strings.Repeat("A", 5000) }, `CAR answered with a malformed bucket name: 5000 characters`},
		{"region empty", func(k *Keys) { k.Region = "" }, `CAR answered with a malformed bucket region: ""`},
		{"region with dot", func(k *Keys) { k.Region = "x.evil" }, `CAR answered with a malformed bucket region: "x.evil"`},
		{"path empty", func(k *Keys) { k.Path = "" }, `CAR answered with a malformed object path: ""`},
		{"path only a slash", func(k *Keys) { k.Path = "/" }, `CAR answered with a malformed object path: "/"`},
		{"path goes up", func(k *Keys) { k.Path = "/a/../b" }, `CAR answered with a malformed object path: "/a/../b"`},
		{"path stays", func(k *Keys) { k.Path = "/a/./b" }, `CAR answered with a malformed object path: "/a/./b"`},
		{"path begins a host", func(k *Keys) { k.Path = "//evil.example.com/b" }, `CAR answered with a malformed object path: "//evil.example.com/b"`},
		{"path is a folder", func(k *Keys) { k.Path = "/a/" }, `CAR answered with a malformed object path: "/a/"`},
		{"path with backslash", func(k *Keys) { k.Path = `/a\b` }, `CAR answered with a malformed object path: "/a\\b"`},
		{"path with control character", func(k *Keys) { k.Path = "/a\x1bb" }, `CAR answered with a malformed object path: "/a\x1bb"`},
		{"path not UTF-8", func(k *Keys) { k.Path = "/a\xff" }, `CAR answered with a malformed object path: "/a\xff"`},
		{"path too long", func(k *Keys) { k.Path = strings.Repeat("a", 851) }, `CAR answered with a malformed object path: 851 characters`},
		{"no time", func(k *Keys) { k.Start, k.Expires = time.Unix(5, 0), time.Unix(5, 0) }, "CAR answered with keys that are valid from 1970-01-01T00:00:05Z until 1970-01-01T00:00:05Z"},
		{"no id", func(k *Keys) { k.SecretID = secret.String{} }, "CAR answered without keys for the upload"},
		{"no key", func(k *Keys) { k.SecretKey = secret.String{} }, "CAR answered without keys for the upload"},
		{"token with line break", func(k *Keys) { k.Token = secret.New("a\r\nX: y") }, "CAR answered with keys that contain characters no key has"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := testKeys()
			tt.edit(&k)
			if err := k.Validate(); err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
				t.Errorf("Validate() = %v, want %s", err, tt.want)
			}
			if tt.want == "" {
				return
			}
			b := &bucket{}
			o := testOptions(b)
			o.Renew = func(context.Context) (Keys, error) { return k, nil }
			if _, err := New(o).Run(t.Context()); err == nil || err.Error() != tt.want {
				t.Errorf("Run() = %v, want %s", err, tt.want)
			}
			wantJournal(t, b)
		})
	}
}

// Whatever CAR answers, what passes goes to one object in one bucket at
// Tencent.
func FuzzKeys(f *testing.F) {
	f.Add("application-test-1300543887", "ap-guangzhou", "/1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip")
	f.Add("b-1", "na-siliconvalley", "103121832/app-fcegkdfa/ver-xxx/app-fcegkdfa.rar")
	f.Add("b-1", "r", "//host/x")
	f.Add("b-1/..", "r?", "a/../b")
	f.Add("b-1", "r", "a%2f..%2fb?c#d&e=f g+h;游戏")
	f.Fuzz(func(t *testing.T, bucketName, region, path string) {
		k := testKeys()
		k.Bucket, k.Region, k.Path = bucketName, region, path
		if k.Validate() != nil {
			return
		}
		b := &bucket{before: func(_ string, req *http.Request) (*http.Response, error) {
			if want := bucketName + ".cos." + region + ".myqcloud.com"; req.URL.Host != want || req.Host != want || req.URL.Scheme != "https" {
				t.Errorf("keys for %q in %q, sent to %s and host %s", bucketName, region, req.URL, req.Host)
			}
			if got, want := req.URL.Path, "/"+strings.TrimPrefix(path, "/"); got != want {
				t.Errorf("path %q was sent as %q", path, got)
			}
			return nil, nil
		}}
		o := testOptions(b)
		o.Renew = func(context.Context) (Keys, error) { return k, nil }
		o.Policy.Attempts = 1
		// The SDK refuses a few host names that COS does not have; it must
		// not do so halfway.
		if _, err := New(o).Run(t.Context()); err != nil && len(b.journal) > 0 {
			t.Errorf("keys for %q in %q at %q: %v", bucketName, region, path, err)
		}
	})
}

func TestSignature(t *testing.T) {
	t.Parallel()
	k := testKeys()
	var seen int
	b := &bucket{before: func(call string, req *http.Request) (*http.Response, error) {
		seen++
		got := req.Header.Get("Authorization")
		window := fmt.Sprintf("%d;%d", k.Start.Unix(), k.Expires.Unix())
		want := regexp.MustCompile(`^q-sign-algorithm=sha1&q-ak=AKIDtest&q-sign-time=` + window + `&q-key-time=` + window +
			`&q-header-list=[a-z0-9;-]*\bhost;x-cos-security-token&q-url-param-list=[a-z;]*&q-signature=[0-9a-f]{40}$`)
		if !want.MatchString(got) {
			t.Errorf("%s: Authorization = %s", call, got)
		}
		if got := req.Header.Get("X-Cos-Security-Token"); got != "the-token" {
			t.Errorf("%s: the token is %q", call, got)
		}
		if strings.HasPrefix(call, "UploadPart") && !strings.Contains(got, "content-length;") {
			t.Errorf("%s: the length is not signed: %s", call, got)
		}
		return nil, nil
	}}
	o := testOptions(b)
	o.Renew = func(context.Context) (Keys, error) { return k, nil }
	if _, err := New(o).Run(t.Context()); err != nil || seen != 7 {
		t.Errorf("Run() = %v after %d calls, want 7", err, seen)
	}
}

// numbered hands out keys whose id tells them apart.
func numbered(renewals *atomic.Int64) func(context.Context) (Keys, error) {
	return func(context.Context) (Keys, error) {
		k := testKeys()
		k.SecretID = secret.New(fmt.Sprintf("AKID%d", renewals.Add(1)))
		return k, nil
	}
}

func TestRefusedKeysAreRenewedOnceForAllParts(t *testing.T) {
	t.Parallel()
	for _, refusal := range []fault{
		refuse(400, "ExpiredToken", "x"),
		refuse(403, "InvalidAccessKeyId", "x"),
		refuse(403, "AccessDenied", "Request has expired"),
	} {
		synctest.Test(t, func(t *testing.T) {
			var renewals, refused atomic.Int64
			b := &bucket{before: func(call string, req *http.Request) (*http.Response, error) {
				// The first keys are good for the beginning only.
				if call != begin && strings.Contains(req.Header.Get("Authorization"), "q-ak=AKID1&") {
					refused.Add(1)
					time.Sleep(time.Second) // until all parts are in flight
					return refusal(req, nil)
				}
				return nil, nil
			}}
			o := testOptions(b)
			o.File, o.Size, o.Parallel = &file{size: 20_000}, 20_000, 8
			o.Renew = numbered(&renewals)
			o.Retrying = func(what string, _ int, _ time.Duration, err error) { t.Errorf("a wait for %s: %v", what, err) }
			if _, err := New(o).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := renewals.Load(); got != 2 {
				t.Errorf("keys were asked for %d times, want 2", got)
			}
			if got := refused.Load(); got != 8 {
				t.Errorf("%d parts were refused, want 8", got)
			}
		})
	}
}

func TestFreshKeysRefused(t *testing.T) {
	t.Parallel()
	var renewals atomic.Int64
	b := &bucket{faults: map[string]fault{
		"UploadPart 1 #1": refuse(400, "ExpiredToken", "first"),
		"UploadPart 1 #2": refuse(400, "ExpiredToken", "second"),
	}}
	o := testOptions(b)
	o.Renew = numbered(&renewals)
	_, err := New(o).Run(t.Context())
	if want := "upload part 1: ExpiredToken: second (HTTP 400, RequestId req-400)"; err == nil || err.Error() != want {
		t.Errorf("Run() = %v, want %s", err, want)
	}
	wantJournal(t, b, begin, "UploadPart 1 #1", "UploadPart 1 #2")
}

func TestRefusedKeysCannotBeRenewed(t *testing.T) {
	t.Parallel()
	gone := errors.New("ver-a is gone")
	asked := 0
	b := &bucket{faults: map[string]fault{"UploadPart 1 #1": refuse(400, "ExpiredToken", "x")}}
	o := testOptions(b)
	o.Renew = func(context.Context) (Keys, error) {
		if asked++; asked > 1 {
			return Keys{}, gone
		}
		return testKeys(), nil
	}
	_, err := New(o).Run(t.Context())
	want := "get keys for the upload: ver-a is gone (after upload part 1: ExpiredToken: x (HTTP 400, RequestId req-400))"
	if !errors.Is(err, gone) || err.Error() != want {
		t.Errorf("Run() = %v, want %s", err, want)
	}
}

func TestNoKeys(t *testing.T) {
	t.Parallel()
	o := testOptions(&bucket{})
	denied := errors.New("denied")
	o.Renew = func(context.Context) (Keys, error) { return Keys{}, denied }
	if _, err := New(o).Run(t.Context()); !errors.Is(err, denied) || err.Error() != "get keys for the upload: denied" {
		t.Errorf("Run() = %v", err)
	}
}

func TestObjectMoves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*Keys)
		want string // "" is no move
	}{
		{"path", func(k *Keys) { k.Path = "/1/other" }, `CAR now names another object: "1/other" in application-test-1300543887 (ap-guangzhou); the upload began at "1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip" in application-test-1300543887 (ap-guangzhou)`},
		{"bucket", func(k *Keys) { k.Bucket = "b-1" }, `CAR now names another object: "1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip" in b-1 (ap-guangzhou); the upload began at "1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip" in application-test-1300543887 (ap-guangzhou)`},
		{"region", func(k *Keys) { k.Region = "ap-tokyo" }, `CAR now names another object: "1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip" in application-test-1300543887 (ap-tokyo); the upload began at "1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip" in application-test-1300543887 (ap-guangzhou)`},
		{"hostile", func(k *Keys) { k.Path = "../x" }, `CAR answered with a malformed object path: "../x"`},
		{"only the slash", func(k *Keys) { k.Path = strings.TrimPrefix(k.Path, "/") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{before: slowParts(5 * time.Hour)}
				o := testOptions(b)
				asked := 0
				o.Renew = func(context.Context) (Keys, error) {
					k := testKeys()
					if asked++; asked > 1 {
						tt.edit(&k)
					}
					return k, nil
				}
				u := New(o)
				_, err := u.Run(t.Context())
				if tt.want == "" {
					if err != nil {
						t.Errorf("Run() = %v", err)
					}
					return
				}
				if err == nil || err.Error() != tt.want {
					t.Errorf("Run():\n got %v\nwant %s", err, tt.want)
				}
				// The upload is where it was, and so is what removes it.
				if err := u.Abort(t.Context()); err != nil || b.left() != 0 {
					t.Errorf("Abort() = %v, %d uploads left", err, b.left())
				}
			})
		})
	}
}

// slowParts lets each part take a while of virtual time.
func slowParts(d time.Duration) func(string, *http.Request) (*http.Response, error) {
	return func(call string, _ *http.Request) (*http.Response, error) {
		if strings.HasPrefix(call, "UploadPart") {
			time.Sleep(d)
		}
		return nil, nil
	}
}

func TestKeysAreRenewedAheadOfTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		expires := began
		var at []time.Duration
		b := &bucket{}
		b.before = func(call string, req *http.Request) (*http.Response, error) {
			if !time.Now().Before(expires) {
				t.Errorf("%s was signed with keys that expired %v ago", call, time.Since(expires))
			}
			return slowParts(time.Hour)(call, req)
		}
		o := testOptions(b)
		o.File, o.Size = &file{size: 14_000}, 14_000 // 14 hours
		o.Renew = func(context.Context) (Keys, error) {
			at = append(at, time.Since(began))
			k := testKeys()
			expires = k.Expires
			return k, nil
		}
		if _, err := New(o).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Due from 5 h 50 min on: the part that begins at 6 h finds it so.
		if want := []time.Duration{0, 6 * time.Hour, 12 * time.Hour}; !slices.Equal(at, want) {
			t.Errorf("keys were asked for at %v, want %v", at, want)
		}
	})
}

// A renewal ahead of time that fails does no harm while COS takes the old
// keys, and holds up no part but one.
func TestRenewalAheadOfTimeFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{before: slowParts(time.Minute)}
		o := testOptions(b)
		o.File, o.Size, o.Parallel = &file{size: 30_000}, 30_000, 2
		began := time.Now()
		var at []time.Duration
		o.Renew = func(context.Context) (Keys, error) {
			at = append(at, time.Since(began))
			if n := len(at); n > 1 && n < 4 {
				return Keys{}, errors.New("CAR is away")
			}
			k := testKeys()
			k.Expires = k.Start.Add(10 * time.Minute)
			return k, nil
		}
		var told []string
		o.Retrying = func(what string, attempt int, wait time.Duration, err error) {
			told = append(told, fmt.Sprintf("%s, %d, %v: %v", what, attempt, wait, err))
		}
		if _, err := New(o).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A life of 10 minutes is renewed after 9.
		if want := []time.Duration{0, 9 * time.Minute, 10 * time.Minute, 11 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("keys were asked for at %v, want %v", at, want)
		}
		want := []string{
			"new keys for the upload, 1, 1.5s: get keys for the upload: CAR is away",
			"new keys for the upload, 2, 2s: get keys for the upload: CAR is away",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestFinalRenewalEndsTheUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{before: slowParts(3 * time.Hour)}
		o := testOptions(b)
		asked := 0
		gone := errors.New("ver-a is gone")
		o.Renew = func(context.Context) (Keys, error) {
			if asked++; asked > 1 {
				return Keys{}, Final(gone)
			}
			return testKeys(), nil
		}
		if _, err := New(o).Run(t.Context()); !errors.Is(err, gone) || err.Error() != "get keys for the upload: ver-a is gone" {
			t.Errorf("Run() = %v, want %v", err, gone)
		}
		wantJournal(t, b, begin, "UploadPart 1 #1", "UploadPart 2 #1")
	})
}

// This machine's clock is days fast: all keys look expired, and COS takes
// them all the same.
func TestFastClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{before: slowParts(time.Minute)}
		o := testOptions(b)
		o.File, o.Size = &file{size: 30_000}, 30_000
		asked := 0
		o.Renew = func(context.Context) (Keys, error) {
			asked++
			k := testKeys()
			k.Start, k.Expires = k.Start.Add(-72*time.Hour), k.Expires.Add(-72*time.Hour)
			return k, nil
		}
		if _, err := New(o).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := 4; asked != want { // at once, and every ten minutes
			t.Errorf("keys were asked for %d times in half an hour, want %d", asked, want)
		}
	})
}
