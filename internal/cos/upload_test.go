package cos

import (
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/retry"
)

// form makes of the options for a file those for what is tested.
type form func(Options) Options

// eachForm calls f with each test twice: for a file and for a stream of its bytes.
func eachForm[T any](t *testing.T, tests []T, f func(*testing.T, form, T)) {
	for name, form := range map[string]form{"file": func(o Options) Options { return o }, "stream": streamed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range tests {
				f(t, form, tt)
			}
		})
	}
}

// streamed lets a stream of the file's bytes take its place. It may be shorter than
// announced, and has as little memory as there may be.
func streamed(o Options) Options {
	file, size := o.File, o.Size
	o.Stream = func(_ context.Context, w io.Writer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(file, 0, size), make([]byte, 600))
		return err
	}
	o.File, o.Size = nil, size+size/2+100
	return o
}

type runTest struct {
	name               string
	size, partSize     int64
	parallel, expected int
}

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []runTest{
		{"one byte", 1, 1000, 8, 1},
		{"a part to the byte", 1000, 1000, 8, 1},
		{"a part and a byte", 1001, 1000, 8, 2},
		{"one after the other", 12345, 1000, 1, 13},
		{"more in flight than parts", 12345, 1000, 64, 13},
		{"many parts", 3_000, 7, 8, 429},
	}
	eachForm(t, tests, func(t *testing.T, form form, tt runTest) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &bucket{}
			f := &file{size: tt.size}
			o := testOptions(b)
			o.File, o.Size, o.PartSize, o.Parallel = f, tt.size, tt.partSize, tt.parallel
			o = form(o)
			var progress []int64
			o.Progress = func(done int64) { progress = append(progress, done) }
			u := New(o)
			got, err := u.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := Result{CRC64: f.crc(), Size: tt.size, ETag: "whole", RequestID: "req-200", Parts: tt.expected}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Run() (-want +got):\n%s", diff)
			}
			if b.object.size != tt.size || b.object.crc != f.crc() || len(b.object.parts) != tt.expected {
				t.Errorf("the object has %d bytes, CRC %d, %d parts; want %d, %d, %d",
					b.object.size, b.object.crc, len(b.object.parts), tt.size, f.crc(), tt.expected)
			}
			if got := f.read.Load(); got != tt.size {
				t.Errorf("%d bytes were read of a file of %d", got, tt.size)
			}
			if got := progress[len(progress)-1]; got != tt.size {
				t.Errorf("the last progress = %d, want %d", got, tt.size)
			}
			if u.Pending() {
				t.Error("Pending() after success")
			}
		})
	})
}

// Over real sockets net/http reads bodies in goroutines of its own.
func TestRunOverSockets(t *testing.T) {
	t.Parallel()
	eachForm(t, []zeros{{3_000_000}}, testRunOverSockets)
}

func testRunOverSockets(t *testing.T, form form, f zeros) {
	b := &bucket{faults: map[string]fault{
		"UploadPart 1 #1": lostBefore,
		// Answered while most of the body is still to be read.
		"UploadPart 2 #1": refuse(503, "SlowDown", "slow down"),
		"UploadPart 3 #1": lostAfter,
	}}
	server := httptest.NewServer(b)
	defer server.Close()
	o := testOptions(b)
	o.File, o.Size, o.PartSize, o.Parallel = f, f.size, 500_000, 3
	o.Transport, o.Endpoint = server.Client().Transport, server.URL
	o.Policy.Base = 0 // no waits in real time
	got, err := New(form(o)).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := crc64.Checksum(make([]byte, f.size), table); got.CRC64 != want || b.object.crc != want {
		t.Errorf("CRC = %d, of the object %d, want %d", got.CRC64, b.object.crc, want)
	}
}

const (
	begin = "InitiateMultipartUpload #1"
	end   = "CompleteMultipartUpload #1"
	abort = "AbortMultipartUpload #1"
)

type faultTest struct {
	name     string
	faults   map[string]fault
	journal  []string
	err      string // "" is success
	doubtful bool
	pending  bool
}

func TestFaults(t *testing.T) {
	t.Parallel()
	// parts are the five part calls, of which the second is made n times.
	parts := func(n int) []string {
		calls := []string{begin, "UploadPart 1 #1"}
		for i := range n {
			calls = append(calls, fmt.Sprintf("UploadPart 2 #%d", i+1))
		}
		return append(calls, "UploadPart 3 #1", "UploadPart 4 #1", "UploadPart 5 #1")
	}
	with := func(calls []string, more ...string) []string { return append(slices.Clip(calls), more...) }
	complete := func(n int) string { return fmt.Sprintf("CompleteMultipartUpload #%d", n) }
	head := func(n int) string { return fmt.Sprintf("HeadObject #%d", n) }
	inOK := func(code string) fault { return raw(200, "  \n <Error><Code>"+code+"</Code></Error>") }
	crc := fmt.Sprint((&file{size: 4321}).crc())
	const noSuch = "CompleteMultipartUpload: NoSuchUpload: The specified upload does not exist (HTTP 404, RequestId req-404)"

	tests := []faultTest{
		// Starting.
		{
			"start lost",
			map[string]fault{begin: lostAfter},
			with([]string{begin, "InitiateMultipartUpload #2"}, with(parts(1)[1:], end)...), "", false, true,
		},
		{
			"start refused",
			map[string]fault{begin: refuse(403, "AccessDenied", "Access Denied.")},
			[]string{begin},
			"InitiateMultipartUpload: AccessDenied: Access Denied. (HTTP 403, RequestId req-403)", false, false,
		},
		{
			"start answered by a stranger",
			map[string]fault{begin: raw(200, "<html>Log in to the guest network</html>")},
			with([]string{begin, "InitiateMultipartUpload #2"}, with(parts(1)[1:], end)...), "", false, true,
		},
		{
			"start answered by nothing",
			map[string]fault{begin: raw(200, "")},
			with([]string{begin, "InitiateMultipartUpload #2"}, with(parts(1)[1:], end)...), "", false, true,
		},

		// A part.
		{"part lost on the way", map[string]fault{"UploadPart 2 #1": lostBefore}, with(parts(2), end), "", false, false},
		{"part's answer lost", map[string]fault{"UploadPart 2 #1": lostAfter}, with(parts(2), end), "", false, false},
		{"500", map[string]fault{"UploadPart 2 #1": refuse(500, "InternalError", "x")}, with(parts(2), end), "", false, false},
		{"503 without a body", map[string]fault{"UploadPart 2 #1": raw(503, "")}, with(parts(2), end), "", false, false},
		{"429", map[string]fault{"UploadPart 2 #1": raw(429, "")}, with(parts(2), end), "", false, false},
		{"SlowDown", map[string]fault{"UploadPart 2 #1": refuse(503, "SlowDown", "x")}, with(parts(2), end), "", false, false},
		{"RequestTimeout", map[string]fault{"UploadPart 2 #1": refuse(400, "RequestTimeout", "x")}, with(parts(2), end), "", false, false},
		{"UserNetworkTooSlow", map[string]fault{"UploadPart 2 #1": refuse(400, "UserNetworkTooSlow", "x")}, with(parts(2), end), "", false, false},
		{"IncompleteBody", map[string]fault{"UploadPart 2 #1": refuse(400, "IncompleteBody", "x")}, with(parts(2), end), "", false, false},
		{"BadDigest", map[string]fault{"UploadPart 2 #1": refuse(400, "BadDigest", "x")}, with(parts(2), end), "", false, false},
		{"other bytes arrived", map[string]fault{"UploadPart 2 #1": edit("X-Cos-Hash-Crc64ecma", "1")}, with(parts(2), end), "", false, false},
		{"no checksum", map[string]fault{"UploadPart 2 #1": edit("X-Cos-Hash-Crc64ecma", "")}, with(parts(2), end), "", false, false},
		{"no ETag", map[string]fault{"UploadPart 2 #1": edit("ETag", "")}, with(parts(2), end), "", false, false},
		{"huge ETag", map[string]fault{"UploadPart 2 #1": edit("ETag", strings.Repeat("x", 10_000))}, with(parts(2), end), "", false, false},
		{"answered before it was sent", map[string]fault{"UploadPart 2 #1": raw(200, "")}, with(parts(2), end), "", false, false},
		{"always busy", map[string]fault{
			"UploadPart 2 #1": lostBefore, "UploadPart 2 #2": lostBefore, "UploadPart 2 #3": lostBefore,
			"UploadPart 2 #4": refuse(503, "SlowDown", "Please reduce your request rate."),
		}, parts(4)[:6], "upload part 2: SlowDown: Please reduce your request rate. (HTTP 503, RequestId req-503)", false, true},
		{"never a network", map[string]fault{
			"UploadPart 2 #1": lostBefore, "UploadPart 2 #2": lostBefore, "UploadPart 2 #3": lostBefore, "UploadPart 2 #4": lostBefore,
		}, parts(4)[:6], "upload part 2: connection reset by peer", false, true},
		{
			"part refused",
			map[string]fault{"UploadPart 2 #1": refuse(403, "SignatureDoesNotMatch", "x")},
			parts(1)[:3], "upload part 2: SignatureDoesNotMatch: x (HTTP 403, RequestId req-403)", false, true,
		},
		{
			"upload gone",
			map[string]fault{"UploadPart 2 #1": refuse(404, "NoSuchUpload", "x")},
			parts(1)[:3], "upload part 2: NoSuchUpload: x (HTTP 404, RequestId req-404)", false, true,
		},
		{
			"a proxy's 403",
			map[string]fault{"UploadPart 2 #1": raw(403, "<html>blocked</html>")},
			parts(1)[:3], "upload part 2: refused without an error code (HTTP 403, RequestId req-403)", false, true,
		},

		// The completion, where we may look at the object.
		{
			"completion lost on the way",
			map[string]fault{end: lostBefore},
			with(parts(1), end, head(1), complete(2)), "", false, false,
		},
		{
			"completion's answer lost",
			map[string]fault{end: lostAfter},
			with(parts(1), end, head(1)), "", false, true, // the object may be an earlier attempt's
		},
		{
			"completion's answer is a 502",
			map[string]fault{end: raw(502, "bad gateway")},
			with(parts(1), end, head(1), complete(2)), "", false, false,
		},
		{
			"passing error in a 200",
			map[string]fault{end: inOK("InternalError")},
			with(parts(1), end, head(1), complete(2)), "", false, false,
		},
		{
			"lasting error in a 200",
			map[string]fault{end: inOK("InvalidPart")},
			with(parts(1), end, head(1)), "CompleteMultipartUpload: InvalidPart (HTTP 200, RequestId req-200)", false, true,
		},
		{
			"200 and only blanks",
			map[string]fault{end: raw(200, " \n \n")},
			with(parts(1), end, head(1), complete(2)), "", false, false,
		},
		{
			"upload gone before",
			map[string]fault{end: refuse(404, "NoSuchUpload", "The specified upload does not exist")},
			with(parts(1), end, head(1)), noSuch, false, true,
		},
		{
			"completion refused",
			map[string]fault{end: refuse(400, "InvalidPartOrder", "x")},
			with(parts(1), end), "CompleteMultipartUpload: InvalidPartOrder: x (HTTP 400, RequestId req-400)", false, true,
		},
		{
			"other checksum of the whole",
			map[string]fault{end: edit("X-Cos-Hash-Crc64ecma", "7")},
			with(parts(1), end), "CompleteMultipartUpload: COS received other bytes than were sent: the object's CRC-64 is 7, that of the file is " + crc + " (HTTP 200, RequestId req-200)", false, true,
		},
		{
			"no checksum of the whole",
			map[string]fault{end: edit("X-Cos-Hash-Crc64ecma", "")},
			with(parts(1), end, head(1)), "", false, false,
		},
		{
			"no checksum of the whole, other object",
			map[string]fault{end: edit("X-Cos-Hash-Crc64ecma", ""), "HeadObject #1": edit("Content-Length", "5")},
			with(parts(1), end, head(1)), "CompleteMultipartUpload: COS received other bytes than were sent", false, true,
		},
		{"answer lost, other object", map[string]fault{end: lostBefore, "HeadObject #1": func(*http.Request, func() *http.Response) (*http.Response, error) {
			resp := response(200, "")
			resp.Header.Set("Content-Length", "4321")
			resp.Header.Set("X-Cos-Hash-Crc64ecma", "8")
			return resp, nil
		}}, with(parts(1), end, head(1), complete(2)), "", false, false},
		{
			"answer lost, look lost",
			map[string]fault{end: lostAfter, "HeadObject #1": lostBefore},
			with(parts(1), end, head(1), head(2)), "", false, true,
		},

		// The completion, where we may not look at the object.
		{
			"answer lost, look refused",
			map[string]fault{end: lostAfter, "HeadObject #1": raw(403, ""), "HeadObject #2": raw(403, "")},
			with(parts(1), end, head(1), complete(2), head(2)), "", true, true,
		},
		{
			"lost on the way, look refused",
			map[string]fault{end: lostBefore, "HeadObject #1": raw(403, "")},
			with(parts(1), end, head(1), complete(2)), "", false, false,
		},
		{
			"gone without a doubt, look refused",
			map[string]fault{end: refuse(404, "NoSuchUpload", "The specified upload does not exist"), "HeadObject #1": raw(403, "")},
			with(parts(1), end, head(1)), noSuch, false, true,
		},
		{
			"no checksum of the whole, look refused",
			map[string]fault{end: edit("X-Cos-Hash-Crc64ecma", ""), "HeadObject #1": raw(403, "")},
			with(parts(1), end, head(1)), "", true, true,
		},
	}
	eachForm(t, tests, func(t *testing.T, form form, tt faultTest) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{faults: tt.faults}
				o := testOptions(b)
				size := o.Size
				o = form(o)
				o.Progress = func(done int64) {
					if done < 0 || done > o.Size {
						t.Errorf("progress %d of %d", done, o.Size)
					}
				}
				u := New(o)
				got, err := u.Run(t.Context())
				if text := fmt.Sprint(err); err != nil && text != tt.err || err == nil && tt.err != "" {
					t.Errorf("Run() error:\n got %v\nwant %s", err, tt.err)
				}
				if err == nil && (b.object == nil || b.object.crc != got.CRC64 || u.done.Load() != size) {
					t.Errorf("object = %+v after %+v and %d bytes", b.object, got, u.done.Load())
				}
				if got.Doubtful != tt.doubtful {
					t.Errorf("Doubtful = %v, want %v", got.Doubtful, tt.doubtful)
				}
				wantJournal(t, b, tt.journal...)
				if got := u.Pending(); got != tt.pending {
					t.Errorf("Pending() = %v, want %v", got, tt.pending)
				}
			})
		})
	})
}

func TestRetriedPartIsReadAgainAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{faults: map[string]fault{"UploadPart 3 #1": lostAfter, "UploadPart 3 #2": refuse(503, "SlowDown", "x")}}
		f := &file{size: 4321}
		o := testOptions(b)
		o.File, o.Parallel = f, 8
		var lines []string
		o.Retrying = func(what string, attempt int, wait time.Duration, err error) {
			lines = append(lines, fmt.Sprintf("%s, %d, %v: %v", what, attempt, wait, err))
		}
		began := time.Now()
		if _, err := New(o).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The second try was refused before its body was read.
		if diff := cmp.Diff(map[int64]int{0: 1, 1: 1, 2: 2, 3: 1, 4: 1}, f.reads); diff != "" {
			t.Errorf("reads of each part (-want +got):\n%s", diff)
		}
		want := []string{
			"part 3, 1, 500ms: upload part 3: connection reset by peer",
			"part 3, 2, 1s: upload part 3: SlowDown: x (HTTP 503, RequestId req-503)",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("told of retries (-want +got):\n%s", diff)
		}
		if got, want := time.Since(began), 1500*time.Millisecond; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"20": 20 * time.Second, "-5": 500 * time.Millisecond, "soon": 500 * time.Millisecond, "999999999": 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			o := testOptions(&bucket{faults: map[string]fault{"UploadPart 2 #1": func(*http.Request, func() *http.Response) (*http.Response, error) {
				resp := cosError(503, "SlowDown", "x")
				resp.Header.Set("Retry-After", value)
				return resp, nil
			}}})
			began := time.Now()
			if _, err := New(o).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got != want {
				t.Errorf("Retry-After: %s made it wait %v, want %v", value, got, want)
			}
		})
	}
}

// The first part to fail ends the others, and is the one that is told.
func TestFirstFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{faults: map[string]fault{
			"UploadPart 1 #1": hang, "UploadPart 2 #1": hang, "UploadPart 4 #1": hang, "UploadPart 5 #1": hang,
			"UploadPart 3 #1": func(*http.Request, func() *http.Response) (*http.Response, error) {
				time.Sleep(time.Second) // until all parts are in flight
				return cosError(403, "AccessDenied", "Access Denied."), nil
			},
		}}
		o := testOptions(b)
		o.Parallel = 5
		var called []string
		o.Called = func(c Call) { called = append(called, fmt.Sprintf("%s: %v", c.Action, c.Err)) }
		u := New(o)
		_, err := u.Run(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Part != 3 || e.Code != "AccessDenied" {
			t.Fatalf("Run() = %v, want part 3's AccessDenied", err)
		}
		want := &Error{Op: "UploadPart", Part: 3, Code: "AccessDenied", Message: "Access Denied.", RequestID: "req-403", TraceID: "trace-body", HTTPStatus: 403}
		if diff := cmp.Diff(want, e, cmp.AllowUnexported(Error{})); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
		slices.Sort(called)
		const stopped = ": stopped: upload part 3: AccessDenied: Access Denied. (HTTP 403, RequestId req-403)"
		if diff := cmp.Diff([]string{
			"InitiateMultipartUpload: <nil>",
			"UploadPart 1" + stopped, "UploadPart 2" + stopped,
			"UploadPart 3: upload part 3: AccessDenied: Access Denied. (HTTP 403, RequestId req-403)",
			"UploadPart 4" + stopped, "UploadPart 5" + stopped,
		}, called); diff != "" {
			t.Errorf("told of calls (-want +got):\n%s", diff)
		}
	})
}

// Parts that are stopped because another one failed are not tried again, nor
// with other keys, whatever the other one's failure would ask for.
func TestStoppedPartsStayStopped(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		retries []string
		calls   int // the beginning, four stopped parts, and the tries of part 3
	}{
		"SlowDown":     {[]string{"part 3", "part 3", "part 3"}, 1 + 4 + 4},
		"ExpiredToken": {nil, 1 + 4 + 2},
	} {
		for range 20 { // a select between ready channels is random
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{before: func(call string, req *http.Request) (*http.Response, error) {
					switch {
					case call == begin:
						return nil, nil
					case strings.HasPrefix(call, "UploadPart 3"):
						time.Sleep(time.Second)
						return cosError(400, code, "x"), nil
					}
					return hang(req, nil)
				}}
				o := testOptions(b)
				o.Parallel = 5
				calls := 0
				o.Called = func(Call) { calls++ }
				var retries []string
				o.Retrying = func(what string, _ int, _ time.Duration, _ error) { retries = append(retries, what) }
				if _, err := New(o).Run(t.Context()); err == nil {
					t.Error("Run() succeeded")
				}
				if !slices.Equal(retries, want.retries) || calls != want.calls {
					t.Errorf("%s: %q were tried again, in %d calls; want %q, %d", code, retries, calls, want.retries, want.calls)
				}
			})
		}
	}
}

var errCancelled = errors.New("interrupted")

// A cancel ends Run at once, whatever it is doing; what is in COS then is
// Abort's to remove, with a context of its own.
func TestCancel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		during  string
		f       fault
		pending bool
		abort   error
	}{
		{begin, hang, true, ErrIDLost},
		{"UploadPart 1 #1", hang, true, nil},
		{"UploadPart 5 #1", hang, true, nil},
		{"UploadPart 3 #1", refuse(503, "SlowDown", "x"), true, nil}, // then waiting
		{end, hang, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.during, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{faults: map[string]fault{tt.during: tt.f}}
				o := testOptions(b)
				o.Policy.Base, o.Policy.Cap = time.Hour, time.Hour
				ctx, cancel := context.WithCancelCause(t.Context())
				u := New(o)
				began := time.Now()
				go func() {
					synctest.Wait()
					cancel(errCancelled)
				}()
				_, err := u.Run(ctx)
				if !errors.Is(err, errCancelled) || time.Since(began) != 0 {
					t.Errorf("Run() = %v after %v, want %v at once", err, time.Since(began), errCancelled)
				}
				if got := u.Pending(); got != tt.pending {
					t.Errorf("Pending() = %v, want %v", got, tt.pending)
				}
				if err := u.Abort(t.Context()); !errors.Is(err, tt.abort) {
					t.Errorf("Abort() = %v, want %v", err, tt.abort)
				}
				if got := b.left(); got != 0 {
					t.Errorf("%d uploads are left in COS", got)
				}
				if u.Pending() {
					t.Error("Pending() after Abort")
				}
			})
		})
	}
}

// The deadline of the whole run is a cancel like any other.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(&bucket{faults: map[string]fault{"UploadPart 1 #1": hang}})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errCancelled)
		defer cancel()
		if _, err := New(o).Run(ctx); !errors.Is(err, errCancelled) {
			t.Errorf("Run() = %v, want %v", err, errCancelled)
		}
	})
}

func TestAbort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		faults  map[string]fault
		journal []string
		err     string
		pending bool
	}{
		{"at once", nil, []string{abort}, "", false},
		{"gone already", map[string]fault{abort: refuse(404, "NoSuchUpload", "x")}, []string{abort}, "", false},
		{"busy", map[string]fault{abort: raw(503, "")}, []string{abort, "AbortMultipartUpload #2"}, "", false},
		{
			"refused",
			map[string]fault{abort: refuse(403, "AccessDenied", "x")},
			[]string{abort},
			"abort upload upload+1 of 1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip: AbortMultipartUpload: AccessDenied: x (HTTP 403, RequestId req-403)", true,
		},
		{
			"too late",
			map[string]fault{abort: raw(503, ""), "AbortMultipartUpload #2": hang},
			[]string{abort, "AbortMultipartUpload #2"},
			"abort upload upload+1 of 1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip: stopped: context deadline exceeded", true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				faults := map[string]fault{"UploadPart 1 #1": refuse(403, "AccessDenied", "x")}
				for call, f := range tt.faults {
					faults[call] = f
				}
				b := &bucket{faults: faults}
				u := New(testOptions(b))
				if _, err := u.Run(t.Context()); err == nil {
					t.Fatal("Run() succeeded")
				}
				b.journal = nil
				ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
				defer cancel()
				err := u.Abort(ctx)
				if text := fmt.Sprint(err); err != nil && text != tt.err || err == nil && tt.err != "" {
					t.Errorf("Abort() error:\n got %v\nwant %s", err, tt.err)
				}
				if got := u.Pending(); got != tt.pending {
					t.Errorf("Pending() = %v, want %v", got, tt.pending)
				}
				wantJournal(t, b, tt.journal...)
			})
		})
	}
}

func TestAbortWithoutAnUpload(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	o := testOptions(b)
	u := New(o)
	if u.Pending() {
		t.Error("Pending() before Run")
	}
	if err := u.Abort(t.Context()); err != nil {
		t.Errorf("Abort() before Run = %v", err)
	}
	if _, err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.journal = nil
	if err := u.Abort(t.Context()); err != nil {
		t.Errorf("Abort() after success = %v", err)
	}
	wantJournal(t, b)
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	disk := errors.New("input/output error")
	tests := []struct {
		name   string
		file   *file
		err    error
		text   string
		absent string // a call that must not be made
	}{
		{"shrunk", &file{size: 2500}, ErrFileChanged, "upload part 3: the file changed while it was being uploaded", "UploadPart 3 #2"},
		{"shrunk to a part's end", &file{size: 4000}, ErrFileChanged, "upload part 5: the file changed while it was being uploaded", "UploadPart 5 #2"},
		{"grown", &file{size: 4322}, ErrFileChanged, "CompleteMultipartUpload: the file changed while it was being uploaded", end},
		{"unreadable", &file{size: 4321, fail: func(offset int64) error {
			if offset >= 1000 {
				return disk
			}
			return nil
		}}, disk, "upload part 2: read the file: input/output error", "UploadPart 2 #2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{before: func(_ string, req *http.Request) (*http.Response, error) {
					// As net/http does when a body is shorter than it should be.
					if req.Body != nil && req.URL.Query().Has("partNumber") {
						body, err := io.ReadAll(req.Body)
						if err == nil && int64(len(body)) != req.ContentLength {
							err = io.ErrUnexpectedEOF
						}
						if err != nil {
							return nil, err
						}
						req.Body = io.NopCloser(strings.NewReader(string(body)))
					}
					return nil, nil
				}}
				o := testOptions(b)
				o.File = tt.file
				_, err := New(o).Run(t.Context())
				if !errors.Is(err, tt.err) || fmt.Sprint(err) != tt.text {
					t.Errorf("Run() = %v, want %s", err, tt.text)
				}
				if slices.Contains(b.journal, tt.absent) {
					t.Errorf("%s was called", tt.absent)
				}
			})
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*Options)
		want string
	}{
		{"empty", func(o *Options) { o.Size = 0 }, "upload 0 bytes: there is nothing to upload"},
		{"too many parts", func(o *Options) { o.Size, o.PartSize = 10_001, 1 }, "upload 10001 bytes in parts of 1: COS takes at most 10000 parts of at most 5368709120 bytes"},
		{"too large", func(o *Options) { o.Size, o.PartSize = 50_000<<30+1, 0 }, "upload 53687091200001 bytes in parts of 5369757696: COS takes at most 10000 parts of at most 5368709120 bytes"},
		{"no URL", func(o *Options) { o.Endpoint = "cos.example.com" }, `the COS endpoint "cos.example.com" is not the base URL of a bucket, such as https://<bucket>.cos.<region>.myqcloud.com`},
		{"a path", func(o *Options) { o.Endpoint = "https://cos.example.com/bucket" }, `the COS endpoint "https://cos.example.com/bucket" is not the base URL of a bucket, such as https://<bucket>.cos.<region>.myqcloud.com`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &bucket{}
			o := testOptions(b)
			tt.edit(&o)
			if _, err := New(o).Run(t.Context()); err == nil || err.Error() != tt.want {
				t.Errorf("Run() = %v, want %s", err, tt.want)
			}
			wantJournal(t, b)
		})
	}
}

func TestPartSize(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	tests := []struct {
		size, want int64
		parts      int64
	}{
		{1, 8 * mib, 1},
		{64 * mib, 8 * mib, 8},
		{gib, 8 * mib, 128},
		{3 * gib / 2, 12 * mib, 128},
		{8 * gib, 16 * mib, 512},
		{100 * gib, 16 * mib, 6400},
		{10_000 * 16 * mib, 16 * mib, 10_000},
		{10_000*16*mib + 1, 17 * mib, 9412},
		{50_000 * gib, 5 * gib, 10_000},
	}
	for _, tt := range tests {
		got := partSize(tt.size)
		if parts := (tt.size + got - 1) / got; got != tt.want || parts != tt.parts {
			t.Errorf("partSize(%d) = %d, %d parts; want %d, %d", tt.size, got, parts, tt.want, tt.parts)
		}
	}
}

// zeros is a file that costs nothing to read.
type zeros struct{ size int64 }

func (z zeros) ReadAt(p []byte, offset int64) (int, error) {
	n := int(min(int64(len(p)), max(0, z.size-offset)))
	clear(p[:n])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// What is allocated, over a whole upload, does not depend on the file's size:
// no part is ever held.
func TestMemoryIsFlat(t *testing.T) {
	run := func(size int64) uint64 {
		o := testOptions(&bucket{})
		o.File, o.Size, o.PartSize = zeros{size}, size, size/4
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := New(o).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := run(1*mib), run(16*mib)
	if large > small+mib/2 {
		t.Errorf("an upload of 16 MiB allocated %d bytes, one of 1 MiB %d", large, small)
	}
}

// The SDK's own retry would be seen here as a request that is no attempt of
// ours.
func TestSDKLeavesRetryToUs(t *testing.T) {
	t.Parallel()
	for _, call := range []string{begin, "UploadPart 1 #1", end, abort} {
		b := &bucket{faults: map[string]fault{call: raw(500, "")}}
		if call == abort {
			b.faults["UploadPart 2 #1"] = refuse(403, "AccessDenied", "x")
		}
		o := testOptions(b)
		var attempts []int
		name, _, _ := strings.Cut(call, " #")
		o.Called = func(c Call) {
			if c.Action == name {
				attempts = append(attempts, c.Attempt)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			u := New(o)
			u.Run(t.Context())
			u.Abort(t.Context())
		})
		if got := b.calls[name]; got != 2 || !slices.Equal(attempts, []int{1, 2}) {
			t.Errorf("%s was requested %d times in attempts %v, want 2 in [1 2]", name, got, attempts)
		}
	}
}

// The caller's functions are never called two at a time; the race detector
// watches the rest.
func TestCallbacksOneAtATime(t *testing.T) {
	t.Parallel()
	var inside sync.Mutex
	enter := func() {
		if !inside.TryLock() {
			t.Error("two at a time")
			return
		}
		runtime.Gosched()
		inside.Unlock()
	}
	b := &bucket{before: func(call string, _ *http.Request) (*http.Response, error) {
		if strings.HasPrefix(call, "UploadPart") && strings.HasSuffix(call, "#1") {
			return cosError(503, "SlowDown", "x"), nil
		}
		return nil, nil
	}}
	o := testOptions(b)
	o.File, o.Size, o.PartSize, o.Parallel = zeros{100_000}, 100_000, 1000, 16
	o.Policy = retry.Policy{Attempts: 2}
	o.Progress = func(int64) { enter() }
	o.Called = func(Call) { enter() }
	o.Retrying = func(string, int, time.Duration, error) { enter() }
	if _, err := New(o).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkUpload(b *testing.B) {
	const size = 256 * mib
	for _, parallel := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d in flight", parallel), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				// The sink computes its CRC on the same cores.
				o := testOptions(&bucket{})
				o.File, o.Size, o.PartSize, o.Parallel = zeros{size}, size, 0, parallel
				if _, err := New(o).Run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
