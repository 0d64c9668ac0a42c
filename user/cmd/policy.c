// SPDX-License-Identifier: Apache-2.0
/* indelible policy: what is recorded; set, checked, shown. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/reader.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/history.h"
#include "cmd/rules.h"
#include "record/record.h"

#define ASK_SECONDS 60

struct options {
	const char *dir, *file;
	bool check, standard;
};

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "check", no_argument, NULL, 'k' },
						 { "default", no_argument, NULL, 'd' },
						 { 0 } };
	int got, opt;

	*o = (struct options){ .dir = default_chain_dir() };
	while ((got = next_option(command_find("policy"), argc, argv, options, 1, &opt)) == 1) {
		if (opt == 'c')
			o->dir = optarg;
		else if (opt == 'k')
			o->check = true;
		else
			o->standard = true;
	}
	if (got)
		return false;
	if (optind < argc)
		o->file = argv[optind];
	if ((o->check && !o->file) || (o->standard && (o->file || o->check))) {
		complain(0, "policy: expected FILE, --check FILE, --default or nothing");
		return false;
	}
	return true;
}

/* The last one that the chain tells of. */
static int show_policy(const char *dir)
{
	struct chain_reader *reader;
	struct chain_error err = { 0 };
	struct chain_entry entry;
	struct record record;
	char *last = NULL;
	int first = 0, e = history_check(dir, &err);

	if (!e)
		e = chain_reader_open(&reader, dir, &err);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "policy: %s",
				err.text[0] ? err.text : strerror(-e));
	for (uint64_t back = 0; e == 0 && !last && first == 0; back++) {
		first = chain_reader_seek_back(reader, back);
		e = first < 0 ? first : 0;
		while (e == 0 && (e = chain_reader_next(reader, &entry)) == 1) {
			e = 0;
			if (entry.bytes.data[0] != RECORD_CONFIG ||
			    record_decode(entry.bytes, &record))
				continue;
			free(last);
			last = strndup((const char *)record.policy.data, record.policy.len);
		}
	}
	if (e)
		complain(0, "policy: %s", chain_reader_error(reader));
	else if (last)
		fputs(last, stdout);
	else
		complain(0, "policy: the chain in %s tells of none", dir);
	chain_reader_close(reader);
	free(last);
	return e == -EBADMSG ? EXIT_BAD : e || !last ? EXIT_COULD_NOT : EXIT_GOOD;
}

static int set_policy(const struct options *o)
{
	struct control_message request = { .type = CONTROL_POLICY }, reply;
	char path[PATH_MAX];
	int err;

	if (!realpath(o->file, path))
		return complain(EXIT_COULD_NOT, "policy: %s: %s", o->file, strerror(errno));
	if (strlen(path) > CONTROL_PLACE_MAX)
		return complain(EXIT_COULD_NOT, "policy: %s: the path is too long", o->file);
	memcpy(request.place, path, strlen(path) + 1);
	err = control_ask(o->dir, &request, ASK_SECONDS, &reply);
	if (err == -ECONNREFUSED || err == -ENOENT)
		return complain(EXIT_COULD_NOT,
				"policy: no collector writes %s; run --policy FILE begins with one",
				o->dir);
	if (err)
		return complain(EXIT_COULD_NOT, "policy: the collector of %s did not do it: %s",
				o->dir, strerror(-err));
	if (reply.result)
		return complain(reply.result == -EINVAL ? EXIT_BAD : EXIT_COULD_NOT, "policy: %s",
				reply.why);
	printf("in force; it is entry %llu of the chain\n", (unsigned long long)reply.number[0]);
	return EXIT_GOOD;
}

int cmd_policy(int argc, char **argv)
{
	struct bytes standard = policy_default();
	struct policy *policy;
	struct options o;
	char err[512];
	int e;

	if (!parse_options(argc, argv, &o))
		return EXIT_COULD_NOT;
	if (o.standard) {
		fwrite(standard.data, 1, standard.len, stdout);
		return EXIT_GOOD;
	}
	if (!o.file)
		return show_policy(o.dir);
	e = rules_read(&policy, o.file, false, err, sizeof(err));
	if (e)
		return complain(e == -EINVAL ? EXIT_BAD : EXIT_COULD_NOT, "policy: %s", err);
	policy_free(policy);
	return o.check ? EXIT_GOOD : set_policy(&o);
}
