// SPDX-License-Identifier: Apache-2.0
/* One log ends, another begins in its place and says so, whatever stops it on the way. */
#include "chain_run.h"

#include "chain/segment.h"

static struct chain_rotated rotated;

static int rotate(void)
{
	struct chain_options options = test_options();

	return chain_rotate(&options, bytes_of_text("schema of old"), &rotated, &chain_err);
}

static void assert_rotates(void)
{
	ck_assert_msg(rotate() == 0, "%s", chain_err.text);
}

static char *vkey_in(const char *dir)
{
	static char text[4][256];
	static int turn;
	char *vkey = text[turn = (turn + 1) % 4];
	uint8_t *data;
	size_t len;

	ck_assert_int_eq(read_file(AT_FDCWD, path_of("%s/identity.pub", dir), 255, &data, &len), 0);
	snprintf(vkey, 256, "%.*s", (int)len - 1, (char *)data);
	free(data);
	return vkey;
}

static struct chain_report judge_dir(const char *dir)
{
	struct chain_report report;

	ck_assert_int_eq(
		chain_verify(&(struct chain_verify_options){ .dir = dir }, &report, &chain_err), 0);
	chain_judge(&report);
	return report;
}

/* The LINK entry in dir of that direction; its vkey in ret. 0 when there is none. */
static int find_link(const char *dir, unsigned direction, char *vkey, uint64_t *size,
		     uint8_t root[32])
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct link link;
	int found = 0;

	ck_assert_int_eq(chain_reader_open(&reader, dir, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1) {
		if (link_decode(entry.bytes, &link) || link.direction != direction)
			continue;
		/* A hand-over that was cut short is said again. */
		ck_assert(!found++ || direction == LINK_FORWARD);
		snprintf(vkey, 256, "%.*s", (int)link.vkey.len, (char *)link.vkey.data);
		*size = link.size;
		memcpy(root, link.root, 32);
		if (direction == LINK_BACK)
			ck_assert_uint_eq(entry.index, 1);
	}
	chain_reader_close(reader);
	return found > 0;
}

static void write_log(void)
{
	struct chain *chain = open_chain(NULL);

	append(chain, "\x20 one", CHAIN_NORMAL, 1);
	append(chain, "\x20 two", CHAIN_CRITICAL, 2);
	close_chain(chain, 3);
}

/* D is a new log that names old, and can be written; old is whole. */
static void check_rotated(const char *old_vkey, bool handed_over)
{
	char vkey[256];
	uint8_t root[32], held_root[32];
	uint64_t size;
	struct chain_held held;
	struct chain_verify_options options = { .dir = rotated.kept };
	struct chain_report report;

	ck_assert_int_eq(find_link(chain_path, LINK_BACK, vkey, &size, root), 1);
	ck_assert_str_eq(vkey, old_vkey);
	ck_assert_str_ne(vkey_in(chain_path), old_vkey);
	held.size = size;
	memcpy(held.root, root, 32);
	options.held = &held;
	options.held_count = 1;
	options.vkey = old_vkey;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	chain_judge(&report);
	ck_assert_str_eq(report.continued_by.vkey, handed_over ? vkey_in(chain_path) : "");
	if (handed_over) {
		assert_verdict(report, report.recoveries ? CHAIN_TORN : CHAIN_OK);
		ck_assert(report.closed);
		ck_assert_int_eq(find_link(rotated.kept, LINK_FORWARD, vkey, &size, held_root), 1);
		ck_assert_str_eq(vkey, vkey_in(chain_path));
	}
	write_log();
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_str_eq(report.continues.vkey, old_vkey);
	ck_assert_uint_eq(report.continues.size, held.size);
	ck_assert_mem_eq(report.continues.root, held.root, 32);
	ck_assert_str_eq(report.continued_by.vkey, "");
}

START_TEST(test_hand_over)
{
	char old[256];

	write_log();
	strcpy(old, vkey_in(chain_path));
	assert_rotates();
	ck_assert(rotated.handed_over);
	check_rotated(old, true);
	ck_assert_int_ne(access(path_of("%s.keys", rotated.kept), F_OK), 0);
	ck_assert_int_ne(access(path_of("%s.next", chain_path), F_OK), 0);
}
END_TEST

/* What no seal covers is nobody's word. */
START_TEST(test_hand_over_that_is_not_sealed)
{
	struct chain_report report;
	uint8_t *data;
	size_t len;

	write_log();
	assert_rotates();
	report = judge_dir(rotated.kept);
	ck_assert_str_eq(report.continued_by.vkey, vkey_in(chain_path));
	ck_assert_str_eq(report.continues.vkey, "");
	ck_assert_int_eq(
		read_file(AT_FDCWD, path_of("%s/seals", rotated.kept), 1 << 20, &data, &len), 0);
	ck_assert_int_eq(truncate(path_of("%s/seals", rotated.kept), (off_t)len - SEAL_LEN), 0);
	free(data);
	report = judge_dir(rotated.kept);
	assert_verdict(report, CHAIN_ROLLBACK);
	ck_assert_uint_gt(report.unsealed, 0);
	ck_assert_str_eq(report.continued_by.vkey, "");
}
END_TEST

START_TEST(test_old_cannot_go_on)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	char old[256];

	write_log();
	strcpy(old, vkey_in(chain_path));
	/* Even with its keys kept. */
	ck_assert_int_eq(system(path_of("cp -a %s %s/kept.keys", keys_path, test_dir)), 0);
	assert_rotates();
	remove_tree(chain_path);
	ck_assert_int_eq(rename(rotated.kept, chain_path), 0);
	remove_tree(keys_path);
	ck_assert_int_eq(rename(path_of("%s/kept.keys", test_dir), keys_path), 0);
	/* The seal key in that copy is for an earlier seal; the ratchet goes on from there. */
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), -EKEYREVOKED);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "handed over"));
}
END_TEST

START_TEST(test_twice)
{
	char first[256], second[256], vkey[256];
	uint8_t root[32];
	uint64_t size;

	write_log();
	strcpy(first, vkey_in(chain_path));
	assert_rotates();
	strcpy(second, vkey_in(chain_path));
	assert_rotates();
	ck_assert_str_ne(first, second);
	check_rotated(second, true);
	ck_assert_int_eq(find_link(rotated.kept, LINK_BACK, vkey, &size, root), 1);
	ck_assert_str_eq(vkey, first);
}
END_TEST

START_TEST(test_nothing_there)
{
	assert_rotates();
	ck_assert_str_eq(rotated.kept, "");
	write_log();
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

START_TEST(test_log_is_gone)
{
	write_log();
	remove_tree(chain_path);
	assert_rotates();
	write_log();
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

START_TEST(test_tampered)
{
	char old[256];
	uint8_t *data;
	size_t len;

	write_log();
	strcpy(old, vkey_in(chain_path));
	data = slurp("0000000000000001.seg", &len);
	data[len - 3] ^= 1;
	spew("0000000000000001.seg", data, len);
	free(data);
	assert_rotates();
	ck_assert(!rotated.handed_over);
	ck_assert_str_ne(rotated.refusal.text, "");
	ck_assert_int_eq(judge_dir(rotated.kept).verdict, CHAIN_TAMPER);
	check_rotated(old, false);
}
END_TEST

START_TEST(test_rolled_back)
{
	char old[256];

	write_log();
	ck_assert_int_eq(system(path_of("cp -a %s %s/early", chain_path, test_dir)), 0);
	write_log();
	strcpy(old, vkey_in(chain_path));
	remove_tree(chain_path);
	ck_assert_int_eq(rename(path_of("%s/early", test_dir), chain_path), 0);
	assert_rotates();
	ck_assert_ptr_nonnull(strstr(rotated.refusal.text, "rolled back"));
	check_rotated(old, false);
}
END_TEST

START_TEST(test_clone)
{
	struct chain_options options = test_options();
	char old[256];

	write_log();
	strcpy(old, vkey_in(chain_path));
	options.machine_id = bytes_of_text("another");
	ck_assert_msg(
		chain_rotate(&options, bytes_of_text("schema of old"), &rotated, &chain_err) == 0,
		"%s", chain_err.text);
	ck_assert_ptr_nonnull(strstr(rotated.refusal.text, "another machine"));
	assert_verdict(judge_dir(rotated.kept), CHAIN_OK);
	ck_assert_str_ne(vkey_in(chain_path), old);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

START_TEST(test_is_written)
{
	struct chain *chain = open_chain(NULL);

	ck_assert_int_eq(rotate(), -EWOULDBLOCK);
	append(chain, "\x20 goes on", CHAIN_NORMAL, 1);
	close_chain(chain, 2);
	assert_verdict(judge(NULL), CHAIN_OK);
	ck_assert_int_ne(access(path_of("%s.next", chain_path), F_OK), 0);
}
END_TEST

/* Did the call that was cut short come far enough? */
static bool is_in_place(const char *old_vkey)
{
	return access(chain_path, F_OK) == 0 && strcmp(vkey_in(chain_path), old_vkey) != 0;
}

/* A crash in the midst of moving leaves keys without a log, and nobody to hand over. */
static bool is_handed_over(const char *old_vkey)
{
	char vkey[256];
	uint8_t root[32];
	uint64_t size;

	ck_assert_str_eq(vkey_in(rotated.kept), old_vkey);
	return find_link(rotated.kept, LINK_FORWARD, vkey, &size, root);
}

/* Every call that changes a file is once the last; the next call ends what this one began. */
START_TEST(test_crash_anywhere)
{
	char old[256];
	int at;

	for (at = 1;; at++) {
		int status;
		pid_t child;

		remove_tree(test_dir);
		ck_assert_int_eq(mkdir(test_dir, 0700), 0);
		write_log();
		strcpy(old, vkey_in(chain_path));
		child = fork();
		if (child == 0) {
			disk.mode = DISK_EXIT;
			disk.which = CALL_ANY;
			disk.at = at;
			_exit(rotate() ? 1 : 0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFEXITED(status));
		if (WEXITSTATUS(status) == 0)
			break;
		ck_assert_int_eq(WEXITSTATUS(status), 9);
		if (!is_in_place(old))
			assert_rotates();
		snprintf(rotated.kept, sizeof(rotated.kept), "%s.old-%.16s", chain_path,
			 strstr(old, "/indelible/") + 11);
		check_rotated(old, is_handed_over(old));
		ck_assert_int_ne(access(path_of("%s.next", chain_path), F_OK), 0);
		cells++;
	}
	printf("rotation crash cells: %d\n", cells);
	ck_assert_int_gt(cells, 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_rotate");
	TCase *tcase = tcase_create("rotate");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_hand_over);
	tcase_add_test(tcase, test_hand_over_that_is_not_sealed);
	tcase_add_test(tcase, test_old_cannot_go_on);
	tcase_add_test(tcase, test_twice);
	tcase_add_test(tcase, test_nothing_there);
	tcase_add_test(tcase, test_log_is_gone);
	tcase_add_test(tcase, test_tampered);
	tcase_add_test(tcase, test_rolled_back);
	tcase_add_test(tcase, test_clone);
	tcase_add_test(tcase, test_is_written);
	tcase_add_test(tcase, test_crash_anywhere);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
