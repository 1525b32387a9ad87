package carsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"

	"github.com/car-publish/car-publish/internal/carsim"
)

// The published samples: the answers have the same fields, and the same
// values wherever those are not made up.
func TestSamples(t *testing.T) {
	const versionSample = `{"ApplicationVersionId":"ver-qi5inuk4","ApplicationVersionName":"test","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionSize":0,"ApplicationVersionStatus":"%","ApplicationVersionUpdateMode":"","CreateTime":"2024-12-23T11:13:55Z"}`
	created := strings.Replace(versionSample, "%", "Creating", 1)
	steps := []struct {
		action, request, answer string
		madeUp                  []string // fields whose values we cannot foretell
	}{
		{
			"CreateApplicationVersion",
			`{"ApplicationId":"app-a1b2c3d4","ApplicationFileName":"test.zip","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionUpdateMode":"FULL"}`,
			`{"Version":` + strings.Replace(created, `UpdateMode":""`, `UpdateMode":"FULL"`, 1) + `,"RequestId":""}`,
			[]string{"ApplicationVersionId", "CreateTime"},
		},
		{
			"DescribeCosCredential",
			`{"ApplicationId":"app-a1b2c3d4","ApplicationFileName":"test.zip"}`,
			`{"SecretID":"","SecretKey":"","SessionToken":"","CosBucket":"application-test-1300543887","CosRegion":"ap-guangzhou","Path":"/1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip","StartTime":1734950306,"ExpiredTime":1734971906,"RequestId":""}`,
			[]string{"SecretID", "SecretKey", "SessionToken", "Path", "StartTime", "ExpiredTime"},
		},
		{
			"CreateApplicationSnapshot",
			`{"ApplicationId":"app-a1b2c3d4","ApplicationDownloadUrl":"https://example.com/test.zip"}`,
			`{"RequestId":""}`, nil,
		},
		{
			"SetApplicationVersionOnline",
			`{"ApplicationId":"app-steam","ApplicationVersionId":"ver-qi5inuk4"}`,
			`{"Versions":[
				{"ApplicationVersionId":"ver-855fr3i4","ApplicationVersionName":"steamvr","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionSize":5612961473,"ApplicationVersionStatus":"Usable","ApplicationVersionUpdateMode":"FULL","CreateTime":""},
				{"ApplicationVersionId":"ver-qi5inuk4","ApplicationVersionName":"test","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionSize":7,"ApplicationVersionStatus":"Inuse","ApplicationVersionUpdateMode":"FULL","CreateTime":""}],"RequestId":""}`,
			[]string{"CreateTime"},
		},
		{
			"DescribeApplicationStatus",
			`{"ApplicationIdList":["app-steam"]}`,
			`{"StatusList":[{"ApplicationId":"app-steam","ApplicationRunStatus":"ApplicationRunning","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationUpdateProgress":100}],"RequestId":""}`, nil,
		},
		{
			"DescribeApplicationPathList",
			`{"ApplicationId":"app-steam"}`,
			`{"PathList":["AppXR\\CLOUD\\UnityCrashHandler64.exe","AppXR\\CLOUD\\XR CLOUD.exe"],"RequestId":""}`, nil,
		},
		{
			"DescribeApplicationVersion",
			`{"ApplicationId":"app-empty"}`,
			`{"Versions":[],"RequestId":""}`, nil,
		},
		{"ModifyApplicationVersion", `{"ApplicationId":"app-steam","ApplicationVersionId":"ver-855fr3i4","ApplicationVersionName":"old"}`, `{"RequestId":""}`, nil},
		{"DeleteApplicationVersion", `{"ApplicationId":"app-steam","ApplicationVersionId":"ver-855fr3i4"}`, `{"RequestId":""}`, nil},
		{
			"DescribeApplicationList",
			`{"Offset":0,"Limit":1,"Filters":[{"Name":"ApplicationId","Values":["app-empty","app-apk"]}],"ApplicationCategory":"DESKTOP"}`,
			`{"ApplicationTotal":1,"UserMobileApplicationList":[],"UserApplicationList":[{"ApplicationId":"app-empty","ApplicationName":"Empty","ApplicationType":"Application3D","ApplicationExePath":"CloudXR\\test.exe","ApplicationInterList":"test.exe","ApplicationParams":"","ApplicationRunStatus":"ApplicationNoPackage","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationUpdateProgress":100,"ApplicationCreateTime":"","ApplicationVersions":[],"ApplicationBaseInfo":{"WindowUseType":"ApplicationDesktop","WindowName":"","WindowClassName":"","WindowCaptureMode":"HOOK"},"ApplicationNature":"PRIVATE","ApplicationStores":[]}],"RequestId":""}`,
			[]string{"ApplicationCreateTime"},
		},
		{
			"DescribeApplicationList",
			`{"Offset":0,"Limit":1,"ApplicationCategory":"MOBILE"}`,
			`{"ApplicationTotal":1,"UserApplicationList":[],"UserMobileApplicationList":[{"ApplicationId":"app-apk","ApplicationName":"APK","ApplicationType":"ApplicationAPK","ApplicationRunStatus":"ApplicationRunning","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationCreateTime":"","ApplicationNature":"PRIVATE","ApplicationVersions":[{"ApplicationVersionId":"ver-apk","ApplicationVersionName":"one","ApplicationVersionRegions":null,"ApplicationVersionSize":0,"ApplicationVersionStatus":"Inuse","ApplicationVersionUpdateMode":"","CreateTime":""}]}],"RequestId":""}`,
			[]string{"ApplicationCreateTime", "CreateTime"},
		},
		{"CreateApplication", `{"ApplicationName":"xxx","ApplicationType":"Application3D"}`, `{"ApplicationId":"app-xkfad8s7","RequestId":""}`, []string{"ApplicationId"}},
		{
			"ModifyApplicationBaseInfo",
			`{"ApplicationId":"app-lxfdfwf","ApplicationName":"testname","ApplicationExePath":"App/bin/test.exe","ApplicationInterList":"test.exe|xxx.exe","ApplicationParams":"-b -param",
				"ApplicationBaseInfo":{"WindowUseType":"ApplicationDesktop","WindowName":"xxx","WindowClassName":"xxx","WindowCaptureMode":""},
				"ApplicationStores":[{"CosBucket":"bucket-123456","CosRegion":"ap-guangzhou","StoreType":"ARCHIVE","StoreState":"OFF","StorePath":"xxx"},{"CosBucket":"bucket-123456","CosRegion":"ap-guangzhou","StoreType":"LOG","StoreState":"ON","StorePath":"xxx"}]}`,
			`{"RequestId":""}`, nil,
		},
		{
			"DescribeApplicationList", // every field of the sample before has arrived
			`{"Offset":0,"Limit":1,"Filters":[{"Name":"ApplicationId","Values":["app-lxfdfwf"]}]}`,
			`{"ApplicationTotal":1,"UserMobileApplicationList":[],"UserApplicationList":[{"ApplicationId":"app-lxfdfwf","ApplicationName":"testname","ApplicationType":"ApplicationXR","ApplicationExePath":"App/bin/test.exe","ApplicationInterList":"test.exe|xxx.exe","ApplicationParams":"-b -param","ApplicationRunStatus":"ApplicationNoPackage","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationUpdateProgress":100,"ApplicationCreateTime":"","ApplicationVersions":[],
				"ApplicationBaseInfo":{"WindowUseType":"ApplicationDesktop","WindowName":"xxx","WindowClassName":"xxx","WindowCaptureMode":""},"ApplicationNature":"PRIVATE",
				"ApplicationStores":[{"CosBucket":"bucket-123456","CosRegion":"ap-guangzhou","StoreType":"ARCHIVE","StoreState":"OFF","StorePath":"xxx"},{"CosBucket":"bucket-123456","CosRegion":"ap-guangzhou","StoreType":"LOG","StoreState":"ON","StorePath":"xxx"}]}],"RequestId":""}`,
			[]string{"ApplicationCreateTime"},
		},
		{
			"DescribeApplicationProjects", // the sample, with the category that it lacks and the total that it has wrong
			`{}`,
			`{"Projects":[{"ProjectId":"cap-a1b2c3","ApplicationId":"app-a1b2c3d4","ApplicationName":"Test","Name":"","Description":"app","Type":"XL2","IsPreload":true,"Amount":0,"Using":0,"ApplicationStatus":"NoConcurrent","ProjectType":"SHARED","ProjectCategory":"DESKTOP","Purpose":"EXPERIENCE","Resolution":"1920x1080",
				"ApplicationParams":"","ApplicationRegions":["ap-chinese-mainland","na-north-america-fusion"],"ConcurrentRegions":["ap-chinese-mainland","na-north-america-fusion"],"CreateTime":"2020-09-22T00:00:00+00:00"}],"Total":1,"RequestId":""}`,
			nil,
		},
	}
	regions := []string{"ap-chinese-mainland", "na-north-america-fusion"}
	c := connect(t, carsim.World{Projects: []carsim.Project{{
		ID: "cap-a1b2c3", Application: "app-a1b2c3d4", Description: "app", Preload: true, Kind: "SHARED", Purpose: "EXPERIENCE",
		Resolution: "1920x1080", ApplicationRegions: regions, ConcurrentRegions: regions,
	}}, Applications: []carsim.Application{
		{ID: "app-a1b2c3d4", Name: "Test"},
		{ID: "app-lxfdfwf", Name: "XR", Type: "ApplicationXR"},
		{
			ID: "app-steam", Name: "Steam", StartPath: "AppXR/CLOUD/XR CLOUD.exe",
			PathList: []string{`AppXR\CLOUD\UnityCrashHandler64.exe`, `AppXR\CLOUD\XR CLOUD.exe`},
			Versions: []carsim.Version{
				{ID: "ver-855fr3i4", Name: "steamvr", Status: carsim.Inuse, Size: 5612961473, Age: time.Hour},
				{ID: "ver-qi5inuk4", Name: "test", Status: carsim.Normal, Size: 7},
			},
		},
		{ID: "app-empty", Name: "Empty", StartPath: `CloudXR\test.exe`},
		{ID: "app-apk", Name: "APK", Type: "ApplicationAPK", Versions: []carsim.Version{{ID: "ver-apk", Name: "one", Status: carsim.Inuse}}},
	}})
	for _, step := range steps {
		t.Run(step.action, func(t *testing.T) {
			var request, want map[string]any
			decode(t, step.request, &request)
			decode(t, step.answer, &want)
			got := c.must(step.action, request)
			id, _ := got["RequestId"].(string)
			if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
				t.Errorf("got RequestId %q, want a UUID", id)
			}
			ignored := cmp.FilterPath(func(p cmp.Path) bool {
				key, ok := p.Last().(cmp.MapIndex)
				return ok && slices.Contains(append(step.madeUp, "RequestId"), key.Key().String())
			}, cmp.Comparer(func(a, b any) bool { return a != nil && b != nil }))
			if diff := cmp.Diff(want, got, ignored); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// roundTripper changes requests on their way.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// changing returns the client with something on the way that changes signed
// requests.
func (c client) changing(change func(*http.Request)) *client {
	next := c.transport
	c.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		change(r)
		return next.RoundTrip(r)
	})
	return &c
}

func TestAuthentication(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	at := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	tests := map[string]struct {
		client func(c *client) *client
		stamp  string // X-TC-Timestamp before signing
		want   string
	}{
		"the account's key": {want: ""},
		"a wrong key": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			c.keys = common.NewCredential(carsim.SecretID, "wrong")
			return c
		}},
		"an unknown key":          {want: "AuthFailure.SecretIdNotFound", client: func(c *client) *client { return c.as("AKIDnobody", "") }},
		"a key of the other site": {want: "AuthFailure.SecretIdNotFound", client: func(c *client) *client { return c.as(carsim.OtherSiteSecretID, "") }},
		"that key on its own site": {want: "", client: func(c *client) *client {
			c.host = "car.intl.tencentcloudapi.com"
			return c.as(carsim.OtherSiteSecretID, "")
		}},
		"a regional host":              {want: "", client: func(c *client) *client { c.host = "car.ap-guangzhou.tencentcloudapi.com"; return c }},
		"a temporary key":              {want: "", client: func(c *client) *client { return c.as(carsim.TemporarySecretID, carsim.SessionToken) }},
		"a wrong token":                {want: "AuthFailure.TokenFailure", client: func(c *client) *client { return c.as(carsim.TemporarySecretID, "wrong") }},
		"no token":                     {want: "AuthFailure.TokenFailure", client: func(c *client) *client { return c.as(carsim.TemporarySecretID, "") }},
		"an expired token":             {want: "AuthFailure.TokenFailure", client: func(c *client) *client { return c.as(carsim.ExpiredSecretID, carsim.SessionToken) }},
		"a token with a permanent key": {want: "AuthFailure.TokenFailure", client: func(c *client) *client { return c.as(carsim.SecretID, "token") }},
		"a clock just in time":         {want: "", stamp: at(-4 * time.Minute)},
		"an old timestamp":             {want: "AuthFailure.SignatureExpire", stamp: at(-6 * time.Minute)},
		"a timestamp of the future":    {want: "AuthFailure.SignatureExpire", stamp: at(6 * time.Minute)},
		"a changed timestamp": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			return c.changing(header("X-TC-Timestamp", at(-time.Minute)))
		}},
		"a changed body": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			return c.changing(func(r *http.Request) {
				r.Body = io.NopCloser(strings.NewReader(`{"ApplicationId":"app-full"}`))
				r.ContentLength = 28
			})
		}},
		"a changed content type": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			return c.changing(header("Content-Type", "application/json; charset=utf-16"))
		}},
		"a changed host": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			return c.changing(func(r *http.Request) { r.Host = "car.ap-tokyo.tencentcloudapi.com" })
		}},
		"the scope of another service": {want: "AuthFailure.SignatureFailure", client: func(c *client) *client {
			return c.changing(func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/car/", "/cvm/", 1))
			})
		}},
		"no signature": {want: "AuthFailure.InvalidAuthorization", client: func(c *client) *client {
			return c.changing(header("Authorization", "SKIP"))
		}},
		"another version of the API": {want: "NoSuchVersion", client: func(c *client) *client {
			return c.changing(header("X-TC-Version", "2017-03-12"))
		}},
		"no version": {want: "MissingParameter", client: func(c *client) *client {
			return c.changing(func(r *http.Request) { r.Header.Del("X-TC-Version") })
		}},
		"another content type": {want: "InvalidRequest", client: func(c *client) *client {
			return c.changing(header("Content-Type", "text/plain"))
		}},
		"another path": {want: "InvalidRequest", client: func(c *client) *client {
			return c.changing(func(r *http.Request) { r.URL.Path = "/v2/" })
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := connect(t, carsim.World{})
			if test.client != nil {
				c = test.client(c)
			}
			var headers []string
			if test.stamp != "" {
				headers = []string{"X-TC-Timestamp", test.stamp}
			}
			_, err := c.do("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"}, headers...)
			if got := code(t, err); got != test.want {
				t.Errorf("got code %q, want %q (%v)", got, test.want, err)
			}
		})
	}
}

// A key that may only look can neither change anything nor upload.
func TestPermissions(t *testing.T) {
	c := connect(t, carsim.World{}).as(carsim.ReadOnlySecretID, "")
	version := map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": "ver-desktop1"}
	for action, params := range map[string]map[string]any{
		"SetApplicationVersionOnline": version,
		"DeleteApplicationVersion":    version,
		"ModifyApplicationVersion":    version,
		"CreateApplicationVersion":    {"ApplicationId": "app-desktop", "ApplicationFileName": "a.zip"},
		"DescribeCosCredential":       {"ApplicationId": "app-desktop"},
		"CreateApplication":           {"ApplicationName": "Tide", "ApplicationType": "Application3D"},
		"ModifyApplicationBaseInfo":   base(nil),
	} {
		if got := c.refused(action, params); got != "UnauthorizedOperation" {
			t.Errorf("%s: got code %q, want UnauthorizedOperation", action, got)
		}
	}
	if got := c.refused("DescribeApplicationList", map[string]any{"Offset": 0, "Limit": 10}); got != "" {
		t.Errorf("DescribeApplicationList: got code %q, want none", got)
	}
}

func TestParameters(t *testing.T) {
	tests := map[string]struct {
		action string
		params map[string]any
		want   string
	}{
		"an unknown action":         {"CreateApplicationVersions", nil, "InvalidAction"},
		"an unknown parameter":      {"DescribeApplicationVersion", map[string]any{"ApplicationId": "app-full", "Limit": 1}, "UnknownParameter"},
		"a missing parameter":       {"DescribeApplicationVersion", map[string]any{}, "MissingParameter"},
		"null is missing":           {"DescribeApplicationVersion", map[string]any{"ApplicationId": nil}, "MissingParameter"},
		"a number for a string":     {"DescribeApplicationVersion", map[string]any{"ApplicationId": 7}, "InvalidParameter"},
		"a string for a number":     {"DescribeApplicationList", map[string]any{"Offset": "0", "Limit": 1}, "InvalidParameter"},
		"a string for a list":       {"DescribeApplicationStatus", map[string]any{"ApplicationIdList": "app-full"}, "InvalidParameter"},
		"a string for a filter":     {"DescribeApplicationList", map[string]any{"Offset": 0, "Limit": 1, "Filters": []string{"x"}}, "InvalidParameter"},
		"an empty list":             {"DescribeApplicationStatus", map[string]any{"ApplicationIdList": []string{}}, "InvalidParameterValue"},
		"an unknown filter":         {"DescribeApplicationList", map[string]any{"Offset": 0, "Limit": 1, "Filters": []map[string]any{{"Name": "Color", "Values": []string{"red"}}}}, "InvalidParameterValue"},
		"an unknown category":       {"DescribeApplicationList", map[string]any{"Offset": 0, "Limit": 1, "ApplicationCategory": "desktop"}, "InvalidParameterValue"},
		"a negative limit":          {"DescribeApplicationList", map[string]any{"Offset": 0, "Limit": -1}, "InvalidParameterValue"},
		"an unknown application":    {"DescribeApplicationVersion", map[string]any{"ApplicationId": "app-nope"}, "FailedOperation.ApplicationNotFind"},
		"an unknown version":        {"DeleteApplicationVersion", map[string]any{"ApplicationId": "app-full", "ApplicationVersionId": "ver-nope"}, "InvalidParameterValue"},
		"another's version":         {"DeleteApplicationVersion", map[string]any{"ApplicationId": "app-full", "ApplicationVersionId": "ver-desktop1"}, "InvalidParameterValue"},
		"an unknown path version":   {"DescribeApplicationPathList", map[string]any{"ApplicationId": "app-full", "ApplicationVersionId": "ver-nope"}, "InvalidParameter"},
		"an unknown update mode":    {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a.zip", "ApplicationVersionUpdateMode": "full"}, "InvalidParameterValue"},
		"an apk for a desktop app":  {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a.apk"}, "InvalidParameterValue"},
		"a 7z for a mobile app":     {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-mobile", "ApplicationFileName": "a.7z"}, "InvalidParameterValue"},
		"no file name":              {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": ".zip"}, "InvalidParameterValue"},
		"a path for a name":         {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a/b.zip"}, "InvalidParameterValue"},
		"an upper-case extension":   {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a.ZIP"}, ""},
		"credentials for nothing":   {"DescribeCosCredential", map[string]any{"ApplicationId": "app-desktop"}, "OperationDenied"},
		"a snapshot of nothing":     {"CreateApplicationSnapshot", map[string]any{"ApplicationId": "app-desktop", "ApplicationDownloadUrl": ""}, "OperationDenied"},
		"a version too many":        {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-full", "ApplicationFileName": "a.zip"}, "OperationDenied.VersionLimitExceeded"},
		"one before waits":          {"CreateApplicationVersion", map[string]any{"ApplicationId": "app-waiting", "ApplicationFileName": "a.zip"}, "OperationDenied"},
		"a name that is too long":   {"CreateApplication", map[string]any{"ApplicationName": "a2345678901234567", "ApplicationType": "Application3D"}, "InvalidParameterValue"},
		"no name":                   {"CreateApplication", map[string]any{"ApplicationName": "", "ApplicationType": "Application3D"}, "InvalidParameterValue"},
		"a blank in a name":         {"CreateApplication", map[string]any{"ApplicationName": "Ocean 2", "ApplicationType": "Application3D"}, "InvalidParameterValue"},
		"a letter with an accent":   {"CreateApplication", map[string]any{"ApplicationName": "Océan", "ApplicationType": "Application3D"}, "InvalidParameterValue"},
		"16 characters":             {"CreateApplication", map[string]any{"ApplicationName": "海洋-Ocean-2026-海洋", "ApplicationType": "ApplicationAPK"}, ""},
		"an application of the Web": {"CreateApplication", map[string]any{"ApplicationName": "Ocean", "ApplicationType": "ApplicationWeb"}, "InvalidParameterValue"},
		"no type":                   {"CreateApplication", map[string]any{"ApplicationName": "Ocean"}, "MissingParameter"},
		"a client token":            {"CreateApplication", map[string]any{"ApplicationName": "Ocean", "ApplicationType": "Application3D", "ClientToken": "x"}, "UnknownParameter"},
		"a type that is a number":   {"CreateApplication", map[string]any{"ApplicationName": "Ocean", "ApplicationType": 3}, "InvalidParameter"},
		"a base":                    {"ModifyApplicationBaseInfo", base(nil), ""},
		"no base info":              {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": nil}), "MissingParameter"},
		"no process list":           {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationInterList": nil}), "MissingParameter"},
		"no window use":             {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowName": "x"}}), "MissingParameter"},
		"base info as text":         {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": "ApplicationDesktop"}), "InvalidParameter"},
		"a number as window use":    {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowUseType": 1}}), "InvalidParameter"},
		"an unknown window use":     {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowUseType": "Desktop"}}), "InvalidParameterValue"},
		"an unknown capture mode":   {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationWindow", "WindowCaptureMode": "hook"}}), "InvalidParameterValue"},
		"a compatible capture mode": {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationWindow", "WindowCaptureMode": "DDA_CUT", "WindowName": nil}}), ""},
		"an unknown window field":   {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationDesktop", "Window": "x"}}), "UnknownParameter"},
		"a version of a base":       {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationVersionId": "ver-desktop1"}), "UnknownParameter"},
		"one store, not a list":     {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": map[string]any{"StoreType": "LOG"}}), "InvalidParameter"},
		"a store that is text":      {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{"LOG"}}), "InvalidParameter"},
		"a store that is null":      {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{nil}}), "InvalidParameter"},
		"an unknown store field":    {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{map[string]any{"StoreType": "LOG", "StoreState": "ON", "Bucket": "x"}}}), "UnknownParameter"},
		"an unknown store type":     {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{map[string]any{"StoreType": "log", "StoreState": "ON"}}}), "InvalidParameterValue"},
		"an unknown store state":    {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{map[string]any{"StoreType": "LOG", "StoreState": "on"}}}), "InvalidParameterValue"},
		"no stores":                 {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationStores": []any{}}), ""},
		"a base of an unknown app":  {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": "app-nope"}), "FailedOperation.ApplicationNotFind"},
		"a base of a mobile app":    {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationId": "app-mobile"}), "InvalidParameterValue"},
		"a new name that is wrong":  {"ModifyApplicationBaseInfo", base(map[string]any{"ApplicationName": "Ocean 2"}), "InvalidParameterValue"},
		"all projects":              {"DescribeApplicationProjects", map[string]any{}, ""},
		"a negative project offset": {"DescribeApplicationProjects", map[string]any{"Offset": -1}, "InvalidParameterValue"},
		"an unknown project kind":   {"DescribeApplicationProjects", map[string]any{"ProjectCategory": "desktop"}, "InvalidParameterValue"},
		"an unknown project filter": {"DescribeApplicationProjects", map[string]any{"Filters": filter("Type", "XL2")}, "InvalidParameterValue"},
		"a category of the list":    {"DescribeApplicationProjects", map[string]any{"ApplicationCategory": "DESKTOP"}, "UnknownParameter"},
		"what is online is deleted": {"DeleteApplicationVersion", map[string]any{"ApplicationId": "app-waiting", "ApplicationVersionId": "ver-waiting1"}, "OperationDenied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := connect(t, carsim.World{}).refused(test.action, test.params); got != test.want {
				t.Errorf("got code %q, want %q", got, test.want)
			}
		})
	}
}

// base is a good request of ModifyApplicationBaseInfo, with some parameters
// changed.
func base(changes map[string]any) map[string]any {
	params := map[string]any{
		"ApplicationId": "app-desktop", "ApplicationExePath": "Game/Other.exe", "ApplicationInterList": "Other.exe",
		"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationWindow"},
	}
	maps.Copy(params, changes)
	return params
}

func TestListApplications(t *testing.T) {
	tests := map[string]struct {
		world  carsim.World
		params map[string]any
		want   string // ids, and the total
	}{
		"all":             {carsim.World{}, map[string]any{"Offset": 0, "Limit": 100}, "app-desktop app-noconfig app-full app-waiting app-failing app-mobile 6"},
		"desktop":         {carsim.World{OmittedCategory: carsim.CategoryDesktop}, map[string]any{"Offset": 0, "Limit": 100}, "app-desktop app-noconfig app-full app-waiting app-failing 5"},
		"mobile":          {carsim.World{}, map[string]any{"Offset": 0, "Limit": 100, "ApplicationCategory": "MOBILE"}, "app-mobile 1"},
		"a page":          {carsim.World{}, map[string]any{"Offset": 3, "Limit": 2}, "app-full app-waiting 6"},
		"past the end":    {carsim.World{}, map[string]any{"Offset": 9, "Limit": 2}, "6"},
		"by id":           {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationId", "app-full")}, "app-full 1"},
		"an unknown one":  {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationId", "app-nope")}, "0"},
		"by part of name": {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationName", "Ocean")}, "app-desktop 1"},
		"by any part":     {carsim.World{NameFilter: carsim.NameContains}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationName", "Ocean")}, "app-desktop app-mobile 2"},
		"by part of id":   {carsim.World{NameFilter: carsim.NameContains}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationId", "app")}, "0"},
		"by name":         {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationName", "Delta")}, "app-waiting 1"},
		"by run status":   {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationRunStatus", "ApplicationNoPackage")}, "app-noconfig 1"},
		"by another":      {carsim.World{EmptyRunStatus: carsim.EmptyNoConfigured}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationRunStatus", "ApplicationNoConfigured")}, "app-noconfig 1"},
		"by what to wait": {carsim.World{}, map[string]any{"Offset": 0, "Limit": 9, "Filters": filter("ApplicationUpdateStatus", "ApplicationUpdateNoReleased")}, "app-waiting 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := connect(t, test.world).must("DescribeApplicationList", test.params)
			var got []string
			for _, list := range []string{"UserApplicationList", "UserMobileApplicationList"} {
				for _, app := range answer[list].([]any) {
					got = append(got, app.(map[string]any)["ApplicationId"].(string))
				}
			}
			got = append(got, strconv.Itoa(int(answer["ApplicationTotal"].(float64))))
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func filter(name, value string) []map[string]any {
	return []map[string]any{{"Name": name, "Values": []string{value}}}
}

func TestLanguage(t *testing.T) {
	for language, want := range map[string]string{"en-US": "does not exist", "zh-CN": "应用不存在"} {
		c := connect(t, carsim.World{}).changing(func(r *http.Request) { r.Header.Set("X-TC-Language", language) })
		_, err := c.do("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-nope"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", language, err, want)
		}
	}
}

// Errors come with status 200, a Date and a RequestId of their own.
func TestErrorForm(t *testing.T) {
	sim := carsim.New(carsim.World{})
	ids := map[string]bool{}
	for range 2 {
		request := httptest.NewRequest(http.MethodPost, "https://car.tencentcloudapi.com/", bytes.NewReader([]byte("{}")))
		request.Header = http.Header{"Content-Type": {"application/json"}, "X-Tc-Action": {"DescribeApplicationList"}, "X-Tc-Version": {"2022-01-10"}, "X-Tc-Timestamp": {"1"}}
		answer := httptest.NewRecorder()
		sim.ServeHTTP(answer, request)
		var body struct {
			Response struct {
				Error     struct{ Code, Message string }
				RequestID string `json:"RequestId"`
			}
		}
		decode(t, answer.Body.String(), &body)
		if answer.Code != http.StatusOK || body.Response.Error.Code != "AuthFailure.SignatureExpire" || body.Response.Error.Message == "" {
			t.Errorf("got status %d and %+v, want 200 and AuthFailure.SignatureExpire", answer.Code, body)
		}
		if _, err := http.ParseTime(answer.Header().Get("Date")); err != nil {
			t.Errorf("got Date %q, want one", answer.Header().Get("Date"))
		}
		ids[body.Response.RequestID] = true
	}
	if len(ids) != 2 {
		t.Errorf("got RequestIds %v, want two different ones", slices.Sorted(maps.Keys(ids)))
	}
}
