/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_COVERAGE_PART_H
#define RECORD_COVERAGE_PART_H
/*
 * What coverage wants to know of a run of records, gathered by one thread while others gather
 * theirs, and merged later in chain order: the same as if the records had been fed one by one.
 * 24 bytes an event, and at most 17 MiB.
 */
#include "record/coverage.h"

struct coverage_part;

/* -ENOMEM. */
int coverage_part_open(struct coverage_part **ret);
void coverage_part_close(struct coverage_part *part);

/* record is what bytes decode to; what is needed of them is copied. 0; 1 when the part is nearly
 * full and should be merged; -ENOBUFS when it was not; -ENOMEM. */
int coverage_part_record(struct coverage_part *part, uint64_t index, const struct record *record,
			 struct bytes bytes);

/* Feed what was gathered; the part is empty then. 0 or -ENOMEM. */
int coverage_merge(struct coverage *coverage, struct coverage_part *part);

#endif
