// SPDX-License-Identifier: Apache-2.0
#include "base_test.h"

#include "base/buffer.h"

START_TEST(holds_what_was_added_in_order)
{
	struct buffer b = { 0 };

	buffer_text(&b, "one");
	buffer_add(&b, "\0two", 4);
	buffer_add(&b, NULL, 0);
	buffer_print(&b, " %d-%s", 3, "x");
	ck_assert_uint_eq(b.len, 11);
	ck_assert_mem_eq(b.data, "one\0two 3-x", 12);
	ck_assert(!b.failed);
	buffer_free(&b);
	ck_assert_ptr_null(b.data);
	buffer_free(&b);
}
END_TEST

/* One byte at a time past every size at which memory grows, always NUL-terminated. */
START_TEST(grows_as_needed)
{
	struct buffer b = { 0 };

	for (size_t i = 0; i < 10000; i++) {
		char c = (char)('a' + i % 26);

		if (i % 2)
			buffer_add(&b, &c, 1);
		else
			buffer_print(&b, "%c", c);
		ENSURE(b.len == i + 1);
		ENSURE(b.data[i + 1] == 0);
	}
	for (size_t i = 0; i < 10000; i++)
		ENSURE(b.data[i] == (int)('a' + i % 26));
	buffer_free(&b);
}
END_TEST

START_TEST(one_large_piece_fits)
{
	static char large[100000];
	struct buffer b = { 0 };

	memset(large, 'x', sizeof(large) - 1);
	buffer_text(&b, large);
	buffer_print(&b, "%s", large);
	ck_assert_uint_eq(b.len, 2 * (sizeof(large) - 1));
	ck_assert_uint_eq(strlen(b.data), b.len);
	buffer_free(&b);
}
END_TEST

START_TEST(clear_keeps_the_memory_and_forgets_the_rest)
{
	struct buffer b = { 0 };
	const char *data;

	buffer_clear(&b); /* nothing to clear */
	buffer_text(&b, "something");
	data = b.data;
	b.failed = true;
	buffer_text(&b, "more"); /* not after a failure */
	ck_assert_uint_eq(b.len, 9);
	buffer_clear(&b);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(b.data[0], 0);
	ck_assert_ptr_eq(b.data, data);
	ck_assert(!b.failed);
	buffer_text(&b, "new");
	ck_assert_str_eq(b.data, "new");
	buffer_free(&b);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		holds_what_was_added_in_order,
		grows_as_needed,
		one_large_piece_fits,
		clear_keeps_the_memory_and_forgets_the_rest,
	};

	return RUN_TESTS("base_buffer", tests);
}
