package inputs

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

// A secret that somebody has put into the wrong place as well is not shown there,
// and no part of it is. A message may end in the middle of it, and a CI masks only
// whole secrets.
func TestSecretInTheWrongPlace(t *testing.T) {
	t.Parallel()
	const canary = `Zq7rT2wX9"mK4pL8vB3nY6cF1hJ5sD0gA`
	// The CI hides it where it is whole, also as our messages quote it.
	byCI := strings.NewReplacer(canary, "", strings.ReplaceAll(canary, `"`, `\"`), "")
	check := func(environ []string, args ...string) {
		t.Helper()
		c, lines, err := Parse(args, slices.Concat([]string{"CAR_APPLICATION_ID=app-1", "CAR_SECRET_ID=id", "CAR_SECRET_KEY=" + canary}, environ), "1.2.3", io.Discard)
		lines = append(lines, c.CredentialSource)
		if problems := (*multierror.Error)(nil); errors.As(err, &problems) {
			for _, problem := range problems.Errors {
				lines = append(lines, problem.Error())
			}
		}
		for _, line := range lines {
			for i := range len(canary) - 4 {
				if strings.Contains(byCI.Replace(line), canary[i:i+4]) {
					t.Fatalf("%q %q: a part of the secret is in %q", environ, args, line)
				}
			}
		}
	}
	for _, around := range []string{"", "app-", "ver-", "a,", "x ", "[\"", "https://", "https://a/", "https://a.", ":oidc-provider/", "qcs::cam::uin/1:roleName/"} {
		for _, length := range []int{0, 90} { // whole, and where a message cuts
			value := around + strings.Repeat("x", max(0, length-len(around))) + canary
			for _, in := range Table {
				check([]string{carName(in.Name) + "=" + value})
				check([]string{"CAR_SECRET_KEY=", "TENCENTCLOUD_SECRET_KEY=" + canary, carName(in.Name) + "=" + value})
				check(nil, "--"+in.Name, "a", value)
			}
			for _, args := range [][]string{{value}, {"list", value}, {value, "list"}, {"--" + value}, {"-" + value + "=x"}, {"--bogus", value}} {
				check(nil, args...)
			}
			check([]string{"CAR_" + value + "=x"})
		}
	}
}
