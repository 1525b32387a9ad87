package docs_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/google/go-cmp/cmp"
)

// The policy allows what a run may call, and nothing else.
func TestReadmePolicy(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	i := slices.IndexFunc(all, func(b block) bool { return b.language == "json" && strings.Contains(b.text, `"car:`) })
	if i < 0 {
		t.Fatal("there is no json block with a policy for CAR")
	}
	type statement struct {
		Effect           string
		Action, Resource []string
	}
	var policy struct {
		Version   string
		Statement []statement
	}
	if err := json.Unmarshal([]byte(all[i].text), &policy); err != nil {
		t.Fatal(err)
	}

	// One run that needs every call: it makes room, waits, releases, renames.
	d := newDesk(t, carsim.World{ProcessingTime: time.Second})
	d.run(t, nil, "car-publish", "--application-id", "app-full", "--artifact", "game.zip", "--release", "--version-name", "1.0", "--on-full", "delete-oldest")
	var called []string
	for _, name := range d.actions() {
		if !strings.HasPrefix(name, "cos:") {
			called = append(called, "car:"+name)
		}
	}
	slices.Sort(called)
	want := []statement{{Effect: "allow", Action: slices.Compact(called), Resource: []string{"*"}}}
	if diff := cmp.Diff(want, policy.Statement); diff != "" {
		t.Errorf("the policy is not what a run calls (-called +policy):\n%s", diff)
	}
	if policy.Version != "2.0" {
		t.Errorf("the policy's version is %q, want 2.0, which CAM asks for", policy.Version)
	}
}

// The trust policy lets in the job that the page describes, and nobody else.
func TestReadmeTrustPolicy(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	i := slices.IndexFunc(all, func(b block) bool { return b.language == "json" && strings.Contains(b.text, "federated") })
	if i < 0 {
		t.Fatal("there is no json block with a trust policy")
	}
	type statement struct {
		Effect    string
		Action    []string
		Principal struct{ Federated []string }
		Condition struct {
			StringEqual struct {
				Issuer   []string `json:"oidc:iss"`
				Audience []string `json:"oidc:aud"`
				Subject  []string `json:"oidc:sub"`
			} `json:"string_equal"`
		}
	}
	var policy struct {
		Version   string
		Statement []statement
	}
	decoder := json.NewDecoder(strings.NewReader(all[i].text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil || len(policy.Statement) != 1 || policy.Version != "2.0" {
		t.Fatalf("it is no policy of one statement: %v", err)
	}
	s := policy.Statement[0]
	provider := strings.Replace(carsim.RoleARN, "roleName/publisher", "oidc-provider/"+carsim.ProviderName, 1)
	if s.Effect != "allow" || !slices.Equal(s.Action, []string{"name/sts:AssumeRoleWithWebIdentity"}) || !slices.Equal(s.Principal.Federated, []string{provider}) {
		t.Errorf("got %+v, want that it allows AssumeRoleWithWebIdentity to %s", s, provider)
	}
	is := s.Condition.StringEqual
	if len(is.Subject) != 1 {
		t.Fatal("a trust policy without a subject lets everybody in")
	}
	if !strings.Contains(readme(t), "\n    environment: production\n") || !strings.HasSuffix(is.Subject[0], ":environment:production") {
		t.Errorf("the workflow does not run in the environment of %q", is.Subject[0])
	}
	for subject, want := range map[string]int{
		is.Subject[0]:                            exitDone,
		"repo:octo/ocean:ref:refs/heads/main":    exitRefused,
		"repo:evil/ocean:environment:production": exitRefused,
	} {
		d := newDesk(t, carsim.World{
			Issuer: carsim.Issuer{Subject: subject},
			Roles:  []carsim.Role{{ARN: carsim.RoleARN, Provider: carsim.ProviderName, Issuer: is.Issuer, Audience: is.Audience, Subject: is.Subject}},
		})
		said, status := d.try(t, nil, "car-publish", "list", "--application-id", app, "--role-arn", carsim.RoleARN, "--oidc-provider", carsim.ProviderName)
		if status != want {
			t.Errorf("%s: exit status %d, want %d:\n%s", subject, status, want, said)
		}
	}
}
