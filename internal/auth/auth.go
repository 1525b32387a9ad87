// Package auth provides the keys that sign requests. They are fixed (Static),
// exchanged for an OIDC token at STS (AssumeRole), or those of the virtual
// machine that the program runs on (Instance).
//
// Every error is a *cloudapi.Error with a hint for the user.
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

// Codes of our own, for what went wrong before STS was asked.
const (
	CodeNoToken  = "NoToken"
	CodeBadToken = "InvalidToken"
)
