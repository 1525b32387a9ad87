package transport_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/car-publish/car-publish/internal/transport"
)

// greedy is a body that notes the largest piece it was asked for. It ends when
// all the others have been asked, too.
type greedy struct {
	left    int
	largest int
	asked   *sync.WaitGroup
}

func (g *greedy) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	// What fits beside the header goes first.
	if len(p) > 4<<10 && g.largest == 0 {
		g.largest = len(p)
		g.asked.Done()
		g.asked.Wait()
	}
	n := min(len(p), g.left)
	g.left -= n
	return n, nil
}

// A body is read in large pieces, unless there are many: then their buffers
// would take too much memory.
//
// It does not run beside others, whose bodies would count as well.
func TestPieces(t *testing.T) {
	const length = 1 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != length || err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	rt, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ bodies, large int }{{1, 1}, {16, 16}, {40, 16}} {
		var asked, all sync.WaitGroup
		asked.Add(tt.bodies)
		sent := make([]*greedy, tt.bodies)
		for i := range sent {
			sent[i] = &greedy{left: length, asked: &asked}
			all.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, sent[i])
				if err != nil {
					t.Error(err)
					return
				}
				req.ContentLength = length
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
					t.Errorf("%s: the body did not arrive whole: %s", resp.Status, strings.TrimSpace(string(body)))
				}
			})
		}
		all.Wait()
		large := 0
		for _, g := range sent {
			switch g.largest {
			case 64 << 10:
				large++
			case 16 << 10:
			default:
				t.Errorf("a body was read in pieces of %d bytes", g.largest)
			}
		}
		if large != tt.large {
			t.Errorf("%d of %d bodies were read in large pieces, want %d", large, tt.bodies, tt.large)
		}
	}
}
