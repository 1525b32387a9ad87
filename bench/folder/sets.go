//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maker makes a folder. It is a small process's: what that starts is charged with the
// memory that it has itself.
type maker struct {
	root   string
	random *rand.ChaCha8 // the same bytes in each run of the benchmark
	buffer []byte
	files  int
	size   int64 // bytes
}

func newMaker(root string) *maker {
	return &maker{root: root, random: rand.NewChaCha8([32]byte{1}), buffer: make([]byte, 1<<20)}
}

// file writes a file of so many bytes.
func (m *maker) file(name string, content io.Reader, size int64) error {
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder as a build has it
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(content, size), m.buffer)
	m.files++
	m.size += n
	return err
}

// small writes a file of a few bytes.
func (m *maker) small(name, text string) error {
	return m.file(name, strings.NewReader(text), int64(len(text)))
}

// half is data of which half is random: records such as those of a mesh or a table.
type half struct{ random *rand.ChaCha8 }

func (h half) Read(p []byte) (int, error) {
	_, err := h.random.Read(p)
	for i := range p {
		if i%16 >= 8 {
			p[i] = 0
		}
	}
	return len(p), err
}

// fillA copies Go's own source and tools, which are text and programs, and adds data.
func fillA(m *maker, size int64) error {
	out, err := exec.Command("go", "env", "GOROOT").Output() //nolint:noctx // it ends by itself
	if err != nil {
		return err
	}
	goroot := os.DirFS(strings.TrimSpace(string(out)))
	for _, part := range []string{"src", "pkg/tool", "bin"} {
		err := fs.WalkDir(goroot, part, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || m.size >= size {
				return err
			}
			f, err := goroot.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			return m.file(name, f, info.Size())
		})
		if err != nil {
			return err
		}
	}
	const each = 8 << 20
	for n := 0; m.size < size; n++ {
		var content io.Reader = m.random
		if n%2 == 0 {
			content = half{m.random}
		}
		if err := m.file(fmt.Sprintf("data/%d.bin", n), content, min(each, size-m.size)); err != nil {
			return err
		}
	}
	return nil
}

// fillB makes what an Unreal game looks like: its containers are packed by themselves.
func fillB(m *maker, size int64) error {
	if err := m.small("Ocean.exe", "MZ"); err != nil {
		return err
	}
	for n := range 299 {
		text := bytes.Repeat(fmt.Appendf(nil, "+Paths=(Number=%d,Path=\"/Game/Ocean/%d\")\n", n, n*n), 1+n*4)
		if err := m.file(fmt.Sprintf("Engine/Config/%d.ini", n), bytes.NewReader(text), int64(len(text))); err != nil {
			return err
		}
	}
	each := (size - m.size) / 3
	for _, name := range []string{"pakchunk0.ucas", "pakchunk1.ucas", "Movies.pak"} {
		if err := m.file("Ocean/Content/Paks/"+name, m.random, each); err != nil {
			return err
		}
	}
	return nil
}

// fillTiny makes so many files of 200 bytes, a hundred in each folder.
func fillTiny(m *maker, files int) error {
	for n := range files {
		if err := m.small(fmt.Sprintf("%d/file %d.txt", n/100, n), strings.Repeat(fmt.Sprintf("%09d\n", n), 20)); err != nil {
			return err
		}
	}
	return nil
}

// fillContainer makes so many GiB, of which most are zeros that take no disk.
func fillContainer(m *maker, gib int64) error {
	random := gib << 30 * 3 / 20
	if err := m.small("Ocean.exe", "MZ"); err != nil {
		return err
	}
	if err := m.file("Movies.pak", m.random, random); err != nil {
		return err
	}
	m.files++
	m.size += gib<<30 - random
	name := filepath.Join(m.root, "World.pak")
	if err := os.WriteFile(name, nil, 0o644); err != nil { //nolint:gosec // a file as a build has it
		return err
	}
	return os.Truncate(name, gib<<30-random)
}
