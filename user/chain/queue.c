// SPDX-License-Identifier: Apache-2.0
#include "chain/queue.h"

#include <errno.h>
#include <stdlib.h>

struct queue_chunk {
	struct queue_chunk *next;
	uint64_t end; /* index after the last closed block in it */
	size_t used;  /* bytes of closed blocks */
	uint8_t data[QUEUE_CHUNK];
};

void queue_init(struct queue *queue, uint64_t next)
{
	*queue = (struct queue){ .next = next };
}

void queue_free(struct queue *queue)
{
	struct queue_chunk *next;

	for (struct queue_chunk *c = queue->oldest; c; c = next) {
		next = c->next;
		free(c);
	}
	free(queue->spare);
	*queue = (struct queue){ .next = queue->next };
}

static int add_chunk(struct queue *queue)
{
	struct queue_chunk *chunk = queue->spare;

	if (queue->chunks >= QUEUE_CHUNKS && !queue->unbounded)
		return -ENOBUFS;
	queue->spare = NULL;
	if (!chunk)
		chunk = malloc(sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	chunk->next = NULL;
	chunk->end = 0;
	chunk->used = 0;
	if (queue->newest)
		queue->newest->next = chunk;
	else
		queue->oldest = queue->unwritten = chunk;
	queue->newest = chunk;
	queue->chunks++;
	return 0;
}

static int open_block(struct queue *queue)
{
	if (!queue->newest || QUEUE_CHUNK - queue->newest->used < BLOCK_HEADER + QUEUE_PAYLOAD) {
		int err = add_chunk(queue);

		if (err)
			return err;
	}
	queue->block = queue->newest->data + queue->newest->used;
	queue->len = 0;
	queue->count = 0;
	return 0;
}

int queue_add(struct queue *queue, struct bytes record)
{
	uint8_t *p;

	if (!queue->block) {
		int err = open_block(queue);

		if (err)
			return err;
	}
	p = queue->block + BLOCK_HEADER + queue->len;
	p[0] = (uint8_t)(record.len >> 8);
	p[1] = (uint8_t)record.len;
	memcpy(p + 2, record.data, record.len);
	queue->len += 2 + (uint32_t)record.len;
	queue->count++;
	queue->next++;
	return 0;
}

size_t queue_end_block(struct queue *queue)
{
	size_t size = BLOCK_HEADER + queue->len;

	if (!queue->block)
		return 0;
	block_header_encode(queue->block, queue->next - queue->count, queue->len,
			    (uint16_t)queue->count);
	queue->newest->used += size;
	queue->newest->end = queue->next;
	queue->block = NULL;
	return size;
}

bool queue_unwritten(struct queue *queue, struct bytes *ret, unsigned *entries)
{
	struct queue_chunk *chunk = queue->unwritten;
	const uint8_t *p;

	while (chunk && queue->unwritten_at == chunk->used && chunk->next) {
		chunk = queue->unwritten = chunk->next;
		queue->unwritten_at = 0;
	}
	if (!chunk || queue->unwritten_at == chunk->used)
		return false;
	p = chunk->data + queue->unwritten_at;
	*ret = bytes_of(p, BLOCK_HEADER + get_u32(p + 16));
	*entries = get_u16(p + 20);
	return true;
}

void queue_written(struct queue *queue, size_t len)
{
	queue->unwritten_at += len;
}

void queue_release(struct queue *queue, uint64_t durable)
{
	struct queue_chunk *chunk = queue->oldest;

	while (chunk && chunk != queue->newest && chunk->end <= durable) {
		queue->oldest = chunk->next;
		if (queue->unwritten == chunk) {
			queue->unwritten = chunk->next;
			queue->unwritten_at = 0;
		}
		free(queue->spare);
		queue->spare = chunk;
		queue->chunks--;
		chunk = queue->oldest;
	}
	/* The last chunk is used again from its start. */
	if (chunk && chunk == queue->newest && !queue->block && chunk->end <= durable) {
		chunk->used = 0;
		queue->unwritten_at = 0;
	}
}

static int move_block(const uint8_t *p, uint32_t len, uint64_t index, uint64_t first,
		      struct queue *to)
{
	struct block block = { .payload = bytes_of(p, len) };
	int err = 0;

	for (size_t at = 0; at < len && err == 0; index++) {
		struct bytes entry = block_entry(&block, &at);

		if (index < first || entry.data[0] == ENTRY_SCHEMA ||
		    entry.data[0] == ENTRY_RECOVERY)
			continue;
		if (!queue_fits(to, entry.len))
			queue_end_block(to);
		err = queue_add(to, entry);
	}
	return err;
}

int queue_move(struct queue *from, uint64_t first, struct queue *to)
{
	int err = 0;

	queue_end_block(from);
	to->unbounded = true;
	for (struct queue_chunk *c = from->oldest; c && err == 0; c = c->next) {
		for (size_t at = 0; at < c->used && err == 0;) {
			const uint8_t *p = c->data + at;
			uint32_t len = get_u32(p + 16);

			err = move_block(p + BLOCK_HEADER, len, get_u64(p + 8), first, to);
			at += BLOCK_HEADER + len;
		}
	}
	to->unbounded = false;
	return err;
}
