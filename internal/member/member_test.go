package member

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestNamesThatWindowsReserves(t *testing.T) {
	for name, reserved := range map[string]bool{
		"Game/con": true, "Game/CON.txt": true, "nul": true, "aux.c/x": true, "COM1": true, "com¹.log": true, "lpt9.a.b": true, "Prn": true,
		"Game/config": false, "console.log": false, "com": false, "com10": false, "lpt": false, "Game/nule": false, "a.con": false, "资源": false,
	} {
		var n Names
		n.Add(name)
		if got := strings.Contains(n.Problems.String(), "reserves for devices"); got != reserved {
			t.Errorf("%q: got %v, want %v", name, n.Problems, reserved)
		}
	}
}

func TestNamesThatWindowsDoesNotAllow(t *testing.T) {
	for _, name := range []string{"a<b", "a>b", "C/a:b", `a"b`, "a|b", "a?", "*", "a\x1fb", "a/\n"} {
		var n Names
		n.Add(name)
		if len(n.Problems.Certain(true)) != 1 {
			t.Errorf("%q: got %v", name, n.Problems)
		}
	}
}

func TestTwins(t *testing.T) {
	for names, twins := range map[string]int{
		"a/b a/B": 1, "a/b A/c": 1, "A/ a": 1, "a/b a/b": 0, "a/ a/b a/c": 0, "a/B a/b a/B": 1, "ä Ä": 1, `a\b a/B`: 1, "a/b/c a/b/d a/B/e": 1,
	} {
		var n Names
		for name := range strings.FieldsSeq(names) {
			n.Add(name)
		}
		count := 0
		for _, p := range n.Problems {
			count += p.Count
		}
		if count != twins {
			t.Errorf("%q: got %v, want %d", names, n.Problems, twins)
		}
	}
}

// An archive may have millions of names, and not every machine has much memory.
func TestNamesTakeLittleMemory(t *testing.T) {
	const names = 300_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var n Names
	for i := range names {
		n.Add(fmt.Sprintf("Game/Content/Characters/%03d/Textures/T_%08d.uasset", i/1000, i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	fixed := buckets * 24
	if took := int(after.HeapAlloc) - int(before.HeapAlloc) - fixed; took > 16*names || len(n.Problems) > 0 {
		t.Errorf("%d names took %d bytes; problems: %v", names, took, n.Problems)
	}
	n.Add("Game/content/X.uasset")
	if len(n.Problems) != 1 {
		t.Errorf("a twin was not found: %v", n.Problems)
	}
}
