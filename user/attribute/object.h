/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_OBJECT_H
#define ATTRIBUTE_OBJECT_H
/* What an event was done to, out of its texts and numbers: paths, names, addresses, arguments. */
#include "event.h"
#include "record/record.h"

#define OBJECT_PATH_ROOM (2 * EVENT_TEXT_MAX)

struct object_texts { /* room for paths that are put together; of one record at a time */
	uint8_t path[OBJECT_PATH_ROOM], other[OBJECT_PATH_ROOM];
	uint8_t base[OBJECT_PATH_ROOM], cwd[OBJECT_PATH_ROOM];
};

/* Fill in the fields of the object, by kind. They point into the event or the texts. The flags,
 * the call and the result stand in the record already. */
void object_describe(struct object_texts *texts, const struct event *event, struct record *ret);

#endif
