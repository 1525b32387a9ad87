package publish

import (
	"os"
	"syscall"
)

// changeTime returns when the system last saw the file change, in nanoseconds. Unlike
// the time of its content, no program can set it.
func changeTime(info os.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}
