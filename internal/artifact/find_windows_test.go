package artifact

import "testing"

func TestFixedFolderOfADrive(t *testing.T) {
	for pattern, want := range map[string]string{
		`C:\**\game.zip`:         `C:\`,
		`C:/**/game.zip`:         `C:\`,
		`C:\build\*.zip`:         `C:\build`,
		`C:\My Build\a?\*.zip`:   `C:\My Build`,
		`build\*.zip`:            `build`,
		`*.zip`:                  `.`,
		`\build\*.zip`:           `\build`,
		`\\host\share\dist\*.7z`: `\\host\share\dist`,
	} {
		if got := fixedFolder(pattern); got != want {
			t.Errorf("fixedFolder(%q): got %q, want %q", pattern, got, want)
		}
	}
}
