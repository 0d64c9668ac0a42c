// SPDX-License-Identifier: Apache-2.0
/* Verifying by several threads: what is told, merged and reported is what one thread tells, merges
 * and reports, in the order of the chain. */
#include "chain_util.h"

#include "chain_image.h"

#include <stdatomic.h>

#include "chain/files.h"

#define SEGMENTS 9
#define PER_RUN	 300

static char long_record[400];

static void setup(void)
{
	use_test_dir();
	memset(long_record, 'x', sizeof(long_record) - 1);
	long_record[0] = 0x10;
	/* Each start begins a segment. */
	for (int run = 1; run < SEGMENTS; run++) {
		struct chain *chain = open_chain(NULL);

		for (uint64_t i = 0; i < PER_RUN; i++) {
			long_record[1] = (char)('a' + i % 26);
			append(chain, i % 7 ? "\020short" : long_record, CHAIN_NORMAL, i * 20 * MS);
			if (i % 50 == 0)
				chain_tick(chain, i * 20 * MS);
		}
		close_chain(chain, PER_RUN * 20 * MS);
	}
	close_chain(open_chain(NULL), 0);
}

/* --- what is gathered and merged ----------------------------------------------------------------
 */

struct gathered {
	unsigned full_at; /* entries that a part holds */
	uint64_t merges;
	uint64_t next;	      /* entry that must come */
	uint64_t sum;	      /* of their bytes */
	uint64_t stop_before; /* entry whose merging fails; 0 none */
	int open_parts;	      /* parts are opened and closed by one thread */
};

struct basket {
	struct gathered *to;
	unsigned count;
	struct {
		uint64_t index, sum;
	} entry[2000];
};

static void *open_part(void *ctx)
{
	struct basket *part = calloc(1, sizeof(*part));

	part->to = ctx;
	part->to->open_parts++;
	return part;
}

static void close_part(void *ctx)
{
	struct basket *part = ctx;

	part->to->open_parts--;
	free(part);
}

static int gather(void *ctx, const struct chain_entry *entry)
{
	struct basket *part = ctx;
	uint64_t sum = entry->segment * 31 + entry->offset;

	for (size_t i = 0; i < entry->bytes.len; i++)
		sum = sum * 31 + entry->bytes.data[i];
	part->entry[part->count].index = entry->index;
	part->entry[part->count].sum = sum;
	return ++part->count >= part->to->full_at;
}

static int merge(void *ctx, void *ctx_part)
{
	struct gathered *to = ctx;
	struct basket *part = ctx_part;

	to->merges++;
	for (unsigned i = 0; i < part->count; i++) {
		if (to->stop_before && part->entry[i].index >= to->stop_before)
			return -ETIME;
		ck_assert_uint_eq(part->entry[i].index, to->next);
		to->sum = to->sum * 31 + part->entry[i].sum;
		to->next++;
	}
	part->count = 0;
	return 0;
}

static int verify_by(unsigned threads, struct gathered *to, struct chain_report *report)
{
	struct chain_verify_options options = {
		.dir = chain_path,
		.threads = threads,
		.watch = { to, open_part, close_part, gather, merge },
	};
	int err = chain_verify(&options, report, &chain_err);

	ck_assert_int_eq(to->open_parts, 0);
	return err;
}

/* By any number of threads, with parts of any size, the same as by one. */
static struct gathered verify_by_all(struct chain_report *one)
{
	static const unsigned full[] = { 1, 2, 100, 1000 };
	struct gathered first = { .full_at = 1000 };

	ck_assert_int_eq(verify_by(1, &first, one), 0);
	for (unsigned threads = 1; threads <= 12; threads += threads < 5 ? 1 : 7) {
		for (unsigned i = 0; i < 4; i++) {
			struct gathered g = { .full_at = full[i] };
			struct chain_report report;

			ck_assert_int_eq(verify_by(threads, &g, &report), 0);
			ck_assert_msg(memcmp(one, &report, sizeof(report)) == 0,
				      "%u threads: %s %s, not %s %s", threads, report.why,
				      report.file, one->why, one->file);
			ck_assert_uint_eq(g.next, first.next);
			ck_assert_uint_eq(g.sum, first.sum);
			if (full[i] == 1000) /* one a segment */
				ck_assert_uint_le(g.merges, SEGMENTS + 1);
			if (full[i] == 1) /* each by itself, and the ends of the segments */
				ck_assert_uint_ge(g.merges, g.next);
		}
	}
	return first;
}

START_TEST(every_entry_in_order)
{
	struct chain_report report;
	struct gathered g = verify_by_all(&report);

	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(g.next, report.entries);
	ck_assert_uint_ge(report.entries, (SEGMENTS - 1) * PER_RUN);
}
END_TEST

static void never(void *part)
{
	(void)part;
	ck_abort_msg("there is no part to close");
}

static int count_entry(void *ctx, const struct chain_entry *entry)
{
	uint64_t *next = ctx;

	usleep(100); /* time for another thread to come in between */
	return entry->index == (*next)++ ? 0 : -ERANGE;
}

/* Without parts there is one thread, however many are asked for. */
START_TEST(one_thread_without_parts)
{
	uint64_t next = 0;
	struct chain_verify_options options = {
		.dir = chain_path, .threads = 4, .watch = { &next, NULL, never, count_entry, NULL }
	};
	struct chain_report report;

	next = 1;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ERANGE);
	next = 0;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_uint_eq(next, report.entries);
}
END_TEST

START_TEST(merge_can_stop)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct gathered g = { .full_at = 10, .stop_before = 700 };
		struct chain_report report;

		ck_assert_int_eq(verify_by(threads, &g, &report), -ETIME);
		ck_assert_uint_eq(g.next, 700);
	}
}
END_TEST

/* --- failures -----------------------------------------------------------------------------------
 */

static void damage(uint64_t segment, size_t back)
{
	char name[SEGMENT_NAME_MAX];
	uint8_t *data;
	size_t len;

	segment_name(segment, name);
	data = slurp(name, &len);
	data[len - back] ^= 1;
	spew(name, data, len);
	free(data);
}

/* The first one in the chain is told, whoever is done first; nothing behind it is merged. */
START_TEST(first_failure_wins)
{
	struct chain_report report;
	struct gathered g;
	uint64_t entries;

	damage(7, 2000); /* at once, as it were */
	damage(4, 20);	 /* late in its segment */
	g = verify_by_all(&report);
	ck_assert_int_eq(report.found, CHAIN_TAMPER);
	ck_assert_str_eq(report.file, "0000000000000004.seg");
	entries = report.entries;
	ck_assert_uint_eq(g.next, entries);
	ck_assert_uint_lt(entries, 4 * (PER_RUN + 2));
	damage(3, 20);
	g = verify_by_all(&report);
	ck_assert_str_eq(report.file, "0000000000000003.seg");
	ck_assert_uint_lt(g.next, entries);
	ck_assert_int_eq(unlink(file_path("0000000000000003.seg")), 0);
	verify_by_all(&report);
	ck_assert_str_eq(report.file, "0000000000000003.seg");
	ck_assert_str_eq(report.why, "segment is missing");
}
END_TEST

/* A header that claims to stand elsewhere: ahead, back at the beginning, under another seal. */
START_TEST(false_claims)
{
	static const struct {
		unsigned from; /* segment whose header is taken */
		const char *why;
	} rows[] = {
		{ 1, "segment does not begin where the one before ends" },
		{ 8, "segment does not begin where the one before ends" },
		{ 0, "segment names another seal than the one that covers it" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char victim[] = "0000000000000005.seg", donor[] = "0000000000000000.seg";
		struct chain_report report;
		size_t len, other_len, header;
		uint8_t *data = slurp(victim, &len), *other, *copy;

		donor[15] = (char)('0' + (rows[i].from ? rows[i].from : 5));
		other = slurp(donor, &other_len);
		header = segment_header_len(get_u64(other + 24));
		copy = malloc(len);
		memcpy(copy, other, header);
		memcpy(copy + header, data + header, len - header);
		put_u64(copy + 16, 5);
		if (!rows[i].from)
			put_u64(copy + 32, get_u64(copy + 32) + 1);
		memcpy(copy + 40, data + 40, 8); /* so that the one before ends where it did */
		fix_segment_crc(copy, header);
		spew(victim, copy, len);
		verify_by_all(&report);
		ck_assert_int_eq(report.found, CHAIN_TAMPER);
		ck_assert_str_eq(report.file, victim);
		ck_assert_str_eq(report.why, rows[i].why);
		spew(victim, data, len);
		free(copy);
		free(other);
		free(data);
	}
}
END_TEST

/* --- progress -----------------------------------------------------------------------------------
 */

static void note_progress(void *ctx, const struct chain_progress *p)
{
	struct chain_progress *last = ctx;

	ck_assert_uint_le(p->done, p->total);
	ck_assert_uint_ge(p->done, last->done);
	ck_assert_uint_ge(p->entries, last->entries);
	*last = *p;
}

START_TEST(progress_is_told)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct chain_progress last = { 0 };
		struct chain_verify_options options = { .dir = chain_path,
							.threads = threads,
							.progress = note_progress,
							.ctx = &last };
		struct chain_report report;

		ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
		ck_assert_uint_eq(last.done, last.total);
		ck_assert_uint_eq(last.entries, report.entries);
		ck_assert_uint_gt(last.total, SEGMENTS * 1000);
	}
}
END_TEST

/* And while a large segment is under way: it waits here for the news of its first part. */
static atomic_bool told, inside;

static void note_first_part(void *ctx, const struct chain_progress *p)
{
	note_progress(ctx, p);
	if (p->done > 2 << 20 && p->done < p->total && p->entries > 30 && p->entries < 150)
		told = true;
}

static int wait_for_news(void *part, const struct chain_entry *entry)
{
	(void)part;
	inside = true;
	usleep(1000); /* most of the time it is here */
	for (int i = 0; entry->index == 150 && !told && i < 10000; i++)
		usleep(1000);
	inside = false;
	return 0;
}

/* Only when the thread that gathers has stopped. */
static int merge_outside(void *ctx, void *part)
{
	(void)ctx, (void)part;
	ck_assert(!inside);
	return 0;
}

START_TEST(progress_within_a_segment)
{
	static char large[60001];
	struct chain *chain;

	remove_tree(chain_path);
	remove_tree(keys_path);
	chain = open_chain(NULL);
	memset(large, 0x10, sizeof(large) - 1);
	for (uint64_t i = 0; i < 200; i++) {
		append(chain, large, CHAIN_NORMAL, 0);
		chain_tick(chain, i * 10 * MS);
	}
	close_chain(chain, 3000 * MS);
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct chain_progress last = { 0 };
		struct chain_verify_options options = { .dir = chain_path,
							.threads = threads,
							.progress = note_first_part,
							.ctx = &last,
							.watch.entry = wait_for_news,
							.watch.merge = merge_outside };
		struct chain_report report;

		told = false;
		ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
		chain_judge(&report);
		assert_verdict(report, CHAIN_OK);
		ck_assert(told);
		ck_assert_uint_eq(last.done, last.total);
		ck_assert_uint_eq(last.entries, report.entries);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_verify");
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_add_test(tcase, every_entry_in_order);
	tcase_add_test(tcase, one_thread_without_parts);
	tcase_add_test(tcase, merge_can_stop);
	tcase_add_test(tcase, first_failure_wins);
	tcase_add_test(tcase, false_claims);
	tcase_add_test(tcase, progress_is_told);
	tcase_add_test(tcase, progress_within_a_segment);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
