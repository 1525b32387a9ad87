package publish

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

// A mark is what the name of a version tells of who made it and of what:
// CAR names a version after its file, and offers nothing else to write on.
// game.zip is sent as game-cp<owner><content><attempt><nonce>.zip. A run with a key of
// its own then adds a proof: game-cp<...>-<proof>.
//
// The shape of the mark is a public contract: a later release must know the
// marks of an earlier one.
type mark struct {
	owner   string // the same in a re-run, another in every sibling
	content string // the artifact
	attempt int    // of the run, from 1: an earlier attempt's process is gone, one of the same attempt may live
	nonce   string // of the process: an answer that was lost is found again, even among siblings whose keys collide
}

const (
	markAlphabet = "abcdefghijklmnopqrstuvwxyz234567"
	markPart     = 6 // characters of owner and of content: 30 bits, among at most five versions
	markNonce    = 3
	proofLength  = 12                    // characters: 60 bits
	lastAttempt  = len(markAlphabet) - 1 // later ones count as this one, and so never as later than it
)

var (
	markShape  = regexp.MustCompile(`-cp([a-z2-7]{6})([a-z2-7]{6})([a-z2-7])([a-z2-7]{3})(?:-([a-z2-7]{12}))?$`)
	markBase32 = base32.NewEncoding(markAlphabet).WithPadding(base32.NoPadding)
)

// newMark makes the mark of a run's artifact. The application is part of the
// owner: two applications of one step are two publishes.
func newMark(runKey, app string, content []byte, attempt int, float func() float64) mark {
	nonce := make([]byte, markNonce)
	for i := range nonce {
		nonce[i] = markAlphabet[int(float()*float64(len(markAlphabet)))]
	}
	return mark{
		owner: markHash([]byte(runKey + "\x00" + app)), content: markHash(content),
		attempt: min(max(attempt, 1), lastAttempt), nonce: string(nonce),
	}
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

func (m mark) String() string {
	return "-cp" + m.owner + m.content + markAlphabet[m.attempt:m.attempt+1] + m.nonce
}

// deed is what a proof shows of the run that made the mark.
type deed string

const (
	didCreate  deed = "created"   // it created the version with that id
	didDeliver deed = "delivered" // it delivered the build of that version
)

// proof shows that whoever has the key did something to the version with that id.
// Everybody can compute a mark, or copy a name from the list; a proof for another
// version takes the key.
func (m mark) proof(key secret.String, done deed, versionID string) string {
	sum := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = fmt.Fprintf(sum, "car-publish\x00%s\x00%s\x00%s", done, versionID, m) // a hash does not fail
	return markBase32.EncodeToString(sum.Sum(nil))[:proofLength]
}

// rolledBack ends the name of a version that a rollback took offline. CAR keeps no
// history of what was online, so this is how a later rollback knows that the version
// is not one to go back to.
const rolledBack = "-rolledback"

// wasRolledBack reports whether a rollback has taken a version of that name offline.
func wasRolledBack(versionName string) bool { return strings.HasSuffix(versionName, rolledBack) }

// readProof finds the proof behind the mark in a version's name; "" if there is none.
func readProof(versionName string) string {
	if found := markShape.FindStringSubmatch(strings.TrimSuffix(versionName, rolledBack)); found != nil {
		return found[5]
	}
	return ""
}

// earlier reports whether m is the mark of an earlier attempt of other's run.
func (m mark) earlier(other mark) bool {
	return m.owner == other.owner && m.attempt < other.attempt
}

// readMark finds the mark at the end of a version's name.
func readMark(versionName string) (mark, bool) {
	found := markShape.FindStringSubmatch(strings.TrimSuffix(versionName, rolledBack))
	if found == nil {
		return mark{}, false
	}
	return mark{
		owner: found[1], content: found[2],
		attempt: strings.Index(markAlphabet, found[3]), nonce: found[4],
	}, true
}
