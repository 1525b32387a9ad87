package pack

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/flate"
)

// method is how the data of a member is packed.
type method int

const (
	store   method = iota // as it is
	deflate               // deflated
)

// storedMax is how much a block of deflate that did not get smaller holds, in bytes;
// five bytes say so before each (RFC 1951, section 3.2.4).
const storedMax = 1<<16 - 1

// flushSize is how much a flush adds to a block at most, in bytes.
const flushSize = 16

// autoLevel is the level of deflate, from 1 to 9. From 7 on the library uses a slower
// method; bench/FOLDER.md has what the levels cost and save.
const autoLevel = 6

// worthwhileRatio is what a sample of a file must shrink to for the file to be deflated, as
// a share of its size: packed textures and sounds do not get smaller, and to try takes
// most of the time.
const worthwhileRatio = 0.98

// single is the method for a member of one piece. Auto tries.
func (c Compression) single() method {
	if c == None {
		return store
	}
	return deflate
}

// several chooses the method for a file of several pieces by samples of it.
func (c Compression) several(file io.ReaderAt, size int64) (method, error) {
	switch c {
	case None:
		return store, nil
	case Best:
		return deflate, nil
	case Auto:
	}
	smaller, err := getsSmaller(file, size)
	if smaller {
		return deflate, err
	}
	return store, err
}

// getsSmaller reports whether one of some samples of a file does.
func getsSmaller(file io.ReaderAt, size int64) (bool, error) {
	const samples, sampleSize = 8, 64 << 10
	sample := make([]byte, sampleSize)
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return false, err
	}
	for i := range int64(samples) {
		if _, err := file.ReadAt(sample, (size-sampleSize)/(samples-1)*i); err != nil && err != io.EOF {
			return false, err
		}
		out.Reset()
		w.Reset(&out)
		if _, err := w.Write(sample); err != nil {
			return false, err
		}
		if err := w.Close(); err != nil {
			return false, err
		}
		if float64(out.Len()) < sampleSize*worthwhileRatio {
			return true, nil
		}
	}
	return false, nil
}

// deflater packs pieces, one after the other.
type deflater struct {
	level int
	w     *flate.Writer // nil before its first use
}

func newDeflater(c Compression) *deflater {
	if c == Best {
		return &deflater{level: flate.BestCompression}
	}
	return &deflater{level: autoLevel}
}

// pack writes the packed input to out. last says that the input ends its member, and
// whole that it is all of it: a whole member that deflate does not make smaller is
// stored. stored reports whether the input was written as it is.
func (d *deflater) pack(out *bytes.Buffer, input []byte, how method, whole, last bool) (stored bool, err error) {
	if how == store {
		out.Write(input)
		return true, nil
	}
	if d.w == nil {
		if d.w, err = flate.NewWriter(out, d.level); err != nil {
			return false, err
		}
	}
	d.w.Reset(out)
	if _, err := d.w.Write(input); err != nil {
		return false, err
	}
	if !last {
		return false, d.w.Flush()
	}
	err = d.w.Close()
	if whole && out.Len() >= len(input) {
		out.Reset()
		out.Write(input)
		return true, err
	}
	return false, err
}
