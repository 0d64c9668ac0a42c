// SPDX-License-Identifier: Apache-2.0
/* Blocks that are none, by themselves and out of a file that ends, fails or becomes good. */
#include "chain_edge.h"

#include "base/hash.h"
#include "chain/blocks.h"

static uint8_t block[BLOCK_HEADER + 70000];
static const char *why;

/* A block with a payload that begins so, of which the crc holds. */
static size_t make_block(unsigned count, const void *payload, size_t given, size_t len)
{
	memset(block, 'x', sizeof(block));
	memcpy(block + BLOCK_HEADER, payload, given);
	block_header_encode(block, 7, (uint32_t)len, (uint16_t)count);
	return BLOCK_HEADER + len;
}

static ssize_t decode(size_t len)
{
	struct block ret;

	why = NULL;
	return block_decode(bytes_of(at_the_edge(block, len), len), 7, &ret, &why);
}

static void is_refused(size_t len, const char *want)
{
	ck_assert_int_eq(decode(len), -EBADMSG);
	ck_assert_str_eq(why, want);
}

START_TEST(entry_lengths)
{
	static const char wrong[] = "bad entry lengths in block";

	ck_assert_int_eq(decode(make_block(1, "\0\2ab", 4, 4)), BLOCK_HEADER + 4);
	ck_assert_int_eq(decode(make_block(2, "\0\1a\0\1b", 6, 6)), BLOCK_HEADER + 6);
	is_refused(make_block(1, "", 0, 0), wrong);
	is_refused(make_block(1, "\0", 1, 1), wrong);
	is_refused(make_block(1, "\0\0", 2, 2), wrong);
	is_refused(make_block(1, "\0\1", 2, 2), wrong);
	is_refused(make_block(1, "\0\1ab", 4, 4), wrong); /* a byte more */
	is_refused(make_block(1, "\0\3ab", 4, 4), wrong);
	is_refused(make_block(2, "\0\2ab", 4, 4), wrong);
	is_refused(make_block(2, "\0\2ab\0", 5, 5), wrong);
	is_refused(make_block(2, "\0\5ab", 4, 4), wrong);
	is_refused(make_block(256, "\1\1ab", 4, 4), wrong);
	is_refused(make_block(2, "\0\1a\0\0", 5, 5), wrong);
	ck_assert_int_eq(decode(make_block(1, "\xff\xef", 2, 2 + CHAIN_RECORD_MAX)),
			 BLOCK_HEADER + 2 + CHAIN_RECORD_MAX);
	is_refused(make_block(1, "\xff\xf0", 2, 3 + CHAIN_RECORD_MAX), wrong);
	is_refused(make_block(1, "\xff\xff", 2, 2 + 65535), wrong);
}
END_TEST

START_TEST(whole_or_not)
{
	size_t len = make_block(1, "\0\2ab", 4, 4);

	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(decode(cut), 0);
	block[8] ^= 1;
	is_refused(len, "bad block crc");
	put_u32(block + 4, crc32c(0, block + 8, len - 8));
	is_refused(len, "block begins with another entry than the one due");
	make_block(1, "\0\2ab", 4, 4);
	put_u32(block + 16, BLOCK_PAYLOAD_MAX + 1);
	is_refused(BLOCK_HEADER, "bad block header");
	put_u32(block + 16, BLOCK_PAYLOAD_MAX);
	ck_assert_int_eq(decode(BLOCK_HEADER), 0);
}
END_TEST

/* --- out of a file ---------------------------------------------------------------------------- */

static struct blocks blocks;
static struct block got;
static int fd;

static void setup(void)
{
	use_test_dir();
	fd = open(path_of("%s/blocks", test_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	memset(&blocks, 0x55, sizeof(blocks));
	ck_assert_int_eq(blocks_init(&blocks), 0);
}

static void teardown(void)
{
	blocks_free(&blocks);
	blocks_free(&blocks);
	close(fd);
	drop_test_dir();
}

static void put_block(off_t at)
{
	size_t len = make_block(1, "\0\2ab", 4, 4);

	ck_assert_int_eq(pwrite_all(fd, block, len, at), 0);
}

START_TEST(ends)
{
	/* before the first seek there is nothing */
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	ck_assert_ptr_null(blocks.why);
	put_block(100);
	blocks_seek_fd(&blocks, fd, 100, UINT64_MAX, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), 1);
	ck_assert_uint_eq(got.first, 7);
	ck_assert_uint_eq(blocks.offset, 128);
	ck_assert_uint_eq(blocks.next, 8);
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	ck_assert_ptr_null(blocks.why);
	/* nothing from the end on is read, nor where the end is before the beginning */
	for (uint64_t end = 0; end < 128; end++) {
		blocks_seek_fd(&blocks, fd, 100, end, 7);
		ck_assert_int_eq(blocks_next(&blocks, &got), 0);
		if (end <= 100)
			ck_assert_ptr_null(blocks.why);
		else
			ck_assert_str_eq(blocks.why, "block is cut short");
	}
	blocks_seek_fd(&blocks, fd, 100, 128, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), 1);
}
END_TEST

/* What the file holds by the time of the call counts. */
START_TEST(becomes_good)
{
	put_block(0);
	ck_assert_int_eq(pwrite(fd, "X", 1, 27), 1);
	blocks_seek_fd(&blocks, fd, 0, UINT64_MAX, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	ck_assert_str_eq(blocks.why, "bad block crc");
	put_block(0);
	ck_assert_int_eq(blocks_next(&blocks, &got), 1);
	ck_assert_int_eq(ftruncate(fd, 20), 0);
	blocks_seek_fd(&blocks, fd, 0, UINT64_MAX, 7);
	ck_assert_ptr_null(blocks.why);
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	ck_assert_str_eq(blocks.why, "block is cut short");
	put_block(0);
	ck_assert_int_eq(pwrite(fd, "X", 1, 0), 1); /* also what was there already */
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	ck_assert_str_eq(blocks.why, "bad block magic");
}
END_TEST

START_TEST(cannot_be_read)
{
	blocks_seek_fd(&blocks, -1, 0, UINT64_MAX, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), -EBADF);
	ck_assert_ptr_null(blocks.why);
	/* in the middle of a block */
	make_block(1, "\377\357", 2, 2 + CHAIN_RECORD_MAX);
	ck_assert_int_eq(pwrite_all(fd, block, 1000, 0), 0);
	blocks_seek_fd(&blocks, fd, 0, UINT64_MAX, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), 0);
	blocks.plain.fd = -1;
	ck_assert_int_eq(blocks_next(&blocks, &got), -EBADF);
	ck_assert_ptr_null(blocks.why);
}
END_TEST

/* A disk that has the first part of a block: memory does for it. */
START_TEST(fails_inside_a_block)
{
	size_t part = 128u << 10;
	uint8_t *memory =
		mmap(NULL, 2 * part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(mem, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	make_block(1, "", 0, 10);
	memcpy(memory, block, BLOCK_HEADER);
	put_u32(memory + 16, (uint32_t)part + 100);
	ck_assert_int_eq(munmap(memory + part, part), 0);
	blocks_seek_fd(&blocks, mem, (uintptr_t)memory, UINT64_MAX, 7);
	ck_assert_int_eq(blocks_next(&blocks, &got), -EIO);
	ck_assert_ptr_null(blocks.why);
	munmap(memory, part);
	close(mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_segment");
	TCase *bytes = tcase_create("bytes"), *file = tcase_create("file");

	tcase_add_test(bytes, entry_lengths);
	tcase_add_test(bytes, whole_or_not);
	suite_add_tcase(suite, bytes);
	tcase_add_checked_fixture(file, setup, teardown);
	tcase_add_test(file, ends);
	tcase_add_test(file, becomes_good);
	tcase_add_test(file, cannot_be_read);
	tcase_add_test(file, fails_inside_a_block);
	suite_add_tcase(suite, file);
	return run_suite(suite);
}
