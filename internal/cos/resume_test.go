package cos

import (
	"bytes"
	"context"
	"errors"
	"hash/crc64"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/car-publish/car-publish/internal/carsim"
)

// What an earlier attempt left, and what becomes of it.
func TestResume(t *testing.T) {
	t.Parallel()
	build, other := make([]byte, 5<<20+123), make([]byte, 5<<20+123)
	rand.NewChaCha8([32]byte{1}).Read(build)
	rand.NewChaCha8([32]byte{2}).Read(other)
	type test struct {
		name     string
		earlier  []byte // what it sent
		partSize int64
		vanishes string // the call during which the earlier attempt, which lives, removes its upload
		resumed  int64
	}
	eachForm(t, []test{
		{"half of it", build, 1 << 20, "", 3 << 20},
		{"in larger parts", build, 2 << 20, "", 0},
		{"in parts that are much larger", build, 5 << 20, "", 0},
		{"other bytes in parts of the same size", other, 1 << 20, "", 0},
		{"removed under our hands", build, 1 << 20, http.MethodPut, 0},
		{"removed before the end", build, 1 << 20, http.MethodPost, 0},
	}, func(t *testing.T, form form, tt test) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, sim := simulated(t, carsim.World{}, "app-desktop", "ocean.zip")
				o.Size, o.Parallel = int64(len(build)), 1
				first := o
				first.File, first.PartSize = bytes.NewReader(tt.earlier), tt.partSize
				ctx, stop := context.WithCancelCause(t.Context())
				first.Called = func(c Call) {
					if c.Action == "UploadPart 3" || c.Action == "UploadPart 2" && tt.partSize == 5<<20 {
						stop(errors.New("killed"))
					}
				}
				killed := New(first)
				if _, err := killed.Run(ctx); err == nil || !killed.Pending() {
					t.Fatalf("the earlier attempt ended with %v", err)
				}

				o.File, o.Resume, o.PartSize = bytes.NewReader(build), true, 1<<20
				o = form(o)
				var once sync.Once
				honest := o.Transport
				o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
					if req.Method == tt.vanishes && req.URL.Query().Has("uploadId") {
						once.Do(func() {
							if err := killed.Abort(t.Context()); err != nil {
								t.Error(err)
							}
						})
					}
					return honest.RoundTrip(req)
				})
				got, err := New(o).Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				want := crc64.Checksum(build, table)
				if objects := sim.Objects(); len(objects) != 1 || objects[0].CRC64 != want || objects[0].Size != int64(len(build)) || got.CRC64 != want {
					t.Errorf("objects = %+v after %+v, want one of %d bytes with the CRC %d", objects, got, o.Size, want)
				}
				if got.Resumed != tt.resumed || len(sim.Uploads()) > 0 {
					t.Errorf("%d bytes were resumed, want %d; left: %+v", got.Resumed, tt.resumed, sim.Uploads())
				}
			})
		})
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
