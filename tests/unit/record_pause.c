// SPDX-License-Identifier: Apache-2.0
/* Coverage of a run that another collector goes on with, and of one that begins anew. */
#include "record_items.h"

static void begin_anew(void)
{
	memset(kernel, 0, sizeof(kernel));
}

START_TEST(resume_of_another_run_resumes_nothing)
{
	add_start();
	happen(0, MAIN_RING);
	add_start();
	add(RECORD_RESUME)->run = RUN + 1;
	ck_assert_uint_eq(judge().open, 2);
	items[item_count - 1].r.run = RUN;
	ck_assert_uint_eq(judge().open, 1);
}
END_TEST

START_TEST(a_run_that_ended_can_only_begin_anew)
{
	add_start();
	happen(0, MAIN_RING);
	add_stop();
	begin_anew();
	add_start();
	add(RECORD_RESUME);
	happen(0, MAIN_RING);
	add_stop();
	assert_result(judge(), 2, 0, 0, 0);
}
END_TEST

START_TEST(a_start_of_another_run_is_that_runs)
{
	size_t from;

	add_start();
	happen(0, MAIN_RING);
	from = item_count;
	begin_anew();
	add_start();
	happen(0, MAIN_RING);
	add_stop();
	for (size_t i = from; i < item_count; i++)
		items[i].r.run = RUN + 1;
	assert_result(judge(), 2, 0, 1, 0);
}
END_TEST

START_TEST(what_begins_anew_begins_there)
{
	struct coverage_result r;

	add_start();
	happen(0, MAIN_RING);
	beat();
	begin_anew();
	add_start();
	happen(0, MAIN_RING);
	add_event(0, MAIN_RING, 0);
	r = judge();
	ck_assert_uint_eq(r.gap, 1);
	ck_assert_uint_eq(r.gap_from, item_count - 3);
}
END_TEST

/* With counters or without, as its own START says. */
START_TEST(what_begins_anew_counts_as_it_says)
{
	for (int counted = 0; counted < 4; counted++) {
		setup();
		add(RECORD_START)->cpus = counted & 1 ? CPUS : 0;
		add(RECORD_START)->cpus = counted & 2 ? CPUS : 0;
		happen(0, MAIN_RING);
		kernel[0].seq[MAIN_RING]++;
		add_stop();
		assert_result(judge(), 1, 0, 1, counted & 2 ? 1 : 0);
	}
}
END_TEST

START_TEST(resume_takes_no_beginning_away)
{
	add_start();
	add(RECORD_RESUME);
	add_event(0, MAIN_RING, 1);
	kernel[0].seq[MAIN_RING] = 2;
	add_stop();
	assert_result(judge(), 1, 0, 0, 1);
	setup(); /* nor after the first event of a pruned chain */
	add_start();
	happen(0, MAIN_RING);
	add_start();
	add(RECORD_RESUME);
	add_event(1, MAIN_RING, 1);
	kernel[1].seq[MAIN_RING] = 2;
	add_stop();
	ck_assert_uint_eq(judge_from(0, NOBODY, NOBODY).gap, 1);
}
END_TEST

START_TEST(a_pause_ends_with_resume)
{
	add_start();
	happen(0, MAIN_RING);
	add(RECORD_PAUSE);
	assert_result(judge(), 1, 0, 0, 0);
	add_start();
	add(RECORD_RESUME);
	happen(0, MAIN_RING);
	assert_result(judge(), 2, 0, 1, 0);
	add_stop();
	assert_result(judge(), 2, 0, 0, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		resume_of_another_run_resumes_nothing,
		a_run_that_ended_can_only_begin_anew,
		a_start_of_another_run_is_that_runs,
		what_begins_anew_begins_there,
		what_begins_anew_counts_as_it_says,
		resume_takes_no_beginning_away,
		a_pause_ends_with_resume,
	};

	return RUN_TESTS_WITH("record_pause", tests, setup, NULL);
}
