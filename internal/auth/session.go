package auth

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/secret"
)

// Session is a source of temporary keys that gets new ones before they end.
// It is safe for concurrent use: one caller renews while the others keep using
// the old keys, or wait if these have expired.
type Session struct {
	fetch  func(context.Context) (lease, error)
	failed func(err error, ends time.Time) // called once when a renewal fails while the old keys are still valid

	flight chan struct{} // full while somebody renews

	mu    sync.Mutex // guards what follows
	lease lease
	later time.Time // when to try again after a renewal that failed
	told  bool

	claims Claims // of the last token; empty without one
}

// lease is a key pair and how long it is good for, by our own clock.
type lease struct {
	keys         cloudapi.Credentials
	renew, until time.Time
}

const (
	// patience is how long a call may wait for a renewal while the old keys are
	// still valid.
	patience = 10 * time.Second

	// pause is how long the old keys are used after a renewal that failed, before
	// the next one.
	pause = 30 * time.Second

	// margin is the time that a request needs to get to the service.
	margin = 10 * time.Second
)

func newSession(fetch func(context.Context) (lease, error), failed func(error, time.Time)) *Session {
	return &Session{fetch: fetch, failed: failed, flight: make(chan struct{}, 1)}
}

// lasting makes the lease of keys that were requested at a moment and are valid
// for a time. They are renewed when a tenth of it is left, as by Tencent's own
// SDKs.
func lasting(keys cloudapi.Credentials, asked time.Time, life time.Duration) lease {
	return lease{keys: keys, renew: asked.Add(life - life/10), until: asked.Add(life)}
}

// grant takes keys that were requested at a moment and are valid for a time. It
// masks them, and reports whether they are valid now.
func grant(id, key, token string, asked time.Time, life time.Duration, mask func(secret.String)) (l lease, ok bool) {
	parts := []secret.String{secret.New(id), secret.New(key), secret.New(token)}
	ok = life > margin
	for _, s := range parts {
		mask(s)
		// All parts must be present and fit into a header.
		ok = ok && !s.IsZero() && !strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' })
	}
	return lasting(cloudapi.Credentials{SecretID: parts[0], SecretKey: parts[1], Token: parts[2]}, asked, life), ok
}

// Until is when the current keys expire; zero before the first.
func (s *Session) Until() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease.until
}

// Claims are those of the last token, even if STS refused it; empty if the keys
// do not come from a token.
func (s *Session) Claims() Claims {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims
}

func (s *Session) claimed(c Claims) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = c
}

// Refused drops keys that the service does not accept any more. It reports
// whether Credentials can get others.
func (s *Session) Refused(keys cloudapi.Credentials) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease.keys.SecretID.Reveal() == keys.SecretID.Reveal() {
		s.lease = lease{}
	}
	return true
}

// Credentials is the Source.
func (s *Session) Credentials(ctx context.Context) (cloudapi.Credentials, error) {
	now, later := s.present()
	fresh, live := time.Now().Before(now.renew), time.Now().Add(margin).Before(now.until)
	if fresh || live && time.Now().Before(later) {
		return now.keys, nil
	}
	if live {
		select {
		case s.flight <- struct{}{}:
		default:
			return now.keys, nil
		}
	} else {
		select {
		case s.flight <- struct{}{}:
		case <-ctx.Done():
			return cloudapi.Credentials{}, context.Cause(ctx)
		}
	}
	defer func() { <-s.flight }()
	if renewed, _ := s.present(); time.Now().Before(renewed.renew) {
		return renewed.keys, nil // by the caller that we waited for
	}
	return s.renew(ctx, now, live)
}

func (s *Session) present() (lease, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease, s.later
}

// renew gets new keys. If that fails while the old ones are still valid, it
// keeps those.
func (s *Session) renew(ctx context.Context, old lease, live bool) (cloudapi.Credentials, error) {
	limited := ctx
	if live {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	next, err := s.fetch(limited)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.lease, s.later, s.told = next, time.Time{}, false
		return next.keys, nil
	case !live:
		return cloudapi.Credentials{}, err
	}
	s.later = time.Now().Add(pause)
	if !s.told && ctx.Err() == nil && s.failed != nil {
		s.told = true
		s.failed(err, old.until)
	}
	return old.keys, nil
}
