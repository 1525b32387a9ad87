package inputs

// ExitStatus is one exit status of the program.
type ExitStatus struct {
	Code    int
	Meaning string
}

// ExitStatuses describes every exit status.
var ExitStatuses = []ExitStatus{
	{0, "done"},
	{1, "failed"},
	{2, "bad input, before any call"},
	{3, "the credentials were refused"},
	{4, "blocked: another version is in the way, there is no room, or releasing this version again could undo a later release"},
	{5, "the upload failed"},
	{6, "CAR could not create the version"},
	{7, "timed out"},
	{130, "interrupted"},
	{143, "terminated"},
}
