// Package checksum computes the CRC-64 that COS states of what it holds, at
// the speed at which it passes by.
package checksum

import "hash/crc64"

// table is that of CRC-64/XZ, which COS calls x-cos-hash-crc64ecma. hash/crc64
// answers with a table eight bytes wide for exactly this polynomial.
var table = crc64.MakeTable(crc64.ECMA)

// Combine returns the CRC-64 of a text whose first piece has the CRC-64 head,
// and whose second piece, of the given length in bytes, has tail. No byte is
// read again: a CRC is a remainder modulo a polynomial over GF(2), so moving
// the first piece to the left by length bytes is to multiply its CRC by
// x^(8·length). (The inversions before and after, which hash/crc64 makes,
// cancel each other out.)
func Combine(head, tail uint64, length int64) uint64 {
	return multiply(power(8*length), head) ^ tail
}

// power returns x^n modulo the polynomial.
func power(n int64) uint64 {
	product := uint64(1) << 63 // x^0: the highest bit is the lowest power
	square := uint64(1) << 62
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			product = multiply(product, square)
		}
		square = multiply(square, square)
	}
	return product
}

// Sum is the CRC-64 of what is written to it.
type Sum uint64

func (s *Sum) Write(p []byte) (int, error) {
	*s = Sum(Update(uint64(*s), p))
	return len(p), nil
}

// multiply returns a·b modulo the polynomial.
func multiply(a, b uint64) uint64 {
	var product uint64
	for ; a != 0; a <<= 1 {
		if a>>63 == 1 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry == 1 {
			b ^= crc64.ECMA
		}
	}
	return product
}
