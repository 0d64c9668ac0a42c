/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_CUSUM_H
#define SCORE_CUSUM_H
/*
 * The accumulator of one entity (Page, 1954): evidence adds up, every record costs a drift, and
 * below zero it starts afresh. It keeps what it adds up, so that at any time
 *
 *	sum = contributions of kept[] + rest - drift
 */
#include <stdbool.h>
#include <stdint.h>

#define EVIDENCE_KEPT 8

/* What one token added since the accumulation began; the counts are those at its first record. */
struct evidence {
	uint64_t hash;
	int64_t contribution; /* Q10 bits */
	uint64_t user, of_user;
	uint32_t peers_with, peers;
	uint8_t feature;
};

struct cusum {
	int64_t sum;
	uint64_t first;	  /* index of the record it began with */
	uint64_t records; /* since then */
	struct evidence kept[EVIDENCE_KEPT];
	uint32_t used;
	uint32_t rest_tokens;
	int64_t rest, drift;

	/* after an alert */
	bool is_holding;
	uint64_t hold_command, hold_time; /* when it was */
	uint64_t hold_rows;		  /* severity rows that it has told */
	uint64_t rows;			  /* severity rows since `first` */
};

void cusum_add(struct cusum *cusum, const struct evidence *evidence);
/* End of a record: take the drift; nothing left starts afresh. */
void cusum_end(struct cusum *cusum, uint64_t index, int64_t drift);
/* After an alert: start afresh. */
void cusum_reset(struct cusum *cusum);

#endif
