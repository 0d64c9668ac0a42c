/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_EDGE_H
#define TESTS_CHAIN_EDGE_H
/* Bytes with nothing behind them: who reads on dies. */
#include "chain_util.h"

#include <sys/mman.h>

#define EDGE_ROOM (2ul << 20)

/* A copy that ends where memory does, good until the next call. */
static UNUSED uint8_t *at_the_edge(const void *data, size_t len)
{
	static uint8_t *room;

	if (!room) {
		room = mmap(NULL, 2 * EDGE_ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert_ptr_ne(room, MAP_FAILED);
		ck_assert_int_eq(mprotect(room + EDGE_ROOM, EDGE_ROOM, PROT_NONE), 0);
	}
	ck_assert_uint_le(len, EDGE_ROOM);
	return len ? memcpy(room + EDGE_ROOM - len, data, len) : room + EDGE_ROOM;
}

#endif
