/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SEALER_H
#define CHAIN_SEALER_H
/*
 * The sealing side of a chain: a thread that alone holds the keys. It syncs the open segment,
 * reads back what is on the disk with the verifier's own parser, hashes it, seals, publishes, and
 * opens new segments. The writing side asks with small fixed requests and learns by news.
 */
#include "chain/restart.h"

/* A segment as the writing side needs it. */
struct open_segment {
	int fd; /* writing side closes it when it goes on to the next one */
	uint64_t number;
	uint64_t first;
	uint64_t prev_len;
	uint64_t dead_len; /* bytes of the one before that do not count */
	unsigned reason;   /* enum recovery_reason, 0: nothing went wrong */
	size_t header_len;
};

enum seal_request {
	ASK_SYNC = 1,
	ASK_SEAL = 2,
	ASK_CLOSE = 4, /* with ASK_SEAL: set the CLOSE flag */
	ASK_NOTE = 8,
	ASK_SEGMENT = 16, /* go on in a new segment */
	ASK_RECOVER = 32, /* a write failed: the same, from the last synced block on */
};

struct sealer_news {
	uint64_t durable; /* entries known to be on the disk */
	uint64_t sealed;  /* entries under a durable seal */
	uint64_t seal;	  /* its number */
	uint8_t root[CHAIN_HASH];
	struct open_segment segment;
	int error; /* the sealer refuses to go on */
	char why[256];
};

struct sealer;

/* Takes log over (also on failure), opens the next segment and starts the thread. */
int sealer_start(struct sealer **ret, struct log *log, struct chain_error *err);

/* Ask for what (of enum seal_request), for the first entries entries that lie in the first bytes
 * bytes of that segment. Requests not yet begun are merged. */
void sealer_ask(struct sealer *sealer, unsigned what, uint64_t segment, uint64_t entries,
		uint64_t bytes);

/* Has anything been published since *seen? Cheap. */
bool sealer_has_news(const struct sealer *sealer, unsigned seen);

/* Copy the news; *seen is brought up to date. */
void sealer_get_news(struct sealer *sealer, struct sealer_news *ret, unsigned *seen);

/* Is anything asked and not yet done? */
bool sealer_is_busy(struct sealer *sealer);

/* Wait until there is news since seen, or nothing is left to do. */
void sealer_wait(struct sealer *sealer, unsigned seen);

/* Wait until everything asked is done. */
void sealer_finish(struct sealer *sealer);

/* Stop the thread after what it is doing now, wipe the keys, free. Returns the descriptor of the
 * open segment, which is now the caller's; -1 for NULL. */
int sealer_stop(struct sealer *sealer);

#endif
