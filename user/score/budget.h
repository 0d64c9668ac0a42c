/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_BUDGET_H
#define SCORE_BUDGET_H
/*
 * What one process may add and take away. All that a program opens as it starts is one surprise,
 * not fifty: the tokens of a process share a budget, full again after PROCESS_NS of record time.
 * The table is bounded; the process that has been silent for longest makes room, and has a full
 * budget if it comes back.
 */
#include "record/record.h"
#include "score/slots.h"

struct process {
	uint64_t since;	     /* record time at which the budget was full */
	int32_t bits, drift; /* left, Q10 */
};

struct budget {
	struct slots slots;
	struct process *processes;
	struct link *links;
	struct list list;
};

int budget_open(struct budget *budget); /* 0 or -ENOMEM */
void budget_close(struct budget *budget);

/* The process of a record, by pid and start; valid until the next call. */
struct process *budget_of(struct budget *budget, const uint8_t key[16], const struct record *record,
			  uint64_t now);

/* As much of amount as *left has, which is then less. */
int32_t budget_take(int32_t *left, int32_t amount);

#endif
