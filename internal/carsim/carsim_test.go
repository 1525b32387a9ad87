package carsim_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/carsim"
)

// The whole job as the official clients do it.
func TestShipABuild(t *testing.T) {
	c := connect(t, carsim.World{})
	build := archive(t, "App/readme.txt", "App/bin/Game.exe", "App/tools/Crash Handler.EXE")

	id := c.create("app-desktop", "ocean-3.zip")
	if got := c.status("app-desktop", id); got != carsim.Creating {
		t.Fatalf("got status %q after the create, want Creating", got)
	}
	b := c.bucket("app-desktop", "ocean-3.zip")
	done, resp, err := b.upload(t, build, 1<<20, 1<<20, len(build)-2<<20)
	if err != nil {
		t.Fatalf("complete: %v", err)
	}
	want := fmt.Sprint(crc64.Checksum(build, crc64.MakeTable(crc64.ECMA)))
	if got := resp.Header.Get("X-Cos-Hash-Crc64ecma"); got != want {
		t.Errorf("got CRC-64 %s of the parts together, want %s", got, want)
	}
	if done.ETag == "" || done.Key != b.key {
		t.Errorf("got ETag %q and key %q, want one and %q", done.ETag, done.Key, b.key)
	}
	if got := c.status("app-desktop", id); got != carsim.Creating {
		t.Fatalf("got status %q before the snapshot, want Creating", got)
	}
	if got := c.snapshot("app-desktop", ""); got != "" {
		t.Fatalf("the snapshot was refused with %s", got)
	}
	if got := c.status("app-desktop", id); got != carsim.Normal {
		t.Fatalf("got status %q after the snapshot, want Normal", got)
	}
	paths := c.must("DescribeApplicationPathList", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id})
	if diff := cmp.Diff([]any{`App\bin\Game.exe`, `App\tools\Crash Handler.EXE`}, paths["PathList"]); diff != "" {
		t.Errorf("PathList (-want +got):\n%s", diff)
	}
	c.must("SetApplicationVersionOnline", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id})
	c.must("ModifyApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id, "ApplicationVersionName": "summer"})

	var got []string
	for _, v := range c.sim.Versions("app-desktop") {
		got = append(got, v.Status+" "+v.Name)
	}
	if diff := cmp.Diff([]string{"Usable ocean-1", "Usable ocean-2", "Inuse summer"}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if size := c.sim.Versions("app-desktop")[2].Size; size != int64(len(build)) {
		t.Errorf("got size %d, want %d", size, len(build))
	}
	if left := c.sim.Uploads(); len(left) != 0 {
		t.Errorf("got %v left of the upload, want nothing", left)
	}
	actions := []string{}
	for _, call := range c.sim.Journal() {
		if call.Action != "DescribeApplicationVersion" {
			actions = append(actions, call.Action)
		}
	}
	want3 := []string{
		"CreateApplicationVersion", "DescribeCosCredential", "cos:InitiateMultipartUpload", "cos:UploadPart", "cos:UploadPart", "cos:UploadPart",
		"cos:CompleteMultipartUpload", "CreateApplicationSnapshot", "DescribeApplicationPathList", "SetApplicationVersionOnline", "ModifyApplicationVersion",
	}
	if !slices.Equal(actions, want3) {
		t.Errorf("got journal %q, want %q", actions, want3)
	}
}

// archive makes a zip archive of more than 2 MiB with the named files.
func archive(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	random := rand.NewChaCha8([32]byte{})
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, 1<<20)
		_, _ = random.Read(content)
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
