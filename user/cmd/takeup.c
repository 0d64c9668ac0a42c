// SPDX-License-Identifier: Apache-2.0
#include "cmd/takeup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/reader.h"
#include "cmd/heartbeat.h"

#define KEYS (1u << 20) /* the last so many events; more do not wait for being written */

struct takeup {
	uint32_t run, cpus;
	bool found, ended, others; /* a START of the run, its STOP; of another run before it */
	uint64_t misses, time;
	struct event_counters *counters; /* one a CPU */
	bool *known;
	uint64_t *keys; /* a ring until they are sorted */
	uint64_t key_count;
};

/* One number for where an event stood: 2^48 of them on a CPU are out of reach. */
static uint64_t key_of(uint32_t ring, uint32_t cpu, uint64_t seq)
{
	return (uint64_t)(ring & 3) << 62 | (uint64_t)(cpu & 0x3fff) << 48 | (seq & 0xffffffffffff);
}

static void add_key(struct takeup *t, uint32_t ring, uint64_t cpu, uint64_t seq)
{
	t->keys[t->key_count++ % KEYS] = key_of(ring, (uint32_t)cpu, seq);
}

static void on_record(struct takeup *t, const struct record *r)
{
	if (r->kind == RECORD_START) {
		t->others |= !t->found;
		t->found = r->run == t->run;
		t->ended = false;
	}
	if (r->run != t->run)
		return;
	if (record_is_event(r->kind))
		add_key(t, r->ring, r->cpu, r->seq);
	if (r->kind == RECORD_COUNTERS && r->cpu < t->cpus)
		t->known[r->cpu] = heartbeat_unpack(r, &t->counters[r->cpu]) == 0;
	if (r->kind == RECORD_STOP)
		t->ended = true;
	if (r->kind == RECORD_HEARTBEAT) {
		t->misses = r->misses;
		t->time = r->time;
		if (r->canary == CANARY_SEEN)
			add_key(t, RING_SELF, r->canary_cpu, r->canary_seq);
	}
}

static int read_on(struct takeup *t, struct chain_reader *reader)
{
	struct chain_entry entry;
	struct record record;
	int e;

	t->found = t->ended = t->others = false;
	t->key_count = 0;
	memset(t->known, 0, t->cpus * sizeof(*t->known));
	while ((e = chain_reader_next(reader, &entry)) == 1) {
		if (entry.bytes.data[0] >= CHAIN_RECORD_TYPE &&
		    !record_decode(entry.bytes, &record))
			on_record(t, &record);
	}
	return e;
}

/* All that is wanted: the last START, and counters of every CPU unless the run began here. */
static bool is_enough(const struct takeup *t)
{
	if (t->others || t->ended)
		return true;
	for (uint32_t cpu = 0; cpu < t->cpus; cpu++) {
		if (!t->known[cpu])
			return false;
	}
	return t->found;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int takeup_open(struct takeup **ret, const char *dir, uint32_t run, uint32_t cpus,
		struct chain_error *err)
{
	struct takeup *t = calloc(1, sizeof(*t));
	struct chain_reader *reader = NULL;
	int e = -ENOMEM, first = 0;

	if (!t)
		return -ENOMEM;
	t->run = run;
	t->cpus = cpus;
	t->counters = calloc(cpus, sizeof(*t->counters));
	t->known = calloc(cpus, sizeof(*t->known));
	t->keys = malloc(KEYS * sizeof(*t->keys));
	if (t->counters && t->known && t->keys)
		e = chain_reader_open(&reader, dir, err);
	for (uint64_t back = 0; e == 0 && first == 0 && !is_enough(t); back++) {
		first = chain_reader_seek_back(reader, back);
		e = first < 0 ? first : read_on(t, reader);
	}
	if (e && reader)
		snprintf(err->text, sizeof(err->text), "%s", chain_reader_error(reader));
	chain_reader_close(reader);
	if (!e && (!t->found || t->ended))
		e = -ENOENT;
	if (e) {
		takeup_close(t);
		return e;
	}
	if (t->key_count > KEYS)
		t->key_count = KEYS;
	qsort(t->keys, t->key_count, sizeof(*t->keys), compare);
	*ret = t;
	return 0;
}

void takeup_close(struct takeup *t)
{
	if (!t)
		return;
	free(t->counters);
	free(t->known);
	free(t->keys);
	free(t);
}

bool takeup_has(const struct takeup *t, const struct event *e)
{
	uint64_t key = key_of(e->ring, e->cpu, e->seq);

	return bsearch(&key, t->keys, t->key_count, sizeof(key), compare) != NULL;
}

const struct event_counters *takeup_counters(const struct takeup *t, uint32_t cpu)
{
	return &t->counters[cpu];
}

uint64_t takeup_misses(const struct takeup *t)
{
	return t->misses;
}

uint64_t takeup_time(const struct takeup *t)
{
	return t->time;
}
