// SPDX-License-Identifier: Apache-2.0
/* Known answers, and both ways to compute a CRC: this file contains the code under test. */
#include "base_test.h"

#include "base/hash.c"

static const uint8_t sip_key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* vectors.h of the reference implementation: key 00..0f, message 00, 01, ... of length i. */
START_TEST(siphash_reference_vectors)
{
	static const uint64_t wanted[] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};
	uint8_t message[64];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_uint_eq(siphash(sip_key, message, i), wanted[i]);
	ck_assert_uint_eq(siphash(sip_key, message, 63), 0x958a324ceb064572);
}
END_TEST

START_TEST(siphash_depends_on_key_and_every_byte)
{
	uint8_t key[16], message[40] = { 0 };
	uint64_t plain = siphash(sip_key, message, sizeof(message));

	for (size_t i = 0; i < sizeof(message); i++) {
		message[i] = 1;
		ck_assert_uint_ne(siphash(sip_key, message, sizeof(message)), plain);
		message[i] = 0;
	}
	for (size_t i = 0; i < sizeof(key); i++) {
		memcpy(key, sip_key, sizeof(key));
		key[i] ^= 0x80;
		ck_assert_uint_ne(siphash(key, message, sizeof(message)), plain);
	}
}
END_TEST

static uint32_t by_table(uint32_t crc, const void *data, size_t len)
{
	return ~crc_portable(~crc, data, len);
}

/* One bit at a time, straight from the definition. */
static uint32_t by_definition(uint32_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* RFC 3720, B.4, and the check value of the catalogue. */
static void check_known(uint32_t (*crc)(uint32_t, const void *, size_t))
{
	uint8_t block[32];

	ck_assert_uint_eq(crc(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc(0, "", 0), 0);
	memset(block, 0, sizeof(block));
	ck_assert_uint_eq(crc(0, block, sizeof(block)), 0x8a9136aa);
	memset(block, 0xff, sizeof(block));
	ck_assert_uint_eq(crc(0, block, sizeof(block)), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		block[i] = (uint8_t)i;
	ck_assert_uint_eq(crc(0, block, sizeof(block)), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		block[i] = (uint8_t)(31 - i);
	ck_assert_uint_eq(crc(0, block, sizeof(block)), 0x113fdb5c);
}

START_TEST(crc32c_known_answers_by_both_ways)
{
	check_known(by_table);
	check_known(crc32c);
}
END_TEST

START_TEST(crc32c_is_the_same_by_all_ways)
{
	uint64_t seed = 1;
	uint8_t data[200];

	for (int i = 0; i < 2000; i++) {
		size_t from = chance_below(&seed, 9), len = chance_below(&seed, 190);
		uint32_t start = (uint32_t)chance(&seed), wanted;

		chance_bytes(&seed, data, sizeof(data));
		wanted = by_definition(start, data + from, len);
		ck_assert_uint_eq(by_table(start, data + from, len), wanted);
		ck_assert_uint_eq(crc32c(start, data + from, len), wanted);
#if defined(__x86_64__)
		if (__builtin_cpu_supports("sse4.2"))
			ck_assert_uint_eq(~crc_sse42(~start, data + from, len), wanted);
#endif
	}
}
END_TEST

START_TEST(crc32c_goes_on_where_it_stopped)
{
	uint64_t seed = 2;
	uint8_t data[100];

	chance_bytes(&seed, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		uint32_t first = crc32c(0, data, cut);

		ck_assert_uint_eq(crc32c(first, data + cut, sizeof(data) - cut),
				  crc32c(0, data, sizeof(data)));
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		siphash_reference_vectors,	   siphash_depends_on_key_and_every_byte,
		crc32c_known_answers_by_both_ways, crc32c_is_the_same_by_all_ways,
		crc32c_goes_on_where_it_stopped,
	};

	return RUN_TESTS("base_hash", tests);
}
