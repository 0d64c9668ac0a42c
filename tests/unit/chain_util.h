/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_UTIL_H
#define TESTS_CHAIN_UTIL_H
/* What the tests of chain/ share: a directory of their own, options, files, verdicts. */
#define _GNU_SOURCE
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/internal.h"
#include "chain/keys.h"
#include "chain/verify.h"

#define UNUSED __attribute__((unused))
#define MS     1000000ull

static char test_dir[64];   /* everything below is removed at the end */
static char chain_path[96]; /* D */
static char keys_path[112]; /* K */
static struct chain_error chain_err;

static UNUSED int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static UNUSED void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static UNUSED void use_test_dir(void)
{
	strcpy(test_dir,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/chain-XXXXXX" : "/tmp/chain-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(test_dir));
	sprintf(chain_path, "%s/D", test_dir);
	sprintf(keys_path, "%s/D.keys", test_dir);
}

static UNUSED void drop_test_dir(void)
{
	remove_tree(test_dir);
}

static UNUSED struct chain_options test_options(void)
{
	return (struct chain_options){
		.dir = chain_path,
		.name = "host",
		.machine_id = bytes_of_text("0123456789abcdef0123456789abcdef"),
		.boot_id = { 1, 2, 3 },
		.schema = bytes_of_text("schema v1"),
	};
}

/* A path, good for the next seven calls. */
__attribute__((format(printf, 1, 2))) static UNUSED char *path_of(const char *format, ...)
{
	static char path[8][512];
	static int turn;
	va_list args;

	turn = (turn + 1) % 8;
	va_start(args, format);
	vsnprintf(path[turn], sizeof(path[turn]), format, args);
	va_end(args);
	return path[turn];
}

/* A file of D (or of K: "../D.keys/x"). */
static UNUSED char *file_path(const char *name)
{
	return path_of("%s/%s", chain_path, name);
}

static UNUSED uint8_t *slurp(const char *name, size_t *len)
{
	uint8_t *data;

	ck_assert_int_eq(read_file(AT_FDCWD, file_path(name), 64 << 20, &data, len), 0);
	return data;
}

static UNUSED void spew(const char *name, const void *data, size_t len)
{
	int fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite_all(fd, data, len, 0), 0);
	close(fd);
}

static UNUSED struct chain *open_chain(struct chain_opened *opened)
{
	struct chain_options options = test_options();
	struct chain *chain = NULL;
	struct chain_opened unused;
	int err = chain_open(&chain, &options, opened ? opened : &unused, &chain_err);

	ck_assert_msg(err == 0, "chain_open: %s: %s", strerror(-err), chain_err.text);
	return chain;
}

static UNUSED uint64_t append(struct chain *chain, const char *record, enum chain_urgency urgency,
			      uint64_t now)
{
	uint64_t index = 0;
	int err = chain_append(chain, bytes_of_text(record), urgency, now, &index);

	ck_assert_msg(err == 0, "chain_append: %s: %s", strerror(-err), chain_stop_reason(chain));
	return index;
}

static UNUSED void close_chain(struct chain *chain, uint64_t now)
{
	int err = chain_close(chain, now, &chain_err);

	ck_assert_msg(err == 0, "chain_close: %s: %s", strerror(-err), chain_err.text);
}

/* Whatever the number of threads, the report is the same, to the last field. */
static UNUSED void assert_same_by_four(const struct chain_verify_options *one,
				       const struct chain_report *report)
{
	struct chain_verify_options options = *one;
	struct chain_report other;

	options.threads = 4;
	ck_assert_int_eq(chain_verify(&options, &other, &chain_err), 0);
	ck_assert_msg(memcmp(report, &other, sizeof(other)) == 0,
		      "1 thread: %d \"%s\" %s %llu [%llu, %llu) of %llu, good %llu; "
		      "4: %d \"%s\" %s %llu [%llu, %llu) of %llu, good %llu",
		      report->found, report->why, report->file, (unsigned long long)report->offset,
		      (unsigned long long)report->from, (unsigned long long)report->to,
		      (unsigned long long)report->entries, (unsigned long long)report->last_good,
		      other.found, other.why, other.file, (unsigned long long)other.offset,
		      (unsigned long long)other.from, (unsigned long long)other.to,
		      (unsigned long long)other.entries, (unsigned long long)other.last_good);
}

/* Verdict on D, judged with a perfect coverage. */
static UNUSED struct chain_report judge(const struct chain_verify_options *more)
{
	struct chain_verify_options options = more ? *more : (struct chain_verify_options){ 0 };
	struct chain_report report;
	int err;

	options.dir = chain_path;
	options.threads = 1;
	err = chain_verify(&options, &report, &chain_err);
	ck_assert_msg(err == 0, "chain_verify: %s: %s", strerror(-err), chain_err.text);
	if (!options.watch.entry && !report.live) /* else it has gone on meanwhile */
		assert_same_by_four(&options, &report);
	chain_judge(&report);
	return report;
}

#define assert_verdict(report, want)                                                               \
	ck_assert_msg((report).verdict == (want), "%s, not %s: %s %s offset %llu [%llu, %llu)",    \
		      chain_verdict_name((report).verdict), chain_verdict_name(want),              \
		      (report).why, (report).file, (unsigned long long)(report).offset,            \
		      (unsigned long long)(report).from, (unsigned long long)(report).to)

static UNUSED int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#endif
