/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_SLOTS_H
#define SCORE_SLOTS_H
/*
 * A bounded set of 64-bit keys, each with a small number (its slot) that indexes the owner's
 * array; and lists threaded through such numbers, newest first, for "what was touched longest
 * ago". Nothing here depends on addresses: which slot a key gets follows from the calls alone.
 */
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

struct slots {
	struct slot {
		uint64_t key;
		uint32_t next; /* in the bucket, or in the list of free slots */
	} * slot;
	uint32_t *bucket;
	uint32_t buckets; /* a power of two */
	uint32_t capacity, used, fresh, free;
};

int slots_open(struct slots *slots, uint32_t capacity); /* 0 or -ENOMEM */
void slots_close(struct slots *slots);

uint32_t slots_find(const struct slots *slots, uint64_t key); /* SLOT_NONE when absent */
uint32_t slots_add(struct slots *slots, uint64_t key);	      /* key absent, not full */
void slots_remove(struct slots *slots, uint32_t at);

static inline int slots_full(const struct slots *slots)
{
	return slots->used == slots->capacity;
}

struct link {
	uint32_t newer, older;
};

struct list {
	uint32_t newest, oldest;
};

#define LIST_EMPTY ((struct list){ SLOT_NONE, SLOT_NONE })

/* `links` is the array the list is threaded through. */
static inline void list_push(struct list *list, struct link *links, uint32_t at)
{
	links[at] = (struct link){ SLOT_NONE, list->newest };
	if (list->newest == SLOT_NONE)
		list->oldest = at;
	else
		links[list->newest].newer = at;
	list->newest = at;
}

static inline void list_remove(struct list *list, struct link *links, uint32_t at)
{
	struct link *l = &links[at];

	if (l->newer == SLOT_NONE)
		list->newest = l->older;
	else
		links[l->newer].older = l->older;
	if (l->older == SLOT_NONE)
		list->oldest = l->newer;
	else
		links[l->older].newer = l->newer;
}

static inline void list_touch(struct list *list, struct link *links, uint32_t at)
{
	if (list->newest == at)
		return;
	list_remove(list, links, at);
	list_push(list, links, at);
}

#endif
