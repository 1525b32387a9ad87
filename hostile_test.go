package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/inputs"
)

// evil is a text that wants to be a command of a runner, an output, a
// variable, a page, a link and a terminal code.
const evil = "x\n::stop-commands::y\r\n::set-output name=evil::1\n  ::error::evil\nevil<<ghadelimiter_1\nevil=1\nghadelimiter_1\nCAR_PUBLISHED_EVIL=1\n" +
	"##[error]evil ##vso[task.setvariable variable=evil]1 <script>evil()</script> <img src=x onerror=evil()> | `a` [evil](http://evil.com) ![evil](http://evil.com/i) " +
	"\n```\n# evil\n\x00\x1b[31m\u202e\u2028\"'$(evil)"

// Every text in every answer of a publish is evil once, on each host. It may
// be shown, but it does nothing.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	hostileTexts(t, "app-desktop", carsim.World{}, "--release", "--version-name", "Ocean 7", "--artifact", smallBuild(t))
}

// So is every text in the answers to doctor and its probe.
func TestHostileTextsOfDoctor(t *testing.T) {
	t.Parallel()
	// A world in which a probe has nothing to wait for.
	hostileTexts(t, "app-noconfig", carsim.World{SnapshotDesktop: carsim.SnapshotIgnored}, "doctor", "--probe", "app-noconfig")
}

func hostileTexts(t *testing.T, app string, world carsim.World, args ...string) {
	timeout := time.Minute // a clean run must come to its end on the busiest machine
	play := func(what string, github bool, change func(action string, answer []byte) []byte, faults ...carsim.Fault) {
		o := &observed{cage: newCage(), github: github, dir: t.TempDir(), args: args}
		world := world
		world.Faults = faults
		sim := carsim.New(world)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sim.ServeHTTP(&changed{w, r.Header.Get("X-Tc-Action"), change}, r)
		}))
		defer server.Close()
		o.env = []string{
			"CAR_APPLICATION_ID=" + app, "CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "CAR_TIMEOUT=" + timeout.String(),
			"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey,
		}
		shown, err := o.run(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if !slices.ContainsFunc(inputs.ExitStatuses, func(s inputs.ExitStatus) bool { return s.Code == o.status }) || strings.Contains(shown["stderr"], "goroutine ") {
			t.Errorf("%s: exit status %d:\n%s", what, o.status, shown["stderr"])
		}
		for where, text := range shown {
			if line := obeyed(where, text); line != "" {
				t.Errorf("%s, github %v: %s has the line %q", what, github, where, line)
			}
		}
		errs := strings.Count("\n"+shown["stdout"], "\n::error") + strings.Count("\n"+shown["stderr"], "\nerror:")
		if (o.status != exitDone) != (errs == 1) {
			t.Errorf("%s, github %v: exit status %d and %d errors:\n%s%s", what, github, o.status, errs, shown["stdout"], shown["stderr"])
		}
	}

	// The places of the texts are those that a clean run shows.
	type place struct{ action, path string }
	var places []place
	var actions []string
	play("a clean run", false, func(action string, answer []byte) []byte {
		if !slices.Contains(actions, action) {
			actions = append(actions, action)
		}
		_ = withTexts(answer, func(path, text string) string {
			if p := (place{action, path}); !slices.Contains(places, p) {
				places = append(places, p)
			}
			return text
		})
		return answer
	})
	if len(places) < 50 {
		t.Fatalf("only %d texts in the answers: %v", len(places), places)
	}
	timeout = 3 * time.Second        // some of these never end by themselves
	slots := make(chan struct{}, 48) // most of a run is waiting
	var runs sync.WaitGroup
	start := func(f func()) {
		runs.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f()
		})
	}
	keep := func(_ string, answer []byte) []byte { return answer }
	for _, github := range []bool{false, true} {
		for _, p := range places {
			start(func() {
				play(p.action+" "+p.path, github, func(action string, answer []byte) []byte {
					if action != p.action {
						return answer
					}
					return withTexts(answer, func(path, text string) string {
						if path == p.path {
							return evil
						}
						return text
					})
				})
			})
		}
		for _, action := range append(actions, "cos:InitiateMultipartUpload", "cos:UploadPart") {
			start(func() {
				play(action+" refused", github, keep, carsim.Fault{Action: action, Kind: carsim.Refuse, Code: "InvalidParameter" + evil, Message: evil})
			})
			start(func() {
				play(action+" redirected", github, keep, carsim.Fault{Action: action, Kind: carsim.Redirect, Location: "http://169.254.169.254/latest/<script>"})
			})
		}
	}
	runs.Wait()
	t.Logf("%d texts in the answers to %d calls", len(places), len(actions))
}

// obeyed returns the first line of what was shown that somebody would take for
// more than a text.
func obeyed(where, text string) string {
	var names []string
	for _, o := range inputs.Outputs {
		names = append(names, o.Name)
	}
	own := regexp.MustCompile(`^::(group|endgroup|error|warning|notice)( title=[^:]*)?::`)
	dotenv := regexp.MustCompile(`^CAR_PUBLISHED_(` + strings.ToUpper(strings.ReplaceAll(strings.Join(names, "|"), "-", "_")) + `)=`)
	delimiter := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		body := strings.TrimSpace(line)
		bad := strings.ContainsFunc(line, func(r rune) bool {
			data := where == "CAR_JSON_FILE" || where == "GITHUB_OUTPUT" // JSON leaves what has a form there
			return unicode.IsControl(r) && r != '\t' || !data && unicode.Is(unicode.Bidi_Control, r) || r == '\u2028'
		})
		switch where {
		case "stdout", "stderr":
			bad = bad || strings.HasPrefix(body, "::") && !own.MatchString(line) || strings.Contains(line, "##[") || strings.Contains(line, "##vso[")
		case "CAR_OUTPUT_FILE":
			bad = bad || !dotenv.MatchString(line)
		case "GITHUB_OUTPUT", "GITHUB_STATE":
			name, after, begins := strings.Cut(line, "<<")
			switch {
			case delimiter != "":
				if line == delimiter {
					delimiter = ""
				}
			case begins && (slices.Contains(names, name) || where == "GITHUB_STATE" && (name == "mark" || name == "version")):
				delimiter = after
			default:
				bad = true
			}
		case "GITHUB_STEP_SUMMARY", "CAR_SUMMARY_FILE":
			bad = bad || strings.Contains(line, "<script") || strings.Contains(line, "<img") || strings.Contains(line, "](http://evil") || body == "# evil"
		}
		if bad {
			return line
		}
	}
	if where == "CAR_JSON_FILE" && !json.Valid([]byte(text)) {
		return text
	}
	return ""
}

// The test above can fail.
func TestObeyed(t *testing.T) {
	for _, where := range []string{"stdout", "stderr", "CAR_OUTPUT_FILE", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "CAR_SUMMARY_FILE", "CAR_JSON_FILE"} {
		if obeyed(where, evil) == "" {
			t.Errorf("%s: an evil text was taken", where)
		}
	}
	for where, text := range map[string]string{
		"stdout": "::group::a\nb ::error::\n::error title=c::d\n", "CAR_OUTPUT_FILE": "CAR_PUBLISHED_VERSION_ID=a\n",
		"GITHUB_OUTPUT": "version-id<<D\nevil=1\nD\nmessage<<E\nb\nE\n", "CAR_JSON_FILE": "{}\n",
	} {
		if line := obeyed(where, text); line != "" {
			t.Errorf("%s: %q was refused", where, line)
		}
	}
}

// changed is an answer of the API that is changed on its way.
type changed struct {
	http.ResponseWriter
	action string
	change func(action string, answer []byte) []byte
}

func (c *changed) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *changed) WriteHeader(status int) {
	if c.action != "" {
		c.Header().Del("Content-Length") // of the answer as it was
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *changed) Write(b []byte) (int, error) {
	if c.action != "" {
		if _, err := c.ResponseWriter.Write(c.change(c.action, b)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return c.ResponseWriter.Write(b)
}

// withTexts returns a JSON document with each text replaced by what f makes of
// it. Elements of a list have the same path.
func withTexts(document []byte, f func(path, text string) string) []byte {
	var walk func(path string, value any) any
	walk = func(path string, value any) any {
		switch value := value.(type) {
		case string:
			return f(path, value)
		case []any:
			for i := range value {
				value[i] = walk(path+"[]", value[i])
			}
		case map[string]any:
			for name := range value {
				value[name] = walk(path+"."+name, value[name])
			}
		}
		return value
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return document
	}
	out, err := json.Marshal(walk("", value))
	if err != nil {
		panic(fmt.Sprintf("a document of texts and numbers: %v", err))
	}
	return out
}
