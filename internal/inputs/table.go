package inputs

// Commands are the commands, the default first.
var Commands = []Command{
	{"publish", "create a version, deliver the build, wait until CAR has accepted it"},
	{"create-application", "create an application, unless there is one of that name"},
	{"create", "only create a version; somebody else delivers the build"},
	{"release", "put a version online for players"},
	{"rollback", "put the previous version, or a given one, online again"},
	{"list", "list the versions; without application-id, the applications"},
	{"delete", "delete a version that is not online"},
	{"cleanup", "delete what a run that was killed left unfinished"},
	{"doctor", "check step by step what a publish with these inputs needs"},
}

// The headings of the help.
const (
	groupVersion     = "Application and version"
	groupFolder      = "Packing a folder"
	groupAction      = "What to do with it"
	groupCredentials = "Credentials"
	groupService     = "The service and the way there"
	groupReport      = "The run and its reports"
)

// Table describes every input.
var Table = []Input{
	{
		Name: "command", Kind: Choice, Default: "publish",
		Choices: commandNames(),
		Meaning: "What to do: `publish`, `create-application`, `create`, `release`, `rollback`, `list`, `delete`, `cleanup` or `doctor`. On a command line it is the first word.",
	},
	{
		Name: "application-id", Group: groupVersion, DefaultNote: required,
		Meaning: "Id of the application; it begins with `app-`. `create-application` has it as an output, and needs none; `list` and `doctor` list the applications without one.",
	},
	{
		Name: "application-name", Group: groupVersion, Commands: []string{"create-application"},
		Meaning: "Name of the application that `create-application` finds or makes: at most 16 letters, digits, hyphens and Chinese characters.",
	},
	{
		Name: "application-type", Kind: Choice, Group: groupVersion, Default: "3d", Commands: []string{"create-application"},
		Choices: []string{"3d", "xr", "apk"},
		Meaning: "What `create-application` makes: `3d` is a desktop application, `xr` one for headsets, `apk` a mobile one. It cannot be changed later.",
	},
	{
		Name: "start-path", Group: groupVersion, Commands: []string{"publish", "release", "rollback"}, DefaultNote: "what the application has",
		Meaning: "Program in the build that CAR starts for a player, such as `Game/Game.exe`. It belongs to the application, so it is set together with the release of a version that holds it. Desktop applications only.",
	},
	{
		Name: "start-parameters", Group: groupVersion, Commands: []string{"publish", "release", "rollback"}, DefaultNote: "what the application has",
		Meaning: "Command line of that program, such as `-windowed -log`. CAR shows it to everybody who may list applications: put no secret in it.",
	},
	{
		Name: "start-processes", Kind: List, Group: groupVersion, Commands: []string{"publish", "release", "rollback"}, DefaultNote: "the program, and what it launches",
		Meaning: "Names of the processes that the application consists of, such as `Game.exe, Game-Win64-Shipping.exe`. By default the program and, for an Unreal build, the `-Win64-Shipping.exe` that it launches.",
	},
	{
		Name: "artifact", Kind: Path, Group: groupVersion, Commands: []string{"publish"},
		Meaning: "Path or glob of the build: one folder, which is packed while it is being uploaded, or one file; a glob must match only that. For a desktop application that is a folder, zip, rar or 7z; for a mobile one an apk, xapk or zip.",
	},
	{
		Name: "artifact-url", Kind: URL, Group: groupVersion, Commands: []string{"publish"},
		Meaning: "Instead of `artifact`: a URL that CAR downloads the build from. The download must start at once, so the share page of a cloud disk does not work. A query string in it is kept secret.",
	},
	{
		Name: "artifact-name", Group: groupVersion, Commands: []string{"publish", "create"}, DefaultNote: "base name of the artifact",
		Meaning: "File name that CAR gets for the build. `create` needs it.",
	},
	{
		Name: "version-id", Group: groupVersion, Commands: []string{"release", "rollback", "delete"},
		Meaning: "Id of a version; it begins with `ver-`. `release` and `delete` need one; without one, `rollback` takes the newest former version that is older than the one online and was not itself rolled back from.",
	},
	{
		Name: "regions", Kind: List, Group: groupVersion, Commands: []string{"publish", "create"}, DefaultNote: "CAR decides",
		Meaning: "Regions to deploy the version to, such as `ap-chinese-mainland` or `ap-tokyo`. Desktop applications only.",
	},
	{
		Name: "update-mode", Kind: Choice, Group: groupVersion, Commands: []string{"publish", "create"}, DefaultNote: "CAR decides",
		Choices: []string{"FULL", "INCREMENT"},
		Meaning: "`FULL` or `INCREMENT`. Tencent does not say what the package of an `INCREMENT` version is, so it is always the whole build; `doctor` with `probe` finds out. Desktop applications only.",
	},
	{
		Name: "version-name", Group: groupVersion, Commands: []string{"publish"}, DefaultNote: "CAR takes it from the file name",
		Meaning: "Name that the version gets at the end of the run.",
	},
	{
		Name: "archive-prefix", Group: groupFolder, Commands: []string{"publish"},
		Meaning: "Folder of the archive in which everything lies, such as `Game`. Without it the contents of the folder are at the archive's root.",
	},
	{
		Name: "compression", Kind: Choice, Group: groupFolder, Default: "auto", Commands: []string{"publish"},
		Choices: []string{"auto", "none", "best"},
		Meaning: "`auto` is quick and leaves alone what does not get smaller, `none` only stores, `best` takes its time.",
	},
	{
		Name: "ignore", Kind: List, Group: groupFolder, Commands: []string{"publish"},
		Meaning: "Patterns of files and folders to leave out, as in a `.gitignore`: `*.pdb`, `Saved/`, `/Tools/**/*.log`, `!keep.log`. One on each line, or with commas between them.",
	},
	{
		Name: "ignore-defaults", Kind: Bool, Group: groupFolder, Default: "true", Commands: []string{"publish"},
		Meaning: "Leave out what never belongs into a build: `.git`, `.hg`, `.svn`, `.DS_Store`, `Thumbs.db`, `desktop.ini`, `__MACOSX`, `*_BurstDebugInformation_DoNotShip` and `*_BackUpThisFolder_ButDontShipItWithYourGame`.",
	},
	{
		Name: "release", Kind: Bool, Group: groupAction, Default: "false", Commands: []string{"publish"},
		Meaning: "Put the version online for players as soon as it is ready.",
	},
	{
		Name: "wait", Kind: Bool, Group: groupAction, DefaultNote: "`true`; `false` for `create`", Commands: []string{"publish", "create", "release"},
		Meaning: "Wait until CAR has accepted the build. With `false` the run ends before that, and a build that CAR cannot use goes unnoticed.",
	},
	{
		Name: "timeout", Kind: Duration, Group: groupAction, Default: "5h30m",
		Meaning: "Time limit for everything together, such as `90s`, `30m` or `2h`.",
	},
	{
		Name: "queue-timeout", Kind: Duration, Group: groupAction, Default: "1h", Commands: []string{"publish", "create"},
		Meaning: "With `on-blocked: wait`, how long to wait for the other version.",
	},
	{
		Name: "on-blocked", Kind: Choice, Group: groupAction, Default: "fail", Commands: []string{"publish", "create"},
		Choices: []string{"fail", "wait", "replace", "replace-unreleased"},
		Meaning: "When another version is in the way: `fail`, `wait` for it, `replace` it unless it is ready, or `replace-unreleased` even if it is ready and waits for its release.",
	},
	{
		Name: "on-full", Kind: Choice, Group: groupAction, Default: "fail", Commands: []string{"publish", "create"},
		Choices: []string{"fail", "delete-oldest"},
		Meaning: "When the application holds as many versions as it may: `fail`, or `delete-oldest` to make room. The version that is online and the newest former one are never deleted.",
	},
	{
		Name: "keep", Kind: List, Group: groupAction, Commands: []string{"publish", "create"},
		Meaning: "Versions that are never deleted to make room: ids, names, or globs of names, such as `gold-*`.",
	},
	{
		Name: "on-failure", Kind: Choice, Group: groupAction, Default: "auto", Commands: []string{"publish"},
		Choices: []string{"auto", "keep", "delete"},
		Meaning: "What becomes of the new version if the run fails: `auto` deletes it if the build was not delivered or the run was cancelled, and keeps it otherwise; `keep` keeps it; `delete` deletes it unless it was released.",
	},
	{
		Name: "dry-run", Kind: Bool, Group: groupAction, Default: "false", Commands: []string{"publish", "create-application", "create", "release", "rollback", "delete", "cleanup"},
		Meaning: "Check everything, change nothing, print the plan. `publish` and `create` then work without keys, too.",
	},
	{
		Name: "probe", Group: groupAction, Commands: []string{"doctor"},
		Meaning: "For `doctor`: id of a scratch application, the same as `application-id`. `doctor` makes a small version there to find out how CAR behaves where that is not documented, and deletes it at the end. Nothing is released.",
	},
	{
		Name: "role-arn", Group: groupCredentials,
		Meaning: "Role in CAM whose keys the run gets for an OIDC token, such as `qcs::cam::uin/100000000001:roleName/publisher`. With it no key needs to be stored anywhere.",
	},
	{
		Name: "oidc-provider", Group: groupCredentials,
		Meaning: "Name of the identity provider in CAM that knows the issuer of the token. `role-arn` needs it.",
	},
	{
		Name: "oidc-audience", Group: groupCredentials, Default: "sts.tencentcloudapi.com",
		Meaning: "Audience of the token that the run requests from GitHub or Buildkite: one of the provider's client ids.",
	},
	{
		Name: "session-duration", Kind: Duration, Group: groupCredentials, Default: "2h",
		Meaning: "How long the role's keys are valid, from `15m` to `12h`, and no longer than CAM allows for the role. A run that takes longer renews them in time.",
	},
	{
		Name: "oidc-token", Kind: Secret, Group: groupCredentials, DefaultNote: "requested from GitHub or Buildkite",
		Meaning: "The OIDC token itself. Other CIs than GitHub and Buildkite need it.",
	},
	{
		Name: "oidc-token-file", Kind: Path, Group: groupCredentials,
		Meaning: "File that holds the OIDC token. It is read again for each renewal.",
	},
	{
		Name: "secret-id", Kind: Secret, Group: groupCredentials, DefaultNote: "`TENCENTCLOUD_SECRET_ID`",
		Meaning: "SecretId of the API key.",
	},
	{
		Name: "secret-key", Kind: Secret, Group: groupCredentials, DefaultNote: "`TENCENTCLOUD_SECRET_KEY`",
		Meaning: "SecretKey of the API key.",
	},
	{
		Name: "session-token", Kind: Secret, Group: groupCredentials, DefaultNote: "`TENCENTCLOUD_TOKEN` or `TENCENTCLOUD_SECURITY_TOKEN`",
		Meaning: "Token that belongs to a temporary key.",
	},
	{
		Name: "secret-id-file", Kind: Path, Group: groupCredentials,
		Meaning: "File that holds the SecretId.",
	},
	{
		Name: "secret-key-file", Kind: Path, Group: groupCredentials,
		Meaning: "File that holds the SecretKey.",
	},
	{
		Name: "session-token-file", Kind: Path, Group: groupCredentials,
		Meaning: "File that holds the token.",
	},
	{
		Name: "credentials", Kind: Choice, Group: groupCredentials, DefaultNote: "`inputs`", Choices: []string{"inputs", "ambient"},
		Meaning: "Where keys may come from: `inputs` allows only these inputs; `ambient` also allows, if none of them is set, the keys of the runner itself: `TENCENTCLOUD_...`, the role of its pod, or the role of its virtual machine.",
	},
	{
		Name: "site", Kind: Choice, Group: groupService, Default: "china", Choices: []string{"china", "international"},
		Meaning: "Where the account is: `china` (car.tencentcloudapi.com) or `international` (car.intl.tencentcloudapi.com). A key of one site is unknown on the other.",
	},
	{
		Name: "endpoint", Kind: URL, Group: groupService, DefaultNote: "from `site`",
		Meaning: "Another host or URL for the CAR API. Plain http only to this machine.",
	},
	{
		Name: "sts-endpoint", Kind: URL, Group: groupService, DefaultNote: "from `site`",
		Meaning: "Another host or URL for STS, which gives the keys of `role-arn`. Plain http only to this machine.",
	},
	{
		Name: "cos-endpoint", Kind: URL, Group: groupService, Commands: []string{"publish"}, DefaultNote: "as CAR says",
		Meaning: "Another host or URL for the upload, or `accelerate` for Tencent's global acceleration, which helps far from the bucket; if the bucket does not have it, the upload runs without it, with a warning. Plain http only to this machine.",
	},
	{
		Name: "limit-rate", Kind: Rate, Group: groupService, Commands: []string{"publish"}, DefaultNote: "no limit",
		Meaning: "Highest rate of the upload in bytes per second, such as `20MiB`, `8MB` or `500KiB`, for a machine that shares its network.",
	},
	{
		Name: "region", Group: groupService,
		Meaning: "The API's common parameter Region. CAR does not need it, and STS gets `ap-guangzhou` or `ap-singapore`, by `site`. Where the version is deployed is another input, `regions`.",
	},
	{
		Name: "service-language", Kind: Choice, Group: groupService, Default: "en-US", Choices: []string{"en-US", "zh-CN"},
		Meaning: "Language of the service's own messages: `en-US` or `zh-CN`.",
	},
	{
		Name: "proxy", Kind: URL, Group: groupService, DefaultNote: "`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`",
		Meaning: "URL of a proxy. A password in it is kept secret.",
	},
	{
		Name: "ca-file", Kind: Path, Group: groupService,
		Meaning: "PEM file with further certificate authorities to trust.",
	},
	{
		Name: "run-key", Group: groupReport, Commands: []string{"publish", "create", "cleanup"}, DefaultNote: "from the CI",
		ActionDefault: "${{ github.run_id }}/${{ github.job }}/${{ strategy.job-index }}/${{ github.action }}",
		Meaning:       "Key that is the same in every attempt of this step and different in every other step. By it, a later attempt recognises the version of an earlier one and resumes it. Its parts are separated by `/`; if one is empty, the key is incomplete and nothing is resumed.",
	},
	{
		Name: "run-attempt", Kind: Number, Group: groupReport, Commands: []string{"publish", "create", "cleanup"}, DefaultNote: "from the CI, else 1", NotInAction: true,
		Meaning: "Which attempt of the run this is. From 2 on, the version that an earlier attempt with the same `run-key` left is resumed. Set 2 only when the earlier one has ended.",
	},
	{
		Name: "output-file", Kind: Path, Group: groupReport,
		Meaning: "Write the outputs to this file as well, as `CAR_PUBLISHED_...=` lines (dotenv).",
	},
	{
		Name: "json-file", Kind: Path, Group: groupReport,
		Meaning: "Write the whole result to this file as JSON.",
	},
	{
		Name: "summary-file", Kind: Path, Group: groupReport,
		Meaning: "Write the summary to this file as Markdown.",
	},
	{
		Name: "ci", Kind: Choice, Group: groupReport, DefaultNote: "detected", NotInAction: true,
		Choices: []string{"azure", "buildkite", "cnb", "drone", "forgejo", "gitea", "github", "gitlab", "harness", "jenkins", "woodpecker", "plain"},
		Meaning: "Write log and outputs in the form of this CI: `azure`, `buildkite`, `cnb`, `drone`, `forgejo`, `gitea`, `github`, `gitlab`, `harness`, `jenkins`, `woodpecker`, or `plain` for a terminal and every other one.",
	},
	{
		Name: "verbose", Kind: Bool, Group: groupReport, Default: "false",
		Meaning: "Log one line for each call to the service, never its content. GitHub's debug logging does the same.",
	},
}

// Outputs describes every output.
var Outputs = []Output{
	{"outcome", "How the run ended: `released`, `ready`, `created`, `planned`, `listed`, `exists` (an application of that name), `deleted`, `cleaned`, `healthy`, `blocked`, `failed` or `cancelled`."},
	{"version-id", "Id of the version."},
	{"version-name", "Name of the version."},
	{"version-status", "Last known status of the version, as CAR words it: `Inuse` is online, `Normal` is ready."},
	{"version-size", "Size of the version in bytes, as CAR counts them."},
	{"version-regions", "Regions of the version, with commas between them."},
	{"version-update-mode", "Update mode of the version."},
	{"create-time", "When the version was created."},
	{"request-id", "RequestId of the call that created the version; after a failure, of the call that failed."},
	{"application-id", "Id of the application, also of one that `create-application` has found or made."},
	{"application-name", "Name of the application."},
	{"previous-version-id", "The version that was online before: the one to roll back to."},
	{"previous-start-path", "What the application started before, if this run has changed it."},
	{"deleted-version-ids", "Versions that the run deleted, with commas between them."},
	{"blocking-version-id", "The version that was in the way."},
	{"failed-checks", "Checks of `doctor` that failed, with commas between them."},
	{"artifact-size", "Size of the artifact in bytes."},
	{"artifact-crc64", "CRC-64 (ECMA) of the artifact, as COS confirmed it."},
	{"duration-seconds", "How long the run took."},
	{"error-code", "Code of the error, as the service words it."},
	{"error-message", "What failed."},
	{"console-url", "The page of the CAR console that lists the applications."},
	{"message", "The whole story in one plain line, for a chat."},
	{"json", "Everything as JSON, with `schema: 1`."},
}

// knownRegions are the values that the reference of CreateApplicationVersion
// lists for ApplicationVersionRegions
// (tencentcloud.com/document/product/1158/64217).
var knownRegions = []string{
	"ap-chinese-mainland", "na-north-america", "eu-frankfurt", "ap-mumbai", "ap-tokyo", "ap-seoul",
	"ap-singapore", "ap-bangkok", "ap-hongkong",
	"me-middle-east-fusion", "na-north-america-fusion", "sa-south-america-fusion", "ap-tokyo-fusion",
	"ap-seoul-fusion", "eu-frankfurt-fusion", "ap-singapore-fusion", "ap-hongkong-fusion",
}
