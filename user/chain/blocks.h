/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_BLOCKS_H
#define CHAIN_BLOCKS_H
/* The blocks of one segment, in order: the one parser that keeper, restart, reader and verifier
 * share. Its memory does not grow with the segment. */
#include "chain/segment_file.h"

struct blocks {
	const struct segment *segment;
	struct segment plain; /* for one that is known by its descriptor only */
	uint64_t offset;      /* of the next block */
	uint64_t end;	      /* nothing at or beyond is read */
	uint64_t next;	      /* index the next block must begin with */
	const char *why; /* after 0: what ended it, NULL at a clean end; after -errno: or NULL */
	uint8_t *buffer;
	size_t start, have; /* bytes in hand, from offset on */
};

int blocks_init(struct blocks *blocks);
void blocks_free(struct blocks *blocks);

/* Go to a place where a block begins. The segment stays open until the next seek. */
void blocks_seek(struct blocks *blocks, const struct segment *segment, uint64_t offset,
		 uint64_t end, uint64_t next);
void blocks_seek_fd(struct blocks *blocks, int fd, uint64_t offset, uint64_t end, uint64_t next);

/* 1 and a block (valid until the next call), 0 when no whole valid block is next, -errno. After 0
 * it may be called again: what the file holds by then is read anew. */
int blocks_next(struct blocks *blocks, struct block *ret);

#endif
