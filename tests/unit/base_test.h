/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEST_H
#define BASE_TEST_H
/* What the unit tests share: reproducible chance, files of their own, and running it all. */
#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For what is checked very often: ck_assert writes a line for every success. */
#define ENSURE(property)                                                                           \
	do {                                                                                       \
		if (!(property))                                                                   \
			ck_abort_msg("not so: %s", #property);                                     \
	} while (0)

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t chance(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* A number below limit. */
static inline size_t chance_below(uint64_t *state, size_t limit)
{
	return (size_t)(chance(state) % limit);
}

/* A number of any length in bits: small ones are as likely as large ones. */
static inline uint64_t chance_number(uint64_t *state)
{
	return chance(state) >> chance_below(state, 64);
}

static inline void chance_bytes(uint64_t *state, uint8_t *to, size_t len)
{
	while (len--)
		*to++ = (uint8_t)chance(state);
}

/* A directory that begins empty; each test has its own process and its own directory. */
static inline const char *test_dir(void)
{
	static char path[64];

	if (!path[0]) {
		snprintf(path, sizeof(path), "/tmp/indelible-test-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(path));
	}
	return path;
}

static inline const char *test_path(const char *name)
{
	static char path[4][256];
	static int turn;
	char *p = path[turn++ & 3];

	snprintf(p, sizeof(path[0]), "%s/%s", test_dir(), name);
	return p;
}

static inline void write_test_file(const char *path, const void *data, size_t len)
{
	int fd;

	unlink(path); /* a file that is truncated and written again is flushed by some systems */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static inline void drop_test_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir());
	ck_assert_int_eq(system(command), 0);
}

/* Run the tests of one file; what main returns. */
static inline int run_tests_with(const char *name, const TTest *const *tests, size_t count,
				 void (*setup)(void), void (*teardown)(void))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define RUN_TESTS(name, tests)                                                                     \
	run_tests_with(name, tests, sizeof(tests) / sizeof(*(tests)), NULL, NULL)
#define RUN_TESTS_WITH(name, tests, setup, teardown)                                               \
	run_tests_with(name, tests, sizeof(tests) / sizeof(*(tests)), setup, teardown)

#endif
