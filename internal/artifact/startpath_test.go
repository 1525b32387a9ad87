package artifact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContains(t *testing.T) {
	a := Artifact{Executables: []string{"Game/bin/Ocean.exe", "海/游戏.exe"}}
	for start, want := range map[string]bool{
		"Game/bin/Ocean.exe":   true,
		`game\BIN\ocean.EXE`:   true,
		`.\Game\bin\Ocean.exe`: true,
		"/Game/bin//Ocean.exe": true,
		`海\游戏.exe`:             true,
		"bin/Ocean.exe":        false,
		"Game/bin/Ocean":       false,
		"":                     false,
	} {
		if got := a.Contains(start); got != want {
			t.Errorf("Contains(%q): got %t, want %t", start, got, want)
		}
	}
}

func TestIsAbsWindows(t *testing.T) {
	for path, want := range map[string]bool{
		`C:\Games\a.exe`: true, "d:/Steam/a.exe": true, `\\server\share\a.exe`: true, "//server/a.exe": true,
		"Game/a.exe": false, `\Game\a.exe`: false, "1:/a.exe": false, "": false, "C": false,
	} {
		if got := IsAbsWindows(path); got != want {
			t.Errorf("IsAbsWindows(%q): got %t, want %t", path, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	have := []string{"Game/crash.exe", "Game/Ocena.exe", "other/deep/down/OCEAN.exe", "Ocean.exe", "zzz.exe"}
	for want, order := range map[string][]string{
		`Game\Ocean.exe`: {"Ocean.exe", "other/deep/down/OCEAN.exe", "Game/Ocena.exe", "Game/crash.exe", "zzz.exe"},
		"zz.exe":         {"zzz.exe", "Ocean.exe", "Game/crash.exe", "Game/Ocena.exe", "other/deep/down/OCEAN.exe"},
	} {
		if diff := cmp.Diff(order, Nearest(want, have)); diff != "" {
			t.Errorf("Nearest(%q) (-want +got):\n%s", want, diff)
		}
	}
	if got := Nearest("a.exe", nil); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
}
