package sink

import (
	"os"
	"strconv"
	"strings"
)

// ReadSoFar is how many bytes this process has read, from the page cache or not.
func ReadSoFar() int64 { return field("/proc/self/io", "rchar:") }

// WrittenSoFar is how many bytes this process has written to a disk, or to the page cache
// for a disk.
func WrittenSoFar() int64 { return field("/proc/self/io", "write_bytes:") }

// PeakMemory is the most memory that this process has had, in bytes.
func PeakMemory() int64 { return field("/proc/self/status", "VmHWM:") << 10 }

// field is a number in a file of /proc.
func field(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			return n
		}
	}
	return 0
}
