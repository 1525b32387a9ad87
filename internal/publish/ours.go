package publish

import "github.com/car-publish/car-publish/internal/car"

// ourVersion is the version that a run works on: what CAR says of it, how far
// it is, and how it became ours. It changes only by the methods below.
type ourVersion struct {
	car.Version        // as CAR showed it last; without an id there is none
	stage       stage  //
	origin      origin //

	// formerName is the name of a version that another process made, from
	// before this run renamed it.
	formerName string
	// listed says that a list has shown it since it became ours. Before that,
	// its absence may only mean that the list lags behind.
	listed bool
	// contested says that another process may have delivered a build into it.
	contested bool
	// unproven says that an earlier attempt's mark is all that tells whose build
	// it holds.
	unproven bool
	// overtaken says that it was released, and another version after it.
	overtaken bool
}

// stage is how far our version is.
type stage int

const (
	nothing     stage = iota // there is none
	undelivered              // created; CAR waits for the build
	processing               // CAR knows that the build is there
	ready                    // CAR has accepted the build
	onlineSent               // somebody asked CAR to put it online, perhaps this run
)

// origin is how a version became ours.
type origin int

const (
	created   origin = iota // this process created it, or a command names it
	adopted                 // an earlier attempt of this run created it
	takenOver               // another run created it, and CAR does not let it be deleted
)

// becomeCreated takes the version that this process has created.
func (o *ourVersion) becomeCreated(v car.Version) {
	o.Version, o.stage = v, undelivered
}

// becomeNamed takes the version that a command names. It counts as ready: this
// run has not made it, so no failure removes it.
func (o *ourVersion) becomeNamed(v car.Version) {
	o.Version, o.stage = v, ready
}

// becomeAdopted takes the version of an earlier attempt with all that it has
// reached. While it is being created, that attempt may have delivered its build.
func (o *ourVersion) becomeAdopted(v car.Version, trusted trust) {
	o.Version, o.origin, o.formerName, o.listed, o.unproven = v, adopted, v.Name, true, trusted != trustOurs
	switch v.Status {
	case car.Inuse:
		o.stage = onlineSent
	case car.Normal:
		o.stage = ready
	default:
		o.stage, o.contested = undelivered, true
	}
}

// becomeTakenOver takes the version of another run, whose process may still
// live.
func (o *ourVersion) becomeTakenOver(v car.Version, formerName string) {
	o.Version, o.origin, o.formerName = v, takenOver, formerName
	o.stage, o.contested, o.listed = undelivered, true, true
}

// lost gives it up: another run has taken it over.
func (o *ourVersion) lost() { o.stage = nothing }

// delivered says that CAR knows of its build.
func (o *ourVersion) delivered() { o.stage = processing }

// accepted takes the state in which CAR has accepted the build. A version that
// is or was online has been released, whoever did it.
func (o *ourVersion) accepted(v car.Version) {
	o.Version, o.stage = v, max(o.stage, ready)
	if v.Status != car.Normal {
		o.stage = onlineSent
	}
}

// exists reports whether there is a version of ours.
func (o *ourVersion) exists() bool { return o.stage != nothing }
