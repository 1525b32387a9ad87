package ci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/sethvargo/go-githubactions"

	"github.com/car-publish/car-publish/internal/secret"
)

// IDTokens requests OpenID Connect tokens, which say what job this is, from the
// CI. A job can request any number of them, each for one audience.
//
// It is not a part of Host: a job can be on a CI that gives tokens whatever
// its log looks like, and runners that are made after GitHub's give them in
// GitHub's way.
type IDTokens struct {
	Name string // of the CI
	ask  func(ctx context.Context, via http.RoundTripper, audience string) (string, error)
	key  string // the secret that a request needs
}

// IDTokenError is why there is no token.
type IDTokenError struct {
	Message string
	Hint    string // what to do about it
	Passing bool   // the same question may be answered a little later
	Err     error
}

func (e *IDTokenError) Error() string { return e.Message }

// Unwrap returns the error beneath.
func (e *IDTokenError) Unwrap() error { return e.Err }

// NewIDTokens returns how to request tokens, or an *IDTokenError that says why this
// job cannot.
func NewIDTokens(getenv func(string) string) (IDTokens, error) {
	address, key := getenv(gitHubTokenURL), getenv(gitHubTokenKey)
	switch {
	case address != "" && key != "":
		if !isSafe(address) {
			return IDTokens{}, &IDTokenError{
				Message: gitHubTokenURL + " is not an https URL, so no token is asked for there",
				Hint:    "Only the runner should set it. Find out which step of the job does.",
			}
		}
		return IDTokens{"GitHub", askGitHub(getenv), key}, nil
	case getenv("FORGEJO_ACTIONS") == "true":
		// https://forgejo.org/docs/next/user/actions/security-openid-connect
		return IDTokens{}, &IDTokenError{
			Message: "this job may not ask for an OIDC token",
			Hint:    "add \"enable-openid-connect: true\" to the job. A pull request from a fork never gets a token",
		}
	case getenv("GITEA_ACTIONS") == "true":
		return IDTokens{}, &IDTokenError{
			Message: "Gitea's runner gives no OIDC tokens",
			Hint:    "set secret-id and secret-key, or oidc-token to a token of another issuer",
		}
	case getenv("GITHUB_ACTIONS") == "true":
		return IDTokens{}, &IDTokenError{
			Message: "this job may not ask for an OIDC token",
			Hint: "add \"id-token: write\" to the job's permissions, and \"contents: read\" beside it, since naming one takes away the others. " +
				"A pull request from a fork never gets a token",
		}
	case getenv("BUILDKITE") == "true":
		return IDTokens{"Buildkite", askBuildkite, getenv("BUILDKITE_AGENT_ACCESS_TOKEN")}, nil
	case getenv("GITLAB_CI") == "true":
		return IDTokens{}, &IDTokenError{
			Message: "GitLab gives a job its OIDC token in a variable, and there is none",
			Hint:    "add to the job \"id_tokens: {CAR_OIDC_TOKEN: {aud: sts.tencentcloudapi.com}}\"",
		}
	}
	return IDTokens{}, &IDTokenError{
		Message: "there is no OIDC token, and this CI is not known to give any",
		Hint:    "set CAR_OIDC_TOKEN, or --oidc-token-file to a file that holds it",
	}
}

// Key is the secret that a request for a token needs; zero if there is none.
func (t IDTokens) Key() secret.String { return secret.New(t.key) }

// Ask asks for a token. An error is an *IDTokenError.
func (t IDTokens) Ask(ctx context.Context, via http.RoundTripper, audience string) (secret.String, error) {
	token, err := t.ask(ctx, via, audience)
	if err != nil {
		return secret.String{}, err
	}
	if token = strings.TrimSpace(token); token == "" {
		return secret.String{}, &IDTokenError{Message: t.Name + " answered without a token", Hint: "Run again; if it stays, look at the CI's own status page."}
	}
	return secret.New(token), nil
}

// What GitHub's runner sets where the job has the permission
// (https://docs.github.com/actions/reference/security/oidc).
const (
	gitHubTokenURL = "ACTIONS_ID_TOKEN_REQUEST_URL"
	gitHubTokenKey = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

func askGitHub(getenv func(string) string) func(context.Context, http.RoundTripper, string) (string, error) {
	return func(ctx context.Context, via http.RoundTripper, audience string) (string, error) {
		action := githubactions.New(githubactions.WithWriter(io.Discard), githubactions.WithGetenv(getenv),
			githubactions.WithHTTPClient(&http.Client{Transport: via}))
		token, err := action.GetIDToken(ctx, audience)
		var refused *githubactions.RequestFailedError // its text holds the whole answer
		var network *url.Error                        // its text holds the address
		switch {
		case err == nil:
			return token, nil
		case ctx.Err() != nil:
			return "", &IDTokenError{Message: "stopped while asking GitHub for an OIDC token", Err: context.Cause(ctx)}
		case errors.As(err, &refused):
			return "", &IDTokenError{
				Message: fmt.Sprintf("GitHub answered HTTP %d instead of an OIDC token", refused.StatusCode),
				Hint:    "Run again; if it stays, look at githubstatus.com.",
				Passing: refused.StatusCode >= 500 || refused.StatusCode == http.StatusTooManyRequests,
			}
		case errors.As(err, &network):
			return "", &IDTokenError{
				Message: "GitHub could not be asked for an OIDC token: " + network.Err.Error(),
				Hint:    "Check the runner's network, proxy and ca-file.",
				Passing: !errors.As(err, new(interface{ Permanent() bool })), Err: network.Err,
			}
		}
		return "", &IDTokenError{
			Message: "what GitHub answered is not an OIDC token",
			Hint:    "Something in between may have answered: check proxy and the runner's network.",
		}
	}
}

// askBuildkite asks the agent
// (https://buildkite.com/docs/agent/cli/reference/oidc).
func askBuildkite(ctx context.Context, _ http.RoundTripper, audience string) (string, error) {
	var out, complaints bytes.Buffer
	command := exec.CommandContext(ctx, "buildkite-agent", "oidc", "request-token", "--audience", audience) //nolint:gosec // no shell; and the audience is no flag, as inputs has checked
	command.Stdout, command.Stderr = &out, &complaints
	command.WaitDelay = time.Second // a child of the agent's may keep both open
	err := command.Run()
	byHand := "buildkite-agent oidc request-token --audience " + quoteForShell(audience)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return out.String(), nil
	case ctx.Err() != nil:
		return "", &IDTokenError{Message: "stopped while asking buildkite-agent for an OIDC token", Err: context.Cause(ctx)}
	case errors.Is(err, exec.ErrNotFound):
		return "", &IDTokenError{
			Message: "there is no buildkite-agent here to ask for an OIDC token",
			Hint:    "Ask it outside of the container, and pass the token in: CAR_OIDC_TOKEN=\"$(" + byHand + ")\" docker run -e CAR_OIDC_TOKEN ...",
			Err:     err,
		}
	}
	text := complaints.String()
	if lines := harmlessLines(text); len(lines) > 0 {
		text = lines[len(lines)-1]
	}
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "..."
	}
	return "", &IDTokenError{
		Message: fmt.Sprintf("buildkite-agent gave no OIDC token (%v): %s", err, text),
		Hint:    "Run again; if it stays, ask it yourself in this job: " + byHand,
	}
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[0-9A-Za-z_./:@+-]+$`)

// quoteForShell is a text as one word for a shell.
func quoteForShell(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// isSafe reports whether a key may be sent there: with TLS, or to this machine.
func isSafe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (err == nil && ip.IsLoopback() || u.Hostname() == "localhost")
}
