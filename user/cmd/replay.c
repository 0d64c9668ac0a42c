// SPDX-License-Identifier: Apache-2.0
/*
 * indelible replay: score again from the chain. With --check every alert must follow its record
 * byte for byte, and every digest must be met.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/segment.h"
#include "cmd/cmd.h"
#include "cmd/history.h"
#include "output/output.h"

struct replay {
	const char *dir;
	bool check, json;
	struct score *score;
	uint8_t key[16];
	uint64_t base;		/* first record the model has seen */
	uint64_t first;		/* index there is: those before were pruned */
	uint64_t blind_records; /* of runs whose model saw what was pruned */
	bool begun, blind;
	struct output_context context;
	/* the alert that the record before calls for */
	bool due;
	size_t due_len;
	uint8_t due_bytes[RECORD_MAX];
	uint64_t due_at;
	/* Places by which records of this run may have moved once scored; by which those from here
	 * on may have, START among them. */
	uint64_t moved, moved_ahead;
	uint64_t records, alerts, unrecorded, digests;
	bool different;
};

static void differ(struct replay *r, uint64_t index, const char *what)
{
	if (!r->different)
		complain(0, "replay: entry %" PRIu64 ": %s", index, what);
	r->different = true;
}

static int begin_model(struct replay *r, uint64_t from, uint64_t index)
{
	struct score_options options;
	struct chain_error err = { 0 };
	int e;

	memcpy(options.key, r->key, sizeof(options.key));
	score_close(r->score);
	r->score = NULL;
	e = score_open(&r->score, &options);
	if (!e)
		e = history_learn(r->score, r->dir, from, index, &err);
	r->base = from;
	if (e)
		complain(0, "replay: %s", err.text[0] ? err.text : strerror(-e));
	return e;
}

static void print_alert(struct replay *r, const struct record *alert)
{
	struct output_entry entry = { r->due_at + 1, NULL, alert, &r->context };
	struct buffer line = { 0 };

	if (r->json)
		output_json(&line, &entry);
	else
		output_text(&line, &entry);
	if (line.data)
		fputs(line.data, stdout);
	buffer_free(&line);
}

/* May what the alert calls index `said` be where the replay finds it? */
static bool is_moved(const struct replay *r, uint64_t found, uint64_t said)
{
	return found >= said && found - said <= r->moved;
}

/* Is this the alert that is due? When a disk fails or the keeper ends, records that were scored
 * already can move: an alert has the indexes of before. */
static bool is_due(const struct replay *r, struct bytes alert)
{
	uint8_t bytes[RECORD_MAX];
	struct record due, said;
	ssize_t n;

	if (r->moved == 0)
		return bytes_equal(alert, bytes_of(r->due_bytes, r->due_len));
	if (record_decode(alert, &said) ||
	    record_decode(bytes_of(r->due_bytes, r->due_len), &due) ||
	    !is_moved(r, due.at, said.at) || !is_moved(r, due.first, said.first))
		return false;
	due.at = said.at;
	due.first = said.first;
	n = record_encode(&due, bytes, sizeof(bytes));
	return n > 0 && bytes_equal(alert, bytes_of(bytes, (size_t)n));
}

/* The record after the one that called for an alert. */
static void check_due(struct replay *r, const struct chain_entry *entry, uint8_t kind)
{
	bool same = r->due && kind == RECORD_ALERT && is_due(r, entry->bytes);

	if (kind == RECORD_ALERT && !r->due)
		differ(r, entry->index, "an alert was recorded that the replay does not raise");
	else if (kind == RECORD_ALERT && !same)
		differ(r, entry->index, "the recorded alert is not the one the replay raises");
	else if (r->due && kind == RECORD_START)
		r->unrecorded++; /* the run ended before it was written */
	else if (r->due && !same)
		differ(r, entry->index, "the replay raises an alert that was not recorded");
	r->due = false;
}

static int on_record(struct replay *r, const struct chain_entry *entry, const struct record *record)
{
	struct record alert;
	ssize_t n;

	if (record->kind == RECORD_START)
		r->blind = record->model_from < r->first;
	if (r->blind) {
		r->blind_records++;
		return 0;
	}
	if (record->kind == RECORD_START && record->model_from != r->base &&
	    begin_model(r, record->model_from, entry->index))
		return -EIO;
	check_due(r, entry, record->kind);
	if (record->kind == RECORD_START)
		r->moved = r->moved_ahead;
	r->moved_ahead = 0;
	if (record->kind == RECORD_DIGEST) {
		r->digests++;
		if (record->at != score_count(r->score) || record->digest != score_digest(r->score))
			differ(r, entry->index, "the digest of the model differs");
	}
	r->records++;
	if (!score_record(r->score, entry->index, record, &alert))
		return 0;
	n = record_encode(&alert, r->due_bytes, sizeof(r->due_bytes));
	if (n < 0)
		return (int)n;
	r->due = true;
	r->due_len = (size_t)n;
	r->due_at = entry->index;
	r->alerts++;
	if (!r->check)
		print_alert(r, &alert);
	return 0;
}

static int replay_all(struct replay *r)
{
	struct chain_reader *reader;
	struct chain_error err = { 0 };
	struct chain_entry entry;
	struct record record;
	int e = chain_reader_open(&reader, r->dir, &err);

	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "replay: %s",
				err.text[0] ? err.text : strerror(-e));
	while ((e = chain_reader_next(reader, &entry)) == 1) {
		if (!r->begun)
			r->first = entry.index;
		r->blind |= !r->begun && r->first > 0; /* in the middle of a run */
		r->begun = true;
		if (entry.bytes.data[0] == ENTRY_RECOVERY) {
			r->moved += 2; /* it and SCHEMA came before what is written again */
			r->moved_ahead += 2;
		}
		if (entry.bytes.data[0] < CHAIN_RECORD_TYPE)
			continue;
		e = record_decode(entry.bytes, &record);
		if (e == -EPROTONOSUPPORT)
			continue; /* the live run of this build did not score it either */
		if (e) {
			chain_reader_close(reader);
			return complain(EXIT_BAD, "replay: entry %" PRIu64 " is not well-formed",
					entry.index);
		}
		output_follow(&r->context, &record);
		e = on_record(r, &entry, &record);
		if (e) {
			chain_reader_close(reader);
			return EXIT_COULD_NOT;
		}
	}
	if (e)
		complain(0, "replay: %s", chain_reader_error(reader));
	chain_reader_close(reader);
	return e == -EBADMSG ? EXIT_BAD : e ? EXIT_COULD_NOT : EXIT_GOOD;
}

static void print_summary(const struct replay *r)
{
	if (r->json)
		printf("{\"records\":%" PRIu64 ",\"alerts\":%" PRIu64 ",\"unrecorded\":%" PRIu64
		       ",\"digests\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"%s}\n",
		       r->records, r->alerts, r->unrecorded, r->digests, score_digest(r->score),
		       !r->check	  ? ""
		       : r->different	  ? ",\"check\":\"different\""
		       : r->blind_records ? ",\"check\":\"pruned\""
					  : ",\"check\":\"equal\"");
	else
		printf("%s%" PRIu64 " records, %" PRIu64 " alerts (%" PRIu64
		       " not recorded: the run ended first), %" PRIu64
		       " digests met, digest %016" PRIx64 "\n",
		       !r->check	  ? ""
		       : r->different	  ? "DIFFERENT: "
		       : r->blind_records ? "CANNOT COMPARE ALL: "
					  : "EQUAL: ",
		       r->records, r->alerts, r->unrecorded, r->digests, score_digest(r->score));
}

static bool parse_options(int argc, char **argv, struct replay *r)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "check", no_argument, NULL, 'k' },
						 { "format", required_argument, NULL, 'o' },
						 { 0 } };
	int got, opt;

	r->dir = default_chain_dir();
	while ((got = next_option(command_find("replay"), argc, argv, options, 0, &opt)) == 1) {
		if (opt == 'c') {
			r->dir = optarg;
		} else if (opt == 'k') {
			r->check = true;
		} else {
			r->json = strcmp(optarg, "json") == 0;
			if (!r->json && strcmp(optarg, "text") != 0) {
				complain(0, "replay: --format '%s' is neither text nor json",
					 optarg);
				return false;
			}
		}
	}
	return got == 0;
}

int cmd_replay(int argc, char **argv)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct chain_error err = { 0 };
	int e, code = EXIT_COULD_NOT;

	if (!r)
		return complain(EXIT_COULD_NOT, "replay: out of memory");
	if (!parse_options(argc, argv, r))
		goto done;
	e = history_key(r->dir, r->key, &err);
	if (e) {
		code = complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "replay: %s",
				err.text[0] ? err.text : strerror(-e));
		goto done;
	}
	if (begin_model(r, 0, 0))
		goto done;
	code = replay_all(r);
	if (code == EXIT_GOOD) {
		print_summary(r);
		if (r->check && r->different)
			code = EXIT_BAD;
		else if (r->blind_records)
			code = complain(
				r->check ? EXIT_COULD_NOT : EXIT_GOOD,
				"replay: cannot compare %" PRIu64
				" records: pruned: their model had seen entries before %" PRIu64
				", the first there is",
				r->blind_records, r->first);
	}
done:
	score_close(r->score);
	free(r);
	return code;
}
