// SPDX-License-Identifier: Apache-2.0
#include "score/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int slots_open(struct slots *slots, uint32_t capacity)
{
	uint32_t buckets = 1;

	while (buckets < capacity)
		buckets *= 2;
	*slots = (struct slots){ .buckets = buckets, .capacity = capacity, .free = SLOT_NONE };
	slots->slot = calloc(capacity, sizeof(*slots->slot));
	slots->bucket = malloc(buckets * sizeof(*slots->bucket));
	if (!slots->slot || !slots->bucket) {
		slots_close(slots);
		return -ENOMEM;
	}
	memset(slots->bucket, 0xff, buckets * sizeof(*slots->bucket)); /* SLOT_NONE */
	return 0;
}

void slots_close(struct slots *slots)
{
	free(slots->slot);
	free(slots->bucket);
	*slots = (struct slots){ 0 };
}

static uint32_t *bucket_of(const struct slots *slots, uint64_t key)
{
	return &slots->bucket[(key ^ key >> 32) & (slots->buckets - 1)];
}

uint32_t slots_find(const struct slots *slots, uint64_t key)
{
	uint32_t at = *bucket_of(slots, key);

	while (at != SLOT_NONE && slots->slot[at].key != key)
		at = slots->slot[at].next;
	return at;
}

uint32_t slots_add(struct slots *slots, uint64_t key)
{
	uint32_t *bucket = bucket_of(slots, key);
	uint32_t at = slots->free;

	if (at == SLOT_NONE)
		at = slots->fresh++;
	else
		slots->free = slots->slot[at].next;
	slots->slot[at].key = key;
	slots->slot[at].next = *bucket;
	*bucket = at;
	slots->used++;
	return at;
}

void slots_remove(struct slots *slots, uint32_t at)
{
	uint32_t *from = bucket_of(slots, slots->slot[at].key);

	while (*from != at)
		from = &slots->slot[*from].next;
	*from = slots->slot[at].next;
	slots->slot[at].next = slots->free;
	slots->free = at;
	slots->used--;
}
