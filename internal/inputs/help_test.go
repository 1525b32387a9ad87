package inputs

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestHelpGolden(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{"help.txt": "", "help-rollback.txt": "rollback"} {
		file := filepath.Join("testdata", name)
		got := Help(command)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
			t.Errorf("%s differs; run go test -update (-want +got):\n%s", name, diff)
		}
	}
}

func TestHelpFitsTheScreen(t *testing.T) {
	t.Parallel()
	for _, command := range append(commandNames(), "") {
		for line := range strings.Lines(Help(command)) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > helpWidth {
				t.Errorf("help %s has a line of %d columns, want at most %d: %s", command, n, helpWidth, line)
			}
		}
	}
}

func TestHelpAndVersionAreShown(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--help":                         Help(""),
		"-h":                             Help(""),
		"help":                           Help(""),
		"--help publish":                 Help("publish"),
		"help release":                   Help("release"),
		"delete --help":                  Help("delete"),
		"create --timeout 5 --bogus -h":  Help("create"),
		"list help":                      Help("list"),
		"--version":                      "car-publish 1.2.3\n",
		"--version --bogus --artifact=x": "car-publish 1.2.3\n",
	} {
		var out bytes.Buffer
		_, warnings, err := Parse(strings.Fields(args), nil, "1.2.3", &out)
		if !errors.Is(err, ErrShown) || warnings != nil {
			t.Errorf("%s: got error %v and warnings %q, want ErrShown alone", args, err, warnings)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

func TestHelpThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	r.Close()
	for _, arg := range []string{"--help", "--version"} {
		if _, _, err := Parse([]string{arg}, nil, "", w); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got error %v, want %v", arg, err, io.ErrClosedPipe)
		}
	}
}
