// SPDX-License-Identifier: Apache-2.0
/* Counters that only the kernel wrote, and counters that somebody else did. */
#include "base_test.h"

#include "capture/counters.h"

static struct event_counters before, now;
static uint64_t next[RINGS];

static void setup(void)
{
	memset(&before, 0, sizeof(before));
	for (int i = 0; i < RINGS; i++)
		before.seq[i] = 10;
	for (int i = 0; i < FAMILIES; i++) {
		before.family[i].sent = 20;
		before.family[i].lost = 30;
		before.family[i].filtered = 40;
	}
	now = before;
	memset(next, 0, sizeof(next));
}

static bool sound(void)
{
	return counters_follow(&before, &now, next);
}

START_TEST(counting_on_is_sound)
{
	ck_assert(sound());
	now.seq[RING_SELF]++;
	now.family[FAMILY_LOGIN].sent++;
	now.family[FAMILY_FILE].lost = UINT64_MAX;
	ck_assert(sound());
}
END_TEST

START_TEST(none_goes_back)
{
	for (int i = 0; i < RINGS; i++) {
		now.seq[i]--;
		ck_assert(!sound());
		now.seq[i]++;
	}
	for (int i = 0; i < FAMILIES; i++) {
		__u64 *counters[] = { &now.family[i].sent, &now.family[i].lost,
				      &now.family[i].filtered };

		for (int n = 0; n < 3; n++) {
			--*counters[n];
			ck_assert(!sound());
			++*counters[n];
		}
	}
	ck_assert(sound());
}
END_TEST

START_TEST(what_came_was_given_out)
{
	for (int i = 0; i < RINGS; i++) {
		next[i] = 10;
		ck_assert(sound());
		next[i] = 11;
		ck_assert(!sound());
		next[i] = 0;
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { counting_on_is_sound, none_goes_back, what_came_was_given_out };

	return RUN_TESTS_WITH("capture_counters", tests, setup, NULL);
}
