package inputs

import (
	"slices"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Config holds the values of the inputs. After an error it has those that could be
// read, and the defaults of the others.
type Config struct {
	Command string // one of Commands

	ApplicationID   string // "app-..."; "" for create-application, and perhaps for list and doctor
	ApplicationName string // of create-application
	ApplicationType string // "3d", "xr" or "apk"
	StartPath       string // with slashes: "Game/Game.exe"; "" is not given
	StartParameters string
	StartProcesses  []string

	Artifact         string // path or glob
	ArtifactURL      secret.String
	ArtifactName     string // "" is the base name of Artifact; with an ArtifactURL it is never ""
	ArchivePrefix    string // folder of the archive, with slashes: "Game/Windows"; "" is its root
	Compression      string // "auto", "none" or "best"
	Ignore           []string
	NoDefaultIgnores bool   // ignore-defaults is off
	VersionID        string // "ver-..."
	Regions          []string
	UpdateMode       string // "", "FULL" or "INCREMENT"
	VersionName      string

	Release, Wait, DryRun bool
	Probe                 bool // the input probe names the same application as application-id
	Timeout, QueueTimeout time.Duration

	OnBlocked string // "fail", "wait", "replace" or "replace-unreleased"
	OnFull    string // "fail" or "delete-oldest"
	OnFailure string // "auto", "keep" or "delete"
	Keep      []string

	// SecretID and SecretKey are either both set or both zero. Exactly one of
	// these, Role and InstanceRole is set; in a dry run there may be none.
	SecretID, SecretKey, SessionToken secret.String

	// Role is the role whose keys are obtained for an OIDC token.
	Role Role

	// InstanceRole means that the virtual machine is asked for its keys.
	InstanceRole bool

	// CredentialSource says where the keys were found, without their values:
	// "CAR_SECRET_ID and CAR_SECRET_KEY". "" if there are none.
	CredentialSource string

	Site            string // "china" or "international"
	Endpoint        string // scheme and host: "https://car.tencentcloudapi.com"; "" is the site's
	STSEndpoint     string // likewise
	COSEndpoint     string // likewise; "" is what CAR says, and so it is with Accelerate
	Accelerate      bool   // upload through the bucket's accelerated domain
	LimitRate       int64  // bytes a second; 0 is no limit
	Region          string
	ServiceLanguage string        // "en-US" or "zh-CN"
	Proxy           secret.String // URL with a scheme; zero is the environment's
	CAFile          string

	RunKey                            string
	RunAttempt                        int // 0 is not given
	OutputFile, JSONFile, SummaryFile string
	CI                                string // "" is to be detected
	Verbose                           bool
	InAction                          bool // the inputs are those of a GitHub action

	secrets []secret.String
}

// Role is a role that trusts OIDC tokens.
type Role struct {
	ARN      string // "" if there is none
	Provider string
	Audience string
	Duration time.Duration

	// The token, or the file that holds it; without both the CI is asked.
	Token     secret.String
	TokenFile string

	Session string // "" is ours to choose
	Region  string // of STS; "" is Config.Region
}

// KeysOptional reports whether the run is of use without keys: pull requests
// from forks get none, and a dry run still checks the build.
func (c Config) KeysOptional() bool {
	return c.DryRun && (c.Command == "publish" || c.Command == "create")
}

// Secrets returns everything that must be masked before anything is printed:
// keys from every source, used or not, and what is secret in a URL. It is
// complete after an error, too.
func (c Config) Secrets() []secret.String { return slices.Clone(c.secrets) }
