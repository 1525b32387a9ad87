//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/bench/sink"
)

// bench is one run of the benchmark.
type bench struct {
	options
	self, work string
	page       strings.Builder
	eight      int64 // the most memory that ours took with eight parts in flight, in bytes
	most       int64 // ... and in any run
}

// contender is who runs: ours or a limit, which is one process, or a packer that writes
// an archive and then the SDK.
type contender struct {
	name   string
	packer []string // the command, without the archive and what goes into it
	client string   // see client
}

// The contenders. Which of the SDK's settings are the best is in bench/UPLOAD.md.
var (
	adaptive = contender{name: "ours", client: "ours"}
	eight    = contender{name: "ours, 8 parts in flight", client: "ours-8"}
	deflated = contender{name: "limit: pack to nowhere", client: "pack"}
	put      = contender{name: "limit: plain PUT, 8x16", client: "plain-8x16"}
	zip      = contender{name: "zip -r -6, sdk-8x16", packer: []string{"zip", "-r", "-6", "-q"}, client: "sdk-8x16"}
	seven    = contender{name: "7zz -tzip -mx5, sdk-8x16", packer: []string{"7zz", "a", "-tzip", "-mx5", "-bso0", "-bsp0"}, client: "sdk-8x16"}

	// On the shaped line.
	putMany = contender{name: "limit: plain PUT, 64x16", client: "plain-64x16"}
	putSame = contender{name: "plain PUT, 20x8", client: "plain-20x8"}
)

// uploads reports whether it is the whole of ours.
func (c contender) uploads() bool { return strings.HasPrefix(c.client, "ours") }

// packs reports whether it is ours that packs.
func (c contender) packs() bool { return c.uploads() || c.client == deflated.client }

// figures are what one run took.
type figures struct {
	wall, cpu           float64 // seconds
	rss                 int64   // bytes, the peak of the larger process
	sent, written, read int64   // bytes
}

// set is a folder that is packed.
type set struct {
	name, text       string
	mib              int64
	fill             func(m *maker, size int64) error
	zipAim, sevenAim float64 // 0 is none

	folder  string
	archive int64 // bytes of ours
	*maker
}

// set measures one set.
func (b *bench) set(s set) error {
	s.folder = filepath.Join(b.work, s.name)
	s.maker = newMaker(s.folder)
	defer os.RemoveAll(s.folder)
	defer os.Remove(s.folder + ".zip")
	b.tell("making set %s", s.name)
	if err := s.fill(s.maker, s.mib<<20); err != nil {
		return err
	}
	if _, err := b.once(s, "loopback", contender{name: "the archive", client: "archive"}, 0); err != nil {
		return err
	}
	info, err := os.Stat(s.folder + ".zip")
	if err != nil {
		return err
	}
	s.archive = info.Size()
	all, err := b.takeTurns(s, "loopback", []contender{adaptive, zip, seven, deflated, put, eight})
	if err != nil {
		return err
	}
	b.loopback(s, all)
	all, err = b.takeTurns(s, "shaped", []contender{adaptive, eight, deflated, putMany, putSame})
	if err != nil {
		return err
	}
	b.shaped(s, all)
	return nil
}

// results are the runs of each contender.
type results map[string]runs

// takeTurns lets the contenders take turns.
func (b *bench) takeTurns(s set, line string, who []contender) (results, error) {
	all := results{}
	for run := range b.rounds {
		for _, c := range who {
			f, err := b.once(s, line, c, run)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			all[c.name] = append(all[c.name], f)
			if c.uploads() {
				b.most = max(b.most, f.rss)
			}
			if c.client == eight.client {
				b.eight = max(b.eight, f.rss)
			}
		}
	}
	return all, nil
}

// once runs one contender against a fresh sink.
func (b *bench) once(s set, line string, c contender, run int) (figures, error) {
	receiver, err := sink.Start(b.self, line, run)
	if err != nil {
		return figures{}, err
	}
	defer receiver.Close()
	where, err := receiver.Environment(b.work)
	if err != nil {
		return figures{}, err
	}
	syscall.Sync() // what the one before has written is not the business of this one
	var f figures
	file := s.folder
	switch {
	case c.packer != nil:
		file = filepath.Join(b.work, "rival.zip")
		defer os.Remove(file)
		if f, err = b.packed(s, c.packer, file); err != nil {
			return f, err
		}
	case strings.HasPrefix(c.client, "plain"):
		file += ".zip"
	}
	command := exec.Command(b.self, "client", c.client) //nolint:gosec,noctx // itself
	command.Env = append(append(os.Environ(), "BENCH_FILE="+file), where...)
	command.Stderr = os.Stderr
	start := time.Now()
	answer, err := command.Output()
	f.wall += time.Since(start).Seconds()
	if err != nil {
		return f, err
	}
	var told said
	if err := json.Unmarshal(answer, &told); err != nil {
		return f, err
	}
	f.cpu += seconds(command.ProcessState)
	f.rss = max(f.rss, told.RSS)
	f.read, f.written = told.Read, f.written+told.Written
	seen, err := receiver.Tally()
	f.sent = seen.Bytes
	b.tell("%-9s %-26s %7.2f s wall %7.2f s CPU %6.1f MiB", line, c.name, f.wall, f.cpu, mib(f.rss))
	return f, err
}

// packed lets a rival write its archive.
func (b *bench) packed(s set, packer []string, archive string) (figures, error) {
	command := exec.Command(packer[0], append(packer[1:len(packer):len(packer)], archive, ".")...) //nolint:gosec,noctx // our own arguments
	command.Dir, command.Stderr = s.folder, os.Stderr
	start := time.Now()
	if err := command.Run(); err != nil {
		return figures{}, err
	}
	f := figures{wall: time.Since(start).Seconds(), cpu: seconds(command.ProcessState), rss: peak(command.ProcessState)}
	info, err := os.Stat(archive)
	if err == nil {
		f.written = info.Size()
	}
	return f, err
}

// tinyFiles measures what a file costs that holds nearly nothing.
func (b *bench) tinyFiles() error {
	var rows []tiny
	for text := range strings.SplitSeq(b.files, ",") {
		number, err := strconv.Atoi(text)
		if text == "" {
			continue
		}
		if err != nil {
			return err
		}
		s := set{folder: filepath.Join(b.work, "tiny")}
		b.tell("making %d files", number)
		if err := fillTiny(newMaker(s.folder), number); err != nil {
			return err
		}
		all, err := b.takeTurns(s, "loopback", []contender{deflated, adaptive})
		if err != nil {
			return err
		}
		rows = append(rows, tiny{number, all})
		if err := os.RemoveAll(s.folder); err != nil {
			return err
		}
	}
	b.tiny(rows)
	return nil
}

// enoughDisk makes sure that the sets and the archives fit.
func (b *bench) enoughDisk() error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.work, &disk); err != nil {
		return err
	}
	have := int64(disk.Bavail) * disk.Bsize >> 20                      //nolint:gosec // no disk is that large
	need := max(3*b.mibA, 3*b.mibB, b.container*1024*3/20) * 110 / 100 // the set, its archive and a rival's
	if have < need {
		return fmt.Errorf("%s has %d MiB free, of %d that are needed", b.work, have, need)
	}
	return nil
}

// tell tells whoever waits.
func (b *bench) tell(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// seconds is the CPU time of a process.
func seconds(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }

// peak is the most memory of a process and of what it started, in bytes.
func peak(p *os.ProcessState) int64 {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
