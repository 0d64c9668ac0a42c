// SPDX-License-Identifier: Apache-2.0
#include "chain/units.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "chain/segment.h"

#define RAW_AT_ONCE (16u << 10)

void units_begin(struct units *u, uint64_t size, bool is_segment)
{
	u->size = size;
	u->at = 0;
	u->state = is_segment ? UNITS_HEADER : UNITS_RAW;
}

/* Take len bytes to offset `have` of the buffer. */
static int take(struct units *u, size_t have, size_t len)
{
	if (len == 0)
		return 0; /* there may be nothing left to be asked for */
	if (have + len > u->room) {
		uint8_t *grown = realloc(u->buffer, have + len);

		if (!grown)
			return -ENOMEM;
		u->buffer = grown;
		u->room = have + len;
	}
	u->at += len;
	return u->take(u->ctx, u->buffer + have, len);
}

static int take_raw(struct units *u, size_t *ret)
{
	uint64_t left = u->size - u->at;

	*ret = left < RAW_AT_ONCE ? (size_t)left : RAW_AT_ONCE;
	return take(u, 0, *ret);
}

static int take_header(struct units *u, size_t *ret)
{
	uint64_t rest;
	int err;

	if (u->size < SEGMENT_HEADER_MIN)
		return take_raw(u, ret);
	err = take(u, 0, SEGMENT_HEADER_MIN);
	if (err)
		return err;
	rest = (uint64_t)CHAIN_HASH * get_u32(u->buffer + 12);
	*ret = SEGMENT_HEADER_MIN;
	u->state = UNITS_RAW;
	if (rest > SEGMENT_HEADER_MAX - SEGMENT_HEADER_MIN || rest > u->size - u->at)
		return 0;
	u->state = UNITS_BLOCKS;
	u->expected = get_u64(u->buffer + 24);
	*ret += (size_t)rest;
	return take(u, SEGMENT_HEADER_MIN, (size_t)rest);
}

/* The crc covers the first index as it stands in the plain file. */
static void change_block(struct units *u, size_t len)
{
	uint8_t *p = u->buffer;
	uint64_t first = get_u64(p + 8);
	uint32_t crc;

	if (u->restore) {
		first += u->expected;
		put_u64(p + 8, first);
	}
	crc = crc32c(0, p + 8, len - 8);
	put_u32(p + 4, get_u32(p + 4) ^ crc);
	if (!u->restore)
		put_u64(p + 8, first - u->expected);
	u->expected = first + get_u16(p + 20);
}

static int take_block(struct units *u, size_t *ret)
{
	uint32_t len;
	int err;

	if (u->size - u->at < BLOCK_HEADER)
		return take_raw(u, ret);
	err = take(u, 0, BLOCK_HEADER);
	if (err)
		return err;
	*ret = BLOCK_HEADER;
	len = get_u32(u->buffer + 16);
	if (!block_magic(u->buffer) || len > BLOCK_PAYLOAD_MAX || len > u->size - u->at) {
		u->state = UNITS_RAW; /* a torn tail */
		return 0;
	}
	err = take(u, BLOCK_HEADER, len);
	if (err)
		return err;
	*ret += len;
	change_block(u, *ret);
	return 0;
}

int units_next(struct units *u, struct bytes *ret)
{
	size_t len = 0;
	int err;

	if (u->at == u->size)
		return 0;
	err = u->state == UNITS_HEADER	 ? take_header(u, &len)
	      : u->state == UNITS_BLOCKS ? take_block(u, &len)
					 : take_raw(u, &len);
	if (err)
		return err;
	*ret = bytes_of(u->buffer, len);
	return 1;
}
