// SPDX-License-Identifier: Apache-2.0
/* What is learned and when, and that memory stays as it is. */
#include "score/model.h"
#include "score/params.h"
#include "score_make.h"

#include <malloc.h>

static struct model model;

static uint32_t entity_of(uint64_t key, uint64_t time)
{
	uint32_t at = model_find_entity(&model, key);

	return at != SLOT_NONE ? at
			       : model_add_entity(&model, key, &(struct label){ .len = 0 },
						  SORT_PERSON, time);
}

/* An event of the entity, a program that it ran or not, that shows the token; the counts before
 * it. */
static struct counts show_as(uint64_t key, uint64_t token, uint64_t time, bool is_command)
{
	uint32_t entity = entity_of(key, time), pair;
	struct counts counts;

	model_note_event(&model, entity, is_command, time);
	model_learn(&model, entity, time);
	pair = model_pair(&model, entity, FEATURE_PROGRAM, token, &(struct label){ .len = 0 });
	counts = model_counts(&model, pair);
	model_delay(&model, pair, time);
	return counts;
}

static struct counts show(uint64_t key, uint64_t token, uint64_t time)
{
	return show_as(key, token, time, true);
}

START_TEST(counts_after_its_commands)
{
	ck_assert_int_eq(model_open(&model), 0);
	show(1, 77, 0);
	for (uint64_t i = 0; i < DELAY_COMMANDS - 2; i++) {
		show(1, 1000 + i, 0);
		for (uint64_t opens = 0; opens < 10; opens++) /* these are none */
			show_as(1, 2000 + opens, 0, false);
	}
	ck_assert_uint_eq(show(1, 77, 0).user, 0); /* one too early */
	ck_assert_uint_eq(show(1, 77, 0).user, 1);
	model_close(&model);
}
END_TEST

START_TEST(counts_after_its_time)
{
	ck_assert_int_eq(model_open(&model), 0);
	show(1, 77, 5);
	ck_assert_uint_eq(show(1, 77, 5 + DELAY_NS - 1).user, 0);
	ck_assert_uint_eq(show(1, 77, 5 + DELAY_NS).user, 1);
	/* another entity's event lets time pass too */
	show(2, 78, 6 + 3 * DELAY_NS);
	ck_assert_uint_eq(model.total[SORT_PERSON][FEATURE_PROGRAM], 3);
	model_close(&model);
}
END_TEST

/* Many programs at once are no baseline, nor is a day of nothing. */
START_TEST(a_baseline_takes_commands_and_a_day)
{
	uint32_t at;

	ck_assert_int_eq(model_open(&model), 0);
	for (uint64_t i = 0; i < 2 * WARM_COMMANDS; i++)
		show(1, 77, 5);
	at = entity_of(1, 5);
	show(1, 77, 5 + WARM_NS - 1);
	ck_assert(!model.entities[at].is_warm);
	show(1, 77, 5 + WARM_NS);
	ck_assert(model.entities[at].is_warm);
	for (uint64_t i = 0; i < 10 * WARM_COMMANDS; i++) /* opens are no commands */
		show_as(2, 77, 5 + i * WARM_NS, false);
	ck_assert(!model.entities[entity_of(2, 0)].is_warm);
	ck_assert_uint_eq(model.warm[SORT_PERSON], 1);
	model_close(&model);
}
END_TEST

/* However much is opened in a moment, each token waits in one place. */
START_TEST(opens_of_a_moment_wait_together)
{
	ck_assert_int_eq(model_open(&model), 0);
	show(2, 5, 0);
	for (uint64_t i = 0; i < 4 * DELAYED; i++)
		show_as(1, 77 + i % 3, i, false);
	ck_assert_uint_lt(model.delayed_fresh, 10);
	ck_assert_uint_eq(show_as(1, 77, 4 * DELAYED, false).user, 0);
	ck_assert_uint_eq(show_as(1, 77, 4 * DELAYED, false).waiting, 4 * DELAYED / 3 + 2);
	ck_assert_uint_gt(show_as(1, 77, 2 * DELAY_NS, false).user, 4 * DELAYED / 3);
	model_close(&model);
}
END_TEST

START_TEST(a_burst_counts_little_a_habit_fully)
{
	struct counts burst, habit;

	ck_assert_int_eq(model_open(&model), 0);
	for (uint64_t i = 0; i < WARM_EVENTS; i++)
		show(1, 77, 0);
	for (uint64_t i = 0; i < 100; i++)
		show(1, 78, WARM_NS);
	for (uint64_t i = 0; i < 1000; i++)
		show(1, 77, WARM_NS);
	burst = show(1, 78, WARM_NS);
	habit = show(1, 77, WARM_NS);
	ck_assert_uint_eq(burst.user, 1);
	ck_assert_uint_gt(habit.user, WARM_COMMANDS + 500);
	model_close(&model);
}
END_TEST

START_TEST(peers_are_the_others)
{
	struct counts c;

	ck_assert_int_eq(model_open(&model), 0);
	for (uint64_t i = 0; i < DELAY_COMMANDS + 200; i++) {
		show(1, 77, 0);
		show(2, 77, 0);
		show(3, 78, 0);
	}
	c = show(1, 77, 0);
	ck_assert_uint_eq(c.user, 201);
	ck_assert_uint_eq(c.of_user, 201);
	ck_assert_uint_eq(c.peer, 200);
	ck_assert_uint_eq(c.of_peer, 400);
	ck_assert_uint_eq(c.peers_with, 1);
	ck_assert_uint_eq(c.peers, 2);
	ck_assert_uint_eq(c.distinct, 2);
	model_close(&model);
}
END_TEST

/* Whatever was evicted, every sum is the sum of what is there. */
static void check_sums(void)
{
	uint64_t total = 0, in_entities = 0, in_tokens = 0;
	uint32_t pairs = 0, learned = 0, warm = 0;

	for (uint32_t e = model.entity_list.newest; e != SLOT_NONE;
	     e = model.entity_links[e].older) {
		struct entity *entity = &model.entities[e];
		uint32_t own = 0, once = 0, count = 0, waiting = 0;

		for (uint32_t p = entity->pairs.newest; p != SLOT_NONE;
		     p = model.entity_pair_links[p].older, count++) {
			own += model.pairs[p].count;
			once += model.pairs[p].count == 1;
			waiting += model.pairs[p].waiting;
			ck_assert_uint_eq(model.pairs[p].entity, e);
		}
		ck_assert_uint_eq(own, entity->total[FEATURE_PROGRAM]);
		ck_assert_uint_eq(once, entity->once[FEATURE_PROGRAM]);
		ck_assert_uint_eq(count, entity->pair_count);
		ck_assert_uint_eq(waiting, entity->waiting[FEATURE_PROGRAM]);
		in_entities += own;
		pairs += count;
		learned += entity->learned != 0;
		warm += entity->is_warm;
	}
	for (uint32_t p = model.pair_list.newest; p != SLOT_NONE; p = model.pair_links[p].older)
		total += model.pairs[p].count;
	for (uint32_t b = 0; b < model.token_slots.buckets; b++)
		for (uint32_t t = model.token_slots.bucket[b]; t != SLOT_NONE;
		     t = model.token_slots.slot[t].next)
			in_tokens += model.tokens[t].count[SORT_PERSON];
	ck_assert_uint_eq(total, model.total[SORT_PERSON][FEATURE_PROGRAM]);
	ck_assert_uint_eq(in_entities, total);
	ck_assert_uint_eq(in_tokens, total);
	ck_assert_uint_eq(pairs, model.pair_slots.used);
	ck_assert_uint_eq(learned, model.learning[SORT_PERSON]);
	ck_assert_uint_eq(warm, model.warm[SORT_PERSON]);
}

START_TEST(sums_agree_after_evictions)
{
	uint64_t seed = 3, time = 0;

	ck_assert_int_eq(model_open(&model), 0);
	for (uint64_t i = 0; i < 600000; i++) {
		uint64_t who = chance(&seed) % 100 ? chance(&seed) % 50 : chance(&seed) % 5000;
		uint64_t what = chance(&seed) % 3 ? chance(&seed) % 30 : chance(&seed) % 200000;

		show(who * 0x9e3779b97f4a7c15ull, what * 0xbf58476d1ce4e5b9ull, time);
		time += chance(&seed) % (SECOND / 4);
		if (i % 200000 == 199999)
			check_sums();
	}
	ck_assert(slots_full(&model.pair_slots));
	ck_assert(slots_full(&model.entity_slots));
	model_close(&model);
}
END_TEST

START_TEST(one_entity_cannot_push_others_out)
{
	ck_assert_int_eq(model_open(&model), 0);
	for (uint64_t i = 0; i < 2000; i++)
		show(1, i % 10, 0);
	for (uint64_t i = 0; i < 3 * PAIRS; i++)
		show(1ull << 63, (i + 1) << 20, 0);
	ck_assert_uint_eq(model.entities[model_find_entity(&model, 1ull << 63)].pair_count,
			  PAIRS_ENTITY);
	ck_assert_uint_gt(show(1, 5, 0).user, 80);
	check_sums();
	model_close(&model);
}
END_TEST

START_TEST(old_counts_are_halved)
{
	ck_assert_int_eq(model_open(&model), 0);
	show(1, 78, 0);
	for (uint64_t i = 0; i < COUNT_LIMIT + DELAY_COMMANDS; i++)
		show(1, 77, 0);
	ck_assert_uint_lt(show(1, 77, 0).user, COUNT_LIMIT / 2 + 1000);
	ck_assert_uint_eq(show(1, 78, 0).user, 1);
	check_sums();
	model_close(&model);
}
END_TEST

/* A million names of everything; the heap does not move once it is open. */
START_TEST(memory_is_bounded)
{
	struct score *score;
	struct mallinfo2 before, after;
	uint64_t time = EPOCH;

	ck_assert_int_eq(score_open(&score, &test_options), 0);
	before = mallinfo2();
	for (uint64_t i = 0; i < 1000000; i++) {
		char user[32], program[32];
		struct record r, alert;

		snprintf(user, sizeof(user), "user%u", (unsigned)i);
		snprintf(program, sizeof(program), "/usr/bin/p%u", (unsigned)i);
		r = make_exec(user, program, time += SECOND / 100);
		score_record(score, i, &r, &alert);
	}
	after = mallinfo2();
	ck_assert_uint_eq(before.uordblks + before.hblkhd, after.uordblks + after.hblkhd);
	ck_assert_uint_le(after.uordblks + after.hblkhd, SCORE_MEMORY);
	ck_assert_uint_eq(score_count(score), 1000000);
	score_close(score);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { counts_after_its_commands,
				 counts_after_its_time,
				 a_baseline_takes_commands_and_a_day,
				 opens_of_a_moment_wait_together,
				 a_burst_counts_little_a_habit_fully,
				 peers_are_the_others,
				 sums_agree_after_evictions,
				 one_entity_cannot_push_others_out,
				 old_counts_are_halved,
				 memory_is_bounded };

	return run_tests("score_model", tests, sizeof(tests) / sizeof(*tests));
}
