package ci_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// What follows reads a log, or a file, as the CI does; each is written from
// the CI's own source or documentation.

var (
	gitlabSection = regexp.MustCompile(`(section_(?:start|end)):\d+:[a-zA-Z0-9_.-]+(?:\[[^\]]*\])?\r`)
	droneCard     = regexp.MustCompile("\x1b]1338;")
	cnbCommand    = regexp.MustCompile(`##\[set-output`)
	lineBreak     = regexp.MustCompile(`\r\n|\r|\n`)
	weightless    = regexp.MustCompile(`[\p{Cf}\p{M}]`)
	azureFormat   = regexp.MustCompile(`^\s*##\[\w+\]`)
	buildkiteHead = regexp.MustCompile(`^\s*(---|\+\+\+|~~~|\^\^\^ \+\+\+)`)
)

// gitlabSections: a marker counts wherever it is in a line, and ends with a
// carriage return (lib/gitlab/ci/ansi2json of https://gitlab.com/gitlab-org/gitlab).
func gitlabSections(log string) []string {
	var found []string
	for _, m := range gitlabSection.FindAllStringSubmatch(log, -1) {
		found = append(found, m[1])
	}
	return found
}

// droneCards: livelog/extractor of https://github.com/drone/runner-go.
func droneCards(log string) []string {
	return droneCard.FindAllString(log, -1)
}

// cnbCommands: standard output is searched line by line, so anywhere in one.
func cnbCommands(log string) []string {
	return cnbCommand.FindAllString(log, -1)
}

func lines(log string) []string {
	return lineBreak.Split(log, -1)
}

// azureCommands: "##vso[" counts wherever it is in a line, up to the first
// "]" (Command.TryParse of https://github.com/microsoft/azure-pipelines-agent);
// the page of the log formats "##[" at the begin of one. IndexOf compares by
// culture there, and so passes over characters without weight.
func azureCommands(log string) []string {
	var found []string
	log = weightless.ReplaceAllString(log, "")
	for _, line := range lines(log) {
		if _, command, ok := strings.Cut(line, "##vso["); ok {
			name, _, _ := strings.Cut(command, "]")
			name, _, _ = strings.Cut(name, " ")
			found = append(found, name)
		} else if m := azureFormat.FindString(line); m != "" {
			found = append(found, strings.TrimSpace(m))
		}
	}
	return found
}

// buildkiteHeads: https://buildkite.com/docs/pipelines/configure/managing-log-output
func buildkiteHeads(log string) []string {
	var found []string
	for _, line := range lines(log) {
		if m := buildkiteHead.FindStringSubmatch(line); m != nil {
			found = append(found, m[1])
		}
	}
	return found
}

// azureData decodes as CommandStringConvertor.Unescape of the agent does.
func azureData(data string) string {
	for _, pair := range [][2]string{{"%3B", ";"}, {"%0D", "\r"}, {"%0A", "\n"}, {"%5D", "]"}, {"%AZP25", "%"}} {
		data = strings.ReplaceAll(data, pair[0], pair[1])
	}
	return data
}

func azureOutputs(_ *testing.T, h host) map[string]string {
	values := map[string]string{}
	for _, line := range lines(h.out.String()) {
		if m := regexp.MustCompile(`##vso\[task\.setvariable variable=([^;\]]*);isOutput=true\](.*)`).FindStringSubmatch(line); m != nil {
			values[m[1]] = azureData(m[2])
		}
	}
	return values
}

// azureSummary is the last file that was uploaded. The agent fails a step
// that names one which is not there.
func azureSummary(t *testing.T, h host) string {
	t.Helper()
	var text string
	for _, m := range regexp.MustCompile(`(?m)^##vso\[task\.uploadsummary\](.*)$`).FindAllStringSubmatch(h.out.String(), -1) {
		b, err := os.ReadFile(azureData(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	return text
}

// cnbOutputs: what begins with "base64," is decoded as that, all else by
// JavaScript's unescape. https://docs.cnb.cool/en/build/env.html
func cnbOutputs(t *testing.T, h host) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, line := range lines(h.out.String()) {
		m := regexp.MustCompile(`^##\[set-output (\w+)=(.*)\]$`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if coded, ok := strings.CutPrefix(m[2], "base64,"); ok {
			b, err := base64.StdEncoding.DecodeString(coded)
			if err != nil {
				t.Fatal(err)
			}
			values[m[1]] = string(b)
			continue
		}
		value, err := url.PathUnescape(m[2])
		if err != nil || strings.TrimSpace(value) != value {
			t.Fatalf("not plain: %q", m[2])
		}
		values[m[1]] = value
	}
	return values
}

// harnessOutputs reads the lines that github.com/harness/godotenv v2 and v4
// read alike, and no others: neither quotes, nor comments, nor references,
// nor space around a value; lines shorter than 64 KiB.
func harnessOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		name, value, ok := strings.Cut(line, "=")
		if !ok || !regexp.MustCompile(`^[A-Z0-9_]+$`).MatchString(name) || len(line) >= 64<<10 ||
			strings.ContainsAny(value, "#$\r") || regexp.MustCompile(`^["'\s]|\s$`).MatchString(value) {
			t.Fatalf("Harness would not read %.200q as it is", line)
		}
		if coded, ok := strings.CutPrefix(value, "__B64__"); ok {
			b, err := base64.StdEncoding.DecodeString(coded)
			if err != nil {
				t.Fatal(err)
			}
			value = string(b)
		}
		values[name] = value
	}
	return values
}
