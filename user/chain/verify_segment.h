/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_VERIFY_SEGMENT_H
#define CHAIN_VERIFY_SEGMENT_H
/*
 * Steps V5 and V6 of one segment, by itself: what its header claims about where it stands (tree,
 * seal) is believed. verify_walk.c holds that against the segment before, and looks at what was
 * found here only if it agrees.
 */
#include <stdatomic.h>

#include "chain/blocks.h"
#include "chain/verify_pool.h"
#include "chain/verify_state.h"

/* A LINK, and where it stands; an empty vkey is none. */
struct linked {
	uint64_t at;
	struct chain_link to;
};

struct segment_job {
	struct pool_job pool; /* the first, so that it can be found from there */

	/* given */
	const struct verify *v;
	void *part;
	uint64_t number;
	char file[SEGMENT_NAME_MAX];
	struct segment segment;
	uint64_t end;	 /* blocks count up to here; UINT64_MAX: to the first that is none */
	uint64_t beyond; /* claims above this size are for segments after it */

	/* found */
	int result; /* 0, VERIFY_STOP with the first failure in found, -errno */
	struct finding found;
	struct tree tree;      /* behind the last entry, when all went well */
	uint64_t size;	       /* entries up to where it stopped */
	uint64_t first_offset; /* of the first entry, 0 none */
	uint64_t before;       /* size of the seal before the first one needed */
	struct seal seal;      /* the one that will cover the next entry, k = K + 1 none */
	uint64_t last_good;    /* size of the last seal that held, 0 none */
	bool closed;	       /* a CLOSE seal ends here */
	bool link_forward;     /* the log was handed over: its next CLOSE is the last */
	struct linked back, forward;
	bool has_recovery;
	struct recovery recovery;
	uint64_t recovery_offset;
	uint64_t pruned_to;	/* highest keep_number of a PRUNE */
	uint64_t pruned_sealed; /* the same, of those that are sealed */
	_Atomic uint64_t done;	/* bytes; may be read at any time */
	_Atomic uint64_t entries;

	/* its own: salts, and what was read of the file and of the seals. The digest is over the
	 * seals that were needed. */
	struct salts salts;
	struct blocks blocks;
	struct seal_stream stream;
	uint64_t previous; /* size of the seal before `seal` */
	uint64_t offset;   /* of the block in hand */
	size_t claim;	   /* first one not yet reached */
	unsigned pushed;   /* leaves of the block in hand that are in the tree */
	uint64_t told;	   /* bytes, at the last news */
};

/* NULL: out of memory. */
struct segment_job *segment_job_new(void);
void segment_job_free(struct segment_job *job);

/* For a thread of the pool. */
void segment_job_run(struct pool_job *job);

#endif
