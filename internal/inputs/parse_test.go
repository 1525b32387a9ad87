package inputs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"github.com/car-publish/car-publish/internal/secret"
)

// complete is an environment that publish is content with.
var complete = []string{"CAR_APPLICATION_ID=app-1", "CAR_ARTIFACT=game.zip", "CAR_SECRET_ID=id-1", "CAR_SECRET_KEY=key-1"}

func with(environ []string, more ...string) []string { return append(slices.Clone(environ), more...) }

func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(names, name)
	})
}

// parse returns the problems as they are worded.
func parse(t *testing.T, args string, environ []string) (Config, []string, []string) {
	t.Helper()
	var out bytes.Buffer
	c, warnings, err := Parse(strings.Fields(args), environ, "1.2.3", &out)
	if out.Len() > 0 {
		t.Errorf("wrote %q, want nothing", &out)
	}
	if err == nil {
		return c, warnings, nil
	}
	var all *multierror.Error
	if !errors.As(err, &all) {
		t.Fatalf("got error %T %v, want a *multierror.Error", err, err)
	}
	var problems []string
	for _, one := range all.Errors {
		var problem *Problem
		if !errors.As(one, &problem) {
			t.Errorf("got error %T %v, want a *Problem", one, one)
		}
		problems = append(problems, one.Error())
	}
	return c, warnings, problems
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, warnings, problems := parse(t, "", complete)
	if warnings != nil || problems != nil {
		t.Fatalf("got warnings %q and problems %q, want none", warnings, problems)
	}
	want := Config{
		Command: "publish", ApplicationID: "app-1", ApplicationType: "3d", Artifact: "game.zip",
		Compression: "auto", Wait: true, Timeout: 5*time.Hour + 30*time.Minute, QueueTimeout: time.Hour,
		OnBlocked: "fail", OnFull: "fail", OnFailure: "auto",
		SecretID: secret.New("id-1"), SecretKey: secret.New("key-1"), CredentialSource: "CAR_SECRET_ID and CAR_SECRET_KEY",
		Site: "china", ServiceLanguage: "en-US",
		secrets: []secret.String{secret.New("id-1"), secret.New("key-1")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}), compareSecrets); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

var compareSecrets = cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })

// Each input is read from each of its sources, and a source counts only if those
// before it are not there.
func TestSources(t *testing.T) {
	t.Parallel()
	sources := []string{
		"--on-blocked=wait", "INPUT_ON-BLOCKED=wait",
		"PLUGIN_ON-BLOCKED=wait", "PLUGIN_ON_BLOCKED=wait", "CAR_ON_BLOCKED=wait",
	}
	for i, first := range sources {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			args, environ := "", complete
			for j, source := range sources {
				name, _, _ := strings.Cut(source, "=")
				value := "wait"
				if j > i {
					value = "replace"
				}
				switch {
				case j < i:
				case strings.HasPrefix(name, "--"):
					args = name + "=" + value
				default:
					environ = with(environ, name+"="+value)
				}
			}
			c, warnings, problems := parse(t, args, environ)
			if len(warnings) == 1 && strings.Contains(warnings[0], "CAR_ON_BLOCKED: ignored") {
				warnings = nil // in an action
			}
			if c.OnBlocked != "wait" || warnings != nil || problems != nil {
				t.Errorf("got %q, warnings %q, problems %q, want wait from %s alone", c.OnBlocked, warnings, problems, first)
			}
		})
	}
	for _, name := range []string{"TENCENTCLOUD_ON_BLOCKED", "ON_BLOCKED", "input_on-blocked"} {
		if c, _, _ := parse(t, "", with(complete, name+"=wait")); c.OnBlocked != "fail" {
			t.Errorf("got on-blocked %q from %s, want it not read", c.OnBlocked, name)
		}
	}
}

const aRole = "qcs::cam::uin/100000000001:roleName/publisher"

// sample is a valid value of every input that is not its default, with what
// else it needs.
var sample = map[string][]string{
	"command":            {"list"},
	"application-id":     {"app-Other_2"},
	"application-name":   {"Ocean-2"},
	"application-type":   {"xr"},
	"start-path":         {"Game/Game.exe"},
	"start-parameters":   {"-log"},
	"start-processes":    {"Game.exe"},
	"artifact":           {"other.7z"},
	"artifact-url":       {"https://example.com/a.zip", "CAR_ARTIFACT="},
	"artifact-name":      {"a.zip"},
	"archive-prefix":     {"Game/Windows/"},
	"compression":        {"none"},
	"ignore":             {"*.pdb,Saved/"},
	"ignore-defaults":    {"false"},
	"version-id":         {"ver-1", "CAR_COMMAND=rollback", "CAR_ARTIFACT="},
	"regions":            {"ap-tokyo"},
	"update-mode":        {"full"},
	"version-name":       {"1.0-beta"},
	"release":            {"TRUE"},
	"wait":               {"False"},
	"timeout":            {"90s"},
	"queue-timeout":      {"2h"},
	"on-blocked":         {"replace-unreleased"},
	"on-full":            {"delete-oldest"},
	"keep":               {"v1.*"},
	"on-failure":         {"keep"},
	"dry-run":            {"true"},
	"role-arn":           {aRole, "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_OIDC_PROVIDER=github"},
	"oidc-provider":      {"gitlab", "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_ROLE_ARN=" + aRole},
	"oidc-audience":      {"me", "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_ROLE_ARN=" + aRole, "CAR_OIDC_PROVIDER=github"},
	"session-duration":   {"15m", "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_ROLE_ARN=" + aRole, "CAR_OIDC_PROVIDER=github"},
	"oidc-token":         {"token", "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_ROLE_ARN=" + aRole, "CAR_OIDC_PROVIDER=github"},
	"oidc-token-file":    {"testdata/secret", "CAR_SECRET_ID=", "CAR_SECRET_KEY=", "CAR_ROLE_ARN=" + aRole, "CAR_OIDC_PROVIDER=github"},
	"credentials":        {"ambient", "CAR_SECRET_ID=", "CAR_SECRET_KEY="},
	"sts-endpoint":       {"sts.ap-tokyo.tencentcloudapi.com"},
	"probe":              {"app-1", "CAR_COMMAND=doctor"},
	"secret-id":          {"id-2"},
	"secret-key":         {"key-2"},
	"session-token":      {"token"},
	"secret-id-file":     {"testdata/secret", "CAR_SECRET_ID="},
	"secret-key-file":    {"testdata/secret", "CAR_SECRET_KEY="},
	"session-token-file": {"testdata/secret"},
	"site":               {"international"},
	"endpoint":           {"car.ap-tokyo.tencentcloudapi.com"},
	"cos-endpoint":       {"https://localhost:8443"},
	"limit-rate":         {"8MB/s"},
	"region":             {"ap-guangzhou"},
	"service-language":   {"zh-CN"},
	"proxy":              {"http://proxy:3128"},
	"ca-file":            {"testdata/secret"},
	"run-key":            {"1/2/3"},
	"run-attempt":        {"2"},
	"output-file":        {"out.env"},
	"json-file":          {"out.json"},
	"summary-file":       {"out.md"},
	"ci":                 {"plain"},
	"verbose":            {"true"},
}

// No input of the table is forgotten on the way to the Config, in any of the
// three forms of a variable or as a flag.
func TestEveryInputIsRead(t *testing.T) {
	t.Parallel()
	for _, in := range Table {
		values, ok := sample[in.Name]
		if !ok {
			t.Errorf("%s has no sample in this test", in.Name)
			continue
		}
		environ := with(complete, values[1:]...)
		if in.Name == "command" {
			environ = without(environ, "CAR_ARTIFACT")
		}
		before, _, _ := parse(t, "", environ)
		check := func(form string, c Config, problems []string) {
			if problems != nil {
				t.Errorf("%s: got problems %q, want none", form, problems)
			}
			if reflect.DeepEqual(c, before) {
				t.Errorf("%s changes nothing in the Config", form)
			}
		}
		for _, name := range variables(in.Name) {
			if in.NotInAction && strings.HasPrefix(name, "INPUT_") {
				continue
			}
			c, _, problems := parse(t, "", with(environ, name+"="+values[0]))
			check(name, c, problems)
		}
		if in.Kind != Secret {
			c, _, problems := parse(t, "--"+in.Name+"="+values[0], environ)
			check("--"+in.Name, c, problems)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	c, warnings, problems := parse(t, "publish --release --keep stable-* --keep=ver-1,ver-2 -timeout 2h --dry-run=FALSE", with(complete,
		"INPUT_REGIONS=ap-tokyo, ap-seoul\n  ap-mumbai\n",
		"INPUT_QUEUE-TIMEOUT=1h30m",
		"INPUT_UPDATE-MODE=full",
		"INPUT_VERSION-NAME= 幻想 1.2 \n",
		"INPUT_PROXY=user:p%40ss@proxy:3128",
		"INPUT_ENDPOINT=http://[::1]:8080/",
		"INPUT_COS-ENDPOINT=http://LOCALHOST:8081",
		"INPUT_SERVICE-LANGUAGE=zh-cn",
		`INPUT_ARCHIVE-PREFIX=Game\Windows/`,
		"INPUT_COMPRESSION=None",
		"INPUT_IGNORE=# symbols\n*.pdb\n  My Symbols/\n",
		"INPUT_IGNORE-DEFAULTS=false",
	))
	if warnings != nil || problems != nil {
		t.Fatalf("got warnings %q and problems %q, want none", warnings, problems)
	}
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"regions", c.Regions, []string{"ap-tokyo", "ap-seoul", "ap-mumbai"}},
		{"keep", c.Keep, []string{"stable-*", "ver-1", "ver-2"}},
		{"release", c.Release, true},
		{"dry-run", c.DryRun, false},
		{"timeout", c.Timeout, 2 * time.Hour},
		{"queue-timeout", c.QueueTimeout, 90 * time.Minute},
		{"update-mode", c.UpdateMode, "FULL"},
		{"archive-prefix", c.ArchivePrefix, "Game/Windows"},
		{"compression", c.Compression, "none"},
		{"ignore", c.Ignore, []string{"*.pdb", "My Symbols/"}},
		{"ignore-defaults off", c.NoDefaultIgnores, true},
		{"version-name", c.VersionName, "幻想 1.2"},
		{"proxy", c.Proxy.Reveal(), "http://user:p%40ss@proxy:3128"},
		{"endpoint", c.Endpoint, "http://[::1]:8080"},
		{"cos-endpoint", c.COSEndpoint, "http://LOCALHOST:8081"},
		{"service-language", c.ServiceLanguage, "zh-CN"},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.name, diff)
		}
	}
}

func TestWaitDependsOnTheCommand(t *testing.T) {
	t.Parallel()
	environ := with(without(complete, "CAR_ARTIFACT"), "CAR_ARTIFACT_NAME=a.zip")
	for args, want := range map[string]bool{
		"create": false, "create --wait": true, "create --wait=true": true,
		"rollback": true, "release --version-id ver-1": true, "--artifact a.zip": true, "--artifact a.zip --wait=false": false,
	} {
		c, _, problems := parse(t, args, environ)
		if c.Wait != want || problems != nil {
			t.Errorf("%s: got wait %t, problems %q, want %t", args, c.Wait, problems, want)
		}
	}
}

func TestArtifactNameOfAURL(t *testing.T) {
	t.Parallel()
	environ := without(complete, "CAR_ARTIFACT")
	for args, want := range map[string]string{
		"--artifact-url=https://example.com/builds/Game%201.ZIP?sig=1":  "Game 1.ZIP",
		"--artifact-url=https://example.com/x.zip --artifact-name a.7z": "a.7z",
		"--artifact-url=https://example.com/x --artifact-name a.xapk":   "a.xapk",
	} {
		c, _, problems := parse(t, args, environ)
		if c.ArtifactName != want || problems != nil {
			t.Errorf("%s: got %q, problems %q, want %q", args, c.ArtifactName, problems, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("\n  key-3\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := without(complete, "CAR_SECRET_ID", "CAR_SECRET_KEY")
	theirs := with(base, "TENCENTCLOUD_SECRET_ID=their-id", "TENCENTCLOUD_SECRET_KEY=their-key")
	tests := []struct {
		name           string
		environ        []string
		id, key, token string
		source         string
	}{
		{"action", with(base, "INPUT_SECRET-ID=i", "INPUT_SECRET-KEY=k", "INPUT_SESSION-TOKEN=t"), "i", "k", "t", "INPUT_SECRET-ID and INPUT_SECRET-KEY"},
		{"file", with(base, "CAR_SECRET_ID=i", "CAR_SECRET_KEY_FILE="+file), "i", "key-3", "", "CAR_SECRET_ID and CAR_SECRET_KEY_FILE"},
		{"vendor's variables", theirs, "their-id", "their-key", "", "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"},
		{"vendor's token", with(theirs, "TENCENTCLOUD_TOKEN=t1", "TENCENTCLOUD_SECURITY_TOKEN=t2"), "their-id", "their-key", "t1", "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"},
		{"vendor's other token", with(theirs, "TENCENTCLOUD_TOKEN=", "TENCENTCLOUD_SECURITY_TOKEN=t2"), "their-id", "their-key", "t2", "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"},
		{"ours before the vendor's", with(theirs, "CAR_SECRET_ID=i", "CAR_SECRET_KEY=k"), "i", "k", "", "CAR_SECRET_ID and CAR_SECRET_KEY"},
		{"a foreign token stays away from our key", with(complete, "TENCENTCLOUD_TOKEN=t"), "id-1", "key-1", "", "CAR_SECRET_ID and CAR_SECRET_KEY"},
		{"the runner's, if it may", with(theirs, "INPUT_SECRET-ID=", "INPUT_CREDENTIALS=ambient"), "their-id", "their-key", "", "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"},
		{"ours even if the runner's may be used", with(theirs, "CAR_SECRET_ID=i", "CAR_SECRET_KEY=k", "CAR_CREDENTIALS=ambient"), "i", "k", "", "CAR_SECRET_ID and CAR_SECRET_KEY"},
		{"none in a dry run", with(base, "CAR_DRY_RUN=true", "TENCENTCLOUD_TOKEN=left-over"), "", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _, problems := parse(t, "", test.environ)
			got := []string{c.SecretID.Reveal(), c.SecretKey.Reveal(), c.SessionToken.Reveal(), c.CredentialSource}
			if diff := cmp.Diff([]string{test.id, test.key, test.token, test.source}, got); diff != "" || problems != nil {
				t.Errorf("got problems %q, and (-want +got):\n%s", problems, diff)
			}
		})
	}
}

// Roles come from our inputs; the runner's own, in order, only where that is
// allowed.
func TestRoles(t *testing.T) {
	t.Parallel()
	base := without(complete, "CAR_SECRET_ID", "CAR_SECRET_KEY")
	ours := with(base, "CAR_ROLE_ARN="+aRole, "CAR_OIDC_PROVIDER=github")
	const pod = "qcs::cam::uin/2:roleName/pod"
	const tool = "qcs::cam::uin/3:roleName/tool"
	runner := with(base, "TENCENTCLOUD_ASSUME_ROLE_ARN="+tool, "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN=tool's token",
		"TKE_ROLE_ARN="+pod, "TKE_PROVIDER_ID=cluster", "TKE_WEB_IDENTITY_TOKEN_FILE=testdata/secret", "TKE_REGION=ap-tokyo", "CAR_CREDENTIALS=ambient")
	for name, test := range map[string]struct {
		environ []string
		want    Config
	}{
		"ours": {ours, Config{
			Role:             Role{ARN: aRole, Provider: "github", Audience: "sts.tencentcloudapi.com", Duration: 2 * time.Hour},
			CredentialSource: `role "publisher" (CAR_ROLE_ARN) for an OIDC token`,
		}},
		"ours before the runner's": {with(ours, append(runner, "TENCENTCLOUD_SECRET_ID=i", "TENCENTCLOUD_SECRET_KEY=k")...), Config{
			Role:             Role{ARN: aRole, Provider: "github", Audience: "sts.tencentcloudapi.com", Duration: 2 * time.Hour},
			CredentialSource: `role "publisher" (CAR_ROLE_ARN) for an OIDC token`,
		}},
		"with a token": {with(ours, "CAR_OIDC_TOKEN=t", "CAR_SESSION_DURATION=30m"), Config{
			Role:             Role{ARN: aRole, Provider: "github", Audience: "sts.tencentcloudapi.com", Duration: 30 * time.Minute, Token: secret.New("t")},
			CredentialSource: `role "publisher" (CAR_ROLE_ARN) for an OIDC token that was given`,
		}},
		"with a file": {with(ours, "CAR_OIDC_TOKEN_FILE=testdata/secret", "CAR_OIDC_AUDIENCE=me"), Config{
			Role:             Role{ARN: aRole, Provider: "github", Audience: "me", Duration: 2 * time.Hour, TokenFile: "testdata/secret"},
			CredentialSource: `role "publisher" (CAR_ROLE_ARN) for an OIDC token from a file`,
		}},
		"the runner's keys first": {with(runner, "TENCENTCLOUD_SECRET_ID=i", "TENCENTCLOUD_SECRET_KEY=k"), Config{
			SecretID: secret.New("i"), SecretKey: secret.New("k"), CredentialSource: "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
		}},
		"its tools' role then": {with(runner, "TENCENTCLOUD_ASSUME_ROLE_SESSION_NAME=me", "TENCENTCLOUD_ASSUME_ROLE_SESSION_DURATION=3600"), Config{
			Role:             Role{ARN: tool, Provider: "OIDC", Duration: time.Hour, Token: secret.New("tool's token"), Session: "me"},
			CredentialSource: `role "tool" (TENCENTCLOUD_ASSUME_ROLE_ARN) for an OIDC token that was given`,
		}},
		"its pod's role then": {without(runner, "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN"), Config{
			Role:             Role{ARN: pod, Provider: "cluster", Duration: 2 * time.Hour, TokenFile: "testdata/secret", Region: "ap-tokyo"},
			CredentialSource: `role "pod" (TKE_ROLE_ARN) for an OIDC token from a file`,
		}},
		"its machine's role last": {with(base, "CAR_CREDENTIALS=ambient"), Config{
			InstanceRole: true, CredentialSource: "role of this virtual machine",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, warnings, problems := parse(t, "", test.environ)
			got := Config{
				SecretID: c.SecretID, SecretKey: c.SecretKey, Role: c.Role, InstanceRole: c.InstanceRole, CredentialSource: c.CredentialSource,
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(Config{}), compareSecrets); diff != "" || problems != nil || warnings != nil {
				t.Errorf("got problems %q, warnings %q, and (-want +got):\n%s", problems, warnings, diff)
			}
		})
	}

	// What nobody has allowed is not used, and a dry run says so.
	_, _, problems := parse(t, "", without(runner, "CAR_CREDENTIALS"))
	if len(problems) != 1 || !strings.Contains(problems[0], "secret-id and secret-key are missing") {
		t.Errorf("got problems %q, want that keys are missing", problems)
	}
	c, warnings, problems := parse(t, "--dry-run", with(base, "INPUT_SECRET-ID=", "TENCENTCLOUD_SECRET_ID=i", "TENCENTCLOUD_SECRET_KEY=k"))
	if !c.SecretID.IsZero() || problems != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "TENCENTCLOUD_SECRET_ID is set but ignored") {
		t.Errorf("got key %v, warnings %q, problems %q, want no key and a warning", c.SecretID, warnings, problems)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"empty": " \n", "two": "a\nb\n", "key": "file-key", "huge": strings.Repeat("x", 20_000)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	noKeys := without(complete, "CAR_SECRET_ID", "CAR_SECRET_KEY")
	noArtifact := without(complete, "CAR_ARTIFACT")
	tests := []struct {
		name    string
		args    string
		environ []string
		want    []string
	}{
		// The command and the words around it.
		{
			"unknown command", "publsh", complete,
			[]string{`"publsh" is not a command: did you mean publish?`},
		},
		{
			"very unknown command", "frobnicate", complete,
			[]string{`"frobnicate" is not a command: the commands are publish, create-application, create, release, rollback, list, delete, cleanup or doctor`},
		},
		{
			"help for an unknown command", "help relase", complete,
			[]string{`"relase" is not a command: did you mean release?`},
		},
		{
			"unknown command from the environment", "", with(complete, "PLUGIN_COMMAND=upload"),
			[]string{`command: "upload" is not a choice: use publish, create-application, create, release, rollback, list, delete, cleanup or doctor (from PLUGIN_COMMAND)`},
		},
		{
			"two commands", "list", with(noArtifact, "INPUT_COMMAND=delete"),
			[]string{`command: "delete" contradicts the command list of the command line: give one of the two (from INPUT_COMMAND)`},
		},
		{"the same command twice", "list", with(noArtifact, "INPUT_COMMAND=List"), nil},
		{
			"word too many", "publish game.zip", complete,
			[]string{`"game.zip" is not expected after "publish": only flags may follow a command`},
		},
		{
			"value of a boolean as a word", "publish --wait false", complete,
			[]string{"--wait takes its value after an equals sign: write --wait=false"},
		},
		{
			"value of a boolean without a command", "--release yes", complete,
			[]string{"--release takes its value after an equals sign: write --release=true"},
		},
		{
			"misspelt value of a boolean as a word", "--release ture", nil,
			[]string{"--release takes its value after an equals sign: write --release=true"},
		},
		{
			"value of a boolean flag", "--release=On --wait=perhaps", complete,
			[]string{
				`release: "On" is neither true nor false: write --release=true (from --release)`,
				`wait: "perhaps" is neither true nor false: write --wait=true or --wait=false (from --wait)`,
			},
		},
		{"command after a boolean flag", "--verbose publish", complete, nil},
		{
			"path with spaces", "publish --artifact build/My Game 1.0.zip --release", nil,
			[]string{`--artifact has only "build/My" as its value, since a space follows it: put the whole value in quotes: --artifact "build/My Game 1.0.zip"`},
		},
		{
			"pattern that the shell has replaced", "publish -artifact parse.go parse_test.go", nil,
			[]string{`--artifact has more than one file as its value, such as "parse.go" and "parse_test.go": name one, or put a pattern in quotes, so that the shell leaves it as it is`},
		},
		{"command after a path", "--artifact game.zip publish", complete, nil},
		{"version as a word", "version", complete, []string{`"version" is not a command: did you mean --version?`}},

		// Flags.
		{
			"unknown flags, all of them", "--timeot 5h --on-blokced=wait publish --frobnicate", complete,
			[]string{
				"--timeot is not a flag: did you mean --timeout?",
				"--on-blokced is not a flag: did you mean --on-blocked?",
				"--frobnicate is not a flag: car-publish --help lists them",
			},
		},
		{"abbreviated flag, and nothing else is said", "--app-id app-1", nil, []string{"--app-id is not a flag: did you mean --application-id?"}},
		{"flag of one letter", "-v", nil, []string{"-v is not a flag: did you mean --version or --verbose?"}},
		{"flag that abbreviates too many", "-o", nil, []string{"-o is not a flag: car-publish --help lists them"}},
		{"misspelt flag with a path with spaces", "--artefact My Game.zip", nil, []string{"--artefact is not a flag: did you mean --artifact?"}},
		{
			"misspelt flag beside a wrong value", "--app-id app-1 --timeout 5", nil,
			[]string{
				"--app-id is not a flag: did you mean --application-id?",
				`timeout: "5" is not a duration: write a number with a unit, such as 90s, 30m or 2h (from --timeout)`,
			},
		},
		{"misspelt flag of a key", "--secrets-id-file f", with(noKeys, "CAR_SECRET_KEY=k"), []string{"--secrets-id-file is not a flag: did you mean --secret-id-file?"}},
		{
			"secret as a flag", "--secret-key hunter2 publish", complete,
			[]string{"--secret-key is not a flag, since other processes can read a command line: set CAR_SECRET_KEY, or --secret-key-file to a file that holds it"},
		},
		{
			"flag at the end without its value", "publish --timeout", complete,
			[]string{"timeout has no value: write it after the flag (from --timeout)"},
		},
		{
			"flag that swallows another", "publish --artifact --release", noArtifact,
			[]string{"artifact has no value: the flag --release follows it; is a variable empty? (from --artifact)"},
		},
		{"boolean flag with an empty variable is not set", "publish --release= --wait=false", complete, nil},

		// Values.
		{
			"boolean", "", with(complete, "INPUT_RELEASE=yes", "CAR_DRY_RUN=1"),
			[]string{
				`release: "yes" is neither true nor false: write true (from INPUT_RELEASE)`,
				`dry-run: "1" is neither true nor false: write true (from CAR_DRY_RUN)`,
			},
		},
		{
			"durations", "--queue-timeout -5m", with(complete, "CAR_TIMEOUT=5"),
			[]string{
				`timeout: "5" is not a duration: write a number with a unit, such as 90s, 30m or 2h (from CAR_TIMEOUT)`,
				`queue-timeout: "-5m" must be longer than 0s: write a number with a unit, such as 90s, 30m or 2h (from --queue-timeout)`,
			},
		},
		{"no time", "--timeout 0s", complete, []string{`timeout: "0s" must be longer than 0s: write a number with a unit, such as 90s, 30m or 2h (from --timeout)`}},
		{
			"choice, nearest first", "", with(complete, "INPUT_ON-BLOCKED=replace-unrelased", "INPUT_UPDATE-MODE=DELTA"),
			[]string{
				`update-mode: "DELTA" is not a choice: use FULL or INCREMENT (from INPUT_UPDATE-MODE)`,
				`on-blocked: "replace-unrelased" is not a choice: use replace-unreleased, replace, fail or wait (from INPUT_ON-BLOCKED)`,
			},
		},
		{
			"application id", "--application-id Ocean", complete,
			[]string{`application-id: "Ocean" is not an application id: it looks like app-1a2b3c4d (from --application-id)`},
		},
		{"application id without an end", "--application-id app-", complete, []string{`application-id: "app-" is not an application id: it looks like app-1a2b3c4d (from --application-id)`}},
		{"application id with a foreign letter", "", with(complete, "CAR_APPLICATION_ID=app-é"), []string{`application-id: "app-é" is not an application id: it looks like app-1a2b3c4d (from CAR_APPLICATION_ID)`}},
		{
			"ids swapped", "release --application-id ver-1 --version-id app-1", noArtifact,
			[]string{
				`application-id: "ver-1" is not an application id: this looks like a value for version-id (from --application-id)`,
				`version-id: "app-1" is not a version id: this looks like a value for application-id (from --version-id)`,
			},
		},
		{
			"artifact name", "--artifact-name builds/game.zip", complete,
			[]string{`artifact-name: "builds/game.zip" is not a name for an artifact: write a file name without a folder that ends in .zip, .rar, .7z, .apk or .xapk (from --artifact-name)`},
		},
		{"artifact name of Windows", `--artifact-name a\game.zip`, complete, []string{`artifact-name: "a\\game.zip" is not a name for an artifact: write a file name without a folder that ends in .zip, .rar, .7z, .apk or .xapk (from --artifact-name)`}},
		{"artifact name of another format", "--artifact-name game.tar", complete, []string{`artifact-name: "game.tar" is not a name for an artifact: write a file name without a folder that ends in .zip, .rar, .7z, .apk or .xapk (from --artifact-name)`}},
		{"artifact name without a name", "--artifact-name .zip", complete, []string{`artifact-name: ".zip" is not a name for an artifact: write a file name without a folder that ends in .zip, .rar, .7z, .apk or .xapk (from --artifact-name)`}},
		{
			"version name", "", with(complete, "INPUT_VERSION-NAME=1.0\n::warning::x"),
			[]string{`version-name: "1.0\n::warning::x" has a line break or another control character in it: write it on one line (from INPUT_VERSION-NAME)`},
		},
		{
			"long version name", "--version-name " + strings.Repeat("é", 129), complete,
			[]string{`version-name: "` + strings.Repeat("é", 100) + `..." is too long: at most 128 characters (from --version-name)`},
		},
		{"version name just short enough", "--version-name " + strings.Repeat("é", 128), complete, nil},
		{"run attempt", "", with(complete, "CAR_RUN_ATTEMPT=0"), []string{`run-attempt: "0" must be a whole number, 1 or more (from CAR_RUN_ATTEMPT)`}},
		{"run key", "", with(complete, "CAR_RUN_KEY=a\nb"), []string{`run-key: "a\nb" has a line break or another control character in it: write it on one line (from CAR_RUN_KEY)`}},
		{
			"glob", "--keep stable-*,[a", complete,
			[]string{`keep: "[a" is not a pattern: a "[" needs its "]", and a "\" something after it (from --keep)`},
		},
		{"region", "--region ap_guangzhou", complete, []string{`region: "ap_guangzhou" is not a region: it looks like ap-guangzhou (from --region)`}},
		{"ci", "--ci githb", complete, []string{`ci: "githb" is not a choice: use github, gitea, gitlab, cnb, azure, drone, plain, forgejo, harness, jenkins, buildkite or woodpecker (from --ci)`}},
		{"ca-file that is not there", "--ca-file " + filepath.Join(dir, "no"), complete, []string{"ca-file: " + quote(filepath.Join(dir, "no")) + " cannot be read: file does not exist (from --ca-file)"}},
		{"ca-file that is a directory", "--ca-file " + dir, complete, []string{"ca-file: " + quote(dir) + " is a directory: name one PEM file (from --ca-file)"}},

		{"limit-rate without a unit", "--limit-rate 20", complete, []string{`limit-rate: "20" has no unit: write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB (from --limit-rate)`}},
		{"limit-rate in bits", "--limit-rate 8Mbit/s", complete, []string{`limit-rate: "8Mbit/s" is not a rate: write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB (from --limit-rate)`}},
		{"limit-rate in words", "--limit-rate fast", complete, []string{`limit-rate: "fast" is not a rate: write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB (from --limit-rate)`}},
		{"limit-rate below zero", "--limit-rate=-5MiB", complete, []string{`limit-rate: "-5MiB" is less than 16KiB a second: write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB (from --limit-rate)`}},
		{"limit-rate of next to nothing", "--limit-rate 20B", complete, []string{`limit-rate: "20B" is less than 16KiB a second: write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB (from --limit-rate)`}},
		{"limit-rate of everything", "--limit-rate 1e30GB", complete, []string{`limit-rate: "1e30GB" is more than any line carries: leave it out for no limit (from --limit-rate)`}},

		// Addresses.
		{"cos-endpoint that means accelerate", "--cos-endpoint acelerate", complete, []string{`cos-endpoint: "acelerate" is not a host: did you mean accelerate? (from --cos-endpoint)`}},
		{
			"plain http", "--endpoint http://car.tencentcloudapi.com --cos-endpoint http://10.0.0.1:80", complete,
			[]string{
				`endpoint: "http://car.tencentcloudapi.com" is plain http to another machine: use https, since anybody on the way could read and change what is sent (from --endpoint)`,
				`cos-endpoint: "http://10.0.0.1:80" is plain http to another machine: use https, since anybody on the way could read and change what is sent (from --cos-endpoint)`,
			},
		},
		{"host that only begins like loopback", "--endpoint http://127.0.0.1.example.com", complete, []string{`endpoint: "http://127.0.0.1.example.com" is plain http to another machine: use https, since anybody on the way could read and change what is sent (from --endpoint)`}},
		{"endpoint with a path", "--endpoint https://car.tencentcloudapi.com/v3?x=1", complete, []string{`endpoint: "https://car.tencentcloudapi.com/v3?x=1" has more than a host in it: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"endpoint of another scheme", "--endpoint ftp://car.tencentcloudapi.com", complete, []string{`endpoint: "ftp://car.tencentcloudapi.com" is not an http or https URL: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"endpoint without a host", "--endpoint https://", complete, []string{`endpoint: "https://" is not an http or https URL: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"endpoint with a user", "--endpoint https://me:hunter2@car.tencentcloudapi.com", complete, []string{`endpoint has a user in it: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"endpoint with a slash in a password", "--endpoint https://me:12/hunter2@localhost", complete, []string{`endpoint has a user in it: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"endpoint beyond parsing", "--endpoint https://me:hunter2@%zz", complete, []string{`endpoint is not a URL: write https:// and a host, such as https://car.tencentcloudapi.com (from --endpoint)`}},
		{"proxy", "--proxy ftp://me:hunter2@proxy", complete, []string{`proxy is not the URL of a proxy: write http://host:port; http, https, socks5 or socks5h will do (from --proxy)`}},
		{"proxy beyond parsing", "--proxy http://me:hunter2@%zz", complete, []string{`proxy is not the URL of a proxy: write http://host:port; http, https, socks5 or socks5h will do (from --proxy)`}},
		{
			"artifact-url that is a path", "--artifact-url builds/game.zip?hunter2", noArtifact,
			[]string{`artifact-url is not an http or https URL: CAR downloads it directly, so it must be the address of the file itself; a file of yours goes to artifact (from --artifact-url)`},
		},
		{
			"artifact that is a URL", "--artifact https://example.com/game.zip?sig=hunter2", complete,
			[]string{`artifact is a URL: CAR downloads it itself if it is given as artifact-url (from --artifact)`},
		},

		// What a command needs.
		{
			"nothing at all", "", nil,
			[]string{
				`application-id is required: set --application-id or CAR_APPLICATION_ID, to the "app-..." that the console shows`,
				`artifact is missing, and so is artifact-url: publish needs one of the two: set --artifact or CAR_ARTIFACT. If it is set from an expression or a variable, that is empty`,
				`secret-id and secret-key are missing: set CAR_SECRET_ID or --secret-id-file, and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys. Without keys, dry-run: true checks the build alone`,
			},
		},
		{
			"an expression gave nothing, on GitHub", "", with(noArtifact, "INPUT_ARTIFACT=", "INPUT_ARTIFACT-URL= "),
			[]string{`artifact is missing, and so is artifact-url: publish needs one of the two: set artifact under with:. If it is set from an expression or a variable, that is empty`},
		},
		{
			"nothing, on Drone", "list", with(noKeys[:1], "PLUGIN_COMMAND=list"),
			[]string{`secret-id and secret-key are missing: set secret-id under settings:, and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys`},
		},
		{
			"two artifacts", "--artifact-url https://example.com/a.zip?sig=hunter2", complete,
			[]string{`artifact-url and CAR_ARTIFACT are both set: publish takes one build, so give one of the two (from --artifact-url)`},
		},
		{
			"URL without a file name", "--artifact-url https://example.com/download?sig=hunter2", noArtifact,
			[]string{`artifact-name is required, since the path of artifact-url does not end in .zip, .rar, .7z, .apk or .xapk: set --artifact-name or CAR_ARTIFACT_NAME, to the file name of the build`},
		},
		{
			"version-id with publish", "", with(complete, "INPUT_VERSION-ID=ver-1"),
			[]string{`version-id: "ver-1" does not go with the command publish: a new version gets its id from CAR; release, rollback and delete take one (from INPUT_VERSION-ID)`},
		},
		{
			"release without wait", "--release --wait=false", complete,
			[]string{`wait: "false" does not go with release: true: only a version that is ready can be released, so drop one of the two (from --wait)`},
		},
		{
			"create with everything wrong", "create --release --version-id ver-1", complete,
			[]string{
				`artifact: "game.zip" does not go with the command create: only publish uploads a build (from CAR_ARTIFACT)`,
				`artifact-name is required by create: set --artifact-name or CAR_ARTIFACT_NAME, to the file name of the build that will be delivered`,
				`version-id: "ver-1" does not go with the command create: a new version gets its id from CAR; release, rollback and delete take one (from --version-id)`,
				`release: "true" does not go with the command create: run release once the build has been delivered (from --release)`,
			},
		},
		{
			"release without a version", "release", noArtifact,
			[]string{`version-id is required by release: set --version-id or CAR_VERSION_ID, to the "ver-..." that list shows. If it is set from an expression or a variable, that is empty`},
		},
		{
			"delete without a version", "delete", noArtifact,
			[]string{`version-id is required by delete: set --version-id or CAR_VERSION_ID, to the "ver-..." that list shows. If it is set from an expression or a variable, that is empty`},
		},
		{
			"the command release without wait", "release --version-id ver-1", with(noArtifact, "CAR_WAIT=false"),
			[]string{`wait: "false" does not go with the command release: only a version that is ready can be released (from CAR_WAIT)`},
		},
		{"rollback needs no version", "rollback", noArtifact, nil},
		{"list needs no version", "list", noArtifact, nil},
		{
			"artifact with rollback", "rollback", complete,
			[]string{`artifact: "game.zip" does not go with the command rollback: only publish uploads a build (from CAR_ARTIFACT)`},
		},
		{
			"artifact-url with list", "list --artifact-url https://example.com/a.zip?sig=hunter2", noArtifact,
			[]string{`artifact-url does not go with the command list: only publish delivers a build (from --artifact-url)`},
		},
		{"what does not matter is ignored", "list --on-full delete-oldest --release --version-id ver-1", noArtifact, nil},

		// Keys.
		{
			"half a pair", "", with(noKeys, "INPUT_SECRET-ID=i"),
			[]string{`secret-key is missing although INPUT_SECRET-ID is set: set secret-key under with:`},
		},
		{
			"half a pair in a dry run", "--dry-run", with(noKeys, "CAR_SECRET_KEY=k"),
			[]string{`secret-id is missing although CAR_SECRET_KEY is set: set CAR_SECRET_ID or --secret-id-file`},
		},
		{
			"half ours, half theirs", "", with(noKeys, "CAR_SECRET_ID=i", "TENCENTCLOUD_SECRET_KEY=k"),
			[]string{`secret-key is missing although CAR_SECRET_ID is set: set CAR_SECRET_KEY or --secret-key-file; TENCENTCLOUD_SECRET_KEY is not used, since the other half comes from elsewhere`},
		},
		{
			"half theirs", "", with(noKeys, "TENCENTCLOUD_SECRET_KEY=k"),
			[]string{`secret-id is missing although TENCENTCLOUD_SECRET_KEY is set: set TENCENTCLOUD_SECRET_ID`},
		},
		{
			"token alone", "", with(noKeys, "CAR_SESSION_TOKEN=t"),
			[]string{`session-token is of no use without its key: set CAR_SECRET_ID or --secret-id-file, and secret-key likewise (from CAR_SESSION_TOKEN)`},
		},
		{
			"key of two lines", "", with(noKeys, "CAR_SECRET_ID=i", "CAR_SECRET_KEY=k\nk"),
			[]string{`secret-key has a line break or another control character in it: copy it again (from CAR_SECRET_KEY)`},
		},
		{
			"key and file", "--secret-key-file " + filepath.Join(dir, "key"), complete,
			[]string{`secret-key-file and CAR_SECRET_KEY are both set: give one of the two (from --secret-key-file)`},
		},
		{
			"key in the place of its file", "--secret-key-file hunter2", with(noKeys, "CAR_SECRET_ID=i"),
			[]string{`secret-key-file cannot be read: file does not exist: name a file whose content is the secret-key alone (from --secret-key-file)`},
		},
		{"empty file", "--secret-key-file " + filepath.Join(dir, "empty"), with(noKeys, "CAR_SECRET_ID=i"), []string{`secret-key-file names an empty file: name a file whose content is the secret-key alone (from --secret-key-file)`}},
		{"file of two lines", "--secret-key-file " + filepath.Join(dir, "two"), with(noKeys, "CAR_SECRET_ID=i"), []string{`secret-key-file names a file that holds more than one line: name a file whose content is the secret-key alone (from --secret-key-file)`}},
		{"file too large", "--session-token-file " + filepath.Join(dir, "huge"), complete, []string{`session-token-file names a file that holds more than one line: name a file whose content is the session-token alone (from --session-token-file)`}},
		{"directory of a key", "--secret-key-file " + dir, with(noKeys, "CAR_SECRET_ID=i"), []string{`secret-key-file names a directory: name a file whose content is the secret-key alone (from --secret-key-file)`}},
		{
			"the runner's, in an action whose input is empty", "", with(noKeys, "INPUT_SECRET-ID=", "TENCENTCLOUD_SECRET_ID=i", "TENCENTCLOUD_SECRET_KEY=k"),
			[]string{`secret-id and secret-key are missing: set secret-id under with:, and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys. TENCENTCLOUD_SECRET_ID is set; if this run may use it, set credentials: ambient. Without keys, dry-run: true checks the build alone`},
		},
		{"unknown credentials", "--credentials=runner", complete, []string{`credentials: "runner" is not a choice: use inputs or ambient (from --credentials)`}},

		// Roles.
		{
			"a role and keys", "--role-arn " + aRole + " --oidc-provider github", complete,
			[]string{`role-arn: "qcs::cam::uin/100000000001:roleName/publisher" and CAR_SECRET_ID are both set: a run has one identity, so give either a role or keys (from --role-arn)`},
		},
		{
			"a role of another cloud", "--role-arn arn:aws:iam::1:role/x --oidc-provider github", noKeys,
			[]string{`role-arn: "arn:aws:iam::1:role/x" is not a role of CAM: it looks like qcs::cam::uin/100000000001:roleName/publisher, as the page of the role in CAM shows it (from --role-arn)`},
		},
		{
			"a role without a provider", "--role-arn " + aRole, noKeys,
			[]string{`oidc-provider is required with role-arn: set --oidc-provider or CAR_OIDC_PROVIDER, to the name of the identity provider in CAM`},
		},
		{
			"a provider without a role, on GitHub", "", with(noKeys, "INPUT_ROLE-ARN=", "INPUT_OIDC-PROVIDER=github"),
			[]string{`role-arn is missing although INPUT_OIDC-PROVIDER is set: set role-arn under with:. If it is set from an expression or a variable, that is empty`},
		},
		{
			"a resource for a provider", "--role-arn " + aRole + " --oidc-provider qcs::cam::uin/1:oidc-provider/github", noKeys,
			[]string{`oidc-provider: "qcs::cam::uin/1:oidc-provider/github" is not the name of an identity provider: write the name that it has in CAM: "github" (from --oidc-provider)`},
		},
		{
			"a short session", "--session-duration 10m --oidc-audience=-x", complete,
			[]string{
				`oidc-audience: "-x" is not an audience: write one of the client ids of the identity provider (from --oidc-audience)`,
				`session-duration: "10m" is not between 15m and 12h: keys that live longer than 2h also need a longer maximum session duration of the role in CAM (from --session-duration)`,
			},
		},
		{
			"a token and its file", "--oidc-token-file " + filepath.Join(dir, "key"), with(noKeys, "CAR_ROLE_ARN="+aRole, "CAR_OIDC_PROVIDER=github", "CAR_OIDC_TOKEN=t"),
			[]string{`oidc-token-file and CAR_OIDC_TOKEN are both set: give one of the two (from --oidc-token-file)`},
		},
		{
			"a token in the place of its file", "--oidc-token-file hunter2", with(noKeys, "CAR_ROLE_ARN="+aRole, "CAR_OIDC_PROVIDER=github"),
			[]string{`oidc-token-file cannot be read: file does not exist: name a file whose content is the oidc-token alone (from --oidc-token-file)`},
		},
		{
			"the runner's role is none", "--credentials ambient", with(noKeys, "TKE_ROLE_ARN=x", "TKE_PROVIDER_ID=p", "TKE_WEB_IDENTITY_TOKEN_FILE=nowhere"),
			[]string{
				`role-arn: "x" is not a role of CAM (from TKE_ROLE_ARN)`,
				`oidc-token-file: "nowhere" cannot be read: file does not exist: it is named by the runner's own variables beside TKE_ROLE_ARN`,
			},
		},
		{
			"the runner's session", "--credentials ambient", with(noKeys, "TENCENTCLOUD_ASSUME_ROLE_ARN="+aRole, "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN=t", "TENCENTCLOUD_ASSUME_ROLE_SESSION_DURATION=2h"),
			[]string{`session-duration: "2h" is not a number of seconds between 900 and 43200 (from TENCENTCLOUD_ASSUME_ROLE_SESSION_DURATION)`},
		},
		{"dry run of publish needs no keys", "--dry-run", noKeys, nil},
		{
			"dry run of release needs them", "release --dry-run --version-id ver-1", noKeys[:1],
			[]string{`secret-id and secret-key are missing: set CAR_SECRET_ID or --secret-id-file, and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys`},
		},

		{"doctor needs no artifact", "doctor", without(complete, "CAR_ARTIFACT"), nil},
		{
			"doctor takes one build at most", "doctor --artifact-url https://example.com/a.zip", complete,
			[]string{`artifact-url and CAR_ARTIFACT are both set: publish takes one build, so give one of the two (from --artifact-url)`},
		},
		{
			"doctor needs keys", "doctor --artifact=", without(complete, "CAR_SECRET_ID", "CAR_SECRET_KEY"),
			[]string{`secret-id and secret-key are missing: set CAR_SECRET_ID or --secret-id-file, and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys`},
		},
		{
			"probe of another application", "doctor --probe app-2", complete,
			[]string{`probe: "app-2" is not the application-id: name the scratch application in both (from --probe)`},
		},
		{
			"probe in a dry run", "doctor --probe app-1 --dry-run", complete,
			[]string{`dry-run: "true" does not go with probe: a probe creates a version and deletes it; without probe, doctor changes nothing (from --dry-run)`},
		},
		{
			"probe without doctor", "--probe app-1", complete,
			[]string{`probe: "app-1" does not go with the command publish: only doctor probes (from --probe)`},
		},

		// Several rooms of the house at once.
		{
			"many problems in the order of the table", "--verbose=maybe publish --bogus",
			[]string{
				"INPUT_APPLICATION-ID=app 1", "INPUT_RELEASE=y", "INPUT_SITE=mars", "INPUT_SECRET-ID=i", "INPUT_SECRET-KEY=k", "INPUT_ARTIFACT=a.zip",
			},
			[]string{
				"--bogus is not a flag: car-publish --help lists them",
				`application-id: "app 1" is not an application id: it looks like app-1a2b3c4d (from INPUT_APPLICATION-ID)`,
				`release: "y" is neither true nor false: write true (from INPUT_RELEASE)`,
				`site: "mars" is not a choice: use china or international (from INPUT_SITE)`,
				`verbose: "maybe" is neither true nor false: write --verbose=true or --verbose=false (from --verbose)`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, warnings, problems := parse(t, test.args, test.environ)
			if diff := cmp.Diff(test.want, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if warnings != nil {
				t.Errorf("got warnings %q, want none", warnings)
			}
			for _, problem := range problems {
				if strings.Contains(problem, "hunter2") {
					t.Errorf("%q shows a secret", problem)
				}
			}
		})
	}
}

// What the caller needs to report the problems in the right place is there
// although something else is wrong.
func TestConfigInSpiteOfProblems(t *testing.T) {
	t.Parallel()
	c, _, problems := parse(t, "--bogus --timeout x --ci github", []string{
		"INPUT_VERBOSE=true", "INPUT_OUTPUT-FILE=o", "INPUT_SUMMARY-FILE=s", "INPUT_JSON-FILE=j",
	})
	if len(problems) == 0 {
		t.Fatal("got no problems, want some")
	}
	got := []any{c.CI, c.Verbose, c.OutputFile, c.SummaryFile, c.JSONFile, c.Command, c.Timeout}
	want := []any{"github", true, "o", "s", "j", "publish", 5*time.Hour + 30*time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// In an action an earlier step can set every variable but those that the runner
// sets for the inputs, whose values the runner sets even if they are empty.
func TestEarlierStep(t *testing.T) {
	t.Parallel()
	var action []string
	for _, in := range Table {
		if !in.NotInAction {
			action = append(action, "INPUT_"+strings.ToUpper(in.Name)+"=")
		}
	}
	action = with(action, "INPUT_APPLICATION-ID=app-1", "INPUT_ARTIFACT=game.zip", "INPUT_SECRET-ID=id", "INPUT_SECRET-KEY=key")
	want, _, problems := parse(t, "", action)
	if problems != nil {
		t.Fatalf("got problems %q", problems)
	}
	for _, in := range Table {
		for _, name := range variables(in.Name) {
			if _, theirs := environment(action)[name]; theirs {
				continue
			}
			got, warnings, problems := parse(t, "", with(action, name+"="+sample[in.Name][0]))
			if in.Kind == Secret {
				got.secrets = want.secrets // masked, although it is not used
			}
			spelling := strings.HasPrefix(name, "INPUT_") && !in.NotInAction
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}), compareSecrets); diff != "" && problems == nil {
				t.Errorf("%s steers the run (-want +got):\n%s", name, diff)
			}
			switch {
			case spelling && !strings.Contains(strings.Join(problems, "\n"), "set twice"):
				t.Errorf("%s beside the runner's own spelling: got problems %q", name, problems)
			case !spelling && (problems != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], name+": ignored")):
				t.Errorf("%s: got warnings %q and problems %q", name, warnings, problems)
			}
		}
	}
}

// A variable that an earlier step may have set does not send the OIDC token of the
// job to a stranger.
func TestTokenToStranger(t *testing.T) {
	t.Parallel()
	for source, refused := range map[string]bool{
		"CAR_STS_ENDPOINT=https://sts.example.com":         true,
		"CAR_STS_ENDPOINT=https://sts.tencentcloudapi.com": false,
		"CAR_STS_ENDPOINT=https://a-1.clb.myqcloud.com":    true,
		"CAR_STS_ENDPOINT=http://127.0.0.1:8080":           false,
		"PLUGIN_STS_ENDPOINT=https://sts.example.com":      true, // as a dotenv report could set it
		"INPUT_STS-ENDPOINT=https://sts.example.com":       true,

		"DRONE=true PLUGIN_STS_ENDPOINT=https://sts.example.com":                false,
		"CI=woodpecker PLUGIN_STS_ENDPOINT=https://sts.example.com":             false,
		"GITHUB_ACTIONS=true INPUT_STS-ENDPOINT=https://sts.example.com":        false,
		"GITLAB_CI=true DRONE=true PLUGIN_STS_ENDPOINT=https://sts.example.com": true,
		"GITHUB_ACTIONS=true PLUGIN_STS_ENDPOINT=https://sts.example.com":       true,

		"--sts-endpoint=https://sts.example.com": false,
	} {
		args, environ := "", complete
		if strings.HasPrefix(source, "--") {
			args = source
		} else {
			environ = with(environ, strings.Fields(source)...)
		}
		if _, _, problems := parse(t, args, environ); (problems != nil) != refused {
			t.Errorf("%s: got problems %q", source, problems)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	_, _, err := Parse(nil, with(complete, "CAR_TIMEOUT=5"), "", nil)
	if got, want := err.Error(), `timeout: "5" is not a duration: write a number with a unit, such as 90s, 30m or 2h (from CAR_TIMEOUT)`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var problem *Problem
	if !errors.As(err, &problem) {
		t.Fatalf("got %T, want a *Problem in it", err)
	}
	want := Problem{Input: "CAR_TIMEOUT", Name: "timeout", Value: "5", Text: "is not a duration", Hint: "write a number with a unit, such as 90s, 30m or 2h"}
	if diff := cmp.Diff(want, *problem); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}

	_, _, err = Parse(nil, with(complete, "CAR_TIMEOUT=5", "CAR_RELEASE=on"), "", nil)
	wantText := `2 problems with the inputs:
  - release: "on" is neither true nor false: write true (from CAR_RELEASE)
  - timeout: "5" is not a duration: write a number with a unit, such as 90s, 30m or 2h (from CAR_TIMEOUT)`
	if diff := cmp.Diff(wantText, err.Error()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}

	// A nil *multierror.Error in an error would not be nil.
	if _, _, err := Parse(nil, complete, "", nil); err != nil {
		t.Errorf("got %#v, want nil", err)
	}
}

// A name from outside cannot start a line of its own either.
func TestProblemOfAnOddName(t *testing.T) {
	t.Parallel()
	_, _, err := Parse([]string{"--a\n::error::b"}, complete, "", nil)
	if got, want := err.Error(), `"--a\n::error::b" is not a flag: car-publish --help lists them`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		more []string
		want []string
	}{
		{
			"misspelt names",
			[]string{"CAR_RELASE=true", "INPUT_ON-BLOKCED=wait", "PLUGIN_APLICATION_ID=app-1"},
			[]string{
				"CAR_RELASE is not an input; did you mean CAR_RELEASE?",
				"INPUT_ON-BLOKCED is not an input; did you mean INPUT_ON-BLOCKED?",
				"PLUGIN_APLICATION_ID is not an input; did you mean PLUGIN_APPLICATION_ID?",
			},
		},
		{"a name like no other", []string{"CAR_WASH=yes"}, []string{"CAR_WASH is not an input"}},
		{"an odd name", []string{"CAR_\n::warning::=x"}, []string{`"CAR_\n::warning::" is not an input`}},
		{"empty, ours, or not ours at all", []string{"CAR_RELASE=", "CAR_PUBLISHED_VERSION_ID=ver-1", "CAR_CAR_PUBLISHED_VERSION_ID=ver-1", "CARGO_HOME=x", "INPUTS=x", "CAR=x"}, nil},
		{
			"regions",
			[]string{"CAR_REGIONS=ap-tokio ap-seoul moon"},
			[]string{
				`regions: "ap-tokio" is passed on, but is not among the regions that CAR documents; did you mean ap-tokyo?`,
				`regions: "moon" is passed on, but is not among the regions that CAR documents`,
			},
		},
		{
			"update mode",
			[]string{"CAR_UPDATE_MODE=increment"},
			[]string{"update-mode INCREMENT: the CAR API offers it, but Tencent's own command line tool takes FULL only. If CAR refuses it, use FULL."},
		},
		{
			"hosts",
			[]string{"CAR_ENDPOINT=https://car.tencentcloudapi.com.example.com", "CAR_COS_ENDPOINT=evil-myqcloud.com"},
			[]string{
				"endpoint: car.tencentcloudapi.com.example.com does not belong to Tencent Cloud; everything signed with your key goes there",
				"cos-endpoint: evil-myqcloud.com does not belong to Tencent Cloud; everything signed with your key goes there",
			},
		},
		{"hosts of Tencent Cloud", []string{"CAR_ENDPOINT=CAR.TencentCloudAPI.com", "CAR_COS_ENDPOINT=https://b-1.cos.ap-tokyo.tencentcos.cn"}, nil},
		{
			"default of action.yml before another variable",
			[]string{"INPUT_ON-FULL=fail", "CAR_ON_FULL=delete-oldest"},
			[]string{"CAR_ON_FULL: ignored, since only the inputs under with: count in an action"},
		},
		{
			"a plugin's settings before other variables",
			[]string{"PLUGIN_ON_FULL=fail", "CAR_ON_FULL=delete-oldest", "PLUGIN_KEEP=", "CAR_KEEP=gold-*", "CAR_ON_BLOCKED=wait"},
			[]string{"CAR_ON_FULL, CAR_KEEP: ignored, since a setting of the plugin comes first"},
		},
		{"the same value twice", []string{"INPUT_ON-FULL=fail", "CAR_ON_FULL=fail"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, warnings, problems := parse(t, "", with(complete, test.more...))
			if diff := cmp.Diff(test.want, warnings); diff != "" || problems != nil {
				t.Errorf("got problems %q, and warnings (-want +got):\n%s", problems, diff)
			}
		})
	}
}

// Everything secret is known to the caller, also what is not used and what
// stands in the wrong place.
func TestSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		args    string
		environ []string
		want    []string
	}{
		{"keys of every source", "--session-token-file " + file, []string{
			"INPUT_SECRET-ID=a1", "PLUGIN_SECRET_ID=a2", "CAR_SECRET_ID=a3", "TENCENTCLOUD_SECRET_ID=a4",
			"TENCENTCLOUD_SECRET_KEY=b", "TENCENTCLOUD_SECURITY_TOKEN=c",
		}, []string{"a1", "a2", "a3", "a4", "b", "c", "from-file"}},
		{"tokens of every source", "--oidc-token-file " + file, []string{
			"INPUT_OIDC-TOKEN=a1", "PLUGIN_OIDC_TOKEN=a2", "CAR_OIDC_TOKEN=a3", "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN=b",
		}, []string{"a1", "a2", "a3", "b"}},
		{"a token of a file", "--oidc-token-file " + file, nil, []string{"from-file"}},
		{"the same key twice", "", []string{"CAR_SECRET_ID=a", "INPUT_SECRET-ID=a"}, []string{"a"}},
		{"flags that are none", "--secret-key=one --session-token two", nil, []string{"one", "two"}},
		{"query", "--artifact-url https://example.com/a.zip?n=1&sig=abc%2Bdef%3D#top", nil, []string{"abc%2Bdef%3D", "abc+def=", "n=1&sig=abc%2Bdef%3D"}},
		{"query of what is not a URL", "--artifact-url example.com/a.zip?sig=12345678", nil, []string{"12345678", "sig=12345678"}},
		{"query in the wrong input", "--artifact https://example.com/a.zip?sig=12345678", nil, []string{"12345678", "sig=12345678"}},
		{"password of a URL", "--artifact-url https://me:p%40ss@example.com/a.zip", nil, []string{"p%40ss", "p@ss"}},
		{"password of a proxy", "--proxy me:p%40ss@proxy:1", nil, []string{"p%40ss", "p@ss"}},
		{"password as it is written", "--proxy http://me:a=%2B%2f@proxy:1", nil, []string{"a=%2B%2f", "a=+%2F", "a=+/"}},
		{"password of what is not a URL", "--proxy http://me:hunter%zz@proxy:1", nil, []string{"hunter%zz"}},
		{"slash in a password", "--endpoint https://me:12/ss@localhost", nil, []string{"12%2Fss", "12/ss"}},
		{"slash in a proxy's password", "--proxy http://me:12/ss@localhost", nil, []string{"12%2Fss", "12/ss"}},
		{"at sign in a path", "--artifact-url https://example.com/longer-than-eight@2.zip", nil, nil},
		{"token instead of a user", "--endpoint https://ghp_abc%3Ddef@localhost", nil, []string{"ghp_abc%3Ddef", "ghp_abc=def"}},
		{"a user is no secret", "--proxy http://me@proxy:1", nil, nil},
		{"password of an endpoint", "--endpoint https://me:pass@localhost", nil, []string{"pass"}},
		{"number instead of a query", "--artifact-url https://example.com/a.zip?2026", nil, nil},
		{"token after the address", "--artifact-url https://example.com/a.zip#token=abc%2Bdef", nil, []string{"abc%2Bdef", "abc+def", "token=abc%2Bdef"}},
		{"password of the environment's proxy", "", []string{"HTTPS_PROXY=http://me:p%40ss@proxy:1", "http_proxy=me:hunter@proxy:1"}, []string{"hunter", "p%40ss", "p@ss"}},
		{"nothing", "--artifact a.zip --proxy http://proxy", []string{"HTTP_PROXY=proxy:1"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _, _ := parse(t, test.args, test.environ)
			var got []string
			for _, s := range c.Secrets() {
				got = append(got, s.Reveal())
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"": 0, "20MiB": 20 << 20, "20MiB/s": 20 << 20, "20 mib": 20 << 20, "8MB": 8e6, "500KiB": 500 << 10, "500kB/s": 5e5,
		"1.5GiB": 3 << 29, "2GB": 2e9, "16384B": 16384,
	} {
		c, _, err := Parse([]string{"--limit-rate=" + text}, complete, "", nil)
		if err != nil || c.LimitRate != want {
			t.Errorf("limit-rate %q is %d, %v; want %d", text, c.LimitRate, err, want)
		}
	}
}

func TestAccelerate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"accelerate": true, "Accelerate": true, "": false, "https://accelerate": false} {
		c, _, err := Parse([]string{"--cos-endpoint=" + text}, complete, "", nil)
		if err != nil || c.Accelerate != want || want && c.COSEndpoint != "" {
			t.Errorf("cos-endpoint %q accelerates: %v, at %q, %v; want %v", text, c.Accelerate, c.COSEndpoint, err, want)
		}
	}
}

// A long value is cut, and what is left of a secret is recognised by nobody.
func TestSecretInAnotherPlace(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("t0ken-", 40)
	for _, name := range []string{"CAR_APPLICATION_ID", "CAR_VERSION_ID", "CAR_REGION", "CAR_CREDENTIALS", "CAR_VERSION_NAME"} {
		_, _, err := Parse(nil, []string{"CAR_SESSION_TOKEN=" + token, name + "=" + token}, "", nil)
		if err == nil || strings.Contains(err.Error(), token[:20]) {
			t.Errorf("%s: got %v, want a problem that does not show the token", name, err)
		}
	}
}

// The host of an endpoint is part of command lines that the run suggests.
func TestEndpointIsAWord(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"a;reboot", "a&b", "$(a)", "`a`", "a'b", `a"b`, "a|b", "a>b", "a*", "(a)", "a!b", "~a"} {
		c, _, err := Parse([]string{"--endpoint=https://" + host}, complete, "", nil)
		if err == nil {
			t.Errorf("%s: got endpoint %q, want a problem", host, c.Endpoint)
		}
	}
	for _, address := range []string{"https://car.tencentcloudapi.com", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "car_2-x.example.com"} {
		if _, _, err := Parse([]string{"--endpoint=" + address}, complete, "", nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
