// SPDX-License-Identifier: Apache-2.0
/* indelible show: print records. Reads only, judges nothing: that is verify's work. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain/reader.h"
#include "cmd/history.h"
#include "output/output.h"

#define FOLLOW_MS 50

struct filter {
	const char *dir, *user;
	bool kinds[256];
	bool all_kinds, follow, json;
	uint64_t since, until;
};

static bool parse_kinds(const char *text, struct filter *f)
{
	char *copy = strdup(text), *save = NULL;
	bool good = copy && *copy;

	f->all_kinds = false;
	for (char *k = strtok_r(copy, ",", &save); k && good; k = strtok_r(NULL, ",", &save)) {
		const struct record_type *type = NULL;

		for (size_t i = 0; (type = record_type_at(i)); i++) {
			if (strcmp(type->name, k) == 0)
				break;
		}
		if (type)
			f->kinds[type->kind] = true;
		else
			good = false;
		if (!type)
			complain(0, "show: --kind '%s' is no kind of record", k);
	}
	free(copy);
	return good;
}

static bool parse_options(int argc, char **argv, struct filter *f)
{
	static const struct option options[] = {
		{ "chain", required_argument, NULL, 'c' },
		{ "follow", no_argument, NULL, 'f' },
		{ "user", required_argument, NULL, 'u' },
		{ "kind", required_argument, NULL, 'k' },
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'o' },
		{ 0 },
	};
	int got, opt;

	*f = (struct filter){ .dir = default_chain_dir(), .all_kinds = true, .until = UINT64_MAX };
	while ((got = next_option(command_find("show"), argc, argv, options, 0, &opt)) == 1) {
		switch (opt) {
		case 'c':
			f->dir = optarg;
			break;
		case 'f':
			f->follow = true;
			break;
		case 'u':
			f->user = optarg;
			break;
		case 'k':
			if (!parse_kinds(optarg, f))
				return false;
			break;
		case 's':
			if (!parse_time("show: --since", optarg, &f->since))
				return false;
			break;
		case 't':
			if (!parse_time("show: --until", optarg, &f->until))
				return false;
			break;
		default:
			f->json = strcmp(optarg, "json") == 0;
			if (!f->json && strcmp(optarg, "text") != 0) {
				complain(0, "show: --format '%s' is neither text nor json", optarg);
				return false;
			}
		}
	}
	return got == 0;
}

static bool wanted(const struct filter *f, const struct record *r)
{
	if (!f->all_kinds && !f->kinds[r->kind])
		return false;
	if (r->time < f->since || r->time >= f->until)
		return false;
	if (!f->user)
		return true;
	return bytes_equal(r->user, bytes_of_text(f->user)) ||
	       bytes_equal(r->acting_as, bytes_of_text(f->user));
}

/* One entry to stdout if it is wanted. -EPIPE when nobody reads any more. */
static int print_entry(struct chain_reader *reader, const struct filter *f,
		       const struct chain_entry *entry, struct output_context *context,
		       struct buffer *line)
{
	uint8_t hash[CHAIN_HASH];
	struct output_entry out = { entry->index, NULL, NULL, context };
	struct record record;
	int err;

	if (entry->bytes.data[0] < CHAIN_RECORD_TYPE)
		return 0;
	err = record_decode(entry->bytes, &record);
	if (err) {
		complain(0, "show: record %" PRIu64 " %s", entry->index,
			 err == -EPROTONOSUPPORT ? "is of a kind this build does not know"
						 : "is not well-formed");
		return err;
	}
	output_follow(context, &record);
	if (!wanted(f, &record))
		return 0;
	out.record = &record;
	buffer_clear(line);
	if (f->json) {
		chain_reader_leaf(reader, entry, hash);
		out.hash = hash;
		output_json(line, &out);
	} else {
		output_text(line, &out);
	}
	if (line->failed)
		return -ENOMEM;
	return fwrite(line->data, line->len, 1, stdout) == 1 ? 0 : -EPIPE;
}

int cmd_show(int argc, char **argv)
{
	struct output_context context = { 0 };
	struct chain_reader *reader;
	struct chain_error err = { 0 };
	struct chain_entry entry;
	struct buffer line = { 0 };
	struct filter f;
	int e, code = EXIT_GOOD;

	if (!parse_options(argc, argv, &f))
		return EXIT_COULD_NOT;
	signal(SIGPIPE, SIG_IGN);
	e = history_check(f.dir, &err);
	if (!e)
		e = chain_reader_open(&reader, f.dir, &err);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "show: %s",
				err.text[0] ? err.text : strerror(-e));
	for (;;) {
		e = chain_reader_next(reader, &entry);
		if (e == 1) {
			e = print_entry(reader, &f, &entry, &context, &line);
			if (e == -EPIPE || e == -ENOMEM)
				break;
			if (e)
				code = EXIT_BAD;
			continue;
		}
		if (e < 0 || !f.follow)
			break;
		fflush(stdout);
		usleep(FOLLOW_MS * 1000);
	}
	if (e < 0 && e != -EPIPE)
		code = complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "show: %s",
				e == -ENOMEM ? "out of memory" : chain_reader_error(reader));
	if (fflush(stdout) && errno != EPIPE)
		code = complain(EXIT_COULD_NOT, "show: %s", strerror(errno));
	buffer_free(&line);
	chain_reader_close(reader);
	return code;
}
