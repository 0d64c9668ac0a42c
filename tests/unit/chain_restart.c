// SPDX-License-Identifier: Apache-2.0
/*
 * Crashes: at every call that changes a file, the process dies there, or the power does and what
 * was not synced is gone or half there. Each time the chain must verify as torn, not tampered with,
 * hold every entry it had called durable, and be taken up again with one RECOVERY.
 */
#include "chain_run.h"

static int in_child(void (*prepare)(int), int at)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prepare(at);
		_exit(run_records() ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* --- the process dies ------------------------------------------------------------------------ */

static void die_at(int at)
{
	disk.which = CALL_ANY;
	disk.mode = DISK_EXIT;
	disk.at = at;
}

static void die_half_written_at(int at)
{
	disk.short_write = true;
	die_at(at);
}

static void crash_everywhere(void (*prepare)(int), void (*check)(int))
{
	int at;

	for (at = 1; in_child(prepare, at) == 9; at += STRIDE) {
		check(at);
		forget_chain();
	}
	ck_assert_int_gt(at, 100);
	printf("crash cells: %d\n", cells);
}

static void check_once(int at)
{
	(void)at;
	check_crashed();
}

START_TEST(crash_at_every_call)
{
	crash_everywhere(die_at, check_once);
}
END_TEST

START_TEST(crash_half_written)
{
	crash_everywhere(die_half_written_at, check_once);
}
END_TEST

/* The restart crashes as well, at one of its own calls, and so does the next. */
static void check_crashing_again(int at)
{
	struct promise before = *promise;

	for (int again = 0; again < 2; again++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			die_half_written_at((at * 7 + again * 3) % 19 + 1);
			chain_abandon(open_chain(NULL));
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		*promise = before;
		check_torn();
	}
	check_crashed();
}

START_TEST(crash_again_and_again)
{
	crash_everywhere(die_at, check_crashing_again);
}
END_TEST

static void die_at_rename(int at)
{
	die_at(at);
	disk.which = CALL_RENAME;
}

/* A crash between the two writes of the ratchet leaves both seeds: the old one goes before
 * anything else is done, even if that is all the restart gets to do. */
START_TEST(old_seed_goes_first)
{
	struct chain *chain = open_chain(NULL);
	size_t len, old;
	uint8_t *before = slurp("../D.keys/seal.key", &len), *after;

	append(chain, "\037", CHAIN_CRITICAL, 1000 * MS);
	chain_settle(chain);
	chain_abandon(chain);
	after = slurp("../D.keys/seal.key", &len);
	old = before[0] ? 0 : 512;
	ck_assert_int_eq(after[old], 0);
	memcpy(after + old, before + old, 512);
	spew("../D.keys/seal.key", after, len);
	ck_assert_int_eq(in_child(die_at_rename, 1), 9);
	memset(after + old, 0, 512);
	free(before);
	before = slurp("../D.keys/seal.key", &len);
	ck_assert_mem_eq(before, after, len);
	free(before);
	free(after);
}
END_TEST

/* --- the power dies -------------------------------------------------------------------------- */

static void lose_power_at(int at)
{
	snprintf(disk.shadow, sizeof(disk.shadow), "%s/durable", test_dir);
	die_at(at);
}

enum lost { LOST_ALL, LOST_SOME, LOST_TO_ZEROS, LOST_WAYS };

/* Bytes that were not synced: none of them, some sectors and a run of the new ones, or zeros in
 * the place of the new ones. */
static void lose(const char *name, enum lost lost, unsigned random)
{
	const char *real = path_of("%s/%s", test_dir, name);
	uint8_t *was, *is;
	size_t was_len, is_len, keep;

	if (read_file(AT_FDCWD, path_of("%s/durable/%s", test_dir, name), 64 << 20, &was,
		      &was_len) < 0) {
		unlink(real);
		return;
	}
	ck_assert_int_eq(read_file(AT_FDCWD, real, 64 << 20, &is, &is_len), 0);
	keep = was_len;
	if (is_len > was_len && lost == LOST_SOME)
		keep += random % (is_len - was_len + 1);
	if (is_len > was_len && lost == LOST_TO_ZEROS) {
		memset(is + was_len, 0, is_len - was_len);
		keep = is_len;
	}
	for (size_t at = 0; at < was_len && at < is_len; at += 512)
		if (lost != LOST_SOME || random >> (at / 512 % 16) & 1)
			memcpy(is + at, was + at, was_len - at < 512 ? was_len - at : 512);
	spew(path_of("../%s", name), is, keep);
	free(was);
	free(is);
}

static void lose_all(const char *dir, enum lost lost, unsigned random)
{
	DIR *d = opendir(path_of("%s/%s", test_dir, dir));
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && !strstr(entry->d_name, ".tmp"))
			lose(path_of("%s/%s", dir, entry->d_name), lost, random);
	if (d)
		closedir(d);
}

static void power_cut(enum lost lost)
{
	char durable[96], d[128], k[128];
	int at = 1;

	snprintf(durable, sizeof(durable), "%s/durable", test_dir);
	snprintf(d, sizeof(d), "%s/D", durable);
	snprintf(k, sizeof(k), "%s/D.keys", durable);
	for (;; at += STRIDE) {
		ck_assert_int_eq(mkdir(durable, 0700) | mkdir(d, 0700) | mkdir(k, 0700), 0);
		if (in_child(lose_power_at, at) != 9)
			break;
		lose_all("D", lost, (unsigned)at * 2654435761u);
		lose_all("D.keys", lost, (unsigned)at * 2654435761u);
		check_crashed();
		forget_chain();
		remove_tree(durable);
	}
	ck_assert_int_gt(at, 100);
	printf("power cut cells: %d\n", cells);
}

START_TEST(power_cut_everywhere)
{
	power_cut((enum lost)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_restart");
	TCase *tcase = tcase_create("crash");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, crash_at_every_call);
	tcase_add_test(tcase, crash_half_written);
	tcase_add_test(tcase, crash_again_and_again);
	tcase_add_test(tcase, old_seed_goes_first);
	tcase_add_loop_test(tcase, power_cut_everywhere, 0, LOST_WAYS);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
