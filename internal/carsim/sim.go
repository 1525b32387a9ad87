// Package carsim simulates Tencent Cloud CAR (API 2022-01-10), the COS bucket
// that its uploads go to, and what a job gets its keys from (STS, GitHub's
// tokens, the metadata of a virtual machine), as one http.Handler that is as
// strict as the real services: signatures, clocks, parameters, states and
// limits.
//
// Where the real services are not documented, a World says what to assume;
// what goes wrong is declared as a Fault. State is computed from time stamps
// when a request comes, so there is no goroutine and no timer, and a
// testing/synctest bubble gives it virtual time.
//
// The package shares no code with the program it judges, so that a shared
// misreading of a protocol cannot hide.
package carsim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Sim is the simulated service. It is safe for concurrent use.
type Sim struct {
	mu       sync.Mutex // guards all below
	world    World
	apps     []*application
	tempKeys map[string]tempKey // for uploads, by SecretID
	sessions []Key              // that STS and the metadata service have given
	objects  map[string]*object // by key
	uploads  []*upload
	calls    map[string][]time.Time // of the last second, by action, for the rate limit
	count    map[string]int         // calls so far, by action, for faults
	journal  []Call
	dead     []string // see Dead
	serial   int      // of the last id that was made up

	keep string // see Keep; "" keeps nothing
}

// New returns a simulator. A world with a value that is not one of its
// choices is a mistake in the caller's code: New panics.
func New(w World) *Sim {
	w = w.filled()
	if err := w.check(); err != nil {
		panic(fmt.Sprintf("carsim: %v", err))
	}
	s := &Sim{
		world:    w,
		tempKeys: map[string]tempKey{},
		objects:  map[string]*object{},
		calls:    map[string][]time.Time{},
		count:    map[string]int{},
	}
	now := s.now()
	for _, a := range w.Applications {
		s.apps = append(s.apps, s.seeded(a, now))
	}
	return s
}

// SetWorld changes how the simulator behaves from now on: faults and
// intrusions count their calls from here. What is in the service stays; the
// applications of w are ignored, and its projects replace the present ones
// unless they are nil.
func (s *Sim) SetWorld(w World) error {
	if w.Projects == nil {
		s.mu.Lock()
		w.Projects = s.world.Projects
		s.mu.Unlock()
	}
	w = w.filled()
	if err := w.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = w
	s.count = map[string]int{}
	return nil
}

// Call is one request that the simulator received.
type Call struct {
	Time      time.Time
	Action    string            // "DescribeApplicationVersion", "cos:UploadPart"
	Params    map[string]string // the request's plain parameters; of COS the key, partNumber and the like
	Code      string            // the error code; "" if all went well
	Fault     FaultKind         // the fault that hit the call, if any
	RequestID string
	Bytes     int64 // of the body
}

// Unfinished is the Code of a call that is still running, or whose client
// went away.
const Unfinished = "Unfinished"

// Journal returns the calls so far, in the order in which they came.
func (s *Sim) Journal() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// ServeHTTP answers one request, as the service that its host names. On a
// loopback address that is STS or CAR for a request with an X-TC-Action, the
// control API for /_carsim/, the CI's token service for /_github/, and COS else.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostname(r.Host)
	switch {
	case isLocal(host) && strings.HasPrefix(r.URL.Path, controlPath):
		s.control(w, r)
	case isLocal(host) && strings.HasPrefix(r.URL.Path, issuerPath+"/"), strings.HasSuffix(host, issuerDomain):
		s.serve(w, r, issuerService{s})
	case host == metadataHost:
		s.serve(w, r, metadataService{s})
	case isLocal(host) && r.Header.Get("X-Tc-Action") != "":
		service := car
		if _, ok := sts.actions[r.Header.Get("X-Tc-Action")]; ok {
			service = sts
		}
		s.serve(w, r, apiService{s, service, s.site(), true})
	case isLocal(host):
		s.serve(w, r, cosService{s})
	case isCOS(host):
		s.serve(w, r, cosService{s})
	case isAPI(host, car), isAPI(host, sts):
		service, site := car, China
		if isAPI(host, sts) {
			service = sts
		}
		if strings.Contains(host, ".intl.") {
			site = International
		}
		s.serve(w, r, apiService{s, service, site, false})
	default:
		http.Error(w, "carsim does not know the host "+strconv.Quote(host), http.StatusMisdirectedRequest)
	}
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLocal(host string) bool {
	return host == "localhost" || net.ParseIP(host) != nil
}

func isCOS(host string) bool {
	return strings.HasSuffix(host, ".myqcloud.com") && strings.Contains(host, ".cos.")
}

// isKnown reports whether some service behind the handler has that host.
func isKnown(host string) bool {
	return isLocal(host) || isCOS(host) || isAPI(host, car) || isAPI(host, sts) ||
		host == metadataHost || strings.HasSuffix(host, issuerDomain)
}

// isAPI reports whether host is one of the service's own names, of which
// there is one for each site and region.
func isAPI(host string, a api) bool {
	return strings.HasPrefix(host, a.service+".") && strings.HasSuffix(host, ".tencentcloudapi.com") ||
		host == a.service+".tencentcloudapi.com"
}

func (s *Sim) site() Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Site
}

// service is one of the services behind the handler.
type service interface {
	action(r *http.Request) string
	handle(r *http.Request) *answer
	refuse(code, message string) *answer
}

// serve lets a service answer, and faults and other people interfere.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, service service) {
	action := service.action(r)
	fault, hit, nth := s.arrive(action)
	s.mu.Lock()
	index := len(s.journal)
	s.journal = append(s.journal, Call{Time: s.now(), Action: action, Code: Unfinished, Fault: fault.Kind})
	s.mu.Unlock()

	if hit && fault.Kind == Echo {
		fault.Message = repeated(r)
	}
	var a *answer
	if !hit || fault.done() {
		a = service.handle(r)
	} else if fault.Kind != DropBefore {
		// Left unread, a large body would turn the answer into a reset
		// connection.
		_, _ = io.Copy(io.Discard, r.Body)
	}
	s.intrude(action, nth)
	if hit {
		pause(r.Context(), fault.Delay)
		a = fault.alter(a, service)
	}

	s.mu.Lock()
	entry := &s.journal[index]
	entry.Params, entry.Code, entry.RequestID, entry.Bytes = a.call.Params, a.call.Code, a.call.RequestID, a.call.Bytes
	a.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	s.mu.Unlock()
	a.write(w, r)
}

// answer is what goes back to the client.
type answer struct {
	status int // 0 ends the connection without an answer
	header http.Header
	body   []byte
	cut    bool // ends the connection after half of the body
	call   Call // what the journal shall know
}

func newAnswer(status int, contentType string, body []byte) *answer {
	header := http.Header{"Server": {"carsim"}}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return &answer{status: status, header: header, body: body}
}

func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	if a.status == 0 {
		panic(http.ErrAbortHandler) // net/http then closes the connection
	}
	maps.Copy(w.Header(), a.header)
	if a.header.Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	body := a.body
	if r.Method == http.MethodHead {
		return
	}
	if a.cut {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body) //nolint:gosec // not for a browser; and if the client is gone, there is nobody to tell
	if a.cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// now is the service's clock.
func (s *Sim) now() time.Time { return time.Now().Add(s.world.ClockSkew) }

// newID makes up the next id. It is the same in each run, so that output can
// be compared.
func (s *Sim) newID(prefix string) string {
	s.serial++
	sum := sha256.Sum256([]byte(prefix + strconv.Itoa(s.serial)))
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// requestID returns a fresh random UUID.
func requestID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
