package publish

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// recorder fills in the result of a run and tells each change as an event. The
// flow writes to it and never reads from it: what decides about the next step
// is kept in run. It is safe for concurrent use, since an upload reports from
// several goroutines.
type recorder struct {
	emit func(record.Event)

	mu     sync.Mutex
	phase  record.Phase
	result record.Result
}

// note writes a line into the log.
func (r *recorder) note(format string, args ...any) {
	r.emit(record.Note{Text: fmt.Sprintf(format, args...)})
}

// warn writes a warning, once.
func (r *recorder) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.mu.Lock()
	again := slices.Contains(r.result.Warnings, text)
	if !again {
		r.result.Warnings = append(r.result.Warnings, text)
	}
	r.mu.Unlock()
	if !again {
		r.emit(record.Warning{Text: text})
	}
}

// advisory warns of a failed call that the run can do without, and says what is
// missing without it.
func (r *recorder) advisory(err error, without string) {
	r.warn("%s (%s)", without, err)
}

// begin ends the current phase and begins another.
func (r *recorder) begin(p record.Phase) {
	r.end(nil)
	now := time.Now()
	r.mu.Lock()
	r.phase = p
	r.result.Phases = append(r.result.Phases, record.Span{Phase: p, Start: now})
	r.mu.Unlock()
	r.emit(record.PhaseBegan{Phase: p, At: now})
}

// end ends the current phase, if there is one. A phase that failed stays the
// current one for the error, which says where the run failed.
func (r *recorder) end(err error) {
	now := time.Now()
	r.mu.Lock()
	open := len(r.result.Phases) > 0 && r.result.Phases[len(r.result.Phases)-1].End.IsZero()
	if open {
		span := &r.result.Phases[len(r.result.Phases)-1]
		span.End, span.Failed = now, err != nil
	}
	phase := r.phase
	r.mu.Unlock()
	if open {
		r.emit(record.PhaseEnded{Phase: phase, At: now, Err: err})
	}
}

// current is the phase that began last.
func (r *recorder) current() record.Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.phase
}

// learn fills in the result and tells what is known so far.
func (r *recorder) learn(fill func(*record.Result)) {
	r.mu.Lock()
	fill(&r.result)
	now := r.result
	r.mu.Unlock()
	r.emit(record.Learned{Result: now})
}

// recordVersion records what CAR says of a version.
func (r *recorder) recordVersion(v car.Version) {
	r.learn(func(t *record.Result) {
		t.VersionID, t.VersionName, t.VersionStatus = v.ID, v.Name, string(v.Status)
		t.VersionSize, t.VersionRegions, t.VersionUpdateMode = v.Size, v.Regions, v.UpdateMode
		if !v.CreateTime.IsZero() {
			t.CreateTime = &v.CreateTime.Time
		}
	})
}

// recordRequest records a call that changed something, or failed.
func (r *recorder) recordRequest(action, requestID string, err error) {
	if requestID == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Requests = append(r.result.Requests, record.Request{Action: action, RequestID: requestID})
	if err != nil || action == "CreateApplicationVersion" {
		r.result.RequestID = requestID
	}
}

// leftover records something that this run leaves, with the command line that
// removes it.
func (r *recorder) leftover(what, command string) {
	r.learn(func(t *record.Result) { t.Left = append(t.Left, record.Leftover{What: what, Command: command}) })
}

// suggest records command lines that the reader may want to run now.
func (r *recorder) suggest(next ...record.Command) {
	r.learn(func(t *record.Result) { t.Next = append(t.Next, next...) })
}

// close completes the result with its outcome and, unless it is nil, the error.
func (r *recorder) close(outcome record.Outcome, e *Error) record.Result {
	r.learn(func(t *record.Result) {
		t.DurationSeconds = time.Since(t.Started).Seconds()
		t.Outcome = outcome
		if e == nil {
			return
		}
		t.ErrorCode, t.ErrorMessage, t.ErrorHint = e.Code, e.Message, e.Hint
		if e.RequestID != "" {
			t.RequestID = e.RequestID
		}
	})
	return r.result
}
