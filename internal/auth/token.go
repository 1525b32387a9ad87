package auth

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/textfile"
)

// Tokens gives an OIDC token each time it is asked, the same one or another.
// Its errors are *cloudapi.Error.
type Tokens func(context.Context) (secret.String, error)

// FixedToken always gives the same token.
func FixedToken(token secret.String) Tokens {
	return func(context.Context) (secret.String, error) { return token, nil }
}

// TokenFile reads the token from a file each time, since the program that writes
// the file replaces the token before it expires.
func TokenFile(path string) Tokens {
	return func(ctx context.Context) (secret.String, error) {
		content, err := textfile.Read(ctx, path, maxToken)
		if err != nil {
			return secret.String{}, noFile(err)
		}
		return secret.New(strings.TrimSpace(string(content))), nil
	}
}

func noFile(err error) error {
	e := &cloudapi.Error{Action: "OIDC token", Code: CodeNoToken, Message: "the file that holds it cannot be read", Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Hint = "The file was there when the run began. Find out which program removes it."
	}
	return e
}
