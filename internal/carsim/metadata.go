package carsim

import (
	"net/http"
	"strings"
	"time"
)

// metadataHost is where a virtual machine asks about itself
// (tencentcloud.com/document/product/213/4934).
const metadataHost = "metadata.tencentyun.com"

const metadataPath = "/latest/meta-data/cam/security-credentials/"

// metadataService gives a machine the keys of the role that is bound to it.
type metadataService struct{ *Sim }

const (
	askRole = "metadata:Role" // its name, or its keys
	askElse = "metadata:Unknown"
)

func (m metadataService) action(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, metadataPath) {
		return askRole
	}
	return askElse
}

func (m metadataService) refuse(code, message string) *answer {
	return said(http.StatusInternalServerError, code, map[string]string{"Code": code, "Message": message})
}

func (m metadataService) handle(r *http.Request) *answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, metadataPath)
	role := m.world.InstanceRole
	switch {
	case m.action(r) == askElse, role == "", name != "" && name != role:
		a := newAnswer(http.StatusNotFound, "text/html", []byte("<h1>404 Not Found</h1>\n"))
		a.call.Code = "NotFound"
		return a
	case name == "":
		return newAnswer(http.StatusOK, "text/plain", []byte(role))
	}
	now := m.now()
	key := Key{
		SecretID: m.newID("AKIDinstance"), SecretKey: requestID(), Token: requestID() + requestID(),
		Expires: now.Add(defaultSession).Truncate(time.Second), Site: m.world.Site,
	}
	m.sessions = append(m.sessions, key)
	return said(http.StatusOK, "", struct {
		TmpSecretId, TmpSecretKey string //nolint:revive // the API's spelling
		ExpiredTime               int64
		Expiration                string
		Token, Code               string
	}{key.SecretID, key.SecretKey, key.Expires.Unix(), key.Expires.UTC().Format(time.RFC3339), key.Token, "Success"})
}
