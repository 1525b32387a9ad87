package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/secret"
)

// MetadataHost is where a virtual machine of Tencent Cloud finds the keys of the
// role that is bound to it
// (https://www.tencentcloud.com/document/product/213/4934). It is a host of
// the local network, which speaks plain http only: through a proxy of the
// services, another machine would answer with its own role.
const (
	MetadataHost = "metadata.tencentyun.com"
	metadata     = "http://" + MetadataHost + "/latest/meta-data/cam/security-credentials/"
)

// roleName is what a role can be called; the name goes into a URL.
var roleName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// Instance is the role of the virtual machine that we run on.
type Instance struct {
	Transport http.RoundTripper
	Mask      func(secret.String)
	Warn      func(text string)
}

// InstanceRole gives the keys of the machine's role.
func InstanceRole(i Instance) *Session {
	return newSession(i.fetch, func(err error, ends time.Time) {
		i.Warn(fmt.Sprintf("The keys of the machine's role could not be renewed, and those at hand end at %s: %v", clock(ends), err))
	})
}

func (i Instance) fetch(ctx context.Context) (lease, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	asked := time.Now()
	body, _, err := i.get(ctx, "")
	if err != nil {
		return lease{}, i.fail(err)
	}
	role := strings.TrimSpace(string(body))
	if !roleName.MatchString(role) {
		return lease{}, i.fail(errors.New("its answer is not the name of a role"))
	}
	body, now, err := i.get(ctx, role)
	if err != nil {
		return lease{}, i.fail(err)
	}
	var answer struct {
		TmpSecretID, TmpSecretKey, Token, Code string
		ExpiredTime                            int64
	}
	if json.Unmarshal(body, &answer) != nil || answer.Code != "Success" {
		return lease{}, i.fail(fmt.Errorf("it gave no keys for the role %s", quote(role)))
	}
	l, ok := grant(answer.TmpSecretID, answer.TmpSecretKey, answer.Token, asked, time.Unix(answer.ExpiredTime, 0).Sub(now), i.Mask)
	if !ok {
		return lease{}, i.fail(fmt.Errorf("the keys that it gave for the role %s are not good now", quote(role)))
	}
	return l, nil
}

// get returns the answer, and the time that the other side's clock shows.
func (i Instance) get(ctx context.Context, name string) ([]byte, time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, metadata+name, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	resp, err := i.Transport.RoundTrip(request)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case resp.StatusCode == http.StatusNotFound:
		return nil, time.Time{}, errors.New("no role is bound to this machine")
	case resp.StatusCode != http.StatusOK:
		return nil, time.Time{}, fmt.Errorf("it answered HTTP %d", resp.StatusCode)
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return body, now, nil
}

func (i Instance) fail(err error) error {
	return &cloudapi.Error{
		Action: "read the machine's role", Code: cloudapi.CodeCredentials, Message: "the metadata service of the machine gave no keys", Err: err,
		Hint: "credentials: ambient found no other keys. On a virtual machine of Tencent Cloud bind a role to it in CAM, and keep metadata.tencentyun.com out of HTTP_PROXY (by NO_PROXY); anywhere else set role-arn, or secret-id and secret-key.",
	}
}
