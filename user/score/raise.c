// SPDX-License-Identifier: Apache-2.0
/* What an alert is made of: the evidence that an entity's accumulator kept. */
#include "score/params.h"
#include "score/raise.h"

/* The largest tokens first; equal ones in the order they came. */
static void sort_evidence(struct cusum *cusum)
{
	for (uint32_t i = 1; i < cusum->used; i++) {
		struct evidence moving = cusum->kept[i];
		uint32_t at = i;

		for (; at && cusum->kept[at - 1].contribution < moving.contribution; at--)
			cusum->kept[at] = cusum->kept[at - 1];
		cusum->kept[at] = moving;
	}
}

static struct alert_part part_of(const struct model *model, const struct evidence *evidence)
{
	const struct label *text = model_text(model, evidence->hash);

	return (struct alert_part){ .feature = evidence->feature,
				    .contribution = evidence->contribution,
				    .user = evidence->user,
				    .of_user = evidence->of_user,
				    .peers_with = evidence->peers_with,
				    .peers = evidence->peers,
				    .text = text ? bytes_of(text->data, text->len)
						 : bytes_of_text("(forgotten)") };
}

static const uint64_t baseline_of[SORTS] = {
	[SORT_PERSON] = WARM_COMMANDS, [SORT_OTHER] = WARM_EVENTS
};

struct alert_parts alert_parts_of(const struct model *model, struct entity *entity)
{
	struct cusum *cusum = &entity->cusum;
	struct alert_parts parts = { .count = 0 };
	struct alert_part rest = { .feature = PART_REST,
				   .contribution = cusum->rest,
				   .user = cusum->rest_tokens };
	struct alert_part drift = { .feature = PART_DRIFT,
				    .contribution = -cusum->drift,
				    .user = cusum->records };

	if (!entity->is_warm) {
		bool is_person = entity->sort == SORT_PERSON;

		drift.peers_with = is_person ? entity->commands : entity->events;
		drift.peers = baseline_of[entity->sort];
	}
	sort_evidence(cusum);
	for (uint32_t i = 0; i < cusum->used; i++) {
		if (i < PARTS_TOKENS && cusum->kept[i].contribution > 0) {
			parts.part[parts.count++] = part_of(model, &cusum->kept[i]);
			continue;
		}
		rest.contribution += cusum->kept[i].contribution;
		rest.user++;
	}
	if (rest.user)
		parts.part[parts.count++] = rest;
	parts.part[parts.count++] = drift;
	return parts;
}
