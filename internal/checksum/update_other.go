//go:build !amd64

package checksum

import "hash/crc64"

// Update adds p to the CRC-64 of what came before.
func Update(crc uint64, p []byte) uint64 { return crc64.Update(crc, table, p) }
