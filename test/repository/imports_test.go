package repository_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is this module's path; every import that starts with it is ours.
const module = "github.com/car-publish/car-publish"

// A room is a package folder and what its non-test files may import besides
// the standard library.
type room struct {
	ours  []string // other rooms, by folder
	third []string // modules that this room alone names
	rival []string // modules that it runs against ours
	why   string
}

// rooms is the floor plan. The core (publish and what it stands on) never
// imports an edge (inputs, ci, summary, report), so that the flow can be read
// and tested without any CI; and each third-party module is imported by one room, so
// that replacing it is the work of one folder.
//
// A new room gets a line here first, with its reason. A new dependency gets a
// line in CONTRIBUTING.md as well.
var rooms = map[string]room{
	".": {
		third: []string{"golang.org/x/term"},
		ours: []string{
			"internal/artifact", "internal/auth", "internal/car", "internal/ci", "internal/cloudapi",
			"internal/cos", "internal/doctor", "internal/grace", "internal/inputs", "internal/pack", "internal/publish", "internal/record", "internal/report", "internal/retry",
			"internal/secret", "internal/summary", "internal/transport",
		},
		why: "main wires the rooms together; it must never link the simulator into the program",
	},

	"internal/inputs": {
		ours:  []string{"internal/ignore", "internal/member", "internal/mistyped", "internal/outfile", "internal/secret", "internal/textfile"},
		third: []string{"github.com/urfave/cli/v3", "github.com/hashicorp/go-multierror"},
		why:   "turns text into values; knows no CI and no service",
	},
	"internal/inputs/generate": {
		ours: []string{"internal/inputs"},
		why:  "writes the table of inputs into both action.yml and into README.md",
	},
	"internal/ci": {
		ours:  []string{"internal/secret"},
		third: []string{"github.com/sethvargo/go-githubactions", "github.com/schollz/progressbar/v3"},
		why:   "says things to a CI; does not know what is being said",
	},
	"internal/summary": {
		ours: []string{"internal/human", "internal/record"},
		why:  "turns a Result into text; writes it nowhere",
	},
	"internal/report": {
		ours: []string{"internal/ci", "internal/human", "internal/outfile", "internal/record", "internal/summary"},
		why:  "carries the flow's events to the CI: the one place where both are known",
	},

	"internal/doctor": {
		ours: []string{"internal/artifact", "internal/auth", "internal/car", "internal/cos", "internal/human", "internal/pack", "internal/publish", "internal/record", "internal/retry", "internal/secret", "internal/transport"},
		why:  "looks at what a publish needs; lets publish say what it would do, and so stands above it",
	},
	"internal/publish": {
		ours: []string{"internal/artifact", "internal/car", "internal/cos", "internal/grace", "internal/human", "internal/pack", "internal/record", "internal/retry", "internal/secret"},
		why:  "the flow; it tells its story in Events and knows no edge",
	},
	"internal/grace": {why: "lets work outlive a cancelled context for a short time; needs nothing of ours"},
	"internal/record": {
		ours: []string{"internal/secret"},
		why:  "what a run tells: its events, its result and what doctor found; data alone, so that the edges need not know the flow",
	},
	"internal/human":    {why: "sizes, rates and durations for a reader; one way to write each"},
	"internal/mistyped": {why: "what came along with a value: quotes, variables, invisible characters; for inputs and paths"},
	"internal/outfile":  {why: "writes the files that inputs name; inputs checks them before the run, report writes them"},
	"internal/member":   {why: "judges names by what Windows makes of them; for archives and folders"},
	"internal/ignore": {
		third: []string{"github.com/bmatcuk/doublestar/v4"},
		why:   "what does not belong into a build, by patterns; inputs checks them, pack obeys them",
	},
	"internal/pack": {
		ours:  []string{"internal/artifact", "internal/ignore", "internal/member"},
		third: []string{"github.com/klauspost/compress"},
		why:   "makes a zip of a folder; knows neither the service nor where the zip goes",
	},
	"internal/artifact": {
		ours:  []string{"internal/human", "internal/member", "internal/mistyped"},
		third: []string{"github.com/bodgit/sevenzip", "github.com/nwaples/rardecode/v2", "golang.org/x/text"},
		why:   "looks into a file; knows no service",
	},
	"internal/auth": {
		ours: []string{"internal/cloudapi", "internal/retry", "internal/secret", "internal/textfile"},
		why:  "trades tokens at STS, which speaks the same protocol as CAR",
	},
	"internal/car": {
		ours: []string{"internal/cloudapi", "internal/retry", "internal/secret"},
		why:  "the API's words; gets its credentials from a function, and so does not know auth",
	},
	"internal/cloudapi": {
		ours:  []string{"internal/grace", "internal/retry", "internal/secret", "internal/transport"},
		third: []string{"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"},
		why:   "one signed call; the only room that imports the service's SDK",
	},
	"internal/checksum": {
		third: []string{"golang.org/x/sys"},
		why:   "the CRC-64 of many GB; the benchmark's receiver needs it as well",
	},
	"internal/cos": {
		ours:  []string{"internal/checksum", "internal/retry", "internal/secret"},
		third: []string{"github.com/tencentyun/cos-go-sdk-v5"},
		why:   "puts one file into one object; gets new keys from a function, and so does not know car",
	},
	"internal/retry": {
		third: []string{"github.com/sethvargo/go-retry"},
		why:   "the one backoff",
	},
	"internal/transport": {
		ours: []string{"internal/textfile"},
		why:  "the one http.RoundTripper; handed in by main, so that a test can hand in another",
	},
	"internal/textfile": {why: "reads a small file that may be a pipe or a device; needs nothing of ours"},
	"internal/secret":   {why: "a string that cannot be printed; anybody may hold one"},
	"internal/stories":  {why: "seeds for fuzzing, out of testdata/script; for tests alone"},

	"internal/carsim": {why: "the simulator shares no code with the program, so that a shared misreading cannot hide"},
	"cmd/carsim":      {ours: []string{"internal/carsim"}, why: "runs the simulator; links nothing of what it judges"},

	"test/bombs":   {why: "makes hostile archives; the libraries that read ours must not have made them"},
	"bench/bombs":  {ours: []string{"test/bombs"}, why: "measures dry runs of hostile archives; knows the program by its command line alone"},
	"test/testbin": {why: "builds what the tests run, once a test package"},
	"test/workflow": {
		third: []string{"go.yaml.in/yaml/v3"},
		why:   "what holds for our own workflows and for the examples; for tests alone",
	},

	"bench/sink": {
		ours:  []string{"internal/checksum", "internal/cos", "internal/secret", "internal/transport"},
		rival: []string{"github.com/tencentyun/cos-go-sdk-v5"},
		why:   "the receiver of the benchmarks, and the SDK's own upload, side by side with ours",
	},
	"bench/upload":    {ours: []string{"bench/sink", "internal/cos"}, why: "the upload against the SDK's own, side by side"},
	"bench/folder":    {ours: []string{"bench/sink", "internal/cos", "internal/pack"}, why: "from a folder to the bucket against zip and 7zz, side by side"},
	"bench":           {why: "runs commands and measures them; knows nothing of the program"},
	"bench/fleet":     {ours: []string{"internal/carsim"}, why: "runs many publishes at once against one simulator; knows the program by its command line alone"},
	"test/e2e/bigzip": {why: "makes a large build; an archive library of ours must not have made what ours reads"},
}

func TestImports(t *testing.T) {
	imports := imported(t)
	for folder, lines := range imports {
		plan, ok := rooms[folder]
		if !ok {
			t.Errorf("%s is not in the floor plan: give it a line in rooms (test/repository/imports_test.go) that says what it may import and why", folder)
			continue
		}
		for _, line := range lines {
			if complaint := plan.complaint(line.path); complaint != "" {
				t.Errorf("%s imports %q: %s. About this room: %s", line.file, line.path, complaint, plan.why)
			}
		}
	}
	for folder, plan := range rooms {
		if plan.why == "" {
			t.Errorf("%s has no reason in the floor plan", folder)
		}
		if _, exists := imports[folder]; !exists {
			t.Errorf("%s is in the floor plan, but holds no Go file: delete its line", folder)
		}
		for _, m := range plan.third {
			if !slices.ContainsFunc(imports[folder], func(i importLine) bool { return within(i.path, m) }) {
				t.Errorf("%s may import %s and does not: delete it from the floor plan and from go.mod", folder, m)
			}
		}
	}
}

// One room for each module: two rooms with the same library would be two
// readings of it.
func TestOneRoomPerModule(t *testing.T) {
	importer := map[string]string{}
	for folder, plan := range rooms {
		for _, m := range plan.third {
			if other, taken := importer[m]; taken {
				t.Errorf("%s is given to %s and to %s; a third-party module has one room", m, folder, other)
			}
			importer[m] = folder
		}
	}
}

// complaint says what is wrong with an import, or "".
func (r room) complaint(imp string) string {
	if within(imp, module) {
		folder := strings.TrimPrefix(strings.TrimPrefix(imp, module), "/")
		if slices.Contains(r.ours, folder) {
			return ""
		}
		return "the floor plan does not allow it"
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return "" // the standard library: no dot in the first element
	}
	if slices.ContainsFunc(slices.Concat(r.third, r.rival), func(m string) bool { return within(imp, m) }) {
		return ""
	}
	for folder, other := range rooms {
		if slices.ContainsFunc(other.third, func(m string) bool { return within(imp, m) }) {
			return "this module belongs to " + folder + " alone"
		}
	}
	return "an unknown module: could the standard library do? If not, give it one room in the floor plan, and its reason in CONTRIBUTING.md"
}

// within reports whether an import path is a module's root or below it.
func within(imp, module string) bool {
	return imp == module || strings.HasPrefix(imp, module+"/")
}

type importLine struct{ file, path string }

// imported returns the imports of every non-test Go file by folder. It reads
// the files itself: `go list` would show only those of this operating system.
func imported(t *testing.T) map[string][]importLine {
	t.Helper()
	found := map[string][]importLine{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			skip := name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules")
			if skip {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(name)
		folder := path.Dir(slash)
		lines := found[folder]
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			lines = append(lines, importLine{slash, imp})
		}
		found[folder] = lines
		return nil
	})
	if err != nil {
		t.Fatalf("read the imports: %v", err)
	}
	return found
}
