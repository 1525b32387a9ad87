package inputs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestTableIsSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, in := range Table {
		if !kebab.MatchString(in.Name) || seen[in.Name] {
			t.Errorf("%q is no kebab-case name of its own", in.Name)
		}
		seen[in.Name] = true
		if !strings.HasSuffix(in.Meaning, ".") || strings.Count(in.Meaning, "`")%2 != 0 || strings.Contains(in.Meaning, "\n") {
			t.Errorf("%s: %q is no whole sentence on one line with paired backticks", in.Name, in.Meaning)
		}
		if in.Default != "" && in.DefaultNote != "" {
			t.Errorf("%s has a default, and words for having none", in.Name)
		}
		if (in.Kind == Choice) != (len(in.Choices) > 0) {
			t.Errorf("%s: only a choice has choices, and it has some", in.Name)
		}
		for _, choice := range in.Choices {
			if !strings.Contains(in.Meaning, "`"+choice+"`") {
				t.Errorf("%s: the meaning does not mention the choice %s", in.Name, choice)
			}
		}
		for _, command := range in.Commands {
			if !slices.Contains(commandNames(), command) {
				t.Errorf("%s belongs to %s, which is no command", in.Name, command)
			}
		}
		if in.Kind == Secret && !slices.ContainsFunc(Table, func(f Input) bool { return f.Name == in.Name+"-file" }) {
			t.Errorf("%s is a secret without a file to read it from", in.Name)
		}
		valid := true
		switch {
		case in.Kind == Duration:
			_, err := time.ParseDuration(in.Default)
			valid = err == nil
		case in.Kind == Bool:
			valid = in.Default == "true" || in.Default == "false" || in.DefaultNote != ""
		case in.Kind == Choice && in.Default != "":
			valid = slices.Contains(in.Choices, in.Default)
		}
		if !valid {
			t.Errorf("%s: %q is not a valid default", in.Name, in.Default)
		}
	}
	for _, m := range misplaced {
		if !seen[m.name] {
			t.Errorf("%s is misplaced, and no input", m.name)
		}
	}
}

func TestOutputsAndExitStatuses(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, out := range Outputs {
		if !kebab.MatchString(out.Name) || seen[out.Name] || !strings.HasSuffix(out.Meaning, ".") {
			t.Errorf("%q is no kebab-case name of its own with a sentence about it", out.Name)
		}
		seen[out.Name] = true
	}
	if !slices.IsSortedFunc(ExitStatuses, func(a, b ExitStatus) int { return a.Code - b.Code }) {
		t.Errorf("got exit statuses %v, want them in order", ExitStatuses)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("got an input for a name that the table lacks, want a panic")
		}
	}()
	find("relase")
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"release", "regions", "region", "wait"}
	for given, want := range map[string]string{
		"relase": "release", "rlease": "release", "erlease": "release", "RELEASES": "release",
		"region": "region", "regoin": "region", "wiat": "wait", "weight": "",
		"": "", "zzzz": "", strings.Repeat("release", 100): "",
	} {
		if got := nearest(given, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", given, got, want)
		}
	}
	if got := nearest("x", nil); got != "" {
		t.Errorf("got %q nearest to x among nothing", got)
	}
}
