package docs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
)

// Each text in the troubleshooting table is one that a real run prints.
func TestReadmeTroubleshooting(t *testing.T) {
	t.Parallel()
	refused := func(action, code string) carsim.World {
		return carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Refuse, Code: code}}}
	}
	list := []string{"list", "--application-id", app}
	role := func(more ...string) []string {
		return append([]string{"list", "--application-id", app, "--role-arn", carsim.RoleARN, "--oidc-provider", carsim.ProviderName}, more...)
	}
	publish := func(artifact string, more ...string) []string {
		return append([]string{"--application-id", app, "--artifact", artifact}, more...)
	}
	to := func(other string, more ...string) []string {
		return append([]string{"--application-id", other, "--artifact", "game.zip"}, more...)
	}
	provoke := map[string]struct {
		args   []string
		world  carsim.World
		env    []string
		status int
	}{
		"secret-id and secret-key are missing":                                 {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=", "TENCENTCLOUD_SECRET_KEY="}, status: exitBadInput},
		"cannot be packed for CAR":                                             {args: publish("odd"), status: exitBadInput},
		"holds no files":                                                       {args: publish("bare"), status: exitBadInput},
		"is not an archive":                                                    {args: publish("text.zip"), status: exitBadInput},
		"is not a duration":                                                    {args: publish("game.zip", "--timeout", "30"), status: exitBadInput},
		"the server could not be reached":                                      {args: publish("game.zip", "--endpoint", "http://127.0.0.1:1", "--timeout", "1s"), status: exitTimedOut},
		"AuthFailure.SecretIdNotFound":                                         {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.OtherSiteSecretID}, status: exitRefused},
		"AuthFailure.SignatureFailure":                                         {args: list, env: []string{"TENCENTCLOUD_SECRET_KEY=another"}, status: exitRefused},
		"AuthFailure.SignatureExpire":                                          {args: list, world: refused("DescribeApplicationVersion", "AuthFailure.SignatureExpire"), status: exitRefused},
		"AuthFailure.TokenFailure":                                             {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.ExpiredSecretID, "TENCENTCLOUD_TOKEN=" + carsim.SessionToken}, status: exitRefused},
		"this job may not ask for an OIDC token":                               {args: role(), env: []string{tokenURL + "=", "GITHUB_ACTIONS=true"}, status: exitBadInput},
		"AssumeRoleWithWebIdentity: UnauthorizedOperation":                     {args: role(), world: carsim.World{Issuer: carsim.Issuer{Subject: "repo:octo/ocean:pull_request"}}, status: exitRefused},
		"InvalidParameter.WebIdentityTokenError":                               {args: role("--oidc-audience", "sts.example.com"), status: exitRefused},
		"InvalidParameter.ParamError":                                          {args: role("--session-duration", "12h"), status: exitRefused},
		"InternalError.GetRoleError":                                           {args: role("--role-arn", "qcs::cam::uin/1:roleName/nobody"), status: exitRefused},
		"it is not a JSON Web Token":                                           {args: role(), env: []string{"CAR_OIDC_TOKEN=token.txt"}, status: exitRefused},
		"and CAR_SECRET_ID are both set: a run has one identity":               {args: role(), env: []string{"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey}, status: exitBadInput},
		"UnauthorizedOperation":                                                {args: publish("game.zip"), env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.ReadOnlySecretID}, status: exitRefused},
		"app-gone is not in this account; this key sees:":                      {args: to("app-gone"), status: exitFailed},
		"is ready and waits for release":                                       {args: to("app-waiting"), status: exitBlocked},
		"is still being created":                                               {args: to("app-busy"), status: exitBlocked},
		"OperationDenied.VersionCreating":                                      {args: publish("game.zip"), world: refused("CreateApplicationVersion", "OperationDenied.VersionCreating"), status: exitBlocked},
		"holds 5 versions and takes no more than 5":                            {args: to("app-full"), status: exitBlocked},
		"OperationDenied.VersionLimitExceeded":                                 {args: publish("game.zip"), world: refused("CreateApplicationVersion", "OperationDenied.VersionLimitExceeded"), status: exitBlocked},
		`"game.7z" is named .7z, but its content is zip`:                       {args: publish("game.7z"), status: exitBadInput},
		"is a mobile application, and game.zip is a zip without an .apk in it": {args: to("app-mobile"), status: exitBadInput},
		"and tools.zip does not hold that":                                     {args: publish("tools.zip"), status: exitBadInput},
		"has no start path yet, so a release would start nothing":              {args: to("app-noconfig", "--release"), status: exitBadInput},
		"is CreateFailed":                                                      {args: to("app-failing"), status: exitNotCreated},
		"upload part 1: AccessDenied":                                          {args: publish("game.zip"), world: refused("cos:UploadPart", "AccessDenied"), status: exitUpload},
		`The timeout of 1s passed in the phase "Wait for CAR"`:                 {args: publish("game.zip", "--timeout", "1s"), world: carsim.World{ProcessingTime: time.Hour}, status: exitTimedOut},
		"instead of an answer came an HTML or XML page":                        {args: list, world: carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.HTML}}}, status: exitFailed},
		"redirects are not followed":                                           {args: list, world: carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.Redirect}}}, status: exitFailed},
		`No file matches "nothing*.zip"`:                                       {args: publish("nothing*.zip"), status: exitBadInput},
		`"two-*.zip" matches 2 files`:                                          {args: publish("two-*.zip"), status: exitBadInput},
		"it is a Git LFS pointer":                                              {args: publish("lfs.zip"), status: exitBadInput},
		"artifact is missing, and so is artifact-url":                          {args: publish(""), status: exitBadInput},
		"is plain http to another machine":                                     {args: append(slices.Clip(list), "--endpoint", "http://car.tencentcloudapi.com"), status: exitBadInput},
		"is online: it is not deleted":                                         {args: []string{"delete", "--application-id", app, "--version-id", "ver-second"}, status: exitBlocked},
		"has no version that was online before":                                {args: []string{"rollback", "--application-id", "app-mobile"}, status: exitBlocked},
	}
	table := rows(t, "Troubleshooting by error text")
	if len(table) != len(provoke) {
		t.Errorf("the table has %d errors, this test provokes %d", len(table), len(provoke))
	}
	for _, cells := range table {
		text := strings.Trim(cells[0], "`")
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, ok := provoke[text]
			if !ok {
				t.Fatal("the test does not know how to provoke it")
			}
			said, status := newDesk(t, p.world).try(t, p.env, "car-publish", p.args...)
			if status != p.status || !strings.Contains(said, text) {
				t.Errorf("exit status %d, want %d, and that text in:\n%s", status, p.status, said)
			}
		})
	}
}
