package pack

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxWorkers bounds the cores that pack, and so the memory.
const maxWorkers = 16

// Pack writes the archive to w. It calls packed with the number of bytes of the files
// that went into it since the last call. The error is a *ChangedError if a file is no
// longer what Scan has seen; that of reading a file or of w; or the cause of the
// context's end.
func (t *Tree) Pack(ctx context.Context, w io.Writer, packed func(bytes int64)) error {
	absolute, err := filepath.EvalSymlinks(t.Path)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return err
	}
	defer root.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	p := &packer{
		tree: t, root: root,
		todo:    make(chan *piece, workers),
		ordered: make(chan *piece, 2*workers),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	var running sync.WaitGroup
	running.Go(func() { p.split(ctx, cancel) })
	for range workers {
		running.Go(func() { p.work(ctx) })
	}
	err = p.write(ctx, w, packed)
	cancel(errors.New("packing is over"))
	running.Wait()
	return err
}

// packer is one run of Pack. The pieces are packed by several goroutines at a time,
// and written in their order.
type packer struct {
	tree    *Tree
	root    *os.Root
	todo    chan *piece
	ordered chan *piece
	buffers sync.Pool // of *bytes.Buffer
}

// piece is a member, or a block of a large one, on its way through the packer.
type piece struct {
	of     *entry
	block  int
	offset int64
	length int64

	ready  chan struct{} // closed when the fields below are set
	data   *bytes.Buffer
	stored bool // written as it is: its file is stored, or it is a single piece that did not get smaller
	err    error
}

func (p *piece) isFirst() bool { return p.offset == 0 }
func (p *piece) isLast() bool  { return p.offset+p.length == p.of.size }

// entry is a member that is being packed.
type entry struct {
	archived
	how    method
	file   *os.File     // of a member of several pieces; nil of others, which open theirs
	pieces atomic.Int64 // that have not been packed yet
}

// split cuts the members into pieces.
func (p *packer) split(ctx context.Context, cancel context.CancelCauseFunc) {
	defer close(p.todo)
	defer close(p.ordered)
	for _, m := range p.tree.members {
		e := &entry{archived: m, how: p.tree.options.Compression.single()}
		if m.size > blockSize {
			file, err := m.open(p.root)
			if err != nil {
				cancel(err)
				return
			}
			e.file = file
			e.how = p.tree.options.Compression.several(m.smaller)
			e.pieces.Store((m.size + blockSize - 1) / blockSize)
		}
		for offset := int64(0); offset == 0 || offset < m.size; offset += blockSize {
			next := &piece{
				of: e, block: int(offset / blockSize), offset: offset, length: min(blockSize, m.size-offset),
				ready: make(chan struct{}),
			}
			for _, queue := range []chan *piece{p.ordered, p.todo} {
				select {
				case queue <- next:
				case <-ctx.Done():
					e.close()
					return
				}
			}
		}
	}
}

// close closes the file of an entry, if that is open. What still reads it fails,
// and nobody uses that any more.
func (e *entry) close() {
	if e.file != nil {
		e.file.Close()
	}
}

// work packs pieces until there are no more.
func (p *packer) work(ctx context.Context) {
	d := newDeflater(p.tree.options.Compression)
	input := make([]byte, blockSize)
	for next := range p.todo {
		if ctx.Err() == nil {
			next.data = p.buffers.Get().(*bytes.Buffer)
			next.data.Reset()
			next.err = p.pack(next, d, input[:next.length])
		}
		if next.of.file != nil && next.of.pieces.Add(-1) == 0 {
			next.of.file.Close()
		}
		close(next.ready)
	}
}

// pack reads a piece and packs it.
func (p *packer) pack(next *piece, d *deflater, input []byte) error {
	e := next.of
	if e.isFolder() {
		return nil
	}
	file := e.file
	if file == nil {
		var err error
		if file, err = e.open(p.root); err != nil {
			return err
		}
		defer file.Close()
	}
	if err := e.readBlock(file, input, next.offset); err != nil {
		return err
	}
	want := e.crc
	if len(e.blocks) > 0 {
		want = e.blocks[next.block]
	}
	info, err := file.Stat()
	if err != nil || e.changed(info) || crc32.ChecksumIEEE(input) != want {
		return &ChangedError{e.name}
	}
	next.stored, err = d.pack(next.data, input, e.how, next.isFirst() && next.isLast(), next.isLast())
	return err
}

// The header of a member is the same wherever it is packed.
const (
	unixVersion3 = 3<<8 | 20           // who made it: a Unix system, so that the mode below counts
	fileMode     = 0o100644 << 16      // like a checkout
	folderMode   = 0o040755<<16 | 0x10 // 0x10 is the folder of DOS
	utf8Name     = 1 << 11
	sizesBehind  = 1 << 3   // checksum and sizes follow the data
	day1980      = 1<<5 | 1 // 1 January 1980, the first day that a zip knows
	zip64Version = 45
)

// header describes a member for its first piece.
func (e *entry) header(first *piece) *zip.FileHeader {
	h := &zip.FileHeader{
		Name: e.name, CreatorVersion: unixVersion3, ReaderVersion: 20, Flags: utf8Name,
		ModifiedDate: day1980, ExternalAttrs: fileMode, CRC32: e.crc, UncompressedSize64: uint64(e.size), //nolint:gosec,staticcheck // a size is not negative; CreateRaw writes this date
	}
	switch {
	case e.isFolder():
		h.ExternalAttrs, h.UncompressedSize64 = folderMode, 0
	case e.how == store || first.stored:
		h.Method, h.CompressedSize64 = zip.Store, h.UncompressedSize64
	case first.isLast():
		h.Method, h.CompressedSize64 = zip.Deflate, uint64(first.data.Len()) //nolint:gosec // likewise
	default:
		h.Method, h.Flags = zip.Deflate, h.Flags|sizesBehind
	}
	if e.size >= math.MaxUint32 {
		h.ReaderVersion = zip64Version
		h.Extra = zip64Sizes(h)
	}
	return h
}

// zip64Sizes is the extra field of a local header whose sizes have 64 bits. Where the
// sizes follow the data it says only that they have (APPNOTE.TXT, sections 4.3.9.2 and
// 4.5.3). archive/zip writes it into the directory by itself, but not before the data.
func zip64Sizes(h *zip.FileHeader) []byte {
	extra := binary.LittleEndian.AppendUint16(nil, 1)
	extra = binary.LittleEndian.AppendUint16(extra, 16)
	if h.Flags&sizesBehind != 0 {
		return append(extra, make([]byte, 16)...)
	}
	extra = binary.LittleEndian.AppendUint64(extra, h.UncompressedSize64)
	return binary.LittleEndian.AppendUint64(extra, h.CompressedSize64)
}

// write writes the pieces in their order.
func (p *packer) write(ctx context.Context, w io.Writer, packed func(int64)) error {
	large := &largeMembers{w: w}
	archive := zip.NewWriter(large)
	var (
		header *zip.FileHeader
		body   io.Writer
		length uint64 // of the body so far
	)
	for {
		var next *piece
		select {
		case next = <-p.ordered:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if next == nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := p.tree.unchanged(ctx, p.root); err != nil {
				return err
			}
			return large.close(archive)
		}
		select {
		case <-next.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case next.err != nil:
			return next.err
		}
		if next.isFirst() {
			var err error
			header, length = next.of.header(next), 0
			if body, err = archive.CreateRaw(header); err != nil {
				return fmt.Errorf("pack %q: %w", next.of.name, err)
			}
			header.Extra = nil // the directory gets its own
		}
		length += uint64(next.data.Len()) //nolint:gosec // likewise
		if _, err := body.Write(next.data.Bytes()); err != nil {
			return err
		}
		p.buffers.Put(next.data)
		if next.isLast() && header.Flags&sizesBehind != 0 {
			setSize(header, length)
		}
		packed(next.length)
	}
}

// unchanged looks at all files once more: one that was packed first may have changed
// since, and the archive would hold two moments.
func (t *Tree) unchanged(ctx context.Context, root *os.Root) error {
	for _, m := range t.members {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if m.isFolder() {
			continue
		}
		if info, err := root.Stat(m.path); err != nil || m.changed(info) {
			return &ChangedError{m.name}
		}
	}
	return nil
}

// setSize notes in a member's header how long its packed data became. For a member of
// several deflated pieces that is only known after the data is written. archive/zip then
// copies the sizes from the header, behind the data and into the directory.
func setSize(h *zip.FileHeader, packed uint64) {
	h.CompressedSize64 = packed
	h.CompressedSize, h.UncompressedSize = math.MaxUint32, math.MaxUint32 //nolint:staticcheck // archive/zip writes these as they are
	if packed < math.MaxUint32 && h.UncompressedSize64 < math.MaxUint32 {
		h.CompressedSize, h.UncompressedSize = uint32(packed), uint32(h.UncompressedSize64) //nolint:staticcheck // likewise
	}
}
