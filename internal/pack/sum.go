package pack

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/member"
)

// blockSize is how much of a file one core packs at a time, in bytes. It is a part of
// what decides the bytes of the archive.
const blockSize = 1 << 20

// sum reads every file once, several at a time, for the checksums.
func (t *Tree) sum(ctx context.Context, root *os.Root) error {
	var (
		next     atomic.Int64
		workers  sync.WaitGroup
		mu       sync.Mutex
		problems member.List
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			buffer := make([]byte, blockSize)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(t.members) {
					return
				}
				if err := t.members[i].sum(ctx, root, buffer); err != nil {
					mu.Lock()
					problems.Add(true, "files that cannot be read", t.members[i].name)
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(problems) > 0 {
		return &artifact.Error{
			Kind:    artifact.Unpackable,
			Message: fmt.Sprintf("%q cannot be packed for CAR. It has %s.", t.Path, problems),
			Hint:    "Check their permissions, and that nothing writes there any more.",
		}
	}
	return nil
}

// sum computes the checksums of one file.
func (m *archived) sum(ctx context.Context, root *os.Root, buffer []byte) error {
	if m.isFolder() {
		return nil
	}
	file, err := m.open(root)
	if err != nil {
		return err
	}
	defer file.Close()
	m.crc, m.blocks = 0, nil
	for offset := int64(0); offset < m.size && ctx.Err() == nil; offset += blockSize {
		block := buffer[:min(blockSize, m.size-offset)]
		if err := m.readBlock(file, block, offset); err != nil {
			return err
		}
		m.crc = crc32.Update(m.crc, crc32.IEEETable, block)
		if m.size > blockSize {
			m.blocks = append(m.blocks, crc32.ChecksumIEEE(block))
		}
	}
	return nil
}
