package pack

import (
	"bytes"
	"context"
	"hash/crc32"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/car-publish/car-publish/internal/member"
)

// blockSize is how much of a file one core packs at a time, in bytes. It is a part of
// what decides the bytes of the archive.
const blockSize = 1 << 20

// readFiles reads every file once, several at a time, for the checksums; without reading it
// only opens them. It adds what is wrong to the problems.
func (t *Tree) readFiles(ctx context.Context, root *os.Root, reading bool, problems *member.List) error {
	var (
		next    atomic.Int64
		workers sync.WaitGroup
		mu      sync.Mutex
	)
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		workers.Go(func() {
			buffer := make([]byte, blockSize)
			var s sampler
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(t.members) {
					return
				}
				what := t.members[i].read(ctx, root, reading, buffer, &s)
				if what != "" {
					mu.Lock()
					problems.Add(true, what, t.members[i].name)
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// lfsPointer is how a file begins that Git LFS has not fetched
// (github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
const lfsPointer = "version https://git-lfs.github.com/spec/"

// read computes the checksums of one file, and returns what is wrong with it; "" is
// nothing.
func (m *archived) read(ctx context.Context, root *os.Root, reading bool, buffer []byte, s *sampler) (wrong string) {
	if m.isFolder() {
		return ""
	}
	file, err := m.open(root)
	if err != nil {
		return unread("files", err)
	}
	defer file.Close()
	if !reading {
		return ""
	}
	m.crc, m.blocks, m.smaller = 0, nil, false
	blocks := int((m.size + blockSize - 1) / blockSize)
	for offset := int64(0); offset < m.size && ctx.Err() == nil; offset += blockSize {
		block := buffer[:min(blockSize, m.size-offset)]
		if err := m.readBlock(file, block, offset); err != nil {
			return unread("files", err)
		}
		if offset == 0 && bytes.HasPrefix(block, []byte(lfsPointer)) {
			return lfsPointers
		}
		m.crc = crc32.Update(m.crc, crc32.IEEETable, block)
		if m.size > blockSize {
			m.smaller = m.smaller || isSampled(len(m.blocks), blocks) && s.getsSmaller(block)
			m.blocks = append(m.blocks, crc32.ChecksumIEEE(block))
		}
	}
	return ""
}
