// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cmd/history.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/retain.h"

#define KEY_NAME "score-key "

uint64_t history_from(uint64_t next)
{
	const uint64_t step = HISTORY_HORIZON / 2;

	return next < HISTORY_HORIZON ? 0 : next / step * step - step;
}

int history_begin(const char *dir, uint64_t next, uint64_t *ret, struct chain_error *err)
{
	struct chain_segments segments;
	uint64_t first, from = history_from(next);
	int e = chain_list_segments(dir, &segments, err);

	if (!e)
		e = chain_segment_first(dir, segments.first, &first, err);
	if (!e)
		*ret = first > from ? first : from;
	return e;
}

ssize_t history_schema(const struct host *host, const uint8_t key[16], char ret[SCHEMA_ROOM])
{
	char context[1024];
	size_t n = (size_t)snprintf(context, sizeof(context), "host %s\nindelible %s\n" KEY_NAME,
				    host->full_name, INDELIBLE_VERSION);

	for (int i = 0; i < 16; i++)
		n += (size_t)snprintf(context + n, sizeof(context) - n, "%02x", key[i]);
	snprintf(context + n, sizeof(context) - n, "\n");
	return record_schema(ret, SCHEMA_ROOM, context);
}

static int parse_key(struct bytes schema, uint8_t ret[16])
{
	const uint8_t *p =
		schema.len ? memmem(schema.data, schema.len, "\n" KEY_NAME, strlen(KEY_NAME) + 1)
			   : NULL;
	size_t at;

	if (!p)
		return -EBADMSG;
	at = (size_t)(p - schema.data) + strlen(KEY_NAME) + 1;
	if (schema.len - at < 33 || schema.data[at + 32] != '\n')
		return -EBADMSG;
	for (int i = 0; i < 16; i++) {
		char pair[3] = { (char)schema.data[at + 2 * i], (char)schema.data[at + 2 * i + 1],
				 0 };

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return -EBADMSG;
		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

int history_read_schema(struct bytes entry, struct chain_error *err)
{
	uint32_t version;

	if (record_schema_version(bytes_of(entry.data + 1, entry.len - 1), &version))
		snprintf(err->text, sizeof(err->text), "records that are not of this program");
	else if (version != RECORD_VERSION)
		snprintf(err->text, sizeof(err->text),
			 "records of version %u, this build reads version %d", version,
			 RECORD_VERSION);
	else
		return 0;
	return -EPROTONOSUPPORT;
}

/* 1 and the first SCHEMA entry, which lives as long as the reader; 0 when nothing was written. */
static int read_schema(struct chain_reader *reader, const char *dir, struct bytes *ret,
		       struct chain_error *err)
{
	struct chain_error why;
	struct chain_entry entry;
	int e = chain_reader_next(reader, &entry);

	if (e < 0) {
		snprintf(err->text, sizeof(err->text), "%s", chain_reader_error(reader));
		return e;
	}
	if (e == 0)
		return 0;
	e = history_read_schema(entry.bytes, &why);
	if (e) {
		snprintf(err->text, sizeof(err->text), "%.200s: %.250s", dir, why.text);
		return e;
	}
	*ret = entry.bytes;
	return 1;
}

int history_check(const char *dir, struct chain_error *err)
{
	struct chain_reader *reader;
	struct bytes schema;
	int e = chain_reader_open(&reader, dir, err);

	if (e)
		return e;
	e = read_schema(reader, dir, &schema, err);
	chain_reader_close(reader);
	return e < 0 ? e : 0;
}

int history_key(const char *dir, uint8_t ret[16], struct chain_error *err)
{
	struct chain_reader *reader;
	struct bytes schema = { 0 };
	int e = chain_reader_open(&reader, dir, err);

	if (e)
		return e;
	e = read_schema(reader, dir, &schema, err);
	if (e == 0) { /* the run that made the chain ended before its first entry */
		snprintf(err->text, sizeof(err->text), "%s: holds no entry yet", dir);
		e = -ENOENT;
	} else if (e > 0) {
		e = parse_key(schema, ret);
		if (e)
			snprintf(err->text, sizeof(err->text),
				 "%s: the first entry holds no score key", dir);
	}
	chain_reader_close(reader);
	return e;
}

int history_learn(struct score *score, const char *dir, uint64_t from, uint64_t to,
		  struct chain_error *err)
{
	struct chain_reader *reader = NULL;
	struct chain_entry entry = { 0 };
	struct record record, alert;
	int e;

	if (from >= to)
		return 0;
	e = chain_reader_open(&reader, dir, err);
	if (e)
		return e;
	e = chain_reader_seek(reader, from);
	while (!e && (e = chain_reader_next(reader, &entry)) == 1 && entry.index < to) {
		e = 0;
		if (entry.index >= from && !record_decode(entry.bytes, &record))
			score_record(score, entry.index, &record, &alert);
	}
	if (e < 0)
		snprintf(err->text, sizeof(err->text), "%s: %s", dir, chain_reader_error(reader));
	chain_reader_close(reader);
	return e < 0 ? e : 0;
}
