// SPDX-License-Identifier: Apache-2.0
/* Pruning: the PRUNE entry is sealed first, agrees with the segments, and outlives a bad disk. */
#include "chain_disk.h"

#include "chain/retain.h"
#include "chain/segment_file.h"

static struct chain *begin_chain(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;

	options.segment_bytes = 1000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	return chain;
}

/* Until segment `number` is open; with some records in it. */
static void fill(struct chain *chain, uint64_t number)
{
	struct chain_state state;
	uint64_t now = 1000 * MS;

	do {
		append(chain, "\020a record that takes its room in a segment", CHAIN_NORMAL, now);
		now += 20 * MS;
		ck_assert_int_eq(chain_tick(chain, now), 0);
		chain_settle(chain);
		chain_get_state(chain, &state);
	} while (state.segment < number);
	for (int i = 0; i < 3; i++)
		append(chain, "\020more", CHAIN_NORMAL, now);
}

static uint64_t first_of(uint64_t number)
{
	struct segment segment;
	int dirfd = open(chain_path, O_RDONLY | O_DIRECTORY);
	const char *why;

	ck_assert_int_eq(segment_open(dirfd, number, &segment, &why), 0);
	segment_close(&segment);
	close(dirfd);
	return segment.header.tree.size;
}

static void remove_segment(uint64_t number)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(number, name);
	ck_assert_int_eq(unlink(file_path(name)), 0);
}

START_TEST(sealed_at_once)
{
	struct chain *chain = begin_chain();
	struct chain_report report;
	struct chain_state state;
	uint64_t index = 0;

	fill(chain, 5);
	ck_assert_int_eq(chain_append_prune(chain, 3, first_of(3), 5000 * MS, &index), 0);
	chain_settle(chain);
	chain_get_state(chain, &state);
	ck_assert_uint_gt(index, first_of(5));
	ck_assert_uint_gt(state.sealed, index);
	chain_abandon(chain);
	remove_segment(1);
	remove_segment(2);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN); /* not closed, no more than that */
	ck_assert_uint_eq(report.pruned, first_of(3));
	close_chain(open_chain(NULL), 1);
	remove_segment(3);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* While 50 ms are not over since the last seal, it waits like any critical record. */
START_TEST(not_sealed_yet)
{
	struct chain *chain = begin_chain();
	struct chain_state state;
	uint64_t index, now = 100000 * MS;

	fill(chain, 4);
	append(chain, "\020critical", CHAIN_CRITICAL, now);
	chain_settle(chain);
	ck_assert_int_eq(chain_append_prune(chain, 2, first_of(2), now + MS, &index), 0);
	chain_settle(chain);
	chain_get_state(chain, &state);
	ck_assert_uint_le(state.sealed, index);
	ck_assert_uint_le(chain_due(chain), now + 50 * MS);
	ck_assert_int_eq(chain_tick(chain, now + 50 * MS), 0);
	chain_settle(chain);
	chain_get_state(chain, &state);
	ck_assert_uint_gt(state.sealed, index);
	close_chain(chain, now + 100 * MS);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

START_TEST(refused)
{
	struct chain *chain = begin_chain();
	uint64_t index = 77;

	fill(chain, 5);
	ck_assert_int_eq(chain_append_prune(chain, 0, 0, 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, 1, 0, 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, 3, first_of(3) - 1, 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, 3, first_of(3) + 1, 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, 5, first_of(5), 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, 6, first_of(5), 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append_prune(chain, UINT64_MAX, 0, 0, &index), -EINVAL);
	ck_assert_uint_eq(index, 77);
	ck_assert_int_eq(chain_append_prune(chain, 4, first_of(4), 0, &index), 0);
	close_chain(chain, 1);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

static unsigned count_prunes(uint64_t keep_number)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct prune prune;
	unsigned n = 0;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1)
		n += !prune_decode(entry.bytes, &prune) && prune.keep_number == keep_number;
	chain_reader_close(reader);
	return n;
}

/* The sync that was to make it durable fails: it is written again in the next segment. */
START_TEST(written_again)
{
	struct chain *chain = begin_chain();
	struct chain_report report;
	uint64_t index;

	fill(chain, 5);
	chain_settle(chain);
	memset(&disk, 0, sizeof(disk));
	disk.mode = DISK_FAIL_ONE;
	disk.which = CALL_DATASYNC;
	disk.error = EIO;
	disk.at = 1;
	ck_assert_int_eq(chain_append_prune(chain, 3, first_of(3), 900000 * MS, &index), 0);
	chain_settle(chain);
	disk.mode = DISK_GOOD;
	ck_assert_int_ge(disk.count, 1);
	ck_assert_int_eq(chain_tick(chain, 901000 * MS), 0);
	close_chain(chain, 902000 * MS);
	ck_assert_uint_eq(count_prunes(3), 1);
	remove_segment(1);
	remove_segment(2);
	report = judge(NULL);
	ck_assert_uint_eq(report.recoveries, 1);
	assert_verdict(report, CHAIN_TORN);
}
END_TEST

/* Nothing goes without a PRUNE that is sealed, whoever says it is there; and never the last two. */
START_TEST(removed_only_by_a_sealed_prune)
{
	struct chain *chain = begin_chain();
	uint64_t index, removed = 0, now = 100000 * MS;

	fill(chain, 5);
	chain_settle(chain);
	ck_assert_int_eq(chain_remove_segments(chain_path, 3, 0, &removed, &chain_err), -EPERM);
	append(chain, "\020critical", CHAIN_CRITICAL, now);
	chain_settle(chain);
	ck_assert_int_eq(chain_append_prune(chain, 3, first_of(3), now + MS, &index), 0);
	chain_settle(chain); /* written, not sealed: the pause between two seals */
	ck_assert_int_eq(chain_remove_segments(chain_path, 3, index, &removed, &chain_err), -EPERM);
	ck_assert_int_eq(chain_tick(chain, now + 60 * MS), 0);
	chain_settle(chain);
	ck_assert_int_eq(chain_remove_segments(chain_path, 4, index, &removed, &chain_err), -EPERM);
	ck_assert_int_eq(chain_remove_segments(chain_path, 5, index, &removed, &chain_err), -EPERM);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(access(file_path("0000000000000001.seg"), F_OK), 0);
	ck_assert_int_eq(chain_remove_segments(chain_path, 3, index, &removed, &chain_err), 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_ne(access(file_path("0000000000000002.seg"), F_OK), 0);
	ck_assert_int_eq(access(file_path("0000000000000003.seg"), F_OK), 0);
	removed = 7;
	ck_assert_int_eq(chain_remove_segments(chain_path, 3, index, &removed, &chain_err), 0);
	ck_assert_uint_eq(removed, 0);
	close_chain(chain, now + 100 * MS);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_prune");
	TCase *tcase = tcase_create("prune");

	tcase_add_checked_fixture(tcase, use_test_dir, drop_test_dir);
	tcase_add_test(tcase, sealed_at_once);
	tcase_add_test(tcase, not_sealed_yet);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, written_again);
	tcase_add_test(tcase, removed_only_by_a_sealed_prune);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
