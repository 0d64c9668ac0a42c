// SPDX-License-Identifier: Apache-2.0
/*
 * Packing: what is packed verifies and reads as before, whatever call it was cut off at, whatever
 * fails, whoever else does the same, and while the chain is written.
 */
#include "chain_run.h"

#include <sys/file.h>

#include "chain/pack.h"
#include "chain/segment_file.h"

static struct chain_report good;
static uint64_t last; /* number of the last segment */

static uint64_t count_files(const char *suffix)
{
	DIR *d = opendir(chain_path);
	struct dirent *entry;
	uint64_t n = 0;

	while ((entry = readdir(d))) {
		size_t len = strlen(entry->d_name), tail = strlen(suffix);

		n += len > tail && strcmp(entry->d_name + len - tail, suffix) == 0;
	}
	closedir(d);
	return n;
}

static void copy_dir(const char *from_path, const char *to_path)
{
	char from[128], to[128];
	DIR *d = opendir(from_path);
	struct dirent *entry;

	snprintf(from, sizeof(from), "%s", from_path);
	snprintf(to, sizeof(to), "%s", to_path);
	ck_assert_ptr_nonnull(d);
	ck_assert_int_eq(mkdir(to, 0700), 0);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			copy_file(path_of("%s/%s", from, entry->d_name),
				  path_of("%s/%s", to, entry->d_name));
	closedir(d);
}

static const char *saved(void)
{
	return path_of("%s/saved", test_dir);
}

static void restore(void)
{
	remove_tree(chain_path);
	copy_dir(saved(), chain_path);
}

static void setup_chain(void)
{
	setup();
	run_segment_bytes = 500;
	ck_assert_int_eq(run_records(), 0);
	good = judge(NULL);
	assert_verdict(good, CHAIN_OK);
	last = count_files(".seg");
	ck_assert_uint_gt(last, 3);
	copy_dir(chain_path, saved());
}

static struct chain_packed pack(void)
{
	struct chain_packed packed;
	int err = chain_pack(chain_path, &packed, &chain_err);

	ck_assert_msg(err == 0, "chain_pack: %s: %s", strerror(-err), chain_err.text);
	return packed;
}

static void check_same(void)
{
	struct chain_report report = judge(NULL);

	assert_verdict(report, CHAIN_OK);
	ck_assert_mem_eq(report.root, good.root, CHAIN_HASH);
	ck_assert_uint_eq(report.entries, good.entries);
	ck_assert_uint_eq(report.stray, 0);
	check_records();
}

static void check_all_packed(void)
{
	ck_assert_uint_eq(count_files(".seg"), 1);
	ck_assert_uint_eq(count_files(".segz"), last - 1);
	ck_assert_uint_eq(count_files(".tmp"), 0);
	check_same();
}

/* Whatever has happened, packing again does the rest. */
static void check_goes_on(void)
{
	check_same();
	pack();
	check_all_packed();
	cells++;
}

/* --- as it should be ------------------------------------------------------------------------- */

START_TEST(all_but_the_last)
{
	struct chain_packed packed = pack();
	uint64_t before = 0, after = 0;

	ck_assert_uint_eq(packed.segments, last - 1);
	ck_assert_uint_eq(packed.busy, 0);
	for (uint64_t i = 1; i < last; i++) {
		struct stat st;

		ck_assert_int_eq(stat(path_of("%s/%016x.seg", saved(), (unsigned)i), &st), 0);
		before += (uint64_t)st.st_size;
		ck_assert_int_eq(stat(path_of("%s/%016x.segz", chain_path, (unsigned)i), &st), 0);
		after += (uint64_t)st.st_size;
		ck_assert_int_eq(st.st_mode & 0777, 0600);
	}
	ck_assert_uint_eq(packed.before, before);
	ck_assert_uint_eq(packed.after, after);
	ck_assert_uint_lt(after, before);
	check_all_packed();
	ck_assert_uint_eq(pack().segments, 0);
	check_all_packed();
}
END_TEST

START_TEST(every_bit)
{
	size_t len;
	uint8_t *data;

	pack();
	data = slurp("0000000000000002.segz", &len);
	ck_assert_mem_eq(data, "INDSEGZ2", 8);
	for (size_t at = 0; at < len; at++)
		for (int bit = 0; bit < 8; bit++) {
			struct chain_report report;
			bool version;

			data[at] ^= (uint8_t)(1 << bit);
			version = at == 7 && data[7] >= '0' && data[7] <= '9';
			spew("0000000000000002.segz", data, len);
			report = judge(NULL);
			assert_verdict(report, version ? CHAIN_UNVERIFIABLE : CHAIN_TAMPER);
			data[at] ^= (uint8_t)(1 << bit);
		}
	spew("0000000000000002.segz", data, len);
	free(data);
	check_all_packed();
}
END_TEST

/* The next run takes the chain up, and its first seal makes the last segment one to be packed. */
START_TEST(next_run)
{
	struct chain_opened opened;
	struct chain *chain;

	pack();
	chain = open_chain(&opened);
	ck_assert_int_eq(opened.recovered, 0);
	chain_settle(chain);
	ck_assert_uint_eq(pack().segments, 1);
	append(chain, "\037", CHAIN_NORMAL, 0);
	close_chain(chain, 0);
	ck_assert_uint_eq(count_files(".seg"), 1);
	ck_assert_uint_eq(count_files(".segz"), last);
	assert_verdict(judge(NULL), CHAIN_OK);
	check_records();
}
END_TEST

/* Beside a writer, again and again, with readers and a verifier. */
START_TEST(beside_a_writer)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	uint64_t segments = 0;

	forget_chain();
	options.segment_bytes = 2000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	for (unsigned i = 0; i < 400; i++) {
		char record[64];

		make_record(record, i);
		append(chain, record, i % 3, i * 100 * MS);
		ck_assert_int_eq(chain_tick(chain, i * 100 * MS + 10 * MS), 0);
		if (i % 3 == 0)
			chain_settle(chain); /* a new segment begins when the last is sealed */
		if (i % 5 == 0)
			segments += pack().segments;
		if (i % 20 == 0)
			assert_verdict(judge(NULL), CHAIN_OK);
	}
	close_chain(chain, 40000 * MS);
	segments += pack().segments;
	ck_assert_uint_gt(segments, 5);
	ck_assert_uint_eq(count_files(".seg"), 1);
	ck_assert_uint_eq(count_files(".segz"), segments);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* Nothing is packed that no seal reaches beyond. */
START_TEST(not_sealed)
{
	size_t len;
	uint8_t *seals = slurp("seals", &len);
	uint64_t packed = 0;

	for (size_t k = 0; k < len / 160; k++) {
		uint64_t size = k ? get_u64(seals + 160 * k + 16) : 0;

		spew("seals", seals, 160 * (k + 1));
		packed += pack().segments;
		for (unsigned i = 1; i <= last; i++) {
			struct segment segment;
			int dirfd = open(chain_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			const char *why;
			bool is_packed;

			ck_assert_int_eq(segment_open(dirfd, i, &segment, &why), 0);
			is_packed = i < last && segment.unpack;
			if (i < last) {
				struct segment next;

				ck_assert_int_eq(segment_open(dirfd, i + 1, &next, &why), 0);
				ck_assert_int_eq(is_packed, next.header.tree.size < size);
				segment_close(&next);
			}
			segment_close(&segment);
			close(dirfd);
		}
	}
	ck_assert_uint_eq(packed, last - 1);
	/* a torn last seal is none */
	restore();
	spew("seals", seals, 320 + 70);
	pack();
	spew("seals", seals, len);
	seals[len - 20] ^= 1;
	pack();
	seals[len - 20] ^= 1;
	spew("seals", seals, len);
	free(seals);
	check_goes_on();
}
END_TEST

START_TEST(no_chain)
{
	struct chain_packed packed;

	remove_tree(chain_path);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(chain_err.text, chain_path));
	ck_assert_int_eq(mkdir(chain_path, 0700), 0);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "there is no chain"));
	restore();
	spew("seals", "INDSEAL2", 8);
	ck_assert_int_lt(chain_pack(chain_path, &packed, &chain_err), 0);
	unlink(file_path("seals"));
	ck_assert_int_lt(chain_pack(chain_path, &packed, &chain_err), 0);
	ck_assert_uint_eq(count_files(".segz"), 0);
}
END_TEST

/* --- cut off --------------------------------------------------------------------------------- */

/* Pack in a process of its own that ends at the given call. 9: it did. */
static int pack_until(int at, bool half)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct chain_packed packed;

		disk.which = CALL_ANY | CALL_UNLINK;
		disk.mode = DISK_EXIT;
		disk.short_write = half;
		disk.at = at;
		_exit(chain_pack(chain_path, &packed, &chain_err) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(dies_at_every_call)
{
	int at;

	for (at = 1; pack_until(at, _i) == 9; at += STRIDE) {
		check_goes_on();
		restore();
	}
	ck_assert_int_gt(at, 20);
	printf("pack crash cells: %d\n", cells);
}
END_TEST

/* Cut off again and again, each time a little further. */
START_TEST(dies_again_and_again)
{
	for (int at = 1; pack_until(at, _i) == 9; at++)
		check_same();
	check_goes_on();
}
END_TEST

/* The disk as it is after the power went: what was synced, under the names that were synced. Files
 * that were removed are gone, or are still there. */
static void lose_power(bool removals_stay)
{
	DIR *d = opendir(path_of("%s/durable/D", test_dir));
	struct dirent *entry;

	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && removals_stay &&
		    access(file_path(entry->d_name), F_OK) < 0)
			unlink(path_of("%s/durable/D/%s", test_dir, entry->d_name));
	closedir(d);
	remove_tree(chain_path);
	ck_assert_int_eq(rename(path_of("%s/durable/D", test_dir), chain_path), 0);
}

START_TEST(power_cut_at_every_call)
{
	int at = 1;

	for (;; at += STRIDE) {
		int ended;

		remove_tree(path_of("%s/durable", test_dir));
		ck_assert_int_eq(mkdir(path_of("%s/durable", test_dir), 0700), 0);
		copy_dir(chain_path, path_of("%s/durable/D", test_dir));
		snprintf(disk.shadow, sizeof(disk.shadow), "%s/durable", test_dir);
		ended = pack_until(at, false);
		disk.shadow[0] = 0;
		lose_power(_i);
		check_goes_on();
		restore();
		if (ended != 9)
			break;
	}
	ck_assert_int_gt(at, 20);
	printf("pack power cut cells: %d\n", cells);
}
END_TEST

/* --- errors ---------------------------------------------------------------------------------- */

static int pack_failing(enum disk_mode mode, unsigned which, int at, int error)
{
	struct chain_packed packed;
	int err;

	disk.mode = mode;
	disk.which = which;
	disk.at = at;
	disk.count = 0;
	disk.error = error;
	err = chain_pack(chain_path, &packed, &chain_err);
	disk.mode = DISK_GOOD;
	return err;
}

START_TEST(every_call_fails)
{
	static const int errors[] = { EIO, ENOSPC, EROFS };
	int failed = 0;

	disk.short_write = _i >= 3;
	for (int at = 1;; at++) {
		int err = pack_failing(DISK_FAIL_ONE, CALL_ANY | CALL_UNLINK, at, errors[_i % 3]);

		if (err) {
			ck_assert_int_eq(err, -errors[_i % 3]);
			ck_assert_ptr_nonnull(strstr(chain_err.text, ".seg, it stays as it is"));
			ck_assert_uint_eq(count_files(".tmp"), 0);
			failed++;
		}
		ck_assert_uint_le(last, count_files(".seg") + count_files(".segz"));
		check_goes_on();
		restore();
		if (disk.count < at)
			break;
	}
	ck_assert_int_gt(failed, disk.short_write ? 5 : 10);
}
END_TEST

/* No room: the packed form that was begun goes, so that packing does not fill what is left. */
START_TEST(full_disk)
{
	ck_assert_int_eq(pack_failing(DISK_FAIL_REST, CALL_PWRITE, 1 + _i, ENOSPC), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "No space left on device"));
	ck_assert_ptr_nonnull(strstr(chain_err.text, chain_path));
	ck_assert_uint_eq(count_files(".tmp"), 0);
	ck_assert_uint_eq(count_files(".seg"), last - (unsigned)_i / 2);
	check_goes_on();
}
END_TEST

/* A disk that keeps something else than it was given. */
START_TEST(written_wrong)
{
	ck_assert_int_eq(pack_failing(DISK_LIE, CALL_PWRITE, _i, 0), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "it stays as it is"));
	ck_assert_uint_eq(count_files(".tmp"), 0);
	ck_assert_uint_eq(count_files(".seg"), last - (unsigned)(_i - 1) / 2);
	check_goes_on();
}
END_TEST

/* --- others ---------------------------------------------------------------------------------- */

/* Something else under the packed name: nothing is removed. */
START_TEST(packed_differs)
{
	struct chain_packed packed;

	spew("0000000000000002.segz", "what is this", 12);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), -EBADMSG);
	ck_assert_uint_eq(packed.segments, 1);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "0000000000000002.seg"));
	ck_assert_int_eq(access(file_path("0000000000000002.seg"), F_OK), 0);
	ck_assert_int_eq(access(file_path("0000000000000002.segz"), F_OK), 0);
}
END_TEST

START_TEST(successor_damaged)
{
	struct chain_packed packed;
	size_t len;
	uint8_t *data = slurp("0000000000000003.seg", &len);

	data[30] ^= 1;
	spew("0000000000000003.seg", data, len);
	free(data);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), -EBADMSG);
	ck_assert_uint_eq(packed.segments, 1);
	unlink(file_path("0000000000000003.seg"));
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), -EBADMSG);
	ck_assert_uint_eq(packed.segments, 0);
}
END_TEST

START_TEST(another_packs_it)
{
	int fd = open(file_path("0000000000000002.seg"), O_RDONLY | O_CLOEXEC);
	struct chain_packed packed;

	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	packed = pack();
	ck_assert_uint_eq(packed.busy, 1);
	ck_assert_uint_eq(packed.segments, last - 2);
	ck_assert_int_eq(access(file_path("0000000000000002.seg"), F_OK), 0);
	close(fd);
	check_goes_on();
}
END_TEST

START_TEST(two_at_once)
{
	for (int round = 0; round < 20; round++) {
		pid_t pid[3];

		for (int i = 0; i < 3; i++) {
			pid[i] = fork();
			ck_assert_int_ge(pid[i], 0);
			if (pid[i] == 0) {
				struct chain_packed packed;

				_exit(chain_pack(chain_path, &packed, &chain_err) ? 1 : 0);
			}
		}
		for (int i = 0; i < 3; i++) {
			int status;

			ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
			ck_assert_int_eq(status, 0);
		}
		check_goes_on();
		restore();
	}
}
END_TEST

static void prune_half(void)
{
	unlink(file_path("0000000000000001.seg"));
}

/* A segment that is pruned while it is packed does not come back. */
START_TEST(pruned_meanwhile)
{
	int dirfd = open(chain_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	disk.renamed = prune_half;
	ck_assert_uint_ge(pack().segments, last - 2);
	ck_assert_int_lt(access(file_path("0000000000000001.segz"), F_OK), 0);
	disk.renamed = NULL;
	for (unsigned i = 1; i <= last; i++) {
		spew("0000000000000001.seg", "x", 1);
		ck_assert_int_eq(segment_remove(dirfd, i), 0);
		ck_assert_int_eq(segment_remove(dirfd, i), 0);
	}
	ck_assert_uint_eq(count_files(".seg") + count_files(".segz"), 1);
	close(dirfd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_pack");
	TCase *tcase = tcase_create("pack");

	tcase_add_checked_fixture(tcase, setup_chain, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, all_but_the_last);
	tcase_add_test(tcase, every_bit);
	tcase_add_test(tcase, next_run);
	tcase_add_test(tcase, beside_a_writer);
	tcase_add_test(tcase, not_sealed);
	tcase_add_test(tcase, no_chain);
	tcase_add_loop_test(tcase, dies_at_every_call, 0, 2);
	tcase_add_loop_test(tcase, dies_again_and_again, 0, 2);
	tcase_add_loop_test(tcase, power_cut_at_every_call, 0, 2);
	tcase_add_loop_test(tcase, every_call_fails, 0, 6);
	tcase_add_loop_test(tcase, full_disk, 0, 3);
	tcase_add_loop_test(tcase, written_wrong, 1, 4);
	tcase_add_test(tcase, packed_differs);
	tcase_add_test(tcase, successor_damaged);
	tcase_add_test(tcase, another_packs_it);
	tcase_add_test(tcase, two_at_once);
	tcase_add_test(tcase, pruned_meanwhile);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
