package car

// hints are for the codes of CAR's own pages
// (tencentcloud.com/document/product/1158/64217 and its siblings).
var hints = map[string]string{
	"FailedOperation.ApplicationCreateFail":    "CAR could not create the application. Check application-name, and run again: an application that is there already is found by its name.",
	"FailedOperation.ApplicationLockFail":      "CAR was busy with this application the whole time. Is another job publishing to it? Give the jobs one concurrency group per application, and run again.",
	"FailedOperation.ApplicationNotFind":       "This account has no such application. Check application-id, and that the key belongs to the right account and site ({site}, {host}). list without application-id lists all of them, and create-application makes one.",
	"FailedOperation.PathNotFound":             "The start path is not in this version. Set start-path to an executable that the archive holds.",
	"FailedOperation.ProcessTimeout":           "CAR gave up on its own work. Run again; if it stays, ask Tencent Cloud support with the RequestId.",
	"FailedOperation.SlowDown":                 "CAR asked for fewer requests, and kept doing so. Run fewer jobs at once.",
	"FailedOperation.VersionLockFail":          "CAR was busy with this version the whole time. Run again later.",
	"InternalError":                            "The fault is on CAR's side. Run again later; if it stays, ask Tencent Cloud support with the RequestId.",
	"InvalidParameter":                         "CAR refused a parameter; its message says which. Check application-id, artifact-name, regions and update-mode; a mobile application takes neither regions nor update-mode.",
	"InvalidParameterValue":                    "CAR refused a value; its message says which. A desktop application takes zip, rar and 7z, a mobile one apk, xapk and zip; regions and update-mode must be ones that the application offers.",
	"OperationDenied":                          "CAR does not allow this in the application's present state. See which version is unfinished, waiting for release or failed: car-publish list.",
	"OperationDenied.ApplicationLimitExceeded": "The account has as many applications as it may. Delete one, or ask Tencent Cloud to raise the quota.",
	"OperationDenied.VersionCreating":          "Another version of this application is being created, is waiting for release or has failed. Release or delete it, or let on-blocked decide (wait, replace, replace-unreleased).",
	"OperationDenied.VersionLimitExceeded":     "An application holds five versions. Delete one, or set on-full: delete-oldest.",
}
