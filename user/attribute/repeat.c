// SPDX-License-Identifier: Apache-2.0
#include "attribute/repeat.h"

#include <errno.h>
#include <stdlib.h>

#include "attribute/text.h"
#include "base/table.h"

#define PLACES (64 * FOLDS_PER_CPU) /* of more CPUs, those that were used last */

struct kept {
	uint64_t seq;
	uint32_t ring;
	struct record object; /* numbers only */
	struct text *path, *claimed, *address;
};

struct repeats {
	struct table *places; /* of struct kept, by CPU and place */
};

static void drop_kept(void *value)
{
	struct kept *kept = value;

	text_drop(kept->path);
	text_drop(kept->claimed);
	text_drop(kept->address);
}

int repeats_open(struct repeats **ret)
{
	struct repeats *r = calloc(1, sizeof(*r));
	int err = r ? table_open(&r->places, PLACES, sizeof(struct kept), drop_kept) : -1;

	if (err) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void repeats_close(struct repeats *r)
{
	if (!r)
		return;
	table_close(r->places);
	free(r);
}

static uint64_t key_of(const struct event *e)
{
	return (uint64_t)e->cpu << 32 | e->fold;
}

void repeats_keep(struct repeats *repeats, const struct event *e, const struct record *r)
{
	struct kept *kept;

	if (!e->fold)
		return;
	kept = table_get(repeats->places, key_of(e));
	drop_kept(kept);
	*kept = (struct kept){ .seq = e->seq,
			       .ring = e->ring,
			       .object = { .inode = r->inode,
					   .device = r->device,
					   .mode = r->mode,
					   .flags = r->flags,
					   .result = r->result,
					   .family = r->family,
					   .port = r->port,
					   .protocol = r->protocol },
			       .path = text_make(r->path),
			       .claimed = text_make(r->claimed),
			       .address = text_make(r->address) };
}

void repeats_describe(struct repeats *repeats, const struct event *e, uint64_t boot_time,
		      struct record *ret)
{
	const struct kept *kept = table_find(repeats->places, key_of(e));

	ret->count = e->repeat.count;
	ret->at = e->repeat.seq;
	ret->since = boot_time + e->repeat.last;
	if (!kept || kept->seq != e->repeat.seq || kept->ring != e->ring) {
		ret->flags |= RECORD_PATH_LOST;
		return;
	}
	ret->inode = kept->object.inode;
	ret->device = kept->object.device;
	ret->mode = kept->object.mode;
	ret->flags = kept->object.flags;
	ret->result = kept->object.result;
	ret->family = kept->object.family;
	ret->port = kept->object.port;
	ret->protocol = kept->object.protocol;
	ret->path = text_bytes(kept->path);
	ret->claimed = text_bytes(kept->claimed);
	ret->address = text_bytes(kept->address);
}
