// Command upload measures the upload against its rivals, side by side: the
// COS SDK's Object.Upload, which coscli uses, and a plain parallel PUT of the
// same bytes without a checksum, which is the limit.
//
// Each run is a process of its own, so that its CPU time and its memory are
// its alone, and so is the receiver, with the shaper in front of it. The
// contenders take turns. The file is sparse: reading it costs what reading a
// file from the page cache costs, but no disk.
//
//	go run ./bench/upload -line loopback -mib 8192
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/bench/sink"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "client" {
		client(os.Args[2])
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "sink" {
		run, _ := strconv.ParseUint(os.Args[3], 10, 64)
		sink.Serve(os.Args[2], run)
		return
	}
	runs := flag.Int("n", 5, "runs of each contender; the median counts")
	line := flag.String("line", "loopback", "loopback, tls, shaped or dropping")
	size := flag.Int64("mib", 1024, "size of the file in MiB")
	names := flag.String("contenders", "ours,sdk-8x16,sdk-default,plain-8x16", "who runs; NxM is N in flight, parts of M MiB")
	flag.Parse()
	if err := compare(*runs, *line, *size<<20, strings.Split(*names, ",")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report is what one run of one contender says of itself, and what the sink
// saw of it.
type report struct {
	Wall, CPU float64 // seconds
	RSS       int64   // bytes, the peak
	Read      int64   // bytes, of the file
	Sent      int64   // bytes of bodies that reached the sink, or were on the way
	Conns     int64
}

// compare prints one table: a row for each contender.
func compare(runs int, line string, size int64, names []string) error {
	dir, err := os.MkdirTemp("", "bench-upload")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "build")
	if err := sparse(file, size); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	all := map[string][]report{}
	for run := range runs {
		for _, name := range names {
			r, err := once(self, dir, file, line, name, run)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], r)
		}
	}
	fmt.Printf("\n### %s, %s\n\n", lines[line], text(size))
	fmt.Println("| contender | wall | CPU | peak memory | read of the file | sent | connections |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	first := median(all[names[0]])
	for _, name := range names {
		m := median(all[name])
		fmt.Printf("| %s | %.2f s (ours is %.2f of it) | %.2f s (%.2f) | %.1f MiB | %.2f | %.2f | %d |\n",
			name, m.Wall, first.Wall/m.Wall, m.CPU, first.CPU/m.CPU, float64(m.RSS)/(1<<20),
			float64(m.Read)/float64(size), float64(m.Sent)/float64(size), m.Conns)
	}
	return nil
}

// lines are what is between the contender and the sink.
var lines = map[string]string{
	"loopback": "Loopback",
	"tls":      "Loopback with TLS",
	"shaped":   "200 ms and 20 MiB/s for each connection",
	"dropping": "200 ms and 20 MiB/s for each connection, of which 1 % are cut",
}

func text(size int64) string {
	if size < 1<<30 {
		return fmt.Sprintf("%d MiB", size>>20)
	}
	return fmt.Sprintf("%d GiB", size>>30)
}

// median is the median of each figure by itself.
func median(runs []report) report {
	pick := func(f func(report) float64) float64 {
		var list []float64
		for _, r := range runs {
			list = append(list, f(r))
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	return report{
		Wall:  pick(func(r report) float64 { return r.Wall }),
		CPU:   pick(func(r report) float64 { return r.CPU }),
		RSS:   int64(pick(func(r report) float64 { return float64(r.RSS) })),
		Read:  int64(pick(func(r report) float64 { return float64(r.Read) })),
		Sent:  int64(pick(func(r report) float64 { return float64(r.Sent) })),
		Conns: int64(pick(func(r report) float64 { return float64(r.Conns) })),
	}
}

// sparse makes a file that takes no disk: its first and its last bytes are
// there, the rest are zeros.
func sparse(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString("begin"); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("end"), size-3)
	return err
}

// once runs one contender against a fresh sink.
func once(self, dir, file, line, name string, run int) (report, error) {
	receiver, err := sink.Start(self, line, run)
	if err != nil {
		return report{}, err
	}
	defer receiver.Close()
	where, err := receiver.Environment(dir)
	if err != nil {
		return report{}, err
	}
	c := exec.Command(self, "client", name) //nolint:gosec,noctx // itself
	c.Env = append(append(os.Environ(), "BENCH_FILE="+file), where...)
	c.Stderr = os.Stderr
	said, err := c.Output()
	if err != nil {
		return report{}, err
	}
	var r report
	if err := json.Unmarshal(said, &r); err != nil {
		return report{}, err
	}
	seen, err := receiver.Tally()
	if err != nil {
		return r, err
	}
	r.CPU = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	r.Sent, r.Conns = seen.Bytes, seen.Conns
	fmt.Fprintf(os.Stderr, "%-9s %-16s %6.2f s wall %6.2f s CPU %6.1f MiB %4d connections\n", line, name, r.Wall, r.CPU, float64(r.RSS)/(1<<20), r.Conns)
	return r, nil
}

// limit is how long one run may take.
const limit = 10 * time.Minute
