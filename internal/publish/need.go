package publish

// Need is an action of the CAR API that a publish calls.
type Need struct {
	Action string

	// Changes says that the call changes something, so that doctor cannot try
	// without harm whether a key may make it.
	Changes bool

	// Without is what a publish goes on without if it may not make the call;
	// "" if it cannot.
	Without string

	when func(Options) bool // nil is always
}

// needs is the one list of what a publish calls, and when; the policy that
// doctor prints is made from it, and a test compares it with what the
// simulator was asked.
var needs = []Need{
	{Action: "DescribeApplicationVersion"},
	{Action: "DescribeApplicationList", Without: "the build cannot be compared with the application's kind and start path"},
	{Action: "DescribeApplicationStatus", Without: "CAR's progress is not shown", when: func(o Options) bool { return o.Wait }},
	{Action: "DescribeApplicationPathList", Without: "the start path is not checked before the release", when: func(o Options) bool { return o.Release }},
	{Action: "DescribeApplicationProjects", Without: "it is not told whether any project lets players in", when: func(o Options) bool { return o.Release }},
	{Action: "DescribeCosCredential", when: func(o Options) bool { return o.ArtifactURL.IsZero() }},
	{Action: "CreateApplicationVersion", Changes: true},
	{Action: "CreateApplicationSnapshot", Changes: true},
	{Action: "SetApplicationVersionOnline", Changes: true, when: func(o Options) bool { return o.Release }},
	{Action: "ModifyApplicationBaseInfo", Changes: true, when: func(o Options) bool { return o.Release && o.Start.given() }},
	{Action: "ModifyApplicationVersion", Changes: true, Without: "the version keeps its name, and a later attempt cannot prove that it is its own", when: func(o Options) bool { return o.VersionName != "" || o.KeyComplete }},
	// Under every policy, a version that CAR could not make is deleted before
	// the create, and a run that fails takes its own version back.
	{Action: "DeleteApplicationVersion", Changes: true},
}

// Needs returns what a publish with these options may call.
func Needs(o Options) []Need {
	var list []Need
	for _, n := range needs {
		if n.when == nil || n.when(o) {
			list = append(list, n)
		}
	}
	return list
}
