package checksum

import (
	"bytes"
	"hash/crc64"
	"math/rand/v2"
	"testing"
)

func TestCombine(t *testing.T) {
	t.Parallel()
	text := []byte("123456789")
	const check = 0x995dc9bbdf1939fa // of CRC-64/XZ, for this text
	for cut := range len(text) + 1 {
		head, tail := text[:cut], text[cut:]
		got := Combine(crc64.Checksum(head, table), crc64.Checksum(tail, table), int64(len(tail)))
		if want := uint64(check); got != want {
			t.Errorf("Combine(%q, %q) = %x, want %x", head, tail, got, want)
		}
	}
}

func TestCombineManyPieces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		text := make([]byte, random.IntN(1<<16))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		var got uint64
		for rest := text; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			got = Combine(got, crc64.Checksum(rest[:n], table), int64(n))
			rest = rest[n:]
		}
		if want := crc64.Checksum(text, table); got != want {
			t.Fatalf("the CRC of %d bytes in pieces = %x, want %x", len(text), got, want)
		}
	}
}

// The lengths of real parts, and more than 32 bits of them: a block of zeros
// that is doubled is cheap to check.
func TestCombineLongPieces(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 1<<20)
	sum := crc64.Checksum(zeros, table)
	for length := int64(len(zeros)); length < 16<<20; length *= 2 {
		sum = Combine(sum, sum, length)
	}
	want := uint64(0)
	for range 16 {
		want = crc64.Update(want, table, zeros)
	}
	if sum != want {
		t.Errorf("the CRC of 16 MiB of zeros = %x, want %x", sum, want)
	}
	// (a·b)·c and a·(b·c) over 5 TiB agree only if the shift is right.
	const huge = 5 << 40
	left := Combine(Combine(1, 2, huge), 3, huge+1)
	right := Combine(1, Combine(2, 3, huge+1), 2*huge+1)
	if left != right {
		t.Errorf("combining from the left = %x, from the right %x", left, right)
	}
}

func FuzzCombine(f *testing.F) {
	f.Add([]byte(""), []byte(""))
	f.Add([]byte("a"), []byte(""))
	f.Add([]byte(""), []byte("b"))
	f.Add([]byte("12345"), []byte("6789"))
	f.Add(bytes.Repeat([]byte{0xff}, 4097), make([]byte, 255))
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		got := Combine(crc64.Checksum(head, table), crc64.Checksum(tail, table), int64(len(tail)))
		if want := crc64.Checksum(append(bytes.Clone(head), tail...), table); got != want {
			t.Errorf("Combine(%x, %x) = %x, want %x", head, tail, got, want)
		}
	})
}

// Every length around the strides, at every alignment, after a CRC that is
// not the first.
func TestUpdate(t *testing.T) {
	t.Parallel()
	text := make([]byte, 5*128+32)
	rand.NewChaCha8([32]byte{7}).Read(text)
	for start := range 17 {
		for end := start; end <= len(text); end++ {
			for _, before := range []uint64{0, ^uint64(0), 0x995dc9bbdf1939fa} {
				if got, want := Update(before, text[start:end]), crc64.Update(before, table, text[start:end]); got != want {
					t.Fatalf("Update(%x, text[%d:%d]) = %x, want %x", before, start, end, got, want)
				}
			}
		}
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add(uint64(0), []byte("123456789"))
	f.Add(^uint64(0), bytes.Repeat([]byte{0xff}, 256))
	f.Add(uint64(1), bytes.Repeat([]byte("carry-less multiplication"), 41))
	f.Fuzz(func(t *testing.T, before uint64, text []byte) {
		if got, want := Update(before, text), crc64.Update(before, table, text); got != want {
			t.Errorf("Update(%x, %x) = %x, want %x", before, text, got, want)
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	text := make([]byte, 128<<10)
	for name, f := range map[string]func(uint64, []byte) uint64{
		"update": Update,
		"table":  func(crc uint64, p []byte) uint64 { return crc64.Update(crc, table, p) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				f(0, text)
			}
		})
	}
}
