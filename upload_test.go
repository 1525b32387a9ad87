package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"hash/crc64"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// publishing is the command that publishes a file to a simulator.
func publishing(server, file string, args ...string) *exec.Cmd {
	command := exec.Command(testbin.Path("car-publish"), append([]string{"--artifact", file}, args...)...)
	command.Env = []string{
		"CAR_APPLICATION_ID=app-desktop", "CAR_ENDPOINT=" + server, "CAR_COS_ENDPOINT=" + server,
		"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey, "CAR_RUN_KEY=42/publish/0/a", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	return command
}

// A process that is killed when half of its parts are there costs the next
// attempt the other half, and what was on its way.
func TestKilledUpload(t *testing.T) {
	t.Parallel()
	content := make([]byte, killedParts*8<<20-1<<20)
	_, _ = mathrand.NewChaCha8([32]byte{1}).Read(content)
	var build bytes.Buffer
	w := zip.NewWriter(&build)
	member, err := w.CreateHeader(&zip.FileHeader{Name: "Game/Game.exe", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := member.Write(content); err != nil {
		t.Fatal(err)
	}
	file, folder := filepath.Join(t.TempDir(), "game.zip"), filepath.Join(t.TempDir(), "game")
	err = errors.Join(w.Close(), os.WriteFile(file, build.Bytes(), 0o600),
		os.MkdirAll(filepath.Join(folder, "Game"), 0o700), os.WriteFile(filepath.Join(folder, "Game", "Game.exe"), content, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, artifact := range []string{file, folder} {
		t.Run(filepath.Base(artifact), func(t *testing.T) {
			t.Parallel()
			testKilledUpload(t, artifact, content)
		})
	}
}

// killedParts are the parts of the build of this test.
const killedParts = 16

func testKilledUpload(t *testing.T, file string, content []byte) {
	const parts, mib = killedParts, 1 << 20
	sim := carsim.New(carsim.World{})
	half, killed := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	begun, ended, held := 0, 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("partNumber") {
			sim.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		begun++
		late := begun > parts/2
		mu.Unlock()
		select {
		case <-killed:
			sim.ServeHTTP(w, r)
			return
		default:
		}
		at := &ended
		if late {
			_, _ = io.CopyN(io.Discard, r.Body, mib)
			at = &held
		} else {
			sim.ServeHTTP(w, r)
		}
		mu.Lock()
		*at++
		if ended == parts/2 && held == parts/2 {
			close(half)
		}
		mu.Unlock()
		if !late {
			return
		}
		<-killed
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()

	first := publishing(server.URL, file)
	var log bytes.Buffer
	first.Stderr = &log
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		_ = first.Wait()
		close(over)
	}()
	select {
	case <-half:
	case <-over:
		t.Fatalf("the first attempt ended before half of the parts were there:\n%s", &log)
	}
	_ = first.Process.Kill()
	<-over
	close(killed)

	before := len(sim.Journal())
	out, err := publishing(server.URL, file, "--run-attempt", "2").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var sent int64
	for _, c := range sim.Journal()[before:] {
		if c.Action == "cos:UploadPart" {
			sent += c.Bytes
		}
	}
	if limit := int64(len(content)) * 55 / 100; sent > limit || sent == 0 {
		t.Errorf("the second attempt sent %d bytes, want at most %d:\n%s", sent, limit, out)
	}
	// The object is the archive, whose headers take little beside its content.
	objects := sim.Objects()
	if len(objects) != 1 || objects[0].Size < int64(len(content)) || objects[0].Size > int64(len(content))+1000 {
		t.Fatalf("objects = %+v, want one of about %d bytes", objects, len(content))
	}
	if text, err := os.ReadFile(file); err == nil && objects[0].CRC64 != crc64.Checksum(text, crc64.MakeTable(crc64.ECMA)) {
		t.Errorf("the CRC of %+v is not that of the file", objects[0])
	}
}

// With cos-endpoint: accelerate the upload goes to the bucket's domain of
// global acceleration, and where that refuses to the bucket's own, which the
// log says once. A proxy that inspects TLS stands for the internet.
func TestAccelerate(t *testing.T) {
	t.Parallel()
	file := smallBuild(t)
	const fast, usual, warning = ".cos.accelerate.myqcloud.com", ".cos.ap-guangzhou.myqcloud.com", "warning: CAR's bucket does not accept uploads by global acceleration"
	tests := []struct {
		world   carsim.Acceleration
		hosts   []string // of the calls to COS that were taken
		refused int      // by the fast one
		warns   int
	}{
		{carsim.AccelerationOn, []string{fast}, 0, 0},
		{carsim.AccelerationOff, []string{usual}, 1, 1},
	}
	for _, tt := range tests {
		t.Run(string(tt.world), func(t *testing.T) {
			t.Parallel()
			sim := carsim.New(carsim.World{Acceleration: tt.world})
			var mu sync.Mutex
			var hosts []string
			refused := 0
			proxy, ca := internet(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen := httptest.NewRecorder()
				sim.ServeHTTP(seen, r)
				mu.Lock()
				if strings.Contains(r.Host, ".cos.") && r.Method != http.MethodHead { // which asks for an object that is not there yet
					if _, domain, _ := strings.Cut(r.Host, ".cos."); seen.Code != http.StatusOK {
						refused++
					} else if domain = ".cos." + domain; !slices.Contains(hosts, domain) {
						hosts = append(hosts, domain)
					}
				}
				mu.Unlock()
				for name, values := range seen.Header() {
					w.Header()[name] = values
				}
				w.WriteHeader(seen.Code)
				_, _ = w.Write(seen.Body.Bytes())
			}))
			command := publishing("", file, "--cos-endpoint", "accelerate", "--proxy", proxy, "--ca-file", ca)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !slices.Equal(hosts, tt.hosts) || refused != tt.refused {
				t.Errorf("COS took calls at %q and refused %d, want %q and %d", hosts, refused, tt.hosts, tt.refused)
			}
			if got := strings.Count(string(out), warning); got != tt.warns {
				t.Errorf("the log warns %d times, want %d:\n%s", got, tt.warns, out)
			}
		})
	}
}

// internet is a proxy behind which every host of Tencent Cloud is the handler,
// and the file of the authority that vouches for that.
func internet(t *testing.T, handler http.Handler) (proxy, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{"car.tencentcloudapi.com", "*.cos.accelerate.myqcloud.com", "*.cos.ap-guangzhou.myqcloud.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	behind := httptest.NewUnstartedServer(handler)
	behind.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	behind.StartTLS()
	t.Cleanup(behind.Close)
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		to, err := net.Dial("tcp", behind.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(to, bufio.NewReader(buffered))
			_ = to.Close()
		}()
		_, _ = io.Copy(from, to)
	}))
	t.Cleanup(before.Close)
	return before.URL, caFile
}

// A file of a folder that changes after the scan fails the run, with its name, and the
// version goes.
func TestFolderChanges(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	game, last := filepath.Join(folder, "Game", "Game.exe"), filepath.Join(folder, "Game", "Zoo.dat")
	err := errors.Join(os.Mkdir(filepath.Dir(game), 0o700), os.WriteFile(game, nil, 0o600), os.WriteFile(last, []byte("tigers"), 0o600),
		os.Truncate(game, 400<<20)) // more than the parts in flight may be
	if err != nil {
		t.Fatal(err)
	}
	sim := carsim.New(carsim.World{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") {
			once.Do(func() {
				if err := os.WriteFile(last, []byte("lion s"), 0o600); err != nil {
					t.Error(err)
				}
			})
		}
		sim.ServeHTTP(w, r)
	}))
	defer server.Close()
	before := len(sim.Versions("app-desktop"))
	out, err := publishing(server.URL, folder, "--compression", "none").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `"Game/Zoo.dat" in `) || !strings.Contains(string(out), "was changed or removed while the folder was being packed") {
		t.Errorf("%v:\n%s", err, out)
	}
	if got := len(sim.Versions("app-desktop")); got != before || len(sim.Uploads()) > 0 {
		t.Errorf("%d versions, before %d; uploads %v", got, before, sim.Uploads())
	}
}
