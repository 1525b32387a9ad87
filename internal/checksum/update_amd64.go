package checksum

import (
	"hash/crc64"

	"golang.org/x/sys/cpu"
)

// The table of hash/crc64 runs at about 1.9 GB/s, which costs more than to
// send the bytes. Carry-less multiplication is several times as fast: eight
// accumulators of 16 bytes run along the data, each moved by 128 bytes and
// added to what is there, as the remainder modulo the polynomial allows. What
// is left of it all is 16 bytes with the same remainder, which the table does.
// (V. Gopal and others, Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction, Intel 2009.)

// stride is how many bytes are folded at a time.
const stride = 128

var carryless = cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE2

// keys move the two halves of an accumulator by 128 bytes, then by 16. A half
// is a polynomial of its own, the first one 64 powers above the second; the
// product of two mirrored words comes out one power too high, hence the ones.
var keys = [4]uint64{
	power(8*stride + 64 - 1), power(8*stride - 1),
	power(8*16 + 64 - 1), power(8*16 - 1),
}

// fold reduces data, of which it takes a whole number of strides and at least
// one, to 16 bytes. The crc is the one of what came before, inverted.
//
//go:noescape
func fold(crc uint64, data []byte, keys *[4]uint64, rest *[16]byte)

// Update adds p to the CRC-64 of what came before.
func Update(crc uint64, p []byte) uint64 {
	if !carryless {
		return crc64.Update(crc, table, p)
	}
	crc = ^crc
	if n := len(p) / stride * stride; n >= 2*stride {
		var rest [16]byte
		fold(crc, p[:n], &keys, &rest)
		crc, p = step(0, rest[:]), p[n:]
	}
	return ^step(crc, p)
}

// step adds p to an inverted CRC, byte by byte: it is what is left of strides.
// hash/crc64 could do that, too, but holds 16 KiB on its stack whatever it is
// given, and each connection has a goroutine that would then keep 32.
func step(crc uint64, p []byte) uint64 {
	for _, b := range p {
		crc = table[byte(crc&0xff)^b] ^ crc>>8
	}
	return crc
}
