// SPDX-License-Identifier: Apache-2.0
#include "cmd/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/segment.h"
#include "cmd/history.h"

/* Of the entries of one segment. */
struct watch_part {
	const struct watch *watch;
	struct coverage_part *coverage;
	bool any;
	bool skip; /* the segment's records are of another version */
	struct chain_error unread;
	uint64_t first;
	uint64_t unknown, broken, broken_at, newest;
};

static void *part_open(void *ctx)
{
	struct watch_part *part = calloc(1, sizeof(*part));

	if (part && coverage_part_open(&part->coverage)) {
		free(part);
		return NULL;
	}
	if (part)
		part->watch = ctx;
	return part;
}

static void part_close(void *ctx)
{
	struct watch_part *part = ctx;

	if (part)
		coverage_part_close(part->coverage);
	free(part);
}

static int part_entry(void *ctx, const struct chain_entry *entry)
{
	struct watch_part *part = ctx;
	struct record record;
	int err;

	if (!part->any)
		part->first = entry->index;
	part->any = true;
	if (entry->bytes.data[0] == ENTRY_SCHEMA)
		part->skip = history_read_schema(entry->bytes, &part->unread) != 0;
	if (entry->bytes.data[0] < CHAIN_RECORD_TYPE || part->skip)
		return 0;
	err = record_decode(entry->bytes, &record);
	if (err == -EPROTONOSUPPORT) {
		part->unknown++;
		return 0;
	}
	if (err) {
		if (!part->broken++)
			part->broken_at = entry->index;
		return 0;
	}
	if (entry->index < part->watch->report->sealed)
		part->newest = record.time;
	return coverage_part_record(part->coverage, entry->index, &record, entry->bytes);
}

static int part_merge(void *ctx, void *ctx_part)
{
	struct watch *w = ctx;
	struct watch_part *part = ctx_part;
	struct watch_part empty = { part->watch, part->coverage, .skip = part->skip };

	if (!w->begun && part->any) {
		w->begun = true;
		if (part->first > 0) /* the beginning was pruned */
			coverage_join(w->coverage);
	}
	if (!w->broken)
		w->broken_at = part->broken_at;
	w->broken += part->broken;
	if (!w->unread.text[0])
		w->unread = part->unread;
	w->unknown += part->unknown;
	if (part->newest)
		w->newest = part->newest;
	*part = empty;
	return coverage_merge(w->coverage, part->coverage);
}

int watch_open(struct watch *ret, const struct chain_report *report)
{
	*ret = (struct watch){ .report = report };
	return coverage_open(&ret->coverage);
}

void watch_close(struct watch *watch)
{
	coverage_close(watch->coverage);
}

struct chain_watch watch_calls(struct watch *watch)
{
	return (struct chain_watch){ watch, part_open, part_close, part_entry, part_merge };
}

void watch_end(struct watch *w, struct chain_report *report)
{
	struct chain_coverage *to = &report->coverage;
	struct coverage_result c;

	coverage_end(w->coverage, report->live, &c);
	to->events = c.events;
	to->lost = c.lost;
	to->open = c.open;
	to->disturbed = c.disturbed;
	to->disturbed_at = c.disturbed_at;
	to->stalled = c.stalled;
	to->gap = c.gap;
	to->gap_from = c.gap_from;
	to->gap_to = c.gap_to;
	snprintf(to->why, sizeof(to->why), "%s", c.why);
	snprintf(to->unread, sizeof(to->unread), "%.150s", w->unread.text);
	if (w->broken && !c.gap) {
		to->gap = w->broken;
		to->gap_from = to->gap_to = w->broken_at;
		snprintf(to->why, sizeof(to->why), "%" PRIu64 " records are not well-formed",
			 w->broken);
	}
}
