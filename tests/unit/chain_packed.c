// SPDX-License-Identifier: Apache-2.0
/*
 * Packed segments read: the same chain whatever is packed, and nothing but the plain bytes gets
 * through. What is packed here was packed by zlib's own compress, not by the code under test.
 */
#include "chain_zip.h"

#include "chain/packed.h"

static struct image base;
static struct chain_report good;

static const char *segments[] = { SEG1, SEG2, SEG3 };

/* Three segments, two runs, several seals, both of them closed. */
static void make_chain(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
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
}

static void setup(void)
{
	use_test_dir();
	make_chain();
	load_image(&base);
	good = judge(NULL);
	assert_verdict(good, CHAIN_OK);
}

static void teardown(void)
{
	drop_image(&base);
	drop_test_dir();
}

static void pack_some(unsigned mask)
{
	put_image(&base);
	for (unsigned i = 0; i < 3; i++)
		if (mask >> i & 1)
			zip_file(image_file(&base, segments[i]), false);
}

/* --- alike ----------------------------------------------------------------------------------- */

START_TEST(same_verdict)
{
	for (unsigned mask = 0; mask < 8; mask++) {
		struct chain_report report;

		pack_some(mask);
		report = judge(NULL);
		assert_verdict(report, CHAIN_OK);
		ck_assert_mem_eq(report.root, good.root, CHAIN_HASH);
		ck_assert_uint_eq(report.entries, good.entries);
		ck_assert_uint_eq(report.stray, 0);
	}
}
END_TEST

/* Leaf hashes of all entries, with their places: what a reader can see. */
static size_t read_chain(uint8_t ret[64][48])
{
	struct chain_reader *reader;
	struct chain_entry entry;
	size_t n = 0;
	int got;

	memset(ret, 0, sizeof(uint8_t[64][48]));
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while ((got = chain_reader_next(reader, &entry)) > 0) {
		ck_assert_uint_lt(n, 64);
		chain_reader_leaf(reader, &entry, ret[n]);
		put_u64(put_u64(ret[n] + 32, entry.segment), entry.offset);
		ck_assert_uint_eq(entry.index, n++);
	}
	ck_assert_msg(got == 0, "%s", chain_reader_error(reader));
	ck_assert_int_eq(chain_reader_seek(reader, n - 1), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	ck_assert_uint_eq(entry.index, n - 1);
	chain_reader_close(reader);
	return n;
}

START_TEST(same_entries)
{
	static uint8_t plain[64][48], mixed[64][48];
	size_t n = read_chain(plain);

	ck_assert_uint_eq(n, good.entries);
	for (unsigned mask = 1; mask < 8; mask++) {
		pack_some(mask);
		ck_assert_uint_eq(read_chain(mixed), n);
		ck_assert_mem_eq(mixed, plain, sizeof(plain));
	}
}
END_TEST

START_TEST(restart)
{
	size_t len;
	uint8_t *key = slurp("../D.keys/seal.key", &len);

	for (unsigned mask = 0; mask < 8; mask++) {
		struct chain_opened opened;
		struct chain *chain;

		pack_some(mask);
		spew("../D.keys/seal.key", key, len);
		chain = open_chain(&opened);
		ck_assert_int_eq(opened.recovered, 0);
		ck_assert_uint_eq(opened.sealed, good.sealed);
		append(chain, "\020f", CHAIN_NORMAL, 0);
		close_chain(chain, 0);
		assert_verdict(judge(NULL), CHAIN_OK);
	}
	free(key);
}
END_TEST

/* The torn tail of a crash, packed with its segment: RECOVERY still agrees with it. */
START_TEST(dead_bytes)
{
	struct chain_opened opened;
	struct chain_report report;
	struct file torn, *f = &torn;
	size_t len;
	uint8_t *data, *all;

	chain_abandon(open_chain(NULL));
	all = slurp(SEG4, &len);
	data = realloc(all, len + 100000);
	ck_assert_ptr_nonnull(data);
	memset(data + len, 0x55, 100000);
	spew(SEG4, data, len + 100000);
	free(data);
	close_chain(open_chain(&opened), 0);
	ck_assert_uint_eq(opened.dead, 100000);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	strcpy(f->name, SEG4);
	f->data = slurp(SEG4, &f->len);
	zip_file(f, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.dead_bytes, 100000);
	f->data[f->len - 50000] ^= 1;
	zip_file(f, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_ptr_nonnull(strstr(report.why, "torn tail"));
	free(f->data);
}
END_TEST

/* A reader stands in a segment while it is packed and its plain file goes. */
START_TEST(read_while_packed)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint64_t n = 1;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	for (int i = 0; i < 3; i++)
		zip_file(image_file(&base, segments[i]), false);
	while (chain_reader_next(reader, &entry) == 1)
		ck_assert_uint_eq(entry.index, n++);
	ck_assert_uint_eq(n, good.entries);
	chain_reader_close(reader);
}
END_TEST

/* How it was packed is no evidence. */
START_TEST(any_level)
{
	const struct file *f = image_file(&base, SEG1);

	unlink(file_path(SEG1));
	for (int level = 0; level <= 9; level++) {
		size_t len;
		uint8_t *data = zip(f->data, f->len, level, 0, &len);

		spew(ZIP1, data, len);
		free(data);
		assert_verdict(judge(NULL), CHAIN_OK);
	}
}
END_TEST

/* --- not alike ------------------------------------------------------------------------------- */

static void assert_tamper(const char *file, const char *why)
{
	struct chain_report report = judge(NULL);

	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.file, file);
	ck_assert_msg(strstr(report.why, why), "\"%s\", not \"%s\"", report.why, why);
}

START_TEST(every_bit)
{
	const struct file *f = image_file(&base, segments[_i]);
	char name[40];
	size_t len;
	uint8_t *data = zip(f->data, f->len, 6, 0, &len);

	snprintf(name, sizeof(name), "%sz", f->name);
	unlink(file_path(f->name));
	for (size_t at = 0; at < len; at++)
		for (int bit = 0; bit < 8; bit++) {
			bool version;
			struct chain_report report;

			data[at] ^= (uint8_t)(1 << bit);
			version = at == 7 && data[at] >= '0' && data[at] <= '9';
			spew(name, data, len);
			report = judge(NULL);
			ck_assert_msg(report.verdict ==
					      (version ? CHAIN_UNVERIFIABLE : CHAIN_TAMPER),
				      "%s at %zu bit %d: %s", name, at, bit,
				      chain_verdict_name(report.verdict));
			ck_assert_str_eq(report.file, name);
			data[at] ^= (uint8_t)(1 << bit);
		}
	for (size_t cut = 0; cut < len; cut++) {
		spew(name, data, cut);
		assert_tamper(name, "");
	}
	spew(name, data, len);
	assert_verdict(judge(NULL), CHAIN_OK);
	free(data);
}
END_TEST

/* Bytes behind the stream: with the lengths left, made right, and the crc made right too. */
START_TEST(appended)
{
	const struct file *f = image_file(&base, SEG1);
	size_t len;
	uint8_t *data = zip(f->data, f->len, 6, 100, &len);

	unlink(file_path(SEG1));
	for (size_t more = 1; more <= 100; more += 33) {
		put_u64(data + 24, len - 32);
		spew(ZIP1, data, len + more);
		assert_tamper(ZIP1, "another length");
		put_u64(data + 24, len - 32 + more);
		spew(ZIP1, data, len + more);
		assert_tamper(ZIP1, "");
		fix_zip_crc(data, len + more);
		spew(ZIP1, data, len + more);
		assert_tamper(ZIP1, "bytes after");
	}
	free(data);
}
END_TEST

/* Headers that lie, with a right crc. */
START_TEST(wrong_lengths)
{
	const struct file *f = image_file(&base, SEG2);
	static const int64_t off[] = { -40, -1, 1, 40, 1 << 20, INT64_MAX, -1000000 };
	size_t len;
	uint8_t *data = zip(f->data, f->len, 6, 0, &len);

	unlink(file_path(SEG2));
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		put_u64(data + 16, f->len + (uint64_t)off[i]);
		fix_zip_crc(data, len);
		spew(ZIP2, data, len);
		assert_tamper(ZIP2, "");
	}
	put_u64(data + 16, 100);
	fix_zip_crc(data, len);
	spew(ZIP2, data, len);
	assert_tamper(ZIP2, "cannot hold");
	free(data);
}
END_TEST

/* A stream that goes on for much longer than the segment, and one that says so. */
START_TEST(bombs)
{
	const struct file *f = image_file(&base, SEG3);
	size_t big = 64 << 20, len;
	uint8_t *plain = calloc(1, big), *data;

	memcpy(plain, f->data, f->len);
	data = zip(plain, big, 9, 0, &len);
	unlink(file_path(SEG3));
	spew(ZIP3, data, len);
	assert_tamper(ZIP3, "bytes after the closing seal");
	put_u64(data + 16, f->len);
	fix_zip_crc(data, len);
	spew(ZIP3, data, len);
	assert_tamper(ZIP3, "more bytes");
	free(data);
	free(plain);
}
END_TEST

/* A stream that asks for a dictionary, and two streams. */
START_TEST(strange_streams)
{
	const struct file *f = image_file(&base, SEG1);
	size_t len, half = f->len / 2, more;
	uint8_t *data = zip(f->data, half, 6, 1000, &len), *rest;

	rest = zip(f->data + half, f->len - half, 6, 0, &more);
	unlink(file_path(SEG1));
	memcpy(data + len, rest + 32, more - 32);
	len += more - 32;
	put_u64(data + 16, f->len);
	put_u64(data + 24, len - 32);
	fix_zip_crc(data, len);
	spew(ZIP1, data, len);
	assert_tamper(ZIP1, "fewer bytes");
	data[33] = 0x20;
	data[33] |= (uint8_t)(31 - (data[32] << 8 | data[33]) % 31);
	fix_zip_crc(data, len);
	spew(ZIP1, data, len);
	assert_tamper(ZIP1, "damaged");
	free(rest);
	free(data);
}
END_TEST

/* Both forms of one segment: a crash between making the one and removing the other. */
START_TEST(both_forms)
{
	for (int i = 0; i < 3; i++) {
		struct file *f = image_file(&base, segments[i]);
		struct chain_opened opened;

		zip_file(f, true);
		assert_verdict(judge(NULL), CHAIN_OK);
		f->data[f->len - 1] ^= 1;
		zip_file(f, true);
		assert_tamper(f->name, "differ");
		spew(path_of("../D/%sz", f->name), "x", 1);
		assert_tamper(f->name, "cut short");
		f->data[f->len - 1] ^= 1;
		zip_file(f, true);
		f->data[f->len - 1] ^= 1;
		put_back(f);
		assert_tamper(f->name, "differ");
		f->data[f->len - 1] ^= 1;
		put_back(f);
		if (i == 2) { /* a restart goes by the plain one */
			spew(path_of("../D/%sz", f->name), "x", 1);
			close_chain(open_chain(&opened), 0);
		}
		unlink(file_path(path_of("../D/%sz", f->name)));
	}
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* A reader does not judge, but hands out nothing that is not there. */
START_TEST(reader_refuses)
{
	const struct file *f = image_file(&base, SEG1);
	struct chain_reader *reader;
	struct chain_entry entry;
	size_t len;
	uint8_t *data = zip(f->data, f->len, 6, 0, &len);
	int got;

	unlink(file_path(SEG1));
	data[8] ^= 1;
	spew(ZIP1, data, len);
	free(data);
	got = chain_reader_open(&reader, chain_path, &chain_err);
	if (got == 0) {
		while ((got = chain_reader_next(reader, &entry)) > 0)
			;
		ck_assert_ptr_nonnull(strstr(chain_reader_error(reader), ZIP1));
		chain_reader_close(reader);
	} else {
		ck_assert_ptr_nonnull(strstr(chain_err.text, ZIP1));
	}
	ck_assert_int_eq(got, -EBADMSG);
}
END_TEST

/* --- by itself ------------------------------------------------------------------------------- */

#define NOISE 65600

/* Packed as it is: bytes that deflate cannot make smaller. */
static uint8_t *make_noise(uint8_t *plain, size_t len, size_t *ret_len)
{
	srand(3);
	for (size_t i = 0; i < len; i++)
		plain[i] = (uint8_t)rand();
	return zip(plain, len, 0, 100, ret_len);
}

static struct unpack *unpack_file(const uint8_t *data, size_t len, int *ret_fd)
{
	struct unpack *unpack = NULL;
	const char *why = NULL;
	uint64_t plain_len;

	*ret_fd = open(path_of("%s/noise", test_dir), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_eq(pwrite_all(*ret_fd, data, len, 0), 0);
	ck_assert_int_eq(unpack_open(*ret_fd, len, &unpack, &plain_len, &why), 0);
	return unpack;
}

/* Wherever the stream's end falls: within what is read at once, at its end, or cut by it. Bytes
 * behind it are seen there too, also when the crc leaves them out. */
START_TEST(end_of_a_read)
{
	static uint8_t plain[NOISE], got[NOISE + 1];
	int bad = open(test_dir, O_RDONLY | O_CLOEXEC);

	for (size_t n = NOISE - 120; n < NOISE; n++) {
		size_t len;
		uint8_t *data = make_noise(plain, n, &len);
		struct unpack *u;
		int fd;

		u = unpack_file(data, len, &fd);
		ck_assert_int_eq(unpack_read(u, got, n + 1, 0), n);
		ck_assert_mem_eq(got, plain, n);
		ck_assert_int_eq(unpack_finish(u), 0);
		unpack_close(u);
		close(fd);
		if (len - 32 > 65536) { /* what fails there is no damage; what is not there is */
			u = unpack_file(data, len, &fd);
			ck_assert_int_eq(unpack_read(u, got, 1, 0), 1);
			ck_assert_int_ge(dup2(bad, fd), 0);
			ck_assert_int_eq(unpack_read(u, got, n, 0), -EISDIR);
			unpack_close(u);
			close(fd);
			u = unpack_file(data, len, &fd);
			ck_assert_int_eq(ftruncate(fd, 32 + 65536), 0);
			ck_assert_int_eq(unpack_read(u, got, n, 0), -EBADMSG);
			ck_assert_str_eq(unpack_why(u), "packed segment is cut short");
			unpack_close(u);
			close(fd);
		}
		put_u64(data + 24, len - 32 + 10);
		put_u32(data + 8, crc32c(0, data + 16, len - 16));
		u = unpack_file(data, len + 10, &fd);
		ck_assert_int_eq(unpack_read(u, got, n + 1, 0), -EBADMSG);
		ck_assert_str_eq(unpack_why(u), "bytes after the packed segment");
		unpack_close(u);
		close(fd);
		free(data);
	}
	close(bad);
}
END_TEST

/* A read that fails is the file's fault for as long as it does, and no byte is lost by it. */
START_TEST(read_again)
{
	static uint8_t plain[300000], got[sizeof(plain)];
	size_t len;
	uint8_t *data = make_noise(plain, sizeof(plain), &len);
	int fd, kept, bad = open(test_dir, O_RDONLY | O_CLOEXEC);
	struct unpack *u = unpack_file(data, len, &fd);

	kept = dup(fd);
	ck_assert_int_eq(unpack_read(u, got, 1000, 40000), 1000);
	ck_assert_int_ge(dup2(bad, fd), 0);
	ck_assert_int_eq(unpack_read(u, got, 200000, 41000), -EISDIR);
	ck_assert_str_eq(unpack_why(u), "cannot be read");
	ck_assert_int_eq(unpack_finish(u), -EISDIR);
	ck_assert_int_ge(dup2(kept, fd), 0);
	ck_assert_int_eq(unpack_read(u, got, 200000, 41000), 200000);
	ck_assert_mem_eq(got, plain + 41000, 200000);
	ck_assert_int_eq(unpack_read(u, got, 1000, 0), 1000); /* back */
	ck_assert_int_ge(dup2(bad, fd), 0);
	ck_assert_int_eq(unpack_read(u, got, 1000, 100000), -EISDIR);
	ck_assert_int_ge(dup2(kept, fd), 0);
	ck_assert_int_eq(unpack_read(u, got, 1000, 250000), 1000); /* farther on */
	ck_assert_mem_eq(got, plain + 250000, 1000);
	ck_assert_int_eq(unpack_read(u, got, sizeof(got), 0), sizeof(got));
	ck_assert_mem_eq(got, plain, sizeof(got));
	ck_assert_int_eq(unpack_finish(u), 0);
	ck_assert_int_eq(unpack_read(u, got, 1000, 0), 1000); /* back, but it was seen whole */
	ck_assert_int_ge(dup2(bad, fd), 0);
	ck_assert_int_eq(unpack_finish(u), 0);
	unpack_close(u);
	/* at the end and behind it there is nothing to look at, however damaged */
	data[8] ^= 1;
	close(fd);
	u = unpack_file(data, len, &fd);
	ck_assert_int_eq(unpack_read(u, got, 1, sizeof(plain)), 0);
	ck_assert_int_eq(unpack_read(u, got, 1, UINT64_MAX), 0);
	ck_assert_int_eq(unpack_finish(u), -EBADMSG);
	ck_assert_str_eq(unpack_why(u), "bad crc of a packed segment");
	unpack_close(u);
	close(fd);
	close(kept);
	close(bad);
	free(data);
}
END_TEST

START_TEST(headers)
{
	uint8_t p[PACKED_HEADER];
	struct packed_header header = { .version = 1,
					.plain_len = 1032 * 11 - 1,
					.packed_len = 10 };
	const char *why;

	packed_header_encode(&header, p);
	ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why), 0);
	for (int c = 0; c < 256; c++) {
		int want = c == '1' || c == '2'	  ? 0
			   : c >= '0' && c <= '9' ? -EPROTONOSUPPORT
						  : -EBADMSG;

		p[7] = (uint8_t)c;
		ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why), want);
	}
	p[7] = '1';
	for (int at = 0; at < 16; at += 6) { /* magic, zero */
		p[at] ^= 1;
		ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why),
				 -EBADMSG);
		p[at] ^= 1;
	}
	ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER - 1, &header, &why), -EBADMSG);
	ck_assert_str_eq(why, "packed segment is cut short");
	put_u64(p + 16, 1032 * 11);
	ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why), -EBADMSG);
	ck_assert_str_eq(why, "packed segment cannot hold as many bytes as it says");
	put_u64(p + 16, SEGMENT_HEADER_MIN - 1);
	ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why), -EBADMSG);
	put_u64(p + 16, SEGMENT_HEADER_MIN);
	ck_assert_int_eq(packed_header_decode(p, PACKED_HEADER + 10, &header, &why), 0);
}
END_TEST

static void setup_2(void)
{
	zip_version = 2;
	setup();
}

static void add_tests(Suite *suite, const char *name, void (*prepare)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, prepare, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, same_verdict);
	tcase_add_test(tcase, same_entries);
	tcase_add_test(tcase, restart);
	tcase_add_test(tcase, dead_bytes);
	tcase_add_test(tcase, read_while_packed);
	tcase_add_test(tcase, any_level);
	tcase_add_loop_test(tcase, every_bit, 0, 3);
	tcase_add_test(tcase, appended);
	tcase_add_test(tcase, wrong_lengths);
	tcase_add_test(tcase, bombs);
	tcase_add_test(tcase, strange_streams);
	tcase_add_test(tcase, both_forms);
	tcase_add_test(tcase, reader_refuses);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("chain_packed");
	TCase *alone = tcase_create("by itself");

	tcase_add_checked_fixture(alone, use_test_dir, drop_test_dir);
	tcase_add_test(alone, end_of_a_read);
	tcase_add_test(alone, read_again);
	tcase_add_test(alone, headers);
	suite_add_tcase(suite, alone);
	add_tests(suite, "version 1", setup);
	add_tests(suite, "version 2", setup_2);
	return run_suite(suite);
}
