package cos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/secret"
)

// Keys are temporary keys for one object, as CAR hands them out.
type Keys struct {
	SecretID, SecretKey, Token secret.String

	Bucket string // with the APPID: "application-1300543887"
	Region string // "ap-guangzhou"
	Path   string // of the object, with or without a leading slash

	Start, Expires time.Time
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*-[0-9]+$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// maxKey is the longest name of an object, in bytes
// (cloud.tencent.com/document/product/436/13324).
const maxKey = 850

// Validate refuses keys that would send the file, or the keys themselves, to
// anything but one object in one bucket. What it checks becomes part of a
// host name and of a path.
func (k Keys) Validate() error {
	if !bucketName.MatchString(k.Bucket) {
		return fmt.Errorf("CAR answered with a bucket name that is not one: %q", cut(k.Bucket, 80))
	}
	if !regionName.MatchString(k.Region) {
		return fmt.Errorf("CAR answered with a bucket region that is not one: %q", cut(k.Region, 80))
	}
	if !validPath(k.Path) {
		return fmt.Errorf("CAR answered with an object path that is not one: %q", cut(k.Path, 80))
	}
	if !k.Start.Before(k.Expires) {
		return fmt.Errorf("CAR answered with keys that are valid from %s until %s", stamp(k.Start), stamp(k.Expires))
	}
	if k.SecretID.IsZero() || k.SecretKey.IsZero() {
		return errors.New("CAR answered without keys for the upload")
	}
	for _, s := range []secret.String{k.SecretID, k.SecretKey, k.Token} {
		if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("CAR answered with keys that hold characters which no key has")
		}
	}
	return nil
}

// validPath refuses, besides what COS refuses, the segments that a URL
// library resolves ("." and "..", and "//", which begins a host name).
func validPath(path string) bool {
	key := strings.TrimPrefix(path, "/")
	if key == "" || len(key) > maxKey || !utf8.ValidString(key) || strings.Contains(key, `\`) || strings.ContainsFunc(key, unicode.IsControl) {
		return false
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// object is the name of the object in its bucket.
func (k Keys) object() string { return strings.TrimPrefix(k.Path, "/") }

// Final marks an error of Options.Renew after which the upload must not go
// on, although the old keys may still be good for a while.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &final{err}
}

type final struct{ err error }

func (f *final) Error() string { return f.err.Error() }
func (f *final) Unwrap() error { return f.err }

func isFinal(err error) bool {
	var f *final
	return errors.As(err, &f)
}

// keyring holds the keys in force and renews them: once for all the parts in
// flight, ahead of time where it can.
//
// Only COS decides that keys have expired; the clock of this machine, which
// may be wrong, merely says when to ask for new ones.
type keyring struct {
	fetch func(context.Context) (Keys, error)
	late  func(attempt int, err error) time.Duration // told of a renewal that failed ahead of time; says when to try again

	turn chan struct{} // held by the one who renews

	mu     sync.Mutex
	keys   *Keys // nil until the first ones have come
	due    time.Time
	failed int // renewals ahead of time that failed in a row
}

func newKeyring(fetch func(context.Context) (Keys, error), late func(int, error) time.Duration) *keyring {
	return &keyring{fetch: fetch, late: late, turn: make(chan struct{}, 1)}
}

// held returns the keys in force, and whether it is time to renew them.
func (r *keyring) held() (keys *Keys, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, !time.Now().Before(r.due)
}

// current returns keys that are good now as far as we know. Near the end of
// their life one caller renews them while the others go on with the old ones;
// a renewal that fails then is tried again later, and no harm done.
func (r *keyring) current(ctx context.Context) (*Keys, error) {
	keys, due := r.held()
	if keys == nil {
		return r.replace(ctx, nil)
	}
	if !due {
		return keys, nil
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	default:
		return keys, nil
	}
	if keys, due = r.held(); !due {
		return keys, nil
	}
	fresh, err := r.renew(ctx)
	if err == nil {
		return fresh, nil
	}
	if isFinal(err) || ctx.Err() != nil {
		return nil, err
	}
	r.failed++
	wait := r.late(r.failed, err)
	r.mu.Lock()
	r.due = time.Now().Add(wait)
	r.mu.Unlock()
	return keys, nil
}

// replace returns other keys than those which COS has refused. Many parts
// are refused at once: the first one renews, the others wait for it.
func (r *keyring) replace(ctx context.Context, refused *Keys) (*Keys, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if keys, _ := r.held(); keys != refused {
		return keys, nil
	}
	return r.renew(ctx)
}

// renew is called by the holder of the turn.
func (r *keyring) renew(ctx context.Context) (*Keys, error) {
	fresh, err := r.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("get keys for the upload: %w", err)
	}
	if err := fresh.Validate(); err != nil {
		return nil, Final(err)
	}
	old, _ := r.held()
	if old != nil && (fresh.Bucket != old.Bucket || fresh.Region != old.Region || fresh.object() != old.object()) {
		return nil, Final(fmt.Errorf("CAR now points at another object: %q in %s (%s); the upload began at %q in %s (%s)",
			cut(fresh.object(), 80), cut(fresh.Bucket, 80), cut(fresh.Region, 80), cut(old.object(), 80), cut(old.Bucket, 80), cut(old.Region, 80)))
	}
	// A tenth of the life is left for trying, at most ten minutes. Not before
	// the same time has passed from now on: the keys may come out of a cache
	// of the service, or this machine's clock may be fast.
	margin := min(fresh.Expires.Sub(fresh.Start)/10, 10*time.Minute)
	due := fresh.Expires.Add(-margin)
	if soonest := time.Now().Add(margin); due.Before(soonest) {
		due = soonest
	}
	r.mu.Lock()
	r.keys, r.due, r.failed = &fresh, due, 0
	r.mu.Unlock()
	return &fresh, nil
}
