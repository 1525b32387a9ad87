// Package cos puts one file into one object of Tencent Cloud Object Storage.
//
// Every byte is read from the file once, checksummed once, on its way out,
// and never held in memory beyond the buffers of the connections. The file
// goes up in parts, several at a time; the CRC-64 of each part is compared
// with what COS says it has received, and the parts' CRCs are combined into
// the object's, which is compared again at the end.
//
// Even a small file goes up as a multipart upload, although one PUT would do
// in one call instead of three: CAR's builds may be larger than a PUT can
// be, so its temporary keys must allow the multipart calls, while nothing
// says that they allow PUT.
package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/retry"
)

// Options says what to upload and how. The functions that only tell are
// called from several goroutines, but never two at a time.
type Options struct {
	File io.ReaderAt
	Size int64 // of the file, in bytes; at least 1

	// Renew hands out the keys: the first ones, and others before those
	// expire or when COS says that they have. Where it fails, the upload
	// goes on with the old keys as long as COS takes them, and asks again
	// later, unless the error is marked Final.
	Renew func(context.Context) (Keys, error)

	Transport http.RoundTripper // does not retry, does not follow redirects
	Endpoint  string            // base URL of the bucket; "" takes https://<bucket>.cos.<region>.myqcloud.com

	// Accelerate makes the calls to the bucket's domain of global acceleration
	// instead. Unaccelerated is told if that takes no upload and the bucket's
	// own domain is used after all.
	Accelerate    bool
	Unaccelerated func(error)

	// Resume says that an earlier attempt may have begun, or even finished,
	// this upload: what it sent is looked for, compared with the file, and
	// not sent again. It is what another process left, so nobody else may be
	// at work on the object.
	Resume bool

	Parallel  int          // parts in flight; 0 adapts it to the line
	PartSize  int64        // bytes; 0 takes it from Size
	LimitRate int64        // bytes a second, of all parts together; 0 is no limit
	Policy    retry.Policy // for each part and each other call; the zero Policy tries 6 times in about half a minute. Notify is not used

	// Progress is told five times a second, and at the end, how many bytes
	// have been sent. It goes back when a part is sent again.
	Progress func(done int64)

	// Retrying is told before each wait what failed: "part 7", or the call.
	Retrying func(what string, attempt int, wait time.Duration, err error)

	// Called is told of each call.
	Called func(Call)
}

// Result is an upload that COS has completed.
type Result struct {
	CRC64     uint64 // of the whole file
	ETag      string // of the object; "" where Doubtful, or when a lost answer was made good by a look at the object
	RequestID string // of the call that showed the upload to be complete
	Parts     int
	Resumed   int64 // bytes that an earlier attempt had sent
	Unlisted  bool  // COS did not tell what an earlier attempt left, so that may be there still

	// Doubtful says that the object could not be checked: COS's answer to the
	// completion was lost, or came without a checksum, and COS would not let
	// us look at the object. All parts were checked, and COS knows the upload
	// no more, so that it is most likely complete.
	Doubtful bool
}

// Upload is one file on its way into one object.
type Upload struct {
	o       Options
	keys    *keyring
	usual   *sdk.Client                // to the bucket's own domain, or the Endpoint
	fast    atomic.Pointer[sdk.Client] // to the accelerated domain, as long as that is used
	object  string                     // its name in the bucket
	parts   []part
	done    atomic.Int64 // bytes of the file that COS has, or that are on their way
	sent    atomic.Int64 // bytes sent, also those that were in vain
	telling sync.Mutex

	resumed  atomic.Int64
	unlisted bool
	found    uint64   // checksum of the file, where the object was there already
	others   []string // unfinished uploads of the object that are not gone on with
	dead     string   // one that we went on with, and that COS knows no more

	id      string // of the multipart upload; "" before it began and after its end
	unnamed bool   // COS may hold another one, the answer was lost
}

// New returns an Upload that has not begun.
func New(o Options) *Upload {
	if o.PartSize == 0 {
		o.PartSize = partSize(o.Size)
	}
	if o.Policy.Attempts == 0 {
		// Up to 2, 4, 8, 16 and 30 s: long enough for a router to restart.
		o.Policy.Base, o.Policy.Cap, o.Policy.Attempts = 2*time.Second, 30*time.Second, 6
	}
	u := &Upload{o: o}
	u.keys = newKeyring(o.Renew, func(attempt int, err error) time.Duration {
		wait := time.Second + o.Policy.Wait(attempt)
		if o.Retrying != nil {
			u.tell(func() { o.Retrying("new keys for the upload", attempt, wait, err) })
		}
		return wait
	})
	return u
}

// Run uploads the file. It is called once. When it fails, or ctx ends, it
// returns at once and leaves what COS holds to Abort; the error is the first
// one that was not made good, or the cause of ctx's end.
func (u *Upload) Run(ctx context.Context) (Result, error) {
	if err := u.check(); err != nil {
		return Result{}, err
	}
	stop := u.watch()
	defer stop()
	result, err := u.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

func (u *Upload) check() error {
	if u.o.Size < 1 {
		return fmt.Errorf("upload %d bytes: there is nothing to upload", u.o.Size)
	}
	if u.o.PartSize > maxPart || (u.o.Size-1)/u.o.PartSize >= maxParts {
		return fmt.Errorf("upload %d bytes in parts of %d: COS takes at most %d parts of at most %d bytes", u.o.Size, u.o.PartSize, maxParts, int64(maxPart))
	}
	return nil
}

// watch tells of the progress until it is stopped.
func (u *Upload) watch() (stop func()) {
	if u.o.Progress == nil {
		return func() {}
	}
	tell := func() { u.tell(func() { u.o.Progress(u.done.Load()) }) }
	quit := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				tell()
			}
		}
	})
	return func() {
		close(quit)
		watcher.Wait()
		tell()
	}
}

func (u *Upload) run(ctx context.Context) (Result, error) {
	if err := u.prepare(ctx); err != nil {
		return Result{}, err
	}
	for first := true; ; first = false {
		u.parts = make([]part, u.count())
		if u.o.Resume {
			found, err := u.resume(ctx)
			if err != nil || found {
				return Result{CRC64: u.found, Parts: len(u.parts), Resumed: u.o.Size}, err
			}
		}
		resumed := u.id != ""
		if !resumed {
			if err := u.initiate(ctx); err != nil {
				return Result{}, err
			}
		}
		result, err := u.transfer(ctx)
		if e := (*Error)(nil); first && resumed && ctx.Err() == nil && errors.As(err, &e) && e.Code == "NoSuchUpload" {
			// The earlier attempt lived after all, and has ended its upload:
			// look once more what there is.
			u.id, u.dead = "", u.id
			u.resumed.Store(0)
			u.done.Store(0)
			continue
		}
		return result, err
	}
}

// transfer sends the parts and makes the object of them.
func (u *Upload) transfer(ctx context.Context) (Result, error) {
	if err := u.sendParts(ctx); err != nil {
		return Result{}, err
	}
	// A file that has grown has its first bytes in order, and is still not
	// the file that the build wrote.
	if n, _ := u.o.File.ReadAt(make([]byte, 1), u.o.Size); n > 0 {
		return Result{}, &Error{Op: completing, Err: Final(ErrFileChanged)}
	}
	result, err := u.complete(ctx)
	if err == nil {
		u.sweepOthers(ctx)
		result.Resumed, result.Unlisted = u.resumed.Load(), u.unlisted
	}
	return result, err
}

// prepare gets the first keys, which say where the object is.
func (u *Upload) prepare(ctx context.Context) error {
	keys, err := u.keys.current(ctx)
	if err != nil {
		return err
	}
	u.object = keys.object()
	endpoint := u.o.Endpoint
	if endpoint == "" {
		endpoint = "https://" + keys.Bucket + ".cos." + keys.Region + ".myqcloud.com"
	}
	if u.usual, err = newClient(endpoint, u.o.Transport); err != nil || !u.o.Accelerate {
		return err
	}
	// cloud.tencent.com/document/product/436/38866
	fast, err := newClient("https://"+keys.Bucket+".cos.accelerate.myqcloud.com", u.o.Transport)
	u.fast.Store(fast)
	return err
}

// count is how many parts the file has.
func (u *Upload) count() int { return int((u.o.Size + u.o.PartSize - 1) / u.o.PartSize) }

// initiate begins the multipart upload
// (cloud.tencent.com/document/product/436/7746).
func (u *Upload) initiate(ctx context.Context) error {
	const op = beginning
	return u.repeat(ctx, op, u.o.Policy, func(ctx context.Context, attempt int) error {
		err := u.call(ctx, op, 0, attempt, func(ctx context.Context, ex *exchange) error {
			answer, _, err := client(ctx).Object.InitiateMultipartUpload(ctx, u.object, nil)
			if err == nil && answer.UploadID == "" {
				err = errUnclear
			}
			if err == nil {
				u.id = answer.UploadID
			}
			return err
		})
		var e *Error
		if errors.As(err, &e) && e.unsure() || err != nil && ctx.Err() != nil {
			u.unnamed = true
		}
		return err
	})
}

// Pending reports whether there is something for Abort to do.
func (u *Upload) Pending() bool { return u.id != "" || u.unnamed }

// Abort removes what a Run that has returned left in COS: the parts of an
// upload that was not completed (cloud.tencent.com/document/product/436/7740),
// and one whose name was lost, where the keys may look for it. It tries for
// some seconds, as long as CIs leave after a cancel, and uses the keys there
// are: to ask for new ones would get in the way of deleting the version at the
// same time.
//
// ErrUnnamed says that all that can be removed has been.
func (u *Upload) Abort(ctx context.Context) error {
	if u.id != "" {
		if err := u.abort(ctx, u.id); err != nil {
			return err
		}
		u.id = ""
	}
	if !u.unnamed {
		return nil
	}
	u.unnamed = false
	return u.sweep(ctx)
}

func (u *Upload) abort(ctx context.Context, id string) error {
	const op = "AbortMultipartUpload"
	err := u.parting(ctx, op, func(ctx context.Context) error {
		_, err := client(ctx).Object.AbortMultipartUpload(ctx, u.object, url.QueryEscape(id))
		return err
	})
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == "NoSuchUpload" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("abort upload %s of %s: %w", line(id, 100), u.object, err)
	}
	return nil
}

// sweep aborts every upload of the object: its key is this version's alone.
func (u *Upload) sweep(ctx context.Context) error {
	var found *sdk.ListMultipartUploadsResult
	err := u.parting(ctx, "ListMultipartUploads", func(ctx context.Context) (err error) {
		found, _, err = client(ctx).Bucket.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsOptions{Prefix: u.object})
		return err
	})
	if err != nil {
		return ErrUnnamed
	}
	for _, upload := range found.Uploads {
		if upload.Key != u.object {
			continue
		}
		if err := u.abort(ctx, upload.UploadID); err != nil {
			return err
		}
	}
	return nil
}

// parting makes a call for Abort, with the keys there are.
func (u *Upload) parting(ctx context.Context, op string, f func(context.Context) error) error {
	policy := retry.Policy{Base: 250 * time.Millisecond, Cap: 2 * time.Second, Attempts: 8, Float: u.o.Policy.Float}
	return u.repeat(ctx, op, policy, func(ctx context.Context, attempt int) error {
		keys, _ := u.keys.held()
		return u.callWith(ctx, keys, op, 0, attempt, func(ctx context.Context, _ *exchange) error { return f(ctx) })
	})
}
