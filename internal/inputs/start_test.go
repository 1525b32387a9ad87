package inputs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the application is and starts: each value is taken, or refused with a reason.
func TestStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		input, value string
		want         any // nil if it is refused
		problem      string
	}{
		{"application-name", "Ocean-2", "Ocean-2", ""},
		{"application-name", "深海-游戏", "深海-游戏", ""},
		{"application-name", strings.Repeat("海", 16), strings.Repeat("海", 16), ""},
		{"application-name", strings.Repeat("海", 17), nil, "is too long: at most 16 characters"},
		{"application-name", "Ocean 2", nil, `it is " " that does not go`},
		{"application-name", "Océan", nil, `it is "é" that does not go`},
		{"application-name", "Ocean_2", nil, `it is "_" that does not go`},
		{"application-type", "web", nil, "3d, xr or apk"},
		{"start-path", `Game\Game.exe`, "Game/Game.exe", ""},
		{"start-path", "./Game.exe", "Game.exe", ""},
		{"start-path", "Ocean Game/Ocean.EXE", "Ocean Game/Ocean.EXE", ""},
		{"start-path", `C:\Games\Game.exe`, nil, "is an absolute path"},
		{"start-path", "C:/Games/Game.exe", nil, "is an absolute path"},
		{"start-path", "/Game/Game.exe", nil, "is an absolute path"},
		{"start-path", `\\server\share\Game.exe`, nil, "is an absolute path"},
		{"start-path", "../Game.exe", nil, "is not a path inside of a build"},
		{"start-path", "Game//Game.exe", nil, "is not a path inside of a build"},
		{"start-path", "CON/Game.exe", nil, "is not a path inside of a build"},
		{"start-path", "Game/Game.exe -log", nil, "parameters go into start-parameters"},
		{"start-path", "Game/start.bat", nil, "is not an .exe"},
		{"start-parameters", `-log -name "a b"`, `-log -name "a b"`, ""},
		{"start-parameters", "-log\n-windowed", nil, "has a line break"},
		{"start-processes", "Game.exe, My Game.exe|Game.exe", []string{"Game.exe", "My Game.exe"}, ""},
		{"start-processes", `["Game.exe","Crash.exe"]`, []string{"Game.exe", "Crash.exe"}, ""},
		{"start-processes", "Game/Game.exe", nil, "is not the name of a process"},
		{"start-processes", "Game", nil, "is not the name of a process"},
	} {
		t.Run(test.input+"/"+test.value, func(t *testing.T) {
			t.Parallel()
			base := complete
			if strings.HasPrefix(test.input, "application-") {
				base = []string{"CAR_COMMAND=create-application", "CAR_APPLICATION_NAME=Ocean", "CAR_SECRET_ID=id", "CAR_SECRET_KEY=key"}
			}
			variable := "CAR_" + strings.ToUpper(strings.ReplaceAll(test.input, "-", "_"))
			c, _, problems := parse(t, "", with(base, variable+"="+test.value))
			got := map[string]any{"application-name": c.ApplicationName, "application-type": c.ApplicationType, "start-path": c.StartPath, "start-parameters": c.StartParameters, "start-processes": c.StartProcesses}[test.input]
			if test.want == nil {
				if len(problems) != 1 || !strings.Contains(problems[0], test.problem) {
					t.Errorf("got problems %q, want one with %q", problems, test.problem)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); problems != nil || diff != "" {
				t.Errorf("got problems %q and (-want +got):\n%s", problems, diff)
			}
		})
	}
}
