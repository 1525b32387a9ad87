//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// builtImage is what test/e2e/run gives: the same table is then made for the built
// image as well, with the signals sent to the client of `docker run`.
var builtImage = flag.String("image", "", "also send the signals to this image")

// moment is when the signal comes: while the first call of at that follows an
// answered call of after waits for its answer.
type moment struct {
	name      string
	after, at string
	answered  bool // the answer comes, once the program knows of the signal; else it never does
	silent    bool // nor does any other from then on
	world     carsim.World

	// What is there in the end, in CAR's words, "" being nothing.
	stopped string // after SIGINT or SIGTERM
	dead    string // after SIGKILL, or a second SIGINT
	byKey   string // after cleanup with the run's key
	byState string // after GitHub's post step
	success bool   // the run had done its job before it could stop
}

var slow = carsim.World{ProcessingTime: time.Hour}

var moments = []moment{
	{name: "before the create", at: "DescribeApplicationVersion"},
	{name: "create, answer late", at: "CreateApplicationVersion", answered: true, dead: "Creating"},
	{name: "create, answer lost", at: "CreateApplicationVersion", dead: "Creating"},
	{name: "after the create", after: "CreateApplicationVersion", at: "DescribeApplicationVersion", dead: "Creating"},
	{name: "in the upload", at: "cos:UploadPart", dead: "Creating"},
	{name: "in the upload, then silence", at: "cos:UploadPart", silent: true, stopped: "Creating", dead: "Creating"},
	{name: "in the upload's completion", at: "cos:CompleteMultipartUpload", dead: "Creating"},
	{name: "before the snapshot", after: "cos:CompleteMultipartUpload", at: "DescribeApplicationVersion", dead: "Creating"},
	{name: "in the snapshot", at: "CreateApplicationSnapshot", world: slow, dead: "Creating"},
	{name: "in processing", after: "CreateApplicationSnapshot", at: "DescribeApplicationVersion", world: slow, dead: "Creating", byState: "Creating"},
	{name: "ready, before the release", at: "DescribeApplicationPathList", dead: "Normal", byKey: "Normal", byState: "Normal"},
	{name: "release, answer late", at: "SetApplicationVersionOnline", answered: true, stopped: "Inuse", dead: "Inuse", byKey: "Inuse", byState: "Inuse", success: true},
	{name: "release, answer lost", at: "SetApplicationVersionOnline", stopped: "Inuse", dead: "Inuse", byKey: "Inuse", byState: "Inuse", success: true},
}

// assault is what is sent, and what follows.
type assault struct {
	name    string
	signals []syscall.Signal
	exit    int
	then    string // the command that comes after the program's death
}

var assaults = []assault{
	{"SIGINT", []syscall.Signal{syscall.SIGINT}, exitInterrupted, ""},
	{"SIGTERM", []syscall.Signal{syscall.SIGTERM}, exitTerminated, ""},
	{"SIGINT, SIGTERM", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, exitInterrupted, ""},
	{"SIGINT twice", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, exitInterrupted, ""},
	{"SIGKILL, cleanup", []syscall.Signal{syscall.SIGKILL}, -1, "cleanup"},
	{"SIGKILL, post step", []syscall.Signal{syscall.SIGKILL}, -1, "post"},
}

// GitHub's runner sends SIGINT, SIGTERM 7.5 s later, and kills after another
// 2.5 s (src/Runner.Sdk/ProcessInvoker.cs of github.com/actions/runner). What
// is promised, 7 s, is tested to the millisecond in virtual time, in
// internal/publish; here the figure is told, and a busy machine may take
// longer.
const (
	runnerTerminates = 7500 * time.Millisecond
	safety           = time.Minute
)

// Every signal at every moment, to the real program over real sockets: what is
// left, and what removes it.
func TestSignals(t *testing.T) {
	t.Parallel()
	build, err := archive("Game/Game.exe")
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{"binary", "binary with a folder"}
	if *builtImage != "" {
		targets = append(targets, "image")
	}
	processes, containers := make(chan struct{}, 16), make(chan struct{}, 8)
	results := map[string]string{}
	var mu sync.Mutex
	t.Run("cells", func(t *testing.T) {
		for _, target := range targets {
			for i, m := range moments {
				for j, a := range assaults {
					t.Run(target+"/"+m.name+"/"+a.name, func(t *testing.T) {
						t.Parallel()
						c := &cell{moment: m, assault: a, image: target == "image", artifact: "game.zip", dir: t.TempDir(), name: fmt.Sprintf("car-publish-signals-%d-%d-%d", os.Getpid(), i, j)}
						slots := processes
						if c.image {
							slots = containers
						}
						if target == "binary with a folder" {
							c.artifact = "game"
						}
						slots <- struct{}{}
						defer func() { <-slots }()
						line := c.play(t, build)
						mu.Lock()
						defer mu.Unlock()
						results[target+m.name+a.name] = line
					})
				}
			}
		}
	})
	var table strings.Builder
	table.WriteString("\n| moment | signal | " + strings.Join(targets, " | ") + " |\n| --- | --- |" + strings.Repeat(" --- |", len(targets)))
	for _, m := range moments {
		for _, a := range assaults {
			fmt.Fprintf(&table, "\n| %s | %s |", m.name, a.name)
			for _, target := range targets {
				fmt.Fprintf(&table, " %s |", results[target+m.name+a.name])
			}
		}
	}
	t.Log(table.String())
}

// cell is one moment with one assault.
type cell struct {
	moment
	assault
	image    bool
	artifact string
	dir      string

	name       string // of its containers
	containers int

	sim   *carsim.Sim
	step  []string // the environment of the step
	plain []string // that of a command which somebody types

	reached, next, answer, resume chan struct{}

	mu     sync.Mutex
	passed bool // after was called
	came   bool // the moment has come
	struck bool // a signal was sent
	opened bool // nothing is held any more
}

// held is an answer that waits.
type held struct {
	http.ResponseWriter
	begun chan struct{} // closed when it waits; may be nil
	until chan struct{}
	gone  <-chan struct{} // the client is
}

func (h *held) WriteHeader(status int) {
	if h.begun != nil {
		close(h.begun)
	}
	select {
	case <-h.until:
	case <-h.gone:
		panic(http.ErrAbortHandler)
	}
	h.ResponseWriter.WriteHeader(status)
}

// ServeHTTP is the simulator, which holds its answers when it is time.
func (c *cell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := c.hold(actionOf(r)); h != nil {
		h.ResponseWriter, h.gone = w, r.Context().Done()
		w = h
	}
	c.sim.ServeHTTP(w, r)
}

// hold says what the answer to a call waits for.
func (c *cell) hold(action string) *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.opened:
	case !c.came && action == c.at && (c.after == "" || c.passed):
		c.came = true
		return &held{begun: c.reached, until: c.answer}
	case action == c.after:
		c.passed = true
	case c.struck:
		select {
		case <-c.next:
		default:
			close(c.next)
		}
		return &held{until: c.resume}
	}
	return nil
}

// actionOf names a request as the simulator does.
func actionOf(r *http.Request) string {
	switch query := r.URL.Query(); {
	case r.Header.Get("X-Tc-Action") != "":
		return r.Header.Get("X-Tc-Action")
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return "cos:UploadPart"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "cos:CompleteMultipartUpload"
	}
	return "cos:" + r.Method
}

// play runs the cell and returns its line of the table.
func (c *cell) play(t *testing.T, build []byte) string {
	c.reached, c.next, c.answer, c.resume = make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	c.sim = carsim.New(c.world)
	server := httptest.NewServer(c)
	defer server.Close()
	path := func(name string) string { return filepath.Join(c.dir, name) }
	if err := os.MkdirAll(path("game/Game"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"game.zip": build, "game/Game/Game.exe": build, "output": nil, "state": nil, "summary": nil} {
		if err := os.WriteFile(path(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.plain = []string{
		"CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
		"TENCENTCLOUD_SECRET_ID=" + carsim.SecretID, "TENCENTCLOUD_SECRET_KEY=" + carsim.SecretKey,
	}
	c.step = append(slices.Clone(c.plain), "CAR_APPLICATION_ID=app-desktop", "CAR_RUN_KEY=42/publish/0/a")
	if c.then != "cleanup" { // which is for CIs that have no post step
		c.step = append(c.step, "GITHUB_ACTIONS=true",
			"GITHUB_OUTPUT="+path("output"), "GITHUB_STATE="+path("state"), "GITHUB_STEP_SUMMARY="+path("summary"))
	}
	before := c.own()

	p := c.start(t, c.step, "car-publish", "publish", "--artifact", c.artifact, "--release",
		"--output-file", "out.env", "--json-file", "out.json", "--summary-file", "out.md")
	p.await(t, "the moment", c.reached)
	took := c.strike(t, p)
	c.mu.Lock()
	c.opened = true
	c.mu.Unlock()

	left, uploads := c.own(), len(c.sim.Uploads())
	fell := c.signals[0] == syscall.SIGKILL || slices.Equal(c.signals, []syscall.Signal{syscall.SIGINT, syscall.SIGINT})
	want, exit := c.stopped, c.exit
	switch {
	case fell:
		want = c.dead
	case c.success:
		exit = exitDone
	}
	if exit < 0 && c.image {
		exit = 137 // docker's word for SIGKILL
	}
	if left != want || left == before && uploads > 0 {
		t.Errorf("left: version %q, want %q; %d uploads", left, want, uploads)
	}
	if p.status() != exit {
		t.Errorf("exit status %d, want %d", p.status(), exit)
	}
	line := fmt.Sprintf("%s, %d, %.1f s", orNothing(left), p.status(), took.Seconds())
	if c.signals[0] == syscall.SIGKILL {
		return orNothing(left) + ", killed; then " + orNothing(c.heal(t))
	}

	told := c.told(t, p)
	if released := exit == exitDone; released != (told.Outcome == "released") || !released && told.Outcome != "cancelled" {
		t.Errorf("exit status %d, and yet the outcome %q", exit, told.Outcome)
	}
	if unfinished := left == carsim.Creating || left == carsim.Normal; unfinished != (len(told.Left) > 0) {
		t.Errorf("version %q is left, and told is %v", left, told.Left)
	}
	for _, l := range told.Left {
		after := c.start(t, c.plain, strings.Fields(l.Command)...)
		<-after.ended
		if after.status() != exitDone || c.own() != "" || len(c.sim.Uploads()) > 0 {
			t.Errorf("%s: exit status %d; left: version %q, %d uploads", l.Command, after.status(), c.own(), len(c.sim.Uploads()))
		}
		line += "; `" + strings.Fields(l.Command)[1] + "`: " + orNothing(c.own())
	}
	if !c.image { // where it would only take time
		now := c.own()
		post := c.post(t)
		if post.status() != exitDone || c.own() != now {
			t.Errorf("the post step ended with status %d, and made of version %q version %q", post.status(), now, c.own())
		}
	}
	return line
}

// strike sends the signals and returns how long the program lived after the
// first.
func (c *cell) strike(t *testing.T, p *process) time.Duration {
	c.mu.Lock()
	c.struck = true
	c.mu.Unlock()
	if len(c.signals) == 1 && !c.silent {
		close(c.resume)
	}
	struck := time.Now()
	p.signal(t, c.signals[0])
	switch {
	case c.signals[0] == syscall.SIGKILL:
	case len(c.signals) == 1:
		p.await(t, "word of the signal", p.said(": stopping"))
		if c.answered {
			close(c.answer)
		}
		if c.signals[0] == syscall.SIGINT { // as GitHub's runner does, in case
			timer := time.AfterFunc(runnerTerminates, func() { p.signal(t, syscall.SIGTERM) })
			defer timer.Stop()
		}
	case c.signals[1] == syscall.SIGTERM:
		p.await(t, "word of the signal", p.said(": stopping"))
		if c.answered {
			close(c.answer)
		}
		select {
		case <-c.next: // it cleans up
			p.signal(t, syscall.SIGTERM)
			select {
			case <-p.said("terminated as well"):
			case <-p.ended: // CAR's silence lasted longer
			}
		case <-p.ended:
		}
		if !c.silent {
			close(c.resume)
		}
	default:
		p.await(t, "word of the signal", p.said(": stopping"))
		p.signal(t, c.signals[1])
	}
	select {
	case <-p.ended:
	case <-time.After(safety):
		t.Fatalf("it lived on for %s:\n%s", safety, p.log())
	}
	return time.Since(struck)
}

// heal runs what comes after a killed step, and returns what it left.
func (c *cell) heal(t *testing.T) string {
	want := c.byKey
	var p *process
	if c.then == "cleanup" {
		p = c.start(t, c.plain, "car-publish", "cleanup", "--application-id", "app-desktop", "--run-key", "42/publish/0/a")
		<-p.ended
	} else {
		p, want = c.post(t), c.byState
	}
	left := c.own()
	if p.status() != exitDone || left != want || len(c.sim.Uploads()) > 0 {
		t.Errorf("afterwards: exit status %d; left: version %q, want %q; %d uploads\n%s", p.status(), left, want, len(c.sim.Uploads()), p.log())
	}
	return left
}

// post runs GitHub's post step.
func (c *cell) post(t *testing.T) *process {
	text, err := os.ReadFile(filepath.Join(c.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := fileCommands(string(text))
	if err != nil {
		t.Fatal(err)
	}
	env := slices.Clone(c.step)
	for name, value := range state {
		env = append(env, "STATE_"+name+"="+value)
	}
	p := c.start(t, env, "cleanup")
	<-p.ended
	return p
}

// account is what the program said in every form that it has.
type account struct {
	Outcome   string
	VersionID string `json:"version_id"`
	Left      []struct{ What, Command string }
}

// told reads what the program said, and checks that it says the same
// everywhere.
func (c *cell) told(t *testing.T, p *process) account {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			t.Errorf("%v\n%s", err, p.log())
		}
		return string(text)
	}
	var r account
	if err := json.Unmarshal([]byte(read("out.json")), &r); err != nil {
		t.Fatalf("%v\n%s", err, p.log())
	}
	outputs, err := fileCommands(read("output"))
	if err != nil {
		t.Fatal(err)
	}
	dotenv := "CAR_PUBLISHED_OUTCOME=" + r.Outcome + "\n"
	if outputs["outcome"] != r.Outcome || outputs["version-id"] != r.VersionID || !strings.Contains(read("out.env"), dotenv) {
		t.Errorf("outcome and version are %q and %q in JSON, %q and %q in the outputs; the variables are\n%s",
			r.Outcome, r.VersionID, outputs["outcome"], outputs["version-id"], read("out.env"))
	}
	log := strings.ReplaceAll(p.log(), "%0A", "\n")
	for _, l := range r.Left {
		for where, text := range map[string]string{"log": log, "summary": read("summary"), "summary-file": read("out.md")} {
			if !strings.Contains(text, l.Command) {
				t.Errorf("the %s does not tell %q:\n%s", where, l.Command, text)
			}
		}
	}
	return r
}

// own is the status of the version that the step has made.
func (c *cell) own() string {
	for _, v := range c.sim.Versions("app-desktop") {
		if !strings.HasPrefix(v.ID, "ver-desktop") {
			return v.Status
		}
	}
	return ""
}

func orNothing(status string) string {
	if status == "" {
		return "nothing"
	}
	return status
}

// process is a program that runs, in a container or not.
type process struct {
	command *exec.Cmd
	kill    func() error // where SIGKILL must not go to the process itself
	ended   chan struct{}

	mu    sync.Mutex
	text  bytes.Buffer
	heard map[string]chan struct{}
}

// start runs a command of ours; its first word is the program's name.
func (c *cell) start(t *testing.T, env []string, words ...string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{}), heard: map[string]chan struct{}{}}
	if c.image {
		c.containers++
		name := fmt.Sprintf("%s-%d", c.name, c.containers)
		args := []string{
			"run", "--rm", "--name", name, "--network", "host", "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
			"--volume", c.dir + ":" + c.dir, "--workdir", c.dir, "--entrypoint", "/" + words[0],
		}
		for _, variable := range env {
			args = append(args, "--env", variable)
		}
		p.command = exec.Command("docker", append(append(args, *builtImage), words[1:]...)...)
		p.kill = func() error { return exec.Command("docker", "kill", "--signal", "KILL", name).Run() }
		t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", name).Run() }) // it is gone, but for a test that failed
	} else {
		p.command = exec.Command(testbin.Path(words[0]), words[1:]...)
		p.command.Env = env
	}
	p.command.Dir = c.dir
	p.command.Stdout, p.command.Stderr = p, p
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // the status is looked at
		close(p.ended)
	}()
	return p
}

func (p *process) status() int { return p.command.ProcessState.ExitCode() }

// Write is the log.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(b)
	for word, heard := range p.heard {
		if strings.Contains(p.text.String(), word) {
			close(heard)
			delete(p.heard, word)
		}
	}
	return len(b), nil
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// said returns a channel that is closed once the log has the words.
func (p *process) said(words string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := make(chan struct{})
	if strings.Contains(p.text.String(), words) {
		close(heard)
	} else {
		p.heard[words] = heard
	}
	return heard
}

// await waits for an event, before which the program must not end.
func (p *process) await(t *testing.T, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
		return
	case <-p.ended:
	case <-time.After(safety):
		_ = p.command.Process.Kill()
	}
	select {
	case <-event: // both
	default:
		t.Fatalf("there was no %s:\n%s", what, p.log())
	}
}

// signal sends a signal; the program may just have ended.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	var err error
	if s == syscall.SIGKILL && p.kill != nil {
		err = p.kill()
	} else {
		err = p.command.Process.Signal(s)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("send %v: %v", s, err)
	}
}
