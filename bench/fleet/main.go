// Command fleet runs many real publishes at once against one simulator and
// writes what came of it as Markdown:
//
//   - a hundred applications of one account, one process each, all at once,
//     while the service takes 20 requests a second of each action: all must
//     succeed, and none may show an annotation about it;
//   - five processes on one application, with on-blocked: wait: one after the
//     other.
//
// It exits with status 1 if that is not how it went.
//
//	go run ./bench/fleet -o bench/FLEET.md
package main

import (
	"archive/zip"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
)

const perSecond = 20 // of each action, for the whole account

func main() {
	ships := flag.Int("n", 100, "applications of the first fleet")
	queue := flag.Int("queue", 5, "processes on one application")
	processing := flag.Duration("processing", 30*time.Second, "how long CAR takes for a build of the first fleet")
	output := flag.String("o", "", "`file` to write; else standard output")
	flag.Parse()
	text, err := report(*ships, *queue, *processing)
	if err == nil {
		if *output == "" {
			_, err = os.Stdout.WriteString(text)
		} else {
			err = os.WriteFile(*output, []byte(text), 0o644) //nolint:gosec // part of the repository
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func report(ships, queue int, processing time.Duration) (string, error) {
	harbour, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(harbour)
	build := exec.CommandContext(context.Background(), "go", "build", "-o", harbour, ".") //nolint:gosec // into a folder of our own
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build car-publish: %w", err)
	}
	if err := writeBuild(filepath.Join(harbour, "game.zip")); err != nil {
		return "", err
	}
	var b strings.Builder
	commit, _ := exec.CommandContext(context.Background(), "git", "describe", "--always", "--dirty").Output() // for the reader; elsewhere there is none
	fmt.Fprintf(&b, "# A fleet\n\nWritten by `make fleet` (`go run ./bench/fleet -n %d -queue %d -processing %s`) at %s with %s on %s/%s, %d CPUs. Each ship is a process of its\n"+
		"own that publishes a small build with `release`, as on GitHub, to one simulator over sockets. The simulator takes %d requests a second of each action.\n",
		ships, queue, processing, strings.TrimSpace(string(commit)), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), perSecond)
	for _, sail := range []func(string) (string, error){
		func(dir string) (string, error) { return manyApplications(dir, ships, processing) },
		func(dir string) (string, error) { return oneApplication(dir, queue) },
	} {
		text, err := sail(harbour)
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + text)
	}
	return b.String(), nil
}

// manyApplications lets every process publish to an application of its own.
func manyApplications(dir string, ships int, processing time.Duration) (string, error) {
	world := carsim.World{RateLimit: perSecond, ProcessingTime: processing}
	for n := range ships {
		world.Applications = append(world.Applications, carsim.Application{
			ID: app(n), StartPath: `Game\Game.exe`,
			Versions: []carsim.Version{{ID: fmt.Sprintf("ver-old%d", n), Name: "old", Status: carsim.Inuse, Age: time.Hour}},
		})
	}
	s, err := serve(world)
	if err != nil {
		return "", err
	}
	defer s.server.Close()
	fleet := s.sail(dir, ships, func(n int) []string { return []string{"--application-id", app(n)} })
	if err := fleet.failed(); err != nil {
		return "", err
	}
	for n := range ships {
		versions := s.sim.Versions(app(n))
		if len(versions) != 2 || versions[1].Status != carsim.Inuse {
			return "", fmt.Errorf("%s ended as %+v, want one new version, online", app(n), versions)
		}
	}
	calls := s.calls()
	busiest := calls[0]
	limit := time.Duration(busiest.done) * time.Second / perSecond

	var b strings.Builder
	fmt.Fprintf(&b, "## %d applications, %d processes at once\n\n", ships, ships)
	fmt.Fprintf(&b, "All %d succeeded; annotations besides the notice of success: none. CAR takes %s for a build; a version is polled every 2 s at most.\n\n", ships, processing)
	fmt.Fprintf(&b, "| what | figure |\n| --- | --- |\n")
	fmt.Fprintf(&b, "| wall time, first start to last end | %.1f s |\n", fleet.wall.Seconds())
	fmt.Fprintf(&b, "| the limit: %d calls of %s, the busiest action, at %d/s | %.1f s |\n", busiest.done, busiest.action, perSecond, limit.Seconds())
	fmt.Fprintf(&b, "| wall time / limit | %.2f |\n", fleet.wall.Seconds()/limit.Seconds())
	fmt.Fprintf(&b, "| one process: fastest, median, slowest | %.1f s, %.1f s, %.1f s |\n", fleet.took[0].Seconds(), fleet.took[len(fleet.took)/2].Seconds(), fleet.took[len(fleet.took)-1].Seconds())
	fmt.Fprintf(&b, "| most tries that one call needed | %d |\n\n", fleet.tries)
	fmt.Fprintf(&b, "| action | answered | refused with RequestLimitExceeded |\n| --- | --- | --- |\n")
	for _, c := range calls {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", c.action, c.done, c.throttled)
	}
	return b.String(), nil
}

// oneApplication lets processes queue for one application.
func oneApplication(dir string, ships int) (string, error) {
	const processing, deleting = 5 * time.Second, 2 * time.Second
	s, err := serve(carsim.World{
		RateLimit: perSecond, ProcessingTime: processing, DeleteTime: deleting,
		Applications: []carsim.Application{{ID: app(0), StartPath: `Game\Game.exe`, Versions: []carsim.Version{
			{ID: "ver-old1", Name: "old 1", Status: carsim.Usable, Age: 2 * time.Hour},
			{ID: "ver-old2", Name: "old 2", Status: carsim.Inuse, Age: time.Hour},
		}}},
	})
	if err != nil {
		return "", err
	}
	defer s.server.Close()
	fleet := s.sail(dir, ships, func(int) []string {
		return []string{"--application-id", app(0), "--on-blocked", "wait", "--on-full", "delete-oldest"}
	})
	if err := fleet.failed(); err != nil {
		return "", err
	}

	// One after the other: between a create that was done and the next one
	// is a release.
	var order []string
	var starts []time.Duration
	refused, deleted := 0, 0
	first := s.sim.Journal()[0].Time
	for _, c := range s.sim.Journal() {
		switch {
		case c.Action == "CreateApplicationVersion" && c.Code == "":
			order = append(order, "create")
			starts = append(starts, c.Time.Sub(first))
		case c.Action == "CreateApplicationVersion":
			refused++
		case c.Action == "DeleteApplicationVersion" && c.Code == "":
			deleted++
		case c.Action == "SetApplicationVersionOnline" && c.Code == "":
			order = append(order, "release")
		}
	}
	var want []string
	for range ships {
		want = append(want, "create", "release")
	}
	if !slices.Equal(order, want) {
		return "", fmt.Errorf("the order was %v, want %v", order, want)
	}
	online := 0
	for _, v := range s.sim.Versions(app(0)) {
		switch v.Status {
		case carsim.Inuse:
			online++
		case carsim.Usable:
		default:
			return "", fmt.Errorf("%s is left %s", v.ID, v.Status)
		}
	}
	if online != 1 {
		return "", fmt.Errorf("%d versions are online", online)
	}
	if want := max(0, 2+ships-5); deleted != want {
		return "", fmt.Errorf("%d versions were deleted to make room, want %d", deleted, want)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## One application, %d processes at once\n\n", ships)
	fmt.Fprintf(&b, "With `on-blocked: wait`, `on-full: delete-oldest` and `release`. All %d succeeded, one after the other: each create that CAR took follows the release before it. "+
		"CAR takes\n%s for a build, and 2 s for a deletion.\n\n", ships, processing)
	fmt.Fprintf(&b, "| what | figure |\n| --- | --- |\n")
	fmt.Fprintf(&b, "| wall time, first start to last end | %.1f s |\n", fleet.wall.Seconds())
	fmt.Fprintf(&b, "| the limit: %d builds, one after the other | %.1f s |\n", ships, (time.Duration(ships) * processing).Seconds())
	fmt.Fprintf(&b, "| the creates, after the first call | %s |\n", seconds(starts))
	fmt.Fprintf(&b, "| old versions that were deleted to make room | %d |\n", deleted)
	fmt.Fprintf(&b, "| creates that CAR refused, since another process was quicker | %d |\n", refused)
	return b.String(), nil
}

func seconds(times []time.Duration) string {
	var texts []string
	for _, t := range times {
		texts = append(texts, fmt.Sprintf("%.1f s", t.Seconds()))
	}
	return strings.Join(texts, ", ")
}

func app(n int) string { return fmt.Sprintf("app-fleet%d", n) }

// service is a simulator on a socket.
type service struct {
	sim    *carsim.Sim
	server *http.Server
	url    string
}

func serve(world carsim.World) (*service, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{sim: carsim.New(world), url: "http://" + listener.Addr().String()}
	s.server = &http.Server{Handler: s.sim, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }() // ends with Close
	return s, nil
}

// called is how often an action was called.
type called struct {
	action          string
	done, throttled int
}

// calls are those of the API, the busiest action first.
func (s *service) calls() []called {
	var all []called
	for _, c := range s.sim.Journal() {
		if strings.HasPrefix(c.Action, "cos:") {
			continue
		}
		i := slices.IndexFunc(all, func(k called) bool { return k.action == c.Action })
		if i < 0 {
			i = len(all)
			all = append(all, called{action: c.Action})
		}
		if c.Code == "RequestLimitExceeded" {
			all[i].throttled++
		} else {
			all[i].done++
		}
	}
	slices.SortFunc(all, func(a, b called) int { return b.done - a.done })
	return all
}

// fleet is what came of processes that ran side by side.
type fleet struct {
	wall  time.Duration
	took  []time.Duration // sorted
	tries int
	logs  []string // of those that failed, or showed what none should
}

func (f fleet) failed() error {
	if len(f.logs) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d processes failed or showed an annotation; one of them:\n%s", len(f.logs), len(f.took), f.logs[0])
}

// sail starts all processes at once and waits for them.
func (s *service) sail(dir string, ships int, args func(n int) []string) fleet {
	var f fleet
	var mu sync.Mutex
	var wait sync.WaitGroup
	start := time.Now()
	for n := range ships {
		wait.Go(func() {
			began := time.Now()
			log, err := s.publish(dir, n, args(n))
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			f.took = append(f.took, took)
			for try := f.tries + 1; strings.Contains(log, fmt.Sprintf(": attempt %d failed", try-1)) || try == 1; try++ {
				f.tries = try
			}
			if err != nil || strings.Contains(log, "::error") || strings.Contains(log, "::warning") {
				f.logs = append(f.logs, fmt.Sprintf("%s%v", log, err))
			}
		})
	}
	wait.Wait()
	f.wall = time.Since(start)
	slices.Sort(f.took)
	return f
}

// publish runs one process, as GitHub does.
func (s *service) publish(dir string, n int, args []string) (string, error) {
	own, err := os.MkdirTemp(dir, "ship")
	if err != nil {
		return "", err
	}
	env := []string{
		"CAR_ENDPOINT=" + s.url, "CAR_COS_ENDPOINT=" + s.url,
		"TENCENTCLOUD_SECRET_ID=" + carsim.SecretID, "TENCENTCLOUD_SECRET_KEY=" + carsim.SecretKey,
		"GITHUB_ACTIONS=true", fmt.Sprintf("CAR_RUN_KEY=%d/publish/0/fleet", n),
	}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		file := filepath.Join(own, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			return "", err
		}
		env = append(env, name+"="+file)
	}
	args = append([]string{"publish", "--artifact", filepath.Join(dir, "game.zip"), "--release"}, args...)
	command := exec.CommandContext(context.Background(), filepath.Join(dir, "car-publish"), args...) //nolint:gosec // our own
	command.Env = env
	log, err := command.CombinedOutput()
	return string(log), err
}

// writeBuild writes an archive with the program that the applications start.
func writeBuild(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := zip.NewWriter(f)
	member, err := w.Create("Game/Game.exe")
	if err == nil {
		_, err = io.WriteString(member, "MZ, and no more")
	}
	for _, end := range []func() error{w.Close, f.Close} {
		if e := end(); err == nil {
			err = e
		}
	}
	return err
}
