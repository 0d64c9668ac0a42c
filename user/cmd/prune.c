// SPDX-License-Identifier: Apache-2.0
/*
 * indelible prune: which of the oldest segments may go, the chain's word for it, and then they go.
 * Cut short anywhere, it can be run again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chain/reader.h"
#include "chain/retain.h"
#include "cmd/acknowledged.h"
#include "cmd/control.h"
#include "cmd/history.h"

struct wish {
	const char *dir;
	uint64_t keep;	/* segments, 0: not given */
	uint64_t older; /* epoch ns, 0: not given */
	const char *older_text;
	bool unarchived, dry;
};

struct plan {
	struct chain_segments there;
	uint64_t wanted;     /* keep from here on, by the wish */
	uint64_t keep;	     /* and by what was acknowledged */
	uint64_t keep_first; /* the index that begins with */
	struct acknowledged known;
};

static int fail(int e, const struct chain_error *err)
{
	return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "prune: %s",
			err->text[0] ? err->text : strerror(-e));
}

/* When the first record at or behind index was made; UINT64_MAX when there is none. */
static int time_of(const char *dir, uint64_t index, uint64_t *ret, struct chain_error *err)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct record record;
	int e = chain_reader_open(&reader, dir, err);

	if (e)
		return e;
	*ret = UINT64_MAX;
	e = chain_reader_seek(reader, index);
	while (!e && *ret == UINT64_MAX && (e = chain_reader_next(reader, &entry)) == 1) {
		e = 0;
		if (entry.bytes.data[0] >= CHAIN_RECORD_TYPE && entry.index >= index &&
		    !record_decode(entry.bytes, &record))
			*ret = record.time;
	}
	if (e)
		snprintf(err->text, sizeof(err->text), "%.200s: %.300s", dir,
			 chain_reader_error(reader));
	chain_reader_close(reader);
	return e;
}

/* May segment number go, as far as its age is concerned? It ends where the next one begins. */
static int is_old_enough(const struct wish *w, uint64_t next_first, bool *ret,
			 struct chain_error *err)
{
	uint64_t time = 0;
	int e = w->older ? time_of(w->dir, next_first, &time, err) : 0;

	*ret = !w->older || time <= w->older;
	return e;
}

/* From the oldest on: all that the wish lets go, and of those all that are at another place. */
static int make_plan(const struct wish *w, struct plan *p, struct chain_error *err)
{
	uint64_t limit;
	int e = history_check(w->dir, err);

	if (!e)
		e = chain_list_segments(w->dir, &p->there, err);
	if (!e)
		e = acknowledged_find(w->dir, NULL, 0, &p->known, err);
	if (e)
		return e;
	limit = w->keep ? w->keep : 2;
	limit = p->there.last > limit ? p->there.last - limit + 1 : 1;
	p->wanted = p->keep = p->there.first;
	while (p->wanted < limit) {
		uint64_t first;
		bool old;

		e = chain_segment_first(w->dir, p->wanted + 1, &first, err);
		if (!e)
			e = is_old_enough(w, first, &old, err);
		if (e)
			return e;
		if (!old)
			break;
		/* Entries behind it are there, too: so all of its bytes are. */
		if (p->keep == p->wanted && (w->unarchived || p->known.made.size > first)) {
			p->keep++;
			p->keep_first = first;
		}
		p->wanted++;
	}
	return 0;
}

static void describe(const struct wish *w, const struct plan *p, char *ret, size_t room)
{
	int n = w->keep ? snprintf(ret, room, "keep %" PRIu64 " segments", w->keep)
			: snprintf(ret, room, "older than %.60s", w->older_text);

	if (w->unarchived)
		snprintf(ret + n, room - (size_t)n, ", archived or not");
	else
		snprintf(ret + n, room - (size_t)n, ", entries below %" PRIu64 " are at %.400s",
			 p->known.made.size, p->known.made.place);
}

static int carry_out(const struct wish *w, const struct plan *p)
{
	struct control_message m = { .type = CONTROL_PRUNE, .number = { p->keep, p->keep_first } },
			       reply;
	struct chain_error err = { 0 };
	uint64_t removed = 0;
	int e;

	describe(w, p, m.why, sizeof(m.why));
	e = control_request("prune", w->dir, &m, &reply);
	if (e)
		return e;
	e = chain_remove_segments(w->dir, p->keep, reply.number[0], &removed, &err);
	printf("%" PRIu64 " segments deleted, entries from %" PRIu64 " on stay\n", removed,
	       p->keep_first);
	return e ? fail(e, &err) : EXIT_GOOD;
}

/* What the wish would have let go is nowhere else. */
static int report_refused(const struct plan *p)
{
	if (p->keep == p->wanted)
		return EXIT_GOOD;
	if (!p->known.made.found)
		return complain(EXIT_COULD_NOT,
				"prune: segments %" PRIu64 " to %" PRIu64
				" stay: no other place has acknowledged any (--unarchived deletes "
				"them all the same)",
				p->keep, p->wanted - 1);
	return complain(EXIT_COULD_NOT,
			"prune: segments %" PRIu64 " to %" PRIu64
			" stay: entries only below %" PRIu64
			" are at another place (--unarchived deletes them all the same)",
			p->keep, p->wanted - 1, p->known.made.size);
}

static bool take_option(struct wish *w, int opt)
{
	switch (opt) {
	case 'c':
		w->dir = optarg;
		return true;
	case 'k':
		return parse_number(optarg, "prune: --keep-segments", 2, UINT64_MAX, &w->keep);
	case 'o':
		w->older_text = optarg;
		return parse_time("prune: --older-than", optarg, &w->older);
	case 'u':
		w->unarchived = true;
		return true;
	default:
		w->dry = true;
		return true;
	}
}

static bool parse_options(int argc, char **argv, struct wish *w)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "keep-segments", required_argument, NULL, 'k' },
						 { "older-than", required_argument, NULL, 'o' },
						 { "unarchived", no_argument, NULL, 'u' },
						 { "dry-run", no_argument, NULL, 'd' },
						 { 0 } };
	int got, opt;

	w->dir = default_chain_dir();
	while ((got = next_option(command_find("prune"), argc, argv, options, 0, &opt)) == 1) {
		if (!take_option(w, opt))
			return false;
	}
	if (got == 0 && !w->keep == !w->older_text) {
		complain(0, "prune: give one of --keep-segments N and --older-than T");
		return false;
	}
	return got == 0;
}

int cmd_prune(int argc, char **argv)
{
	struct chain_error err = { 0 };
	struct plan plan = { 0 };
	struct wish wish = { 0 };
	int e;

	if (!parse_options(argc, argv, &wish))
		return EXIT_COULD_NOT;
	e = make_plan(&wish, &plan, &err);
	if (e)
		return fail(e, &err);
	if (plan.keep == plan.there.first)
		printf("nothing to delete: segments %" PRIu64 " to %" PRIu64 " stay\n",
		       plan.there.first, plan.there.last);
	else if (wish.dry)
		printf("would delete segments %" PRIu64 " to %" PRIu64 ", entries below %" PRIu64
		       "\n",
		       plan.there.first, plan.keep - 1, plan.keep_first);
	else
		e = carry_out(&wish, &plan);
	return e ? e : report_refused(&plan);
}
