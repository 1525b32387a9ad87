package carsim_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/carsim"
)

// found makes an application and returns its id.
func (c *client) found(name, kind string) string {
	c.t.Helper()
	return c.must("CreateApplication", map[string]any{"ApplicationName": name, "ApplicationType": kind})["ApplicationId"].(string)
}

// listed returns what DescribeApplicationList shows of an application, nil if it
// is not there.
func (c *client) listed(app string) map[string]any {
	c.t.Helper()
	answer := c.must("DescribeApplicationList", map[string]any{"Offset": 0, "Limit": 100, "Filters": filter("ApplicationId", app)})
	for _, list := range []string{"UserApplicationList", "UserMobileApplicationList"} {
		for _, found := range answer[list].([]any) {
			return found.(map[string]any)
		}
	}
	return nil
}

// From nothing to an application that runs.
func TestFoundAnApplication(t *testing.T) {
	c := connect(t, carsim.World{})
	app := c.found("海洋-2", "Application3D")
	if !strings.HasPrefix(app, "app-") || app == c.found("海洋-2", "Application3D") {
		t.Errorf("got id %q, want one that begins with app- and is another's never", app)
	}
	before := c.listed(app)
	if _, err := time.Parse(time.RFC3339, before["ApplicationCreateTime"].(string)); err != nil {
		t.Errorf("got ApplicationCreateTime %q, want a time", before["ApplicationCreateTime"])
	}
	delete(before, "ApplicationCreateTime")
	want := map[string]any{
		"ApplicationId": app, "ApplicationName": "海洋-2", "ApplicationType": "Application3D",
		"ApplicationExePath": "", "ApplicationInterList": "", "ApplicationParams": "",
		"ApplicationRunStatus": "ApplicationNoPackage", "ApplicationUpdateStatus": "ApplicationUpdateNormal", "ApplicationUpdateProgress": 100.0,
		"ApplicationVersions": []any{}, "ApplicationNature": "PRIVATE", "ApplicationStores": []any{},
		"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationDesktop", "WindowName": "", "WindowClassName": "", "WindowCaptureMode": "HOOK"},
	}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("a new application (-want +got):\n%s", diff)
	}

	id := c.create(app, "ocean-1.zip")
	b := c.bucket(app, "ocean-1.zip")
	b.put(t, string(archive(t, "App/Game.exe")))
	c.snapshot(app, "")
	c.must("SetApplicationVersionOnline", map[string]any{"ApplicationId": app, "ApplicationVersionId": id})
	status := func() string { return c.listed(app)["ApplicationRunStatus"].(string) }
	if got := status(); got != "ApplicationNoConfigured" {
		t.Errorf("got run status %q with a version online, want ApplicationNoConfigured", got)
	}
	c.must("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": app, "ApplicationExePath": "App/Game.exe", "ApplicationInterList": "Game.exe"}))
	if got := status(); got != "ApplicationRunning" {
		t.Errorf("got run status %q with a start path too, want ApplicationRunning", got)
	}
	paths := c.must("DescribeApplicationPathList", map[string]any{"ApplicationId": app})
	if diff := cmp.Diff([]any{`App\Game.exe`}, paths["PathList"]); diff != "" {
		t.Errorf("PathList (-want +got):\n%s", diff)
	}
}

// A mobile application has fewer fields, and versions of its own.
func TestFoundAMobileApplication(t *testing.T) {
	c := connect(t, carsim.World{})
	app := c.found("Tide", "ApplicationAPK")
	got := c.listed(app)
	delete(got, "ApplicationCreateTime")
	want := map[string]any{
		"ApplicationId": app, "ApplicationName": "Tide", "ApplicationType": "ApplicationAPK",
		"ApplicationRunStatus": "ApplicationNoPackage", "ApplicationUpdateStatus": "ApplicationUpdateNormal",
		"ApplicationVersions": []any{}, "ApplicationNature": "PRIVATE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a new application (-want +got):\n%s", diff)
	}
	id := c.deliver(app, "tide-1.apk")
	if got := c.status(app, id); got != carsim.Normal {
		t.Errorf("got status %q of its version, want Normal", got)
	}
}

// What an answer is lost of, or refused after, is there.
func TestFoundWithFaults(t *testing.T) {
	for kind, want := range map[carsim.FaultKind]int{carsim.DropBefore: 0, carsim.DropAfter: 1, carsim.Refuse: 0, carsim.CutBody: 1} {
		c := connect(t, carsim.World{Applications: []carsim.Application{}, Faults: []carsim.Fault{{Action: "CreateApplication", Nth: 1, Kind: kind}}})
		if _, err := c.do("CreateApplication", map[string]any{"ApplicationName": "Tide", "ApplicationType": "ApplicationXR"}); err == nil {
			t.Errorf("%s: got no error, want one", kind)
		}
		if got := len(c.sim.State().Applications); got != want {
			t.Errorf("%s: got %d applications, want %d", kind, got, want)
		}
		if got := c.sim.Journal()[0]; got.Action != "CreateApplication" || got.Fault != kind {
			t.Errorf("%s: got %+v in the journal, want the call and its fault", kind, got)
		}
	}
}

func TestApplicationListLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, carsim.World{ListLag: 5 * time.Second})
		app := c.found("Tide", "Application3D")
		statuses := func() int {
			return len(c.must("DescribeApplicationStatus", map[string]any{"ApplicationIdList": []string{app}})["StatusList"].([]any))
		}
		time.Sleep(4 * time.Second)
		if c.listed(app) != nil || statuses() != 0 {
			t.Error("the application is listed 4 s after it was created, want it unseen")
		}
		if got := c.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": app}); got != "" {
			t.Errorf("got code %q, want none: only lists lag", got)
		}
		time.Sleep(time.Second)
		if c.listed(app) == nil || statuses() != 1 {
			t.Error("the application is not listed 5 s after it was created")
		}
		shown := func() string {
			got := c.listed(app)
			return fmt.Sprint(got["ApplicationName"], " ", got["ApplicationExePath"], " ", got["ApplicationParams"])
		}
		c.must("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": app, "ApplicationParams": "-one"}))
		time.Sleep(2 * time.Second)
		c.must("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": app, "ApplicationName": "Ebb"}))
		for _, step := range []struct {
			wait time.Duration
			want string
		}{
			{2 * time.Second, "Tide  "},
			{time.Second, "Tide Game/Other.exe -one"},
			{2 * time.Second, "Ebb Game/Other.exe -one"},
		} {
			time.Sleep(step.wait)
			if got := shown(); got != step.want {
				t.Errorf("got %q %v later, want %q", got, step.wait, step.want)
			}
		}
	})
}

// Each action has a limit of its own.
func TestRateLimitOfApplications(t *testing.T) {
	for action, params := range map[string]map[string]any{
		"CreateApplication":           {"ApplicationName": "Tide", "ApplicationType": "Application3D"},
		"ModifyApplicationBaseInfo":   base(nil),
		"DescribeApplicationProjects": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := connect(t, carsim.World{})
			for n := range 21 {
				want := ""
				if n == 20 {
					want = "RequestLimitExceeded"
				}
				if got := c.refused(action, params); got != want {
					t.Fatalf("%s, call %d: got code %q, want %q", action, n+1, got, want)
				}
			}
		})
	}
}

func TestListProjects(t *testing.T) {
	many := carsim.World{Projects: []carsim.Project{
		{ID: "cap-1", Application: "app-desktop"},
		{ID: "cap-2", Application: "app-full", Amount: 1},
		{ID: "cap-3", Application: "app-noconfig", Status: "applicationNoConfigured"},
		{ID: "cap-4", Application: "app-mobile", Type: "MM1_FHD"},
		{ID: "cap-5", Kind: "SHARED", Amount: 3},
	}}
	paged, matched, ignored := many, many, many
	paged.ProjectPage, matched.ProjectIDFilter, ignored.ProjectIDFilter = 2, carsim.ProjectIDMatched, carsim.ProjectIDIgnored
	matched.NameFilter = carsim.NameContains
	tests := map[string]struct {
		world  carsim.World
		params map[string]any
		want   string // ids, and the total
	}{
		"the default world":   {carsim.World{}, nil, "cap-desktop:Online cap-waiting:NoConcurrent 2"},
		"without their apps":  {carsim.World{Applications: []carsim.Application{{ID: "app-desktop"}}}, nil, "cap-desktop:Online 1"},
		"none":                {carsim.World{Projects: []carsim.Project{}}, nil, "0"},
		"desktop":             {many, nil, "cap-1:NoConcurrent cap-2:Online cap-3:applicationNoConfigured cap-5:Online 4"},
		"mobile":              {many, map[string]any{"ProjectCategory": "MOBILE"}, "cap-4:NoConcurrent 1"},
		"a page":              {many, map[string]any{"Offset": 1, "Limit": 2}, "cap-2:Online cap-3:applicationNoConfigured 4"},
		"past the end":        {many, map[string]any{"Offset": 9}, "4"},
		"no more than that":   {paged, nil, "cap-1:NoConcurrent cap-2:Online 4"},
		"nor when asked":      {paged, map[string]any{"Offset": 2, "Limit": 100}, "cap-3:applicationNoConfigured cap-5:Online 4"},
		"by application":      {many, map[string]any{"Filters": filter("ApplicationId", "app-full")}, "cap-2:Online 1"},
		"by name":             {many, map[string]any{"Filters": filter("ApplicationName", "Lagoon")}, "cap-2:Online 1"},
		"by part of the name": {matched, map[string]any{"Filters": filter("ApplicationName", "goo")}, "cap-2:Online 1"},
		"by run status":       {many, map[string]any{"Filters": filter("ApplicationRunStatus", "ApplicationNoPackage")}, "cap-3:applicationNoConfigured 1"},
		"by project":          {matched, map[string]any{"Filters": filter("ProjectId", "cap-2")}, "cap-2:Online 1"},
		"by project in vain":  {ignored, map[string]any{"Filters": filter("ProjectId", "cap-2")}, "cap-1:NoConcurrent cap-2:Online cap-3:applicationNoConfigured cap-5:Online 4"},
		"by project refused":  {many, map[string]any{"Filters": filter("ProjectId", "cap-2")}, "InvalidParameterValue"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.params == nil {
				test.params = map[string]any{}
			}
			answer, err := connect(t, test.world).do("DescribeApplicationProjects", test.params)
			got := []string{code(t, err)}
			if err == nil {
				got = nil
				for _, p := range answer["Projects"].([]any) {
					p := p.(map[string]any)
					got = append(got, fmt.Sprint(p["ProjectId"], ":", p["ApplicationStatus"]))
				}
				got = append(got, strconv.Itoa(int(answer["Total"].(float64))))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A package that cannot be read has the start path that its application had
// when the package came, whatever the start path becomes.
func TestStartPathOfAnUnknownPackage(t *testing.T) {
	c := connect(t, carsim.World{})
	c.must("ModifyApplicationBaseInfo", base(nil))
	id := c.deliver("app-desktop", "a.7z")
	c.must("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationExePath": "Third.exe"}))
	for version, want := range map[string]string{"ver-desktop2": `Game\Game.exe`, id: `Game\Other.exe`} {
		paths := c.must("DescribeApplicationPathList", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": version})
		if diff := cmp.Diff([]any{want}, paths["PathList"]); diff != "" {
			t.Errorf("PathList of %s (-want +got):\n%s", version, diff)
		}
	}
}
