// SPDX-License-Identifier: Apache-2.0
#include "record/coverage_part.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"

#define FACTS	   (512u << 10) /* their memory is used as it is needed */
#define BYTES	   (4u << 20)
#define NEARLY(of) ((of)-1024) /* so many may come before the merging */

/* An event; or any other record, which is kept whole: seq and run say where it is in bytes. */
struct fact {
	uint64_t seq;
	uint32_t run, cpu;
	uint32_t index; /* beyond that of the place before */
	uint8_t kind;	/* 0: no record, seq is the index from which the next ones are counted */
	uint8_t ring;
};

struct coverage_part {
	struct fact *facts;
	size_t count;
	uint64_t base; /* index from which they are counted */
	struct buffer bytes;
};

int coverage_part_open(struct coverage_part **ret)
{
	struct coverage_part *part = calloc(1, sizeof(*part));

	if (!part)
		return -ENOMEM;
	part->facts = malloc(FACTS * sizeof(*part->facts));
	if (!part->facts) {
		free(part);
		return -ENOMEM;
	}
	*ret = part;
	return 0;
}

void coverage_part_close(struct coverage_part *part)
{
	if (!part)
		return;
	buffer_free(&part->bytes);
	free(part->facts);
	free(part);
}

static bool is_needed(enum record_kind kind)
{
	return record_is_event(kind) || kind == RECORD_START || kind == RECORD_COUNTERS ||
	       kind == RECORD_HEARTBEAT || kind == RECORD_STOP || kind == RECORD_DISTURBED ||
	       kind == RECORD_PAUSE || kind == RECORD_RESUME;
}

int coverage_part_record(struct coverage_part *part, uint64_t index, const struct record *r,
			 struct bytes bytes)
{
	struct fact fact = { .kind = (uint8_t)r->kind };

	if (!is_needed(r->kind))
		return 0;
	if (part->count + 2 > FACTS)
		return -ENOBUFS;
	if (part->count == 0 || index - part->base > UINT32_MAX) {
		part->facts[part->count++] = (struct fact){ .seq = index };
		part->base = index;
	}
	fact.index = (uint32_t)(index - part->base);
	if (record_is_event(r->kind)) {
		fact.seq = r->seq;
		fact.run = r->run;
		fact.cpu = r->cpu;
		fact.ring = r->ring < UINT8_MAX ? (uint8_t)r->ring : UINT8_MAX; /* no such ring */
	} else {
		fact.seq = part->bytes.len;
		fact.run = (uint32_t)bytes.len;
		buffer_add(&part->bytes, bytes.data, bytes.len);
		if (part->bytes.failed)
			return -ENOMEM;
	}
	part->facts[part->count++] = fact;
	return part->count >= NEARLY(FACTS) || part->bytes.len >= BYTES;
}

static int merge_whole(struct coverage *c, uint64_t index, struct bytes bytes)
{
	struct record record;

	if (record_decode(bytes, &record))
		return -EINVAL; /* it did before */
	return coverage_record(c, index, &record);
}

int coverage_merge(struct coverage *c, struct coverage_part *part)
{
	struct record event = { 0 };
	uint64_t base = 0;
	int err = 0;

	for (size_t i = 0; err == 0 && i < part->count; i++) {
		const struct fact *f = &part->facts[i];

		if (f->kind == 0) {
			base = f->seq;
		} else if (record_is_event(f->kind)) {
			event.kind = f->kind;
			event.seq = f->seq;
			event.run = f->run;
			event.cpu = f->cpu;
			event.ring = f->ring;
			err = coverage_record(c, base + f->index, &event);
		} else {
			err = merge_whole(c, base + f->index,
					  bytes_of(part->bytes.data + f->seq, f->run));
		}
	}
	part->count = 0;
	buffer_clear(&part->bytes);
	return err;
}
