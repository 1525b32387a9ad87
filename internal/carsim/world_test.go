package carsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/carsim"
)

// Each open fact has another outcome in each of its worlds.
func TestWorlds(t *testing.T) {
	create := func(app, file string) func(*client) string {
		return func(c *client) string {
			return c.refused("CreateApplicationVersion", map[string]any{"ApplicationId": app, "ApplicationFileName": file})
		}
	}
	remove := func(app, version string) func(*client) string {
		return func(c *client) string {
			return c.refused("DeleteApplicationVersion", map[string]any{"ApplicationId": app, "ApplicationVersionId": version})
		}
	}
	uploaded := func(app, file string) func(*client) string {
		return func(c *client) string {
			id := c.create(app, file)
			c.bucket(app, file).put(c.t, "a build")
			return strings.TrimSpace(c.status(app, id) + " " + c.snapshot(app, "") + " " + c.status(app, id))
		}
	}
	nameOf := func(file string) func(*client) string {
		return func(c *client) string {
			c.create("app-desktop", "a-very-long-name-indeed.zip")
			c.bucket("app-desktop", file).put(c.t, "a build")
			c.snapshot("app-desktop", "")
			versions := c.sim.Versions("app-desktop")
			return versions[len(versions)-1].Name
		}
	}
	again := func(c *client) string {
		c.deliver("app-desktop", "a.zip")
		return c.snapshot("app-desktop", "")
	}
	slow := func(w carsim.World) carsim.World { w.ProcessingTime = time.Hour; return w }
	deleting := []carsim.Application{{ID: "app-full", Versions: []carsim.Version{
		{ID: "1", Status: carsim.Inuse},
		{ID: "2", Status: carsim.Usable},
		{ID: "3", Status: carsim.Usable},
		{ID: "4", Status: carsim.Usable},
		{ID: "5", Status: carsim.Deleting},
	}}}
	online := func(c *client) string {
		return c.refused("SetApplicationVersionOnline", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": "ver-desktop1"})
	}
	path := func(c *client) string {
		id := c.create("app-desktop", "a.7z")
		got := c.must("DescribeCosCredential", map[string]any{"ApplicationId": "app-desktop"})["Path"].(string)
		return strings.ReplaceAll(got, id, "ver")
	}
	cosList := func(c *client) string {
		c.create("app-desktop", "a.zip")
		b := c.bucket("app-desktop", "a.zip")
		b.put(c.t, "a build")
		_, err := b.Head(t.Context(), b.key, nil)
		if err != nil {
			return "refused"
		}
		return "answered"
	}
	otherPath := []carsim.Application{{
		ID: "app-desktop", StartPath: `Game\Game.exe`, PathList: []string{`Other\Game.exe`},
		Versions: []carsim.Version{{ID: "ver-desktop1", Status: carsim.Usable}},
	}}

	twins := func(c *client) string {
		params := map[string]any{"ApplicationName": "Ocean", "ApplicationType": "ApplicationAPK"}
		return c.refused("CreateApplication", params)
	}
	rename := func(app, name string) func(*client) string {
		return func(c *client) string {
			return c.refused("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": app, "ApplicationName": name}))
		}
	}
	created := func(c *client) string {
		return fmt.Sprint(c.listed(c.found("Tide", "ApplicationXR"))["ApplicationBaseInfo"])
	}
	unstarted := func(c *client) string { return fmt.Sprint(c.listed("app-noconfig")["ApplicationRunStatus"]) }
	configured := []carsim.Application{{
		ID: "app-desktop", Name: "Ocean", StartPath: `Game\Game.exe`, InterList: "Game.exe|Crash.exe", Params: "-one",
		BaseInfo: carsim.BaseInfo{WindowUseType: "ApplicationDesktop", WindowName: "Sea", WindowCaptureMode: "DDA_CUT"},
		Stores:   []carsim.Store{{CosBucket: "logs-1", StoreType: "LOG", StoreState: "ON"}},
		Versions: []carsim.Version{{ID: "ver-1", Status: carsim.Inuse}},
	}}
	based := func(changes map[string]any) func(*client) string {
		return func(c *client) string {
			if got := c.refused("ModifyApplicationBaseInfo", base(changes)); got != "" {
				return got
			}
			a := c.sim.State().Applications[0]
			return fmt.Sprint(a.Name, " ", a.StartPath, " ", a.InterList, " ", a.Params, " ", a.BaseInfo, " ", len(a.Stores))
		}
	}
	all := map[string]any{
		"ApplicationName": "Tide", "ApplicationParams": "-two", "ApplicationStores": []any{},
		"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationDesktop", "WindowName": "W", "WindowClassName": "C", "WindowCaptureMode": ""},
	}
	start := func(path string) func(*client) string {
		return func(c *client) string {
			return c.refused("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationExePath": path}))
		}
	}
	increment := func(files ...string) func(*client) string {
		return func(c *client) string {
			c.deliverAs("app-noconfig", "FULL", archive(c.t, files[0], files[1]))
			id := c.deliverAs("app-noconfig", "INCREMENT", archive(c.t, files[1:]...))
			paths := c.must("DescribeApplicationPathList", map[string]any{"ApplicationId": "app-noconfig", "ApplicationVersionId": id})["PathList"]
			return fmt.Sprint(c.status("app-noconfig", id), " ", paths)
		}
	}

	tests := []struct {
		name  string
		world carsim.World
		do    func(*client) string
		want  string
	}{
		{"name kept", carsim.World{}, nameOf("other.zip"), "a-very-long-name-indeed"},
		{"name replaced", carsim.World{NameAfterUpload: carsim.NameReplaced}, nameOf("other.zip"), "other"},
		{"name truncated", carsim.World{NameAfterUpload: carsim.NameTruncated}, nameOf("other.zip"), "a-very-long-name"},
		{"create while Normal denied", carsim.World{}, create("app-waiting", "a.zip"), "OperationDenied"},
		{"create while Normal says creating", carsim.World{CreateWhileNormal: carsim.CreateVersionCreating}, create("app-waiting", "a.zip"), "OperationDenied.VersionCreating"},
		{"create while Normal allowed", carsim.World{CreateWhileNormal: carsim.CreateAllowed}, create("app-waiting", "a.zip"), ""},
		{"delete Inuse denied", carsim.World{}, remove("app-desktop", "ver-desktop2"), "OperationDenied"},
		{"delete Inuse done", carsim.World{DeleteInuse: carsim.Done}, remove("app-desktop", "ver-desktop2"), ""},
		{"delete Creating done", carsim.World{}, func(c *client) string { return remove("app-desktop", c.create("app-desktop", "a.zip"))(c) }, ""},
		{"delete Creating denied", carsim.World{DeleteCreating: carsim.Denied}, func(c *client) string { return remove("app-desktop", c.create("app-desktop", "a.zip"))(c) }, "OperationDenied"},
		{"snapshot needed", carsim.World{}, uploaded("app-mobile", "a.apk"), "Creating  Normal"},
		{"snapshot refused", carsim.World{SnapshotMobile: carsim.SnapshotRefused}, uploaded("app-mobile", "a.apk"), "Normal OperationDenied Normal"},
		{"snapshot ignored", carsim.World{SnapshotMobile: carsim.SnapshotIgnored}, uploaded("app-mobile", "a.apk"), "Normal  Normal"},
		{"snapshot refused for mobile alone", carsim.World{SnapshotMobile: carsim.SnapshotRefused}, uploaded("app-desktop", "a.zip"), "Creating  Normal"},
		{"snapshot ignored for desktop", carsim.World{SnapshotDesktop: carsim.SnapshotIgnored}, uploaded("app-desktop", "a.zip"), "Normal  Normal"},
		{"second snapshot done", slow(carsim.World{}), again, ""},
		{"second snapshot denied", slow(carsim.World{SecondSnapshot: carsim.Denied}), again, "OperationDenied"},
		{"first version Normal", carsim.World{}, uploaded("app-noconfig", "a.zip"), "Creating  Normal"},
		{"first version Inuse", carsim.World{FirstVersion: carsim.FirstInuse}, uploaded("app-noconfig", "a.zip"), "Creating  Inuse"},
		{"later versions stay Normal", carsim.World{FirstVersion: carsim.FirstInuse}, uploaded("app-desktop", "a.zip"), "Creating  Normal"},
		{"mobile starts Uploading", carsim.World{MobileCreated: carsim.MobileUploading}, uploaded("app-mobile", "a.apk"), "Uploading  Normal"},
		{"creation fails", carsim.World{}, uploaded("app-failing", "a.zip"), "Creating  CreateFailed"},
		{"what is being created does not go online", carsim.World{}, func(c *client) string {
			return c.refused("SetApplicationVersionOnline", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": c.create("app-desktop", "a.zip")})
		}, "OperationDenied"},
		{"a snapshot needs the object", carsim.World{}, func(c *client) string {
			c.create("app-desktop", "a.zip")
			return c.snapshot("app-desktop", "")
		}, "FailedOperation"},
		{"a failed version blocks", carsim.World{}, func(c *client) string {
			c.deliver("app-failing", "a.zip")
			return create("app-failing", "b.zip")(c)
		}, "OperationDenied"},
		{"a default region of the international site", carsim.World{Site: carsim.International}, func(c *client) string {
			c.host = "car.intl.tencentcloudapi.com"
			c.create("app-desktop", "a.zip")
			versions := c.sim.Versions("app-desktop")
			return strings.Join(versions[len(versions)-1].Regions, ",")
		}, "ap-tokyo"},
		{"path with slash", carsim.World{}, path, "/1300055477/app-desktop/ver.7z"},
		{"path with folder", carsim.World{PathForm: carsim.PathFolder}, path, "1300055477/app-desktop/ver/app-desktop.7z"},
		{"COS shows objects", carsim.World{}, cosList, "answered"},
		{"COS takes objects only", carsim.World{COSActions: carsim.COSNone}, cosList, "refused"},
		{"Deleting counts", carsim.World{Applications: deleting, DeleteTime: time.Hour}, create("app-full", "a.zip"), "OperationDenied.VersionLimitExceeded"},
		{"Deleting does not count", carsim.World{Applications: deleting, DeleteTime: time.Hour, DeletingInLimit: carsim.DeletingFree}, create("app-full", "a.zip"), ""},
		{"start path ignored", carsim.World{Applications: otherPath}, online, ""},
		{"start path checked", carsim.World{Applications: otherPath, OnlineStartPath: carsim.StartPathChecked}, online, "FailedOperation.PathNotFound"},
		{"start path checked and there", carsim.World{OnlineStartPath: carsim.StartPathChecked}, online, ""},
		{"an application too many", carsim.World{ApplicationLimit: 6}, twins, "OperationDenied.ApplicationLimitExceeded"},
		{"the last application", carsim.World{ApplicationLimit: 7}, twins, ""},
		{"a name twice", carsim.World{}, twins, ""},
		{"a name once", carsim.World{DuplicateName: carsim.DuplicateRefused}, twins, "FailedOperation.ApplicationCreateFail"},
		{"a new name twice", carsim.World{}, rename("app-full", "Ocean"), ""},
		{"a new name once", carsim.World{DuplicateName: carsim.DuplicateRefused}, rename("app-full", "Ocean"), "InvalidParameterValue"},
		{"its own name", carsim.World{DuplicateName: carsim.DuplicateRefused}, rename("app-full", "Lagoon"), ""},
		{"created as desktop", carsim.World{}, created, "map[WindowCaptureMode:HOOK WindowClassName: WindowName: WindowUseType:ApplicationDesktop]"},
		{"created empty", carsim.World{CreatedBaseInfo: carsim.CreatedEmpty}, created, "map[WindowCaptureMode: WindowClassName: WindowName: WindowUseType:]"},
		{"created with null", carsim.World{CreatedBaseInfo: carsim.CreatedNull}, created, "<nil>"},
		{"null of what is not configured alone", carsim.World{CreatedBaseInfo: carsim.CreatedNull}, func(c *client) string {
			return fmt.Sprint(c.listed("app-noconfig")["ApplicationBaseInfo"] == nil)
		}, "false"},
		{"neither package nor start path", carsim.World{}, unstarted, "ApplicationNoPackage"},
		{"neither start path nor package", carsim.World{EmptyRunStatus: carsim.EmptyNoConfigured}, unstarted, "ApplicationNoConfigured"},
		{"what is omitted is kept", carsim.World{Applications: configured}, based(nil), "Ocean Game/Other.exe Other.exe -one {ApplicationWindow Sea  DDA_CUT} 1"},
		{"what is omitted is cleared", carsim.World{Applications: configured, OmittedBaseInfo: carsim.OmittedCleared}, based(nil), " Game/Other.exe Other.exe  {ApplicationWindow   } 0"},
		{"nothing is omitted", carsim.World{Applications: configured}, based(all), "Tide Game/Other.exe Other.exe -two {ApplicationDesktop W C } 0"},
		{"nothing is omitted or cleared", carsim.World{Applications: configured, OmittedBaseInfo: carsim.OmittedCleared}, based(all), "Tide Game/Other.exe Other.exe -two {ApplicationDesktop W C } 0"},
		{"the default capture mode", carsim.World{Applications: configured, EmptyCaptureMode: carsim.CaptureHook}, based(all), "Tide Game/Other.exe Other.exe -two {ApplicationDesktop W C HOOK} 0"},
		{"an empty start path is refused", carsim.World{}, start(""), "InvalidParameterValue"},
		{"an empty start path", carsim.World{EmptyStartPath: carsim.Done, StartPathOfBase: carsim.BaseChecked}, start(""), ""},
		{"no processes", carsim.World{Applications: configured}, based(map[string]any{"ApplicationInterList": ""}), "InvalidParameterValue"},
		{"a start path that is nowhere", carsim.World{}, start(`Other\Game.exe`), ""},
		{"a start path that is looked for", carsim.World{StartPathOfBase: carsim.BaseChecked}, start(`Other\Game.exe`), "InvalidParameterValue"},
		{"a start path that is found", carsim.World{StartPathOfBase: carsim.BaseChecked}, start(`game/GAME.exe`), ""},
		{"a start path of the host", carsim.World{StartPathOfBase: carsim.BaseChecked}, start("C:/Program Files/Steam/vrstartup.exe"), ""},
		{"a start path before a package", carsim.World{StartPathOfBase: carsim.BaseChecked}, func(c *client) string {
			return c.refused("ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": "app-noconfig"}))
		}, ""},
		{"an increment is whole", carsim.World{}, increment("A.exe", "B.exe", "dir/C.exe"), `Normal [B.exe dir\C.exe]`},
		{"an increment is laid over", carsim.World{Increment: carsim.IncrementOverlay}, increment("A.exe", "B.exe", "dir/C.exe"), `Normal [B.exe dir\C.exe A.exe]`},
		{"an increment fails", carsim.World{Increment: carsim.IncrementFails}, increment("A.exe", "B.exe", "dir/C.exe"), `CreateFailed [B.exe dir\C.exe]`},
		{"a full update does not fail", carsim.World{Increment: carsim.IncrementFails}, uploaded("app-desktop", "a.zip"), "Creating  Normal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.do(connect(t, test.world)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// By URL there is no object: CAR is believed to fetch it.
func TestSnapshotOfURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.com/builds/summer.zip?sign=1": "",
		"ftp://example.com/summer.zip":                 "InvalidParameterValue",
		"summer.zip":                                   "InvalidParameterValue",
	} {
		c := connect(t, carsim.World{NameAfterUpload: carsim.NameReplaced})
		id := c.create("app-desktop", "a.zip")
		if got := c.snapshot("app-desktop", url); got != want {
			t.Errorf("%s: got code %q, want %q", url, got, want)
		}
		if want != "" {
			continue
		}
		versions := c.sim.Versions("app-desktop")
		if got := versions[len(versions)-1]; got.ID != id || got.Name != "summer" || got.Status != carsim.Normal {
			t.Errorf("%s: got %+v, want %s named summer, Normal", url, got, id)
		}
	}
}

// Rolling back puts a former version online again.
func TestRollback(t *testing.T) {
	c := connect(t, carsim.World{})
	c.must("SetApplicationVersionOnline", map[string]any{"ApplicationId": "app-full", "ApplicationVersionId": "ver-full5"})
	var got []string
	for _, v := range c.sim.Versions("app-full") {
		got = append(got, v.Status)
	}
	if diff := cmp.Diff([]string{"Usable", "Usable", "Usable", "Usable", "Inuse"}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestReadWorld(t *testing.T) {
	base := carsim.World{ProcessingTime: 2 * time.Second, Faults: []carsim.Fault{{Action: "cos:PutObject", Kind: carsim.Refuse, Code: "SlowDown"}}}
	got, err := carsim.ReadWorld([]byte(`{
		"DeleteTime": "90s",
		"CreateWhileNormal": "allowed",
		"Applications": [{
			"ID": "app-x", "InterList": "a.exe|b.exe", "Params": "-one", "BaseInfo": {"WindowUseType": "ApplicationWindow"}, "Nature": "PUBLIC",
			"Stores": [{"CosBucket": "logs-1", "StoreType": "LOG", "StoreState": "ON"}],
			"Versions": [{"ID": "ver-x", "Status": "Inuse", "Age": "3h"}]
		}],
		"Projects": [{"ID": "cap-x", "Application": "app-x", "Type": "S1", "Preload": true}],
		"ApplicationLimit": 3, "ProjectPage": 20,
		"Increment": "overlay", "DuplicateName": "refused", "NameFilter": "contains", "CreatedBaseInfo": "null", "EmptyRunStatus": "no-configured",
		"OmittedBaseInfo": "cleared", "EmptyStartPath": "done", "EmptyCaptureMode": "hook", "StartPathOfBase": "checked", "ProjectIDFilter": "matched",
		"Faults": [{"Action": "CreateApplicationVersion", "Nth": 2, "Kind": "delay", "Delay": "1m"}]
	}`), base)
	if err != nil {
		t.Fatal(err)
	}
	want := carsim.World{
		ProcessingTime: 2 * time.Second, DeleteTime: 90 * time.Second, CreateWhileNormal: carsim.CreateAllowed,
		Applications: []carsim.Application{{
			ID: "app-x", InterList: "a.exe|b.exe", Params: "-one", BaseInfo: carsim.BaseInfo{WindowUseType: "ApplicationWindow"}, Nature: "PUBLIC",
			Stores:   []carsim.Store{{CosBucket: "logs-1", StoreType: "LOG", StoreState: "ON"}},
			Versions: []carsim.Version{{ID: "ver-x", Status: carsim.Inuse, Age: 3 * time.Hour}},
		}},
		Projects:         []carsim.Project{{ID: "cap-x", Application: "app-x", Type: "S1", Preload: true}},
		ApplicationLimit: 3, ProjectPage: 20,
		Increment: carsim.IncrementOverlay, DuplicateName: carsim.DuplicateRefused, NameFilter: carsim.NameContains,
		CreatedBaseInfo: carsim.CreatedNull, EmptyRunStatus: carsim.EmptyNoConfigured, OmittedBaseInfo: carsim.OmittedCleared,
		EmptyStartPath: carsim.Done, EmptyCaptureMode: carsim.CaptureHook, StartPathOfBase: carsim.BaseChecked, ProjectIDFilter: carsim.ProjectIDMatched,
		Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Nth: 2, Kind: carsim.Delay, Delay: time.Minute}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("world (-want +got):\n%s", diff)
	}
	if kept, err := carsim.ReadWorld([]byte(`{}`), base); err != nil || len(kept.Faults) != 1 {
		t.Errorf("got %v and %v for an empty text, want the base", kept.Faults, err)
	}
}

func TestReadWorldRefuses(t *testing.T) {
	for text, wants := range map[string][]string{
		`{"Procesing": "2s"}`:                                                       {`"Procesing"`, "ProcessingTime, DeleteTime"},
		`{"Faults": [{"Aktion": "x"}]}`:                                             {`"Aktion"`, "Fault has these: Action, Nth, Kind"},
		`{"Applications": [{"Id": "app-x", "Exe": ""}]}`:                            {`"Exe"`, "StartPath"},
		`{"Applications": [{"Versions": [{"State": ""}]}]}`:                         {`"State"`, "UpdateMode"},
		`{"Keys": [{"Id": ""}]}`:                                                    {`"Id"`, "SecretID"},
		`{"Projects": [{"ProjectId": ""}]}`:                                         {`"ProjectId"`, "Project has these: ID, Application"},
		`{"Projects": [{"ID": "p", "Type": "XXL"}]}`:                                {"Type of p", `"MM1_FHD"`},
		`{"Projects": [{"ID": "p", "Status": "online"}]}`:                           {"Status of p", `"NoConcurrent"`},
		`{"Projects": [{"ID": "p", "Kind": "OPEN"}]}`:                               {"Kind of p", `"SHARED"`},
		`{"Projects": [{"ID": "p", "Category": "WEB"}]}`:                            {"Category of p", `"MOBILE"`},
		`{"Projects": [{"ID": "p", "Purpose": "FUN"}]}`:                             {"Purpose of p", `"EXPERIENCE"`},
		`{"Applications": [{"BaseInfo": {"Window": ""}}]}`:                          {`"Window"`, "BaseInfo has these: WindowUseType"},
		`{"Applications": [{"Stores": [{"Bucket": ""}]}]}`:                          {`"Bucket"`, "Store has these: CosBucket"},
		`{"Applications": [{"ID": "a", "Stores": [{}]}]}`:                           {"StoreType of a", `"LOG"`},
		`{"Applications": [{"ID": "a", "Nature": "private"}]}`:                      {"Nature of a", `"PUBLIC"`},
		`{"Applications": [{"ID": "a", "BaseInfo": {"WindowUseType": "Desktop"}}]}`: {"WindowUseType of a", `"ApplicationWindow"`},
		`{"Increment": "delta"}`:                                                    {"Increment", `"whole" "overlay" "fails"`},
		`{"NameFilter": "regexp"}`:                                                  {"NameFilter", `"exact" "contains"`},
		`{"Intrusions": [{"Who": ""}]}`:                                             {`"Who"`, "Does"},
		`{"DeleteInuse": "maybe"}`:                                                  {"DeleteInuse", `"maybe"`, `"done" "denied"`},
		`{"Applications": [{"ID": "a", "Fate": "luck"}]}`:                           {"Fate of a", `"fails"`},
		`{"Applications": [{"Versions": [{"ID": "v"}]}]}`:                           {"Status of v", `"Inuse"`},
		`{"Faults": [{"Action": "cos:Put", "Kind": "refuse"}]}`:                     {`"cos:Put"`, `"cos:PutObject"`},
		`{"Faults": [{"Action": "cos:PutObject", "Kind": "break"}]}`:                {`"break"`, `"drop-after"`},
		`{"Intrusions": [{"Action": "cos:PutObject"}]}`:                             {"Does of an intrusion", "releases-version"},
		`{"DeleteTime": "soon"}`:                                                    {"soon"},
		`[]`:                                                                        {"read world"},
	} {
		_, err := carsim.ReadWorld([]byte(text), carsim.World{})
		if err == nil {
			t.Errorf("%s: got no error, want one", text)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %q, want %q in it", text, err, want)
			}
		}
	}
}
