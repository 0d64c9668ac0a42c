// SPDX-License-Identifier: Apache-2.0
#include "cmd/acknowledged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* --- of all places ---------------------------------------------------------------------------- */

static const char *place_of(const struct acknowledged *a)
{
	return a->made.found ? a->made.place : a->failed.place;
}

static struct acknowledged *find_place(struct acknowledged_places *places, const char *place)
{
	struct acknowledged *a;

	for (unsigned i = 0; i < places->count; i++)
		if (strcmp(place_of(&places->at[i]), place) == 0)
			return &places->at[i];
	if (places->count == PLACES_MAX)
		return NULL;
	a = &places->at[places->count++];
	*a = (struct acknowledged){ 0 };
	strcpy(a->failed.place, place);
	return a;
}

/* What an older segment says of a place counts until a copy is found. */
static void merge_older(struct acknowledged_places *found, const struct acknowledged_places *older)
{
	for (unsigned i = 0; i < older->count; i++) {
		const struct acknowledged *from = &older->at[i];
		struct acknowledged *to = find_place(found, place_of(from));

		if (!to || to->made.found)
			continue;
		to->made = from->made;
		if (!to->failed.found)
			to->failed = from->failed;
	}
}

static int read_places(struct chain_reader *reader, struct acknowledged_places *ret)
{
	struct chain_entry entry;
	struct record record;
	uint64_t segment = 0;
	int e;

	while ((e = chain_reader_next(reader, &entry)) == 1) {
		char place[PLACE_MAX + 1];
		struct acknowledged *a;

		if (segment && entry.segment != segment)
			return 0;
		segment = entry.segment;
		if (entry.bytes.data[0] != RECORD_ARCHIVE || record_decode(entry.bytes, &record) ||
		    record.place.len > PLACE_MAX)
			continue;
		snprintf(place, sizeof(place), "%.*s", (int)record.place.len,
			 (const char *)record.place.data);
		a = find_place(ret, place);
		if (a)
			acknowledged_record(a, &record);
	}
	return e;
}

int acknowledged_list(const char *dir, uint64_t segments, struct acknowledged_places *ret,
		      struct chain_error *err)
{
	struct acknowledged_places *here = malloc(sizeof(*here));
	struct chain_reader *reader;
	int first = 0, e = here ? chain_reader_open(&reader, dir, err) : -ENOMEM;

	if (e) {
		if (!here)
			snprintf(err->text, sizeof(err->text), "out of memory");
		free(here);
		return e;
	}
	ret->count = 0;
	for (uint64_t back = 0; !first && back < segments; back++) {
		here->count = 0;
		first = chain_reader_seek_back(reader, back);
		e = first < 0 ? first : read_places(reader, here);
		if (e)
			break;
		merge_older(ret, here);
	}
	if (e)
		snprintf(err->text, sizeof(err->text), "%.200s: %.300s", dir,
			 chain_reader_error(reader));
	chain_reader_close(reader);
	free(here);
	return e;
}

/* --- of one ----------------------------------------------------------------------------------- */

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
