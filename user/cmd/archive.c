// SPDX-License-Identifier: Apache-2.0
/*
 * indelible archive: copy what is published to a further place, look at the copy, and have the
 * chain say so. The acknowledgements in the chain are all there is to remember.
 */
#define _GNU_SOURCE
#include "cmd/archive.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain/copy.h"
#include "chain/published.h"
#include "chain/verify.h"
#include "cmd/acknowledged.h"
#include "cmd/cmd.h"
#include "cmd/control.h"

#define SECOND	     1000000000ull
#define VERIFY_EVERY (6 * 3600 * SECOND)
#define PAUSE_MAX    3600 /* seconds between attempts */

volatile sig_atomic_t archive_stop;

struct archive {
	const char *dir, *to, *command;
	bool anew, read_back;
	uint64_t every; /* seconds; 0 once */
	char place[PLACE_MAX + 1];
	struct chain_copy *copy;
	struct acknowledged known; /* of this place */
	uint64_t verified_at;	   /* monotonic; 0 never */
	uint64_t quiet;		   /* a checkpoint at this size covers nothing but our own words */
	uint64_t pause;
	/* of the round */
	uint64_t size, bytes;
	uint8_t root[CHAIN_HASH];
	char vkey[256];
};

static void on_signal(int number)
{
	archive_stop = number;
}

/* --- what the chain says ---------------------------------------------------------------------- */

static int record(struct archive *a, int result, const char *why)
{
	struct control_message m = { .type = CONTROL_ARCHIVED,
				     .result = result,
				     .number = { a->size },
				     .why = "" },
			       reply;
	struct record r = { .kind = RECORD_ARCHIVE, .result = result, .size = a->size };
	int code;

	strcpy(m.place, a->place);
	snprintf(m.why, sizeof(m.why), "%.*s", CONTROL_WHY_MAX, why);
	if (result == 0)
		memcpy(m.root, a->root, sizeof(m.root));
	else
		m.number[0] = 0;
	code = control_request("archive", a->dir, &m, &reply);
	if (code)
		return code;
	r.time = clock_epoch();
	r.place = bytes_of_text(a->place);
	r.root = bytes_of(a->root, sizeof(a->root));
	r.why = bytes_of_text(m.why);
	acknowledged_record(&a->known, &r);
	return EXIT_GOOD;
}

/* One record for an outage, however often it is tried, and by however many of us. */
static void record_failure(struct archive *a, int err, const char *why)
{
	if (!a->known.failed.found)
		record(a, err, why);
}

static int record_success(struct archive *a)
{
	const struct acknowledged *k = &a->known;

	if (k->made.found && k->made.size >= a->size && !k->failed.found)
		return EXIT_GOOD;
	return record(a, 0, "");
}

/* --- one round -------------------------------------------------------------------------------- */

static uint64_t checkpoint_size(const struct archive *a)
{
	struct chain_error err;
	struct log_name name;
	struct note note;
	uint64_t size = 0;
	uint8_t *text;

	if (!read_log_name(a->dir, &name, &err) &&
	    !read_checkpoint(a->dir, NULL, &name, &note, &text, &err)) {
		size = note.size;
		free(text);
	}
	return size;
}

static int verify_copy(struct archive *a, struct chain_error *err)
{
	struct chain_held held = { .size = a->size };
	struct chain_verify_options options = {
		.dir = a->to, .vkey = a->vkey, .held = &held, .held_count = 1
	};
	struct chain_report report;
	int e;

	memcpy(held.root, a->root, CHAIN_HASH);
	e = chain_verify(&options, &report, err);
	if (e)
		return e;
	a->verified_at = clock_monotonic();
	if (report.found == CHAIN_OK)
		return 0;
	snprintf(err->text, sizeof(err->text),
		 "%.150s: the copy does not verify: %s: %.180s%s%.60s", a->to,
		 chain_verdict_name(report.found), report.why, *report.file ? ", " : "",
		 report.file);
	return -EBADMSG;
}

static int copy_round(struct archive *a, struct chain_error *err)
{
	struct chain_copied done;
	int e = chain_copy_round(a->copy, a->anew ? 0 : a->known.made.size, &done, err);

	if (e)
		return e;
	a->anew = false;
	a->size = done.size;
	a->bytes = done.bytes;
	memcpy(a->root, done.root, CHAIN_HASH);
	strcpy(a->vkey, done.vkey);
	if (a->verified_at && clock_monotonic() - a->verified_at < VERIFY_EVERY)
		return 0;
	return verify_copy(a, err);
}

static int send_round(struct archive *a, struct chain_error *err)
{
	struct objects_options options = { .dir = a->dir,
					   .command = a->command,
					   .read_back = a->read_back,
					   .doubtful =
						   a->known.failed.found || !a->known.made.found,
					   .from = a->anew ? 0 : a->known.made.size };
	struct objects_sent sent;
	int e = objects_send(&options, &sent, err);

	if (e)
		return e;
	a->anew = false;
	a->size = sent.size;
	a->bytes = sent.bytes;
	memcpy(a->root, sent.root, CHAIN_HASH);
	return 0;
}

/* Is it of no use to try that again? */
static bool is_final(int err)
{
	return err == -EBADMSG || err == -EKEYREJECTED || err == -EINVAL || err == -ENODATA ||
	       err == -ENOMEM || err == -EINTR;
}

/* *ret_again: it may go better later. An exit code. */
static int run_round(struct archive *a, bool *ret_again)
{
	struct chain_error err = { 0 };
	int e, code;

	*ret_again = true;
	if (a->quiet && checkpoint_size(a) == a->quiet)
		return EXIT_GOOD;
	e = a->to ? copy_round(a, &err) : send_round(a, &err);
	if (e) {
		if (!err.text[0])
			snprintf(err.text, sizeof(err.text), "%s", strerror(-e));
		complain(0, "archive: %s", err.text);
		*ret_again = !is_final(e);
		if (e != -EINTR && e != -EINVAL && e != -EKEYREJECTED && e != -ENOENT)
			record_failure(a, e, err.text);
		return e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT;
	}
	code = record_success(a);
	if (code)
		return code;
	printf("%" PRIu64 " entries are at %s (%" PRIu64 " bytes new)\n", a->size, a->place,
	       a->bytes);
	fflush(stdout);
	a->quiet = chain_is_live(a->dir) == 0 ? checkpoint_size(a) : 0;
	return EXIT_GOOD;
}

static void sleep_for(uint64_t seconds)
{
	const struct timespec step = { .tv_nsec = 200000000 };
	uint64_t until = clock_monotonic() + seconds * SECOND;

	while (!archive_stop && clock_monotonic() < until)
		nanosleep(&step, NULL);
}

/* Until told to stop; then one more look at the whole copy. */
static int run_rounds(struct archive *a)
{
	struct chain_error err = { 0 };
	bool again;
	int code;

	a->pause = a->every;
	for (;;) {
		code = run_round(a, &again);
		if (archive_stop || (code && !again))
			break;
		a->pause = !code		      ? a->every
			   : 2 * a->pause < PAUSE_MAX ? 2 * a->pause
			   : a->every < PAUSE_MAX     ? PAUSE_MAX
						      : a->every;
		sleep_for(a->pause);
		if (archive_stop)
			break;
	}
	if (code || !a->to || !a->verified_at)
		return archive_stop && code == EXIT_COULD_NOT ? EXIT_GOOD : code;
	if (verify_copy(a, &err) == 0)
		return EXIT_GOOD;
	return complain(EXIT_BAD, "archive: %s", err.text);
}

/* --- options ---------------------------------------------------------------------------------- */

static bool take_option(struct archive *a, int opt)
{
	switch (opt) {
	case 'c':
		a->dir = optarg;
		return true;
	case 't':
		a->to = optarg;
		return true;
	case 'm':
		a->command = optarg;
		return true;
	case 'a':
		a->anew = true;
		return true;
	case 'n':
		a->read_back = false;
		return true;
	default:
		return parse_number(optarg, "archive: --every", 1, 86400 * 365, &a->every);
	}
}

static bool parse_options(int argc, char **argv, struct archive *a)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "to", required_argument, NULL, 't' },
						 { "to-command", required_argument, NULL, 'm' },
						 { "every", required_argument, NULL, 'e' },
						 { "anew", no_argument, NULL, 'a' },
						 { "no-read-back", no_argument, NULL, 'n' },
						 { 0 } };
	int got, opt;

	a->dir = default_chain_dir();
	a->read_back = true;
	while ((got = next_option(command_find("archive"), argc, argv, options, 0, &opt)) == 1) {
		if (!take_option(a, opt))
			return false;
	}
	if (got < 0)
		return false;
	if (!a->to == !a->command) {
		complain(0, "archive: give one of --to DIR and --to-command CMD");
		return false;
	}
	if (a->to && !a->read_back) {
		complain(0, "archive: --no-read-back goes with --to-command");
		return false;
	}
	return true;
}

/* What path will be called when it is made. */
static bool name_new(const char *path, char ret[2 * PATH_MAX])
{
	char parent[PATH_MAX];
	size_t len = strlen(path), base;

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (base = len; base > 0 && path[base - 1] != '/'; base--)
		;
	snprintf(parent, sizeof(parent), "%.*s", (int)base, base ? path : ".");
	if (!realpath(base ? parent : ".", ret))
		return false;
	snprintf(ret + strlen(ret), PATH_MAX, "/%.*s", (int)(len - base), path + base);
	return true;
}

/* The name by which the chain knows the place: the full path, or the command. */
static bool name_place(struct archive *a)
{
	char path[2 * PATH_MAX];

	if (a->to && !realpath(a->to, path) && !name_new(a->to, path)) {
		complain(0, "archive: %s: %s", a->to, strerror(errno));
		return false;
	}
	if (strlen(a->to ? path : a->command) > PLACE_MAX) {
		complain(0, "archive: the place has a name longer than %d bytes", PLACE_MAX);
		return false;
	}
	strcpy(a->place, a->to ? path : a->command);
	return true;
}

static int begin(struct archive *a)
{
	struct chain_error err = { 0 };
	int e = acknowledged_find(a->dir, a->place, 0, &a->known, &err);

	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "archive: %s",
				err.text[0] ? err.text : strerror(-e));
	if (a->to && chain_copy_open(&a->copy, a->dir, a->to))
		return complain(EXIT_COULD_NOT, "archive: out of memory");
	return EXIT_GOOD;
}

int cmd_archive(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	struct archive *a = calloc(1, sizeof(*a));
	int code = EXIT_COULD_NOT;
	bool again;

	if (!a)
		return complain(EXIT_COULD_NOT, "archive: out of memory");
	if (!parse_options(argc, argv, a) || !name_place(a))
		goto done;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	code = begin(a);
	if (code == EXIT_GOOD)
		code = a->every ? run_rounds(a) : run_round(a, &again);
done:
	chain_copy_close(a->copy);
	free(a);
	return code;
}
