// SPDX-License-Identifier: Apache-2.0
/* The table of verdicts, row by row, from reports made by hand. */
#include "chain_util.h"

static struct chain_report closed(void)
{
	return (struct chain_report){ .closed = true,
				      .entries = 9,
				      .from = 1,
				      .to = 2,
				      .offset = 3,
				      .file = "seals",
				      .why = "as it was found" };
}

static void assert_judged(struct chain_report *r, enum chain_verdict want, int exit_code)
{
	chain_judge(r);
	ck_assert_str_eq(chain_verdict_name(r->verdict), chain_verdict_name(want));
	ck_assert_int_eq(r->exit_code, exit_code);
}

START_TEST(found)
{
	static const int exit_code[] = {
		[CHAIN_UNVERIFIABLE] = 2, [CHAIN_ROLLBACK] = 1, [CHAIN_FORK] = 1, [CHAIN_TAMPER] = 1
	};

	for (int v = CHAIN_UNVERIFIABLE; v <= CHAIN_TAMPER; v++) {
		struct chain_report r = closed();

		/* what is less bad does not hide it */
		r.found = (enum chain_verdict)v;
		r.stale = r.torn_seal = true;
		r.recoveries = r.coverage.lost = r.coverage.open = 1;
		assert_judged(&r, (enum chain_verdict)v, exit_code[v]);
		ck_assert_str_eq(r.why, "as it was found");
		ck_assert_uint_eq(r.from, 1);
	}
}
END_TEST

/* Missing records are TAMPER, and told in the place of what is less bad. */
START_TEST(gap)
{
	for (int v = CHAIN_OK; v <= CHAIN_TAMPER; v++) {
		struct chain_report r = closed();
		bool told = v < CHAIN_TAMPER;

		r.found = (enum chain_verdict)v;
		r.stale = true;
		r.coverage = (struct chain_coverage){ .gap = 1,
						      .gap_from = 5,
						      .gap_to = 7,
						      .lost = 1,
						      .why = "records are missing" };
		assert_judged(&r, CHAIN_TAMPER, 1);
		ck_assert_str_eq(r.why, told ? "records are missing" : "as it was found");
		ck_assert_str_eq(r.file, told ? "" : "seals");
		ck_assert_uint_eq(r.from, told ? 5 : 1);
		ck_assert_uint_eq(r.to, told ? 7 : 2);
		ck_assert_uint_eq(r.offset, told ? 0 : 3);
	}
}
END_TEST

START_TEST(stale)
{
	struct chain_report r = closed();

	r.stale = true;
	r.recoveries = r.coverage.lost = 1;
	assert_judged(&r, CHAIN_STALE, 1);
}
END_TEST

/* Each by itself; of a chain that is written at this moment only what was recovered counts. */
START_TEST(torn)
{
	for (int i = 0; i < 10; i++) {
		struct chain_report r = closed();

		r.live = i % 2;
		r.coverage.lost = 1;
		r.recoveries = i / 2 == 0;
		r.torn_bytes = i / 2 == 1;
		r.torn_seal = i / 2 == 2;
		r.unsealed = i / 2 == 3;
		r.closed = i / 2 != 4;
		assert_judged(&r, r.live && i / 2 ? CHAIN_LOSS : CHAIN_TORN, 0);
	}
}
END_TEST

START_TEST(loss)
{
	struct chain_report r = closed();

	r.coverage.lost = 1;
	assert_judged(&r, CHAIN_LOSS, 0);
	r = closed();
	r.coverage.open = 1;
	assert_judged(&r, CHAIN_LOSS, 0);
	r = closed();
	r.coverage.disturbed = 1;
	assert_judged(&r, CHAIN_LOSS, 0);
	r = closed();
	r.coverage.events = r.coverage.stalled = 1;
	assert_judged(&r, CHAIN_OK, 0);
}
END_TEST

START_TEST(verdict_names)
{
	static const char *const names[] = { "OK",	 "LOSS", "TORN",   "STALE", "UNVERIFIABLE",
					     "ROLLBACK", "FORK", "TAMPER", "?" };

	for (int v = 0; v <= CHAIN_VERDICTS; v++)
		ck_assert_str_eq(chain_verdict_name((enum chain_verdict)v), names[v]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_judge");
	TCase *tcase = tcase_create("judge");

	tcase_add_test(tcase, found);
	tcase_add_test(tcase, gap);
	tcase_add_test(tcase, stale);
	tcase_add_test(tcase, torn);
	tcase_add_test(tcase, loss);
	tcase_add_test(tcase, verdict_names);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
