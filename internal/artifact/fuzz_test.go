package artifact

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func FuzzInspect(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.7z")
	if err != nil || len(samples) == 0 {
		f.Fatalf("got samples %q, %v, want some", samples, err)
	}
	for _, name := range samples {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("game.7z", content)
	}
	f.Add("game.zip", makeZip(f, packed{"Ocean.exe", "MZ"}))
	f.Add("ocean.apk", makeZip(f, packed{"AndroidManifest.xml", string(sample(f, "manifest.bin"))}))
	f.Add("ocean.xapk", makeZip(f, packed{"manifest.json", `{"package_name":"a.b","version_code":1}`}, packed{"a.apk", "PK"}))
	f.Add("game.rar", makeRAR5(rarPlain, packed{"Ocean.exe", "MZ"}))
	f.Add("game.rar", makeRAR5(rarPassword, packed{"Ocean.exe", "MZ"}))
	f.Add("game.part1.rar", makeRAR5(rarFirstPart, packed{"Ocean.exe", "MZ"}))
	f.Add("game.rar", makeRAR5Encrypted(1))
	f.Add("game.rar", makeRAR4(packed{"Ocean.exe", "MZ"}))
	f.Add("game.zip", []byte("<html>"))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		a, err := inspect(name, newWindow(bytes.NewReader(content), int64(len(content))))
		if err != nil {
			if known := (*Error)(nil); !errors.As(err, &known) || known.Message == "" || known.Hint == "" {
				t.Errorf("got %v, want an *Error with a message and a hint", err)
			}
			return
		}
		if !slices.Contains(Formats, a.Format) || a.Size != int64(len(content)) {
			t.Errorf("got format %q and %d bytes of %d", a.Format, a.Size, len(content))
		}
		again, err := inspect(name, newWindow(bytes.NewReader(content), int64(len(content))))
		if err != nil || again.Fingerprint != a.Fingerprint {
			t.Errorf("got another fingerprint for the same content (%v)", err)
		}
	})
}
