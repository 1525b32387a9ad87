package publish_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// What the simulation holds a publisher to: at each request what it may do,
// and at its end what it must have done and said.

// snapshot is what there is between two requests.
type snapshot struct {
	versions map[string]bool
	uploads  map[string]bool
}

func (s *schedule) unfinished() snapshot {
	now := snapshot{map[string]bool{}, map[string]bool{}}
	for _, a := range s.world.Applications {
		for _, v := range s.sim.Versions(a.ID) {
			now.versions[v.ID] = true
		}
	}
	for _, u := range s.sim.Uploads() {
		now.uploads[u.ID] = true
	}
	return now
}

// account notes what a request has done.
func (s *schedule) account(p *process, r *request, before snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.unfinished()
	for id := range now.versions {
		if !before.versions[id] {
			s.maker[id], s.born[id] = p, len(s.all)
			s.logf("    p%d made %s", p.id, id)
			for _, v := range s.sim.Versions(p.options.ApplicationID) {
				if v.ID == id && markAtEnd.MatchString(v.Name) {
					s.named[p.step] = v.Name
				}
			}
		}
	}
	for id := range now.uploads {
		if !before.uploads[id] {
			s.starter[id] = p
		}
	}
	switch {
	case r.action != "ModifyApplicationVersion" || !before.versions[r.version]:
	case !s.marked(p.options.ApplicationID, r.version): // a final name is no claim
		if p.options.Release && !s.online[r.version] {
			s.violated("p%d takes the mark off %s, and has not put it online yet: no later attempt would go on with it", p.id, r.version)
		}
	default:
		s.claims[r.version] = append(s.claims[r.version], p)
		for _, v := range s.sim.Versions(p.options.ApplicationID) {
			if v.ID == r.version {
				s.claimed[v.ID] = v.Name
			}
		}
	}
	if r.action == "ModifyApplicationVersion" && s.maker[r.version] == p && markAtEnd.MatchString(s.claimed[r.version]) {
		s.named[p.step] = s.claimed[r.version]
	}
	if !strings.HasPrefix(r.action, "cos:") {
		p.last = r.action
	}
	s.observe()
}

// markAtEnd is the shape of a mark, written down once more.
var markAtEnd = regexp.MustCompile(`-cp[a-z2-7]{16}(-[a-z2-7]{12})?$`)

// marked reports whether a version's name bears a mark.
func (s *schedule) marked(app, id string) bool {
	return slices.ContainsFunc(s.sim.Versions(app), func(v carsim.Version) bool { return v.ID == id && markAtEnd.MatchString(v.Name) })
}

// observe notes how far the versions have come.
func (s *schedule) observe() {
	for _, a := range s.world.Applications {
		for _, v := range s.sim.Versions(a.ID) {
			switch v.Status {
			case carsim.Inuse, carsim.Usable:
				s.online[v.ID], s.good[v.ID] = true, true
			case carsim.Normal:
				s.good[v.ID] = true
			}
			if v.Size > 0 {
				s.size[v.ID] = v.Size
			}
		}
	}
}

// why is the error without its RequestId, which is another in each run.
func (p *process) why() string {
	if p.err == nil {
		return ""
	}
	text, _, _ := strings.Cut(p.err.Code+": "+p.err.Message, "RequestId")
	return text
}

// looked notes which versions a publisher has been shown.
func (p *process) looked(resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return // its context has ended
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var list struct {
		Response struct {
			Versions []struct {
				ID     string `json:"ApplicationVersionId"`
				Name   string `json:"ApplicationVersionName"`
				Status string `json:"ApplicationVersionStatus"`
			}
		}
	}
	if json.Unmarshal(body, &list) != nil {
		return
	}
	seen, names := map[string]string{}, map[string]string{}
	for _, v := range list.Response.Versions {
		seen[v.ID], names[v.ID] = v.Status, v.Name
		if v.Status == carsim.Inuse {
			seen["online"] = v.ID
		}
	}
	p.s.mu.Lock()
	p.seen, p.names = seen, names
	if p.first == nil {
		p.first = seen
	}
	p.s.mu.Unlock()
}

// own reports whether a version was made by this attempt or, where the key
// allows to tell, an earlier one.
func (p *process) own(id string) bool {
	m := p.s.maker[id]
	return m == p || m != nil && p.later() && m.options.RunKey == p.options.RunKey && m.options.ApplicationID == p.options.ApplicationID &&
		m.options.Attempt < p.options.Attempt
}

// claims reports whether this attempt, or an earlier one, took a version over.
func (p *process) claims(id string) bool {
	return slices.ContainsFunc(p.s.claims[id], func(by *process) bool {
		return by == p || p.later() && by.options.RunKey == p.options.RunKey && by.options.Attempt < p.options.Attempt
	})
}

// claimant is the later attempt of the same run, if any, whose claim of a
// version the process has been shown.
func (s *schedule) claimant(p *process, id string) *process {
	all := s.claims[id]
	if len(all) == 0 || p.names[id] != s.claimed[id] {
		return nil
	}
	if by := all[len(all)-1]; by.options.RunKey == p.options.RunKey && by.options.Attempt > p.options.Attempt {
		return by
	}
	return nil
}

// later reports whether the process may go on with an earlier attempt's work.
func (p *process) later() bool { return p.options.Attempt > 1 && p.options.KeyComplete }

// takesOver reports whether the process may deliver into another's version.
func (p *process) takesOver() bool {
	return p.s.world.DeleteCreating == carsim.Denied && strings.HasPrefix(string(p.options.OnBlocked), "replace")
}

// allowed judges a request by what its sender had been shown.
func (s *schedule) allowed(p *process, r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observe() // time has passed
	status := p.seen[r.version]
	switch r.action {
	case "DeleteApplicationVersion":
		unfinished := status == carsim.Creating || status == carsim.Uploading || status == carsim.CreateFailed
		ok := false
		switch {
		case s.forged[r.version] && !p.own(r.version) && !p.takesOver(): // an attempt without a proof believes the mark of what is unfinished
			ok = status == carsim.CreateFailed || unfinished && (p.step.proofKey.IsZero() || strings.HasPrefix(string(p.options.OnBlocked), "replace")) ||
				status == carsim.Normal && p.options.OnBlocked == "replace-unreleased"
		case p.own(r.version), p.claims(r.version):
			ok = status == "" || unfinished || status == carsim.Normal
		case status == carsim.CreateFailed:
			ok = true
		case p.options.OnBlocked == "replace":
			ok = unfinished
		case p.options.OnBlocked == "replace-unreleased":
			ok = unfinished || status == carsim.Normal
		}
		if status == carsim.Usable && p.options.OnFull == "delete-oldest" {
			ok = p.spare(r.version)
		}
		if !ok {
			s.violated("p%d deletes %s, which it saw as %q", p.id, r.version, status)
		}
		if p.last != "DescribeApplicationVersion" {
			s.violated("p%d deletes %s, and the call before was %s, not a fresh list", p.id, r.version, p.last)
		}
		if by := s.claimant(p, r.version); by != nil && status != carsim.CreateFailed && !strings.HasPrefix(string(p.options.OnBlocked), "replace") {
			s.violated("p%d deletes %s, which it saw that a later attempt, p%d, goes on with", p.id, r.version, by.id)
		}
	case "CreateApplicationSnapshot": // it acts on whatever is in flight, and cannot be read back
		if p.last != "DescribeApplicationVersion" {
			s.violated("p%d calls %s, and the call before was %s, not a fresh list", p.id, r.action, p.last)
		}
	case "SetApplicationVersionOnline":
		if !p.options.Release {
			s.violated("p%d releases %s and was not told to", p.id, r.version)
		}
		if status == carsim.Usable && s.online[r.version] && p.seen["online"] != p.first["online"] {
			s.violated("p%d puts %s online again, although it saw that somebody had replaced it", p.id, r.version)
		}
		if (!p.own(r.version) && !p.claims(r.version) || s.forged[r.version] && !p.own(r.version) && !p.takesOver()) && !s.struck[r.version] {
			s.violated("p%d releases %s, which is another's", p.id, r.version)
		}
	}
}

// strikes notes a call that names no version and hits another's, since that
// came into the place of the sender's after its last look. Nothing that a
// client can do closes this race: only one job at a time does.
func (s *schedule) strikes(p *process, r *request) {
	if r.action != "DescribeCosCredential" && r.action != "CreateApplicationSnapshot" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.has() {
		return // it means another's, to take it over or to clean up
	}
	for _, v := range s.sim.Versions(p.options.ApplicationID) {
		if v.Status != carsim.Creating && v.Status != carsim.Uploading {
			continue
		}
		last := s.maker[v.ID]
		if all := s.claims[v.ID]; len(all) > 0 {
			last = all[len(all)-1]
		}
		if last != p {
			s.struck[v.ID] = true
			s.counts["a call without a version id hit another's"]++
		}
	}
}

// has reports whether the process has a version of its own.
func (p *process) has() bool {
	for id, m := range p.s.maker {
		if m == p && id != "" {
			return true
		}
	}
	for id := range p.s.claims {
		if slices.Contains(p.s.claims[id], p) {
			return true
		}
	}
	return false
}

// spare reports whether a version is one that on-full: delete-oldest may
// delete: by what was shown, not the newest to roll back to.
func (p *process) spare(id string) bool {
	usable := 0
	for _, status := range p.seen {
		if status == carsim.Usable {
			usable++
		}
	}
	return usable > 1
}

// judge holds a process that has ended to the promises.
func (s *schedule) judge(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logf("p%d ends: %s %s %s", p.id, p.result.Outcome, p.result.VersionID, p.why())
	if p.dead {
		return
	}
	s.tallyNotes(p)
	r := p.result
	if !p.stopped.IsZero() && p.finished.Sub(p.stopped) > 7*time.Second {
		s.violated("p%d took %v to end after it was cancelled", p.id, p.finished.Sub(p.stopped))
	}
	if (p.err == nil) != r.Outcome.Succeeded() {
		s.violated("p%d: outcome %s and error %v", p.id, r.Outcome, p.err)
	}
	if p.err != nil && (p.err.Message == "" || p.err.Code == "") {
		s.violated("p%d: an error without a reason: %+v", p.id, p.err)
	}
	told := strings.Join(append(slices.Clone(r.Warnings), r.ErrorMessage, r.ErrorHint), " ")
	for _, l := range r.Left {
		told += " " + l.What + " " + l.Command
	}
	for _, c := range r.Next {
		told += " " + c.Purpose + " " + c.Line
	}

	for _, v := range s.sim.Versions(p.options.ApplicationID) {
		unfinished := v.Status == carsim.Creating || v.Status == carsim.Uploading || v.Status == carsim.CreateFailed
		if s.maker[v.ID] != p && (!p.own(v.ID) || v.ID != r.VersionID) {
			// Not of this process. Still, a success leaves nothing of the
			// attempts before it.
			m := s.maker[v.ID]
			// Left by somebody who is gone, and not made by one who still lived
			// when this one began.
			left := m != nil && (m.ended || m.dead) && s.born[v.ID] <= p.id
			if p.err == nil && unfinished && left && p.own(v.ID) && v.ID != r.VersionID && s.readable(v.ID) && len(s.claims[v.ID]) == 0 && !s.refusedToDelete(v.ID) {
				s.violated("p%d succeeded with %s, and an earlier attempt's %s is still %s", p.id, r.VersionID, v.ID, v.Status)
			}
			continue
		}
		if all := s.claims[v.ID]; len(all) > 0 && all[len(all)-1] != p {
			continue // another took it over
		}
		switch {
		case p.err == nil && v.ID != r.VersionID:
			s.violated("p%d succeeded with %s, and has made %s as well, which is %s", p.id, r.VersionID, v.ID, v.Status)
		case p.err != nil && (unfinished || v.Status == carsim.Normal) && !strings.Contains(told, v.ID) && !strings.Contains(told, "may have been created"):
			s.violated("p%d ends with %v, leaves %s as %s, and does not say so: %s", p.id, p.err, v.ID, v.Status, told)
		case p.err != nil && (unfinished || v.Status == carsim.Normal) && !p.inDoubt && len(r.Left) == 0:
			s.violated("p%d ends with %v, leaves %s as %s, and does not say how to remove it: %s", p.id, p.err, v.ID, v.Status, told)
		}
	}
	for _, u := range s.sim.Uploads() {
		if s.starter[u.ID] == p && len(r.Warnings)+len(r.Left) == 0 && p.err != nil {
			s.violated("p%d leaves the upload of %s without a word", p.id, u.Key)
		}
		if s.starter[u.ID] == p && p.err == nil && len(r.Warnings) == 0 {
			s.violated("p%d succeeded, and leaves the upload of %s", p.id, u.Key)
		}
	}
	if p.err == nil {
		s.judgeSuccess(p)
	}
	id := r.BlockingVersionID
	maker := s.maker[id]
	if maker == nil || len(s.claims[id]) > 0 || !s.readable(id) {
		return
	}
	if maker == p {
		s.violated("p%d is blocked by %s, which it has made itself", p.id, id)
	}
	same := maker.step.build == p.step.build && maker.options.ArtifactURL.IsZero() == p.options.ArtifactURL.IsZero()
	if p.err != nil && p.err.Kind == publish.InTheWay && p.err.Code != "Unproven" && p.later() && p.own(id) && same && maker.err != nil &&
		s.is(p.options.ApplicationID, id) == p.seen[id] && !s.finished(id) && !s.refusedToDelete(id) && !s.hidden[id] && !s.forged[id] {
		s.violated("p%d is blocked by %s, which an earlier attempt left", p.id, id)
	}
}

// finished reports whether somebody has succeeded with a version: a still later
// attempt may have, while this one waited for it.
func (s *schedule) finished(id string) bool {
	return slices.ContainsFunc(s.all, func(q *process) bool { return q.ended && q.err == nil && q.result.VersionID == id })
}

// is returns the present status of a version. What a list has shown may be
// over: it lags, and others go on.
func (s *schedule) is(app, id string) string {
	for _, v := range s.sim.Versions(app) {
		if v.ID == id {
			return v.Status
		}
	}
	return ""
}

// readable reports whether the service has left a version its mark: some worlds
// cut names off, and some take them from what was delivered, which by URL is
// called otherwise. A call that hit another's version has written its own.
func (s *schedule) readable(id string) bool {
	switch s.world.NameAfterUpload {
	case carsim.NameTruncated:
		return false
	case carsim.NameReplaced:
		maker := s.maker[id]
		return !s.struck[id] && (maker == nil || maker.options.ArtifactURL.IsZero())
	default:
		return !s.struck[id]
	}
}

func (s *schedule) refusedToDelete(string) bool { return s.world.DeleteCreating == carsim.Denied }

func (s *schedule) judgeSuccess(p *process) {
	id := p.result.VersionID
	if s.forged[id] && !p.own(id) && !p.takesOver() {
		s.violated("p%d succeeded with %s, whose mark a colleague has forged", p.id, id)
	}
	if m := s.maker[id]; !p.own(id) && (!p.claims(id) || !p.takesOver()) && !s.struck[id] {
		by := "nobody"
		if m != nil {
			by = fmt.Sprintf("p%d", m.id)
		}
		s.violated("p%d succeeded with %s, which %s made", p.id, id, by)
	}
	switch p.result.Outcome {
	case record.Released:
		if !s.online[id] {
			s.violated("p%d says that %s is online, and it never was", p.id, id)
		}
	case record.Ready:
		if !s.good[id] {
			s.violated("p%d says that %s is ready, and it never was", p.id, id)
		}
	default: // the other successes are of other commands
	}
	if p.options.Release && p.result.Outcome != record.Released {
		s.violated("p%d was to release, and ends well with %s", p.id, p.result.Outcome)
	}
	if !p.options.ArtifactURL.IsZero() {
		return // what CAR downloads has a size that nobody here knows
	}
	if want := sizeOf(p.options.Artifact); s.size[id] != want && !s.struck[id] {
		s.violated("p%d succeeded with %s, which is made of %d bytes; its build has %d", p.id, id, s.size[id], want)
	}
}

// tallyNotes counts what a process had to cope with.
func (s *schedule) tallyNotes(p *process) {
	for what, text := range bitten {
		if slices.ContainsFunc(p.notes, func(n string) bool { return strings.Contains(n, text) }) {
			s.counts[what]++
		}
	}
	if p.err != nil {
		s.counts["ended "+p.err.Code]++
	} else {
		s.counts["ended well"]++
	}
}

// bitten are the difficulties that must really occur, and the words that tell
// of their being resolved.
var bitten = map[string]string{
	"lost create, found again":  "and the version is there: it is used",
	"lost release, found again": "and the version is online",
	"later attempt goes on":     "An earlier attempt",
	"earlier upload resumed":    "was there already",
	"take-over":                 "delivering the build into it instead",
	"waits for a sibling":       "Waiting for ver-",
	"replaces another's":        "deleting it, as on-blocked",
	"makes room":                "deleting it, as on-full",
	"undo":                      "Deleted the unfinished version",
	"start changed":             " now (processes ",
	"start changed back":        ` again.`,
}

// tally sums the schedules up: in how many of them something happened.
type tally struct {
	mu        sync.Mutex
	schedules int
	requests  int
	counts    map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

func (c *tally) add(s *schedule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.schedules++
	c.requests += len(s.trace)
	for what := range s.counts {
		c.counts[what]++
	}
}

func (c *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d schedules, %d steps; in how many of them:\n", c.schedules, c.requests)
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&b, "  %6d  %s\n", c.counts[what], what)
	}
	return b.String()
}

// bites fails if a difficulty never came up.
func (c *tally) bites(t *testing.T) {
	for what := range bitten {
		if c.counts[what] == 0 {
			t.Errorf("in %d schedules there was not one %q", c.schedules, what)
		}
	}
}
