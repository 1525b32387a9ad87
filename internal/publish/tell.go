package publish

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/secret"
)

// begin ends the phase before and begins another.
func (r *run) begin(p Phase) {
	r.end(nil)
	now := time.Now()
	r.mu.Lock()
	r.phase = p
	r.result.Phases = append(r.result.Phases, Span{Phase: p, Start: now})
	r.mu.Unlock()
	r.emit(PhaseBegan{Phase: p, At: now})
}

// end ends the phase that is going on, if any. A phase that ended badly keeps
// its name, so that the failure can tell where it happened.
func (r *run) end(err error) {
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
		r.emit(PhaseEnded{Phase: phase, At: now, Err: err})
	}
}

func (r *run) note(format string, args ...any) { r.emit(Note{fmt.Sprintf(format, args...)}) }

func (r *run) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.mu.Lock()
	again := slices.Contains(r.result.Warnings, text)
	if !again {
		r.result.Warnings = append(r.result.Warnings, text)
	}
	r.mu.Unlock()
	if !again {
		r.emit(Warning{text})
	}
}

// advisory warns of a call that only advises and did not work.
func (r *run) advisory(err error, without string) {
	r.warn("%s (%s)", without, err)
}

// learn fills in the result and tells what is known.
func (r *run) learn(fill func(*Result)) {
	r.mu.Lock()
	fill(&r.result)
	now := r.result
	r.mu.Unlock()
	r.emit(Learned{now})
}

// learnVersion takes what the service says of our version.
func (r *run) learnVersion(v car.Version) {
	r.learn(func(t *Result) {
		t.VersionID, t.VersionName, t.VersionStatus = v.ID, v.Name, string(v.Status)
		t.VersionSize, t.VersionRegions, t.VersionUpdateMode = v.Size, v.Regions, v.UpdateMode
		if !v.CreateTime.IsZero() {
			t.CreateTime = &v.CreateTime.Time
		}
	})
}

// changed records a call that changed something, or failed.
func (r *run) changed(action, requestID string, err error) {
	if requestID == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Requests = append(r.result.Requests, Request{Action: action, RequestID: requestID})
	if err != nil || action == "CreateApplicationVersion" {
		r.result.RequestID = requestID
	}
}

// finish closes the result.
func (r *run) finish(e *Error) {
	r.learn(func(t *Result) {
		t.DurationSeconds = time.Since(t.Started).Seconds()
		if e == nil {
			if t.Outcome == "" {
				t.Outcome = r.success()
			}
			if t.Outcome == Ready {
				t.Next = append(t.Next,
					Command{"put it online", r.line("release", t.VersionID)},
					Command{"delete it", r.line("delete", t.VersionID)})
			}
			if t.Outcome == Released {
				t.Next = append(t.Next, r.rollbackLine()...)
			}
			return
		}
		switch e.Kind {
		case InTheWay:
			t.Outcome = Blocked
		case Interrupted:
			t.Outcome = Cancelled
		default:
			t.Outcome = Failed
		}
		t.ErrorCode, t.ErrorMessage, t.ErrorHint = e.Code, e.Message, e.Hint
		if e.RequestID != "" {
			t.RequestID = e.RequestID
		}
	})
}

// success is the outcome of a run without an error.
func (r *run) success() Outcome {
	switch {
	case r.result.VersionStatus == string(car.Inuse):
		return Released
	case car.Status(r.result.VersionStatus).Good():
		return Ready
	}
	return Created
}

// rollbackLine is the way back, if there is one.
func (r *run) rollbackLine() []Command {
	if r.result.PreviousVersionID == "" {
		return nil
	}
	return []Command{{"roll back", r.line("rollback", r.result.PreviousVersionID)}}
}

func (r *run) line(command, version string) string { return r.o.Line(command, version) }

// Line is a command line that the reader can copy.
func (o Options) Line(command, version string) string {
	words := []string{"car-publish", command, "--application-id", o.ApplicationID}
	if version != "" {
		if !car.IsVersionID(version) {
			version = "VERSION-ID" // never into a line that somebody copies into a shell
		}
		words = append(words, "--version-id", version)
	}
	if o.Arguments != "" {
		words = append(words, o.Arguments)
	}
	return strings.Join(words, " ")
}

// removeUnnamed is the command line that removes what this run may have made
// and knows no id of; where no key tells it from a sibling's, a person must
// look.
func (r *run) removeUnnamed() string {
	if !r.o.KeyComplete || !plainWord.MatchString(r.o.RunKey) {
		return r.line("list", "")
	}
	return r.line("cleanup", "") + fmt.Sprintf(" --run-key %s --run-attempt %d", r.o.RunKey, max(1, r.o.Attempt))
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[0-9A-Za-z_./:@+][0-9A-Za-z_./:@+-]*$`)

// appName is the application's name, or its id while the name is not known.
func (r *run) appName() string {
	if r.app.Name != "" {
		return r.app.Name
	}
	return r.o.ApplicationID
}

// title names a version for a reader: ver-b "hotfix".
func title(v car.Version) string {
	if v.Name == "" {
		return v.ID
	}
	return fmt.Sprintf("%s %q", v.ID, v.Name)
}

func find(versions []car.Version, id string) (car.Version, bool) {
	i := slices.IndexFunc(versions, func(v car.Version) bool { return v.ID == id })
	if i < 0 {
		return car.Version{}, false
	}
	return versions[i], true
}

// oldestFirst returns the versions by age. The service promises no order.
func oldestFirst(versions []car.Version) []car.Version {
	sorted := slices.Clone(versions)
	slices.SortStableFunc(sorted, func(a, b car.Version) int { return a.CreateTime.Compare(b.CreateTime.Time) })
	return sorted
}

func isDoubtful(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && e.Doubtful
}

// again reports whether a call is worth another try, after a fresh look: it
// was refused for now, or may have been done. A redirect does not go away.
func again(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && (e.Passing || e.Doubtful && e.Code != car.CodeRedirect)
}

// throttled reports whether CAR is only asked too often, by the whole account.
func throttled(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && e.Throttled()
}

func urlPath(u secret.String) string {
	parsed, err := url.Parse(u.Reveal())
	if err != nil {
		return ""
	}
	return parsed.Path
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// some joins the first few of many.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// bytesText is a size with its unit.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, i := float64(n), 0
	for size >= 1024 && i < len(units)-1 {
		size, i = size/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, units[i])
}

// age is a duration for a reader: 14 h, 3 min.
func age(d time.Duration) string {
	d = max(d, 0) // the clocks differ
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
