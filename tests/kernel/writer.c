// SPDX-License-Identifier: Apache-2.0
/*
 * A chain in small pieces, for power cuts (tests/e2e/power.py):
 *
 *   writer run DIR COUNT SEED MARKS    append COUNT records (0: for ever) with seals, new segments,
 *                                      packing and pruning; what is promised goes to MARKS
 *   writer judge DIR ENTRIES [SIZE:ROOT]... [closed]
 *                                      what a cut left: no entry below ENTRIES and no seal held may
 *                                      be missing; then go on with it, close it, and look again
 *   writer records DIR SCHEMA HEX...   a closed chain of that schema and these records
 *
 * A promise is "ENTRIES SEAL SIZE ROOT [closed]": as many entries are on the disk, and so is that
 * seal. MARKS is a device that takes each at once, in sectors of 512 bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "chain/pack.h"
#include "chain/reader.h"
#include "chain/retain.h"
#include "chain/verify.h"

#define MACHINE "0123456789abcdef0123456789abcdef"
#define SECTOR	512
#define RECORD	0x10
#define OTHER	0x11 /* what judge appends */

static struct chain_error why;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "writer: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int pick(int below)
{
	return (int)(random() % below);
}

static size_t make_record(uint64_t number, char ret[400])
{
	return (size_t)snprintf(ret, 400, "%crecord %llu %0*d", RECORD, (unsigned long long)number,
				(int)(number * 131 % 300), 7);
}

/* --- the records that are there --------------------------------------------------------------- */

/* They follow one another and say what they should. Returns the number of the next. */
static uint64_t read_records(const char *dir, bool pruned)
{
	uint64_t next = 0, before;
	struct chain_reader *reader;
	struct chain_entry entry;
	char record[400];
	bool any = false;
	int got = chain_reader_open(&reader, dir, &why);

	if (got == -ENOENT)
		return 0;
	if (got)
		die("cannot read %s: %s", dir, why.text);
	while ((got = chain_reader_next(reader, &entry)) == 1) {
		if (entry.bytes.data[0] != RECORD)
			continue;
		before = next;
		next = strtoull((const char *)entry.bytes.data + 8, NULL, 10) + 1;
		if (any || !pruned ? next != before + 1 : false)
			die("record %llu follows %llu", (unsigned long long)next - 1,
			    (unsigned long long)before - 1);
		any = true;
		if (!bytes_equal(entry.bytes, bytes_of(record, make_record(next - 1, record))))
			die("record %llu is another", (unsigned long long)next - 1);
	}
	if (got)
		die("%s", chain_reader_error(reader));
	chain_reader_close(reader);
	return next;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int marks = -1;

static void mark(const struct chain_state *s, const char *more)
{
	static char sector[SECTOR] __attribute__((aligned(SECTOR)));
	int n;

	memset(sector, 0, SECTOR);
	n = sprintf(sector, "%llu %llu %llu ", (unsigned long long)s->durable,
		    (unsigned long long)s->seal, (unsigned long long)s->sealed);
	for (int i = 0; i < CHAIN_HASH; i++)
		n += sprintf(sector + n, "%02x", s->root[i]);
	strcpy(sector + n, more);
	if (pwrite(marks, sector, SECTOR, 0) != SECTOR)
		die("cannot promise: %s", strerror(errno));
}

static const char *schema = "records of a test";

static struct chain *open_chain(const char *dir, struct chain_opened *opened)
{
	struct chain_options options = { .dir = dir,
					 .name = "guest",
					 .machine_id = bytes_of_text(MACHINE),
					 .boot_id = { 1, 2, 3 },
					 .schema = bytes_of_text(schema),
					 .segment_bytes = 6000,
					 .keeper = "/proc/self/exe" };
	struct chain *chain;

	if (chain_open(&chain, &options, opened, &why))
		die("cannot go on with %s: %s", dir, why.text);
	return chain;
}

static void tick(struct chain *chain)
{
	static struct chain_state last;
	struct chain_state state;

	if (chain_tick(chain, clock_now()))
		die("stopped: %s", chain_stop_reason(chain));
	chain_get_state(chain, &state);
	if (state.durable != last.durable || state.seal != last.seal)
		mark(&state, "");
	last = state;
}

static void prune(struct chain *chain, const char *dir)
{
	struct chain_segments segments;
	struct chain_state state;
	uint64_t first, index, removed;

	if (chain_list_segments(dir, &segments, &why))
		die("%s", why.text);
	if (segments.last < segments.first + 8)
		return;
	if (chain_segment_first(dir, segments.first + 3, &first, &why))
		die("%s", why.text);
	if (chain_append_prune(chain, segments.first + 3, first, clock_now(), &index))
		return; /* not sealed yet */
	do {
		usleep(1000);
		tick(chain);
		chain_get_state(chain, &state);
	} while (state.sealed <= index);
	if (chain_remove_segments(dir, segments.first + 3, index, &removed, &why))
		die("%s", why.text);
}

static void run(const char *dir, uint64_t count)
{
	uint64_t next = read_records(dir, true), index;
	struct chain_packed packed;
	struct chain_opened opened;
	struct chain *chain = open_chain(dir, &opened);
	struct chain_state state;
	char record[400];

	for (uint64_t i = 1; i <= count || !count; i++) {
		size_t len = make_record(next++, record);

		if (chain_append(chain, bytes_of(record, len), pick(12) ? pick(2) : CHAIN_CRITICAL,
				 clock_now(), &index))
			die("stopped: %s", chain_stop_reason(chain));
		if (pick(3) == 0)
			usleep((useconds_t)pick(6000));
		tick(chain);
		if (i % 60 == 0 && chain_pack(dir, &packed, &why))
			die("%s", why.text);
		if (i % 170 == 0)
			prune(chain, dir);
	}
	chain_get_state(chain, &state);
	if (chain_close(chain, clock_now(), &why))
		die("%s", why.text);
	mark(&state, " closed");
}

/* --- judging ---------------------------------------------------------------------------------- */

static struct chain_held held[8];
static size_t held_count;
static bool was_closed;

static void take_held(const char *text)
{
	struct chain_held *h = &held[held_count++];
	char *end;

	if (strcmp(text, "closed") == 0) {
		was_closed = true;
		held_count--;
		return;
	}
	h->size = strtoull(text, &end, 10);
	for (int i = 0; i < CHAIN_HASH; i++) {
		unsigned byte;

		if (held_count > 8 || *end != ':' || sscanf(end + 1 + 2 * i, "%2x", &byte) != 1)
			die("'%s' is no SIZE:ROOT", text);
		h->root[i] = (uint8_t)byte;
	}
}

static struct chain_report judge(const char *dir)
{
	struct chain_verify_options options = {
		.dir = dir, .held = held, .held_count = held_count, .threads = 1
	};
	struct chain_report report = { 0 };

	if (chain_verify(&options, &report, &why))
		die("%s", why.text);
	chain_judge(&report);
	return report;
}

static void say(const char *when, const struct chain_report *r)
{
	printf("%s: %s, %llu entries, %llu sealed, %llu recoveries, %llu torn, %llu pruned%s%s\n",
	       when, chain_verdict_name(r->verdict), (unsigned long long)r->entries,
	       (unsigned long long)r->sealed, (unsigned long long)r->recoveries,
	       (unsigned long long)r->torn_bytes, (unsigned long long)r->pruned,
	       r->why[0] ? ": " : "", r->why);
}

/* Nothing was promised: the log need not be there, but nothing may be in the way of making it. */
static bool is_begun(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/seals", dir);
	return access(path, F_OK) == 0;
}

static bool has_segments(const char *dir)
{
	struct chain_segments segments = { 0 };

	return chain_list_segments(dir, &segments, &why) == 0 && segments.last;
}

static void judge_cut(const char *dir, uint64_t entries)
{
	struct chain_report before = { 0 }, after;
	uint64_t records, again, index;
	struct chain_opened opened;
	struct chain *chain;
	bool torn;

	if (entries || held_count || is_begun(dir)) {
		before = judge(dir);
		say("cut", &before);
		if (before.exit_code && (entries || before.verdict != CHAIN_UNVERIFIABLE))
			die("that is no power cut: %s %s", before.file, before.why);
		if (was_closed && !before.closed)
			die("it was closed");
		if (before.entries < entries)
			die("%llu entries were on the disk", (unsigned long long)entries);
	}
	records = read_records(dir, before.pruned > 0);
	torn = has_segments(dir) && !before.closed;
	chain = open_chain(dir, &opened);
	if (opened.recovered != torn)
		die("recovered: %d", opened.recovered);
	if (opened.sealed + opened.adopted != before.entries)
		die("%llu entries were taken over", (unsigned long long)opened.adopted);
	if (chain_append(chain, bytes_of_text("\x11"), CHAIN_NORMAL, clock_now(), &index) ||
	    chain_close(chain, clock_now(), &why))
		die("cannot go on: %s", why.text);
	after = judge(dir);
	say("restarted", &after);
	if (after.exit_code || !after.closed || after.unsealed)
		die("closed again, it is not");
	if (after.recoveries != before.recoveries + (uint64_t)opened.recovered)
		die("one recovery was due");
	again = read_records(dir, after.pruned > 0);
	if (again != records)
		die("%llu records before, %llu after", (unsigned long long)records,
		    (unsigned long long)again);
}

static void write_records(const char *dir, char **hex)
{
	struct chain_opened opened;
	struct chain *chain = open_chain(dir, &opened);
	uint8_t record[4096];
	uint64_t index;

	for (; *hex; hex++) {
		size_t len = strlen(*hex) / 2;

		for (size_t i = 0; i < len && i < sizeof(record); i++) {
			char digits[] = { (*hex)[2 * i], (*hex)[2 * i + 1], 0 };

			record[i] = (uint8_t)strtoul(digits, NULL, 16);
		}
		if (chain_append(chain, bytes_of(record, len), CHAIN_NORMAL, clock_now(), &index))
			die("cannot append %s", *hex);
	}
	if (chain_close(chain, clock_now(), &why))
		die("cannot close: %s", why.text);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "keeper") == 0)
		return chain_keep() < 0;
	if (argc == 6 && strcmp(argv[1], "run") == 0) {
		srandom((unsigned)strtoul(argv[4], NULL, 10));
		marks = open(argv[5], O_WRONLY | O_DIRECT | O_CLOEXEC);
		if (marks < 0)
			die("%s: %s", argv[5], strerror(errno));
		run(argv[2], strtoull(argv[3], NULL, 10));
	} else if (argc >= 4 && strcmp(argv[1], "records") == 0) {
		schema = argv[3];
		write_records(argv[2], argv + 4);
	} else if (argc >= 4 && strcmp(argv[1], "judge") == 0) {
		for (int i = 4; i < argc; i++)
			take_held(argv[i]);
		judge_cut(argv[2], strtoull(argv[3], NULL, 10));
	} else {
		die("run DIR COUNT SEED MARKS | judge DIR ENTRIES [SIZE:ROOT]... | records DIR "
		    "SCHEMA "
		    "HEX...");
	}
	return 0;
}
