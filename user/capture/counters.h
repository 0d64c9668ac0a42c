/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_COUNTERS_H
#define CAPTURE_COUNTERS_H
/* Can the kernel have counted so? Nobody but the programs should write the counters. */
#include <stdbool.h>

#include "event.h"

/*
 * One CPU's counters as they were read before and now: none went back, and next, one more than the
 * highest number that came through each ring before this reading, was given out.
 */
bool counters_follow(const struct event_counters *before, const struct event_counters *now,
		     const uint64_t next[RINGS]);

#endif
