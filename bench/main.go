// Command bench runs a command again and again and prints how long it took.
// The word {n} in an argument becomes the number of the run, so that each run
// can have an application of its own.
//
//	go run ./bench -n 30 ./car-publish create --application-id app-bench-{n} ...
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	runs := flag.Int("n", 30, "how many runs are measured")
	flag.Parse()
	if *runs < 1 || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: bench [-n RUNS] COMMAND [ARGUMENT ...]")
		os.Exit(2)
	}

	// Run 0 warms the file cache and is not counted.
	var took []time.Duration
	for n := range *runs + 1 {
		d, err := run(n, flag.Args())
		if err != nil {
			fmt.Fprintf(os.Stderr, "run %d of %s: %v\n", n, flag.Arg(0), err)
			os.Exit(1)
		}
		if n > 0 {
			took = append(took, d)
		}
	}
	slices.Sort(took)
	fmt.Printf("%.1f ms (median of %d; %.1f to %.1f)\n",
		ms(took[len(took)/2]), len(took), ms(took[0]), ms(took[len(took)-1]))
}

// run runs the command once. What it prints is shown only if it fails.
func run(n int, command []string) (time.Duration, error) {
	var args []string
	for _, arg := range command[1:] {
		args = append(args, strings.ReplaceAll(arg, "{n}", strconv.Itoa(n)))
	}
	cmd := exec.Command(command[0], args...) //nolint:gosec,noctx // running what it is given is its purpose, and ^C reaches the child as well
	start := time.Now()
	out, err := cmd.CombinedOutput()
	d := time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	return d, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
