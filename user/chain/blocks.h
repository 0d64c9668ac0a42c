/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_BLOCKS_H
#define CHAIN_BLOCKS_H
/* The blocks of one segment, in order: the one parser that sealer, restart, reader and verifier
 * share. Its memory does not grow with the segment. */
#include "chain/segment.h"

struct blocks {
	int fd;
	uint64_t offset; /* of the next block */
	uint64_t end;	 /* nothing at or beyond is read */
	uint64_t next;	 /* index the next block must begin with */
	const char *why; /* after 0: what ended it; NULL at a clean end */
	uint8_t *buffer;
	size_t start, have; /* bytes in hand, from offset on */
};

int blocks_init(struct blocks *blocks);
void blocks_free(struct blocks *blocks);

/* Go to a place where a block begins. */
void blocks_seek(struct blocks *blocks, int fd, uint64_t offset, uint64_t end, uint64_t next);

/* 1 and a block (valid until the next call), 0 when no whole valid block is next, -errno. After 0
 * it may be called again: what the file holds by then is read anew. */
int blocks_next(struct blocks *blocks, struct block *ret);

#endif
