package car_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// recorder keeps the one request and gives the one answer.
type recorder struct {
	answer string
	header http.Header
	host   string
	body   string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	b, _ := io.ReadAll(req.Body)
	r.header, r.body, r.host = req.Header, string(b), req.Host
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.answer))}, nil
}

func client(r *recorder, change ...func(*car.Config)) *car.Client {
	c := car.Config{
		Site: "china", Language: "en-US", Transport: r, Retry: retry.Policy{Attempts: 1},
		Credentials: func(context.Context) (cloudapi.Credentials, error) {
			return cloudapi.Credentials{SecretID: secret.New("AKIDexample"), SecretKey: secret.New("key"), Token: secret.New("token")}, nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	return car.New(c)
}

func stamp(s string) car.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return car.Time{Time: t}
}

// Each case is the sample of the action's page.
func TestSamples(t *testing.T) {
	steamvr := car.Version{ID: "ver-855fr3i4", Name: "steamvr", Regions: []string{"ap-chinese-mainland"}, Size: 5612961473, Status: car.Usable, CreateTime: stamp("2023-05-25T09:22:10Z")}
	const steamvrJSON = `{"ApplicationVersionId":"ver-855fr3i4","ApplicationVersionName":"steamvr","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionSize":5612961473,"ApplicationVersionStatus":"Usable","ApplicationVersionUpdateMode":"","CreateTime":"2023-05-25T09:22:10Z"}`
	for _, test := range []struct {
		action   string
		call     func(context.Context, *car.Client) (any, string, error)
		request  string
		response string
		want     any
	}{
		{
			"CreateApplicationVersion",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.CreateApplicationVersion(ctx, car.CreateVersionRequest{
					ApplicationID: "app-a1b2c3d4", FileName: "test.zip", Regions: []string{"ap-chinese-mainland"}, UpdateMode: "FULL",
				}))
			},
			`{"ApplicationId":"app-a1b2c3d4","ApplicationFileName":"test.zip","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionUpdateMode":"FULL"}`,
			`{"Response":{"Version":{"ApplicationVersionId":"ver-ug59y45y","ApplicationVersionName":"test","ApplicationVersionRegions":["ap-chinese-mainland"],"ApplicationVersionSize":0,"ApplicationVersionStatus":"Creating","ApplicationVersionUpdateMode":"FULL","CreateTime":"2024-12-23T11:13:55Z"},"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			car.Version{ID: "ver-ug59y45y", Name: "test", Regions: []string{"ap-chinese-mainland"}, Status: car.Creating, UpdateMode: "FULL", CreateTime: stamp("2024-12-23T11:13:55Z")},
		},
		{
			"DescribeApplicationVersion",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.DescribeApplicationVersion(ctx, "app-a1b2c3d4"))
			},
			`{"ApplicationId":"app-a1b2c3d4"}`,
			`{"Response":{"Versions":[` + steamvrJSON + `,{"ApplicationVersionId":"ver-m","ApplicationVersionName":"apk","ApplicationFileName":"","ApplicationVersionRegions":null,"ApplicationVersionSize":0,"ApplicationVersionStatus":"Uploading","ApplicationVersionUpdateMode":null,"CreateTime":"2022-02-15T01:51:55.786Z"}],"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[]car.Version{steamvr, {ID: "ver-m", Name: "apk", Status: car.Uploading, CreateTime: stamp("2022-02-15T01:51:55.786Z")}},
		},
		{
			"DescribeApplicationList",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.DescribeApplicationList(ctx, car.ListRequest{Limit: 100, Category: car.Desktop, Filters: []car.Filter{{Name: "ApplicationId", Values: []string{"app-a1b2c3d4"}}}}))
			},
			`{"Offset":0,"Limit":100,"Filters":[{"Name":"ApplicationId","Values":["app-a1b2c3d4"]}],"ApplicationCategory":"DESKTOP"}`,
			`{"Response":{"UserApplicationList":[{"ApplicationId":"app-a1b2c3d4","ApplicationName":"Ocean","ApplicationType":"Application3D","ApplicationExePath":"CloudXR\\test.exe","ApplicationRunStatus":"ApplicationRunning","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationUpdateProgress":100,"ApplicationVersions":[]}],"UserMobileApplicationList":[],"ApplicationTotal":1,"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			car.ApplicationList{
				Desktop: []car.Application{{ID: "app-a1b2c3d4", Name: "Ocean", Type: "Application3D", ExePath: `CloudXR\test.exe`, RunStatus: "ApplicationRunning", UpdateStatus: "ApplicationUpdateNormal", Progress: 100, Versions: []car.Version{}}},
				Mobile:  []car.Application{}, Total: 1,
			},
		},
		{
			"CreateApplication",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.CreateApplication(ctx, "xxx", "Application3D"))
			},
			`{"ApplicationName":"xxx","ApplicationType":"Application3D"}`,
			`{"Response":{"ApplicationId":"app-xkfad8s7","RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			"app-xkfad8s7",
		},
		{
			"ModifyApplicationBaseInfo",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c2(c.ModifyApplicationBaseInfo(ctx, car.Start{
					ApplicationID: "app-lxfdfwf", Name: "testname", ExePath: "App/bin/test.exe", InterList: "test.exe|xxx.exe", Params: "-b -param",
					BaseInfo: car.BaseInfo{WindowUseType: "ApplicationDesktop", WindowName: "xxx", WindowClassName: "xxx"},
					Stores:   []car.Storage{{Bucket: "bucket-123456", Region: "ap-guangzhou", Type: "ARCHIVE", State: "OFF", Path: "xxx"}},
				}))
			},
			`{"ApplicationId":"app-lxfdfwf","ApplicationName":"testname","ApplicationExePath":"App/bin/test.exe","ApplicationInterList":"test.exe|xxx.exe","ApplicationParams":"-b -param","ApplicationBaseInfo":{"WindowUseType":"ApplicationDesktop","WindowName":"xxx","WindowClassName":"xxx"},"ApplicationStores":[{"CosBucket":"bucket-123456","CosRegion":"ap-guangzhou","StoreType":"ARCHIVE","StoreState":"OFF","StorePath":"xxx"}]}`,
			`{"Response":{"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`, nil,
		},
		{
			"DescribeApplicationProjects",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				projects, err := c.Projects(ctx, car.Desktop)
				return projects, "b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f", err
			},
			`{"Offset":0,"Limit":100,"ProjectCategory":"DESKTOP"}`,
			`{"Response":{"Projects":[{"ProjectId":"cap-a1b2c3","ApplicationId":"app-a1b2c3","ApplicationName":"abc","Name":"n","Description":"app","Type":"XL2","IsPreload":true,"Amount":3,"Using":1,"ApplicationStatus":"NoConcurrent","ProjectType":"SHARED","Purpose":"EXPERIENCE","Resolution":"1920x1080","ApplicationParams":"","ApplicationRegions":["ap-chinese-mainland","na-north-america-fusion"],"ConcurrentRegions":["ap-chinese-mainland"],"CreateTime":"2020-09-22T00:00:00+00:00"}],"Total":0,"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[]car.Project{{ID: "cap-a1b2c3", Name: "n", ApplicationID: "app-a1b2c3", Preload: true, Amount: 3, Using: 1, Status: "NoConcurrent", Type: "SHARED", ConcurrentRegions: []string{"ap-chinese-mainland"}}},
		},
		{
			"DescribeApplicationStatus",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.DescribeApplicationStatus(ctx, "app-lgefeha"))
			},
			`{"ApplicationIdList":["app-lgefeha"]}`,
			`{"Response":{"StatusList":[{"ApplicationId":"app-lgefeha","ApplicationRunStatus":"ApplicationRunning","ApplicationUpdateStatus":"ApplicationUpdateNormal","ApplicationUpdateProgress":100}],"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[]car.ApplicationStatus{{ApplicationID: "app-lgefeha", RunStatus: "ApplicationRunning", UpdateStatus: "ApplicationUpdateNormal", Progress: 100}},
		},
		{
			"DescribeCosCredential",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				k, id, err := c.DescribeCosCredential(ctx, "app-a1b2c3d4", "test.zip")
				return [...]any{k.SecretID.Reveal(), k.SecretKey.Reveal(), k.SessionToken.Reveal(), k.Bucket, k.Region, k.Path, k.Start.Unix(), k.Expired.Unix()}, id, err
			},
			`{"ApplicationId":"app-a1b2c3d4","ApplicationFileName":"test.zip"}`,
			`{"Response":{"SecretID":"i","SecretKey":"k","SessionToken":"t","CosBucket":"application-test-1300543887","CosRegion":"ap-guangzhou","Path":"/1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip","StartTime":1734950306,"ExpiredTime":1734971906,"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[...]any{"i", "k", "t", "application-test-1300543887", "ap-guangzhou", "/1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip", int64(1734950306), int64(1734971906)},
		},
		{
			"CreateApplicationSnapshot",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c2(c.CreateApplicationSnapshot(ctx, "app-afrherc", secret.String{}))
			},
			`{"ApplicationId":"app-afrherc","ApplicationDownloadUrl":""}`,
			`{"Response":{"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`, nil,
		},
		{
			"DescribeApplicationPathList",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.DescribeApplicationPathList(ctx, "app-a", "ver-a"))
			},
			`{"ApplicationId":"app-a","ApplicationVersionId":"ver-a"}`,
			`{"Response":{"PathList":["AppXR\\CLOUD\\UnityCrashHandler64.exe","AppXR\\CLOUD\\XR CLOUD.exe"],"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[]string{`AppXR\CLOUD\UnityCrashHandler64.exe`, `AppXR\CLOUD\XR CLOUD.exe`},
		},
		{
			"ModifyApplicationVersion",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c2(c.ModifyApplicationVersion(ctx, "app-a", "ver-a", "1.2.3"))
			},
			`{"ApplicationId":"app-a","ApplicationVersionId":"ver-a","ApplicationVersionName":"1.2.3"}`,
			`{"Response":{"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`, nil,
		},
		{
			"SetApplicationVersionOnline",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c3(c.SetApplicationVersionOnline(ctx, "app-a", "ver-qi5inuk4"))
			},
			`{"ApplicationId":"app-a","ApplicationVersionId":"ver-qi5inuk4"}`,
			`{"Response":{"Versions":[` + steamvrJSON + `],"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`,
			[]car.Version{steamvr},
		},
		{
			"DeleteApplicationVersion",
			func(ctx context.Context, c *car.Client) (any, string, error) {
				return c2(c.DeleteApplicationVersion(ctx, "app-a", "ver-a"))
			},
			`{"ApplicationId":"app-a","ApplicationVersionId":"ver-a"}`,
			`{"Response":{"RequestId":"b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f"}}`, nil,
		},
	} {
		t.Run(test.action, func(t *testing.T) {
			r := &recorder{answer: test.response}
			got, id, err := test.call(t.Context(), client(r))
			if err != nil {
				t.Fatal(err)
			}
			if id != "b4ad2cd1-f4cd-4ee5-b0a8-c4ac0a1b0b0f" {
				t.Errorf("RequestId = %q", id)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(decoded(t, test.request), decoded(t, r.body)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if r.header.Get("X-TC-Action") != test.action || r.host != "car.tencentcloudapi.com" {
				t.Errorf("action %s at %s", r.header.Get("X-TC-Action"), r.host)
			}
		})
	}
}

func c2(id string, err error) (any, string, error)             { return nil, id, err }
func c3[T any](v T, id string, err error) (any, string, error) { return v, id, err }

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// The headers are those that the API's page on signature v3 lists
// (tencentcloud.com/document/product/1158/49970), and what the SDK adds.
func TestHeaders(t *testing.T) {
	r := &recorder{answer: `{"Response":{"RequestId":"x"}}`}
	c := client(r, func(c *car.Config) { c.Region = "ap-guangzhou"; c.Site = "international" })
	if _, err := c.DeleteApplicationVersion(t.Context(), "app-a", "ver-a"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Authorization", "Content-Type", "X-Tc-Action", "X-Tc-Language", "X-Tc-Region", "X-Tc-Requestclient",
		"X-Tc-Timestamp", "X-Tc-Token", "X-Tc-Version",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(r.header))); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-TC-Language": "en-US", "X-TC-Region": "ap-guangzhou", "X-TC-Token": "token", "X-TC-Version": "2022-01-10",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.host != "car.intl.tencentcloudapi.com" {
		t.Errorf("host %s", r.host)
	}
	if a := r.header.Get("Authorization"); !strings.HasPrefix(a, "TC3-HMAC-SHA256 Credential=AKIDexample/") || !strings.Contains(a, "/car/tc3_request, SignedHeaders=content-type;host, Signature=") {
		t.Errorf("Authorization %q", a)
	}
}

func TestTimeForms(t *testing.T) {
	for text, want := range map[string]string{
		`"2024-12-23T11:13:55Z"`: "2024-12-23T11:13:55Z", `"2020-09-22T00:00:00+00:00"`: "2020-09-22T00:00:00Z",
		`"2022-02-15T01:51:55.786Z"`: "2022-02-15T01:51:55.786Z", `""`: "0001-01-01T00:00:00Z", `"soon"`: "0001-01-01T00:00:00Z", `null`: "0001-01-01T00:00:00Z",
	} {
		var got car.Time
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
}

// Every code of CreateApplicationVersion's page, of CAR's other pages, and of
// the list of common codes has a hint, and no code of CAR only its parent's.
func TestEveryCodeHasAHint(t *testing.T) {
	own := strings.Fields(`FailedOperation.ApplicationLockFail FailedOperation.ApplicationNotFind InternalError InvalidParameter
		InvalidParameterValue OperationDenied OperationDenied.VersionCreating OperationDenied.VersionLimitExceeded
		FailedOperation.VersionLockFail FailedOperation.PathNotFound FailedOperation.ProcessTimeout FailedOperation.SlowDown
		OperationDenied.ApplicationLimitExceeded AuthFailure FailedOperation`)
	common := strings.Fields(`ActionOffline AuthFailure.InvalidAuthorization AuthFailure.InvalidSecretId AuthFailure.MFAFailure
		AuthFailure.SecretIdNotFound AuthFailure.SignatureExpire AuthFailure.SignatureFailure AuthFailure.TokenFailure
		AuthFailure.UnauthorizedOperation DryRunOperation FailedOperation InternalError InvalidAction InvalidParameter
		InvalidParameterValue InvalidRequest IpInBlacklist IpNotInWhitelist LimitExceeded MissingParameter NoSuchProduct NoSuchVersion
		RequestLimitExceeded RequestLimitExceeded.GlobalRegionUinLimitExceeded RequestLimitExceeded.IPLimitExceeded
		RequestLimitExceeded.UinLimitExceeded RequestSizeLimitExceeded ResourceInUse ResourceInsufficient ResourceNotFound
		ResourceUnavailable ResponseSizeLimitExceeded ServiceUnavailable UnauthorizedOperation UnknownParameter UnsupportedOperation
		UnsupportedProtocol UnsupportedRegion`)
	hints := map[string]string{}
	for _, code := range append(own, common...) {
		r := &recorder{answer: `{"Response":{"Error":{"Code":"` + code + `","Message":"m"},"RequestId":"x"}}`}
		_, _, err := client(r).CreateApplicationVersion(t.Context(), car.CreateVersionRequest{})
		var e *cloudapi.Error
		if !errors.As(err, &e) || e.Hint == "" || strings.ContainsAny(e.Hint, "{}") {
			t.Errorf("%s: no hint, or an unfinished one: %v", code, err)
			continue
		}
		hints[code] = e.Hint
	}
	for _, code := range own {
		parent, _, sub := strings.Cut(code, ".")
		if sub && hints[code] == hints[parent] {
			t.Errorf("%s has only the hint of %s", code, parent)
		}
	}
}
