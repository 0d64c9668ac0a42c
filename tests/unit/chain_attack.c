// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks by one who has the disk: cuts, regrowth, forks, new genesis, clones. What only a held
 * checkpoint can show is asserted to be just that.
 */
#include "chain_attack.h"

/* --- held checkpoints ------------------------------------------------------------------------ */

START_TEST(held_matches)
{
	struct chain_report report = judge_held(head.sealed, head.root);

	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, 0);
	report = judge_held(middle.sealed, middle.root);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, head.entries - middle.entries);
	ck_assert_uint_eq(judge(NULL).unwitnessed, head.entries);
}
END_TEST

START_TEST(held_differs)
{
	struct chain_report report = judge_held(middle.sealed, head.root);

	assert_verdict(report, CHAIN_FORK);
	ck_assert_int_eq(report.exit_code, 1);
	ck_assert_uint_eq(report.from, middle.sealed);
	report = judge_held(head.sealed + 5, head.root);
	assert_verdict(report, CHAIN_ROLLBACK);
	ck_assert_uint_eq(report.from, head.sealed);
	ck_assert_uint_eq(report.to, head.sealed + 5);
	report = judge_held(0, head.root);
	assert_verdict(report, CHAIN_FORK);
	report = judge_held(UINT64_MAX, head.root);
	assert_verdict(report, CHAIN_ROLLBACK);
}
END_TEST

/* The worst of several is the verdict. */
START_TEST(held_many)
{
	struct chain_held held[3] = { { .size = head.sealed + 1 },
				      { .size = middle.sealed },
				      { .size = head.sealed } };
	struct chain_verify_options options = { .held = held, .held_count = 3 };
	struct chain_report report;

	memcpy(held[1].root, middle.root, CHAIN_HASH);
	memcpy(held[2].root, head.root, CHAIN_HASH);
	report = judge(&options);
	assert_verdict(report, CHAIN_ROLLBACK);
	held[1].root[0] ^= 1;
	report = judge(&options);
	assert_verdict(report, CHAIN_FORK);
}
END_TEST

START_TEST(held_note)
{
	const char *notes[] = { file_path("../held"), NULL };
	struct chain_verify_options options = { .checkpoints = notes };
	struct file *f = image_file(&at_middle, "checkpoint");
	char text[1024];
	struct chain_report report;
	int len;

	/* A witness has signed it as well: its line is none of our business. */
	len = snprintf(text, sizeof(text), "%.*s\xe2\x80\x94 witness.example/w AAAAAQID\n",
		       (int)f->len, (const char *)f->data);
	spew("../held", text, (size_t)len);
	report = judge(&options);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, head.entries - middle.entries);

	/* Only the witness has. */
	strcpy(strstr(text, "\n\n") + 2, "\xe2\x80\x94 witness.example/w AAAAAQID\n");
	spew("../held", text, strlen(text));
	assert_verdict(judge(&options), CHAIN_UNVERIFIABLE);

	/* No note at all. */
	spew("../held", "hello\n", 6);
	options.dir = chain_path;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "held: line 2"));
	unlink(notes[0]);
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ENOENT);
}
END_TEST

START_TEST(held_note_of_another_log)
{
	const char *notes[] = { file_path("../held"), NULL };
	struct chain_verify_options options = { .checkpoints = notes };
	struct file *f = image_file(&at_end, "checkpoint");

	spew("../held", f->data, f->len);
	remove_tree(chain_path);
	remove_tree(keys_path);
	one_run("\020one");
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge(&options), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_pinned(head.vkey), CHAIN_UNVERIFIABLE);
}
END_TEST

/* --- pinned key ------------------------------------------------------------------------------ */

START_TEST(pinned_key)
{
	char vkey[300];
	struct chain_report report = judge_pinned(head.vkey);

	assert_verdict(report, CHAIN_OK);
	ck_assert(report.pinned);
	snprintf(vkey, sizeof(vkey), "%s\n", head.vkey);
	ck_assert(judge_pinned(vkey).pinned);
	snprintf(vkey, sizeof(vkey), "%s\n\n", head.vkey);
	assert_verdict(judge_pinned(vkey), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_pinned(""), CHAIN_UNVERIFIABLE);
	vkey[strlen(head.vkey) - 1] = 0;
	assert_verdict(judge_pinned(vkey), CHAIN_UNVERIFIABLE);
}
END_TEST

/* The identity key rebuilds nothing: a new log made with it has another origin. */
START_TEST(stolen_identity_key)
{
	size_t len;
	uint8_t *identity = slurp("../D.keys/identity.key", &len);
	struct chain_report report;

	ck_assert_uint_eq(len, 32);
	remove_tree(chain_path);
	remove_tree(keys_path);
	ck_assert_int_eq(mkdir(chain_path, 0700) | mkdir(keys_path, 0700), 0);
	spew("../D.keys/identity.key", identity, len);
	free(identity);
	one_run("\020one");
	one_run("\020two");
	one_run("\020three");
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_str_ne(report.origin, head.origin);
	assert_verdict(judge_pinned(head.vkey), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_held(head.sealed, head.root), CHAIN_FORK);
}
END_TEST

/* --- cuts ------------------------------------------------------------------------------------ */

/* Back to an older closed end: only what somebody holds can show it. The keys do, to the writer. */
START_TEST(cut_at_close)
{
	struct chain_report report;

	put_image(&at_middle);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, report.entries);
	assert_verdict(judge_held(head.sealed, head.root), CHAIN_ROLLBACK);
	ck_assert_int_eq(try_open(), -ESTALE);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "rolled back"));
}
END_TEST

/* Cut at a seal that does not close: that is what a crash looks like. */
START_TEST(cut_at_seal)
{
	struct file *seals = image_file(&at_end, "seals");
	struct file *note = image_file(&at_middle, "checkpoint");
	struct file *segment = image_file(&at_end, SEG3);
	struct part parts[4];

	ck_assert_int_eq(find_blocks(segment, parts, 4), 2);
	spew("seals", seals->data, 160 * 5);
	ck_assert_int_eq(judge(NULL).verdict, CHAIN_ROLLBACK);
	spew("checkpoint", note->data, note->len);
	assert_verdict(judge(NULL), CHAIN_TORN);
	spew(SEG3, segment->data, parts[1].at);
	assert_verdict(judge(NULL), CHAIN_TORN);
	assert_verdict(judge_held(head.sealed, head.root), CHAIN_ROLLBACK);
	ck_assert_int_eq(try_open(), -ESTALE);
}
END_TEST

/* Cut below a seal that is still there. */
START_TEST(cut_below_seal)
{
	struct file *segment = image_file(&at_end, SEG3);
	struct chain_report report;

	for (size_t len = 0; len < segment->len; len++) {
		spew(SEG3, segment->data, len);
		report = judge(NULL);
		assert_verdict(report, CHAIN_TAMPER);
		ck_assert_int_eq(try_open(), -EBADMSG);
	}
	report = judge(NULL);
	ck_assert_str_eq(report.file, SEG3);
	ck_assert_uint_eq(report.from, head.sealed - 2);
	ck_assert_uint_eq(report.to, head.sealed);
	ck_assert_uint_ge(report.last_good, middle.sealed);
}
END_TEST

/* Chain and keys rolled back together (a snapshot), and grown again: nothing on the host knows. */
START_TEST(rollback_with_keys)
{
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	one_run("\020other");
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge_pinned(head.vkey), CHAIN_OK);
	assert_verdict(judge_held(middle.sealed, middle.root), CHAIN_OK);
	assert_verdict(judge_held(head.sealed, head.root), CHAIN_FORK);
	one_run("\020longer");
	assert_verdict(judge_held(head.sealed, head.root), CHAIN_FORK);
}
END_TEST

/* --- growing where nothing may grow ---------------------------------------------------------- */

START_TEST(after_close)
{
	append_block(SEG3, head.entries, "\x10more", 5);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	ck_assert_int_eq(try_open(), -EBADMSG);
	put_image(&at_end);
	append_block(SEG2, middle.entries, "\x10more", 5);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	append_block(SEG2, middle.entries, "\x10more", 5);
	ck_assert_int_eq(try_open(), -EBADMSG);
}

/* --- changed under the verifier's eyes ---------------------------------------------------------
 */

static int swap_seal(void *ctx, const struct chain_entry *entry)
{
	size_t len;
	uint8_t *data = slurp("seals", &len), *record = data + 160 * 69;

	(void)ctx;
	if (entry->index == 3) {
		record[150] ^= 1; /* of the signature, which is looked at once */
		fix_seal_crc(record);
		spew("seals", data, len);
	}
	free(data);
	return 0;
}

/* The same, and what it was is there again before the seals are read for the last time. */
static int swap_seal_and_back(void *ctx, const struct chain_entry *entry)
{
	size_t len;
	uint8_t *data = slurp("seals", &len), *record = data + 160 * 70;
	const uint64_t *until = ctx;

	if (entry->index == 3 || entry->index == *until) {
		record[150] ^= 1;
		fix_seal_crc(record);
		spew("seals", data, len);
	}
	free(data);
	return 0;
}

START_TEST(seals_change_meanwhile)
{
	struct chain_verify_options options = { .watch = { .entry = swap_seal } };
	uint64_t until;
	struct chain_verify_options back = { .watch = { .ctx = &until,
							.entry = swap_seal_and_back } };
	struct chain *chain = open_chain(NULL);

	for (uint64_t i = 0; i < 70; i++) {
		append(chain, "\020x", CHAIN_CRITICAL, i * 100 * MS);
		chain_settle(chain);
	}
	close_chain(chain, 7000 * MS);
	until = judge(NULL).entries - 3; /* near the end of the long segment */
	assert_verdict(judge(&back), CHAIN_TAMPER);
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge(&options), CHAIN_TAMPER);
}
END_TEST

/* --- judge ----------------------------------------------------------------------------------- */

START_TEST(judge_rows)
{
	struct chain_report report = head;

	report.coverage.lost = 3;
	chain_judge(&report);
	assert_verdict(report, CHAIN_LOSS);
	ck_assert_int_eq(report.exit_code, 0);
	report.coverage.lost = 0;
	report.coverage.open = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_LOSS);
	report.recoveries = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report.coverage.gap = 2;
	report.coverage.gap_from = 4;
	report.coverage.gap_to = 6;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_int_eq(report.exit_code, 1);
	ck_assert_uint_eq(report.from, 4);

	report = head; /* stale is worse than torn or lossy, and nothing else */
	report.stale = true;
	report.recoveries = 1;
	report.coverage.lost = 3;
	chain_judge(&report);
	assert_verdict(report, CHAIN_STALE);
	ck_assert_int_eq(report.exit_code, 1);
	for (int found = CHAIN_UNVERIFIABLE; found <= CHAIN_TAMPER; found++) {
		report.found = (enum chain_verdict)found;
		chain_judge(&report);
		assert_verdict(report, (enum chain_verdict)found);
	}
	report.found = CHAIN_OK;
	report.coverage.gap = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TAMPER);

	report = head; /* what adds up to a gap may be what could not be read */
	report.stale = true;
	report.coverage.gap = 1;
	strcpy(report.coverage.unread, "of old");
	chain_judge(&report);
	assert_verdict(report, CHAIN_UNVERIFIABLE);
	ck_assert_int_eq(report.exit_code, 2);
	ck_assert_str_eq(report.why, "of old");
	report.found = CHAIN_FORK;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TAMPER);

	report = head;
	report.unsealed = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report = head;
	report.torn_bytes = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report = head;
	report.torn_seal = true;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);

	report = head;
	report.closed = false;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report.live = true;
	report.unsealed = 5;
	report.torn_bytes = 3;
	report.torn_seal = true;
	chain_judge(&report);
	assert_verdict(report, CHAIN_OK);
	report.found = CHAIN_UNVERIFIABLE;
	chain_judge(&report);
	ck_assert_int_eq(report.exit_code, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_attack");
	TCase *tcase = tcase_create("attack");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, held_matches);
	tcase_add_test(tcase, held_differs);
	tcase_add_test(tcase, held_many);
	tcase_add_test(tcase, held_note);
	tcase_add_test(tcase, held_note_of_another_log);
	tcase_add_test(tcase, pinned_key);
	tcase_add_test(tcase, stolen_identity_key);
	tcase_add_test(tcase, cut_at_close);
	tcase_add_test(tcase, cut_at_seal);
	tcase_add_test(tcase, cut_below_seal);
	tcase_add_test(tcase, rollback_with_keys);
	tcase_add_test(tcase, after_close);
	tcase_add_test(tcase, seals_change_meanwhile);
	tcase_add_test(tcase, judge_rows);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
