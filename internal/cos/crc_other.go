//go:build !amd64

package cos

import "hash/crc64"

// update adds p to the CRC-64 of what came before.
func update(crc uint64, p []byte) uint64 { return crc64.Update(crc, table, p) }
