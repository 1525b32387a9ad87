// Package report shows a CI what a run does: while it runs, and at the end.
package report

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/outfile"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/summary"
)

// Options are the choices of the user. No file is written for an empty path.
type Options struct {
	Verbose bool // a line for each request

	OutputFile  string // the outputs as variables
	JSONFile    string // the whole Result
	SummaryFile string // the summary as Markdown
}

// Report shows one run. It is safe for concurrent use: the connections of an
// upload send their events at the same time.
type Report struct {
	mu        sync.Mutex
	host      ci.Host
	o         Options
	outputs   map[string]string // those that are set
	noOutputs bool              // setting one failed
	noState   bool              // saving one failed
}

// New returns a Report for the CI that host is.
func New(host ci.Host, o Options) *Report {
	return &Report{host: host, o: o, outputs: map[string]string{}}
}

// Print writes lines to the log.
func (r *Report) Print(lines ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range lines {
		r.host.Print(line)
	}
}

// Handle shows one event.
func (r *Report) Handle(event record.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case record.PhaseBegan:
		r.host.BeginGroup(string(e.Phase))
	case record.PhaseEnded:
		r.host.EndGroup()
	case record.Note:
		r.host.Print(e.Text)
	case record.Warning:
		r.host.Annotate(ci.Warning, "", e.Text)
	case record.Found:
		for _, line := range summary.Finding(e.Finding) {
			r.host.Print(line)
		}
	case record.Masked:
		r.host.Mask(e.Secret)
	case record.Owned:
		r.save(e)
	case record.Learned:
		r.setOutputs(e.Result, false)
	case record.Uploaded:
		r.host.Progress(uploaded(e))
	case record.Waiting:
		r.host.Progress(waiting(e))
	case record.Retrying:
		// Not an annotation, since the run may still succeed.
		r.host.Print(fmt.Sprintf("%s: attempt %d failed, the next follows in %s: %s",
			e.What, e.Attempt, human.Duration(e.Wait), strings.TrimPrefix(e.Err.Error(), e.What+": ")))
	case record.Called:
		if r.o.Verbose {
			r.host.Print(called(e))
		}
	}
}

// The names under which the CI keeps what the post step may have to remove.
const (
	savedMark    = "mark"
	savedVersion = "version"
)

// save keeps what the post step may have to remove if this step is killed. Each
// command saves at its start that there is nothing yet: otherwise the post step
// would obey variables of the same names that an earlier step has set.
func (r *Report) save(o record.Owned) {
	for _, s := range []struct{ name, value string }{{savedMark, o.Mark}, {savedVersion, o.VersionID}} {
		if err := r.host.Save(s.name, s.value); err != nil {
			if o == (record.Owned{}) {
				return // nothing is lost
			}
			if !r.noState {
				r.host.Print("If this step is killed, nothing will clean up after it: " + err.Error())
			}
			r.noState = true
			return
		}
	}
}

// Saved returns what the step before a post step has saved.
func Saved(host ci.Host) record.Owned {
	return record.Owned{Mark: host.Saved(savedMark), VersionID: host.Saved(savedVersion)}
}

func uploaded(e record.Uploaded) ci.Progress {
	p := ci.Progress{What: "Upload", Percent: ci.Unknown, Detail: human.Size(e.Done)}
	if e.Total > 0 {
		p.Percent = int(float64(e.Done) / float64(e.Total) * 100)
		p.Detail += " of " + human.Size(e.Total)
	}
	if e.Sent > 0 {
		p.Detail += " packed, " + human.Size(e.Sent) + " sent"
		p.Percent = min(p.Percent, 99) // the last parts may still be on their way
	}
	if e.Rate > 0 {
		p.Detail += ", " + human.Rate(e.Rate)
	}
	if e.Left > 0 {
		p.Detail += ", " + human.Duration(e.Left) + " left"
	}
	return p
}

func waiting(e record.Waiting) ci.Progress {
	what := "Waiting for " + e.For
	if e.Status != "" {
		what += " (" + e.Status + ")"
	}
	return ci.Progress{What: what, Percent: e.Percent, Detail: human.Duration(e.Elapsed)}
}

func called(e record.Called) string {
	line := fmt.Sprintf("%s: %d ms", e.Action, e.Took.Milliseconds())
	if e.RequestID != "" {
		line += ", RequestId " + e.RequestID
	}
	if e.Attempt > 1 {
		line += fmt.Sprintf(", attempt %d", e.Attempt)
	}
	if e.Err != nil {
		line += fmt.Sprintf(": %v", e.Err)
	}
	return line
}

// setOutputs sets the outputs that have changed. It is called during the run as
// well as at its end, so that a step that is killed has outputs, too.
func (r *Report) setOutputs(result record.Result, final bool) {
	for _, o := range summary.Outputs(result, ci.HarmlessLine) {
		if r.noOutputs || o.Final && !final || o.Value == r.outputs[o.Name] {
			continue
		}
		if err := r.host.Output(o.Name, o.Value); err != nil {
			r.noOutputs = true // setting the others would fail in the same way
			r.host.Annotate(ci.Warning, "", "This step has no outputs: "+err.Error())
			return
		}
		r.outputs[o.Name] = o.Value
	}
}

// annotateEach annotates each of several reasons for one failure.
func (r *Report) annotateEach(reasons []error) {
	if len(reasons) > 1 {
		r.host.Print(fmt.Sprintf("%d problems:", len(reasons)))
	}
	for _, err := range reasons {
		r.host.Annotate(ci.Error, "", err.Error())
	}
}

// Finish reports how the run ended: the outputs, the files that the user asked
// for, the summary, and last one annotation with the outcome, the reason and
// what to do. err is why the run failed; each error of a list gets an annotation
// of its own. Finish returns what it could not write, which is annotated as well.
func (r *Report) Finish(result record.Result, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host.EndGroup()

	reasons := errorList(err)
	if err != nil && result.ErrorMessage == "" {
		result.ErrorMessage = err.Error()
		if len(reasons) > 0 {
			texts := make([]string, len(reasons))
			for i, err := range reasons {
				texts[i] = err.Error()
			}
			result.ErrorMessage = strings.Join(texts, "; ")
			if len(texts) > 1 {
				result.Problems = texts
			}
		}
	} else {
		reasons = nil // the run has given its own reason
	}
	if result.Outcome == "" || err != nil && result.Outcome.Succeeded() {
		result.Outcome = record.Failed
	}
	// This comes before anything is escaped: an escaped secret is not found.
	scrub(reflect.ValueOf(&result).Elem(), r.host.Hide)
	result.Message = summary.Message(result)

	r.setOutputs(result, true)
	unwritten := r.write(result)
	markdown, plain := summary.Markdown(result), summary.Plain(result)
	if result.Outcome == record.Listing {
		plain = "" // the table of versions is what the command prints
	}
	outcome := ci.Notice
	if !result.Outcome.Succeeded() {
		outcome = ci.Error
	}
	if err := r.host.Summary(outcome, markdown, plain); err != nil {
		r.host.Annotate(ci.Warning, "", err.Error())
	}
	level := ci.Error
	if !result.Outcome.Succeeded() {
		level = ci.Warning // the run failed for another reason, which gets the one error
	}
	failed := errors.Join(unwritten...)
	if failed != nil {
		r.host.Annotate(level, "", failed.Error())
	}
	r.conclude(result, reasons)
	return failed
}

// conclude writes the end of the log, which a reader looks at first.
func (r *Report) conclude(result record.Result, reasons []error) {
	headline, details := summary.Headline(result), summary.Details(result)
	switch result.Outcome {
	case record.Released, record.Ready, record.Created:
		r.host.Annotate(ci.Notice, "", strings.Join(append([]string{headline}, details...), "\n"))
	case record.Planned, record.Exists, record.Listing, record.Deleted, record.Cleaned, record.Healthy:
		r.host.Print(headline)
	default:
		if len(reasons) > 0 {
			r.annotateEach(reasons)
			return
		}
		r.host.Annotate(ci.Error, headline, strings.Join(details, "\n"))
	}
}

// write writes the files that the user asked for.
func (r *Report) write(result record.Result) (errs []error) {
	variables, omitted := summary.Dotenv(result, ci.HarmlessLine)
	if r.o.OutputFile != "" && len(omitted) > 0 {
		r.host.Print("output-file lacks " + strings.Join(omitted, ", ") + ": GitLab takes less than 5 KB. json-file has all.")
	}
	for _, f := range []struct{ input, path, text string }{
		{"output-file", r.o.OutputFile, variables},
		{"json-file", r.o.JSONFile, summary.JSON(result)},
		{"summary-file", r.o.SummaryFile, summary.Markdown(result)},
	} {
		if f.path == "" {
			continue
		}
		if err := outfile.Write(f.path, f.text); err != nil {
			errs = append(errs, fmt.Errorf("write %s %s: %w", f.input, f.path, err))
		}
	}
	return errs
}

// errorList returns the errors in a list of errors.Join or of go-multierror,
// and nothing for any other error.
func errorList(err error) []error {
	switch err := err.(type) { //nolint:errorlint // a list that is wrapped in an error with its own text is one failure
	case interface{ WrappedErrors() []error }:
		return err.WrappedErrors()
	case interface{ Unwrap() []error }:
		return err.Unwrap()
	}
	return nil
}

// scrub hides the secrets in every string that v holds.
func scrub(v reflect.Value, hide func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hide(v.String()))
	case reflect.Slice:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len()) // the caller's stays as it is
		reflect.Copy(own, v)
		if !v.IsNil() {
			v.Set(own)
		}
		for i := range v.Len() {
			scrub(v.Index(i), hide)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem()) // the caller's stays as it is
			own.Elem().Set(v.Elem())
			v.Set(own)
			scrub(own.Elem(), hide)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() { // not those inside a time.Time
				scrub(field, hide)
			}
		}
	default: // holds no string
	}
}
