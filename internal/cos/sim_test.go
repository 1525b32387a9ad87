package cos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/crc64"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// ask makes one call to CAR and decodes what is inside "Response".
func ask(t *testing.T, over http.RoundTripper, action string, params map[string]any, into any) {
	t.Helper()
	settings := profile.NewClientProfile()
	settings.HttpProfile.Endpoint = "car.tencentcloudapi.com"
	client := common.NewCommonClient(common.NewCredential(carsim.SecretID, carsim.SecretKey), "", settings).WithHttpTransport(over)
	request := tchttp.NewCommonRequest("car", "2022-01-10", action)
	if err := request.SetActionParameters(params); err != nil {
		t.Fatal(err)
	}
	response := tchttp.NewCommonResponse()
	if err := client.Send(request, response); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(response.GetBody(), &struct{ Response any }{into}); err != nil {
		t.Fatal(err)
	}
}

// Against the simulator, which checks signatures, key lifetimes, policies,
// part sizes and ETags as COS does.
func TestRunAgainstTheSimulator(t *testing.T) {
	t.Parallel()
	const app, name = "app-desktop", "ocean.zip"
	build := make([]byte, 5<<20+123)
	rand.NewChaCha8([32]byte{1}).Read(build)
	fault := func(action string, nth int, kind carsim.FaultKind) carsim.Fault {
		return carsim.Fault{Action: "cos:" + action, Nth: nth, Kind: kind}
	}
	tests := []struct {
		name     string
		world    carsim.World
		doubtful bool
	}{
		{"default", carsim.World{}, false},
		{"path without a slash, with a folder", carsim.World{PathForm: carsim.PathFolder}, false},
		{"the key may only put", carsim.World{COSActions: carsim.COSNone}, false},
		{"the service's clock is behind", carsim.World{ClockSkew: -4 * time.Minute}, false},
		{"the service's clock is ahead", carsim.World{ClockSkew: 4 * time.Minute}, false},
		{"everything goes wrong once", carsim.World{Faults: []carsim.Fault{
			fault("InitiateMultipartUpload", 1, carsim.DropAfter),
			fault("UploadPart", 1, carsim.DropBefore),
			fault("UploadPart", 2, carsim.StatusCode),
			fault("UploadPart", 3, carsim.DropAfter),
			fault("CompleteMultipartUpload", 1, carsim.LateError),
			fault("CompleteMultipartUpload", 2, carsim.CutBody),
		}}, false},
		{"completion lost, the key may only put", carsim.World{COSActions: carsim.COSNone, Faults: []carsim.Fault{
			fault("CompleteMultipartUpload", 1, carsim.DropAfter),
		}}, true},
		{"completion not done, the key may only put", carsim.World{COSActions: carsim.COSNone, Faults: []carsim.Fault{
			fault("CompleteMultipartUpload", 1, carsim.DropBefore),
		}}, false},
		{"keys live two minutes", carsim.World{KeyLifetime: 2 * time.Minute, Faults: []carsim.Fault{
			{Action: "cos:UploadPart", Kind: carsim.Delay, Delay: 50 * time.Second},
		}}, false},
		{"keys refused", carsim.World{Faults: []carsim.Fault{
			{Action: "cos:UploadPart", Nth: 2, Kind: carsim.Refuse, Code: "ExpiredToken"},
		}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, sim := simulated(t, tt.world, app, name)
				o.File, o.Size = bytes.NewReader(build), int64(len(build))
				u := New(o)
				got, err := u.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				want := crc64.Checksum(build, table)
				if objects := sim.Objects(); len(objects) != 1 || objects[0].CRC64 != want || objects[0].Size != o.Size || got.CRC64 != want {
					t.Errorf("objects = %+v after %+v, want one of %d bytes with the CRC %d", objects, got, o.Size, want)
				}
				if got.Doubtful != tt.doubtful {
					t.Errorf("Doubtful = %v, want %v", got.Doubtful, tt.doubtful)
				}
			})
		})
	}
}

// simulated returns the options of an upload to a fresh simulator, whose
// application app has just got a version.
func simulated(t *testing.T, w carsim.World, app, name string) (Options, *carsim.Sim) {
	sim := carsim.New(w)
	over := transport.Guard(sim.Transport(), "car-publish/test")
	params := map[string]any{"ApplicationId": app, "ApplicationFileName": name}
	ask(t, over, "CreateApplicationVersion", params, &struct{}{})
	return Options{
		PartSize: 1 << 20, Parallel: 2, Transport: over,
		Policy: retry.Policy{Base: time.Second, Cap: time.Second, Attempts: 4},
		Renew: func(context.Context) (Keys, error) {
			var c struct {
				SecretID, SecretKey, SessionToken, CosBucket, CosRegion, Path string
				StartTime, ExpiredTime                                        int64
			}
			ask(t, over, "DescribeCosCredential", params, &c)
			return Keys{
				SecretID: secret.New(c.SecretID), SecretKey: secret.New(c.SecretKey), Token: secret.New(c.SessionToken),
				Bucket: c.CosBucket, Region: c.CosRegion, Path: c.Path,
				Start: time.Unix(c.StartTime, 0), Expires: time.Unix(c.ExpiredTime, 0),
			}, nil
		},
	}, sim
}

func TestAbortAgainstTheSimulator(t *testing.T) {
	t.Parallel()
	tests := []struct {
		actions carsim.COSActions
		code    string
		left    int
	}{
		{carsim.COSAll, "", 0},
		{carsim.COSNone, "AccessDenied", 1},
	}
	for _, tt := range tests {
		t.Run(string(tt.actions), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := carsim.World{COSActions: tt.actions, Faults: []carsim.Fault{{Action: "cos:UploadPart", Nth: 3, Kind: carsim.Delay, Delay: time.Hour}}}
				o, sim := simulated(t, w, "app-desktop", "ocean.zip")
				o.File, o.Size = zeros{5 << 20}, 5<<20
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				u := New(o)
				if _, err := u.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("Run() = %v, want the deadline", err)
				}
				if got := len(sim.Uploads()); got != 1 {
					t.Fatalf("%d uploads are unfinished, want 1", got)
				}
				err := u.Abort(t.Context())
				var e *Error
				if errors.As(err, &e); e == nil && tt.code != "" || e != nil && e.Code != tt.code {
					t.Errorf("Abort() = %v, want %q", err, tt.code)
				}
				if got := len(sim.Uploads()); got != tt.left {
					t.Errorf("%d uploads are left, want %d", got, tt.left)
				}
			})
		})
	}
}

// Where the bucket has no acceleration, everything goes the usual way after
// one refusal; where it merely takes no deletion, that alone does.
func TestAcceleration(t *testing.T) {
	t.Parallel()
	const fast, usual = ".cos.accelerate.myqcloud.com", ".cos.ap-guangzhou.myqcloud.com"
	tests := []struct {
		world  carsim.Acceleration
		resume bool
		told   []string // codes
		parts  string   // the domain that each part arrived at
	}{
		{carsim.AccelerationOn, false, nil, fast},
		{carsim.AccelerationPartial, false, nil, fast},
		{carsim.AccelerationPartial, true, nil, fast},
		{carsim.AccelerationOff, false, []string{"BucketAccelerateNotEnabled"}, usual},
		{carsim.AccelerationOff, true, []string{"BucketAccelerateNotEnabled"}, usual},
		{carsim.AccelerationUnsupported, false, []string{"ActionAccelerateNotSupported"}, usual},
	}
	for _, tt := range tests {
		t.Run(string(tt.world), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, sim := simulated(t, carsim.World{Acceleration: tt.world}, "app-desktop", "ocean.zip")
				o.File, o.Size, o.Accelerate, o.Resume = zeros{5 << 20}, 5<<20, true, tt.resume
				var told []string
				o.Unaccelerated = func(err error) {
					var e *Error
					errors.As(err, &e)
					told = append(told, e.Code)
				}
				over := o.Transport
				var mu sync.Mutex
				hosts := map[string]int{} // of the parts that were taken
				o.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
					resp, err := over.RoundTrip(req)
					if err == nil && resp.StatusCode == http.StatusOK && req.URL.Query().Has("partNumber") {
						mu.Lock()
						hosts[req.URL.Host]++
						mu.Unlock()
					}
					return resp, err
				})
				u := New(o)
				if _, err := u.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(sim.Objects()) != 1 {
					t.Errorf("objects = %+v, want one", sim.Objects())
				}
				if !slices.Equal(told, tt.told) {
					t.Errorf("told of %q, want %q", told, tt.told)
				}
				for host, n := range hosts {
					if !strings.HasSuffix(host, tt.parts) || n != 5 {
						t.Errorf("%d parts went to %s, want 5 to %s", n, host, tt.parts)
					}
				}
			})
		})
	}
}

// What is left of an accelerated upload is removed although that domain takes
// no deletion.
func TestAccelerationIsAborted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := carsim.World{Acceleration: carsim.AccelerationPartial, Faults: []carsim.Fault{{Action: "cos:UploadPart", Nth: 3, Kind: carsim.Refuse, Code: "AccessDenied"}}}
		o, sim := simulated(t, w, "app-desktop", "ocean.zip")
		o.File, o.Size, o.Accelerate = zeros{5 << 20}, 5<<20, true
		u := New(o)
		if _, err := u.Run(t.Context()); err == nil || len(sim.Uploads()) != 1 {
			t.Fatalf("Run() = %v, %d uploads are left; want a refusal and one", err, len(sim.Uploads()))
		}
		if err := u.Abort(t.Context()); err != nil || len(sim.Uploads()) != 0 {
			t.Errorf("Abort() = %v, %d uploads are left; want none", err, len(sim.Uploads()))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
