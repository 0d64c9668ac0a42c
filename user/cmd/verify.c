// SPDX-License-Identifier: Apache-2.0
/* indelible verify: the chain's verdict and the records' coverage, together. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "chain/verify.h"
#include "cmd/age.h"
#include "cmd/given.h"
#include "cmd/progress.h"
#include "cmd/watch.h"

struct request {
	struct chain_verify_options options;
	const char *checkpoints[GIVEN_MAX + 1];
	struct chain_held held[GIVEN_MAX];
	size_t checkpoint_count;
	char *key;
	uint64_t max_age; /* ns; 0: of any age */
	bool json, quiet;
};

static bool take_option(struct request *q, int opt)
{
	uint64_t number;

	switch (opt) {
	case 'c':
		q->options.dir = optarg;
		return true;
	case 'k':
		free(q->key);
		q->key = NULL;
		return read_key("verify", "--key", optarg, &q->key);
	case 'a':
		if (age_parse(optarg, &q->max_age))
			return true;
		complain(0, "verify: --max-age '%s' is no age such as 90s, 10m, 2h or 1d", optarg);
		return false;
	case 'q':
		q->quiet = true;
		return true;
	case 't':
		if (!parse_number(optarg, "--threads", 1, 1024, &number))
			return false;
		q->options.threads = (unsigned)number;
		return true;
	case 'p':
		if (q->checkpoint_count == GIVEN_MAX) {
			complain(0, "verify: more than %d checkpoints", GIVEN_MAX);
			return false;
		}
		q->checkpoints[q->checkpoint_count++] = optarg;
		return true;
	case 'd':
		if (q->options.held_count == GIVEN_MAX) {
			complain(0, "verify: --held was given more than %d times", GIVEN_MAX);
			return false;
		}
		if (!parse_held("verify", optarg, &q->held[q->options.held_count]))
			return false;
		q->options.held_count++;
		return true;
	default:
		q->json = strcmp(optarg, "json") == 0;
		if (q->json || strcmp(optarg, "text") == 0)
			return true;
		complain(0, "verify: --format '%s' is neither text nor json", optarg);
		return false;
	}
}

static bool parse_options(int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "chain", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "checkpoint", required_argument, NULL, 'p' },
		{ "held", required_argument, NULL, 'd' },
		{ "max-age", required_argument, NULL, 'a' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "threads", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'o' },
		{ 0 },
	};
	int got, opt;

	q->options.dir = default_chain_dir();
	while ((got = next_option(command_find("verify"), argc, argv, options, 0, &opt)) == 1) {
		if (!take_option(q, opt))
			return false;
	}
	q->options.vkey = q->key;
	q->options.checkpoints = q->checkpoint_count ? q->checkpoints : NULL;
	q->options.held = q->held;
	return got == 0;
}

/* --- how old -----------------------------------------------------------------------------------
 */

#define AHEAD_NS (2 * AGE_SECOND) /* by so much clocks of two hosts may differ */

struct age {
	uint64_t asked, newest; /* ns; time of the last record that is sealed, 0 none */
	uint64_t ago, ahead;	/* ns before now, or after it */
};

/* Only a verifier who asks for an age reads the clock. */
static struct age tell_age(const struct request *q, const struct watch *watch,
			   struct chain_report *report)
{
	struct age age = { .asked = q->max_age, .newest = watch->newest };
	uint64_t now;

	if (!age.asked)
		return age;
	now = clock_epoch();
	if (age.newest > now)
		age.ahead = age.newest - now;
	else
		age.ago = now - age.newest;
	report->stale = !age.newest || age.ago > age.asked;
	return age;
}

static void print_age(const struct age *age)
{
	char text[AGE_TEXT], asked[AGE_TEXT];

	age_text(age->ago, text);
	age_text(age->asked, asked);
	if (!age->newest) {
		printf("no record is sealed");
	} else if (age->ahead > AHEAD_NS) {
		age_text(age->ahead, text);
		printf("the newest sealed record is %s ahead of this clock", text);
	} else {
		printf("the newest sealed record is %s old, allowed %s", text, asked);
	}
}

/* --- in words -----------------------------------------------------------------------------------
 */

static void print_root(const uint8_t root[CHAIN_HASH])
{
	for (int i = 0; i < CHAIN_HASH; i++)
		printf("%02x", root[i]);
}

static void print_verdict(const struct chain_report *r, const struct age *age)
{
	printf("%s", chain_verdict_name(r->verdict));
	switch (r->verdict) {
	case CHAIN_TAMPER:
		if (r->found == CHAIN_TAMPER)
			printf(": entries %" PRIu64 " to %" PRIu64 ", %s at offset %" PRIu64 ": %s",
			       r->from, r->to, r->file, r->offset, r->why);
		else
			printf(": entries %" PRIu64 " to %" PRIu64 ": %" PRIu64
			       " events missing without an excuse: %s",
			       r->coverage.gap_from, r->coverage.gap_to, r->coverage.gap,
			       r->coverage.why);
		break;
	case CHAIN_FORK:
		printf(": another history at size %" PRIu64 ": %s", r->from, r->why);
		break;
	case CHAIN_ROLLBACK:
		printf(": sealed up to %" PRIu64 ", but a checkpoint was seen at %" PRIu64 ": %s",
		       r->from, r->to, r->why);
		break;
	case CHAIN_UNVERIFIABLE:
		printf(": %s", r->why);
		break;
	case CHAIN_STALE:
		printf(": ");
		print_age(age);
		break;
	case CHAIN_TORN:
		printf(": %" PRIu64 " recoveries, %" PRIu64 " entries adopted, %" PRIu64
		       " bytes torn, %" PRIu64 " entries unsealed",
		       r->recoveries, r->adopted, r->dead_bytes + r->torn_bytes, r->unsealed);
		break;
	case CHAIN_LOSS:
		printf(": %" PRIu64 " events lost and counted, %" PRIu64 " windows open",
		       r->coverage.lost, r->coverage.open);
		if (r->coverage.disturbed)
			printf(", disturbed %" PRIu64 " times", r->coverage.disturbed);
		break;
	default:
		break;
	}
	if (r->exit_code == EXIT_GOOD && !r->pinned)
		printf(" (identity not pinned: give --key)");
	printf("\n");
}

/* A log's name is the first part of its key. */
static struct bytes name_of(const struct chain_link *link)
{
	return bytes_of(link->vkey, strcspn(link->vkey, "+"));
}

static void print_links(const struct chain_report *r)
{
	struct buffer b = { 0 };

	if (r->continues.vkey[0]) {
		escape_text(&b, name_of(&r->continues));
		printf("continues   %s, --held %" PRIu64 ":", b.data ? b.data : "?",
		       r->continues.size);
		print_root(r->continues.root);
		printf("\n");
	}
	buffer_clear(&b);
	if (r->continued_by.vkey[0]) {
		escape_text(&b, name_of(&r->continued_by));
		printf("continued   by %s\n", b.data ? b.data : "?");
	}
	buffer_free(&b);
}

static void print_text(const struct chain_report *r, const struct watch *w, const struct age *age)
{
	printf("log         %s\n", r->origin[0] ? r->origin : "not known");
	printf("entries     %" PRIu64 ", sealed %" PRIu64 " by %" PRIu64 " seals, unsealed %" PRIu64
	       ", proven good up to %" PRIu64 "\n",
	       r->entries, r->sealed, r->seals, r->unsealed, r->last_good);
	printf("events      %" PRIu64 ", lost %" PRIu64 ", open windows %" PRIu64 ", gaps %" PRIu64
	       "\n",
	       r->coverage.events, r->coverage.lost, r->coverage.open, r->coverage.gap);
	printf("disturbed   %" PRIu64 " times", r->coverage.disturbed);
	if (r->coverage.disturbed)
		printf(", first said by record %" PRIu64, r->coverage.disturbed_at);
	printf(", stood still %" PRIu64 " times\n", r->coverage.stalled);
	printf("crashes     %" PRIu64 " recoveries, %" PRIu64 " adopted, dead %" PRIu64
	       " bytes, torn %" PRIu64 " bytes%s\n",
	       r->recoveries, r->adopted, r->dead_bytes, r->torn_bytes,
	       r->torn_seal ? ", last seal torn" : "");
	printf("witness     unwitnessed %" PRIu64 ", pinned %s, pruned %" PRIu64
	       ", stray files %" PRIu64 "\n",
	       r->unwitnessed, r->pinned ? "yes" : "no", r->pruned, r->stray);
	print_links(r);
	if (w->unknown)
		printf("unknown     %" PRIu64 " records of kinds newer than this build\n",
		       w->unknown);
	if (age->asked) {
		printf("age         ");
		print_age(age);
		printf("\n");
	}
	printf("state       %s\n", r->live ? "being written" : r->closed ? "closed" : "not closed");
	printf("hold this   --held %" PRIu64 ":", r->sealed);
	print_root(r->root);
	printf("\nlimits      the writer is trusted at the moment of writing, not after a "
	       "takeover: "
	       "then start a new log;\n"
	       "            a cut at a seal, and chain and keys rolled back together, show only "
	       "against a held checkpoint;\n"
	       "            unsealed entries are not protected\n");
}

static void print_json_bytes(const char *name, struct bytes value)
{
	struct buffer b = { 0 };

	escape_json(&b, value);
	printf(",\"%s\":\"%s\"", name, b.data ? b.data : "");
	buffer_free(&b);
}

static void print_json_text(const char *name, const char *value)
{
	print_json_bytes(name, bytes_of_text(value));
}

static void print_json_link(const char *name, const struct chain_link *link)
{
	if (!link->vkey[0])
		return;
	printf(",\"%s\":{\"size\":%" PRIu64 ",\"root\":\"", name, link->size);
	print_root(link->root);
	printf("\"");
	print_json_bytes("origin", name_of(link));
	print_json_text("vkey", link->vkey);
	printf("}");
}

static void print_json(const struct chain_report *r, const struct watch *w, const struct age *age)
{
	bool gap = r->verdict == CHAIN_TAMPER && r->found != CHAIN_TAMPER;

	printf("{\"verdict\":\"%s\",\"exit\":%d", chain_verdict_name(r->verdict), r->exit_code);
	print_json_text("why", gap ? r->coverage.why : r->why);
	print_json_text("file", r->file);
	print_json_text("origin", r->origin);
	print_json_text("vkey", r->vkey);
	printf(",\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"offset\":%" PRIu64
	       ",\"entries\":%" PRIu64 ",\"last_good\":%" PRIu64 ",\"sealed\":%" PRIu64
	       ",\"seals\":%" PRIu64 ",\"unsealed\":%" PRIu64 ",\"unwitnessed\":%" PRIu64
	       ",\"recoveries\":%" PRIu64 ",\"adopted\":%" PRIu64 ",\"dead_bytes\":%" PRIu64
	       ",\"torn_bytes\":%" PRIu64 ",\"torn_seal\":%s,\"pruned\":%" PRIu64
	       ",\"stray\":%" PRIu64 ",\"pinned\":%s,\"live\":%s,\"closed\":%s",
	       gap ? r->coverage.gap_from : r->from, gap ? r->coverage.gap_to : r->to, r->offset,
	       r->entries, r->last_good, r->sealed, r->seals, r->unsealed, r->unwitnessed,
	       r->recoveries, r->adopted, r->dead_bytes, r->torn_bytes,
	       r->torn_seal ? "true" : "false", r->pruned, r->stray, r->pinned ? "true" : "false",
	       r->live ? "true" : "false", r->closed ? "true" : "false");
	printf(",\"events\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"open\":%" PRIu64 ",\"gap\":%" PRIu64
	       ",\"disturbed\":%" PRIu64 ",\"stalled\":%" PRIu64 ",\"unknown\":%" PRIu64
	       ",\"root\":\"",
	       r->coverage.events, r->coverage.lost, r->coverage.open, r->coverage.gap,
	       r->coverage.disturbed, r->coverage.stalled, w->unknown);
	print_root(r->root);
	printf("\"");
	print_json_link("continues", &r->continues);
	print_json_link("continued_by", &r->continued_by);
	if (age->asked)
		printf(",\"max_age\":%" PRIu64 ",\"age\":%s%.3f", age->asked / AGE_SECOND,
		       age->ahead ? "-" : "",
		       (double)(age->ahead ? age->ahead : age->ago) / AGE_SECOND);
	printf("}\n");
}

int cmd_verify(int argc, char **argv)
{
	struct request q = { 0 };
	struct watch watch = { 0 };
	struct chain_report report = { 0 };
	struct chain_error err = { 0 };
	struct progress line, *progress = NULL;
	struct age age;
	int e, code = EXIT_COULD_NOT;

	if (!parse_options(argc, argv, &q))
		goto done;
	if (watch_open(&watch, &report)) {
		complain(0, "verify: out of memory");
		goto done;
	}
	q.options.watch = watch_calls(&watch);
	if (!q.json && !q.quiet)
		progress = progress_begin(&line);
	if (progress) {
		q.options.progress = progress_draw;
		q.options.ctx = progress;
	}
	e = chain_verify(&q.options, &report, &err);
	progress_end(progress);
	if (e) {
		complain(0, "verify: %s", err.text[0] ? err.text : strerror(-e));
		goto done;
	}
	watch_end(&watch, &report);
	age = tell_age(&q, &watch, &report);
	chain_judge(&report);
	if (q.json) {
		print_json(&report, &watch, &age);
	} else {
		print_verdict(&report, &age);
		if (!q.quiet)
			print_text(&report, &watch, &age);
	}
	code = report.exit_code;
done:
	watch_close(&watch);
	free(q.key);
	return code;
}
