package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/report"
	"github.com/car-publish/car-publish/internal/secret"
)

// stage is a GitHub job: what it writes is easy to tell apart.
type stage struct {
	*report.Report
	log bytes.Buffer
	dir string
}

func newStage(t *testing.T, o report.Options) *stage {
	t.Helper()
	s := &stage{dir: t.TempDir()}
	for _, name := range []string{"outputs", "summary"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"GITHUB_OUTPUT":       filepath.Join(s.dir, "outputs"),
		"GITHUB_STEP_SUMMARY": filepath.Join(s.dir, "summary"),
	}
	s.Report = report.New(detect(t, "github", &s.log, env), o)
	return s
}

func detect(t *testing.T, name string, log *bytes.Buffer, env map[string]string) ci.Host {
	t.Helper()
	host, err := ci.Detect(name, ci.Streams{Out: log, Err: log, Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// outputs reads the file of outputs; a later value wins, as on GitHub.
func (s *stage) outputs(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	lines := strings.Split(read(t, s.dir, "outputs"), "\n")
	for ; len(lines) >= 3; lines = lines[3:] {
		name, delimiter, _ := strings.Cut(lines[0], "<<")
		if lines[2] != delimiter {
			t.Fatalf("output %s has more than one line: %q", name, lines)
		}
		values[name] = lines[1]
	}
	return values
}

func TestHandle(t *testing.T) {
	story := []record.Event{
		record.PhaseBegan{Phase: record.Upload},
		record.Note{Text: "16 parts"},
		record.Uploaded{Done: 0, Total: 2 << 30},
		record.Uploaded{Done: 1 << 20, Total: 2 << 30}, // within 10 s: not shown
		record.Retrying{What: "part 7", Attempt: 2, Wait: 1500 * time.Millisecond, Err: errors.New("part 7: connection reset")},
		record.Called{Action: "CreateApplicationSnapshot", Took: 123 * time.Millisecond, RequestID: "id-1", Attempt: 1},
		record.Called{Action: "DescribeApplicationVersion", Took: time.Second, RequestID: "id-2", Attempt: 3, Err: errors.New("InternalError")},
		record.Uploaded{Done: 2 << 30, Total: 2 << 30, Rate: 50646221, Left: 0},
		record.PhaseEnded{Phase: record.Upload},
		record.Warning{Text: "no start path"},
		record.Waiting{For: "ver-a to be processed", Status: "Creating", Percent: -1, Elapsed: 3 * time.Second},
		record.Waiting{For: "ver-a to be processed", Status: "Creating", Percent: 50, Elapsed: 4 * time.Second}, // within 10 s
		record.Waiting{For: "ver-a to be processed", Status: "Normal", Percent: -1, Elapsed: 72 * time.Second},
		record.Masked{Secret: secret.New("hunter2")},
		record.Note{Text: "the key is hunter2"},
	}
	calls := []string{
		"CreateApplicationSnapshot: 123 ms, RequestId id-1",
		"DescribeApplicationVersion: 1000 ms, RequestId id-2, attempt 3: InternalError",
	}
	before := []string{
		"::group::Upload",
		"16 parts",
		"Upload: 0%, 0 B of 2.0 GiB",
		"part 7: attempt 2 failed, the next follows in 1.5s: connection reset",
	}
	after := []string{
		"Upload: 100%, 2.0 GiB of 2.0 GiB, 48.3 MiB/s",
		"::endgroup::",
		"::warning::no start path",
		"Waiting for ver-a to be processed (Creating), 3.0s",
		"Waiting for ver-a to be processed (Normal), 1m12s",
		"::add-mask::hunter2",
		"the key is ***",
		"",
	}
	for verbose, want := range map[bool][]string{
		false: append(append([]string{}, before...), after...),
		true:  append(append(append([]string{}, before...), calls...), after...),
	} {
		t.Run(fmt.Sprintf("verbose %v", verbose), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, report.Options{Verbose: verbose})
				for _, e := range story {
					s.Handle(e)
				}
				got := strings.Split(strings.ReplaceAll(s.log.String(), "\r\n", "\n"), "\n")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTimeLeft(t *testing.T) {
	s := newStage(t, report.Options{})
	s.Handle(record.Uploaded{Done: 1 << 30, Total: 2 << 30, Rate: 1 << 20, Left: 1024 * time.Second})
	if got, want := s.log.String(), "Upload: 50%, 1.0 GiB of 2.0 GiB, 1.0 MiB/s, 17m4s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOutputsComeEarly(t *testing.T) {
	s := newStage(t, report.Options{})
	result := record.Result{ApplicationName: "Ocean"}
	s.Handle(record.Learned{Result: result})
	result.VersionID = "ver-a"
	s.Handle(record.Learned{Result: result})
	want := map[string]string{"application-name": "Ocean", "version-id": "ver-a"}
	if diff := cmp.Diff(want, s.outputs(t)); diff != "" {
		t.Errorf("outputs while it runs (-want +got):\n%s", diff)
	}
	if got := strings.Count(read(t, s.dir, "outputs"), "application-name"); got != 1 {
		t.Errorf("got application-name %d times, want only when it changes", got)
	}

	result.Outcome = record.Ready
	if err := s.Finish(result, nil); err != nil {
		t.Fatal(err)
	}
	got := s.outputs(t)
	for name, want := range map[string]string{
		"application-name": "Ocean", "version-id": "ver-a", "outcome": "ready",
		"message": "Ocean: ver-a is ready and NOT online; it blocks the next publish",
	} {
		if got[name] != want {
			t.Errorf("output %s at the end: got %q, want %q", name, got[name], want)
		}
	}
	if !strings.Contains(got["json"], `"message":"Ocean: ver-a is ready`) {
		t.Errorf("got json %q, want the message in it", got["json"])
	}
}

// annotations counts the annotations of each level in a log.
func annotations(log string) map[string]int {
	counts := map[string]int{}
	for line := range strings.SplitSeq(log, "\n") {
		for _, level := range []string{"error", "warning", "notice"} {
			if strings.HasPrefix(line, "::"+level) {
				counts[level]++
			}
		}
	}
	return counts
}

type wrapped struct{ errs []error }

func (w wrapped) Error() string          { return "2 errors occurred" }
func (w wrapped) WrappedErrors() []error { return w.errs }

func TestFinish(t *testing.T) {
	one, two := errors.New("application-id is missing"), errors.New(`release: "yes" is neither true nor false`)
	failed := record.Result{
		Command: "publish", Outcome: record.Failed, ApplicationName: "Ocean", RequestID: "id-1",
		ErrorCode: "OperationDenied", ErrorMessage: "CAR said no.", ErrorHint: "Ask again.",
	}
	for name, tt := range map[string]struct {
		result record.Result
		err    error
		counts map[string]int
		last   []string // lines at the end of the log
	}{
		"released": {
			record.Result{Outcome: record.Released, VersionID: "v", Next: []record.Command{{Purpose: "roll back", Line: "x y"}}},
			nil,
			map[string]int{"notice": 1},
			[]string{"::notice::car-publish: v is online%0ATo roll back: x y"},
		},
		"listed": {record.Result{Outcome: record.Listing, ApplicationName: "Ocean", ApplicationID: "app-1"}, nil, map[string]int{}, []string{"Ocean: 0 versions"}},
		"failed": {
			failed, errors.New("CAR said no."),
			map[string]int{"error": 1},
			[]string{"::error title=Ocean%3A publish failed::CAR said no.%0AAsk again."},
		},
		"failed with several causes": {
			failed, errors.Join(errors.New("CAR said no."), errors.New("clean-up")),
			map[string]int{"error": 1},
			[]string{"::error title=Ocean%3A publish failed::CAR said no.%0AAsk again."},
		},
		"one problem": {
			record.Result{},
			errors.Join(one),
			map[string]int{"error": 1},
			[]string{"::error::application-id is missing"},
		},
		"two problems joined": {
			record.Result{},
			errors.Join(one, two),
			map[string]int{"error": 2},
			[]string{"2 problems:", "::error::application-id is missing", `::error::release: "yes" is neither true nor false`},
		},
		"two problems of a multierror": {
			record.Result{},
			wrapped{[]error{one, two}},
			map[string]int{"error": 2},
			[]string{"2 problems:", "::error::application-id is missing", `::error::release: "yes" is neither true nor false`},
		},
		"an error before the run": {
			record.Result{Command: "publish"},
			one,
			map[string]int{"error": 1},
			[]string{"::error title=car-publish%3A publish failed::application-id is missing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, report.Options{})
			s.Handle(record.PhaseBegan{Phase: record.Check})
			if err := s.Finish(tt.result, tt.err); err != nil {
				t.Fatal(err)
			}
			log := strings.ReplaceAll(s.log.String(), "\r\n", "\n")
			if diff := cmp.Diff(tt.counts, annotations(log)); diff != "" {
				t.Errorf("annotations (-want +got):\n%s\n%s", diff, log)
			}
			if want := "::endgroup::\n" + strings.Join(tt.last, "\n") + "\n"; !strings.HasSuffix(log, want) {
				t.Errorf("got log\n%s\nwant it to end\n%s", log, want)
			}
			if page := read(t, s.dir, "summary"); !strings.HasPrefix(page, "### ") {
				t.Errorf("got summary %q, want a heading first", page)
			}
			if tt.err != nil {
				outputs := s.outputs(t)
				if outputs["outcome"] != "failed" || outputs["error-message"] == "" {
					t.Errorf("got outputs %v, want the failure in them", outputs)
				}
			}
		})
	}
}

func TestFinishInATerminal(t *testing.T) {
	var log bytes.Buffer
	r := report.New(detect(t, "plain", &log, nil), report.Options{})
	err := r.Finish(record.Result{
		Command: "publish", Outcome: record.Blocked, ApplicationID: "app-1", ApplicationName: "Ocean", BlockingVersionID: "ver-b",
		ErrorMessage: "Ocean cannot take a new version.", ErrorHint: "Release ver-b.",
	}, errors.New("blocked"))
	if err != nil {
		t.Fatal(err)
	}
	want := `
Application    Ocean app-1
Blocked by     ver-b
error: Ocean: publish is blocked: Ocean cannot take a new version.
  Release ver-b.
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	o := report.Options{
		OutputFile:  filepath.Join(dir, "car.env"),
		JSONFile:    filepath.Join(dir, "car.json"),
		SummaryFile: filepath.Join(dir, "car.md"),
	}
	if err := os.WriteFile(o.OutputFile, []byte("OLD=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, o)
	result := record.Result{Schema: record.Schema, Outcome: record.Released, VersionID: "ver-a"}
	if err := s.Finish(result, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, o.OutputFile), "CAR_PUBLISHED_OUTCOME=released\nCAR_PUBLISHED_VERSION_ID=ver-a\n"+
		"CAR_PUBLISHED_MESSAGE=car-publish: ver-a is online\n"; got != want {
		t.Errorf("output-file: got %q, want %q", got, want)
	}
	var back record.Result
	if err := json.Unmarshal([]byte(read(t, o.JSONFile)), &back); err != nil {
		t.Fatal(err)
	}
	result.Message = "car-publish: ver-a is online"
	if diff := cmp.Diff(result, back); diff != "" {
		t.Errorf("json-file (-want +got):\n%s", diff)
	}
	if got, want := read(t, o.SummaryFile), read(t, s.dir, "summary"); got != want {
		t.Errorf("summary-file: got %q, want the summary %q", got, want)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 3 || len(hidden) != 0 {
		t.Errorf("got files %q and %q, want the three", names, hidden)
	}
}

func TestOutputFileThatWouldBeTooBig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "car.env")
	s := newStage(t, report.Options{OutputFile: path})
	long := strings.Repeat("n", 2000)
	err := s.Finish(record.Result{
		Outcome: record.Failed, VersionName: long, ApplicationName: long, BlockingVersionID: long, ErrorCode: long, ErrorMessage: long,
	}, errors.New(long))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.log.String(); !strings.Contains(got, "output-file lacks version-name, ") {
		t.Errorf("want the log to say what is missing:\n%.500s", got)
	}
	if got := read(t, path); len(got) >= 5000 || !strings.Contains(got, "CAR_PUBLISHED_OUTCOME=failed\n") {
		t.Errorf("got %d bytes: %.300s", len(got), got)
	}
}

func TestFileThatCannotBeWritten(t *testing.T) {
	for name, path := range map[string]string{
		"no such directory": filepath.Join(t.TempDir(), "no", "such", "car.json"),
		"a directory":       t.TempDir(),
	} {
		for outcome, level := range map[record.Outcome]string{record.Released: "error", record.Failed: "warning"} {
			t.Run(name+" "+string(outcome), func(t *testing.T) {
				s := newStage(t, report.Options{JSONFile: path})
				err := s.Finish(record.Result{Outcome: outcome, ErrorMessage: "no"}, nil)
				if err == nil || !strings.Contains(err.Error(), "json-file") || !strings.Contains(err.Error(), path) {
					t.Errorf("got error %v, want one that names json-file and %s", err, path)
				}
				log := strings.ReplaceAll(s.log.String(), "\r\n", "\n")
				if !strings.Contains(log, "::"+level+"::write json-file") {
					t.Errorf("want the %s in the log:\n%s", level, log)
				}
				if got := annotations(log)["error"]; got != 1 {
					t.Errorf("got %d error annotations, want one:\n%s", got, log)
				}
				if _, err := os.Stat(filepath.Dir(path)); name == "no such directory" && err == nil {
					t.Error("a directory was made")
				}
			})
		}
	}
}

func TestFileBehindALink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.md"), filepath.Join(dir, "link.md")
	if err := os.WriteFile(real, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.md", link); err != nil {
		t.Fatal(err)
	}
	if err := newStage(t, report.Options{SummaryFile: link}).Finish(record.Result{Outcome: record.Planned}, nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, real); !strings.HasPrefix(got, "### ") {
		t.Errorf("got %q behind the link, want the summary", got)
	}
	if target, err := os.Readlink(link); err != nil || target != "real.md" {
		t.Errorf("got link %q, %v; want it kept", target, err)
	}
}

func TestWithoutOutputs(t *testing.T) {
	var log bytes.Buffer
	r := report.New(detect(t, "github", &log, nil), report.Options{})
	r.Handle(record.Learned{Result: record.Result{ApplicationName: "Ocean", VersionID: "ver-a"}})
	if err := r.Finish(record.Result{Outcome: record.Released, ApplicationName: "Ocean", VersionID: "ver-b"}, nil); err != nil {
		t.Errorf("got error %v, want none: the run did what was asked", err)
	}
	if got := annotations(log.String())["warning"]; got != 1 {
		t.Errorf("got %d warnings, want one:\n%s", got, log.String())
	}
}

func TestSecretsStayOut(t *testing.T) {
	dir := t.TempDir()
	o := report.Options{
		OutputFile:  filepath.Join(dir, "car.env"),
		JSONFile:    filepath.Join(dir, "car.json"),
		SummaryFile: filepath.Join(dir, "car.md"),
	}
	s := newStage(t, o)
	const key = "a_b*c<d>\"e" // Markdown and JSON write it differently
	s.Handle(record.Masked{Secret: secret.New(key)})
	s.log.Reset()
	warnings := []string{"warned of " + key}
	trust := &record.Policy{Statement: []record.Statement{{Condition: &record.Condition{StringEqual: record.Claims{Subject: []string{key}}}}}}
	s.Handle(record.Found{Finding: record.Finding{Check: "Token", Detail: key, Hint: key}})
	err := s.Finish(record.Result{
		Outcome: record.Failed, ApplicationName: key, ErrorMessage: "refused: " + key, Warnings: warnings,
		Checks: []record.Finding{{Check: "Token", Detail: key}}, TrustPolicy: trust, Probe: []record.Answer{{Answer: key}},
		Next: []record.Command{{Purpose: "try " + key, Line: "x " + key}}, Requests: []record.Request{{Action: key}},
	}, errors.New("refused"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"log": s.log.String(), "outputs": read(t, s.dir, "outputs"), "summary": read(t, s.dir, "summary"),
		"output-file": read(t, o.OutputFile), "json-file": read(t, o.JSONFile), "summary-file": read(t, o.SummaryFile),
	} {
		for _, part := range []string{"a_b", `a\_b`, "<d>", "&lt;d", `\u003cd`} {
			if strings.Contains(text, part) {
				t.Errorf("%s: got %q in it:\n%s", name, part, text)
			}
		}
		if !strings.Contains(text, "***") && !strings.Contains(text, `\*\*\*`) {
			t.Errorf("%s: want stars in place of the secret:\n%s", name, text)
		}
	}
	if trust.Statement[0].Condition.StringEqual.Subject[0] != key {
		t.Error("the caller's own policy was changed")
	}
	if warnings[0] != "warned of "+key {
		t.Errorf("the caller's own value was changed to %q", warnings[0])
	}
}

func TestConcurrentEvents(t *testing.T) {
	s := newStage(t, report.Options{Verbose: true})
	var wg sync.WaitGroup
	const workers, events = 8, 50
	for w := range workers {
		wg.Go(func() {
			for i := range events {
				s.Handle(record.Uploaded{Done: int64(i), Total: 1 << 40})
				s.Handle(record.Called{Action: "UploadPart", RequestID: fmt.Sprintf("%d-%d", w, i)})
				s.Handle(record.Masked{Secret: secret.New(fmt.Sprintf("secret of %d", w))})
				s.Handle(record.Learned{Result: record.Result{VersionID: fmt.Sprintf("ver-%d-%d", w, i)}})
				s.Print("a line")
			}
		})
	}
	wg.Wait()
	calls, lines := 0, 0
	for line := range strings.SplitSeq(s.log.String(), "\n") {
		if strings.HasPrefix(line, "UploadPart: 0 ms, RequestId ") {
			calls++
		}
		if line == "a line" {
			lines++
		}
	}
	if calls != workers*events || lines != workers*events {
		t.Errorf("got %d calls and %d lines whole, want %d of each", calls, lines, workers*events)
	}
	if got := s.outputs(t)["version-id"]; !strings.HasPrefix(got, "ver-") {
		t.Errorf("got version-id %q", got)
	}
}
