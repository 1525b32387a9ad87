// Package pack makes a zip archive of a folder, and writes it in order to wherever it
// goes, so that a build is packed while it is being uploaded and nothing is written to
// the disk.
//
// Scan walks through the folder, says what cannot be packed, and reads each file once
// for its checksum. Tree.Pack then reads each file a second time and writes the
// archive. The same files give the same bytes, on every system and with any number
// of cores.
package pack

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/member"
)

// Options say what of a folder is packed, and how.
type Options struct {
	Prefix           string   // folder of the archive in which everything lies; "" is its root
	Ignore           []string // patterns of what is left out; see package ignore
	NoDefaultIgnores bool     // switches off ignore.Defaults
	Compression      Compression
	Own              []string // paths of files that the run itself writes: they are left out
}

// Compression is how hard the packer tries.
type Compression string

// The kinds of compression.
const (
	Auto Compression = "auto" // deflates quickly what gets smaller
	None Compression = "none" // stores everything
	Best Compression = "best" // deflates as small as it gets
)

// Compressions are all of them.
var Compressions = []Compression{Auto, None, Best}

// Tree is a folder as it was found.
type Tree struct {
	Path string // of the folder
	Name string // of the folder, also where Path is "."

	Files   int   // how many are packed
	Folders int   // that are empty, and packed as such
	Size    int64 // of the files, in bytes

	LeftOut        LeftOut
	NothingMatched []string // patterns that left nothing out
	Symbols        Amount   // of debug symbols among the files
	APK            string   // path of an Android package among them; "" if there is none
	Inner          string   // path of an archive, if that is the only file

	Fingerprint artifact.Fingerprint // of the names and contents of what is packed
	Doubts      member.List          // what may go wrong on Windows
	Executables []string             // names in the archive of what ends in .exe

	options Options
	members []archived
}

// Amount is a number of files and their size.
type Amount struct {
	Files int
	Size  int64 // bytes
}

// LeftOut is what the patterns keep out of the archive.
type LeftOut struct {
	Amount
	Names []string // of the files and folders, as far as they are named: at most ten
	More  int      // how many are not named
}

// Member is a file of the tree, for a list.
type Member struct {
	Name string // in the archive
	Size int64  // bytes
}

// archived is a file, or an empty folder, on its way into the archive.
type archived struct {
	name   string // in the archive; that of a folder ends with a slash
	path   string // below the root
	size   int64
	time   time.Time
	crc    uint32
	blocks []uint32 // the CRC-32 of each block, where there are several

	smaller bool // of several blocks: one of the samples gets smaller
}

// Largest returns the n largest files, the largest first.
func (t *Tree) Largest(n int) []Member {
	var all []Member
	for _, m := range t.members {
		if !m.isFolder() {
			all = append(all, Member{m.name, m.size})
		}
	}
	slices.SortStableFunc(all, func(a, b Member) int { return cmp.Compare(b.Size, a.Size) })
	return all[:min(n, len(all))]
}

// AtMost is how long the archive is at most, in bytes.
func (t *Tree) AtMost() int64 {
	const (
		headers = 30 + 24 + 46 + 28 // local, descriptor, directory with zip64
		end     = 22 + 56 + 20
	)
	total := int64(end)
	for _, m := range t.members {
		blocks := m.size/blockSize + 1
		// Data that does not get smaller is stored, or takes five bytes for each 64 KiB.
		total += m.size + 5*(m.size/storedMax+blocks+1) + blocks*flushSize + headers + 2*int64(len(m.name))
	}
	return total
}

// Artifact describes the archive that the tree becomes. Its size is not known before
// it is packed, and is 0 until then.
func (t *Tree) Artifact() *artifact.Artifact {
	return &artifact.Artifact{
		Path: t.Path, Name: t.Name + "." + string(artifact.Zip), Format: artifact.Zip,
		Executables: t.Executables, Inner: t.Inner, Problems: t.Doubts, Fingerprint: t.Fingerprint,
	}
}

// format is the number of the way in which archives are made. It changes whenever the
// same files give other bytes: with the library that deflates, for example.
const format = 1

// fingerprint identifies the bytes of the archive: by the names and contents of what is
// packed, and how.
func (t *Tree) fingerprint() artifact.Fingerprint {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d %s\n", format, t.options.Compression)
	for _, m := range t.members {
		var numbers [20]byte
		binary.LittleEndian.PutUint64(numbers[0:], uint64(len(m.name)))
		binary.LittleEndian.PutUint64(numbers[8:], uint64(m.size)) //nolint:gosec // a size is not negative
		binary.LittleEndian.PutUint32(numbers[16:], m.crc)
		sum.Write(numbers[:])
		sum.Write([]byte(m.name))
	}
	return artifact.Fingerprint(sum.Sum(nil))
}

func (m archived) isFolder() bool { return strings.HasSuffix(m.name, "/") }

// changed reports whether a file is not the one that was found before.
func (m archived) changed(info fs.FileInfo) bool {
	return !info.Mode().IsRegular() || info.Size() != m.size || !info.ModTime().Equal(m.time)
}
