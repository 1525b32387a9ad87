package carsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong. Faults are declared, never random, so
// that a failing test fails again.
type Fault struct {
	Action string // a CAR action, or a COS one as "cos:UploadPart"
	Nth    int    // which call of it goes wrong, from 1; 0 is every call
	Kind   FaultKind

	// After makes the service do what it was asked before the fault, for the
	// kinds that otherwise do nothing.
	After bool

	Code       string        // of Refuse; default InternalError
	Message    string        // of Refuse
	Status     int           // of StatusCode; default 503
	RetryAfter int           // seconds, of StatusCode; 0 sends no such header
	Delay      time.Duration // before the answer, of any kind
	Size       int           // bytes, of Junk; default 10 MiB
	Location   string        // of Redirect; default another loopback port

	// Of Override: a field of the answer, such as "Version.CreateTime" or
	// "Versions.0.ApplicationVersionName" ("*" is every element), and its new
	// value. A nil Value removes the field.
	Field string
	Value any
}

// FaultKind is what goes wrong.
type FaultKind string

// The kinds. Those from Delay on happen to the answer of a call that was
// done.
const (
	Refuse     FaultKind = "refuse"      // an error answer in the service's own form
	Echo       FaultKind = "echo"        // a refusal whose message is the whole request, keys and all
	DropBefore FaultKind = "drop-before" // the connection ends, nothing was done
	StatusCode FaultKind = "status"      // an HTTP status, from something in front of the service
	HTML       FaultKind = "html"        // a page, with status 200
	Junk       FaultKind = "junk"        // bytes that mean nothing
	Empty      FaultKind = "empty"       // status 200 and no body
	Redirect   FaultKind = "redirect"    // a redirect to elsewhere
	Delay      FaultKind = "delay"       // only Delay
	DropAfter  FaultKind = "drop-after"  // the connection ends without an answer
	CutBody    FaultKind = "cut-body"    // half of the answer
	Gzip       FaultKind = "gzip"        // a compressed answer that nobody asked for
	Override   FaultKind = "override"    // another value in a field
	LateError  FaultKind = "late-error"  // status 200, blanks, then an error: how COS may fail to complete an upload
)

var faultKinds = []FaultKind{
	Refuse, Echo, DropBefore, StatusCode, HTML, Junk, Empty, Redirect,
	Delay, DropAfter, CutBody, Gzip, Override, LateError,
}

// FaultKinds lists them.
func FaultKinds() []FaultKind { return slices.Clone(faultKinds) }

// done reports whether the service does what it was asked.
func (f Fault) done() bool {
	switch f.Kind {
	case Echo, DropBefore, LateError:
		return false
	case Refuse, StatusCode, HTML, Junk, Empty, Redirect:
		return f.After
	default:
		return true
	}
}

// alter makes the answer go wrong; a is nil if nothing was done.
func (f Fault) alter(a *answer, service service) *answer {
	made := func(status int, contentType, body string) *answer {
		return newAnswer(status, contentType, []byte(body))
	}
	code := f.Code
	if code == "" {
		code = "InternalError"
	}
	message := f.Message
	if message == "" {
		message = "An internal error has occurred. Retry your request."
	}
	var b *answer
	switch f.Kind {
	case Refuse, Echo:
		b = service.refuse(code, message)
	case LateError:
		b = service.refuse(code, message)
		b.status = http.StatusOK
		b.body = append([]byte(strings.Repeat(" ", 64)+"\n"), b.body...)
	case DropBefore, DropAfter:
		b = made(0, "", "")
	case StatusCode:
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		b = made(status, "text/html", "<html><body><h1>"+http.StatusText(status)+"</h1></body></html>\n")
		if f.RetryAfter > 0 {
			b.header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
	case HTML:
		b = made(http.StatusOK, "text/html", "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head><body></body></html>\n")
	case Junk:
		size := f.Size
		if size == 0 {
			size = 10 << 20
		}
		b = made(http.StatusOK, "application/octet-stream", strings.Repeat("junk", size/4))
	case Empty:
		b = made(http.StatusOK, "application/json", "")
	case Redirect:
		location := f.Location
		if location == "" {
			location = "http://127.0.0.1:9/"
		}
		b = made(http.StatusFound, "text/html", "")
		b.header.Set("Location", location)
	case CutBody:
		a.cut = true
		b = a
	case Gzip:
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(a.body) // into memory: cannot fail
		_ = w.Close()
		a.body = packed.Bytes()
		a.header.Set("Content-Encoding", "gzip")
		b = a
	case Override:
		a.override(f.Field, f.Value)
		b = a
	default:
		b = a
	}
	if a != nil && a != b {
		b.call.Params, b.call.Bytes = a.call.Params, a.call.Bytes
	}
	b.call.Fault = f.Kind
	if b.call.Code == "" && f.Kind == StatusCode {
		b.call.Code = "HTTP " + strconv.Itoa(b.status)
	}
	return b
}

// override changes one field of a JSON answer.
func (a *answer) override(field string, value any) {
	var envelope map[string]any
	if json.Unmarshal(a.body, &envelope) != nil {
		return
	}
	set(envelope["Response"], strings.Split(field, "."), value)
	a.body, _ = json.Marshal(envelope) // it came from JSON
}

func set(in any, path []string, value any) {
	switch in := in.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			set(in[path[0]], path[1:], value)
		case value == nil:
			delete(in, path[0])
		default:
			in[path[0]] = value
		}
	case []any:
		for i := range in {
			if path[0] != "*" && path[0] != strconv.Itoa(i) {
				continue
			}
			if len(path) > 1 {
				set(in[i], path[1:], value)
			} else {
				in[i] = value
			}
		}
	}
}

// repeated is a request as text, as a service may put it into a message while it is
// being debugged, or in order to get hold of keys.
func repeated(r *http.Request) string {
	const most = 64 << 10 // bytes, of the body
	body, _ := io.ReadAll(io.LimitReader(r.Body, most))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", r.Method, r.URL, body)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, " %s: %s", name, strings.Join(r.Header[name], ", "))
	}
	return b.String()
}

// Intrusion is something that another user does right after a call.
type Intrusion struct {
	Action string // the call after which it happens
	Nth    int    // which one, from 1; 0 is every one
	Does   Deed

	Application string
	Version     string // "": the newest
	StartPath   string // of changes-start
}

// Deed is what that user does.
type Deed string

// The deeds.
const (
	ReleasesVersion Deed = "releases-version"
	DeletesVersion  Deed = "deletes-version" // it is gone at once
	CreatesVersion  Deed = "creates-version"
	ChangesStart    Deed = "changes-start"
)

// arrive counts a call and returns the fault that hits it, if any, and its
// number.
func (s *Sim) arrive(action string) (Fault, bool, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[action]++
	nth := s.count[action]
	for _, f := range s.world.Faults {
		if f.Action == action && (f.Nth == 0 || f.Nth == nth) {
			return f, true, nth
		}
	}
	return Fault{}, false, nth
}

// intrude lets the other user act after the nth call of action.
func (s *Sim) intrude(action string, nth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, i := range s.world.Intrusions {
		app := s.application(i.Application)
		if i.Action != action || i.Nth != 0 && i.Nth != nth || app == nil {
			continue
		}
		target := app.version(i.Version, now)
		if i.Version == "" {
			target = app.newest(now)
		}
		switch {
		case i.Does == CreatesVersion:
			s.addVersion(app, "intruder.zip", nil, "", now)
		case i.Does == ChangesStart:
			app.former = append(app.former, former{now, app.Application})
			app.StartPath, app.InterList = i.StartPath, path.Base(strings.ReplaceAll(i.StartPath, `\`, "/"))
		case target == nil:
		case i.Does == ReleasesVersion:
			app.release(target, now)
		case i.Does == DeletesVersion:
			target.become(gone, now)
		}
	}
}

// pause waits for d, or until the client is gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	case <-timer.C:
	}
}

// knownActions returns what a fault can be about.
func knownActions() []string {
	return slices.Concat(slices.Sorted(maps.Keys(car.actions)), slices.Sorted(maps.Keys(sts.actions)), cosActions,
		[]string{askToken, askKeys, askRole})
}
