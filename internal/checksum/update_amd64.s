#include "textflag.h"

// One accumulator by 16 bytes of data: what it holds is moved by the distance
// that the keys in X8 stand for, its two halves apart, and the data added.
#define FOLD(acc, offset) \
	MOVO acc, X9; \
	PCLMULQDQ $0x00, X8, acc; \
	PCLMULQDQ $0x11, X8, X9; \
	MOVOU offset(SI), X10; \
	PXOR X9, acc; \
	PXOR X10, acc

// Accumulator acc onto the next one, 16 bytes further on.
#define JOIN(acc, next) \
	MOVO acc, X9; \
	PCLMULQDQ $0x00, X8, acc; \
	PCLMULQDQ $0x11, X8, X9; \
	PXOR X9, next; \
	PXOR acc, next

// func fold(crc uint64, data []byte, keys *[4]uint64, rest *[16]byte)
TEXT ·fold(SB), NOSPLIT, $0-48
	MOVQ crc+0(FP), AX
	MOVQ data_base+8(FP), SI
	MOVQ data_len+16(FP), CX
	MOVQ keys+32(FP), DX
	MOVQ rest+40(FP), DI

	MOVQ  AX, X9
	MOVOU 0(SI), X0
	MOVOU 16(SI), X1
	MOVOU 32(SI), X2
	MOVOU 48(SI), X3
	MOVOU 64(SI), X4
	MOVOU 80(SI), X5
	MOVOU 96(SI), X6
	MOVOU 112(SI), X7
	PXOR  X9, X0
	ADDQ  $128, SI
	SUBQ  $128, CX
	MOVOU 0(DX), X8

loop:
	CMPQ CX, $128
	JLT  join
	FOLD(X0, 0)
	FOLD(X1, 16)
	FOLD(X2, 32)
	FOLD(X3, 48)
	FOLD(X4, 64)
	FOLD(X5, 80)
	FOLD(X6, 96)
	FOLD(X7, 112)
	ADDQ $128, SI
	SUBQ $128, CX
	JMP  loop

join:
	MOVOU 16(DX), X8
	JOIN(X0, X1)
	JOIN(X1, X2)
	JOIN(X2, X3)
	JOIN(X3, X4)
	JOIN(X4, X5)
	JOIN(X5, X6)
	JOIN(X6, X7)
	MOVOU X7, (DI)
	RET
