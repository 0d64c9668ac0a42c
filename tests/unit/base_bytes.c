// SPDX-License-Identifier: Apache-2.0
/* Numbers as bytes: fixed widths, varints in their one form, zigzag. */
#include "base_test.h"

#include <errno.h>

#include "base/bytes.h"

/* Edges of every varint length, and of every width. */
static uint64_t edge(int i)
{
	uint64_t power = 1ull << (i / 3 & 63);

	return i % 3 == 0 ? power - 1 : i % 3 == 1 ? power : power + 1;
}
#define EDGES (3 * 64)

START_TEST(fixed_widths_are_little_endian)
{
	static const uint8_t wanted[] = { 0xf1, 0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x0e,
					  0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x07 };
	uint8_t got[sizeof(wanted)], *p = got;

	p = put_u8(p, 0xf1);
	p = put_u16(p, 0x0102);
	p = put_u32(p, 0x03040506);
	p = put_u64(p, 0x0708090a0b0c0d0eull);
	ck_assert_ptr_eq(p, got + sizeof(got));
	ck_assert_mem_eq(got, wanted, sizeof(wanted));
	ck_assert_uint_eq(get_u16(got + 1), 0x0102);
	ck_assert_uint_eq(get_u32(got + 3), 0x03040506);
	ck_assert_uint_eq(get_u64(got + 7), 0x0708090a0b0c0d0eull);
}
END_TEST

START_TEST(big_endian_is_as_written)
{
	uint8_t got[8];

	ck_assert_ptr_eq(put_be64(got, 0x0708090a0b0c0d0eull), got + 8);
	ck_assert_mem_eq(got, "\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 8);
	ck_assert_uint_eq(get_be64(got), 0x0708090a0b0c0d0eull);
}
END_TEST

START_TEST(fixed_widths_keep_every_number)
{
	uint64_t seed = 1;
	uint8_t room[8];

	for (int i = 0; i < 10000; i++) {
		uint64_t v = i < EDGES ? edge(i) : chance_number(&seed);

		put_u16(room, (uint16_t)v);
		ENSURE(get_u16(room) == (uint16_t)v);
		put_u32(room, (uint32_t)v);
		ENSURE(get_u32(room) == (uint32_t)v);
		put_u64(room, v);
		ENSURE(get_u64(room) == v);
	}
}
END_TEST

START_TEST(bytes_and_zeros_move_on_by_their_length)
{
	uint8_t room[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };

	ck_assert_ptr_eq(put_bytes(room, "ab", 2), room + 2);
	ck_assert_ptr_eq(put_bytes(room + 2, NULL, 0), room + 2);
	ck_assert_ptr_eq(put_zeros(room + 2, 3), room + 5);
	ck_assert_mem_eq(room, "ab\0\0\0\t\t\t", 8);
}
END_TEST

START_TEST(equal_bytes_have_equal_length_and_content)
{
	ck_assert(bytes_equal(bytes_of(NULL, 0), bytes_of("x", 0)));
	ck_assert(bytes_equal(bytes_of_text("abc"), bytes_of("abcd", 3)));
	ck_assert(!bytes_equal(bytes_of_text("abc"), bytes_of_text("abcd")));
	ck_assert(!bytes_equal(bytes_of_text("abc"), bytes_of_text("abd")));
}
END_TEST

static size_t groups_of_seven(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

START_TEST(varint_round_trip_in_the_shortest_form)
{
	uint64_t seed = 2, back;
	uint8_t room[VARINT_MAX + 1];

	for (int i = 0; i < 20000; i++) {
		uint64_t v = i < EDGES ? edge(i) : chance_number(&seed);
		size_t n = (size_t)(put_varint(room, v) - room);

		ENSURE(n == groups_of_seven(v));
		room[n] = 0x7f; /* what follows does not matter */
		ENSURE(get_varint(room, n + 1, &back) == (ssize_t)n);
		ENSURE(back == v);
	}
}
END_TEST

START_TEST(varint_that_ends_early_wants_more)
{
	uint64_t back = 77;
	uint8_t room[VARINT_MAX];

	for (int i = 0; i < EDGES; i++) {
		size_t n = (size_t)(put_varint(room, edge(i)) - room);

		for (size_t cut = 0; cut < n; cut++)
			ck_assert_int_eq(get_varint(room, cut, &back), 0);
	}
	ck_assert_int_eq(get_varint(NULL, 0, &back), 0);
	ck_assert_uint_eq(back, 77);
}
END_TEST

START_TEST(varint_of_more_bytes_than_needed_is_refused)
{
	uint64_t back = 77;
	uint8_t room[VARINT_MAX + 2];

	for (int i = 0; i < EDGES; i++) {
		size_t n = (size_t)(put_varint(room, edge(i)) - room);

		for (; n < VARINT_MAX; n++) { /* zero groups on top */
			room[n - 1] |= 0x80;
			room[n] = 0;
			ck_assert_int_eq(get_varint(room, n + 1, &back), -EBADMSG);
		}
	}
	ck_assert_uint_eq(back, 77);
}
END_TEST

START_TEST(varint_beyond_64_bits_is_refused)
{
	uint64_t back = 77;
	uint8_t room[VARINT_MAX + 2];

	memset(room, 0xff, sizeof(room));
	ck_assert_int_eq(get_varint(room, sizeof(room), &back), -EBADMSG);
	ck_assert_int_eq(get_varint(room, VARINT_MAX, &back), -EBADMSG);
	for (int top = 0; top < 256; top++) {
		room[VARINT_MAX - 1] = (uint8_t)top;
		ck_assert_int_eq(get_varint(room, sizeof(room), &back),
				 top == 1 ? VARINT_MAX : -EBADMSG);
	}
	ck_assert_uint_eq(back, UINT64_MAX);
}
END_TEST

/* Whatever is accepted is what put_varint writes: one number, one form. */
START_TEST(varint_has_one_form)
{
	uint64_t seed = 3, v;
	uint8_t in[VARINT_MAX + 1], out[VARINT_MAX];
	size_t accepted = 0;

	for (int i = 0; i < 300000; i++) {
		ssize_t n;

		chance_bytes(&seed, in, sizeof(in));
		for (size_t j = 0; j < sizeof(in); j++) {
			if (chance(&seed) & 1)
				in[j] &= 0x81;
		}
		n = get_varint(in, sizeof(in), &v);
		if (n <= 0)
			continue;
		accepted++;
		ENSURE(put_varint(out, v) - out == n);
		ENSURE(!memcmp(in, out, (size_t)n));
	}
	ck_assert_uint_gt(accepted, 100000);
}
END_TEST

START_TEST(zigzag_keeps_small_numbers_small)
{
	static const int64_t signs[] = { 0, -1, 1, -2, 2, -3 };
	uint64_t seed = 4;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		ENSURE(zigzag(signs[i]) == i);
		ENSURE(unzigzag(i) == signs[i]);
	}
	ENSURE(zigzag(INT64_MIN) == UINT64_MAX);
	ENSURE(zigzag(INT64_MAX) == UINT64_MAX - 1);
	for (int i = 0; i < 10000; i++) {
		uint64_t v = i < EDGES ? edge(i) : chance_number(&seed);

		ENSURE(zigzag(unzigzag(v)) == v);
		ENSURE(unzigzag(zigzag((int64_t)v)) == (int64_t)v);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		fixed_widths_are_little_endian,
		big_endian_is_as_written,
		fixed_widths_keep_every_number,
		bytes_and_zeros_move_on_by_their_length,
		equal_bytes_have_equal_length_and_content,
		varint_round_trip_in_the_shortest_form,
		varint_that_ends_early_wants_more,
		varint_of_more_bytes_than_needed_is_refused,
		varint_beyond_64_bits_is_refused,
		varint_has_one_form,
		zigzag_keeps_small_numbers_small,
	};

	return RUN_TESTS("base_bytes", tests);
}
