// SPDX-License-Identifier: Apache-2.0
/* Whole files: what is read, and what is refused without hanging. */
#include "base_test.h"

#include <errno.h>

#include "base/file.h"

static uint8_t *data;
static size_t len;

static int read_it(const char *path, size_t max)
{
	data = (uint8_t *)1;
	len = 77;
	return read_file(AT_FDCWD, path, max, &data, &len);
}

static void let_go(void)
{
	free(data);
	data = NULL;
}

static void assert_refused(const char *path, size_t max, int wanted)
{
	ck_assert_int_eq(read_it(path, max), wanted);
	ck_assert_ptr_eq(data, (uint8_t *)1);
	ck_assert_uint_eq(len, 77);
}

START_TEST(reads_a_file_whole_and_terminates_it)
{
	write_test_file(test_path("f"), "abc\0def", 7);
	for (size_t max = 7; max < 9; max++) {
		ck_assert_int_eq(read_it(test_path("f"), max), 0);
		ck_assert_uint_eq(len, 7);
		ck_assert_mem_eq(data, "abc\0def", 8);
		let_go();
	}
	write_test_file(test_path("f"), "", 0);
	ck_assert_int_eq(read_it(test_path("f"), 0), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(data[0], 0);
	let_go();
}
END_TEST

START_TEST(reads_below_a_directory)
{
	int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	write_test_file(test_path("f"), "x", 1);
	ck_assert_int_eq(read_file(dir, "f", 10, &data, &len), 0);
	ck_assert_uint_eq(len, 1);
	let_go();
	close(dir);
}
END_TEST

START_TEST(reads_files_that_do_not_know_their_size)
{
	uint8_t *again;
	size_t again_len;

	ck_assert_int_eq(read_it("/proc/self/stat", 65536), 0);
	ck_assert_uint_gt(len, 20);
	let_go();
	ck_assert_int_eq(read_it("/proc/version", 65536), 0);
	ck_assert_int_eq(read_file(AT_FDCWD, "/proc/version", len, &again, &again_len), 0);
	ck_assert_uint_eq(again_len, len);
	ck_assert_mem_eq(again, data, len);
	free(again);
	let_go();
	assert_refused("/proc/version", again_len - 1, -EFBIG);
}
END_TEST

START_TEST(reads_files_of_every_size)
{
	static uint8_t large[20000];
	uint64_t seed = 1;

	chance_bytes(&seed, large, sizeof(large));
	for (size_t size = 1; size < sizeof(large); size += size / 3 + 1) {
		write_test_file(test_path("f"), large, size);
		ck_assert_int_eq(read_it(test_path("f"), size + size % 2), 0);
		ck_assert_uint_eq(len, size);
		ck_assert_mem_eq(data, large, size);
		ck_assert_uint_eq(data[size], 0);
		let_go();
		assert_refused(test_path("f"), size - 1, -EFBIG);
	}
}
END_TEST

START_TEST(refuses_a_file_that_is_too_large)
{
	write_test_file(test_path("f"), "abcdefgh", 8);
	assert_refused(test_path("f"), 7, -EFBIG);
	assert_refused(test_path("f"), 0, -EFBIG);
}
END_TEST

START_TEST(refuses_what_is_no_regular_file)
{
	ck_assert_int_eq(mkfifo(test_path("fifo"), 0600), 0);
	assert_refused(test_path("fifo"), 100, -EINVAL);
	assert_refused(test_dir(), 100, -EINVAL);
	assert_refused("/dev/zero", 100, -EINVAL);
}
END_TEST

START_TEST(refuses_a_symbolic_link)
{
	write_test_file(test_path("f"), "x", 1);
	ck_assert_int_eq(symlink("f", test_path("link")), 0);
	assert_refused(test_path("link"), 100, -ELOOP);
}
END_TEST

START_TEST(says_why_it_cannot_open)
{
	assert_refused(test_path("missing"), 100, -ENOENT);
	assert_refused("/proc/self/stat/x", 100, -ENOTDIR);
}
END_TEST

START_TEST(writes_and_reads_at_an_offset)
{
	uint8_t back[16];
	int fd = open(test_path("f"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(pwrite_all(fd, "0123456789", 10, 5), 0);
	ck_assert_int_eq(pwrite_all(fd, NULL, 0, 0), 0);
	ck_assert_int_eq(pread_all(fd, back, sizeof(back), 0), 15);
	ck_assert_mem_eq(back,
			 "\0\0\0\0\0"
			 "0123456789",
			 15);
	ck_assert_int_eq(pread_all(fd, back, 3, 6), 3);
	ck_assert_mem_eq(back, "123", 3);
	ck_assert_int_eq(pread_all(fd, back, 3, 15), 0);
	close(fd);
	ck_assert_int_eq(pwrite_all(fd, "x", 1, 0), -EBADF);
	ck_assert_int_eq(pread_all(fd, back, 1, 0), -EBADF);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		reads_a_file_whole_and_terminates_it,
		reads_below_a_directory,
		reads_files_that_do_not_know_their_size,
		reads_files_of_every_size,
		refuses_a_file_that_is_too_large,
		refuses_what_is_no_regular_file,
		refuses_a_symbolic_link,
		says_why_it_cannot_open,
		writes_and_reads_at_an_offset,
	};

	return RUN_TESTS_WITH("base_file", tests, NULL, drop_test_dir);
}
