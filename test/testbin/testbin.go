// Package testbin builds the programs that tests run: car-publish and its
// simulator. It is for tests alone.
package testbin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Dir is the folder of the built programs. Main sets it.
var Dir string

var suffix = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

// Path is where Main has built a program: car-publish, cleanup or carsim.
func Path(name string) string { return filepath.Join(Dir, name+suffix) }

// Main builds the programs, runs the tests of m in the root of the module and
// returns their exit status. With GOCOVERDIR in the environment the programs
// record which of their statements run.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "car-publish-bin")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	Dir = dir
	Root()
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg=./internal/...,.")
	}
	build := exec.Command("go", append(args, ".", "./cmd/carsim")...) //nolint:gosec,noctx // our own arguments; the tests cannot begin before it ends
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(fmt.Sprintf("build the programs: %v", err))
	}
	// The image has the program under this name as well: GitHub starts it after a step.
	if err := os.Link(Path("car-publish"), Path("cleanup")); err != nil {
		panic(err)
	}
	return m.Run()
}

// Root changes to the root of the module, so that tests read its files by the
// names that people use for them.
func Root() {
	for {
		_, err := os.Stat("go.mod")
		if err == nil {
			return
		}
		if !errors.Is(err, os.ErrNotExist) {
			panic(err)
		}
		before, _ := os.Getwd()
		if err := os.Chdir(".."); err != nil {
			panic(err)
		}
		if after, _ := os.Getwd(); after == before {
			panic("no go.mod above the tests")
		}
	}
}
