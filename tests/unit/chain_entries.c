// SPDX-License-Identifier: Apache-2.0
/*
 * Entries of the chain's own that nobody may write, leave out, or bend: types and places, and the
 * RECOVERY that owns up to an unclean head.
 */
#include "chain_attack.h"

START_TEST(unsealed_tail)
{
	uint64_t n = middle.entries + 1;
	struct chain_report report;

	leave_open();
	append_block(SEG3, n, "\020forged", 7);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.unsealed, 1);
}
END_TEST

START_TEST(forbidden_entries)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum chain_verdict want;
	} rows[] = {
		{ "\0x", 2, CHAIN_TAMPER },	 /* type 0 */
		{ "\1again", 6, CHAIN_TAMPER },	 /* SCHEMA not first */
		{ "\2", 1, CHAIN_TAMPER },	 /* RECOVERY malformed */
		{ "\3\1", 2, CHAIN_TAMPER },	 /* LINK malformed */
		{ "\4", 1, CHAIN_TAMPER },	 /* PRUNE malformed */
		{ "\5", 1, CHAIN_UNVERIFIABLE }, /* of a later version */
		{ "\x0f", 1, CHAIN_UNVERIFIABLE },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TORN },
		{ "\4\1\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 25, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 24, CHAIN_TORN },
		{ "\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\3\2\1\0........--------------------------------v", 45, CHAIN_TORN },
		{ "\3\1\1\0........--------------------------------v", 45, CHAIN_TAMPER },
		{ "\3\0\1\0........--------------------------------v", 45, CHAIN_TAMPER },
		{ "\3\3\1\0........--------------------------------v", 45, CHAIN_TAMPER },
		{ "\3\2\2\0........--------------------------------v", 45, CHAIN_TAMPER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chain_report report;

		leave_open();
		append_block(SEG3, middle.entries + 1, rows[i].bytes, rows[i].len);
		report = judge(NULL);
		ck_assert_msg(report.verdict == rows[i].want, "row %zu: %s %s", i,
			      chain_verdict_name(report.verdict), report.why);
	}
}
END_TEST

/* Something worse than an unknown type may follow it. */
START_TEST(worst_verdict_counts)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\5", 1);
	append_block(SEG3, middle.entries + 2, "\0", 1);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* --- RECOVERY cannot be left out or bent ------------------------------------------------------ */

#define RECOVERY_AT (24 + 2 + 10 + 2) /* in the first block of a segment: behind "\1schema v1" */

static struct image crashed; /* taken over by segment 4, whose seal and note are gone */

static void crash_and_take_over(void)
{
	struct file *seals, *note = image_file(&at_middle, "checkpoint");
	struct chain_report report;

	leave_open();
	append_block(SEG3, middle.entries + 1, "\020unsealed", 9);
	append_block(SEG3, 77, "\020torn", 5);
	chain_abandon(open_chain(NULL));
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(report.adopted, 1);
	ck_assert_uint_eq(report.dead_bytes, 31);
	/* Without its seal a crc is all that stands behind it: it must agree by itself. */
	load_image(&crashed);
	seals = image_file(&crashed, "seals");
	seals->len -= 160;
	put_back(seals);
	spew("checkpoint", note->data, note->len);
	assert_verdict(judge(NULL), CHAIN_TORN);
}

/* Its RECOVERY, after a change to the byte at `at`. */
static struct chain_report bend(size_t at, uint8_t flip)
{
	struct file *f = image_file(&crashed, SEG4);
	uint8_t *block = f->data + header_len(f);
	struct chain_report report;

	ck_assert_uint_eq(block[RECOVERY_AT], 2);
	block[RECOVERY_AT + at] ^= flip;
	fix_block_crc(block);
	put_back(f);
	report = judge(NULL);
	block[RECOVERY_AT + at] ^= flip;
	return report;
}

START_TEST(bent_recovery)
{
	static const size_t fields[] = { 2, 4, 12, 20, 28, 36, 44 };
	struct file *f;
	uint8_t *block;

	crash_and_take_over();
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_verdict(bend(fields[i], 1), CHAIN_TAMPER);
	assert_verdict(bend(76, 1), CHAIN_TORN); /* boot ids are not judged */

	/* The same for a write error: what is dead is not judged, all else is. */
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	assert_verdict(bend(1, 1 ^ 2), CHAIN_TAMPER); /* no hash then */
	memset(block + RECOVERY_AT + 44, 0, 32);
	assert_verdict(bend(1, 1 ^ 2), CHAIN_TORN);
	assert_verdict(bend(1, 1 ^ 0), CHAIN_TAMPER);
	assert_verdict(bend(1, 1 ^ 4), CHAIN_TAMPER);
	block[RECOVERY_AT + 1] = 2;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_verdict(bend(fields[i], 1), fields[i] == 12 ? CHAIN_TORN : CHAIN_TAMPER);

	/* One byte longer. */
	put_u32(block + 16, get_u32(block + 16) + 1);
	block[RECOVERY_AT - 1]++;
	f->data = realloc(f->data, f->len + 1);
	f->data[f->len++] = 0;
	assert_verdict(bend(0, 0), CHAIN_TAMPER);
	drop_image(&crashed);
}
END_TEST

START_TEST(left_out_recovery)
{
	struct chain_report report;
	uint8_t *block;
	struct file *f;

	crash_and_take_over();
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	put_u16(block + 20, 1);
	put_u32(block + 16, 12);
	f->len = header_len(f) + 24 + 12;
	fix_block_crc(block);
	put_back(f);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_ptr_nonnull(strstr(report.why, "without RECOVERY"));
	drop_image(&crashed);
}
END_TEST

/* prev_len and RECOVERY agree on more than the blocks there are. */
START_TEST(bent_length)
{
	struct chain_report report;
	uint8_t *block;
	struct file *f;

	crash_and_take_over();
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	memset(block + RECOVERY_AT + 44, 0, 32);
	block[RECOVERY_AT + 1] = 2;
	block[RECOVERY_AT + 4] += 3;
	f->data[40] += 3;
	fix_segment_crc(f->data, header_len(f));
	report = bend(0, 0);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.file, SEG3);
	drop_image(&crashed);
}
END_TEST

/* A RECOVERY that would be right, were it second in its segment. */
START_TEST(recovery_out_of_place)
{
	uint8_t recovery[108] = { 2, 2 };

	leave_open();
	put_u64(recovery + 4, image_file(&at_middle, SEG2)->len);
	put_u64(recovery + 20, middle.sealed);
	put_u64(recovery + 28, middle.sealed);
	put_u64(recovery + 36, 2);
	append_block(SEG3, middle.entries + 1, (const char *)recovery, sizeof(recovery));
	assert_verdict(judge(NULL), CHAIN_TORN);
	append_block(SEG3, middle.entries + 2, (const char *)recovery, sizeof(recovery));
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_entries");
	TCase *tcase = tcase_create("attack");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, unsealed_tail);
	tcase_add_test(tcase, forbidden_entries);
	tcase_add_test(tcase, worst_verdict_counts);
	tcase_add_test(tcase, bent_recovery);
	tcase_add_test(tcase, left_out_recovery);
	tcase_add_test(tcase, bent_length);
	tcase_add_test(tcase, recovery_out_of_place);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
