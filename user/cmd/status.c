// SPDX-License-Identifier: Apache-2.0
/*
 * indelible status: what the collector is doing, read from its own chain, which tells it once a
 * second. The lock on the chain says whether it still runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "chain/reader.h"
#include "cmd/acknowledged.h"
#include "cmd/history.h"
#include "output/output.h"

#define CPUS	    4096
#define COPIES_BACK 16 /* segments that are looked through for what was copied */

struct counters {
	uint64_t values[RECORD_VALUES];
};

struct status {
	struct output_context context;
	char hooks[64], scope[4200], kernel[256], version[64];
	uint64_t started, beat, received, misses, fill[RECORD_RINGS], entries, alerts, stopped;
	uint32_t pid, canary;
	bool paused;	    /* stopped, and the programs go on */
	uint64_t disturbed; /* times in this run, and the last one */
	struct record disturbance;
	char disturbance_name[64];
	struct counters *cpus; /* CPUS of them */
	struct acknowledged_places copies;
};

static void copy_text(char *to, size_t room, struct bytes from)
{
	snprintf(to, room, "%.*s", (int)from.len, from.data ? (const char *)from.data : "");
}

static void on_start(struct status *s, const struct record *r)
{
	copy_text(s->hooks, sizeof(s->hooks), r->hooks);
	copy_text(s->scope, sizeof(s->scope), r->scope);
	copy_text(s->kernel, sizeof(s->kernel), r->kernel);
	copy_text(s->version, sizeof(s->version), r->version);
	s->started = r->time;
	s->pid = r->pid;
	s->beat = s->received = s->misses = s->stopped = s->alerts = s->disturbed = 0;
	memset(s->cpus, 0, CPUS * sizeof(*s->cpus));
}

static void on_record(struct status *s, const struct record *r)
{
	output_follow(&s->context, r);
	switch (r->kind) {
	case RECORD_START:
		on_start(s, r);
		break;
	case RECORD_COUNTERS:
		if (r->cpu < CPUS)
			record_unpack(r->values, s->cpus[r->cpu].values, RECORD_VALUES);
		break;
	case RECORD_HEARTBEAT:
		s->beat = r->time;
		s->received = r->received;
		s->misses = r->misses;
		s->canary = r->canary;
		record_unpack(r->fill, s->fill, RECORD_RINGS);
		break;
	case RECORD_DISTURBED:
		s->disturbed++;
		s->disturbance = *r;
		copy_text(s->disturbance_name, sizeof(s->disturbance_name), r->name);
		break;
	case RECORD_ALERT:
		s->alerts++;
		break;
	case RECORD_PAUSE:
	case RECORD_STOP:
		s->paused = r->kind == RECORD_PAUSE;
		s->stopped = r->time;
		s->received = r->received;
		break;
	default:
		break;
	}
}

/* Sum over the CPUs. */
static uint64_t sum(const struct status *s, unsigned int family, enum record_count which)
{
	uint64_t n = 0;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		n += s->cpus[cpu].values[RECORD_RINGS + RECORD_COUNTS * family + which];
	return n;
}

static void add_time(struct buffer *to, const char *before, uint64_t time)
{
	buffer_text(to, before);
	if (time)
		output_time(to, time);
	else
		buffer_text(to, "never");
}

/* What heartbeats of this run found out of order. */
static void put_disturbance(struct buffer *b, const struct status *s)
{
	if (!s->disturbed)
		return;
	buffer_print(b, "disturbed %" PRIu64 " times", s->disturbed);
	add_time(b, ", last at ", s->disturbance.time);
	buffer_print(b, ": %s", output_disturbance(s->disturbance.reason));
	if (s->disturbance_name[0]) {
		buffer_text(b, ": ");
		escape_text(b, bytes_of_text(s->disturbance_name));
	}
	if (s->disturbance.result)
		buffer_text(b, ", still so");
	buffer_text(b, "\n");
}

static void put_disturbance_json(struct buffer *b, const struct status *s)
{
	buffer_print(b, ",\"disturbed\":%" PRIu64, s->disturbed);
	if (!s->disturbed)
		return;
	add_time(b, ",\"disturbance\":{\"time\":\"", s->disturbance.time);
	buffer_print(b, "\",\"reason\":\"%s\",\"name\":\"",
		     output_disturbance(s->disturbance.reason));
	escape_json(b, bytes_of_text(s->disturbance_name));
	buffer_print(b, "\",\"result\":%" PRId64 "}", s->disturbance.result);
}

static void put_copy(struct buffer *b, const struct acknowledged *copy)
{
	const struct acknowledgement *made = &copy->made, *failed = &copy->failed;

	if (made->found) {
		buffer_print(b, "archive  entries below %" PRIu64 " are at ", made->size);
		escape_text(b, bytes_of_text(made->place));
		add_time(b, ", said at ", made->time);
		buffer_text(b, "\n");
	}
	if (failed->found) {
		buffer_text(b, "archive  to ");
		escape_text(b, bytes_of_text(failed->place));
		add_time(b, " fails since ", failed->time);
		buffer_text(b, ": ");
		escape_text(b, bytes_of_text(failed->why));
		buffer_text(b, "\n");
	}
}

/* Where copies are, as far as the last segments tell. */
static void put_copies(struct buffer *b, const struct status *s)
{
	if (s->copies.count == 0)
		buffer_print(b, "archive  no copy in the last %d segments\n", COPIES_BACK);
	for (unsigned i = 0; i < s->copies.count; i++)
		put_copy(b, &s->copies.at[i]);
}

static void put_copies_json(struct buffer *b, const struct status *s)
{
	for (unsigned i = 0; i < s->copies.count; i++) {
		const struct acknowledgement *made = &s->copies.at[i].made;
		const struct acknowledgement *failed = &s->copies.at[i].failed;

		buffer_text(b, i ? ",{\"place\":\"" : "{\"place\":\"");
		escape_json(b, bytes_of_text(made->found ? made->place : failed->place));
		buffer_text(b, "\"");
		if (made->found) {
			buffer_print(b, ",\"size\":%" PRIu64, made->size);
			add_time(b, ",\"time\":\"", made->time);
			buffer_text(b, "\"");
		}
		if (failed->found) {
			add_time(b, ",\"failing_since\":\"", failed->time);
			buffer_text(b, "\",\"why\":\"");
			escape_json(b, bytes_of_text(failed->why));
			buffer_text(b, "\"");
		}
		buffer_text(b, "}");
	}
}

static void put_text(struct buffer *b, const struct status *s, bool live)
{
	if (live)
		buffer_print(b, "running, pid %u", s->pid);
	else
		buffer_text(b, s->stopped && s->paused
				       ? "not running (closed cleanly; the programs "
					 "go on)"
			       : s->stopped ? "not running (closed cleanly)"
					    : "not running (did not end cleanly)");
	add_time(b, ", since ", s->started);
	add_time(b, ", last heartbeat ", s->beat);
	buffer_print(b, "\nversion  %s, kernel %s, hooks %s, scope ", s->version, s->kernel,
		     s->hooks);
	escape_text(b, bytes_of_text(s->scope));
	buffer_print(b,
		     "\nevents   %" PRIu64 " received, %" PRIu64 " programs skipped, canary %s\n"
		     "rings    %" PRIu64 ", %" PRIu64 ", %" PRIu64
		     " bytes waiting (main, credential, self)\n"
		     "chain    %" PRIu64 " entries, %" PRIu64 " alerts this run\n",
		     s->received, s->misses, s->canary == CANARY_SEEN ? "seen" : "not seen",
		     s->fill[0], s->fill[1], s->fill[2], s->entries, s->alerts);
	put_disturbance(b, s);
	put_copies(b, s);
	buffer_text(b, "family          sent       lost   withheld     folded   filtered\n");
	for (unsigned int f = 0; f < RECORD_FAMILIES; f++)
		buffer_print(b,
			     "%-10s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
			     " %10" PRIu64 "\n",
			     record_family_name(f), sum(s, f, COUNT_SENT), sum(s, f, COUNT_LOST),
			     sum(s, f, COUNT_WITHHELD), sum(s, f, COUNT_FOLDED),
			     sum(s, f, COUNT_FILTERED));
}

static void put_json(struct buffer *b, const struct status *s, bool live)
{
	buffer_print(b, "{\"running\":%s,\"pid\":%u", live ? "true" : "false", s->pid);
	add_time(b, ",\"started\":\"", s->started);
	add_time(b, "\",\"heartbeat\":\"", s->beat);
	buffer_text(b, "\",\"host\":\"");
	escape_json(b, bytes_of_text(s->context.host));
	buffer_print(b, "\",\"boot_id\":\"%s\",\"hooks\":\"%s\",\"scope\":\"", s->context.boot_id,
		     s->hooks);
	escape_json(b, bytes_of_text(s->scope));
	buffer_print(b,
		     "\",\"received\":%" PRIu64 ",\"misses\":%" PRIu64
		     ",\"canary\":%s,\"fill\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64
		     "],\"entries\":%" PRIu64 ",\"alerts\":%" PRIu64 ",\"families\":{",
		     s->received, s->misses, s->canary == CANARY_SEEN ? "true" : "false",
		     s->fill[0], s->fill[1], s->fill[2], s->entries, s->alerts);
	for (unsigned int f = 0; f < RECORD_FAMILIES; f++)
		buffer_print(b,
			     "%s\"%s\":{\"sent\":%" PRIu64 ",\"lost\":%" PRIu64
			     ",\"filtered\":%" PRIu64 ",\"folded\":%" PRIu64
			     ",\"withheld\":%" PRIu64 "}",
			     f ? "," : "", record_family_name(f), sum(s, f, COUNT_SENT),
			     sum(s, f, COUNT_LOST), sum(s, f, COUNT_FILTERED),
			     sum(s, f, COUNT_FOLDED), sum(s, f, COUNT_WITHHELD));
	buffer_text(b, "}");
	put_disturbance_json(b, s);
	buffer_text(b, ",\"archive\":[");
	put_copies_json(b, s);
	buffer_text(b, "]}\n");
}

static bool parse_options(int argc, char **argv, const char **dir, bool *json)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "format", required_argument, NULL, 'o' },
						 { 0 } };
	int got, opt;

	*dir = default_chain_dir();
	*json = false;
	while ((got = next_option(command_find("status"), argc, argv, options, 0, &opt)) == 1) {
		if (opt == 'c') {
			*dir = optarg;
			continue;
		}
		*json = strcmp(optarg, "json") == 0;
		if (!*json && strcmp(optarg, "text") != 0) {
			complain(0, "status: --format '%s' is neither text nor json", optarg);
			return false;
		}
	}
	return got == 0;
}

/* To the present end. */
static int read_on(struct status *s, struct chain_reader *reader)
{
	struct chain_entry entry;
	struct record record;
	int e;

	while ((e = chain_reader_next(reader, &entry)) == 1) {
		s->entries = entry.index + 1;
		if (entry.bytes.data[0] >= CHAIN_RECORD_TYPE &&
		    !record_decode(entry.bytes, &record))
			on_record(s, &record);
	}
	return e;
}

/* Back from the end, as many segments as it takes to find where the last run began. */
static int read_chain(struct status *s, const char *dir)
{
	struct chain_reader *reader;
	struct chain_error err = { 0 };
	int first, e = history_check(dir, &err);

	if (!e)
		e = chain_reader_open(&reader, dir, &err);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "status: %s",
				err.text[0] ? err.text : strerror(-e));
	e = 0;
	for (uint64_t back = 0; e == 0 && !s->started; back++) {
		first = chain_reader_seek_back(reader, back);
		e = first < 0 ? first : read_on(s, reader);
		if (first)
			break;
	}
	if (e)
		complain(0, "status: %s", chain_reader_error(reader));
	chain_reader_close(reader);
	if (e == 0) {
		e = acknowledged_list(dir, COPIES_BACK, &s->copies, &err);
		if (e)
			complain(0, "status: %s", err.text);
	}
	return e == -EBADMSG ? EXIT_BAD : e ? EXIT_COULD_NOT : EXIT_GOOD;
}

int cmd_status(int argc, char **argv)
{
	struct status *s = calloc(1, sizeof(*s));
	struct buffer b = { 0 };
	const char *dir;
	bool json;
	int live, code = EXIT_COULD_NOT;

	if (s)
		s->cpus = calloc(CPUS, sizeof(*s->cpus));
	if (!s || !s->cpus) {
		complain(0, "status: out of memory");
		goto done;
	}
	if (!parse_options(argc, argv, &dir, &json))
		goto done;
	code = read_chain(s, dir);
	if (code != EXIT_GOOD)
		goto done;
	live = chain_is_live(dir);
	if (json)
		put_json(&b, s, live > 0);
	else
		put_text(&b, s, live > 0);
	fputs(b.data ? b.data : "", stdout);
	code = live > 0 ? EXIT_GOOD : EXIT_COULD_NOT;
done:
	buffer_free(&b);
	if (s)
		free(s->cpus);
	free(s);
	return code;
}
