package publish_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// runAsRole is run with the keys of a role, for tokens of the simulated CI.
func (b *bench) runAsRole(ctx context.Context, duration time.Duration) (record.Result, error) {
	random := rand.New(rand.NewPCG(1, 2))
	roundTripper := transport.Guard(b.sim.Transport(), "test")
	backoff := retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Float: random.Float64}
	tell := func(e record.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}
	session := auth.AssumeRole(auth.Role{
		ARN: carsim.RoleARN, Provider: carsim.ProviderName, Session: "octo.ocean@42@1", Duration: duration, For: b.options.Timeout,
		Tokens: func(context.Context) (secret.String, error) { return secret.New(b.sim.IDToken(carsim.Audience)), nil },
		Site:   "china", Language: "en-US", Transport: roundTripper, Retry: backoff,
		Mask: func(s secret.String) { tell(record.Masked{Secret: s}) },
		Warn: func(text string) { tell(record.Warning{Text: text}) },
	})
	return publish.Run(ctx, b.options, publish.Deps{
		CAR: car.Config{
			Site: "china", Language: "en-US", Transport: roundTripper, Retry: backoff,
			Credentials: session.Credentials, Refused: session.Refused,
		},
		COS: roundTripper, Upload: backoff, Float: random.Float64, PartSize: 64,
	}, tell)
}

// refusals are the codes of the refused calls, by action.
func (b *bench) refusals() string {
	var all []string
	for _, c := range b.sim.Journal() {
		if c.Code != "" {
			all = append(all, c.Action+" "+c.Code)
		}
	}
	return strings.Join(all, ", ")
}

// between counts the calls of an action after the first and before the last
// of another.
func (b *bench) between(action, other string) (n int) {
	calls := b.sim.Journal()
	is := func(c carsim.Call) bool { return c.Action == other }
	first := slices.IndexFunc(calls, is)
	slices.Reverse(calls)
	last := len(calls) - slices.IndexFunc(calls, is)
	slices.Reverse(calls)
	for _, c := range calls[first:last] {
		if c.Action == action {
			n++
		}
	}
	return n
}

func members(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("Game/level-%d.pak", i))
	}
	return names
}

// An upload and a processing that outlast many sessions, and the keys of COS
// as well: nothing is ever signed with keys that have ended.
func TestKeysEndInTheMiddle(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{
			ProcessingTime: 2 * time.Hour, KeyLifetime: 20 * time.Minute, MinPart: 1,
			Faults: []carsim.Fault{{Action: "cos:UploadPart", Kind: carsim.Delay, Delay: 50 * time.Second}},
		})
		b.options.Release = true
		b.options.Timeout = 24 * time.Hour
		b.options.Artifact = build(t, members(2000)...) // enough parts for hours, also with many of them in flight
		start := time.Now()
		result, err := b.runAsRole(t.Context(), 15*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if result.Outcome != record.Released {
			t.Errorf("outcome %s, want released", result.Outcome)
		}
		sessions := int(time.Since(start)/(15*time.Minute)) + 1
		if got := b.count("AssumeRoleWithWebIdentity"); got < sessions*3/4 || got > sessions*3/2 { // while parts go up, CAR is asked only for their keys
			t.Errorf("%d sessions in %v, want about %d", got, time.Since(start), sessions)
		}
		if keys, inUpload := b.count("DescribeCosCredential"), b.between("AssumeRoleWithWebIdentity", "cos:UploadPart"); keys < 2 || inUpload < 1 {
			t.Errorf("%d keys of COS, and %d sessions began during the upload: this test shows too little", keys, inUpload)
		}
		if got := b.refusals(); got != "" {
			t.Errorf("refused: %s", got)
		}
	})
}

// The service may end a session before its time. Whatever is being asked
// then, new keys are had and the run goes on: no second version, no second
// release.
func TestKeysRefusedBeforeTheirTime(t *testing.T) {
	for _, action := range []string{
		"DescribeApplicationVersion", "DescribeApplicationList", "CreateApplicationVersion", "DescribeCosCredential",
		"CreateApplicationSnapshot", "SetApplicationVersionOnline", "ModifyApplicationVersion",
	} {
		t.Run(action, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{
					ProcessingTime: time.Minute, MinPart: 1,
					Faults: []carsim.Fault{{Action: action, Nth: 1, Kind: carsim.Refuse, Code: "AuthFailure.TokenFailure"}},
				})
				b.options.Release, b.options.VersionName = true, "1.2.3"
				result, err := b.runAsRole(t.Context(), 2*time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				if result.Outcome != record.Released || result.VersionName != "1.2.3" || len(result.Warnings) > 0 {
					t.Errorf("outcome %s, name %q, warnings %q", result.Outcome, result.VersionName, result.Warnings)
				}
				if got := b.count("AssumeRoleWithWebIdentity"); got != 2 {
					t.Errorf("%d sessions, want 2", got)
				}
				if got, want := b.statuses(), "Usable Usable Inuse"; got != want {
					t.Errorf("versions %s, want %s", got, want)
				}
			})
		})
	}
}

// refusedFrom refuses the nth session and those after it, up to the mth.
func refusedFrom(n, m int) (faults []carsim.Fault) {
	for ; n <= m; n++ {
		faults = append(faults, carsim.Fault{Action: "AssumeRoleWithWebIdentity", Nth: n, Kind: carsim.Refuse, Code: "UnauthorizedOperation"})
	}
	return faults
}

// Where new keys cannot be had, the old ones are used to their end, which was
// told; the run then ends with the reason that STS gave.
func TestKeysCannotBeRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{
			ProcessingTime: 20 * time.Hour, MinPart: 1,
			Faults: refusedFrom(2, 8),
		})
		b.options.Timeout = 24 * time.Hour
		_, err := b.runAsRole(t.Context(), 15*time.Minute)
		e := (*publish.Error)(nil)
		if !errors.As(err, &e) || e.Kind != publish.Refused || e.Code != "UnauthorizedOperation" || !strings.Contains(e.Hint, "trust policy") {
			t.Fatalf("got %v, want the refusal of STS and its remedy", err)
		}
		warned := 0
		for _, event := range b.events {
			if w, ok := event.(record.Warning); ok && strings.Contains(w.Text, "The keys could not be renewed") {
				warned++
			}
		}
		if warned != 1 {
			t.Errorf("%d warnings that the keys will end, want 1", warned)
		}
	})
}
