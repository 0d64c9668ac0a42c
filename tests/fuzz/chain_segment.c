// SPDX-License-Identifier: Apache-2.0
/* A plain segment, or only its beginning: what decodes encodes to the same bytes, and the parser of
 * files finds the same blocks as the one of memory. With checksums made right if the first byte is
 * odd. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/blocks.h"
#include "chain_base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_block(const uint8_t *data, size_t used, const struct block *block)
{
	uint8_t again[BLOCK_HEADER];
	size_t at = 0;

	CHECK(used == BLOCK_HEADER + block->payload.len);
	/* The crc goes over the payload, which therefore has to lie behind. */
	if (block->payload.len <= 65536) {
		uint8_t *copy = malloc(used);

		CHECK(copy);
		memcpy(copy + BLOCK_HEADER, block->payload.data, block->payload.len);
		block_header_encode(copy, block->first, (uint32_t)block->payload.len,
				    (uint16_t)block->count);
		memcpy(again, copy, BLOCK_HEADER);
		CHECK(memcmp(again, data, BLOCK_HEADER) == 0);
		free(copy);
	}
	for (unsigned i = 0; i < block->count; i++) {
		struct bytes entry = block_entry(block, &at);

		CHECK(entry.len >= 1 && entry.len <= CHAIN_RECORD_MAX);
	}
	CHECK(at == block->payload.len);
}

static void check_blocks(const uint8_t *data, size_t size, size_t at, uint64_t next)
{
	static struct blocks blocks;
	struct block block, same;
	const char *why = NULL;
	int fd = memfd_create("blocks", MFD_CLOEXEC);
	ssize_t used;
	int got;

	CHECK(fd >= 0 && pwrite_all(fd, data, size, 0) == 0);
	if (!blocks.buffer)
		CHECK(blocks_init(&blocks) == 0);
	blocks_seek_fd(&blocks, fd, at, UINT64_MAX, next);
	do {
		used = block_decode(bytes_of(data + at, size - at), next, &block, &why);
		got = blocks_next(&blocks, &same);
		CHECK(got == (used > 0));
		if (used <= 0)
			break;
		check_block(data + at, (size_t)used, &block);
		CHECK(same.first == next && same.count == block.count &&
		      bytes_equal(same.payload, block.payload));
		at += (size_t)used;
		next += block.count;
		CHECK(blocks.offset == at);
	} while (1);
	CHECK(used == 0 || why);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct segment_header header;
	uint8_t again[SEGMENT_HEADER_MAX], *copy;
	const char *why = NULL;
	ssize_t used;

	if (size < 1)
		return 0;
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		base_fix_segment(copy, size - 1);
	used = segment_header_decode(bytes_of(copy, size - 1), &header, &why);
	if (used > 0) {
		CHECK(segment_header_encode(&header, again) == (size_t)used);
		CHECK(memcmp(again, copy, (size_t)used) == 0);
		check_blocks(copy, size - 1, (size_t)used, header.tree.size);
	} else {
		CHECK(used == 0 ? size - 1 < SEGMENT_HEADER_MAX : why != NULL);
		check_blocks(copy, size - 1, 0, 0);
	}
	free(copy);
	return 0;
}
