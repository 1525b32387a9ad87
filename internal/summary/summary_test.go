package summary_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/summary"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

func pointer(t time.Time) *time.Time { return &t }

// released is a whole, good run; the others are made from it.
func released() record.Result {
	return record.Result{
		Schema: record.Schema, Tool: "car-publish 1.2.3", Command: "publish", Outcome: record.Released,
		ApplicationID: "app-a1b2c3d4", ApplicationName: "Ocean", ApplicationCategory: "desktop",
		VersionID: "ver-ug59y45y", VersionName: "ocean_1.4-cpabc234def567", VersionStatus: "Inuse", VersionSize: 2254857830,
		VersionRegions: []string{"ap-chinese-mainland", "ap-tokyo"}, VersionUpdateMode: "FULL",
		CreateTime: pointer(at(5 * time.Second)), RequestID: "7c3b6f1e-0001",
		PreviousVersionID: "ver-855fr3i4", DeletedVersionIDs: []string{"ver-00000001"},
		ArtifactName: "ocean_1.4.zip", ArtifactFormat: "zip", ArtifactSize: 2254857830,
		ArtifactCRC64: "11051210869376104954", UploadRate: 50646221,
		Next: []record.Command{{
			Purpose: "roll back", Line: "car-publish rollback --application-id app-a1b2c3d4 --version-id ver-855fr3i4",
		}},
		Warnings: []string{"No start path is configured yet.", "region ap-atlantis is not one that car-publish knows"},
		Requests: []record.Request{
			{Action: "CreateApplicationVersion", RequestID: "7c3b6f1e-0001"},
			{Action: "SetApplicationVersionOnline", RequestID: "7c3b6f1e-0002"},
		},
		Phases: []record.Span{
			{Phase: record.Inspect, Start: at(0), End: at(300 * time.Millisecond)},
			{Phase: record.Create, Start: at(300 * time.Millisecond), End: at(5 * time.Second)},
			{Phase: record.Upload, Start: at(5 * time.Second), End: at(77 * time.Second)},
			{Phase: record.Process, Start: at(77 * time.Second), End: at(2*time.Hour + 5*time.Minute)},
			{Phase: record.Release, Start: at(2*time.Hour + 5*time.Minute), End: at(2*time.Hour + 5*time.Minute)},
		},
		Started: start, DurationSeconds: 7500.04,
		ConsoleURL: "https://console.cloud.tencent.com/car/app?id=app-a1b2c3d4",
	}
}

func cases() map[string]record.Result {
	ready := released()
	ready.Outcome, ready.VersionStatus, ready.PreviousVersionID = record.Ready, "Normal", ""
	ready.Next = []record.Command{
		{Purpose: "put it online", Line: "car-publish release --application-id app-a1b2c3d4 --version-id ver-ug59y45y"},
		{Purpose: "delete it", Line: "car-publish delete --application-id app-a1b2c3d4 --version-id ver-ug59y45y"},
	}

	failed := released()
	failed.Outcome, failed.VersionStatus, failed.Next = record.Failed, "Creating", nil
	failed.ErrorCode = "RequestLimitExceeded"
	failed.ErrorMessage = "DescribeCosCredential: too many requests."
	failed.ErrorHint = "Run fewer jobs at once."
	failed.RequestID = "7c3b6f1e-0003"
	failed.Left = []record.Leftover{{
		What:    "ver-ug59y45y (Creating)",
		Command: "car-publish delete --application-id app-a1b2c3d4 --version-id ver-ug59y45y",
	}}
	failed.Phases = append(failed.Phases[:2:2],
		record.Span{Phase: record.Upload, Start: at(5 * time.Second), End: at(15 * time.Second), Failed: true},
		record.Span{Phase: record.Undo, Start: at(15 * time.Second)})

	blocked := record.Result{
		Command: "publish", Outcome: record.Blocked, ApplicationID: "app-1", ApplicationName: "Ocean", BlockingVersionID: "ver-b",
		ErrorCode: "Blocked", ErrorMessage: `Ocean cannot take a new version: ver-b "hotfix-test" is ready and has waited 14 h for release.`,
		ErrorHint: "Release it, delete it, or set on-blocked: replace-unreleased. Nothing was uploaded.",
	}

	listed := record.Result{
		Command: "list", Outcome: record.Listing, ApplicationID: "app-1", ApplicationName: "Ocean",
		Versions: []record.Listed{
			{ID: "ver-855fr3i4", Name: "steamvr", Status: "Inuse", Size: 5612961473, Regions: []string{"ap-tokyo", "ap-seoul"}, CreateTime: pointer(start)},
			{ID: "ver-b", Name: "a|b <script>", Status: "CreateFailed", UpdateMode: "INCREMENT"},
			{ID: "ver-c", Name: "海洋", Status: "Usable", Size: 1},
		},
	}

	const evil = "x\n\n## ::error::`a` |b| <img src=x> [c](javascript:d) **e** ```\n```mermaid\n@f &lt; \\| \x1b[31m\u202e www.g.com http://h"
	hostile := record.Result{
		Command: "publish", Outcome: record.Failed, ApplicationID: evil, ApplicationName: "1. " + evil, ApplicationCategory: evil,
		VersionID: evil, VersionName: evil, VersionStatus: evil, VersionRegions: []string{evil, ""}, RequestID: evil,
		PreviousVersionID: evil, DeletedVersionIDs: []string{evil}, ArtifactName: evil, ErrorCode: evil,
		ErrorMessage: "- " + evil, ErrorHint: evil, Warnings: []string{evil},
		Left:     []record.Leftover{{What: evil, Command: evil}},
		Next:     []record.Command{{Purpose: evil, Line: evil}},
		Requests: []record.Request{{Action: evil, RequestID: evil}},
		Phases:   []record.Span{{Phase: record.Phase("click a: b; c # d, %% \"e\"" + evil), Start: start, End: start}},
		Versions: []record.Listed{{ID: evil, Name: evil, Status: evil}}, ConsoleURL: "https://h/a?b=)\\ \"|<c>`(",
	}
	hostile.Checks = []record.Finding{{Check: evil, Verdict: record.Broken, Detail: evil, Hint: evil, Code: evil}}
	hostile.Probe = []record.Answer{{Question: evil, Answer: evil, Field: evil, Value: evil}}
	hostile.Policy = &record.Policy{Version: "2.0", Statement: []record.Statement{{Condition: &record.Condition{StringEqual: record.Claims{Subject: []string{evil}}}}}}
	hostile.Run.URL = "javascript:alert(1)"

	examined := record.Result{
		Command: "doctor", Outcome: record.Failed, ApplicationID: "app-1", ApplicationName: "Ocean",
		ErrorCode: "Clock", ErrorMessage: "2 of 5 checks failed (Clock, Room). This machine is 20m0s ahead of the server.", ErrorHint: "Set the clock of this machine by NTP.",
		Checks: []record.Finding{
			{Check: "CAR API", Verdict: record.OK, Detail: "car.tencentcloudapi.com answers in 12 ms", Milliseconds: 12},
			{Check: "Clock", Verdict: record.Broken, Detail: "this machine is 20m0s ahead of the server", Hint: "Set the clock of this machine by NTP.", Code: "Clock"},
			{Check: "car:DescribeApplicationStatus", Verdict: record.Doubtful, Detail: "not allowed", Hint: "Attach the policy.", Code: "UnauthorizedOperation"},
			{Check: "car:CreateApplicationVersion", Verdict: record.NotTested, Detail: "would change something"},
			{Check: "Room", Verdict: record.Broken, Detail: "full", Hint: "Delete one."},
		},
		Policy: &record.Policy{Version: "2.0", Statement: []record.Statement{{Effect: "allow", Action: []string{"car:DescribeApplicationVersion"}, Resource: []string{"*"}}}},
		TrustPolicy: &record.Policy{Version: "2.0", Statement: []record.Statement{{
			Effect: "allow", Action: []string{"name/sts:AssumeRoleWithWebIdentity"},
			Principal: &record.Principal{Federated: []string{"qcs::cam::uin/1:oidc-provider/github"}},
			Condition: &record.Condition{StringEqual: record.Claims{Issuer: []string{"https://i"}, Audience: []string{"a"}, Subject: []string{"repo:o/r:ref:refs/heads/main"}}},
		}}},
	}
	probed := record.Result{
		Command: "doctor", Outcome: record.Healthy, ApplicationID: "app-1", ApplicationName: "Scratch",
		Probe: []record.Answer{
			{Question: "How long is the list behind?", Answer: "a new version was listed 3s after the answer of its create", Field: "ListLag", Value: "3s"},
			{Question: "Does going online need the start path?", Answer: "not asked", Field: "OnlineStartPath"},
			{Question: "Does the bucket have global acceleration?", Answer: "HTTP 400"},
		},
		World: map[string]string{"ListLag": "3s"},
	}

	return map[string]record.Result{
		"examined": examined, "probed": probed,
		"released": released(), "ready": ready, "failed": failed, "blocked": blocked, "listed": listed, "hostile": hostile,
		"bad-input": {
			Outcome: record.Failed, ApplicationID: "app-1", ErrorMessage: `timeout: "30" is not a duration; ` + evil,
			Problems: []string{`timeout: "30" is not a duration`, "- " + evil},
		},
		"dry-run":   {Command: "publish", Outcome: record.Planned, ApplicationID: "app-1"},
		"cancelled": {Command: "release", Outcome: record.Cancelled, ApplicationID: "app-1", ErrorCode: "Cancelled", ErrorMessage: "Cancelled in the phase \"Release\" (interrupt)."},
	}
}

func TestGolden(t *testing.T) {
	for name, r := range cases() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".md", summary.Markdown(r))
			text := summary.Plain(r) + "\n" + summary.Headline(r) + "\n" + strings.Join(summary.Details(r), "\n") + "\n"
			if r.Versions != nil {
				text += "\n" + summary.Table(r)
			}
			golden(t, name+".txt", text)
			text, left := summary.Dotenv(r, same)
			golden(t, name+".env", text)
			if left != nil {
				t.Errorf("%q left out of the variables", left)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got); run with -update if it is right:\n%s", name, diff)
	}
}

func TestOutputs(t *testing.T) {
	want := strings.Fields(`outcome version-id version-name version-status version-size version-regions version-update-mode
		create-time request-id application-id application-name previous-version-id previous-start-path deleted-version-ids blocking-version-id failed-checks artifact-size
		artifact-crc64 duration-seconds error-code error-message console-url message json`)
	for name, r := range cases() {
		var names []string
		for _, o := range summary.Outputs(r, same) {
			names = append(names, o.Name)
			if i := strings.IndexFunc(o.Value, unicode.IsControl); i >= 0 {
				t.Errorf("%s: output %s has a control character: %q", name, o.Name, o.Value)
			}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", name, diff)
		}
	}
}

func TestOutputJSON(t *testing.T) {
	for name, want := range cases() {
		outputs := summary.Outputs(want, same)
		i := slices.IndexFunc(outputs, func(o summary.Output) bool { return o.Name == "json" })
		var got record.Result
		if err := json.Unmarshal([]byte(outputs[i].Value), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the output json is not the whole result (-want +got):\n%s", name, diff)
		}
	}
}

func TestDotenvFitsGitLab(t *testing.T) {
	r := released()
	r.Outcome, r.ErrorCode = record.Failed, "E"
	r.ErrorMessage = strings.Repeat("海", 5000)
	r.BlockingVersionID = "ver-b"
	got, left := summary.Dotenv(r, same)
	if len(got) >= 5000 || left != nil {
		t.Errorf("got %d bytes, %q left out; GitLab takes less than 5 KB", len(got), left)
	}
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != 20 {
		t.Errorf("got %d variables, want the 20 that GitLab takes:\n%.2000s", len(lines), got)
	}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		if !ok || value == "" || strings.Trim(strings.TrimPrefix(name, "CAR_PUBLISHED_"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_64") != "" {
			t.Errorf("got line %.80q, want CAR_PUBLISHED_NAME=value", line)
		}
		if strings.ToValidUTF8(value, "?") != value {
			t.Errorf("%s was cut within a character", name)
		}
	}
}

// What is too big for GitLab costs itself and not the job.
func TestDotenvLeavesOutTheLongest(t *testing.T) {
	r := released()
	r.Outcome = record.Failed
	r.ErrorMessage = strings.Repeat("m", 5000)
	for range 100 {
		r.VersionRegions = append(r.VersionRegions, "ap-chinese-mainland")
		r.DeletedVersionIDs = append(r.DeletedVersionIDs, "ver-ug59y45y")
	}
	r.VersionName = strings.Repeat("n", 2000)
	got, left := summary.Dotenv(r, same)
	if len(got) >= 5000 || len(left) != 1 {
		t.Errorf("got %d bytes, %q left out, want one", len(got), left)
	}
	if strings.Contains(got, "CAR_PUBLISHED_VERSION_NAME") == slices.Contains(left, "version-name") {
		t.Errorf("got %q left out of\n%.300s", left, got)
	}
	for _, want := range []string{"CAR_PUBLISHED_OUTCOME=failed\n", "CAR_PUBLISHED_VERSION_ID="} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q kept:\n%.300s", want, got)
		}
	}
}

// GitLab replaces names of variables in a value, so that a version's name
// could read a secret of the job that reads it.
func TestDotenvRefersToNothing(t *testing.T) {
	r := record.Result{Outcome: record.Ready, VersionName: "$CAR_SECRET_KEY ${A} $$B", ApplicationName: "$"}
	got, _ := summary.Dotenv(r, same)
	if strings.Contains(got, "$") || !strings.Contains(got, "CAR_PUBLISHED_VERSION_NAME=CAR_SECRET_KEY {A} B\n") || strings.Contains(got, "APPLICATION_NAME") {
		t.Errorf("got\n%s", got)
	}
}

// readProperties of Jenkins reads escapes: \u with anything behind it fails the
// pipeline, and a backslash at the end takes the next variable in.
func TestDotenvEscapesNothing(t *testing.T) {
	r := record.Result{Outcome: record.Failed, VersionName: `game\`, VersionStatus: "Normal", ErrorMessage: `no start path like Game\unity.exe`}
	got, _ := summary.Dotenv(r, same)
	if strings.Contains(got, `\`) || !strings.Contains(got, "_ERROR_MESSAGE=no start path like Game/unity.exe\n") || !strings.Contains(got, "_VERSION_NAME=game/\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestReasonIsNotRepeated(t *testing.T) {
	r := record.Result{
		Outcome: record.Failed, ErrorCode: "OperationDenied", RequestID: "id-1",
		ErrorMessage: "SetApplicationVersionOnline: OperationDenied: no (RequestId id-1)",
	}
	for name, text := range map[string]string{
		"last words": strings.Join(summary.Details(r), "\n"),
		"message":    summary.Message(r),
		"Markdown":   summary.Markdown(r),
	} {
		for _, part := range []string{"OperationDenied", "id-1"} {
			if got := strings.Count(text, part); got != 1 {
				t.Errorf("%s: got %s %d times, want once:\n%s", name, part, got, text)
			}
		}
	}
}

// TestTableIsAligned reads each column at the place of its heading.
func TestTableIsAligned(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(summary.Table(cases()["listed"]), "\n"), "\n")
	for heading, want := range map[string][]string{
		"STATUS": {"Inuse", "CreateFailed", "Usable"},
		"NAME":   {"steamvr", "a|b <script>", "海洋"},
		"SIZE":   {"5.2 GiB", "0 B", "1 B"},
	} {
		column := strings.Index(lines[0], heading)
		if column < 0 {
			t.Fatalf("no column %s in %q", heading, lines[0])
		}
		for i, cell := range want {
			if got := lines[i+1][column:]; !strings.HasPrefix(got, cell) {
				t.Errorf("row %d, column %s: got %q, want %q", i, heading, got, cell)
			}
		}
	}
}

// unescape shows what a reader of escaped Markdown sees, or why it is not
// plain text.
func unescape(markdown string) (string, error) {
	entities := strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
	var b strings.Builder
	for i := 0; i < len(markdown); i++ {
		switch c := markdown[i]; {
		case c == '\\':
			i++
			if i == len(markdown) || !strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rune(markdown[i])) {
				return "", errors.New("a backslash that escapes nothing")
			}
			b.WriteByte(markdown[i])
		case c == '&':
			end := strings.IndexByte(markdown[i:], ';')
			if end < 0 {
				return "", errors.New("a bare &")
			}
			entity := markdown[i : i+end+1]
			if entities.Replace(entity) == entity {
				return "", errors.New("an unknown entity " + entity)
			}
			b.WriteString(entities.Replace(entity))
			i += end
		case strings.IndexByte("`*_[]<>|~$#", c) >= 0:
			return "", errors.New("an unescaped " + string(c))
		case c < ' ':
			return "", errors.New("a control character")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// FuzzMarkdownEscape puts any text where a name goes. The rendered page must
// show that text, on the same line, and have the same shape as ever.
func FuzzMarkdownEscape(f *testing.F) {
	for _, seed := range []string{
		"", "Ocean", "a b", "# a", "1. a", "1) a", "- a", "+ a", "= a", "> a", "a|b", `a\|b`, "`a`", "``", "a\nb", "a\r\n\r\nb",
		"<b>", "&lt;", "&", "*a*", "_a_", "~~a~~", "[a](b)", "![a](b)", "http://a", "p::////", "www.a.com", "_www.a", "WWW.a", "$a$", "\\", "\x1b[0m", "\u2028", "海",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		seen := strings.Join(strings.FieldsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
		}), " ")
		if seen == "" {
			return // has neither a heading nor a row
		}
		got := summary.Markdown(record.Result{
			Outcome: record.Released, ApplicationName: text, VersionID: "v", Warnings: []string{text},
		})
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) != 7 {
			t.Fatalf("got %d lines, want a heading and a table of three rows:\n%s", len(lines), got)
		}
		for _, place := range []struct{ line, before, after string }{
			{lines[0], "### ✅ ", ": v is online"},
			{lines[4], "| Application | ", " |"},
			{lines[6], "| Warnings | ", " |"},
		} {
			line, ok := strings.CutPrefix(place.line, place.before)
			line, okToo := strings.CutSuffix(line, place.after)
			if !ok || !okToo {
				t.Errorf("got %q, want it between %q and %q", place.line, place.before, place.after)
				continue
			}
			shown, err := unescape(line)
			if err != nil {
				t.Errorf("%q has %v", line, err)
			} else if shown != seen {
				t.Errorf("%q shows %q, want %q", line, shown, seen)
			}
			if regexp.MustCompile(`(?i)(^|[^\\])://|www\.`).MatchString(line) {
				t.Errorf("%q has a bare address", line)
			}
		}
	})
}

// same leaves a text as it is.
func same(text string) string { return text }
