package carsim

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// Keep makes the simulator write every object into a file of the folder, under the
// last element of its key, when the multipart upload is complete. So other programs
// can open what was uploaded. It must be called before the first request.
func (s *Sim) Keep(folder string) { s.keep = folder }

// partFile is where the body of a part is kept until its upload is complete.
func (s *Sim) partFile(upload string, number int) string {
	return filepath.Join(s.keep, fmt.Sprintf(".%s.%d", filepath.Base(upload), number))
}

// keepPart copies the body of an UploadPart into a file while it is read.
func (s *Sim) keepPart(r *http.Request) (closing func(), err error) {
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if s.keep == "" || err != nil {
		return func() {}, nil //nolint:nilerr // it is refused later
	}
	file, err := os.Create(s.partFile(r.URL.Query().Get("uploadId"), number))
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(io.TeeReader(r.Body, file))
	return func() { file.Close() }, nil
}

// keepObject makes one file of the parts.
func (s *Sim) keepObject(upload, key string, numbers []int) error {
	if s.keep == "" {
		return nil
	}
	object, err := os.Create(filepath.Join(s.keep, path.Base(key)))
	if err != nil {
		return err
	}
	defer object.Close()
	for _, number := range numbers {
		name := s.partFile(upload, number)
		part, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(object, part)
		part.Close()
		if err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
