package cos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
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

	Bucket string // name and APPID: "application-1300543887"
	Region string // "ap-guangzhou"
	Path   string // of the object; the leading slash is optional

	Start, Expires time.Time // by the clock of the service
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*-[0-9]+$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// maxPath is the length of the longest object name, in bytes
// (cloud.tencent.com/document/product/436/13324).
const maxPath = 850

// shown is a text of the service in an error: whole, so that a secret in it is found and
// hidden, or not at all.
func shown(text string) string {
	const most = 80
	if n := utf8.RuneCountInString(text); n > most {
		return fmt.Sprintf("%d characters", n)
	}
	return strconv.Quote(text)
}

// Validate returns an error unless the keys are for one object in one bucket.
// Bucket, Region and Path become part of a URL, so they must not lead to another
// host or object.
func (k Keys) Validate() error {
	if !bucketName.MatchString(k.Bucket) {
		return fmt.Errorf("CAR answered with a malformed bucket name: %s", shown(k.Bucket))
	}
	if !regionName.MatchString(k.Region) {
		return fmt.Errorf("CAR answered with a malformed bucket region: %s", shown(k.Region))
	}
	if !validPath(k.Path) {
		return fmt.Errorf("CAR answered with a malformed object path: %s", shown(k.Path))
	}
	if !k.Start.Before(k.Expires) {
		return fmt.Errorf("CAR answered with keys that are valid from %s until %s", timestamp(k.Start), timestamp(k.Expires))
	}
	if k.SecretID.IsZero() || k.SecretKey.IsZero() {
		return errors.New("CAR answered without keys for the upload")
	}
	for _, s := range []secret.String{k.SecretID, k.SecretKey, k.Token} {
		if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("CAR answered with keys that contain characters no key has")
		}
	}
	return nil
}

// validPath reports whether COS accepts the object name and no URL library
// changes it: "." and ".." would be resolved, and "//" begins a host name.
func validPath(path string) bool {
	key := strings.TrimPrefix(path, "/")
	if key == "" || len(key) > maxPath || !utf8.ValidString(key) || strings.Contains(key, `\`) || strings.ContainsFunc(key, unicode.IsControl) {
		return false
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// object is the name of the object in its bucket.
func (k Keys) object() string { return strings.TrimPrefix(k.Path, "/") }

// Final marks an error of Options.Renew that ends the upload, although the old
// keys may still be valid.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ error }

func (f *finalError) Unwrap() error { return f.error }

func isFinal(err error) bool { return errors.As(err, new(*finalError)) }

// keyring holds the keys in force and renews them, early if possible, and once
// for all the parts in flight.
//
// Only COS decides that keys have expired. The clock of this machine, which
// may be wrong, only decides when to ask for new ones.
type keyring struct {
	fetch       func(context.Context) (Keys, error)
	renewFailed func(attempt int, err error) time.Duration // reports an early renewal that failed; returns how long to wait for the next

	renewing chan struct{} // a semaphore: held by the caller who renews

	mu      sync.Mutex
	keys    *Keys // nil before the first renewal
	renewAt time.Time
	failed  int // consecutive early renewals that failed
}

func newKeyring(fetch func(context.Context) (Keys, error), renewFailed func(int, error) time.Duration) *keyring {
	return &keyring{fetch: fetch, renewFailed: renewFailed, renewing: make(chan struct{}, 1)}
}

// held returns the keys in force, and whether it is time to renew them.
func (r *keyring) held() (keys *Keys, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, !time.Now().Before(r.renewAt)
}

// current returns the keys to use now. Some time before they expire, one caller
// renews them while the others continue with the old ones. If that fails, it
// is tried again later.
func (r *keyring) current(ctx context.Context) (*Keys, error) {
	keys, due := r.held()
	if keys == nil {
		return r.replace(ctx, nil)
	}
	if !due {
		return keys, nil
	}
	select {
	case r.renewing <- struct{}{}:
		defer func() { <-r.renewing }()
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
	wait := r.renewFailed(r.failed, err)
	r.mu.Lock()
	r.renewAt = time.Now().Add(wait)
	r.mu.Unlock()
	return keys, nil
}

// replace returns newer keys than those that COS has refused. When many parts
// are refused at once, the first caller renews the keys and the others wait.
func (r *keyring) replace(ctx context.Context, refused *Keys) (*Keys, error) {
	select {
	case r.renewing <- struct{}{}:
		defer func() { <-r.renewing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if keys, _ := r.held(); keys != refused {
		return keys, nil
	}
	return r.renew(ctx)
}

// renew fetches keys. The caller holds the semaphore.
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
		return nil, Final(fmt.Errorf("CAR now names another object: %s in %s (%s); the upload began at %s in %s (%s)",
			shown(fresh.object()), fresh.Bucket, fresh.Region, shown(old.object()), old.Bucket, old.Region))
	}
	// The last tenth of the lifetime, at most ten minutes, is for attempts to
	// renew. Renewal never begins sooner than this margin from now: otherwise, if
	// the service hands out the same keys again, or this machine's clock is fast, the
	// keys would be asked for on every request.
	margin := min(fresh.Expires.Sub(fresh.Start)/10, 10*time.Minute)
	renewAt := fresh.Expires.Add(-margin)
	if earliest := time.Now().Add(margin); renewAt.Before(earliest) {
		renewAt = earliest
	}
	r.mu.Lock()
	r.keys, r.renewAt, r.failed = &fresh, renewAt, 0
	r.mu.Unlock()
	return &fresh, nil
}
