// SPDX-License-Identifier: Apache-2.0
/*
 * A copy elsewhere: whatever call it was cut off at and whatever failed, what is there is good, no
 * more is acknowledged than is there, the next round goes on, and the chain itself is not touched.
 */
#include "chain_run.h"

#include "chain/copy.h"
#include "chain/pack.h"

static char copy_path[96];
static bool packed;		  /* the chain is packed as far as it can be */
static uint64_t had;		  /* entries that the copy held before */
static struct chain_report whole; /* of the chain */
static char vkey[256];

static void copy_dir(const char *from_path, const char *to_path)
{
	char from[128], to[128];
	DIR *d = opendir(from_path);
	struct dirent *entry;

	snprintf(from, sizeof(from), "%s", from_path);
	snprintf(to, sizeof(to), "%s", to_path);
	remove_tree(to);
	ck_assert_int_eq(mkdir(to, 0700), 0);
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			copy_file(path_of("%s/%s", from, entry->d_name),
				  path_of("%s/%s", to, entry->d_name));
	if (d)
		closedir(d);
}

static int copy_round(struct chain_copied *ret)
{
	struct chain_copy *copy;
	int err;

	ck_assert_int_eq(chain_copy_open(&copy, chain_path, copy_path), 0);
	err = chain_copy_round(copy, had, ret, &chain_err);
	chain_copy_close(copy);
	return err;
}

static struct chain_report judge_copy(const struct chain_copied *done)
{
	struct chain_held held = { .size = done ? done->size : 0 };
	struct chain_verify_options options = { .dir = copy_path, .vkey = vkey, .threads = 1 };
	struct chain_report report;

	if (done) {
		memcpy(held.root, done->root, CHAIN_HASH);
		options.held = &held;
		options.held_count = 1;
	}
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	chain_judge(&report);
	return report;
}

/* From nothing, or from a copy of what there was before the second run; plain or packed. */
static void setup_chain(int variant)
{
	struct chain_packed done;
	struct chain_copied copied;

	setup();
	sprintf(copy_path, "%s/copy", test_dir);
	packed = variant & 1;
	run_segment_bytes = 900;
	had = 0;
	ck_assert_int_eq(run_records(), 0);
	if (variant & 2) {
		ck_assert_int_eq(copy_round(&copied), 0);
		had = copied.size;
	}
	ck_assert_int_eq(run_records(), 0);
	if (packed)
		ck_assert_int_eq(chain_pack(chain_path, &done, &chain_err), 0);
	whole = judge(NULL);
	assert_verdict(whole, CHAIN_OK);
	strcpy(vkey, whole.vkey);
	copy_dir(chain_path, path_of("%s/chain", test_dir));
	copy_dir(copy_path, path_of("%s/before", test_dir));
}

static void start_again(void)
{
	copy_dir(path_of("%s/before", test_dir), copy_path);
}

/* Every file of one directory is in the other, with the same bytes. */
static void assert_within(const char *one, const char *other)
{
	char a[128], b[128];
	DIR *d;
	struct dirent *entry;

	snprintf(a, sizeof(a), "%s", one);
	snprintf(b, sizeof(b), "%s", other);
	d = opendir(a);
	while ((entry = readdir(d))) {
		uint8_t *x, *y;
		size_t n, m;

		if (entry->d_name[0] == '.')
			continue;
		ck_assert_int_eq(
			read_file(AT_FDCWD, path_of("%s/%s", a, entry->d_name), 1 << 20, &x, &n),
			0);
		ck_assert_msg(read_file(AT_FDCWD, path_of("%s/%s", b, entry->d_name), 1 << 20, &y,
					&m) == 0,
			      "%s/%s", b, entry->d_name);
		ck_assert_uint_eq(n, m);
		ck_assert_int_eq(memcmp(x, y, n), 0);
		free(x);
		free(y);
	}
	closedir(d);
}

static void check_source(void)
{
	assert_within(chain_path, path_of("%s/chain", test_dir));
	assert_within(path_of("%s/chain", test_dir), chain_path);
}

/* What is there is good for itself, and never less than what was acknowledged. */
static void check_partial(void)
{
	struct chain_report report;

	if (access(path_of("%s/seals", copy_path), F_OK) < 0) {
		ck_assert_uint_eq(had, 0);
		return;
	}
	report = judge_copy(NULL);
	ck_assert_msg(report.found == CHAIN_OK, "%s in %s", report.why, report.file);
	ck_assert_uint_ge(report.sealed, had);
}

static void check_whole(const struct chain_copied *done)
{
	struct chain_report report = judge_copy(done);

	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(done->size, whole.sealed);
	ck_assert_mem_eq(done->root, whole.root, CHAIN_HASH);
	ck_assert_uint_eq(report.entries, whole.entries);
	ck_assert_uint_eq(report.stray, 0);
}

static void check_goes_on(void)
{
	struct chain_copied done;
	int err;

	check_source();
	check_partial();
	err = copy_round(&done);
	ck_assert_msg(err == 0, "%s: %s", strerror(-err), chain_err.text);
	check_whole(&done);
	check_source();
	cells++;
}

START_TEST(as_it_should_be)
{
	struct chain_copied done;

	setup_chain(_i);
	ck_assert_int_eq(copy_round(&done), 0);
	ck_assert_int_eq(done.created, had == 0);
	check_whole(&done);
	ck_assert_str_eq(done.vkey, vkey);
	ck_assert_uint_gt(done.bytes, 0);
	check_goes_on();
	had = done.size;
	ck_assert_int_eq(copy_round(&done), 0);
	ck_assert_uint_eq(done.bytes, 0);
}
END_TEST

/* --- errors ---------------------------------------------------------------------------------- */

static int copy_failing(enum disk_mode mode, unsigned which, int at, int error,
			struct chain_copied *ret)
{
	int err;

	disk.mode = mode;
	disk.which = which;
	disk.at = at;
	disk.count = 0;
	disk.error = error;
	err = copy_round(ret);
	disk.mode = DISK_GOOD;
	return err;
}

static void try_every_call(enum disk_mode mode, int error)
{
	int failed = 0;

	for (int at = 1;; at++) {
		struct chain_copied done;
		int err = copy_failing(mode, CALL_ANY | CALL_UNLINK, at, error, &done);

		if (err) {
			ck_assert_msg(err == -error, "call %d: %s: %s", at, strerror(-err),
				      chain_err.text);
			ck_assert_ptr_nonnull(strstr(chain_err.text, copy_path));
			ck_assert_ptr_nonnull(strstr(chain_err.text, strerror(error)));
			failed++;
		} else {
			check_whole(&done);
		}
		check_goes_on();
		start_again();
		if (disk.count < at)
			break;
	}
	ck_assert_int_gt(failed, 8);
	printf("copy error cells: %d\n", cells);
}

START_TEST(every_call_fails)
{
	static const int errors[] = { EIO, ENOSPC, EROFS };

	setup_chain(_i & 3);
	disk.short_write = _i & 4;
	for (int i = 0; i < 3; i++)
		try_every_call(DISK_FAIL_ONE, errors[i]);
}
END_TEST

/* The disk is full from then on. */
START_TEST(all_calls_fail)
{
	setup_chain(_i);
	try_every_call(DISK_FAIL_REST, ENOSPC);
}
END_TEST

/* A place that keeps something else than it was given is not acknowledged. */
START_TEST(written_wrong)
{
	setup_chain(_i);
	for (int at = 1;; at++) {
		struct chain_copied done;
		int err = copy_failing(DISK_LIE, CALL_PWRITE, at, 0, &done);

		check_source();
		if (disk.count < at) {
			ck_assert_int_eq(err, 0);
			break;
		}
		ck_assert_msg(err == -EIO, "write %d: %s: %s", at, strerror(-err), chain_err.text);
		ck_assert_ptr_nonnull(strstr(chain_err.text, "does not read back as written"));
		ck_assert_int_eq(copy_round(&done), 0);
		check_whole(&done);
		start_again();
		cells++;
	}
	ck_assert_int_gt(cells, 3);
}
END_TEST

/* --- cut off --------------------------------------------------------------------------------- */

/* 9: it ended at that call. */
static int copy_until(int at, bool half)
{
	struct chain_copied done;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		disk.short_write = half;
		_exit(copy_failing(DISK_EXIT, CALL_ANY | CALL_UNLINK, at, 0, &done) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(dies_at_every_call)
{
	int at;

	setup_chain(_i & 3);
	for (at = 1; copy_until(at, _i & 4) == 9; at += STRIDE) {
		check_goes_on();
		start_again();
	}
	ck_assert_int_gt(at, 8);
	printf("copy crash cells: %d\n", cells);
}
END_TEST

START_TEST(dies_again_and_again)
{
	setup_chain(_i & 3);
	for (int at = 1; copy_until(at, _i & 4) == 9; at++)
		check_partial();
	check_goes_on();
}
END_TEST

/* The place after the power went: what was synced, under the names that were synced. */
static void lose_power(void)
{
	remove_tree(copy_path);
	ck_assert_int_eq(rename(path_of("%s/durable/copy", test_dir), copy_path), 0);
}

START_TEST(power_cut_at_every_call)
{
	int ended = 9;

	setup_chain(_i);
	for (int at = 1; ended == 9; at += STRIDE) {
		remove_tree(path_of("%s/durable", test_dir));
		ck_assert_int_eq(mkdir(path_of("%s/durable", test_dir), 0700), 0);
		copy_dir(copy_path, path_of("%s/durable/copy", test_dir));
		snprintf(disk.shadow, sizeof(disk.shadow), "%s/durable", test_dir);
		ended = copy_until(at, false);
		disk.shadow[0] = 0;
		lose_power();
		if (ended == 0)
			assert_verdict(judge_copy(NULL), CHAIN_OK); /* acknowledged, so durable */
		check_goes_on();
		start_again();
	}
	ck_assert_int_eq(ended, 0);
	printf("copy power cut cells: %d\n", cells);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_copy");
	TCase *tcase = tcase_create("copy");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, as_it_should_be, 0, 4);
	tcase_add_loop_test(tcase, every_call_fails, 0, 8);
	tcase_add_loop_test(tcase, all_calls_fail, 0, 4);
	tcase_add_loop_test(tcase, written_wrong, 0, 4);
	tcase_add_loop_test(tcase, dies_at_every_call, 0, 8);
	tcase_add_loop_test(tcase, dies_again_and_again, 0, 8);
	tcase_add_loop_test(tcase, power_cut_at_every_call, 0, 4);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
