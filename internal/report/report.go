// Package report tells a CI what a run does, while it does it and at the end.
package report

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/summary"
)

// Options are what the user chose. An empty path means no such file.
type Options struct {
	Verbose bool // a line for each request

	OutputFile  string // the outputs as variables
	JSONFile    string // the whole Result
	SummaryFile string // the summary as Markdown
}

// Report is the voice of one run. It is safe for concurrent use: the parts of
// an upload report side by side.
type Report struct {
	mu        sync.Mutex
	host      ci.Host
	o         Options
	outputs   map[string]string // what was set
	noOutputs bool              // setting one failed
	noState   bool              // keeping one failed
	told      bool              // the failure has its annotation
}

// New makes a Report that speaks through host.
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

// Handle tells one event.
func (r *Report) Handle(event publish.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case publish.PhaseBegan:
		r.host.BeginGroup(string(e.Phase))
	case publish.PhaseEnded:
		r.host.EndGroup()
	case publish.Note:
		r.host.Print(e.Text)
	case publish.Warning:
		r.host.Annotate(ci.Warning, "", e.Text)
	case publish.Found:
		for _, line := range summary.Finding(e.Finding) {
			r.host.Print(line)
		}
	case publish.Masked:
		r.host.Mask(e.Secret)
	case publish.Owned:
		r.save(e)
	case publish.Learned:
		r.learn(e.Result, false)
	case publish.Uploaded:
		r.host.Progress(uploaded(e))
	case publish.Waiting:
		r.host.Progress(waiting(e))
	case publish.Retrying:
		// Never an annotation: the run may still succeed.
		r.host.Print(fmt.Sprintf("%s: attempt %d failed, the next follows in %s: %s",
			e.What, e.Attempt, summary.Duration(e.Wait), strings.TrimPrefix(e.Err.Error(), e.What+": ")))
	case publish.Called:
		if r.o.Verbose {
			r.host.Print(called(e))
		}
	}
}

// The names under which a step keeps what may have to be removed after it.
const (
	savedMark    = "mark"
	savedVersion = "version"
)

// save keeps what a clean-up after this step may remove.
func (r *Report) save(o publish.Owned) {
	for _, s := range []struct{ name, value string }{{savedMark, o.Mark}, {savedVersion, o.VersionID}} {
		if err := r.host.Save(s.name, s.value); err != nil {
			if !r.noState {
				r.host.Print("If this step is killed, nothing will clean up after it: " + err.Error())
			}
			r.noState = true
			return
		}
	}
}

// Saved returns what an earlier process of this step has left to be removed.
func Saved(host ci.Host) publish.Owned {
	return publish.Owned{Mark: host.Saved(savedMark), VersionID: host.Saved(savedVersion)}
}

func uploaded(e publish.Uploaded) ci.Progress {
	p := ci.Progress{What: "Upload", Percent: ci.Unknown, Detail: summary.Size(e.Done)}
	if e.Total > 0 {
		p.Percent = int(float64(e.Done) / float64(e.Total) * 100)
		p.Detail += " of " + summary.Size(e.Total)
	}
	if e.Rate > 0 {
		p.Detail += ", " + summary.Rate(e.Rate)
	}
	if e.Left > 0 {
		p.Detail += ", " + summary.Duration(e.Left) + " left"
	}
	return p
}

func waiting(e publish.Waiting) ci.Progress {
	what := "Waiting for " + e.For
	if e.Status != "" {
		what += " (" + e.Status + ")"
	}
	return ci.Progress{What: what, Percent: e.Percent, Detail: summary.Duration(e.Elapsed)}
}

func called(e publish.Called) string {
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

// learn sets the outputs that changed. A step's outputs must be there even if
// the run is killed, so they do not wait for the end.
func (r *Report) learn(result publish.Result, final bool) {
	for _, o := range summary.Outputs(result) {
		if r.noOutputs || o.Final && !final || o.Value == r.outputs[o.Name] {
			continue
		}
		if err := r.host.Output(o.Name, o.Value); err != nil {
			r.noOutputs = true // the next would fail alike
			r.host.Annotate(ci.Warning, "", "This step has no outputs: "+err.Error())
			return
		}
		r.outputs[o.Name] = o.Value
	}
}

// Problems tells several reasons for one failure, such as the mistakes in the
// inputs: an annotation for each, one after the other, so that they are a list
// in the log. Finish adds none then.
func (r *Report) Problems(problems []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems(problems)
}

func (r *Report) problems(problems []error) {
	r.told = true
	r.host.EndGroup()
	if len(problems) > 1 {
		r.host.Print(fmt.Sprintf("%d problems:", len(problems)))
	}
	for _, err := range problems {
		r.host.Annotate(ci.Error, "", err.Error())
	}
}

// Finish tells how the run ended: the outputs, the files that the user asked
// for, the summary, and last one annotation with the outcome, the reason and
// what to do. err is why the run failed; a list of errors is told by Problems.
// What Finish returns is what it could not write; the reader knows of it.
func (r *Report) Finish(result publish.Result, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host.EndGroup()

	several := list(err)
	if err != nil && result.ErrorMessage == "" {
		result.ErrorMessage = err.Error()
		if len(several) > 0 {
			texts := make([]string, len(several))
			for i, err := range several {
				texts[i] = err.Error()
			}
			result.ErrorMessage = strings.Join(texts, "; ")
			if len(texts) > 1 {
				result.Problems = texts
			}
		}
	} else {
		several = nil // the run itself said why
	}
	if result.Outcome == "" || err != nil && result.Outcome.Succeeded() {
		result.Outcome = publish.Failed
	}
	// Before anything is escaped: an escaped secret is not found any more.
	scrub(reflect.ValueOf(&result).Elem(), r.host.Hide)
	result.Message = summary.Message(result)

	r.learn(result, true)
	unwritten := r.write(result)
	markdown, plain := summary.Markdown(result), summary.Plain(result)
	if result.Outcome == publish.Listing {
		plain = "" // the list itself is the output of the command
	}
	ended := ci.Notice
	if !result.Outcome.Succeeded() {
		ended = ci.Error
	}
	if err := r.host.Summary(ended, markdown, plain); err != nil {
		r.host.Annotate(ci.Warning, "", err.Error())
	}
	level := ci.Error
	if !result.Outcome.Succeeded() {
		level = ci.Warning // the failure keeps its one annotation
	}
	failed := errors.Join(unwritten...)
	if failed != nil {
		r.host.Annotate(level, "", failed.Error())
	}
	r.close(result, several)
	return failed
}

// close is the end of the log: what a reader looks at first.
func (r *Report) close(result publish.Result, several []error) {
	headline, words := summary.Headline(result), summary.LastWords(result)
	switch result.Outcome {
	case publish.Released, publish.Ready, publish.Created:
		r.host.Annotate(ci.Notice, "", strings.Join(append([]string{headline}, words...), "\n"))
	case publish.Planned, publish.Listing, publish.Deleted, publish.Cleaned, publish.Healthy:
		r.host.Print(headline)
	default:
		switch {
		case len(several) > 0:
			r.problems(several)
		case !r.told:
			r.host.Annotate(ci.Error, headline, strings.Join(words, "\n"))
		}
	}
}

// write writes the files that the user asked for.
func (r *Report) write(result publish.Result) (errs []error) {
	variables, left := summary.Dotenv(result)
	if r.o.OutputFile != "" && len(left) > 0 {
		r.host.Print("output-file lacks " + strings.Join(left, ", ") + ": GitLab takes less than 5 KB. json-file has all.")
	}
	for _, f := range []struct{ input, path, text string }{
		{"output-file", r.o.OutputFile, variables},
		{"json-file", r.o.JSONFile, summary.JSON(result)},
		{"summary-file", r.o.SummaryFile, summary.Markdown(result)},
	} {
		if f.path == "" {
			continue
		}
		if err := writeFile(f.path, f.text); err != nil {
			errs = append(errs, fmt.Errorf("write %s %s: %w", f.input, f.path, err))
		}
	}
	return errs
}

// list returns the errors that err is made of, if it is a list: of
// errors.Join or of go-multierror.
func list(err error) []error {
	switch err := err.(type) { //nolint:errorlint // a list that is wrapped in an error with a text of its own is one failure
	case interface{ WrappedErrors() []error }:
		return err.WrappedErrors()
	case interface{ Unwrap() []error }:
		return err.Unwrap()
	}
	return nil
}

// scrub hides the secrets in every text that v holds.
func scrub(v reflect.Value, hide func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hide(v.String()))
	case reflect.Slice:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len()) // the caller keeps its own
		reflect.Copy(own, v)
		if !v.IsNil() {
			v.Set(own)
		}
		for i := range v.Len() {
			scrub(v.Index(i), hide)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem()) // the caller keeps its own
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
	default: // holds no text
	}
}
