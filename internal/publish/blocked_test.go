package publish

import (
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/car"
)

// What is in the way is told with ways past it that are open: nothing that is set
// already, nothing that keep rules out, no delete of what a run may be working on.
func TestWaysPast(t *testing.T) {
	t.Parallel()
	policies := []OnBlocked{BlockedFail, BlockedWait, BlockedReplace, BlockedReplaceUnreleased}
	for _, policy := range policies {
		for _, status := range []car.Status{car.Creating, car.Uploading, car.Normal, car.CreateFailed, "Odd"} {
			for _, kept := range []bool{false, true} {
				r := &run{o: Options{ApplicationID: "app-1", OnBlocked: policy}}
				if kept {
					r.o.Keep = []string{"ver-1"}
				}
				v := car.Version{ID: "ver-1", Status: status}
				got := r.waysPast(v)
				for _, set := range policies {
					if proposed := "set on-blocked: " + string(set); set == policy && (strings.HasSuffix(strings.ToLower(got), proposed+".") || strings.Contains(strings.ToLower(got), proposed+" ") || strings.Contains(strings.ToLower(got), proposed+",")) {
						t.Errorf("%s, %s: %q proposes what is set", policy, status, got)
					}
				}
				late := r.o.replaces(v)
				if late != strings.Contains(got, "Another run was quicker: on-blocked: "+string(policy)+" removes only") {
					t.Errorf("%s, %s, kept %t: got %q", policy, status, kept, got)
				}
				if remove := strings.Index(strings.ToLower(got), "delete it"); status.Underway() && remove >= 0 && !strings.Contains(got[:remove], "Only if no run is at work on it any more") {
					t.Errorf("%s, %s: %q proposes to delete what may be alive", policy, status, got)
				}
				if kept && (strings.Contains(got, "on-blocked: replace") || strings.Contains(got, "Odd")) || kept && status != "Odd" && !strings.Contains(got, "change keep") {
					t.Errorf("%s, %s: %q, want it to speak of keep", policy, status, got)
				}
				if policy == BlockedWait && !late && status != car.CreateFailed && !kept && !strings.Contains(strings.ToLower(got), "raise queue-timeout") {
					t.Errorf("%s, %s: %q, want it to speak of queue-timeout", policy, status, got)
				}
			}
		}
	}
}
