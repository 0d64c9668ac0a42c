// SPDX-License-Identifier: Apache-2.0
/* Coverage: what the kernel counted as lost is no gap, nor what is on its way. */
#include "record_items.h"

/* --- a good run ------------------------------------------------------------------------------ */

START_TEST(empty_chain_is_covered)
{
	assert_result(judge(), 0, 0, 0, 0);
	coverage_close(NULL);
}
END_TEST

START_TEST(clean_run_has_no_gap)
{
	add_start();
	beat();
	for (int i = 0; i < 30; i++)
		happen((uint32_t)i % CPUS, (uint32_t)i % 2);
	beat();
	happen(1, MAIN_RING);
	add_stop();
	assert_result(judge(), 31, 0, 0, 0);
}
END_TEST

START_TEST(counted_losses_are_losses)
{
	add_start();
	happen(0, MAIN_RING);
	lose(0, FILES);
	lose(0, PROCESS);
	lose(0, NETWORK);
	happen(0, MAIN_RING);
	lose(1, CREDENTIAL);
	lose(2, SELF);
	for (int i = 0; i < 3; i++)
		beat();
	lose(0, FILES);
	add_stop();
	assert_result(judge(), 2, 6, 0, 0);
}
END_TEST

/* A number was given out, but the event is not in the ring yet when the heartbeat is written. */
START_TEST(event_in_flight_comes_before_the_next_heartbeat)
{
	add_start();
	happen(0, MAIN_RING);
	kernel[0].seq[MAIN_RING]++;
	beat();
	add_event(0, MAIN_RING, 1);
	beat();
	kernel[0].seq[MAIN_RING]++;
	happen(0, MAIN_RING);
	beat();
	add_event(0, MAIN_RING, 2);
	add_stop();
	assert_result(judge(), 4, 0, 0, 0);
}
END_TEST

START_TEST(loss_may_be_counted_one_heartbeat_late)
{
	add_start();
	kernel[0].seq[MAIN_RING]++; /* given out, not yet lost */
	happen(0, MAIN_RING);
	beat();
	kernel[0].lost[FILES]++;
	beat();
	add_stop();
	assert_result(judge(), 1, 1, 0, 0);
}
END_TEST

/* Counters are read first and written later: events that came meanwhile are ahead of them. */
START_TEST(events_may_be_ahead_of_the_counters)
{
	add_start();
	for (int i = 0; i < 5; i++) {
		struct kernel read = kernel[0];

		happen(0, MAIN_RING);
		happen(0, MAIN_RING);
		add_counters_of(0, &read);
		add(RECORD_HEARTBEAT);
	}
	add_stop();
	assert_result(judge(), 10, 0, 0, 0);
}
END_TEST

START_TEST(order_within_a_ring_does_not_matter)
{
	add_start();
	for (uint64_t i = 0; i < 24; i++) {
		add_event(0, MAIN_RING, i ^ 7);
		add_event(1, MAIN_RING, 23 - i);
		add_event(2, MAIN_RING, i * 5 % 24);
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		kernel[cpu].seq[MAIN_RING] = 24;
	add_stop();
	assert_result(judge(), 72, 0, 0, 0);
}
END_TEST

/* Any order: holes are filled from both ends and split in the middle. */
START_TEST(numbers_in_any_order_are_all_there)
{
	uint64_t order[60] = { 0 };

	for (uint64_t seed = 0; seed < 200; seed++) {
		uint64_t state = seed;

		setup();
		add_start();
		for (size_t i = 0; i < 60; i++) {
			size_t j = chance_below(&state, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < 60; i++)
			add_event(0, MAIN_RING, order[i]);
		kernel[0].seq[MAIN_RING] = 60;
		add_stop();
		assert_result(judge(), 60, 0, 0, 0);
		ENSURE(judge_but(1 + chance_below(&state, 60), NOBODY, false).gap == 1);
	}
}
END_TEST

START_TEST(counters_that_did_not_change_need_not_be_written)
{
	add_start();
	beat();
	for (int i = 0; i < 5; i++) {
		happen(1, MAIN_RING);
		add_counters_of(1, &kernel[1]);
		add(RECORD_HEARTBEAT);
	}
	add_stop();
	assert_result(judge(), 5, 0, 0, 0);
}
END_TEST

static void add_canary(uint32_t cpu)
{
	struct record *r;

	add_counters();
	r = add(RECORD_HEARTBEAT);
	r->canary = CANARY_SEEN;
	r->canary_cpu = cpu;
	r->canary_seq = kernel[cpu].seq[SELF_RING]++;
}

START_TEST(canary_stands_in_its_heartbeat)
{
	add_start();
	for (uint32_t i = 0; i < 9; i++)
		add_canary(i % CPUS);
	happen(0, SELF_RING);
	add_stop();
	assert_result(judge(), 1, 0, 0, 0);
}
END_TEST

START_TEST(canary_that_never_came_is_missing)
{
	add_start();
	add_canary(0);
	add_canary(0);
	items[item_count - 1].r.canary = CANARY_LATE;
	add_stop();
	assert_result(judge(), 0, 0, 0, 1);
}
END_TEST

START_TEST(skipped_programs_are_losses)
{
	add_start();
	beat();
	items[item_count - 1].r.misses = 5;
	beat();
	items[item_count - 1].r.misses = 7;
	add_stop();
	items[item_count - 2].r.misses = 7;
	assert_result(judge(), 0, 7, 0, 0);
}
END_TEST

START_TEST(runs_follow_runs)
{
	for (uint32_t run = 1; run <= 4; run++) {
		size_t from = item_count;

		memset(kernel, 0, sizeof(kernel)); /* each counts from 0 */
		add_start();
		for (uint32_t i = 0; i < run; i++)
			happen(i % CPUS, MAIN_RING);
		lose(0, FILES);
		beat();
		add_stop();
		for (size_t i = from; i < item_count; i++)
			items[i].r.run = run;
	}
	assert_result(judge(), 1 + 2 + 3 + 4, 4, 0, 0);
}
END_TEST

START_TEST(run_from_a_file_has_no_counters)
{
	add_start();
	items[0].r.cpus = 0;
	add_event(0, MAIN_RING, 17);
	add_event(0, MAIN_RING, 19);
	add(RECORD_STOP);
	assert_result(judge(), 2, 0, 0, 0);
}
END_TEST

START_TEST(many_losses_between_heartbeats_are_no_gap)
{
	add_start();
	beat();
	for (int i = 0; i < 500; i++) { /* more holes than are remembered one by one */
		lose(0, FILES);
		happen(0, MAIN_RING);
	}
	beat();
	beat();
	add_stop();
	assert_result(judge(), 500, 500, 0, 0);
}
END_TEST

/* A program that was interrupted in the middle sends its event late, however much was lost since.
 */
START_TEST(an_event_in_flight_may_be_overtaken_by_many_losses)
{
	for (int beats = 0; beats < 2; beats++) {
		setup();
		add_start();
		beat();
		for (int i = 0; i < 3; i++)
			happen(0, MAIN_RING);
		kernel[0].seq[MAIN_RING]++; /* number 3 is in flight */
		for (int i = 0; i < 500; i++) {
			lose(0, FILES);
			happen(0, MAIN_RING);
		}
		if (beats)
			beat();
		for (int i = 0; i < 100; i++) {
			lose(0, FILES);
			happen(0, MAIN_RING);
		}
		add_event(0, MAIN_RING, 3);
		beat();
		beat();
		add_stop();
		assert_result(judge(), 604, 600, 0, 0);
		for (size_t i = 0; i < item_count; i += 7) {
			if (!record_is_event(items[i].r.kind))
				continue;
			ENSURE(judge_but(i, NOBODY, false).gap == 1);
			ENSURE(judge_but(NOBODY, i, false).gap >= 1);
		}
	}
}
END_TEST

/* --- a run that did not end ------------------------------------------------------------------ */

START_TEST(crash_leaves_the_run_open)
{
	add_start();
	happen(0, MAIN_RING);
	lose(0, FILES);
	beat();
	happen(0, MAIN_RING);
	assert_result(judge(), 2, 1, 1, 0);
	assert_result(judge_but(NOBODY, NOBODY, true), 2, 1, 0, 0);
	memset(kernel, 0, sizeof(kernel));
	add_start();
	happen(0, MAIN_RING);
	add_stop();
	assert_result(judge(), 3, 1, 1, 0);
}
END_TEST

START_TEST(a_gap_in_an_open_run_is_found_by_two_heartbeats)
{
	add_start();
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	happen(0, MAIN_RING);
	beat();
	ck_assert_uint_eq(judge_but(2, NOBODY, false).gap, 0); /* may be in flight */
	beat();
	ck_assert_uint_eq(judge_but(2, NOBODY, false).gap, 1);
	ck_assert_uint_eq(judge_but(3, NOBODY, false).gap, 1); /* also the last one */
}
END_TEST

/* --- what the collector noticed ---------------------------------------------------------------
 */

START_TEST(disturbances_are_counted_and_standing_still_apart)
{
	struct coverage_result r;

	add_start();
	ck_assert_uint_eq(judge().disturbed, 0);
	add(RECORD_DISTURBED)->reason = DISTURBED_STALLED;
	add(RECORD_DISTURBED)->reason = DISTURBED_LINK;
	add(RECORD_DISTURBED)->reason = DISTURBANCES; /* of a later version */
	add_stop();
	r = judge();
	ck_assert_uint_eq(r.stalled, 1);
	ck_assert_uint_eq(r.disturbed, 2);
	ck_assert_uint_eq(r.disturbed_at, 2);
	ck_assert_uint_eq(r.gap, 0);
}
END_TEST

/* --- programs that outlive the collector ------------------------------------------------------
 */

START_TEST(a_run_that_was_taken_up_goes_on)
{
	for (int killed = 0; killed < 2; killed++) {
		setup();
		add_start();
		happen(0, MAIN_RING);
		lose(0, FILES);
		beat();
		if (!killed)
			add(RECORD_PAUSE);
		assert_result(judge(), 1, 1, killed ? 1 : 0, 0);
		if (killed)
			add_start(); /* and killed again, before it could say more */
		add_start();
		add(RECORD_RESUME);
		happen(0, MAIN_RING);
		happen(0, MAIN_RING);
		beat();
		beat();
		add_stop();
		assert_result(judge(), 3, 1, 0, 0);
		for (size_t i = 0; i < item_count; i++) {
			if (!is_event_item(i))
				continue;
			ENSURE(judge_but(i, NOBODY, false).gap == 1);
			ENSURE(judge_but(NOBODY, i, false).gap >= 1);
		}
	}
}
END_TEST

START_TEST(a_run_that_was_left_is_an_open_window)
{
	add_start();
	happen(0, MAIN_RING);
	beat();
	add(RECORD_PAUSE);
	add_start();
	items[item_count - 1].r.run++;
	assert_result(judge_but(NOBODY, NOBODY, true), 1, 0, 1, 0);
}
END_TEST

/* The beginning was pruned, and the first record there is of the run is the START of a collector
 * that went on with it. */
START_TEST(a_run_may_be_cut_where_it_was_taken_up)
{
	for (int resumed = 0; resumed < 2; resumed++) {
		struct coverage_result result;
		struct coverage *c;

		setup();
		kernel[0].seq[MAIN_RING] = 100;
		kernel[0].lost[FILES] = 7;
		add_start();
		if (resumed)
			add(RECORD_RESUME);
		happen(0, MAIN_RING);
		beat();
		beat();
		happen(0, MAIN_RING);
		add_stop();
		ck_assert_int_eq(coverage_open(&c), 0);
		coverage_join(c);
		for (size_t i = 0; i < item_count; i++)
			ENSURE(!coverage_record(c, i, &items[i].r));
		coverage_end(c, false, &result);
		coverage_close(c);
		ck_assert_msg((result.gap == 0) == resumed, "%s", result.why);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		empty_chain_is_covered,
		clean_run_has_no_gap,
		counted_losses_are_losses,
		event_in_flight_comes_before_the_next_heartbeat,
		loss_may_be_counted_one_heartbeat_late,
		events_may_be_ahead_of_the_counters,
		order_within_a_ring_does_not_matter,
		numbers_in_any_order_are_all_there,
		counters_that_did_not_change_need_not_be_written,
		canary_stands_in_its_heartbeat,
		canary_that_never_came_is_missing,
		skipped_programs_are_losses,
		runs_follow_runs,
		run_from_a_file_has_no_counters,
		many_losses_between_heartbeats_are_no_gap,
		an_event_in_flight_may_be_overtaken_by_many_losses,
		crash_leaves_the_run_open,
		a_gap_in_an_open_run_is_found_by_two_heartbeats,
		disturbances_are_counted_and_standing_still_apart,
		a_run_that_was_taken_up_goes_on,
		a_run_that_was_left_is_an_open_window,
		a_run_may_be_cut_where_it_was_taken_up,
	};

	return RUN_TESTS_WITH("record_coverage", tests, setup, NULL);
}
