// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "score/alert.h"
#include "score_make.h"

static struct bytes encode(const struct alert_parts *parts, uint8_t *to)
{
	return bytes_of(to, alert_parts_encode(parts, to));
}

static const struct alert_parts example = {
	.count = 4,
	.part = { { FEATURE_SEVERITY,
		    61440,
		    0,
		    91002,
		    0,
		    12,
		    { (const uint8_t *)"T1003.007 read a process's memory: /proc/812/mem", 48 } },
		  { FEATURE_PROGRAM,
		    8192,
		    0,
		    18233,
		    0,
		    12,
		    { (const uint8_t *)"/usr/bin/gdb", 12 } },
		  { PART_REST, 4096, 1, 0, 0, 0, { NULL, 0 } },
		  { PART_DRIFT, -1229, 9, 0, 0, 0, { NULL, 0 } } }
};

START_TEST(parts_come_back)
{
	uint8_t to[PARTS_ENCODED], again[PARTS_ENCODED];
	struct bytes encoded = encode(&example, to);
	struct alert_parts back;

	ck_assert_int_eq(alert_parts_decode(encoded, &back), 0);
	ck_assert_uint_eq(back.count, example.count);
	ck_assert_int_eq(alert_parts_sum(&back), 61440 + 8192 + 4096 - 1229);
	ck_assert(bytes_equal(encode(&back, again), encoded));
}
END_TEST

START_TEST(every_cut_is_refused)
{
	uint8_t to[PARTS_ENCODED], again[PARTS_ENCODED];
	struct bytes encoded = encode(&example, to);
	struct alert_parts back;

	for (size_t len = 0; len < encoded.len; len++)
		if (alert_parts_decode(bytes_of(to, len), &back) == 0)
			ck_assert(bytes_equal(encode(&back, again), bytes_of(to, len)));
	to[encoded.len] = 0;
	ck_assert_int_eq(alert_parts_decode(bytes_of(to, encoded.len + 1), &back), -EBADMSG);
	ck_assert_int_eq(alert_parts_decode(bytes_of(NULL, 0), &back), -EBADMSG);
}
END_TEST

/* Whatever decodes encodes to the same bytes. */
START_TEST(changed_bytes_are_refused_or_canonical)
{
	uint64_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		uint8_t to[PARTS_ENCODED], again[PARTS_ENCODED];
		struct bytes encoded = encode(&example, to);
		struct alert_parts back;

		for (uint64_t n = chance(&seed) % 4 + 1; n; n--)
			to[chance(&seed) % encoded.len] = (uint8_t)chance(&seed);
		if (alert_parts_decode(encoded, &back))
			continue;
		ck_assert(bytes_equal(encode(&back, again), encoded));
	}
}
END_TEST

START_TEST(explanation_counts)
{
	uint8_t to[PARTS_ENCODED];
	struct record alert = { .kind = RECORD_ALERT,
				.entity = bytes_of_text("alice"),
				.parts = encode(&example, to),
				.score = 72499,
				.first = 88211,
				.at = 88219 };
	char line[1024], small[20];

	ck_assert_int_gt(alert_explain(&alert, line, sizeof(line)), 0);
	ck_assert_str_eq(line,
			 "alice read a process's memory: /proc/812/mem first time (0 of 91,002 "
			 "events), peers 0/12, +60.0 bits; ran /usr/bin/gdb first time (0 of "
			 "18,233 execs), peers 0/12, +8.0 bits; other tokens (1) +4.0 bits; "
			 "drift (9 records) -1.2 bits; sum +70.8 bits; T1003.007; evidence "
			 "88211-88219");
	ck_assert_int_eq(alert_explain(&alert, small, sizeof(small)), sizeof(small) - 1);
	ck_assert_str_eq(small, "alice read a proces");
	alert.parts.len--;
	ck_assert_int_eq(alert_explain(&alert, line, sizeof(line)), -EBADMSG);
}
END_TEST

/* Thousands of alerts out of nonsense: each adds up. */
START_TEST(parts_add_up_to_the_score)
{
	static const char *const paths[] = { "/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/mem",
					     "/etc/cron.d/x", "/usr/lib/libc.so.6" };
	struct score *score;
	uint64_t seed = 2, time = EPOCH;
	unsigned alerts = 0;

	ck_assert_int_eq(score_open(&score, &test_options), 0);
	for (uint64_t i = 0; i < 400000; i++) {
		char user[16], program[32];
		struct record r, alert;
		struct alert_parts parts;

		time += chance(&seed) % (20 * SECOND);
		snprintf(user, sizeof(user), "user%u", (unsigned)(chance(&seed) % 500));
		snprintf(program, sizeof(program), "/opt/p%u", (unsigned)(chance(&seed) % 3000));
		if (chance(&seed) % 4)
			r = make_exec(user, program, time);
		else
			r = make_open(user, paths[chance(&seed) % 5], chance(&seed) % 3, time);
		r.start = i / 3;
		if (!score_record(score, i, &r, &alert))
			continue;
		alerts++;
		ck_assert_uint_eq(alert.kind, RECORD_ALERT);
		ck_assert_uint_eq(alert.at, i);
		ck_assert_uint_le(alert.first, i);
		ck_assert_int_ge(alert.score, alert.limit);
		ck_assert_int_eq(alert_parts_decode(alert.parts, &parts), 0);
		ck_assert_int_eq(alert_parts_sum(&parts), alert.score);
		for (size_t p = 1; p < parts.count && feature_row(parts.part[p].feature); p++)
			ck_assert_int_le(parts.part[p].contribution,
					 parts.part[p - 1].contribution);
	}
	ck_assert_uint_gt(alerts, 1000);
	score_close(score);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { parts_come_back, every_cut_is_refused,
				 changed_bytes_are_refused_or_canonical, explanation_counts,
				 parts_add_up_to_the_score };

	return run_tests("score_alert", tests, sizeof(tests) / sizeof(*tests));
}
