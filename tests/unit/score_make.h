/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_MAKE_H
#define SCORE_MAKE_H
/* Records and reproducible chance for the tests of score. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "score/score.h"

#define SECOND 1000000000ull
#define HOUR   (3600 * SECOND)
#define EPOCH  (1767225600ull * SECOND) /* 2026-01-01, a Thursday */

static const struct score_options test_options = { .key = "fifteen letters" };

static inline uint64_t chance(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline struct record make_event(uint8_t kind, const char *user, uint64_t time)
{
	return (struct record){ .kind = kind,
				.time = time,
				.actor = ACTOR_HUMAN,
				.how = HOW_LOGINUID,
				.auid = 1000,
				.session = 7,
				.pid = 4242,
				.cred = { .uid = 1000, .euid = 1000, .suid = 1000 },
				.old_cred = { .uid = 1000, .euid = 1000, .suid = 1000 },
				.exe = bytes_of_text("/usr/bin/bash"),
				.user = bytes_of_text(user) };
}

static inline struct record make_exec(const char *user, const char *program, uint64_t time)
{
	struct record r = make_event(RECORD_EXEC, user, time);

	r.exe = r.path = bytes_of_text(program);
	r.via = bytes_of("/usr/sbin/sshd\0/usr/bin/bash", 29);
	return r;
}

static inline struct record make_open(const char *user, const char *path, uint32_t flags,
				      uint64_t time)
{
	struct record r = make_event(RECORD_OPEN, user, time);

	r.path = bytes_of_text(path);
	r.open_flags = flags;
	r.result = 3;
	return r;
}

/* Run the tests of one file; what main returns. */
static inline int run_tests(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 240);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
