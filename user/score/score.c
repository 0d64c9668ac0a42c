// SPDX-License-Identifier: Apache-2.0
#include "score/score.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define DIGEST_EVERY 65536

struct score {
	struct score_options options;
	uint64_t count;
	uint64_t digest;
};

int score_open(struct score **ret, const struct score_options *options)
{
	struct score *score = calloc(1, sizeof(*score));

	if (!score)
		return -ENOMEM;
	score->options = *options;
	*ret = score;
	return 0;
}

void score_close(struct score *score)
{
	free(score);
}

int score_record(struct score *score, uint64_t index, const struct record *record,
		 struct record *ret_alert)
{
	uint8_t state[32];
	uint8_t *p = state;

	(void)ret_alert;
	if (!record_is_event(record->kind) && record->kind != RECORD_LOSS)
		return 0;
	p = put_u64(p, score->digest);
	p = put_u64(p, index);
	p = put_u64(p, record->time);
	put_u64(p, record->seq);
	score->digest = siphash(score->options.key, state, sizeof(state));
	score->count++;
	return 0;
}

uint64_t score_digest(const struct score *score)
{
	return score->digest;
}

uint64_t score_count(const struct score *score)
{
	return score->count;
}

int score_digest_due(const struct score *score)
{
	return score->count && score->count % DIGEST_EVERY == 0;
}
