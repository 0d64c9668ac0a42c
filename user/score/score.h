/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_SCORE_H
#define SCORE_SCORE_H
/*
 * Behaviour scoring: a pure function of the records in chain order. Integers only, no clock, no
 * floating point, so that a replay anywhere gives the same scores and the same digest.
 */
#include "record/record.h"

/* Bytes of all tables, at most. */
#define SCORE_MEMORY (24u << 20)

struct score;

struct score_options {
	uint8_t key[16]; /* of the feature hashes; stands in the chain's SCHEMA entry */
};

/* Fixed memory (about SCORE_MEMORY bytes), all tables bounded. -ENOMEM. */
int score_open(struct score **ret, const struct score_options *options);
void score_close(struct score *score);

/*
 * Score one record, in chain order. index is its place in the chain. ALERT and DIGEST records,
 * HEARTBEAT and COUNTERS change nothing. Returns 1 when an alert is due: *ret_alert is then the
 * ALERT record to append next (its bytes live until the next call); 0 otherwise.
 */
int score_record(struct score *score, uint64_t index, const struct record *record,
		 struct record *ret_alert);

/* Digest over all model state and all scores so far; and how many records were scored. */
uint64_t score_digest(const struct score *score);
uint64_t score_count(const struct score *score);

/* Q10 bits of all tokens of the last scored record, before drift and whether or not warm-up or
 * hold-off kept them out of the accumulator. */
int64_t score_last(const struct score *score);

/* True when a DIGEST record is due: the last call scored a record, and it was the 65,536th since
 * the one before. */
int score_digest_due(const struct score *score);

#endif
