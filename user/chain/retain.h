/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_RETAIN_H
#define CHAIN_RETAIN_H
/* Deleting the oldest segments, once the chain itself says under a seal that they may go. */
#include "chain/chain.h"

struct chain_segments {
	uint64_t first, last; /* numbers; 0 none */
};

int chain_list_segments(const char *dir, struct chain_segments *ret, struct chain_error *err);

/* The index a segment begins with. */
int chain_segment_first(const char *dir, uint64_t number, uint64_t *ret, struct chain_error *err);

/*
 * Delete the segments below keep_number, oldest first, each gone from the disk before the next. The
 * PRUNE entry must stand at index at or soon behind it, below the last seal: that is looked up, not
 * believed. Can be done again after any interruption. -EPERM when the chain does not say so, or
 * when one of its last two segments would go; other -errno; err is filled.
 */
int chain_remove_segments(const char *dir, uint64_t keep_number, uint64_t at, uint64_t *ret_removed,
			  struct chain_error *err);

#endif
