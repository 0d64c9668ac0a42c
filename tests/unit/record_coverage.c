// SPDX-License-Identifier: Apache-2.0
/* Coverage: what the kernel counted as lost is no gap, and everything else that is missing is. */
#include "base_fuzz.h"

#include "../fuzz/coverage.c"

#define CPUS	  3
#define VALUES	  (RECORD_RINGS + 3 * RECORD_FAMILIES)
#define ITEMS_MAX 4096
#define RUN	  0xabc

/* A chain, as far as coverage looks at it. */
static struct item {
	struct record r;
	uint8_t values[VALUES * VARINT_MAX];
} items[ITEMS_MAX];
static size_t item_count;

static struct kernel { /* what the kernel would say */
	uint64_t seq[RECORD_RINGS];
	uint64_t lost[RECORD_FAMILIES];
} kernel[CPUS];

enum { PROCESS, FILES, CREDENTIAL, NETWORK, SELF, PERMISSION, KERNEL, LOGIN };
enum { MAIN_RING, CREDENTIAL_RING, SELF_RING };

static void setup(void)
{
	item_count = 0;
	memset(kernel, 0, sizeof(kernel));
}

static struct record *add(uint8_t kind)
{
	struct record *r = &items[item_count].r;

	ck_assert_uint_lt(item_count, ITEMS_MAX);
	item_count++;
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->run = RUN;
	return r;
}

static void add_start(void)
{
	add(RECORD_START)->cpus = CPUS;
}

static void add_event(uint32_t cpu, uint32_t ring, uint64_t seq)
{
	struct record *r = add(ring == CREDENTIAL_RING ? RECORD_SETUID : RECORD_OPEN);

	r->cpu = cpu;
	r->ring = ring;
	r->seq = seq;
}

/* The next event of that ring and CPU. */
static void happen(uint32_t cpu, uint32_t ring)
{
	add_event(cpu, ring, kernel[cpu].seq[ring]++);
}

static const uint8_t rings[RECORD_FAMILIES] = { [CREDENTIAL] = CREDENTIAL_RING,
						[SELF] = SELF_RING,
						[KERNEL] = CREDENTIAL_RING,
						[LOGIN] = SELF_RING };

static void lose(uint32_t cpu, uint32_t family)
{
	kernel[cpu].seq[rings[family]]++;
	kernel[cpu].lost[family]++;
}

static void add_counters_of(uint32_t cpu, const struct kernel *k)
{
	struct record *r = add(RECORD_COUNTERS);
	uint8_t *from = items[item_count - 1].values, *p = from;

	for (int i = 0; i < RECORD_RINGS; i++)
		p = put_varint(p, k->seq[i]);
	for (int i = 0; i < RECORD_FAMILIES; i++) {
		p = put_varint(p, 0); /* sent and filtered: nobody asks */
		p = put_varint(p, k->lost[i]);
		p = put_varint(p, 12345);
	}
	r->cpu = cpu;
	r->values = bytes_of(from, (size_t)(p - from));
}

static void add_counters(void)
{
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		add_counters_of(cpu, &kernel[cpu]);
}

static void beat(void)
{
	add_counters();
	add(RECORD_HEARTBEAT);
}

static void add_stop(void)
{
	beat();
	add(RECORD_STOP);
}

#define NOBODY SIZE_MAX

/* The verdict on the chain without one item, or with one twice. */
static struct coverage_result judge_but(size_t without, size_t twice, bool live)
{
	struct coverage_result result;
	struct coverage *c;

	ck_assert_int_eq(coverage_open(&c), 0);
	for (size_t i = 0; i < item_count; i++) {
		if (i != without)
			ENSURE(!coverage_record(c, i, &items[i].r));
		if (i == twice)
			ENSURE(!coverage_record(c, i, &items[i].r));
	}
	coverage_end(c, live, &result);
	coverage_close(c);
	return result;
}

static struct coverage_result judge(void)
{
	return judge_but(NOBODY, NOBODY, false);
}

static void assert_result(struct coverage_result r, uint64_t events, uint64_t lost, uint64_t open,
			  uint64_t gap)
{
	ck_assert_msg(r.gap == gap, "gap %llu, not %llu: %s", (unsigned long long)r.gap,
		      (unsigned long long)gap, r.why);
	ck_assert_uint_eq(r.events, events);
	ck_assert_uint_eq(r.lost, lost);
	ck_assert_uint_eq(r.open, open);
	ck_assert_int_eq(r.why[0] != 0, gap != 0);
}

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

/* --- gaps ------------------------------------------------------------------------------------ */

static void make_long_run(void)
{
	add_start();
	for (int i = 0; i < 40; i++) {
		happen((uint32_t)i % CPUS, (uint32_t)i % 2);
		if (i % 5 == 0)
			lose((uint32_t)i % CPUS, FILES);
		if (i % 4 == 3)
			beat();
	}
	add_stop();
}

static bool is_event_item(size_t i)
{
	return record_is_event(items[i].r.kind);
}

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

static struct coverage_result judge_from(size_t from, size_t without, size_t twice)
{
	struct coverage_result result;
	struct coverage *c;

	ck_assert_int_eq(coverage_open(&c), 0);
	coverage_join(c);
	for (size_t i = from; i < item_count; i++) {
		if (i != without)
			ENSURE(!coverage_record(c, i, &items[i].r));
		if (i == twice)
			ENSURE(!coverage_record(c, i, &items[i].r));
	}
	coverage_end(c, false, &result);
	coverage_close(c);
	return result;
}

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
		a_true_run_is_never_accused,
		any_event_missing_or_doubled_is_noticed_once,
		a_run_without_its_beginning_is_never_accused,
		a_gap_in_a_run_without_its_beginning_is_found,
		counters_that_stay_are_not_asked_for_a_run_without_its_beginning,
		only_the_first_run_may_lack_its_beginning,
		copies_and_pruning_are_no_events,
		no_records_break_it,
	};

	return RUN_TESTS_WITH("record_coverage", tests, setup, NULL);
}
