package artifact

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files of a few bytes in a new working directory.
func tree(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("build"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	tree(t, "game.zip", "dist/game.zip", "dist/win/x64/game.7z", "dist/win/symbols.rar", "dist/a[1].zip", "dist/a1.zip", "dist/log.txt", "dist/game.zip.d/note")
	absolute, err := filepath.Abs("dist")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		"game.zip":                               "game.zip",
		"./game.zip":                             "./game.zip",
		"*.zip":                                  "game.zip",
		"dist/g*.zip":                            "dist/game.zip",
		"dist/*/*/*":                             "dist/win/x64/game.7z",
		"dist/wi*":                               "dist/win", // a folder
		"**/x64":                                 "dist/win/x64",
		"dist/a[1].zip":                          "dist/a[1].zip", // exists, although the glob means a1.zip
		"dist/a?.zip":                            "dist/a1.zip",
		"**/*.7z":                                "dist/win/x64/game.7z",
		"./dist//**/*.7z":                        "dist/win/x64/game.7z",
		"dist/**/win/**/*.7z":                    "dist/win/x64/game.7z",
		"dist/**/symbols.rar":                    "dist/win/symbols.rar",
		"dist/**/log.*":                          "dist/log.txt", // ** may be no folder at all
		"dist/win/x64/**":                        "dist/win/x64/game.7z",
		filepath.Join(absolute, "game.zip"):      filepath.Join(absolute, "game.zip"),
		filepath.Join(absolute, "w*", "**/*.7z"): filepath.Join(absolute, "win", "x64", "game.7z"),
	} {
		got, err := Find(pattern)
		if err != nil || filepath.ToSlash(got) != filepath.ToSlash(want) {
			t.Errorf("Find(%q): got %q, %v, want %q", pattern, got, err, want)
		}
	}
}

// A glob that matches an archive and a folder does not choose for the user.
func TestFindFolderAndFile(t *testing.T) {
	tree(t, "out/Game/Game.exe", "out/symbols.zip")
	_, err := Find("out/*")
	refused(t, err, Ambiguous, "out/symbols.zip", "out/Game", "To publish the whole folder, set artifact to out.")
}

func TestFindThroughALink(t *testing.T) {
	tree(t, "real/out/game.zip")
	if err := os.Symlink("real", "bazel-bin"); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"bazel-bin/**/*.zip", "bazel*/out/*.zip"} {
		if got, err := Find(pattern); err != nil || filepath.ToSlash(got) != "bazel-bin/out/game.zip" {
			t.Errorf("Find(%q): got %q, %v, want bazel-bin/out/game.zip", pattern, got, err)
		}
	}
	if err := os.Symlink("nowhere.zip", "latest.zip"); err != nil {
		t.Fatal(err)
	}
	_, err := Find("latest.zip")
	refused(t, err, NotFound, "symbolic link to something that does not exist")
}

func TestFindNothing(t *testing.T) {
	tree(t, "build/Game.zip", "build/notes.txt", "build/win/readme.txt", "tool.apk")
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		pattern string
		says    []string
		not     string
	}{
		{"build/gaem.zip", []string{`"build/gaem.zip"`, fmt.Sprintf("working directory %q", cwd), `Game.zip" (5 B)`}, "tool.apk"},
		{"build/win/*.zip", []string{"Game.zip"}, "tool.apk"},
		{"dist/**/*.zip", []string{"tool.apk"}, "Game.zip"},
		{"", []string{"empty", "expression"}, "No file"},
		{filepath.Join(cwd, "build", "x.zip"), []string{"Game.zip"}, "working directory"},
		{"build/[.zip", []string{"valid glob", "both brackets"}, ""},
		{"build/**/[", []string{"valid glob"}, ""},
	} {
		got, err := Find(test.pattern)
		if got != "" {
			t.Errorf("Find(%q): got %q, want nothing", test.pattern, got)
		}
		refused(t, err, NotFound, test.says...)
		if test.not != "" && strings.Contains(err.Error(), test.not) {
			t.Errorf("Find(%q): got %q, want nothing about %q", test.pattern, err, test.not)
		}
	}
}

func TestFindOtherCase(t *testing.T) {
	tree(t, "build/Game.zip", "build/Dir/readme.txt")
	alike := isDir("BUILD") // this file system does not tell capital letters from small ones
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		"Build/game.zip":                       "build/Game.zip",
		"./build/GAME.ZIP":                     "build/Game.zip",
		filepath.Join(cwd, "build/game.zip"):   filepath.Join(cwd, "build/Game.zip"),
		"build/gaem.zip":                       "",
		"build/dir":                            "",
		filepath.Join(cwd, "nowhere/game.zip"): "",
	} {
		_, err := Find(pattern)
		switch {
		case alike && want != "":
			if err != nil {
				t.Errorf("Find(%q): %v, want the file", pattern, err)
			}
			continue
		case alike && isDir(pattern): // a folder by any letters is the next test's
			continue
		case want == "":
			refused(t, err, NotFound)
			if strings.Contains(err.Error(), "but there is") {
				t.Errorf("Find(%q): got %q, want no other file", pattern, err)
			}
			continue
		}
		refused(t, err, NotFound, fmt.Sprintf(", but there is %q.", want), "Capital and small letters")
	}
}

func TestFindTooMuch(t *testing.T) {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("dist/part%02d.zip", i))
	}
	tree(t, names...)
	for _, pattern := range []string{"dist/*.zip", "**/*.zip"} {
		_, err := Find(pattern)
		refused(t, err, Ambiguous, "matches 12 files", `part00.zip" (5 B)`, "part09.zip", "and 2 more")
		if strings.Contains(err.Error(), "part10") {
			t.Errorf("got %q, want ten files listed", err)
		}
	}
}

func TestFindFolder(t *testing.T) {
	tree(t, "dist/app/a.txt")
	for _, pattern := range []string{"dist", "dist/*"} {
		path, err := Find(pattern)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Inspect(path)
		refused(t, err, IsFolder)
	}
}
