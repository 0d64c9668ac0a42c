// SPDX-License-Identifier: Apache-2.0
/* What is taken out of a segment before it is packed comes back, whatever the bytes were. */
#include "chain_image.h"

#include "chain/units.h"

struct stream {
	const uint8_t *data;
	size_t len, at;
};

static int take(void *ctx, uint8_t *data, size_t len)
{
	struct stream *s = ctx;

	ck_assert_uint_gt(len, 0); /* what the bytes come from may have ended */
	ck_assert_uint_le(len, s->len - s->at);
	memcpy(data, s->data + s->at, len);
	s->at += len;
	return 0;
}

static uint8_t *pass(const uint8_t *data, size_t len, bool is_segment, bool restore)
{
	struct stream stream = { data, len, 0 };
	struct units units = { .take = take, .ctx = &stream, .restore = restore };
	uint8_t *out = malloc(len + 1), *p = out;
	struct bytes piece;

	units_begin(&units, len, is_segment);
	while (units_next(&units, &piece) == 1) {
		ck_assert_uint_gt(piece.len, 0);
		ck_assert_uint_le(piece.len, len - (size_t)(p - out));
		ck_assert(is_segment || piece.len <= 16u << 10); /* of any length, bit by bit */
		p = put_bytes(p, piece.data, piece.len);
	}
	ck_assert_uint_eq((size_t)(p - out), len);
	free(units.buffer);
	return out;
}

static void check_round(const uint8_t *data, size_t len)
{
	for (int is_segment = 0; is_segment < 2; is_segment++) {
		uint8_t *out = pass(data, len, is_segment, false);
		uint8_t *back = pass(out, len, is_segment, true);

		if (len)
			ck_assert_mem_eq(back, data, len);
		if (!is_segment && len)
			ck_assert_mem_eq(out, data, len);
		free(back);
		/* and the other way round: no two segments come out as the same bytes */
		back = pass(data, len, is_segment, true);
		free(out);
		out = pass(back, len, is_segment, false);
		if (len)
			ck_assert_mem_eq(out, data, len);
		free(out);
		free(back);
	}
}

static void setup(void)
{
	struct chain *chain;

	use_test_dir();
	chain = open_chain(NULL);
	for (unsigned i = 0; i < 40; i++) {
		append(chain, "\020one of a few records", CHAIN_NORMAL, i * 100 * MS);
		ck_assert_int_eq(chain_tick(chain, i * 100 * MS + 10 * MS), 0);
	}
	close_chain(chain, 5000 * MS);
}

START_TEST(what_goes)
{
	struct image image;
	struct part part[64];
	const struct file *f;
	uint8_t *out;
	int n;

	load_image(&image);
	f = image_file(&image, SEG1);
	n = find_blocks(f, part, 64);
	ck_assert_int_ge(n, 40);
	out = pass(f->data, f->len, true, false);
	for (int i = 0; i < n; i++) {
		static const uint8_t none[12];

		ck_assert_mem_eq(out + part[i].at + 4, none, 12);
		ck_assert_mem_eq(out + part[i].at + 16, f->data + part[i].at + 16,
				 part[i].len - 16);
	}
	ck_assert_mem_eq(out, f->data, part[0].at);
	free(out);
	drop_image(&image);
}
END_TEST

START_TEST(every_cut)
{
	size_t len;
	uint8_t *data = slurp(SEG1, &len);

	for (size_t cut = 0; cut <= len; cut++)
		check_round(data, cut);
	free(data);
}
END_TEST

START_TEST(every_bit)
{
	size_t len;
	uint8_t *data = slurp(SEG1, &len);

	for (size_t at = 0; at < len && at < 600; at++)
		for (int bit = 0; bit < 8; bit++) {
			data[at] ^= (uint8_t)(1 << bit);
			check_round(data, len);
			data[at] ^= (uint8_t)(1 << bit);
		}
	free(data);
}
END_TEST

START_TEST(noise)
{
	size_t len;
	uint8_t *data = slurp(SEG1, &len), *copy = malloc(len + 70000);

	srand(7);
	for (int round = 0; round < 300; round++) {
		size_t n;

		memcpy(copy, data, len);
		for (int i = rand() % 8; i; i--)
			copy[(size_t)rand() % len] = (uint8_t)rand();
		n = len + (round % 3 == 0 ? (size_t)rand() % 70000 : 0);
		for (size_t i = len; i < n; i++)
			copy[i] = (uint8_t)rand();
		check_round(copy, n);
	}
	free(copy);
	free(data);
}
END_TEST

static void is_left(const uint8_t *data, size_t len)
{
	uint8_t *out = pass(data, len, true, false);

	ck_assert_mem_eq(out, data, len);
	free(out);
}

/* Behind what is no header, or no block, nothing is taken out, whatever it looks like. */
START_TEST(left_alone)
{
	size_t len, room = (2 << 20) + 4096, huge = BLOCK_PAYLOAD_MAX + 1;
	uint8_t *segment = slurp(SEG1, &len), *data = calloc(1, room + len), *p;

	ck_assert_uint_eq(get_u32(segment + 12), 0);
	/* more of a frontier than there is */
	memcpy(data, segment, SEGMENT_HEADER_MIN);
	put_u32(data + 12, 65);
	p = data + SEGMENT_HEADER_MIN;
	memcpy(p, segment, len);
	is_left(data, SEGMENT_HEADER_MIN + len);
	memset(p, 0, len);
	p = data + SEGMENT_HEADER_MIN + 65 * CHAIN_HASH;
	memcpy(p, segment + SEGMENT_HEADER_MIN, len - SEGMENT_HEADER_MIN);
	is_left(data, (size_t)(p - data) + len - SEGMENT_HEADER_MIN);
	/* another magic than that of a block, and a payload that is too long */
	memcpy(data, segment, len);
	data[SEGMENT_HEADER_MIN] ^= 1;
	is_left(data, len);
	memset(data, 0, len);
	memcpy(data, segment, SEGMENT_HEADER_MIN + BLOCK_HEADER);
	put_u32(data + SEGMENT_HEADER_MIN + 16, (uint32_t)huge);
	p = data + SEGMENT_HEADER_MIN + BLOCK_HEADER;
	memcpy(p, segment + SEGMENT_HEADER_MIN, len - SEGMENT_HEADER_MIN);
	is_left(data, (size_t)(p - data) + huge);
	free(data);
	free(segment);
}
END_TEST

static int calls_left;

static int take_or_fail(void *ctx, uint8_t *data, size_t len)
{
	return calls_left-- == 0 ? -EIO : take(ctx, data, len);
}

/* Whatever call it is that fails, that is told before the end. */
START_TEST(every_failure)
{
	size_t len;
	uint8_t *data = slurp(SEG1, &len);
	int err = -EIO;

	for (int at = 0; err == -EIO; at++) {
		struct stream stream = { data, len, 0 };
		struct units units = { .take = take_or_fail, .ctx = &stream };
		struct bytes piece;

		calls_left = at;
		units_begin(&units, len, true);
		while ((err = units_next(&units, &piece)) == 1)
			ck_assert_int_ge(calls_left, 0);
		ck_assert_int_eq(err, calls_left < 0 ? -EIO : 0);
		free(units.buffer);
	}
	free(data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_units");
	TCase *tcase = tcase_create("units");

	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_goes);
	tcase_add_test(tcase, left_alone);
	tcase_add_test(tcase, every_failure);
	tcase_add_test(tcase, every_cut);
	tcase_add_test(tcase, every_bit);
	tcase_add_test(tcase, noise);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
