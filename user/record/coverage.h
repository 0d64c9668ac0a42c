/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_COVERAGE_H
#define RECORD_COVERAGE_H
/*
 * Coverage: from the events' sequence numbers and the kernel's counters, both in the chain, show
 * that nothing is missing but what the kernel itself counted as lost.
 *
 * For each (run, ring, cpu): highest number seen, events received. For each COUNTERS record:
 *   missing  = numbers below the highest seen that never came
 *   lost     = what the kernel counted
 * A number missing now is in flight, or was lost; at the next COUNTERS record of that CPU it must
 * be one of the two: missing then <= lost now, and the numbers given out then <= received + lost
 * now. At STOP, with everything drained, numbers given out = received + lost, exactly.
 *
 * Of a pruned chain the first run's beginning may be gone. Its streams are looked at from their
 * first COUNTERS record after a heartbeat on; of what came before that, nobody can say that it is
 * all there.
 */
#include "record/record.h"

struct coverage;

struct coverage_result {
	uint64_t events;    /* kernel events in the chain */
	uint64_t lost;	    /* counted by the kernel: ring full, or a program that was skipped */
	uint64_t open;	    /* runs that ended without STOP: what they lost at the end is unknown */
	uint64_t disturbed; /* times that somebody's hand was seen in what collects */
	uint64_t disturbed_at; /* record of the first time */
	uint64_t stalled;      /* times that the collector stood still */
	uint64_t gap;	       /* missing without an excuse */
	uint64_t gap_from;     /* index range in which it was noticed */
	uint64_t gap_to;
	char why[160]; /* the first gap in words; "" when there is none */
};

/* -ENOMEM. */
int coverage_open(struct coverage **ret);
void coverage_close(struct coverage *coverage);

/* The records before the first one that will be fed were pruned: a run may be going on. */
void coverage_join(struct coverage *coverage);

/* Feed records in chain order. 0, or -ENOMEM. */
int coverage_record(struct coverage *coverage, uint64_t index, const struct record *record);

/* The chain ends here; live says that it is still being written. */
void coverage_end(struct coverage *coverage, bool live, struct coverage_result *ret);

#endif
