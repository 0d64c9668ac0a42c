// SPDX-License-Identifier: Apache-2.0
/*
 * Tampering with a cleanly closed chain: every bit, every cut, every part deleted, repeated or
 * swapped, with the checksums left wrong or made right. No cell may come out OK or TORN.
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

/* --- bits ------------------------------------------------------------------------------------ */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* What one flipped bit must lead to. */
static enum chain_verdict expected(const struct file *f, size_t at, uint8_t now)
{
	if (strstr(f->name, ".seg") && (at == 6 || at == 7) && is_digit(now))
		return CHAIN_UNVERIFIABLE; /* another version */
	if (strcmp(f->name, "seals") == 0 && at == 7 && is_digit(now))
		return CHAIN_UNVERIFIABLE;
	/* The last seal looks torn; the checkpoint knows better. Its magic is no part of a tear. */
	if (strcmp(f->name, "seals") == 0 && at >= f->len - 160 + 4)
		return CHAIN_ROLLBACK;
	return CHAIN_TAMPER;
}

START_TEST(every_bit)
{
	const struct file *f = &base.file[_i];

	for (size_t at = 0; at < f->len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			enum chain_verdict want, found;

			f->data[at] ^= (uint8_t)(1 << bit);
			put_back(f);
			want = expected(f, at, f->data[at]);
			found = judge_bad("bit", f->name, at);
			f->data[at] ^= (uint8_t)(1 << bit);
			ck_assert_msg(found == want, "%s at %zu bit %d: %s, not %s", f->name, at,
				      bit, chain_verdict_name(found), chain_verdict_name(want));
		}
	}
}
END_TEST

static void fix_crcs(const struct file *f, uint8_t *data, size_t at)
{
	struct part blocks[8];
	int n;

	if (strcmp(f->name, "seals") == 0) {
		if (at < 160)
			fix_seals_header_crc(data);
		else
			fix_seal_crc(data + at / 160 * 160);
		return;
	}
	if (at < header_len(f)) {
		fix_segment_crc(data, header_len(f));
		return;
	}
	n = find_blocks(f, blocks, 8);
	while (n--)
		if (at >= blocks[n].at && at < blocks[n].at + blocks[n].len &&
		    get_u32(data + blocks[n].at + 16) <= f->len - blocks[n].at - 24)
			fix_block_crc(data + blocks[n].at);
}

/* A checksum is no evidence: with it made right the change must be found all the same. */
START_TEST(every_byte_with_crc)
{
	static const char *names[] = { "seals", SEG1, SEG2, SEG3 };
	const struct file *f = image_file(&base, names[_i]);
	uint8_t *data = malloc(f->len);

	for (size_t at = 0; at < f->len; at++) {
		memcpy(data, f->data, f->len);
		data[at] ^= (uint8_t)(1 << at % 8);
		fix_crcs(f, data, at);
		if (memcmp(data, f->data, f->len) == 0)
			continue; /* the change was to the checksum */
		write_changed(f, data, f->len);
		judge_bad("byte with crc", f->name, at);
	}
	free(data);
}
END_TEST

/* --- lengths --------------------------------------------------------------------------------- */

START_TEST(every_cut)
{
	const struct file *f = &base.file[_i];

	for (size_t len = 0; len < f->len; len++) {
		enum chain_verdict found;

		write_changed(f, f->data, len);
		found = judge_bad("cut", f->name, len);
		ck_assert(found == CHAIN_TAMPER ||
			  (found == CHAIN_ROLLBACK && strcmp(f->name, "seals") == 0));
	}
}
END_TEST

START_TEST(bytes_after)
{
	const struct file *f = &base.file[_i];
	uint8_t *data = malloc(2 * f->len + 400);

	for (size_t more = 1; more <= 400; more += 13) {
		enum chain_verdict found;

		memcpy(data, f->data, f->len);
		memset(data + f->len, 0x5a, more);
		write_changed(f, data, f->len + more);
		/* A torn seal behind the last one is what a crash leaves. */
		if (strcmp(f->name, "seals") == 0 && more <= 160) {
			struct chain_report report = judge(NULL);

			assert_verdict(report, CHAIN_TORN);
			ck_assert(report.torn_seal);
			continue;
		}
		found = judge_bad("bytes after", f->name, f->len + more);
		ck_assert_int_eq(found, CHAIN_TAMPER);
	}
	write_changed(f, data, f->len + 320); /* not even two torn seals */
	judge_bad("bytes after", f->name, f->len + 320);
	memcpy(data, f->data, f->len);
	memcpy(data + f->len, f->data, f->len);
	write_changed(f, data, 2 * f->len);
	judge_bad("twice", f->name, 0);
	free(data);
}
END_TEST

/* --- files ----------------------------------------------------------------------------------- */

START_TEST(files_missing)
{
	for (int i = 0; i < base.files; i++) {
		ck_assert_int_eq(unlink(file_path(base.file[i].name)), 0);
		ck_assert_int_eq(judge_bad("missing", base.file[i].name, 0), CHAIN_TAMPER);
		for (int j = i + 1; j < base.files; j++) {
			ck_assert_int_eq(unlink(file_path(base.file[j].name)), 0);
			judge_bad("missing too", base.file[j].name, 0);
			put_back(&base.file[j]);
		}
		put_back(&base.file[i]);
	}
}
END_TEST

START_TEST(files_swapped)
{
	for (int i = 0; i < base.files; i++) {
		for (int j = 0; j < base.files; j++) {
			if (i == j)
				continue;
			spew(base.file[i].name, base.file[j].data, base.file[j].len);
			judge_bad("replaced", base.file[i].name, (size_t)j);
			spew(base.file[j].name, base.file[i].data, base.file[i].len);
			judge_bad("swapped", base.file[i].name, (size_t)j);
			put_back(&base.file[i]);
			put_back(&base.file[j]);
		}
	}
}
END_TEST

/* A copy of a segment under the next number, as it is and with the number made right. */
START_TEST(segment_twice)
{
	static const char *names[] = { SEG1, SEG2, SEG3 };

	for (int i = 0; i < 3; i++) {
		struct file *f = image_file(&base, names[i]);

		spew(SEG4, f->data, f->len);
		ck_assert_int_eq(judge_bad("copied", f->name, 0), CHAIN_TAMPER);
		put_u64(f->data + 16, 4);
		fix_segment_crc(f->data, header_len(f));
		spew(SEG4, f->data, f->len);
		ck_assert_int_eq(judge_bad("copied", f->name, 1), CHAIN_TAMPER);
		put_u64(f->data + 16, (uint64_t)i + 1);
		fix_segment_crc(f->data, header_len(f));
	}
}
END_TEST

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

/* --- blocks ---------------------------------------------------------------------------------- */

/* Parts of a file in another order: order[i] < 0 ends it. Block indexes follow if renumber. */
static void write_blocks(const struct file *f, const struct part *parts, const int *order,
			 bool renumber)
{
	uint8_t *data = calloc(2, f->len), *p = put_bytes(data, f->data, header_len(f));
	uint64_t first = get_u64(f->data + 24);

	for (; *order >= 0; order++) {
		uint8_t *block = p;

		p = put_bytes(p, f->data + parts[*order].at, parts[*order].len);
		if (renumber) {
			put_u64(block + 8, first);
			first += get_u16(block + 20);
			fix_block_crc(block);
		}
	}
	write_changed(f, data, (size_t)(p - data));
	free(data);
}

START_TEST(blocks_moved)
{
	static const char *names[] = { SEG1, SEG2, SEG3 };
	const struct file *f = image_file(&base, names[_i / 2]);
	bool renumber = _i % 2;
	struct part parts[8];
	int n = find_blocks(f, parts, 8);

	ck_assert_int_ge(n, 2);
	for (int a = 0; a < n; a++) {
		for (int b = 0; b < n; b++) {
			int deleted[10], repeated[10], swapped[10], d = 0, r = 0;

			for (int i = 0; i < n; i++) {
				if (i != a)
					deleted[d++] = i;
				repeated[r++] = i;
				if (i == a)
					repeated[r++] = b;
				swapped[i] = i == a ? b : i == b ? a : i;
			}
			deleted[d] = repeated[r] = swapped[n] = -1;
			write_blocks(f, parts, deleted, renumber);
			judge_bad("block deleted", f->name, parts[a].at);
			write_blocks(f, parts, repeated, renumber);
			judge_bad("block repeated", f->name, parts[a].at);
			if (a == b)
				continue;
			write_blocks(f, parts, swapped, renumber);
			judge_bad("block swapped", f->name, parts[a].at);
		}
	}
}
END_TEST

/* --- seals ----------------------------------------------------------------------------------- */

START_TEST(seals_moved)
{
	const struct file *f = image_file(&base, "seals");
	size_t n = f->len / 160 - 1;
	uint8_t *data = malloc(f->len + 160);

	for (size_t a = 1; a <= n; a++) {
		memcpy(data, f->data, f->len);
		memmove(data + 160 * a, data + 160 * (a + 1), 160 * (n - a));
		write_changed(f, data, f->len - 160);
		judge_bad("seal deleted", "seals", a);

		memcpy(data, f->data, f->len);
		memset(data + 160 * a, 0, 160);
		write_changed(f, data, f->len);
		judge_bad("seal zeroed", "seals", a);
		for (size_t b = 1; b <= n; b++) {
			if (a == b)
				continue;
			memcpy(data, f->data, f->len);
			memcpy(data + 160 * a, f->data + 160 * b, 160);
			write_changed(f, data, f->len);
			judge_bad("seal replaced", "seals", a);
			memcpy(data + 160 * b, f->data + 160 * a, 160);
			write_changed(f, data, f->len);
			judge_bad("seals swapped", "seals", a);
			put_u64(data + 160 * a + 8, a);
			put_u64(data + 160 * b + 8, b);
			fix_seal_crc(data + 160 * a);
			fix_seal_crc(data + 160 * b);
			write_changed(f, data, f->len);
			judge_bad("seals swapped and renumbered", "seals", a);
		}
	}
	free(data);
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
	tcase_add_loop_test(tcase, every_bit, 0, 6);
	tcase_add_loop_test(tcase, every_byte_with_crc, 0, 4);
	tcase_add_loop_test(tcase, every_cut, 0, 6);
	tcase_add_loop_test(tcase, bytes_after, 0, 6);
	tcase_add_test(tcase, files_missing);
	tcase_add_test(tcase, files_swapped);
	tcase_add_test(tcase, segment_twice);
	tcase_add_test(tcase, strange_files);
	tcase_add_test(tcase, no_regular_files);
	tcase_add_loop_test(tcase, blocks_moved, 0, 6);
	tcase_add_test(tcase, seals_moved);
	tcase_add_test(tcase, random_bytes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
