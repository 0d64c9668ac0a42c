// SPDX-License-Identifier: Apache-2.0
/* The bounded table against a slow one that is obviously right. */
#include "base_test.h"

#include "base/table.h"

static unsigned int dropped;
static uint64_t last_dropped;

static void on_drop(void *value)
{
	dropped++;
	last_dropped = *(uint64_t *)value;
}

static struct table *open_table(uint32_t capacity)
{
	struct table *t;

	dropped = 0;
	ck_assert_int_eq(table_open(&t, capacity, sizeof(uint64_t), on_drop), 0);
	return t;
}

static void put(struct table *t, uint64_t key)
{
	*(uint64_t *)table_get(t, key) = key;
}

static bool has(struct table *t, uint64_t key)
{
	uint64_t *value = table_find(t, key);

	if (value)
		ENSURE(*value == key);
	return value != NULL;
}

START_TEST(finds_what_was_put_and_nothing_else)
{
	struct table *t = open_table(100);

	for (uint64_t key = 0; key < 100; key++)
		put(t, key * 1000003);
	ck_assert_uint_eq(table_count(t), 100);
	for (uint64_t key = 0; key < 100; key++)
		ck_assert(has(t, key * 1000003));
	ck_assert(!has(t, 5));
	ck_assert_uint_eq(dropped, 0);
	table_close(t);
	ck_assert_uint_eq(dropped, 100);
}
END_TEST

START_TEST(new_value_is_zero_even_in_used_memory)
{
	struct table *t = open_table(2);

	for (uint64_t key = 1; key < 20; key++) {
		uint64_t *value = table_get(t, key);

		ck_assert_uint_eq(*value, 0);
		*value = UINT64_MAX;
	}
	table_remove(t, 19);
	ck_assert_uint_eq(*(uint64_t *)table_get(t, 20), 0);
	table_close(t);
}
END_TEST

START_TEST(full_table_evicts_what_was_touched_longest_ago)
{
	struct table *t = open_table(3);

	put(t, 1);
	put(t, 2);
	put(t, 3);
	ck_assert(has(t, 1)); /* touched by finding */
	put(t, 2);	      /* touched by getting */
	put(t, 4);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_uint_eq(last_dropped, 3);
	put(t, 5);
	ck_assert_uint_eq(last_dropped, 1);
	put(t, 6);
	ck_assert_uint_eq(last_dropped, 2);
	ck_assert_uint_eq(table_count(t), 3);
	ck_assert(has(t, 4) && has(t, 5) && has(t, 6));
	table_close(t);
}
END_TEST

START_TEST(remove_drops_one_and_leaves_the_rest)
{
	struct table *t = open_table(4);

	for (uint64_t key = 1; key <= 4; key++)
		put(t, key);
	table_remove(t, 2);
	table_remove(t, 2);
	table_remove(t, 99);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_uint_eq(last_dropped, 2);
	ck_assert_uint_eq(table_count(t), 3);
	ck_assert(!has(t, 2) && has(t, 1) && has(t, 3) && has(t, 4));
	put(t, 5); /* there is room: nobody goes */
	ck_assert_uint_eq(dropped, 1);
	put(t, 6);
	ck_assert_uint_eq(last_dropped, 1);
	table_close(t);
}
END_TEST

START_TEST(table_of_one_holds_the_latest)
{
	struct table *t = open_table(1);

	for (uint64_t key = 1; key <= 10; key++) {
		put(t, key);
		ck_assert(has(t, key));
		ck_assert_uint_eq(table_count(t), 1);
	}
	table_remove(t, 10);
	ck_assert_uint_eq(table_count(t), 0);
	put(t, 11);
	ck_assert(has(t, 11));
	table_close(t);
	table_close(NULL);
}
END_TEST

START_TEST(values_of_odd_size_do_not_touch)
{
	struct table *t;

	ck_assert_int_eq(table_open(&t, 64, 13, NULL), 0);
	for (uint64_t key = 0; key < 64; key++)
		memset(table_get(t, key), (int)key, 13);
	for (uint64_t key = 0; key < 64; key++) {
		const uint8_t *value = table_find(t, key);

		ck_assert_uint_eq((uintptr_t)value % 8, 0);
		for (int i = 0; i < 13; i++)
			ck_assert_uint_eq(value[i], key);
	}
	table_close(t);
}
END_TEST

/* The slow one: keys in the order of their last touch. */
#define SLOW 17
static uint64_t slow[SLOW];
static size_t slow_count;

static size_t slow_place(uint64_t key)
{
	size_t i = 0;

	while (i < slow_count && slow[i] != key)
		i++;
	return i;
}

static void slow_remove(uint64_t key)
{
	size_t i = slow_place(key);

	if (i == slow_count)
		return;
	memmove(slow + i, slow + i + 1, (slow_count - i - 1) * sizeof(slow[0]));
	slow_count--;
}

static void slow_touch(uint64_t key)
{
	slow_remove(key);
	if (slow_count == SLOW)
		slow_remove(slow[0]);
	slow[slow_count++] = key;
}

START_TEST(behaves_like_a_slow_table)
{
	struct table *t = open_table(SLOW);
	uint64_t seed = 5;

	for (int i = 0; i < 200000; i++) {
		uint64_t key = chance_below(&seed, 40);
		bool known = slow_place(key) < slow_count;

		switch (chance_below(&seed, 4)) {
		case 0:
			table_remove(t, key);
			slow_remove(key);
			break;
		case 1:
			ENSURE(has(t, key) == known);
			if (known)
				slow_touch(key);
			break;
		default:
			put(t, key);
			slow_touch(key);
		}
		ENSURE(table_count(t) == slow_count);
	}
	for (size_t i = 0; i < slow_count; i++)
		ENSURE(has(t, slow[i]));
	table_close(t);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		finds_what_was_put_and_nothing_else,
		new_value_is_zero_even_in_used_memory,
		full_table_evicts_what_was_touched_longest_ago,
		remove_drops_one_and_leaves_the_rest,
		table_of_one_holds_the_latest,
		values_of_odd_size_do_not_touch,
		behaves_like_a_slow_table,
	};

	return RUN_TESTS("base_table", tests);
}
