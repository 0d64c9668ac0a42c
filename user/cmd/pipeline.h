/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PIPELINE_H
#define CMD_PIPELINE_H
/*
 * Records into the chain and through the model: the one place where a record gets its index, its
 * score, and the alert that follows it. Live and replay score alike.
 */
#include "chain/chain.h"
#include "score/score.h"

struct pipeline {
	struct chain *chain;
	struct score *score;
	uint64_t alerts;
	/* Told of every alert and its index; may be NULL. */
	void (*on_alert)(void *ctx, uint64_t index, const struct record *alert);
	void *ctx;
	uint8_t encoded[RECORD_MAX];
};

/* Append one record and whatever follows from it. 0, or the -errno that stopped the chain. */
int pipeline_append(struct pipeline *pipeline, const struct record *record, uint64_t now);

/* DIGEST record of the model as it stands. */
int pipeline_append_digest(struct pipeline *pipeline, uint64_t time, uint64_t now);

#endif
