// SPDX-License-Identifier: Apache-2.0
/* Our SHA-256 against FIPS 180-4 and against libsodium's. */
#include <check.h>
#include <sodium.h>
#include <stdlib.h>

#include "chain/sha256.h"

static void expect_hex(const char *text, const char *hex)
{
	uint8_t got[CHAIN_HASH];
	char got_hex[2 * CHAIN_HASH + 1];

	sha256(bytes_of_text(text), bytes_of(NULL, 0), got);
	sodium_bin2hex(got_hex, sizeof(got_hex), got, sizeof(got));
	ck_assert_str_eq(got_hex, hex);
}

START_TEST(known_answers)
{
	expect_hex("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_hex("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

/* Every length and every place to split it, over three blocks; then long ones. */
START_TEST(both_ways_agree)
{
	static uint8_t data[70000];
	uint8_t fast[CHAIN_HASH], slow[CHAIN_HASH];

	randombytes_buf(data, sizeof(data));
	if (!sha256_fast(bytes_of(data, 0), bytes_of(data, 0), fast))
		return; /* a processor without the instructions: there is one way only */
	for (size_t len = 0; len <= 200; len++) {
		for (size_t split = 0; split <= len; split++) {
			struct bytes a = bytes_of(data, split);
			struct bytes b = bytes_of(data + split, len - split);

			sha256_fast(a, b, fast);
			sha256_portable(a, b, slow);
			ck_assert_mem_eq(fast, slow, CHAIN_HASH);
			crypto_hash_sha256(slow, data, len);
			ck_assert_mem_eq(fast, slow, CHAIN_HASH);
		}
	}
	for (size_t len = 1000; len < sizeof(data); len += 997) {
		sha256_fast(bytes_of(data, 17), bytes_of(data + 17, len), fast);
		crypto_hash_sha256(slow, data, len + 17);
		ck_assert_mem_eq(fast, slow, CHAIN_HASH);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain sha256");
	TCase *tests = tcase_create("sha256");
	SRunner *runner;
	int failed;

	if (sodium_init() < 0)
		return 2;
	tcase_add_test(tests, known_answers);
	tcase_add_test(tests, both_ways_agree);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
