//go:build unix

package outfile

import (
	"os"
	"syscall"
)

// giveTo makes the owner of info own the file as well. In a container we may
// be root, and a file of root's in the workspace is one that the next job's
// checkout cannot remove. Who is not root owns what it makes already.
func giveTo(file *os.File, info os.FileInfo) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && isRoot() {
		_ = file.Chown(int(stat.Uid), int(stat.Gid)) // the file is written, whoever owns it
	}
}

func isRoot() bool { return os.Geteuid() == 0 }
