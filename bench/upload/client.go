package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/car-publish/car-publish/bench/sink"
	"github.com/car-publish/car-publish/internal/cos"
)

// client is one contender's process.
func client(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	before := sink.ReadSoFar()
	start := time.Now()
	var read int64
	err := errors.New("no such contender")
	kind, setting, _ := strings.Cut(name, "-")
	threads, part := 0, int64(0)
	if n, m, ok := strings.Cut(setting, "x"); ok {
		threads, _ = strconv.Atoi(n)
		part, _ = strconv.ParseInt(m, 10, 64)
	}
	switch kind {
	case "ours":
		read, err = ours(ctx, threads, part<<20)
	case "sdk":
		err = sink.SDK(ctx, os.Getenv("BENCH_FILE"), threads, part)
	case "plain":
		err = sink.Plain(ctx, os.Getenv("BENCH_FILE"), threads, part<<20)
	}
	wall := time.Since(start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Bytes of read(2) and its kin, from the page cache or not; for ours they
	// were counted at ReadAt as well.
	total := sink.ReadSoFar() - before
	if kind != "ours" {
		read = total
	}
	_ = json.NewEncoder(os.Stdout).Encode(report{Wall: wall.Seconds(), RSS: sink.PeakMemory(), Read: read})
}

// counted is a file whose reads are counted.
type counted struct {
	*os.File
	n atomic.Int64
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.File.ReadAt(p, offset)
	c.n.Add(int64(n))
	return n, err
}

func ours(ctx context.Context, threads int, part int64) (int64, error) {
	f, size, err := sink.Open(os.Getenv("BENCH_FILE"))
	if err != nil {
		return 0, err
	}
	o, err := sink.Ours() //nolint:contextcheck // reading a file ends by itself
	if err != nil {
		return 0, err
	}
	debug.SetGCPercent(25) // as the program does
	file := &counted{File: f}
	o.File, o.Size, o.Parallel, o.PartSize = file, size, threads, part
	_, err = cos.New(o).Run(ctx)
	// A byte behind the end is asked for, to see that there is none.
	return file.n.Load(), err
}
