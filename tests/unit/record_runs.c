// SPDX-License-Identifier: Apache-2.0
/* Coverage of runs by chance, of chains whose beginning was pruned, and of any records at all. */
#include "base_fuzz.h"
#include "record_items.h"

#include "../fuzz/coverage.c"

/* --- runs by chance -------------------------------------------------------------------------- */

static struct {
	uint32_t cpu, ring;
	uint64_t seq;
	bool is_lost;
} pending[64];
static size_t pending_count;
static uint64_t total_events, total_lost;

/* An event comes, or is lost, at once or in the period after. */
static void happen_somehow(uint64_t *seed)
{
	uint32_t cpu = (uint32_t)chance_below(seed, CPUS);
	uint32_t family = (uint32_t)chance_below(seed, RECORD_FAMILIES);
	bool is_lost = chance_below(seed, 8) == 0, is_late = chance_below(seed, 8) == 0;
	uint64_t number = kernel[cpu].seq[rings[family]]++;

	total_lost += is_lost;
	total_events += !is_lost;
	if (is_late && pending_count < 64) {
		pending[pending_count].cpu = cpu;
		pending[pending_count].ring = is_lost ? family : rings[family];
		pending[pending_count].seq = number;
		pending[pending_count++].is_lost = is_lost;
	} else if (is_lost) {
		kernel[cpu].lost[family]++;
	} else {
		add_event(cpu, rings[family], number);
	}
}

static void settle_pending(void)
{
	while (pending_count) {
		pending_count--;
		if (pending[pending_count].is_lost)
			kernel[pending[pending_count].cpu].lost[pending[pending_count].ring]++;
		else
			add_event(pending[pending_count].cpu, pending[pending_count].ring,
				  pending[pending_count].seq);
	}
}

static void run_by_chance(uint64_t *seed)
{
	struct kernel read[CPUS];

	add_start();
	total_events = total_lost = 0;
	for (int period = 0; period < 8; period++) {
		size_t late = chance_below(seed, 4);

		settle_pending();
		for (size_t n = chance_below(seed, 60); n; n--)
			happen_somehow(seed);
		memcpy(read, kernel, sizeof(read));
		while (late--)
			happen_somehow(seed);
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			add_counters_of(cpu, &read[cpu]);
		add(RECORD_HEARTBEAT);
	}
	settle_pending();
	add_stop();
}

START_TEST(a_true_run_is_never_accused)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		uint64_t state = seed;

		setup();
		run_by_chance(&state);
		assert_result(judge(), total_events, total_lost, 0, 0);
	}
}
END_TEST

START_TEST(any_event_missing_or_doubled_is_noticed_once)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		uint64_t state = seed;

		setup();
		run_by_chance(&state);
		for (size_t i = 0; i < item_count; i++) {
			if (!is_event_item(i))
				continue;
			ENSURE(judge_but(i, NOBODY, false).gap == 1);
			ENSURE(judge_but(NOBODY, i, false).gap == 1);
		}
	}
}
END_TEST

/* --- a pruned chain: it begins in the middle of a run -------------------------------------------
 */

START_TEST(a_run_without_its_beginning_is_never_accused)
{
	for (uint64_t seed = 0; seed < 30; seed++) {
		uint64_t state = seed;

		setup();
		run_by_chance(&state);
		add(RECORD_ARCHIVE);
		memset(kernel, 0, sizeof(kernel));
		run_by_chance(&state);
		for (size_t from = 0; from < item_count; from++) {
			struct coverage_result r = judge_from(from, NOBODY, NOBODY);

			ck_assert_msg(r.gap == 0 && r.open == 0, "from %zu: %s", from, r.why);
		}
	}
}
END_TEST

/* What comes after the counters of its CPU is looked at as ever. */
START_TEST(a_gap_in_a_run_without_its_beginning_is_found)
{
	size_t first, checked = 0;

	add_start();
	for (int i = 0; i < 90; i++) {
		happen((uint32_t)i % CPUS, (uint32_t)i % 2);
		if (i % 10 == 9)
			beat();
	}
	add_stop();
	for (size_t from = 1; from < item_count / 2; from += 3) {
		for (first = from; items[first].r.kind != RECORD_HEARTBEAT;)
			first++;
		/* counters that were read before the cut say nothing: the next ones count */
		for (first++; items[first].r.kind != RECORD_HEARTBEAT;)
			first++;
		for (size_t i = first; i < item_count; i++) {
			if (!record_is_event(items[i].r.kind))
				continue;
			ENSURE(judge_from(from, i, NOBODY).gap == 1);
			ENSURE(judge_from(from, NOBODY, i).gap == 1);
			checked++;
		}
	}
	ck_assert_uint_gt(checked, 500);
}
END_TEST

START_TEST(counters_that_stay_are_not_asked_for_a_run_without_its_beginning)
{
	size_t from;

	add_start();
	for (int i = 0; i < 9; i++)
		happen(0, MAIN_RING);
	from = item_count;
	beat();
	for (int i = 0; i < 5; i++) {
		happen(1, MAIN_RING);
		add_counters_of(1, &kernel[1]);
		add(RECORD_HEARTBEAT);
	}
	add_stop();
	assert_result(judge_from(from, NOBODY, NOBODY), 5, 0, 0, 0);
}
END_TEST

/* Nobody joins a run later on. */
START_TEST(only_the_first_run_may_lack_its_beginning)
{
	add_start();
	happen(0, MAIN_RING);
	add_stop();
	add_event(0, MAIN_RING, 1);
	ck_assert_uint_gt(judge_from(2, NOBODY, NOBODY).gap, 0);
	setup();
	add_event(0, MAIN_RING, 7);
	add_event(0, MAIN_RING, 8); /* of another run */
	items[1].r.run = RUN + 1;
	ck_assert_uint_gt(judge_from(0, NOBODY, NOBODY).gap, 0);
}
END_TEST

/* The chain's own keeping happens in a run and between runs: no matter for coverage. */
START_TEST(copies_and_pruning_are_no_events)
{
	add(RECORD_ARCHIVE);
	add(RECORD_PRUNE);
	add_start();
	happen(0, MAIN_RING);
	add(RECORD_PRUNE);
	happen(0, MAIN_RING);
	add(RECORD_ARCHIVE);
	add_stop();
	add(RECORD_ARCHIVE);
	add(RECORD_PRUNE);
	assert_result(judge(), 2, 0, 0, 0);
	add_start(); /* crashes */
	memset(kernel, 0, sizeof(kernel));
	happen(0, MAIN_RING);
	add(RECORD_ARCHIVE);
	assert_result(judge(), 3, 0, 1, 0);
	add_start();
	assert_result(judge(), 3, 0, 2, 0);
}
END_TEST

/* As many of the items as fit, the way the harness reads them. */
static size_t make_seed(uint8_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < item_count; i++) {
		uint8_t encoded[512];
		ssize_t len = record_encode(&items[i].r, encoded, sizeof(encoded));

		ENSURE(len > 0 && len < 256);
		if (n + (size_t)len + 1 > FUZZ_SIZE)
			break;
		to[n++] = (uint8_t)len;
		memcpy(to + n, encoded, (size_t)len);
		n += (size_t)len;
	}
	return n;
}

START_TEST(no_records_break_it)
{
	static uint8_t seed[FUZZ_SIZE];
	size_t n;

	make_long_run();
	n = make_seed(seed);
	ck_assert_uint_gt(n, 2000);
	LLVMFuzzerTestOneInput(seed, n);
	fuzz_around(LLVMFuzzerTestOneInput, seed, n, 2000);
	fuzz_noise(LLVMFuzzerTestOneInput, 200, 500);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_true_run_is_never_accused,
		any_event_missing_or_doubled_is_noticed_once,
		a_run_without_its_beginning_is_never_accused,
		a_gap_in_a_run_without_its_beginning_is_found,
		counters_that_stay_are_not_asked_for_a_run_without_its_beginning,
		only_the_first_run_may_lack_its_beginning,
		copies_and_pruning_are_no_events,
		no_records_break_it,
	};

	return RUN_TESTS_WITH("record_runs", tests, setup, NULL);
}
