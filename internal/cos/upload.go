// Package cos uploads one file into one object of Tencent Cloud Object Storage
// (COS). Instead of a file it takes a stream that writes the object's bytes in order;
// of that it holds the parts in flight in memory.
//
// A file is uploaded in parts, several at a time. Each byte is read once, and
// its checksum is computed on the way out; nothing is held in memory beyond the
// buffers of the connections. The CRC-64 of each part is compared with the one
// that COS states, and the parts' CRCs are combined into the object's, which is
// compared at the end.
//
// Even a small file is a multipart upload, although one PUT would do in one
// call instead of three: builds may be larger than a PUT may be, so CAR's
// temporary keys must allow the multipart calls, while no page says that they
// allow PUT.
package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/retry"
)

// Options says what to upload and how. The functions that only report are
// called from several goroutines, but never two at a time.
type Options struct {
	File io.ReaderAt
	Size int64 // of the file, in bytes; at least 1

	// Stream, instead of File, writes the bytes of the object in order, and returns the
	// error of the writer as it is. It may be called several times: to compare an object
	// that an earlier attempt completed, to upload, and to upload again. It should write
	// the same bytes each time; a part that differs from what COS has is sent again.
	//
	// With Stream, Size is the most bytes that it may write, and Memory how many bytes of
	// parts are held at a time, but never less than two parts.
	Stream func(context.Context, io.Writer) error
	Memory int64

	// Renew returns the temporary keys: the first ones, and new ones before
	// those expire or after COS has refused them as expired. Where it fails, the
	// upload continues with the old keys while COS accepts them, and asks again
	// later, unless the error is marked Final.
	Renew func(context.Context) (Keys, error)

	Transport http.RoundTripper // must neither retry nor follow redirects
	Endpoint  string            // base URL of the bucket; "" means https://<bucket>.cos.<region>.myqcloud.com

	// Accelerate sends the calls to the bucket's domain for global acceleration
	// (cloud.tencent.com/document/product/436/38866). Unaccelerated is called,
	// once, if that domain refuses the upload; it then continues on the bucket's
	// own domain.
	Accelerate    bool
	Unaccelerated func(error)

	// Resume says that an earlier attempt, in a process that has ended, may have
	// begun or even finished this upload. What it sent is looked for, compared
	// with the file, and not sent again.
	Resume bool

	Parallel  int          // parts in flight; 0 adapts it to the line
	PartSize  int64        // bytes; 0 derives it from Size
	LimitRate int64        // bytes per second, of all parts together; 0 is no limit
	Policy    retry.Policy // for each part and each other call; the zero Policy makes 6 attempts in about half a minute. Its Notify is ignored

	// Progress is called five times a second, and at the end, with the bytes
	// sent so far. The number decreases when a part has to be sent again.
	Progress func(sent int64)

	// Retrying is called before each wait. It says what failed: "part 7", or
	// the name of the call.
	Retrying func(what string, attempt int, wait time.Duration, err error)

	// Called is called after each HTTP request.
	Called func(Call)
}

// Result describes a completed upload.
type Result struct {
	CRC64     uint64 // of the whole file
	Size      int64  // of the whole file, in bytes
	ETag      string // of the object; "" if Doubtful, or if the answer to the completion was lost and the object was found complete
	RequestID string // of the call that showed the upload to be complete
	Parts     int
	Resumed   int64 // bytes that an earlier attempt had sent
	Unlisted  bool  // COS did not show what an earlier attempt left, so that may still be there

	// Doubtful says that the object could not be checked: the answer to the
	// completion was lost, or came without a checksum, and the keys may not look
	// at the object. COS has confirmed every part, and no longer knows the
	// multipart upload, so the object is most likely complete.
	Doubtful bool
}

// Upload is the upload of one file into one object.
type Upload struct {
	o           Options
	keys        *keyring
	bucket      *sdk.BaseURL                // the bucket's own domain, or the Endpoint
	accelerated atomic.Pointer[sdk.BaseURL] // the accelerated domain; nil while that is not used
	object      string                      // its name in the bucket
	parts       []*part
	listed      map[int]listedPart // of the unfinished upload that a stream resumes
	done        atomic.Int64       // bytes of the file that COS has or that are in flight, for Progress
	sent        atomic.Int64       // bytes sent, including those of failed attempts
	notifying   sync.Mutex         // held while one of the caller's functions runs

	resumed    atomic.Int64
	unlisted   bool
	superseded []string // unfinished uploads of the object that were not resumed
	vanished   string   // the upload that was resumed, and that COS then did not know

	id     string // of the multipart upload; "" before it began and after its end
	idLost bool   // COS may hold another multipart upload: the answer with its id was lost
}

// New returns an Upload that has not begun.
func New(o Options) *Upload {
	if o.PartSize == 0 {
		o.PartSize = partSize(o.Size)
		if o.Stream != nil {
			o.PartSize = streamPartSize(o.Size)
		}
	}
	if o.Policy.Attempts == 0 {
		// Waits of up to 2, 4, 8, 16 and 30 s: long enough for a router to restart.
		o.Policy.Base, o.Policy.Cap, o.Policy.Attempts = 2*time.Second, 30*time.Second, 6
	}
	u := &Upload{o: o}
	u.keys = newKeyring(o.Renew, func(attempt int, err error) time.Duration {
		wait := time.Second + o.Policy.Wait(attempt)
		if o.Retrying != nil {
			u.notify(func() { o.Retrying("new keys for the upload", attempt, wait, err) })
		}
		return wait
	})
	return u
}

// Run uploads the file. It may be called once. When it fails or ctx ends, it
// returns at once, and Abort removes what COS still holds. The error is that of
// the first call that failed for good, or the cause of ctx's end.
func (u *Upload) Run(ctx context.Context) (Result, error) {
	if err := u.check(); err != nil {
		return Result{}, err
	}
	stop := u.reportProgress()
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
	if u.o.PartSize > maxPartSize || (u.o.Size-1)/u.o.PartSize >= maxParts {
		return fmt.Errorf("upload %d bytes in parts of %d: COS takes at most %d parts of at most %d bytes", u.o.Size, u.o.PartSize, maxParts, int64(maxPartSize))
	}
	return nil
}

// reportProgress calls Progress until it is stopped.
func (u *Upload) reportProgress() (stop func()) {
	if u.o.Progress == nil {
		return func() {}
	}
	report := func() { u.notify(func() { u.o.Progress(u.done.Load()) }) }
	stopTicks := every(200*time.Millisecond, report)
	return func() {
		stopTicks()
		report()
	}
}

// every calls f once in each interval until it is stopped. The stop waits for
// a call that is under way.
func every(interval time.Duration, f func()) (stop func()) {
	quit := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				f()
			}
		}
	})
	return func() {
		close(quit)
		loop.Wait()
	}
}

func (u *Upload) run(ctx context.Context) (Result, error) {
	if err := u.prepare(ctx); err != nil {
		return Result{}, err
	}
	for first := true; ; first = false {
		u.plan()
		if u.o.Resume {
			result, complete, err := u.resume(ctx)
			if err != nil || complete {
				return result, err
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
			// The earlier attempt was still alive, and has ended its upload: look
			// once more for what there is.
			u.id, u.vanished = "", u.id
			u.resumed.Store(0)
			u.done.Store(0)
			continue
		}
		return result, err
	}
}

// transfer sends the parts and completes the upload.
func (u *Upload) transfer(ctx context.Context) (Result, error) {
	if err := u.sendParts(ctx); err != nil {
		return Result{}, err
	}
	// The first bytes of a file that has grown are intact, but it is no longer
	// the file that the build wrote.
	if u.o.Stream == nil {
		if n, _ := u.o.File.ReadAt(make([]byte, 1), u.o.Size); n > 0 {
			return Result{}, &Error{Op: completeUpload, Err: Final(ErrFileChanged)}
		}
	}
	result, err := u.complete(ctx)
	if err == nil {
		u.abortSuperseded(ctx)
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
	if u.bucket, err = parseBucket(endpoint); err != nil || !u.o.Accelerate {
		return err
	}
	accelerated, err := parseBucket("https://" + keys.Bucket + ".cos.accelerate.myqcloud.com")
	u.accelerated.Store(accelerated)
	return err
}

// plan divides the file into parts. Those of a stream are noted as they come.
func (u *Upload) plan() {
	u.parts, u.listed = nil, nil
	if u.o.Stream != nil {
		return
	}
	for offset := int64(0); offset < u.o.Size; offset += u.o.PartSize {
		u.parts = append(u.parts, &part{length: min(u.o.PartSize, u.o.Size-offset)})
	}
}

// initiate begins the multipart upload
// (cloud.tencent.com/document/product/436/7746).
func (u *Upload) initiate(ctx context.Context) error {
	r := request{action: initiateUpload, send: func(ctx context.Context, client *sdk.Client, _ *exchange) error {
		answer, _, err := client.Object.InitiateMultipartUpload(ctx, u.object, nil)
		if err == nil && answer.UploadID == "" {
			err = errUnclear
		}
		if err == nil {
			u.id = answer.UploadID
		}
		return err
	}}
	return u.repeat(ctx, r.action, u.o.Policy, func(ctx context.Context, attempt int) error {
		r.attempt = attempt
		err := u.attempt(ctx, r)
		var e *Error
		if errors.As(err, &e) && e.doubtful() || err != nil && ctx.Err() != nil {
			u.idLost = true
		}
		return err
	})
}
