package main

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

// roleVariable makes this test binary play the command that carsim runs.
const roleVariable = "CARSIM_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "fail":
		os.Exit(7)
	case "create":
		if err := call("CreateApplicationVersion", map[string]any{"ApplicationId": "app-mobile", "ApplicationFileName": "ocean 2.apk"}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "found":
		err := call("CreateApplication", map[string]any{"ApplicationName": "Tide", "ApplicationType": "ApplicationXR"})
		if err == nil {
			err = call("ModifyApplicationBaseInfo", configuration)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "wait":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		fmt.Println("ready")
		fmt.Println((<-signals).String())
		os.Exit(42)
	}
}

// configuration starts another program of app-desktop.
var configuration = map[string]any{
	"ApplicationId": "app-desktop", "ApplicationExePath": "App/Sea.exe", "ApplicationInterList": "Sea.exe|Crash.exe", "ApplicationParams": "-full screen",
	"ApplicationBaseInfo": map[string]any{"WindowUseType": "ApplicationWindow", "WindowName": "Sea"},
	"ApplicationStores":   []map[string]any{{"StoreType": "LOG", "StoreState": "ON", "CosBucket": "logs-1", "CosRegion": "ap-tokyo", "StorePath": `C:\logs`}},
}

// call calls the simulator that the environment names, as a user's program
// would.
func call(action string, params map[string]any) error {
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint, p.HttpProfile.Scheme = strings.TrimPrefix(os.Getenv("CAR_ENDPOINT"), "http://"), "HTTP"
	request := tchttp.NewCommonRequest("car", "2022-01-10", action)
	if err := request.SetActionParameters(params); err != nil {
		return err
	}
	keys := common.NewCredential(os.Getenv("TENCENTCLOUD_SECRET_ID"), os.Getenv("TENCENTCLOUD_SECRET_KEY"))
	return common.NewCommonClient(keys, "", p).Send(request, tchttp.NewCommonResponse())
}

// invoke runs the program in this process.
func invoke(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, surroundings{strings.NewReader(""), &out, &err, os.Getenv})
	return status, out.String(), err.String()
}

func TestAroundACommand(t *testing.T) {
	tests := map[string]struct {
		role   string
		flags  []string
		status int
		want   []string // in stderr
		not    string   // not in stderr
	}{
		"nothing changed":   {role: "fail", status: 7, not: "app-"},
		"a version is made": {role: "create", status: 0, want: []string{"\napp-mobile \"Ocean Mobile\":\n", "Inuse    ocean-mobile-1", "Creating ocean 2 "}, not: "app-desktop"},
		"another application": {role: "found", status: 0, want: []string{
			"\napp-desktop  Application3D  Ocean  App/Sea.exe  Sea.exe|Crash.exe  -full screen  PRIVATE  ApplicationWindow  Sea  -  HOOK  LOG,ON,logs-1,ap-tokyo,C:\\logs\n",
			"  ApplicationXR  Tide  -  -  -  PRIVATE  ApplicationDesktop  -  -  HOOK\n",
		}, not: "ocean-1"},
		"with the journal":    {role: "create", flags: []string{"-journal"}, status: 0, want: []string{" CreateApplicationVersion ApplicationFileName=ocean 2.apk ApplicationId=app-mobile\n"}},
		"a fault is declared": {role: "create", flags: []string{"-world", world(t, `{"Faults": [{"Action": "CreateApplicationVersion", "Kind": "refuse", "Code": "InternalError"}]}`)}, status: 1, want: []string{"InternalError"}, not: "app-mobile"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(roleVariable, test.role)
			status, stdout, stderr := invoke(append(test.flags, "--", os.Args[0])...)
			if status != test.status {
				t.Errorf("got exit status %d, want %d", status, test.status)
			}
			if stdout != "" {
				t.Errorf("got %q on stdout, want only what the command prints", stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("got %q, want %q in it", stderr, want)
				}
			}
			if test.not != "" && strings.Contains(stderr, test.not) {
				t.Errorf("got %q, want no %q in it", stderr, test.not)
			}
		})
	}
}

// world writes a world file.
func world(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestMistakes(t *testing.T) {
	t.Setenv("CAR_ENDPOINT", "")
	for line, test := range map[string]struct {
		status int
		want   string
	}{
		"-colour":                            {2, "see carsim -help"},
		"publish":                            {2, "a command to run goes after --"},
		"--":                                 {2, "no command after --"},
		"-- /no/such/command":                {1, "run command"},
		"-world /no/such/file":               {1, "read world"},
		"-listen nowhere:x":                  {1, "listen"},
		"journal":                            {2, "CAR_ENDPOINT is not set"},
		"journal -x":                         {2, "see carsim journal -help"},
		"versions":                           {2, "usage: carsim versions [flags] APP"},
		"applications now":                   {2, "usage: carsim applications [flags]"},
		"uploads now":                        {2, "usage: carsim uploads [flags]"},
		"-world " + world(t, `{"Fault": 1}`): {1, "World has these"},
		"-start-path x -world " + world(t, `{"Applications": []}`): {2, "app-desktop, which this world does not have"},
	} {
		status, _, stderr := invoke(strings.Fields(line)...)
		if status != test.status || !strings.Contains(stderr, test.want) {
			t.Errorf("carsim %s: got exit status %d and %q, want %d and %q", line, status, stderr, test.status, test.want)
		}
	}
	if status, _, help := invoke("-help"); status != 0 || !strings.Contains(help, "-processing") ||
		!strings.Contains(help, "app-waiting") || !strings.Contains(help, "carsim applications [-l]") || !strings.Contains(help, "drop-after") {
		t.Errorf("carsim -help: got exit status %d and %q, want 0, the flags, the applications and the faults", status, help)
	}
}
