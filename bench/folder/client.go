//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/bench/sink"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/pack"
)

// said is what a process of ours tells of itself.
type said struct {
	RSS           int64 // bytes, the peak
	Read, Written int64 // bytes, of and to files
}

// client is the process of a contender, or its second one, which uploads.
func client(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	read, written := sink.ReadSoFar(), sink.WrittenSoFar()
	what := os.Getenv("BENCH_FILE")
	kind, setting, _ := strings.Cut(name, "-")
	first, second, _ := strings.Cut(setting, "x")
	threads, _ := strconv.Atoi(first)
	part, _ := strconv.ParseInt(second, 10, 64)
	err := errors.New("no such contender")
	switch kind {
	case "ours":
		err = ours(ctx, what, threads)
	case "pack":
		err = packTo(ctx, what, io.Discard)
	case "archive":
		err = archive(ctx, what)
	case "sdk":
		err = sink.SDK(ctx, what, threads, part)
	case "plain":
		err = sink.Plain(ctx, what, threads, part<<20)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(said{
		RSS: sink.PeakMemory(), Read: sink.ReadSoFar() - read, Written: sink.WrittenSoFar() - written,
	})
}

// scan looks at a folder as car-publish does, but packs everything, as the rivals do.
func scan(ctx context.Context, folder string) (*pack.Tree, error) {
	debug.SetGCPercent(25) // as the program does
	return pack.Scan(ctx, folder, pack.Options{Compression: pack.Auto, NoDefaultIgnores: true})
}

// ours packs the folder while it uploads it, with so many parts in flight; 0 adapts that.
func ours(ctx context.Context, folder string, threads int) error {
	tree, err := scan(ctx, folder)
	if err != nil {
		return err
	}
	o, err := sink.Ours() //nolint:contextcheck // reading a file ends by itself
	if err != nil {
		return err
	}
	o.Size, o.Memory, o.Parallel = tree.AtMost(), cos.MostMemory, threads
	o.Stream = func(ctx context.Context, w io.Writer) error { return tree.Pack(ctx, w, func(int64) {}) }
	_, err = cos.New(o).Run(ctx)
	return err
}

func packTo(ctx context.Context, folder string, w io.Writer) error {
	tree, err := scan(ctx, folder)
	if err != nil {
		return err
	}
	return tree.Pack(ctx, w, func(int64) {})
}

// archive writes the archive beside the folder, for the limits.
func archive(ctx context.Context, folder string) error {
	f, err := os.Create(folder + ".zip")
	if err != nil {
		return err
	}
	defer f.Close()
	return packTo(ctx, folder, f)
}
