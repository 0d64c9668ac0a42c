// SPDX-License-Identifier: Apache-2.0
/* Coverage: what is missing, came twice or cannot be is a gap, and counted as what it is. */
#include "record_items.h"

/* --- gaps ------------------------------------------------------------------------------------ */

START_TEST(any_one_event_removed_is_a_gap_of_one)
{
	make_long_run();
	assert_result(judge(), 40, 8, 0, 0);
	for (size_t i = 0; i < item_count; i++) {
		if (is_event_item(i))
			assert_result(judge_but(i, NOBODY, false), 39, 8, 0, 1);
	}
}
END_TEST

START_TEST(any_one_event_twice_is_a_gap_of_one)
{
	make_long_run();
	for (size_t i = 0; i < item_count; i++) {
		if (is_event_item(i))
			assert_result(judge_but(NOBODY, i, false), 41, 8, 0, 1);
	}
}
END_TEST

START_TEST(gap_says_where_it_was_noticed)
{
	struct coverage_result r;

	make_long_run();
	for (size_t i = 0; i < item_count; i++) {
		if (!is_event_item(i))
			continue;
		r = judge_but(i, NOBODY, false);
		ck_assert_uint_le(r.gap_from, r.gap_to);
		ck_assert_uint_gt(r.gap_to, i);
		ck_assert_uint_lt(r.gap_to, item_count);
		r = judge_but(NOBODY, i, false);
		ck_assert_uint_le(r.gap_from, i);
		ck_assert_uint_eq(r.gap_to, i);
		ck_assert_ptr_nonnull(strstr(r.why, "came twice"));
	}
}
END_TEST

START_TEST(every_missing_number_counts)
{
	add_start();
	for (uint64_t seq = 0; seq < 1000; seq++) {
		if (seq % 10 != 3)
			add_event(2, MAIN_RING, seq);
		if (seq % 100 == 99) {
			kernel[2].seq[MAIN_RING] = seq + 1;
			beat();
		}
	}
	add_stop();
	assert_result(judge(), 900, 0, 0, 100);
}
END_TEST

START_TEST(a_gap_does_not_hide_behind_later_losses)
{
	add_start();
	kernel[0].seq[MAIN_RING] = 3; /* removed */
	happen(0, MAIN_RING);
	for (int i = 0; i < 4; i++)
		beat();
	for (int i = 0; i < 10; i++) {
		lose(0, FILES);
		happen(0, MAIN_RING);
		beat();
	}
	add_stop();
	assert_result(judge(), 11, 10, 0, 3);
}
END_TEST

START_TEST(stop_must_balance_both_ways)
{
	add_start();
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	kernel[0].seq[MAIN_RING] += 3; /* given out, never seen, not lost */
	add_stop();
	assert_result(judge(), 2, 0, 0, 3);
	setup();
	add_start();
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	kernel[0].seq[MAIN_RING]--; /* more came than were given out */
	add_stop();
	assert_result(judge(), 2, 0, 0, 1);
	setup();
	add_start();
	happen(0, MAIN_RING);
	kernel[0].lost[NETWORK] = 4; /* lost without a number */
	add_stop();
	assert_result(judge(), 1, 4, 0, 4);
}
END_TEST

START_TEST(counters_never_go_back)
{
	struct kernel before;

	add_start();
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	lose(0, FILES);
	beat();
	before = kernel[0];
	before.seq[MAIN_RING]--;
	add_counters_of(0, &before);
	ck_assert_uint_ge(judge().gap, 1);
	ck_assert_ptr_nonnull(strstr(judge().why, "went back"));
	item_count--;
	before = kernel[0];
	before.lost[FILES]--;
	add_counters_of(0, &before);
	ck_assert_uint_ge(judge().gap, 1);
	item_count--;
	add_counters_of(0, &kernel[0]); /* standing still is no going back */
	ck_assert_uint_eq(judge().gap, 0);
}
END_TEST

START_TEST(what_is_outside_of_its_run_is_a_gap)
{
	static const uint8_t kinds[] = { RECORD_OPEN, RECORD_COUNTERS, RECORD_HEARTBEAT,
					 RECORD_STOP };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		setup();
		add_start();
		add_stop();
		assert_result(judge(), 0, 0, 0, 0);
		add(kinds[i]); /* after the end */
		ck_assert_msg(judge().gap == 1, "%s", record_type(kinds[i])->name);
		setup();
		add(kinds[i]); /* before the beginning */
		ck_assert_msg(judge().gap == 1, "%s", record_type(kinds[i])->name);
		setup();
		add_start();
		add(kinds[i])->run = RUN + 1; /* in another */
		ck_assert_msg(judge().gap == 1, "%s", record_type(kinds[i])->name);
	}
}
END_TEST

START_TEST(stop_of_another_run_does_not_end_this_one)
{
	add_start();
	happen(0, MAIN_RING);
	add(RECORD_STOP)->run = RUN + 1;
	happen(0, MAIN_RING);
	add_stop();
	assert_result(judge(), 2, 0, 0, 1);
}
END_TEST

START_TEST(cpus_and_rings_that_cannot_be_are_gaps)
{
	struct record *r;

	add_start();
	add_event(70000, MAIN_RING, 0);
	add_event(UINT32_MAX, MAIN_RING, 0);
	add_event(0, RECORD_RINGS, 0);
	add_event(0, UINT32_MAX, 0);
	assert_result(judge(), 4, 0, 1, 4);
	setup();
	add_start();
	add_counters_of(70000, &kernel[0]);
	assert_result(judge(), 0, 0, 1, 1);
	setup();
	add_start();
	r = add(RECORD_HEARTBEAT);
	r->canary = CANARY_SEEN;
	r->canary_cpu = 1ull << 32; /* not CPU 0 */
	assert_result(judge(), 0, 0, 1, 1);
}
END_TEST

START_TEST(malformed_counters_are_a_gap)
{
	add_start();
	add_counters_of(0, &kernel[0]);
	items[1].r.values.len--;
	assert_result(judge(), 0, 0, 1, 1);
	items[1].r.values.len = 0;
	assert_result(judge(), 0, 0, 1, 1);
}
END_TEST

START_TEST(huge_numbers_do_not_wrap_to_nothing)
{
	struct coverage_result r;

	add_start();
	for (uint32_t cpu = 0; cpu < 2; cpu++) { /* 2^63 missing on each */
		add_event(cpu, MAIN_RING, 1ull << 63);
		kernel[cpu].seq[MAIN_RING] = (1ull << 63) + 1;
	}
	beat();
	beat();
	r = judge();
	ck_assert_uint_eq(r.gap, UINT64_MAX);
	add_event(0, MAIN_RING, UINT64_MAX); /* has no successor */
	add_event(0, MAIN_RING, 5);
	add_stop();
	ck_assert_uint_eq(judge().gap, UINT64_MAX);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		any_one_event_removed_is_a_gap_of_one,
		any_one_event_twice_is_a_gap_of_one,
		gap_says_where_it_was_noticed,
		every_missing_number_counts,
		a_gap_does_not_hide_behind_later_losses,
		stop_must_balance_both_ways,
		counters_never_go_back,
		what_is_outside_of_its_run_is_a_gap,
		stop_of_another_run_does_not_end_this_one,
		cpus_and_rings_that_cannot_be_are_gaps,
		malformed_counters_are_a_gap,
		huge_numbers_do_not_wrap_to_nothing,
	};

	return RUN_TESTS_WITH("record_gaps", tests, setup, NULL);
}
