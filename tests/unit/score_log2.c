// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "score/log2.h"
#include "score_make.h"

START_TEST(powers_of_two_are_exact)
{
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(log2_q10(1ull << i), i * 1024);
	ck_assert_int_eq(log2_q10(0), 0);
}
END_TEST

static void check_error(uint64_t x)
{
	double error = log2_q10(x) - 1024 * (double)log2l((long double)x);

	ck_assert_msg(fabs(error) <= 0.6, "log2(%llu) is off by %f/1024", (unsigned long long)x,
		      error);
}

START_TEST(error_is_small_and_order_is_kept)
{
	int32_t last = 0;

	for (uint64_t x = 1; x < 1 << 20; x++) {
		int32_t now = log2_q10(x);

		check_error(x);
		ck_assert_int_ge(now, last);
		last = now;
	}
	for (int shift = 0; shift < 44; shift++) {
		last = 0;
		for (uint64_t x = 1 << 19; x < 1 << 20; x += 37) {
			uint64_t wide = x << shift | (x * 0x9e3779b9 & ((1ull << shift) - 1));
			int32_t now = log2_q10(wide);

			check_error(wide);
			ck_assert_int_ge(now, last);
			last = now;
		}
	}
	ck_assert_int_ge(log2_q10(UINT64_MAX), log2_q10(UINT64_MAX - 1));
	ck_assert_int_le(log2_q10(UINT64_MAX), 64 * 1024);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { powers_of_two_are_exact, error_is_small_and_order_is_kept };

	return run_tests("score_log2", tests, sizeof(tests) / sizeof(*tests));
}
