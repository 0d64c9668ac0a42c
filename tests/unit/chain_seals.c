// SPDX-License-Identifier: Apache-2.0
/* The file of seals, by itself: what is read of it, and what each refusal is called. */
#include "chain_util.h"

#include <sodium.h>

#include "base/hash.h"

static uint8_t secret[4][64]; /* of seal 1, 2, ... */
static uint8_t public[4][32];
static struct seals_header header;
static struct log_name name;
static struct seal seal[4];
static const char *why;
static int fd;

/* Header and three seals. */
static void setup(void)
{
	uint8_t record[SEAL_LEN];

	use_test_dir();
	for (unsigned i = 0; i < 4; i++) {
		uint8_t seed[32] = { (uint8_t)(1 + i) };

		crypto_sign_seed_keypair(public[i], secret[i], seed);
	}
	header = (struct seals_header){ .idpk = { 9 }, .name = "host" };
	memcpy(header.pk1, public[0], 32);
	log_name_derive(&header, &name);
	fd = open(path_of("%s/seals", test_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	seals_header_encode(&header, record);
	ck_assert_int_eq(pwrite_all(fd, record, SEAL_LEN, 0), 0);
	for (unsigned i = 1; i < 4; i++) {
		char text[SEAL_TEXT_MAX];
		struct seal *s = &seal[i];
		size_t len;

		*s = (struct seal){ .k = i, .size = 10 * i, .root = { (uint8_t)i } };
		memcpy(s->next_pk, public[i], 32);
		len = seal_text(s, name.origin, text);
		crypto_sign_detached(s->sig, NULL, (const uint8_t *)text, len, secret[i - 1]);
		ck_assert_int_eq(seal_write(fd, s), 0);
	}
	why = NULL;
}

static void teardown(void)
{
	close(fd);
	drop_test_dir();
}

static int read_last(int of, uint64_t size, struct seal *ret)
{
	why = NULL;
	return seals_read_last(of, size, &header, name.origin, ret, &why);
}

#define assert_refused(err, want)                                                                  \
	do {                                                                                       \
		ck_assert_int_eq(err, -EBADMSG);                                                   \
		ck_assert_ptr_nonnull(why);                                                        \
		ck_assert_str_eq(why, want);                                                       \
	} while (0)

START_TEST(names)
{
	char longest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	uint8_t record[SEAL_LEN];

	ck_assert(log_name_is_valid("a"));
	ck_assert(!log_name_is_valid(""));
	ck_assert(!log_name_is_valid("a b"));
	ck_assert(!log_name_is_valid("Host"));
	ck_assert(!log_name_is_valid(longest));
	/* no end within its 64 bytes */
	seals_header_encode(&header, record);
	memcpy(record + 96, longest, 64);
	put_u32(record + 8, crc32c(0, record + 16, SEAL_LEN - 16));
	assert_refused(seals_header_decode(record, &header, &why), "bad name in seals header");
	longest[63] = 0;
	ck_assert(log_name_is_valid(longest));
	memcpy(record + 96, longest, 64);
	put_u32(record + 8, crc32c(0, record + 16, SEAL_LEN - 16));
	ck_assert_int_eq(seals_header_decode(record, &header, &why), 0);
	ck_assert_str_eq(header.name, longest);
}
END_TEST

START_TEST(header_of_a_file)
{
	struct seals_header got;

	ck_assert_int_eq(seals_read_header(fd, &got, &why), 0);
	ck_assert_mem_eq(&got, &header, sizeof(got));
	ck_assert_int_eq(seals_read_header(-1, &got, &why), -EBADF);
	ck_assert_str_eq(why, strerror(EBADF));
	ck_assert_int_eq(ftruncate(fd, SEAL_LEN - 1), 0);
	assert_refused(seals_read_header(fd, &got, &why), "is cut short");
}
END_TEST

/* However many there are: the last one, if the key that the one before names has signed it. */
START_TEST(last_of_a_file)
{
	struct seal last;

	for (uint64_t n = 0; n < 4; n++) {
		ck_assert_int_eq(read_last(fd, (n + 1) * SEAL_LEN, &last), 0);
		ck_assert_uint_eq(last.k, n);
		ck_assert_uint_eq(last.size, 10 * n);
		ck_assert_mem_eq(last.sig, seal[n].sig, 64);
		/* a partial record behind it counts for nothing */
		ck_assert_int_eq(read_last(fd, (n + 1) * SEAL_LEN + 159, &last), 0);
		ck_assert_uint_eq(last.k, n);
	}
	for (uint64_t n = 1; n < 4; n++)
		ck_assert_int_eq(read_last(-1, (n + 1) * SEAL_LEN, &last), -EBADF);
	ck_assert_str_eq(why, strerror(EBADF));
	/* the file is shorter by now */
	assert_refused(read_last(fd, 5 * SEAL_LEN, &last), "is cut short");
}
END_TEST

static void flip(off_t at)
{
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

START_TEST(torn_last)
{
	struct seal last;
	static const struct seal untouched;

	flip(3 * SEAL_LEN + 20);
	ck_assert_int_eq(read_last(fd, 4 * SEAL_LEN, &last), 0);
	ck_assert_uint_eq(last.k, 2);
	assert_refused(read_last(fd, 4 * SEAL_LEN + 1, &last), "more than one torn seal");
	ck_assert_uint_eq(last.k, 2);
	/* the one that would have been before the last is no seal */
	flip(1 * SEAL_LEN + 20);
	assert_refused(read_last(fd, 4 * SEAL_LEN, &last), "bad crc in seal");
	flip(1 * SEAL_LEN + 20);
	flip(2 * SEAL_LEN + 20);
	last = untouched;
	assert_refused(read_last(fd, 4 * SEAL_LEN, &last), "bad crc in seal");
	ck_assert_mem_eq(&last, &untouched, sizeof(last));
}
END_TEST

/* One seal only, torn: there is none. */
START_TEST(torn_first)
{
	struct seal last;

	flip(1 * SEAL_LEN + 20);
	ck_assert_int_eq(read_last(fd, 2 * SEAL_LEN, &last), 0);
	ck_assert_uint_eq(last.k, 0);
}
END_TEST

START_TEST(signatures)
{
	struct seal last;

	memcpy(header.pk1, public[1], 32);
	assert_refused(read_last(fd, 2 * SEAL_LEN, &last), "bad signature");
	ck_assert_int_eq(read_last(fd, 3 * SEAL_LEN, &last), 0); /* by what seal 1 names */
	memcpy(seal[2].next_pk, public[0], 32);
	ck_assert_int_eq(seal_write(fd, &seal[2]), 0);
	assert_refused(read_last(fd, 4 * SEAL_LEN, &last), "bad signature");
	assert_refused(read_last(fd, 3 * SEAL_LEN, &last), "bad signature");
}
END_TEST

/* What is written anew is the last there is. */
START_TEST(written_again)
{
	uint8_t record[2 * SEAL_LEN];
	struct seal got;

	ck_assert_int_eq(seal_write_again(fd, &seal[2]), 0);
	ck_assert_int_eq(pread_all(fd, record, sizeof(record), 2 * SEAL_LEN), SEAL_LEN);
	ck_assert_int_eq(seal_decode(record, 2, &got, &why), 0);
	ck_assert_mem_eq(got.sig, seal[2].sig, 64);
	/* nothing is written where nothing can be */
	ck_assert_int_eq(seal_write(-1, &seal[1]), -EBADF);
	ck_assert_int_eq(seal_write_again(-1, &seal[1]), -EBADF);
	close(fd);
	fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(seal_write(fd, &seal[1]), -ENOSPC);
	ck_assert_int_eq(seal_write_again(fd, &seal[1]), -EINVAL); /* it has no length */
}
END_TEST

static void next_is(struct seal_stream *stream, uint64_t k)
{
	const uint8_t *record = NULL;
	struct seal got;

	ck_assert_int_eq(seal_stream_next(stream, &record), SEAL_LEN);
	ck_assert_uint_eq(stream->k, k);
	ck_assert_int_eq(seal_decode(record, k, &got, &why), 0);
	ck_assert_mem_eq(got.sig, seal[k].sig, 64);
}

START_TEST(streamed)
{
	struct seal_stream stream;
	const uint8_t *record;

	seal_stream_init(&stream, fd);
	for (uint64_t k = 1; k < 4; k++)
		next_is(&stream, k);
	ck_assert_int_eq(seal_stream_next(&stream, &record), 0);
	for (uint64_t k = 3; k; k--) {
		seal_stream_seek(&stream, k);
		next_is(&stream, k);
	}
	/* a failure is told each time, and the place is kept */
	seal_stream_seek(&stream, 2);
	stream.fd = -1;
	ck_assert_int_eq(seal_stream_next(&stream, &record), -EBADF);
	ck_assert_int_eq(seal_stream_next(&stream, &record), -EBADF);
	stream.fd = fd;
	next_is(&stream, 2);
	ck_assert_int_eq(ftruncate(fd, 3 * SEAL_LEN + 7), 0);
	seal_stream_seek(&stream, 3);
	ck_assert_int_eq(seal_stream_next(&stream, &record), 7);
	ck_assert_int_eq(seal_stream_next(&stream, &record), 7);
	ck_assert_int_eq(seal_write(fd, &seal[3]), 0);
	next_is(&stream, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_seals");
	TCase *tcase = tcase_create("seals");

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, header_of_a_file);
	tcase_add_test(tcase, last_of_a_file);
	tcase_add_test(tcase, torn_last);
	tcase_add_test(tcase, torn_first);
	tcase_add_test(tcase, signatures);
	tcase_add_test(tcase, written_again);
	tcase_add_test(tcase, streamed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
