/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_EVENT_CHECK_H
#define CAPTURE_EVENT_CHECK_H
/* Is this a whole, self-consistent event? The ring is trusted less than the code behind it. */
#include <stdbool.h>
#include <stddef.h>

#include "event.h"

static inline bool event_is_whole(const struct event *e, size_t len)
{
	size_t texts = 0;

	if (len < sizeof(*e) || e->size != len || len > sizeof(*e) + EVENT_TEXT_MAX)
		return false;
	for (int i = 0; i < TEXTS; i++)
		texts += e->text[i];
	return texts == len - sizeof(*e) && e->ring < RINGS && e->kind >= EVENT_EXEC &&
	       e->kind < EVENT_KINDS && e->call < CALLS && !(e->flags >> EVENT_FLAGS);
}

#endif
