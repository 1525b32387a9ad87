//go:build unix

// Command bombs makes a dry run of archives that were made to exhaust a machine, and
// of large real ones, and writes what each took as Markdown:
//
//	go run ./bench/bombs -o bench/BOMBS.md
//
// It needs a Unix system, which tells the memory of a process that has ended.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/test/bombs"
)

func main() {
	out := flag.String("o", "", "the file to write; standard output without it")
	archive := flag.String("make", "", "only make this archive, in the working directory")
	flag.Parse()
	if *archive != "" {
		if err := makeOne(*archive); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	text, err := measure()
	if err == nil && *out != "" {
		err = os.WriteFile(*out, []byte(text), 0o644) //nolint:gosec // a page of the repository
	} else if err == nil {
		fmt.Print(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure() (string, error) {
	work, err := os.MkdirTemp("", "bombs")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	program := filepath.Join(work, "car-publish")
	if build, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil { //nolint:gosec,noctx // our own arguments
		return "", fmt.Errorf("go build: %w\n%s", err, build)
	}
	var b strings.Builder
	b.WriteString("# Archives that exhaust a machine\n\nA dry run of each, by `go run ./bench/bombs -o bench/BOMBS.md`. The last ones are no bombs: real builds may have as many files.\n\n")
	b.WriteString("| archive | bytes | peak memory of the larger process | seconds | words |\n| --- | ---: | ---: | ---: | --- |\n")
	for _, bomb := range bombs.All() {
		// Another process makes it: what a process starts is charged with the memory
		// that the process has at that moment.
		path := filepath.Join(work, bomb.Name)
		maker := exec.Command(self, "-make", bomb.Name) //nolint:gosec,noctx // this program itself
		maker.Dir = work
		if err := maker.Run(); err != nil {
			return "", err
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		run := exec.Command(program, "--dry-run", "--application-id", "app-1", "--artifact", bomb.Name) //nolint:gosec,noctx // our own arguments
		run.Dir, run.Env = work, []string{}
		said := &bytes.Buffer{}
		run.Stdout, run.Stderr = said, said
		start := time.Now()
		_ = run.Run() // what it said is in the table
		took := time.Since(start)
		memory := int64(0)
		if usage, ok := run.ProcessState.SysUsage().(*syscall.Rusage); ok {
			memory = usage.Maxrss / 1024 // Linux counts in KiB
		}
		fmt.Fprintf(&b, "| %s | %d | %d MiB | %.1f | %s |\n", bomb.Name, info.Size(), memory, took.Seconds(), words(said.String()))
		if err := os.Remove(path); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func makeOne(name string) error {
	for _, bomb := range bombs.All() {
		if bomb.Name == name {
			_, err := bomb.Write(".")
			return err
		}
	}
	return fmt.Errorf("there is no archive %q", name)
}

// words finds what the program said of the archive.
func words(text string) string {
	for line := range strings.Lines(text) {
		if _, why, found := strings.Cut(line, "failed: "); found {
			return strings.TrimSpace(why)
		}
	}
	return "accepted"
}
