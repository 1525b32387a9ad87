package publish

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/stories"
)

// FuzzMark makes a mark of anything and finds it again in the name that CAR
// gives to a version, whatever the file is called; and nothing else of the
// name is changed.
func FuzzMark(f *testing.F) {
	for _, file := range stories.Find(f, `--artifact(?:-name)? (\S+)`) {
		f.Add("42/publish/0/__self", "app-desktop", []byte("content"), 1, 0.5, file)
	}
	for _, key := range stories.Find(f, `--run-key (\S+)`) {
		f.Add(key, "app-desktop", []byte(nil), 2, 0.999999999, "游戏 1.2.tar.zip")
	}
	f.Add("", "", []byte(nil), -1, 0.0, "")
	f.Add("a", "b", []byte("c"), 1<<30, 0.1, ".zip")
	f.Add("a", "b", []byte("c"), 31, 0.1, "game-cpaaaaaabbbbbbaccc.zip")
	f.Add("a", "b", []byte("c"), 3, 0.1, "a.b/c\n.")
	f.Fuzz(func(t *testing.T, runKey, app string, content []byte, attempt int, random float64, file string) {
		if !(random >= 0 && random < 1) {
			return // no Float returns that
		}
		float := func() float64 { return random }
		m := newMark(runKey, app, content, attempt, float)
		sent := m.apply(file)
		back, ok := readMark(stem(sent))
		if !ok || back != m {
			t.Fatalf("%q is named %q and bears %+v (%v), want %+v", file, stem(sent), back, ok, m)
		}
		if path.Ext(sent) != path.Ext(file) || strings.Replace(sent, m.String()+path.Ext(sent), path.Ext(sent), 1) != file && strings.Count(file, m.String()) == 0 {
			t.Errorf("%q became %q", file, sent)
		}
		if again := newMark(runKey, app, content, attempt, float); again != m {
			t.Errorf("the same run has the marks %v and %v", m, again)
		}
		later := newMark(runKey, app, content, m.attempt+1, float)
		if later.owner != m.owner || later.content != m.content || later.earlier(m) || m.attempt < lastAttempt && !m.earlier(later) {
			t.Errorf("%v and the next attempt's %v are not told apart", m, later)
		}
		if other := newMark(runKey+"x", app, content, m.attempt+1, float); m.earlier(other) {
			t.Errorf("%v is taken for an earlier attempt of another run's %v", m, other)
		}
	})
}

// FuzzReadMark reads names that anybody may give in the console: what is taken
// for a mark stands at the end, as it would be written.
func FuzzReadMark(f *testing.F) {
	for _, name := range stories.Find(f, `"Name": "([^"]*)"`) {
		f.Add(name)
	}
	f.Add("game-cpaaaaaabbbbbbaccc")
	f.Add("-cpaaaaaabbbbbb7ccc\n")
	f.Add("game-cpaaaaaabbbbbbaccc-cpddddddeeeeeebfff")
	f.Add("game-CPaaaaaabbbbbbaccc")
	f.Add("game-cpaaaaaabbbbbbacc1")
	exact := regexp.MustCompile(`\A(?s:.*)-cp[a-z2-7]{16}\z`)
	f.Fuzz(func(t *testing.T, name string) {
		m, ok := readMark(name)
		if ok != exact.MatchString(name) {
			t.Fatalf("%q is read as a mark: %v", name, ok)
		}
		if !ok {
			if m != (mark{}) {
				t.Errorf("%q has no mark, and yet %+v", name, m)
			}
			return
		}
		if !strings.HasSuffix(name, m.String()) {
			t.Errorf("%q is read as the mark %v", name, m)
		}
	})
}
