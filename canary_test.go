package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// Canaries are made-up secrets that nothing may show, whole or in part. They
// have the letters that encodings change, as far as their place allows these.
const (
	canaryID    = "AKIDq7Zp2Xw9Lr4TnB6vKc3Hy8Ds5Gf1"
	canaryKey   = `k9"R<V8x\m3>Jw/7Qc&5Y+t2N%b8L'h`
	canaryToken = "tK+4hP/9wE=2uXe-7bM_6rDz+1nGf/5sVj=8cQy-3aTk_0iLo+WmRpYx/ZqHdBvJgSNcUFwEOKIAAltB"
	canaryAsk   = "rQ7/uW3+eT9zYx-5kJh_2mNb4vC6sDf8gH1jL0pOaIqZ" // asks GitHub for an ID token
	canaryPass  = "pG6%2BsD8%2fh=J4fYc2"
	canaryQuery = "sign=8f3A%2Bd7%2Fe1%3D6b9c2d4f5a0b&token=Vr5%2FmQ8zL%2B2nXk7%3DwT4yHb9cJd6Pf3s"
)

// longQuery is what the address of an object has when it carries temporary
// keys: longer than the part of a message that is shown.
var longQuery = canaryQuery + strings.Repeat("Gv1uE0aRiOoKlZxWqNtBmYj", 20)

// cage knows the canaries in every form in which they may get out.
type cage struct {
	mu     sync.Mutex
	pieces map[string]string // of each form, at every place, and what it is a piece of
}

// piece is how many bytes of a secret are too many. Fewer come up by chance.
const piece = 12

// plant adds a canary.
func (c *cage) plant(what, text string) {
	if len(text) < piece {
		return
	}
	quoted := func(v any, html bool) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		_ = e.Encode(v) // a string
		return strings.Trim(b.String(), "\"\n")
	}
	forms := map[string]string{
		"as it is": text, "in a query": url.QueryEscape(text), "in a path": url.PathEscape(text),
		"in JSON": quoted(text, false), "in JSON for HTML": quoted(text, true), "in %q": strings.Trim(fmt.Sprintf("%q", text), `"`),
		"in HTML": html.EscapeString(text), `with \/`: strings.ReplaceAll(text, "/", `\/`),
		"in a query in lower case": lowerEscapes(url.QueryEscape(text)),
		"in base64 twice":          base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(text)))),
		"in hex":                   hex.EncodeToString([]byte(text)), "in upper hex": strings.ToUpper(hex.EncodeToString([]byte(text))),
	}
	if plain, err := url.QueryUnescape(text); err == nil {
		forms["unescaped"] = plain
	}
	for before := range 3 {
		// The first four letters hold bits of what stands before.
		padded := append(make([]byte, before), text...)
		forms[fmt.Sprintf("in base64 after %d", before)] = strings.TrimRight(base64.StdEncoding.EncodeToString(padded), "=")[4:]
		forms[fmt.Sprintf("in base64url after %d", before)] = strings.TrimRight(base64.URLEncoding.EncodeToString(padded), "=")[4:]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for form, coded := range forms {
		for i := 0; i+piece <= len(coded); i++ {
			c.pieces[coded[i:i+piece]] = what + " " + form
		}
	}
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(escaped string) string {
	return regexp.MustCompile("%[0-9A-F]{2}").ReplaceAllStringFunc(escaped, strings.ToLower)
}

// newCage has the canaries that every run is given.
func newCage() *cage {
	c := &cage{pieces: map[string]string{}}
	c.plant("secret-id", canaryID)
	c.plant("secret-key", canaryKey)
	c.plant("session-token", canaryToken)
	c.plant("request token", canaryAsk)
	c.plant("query of artifact-url", longQuery) // begins with the other
	c.plant("password", canaryPass)
	return c
}

// escaped returns what got out with a text, and the line in which it stands.
func (c *cage) escaped(text string) (canary, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i+piece <= len(text); i++ {
		if canary, found := c.pieces[text[i:i+piece]]; found {
			begin, rest := strings.LastIndexByte(text[:i], '\n')+1, strings.IndexByte(text[i:], '\n')
			if rest < 0 {
				rest = len(text) - i
			}
			return canary, text[begin : i+rest]
		}
	}
	return "", ""
}

// look fails the test if a text shows a canary.
func (c *cage) look(t *testing.T, where, text string) {
	if canary, line := c.escaped(text); canary != "" {
		t.Errorf("%s shows the %s:\n%s", where, canary, line)
	}
}

// The test below can fail: every form is found, in any surroundings.
func TestCage(t *testing.T) {
	c := newCage()
	for what, text := range map[string]string{
		"as it is":    canaryKey,
		"its end":     "…" + canaryToken[60:],
		"a middle":    canaryToken[20:33],
		"path":        url.PathEscape(canaryToken),
		"query":       url.QueryEscape(canaryKey),
		"unescaped":   "sign=8f3A+d7/e1=6b9c2d4f5a0b",
		"JSON":        `{"Key":"k9\"R\u003cV8x\\m3\u003eJw/7Q"}`,
		"%q":          fmt.Sprintf("%q", canaryKey),
		"hex":         fmt.Sprintf("%x", canaryKey),
		"upper hex":   fmt.Sprintf("%X", canaryKey),
		"base64":      base64.StdEncoding.EncodeToString([]byte("user:" + canaryPass)),
		"raw base64":  base64.RawURLEncoding.EncodeToString([]byte("ab" + canaryKey + "c")),
		"base64 in a": base64.StdEncoding.EncodeToString([]byte(`{"token":"` + canaryToken + `"}`)),
	} {
		if canary, _ := c.escaped("before\n" + text + "\nafter"); canary == "" {
			t.Errorf("%s: not found", what)
		}
	}
	if canary, line := c.escaped("AKID is how ids begin; q-sign-a ***"); canary != "" {
		t.Errorf("found %s in %q", canary, line)
	}
}

// masking is what tells a runner a secret: the one place for it.
const masking = "::add-mask::"

// azureMasking is what tells Azure's agent.
const azureMasking = "##vso[task.setsecret]"

// drawn finds Drone's card. It is looked at as what it says: in base64 it has
// "githubusercontent.com" in common with a token of GitHub's.
var drawn = regexp.MustCompile(`\]1338;([\w+/=]+)`)

// printed is a log without what the runner does not show.
func printed(log string) string {
	log = drawn.ReplaceAllStringFunc(log, func(card string) string {
		text, err := base64.StdEncoding.DecodeString(drawn.FindStringSubmatch(card)[1])
		if err != nil {
			return card
		}
		return string(text)
	})
	lines := strings.Split(log, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, masking) || strings.HasPrefix(line, azureMasking)
	}), "\n")
}

// canaryKeys are the simulator's usual ones with other texts.
func canaryKeys() []carsim.Key {
	keys := carsim.DefaultKeys("")
	for i := range keys {
		keys[i].SecretID = strings.Replace(keys[i].SecretID, carsim.SecretID, canaryID, 1)
		keys[i].SecretKey = canaryKey
		if keys[i].Token != "" {
			keys[i].Token = canaryToken
		}
	}
	return keys
}

// tattling is a service that repeats in the header of each answer what it was
// told. The keys that it hands out go into the cage.
func (c *cage) tattling(next http.Handler, asked func(*http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked(r)
		for _, name := range []string{"Authorization", "X-Tc-Token", "X-Cos-Security-Token"} {
			w.Header()["X-Echo-"+name] = r.Header[name]
		}
		switch action := r.Header.Get("X-Tc-Action"); {
		case action == "AssumeRoleWithWebIdentity":
			body, _ := io.ReadAll(r.Body) // what is cut short is the service's to find out
			r.Body = io.NopCloser(bytes.NewReader(body))
			var request struct{ WebIdentityToken string }
			if json.Unmarshal(body, &request) == nil {
				c.plant("OIDC token", signature(request.WebIdentityToken))
			}
			w = &overheard{w, c}
		case action == "DescribeCosCredential", strings.HasPrefix(r.URL.Path, "/_github/"), r.Host == "metadata.tencentyun.com":
			w = &overheard{w, c}
		}
		next.ServeHTTP(w, r)
	})
}

type overheard struct {
	http.ResponseWriter
	cage *cage
}

func (o *overheard) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *overheard) Write(b []byte) (int, error) {
	var answer struct {
		Response struct {
			SecretID, SecretKey, SessionToken string
			Credentials                       struct{ TmpSecretID, TmpSecretKey, Token string }
		}
		Value                            string
		TmpSecretID, TmpSecretKey, Token string
	}
	if json.Unmarshal(b, &answer) == nil {
		role := answer.Response.Credentials
		o.cage.plant("SecretId of the role", role.TmpSecretID+answer.TmpSecretID)
		o.cage.plant("SecretKey of the role", role.TmpSecretKey+answer.TmpSecretKey)
		o.cage.plant("token of the role", role.Token+answer.Token)
		o.cage.plant("OIDC token", signature(answer.Value))
		o.cage.plant("SecretID of the upload", answer.Response.SecretID)
		o.cage.plant("SecretKey of the upload", answer.Response.SecretKey)
		o.cage.plant("SessionToken of the upload", answer.Response.SessionToken)
	}
	return o.ResponseWriter.Write(b)
}

// signature is the part of an OIDC token that makes it one. What stands before
// is the base64 of common words, which other base64 may have as well.
func signature(token string) string { return token[strings.LastIndexByte(token, '.')+1:] }

// Every story, with canaries for secrets and with verbose on, where it plays
// and on GitHub. Whether it goes as told is TestStories's matter, since verbose
// says more than a story expects: here counts what is shown.
func TestStoriesShowNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	secrets := strings.NewReplacer(carsim.SecretID, canaryID, carsim.SecretKey, canaryKey, carsim.SessionToken, canaryToken, carsim.RequestToken, canaryAsk, "sign=s3cr3t-token-value", canaryQuery)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(secrets.Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var hosts sync.WaitGroup
	for _, github := range []bool{false, true} {
		hosts.Go(func() {
			a := &audience{t: t, cage: newCage(), slots: make(chan struct{}, 16)}
			testscript.RunT(a, testscript.Params{
				Dir: dir, ContinueOnError: true, Cmds: storyCommands,
				Setup: func(env *testscript.Env) error { return a.setup(env, github) },
			})
			a.stories.Wait()
			if a.heard.Load() < int64(len(files)) || a.signed.Load() == 0 {
				t.Errorf("%d programs ran in %d stories, and %d requests were signed with a canary", a.heard.Load(), len(files), a.signed.Load())
			}
		})
	}
	hosts.Wait()
}

// audience is a testscript.T that lets every story go on to its end and looks
// at all that it shows.
type audience struct {
	t       *testing.T
	cage    *cage
	stories sync.WaitGroup
	slots   chan struct{} // most of a story is waiting
	heard   atomic.Int64  // programs
	signed  atomic.Int64  // requests
}

func (a *audience) Parallel()     {}
func (a *audience) Verbose() bool { return true } // keeps the whole log
func (a *audience) Skip(...any)   { runtime.Goexit() }
func (a *audience) Fatal(...any)  { runtime.Goexit() }
func (a *audience) FailNow()      { runtime.Goexit() }

func (a *audience) Run(_ string, story func(testscript.T)) {
	a.stories.Go(func() {
		a.slots <- struct{}{}
		defer func() { <-a.slots }()
		story(a)
	})
}

// Log gets the log of a story. What stands in the script is no output, and
// what carsim shows is another program's.
func (a *audience) Log(args ...any) {
	ours := false
	var heard strings.Builder
	for line := range strings.Lines(fmt.Sprint(args...)) {
		switch {
		case strings.HasPrefix(line, "> "):
			words := strings.Fields(line)
			ours = slices.ContainsFunc(words, func(w string) bool { return w == "car-publish" || w == "cleanup" })
			if ours {
				a.heard.Add(1)
			}
		case ours && !strings.HasPrefix(line, "FAIL: "):
			heard.WriteString(line)
		}
	}
	a.cage.look(a.t, "the log", printed(heard.String()))
}

func (a *audience) setup(env *testscript.Env, github bool) error {
	given := map[string]string{} // the story's own files
	if err := a.files(env.WorkDir, func(path string, text []byte) { given[path] = string(text) }); err != nil {
		return err
	}
	var mu sync.Mutex
	reports := func() { // before the next run replaces them
		mu.Lock()
		defer mu.Unlock()
		_ = a.files(env.WorkDir, func(path string, text []byte) {
			if given[path] != string(text) {
				a.cage.look(a.t, filepath.Base(env.WorkDir)+"/"+filepath.Base(path), string(text))
			}
		})
	}
	err := setup(env, carsim.World{Keys: canaryKeys(), Issuer: carsim.Issuer{RequestToken: canaryAsk}}, func(sim http.Handler) http.Handler {
		return a.cage.tattling(sim, func(r *http.Request) {
			if strings.Contains(r.Header.Get("Authorization"), canaryID) {
				a.signed.Add(1)
			}
			if r.Header.Get("X-Tc-Action") == "DescribeApplicationVersion" {
				reports()
			}
		})
	})
	if err != nil {
		return err
	}
	env.Defer(reports)
	env.Setenv("CAR_VERBOSE", "true")
	for _, file := range []string{"CAR_OUTPUT_FILE", "CAR_JSON_FILE", "CAR_SUMMARY_FILE"} {
		env.Setenv(file, filepath.Join(env.WorkDir, file))
	}
	if !github {
		return nil
	}
	env.Setenv("GITHUB_ACTIONS", "true")
	for _, file := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		path := filepath.Join(env.WorkDir, file)
		env.Setenv(file, path)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// files calls f with each file of a story that is neither a build nor a token
// of the story's own.
func (a *audience) files(dir string, f func(path string, text []byte)) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 || slices.Contains([]string{".zip", ".jwt"}, filepath.Ext(entry.Name())) {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		if text, err := os.ReadFile(path); err == nil { // it may just be replaced
			f(path, text)
		}
	}
	return err
}

// observed runs the program with the environment and looks at all that it
// shows: streams, files, command line.
type observed struct {
	cage    *cage
	github  bool
	env     []string
	args    []string
	dir     string
	process atomic.Int64 // its id, once it runs
	lines   atomic.Int64 // how often its command line was looked at
	status  int
}

// run returns everything that it showed, by where.
func (o *observed) run(ctx context.Context) (map[string]string, error) {
	variables := []string{"CAR_OUTPUT_FILE", "CAR_JSON_FILE", "CAR_SUMMARY_FILE"}
	if o.github {
		variables = append(variables, "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
		o.env = append(o.env, "GITHUB_ACTIONS=true")
	}
	for _, name := range variables {
		path := filepath.Join(o.dir, name)
		o.env = append(o.env, name+"="+path)
		if strings.HasPrefix(name, "GITHUB_") {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return nil, err
			}
		}
	}
	command := exec.CommandContext(ctx, testbin.Path("car-publish"), o.args...)
	command.Env = append(o.env, "CAR_VERBOSE=true", "GOCOVERDIR="+os.Getenv("GOCOVERDIR"))
	command.Dir = o.dir
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	o.process.Store(int64(command.Process.Pid))
	if err := command.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		return nil, err
	}
	o.status = command.ProcessState.ExitCode()
	shown := map[string]string{"stdout": printed(stdout.String()), "stderr": stderr.String()}
	for _, name := range variables {
		path := filepath.Join(o.dir, name)
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue // a pipe has its own reader
		}
		if text, err := os.ReadFile(path); err == nil {
			shown[name] = string(text)
		}
	}
	return shown, nil
}

// commandLine looks at the command line while the program runs, where the
// system shows it as a file.
func (o *observed) commandLine(t *testing.T) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", o.process.Load()))
	if o.process.Load() == 0 || err != nil || len(text) == 0 {
		return
	}
	o.lines.Add(1)
	o.cage.look(t, "the command line", string(text))
}

// smallBuild returns the path of a build.
func smallBuild(t *testing.T) string {
	t.Helper()
	build, err := archive("Game/Game.exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "game.zip")
	if err := os.WriteFile(path, build, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every call of a publish with every fault, on each host.
func TestFaultsShowNoSecret(t *testing.T) {
	t.Parallel()
	game := smallBuild(t)
	keys := canaryKeys()
	temporary := keys[slices.IndexFunc(keys, func(k carsim.Key) bool { return k.Token != "" })]
	var lines atomic.Int64
	const examine = "doctor" // in the place of a query: that command, of the same build
	play := func(github, keyless bool, query, timeout string, faults ...carsim.Fault) ([]carsim.Call, map[string]string) {
		o := &observed{cage: newCage(), github: github, dir: t.TempDir()}
		sim := carsim.New(carsim.World{Keys: keys, Issuer: carsim.Issuer{RequestToken: canaryAsk}, Faults: faults})
		server := httptest.NewServer(o.cage.tattling(sim, func(*http.Request) { o.commandLine(t) }))
		defer server.Close()
		o.args = []string{"--release", "--version-name", "Ocean 7"}
		o.env = []string{
			"CAR_APPLICATION_ID=app-desktop", "CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "CAR_TIMEOUT=" + timeout,
		}
		given := map[string]string{"CAR_SECRET_ID": temporary.SecretID, "CAR_SECRET_KEY": temporary.SecretKey, "CAR_SESSION_TOKEN": temporary.Token}
		if keyless {
			given = nil
			o.env = append(o.env, "CAR_STS_ENDPOINT="+server.URL, "CAR_ROLE_ARN="+carsim.RoleARN, "CAR_OIDC_PROVIDER="+carsim.ProviderName,
				"ACTIONS_ID_TOKEN_REQUEST_URL="+server.URL+"/_github/idtoken?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+canaryAsk)
		}
		for name, text := range given {
			if github { // there from files, for a change
				path := filepath.Join(o.dir, name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Error(err)
				}
				name, text = name+"_FILE", path
			}
			o.env = append(o.env, name+"="+text)
		}
		if query == examine {
			o.args = append([]string{examine}, o.args...)
			query = ""
		}
		if query != "" {
			o.env = append(o.env, "CAR_ARTIFACT_URL=https://ci:"+canaryPass+"@builds.example.com/game.zip?"+query)
		} else {
			o.env = append(o.env, "CAR_ARTIFACT="+game)
		}
		shown, err := o.run(t.Context())
		if err != nil {
			t.Error(err)
		}
		lines.Add(o.lines.Load())
		for where, text := range shown {
			o.cage.look(t, where, text)
		}
		return sim.Journal(), shown
	}

	// What there is to fail: the calls of a clean run, and the one that
	// carries the URL where CAR fetches the build.
	type call struct {
		action, query string
		keyless       bool
	}
	calls := []call{{"CreateApplicationSnapshot", canaryQuery, false}, {"CreateApplicationSnapshot", longQuery, false}}
	for _, query := range []string{"", canaryQuery, examine} {
		journal, shown := play(false, false, query, "1m")
		if !strings.Contains(shown["stderr"], "is online") && !strings.Contains(shown["stderr"], "a publish could run") {
			t.Fatalf("the clean run did not succeed:\n%s", shown["stderr"])
		}
		for _, c := range journal {
			if c := (call{c.Action, query, false}); query != canaryQuery && c.action != "cos:Other" && !slices.Contains(calls, c) {
				calls = append(calls, c)
			}
		}
	}
	// And those that a run makes for its keys, with one that these sign.
	journal, shown := play(true, true, "", "1m")
	if !strings.Contains(shown["stdout"], "is online") || journal[0].Action != "github:IDToken" || journal[1].Action != "AssumeRoleWithWebIdentity" {
		t.Fatalf("the clean run as a role did not succeed:\n%s", shown["stdout"])
	}
	for _, c := range journal[:3] {
		calls = append(calls, call{c.Action, "", true}, call{c.Action, examine, true})
	}
	slots := make(chan struct{}, 48) // most of a run is waiting
	var cells sync.WaitGroup
	for _, github := range []bool{false, true} {
		for _, c := range calls {
			for _, kind := range carsim.FaultKinds() {
				cells.Go(func() {
					slots <- struct{}{}
					defer func() { <-slots }()
					// Two seconds are enough for a second and a third try; on a
					// machine that is too busy, not even for the first.
					for _, timeout := range []string{"2s", "1m"} {
						journal, _ := play(github, c.keyless, c.query, timeout, carsim.Fault{Action: c.action, Kind: kind, Size: 1 << 10, Code: "FailedOperation"})
						if slices.ContainsFunc(journal, func(j carsim.Call) bool { return j.Fault == kind }) {
							return
						}
					}
					t.Errorf("%s never met the fault %s", c.action, kind)
				})
			}
		}
	}
	cells.Wait()
	t.Logf("%d calls, %d kinds of fault", len(calls), len(carsim.FaultKinds()))
	if runtime.GOOS == "linux" && lines.Load() == 0 {
		t.Error("no command line was looked at")
	}
}

// Secrets where they belong, and where people put them by mistake; and a
// proxy that says what it was told.
func TestInputsShowNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := r.Header.Get("Proxy-Authorization")
		w.Header().Set("Proxy-Authenticate", told)
		w.Header().Set("Location", "http://"+told)
		w.WriteHeader(http.StatusProxyAuthRequired)
		_, _ = io.WriteString(w, `{"Response":{"Error":{"Code":"`+told+`","Message":"`+told+`"},"RequestId":"`+told+`"}}`)
	}))
	t.Cleanup(proxy.Close)
	beforeHost := func(userinfo, address string) string {
		return strings.Replace(address, "://", "://"+userinfo+"@", 1)
	}
	keys := []string{"CAR_SECRET_ID=" + canaryID, "CAR_SECRET_KEY=" + canaryKey}
	with := func(more ...string) []string { return append(slices.Clone(keys), more...) }
	nowhere := "http://127.0.0.1:1"
	as := func(more ...string) []string {
		return append([]string{"CAR_ROLE_ARN=" + carsim.RoleARN, "CAR_OIDC_PROVIDER=github", "CAR_ENDPOINT=" + nowhere, "CAR_STS_ENDPOINT=" + nowhere}, more...)
	}
	for name, test := range map[string]struct {
		args []string
		env  []string
	}{
		"every source at once":       {nil, with("INPUT_SECRET-KEY="+canaryKey, "PLUGIN_SECRET_KEY="+canaryKey, "TENCENTCLOUD_SECRET_KEY="+canaryKey, "TENCENTCLOUD_TOKEN="+canaryToken)},
		"files":                      {nil, []string{"CAR_SECRET_ID_FILE=" + write("id", canaryID), "CAR_SECRET_KEY_FILE=" + write("key", canaryKey+"\n"), "CAR_SESSION_TOKEN_FILE=" + write("token", canaryToken)}},
		"a file of two lines":        {nil, []string{"CAR_SECRET_KEY_FILE=" + write("lines", canaryID+"\n"+canaryKey)}},
		"the key for its file":       {nil, with("CAR_SESSION_TOKEN_FILE=" + canaryToken)},
		"a line break":               {nil, []string{"CAR_SECRET_ID=" + canaryID + "\r\n::error::" + canaryID, "CAR_SECRET_KEY=" + canaryKey}},
		"half a pair":                {nil, []string{"CAR_SECRET_KEY=" + canaryKey}},
		"token alone":                {nil, []string{"CAR_SESSION_TOKEN=" + canaryToken}},
		"OIDC tokens everywhere":     {nil, with("INPUT_OIDC-TOKEN="+canaryToken, "PLUGIN_OIDC_TOKEN="+canaryToken, "CAR_OIDC_TOKEN="+canaryToken, "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN="+canaryToken)},
		"an OIDC token that is none": {nil, as("CAR_OIDC_TOKEN=" + canaryToken)},
		"claims that are none":       {nil, as("CAR_OIDC_TOKEN=" + canaryToken + "." + canaryKey + "." + canaryID)},
		"a token of two lines":       {nil, as("CAR_OIDC_TOKEN=" + canaryToken + "\n::error::" + canaryKey)},
		"a token and its file":       {nil, as("CAR_OIDC_TOKEN="+canaryToken, "CAR_OIDC_TOKEN_FILE="+write("jwt", canaryToken))},
		"a token in a file":          {nil, as("CAR_OIDC_TOKEN_FILE=" + write("jwt2", canaryToken))},
		"a token for its file":       {nil, as("CAR_OIDC_TOKEN_FILE=" + canaryToken)},
		"a token as a flag":          {[]string{"--oidc-token", canaryToken}, as()},
		"a token for a role":         {nil, []string{"CAR_ROLE_ARN=" + canaryToken, "CAR_OIDC_TOKEN=" + canaryToken, "CAR_OIDC_PROVIDER=" + canaryToken, "CAR_OIDC_AUDIENCE=-" + canaryToken}},
		"a token without a role":     {nil, []string{"CAR_OIDC_TOKEN=" + canaryToken}},
		"nobody to ask for a token":  {nil, as("ACTIONS_ID_TOKEN_REQUEST_URL="+nowhere+"/?x="+canaryAsk, "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+canaryAsk)},
		"a token over plain http":    {nil, as("ACTIONS_ID_TOKEN_REQUEST_URL=http://example.com/?x="+canaryAsk, "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+canaryAsk)},
		"half of what asks":          {nil, as("GITHUB_ACTIONS=true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+canaryAsk)},
		"a variable that is none":    {nil, []string{"CAR_SECRETKEY=" + canaryKey}},
		"a flag that is none":        {[]string{"--secret-key", canaryKey}, keys},
		"a flag with its value":      {[]string{"--secret-key=" + canaryKey}, keys},
		"a misspelt flag":            {[]string{"--secretkey", canaryKey}, nil},
		"a key in another place":     {[]string{"--version-name", canaryKey, "--run-key", canaryID, "--timeout", canaryKey, "--on-full", canaryKey, "--keep", "[" + canaryKey, "--region", canaryKey, "--regions", canaryID, canaryKey}, keys},
		"a key for an id":            {nil, with("CAR_APPLICATION_ID="+canaryKey, "CAR_VERSION_ID="+canaryID, "CAR_ARTIFACT="+canaryKey, "CAR_CA_FILE="+canaryKey)},
		"endpoint with a password":   {nil, with("CAR_ENDPOINT=https://ci:"+canaryPass+"@example.com", "CAR_COS_ENDPOINT=https://ci:"+canaryPass+"@example.com")},
		"endpoint with a token":      {nil, with("CAR_ENDPOINT=https://" + canaryPass + "@example.com")},
		"endpoint with a slash":      {nil, with("CAR_ENDPOINT=https://ci:1/" + canaryPass + "@example.com")},
		"endpoint beyond parsing":    {nil, with("CAR_ENDPOINT=https://ci:%zz" + canaryPass + "@example.com")},
		"proxy that asks again":      {nil, with("CAR_ENDPOINT="+nowhere, "CAR_PROXY="+beforeHost("ci:"+canaryPass, proxy.URL))},
		"proxy that asks for https":  {nil, with("CAR_PROXY=" + beforeHost("ci:"+canaryPass, proxy.URL))},
		"proxy with a token":         {nil, with("CAR_ENDPOINT="+nowhere, "CAR_PROXY="+beforeHost(canaryPass, proxy.URL))},
		"proxy that is not there":    {nil, with("CAR_PROXY=" + beforeHost("ci:"+canaryPass, nowhere))},
		"proxy of the environment":   {nil, with("HTTPS_PROXY=" + beforeHost("ci:"+canaryPass, proxy.URL))},
		"no proxy of a kind":         {nil, with("CAR_PROXY=ftp://ci:" + canaryPass + "@example.com")},
		"proxy beyond parsing":       {nil, with("CAR_PROXY=http://ci:%zz" + canaryPass + "@example.com")},
		"URL for a file":             {nil, with("CAR_ARTIFACT=https://ci:" + canaryPass + "@example.com/game.zip?" + canaryQuery)},
		"URL of another scheme":      {nil, with("CAR_ARTIFACT_URL=ftp://ci:" + canaryPass + "@example.com/game.zip?" + canaryQuery)},
		"URL beyond parsing":         {nil, with("CAR_ARTIFACT_URL=https://%zz/game.zip?" + canaryQuery)},
		"URL without a name":         {nil, with("CAR_ARTIFACT_URL=https://example.com/?" + canaryQuery)},
		"URL and file":               {nil, with("CAR_ARTIFACT=game.zip", "CAR_ARTIFACT_URL=https://example.com/game.zip?"+canaryQuery)},
	} {
		command := "list"
		if strings.Contains(name, "URL") {
			command = "publish"
		}
		// Where the others end, doctor goes on with all that is not wrong; from
		// here it must not get far.
		for _, command := range []string{command, "doctor"} {
			env := []string{"CAR_APPLICATION_ID=app-desktop", "CAR_TIMEOUT=300ms"}
			if command == "doctor" {
				env = append(env, "CAR_ENDPOINT=https://127.0.0.1:1", "CAR_STS_ENDPOINT=https://127.0.0.1:1", "CAR_COS_ENDPOINT=https://127.0.0.1:1")
			}
			for _, github := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/github=%v", name, command, github), func(t *testing.T) {
					t.Parallel()
					o := &observed{cage: newCage(), github: github, dir: t.TempDir(), args: append([]string{command}, test.args...), env: slices.Concat(env, test.env)}
					shown, err := o.run(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if o.status == exitDone {
						t.Errorf("it succeeded:\n%s%s", shown["stdout"], shown["stderr"])
					}
					for where, text := range shown {
						o.cage.look(t, where, text)
					}
				})
			}
		}
	}
}
