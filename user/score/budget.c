// SPDX-License-Identifier: Apache-2.0
#include "score/budget.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "score/params.h"

int budget_open(struct budget *budget)
{
	int err;

	*budget = (struct budget){ .list = LIST_EMPTY };
	err = slots_open(&budget->slots, PROCESSES);
	budget->processes = calloc(PROCESSES, sizeof(*budget->processes));
	budget->links = calloc(PROCESSES, sizeof(*budget->links));
	if (err || !budget->processes || !budget->links) {
		budget_close(budget);
		return -ENOMEM;
	}
	return 0;
}

void budget_close(struct budget *budget)
{
	slots_close(&budget->slots);
	free(budget->processes);
	free(budget->links);
	*budget = (struct budget){ 0 };
}

static struct process full(uint64_t now)
{
	return (struct process){ .since = now, .bits = PROCESS_BITS, .drift = PROCESS_DRIFT };
}

static uint32_t add_process(struct budget *budget, uint64_t key, uint64_t now)
{
	uint32_t at;

	if (slots_full(&budget->slots)) {
		at = budget->list.oldest;
		list_remove(&budget->list, budget->links, at);
		slots_remove(&budget->slots, at);
	}
	at = slots_add(&budget->slots, key);
	list_push(&budget->list, budget->links, at);
	budget->processes[at] = full(now);
	return at;
}

struct process *budget_of(struct budget *budget, const uint8_t key[16], const struct record *record,
			  uint64_t now)
{
	uint8_t whole[12];
	uint64_t hash;
	uint32_t at;

	put_u64(put_u32(whole, record->pid), record->start);
	hash = siphash(key, whole, sizeof(whole));
	at = slots_find(&budget->slots, hash);
	if (at == SLOT_NONE)
		return &budget->processes[add_process(budget, hash, now)];
	list_touch(&budget->list, budget->links, at);
	if (now - budget->processes[at].since >= PROCESS_NS)
		budget->processes[at] = full(now);
	return &budget->processes[at];
}

int32_t budget_take(int32_t *left, int32_t amount)
{
	int32_t taken = amount < *left ? amount : *left;

	*left -= taken;
	return taken;
}
