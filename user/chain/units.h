/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_UNITS_H
#define CHAIN_UNITS_H
/*
 * A segment's bytes piece by piece, with what can be worked out from the others taken out of each
 * block, or put back: its crc (which deflate cannot make smaller) and its first index. Lengths
 * stay, and whatever the bytes, putting back what was taken out gives the same ones.
 */
#include <stdbool.h>

#include "base/bytes.h"

struct units {
	/* Give the next len bytes. 0 or -errno. */
	int (*take)(void *ctx, uint8_t *data, size_t len);
	void *ctx;
	uint64_t size, at; /* of all bytes; taken so far */
	bool restore;	   /* put back, else take out */
	enum { UNITS_RAW, UNITS_HEADER, UNITS_BLOCKS } state;
	uint64_t expected; /* first index of the next block */
	uint8_t *buffer;
	size_t room;
};

/* Bytes that are as they are (UNITS_RAW), or those of a segment (UNITS_HEADER). buffer and room are
 * kept for the next round, and are the caller's to free. */
void units_begin(struct units *units, uint64_t size, bool is_segment);

/* 1 and the next piece (valid until the next call), 0 at the end, -errno; then begin anew. */
int units_next(struct units *units, struct bytes *ret);

#endif
