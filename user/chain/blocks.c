// SPDX-License-Identifier: Apache-2.0
#include "chain/blocks.h"

#include <errno.h>
#include <stdlib.h>

#define READ_AHEAD (128u << 10)
#define ROOM	   (BLOCK_HEADER + BLOCK_PAYLOAD_MAX + READ_AHEAD)

int blocks_init(struct blocks *blocks)
{
	memset(blocks, 0, sizeof(*blocks));
	blocks->buffer = malloc(ROOM);
	return blocks->buffer ? 0 : -ENOMEM;
}

void blocks_free(struct blocks *blocks)
{
	free(blocks->buffer);
	blocks->buffer = NULL;
}

void blocks_seek(struct blocks *blocks, const struct segment *segment, uint64_t offset,
		 uint64_t end, uint64_t next)
{
	blocks->segment = segment;
	blocks->offset = offset;
	blocks->end = end;
	blocks->next = next;
	blocks->why = NULL;
	blocks->start = blocks->have = 0;
}

void blocks_seek_fd(struct blocks *blocks, int fd, uint64_t offset, uint64_t end, uint64_t next)
{
	blocks->plain = (struct segment){ .fd = fd };
	blocks_seek(blocks, &blocks->plain, offset, end, next);
}

/* One more read; 1 when it brought something. */
static int fill(struct blocks *blocks)
{
	uint64_t at = blocks->offset + blocks->have;
	size_t want = READ_AHEAD;
	ssize_t n;

	if (at >= blocks->end)
		return 0;
	if (blocks->end - at < want)
		want = (size_t)(blocks->end - at);
	if (ROOM - blocks->start - blocks->have < want) {
		memmove(blocks->buffer, blocks->buffer + blocks->start, blocks->have);
		blocks->start = 0;
	}
	n = segment_read(blocks->segment, blocks->buffer + blocks->start + blocks->have, want, at);
	if (n < 0)
		return (int)n;
	blocks->have += (size_t)n;
	return n > 0;
}

int blocks_next(struct blocks *blocks, struct block *ret)
{
	for (;;) {
		struct bytes in = bytes_of(blocks->buffer + blocks->start, blocks->have);
		ssize_t used = block_decode(in, blocks->next, ret, &blocks->why);
		int more;

		if (used > 0) {
			blocks->start += (size_t)used;
			blocks->have -= (size_t)used;
			blocks->offset += (uint64_t)used;
			blocks->next += ret->count;
			return 1;
		}
		more = used < 0 ? 0 : fill(blocks);
		if (more > 0)
			continue;
		if (more < 0)
			blocks->why = segment_why(blocks->segment);
		else if (used == 0)
			blocks->why = blocks->have ? "block is cut short" : NULL;
		blocks->have = blocks->start = 0;
		return more;
	}
}
