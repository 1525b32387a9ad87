// Command bigzip writes a zip that is too large for anybody to hold in
// memory: one real executable, and stored noise that cannot be compressed.
// The noise comes from a fixed seed, so every run makes the same file, and no
// two of its parts are alike: a part in the wrong place changes the checksum.
//
//	go run ./test/e2e/bigzip EXECUTABLE MEBIBYTES FILE
package main

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bigzip EXECUTABLE MEBIBYTES FILE")
		os.Exit(2)
	}
	size, err := strconv.ParseInt(os.Args[2], 10, 32)
	if err == nil {
		err = write(os.Args[3], os.Args[1], size<<20)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bigzip:", err)
		os.Exit(1)
	}
}

func write(name, executable string, noise int64) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<20)
	archive := zip.NewWriter(buffered)

	exe, err := os.Open(executable)
	if err != nil {
		return err
	}
	defer exe.Close()
	if err := store(archive, filepath.Base(executable), exe); err != nil {
		return err
	}
	if err := store(archive, "data/noise.pak", io.LimitReader(rand.NewChaCha8([32]byte{}), noise)); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func store(archive *zip.Writer, name string, r io.Reader) error {
	w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(w, r, make([]byte, 1<<20))
	return err
}
