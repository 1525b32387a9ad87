//go:build linux

// Command folder measures how long it takes from a folder to an uploaded archive, side by
// side: ours, which packs while it uploads; `zip -r -6` and `7zz a -tzip -mx5`, each to a
// file that the COS SDK then uploads; and the two limits of ours, packing without an
// upload and a plain PUT of an archive that is there already.
//
// Each run is a process of its own, the receiver is another one, and the contenders take
// turns. What they pack is made anew for each run of the benchmark.
//
//	go run ./bench/folder -o bench/FOLDER.md -container 20
//
// It needs Linux, which tells what a process has read and written, and zip and 7zz.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/bench/sink"
)

// options say how much is measured.
type options struct {
	rounds    int
	sets      string
	mibA      int64
	mibB      int64
	files     string
	container int64
	commit    string
}

func main() {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "client":
			client(os.Args[2])
			return
		case "sink":
			run, _ := strconv.ParseUint(os.Args[3], 10, 64)
			sink.Serve(os.Args[2], run)
			return
		case "limited":
			os.Exit(limited(os.Args[2:]))
		}
	}
	var o options
	flag.IntVar(&o.rounds, "n", 3, "rounds, in each of which every contender runs once")
	flag.StringVar(&o.sets, "sets", "AB", "the sets that are measured: A, B, AB or none")
	flag.Int64Var(&o.mibA, "a", 540, "size of set A in MiB")
	flag.Int64Var(&o.mibB, "b", 4096, "size of set B in MiB")
	flag.StringVar(&o.files, "files", "20000,200000", "numbers of tiny files that are packed; none without")
	flag.Int64Var(&o.container, "container", 0, "also publish a folder of so many `GiB` with the real program in 256 MiB of memory; needs root and a memory cgroup of version 1")
	flag.StringVar(&o.commit, "commit", "an unknown commit", "what is measured, for the page")
	output := flag.String("o", "", "`file` to write; else standard output")
	flag.Parse()
	text, err := measure(o)
	switch {
	case err != nil:
	case *output == "":
		_, err = os.Stdout.WriteString(text)
	default:
		err = os.WriteFile(*output, []byte(text), 0o644) //nolint:gosec // a page of the repository
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "folder:", err)
		os.Exit(1)
	}
}

// measure measures everything and returns the page.
func measure(o options) (string, error) {
	work, err := os.MkdirTemp("", "bench-folder")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	b := &bench{options: o, self: self, work: work}
	b.head()
	if err := b.enoughDisk(); err != nil {
		return "", err
	}
	for _, s := range []set{{
		name: "A", text: "Go's own source and tools, and as much random and half-compressible data as is missing", mib: o.mibA, fill: fillA,
		zipAim: 0.25, sevenAim: 0.15,
	}, {
		name: "B", text: "three large files that do not get smaller, and 300 small ones, as of an Unreal game", mib: o.mibB, fill: fillB,
	}} {
		if strings.Contains(o.sets, s.name) {
			if err := b.set(s); err != nil {
				return "", fmt.Errorf("set %s: %w", s.name, err)
			}
		}
	}
	if err := b.tinyFiles(); err != nil {
		return "", fmt.Errorf("tiny files: %w", err)
	}
	if o.container > 0 {
		if err := b.inContainer(); err != nil {
			return "", fmt.Errorf("container: %w", err)
		}
	}
	b.peaks()
	return b.page.String(), nil
}

// limit is how long one run may take.
const limit = 20 * time.Minute
