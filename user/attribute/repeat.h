/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_REPEAT_H
#define ATTRIBUTE_REPEAT_H
/*
 * What repeats are of. The kernel programs count them in a place that the first event names, and
 * tell of the count with that event's number: the object is known from there.
 */
#include "event.h"
#include "record/record.h"

struct repeats;

/* 0 or -ENOMEM. */
int repeats_open(struct repeats **ret);
void repeats_close(struct repeats *repeats);

/* Remember the object of an event that has a place. */
void repeats_keep(struct repeats *repeats, const struct event *event, const struct record *record);

/* Fill in what an EVENT_REPEAT is of; without an object when its first event did not come. Bytes
 * live until the next call of either. */
void repeats_describe(struct repeats *repeats, const struct event *event, uint64_t boot_time,
		      struct record *ret);

#endif
