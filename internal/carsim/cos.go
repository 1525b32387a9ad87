package carsim

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The COS actions that faults can be about.
const (
	putObject        = "cos:PutObject"
	headObject       = "cos:HeadObject"
	initiateUpload   = "cos:InitiateMultipartUpload"
	uploadPart       = "cos:UploadPart"
	completeUpload   = "cos:CompleteMultipartUpload"
	abortUpload      = "cos:AbortMultipartUpload"
	listParts        = "cos:ListParts"
	listUploads      = "cos:ListMultipartUploads"
	unknownCOSAction = "cos:Other"
)

var cosActions = []string{
	putObject, headObject, initiateUpload, uploadPart, completeUpload, abortUpload, listParts, listUploads,
}

// Limits of COS (tencentcloud.com/document/product/436/14112, 14518).
const (
	maxPart  = 5 << 30 // bytes, of one PUT as well
	maxParts = 10_000
	pageSize = 1000 // entries of a list
)

// keptBody is how many bytes of a package are kept, so that its directory can
// be read. Of larger ones only size and checksums are.
const keptBody = 64 << 20

// content is what is kept of a body: its size and checksums, and small bodies whole.
type content struct {
	size int64
	md5  []byte
	crc  uint64
	data []byte // nil if too large to keep
}

type object struct {
	content
	etag string // quoted
}

type upload struct {
	id, key string
	started time.Time
	parts   map[int]content
}

// Object is an object in the bucket.
type Object struct {
	Key   string
	Size  int64
	CRC64 uint64
	ETag  string
}

// Objects returns what is in the bucket, sorted by key.
func (s *Sim) Objects() []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Object
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		o := s.objects[key]
		list = append(list, Object{key, o.size, o.crc, o.etag})
	}
	return list
}

// Upload is a multipart upload that was neither completed nor aborted.
type Upload struct {
	ID, Key string
	Parts   int
	Bytes   int64
}

// Uploads returns the unfinished multipart uploads, oldest first.
func (s *Sim) Uploads() []Upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Upload
	for _, u := range s.uploads {
		entry := Upload{ID: u.id, Key: u.key, Parts: len(u.parts)}
		for _, p := range u.parts {
			entry.Bytes += p.size
		}
		list = append(list, entry)
	}
	return list
}

// cosService is COS as far as an upload needs it.
type cosService struct{ *Sim }

func (c cosService) action(r *http.Request) string {
	query := r.URL.Query()
	upload := query.Has("uploadId")
	switch {
	case r.Method == http.MethodPut && upload && query.Has("partNumber"):
		return uploadPart
	case r.Method == http.MethodPut && len(query) == 0:
		return putObject
	case r.Method == http.MethodHead && len(query) == 0:
		return headObject
	case r.Method == http.MethodPost && query.Has("uploads"):
		return initiateUpload
	case r.Method == http.MethodPost && upload:
		return completeUpload
	case r.Method == http.MethodDelete && upload:
		return abortUpload
	case r.Method == http.MethodGet && upload:
		return listParts
	case r.Method == http.MethodGet && query.Has("uploads"):
		return listUploads
	}
	return unknownCOSAction
}

// cosStatus has the HTTP status of each code that is not 400
// (tencentcloud.com/document/product/436/7730).
var cosStatus = map[string]int{
	"AccessDenied": 403, "InvalidAccessKeyId": 403, "RequestTimeTooSkewed": 403, "SignatureDoesNotMatch": 403,
	"NoSuchBucket": 404, "NoSuchKey": 404, "NoSuchUpload": 404,
	"MethodNotAllowed": 405, "UploadConflict": 409, "MissingContentLength": 411,
	"InternalError": 500, "NotImplemented": 501, "ServiceUnavailable": 503, "SlowDown": 503,
}

func (c cosService) refuse(code, message string) *answer {
	id := requestID()
	body, _ := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
		TraceID   string `xml:"TraceId"`
	}{Code: code, Message: message, Resource: bucket + ".cos." + bucketRegion + ".myqcloud.com", RequestID: id, TraceID: id}) // strings only
	status, ok := cosStatus[code]
	if !ok {
		status = http.StatusBadRequest
	}
	return c.identified(newAnswer(status, "application/xml", append([]byte(xml.Header), body...)), code, id)
}

func (c cosService) identified(a *answer, code, id string) *answer {
	a.header.Set("X-Cos-Request-Id", id)
	a.header.Set("X-Cos-Trace-Id", id)
	a.call.Code, a.call.RequestID = code, id
	return a
}

// found answers with an XML document, or without a body for nil.
func (c cosService) found(document any) *answer {
	if document == nil {
		return c.identified(newAnswer(http.StatusOK, "", nil), "", requestID())
	}
	body, _ := xml.Marshal(document) // a struct of strings and numbers
	return c.identified(newAnswer(http.StatusOK, "application/xml", append([]byte(xml.Header), body...)), "", requestID())
}

func (c cosService) handle(r *http.Request) *answer {
	action := c.action(r)
	key := strings.TrimPrefix(r.URL.Path, "/")
	a, bytes := c.do(r, action, key)
	a.call.Bytes = bytes
	a.call.Params = map[string]string{"key": key}
	for name, values := range r.URL.Query() {
		a.call.Params[name] = values[0]
	}
	return a
}

// do checks a request and does it; it returns also how many bytes came.
func (c cosService) do(r *http.Request, action, key string) (*answer, int64) {
	switch host := hostname(r.Host); {
	case isLocal(host), host == bucket+".cos."+bucketRegion+".myqcloud.com":
	case host == bucket+".cos.accelerate.myqcloud.com":
		if no := c.accelerated(action); no != nil {
			return c.refuse(no.code, no.message), 0
		}
	default:
		return c.refuse("NoSuchBucket", "The specified bucket does not exist."), 0
	}
	if action == unknownCOSAction {
		return c.refuse("MethodNotAllowed", "The specified method is not allowed against this resource."), 0
	}
	temp, no := c.authenticate(r)
	if no == nil {
		no = c.allowed(action, key, temp, r.URL.Query())
	}
	if no != nil {
		return c.refuse(no.code, no.message), 0
	}
	if r.ContentLength < 0 {
		return c.refuse("MissingContentLength", "You must provide the Content-Length HTTP header."), 0
	}
	if r.ContentLength > maxPart {
		return c.refuse("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."), 0
	}
	kept, err := c.keepPart(r)
	if err != nil {
		return c.refuse("InternalError", err.Error()), 0
	}
	defer kept()
	// Without the lock, since parts arrive slowly and at the same time.
	body, err := read(r.Body)
	if err != nil || r.ContentLength != body.size {
		return c.refuse("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header."), body.size
	}
	if no := checkMD5(r.Header.Get("Content-Md5"), body.md5); no != nil {
		return c.refuse(no.code, no.message), body.size
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch action {
	case putObject:
		return c.put(key, body), body.size
	case headObject:
		return c.head(key), body.size
	case initiateUpload:
		return c.initiate(key), body.size
	case listUploads:
		return c.listUploads(r.URL.Query()), body.size
	}
	i := slices.IndexFunc(c.uploads, func(u *upload) bool { return u.id == r.URL.Query().Get("uploadId") && u.key == key })
	if i < 0 {
		return c.refuse("NoSuchUpload", "The specified multipart upload does not exist."), body.size
	}
	u := c.uploads[i]
	switch action {
	case uploadPart:
		return c.part(u, r.URL.Query().Get("partNumber"), body), body.size
	case listParts:
		return c.listParts(u, r.URL.Query()), body.size
	case abortUpload:
		c.uploads = slices.Delete(c.uploads, i, i+1)
		a := c.found(nil)
		a.status = http.StatusNoContent
		return a, body.size
	}
	a, done := c.complete(u, body.data)
	if done {
		c.uploads = slices.Delete(c.uploads, i, i+1)
	}
	return a, body.size
}

// putting are the actions that write an object.
var putting = []string{putObject, initiateUpload, uploadPart, completeUpload}

// accelerated checks a request to the domain of global acceleration
// (tencentcloud.com/document/product/436/33409, 7730).
func (c cosService) accelerated(action string) *refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.world.Acceleration == AccelerationOff:
		return refused("BucketAccelerateNotEnabled", "The bucket has not enabled global acceleration.")
	case c.world.Acceleration == AccelerationUnsupported, c.world.Acceleration == AccelerationPartial && !slices.Contains(putting, action):
		return refused("ActionAccelerateNotSupported", "The action is not supported by global acceleration.")
	}
	return nil
}

// allowed checks a request against the temporary key's policy.
func (c cosService) allowed(action, key string, temp tempKey, query url.Values) *refusal {
	if action == listUploads {
		key = query.Get("prefix")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if key != temp.key || c.world.COSActions == COSNone && !slices.Contains(putting, action) {
		return refused("AccessDenied", "Access Denied.")
	}
	return nil
}

// read takes a whole body.
func read(body io.Reader) (content, error) {
	sum := md5.New()
	crc := crc64.New(crcTable)
	data := &capped{}
	n, err := io.Copy(io.MultiWriter(sum, crc, data), body)
	return content{n, sum.Sum(nil), crc.Sum64(), data.bytes()}, err
}

// capped keeps what is written to it, unless that becomes too much.
type capped struct {
	buffer bytes.Buffer
	over   bool
}

func (c *capped) Write(b []byte) (int, error) {
	if c.over = c.over || c.buffer.Len()+len(b) > keptBody; c.over {
		c.buffer = bytes.Buffer{}
		return len(b), nil
	}
	return c.buffer.Write(b)
}

func (c *capped) bytes() []byte {
	if c.over {
		return nil
	}
	return c.buffer.Bytes()
}

func checkMD5(header string, sum []byte) *refusal {
	if header == "" {
		return nil
	}
	want, err := base64.StdEncoding.DecodeString(header)
	switch {
	case err != nil || len(want) != md5.Size:
		return refused("InvalidDigest", "The Content-MD5 you specified is not valid.")
	case !bytes.Equal(want, sum):
		return refused("BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	return nil
}

func quoted(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }

// checked answers with the checksums of what was stored.
func (c cosService) checked(a *answer, crc uint64, etag string) *answer {
	a.header.Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(crc, 10))
	a.header.Set("ETag", etag)
	return a
}

func (c cosService) put(key string, body content) *answer {
	c.store(key, body, quoted(body.md5))
	return c.checked(c.found(nil), body.crc, quoted(body.md5))
}

// store puts an object into the bucket. If CAR needs no snapshot, this starts the
// processing.
func (c cosService) store(key string, body content, etag string) {
	o := &object{body, etag}
	c.objects[key] = o
	now := c.now()
	for _, app := range c.apps {
		for _, v := range app.listed(now) {
			if v.key == key && v.inFlight(now) && v.started.IsZero() && c.snapshotMeaning(app) != SnapshotNeeded {
				c.process(app, v, o, v.announced, now)
			}
		}
	}
}

func (c cosService) head(key string) *answer {
	o := c.objects[key]
	if o == nil {
		return c.refuse("NoSuchKey", "The specified key does not exist.")
	}
	a := c.checked(c.found(nil), o.crc, o.etag)
	a.header.Set("Content-Length", strconv.FormatInt(o.size, 10))
	return a
}

func (c cosService) initiate(key string) *answer {
	// Real ids are longer, and as safe in a URL.
	u := &upload{id: c.newID("upload"), key: key, started: c.now(), parts: map[int]content{}}
	c.uploads = append(c.uploads, u)
	return c.found(struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: bucket, Key: key, UploadID: u.id})
}

func (c cosService) part(u *upload, number string, body content) *answer {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxParts {
		return c.refuse("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive.")
	}
	kept := int64(len(body.data))
	for _, p := range u.parts {
		kept += int64(len(p.data))
	}
	if kept > keptBody {
		body.data = nil
	}
	u.parts[n] = body
	return c.checked(c.found(nil), body.crc, quoted(body.md5))
}

// complete makes an object of parts; done is false if that was refused.
func (c cosService) complete(u *upload, body []byte) (a *answer, done bool) {
	var order struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []struct {
			PartNumber int
			ETag       string
		}
	}
	if xml.Unmarshal(body, &order) != nil || len(order.Part) == 0 {
		return c.refuse("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema."), false
	}
	whole := content{data: []byte{}}
	sums := md5.New()
	last := 0
	for i, p := range order.Part {
		part, ok := u.parts[p.PartNumber]
		switch {
		case p.PartNumber <= last:
			return c.refuse("InvalidPartOrder", "The list of parts was not in ascending order."), false
		case !ok || strings.Trim(p.ETag, `"`) != hex.EncodeToString(part.md5):
			return c.refuse("InvalidPart", "One or more of the specified parts could not be found."), false
		case i < len(order.Part)-1 && part.size < c.world.MinPart:
			return c.refuse("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."), false
		}
		last = p.PartNumber
		whole.crc = combine(whole.crc, part.crc, part.size)
		whole.size += part.size
		sums.Write(part.md5)
		if whole.data == nil || part.data == nil && part.size > 0 {
			whole.data = nil
		} else {
			whole.data = append(whole.data, part.data...)
		}
	}
	numbers := make([]int, len(order.Part))
	for i, p := range order.Part {
		numbers[i] = p.PartNumber
	}
	if err := c.keepObject(u.id, u.key, numbers); err != nil {
		return c.refuse("InternalError", err.Error()), false
	}
	whole.md5 = sums.Sum(nil)
	etag := fmt.Sprintf(`"%x-%d"`, whole.md5, len(order.Part))
	c.store(u.key, whole, etag)
	a = c.found(struct {
		XMLName  xml.Name `xml:"CompleteMultipartUploadResult"`
		Location string
		Bucket   string
		Key      string
		ETag     string
	}{Location: bucket + ".cos." + bucketRegion + ".myqcloud.com/" + u.key, Bucket: bucket, Key: u.key, ETag: etag})
	return c.checked(a, whole.crc, etag), true
}

type listedPart struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
}

func (c cosService) listParts(u *upload, query url.Values) *answer {
	marker, _ := strconv.Atoi(query.Get("part-number-marker")) // absent: 0
	count, err := strconv.Atoi(query.Get("max-parts"))
	if err != nil || count < 1 || count > pageSize {
		count = pageSize
	}
	var page []listedPart
	truncated := false
	next := marker
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if n <= marker {
			continue
		}
		if truncated = len(page) == count; truncated {
			break
		}
		page = append(page, listedPart{n, u.started.UTC().Format(time.RFC3339), quoted(u.parts[n].md5), u.parts[n].size})
		next = n
	}
	key := u.key
	if query.Get("encoding-type") == "url" {
		key = escape(key)
	}
	return c.found(struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		Bucket               string
		EncodingType         string `xml:"Encoding-type,omitempty"`
		Key                  string
		UploadID             string `xml:"UploadId"`
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int
		MaxParts             int
		IsTruncated          bool
		Part                 []listedPart
	}{
		Bucket: bucket, EncodingType: query.Get("encoding-type"), Key: key, UploadID: u.id, StorageClass: "STANDARD",
		PartNumberMarker: marker, NextPartNumberMarker: next, MaxParts: count, IsTruncated: truncated, Part: page,
	})
}

type listedUpload struct {
	Key          string
	UploadID     string `xml:"UploadId"`
	StorageClass string
	Initiated    string
}

// listUploads lists one page only: a key has few unfinished uploads.
func (c cosService) listUploads(query url.Values) *answer {
	encode := func(key string) string { return key }
	if query.Get("encoding-type") == "url" {
		encode = escape
	}
	var list []listedUpload
	for _, u := range c.uploads {
		if strings.HasPrefix(u.key, query.Get("prefix")) && len(list) < pageSize {
			list = append(list, listedUpload{encode(u.key), u.id, "STANDARD", u.started.UTC().Format(time.RFC3339)})
		}
	}
	return c.found(struct {
		XMLName      xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket       string
		EncodingType string `xml:"Encoding-Type"`
		KeyMarker    string
		UploadID     string `xml:"UploadIdMarker"`
		MaxUploads   int
		IsTruncated  bool
		Prefix       string
		Upload       []listedUpload
	}{Bucket: bucket, EncodingType: query.Get("encoding-type"), MaxUploads: pageSize, Prefix: encode(query.Get("prefix")), Upload: list})
}
