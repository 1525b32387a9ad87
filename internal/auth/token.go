package auth

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/secret"
)

// Tokens gives an OIDC token each time it is asked, the same one or another.
// Its errors are *cloudapi.Error.
type Tokens func(context.Context) (secret.String, error)

// FixedToken always gives the same token.
func FixedToken(token secret.String) Tokens {
	return func(context.Context) (secret.String, error) { return token, nil }
}

// TokenFile reads the token from a file each time: whoever writes it, writes
// another before that one expires.
func TokenFile(path string) Tokens {
	return func(context.Context) (secret.String, error) {
		file, err := os.Open(path)
		if err != nil {
			return secret.String{}, noFile(err)
		}
		defer file.Close()
		content, err := io.ReadAll(io.LimitReader(file, maxToken+1))
		if err != nil {
			return secret.String{}, noFile(err)
		}
		return secret.New(strings.TrimSpace(string(content))), nil
	}
}

func noFile(err error) error {
	return &cloudapi.Error{
		Action: "OIDC token", Code: CodeNoToken, Message: "the file that holds it cannot be read", Err: err,
		Hint: "It was there when the run began. Who removes it?",
	}
}
