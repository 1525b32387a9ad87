package publish

import (
	"crypto/sha256"
	"encoding/base32"
	"path"
	"regexp"
	"strings"
)

// A mark is what the name of a version tells of who made it and of what:
// CAR names a version after its file, and offers nothing else to write on.
// game.zip is sent as game-cp<owner><content>.zip.
//
// The shape of the mark is a public contract: a later release must know the
// marks of an earlier one.
type mark struct {
	owner   string // the same in a re-run, another in every sibling
	content string // the artifact
}

const markPart = 6 // base32 characters: 30 bits, among at most five versions

var (
	markShape  = regexp.MustCompile(`-cp([a-z2-7]{6})([a-z2-7]{6})$`)
	markBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// newMark makes the mark of a run's artifact. The application is part of the
// owner: two applications of one step are two publishes.
func newMark(runKey, app string, content []byte) mark {
	return mark{owner: markHash([]byte(runKey + "\x00" + app)), content: markHash(content)}
}

func markHash(b []byte) string {
	sum := sha256.Sum256(b)
	return markBase32.EncodeToString(sum[:])[:markPart]
}

// apply puts the mark into a file name, before the extension.
func (m mark) apply(fileName string) string {
	ext := path.Ext(fileName)
	return strings.TrimSuffix(fileName, ext) + m.String() + ext
}

func (m mark) String() string { return "-cp" + m.owner + m.content }

// readMark finds the mark at the end of a version's name.
func readMark(versionName string) (mark, bool) {
	found := markShape.FindStringSubmatch(versionName)
	if found == nil {
		return mark{}, false
	}
	return mark{owner: found[1], content: found[2]}, true
}
