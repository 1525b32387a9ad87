package inputs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

// Whatever the arguments and the environment are: no panic, an error of one
// of the documented kinds, one line for each problem and warning, and the key
// nowhere in sight.
func FuzzParse(f *testing.F) {
	seeds := 0
	for name, values := range sample {
		for _, value := range values {
			f.Add("--"+name+"\n"+value, strings.Join(complete, "\n"))
			for _, variable := range variables(name) {
				f.Add("publish", variable+"="+value)
			}
			seeds++
		}
	}
	if seeds < len(Table) {
		f.Fatalf("got %d seeds, want one for each of the %d inputs", seeds, len(Table))
	}
	f.Add("help\npublish\n--version", "")
	f.Add("--bogus\nx\n-5\n--\n--=\n---\n-", "CAR_RELASE=1\nCAR_SECRET_ID\n=\nINPUT_")
	f.Fuzz(func(t *testing.T, args, environ string) {
		const canary = "kEy-0f-CaNaRy"
		if strings.Contains(args+environ, canary) {
			return
		}
		var out bytes.Buffer
		c, warnings, err := Parse(strings.Split(args, "\n"), append(strings.Split(environ, "\n"), "CAR_SECRET_KEY="+canary), "1.2.3", &out)

		var all *multierror.Error
		switch {
		case errors.Is(err, ErrShown):
			if out.Len() == 0 {
				t.Error("nothing was shown")
			}
			return
		case err == nil:
			if c.ApplicationID == "" || c.Timeout <= 0 || c.SecretKey.IsZero() {
				t.Errorf("got no error, and the incomplete Config %+v", c)
			}
		case !errors.As(err, &all):
			t.Fatalf("got error %T, want a *multierror.Error", err)
		case len(all.Errors) == 0:
			t.Fatal("got an error without a problem")
		}
		if out.Len() > 0 {
			t.Errorf("wrote %q without being asked for help", &out)
		}
		lines := warnings
		if all != nil {
			for _, one := range all.Errors {
				var problem *Problem
				if !errors.As(one, &problem) {
					t.Errorf("got problem %T, want a *Problem", one)
				}
				lines = append(lines, one.Error())
			}
		}
		for _, line := range lines {
			if strings.ContainsAny(line, "\n\r") || line == "" {
				t.Errorf("got %q, want one line", line)
			}
		}
		for _, shown := range []string{fmt.Sprint(err), fmt.Sprintf("%+v %#v", c, c), strings.Join(warnings, "\n")} {
			if strings.Contains(shown, canary) {
				t.Errorf("the key is in %q", shown)
			}
		}
		found := false
		for _, s := range c.Secrets() {
			found = found || s.Reveal() == canary
		}
		if !found {
			t.Error("the key is not among the secrets")
		}
	})
}
