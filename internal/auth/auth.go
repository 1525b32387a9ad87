// Package auth says who we are: the keys that requests are signed with.
package auth

import (
	"context"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/secret"
)

// Source gives the keys for the next request.
type Source func(context.Context) (cloudapi.Credentials, error)

// Static is a fixed pair of keys, with a token if they are temporary ones.
func Static(id, key, token secret.String) Source {
	keys := cloudapi.Credentials{SecretID: id, SecretKey: key, Token: token}
	return func(context.Context) (cloudapi.Credentials, error) { return keys, nil }
}
