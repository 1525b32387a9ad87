//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// containerMiB is the memory of a small container.
const containerMiB = 256

// inContainer publishes a folder with the real program in a memory limit, to the simulator
// outside of it.
func (b *bench) inContainer() error {
	for name, folder := range map[string]string{"car-publish": ".", "carsim": "./cmd/carsim"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(b.work, name), folder).CombinedOutput(); err != nil { //nolint:gosec,noctx // our own arguments
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	m := newMaker(filepath.Join(b.work, "container"))
	defer os.RemoveAll(m.root)
	b.tell("making a folder of %d GiB", b.container)
	if err := fillContainer(m, b.container); err != nil {
		return err
	}
	b.tell("publishing it in %d MiB", containerMiB)
	report := filepath.Join(b.work, "report")
	command := exec.Command(filepath.Join(b.work, "carsim"), "-start-path", "Ocean.exe", "-processing", "100ms", "--", //nolint:gosec,noctx // our own arguments
		b.self, "limited", report, strconv.Itoa(containerMiB<<20),
		filepath.Join(b.work, "car-publish"), "--application-id", "app-desktop", "--artifact", m.root, "--artifact-name", "ocean.zip")
	log := &bytes.Buffer{}
	command.Stdout, command.Stderr = log, log
	failed := command.Run()
	var took usage
	if text, err := os.ReadFile(report); err != nil {
		return fmt.Errorf("%w\n%s", errors.Join(failed, err), log)
	} else if err := json.Unmarshal(text, &took); err != nil {
		return err
	}
	result := "published"
	if failed != nil {
		result = fmt.Sprintf("**%v**", failed)
		b.tell("%s", log)
	}
	b.print("\n## The program in %d MiB\n\ncar-publish in a memory cgroup of its own publishes %.1f GiB in %d files, of which all but %.1f GiB are zeros, to the simulator outside of it.\n\n"+
		"| result | wall | CPU | peak memory of the program | killed for want of memory |\n| --- | ---: | ---: | ---: | ---: |\n| %s | %.1f s | %.1f s | %.1f MiB | %d |\n",
		containerMiB, mib(m.size)/1024, m.files, float64(b.container)*3/20, result, took.Wall, took.CPU, mib(took.RSS), took.Killed)
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "Uploaded ") || strings.Contains(line, "It was packed from ") {
			b.print("\n> %s\n", strings.TrimSpace(line))
		}
	}
	return nil
}

// usage is what a command in a memory limit took.
type usage struct {
	Wall, CPU float64 // seconds
	RSS       int64   // bytes
	Killed    int64   // processes that the kernel has killed for want of memory
}

// enter moves into the group "$0" and lets the program see its limit where it would see it
// in a container, before it becomes the program.
const enter = `echo $$ >"$0/cgroup.procs" && mount --bind "$0" /sys/fs/cgroup/memory && exec "$@"`

// limited runs a command in a memory limit: limited REPORT BYTES COMMAND... It returns the
// exit status.
func limited(args []string) int {
	group, err := newGroup(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "limit the memory:", err)
		return 1
	}
	defer os.Remove(group)
	command := exec.Command("unshare", append([]string{"--mount", "bash", "-c", enter, group}, args[2:]...)...) //nolint:gosec,noctx // our own arguments
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	err = command.Run()
	took := usage{
		Wall: time.Since(start).Seconds(), CPU: seconds(command.ProcessState), RSS: peak(command.ProcessState),
		Killed: kills(filepath.Join(group, "memory.oom_control")),
	}
	text, _ := json.Marshal(took) // only numbers
	if failed := os.WriteFile(args[0], text, 0o600); failed != nil {
		err = errors.Join(err, failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// newGroup makes a memory cgroup of version 1 below the one that we are in.
func newGroup(limit string) (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if _, own, found := strings.Cut(strings.TrimSpace(line), ":memory:"); found {
			group := filepath.Join("/sys/fs/cgroup/memory", own, fmt.Sprintf("car-publish-bench-%d", os.Getpid()))
			if err := os.Mkdir(group, 0o755); err != nil { //nolint:gosec // no secret lies there
				return "", err
			}
			if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte(limit), 0o600); err != nil {
				os.Remove(group)
				return "", err
			}
			return group, nil
		}
	}
	return "", errors.New("there is no memory cgroup of version 1")
}

// kills is how many processes of a group the kernel has killed.
func kills(file string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if number, found := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); found {
			n, _ := strconv.ParseInt(number, 10, 64)
			return n
		}
	}
	return 0
}
