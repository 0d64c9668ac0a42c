// SPDX-License-Identifier: Apache-2.0
#include "cmd/acknowledged.h"

#include <stdio.h>

#include "chain/reader.h"

void acknowledged_record(struct acknowledged *a, const struct record *r)
{
	struct acknowledgement *to = r->result == 0 ? &a->made : &a->failed;

	if (r->kind != RECORD_ARCHIVE || r->place.len > PLACE_MAX)
		return;
	*to = (struct acknowledgement){ .found = true, .size = r->size, .time = r->time };
	if (r->root.len == CHAIN_HASH)
		memcpy(to->root, r->root.data, CHAIN_HASH);
	memcpy(to->place, r->place.data, r->place.len);
	snprintf(to->why, sizeof(to->why), "%.*s", (int)r->why.len, (const char *)r->why.data);
	if (r->result == 0)
		a->failed.found = false;
}

/* The records of one segment. */
static int read_segment(struct chain_reader *reader, const char *place, struct acknowledged *ret)
{
	struct chain_entry entry;
	struct record record;
	uint64_t segment = 0;
	int e;

	while ((e = chain_reader_next(reader, &entry)) == 1) {
		if (segment && entry.segment != segment)
			return 0;
		segment = entry.segment;
		if (entry.bytes.data[0] != RECORD_ARCHIVE || record_decode(entry.bytes, &record))
			continue;
		if (!place || bytes_equal(record.place, bytes_of_text(place)))
			acknowledged_record(ret, &record);
	}
	return e;
}

int acknowledged_find(const char *dir, const char *place, uint64_t segments,
		      struct acknowledged *ret, struct chain_error *err)
{
	struct acknowledged found = { 0 };
	struct chain_reader *reader;
	int first = 0, e = chain_reader_open(&reader, dir, err);

	if (e)
		return e;
	for (uint64_t back = 0; !first && !found.made.found; back++) {
		struct acknowledged here = { 0 };

		if (segments && back == segments)
			break;
		first = chain_reader_seek_back(reader, back);
		e = first < 0 ? first : read_segment(reader, place, &here);
		if (e)
			break;
		found.made = here.made;
		if (!found.failed.found)
			found.failed = here.failed;
	}
	if (e)
		snprintf(err->text, sizeof(err->text), "%.200s: %.300s", dir,
			 chain_reader_error(reader));
	chain_reader_close(reader);
	if (e == 0)
		*ret = found;
	return e;
}
