package ci

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/transport"
)

const (
	tokenURL = "https://pipelines.actions.githubusercontent.com/idtoken?api-version=2.0"
	askURL   = gitHubTokenURL
	askKey   = gitHubTokenKey
)

func environ(pairs ...string) func(string) string {
	env := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

// Which CI gives tokens, and what to do where none does.
func TestWhoGivesTokens(t *testing.T) {
	for name, test := range map[string]struct {
		env  func(string) string
		want string // the CI, or a part of the hint
	}{
		"GitHub":                     {environ(askURL, tokenURL, askKey, "k", "GITHUB_ACTIONS", "true"), "GitHub"},
		"one that is made after it":  {environ(askURL, tokenURL, askKey, "k", "GITEA_ACTIONS", "true"), "GitHub"},
		"a simulator":                {environ(askURL, "http://127.0.0.1:1/x", askKey, "k"), "GitHub"},
		"by name":                    {environ(askURL, "http://localhost:1/x", askKey, "k"), "GitHub"},
		"GitHub without permission":  {environ("GITHUB_ACTIONS", "true"), `"id-token: write"`},
		"GitHub with half of it":     {environ("GITHUB_ACTIONS", "true", askKey, "k"), `"id-token: write"`},
		"Forgejo without permission": {environ("GITHUB_ACTIONS", "true", "FORGEJO_ACTIONS", "true"), "enable-openid-connect"},
		"Gitea":                      {environ("GITHUB_ACTIONS", "true", "GITEA_ACTIONS", "true"), "secret-id and secret-key"},
		"plain http":                 {environ(askURL, "http://example.com/x", askKey, "k"), "Find out which step of the job does"},
		"no URL":                     {environ(askURL, "%zz", askKey, "k"), "Find out which step of the job does"},
		"plain http that looks near": {environ(askURL, "http://127.0.0.1.example.com/x", askKey, "k"), "Find out which step of the job does"},
		"Buildkite":                  {environ("BUILDKITE", "true"), "Buildkite"},
		"GitLab":                     {environ("GITLAB_CI", "true"), "id_tokens: {CAR_OIDC_TOKEN:"},
		"any other":                  {environ(), "--oidc-token-file"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := NewIDTokens(test.env)
			got := tokens.Name
			if none := (*IDTokenError)(nil); errors.As(err, &none) {
				got = none.Hint
			} else if err != nil {
				t.Fatalf("got %T, want an *IDTokenError", err)
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	tokens, _ := NewIDTokens(environ(askURL, tokenURL, askKey, "the key"))
	if got := tokens.Key().Reveal(); got != "the key" {
		t.Errorf("got %q for what must be masked, want the request token", got)
	}
}

// GitHub's answers. What it says is never shown, and what may pass is marked.
func TestAskGitHub(t *testing.T) {
	for name, test := range map[string]struct {
		fault   carsim.Fault
		want    string // in the message; "" is a token
		passing bool
	}{
		"a token":           {},
		"a refusal":         {carsim.Fault{Kind: carsim.Refuse, Message: "hunter2"}, "HTTP 400", false},
		"everything echoed": {carsim.Fault{Kind: carsim.Echo}, "HTTP 400", false},
		"not now":           {carsim.Fault{Kind: carsim.StatusCode}, "HTTP 503", true},
		"too often":         {carsim.Fault{Kind: carsim.StatusCode, Status: 429}, "HTTP 429", true},
		"a page":            {carsim.Fault{Kind: carsim.HTML}, "is not an OIDC token", false},
		"nothing":           {carsim.Fault{Kind: carsim.Empty}, "is not an OIDC token", false},
		"junk":              {carsim.Fault{Kind: carsim.Junk}, "is not an OIDC token", false},
		"half":              {carsim.Fault{Kind: carsim.CutBody}, "", false},
		"no connection":     {carsim.Fault{Kind: carsim.DropBefore}, "could not be asked", true},
		"elsewhere":         {carsim.Fault{Kind: carsim.Redirect}, "could not be asked", false},
		"compressed":        {carsim.Fault{Kind: carsim.Gzip}, "could not be asked", false},
	} {
		t.Run(name, func(t *testing.T) {
			test.fault.Action = "github:IDToken"
			world := carsim.World{Faults: []carsim.Fault{test.fault}}
			if test.fault.Kind == "" {
				world = carsim.World{}
			}
			via := transport.Guard(carsim.New(world).Transport(), "test")
			tokens, err := NewIDTokens(environ(askURL, tokenURL, askKey, carsim.RequestToken))
			if err != nil {
				t.Fatal(err)
			}
			token, err := tokens.Ask(t.Context(), via, "sts.example.com")
			var none *IDTokenError
			switch {
			case test.want == "" && test.fault.Kind == "":
				if err != nil || strings.Count(token.Reveal(), ".") != 2 {
					t.Errorf("got %q and %v, want a token", token.Reveal(), err)
				}
			case !errors.As(err, &none) || !strings.Contains(none.Message, test.want) || none.Passing != test.passing || none.Hint == "" || !token.IsZero():
				t.Errorf("got %v (%+v), want %q, passing %v", err, none, test.want, test.passing)
			case strings.Contains(none.Message+none.Hint, "hunter2"), strings.Contains(none.Message, carsim.RequestToken), strings.Contains(none.Message, "api-version"):
				t.Errorf("%q shows what is none of its business", none.Message)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		via := carsim.New(carsim.World{Faults: []carsim.Fault{{Action: "github:IDToken", Kind: carsim.Delay, Delay: time.Hour}}}).Transport()
		tokens, err := NewIDTokens(environ(askURL, tokenURL, askKey, carsim.RequestToken))
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start := time.Now()
		if _, err := tokens.Ask(ctx, via, "x"); !errors.Is(err, cause) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want the cancel after 1s", err, time.Since(start))
		}
	})
}

// The agent of Buildkite, played by a shell script.
func TestAskBuildkite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("there is no shell to play the agent; the question is the same")
		return
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	tokens, err := NewIDTokens(environ("BUILDKITE", "true", "BUILDKITE_AGENT_ACCESS_TOKEN", "agent's"))
	if err != nil || tokens.Key().Reveal() != "agent's" {
		t.Fatalf("got %v and key %q", err, tokens.Key().Reveal())
	}
	for script, want := range map[string]string{
		`echo "$@"`: "oidc request-token --audience sts.example.com",
		`exit 1`:    "buildkite-agent gave no OIDC token (exit status 1)",
		`true`:      "Buildkite answered without a token",
		`printf 'one\n::error::two %0300d' 7 >&2; exit 1`: ": ::error::two 000",
	} {
		if err := os.WriteFile(filepath.Join(dir, "buildkite-agent"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		token, err := tokens.Ask(t.Context(), nil, "sts.example.com")
		got := token.Reveal()
		if none := (*IDTokenError)(nil); errors.As(err, &none) {
			got = none.Message
		}
		if strings.Contains(want, "::") {
			want = ": : :error::two 000" // tamed
		}
		if !strings.Contains(got, want) || len(got) > 300 {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}

// What a reader copies into a shell is one word, whatever the audience is, and
// an agent that leaves a child behind holds nobody up.
func TestAskBuildkiteInVain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("there is no shell to play the agent; the question is the same")
		return
	}
	dir := t.TempDir()
	path := os.Getenv("PATH")
	t.Setenv("PATH", dir)
	tokens, err := NewIDTokens(environ("BUILDKITE", "true"))
	if err != nil {
		t.Fatal(err)
	}
	const audience, word = "a'b; $(reboot)", `--audience 'a'\''b; $(reboot)'`
	for _, message := range []string{"there is no buildkite-agent", "buildkite-agent gave no OIDC token"} {
		if strings.Contains(message, "gave") { // now there is one
			if err := os.WriteFile(filepath.Join(dir, "buildkite-agent"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		_, err := tokens.Ask(t.Context(), nil, audience)
		var none *IDTokenError
		if !errors.As(err, &none) || !strings.Contains(none.Message, message) || !strings.Contains(none.Hint, word) {
			t.Errorf("got %v (%+v), want %q and the hint %s", err, none, message, word)
		}
	}

	t.Setenv("PATH", dir+string(os.PathListSeparator)+path)
	if err := os.WriteFile(filepath.Join(dir, "buildkite-agent"), []byte("#!/bin/sh\nsleep 600 &\necho $! >"+filepath.Join(dir, "child")+"\nwait\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error)
	go func() {
		_, err := tokens.Ask(ctx, nil, "x")
		asked <- err
	}()
	var child int
	for child == 0 {
		text, _ := os.ReadFile(filepath.Join(dir, "child"))
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		runtime.Gosched()
	}
	process, err := os.FindProcess(child)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Kill()
	cancel()
	if err := <-asked; err == nil {
		t.Error("got a token")
	}
}
