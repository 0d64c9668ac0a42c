/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_QUEUE_H
#define CHAIN_QUEUE_H
/*
 * Entries that are not yet on the disk for certain, in order, as the blocks they are written in.
 * The newest block may be open: it still grows. Memory is bounded; chunks come and go with need.
 */
#include <stdbool.h>

#include "chain/segment.h"

#define QUEUE_CHUNK   (256u << 10)
#define QUEUE_CHUNKS  64	  /* 16 MiB */
#define QUEUE_PAYLOAD (64u << 10) /* of one block */

struct queue_chunk;

struct queue {
	struct queue_chunk *oldest, *newest, *spare;
	unsigned chunks;
	bool unbounded; /* while entries move from one queue to another */
	uint64_t next;	/* index the next entry gets */
	/* the open block */
	uint8_t *block; /* NULL none */
	uint32_t len;
	unsigned count;
	/* where the first block that is not yet written lies */
	struct queue_chunk *unwritten;
	size_t unwritten_at;
};

void queue_init(struct queue *queue, uint64_t next);
void queue_free(struct queue *queue);

/* Would a record of len bytes go into the open block? True if none is open. */
static inline bool queue_fits(const struct queue *queue, size_t len)
{
	return !queue->block ||
	       (queue->count < BLOCK_ENTRIES_MAX && queue->len + 2 + len <= QUEUE_PAYLOAD);
}

/* Add to the open block, which it fits, or open one. -ENOBUFS when all memory is in use. */
int queue_add(struct queue *queue, struct bytes record);

/* Close the open block, if any; its bytes on the disk. */
size_t queue_end_block(struct queue *queue);

/* First closed block that is not yet written: its bytes and entries, or false. */
bool queue_unwritten(struct queue *queue, struct bytes *ret, unsigned *entries);
void queue_written(struct queue *queue, size_t len);

/* Forget blocks of entries below durable. */
void queue_release(struct queue *queue, uint64_t durable);

/* Put everything from index first on, save what only begins a segment, behind what to holds. */
int queue_move(struct queue *from, uint64_t first, struct queue *to);

#endif
