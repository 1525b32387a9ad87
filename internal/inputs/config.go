package inputs

import (
	"slices"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Config is what the inputs say, as values. After an error it holds what
// could be read, and the default of the rest.
type Config struct {
	Command string // one of Commands

	ApplicationID string // "app-..."
	Artifact      string // path or glob
	ArtifactURL   secret.String
	ArtifactName  string // "" is the base name of Artifact; with an ArtifactURL it is never ""
	VersionID     string // "ver-..."
	Regions       []string
	UpdateMode    string // "", "FULL" or "INCREMENT"
	VersionName   string

	Release, Wait, DryRun bool
	Probe                 bool // the scratch application was named twice
	Timeout, QueueTimeout time.Duration

	OnBlocked string // "fail", "wait", "replace" or "replace-unreleased"
	OnFull    string // "fail" or "delete-oldest"
	OnFailure string // "auto", "keep" or "delete"
	Keep      []string

	// SecretID and SecretKey are either both set or both zero. There are
	// either these, or a Role, or InstanceRole is true; none only in a dry
	// run.
	SecretID, SecretKey, SessionToken secret.String

	// Role is whose keys are to be had for an OIDC token.
	Role Role

	// InstanceRole says to ask the virtual machine for its keys.
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

	secrets []secret.String
}

// Role is a role that trusts OIDC tokens.
type Role struct {
	ARN      string // "" if there is none
	Provider string
	Audience string
	Duration time.Duration

	// The token, or the file that it is in; without both it is the CI that is
	// asked.
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
