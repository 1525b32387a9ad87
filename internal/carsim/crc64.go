package carsim

import "hash/crc64"

// The polynomial of x-cos-hash-crc64ecma, CRC-64/XZ.
var crcTable = crc64.MakeTable(crc64.ECMA)

// combine returns the CRC of two byte strings one after the other, of which
// the second has the given length. It multiplies the first CRC by x^(8·length)
// in the field of the polynomial, as zlib's crc32_combine does.
func combine(first, second uint64, length int64) uint64 {
	// square holds the operator that appends 2^k zero bits; it starts with
	// one bit.
	var square [64]uint64
	square[0] = crc64.ECMA
	for i := 1; i < 64; i++ {
		square[i] = 1 << (i - 1)
	}
	bits := uint64(length) * 8 //nolint:gosec // a length is not negative
	for ; bits != 0; bits >>= 1 {
		if bits&1 != 0 {
			first = times(&square, first)
		}
		var next [64]uint64
		for i := range next {
			next[i] = times(&square, square[i])
		}
		square = next
	}
	return first ^ second
}

// times multiplies a bit matrix and a vector.
func times(matrix *[64]uint64, vector uint64) uint64 {
	var sum uint64
	for i := 0; vector != 0; i, vector = i+1, vector>>1 {
		if vector&1 != 0 {
			sum ^= matrix[i]
		}
	}
	return sum
}
