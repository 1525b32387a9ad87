package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/cos"
)

// memoryForParts is how much memory the parts of a folder may take that are packed and
// not yet in the bucket, in bytes. Many parts in flight fill a long line; in a small
// container they take a third of it.
func memoryForParts() int64 {
	memory := int64(cos.MostMemory)
	// The limit of a container (docs.kernel.org/admin-guide/cgroup-v2.html, and
	// cgroup-v1/memory.html), and what Linux has left.
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(file); err == nil {
			memory = leave(memory, strings.TrimSpace(string(text)), 1)
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemAvailable:" {
				memory = leave(memory, fields[1], 1<<10)
			}
		}
	}
	return memory
}

// leave returns a third of a limit, which is a number of units, if that is less than
// memory. What is not a number, such as max, is no limit.
func leave(memory int64, limit string, unit int64) int64 {
	n, err := strconv.ParseInt(limit, 10, 64)
	if err != nil || n > 1<<50 {
		return memory
	}
	return min(memory, n*unit/3)
}
