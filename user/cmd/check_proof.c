// SPDX-License-Identifier: Apache-2.0
/* indelible check-proof: a proof file against a verifier key and what else is held. Needs no chain.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "chain/proof.h"
#include "cmd/given.h"
#include "output/output.h"

struct request {
	struct chain_check_options options;
	const char *file, *checkpoints[GIVEN_MAX + 1];
	struct chain_held held[GIVEN_MAX];
	char *key, *witnesses[GIVEN_MAX + 1];
	size_t checkpoint_count, witness_count;
	bool json;
};

static bool is_full(size_t count, const char *option)
{
	if (count < GIVEN_MAX)
		return false;
	complain(0, "check-proof: %s was given more than %d times", option, GIVEN_MAX);
	return true;
}

static bool take_option(struct request *q, int opt)
{
	switch (opt) {
	case 'k':
		free(q->key);
		q->key = NULL;
		return read_key("check-proof", "--key", optarg, &q->key);
	case 'p':
		if (is_full(q->checkpoint_count, "--checkpoint"))
			return false;
		q->checkpoints[q->checkpoint_count++] = optarg;
		return true;
	case 'd':
		if (is_full(q->options.held_count, "--held") ||
		    !parse_held("check-proof", optarg, &q->held[q->options.held_count]))
			return false;
		q->options.held_count++;
		return true;
	case 'w':
		if (is_full(q->witness_count, "--witness") ||
		    !read_key("check-proof", "--witness", optarg, &q->witnesses[q->witness_count]))
			return false;
		q->witness_count++;
		return true;
	default:
		q->json = strcmp(optarg, "json") == 0;
		if (q->json || strcmp(optarg, "text") == 0)
			return true;
		complain(0, "check-proof: --format '%s' is neither text nor json", optarg);
		return false;
	}
}

static bool parse_options(int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "checkpoint", required_argument, NULL, 'p' },
		{ "held", required_argument, NULL, 'd' },
		{ "witness", required_argument, NULL, 'w' },
		{ "format", required_argument, NULL, 'o' },
		{ 0 },
	};
	int got, opt;

	while ((got = next_option(command_find("check-proof"), argc, argv, options, 1, &opt)) == 1)
		if (!take_option(q, opt))
			return false;
	if (got < 0)
		return false;
	q->file = argv[optind];
	q->options.vkey = q->key;
	q->options.checkpoints = q->checkpoints;
	q->options.held = q->held;
	q->options.witnesses = (const char *const *)q->witnesses;
	if (q->file && q->key)
		return true;
	complain(0,
		 "check-proof: give the FILE of the proof and --key FILE, the log's verifier key");
	return false;
}

/* --- what was proven -------------------------------------------------------------------------- */

static void print_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
}

static void print_bare_entry(const struct chain_proven *p, bool json)
{
	if (json) {
		printf("{\"index\":%" PRIu64 ",\"kind\":\"unknown\",\"type\":%u,\"hash\":\"", p->at,
		       p->entry[0]);
		print_hex(p->leaf, CHAIN_HASH);
		printf("\",\"bytes\":\"");
		print_hex(p->entry, p->entry_len);
		printf("\"}\n");
		return;
	}
	printf("#%" PRIu64 " entry of type %02x, %zu bytes: ", p->at, p->entry[0], p->entry_len);
	print_hex(p->entry, p->entry_len);
	printf("\n");
}

/* The entry as `show` prints it; the chain's own ones, and kinds of newer versions, as bytes. */
static void print_entry(const struct chain_proven *p, bool json)
{
	struct output_context context = { 0 };
	struct buffer line = { 0 };
	struct record record;
	struct output_entry out = { p->at, json ? p->leaf : NULL, &record, &context };

	if (p->entry[0] < CHAIN_RECORD_TYPE ||
	    record_decode(bytes_of(p->entry, p->entry_len), &record)) {
		print_bare_entry(p, json);
		return;
	}
	output_follow(&context, &record);
	(json ? output_json : output_text)(&line, &out);
	if (line.data)
		fwrite(line.data, line.len, 1, stdout);
	buffer_free(&line);
}

static const char *strength_name(const struct chain_proven *p)
{
	static const char *const names[] = { [CHAIN_BY_HOST_KEY] = "by host key only",
					     [CHAIN_COSIGNED] = "(cosigned)",
					     [CHAIN_HELD] = "(held)" };

	return names[p->strength];
}

static void print_witness(const struct chain_witness *w)
{
	struct buffer when = { 0 };

	if (w->time < UINT64_MAX / 1000000000)
		output_time(&when, w->time * 1000000000);
	if (w->cosigned)
		printf("cosigned by %s at %s\n", w->name, when.data ? when.data : "?");
	else
		printf("not cosigned by %s: the note has no line of the key given; it counts for "
		       "nothing\n",
		       w->name);
	buffer_free(&when);
}

static void print_text(const struct chain_proven *p)
{
	printf("PROVEN %s: ", strength_name(p));
	if (p->growth)
		printf("all of the log at size %" PRIu64, p->at);
	else
		printf("entry %" PRIu64, p->at);
	printf(" is in %s at size %" PRIu64 "\n", p->origin, p->size);
	for (size_t i = 0; i < p->witness_count; i++)
		print_witness(&p->witness[i]);
	if (p->other_held)
		printf("held checkpoint of size %" PRIu64 " says nothing of size %" PRIu64
		       ": prove from the one to the other\n",
		       p->other_held, p->size);
	printf("hold this %" PRIu64 ":", p->size);
	print_hex(p->root, CHAIN_HASH);
	printf("\n");
}

static void print_json_witness(const struct chain_witness *w, const char *before)
{
	struct buffer b = { 0 };

	escape_json(&b, bytes_of_text(w->name));
	printf("%s{\"name\":\"%s\",\"cosigned\":%s", before, b.data ? b.data : "",
	       w->cosigned ? "true" : "false");
	if (w->cosigned)
		printf(",\"time\":%" PRIu64, w->time);
	printf("}");
	buffer_free(&b);
}

static void print_json(const struct chain_proven *p)
{
	static const char *const names[] = { [CHAIN_BY_HOST_KEY] = "host key",
					     [CHAIN_COSIGNED] = "cosigned",
					     [CHAIN_HELD] = "held" };
	struct buffer b = { 0 };

	printf("{\"verdict\":\"PROVEN\",\"strength\":\"%s\",\"proof\":\"%s\",\"%s\":%" PRIu64
	       ",\"size\":%" PRIu64 ",\"root\":\"",
	       names[p->strength], p->growth ? "growth" : "entry", p->growth ? "from" : "index",
	       p->at, p->size);
	print_hex(p->root, CHAIN_HASH);
	escape_json(&b, bytes_of_text(p->origin));
	printf("\",\"origin\":\"%s\"", b.data ? b.data : "");
	buffer_free(&b);
	if (p->witness_count) {
		printf(",\"witnesses\":");
		for (size_t i = 0; i < p->witness_count; i++)
			print_json_witness(&p->witness[i], i ? "," : "[");
		printf("]");
	}
	if (p->other_held)
		printf(",\"other_held\":%" PRIu64, p->other_held);
	printf("}\n");
}

static int check(const struct request *q, struct chain_proven *proven)
{
	struct chain_error err = { 0 };
	uint8_t *text;
	size_t len;
	int e = read_file(AT_FDCWD, q->file, CHAIN_PROOF_MAX, &text, &len);

	if (e == -EFBIG || e == -EINVAL)
		return complain(EXIT_COULD_NOT, "check-proof: %s is no proof", q->file);
	if (e)
		return complain(EXIT_COULD_NOT, "check-proof: %s: %s", q->file, strerror(-e));
	e = chain_check_proof(bytes_of(text, len), &q->options, proven, &err);
	free(text);
	if (e == 0)
		return EXIT_GOOD;
	return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "check-proof: %s: %s", q->file,
			err.text[0] ? err.text : strerror(-e));
}

int cmd_check_proof(int argc, char **argv)
{
	struct chain_proven *proven = calloc(1, sizeof(*proven));
	struct request q = { 0 };
	int code = EXIT_COULD_NOT;

	if (!proven)
		complain(0, "check-proof: out of memory");
	else if (parse_options(argc, argv, &q))
		code = check(&q, proven);
	if (code == EXIT_GOOD) {
		if (!proven->growth)
			print_entry(proven, q.json);
		(q.json ? print_json : print_text)(proven);
		if (fflush(stdout))
			code = complain(EXIT_COULD_NOT, "check-proof: %s", strerror(errno));
	}
	for (size_t i = 0; i < q.witness_count; i++)
		free(q.witnesses[i]);
	free(q.key);
	free(proven);
	return code;
}
