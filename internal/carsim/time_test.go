package carsim_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
)

func TestProcessingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{ProcessingTime: 10 * time.Minute, DeleteTime: time.Minute})
		app := map[string]any{"ApplicationIdList": []string{"app-desktop"}}
		progress := func() int {
			status := c.must("DescribeApplicationStatus", app)["StatusList"].([]any)[0].(map[string]any)
			return int(status["ApplicationUpdateProgress"].(float64))
		}
		id := c.create("app-desktop", "a.zip")
		time.Sleep(time.Hour)
		if got := c.status("app-desktop", id); got != carsim.Creating || progress() != 0 {
			t.Errorf("got %s and %d %% an hour after the create, want Creating and 0 %%: nothing was uploaded", got, progress())
		}
		c.bucket("app-desktop", "a.zip").put(t, "a build")
		c.snapshot("app-desktop", "")
		for _, step := range []struct {
			wait     time.Duration
			status   string
			progress int
		}{
			{0, carsim.Creating, 0},
			{4 * time.Minute, carsim.Creating, 40},
			{6*time.Minute - time.Nanosecond, carsim.Creating, 99},
			{time.Nanosecond, carsim.Normal, 100},
		} {
			time.Sleep(step.wait)
			if got := c.status("app-desktop", id); got != step.status || progress() != step.progress {
				t.Errorf("got %s and %d %%, want %s and %d %%", got, progress(), step.status, step.progress)
			}
		}
		c.must("DeleteApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id})
		if got := c.status("app-desktop", id); got != carsim.Deleting {
			t.Errorf("got %q after the delete, want Deleting", got)
		}
		time.Sleep(time.Minute)
		if got := c.status("app-desktop", id); got != "" {
			t.Errorf("got %q a minute later, want nothing", got)
		}
	})
}

// A delete ends the processing: the version must not come back as Normal.
func TestDeleteWhileProcessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{ProcessingTime: time.Minute, DeleteTime: time.Second})
		id := c.deliver("app-desktop", "a.zip")
		c.must("DeleteApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id})
		time.Sleep(time.Hour)
		if got := c.status("app-desktop", id); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	})
}

func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{Applications: []carsim.Application{{ID: "app-x", Fate: carsim.Hangs}}})
		id := c.deliver("app-x", "a.zip")
		time.Sleep(1000 * time.Hour)
		if got := c.status("app-x", id); got != carsim.Creating {
			t.Errorf("got %q, want Creating for ever", got)
		}
	})
}

func TestListLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{ListLag: 5 * time.Second})
		id := c.create("app-desktop", "a.zip")
		time.Sleep(4 * time.Second)
		if got := c.status("app-desktop", id); got != "" {
			t.Errorf("got %q 4 s after the create, want nothing yet", got)
		}
		if got := c.refused("CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "b.zip"}); got != "OperationDenied.VersionCreating" {
			t.Errorf("got code %q, want OperationDenied.VersionCreating: only lists lag", got)
		}
		time.Sleep(time.Second)
		if got := c.status("app-desktop", id); got != carsim.Creating {
			t.Errorf("got %q 5 s after the create, want Creating", got)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{})
		list := func() string {
			return c.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"})
		}
		for n := range 20 {
			if got := list(); got != "" {
				t.Fatalf("call %d: got code %q, want none", n+1, got)
			}
		}
		if got := list(); got != "RequestLimitExceeded" {
			t.Errorf("the 21st call in a second: got code %q, want RequestLimitExceeded", got)
		}
		if got := c.refused("DescribeApplicationStatus", map[string]any{"ApplicationIdList": []string{"app-full"}}); got != "" {
			t.Errorf("another action: got code %q, want none: the limit is of each action", got)
		}
		time.Sleep(time.Second)
		if got := list(); got != "" {
			t.Errorf("a second later: got code %q, want none", got)
		}
		unlimited := connect(t, carsim.World{RateLimit: -1})
		for n := range 100 {
			if got := unlimited.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"}); got != "" {
				t.Fatalf("without a limit, call %d: got code %q, want none", n+1, got)
			}
		}
	})
}

// The upload's key ends, and a new one opens the same object.
func TestUploadKeyExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{KeyLifetime: 10 * time.Minute})
		c.create("app-desktop", "a.zip")
		old := c.bucket("app-desktop", "a.zip")
		started, _, err := old.InitiateMultipartUpload(t.Context(), old.key, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		_, err = old.UploadPart(t.Context(), old.key, started.UploadID, 1, strings.NewReader("part"), nil)
		if got := code(t, err); got != "ExpiredToken" {
			t.Errorf("got code %q after 10 minutes, want ExpiredToken", got)
		}
		renewed := c.bucket("app-desktop", "a.zip")
		if renewed.key != old.key {
			t.Errorf("got key %q, want %q again", renewed.key, old.key)
		}
		if _, err := renewed.UploadPart(t.Context(), renewed.key, started.UploadID, 1, strings.NewReader("part"), nil); err != nil {
			t.Errorf("with a new key: %v", err)
		}
	})
}

func TestClockSkew(t *testing.T) {
	c := connect(t, carsim.World{ClockSkew: time.Hour})
	_, err := c.do("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"})
	if got := code(t, err); got != "AuthFailure.SignatureExpire" {
		t.Errorf("got code %q, want AuthFailure.SignatureExpire", got)
	}
}

// A slow answer does not outlive the client's patience.
func TestDelayEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{Faults: []carsim.Fault{{Action: "cos:PutObject", Kind: carsim.Delay, Delay: time.Hour}}})
		c.create("app-desktop", "a.zip")
		b := c.bucket("app-desktop", "a.zip")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := b.Put(ctx, b.key, strings.NewReader("x"), nil)
		if err == nil || time.Since(start) != time.Minute {
			t.Errorf("got %v after %v, want an error after a minute", err, time.Since(start))
		}
		journal := c.sim.Journal()
		if got := journal[len(journal)-1]; got.Code != carsim.Unfinished {
			t.Errorf("got code %q in the journal, want %q", got.Code, carsim.Unfinished)
		}
		if len(c.sim.Objects()) != 1 {
			t.Error("the object is not there: a delayed call is done, only its answer is late")
		}
	})
}
