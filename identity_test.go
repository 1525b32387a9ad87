package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/secret"
)

// A session name is one that STS takes, whatever a run is called, and run and
// attempt are always in it.
func TestSessionName(t *testing.T) {
	t.Parallel()
	taken := regexp.MustCompile(`^[\w+=,.@-]{2,128}$`)
	for _, test := range []struct {
		repository, key string
		attempt         int
		want            string
	}{
		{"https://github.com/octo/ocean", "42/publish/car", 3, "octo.ocean@42.publish.car@3"},
		{"https://github.com/octo/ocean", "42//__car", 0, "octo.ocean@42..__car@1"},
		{"", "", 0, "car-publish@1"},
		{"", "nightly", 2, "car-publish@nightly@2"},
		{"octo/ocean", "1", 1, "octo.ocean@1@1"},
		{"https://git.example.com", "1", 1, "car-publish@1@1"},
		{"https://github.com/octo/海 洋", "a b;\n$(x)", 1, "octo.___@a_b____x_@1"},
		{"https://github.com/" + strings.Repeat("o", 80) + "/ocean", strings.Repeat("k", 300), 12, strings.Repeat("o", 54) + ".ocean@" + strings.Repeat("k", 64) + "@12"},
	} {
		got := sessionName(ci.Run{Repository: test.repository}, publish.Options{RunKey: test.key, Attempt: test.attempt})
		if got != test.want || !taken.MatchString(got) {
			t.Errorf("%q, %.20q, %d: got %q of %d bytes, want %q", test.repository, test.key, test.attempt, got, len(got), test.want)
		}
	}
}

// The CI is asked for a token only where nothing else is given, and a run that
// is useful without keys runs without them.
func TestIdentity(t *testing.T) {
	t.Parallel()
	role := inputs.Role{ARN: "qcs::cam::uin/1:roleName/publisher"}
	gitHub := map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.com", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
	for name, test := range map[string]struct {
		config  inputs.Config
		env     map[string]string
		source  string // what is said of it
		warning string
		problem string
	}{
		"no role":                {inputs.Config{CredentialSource: "x"}, gitHub, "x", "", ""},
		"a token":                {inputs.Config{Role: inputs.Role{ARN: "r", Token: secret.New("t")}, CredentialSource: "x"}, nil, "x", "", ""},
		"a file":                 {inputs.Config{Role: inputs.Role{ARN: "r", TokenFile: "f"}, CredentialSource: "x"}, nil, "x", "", ""},
		"GitHub":                 {inputs.Config{Role: role, CredentialSource: "x"}, gitHub, "x of GitHub", "", ""},
		"nobody":                 {inputs.Config{Role: role, CredentialSource: "x"}, nil, "x", "", "CAR_OIDC_TOKEN"},
		"nobody, for a dry run":  {inputs.Config{Role: role, CredentialSource: "x", Command: "publish", DryRun: true}, nil, "", "role-arn is not used", ""},
		"nobody, for a rollback": {inputs.Config{Role: role, CredentialSource: "x", Command: "rollback", DryRun: true}, nil, "x", "", "CAR_OIDC_TOKEN"},
	} {
		id, problem := identityOf(test.config, func(name string) string { return test.env[name] })
		said := ""
		if problem != nil {
			said = problem.Error()
		}
		if id.source != test.source || !strings.Contains(id.warning, test.warning) || !strings.Contains(said, test.problem) ||
			(id.warning == "") != (test.warning == "") || (said == "") != (test.problem == "") {
			t.Errorf("%s: got source %q, warning %q, problem %q", name, id.source, id.warning, said)
		}
	}
}
