/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_ACKNOWLEDGED_H
#define CMD_ACKNOWLEDGED_H
/* What the chain itself says of its copies: the last one that was made, the last that failed. */
#include <stdbool.h>

#include "chain/chain.h"
#include "record/record.h"

#define PLACE_MAX 1024

struct acknowledgement {
	bool found;
	uint64_t size, time;
	uint8_t root[CHAIN_HASH];
	char place[PLACE_MAX + 1];
	char why[256]; /* of a failure */
};

struct acknowledged {
	struct acknowledgement made;
	struct acknowledgement failed; /* after that, if found */
};

/* Take note of a record; those that are not ARCHIVE are passed over. */
void acknowledged_record(struct acknowledged *acknowledged, const struct record *record);

/*
 * Look from the end of the chain back, through at most so many segments (0: all), for copies at
 * place (NULL: anywhere). 0 or -errno with err filled.
 */
int acknowledged_find(const char *dir, const char *place, uint64_t segments,
		      struct acknowledged *ret, struct chain_error *err);

#define PLACES_MAX 16

struct acknowledged_places {
	unsigned count;
	struct acknowledged at[PLACES_MAX]; /* those of later segments come first */
};

/* The same of every place, in the last so many segments; no more than PLACES_MAX. */
int acknowledged_list(const char *dir, uint64_t segments, struct acknowledged_places *ret,
		      struct chain_error *err);

#endif
