//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/internal/cos"
)

func (b *bench) print(format string, args ...any) { fmt.Fprintf(&b.page, format, args...) }

// head says on what was measured, and how.
func (b *bench) head() {
	var machine syscall.Sysinfo_t
	_ = syscall.Sysinfo(&machine) // for the reader; it does not fail
	b.print(`# From a folder to the bucket

Written by `+"`make bench-folder`"+` on %s at %s with %s on %s/%s: %s, %d CPUs, %.1f GiB of memory; %s and %s.
The load of the machine was %s when it began. Rounds: %d, in each of which every contender runs once. Figures to look at, not tests: what counts are the ratios, and even these suffer when others work on the machine.

- Each run is a process of its own; a rival's are two, one after the other: the packer, which writes a file, and the COS SDK's `+"`Object.Upload`"+` with its best setting on this line
  (UPLOAD.md). Wall time is from the start of the first to the end of the last. CPU seconds are their sum, and the peak memory is that of the larger one.
- *Ours* reads the folder once for the checksums, packs it while it reads it again, and uploads it meanwhile, as car-publish does: the parts in flight may take %d MiB, and it finds their
  number by itself, where its name does not say 8. The two limits are its packing alone, with both passes, and a plain PUT of its archive that computes nothing; the larger one counts.
- The receiver is another process on the same cores. It keeps nothing, and checks every byte's CRC-64 for every contender alike. The shaped line gives each connection 20 MiB/s and a
  round trip of 200 ms.
- *Read* is what ours has read of files (`+"`rchar`"+` of /proc/self/io), as a multiple of the set. *Written* is `+"`write_bytes`"+` there, or the size of a rival's archive.
- CPU seconds are medians, and peak memory and what was read, written and sent is the most of any round. What is written is synchronised to the disk between the runs.
`,
		time.Now().UTC().Format(time.DateOnly), b.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		model(), runtime.NumCPU(), float64(machine.Totalram)*float64(machine.Unit)/(1<<30), version("zip", "-v"), version("7zz"), load(), b.rounds, cos.MostMemory>>20)
}

// model is the name of the processor.
func model() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}

func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// version is what a packer says of itself.
func version(command ...string) string {
	out, _ := exec.Command(command[0], command[1:]...).Output() //nolint:gosec,noctx // our own arguments
	for line := range strings.Lines(string(out)) {
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "This is "), ", by")
		line, _, _ = strings.Cut(line, " : ")
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Copyright") {
			return line
		}
	}
	return command[0]
}

// runs are those of one contender.
type runs []figures

func (r runs) each(pick func(figures) float64) []float64 {
	var list []float64
	for _, f := range r {
		list = append(list, pick(f))
	}
	slices.Sort(list)
	return list
}

func (r runs) best(pick func(figures) float64) float64 { return r.each(pick)[0] }

func (r runs) most(pick func(figures) float64) float64 { return r.each(pick)[len(r)-1] }

func (r runs) median(pick func(figures) float64) float64 { return r.each(pick)[len(r)/2] }

func wall(f figures) float64    { return f.wall }
func cpu(f figures) float64     { return f.cpu }
func rss(f figures) float64     { return float64(f.rss) }
func sent(f figures) float64    { return float64(f.sent) }
func written(f figures) float64 { return float64(f.written) }
func read(f figures) float64    { return float64(f.read) }

// table has a row for each contender.
func (b *bench) table(s set, all results, who []contender) {
	b.print("\n| contender | wall, best | wall, median | CPU | peak memory | sent | written | read |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, c := range who {
		r, passes := all[c.name], ""
		if c.packs() {
			passes = fmt.Sprintf("%.2f", r.most(read)/float64(s.size))
		}
		b.print("| %s | %.2f s | %.2f s | %.2f s | %.1f MiB | %.1f MiB | %.1f MiB | %s |\n",
			c.name, r.best(wall), r.median(wall), r.median(cpu), r.most(rss)/(1<<20), r.most(sent)/(1<<20), r.most(written)/(1<<20), passes)
	}
}

// ratios begins a table of ratios.
func (b *bench) ratios() {
	b.print("\n| ratio | of the best | of the medians | aim |\n| --- | ---: | ---: | --- |\n")
}

// slower compares the time of ours with the larger one of others'.
func (b *bench) slower(what string, all results, aim float64, others ...contender) {
	best, median := 0.0, 0.0
	for _, c := range others {
		best, median = max(best, all[c.name].best(wall)), max(median, all[c.name].median(wall))
	}
	us := all[adaptive.name]
	b.print("| wall, ours / %s | %.2f | %.2f | %s |\n", what, us.best(wall)/best, us.median(wall)/median, verdict(us.median(wall)/median, aim))
}

// share compares bytes, which hardly differ from one run to the next.
func (b *bench) share(what string, ours, others, aim float64) {
	b.print("| bytes, %s | | %.4f | %s |\n", what, ours/others, verdict(ours/others, aim))
}

// verdict says whether an aim is met; 0 is none.
func verdict(have, aim float64) string {
	switch {
	case aim == 0:
		return ""
	case have <= aim:
		return fmt.Sprintf("at most %.2f: met", aim)
	default:
		return fmt.Sprintf("at most %.2f: **missed**", aim)
	}
}

// loopback prints what a set took without a line between.
func (b *bench) loopback(s set, all results) {
	b.print("\n## Set %s: %.0f MiB in %d files\n\nIt is %s. The archive of ours has %.1f MiB.\n\n### %s, loopback\n", s.name, mib(s.size), s.files, s.text, mib(s.archive), s.name)
	b.table(s, all, []contender{adaptive, eight, zip, seven, deflated, put})
	b.ratios()
	b.slower("zip and SDK", all, s.zipAim, zip)
	b.slower("7zz and SDK", all, s.sevenAim, seven)
	b.slower("the larger limit", all, 1.15, deflated, put)
	us := all[adaptive.name]
	b.share("ours / zip -6", us.most(sent), all[zip.name].most(sent), 1.02)
	b.share("read by ours / the set", us.most(read), float64(s.size), 2)
}

// shaped prints what it took on a long line.
func (b *bench) shaped(s set, all results) {
	b.print("\n### %s, 200 ms and 20 MiB/s for each connection\n", s.name)
	b.table(s, all, []contender{adaptive, eight, deflated, putMany, putSame})
	b.ratios()
	b.slower("the larger limit", all, 1.10, deflated, putMany)
	b.slower("the larger limit, if a PUT may not hold more in memory either", all, 0, deflated, putSame)
}

// tiny is what so many tiny files took.
type tiny struct {
	files int
	results
}

func (b *bench) tiny(rows []tiny) {
	if len(rows) == 0 {
		return
	}
	b.print("\n## Tiny files\n\nFiles of 200 bytes, a hundred in each folder. *Packed* is ours with both passes and no upload.\n\n" +
		"| files | packed, best | packed, median | files a second | time for a file / that of the first row | aim | uploaded, median | peak memory |\n| ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n")
	perFile := func(t tiny) float64 { return t.results[deflated.name].median(wall) / float64(t.files) }
	for i, t := range rows {
		packed, uploaded := t.results[deflated.name], t.results[adaptive.name]
		ratio, aim := perFile(t)/perFile(rows[0]), 1.2
		if i == 0 {
			aim = 0
		}
		b.print("| %d | %.2f s | %.2f s | %.0f | %.2f | %s | %.2f s | %.1f MiB |\n",
			t.files, packed.best(wall), packed.median(wall), 1/perFile(t), ratio, verdict(ratio, aim), uploaded.median(wall), uploaded.most(rss)/(1<<20))
	}
}

// peaks prints the most memory of all runs.
func (b *bench) peaks() {
	b.print("\n## Memory of ours, of all runs above but the container\n\n| what | peak | aim |\n| --- | ---: | --- |\n")
	for _, row := range []struct {
		what      string
		have, aim int64
	}{{"8 parts in flight", b.eight, 160}, {"any size, and as many parts as it likes", b.most, 320}} {
		if row.have == 0 {
			continue
		}
		met := "met"
		if row.have > row.aim<<20 {
			met = "**missed**"
		}
		b.print("| %s | %.1f MiB | at most %d MiB: %s |\n", row.what, mib(row.have), row.aim, met)
	}
}
