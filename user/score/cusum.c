// SPDX-License-Identifier: Apache-2.0
#include "score/cusum.h"

static void add_rest(struct cusum *cusum, int64_t contribution)
{
	cusum->rest += contribution;
	cusum->rest_tokens++;
}

static struct evidence *smallest(struct cusum *cusum)
{
	struct evidence *least = &cusum->kept[0];

	for (uint32_t i = 1; i < EVIDENCE_KEPT; i++)
		if (cusum->kept[i].contribution < least->contribution)
			least = &cusum->kept[i];
	return least;
}

void cusum_add(struct cusum *cusum, const struct evidence *evidence)
{
	struct evidence *to;

	cusum->sum += evidence->contribution;
	for (uint32_t i = 0; i < cusum->used; i++) {
		if (cusum->kept[i].hash == evidence->hash) {
			cusum->kept[i].contribution += evidence->contribution;
			return;
		}
	}
	if (cusum->used < EVIDENCE_KEPT) {
		cusum->kept[cusum->used++] = *evidence;
		return;
	}
	to = smallest(cusum);
	if (to->contribution >= evidence->contribution) {
		add_rest(cusum, evidence->contribution);
		return;
	}
	add_rest(cusum, to->contribution);
	*to = *evidence;
}

void cusum_end(struct cusum *cusum, uint64_t index, int64_t drift)
{
	if (cusum->records++ == 0)
		cusum->first = index;
	cusum->sum -= drift;
	cusum->drift += drift;
	if (cusum->sum <= 0)
		cusum_reset(cusum);
}

void cusum_reset(struct cusum *cusum)
{
	cusum->sum = cusum->rest = cusum->drift = 0;
	cusum->used = cusum->rest_tokens = cusum->rows = 0;
	cusum->records = 0;
}
