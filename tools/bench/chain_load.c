// SPDX-License-Identifier: Apache-2.0
/*
 * One producer and a keeper in a process of its own: the measuring half of tools/bench/chain.
 *
 *   chain_load KEEPER FROM TO append COUNT
 *   chain_load KEEPER FROM TO windows RATE SECONDS CRITICAL
 *
 * Records of the chain FROM are appended, over and over, to a new chain TO that the program KEEPER
 * seals, by a loop like that of `indelible run`: batches, then a tick, then sleep until something
 * is due. Times are what this loop sees of chain_get_state, so they include that it sleeps.
 *
 * append prints: entries, bytes of entries, and in seconds: until the last was taken, until all
 * was sealed and closed; CPU user and system of the producer, user and system of the keeper.
 *
 * windows appends RATE records a second (0: as many as go) for SECONDS, all of them normal, or,
 * with CRITICAL = 1, with one critical every 100 ms or so. Prints how many were followed and, in
 * ms, p50, p99 and max until written, durable and sealed: of the normal, or of the critical ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "chain/reader.h"

#define MS	    1000000ull
#define SECOND	    1000000000ull
#define BATCH	    64
#define FROM_MAX    (1u << 30) /* address space */
#define EVERY	    (100 * MS) /* a critical one; up to half of it sooner or later */
#define FOLLOW_MAX  (1u << 21)
#define FOLLOW_EACH 16 /* every so many at full load */

static uint8_t *data; /* records of FROM, each behind its length */
static size_t data_len, data_at;
static char *schema; /* of FROM: what the records mean */
static struct chain *chain;

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "chain_load: %s: %s\n", what, why);
	exit(2);
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* --- records ---------------------------------------------------------------------------------- */

static void load(const char *from)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct chain_error err;

	data = malloc(FROM_MAX);
	if (!data || chain_reader_open(&reader, from, &err))
		die(from, data ? err.text : "out of memory");
	while (chain_reader_next(reader, &entry) == 1) {
		uint16_t len = (uint16_t)entry.bytes.len;

		if (!schema)
			schema = strndup((const char *)entry.bytes.data + 1, len - 1u);
		if (entry.bytes.data[0] < CHAIN_RECORD_TYPE)
			continue;
		if (data_len + 2 + len > FROM_MAX)
			break;
		memcpy(data + data_len, &len, 2);
		memcpy(data + data_len + 2, entry.bytes.data, len);
		data_len += 2 + len;
	}
	chain_reader_close(reader);
	if (!data_len)
		die(from, "holds no record");
}

static struct bytes next_record(void)
{
	struct bytes record;
	uint16_t len;

	if (data_at == data_len)
		data_at = 0;
	memcpy(&len, data + data_at, 2);
	record = bytes_of(data + data_at + 2, len);
	data_at += 2 + len;
	return record;
}

static uint64_t append(struct bytes record, enum chain_urgency urgency, uint64_t now)
{
	uint64_t index;

	if (chain_append(chain, record, urgency, now, &index))
		die("append", chain_stop_reason(chain));
	return index;
}

static void tick(uint64_t now)
{
	if (chain_tick(chain, now))
		die("tick", chain_stop_reason(chain));
}

/* --- how fast --------------------------------------------------------------------------------- */

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void measure_append(uint64_t count)
{
	uint64_t begin = clock_now(), now = begin, bytes = 0, taken;
	struct rusage own, keeper;
	struct chain_error err;

	for (uint64_t i = 0; i < count;) {
		for (int n = 0; n < BATCH && i < count; n++, i++) {
			struct bytes record = next_record();

			append(record, CHAIN_NORMAL, now);
			bytes += record.len;
		}
		now = clock_now();
		tick(now);
	}
	taken = clock_now();
	if (chain_close(chain, now, &err))
		die("close", err.text);
	now = clock_now();
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &keeper);
	printf("%llu %llu %.6f %.6f %.3f %.3f %.3f %.3f\n", (unsigned long long)count,
	       (unsigned long long)bytes, (double)(taken - begin) / 1e9,
	       (double)(now - begin) / 1e9, seconds(&own.ru_utime), seconds(&own.ru_stime),
	       seconds(&keeper.ru_utime), seconds(&keeper.ru_stime));
}

/* --- how soon --------------------------------------------------------------------------------- */

static struct {
	uint64_t index, time;
} followed[FOLLOW_MAX];
static size_t follow_count;

static struct step {
	size_t seen; /* of followed */
	double ms[FOLLOW_MAX];
} written, durable, sealed;

static void observe(struct step *step, uint64_t entries, uint64_t now)
{
	for (; step->seen < follow_count && followed[step->seen].index < entries; step->seen++)
		step->ms[step->seen] = (double)(now - followed[step->seen].time) / 1e6;
}

static void observe_all(void)
{
	uint64_t now = clock_now();
	struct chain_state state;

	chain_get_state(chain, &state);
	observe(&written, state.written, now);
	observe(&durable, state.durable, now);
	observe(&sealed, state.sealed, now);
}

static void follow(uint64_t index, uint64_t time)
{
	if (follow_count == FOLLOW_MAX)
		return;
	followed[follow_count].index = index;
	followed[follow_count++].time = time;
}

/* As the collector sleeps: to the millisecond, sooner when there is an event. */
static void sleep_until(uint64_t next, uint64_t end, uint64_t now)
{
	uint64_t due = chain_due(chain);
	struct timespec t;

	if (due != UINT64_MAX)
		due = due > now ? now + ((due - now) / MS + 1) * MS : now;
	if (next < due)
		due = next;
	if (end < due)
		due = end;
	t.tv_sec = (time_t)(due / SECOND);
	t.tv_nsec = (long)(due % SECOND);
	if (due > now)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Follow each critical record, or every so many of all. */
static void append_one(bool critical_only, unsigned each, uint64_t *next_critical, uint64_t now)
{
	static unsigned turn;
	bool critical = now >= *next_critical;
	uint64_t before = clock_now();
	uint64_t index = append(next_record(), critical ? CHAIN_CRITICAL : CHAIN_NORMAL, now);

	if (critical)
		*next_critical = now + EVERY / 2 + (uint64_t)rand() % EVERY;
	if (critical_only ? critical : turn++ % each == 0)
		follow(index, before);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_step(struct step *step)
{
	size_t n = step->seen;

	qsort(step->ms, n, sizeof(*step->ms), compare);
	printf(" %.2f %.2f %.2f", step->ms[n / 2], step->ms[(n * 99 + 99) / 100 - 1],
	       step->ms[n - 1]);
}

static void measure_windows(double rate, double length, bool critical)
{
	uint64_t begin = clock_now(), now = begin, end = begin + (uint64_t)(length * 1e9);
	uint64_t next_critical = critical ? begin : UINT64_MAX, next = begin, done = 0;

	while (now < end) {
		for (int n = 0; n < BATCH && (rate == 0 || next <= now); n++) {
			append_one(critical, rate > 0 && rate < 1e5 ? 1 : FOLLOW_EACH,
				   &next_critical, now);
			done++;
			if (rate != 0)
				next = begin + (uint64_t)((double)done / rate * 1e9);
		}
		now = clock_now();
		tick(now);
		observe_all();
		if (rate != 0) {
			sleep_until(next, end, now);
			now = clock_now();
		}
	}
	length = (double)(now - begin) / 1e9;
	while (sealed.seen < follow_count) {
		now = clock_now();
		tick(now);
		observe_all();
		sleep_until(UINT64_MAX, now + 10 * MS, now);
	}
	if (!follow_count)
		die("windows", "too short");
	printf("%.1f %zu", (double)done / length, follow_count);
	print_step(&written);
	print_step(&durable);
	print_step(&sealed);
	printf("\n");
	chain_close(chain, now, NULL);
}

int main(int argc, char **argv)
{
	struct chain_options options = {
		.name = "bench",
		.machine_id = bytes_of_text("bench"),
	};
	struct chain_opened opened;
	struct chain_error err = { "" };

	if (!(argc == 6 && strcmp(argv[4], "append") == 0) &&
	    !(argc == 8 && strcmp(argv[4], "windows") == 0)) {
		fprintf(stderr, "usage: chain_load KEEPER FROM TO append COUNT\n"
				"       chain_load KEEPER FROM TO windows RATE SECONDS CRITICAL\n");
		return 2;
	}
	load(argv[2]);
	options.schema = bytes_of_text(schema ? schema : "");
	options.keeper = argv[1];
	options.dir = argv[3];
	if (chain_open(&chain, &options, &opened, &err))
		die(argv[3], err.text);
	if (argc == 6)
		measure_append(strtoull(argv[5], NULL, 10));
	else
		measure_windows(atof(argv[5]), atof(argv[6]), argv[7][0] == '1');
	free(schema);
	free(data);
	return 0;
}
