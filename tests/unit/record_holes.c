// SPDX-License-Identifier: Apache-2.0
/* Coverage to the number and to the place: also when more is missing than is remembered one by one,
 * and of runs whose beginning is gone. */
#include "record_items.h"

#define HOLES 64 /* so many are remembered */

/* A number is given out and does not come. */
static void skip(void)
{
	kernel[0].seq[MAIN_RING]++;
}

static void skip_and_happen(unsigned int times)
{
	while (times--) {
		skip();
		happen(0, MAIN_RING);
	}
}

static void lose_and_happen(unsigned int times)
{
	while (times--) {
		lose(0, FILES);
		happen(0, MAIN_RING);
	}
}

static uint64_t gap(void)
{
	return judge().gap;
}

/* --- when ------------------------------------------------------------------------------------ */

START_TEST(all_that_never_came_are_told_by_the_second_heartbeat)
{
	add_start();
	skip_and_happen(HOLES + 36);
	beat();
	ck_assert_uint_eq(gap(), 0);
	beat();
	assert_result(judge(), HOLES + 36, 0, 1, HOLES + 36);
	beat();
	beat();
	add_stop();
	assert_result(judge(), HOLES + 36, 0, 0, HOLES + 36);
}
END_TEST

/* What finds no place is as old as it was. */
START_TEST(old_ones_without_a_place_stay_old)
{
	add_start();
	skip_and_happen(HOLES);
	beat();
	skip_and_happen(1);
	ck_assert_uint_eq(gap(), 0);
	beat();
	ck_assert_uint_eq(gap(), HOLES);
	beat();
	ck_assert_uint_eq(gap(), HOLES + 1);
}
END_TEST

START_TEST(young_ones_without_a_place_stay_young)
{
	add_start();
	skip_and_happen(HOLES + 1);
	beat();
	ck_assert_uint_eq(gap(), 0);
	beat();
	ck_assert_uint_eq(gap(), HOLES + 1);
}
END_TEST

/* The first of ten comes late: the other nine are no younger for it. */
START_TEST(a_hole_that_shrinks_keeps_its_age)
{
	static const uint64_t late[] = { 0, 9, 5 };
	static const uint64_t told[] = { 9, 9, 5 }; /* what is split off begins anew */

	for (int i = 0; i < 3; i++) {
		setup();
		add_start();
		add_event(0, MAIN_RING, 10);
		kernel[0].seq[MAIN_RING] = 11;
		beat();
		add_event(0, MAIN_RING, late[i]);
		beat();
		ck_assert_uint_eq(gap(), told[i]);
		beat();
		ck_assert_uint_eq(gap(), 9);
	}
}
END_TEST

/* --- which ----------------------------------------------------------------------------------- */

/* One is remembered from the beginning: number 5. What came and went since takes no place, so a
 * second 3 is known to be one. */
START_TEST(what_is_filled_takes_no_place)
{
	for (int way = 0; way < 3; way++) {
		uint64_t n = 7;

		setup();
		add_start();
		for (uint64_t i = 0; i < n; i++)
			if (i != 5)
				add_event(0, MAIN_RING, i);
		for (int i = 0; i < 2 * HOLES; i++) {
			uint64_t late = (uint64_t)way; /* so many, the last one first */

			add_event(0, MAIN_RING, n + late);
			for (uint64_t j = late; j; j--)
				add_event(0, MAIN_RING, n + j - 1);
			n += late + 1;
		}
		ck_assert_uint_eq(gap(), 0);
		add_event(0, MAIN_RING, 3);
		ck_assert_uint_eq(gap(), 1);
		ck_assert_ptr_nonnull(strstr(judge().why, "came twice"));
		item_count--;
		add_event(0, MAIN_RING, 5);
		ck_assert_uint_eq(gap(), 0);
	}
}
END_TEST

/* Of those without a place only how many they are is known, and where the last one was: that is not
 * always the one that went last. */
START_TEST(the_end_of_those_without_a_place_is_known)
{
	add_start();
	add_event(0, MAIN_RING, 10);
	add_event(0, MAIN_RING, 12);
	add_event(0, MAIN_RING, 5); /* missing now: 0 to 4, 11, 6 to 9 */
	for (uint64_t i = 0; i < HOLES; i++)
		add_event(0, MAIN_RING, 14 + 2 * i);
	ck_assert_uint_eq(gap(), 0);
	add_event(0, MAIN_RING, 11);
	ck_assert_uint_eq(gap(), 0);
	add_event(0, MAIN_RING, 12);
	ck_assert_uint_eq(gap(), 1);
}
END_TEST

/* It was counted as lost, and that stands. */
START_TEST(what_is_settled_cannot_come_any_more)
{
	add_start();
	lose_and_happen(HOLES + 1);
	beat();
	beat();
	ck_assert_uint_eq(gap(), 0);
	add_event(0, MAIN_RING, 0);
	ck_assert_uint_eq(gap(), 1);
}
END_TEST

/* Until then it can, also without a place. */
START_TEST(what_is_old_can_come)
{
	add_start();
	skip(); /* number 0 is on its way */
	happen(0, MAIN_RING);
	lose_and_happen(HOLES);
	beat();
	add_event(0, MAIN_RING, 0);
	ck_assert_uint_eq(gap(), 0);
	for (int i = 0; i < 3; i++) {
		beat();
		ck_assert_uint_eq(gap(), 0);
	}
	add_stop();
	assert_result(judge(), HOLES + 2, HOLES, 0, 0);
}
END_TEST

START_TEST(the_highest_number_is_none)
{
	add_start();
	add_event(0, MAIN_RING, UINT64_MAX);
	assert_result(judge(), 1, 0, 1, 1);
	ck_assert_str_eq(judge().why, "cpu 0: no such ring or number");
}
END_TEST

/* --- where ----------------------------------------------------------------------------------- */

START_TEST(the_first_gap_is_told)
{
	struct coverage_result r;

	for (uint64_t run = 0, from = 0; run < 2; run++, from = item_count) {
		struct coverage_result first;

		add_start();
		happen(0, MAIN_RING);
		add_event(0, MAIN_RING, 0);
		r = judge(); /* no heartbeat yet */
		ck_assert_uint_eq(r.gap_from, from);
		ck_assert_uint_eq(r.gap_to, from + 2);
		item_count--;
		beat();
		add_event(0, MAIN_RING, 0);
		first = judge();
		ck_assert_uint_eq(first.gap, 1);
		ck_assert_uint_eq(first.gap_from, item_count - 2);
		ck_assert_uint_eq(first.gap_to, item_count - 1);
		beat();
		add_event(70000, MAIN_RING, 0);
		r = judge();
		ck_assert_uint_eq(r.gap, 2);
		ck_assert_uint_eq(r.gap_from, first.gap_from);
		ck_assert_uint_eq(r.gap_to, first.gap_to);
		ck_assert_str_eq(r.why, first.why);
		item_count -= 1 + CPUS + 1 + 1; /* as if neither had been */
		memset(kernel, 0, sizeof(kernel));
		kernel[0].seq[MAIN_RING] = 1;
		add_stop();
		assert_result(judge(), 1 + run, 0, 0, 0);
		memset(kernel, 0, sizeof(kernel));
	}
}
END_TEST

/* --- other runs ------------------------------------------------------------------------------ */

START_TEST(what_is_of_another_run_changes_nothing_in_this_one)
{
	struct record *r;

	add_start();
	add_event(0, MAIN_RING, 0);
	items[1].r.run = RUN + 1;
	happen(0, MAIN_RING);
	add_stop();
	assert_result(judge(), 2, 0, 0, 1);
	setup();
	add_start();
	r = add(RECORD_HEARTBEAT);
	r->run = RUN + 1;
	r->misses = 5;
	add_stop();
	assert_result(judge(), 0, 0, 0, 1);
}
END_TEST

START_TEST(skipped_programs_are_counted_once)
{
	for (uint64_t run = 1; run <= 2; run++) {
		add_start();
		beat();
		items[item_count - 1].r.misses = 7 * (run == 1);
		beat();
		items[item_count - 1].r.misses = 5 * (run == 1); /* of another moment */
		add_stop();
		assert_result(judge(), 0, 7, 0, 0);
	}
}
END_TEST

/* --- a run whose beginning is gone ------------------------------------------------------------ */

START_TEST(losses_before_it_excuse_nothing)
{
	size_t from;
	uint64_t lost = 5;

	add_start();
	for (uint64_t i = 0; i < lost; i++)
		lose(0, FILES);
	from = item_count;
	beat();
	beat();
	skip();
	skip();
	skip();
	happen(0, MAIN_RING);
	beat();
	ck_assert_uint_eq(judge_from(from, NOBODY, NOBODY).gap, 0);
	beat();
	ck_assert_uint_eq(judge_from(from, NOBODY, NOBODY).gap, 3);
	add_stop();
	ck_assert_uint_eq(judge_from(from, NOBODY, NOBODY).gap, 3);
	assert_result(judge(), 1, lost, 0, 3);
}
END_TEST

START_TEST(its_end_balances)
{
	size_t from;

	add_start();
	for (int i = 0; i < 5; i++) {
		happen(0, MAIN_RING);
		lose(0, FILES);
	}
	from = item_count;
	beat();
	beat();
	happen(0, MAIN_RING);
	skip();
	skip();
	add_stop();
	ck_assert_uint_eq(judge_from(from, NOBODY, NOBODY).gap, 2);
	assert_result(judge(), 6, 5, 0, 2);
}
END_TEST

/* The first record left may be a START: nothing is gone then. */
START_TEST(a_run_with_its_beginning_is_looked_at_from_there)
{
	add_start();
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	add_stop();
	ck_assert_uint_eq(judge_from(0, NOBODY, NOBODY).gap, 0);
	for (size_t i = 1; i <= 3; i++) {
		ck_assert_uint_eq(judge_from(0, i, NOBODY).gap, 1);
		ck_assert_uint_eq(judge_from(0, NOBODY, i).gap, 1);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		all_that_never_came_are_told_by_the_second_heartbeat,
		old_ones_without_a_place_stay_old,
		young_ones_without_a_place_stay_young,
		a_hole_that_shrinks_keeps_its_age,
		what_is_filled_takes_no_place,
		the_end_of_those_without_a_place_is_known,
		what_is_settled_cannot_come_any_more,
		what_is_old_can_come,
		the_highest_number_is_none,
		the_first_gap_is_told,
		what_is_of_another_run_changes_nothing_in_this_one,
		skipped_programs_are_counted_once,
		losses_before_it_excuse_nothing,
		its_end_balances,
		a_run_with_its_beginning_is_looked_at_from_there,
	};

	return RUN_TESTS_WITH("record_holes", tests, setup, NULL);
}
