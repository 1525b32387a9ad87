package pack

import (
	"bytes"

	"github.com/klauspost/compress/flate"
)

// method is how the data of a member is packed.
type method int

const (
	store   method = iota // as it is
	deflate               // deflated
)

// storedMax is how many bytes one stored (uncompressed) block of the deflate format can
// hold; it has a header of up to five bytes (RFC 1951, section 3.2.4). Tree.AtMost counts
// these headers. Not to be confused with blockSize.
const storedMax = 1<<16 - 1

// flushSize is how much a flush adds to a block at most, in bytes.
const flushSize = 16

// autoLevel is the level of deflate, from 1 to 9. This one saves what zip -6 saves,
// within 2 %; from 7 on the library uses a slower method.
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

// several chooses the method for a file of several pieces. Auto goes by its samples.
func (c Compression) several(samplesGetSmaller bool) method {
	if c == Best || c == Auto && samplesGetSmaller {
		return deflate
	}
	return store
}

// A file of several pieces is tried at some places, evenly spread, while Scan reads it.
const (
	samples    = 8
	sampleSize = 64 << 10 // bytes
)

// isSampled reports whether a block of a file with so many is one that is tried.
func isSampled(block, blocks int) bool {
	for i := range samples {
		if block == i*(blocks-1)/(samples-1) {
			return true
		}
	}
	return false
}

// sampler tries how much samples shrink.
type sampler struct {
	out bytes.Buffer
	w   *flate.Writer // nil before its first use
}

// getsSmaller reports whether the beginning of a block does.
func (s *sampler) getsSmaller(block []byte) bool {
	sample := block[:min(sampleSize, len(block))]
	s.out.Reset()
	if s.w == nil {
		s.w, _ = flate.NewWriter(&s.out, flate.BestSpeed) // a level that there is
	}
	s.w.Reset(&s.out)
	_, _ = s.w.Write(sample) // writing to a buffer never fails
	_ = s.w.Close()
	return float64(s.out.Len()) < float64(len(sample))*worthwhileRatio
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
