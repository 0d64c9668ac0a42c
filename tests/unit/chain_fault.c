// SPDX-License-Identifier: Apache-2.0
/*
 * A disk that errs: every call that changes a file fails once, or fails from there on, or writes
 * half. The chain goes on in a new segment, or stops and says why; it never hangs, and never loses
 * what it called durable.
 */
#include "chain_run.h"

#include <sys/resource.h>
#include <sys/mount.h>
#include <sched.h>
#include <signal.h>

static struct fault {
	enum disk_mode mode;
	unsigned which;
	int error;
	bool short_write;
} faults[] = {
	{ DISK_FAIL_ONE, CALL_ANY, EIO, false },
	{ DISK_FAIL_REST, CALL_ANY, EIO, false },
	{ DISK_FAIL_ONE, CALL_ANY, ENOSPC, false },
	{ DISK_FAIL_REST, CALL_ANY & ~CALL_TRUNCATE, ENOSPC, false },
	{ DISK_FAIL_REST, CALL_PWRITE, ENOSPC, true },
	{ DISK_FAIL_ONE, CALL_PWRITE, EIO, true },
	{ DISK_FAIL_ONE, CALL_SYNC, EIO, false },
	{ DISK_FAIL_REST, CALL_DATASYNC, EIO, false },
};

static void break_disk(const struct fault *fault, int at)
{
	memset(&disk, 0, sizeof(disk));
	disk.mode = fault->mode;
	disk.which = fault->which;
	disk.error = fault->error;
	disk.short_write = fault->short_write;
	disk.at = at;
}

/* The run got to its end: every record is there, and the end is closed. */
static void check_whole(void)
{
	struct chain_report report = judge(NULL);

	ck_assert_uint_eq(promise->appended, RECORDS);
	promise->durable = UINT64_MAX;
	promise->moved = report.recoveries > 0;
	assert_verdict(report, report.recoveries ? CHAIN_TORN : CHAIN_OK);
	ck_assert(report.closed);
	ck_assert_uint_eq(report.unsealed, 0);
	ck_assert_uint_eq(check_records(), report.recoveries);
	cells++;
}

START_TEST(fail_at_every_call)
{
	const struct fault *fault = &faults[_i];
	int whole = 0, stopped = 0;

	for (int at = 1;; at++) {
		bool reached;
		int err;

		break_disk(fault, at);
		err = run_records();
		reached = disk.count >= at;
		disk.mode = DISK_GOOD;
		if (err == 0) {
			check_whole();
			whole++;
		} else {
			ck_assert_str_ne(chain_err.text, "");
			promise->moved = 1;
			check_crashed();
			stopped++;
		}
		forget_chain();
		if (!reached)
			break;
	}
	printf("fault %d: went on %d, stopped %d\n", _i, whole, stopped);
}
END_TEST

/* --- a disk that is really full -------------------------------------------------------------- */

static void fill_disk(void)
{
	struct chain *chain = open_chain(NULL);
	struct chain_state state;
	uint64_t index, now = 1000 * MS;
	uint8_t record[1000];
	int err = 0, entries = 0;

	memset(record, 0x10, sizeof(record));
	while (err == 0) {
		err = chain_append(chain, bytes_of(record, sizeof(record)), CHAIN_NORMAL, now,
				   &index);
		entries += err == 0;
		if (err == 0 && entries % 20 == 0) {
			now += 2000 * MS;
			err = chain_tick(chain, now);
			chain_settle(chain);
		}
		ck_assert_int_lt(entries, 10000);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(chain_stop_reason(chain), "disk full while writing"));
	ck_assert_ptr_nonnull(strstr(chain_stop_reason(chain), "D/0000000000000001.seg"));
	ck_assert_int_eq(chain_append(chain, bytes_of(record, 1), CHAIN_NORMAL, now, &index),
			 -ENOSPC);
	ck_assert_int_eq(chain_tick(chain, now), -ENOSPC);
	ck_assert_uint_eq(chain_due(chain), UINT64_MAX);
	chain_get_state(chain, &state);
	ck_assert_uint_gt(state.durable, 20);
	ck_assert_int_eq(chain_close(chain, now, &chain_err), -ENOSPC);
	promise->durable = state.durable;
	promise->sealed = state.sealed;
}

/* With space again, everything durable is there. */
static void check_refilled(void)
{
	struct chain_report report = judge(NULL);
	struct chain_opened opened;

	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_ge(report.entries, promise->durable);
	close_chain(open_chain(&opened), 1);
	ck_assert_int_eq(opened.recovered, 1);
	ck_assert_uint_ge(opened.sealed + opened.adopted, promise->durable);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(report.torn_bytes, 0);
	ck_assert(report.closed);
}

START_TEST(full_disk)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", test_dir, "tmpfs", 0, "size=256k") < 0) {
		printf("SKIP full_disk: cannot mount a small file system: %s\n", strerror(errno));
		return;
	}
	fill_disk();
	ck_assert_int_eq(mount("none", test_dir, "tmpfs", MS_REMOUNT, "size=1m"), 0);
	check_refilled();
	umount2(test_dir, MNT_DETACH);
}
END_TEST

START_TEST(file_size_limit)
{
	struct rlimit limit = { 100000, 1000000 };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fill_disk();
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_refilled();
}
END_TEST

/* The sealer signs what is on the disk only if that is what was written. */
START_TEST(changed_on_disk)
{
	struct chain *chain = open_chain(NULL);
	struct chain_state state;
	uint8_t *data;
	size_t len;

	append(chain, "\020right", CHAIN_NORMAL, 0);
	ck_assert_int_eq(chain_tick(chain, 10 * MS), 0);
	data = slurp("0000000000000001.seg", &len);
	data[len - 1] ^= 1;
	spew("0000000000000001.seg", data, len);
	free(data);
	chain_tick(chain, 1000 * MS);
	chain_settle(chain);
	ck_assert_int_eq(chain_tick(chain, 1000 * MS), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_stop_reason(chain), "does not read back as written"));
	chain_get_state(chain, &state);
	ck_assert_uint_eq(state.sealed, 1);
	ck_assert_int_eq(chain_close(chain, 1000 * MS, &chain_err), -EBADMSG);
}
END_TEST

/* More than memory holds, faster than the disk is told to sync. */
START_TEST(more_than_memory)
{
	struct chain *chain = open_chain(NULL);
	struct chain_report report;
	uint8_t record[8000];
	uint64_t index;

	memset(record, 0x10, sizeof(record));
	for (int i = 0; i < 5000; i++)
		ck_assert_int_eq(chain_append(chain, bytes_of(record, sizeof(record)), CHAIN_NORMAL,
					      0, &index),
				 0);
	ck_assert_uint_eq(index, 5000);
	close_chain(chain, 0);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.entries, 5001);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_fault");
	TCase *tcase = tcase_create("fault");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, fail_at_every_call, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(tcase, full_disk);
	tcase_add_test(tcase, file_size_limit);
	tcase_add_test(tcase, changed_on_disk);
	tcase_add_test(tcase, more_than_memory);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
