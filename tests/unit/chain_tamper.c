// SPDX-License-Identifier: Apache-2.0
/*
 * Files that are none of ours, files that are no files, and noise: for the verifier, the reader and
 * the restart. What is changed with more care is in the matrix (chain_matrix_*.c).
 */
#include "chain_image.h"

static struct image base;
static struct chain_held head; /* the end of the base chain */
static int cells;

/* Two runs, three segments, five seals (3 and 5 close). */
static void make_chain(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain_report report;
	struct chain *chain;

	options.segment_bytes = 240;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	append(chain, "\020a", CHAIN_NORMAL, 0);
	append(chain, "\020b", CHAIN_NORMAL, 0);
	chain_tick(chain, 10 * MS);
	append(chain, "\021c", CHAIN_NORMAL, 20 * MS);
	chain_tick(chain, 30 * MS);
	append(chain, "\022d", CHAIN_NORMAL, 40 * MS);
	close_chain(chain, 50 * MS);
	options.segment_bytes = 0;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	append(chain, "\020e", CHAIN_NORMAL, 0);
	close_chain(chain, 0);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.seals, 5);
	head.size = report.sealed;
	memcpy(head.root, report.root, CHAIN_HASH);
}

static void setup(void)
{
	use_test_dir();
	make_chain();
	load_image(&base);
	ck_assert_int_eq(base.files, 6);
	cells = 0;
}

static void teardown(void)
{
	printf("tamper cells: %d\n", cells);
	drop_image(&base);
	drop_test_dir();
}

/* Judge what is there; it must be bad, and as bad to one who holds a checkpoint. */
static enum chain_verdict judge_bad(const char *what, const char *file, size_t at)
{
	struct chain_report report = judge(NULL);

	cells++;
	ck_assert_msg(report.verdict >= CHAIN_UNVERIFIABLE && report.exit_code != 0,
		      "%s %s at %zu: %s", what, file, at, chain_verdict_name(report.verdict));
	return report.verdict;
}

static void write_changed(const struct file *f, const uint8_t *data, size_t len)
{
	spew(f->name, data, len);
}

/* --- files ----------------------------------------------------------------------------------- */

START_TEST(strange_files)
{
	static const char *stray[] = { "seals.old", "0000000000000001.SEG", "1.seg",
				       "000000000000000A.seg", "0000000000000000.seg" };
	struct chain_report report;

	for (size_t i = 0; i < sizeof(stray) / sizeof(stray[0]); i++)
		spew(stray[i], "x", 1);
	spew("seals.tmp", "x", 1);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.stray, 5);
	spew("0000000000000001.segz", "x", 1);
	ck_assert_int_eq(judge_bad("packed", SEG1, 0), CHAIN_TAMPER);
}
END_TEST

/* Things that are no files must neither hang the verifier nor lead it elsewhere. */
START_TEST(no_regular_files)
{
	for (int i = 0; i < base.files; i++) {
		const char *path = file_path(base.file[i].name);
		const char *aside = file_path("../aside");

		ck_assert_int_eq(rename(path, aside), 0);
		ck_assert_int_eq(symlink(aside, path), 0);
		ck_assert_int_eq(judge_bad("symlink", path, 0), CHAIN_TAMPER);
		unlink(path);
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		ck_assert_int_eq(judge_bad("fifo", path, 0), CHAIN_TAMPER);
		unlink(path);
		ck_assert_int_eq(mkdir(path, 0700), 0);
		ck_assert_int_eq(judge_bad("directory", path, 0), CHAIN_TAMPER);
		rmdir(path);
		ck_assert_int_eq(rename(aside, path), 0);
	}
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* --- noise ----------------------------------------------------------------------------------- */

/* Reader and restart get the same noise: they may refuse or go on, not fall over. */
static void read_and_open(void)
{
	struct chain_options options = test_options();
	struct chain_reader *reader;
	struct chain_opened opened;
	struct chain_entry entry;
	struct chain *chain;
	size_t len;
	uint8_t *key = slurp("../D.keys/seal.key", &len);

	if (chain_reader_open(&reader, chain_path, &chain_err) == 0) {
		while (chain_reader_next(reader, &entry) == 1)
			ck_assert_uint_gt(entry.bytes.len, 0);
		chain_reader_close(reader);
	}
	if (chain_open(&chain, &options, &opened, &chain_err) == 0)
		chain_abandon(chain);
	put_image(&base);
	spew("../D.keys/seal.key", key, len);
	free(key);
}

START_TEST(random_bytes)
{
	uint64_t x = 88172645463325252u;
	uint8_t data[2048];

	for (int turn = 0; turn < 300; turn++) {
		const struct file *f = &base.file[turn % base.files];
		size_t keep = (size_t)turn * 7 % (f->len + 1), len;

		for (size_t i = 0; i < sizeof(data); i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			data[i] = (uint8_t)(turn % 3 ? x : x & 1);
		}
		len = keep + x % (sizeof(data) - keep);
		memcpy(data, f->data, turn % 2 ? keep : 0);
		write_changed(f, data, len);
		if (len < f->len || memcmp(data, f->data, f->len) != 0)
			judge_bad("noise", f->name, (size_t)turn);
		read_and_open();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_tamper");
	TCase *tcase = tcase_create("tamper");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, strange_files);
	tcase_add_test(tcase, no_regular_files);
	tcase_add_test(tcase, random_bytes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
