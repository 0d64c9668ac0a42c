/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_TAKEUP_H
#define CMD_TAKEUP_H
/*
 * Going on with a run whose collector ended while the programs went on (--pin): what the chain has
 * of it already. Events that stood in the rings when it was killed may be there, and must not come
 * twice; what its heartbeats told of the counters need not be told again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "chain/chain.h"
#include "event.h"

struct takeup;

/* 0; -ENOENT when the last run in the chain is another one or was ended; others as of a reader. */
int takeup_open(struct takeup **ret, const char *dir, uint32_t run, uint32_t cpus,
		struct chain_error *err);
void takeup_close(struct takeup *takeup);

/* Does the chain have this event? */
bool takeup_has(const struct takeup *takeup, const struct event *event);

/* Counters of a CPU and skipped programs, as told last; epoch ns of that heartbeat, 0 none. */
const struct event_counters *takeup_counters(const struct takeup *takeup, uint32_t cpu);
uint64_t takeup_misses(const struct takeup *takeup);
uint64_t takeup_time(const struct takeup *takeup);

#endif
