// SPDX-License-Identifier: Apache-2.0
/* The format's test vector: known seeds and salts in, every file's hash as written down. */
#include "chain_util.h"

#include <sodium.h>

/* Randomness in the order in which creation and new segments draw it. */
static void known_random(void *ret, size_t len)
{
	static int draw;
	uint8_t *p = ret;

	ck_assert_uint_eq(len, 32);
	for (int i = 0; i < 32; i++) {
		switch (draw) {
		case 0:
			p[i] = (uint8_t)i;
			break;
		case 1:
			p[i] = (uint8_t)(0x20 + i);
			break;
		default:
			p[i] = (uint8_t)(0xa0 + draw);
		}
	}
	draw++;
}

static void assert_file(const char *name, size_t want_len, const char *want)
{
	uint8_t hash[32];
	char hex[65];
	size_t len;
	uint8_t *data = slurp(name, &len);

	crypto_hash_sha256(hash, data, len);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	free(data);
	ck_assert_uint_eq(len, want_len);
	ck_assert_str_eq(hex, want);
}

static void write_vector(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	uint8_t machine[16];

	memset(machine, 0xa1, sizeof(machine));
	chain_random = known_random;
	options.segment_bytes = 248; /* what segment 1 holds when it is full */
	ck_assert_int_eq(chain_start(&chain, &options, machine, MAKE_IF_NONE, &opened, &chain_err),
			 0);
	ck_assert_int_eq(opened.created, 1);
	append(chain, "\x10hello", CHAIN_NORMAL, 0);
	append(chain, "\x10world", CHAIN_NORMAL, 0);
	ck_assert_int_eq(chain_tick(chain, 10 * MS), 0);
	append(chain, "\x11x", CHAIN_NORMAL, 10 * MS);
	ck_assert_int_eq(chain_tick(chain, 20 * MS), 0);
	ck_assert_uint_eq(append(chain, "\x10y", CHAIN_NORMAL, 20 * MS), 5);
	ck_assert_int_eq(chain_tick(chain, 30 * MS), 0);
	append(chain, "\x10STOP", CHAIN_NORMAL, 30 * MS);
	close_chain(chain, 40 * MS);

	ck_assert_str_eq(opened.fingerprint, "3a21a88b64eabce7");
	ck_assert_int_eq(strncmp(opened.vkey,
				 "host/indelible/3a21a88b64eabce7e984cd6d2a361d317f60519a"
				 "+02bb57e5+",
				 65),
			 0);
	assert_file("0000000000000001.seg", 248,
		    "163edc545134665829a0f4b2d849f174711cee8f1a71642d88cf2ae6888b6e38");
	assert_file("0000000000000002.seg", 271,
		    "bf0da666eed0702b300331867a3dca533d8a1579fd5d1295ff0224c957a2b425");
	assert_file("seals", 640,
		    "96e5cc68be96fad0c353f7073cb4323216ca265c227144f2e4012aceb76641f2");
	assert_file("checkpoint", 257,
		    "a5ab381f7e0debd8fc37b548a48163a65b04783830d7afc158044781c28ee959");
}

START_TEST(vector)
{
	struct chain_report report;

	write_vector();
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.entries, 7);
	ck_assert_uint_eq(report.sealed, 7);
	ck_assert_uint_eq(report.seals, 3);
	ck_assert_uint_eq(report.unwitnessed, 7);
	ck_assert(report.closed && !report.pinned && !report.live);
	ck_assert_mem_eq(report.root, "\x7e\x5c\x26\x79\x7b\xaf\xee\xf4", 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_vector");
	TCase *tcase = tcase_create("vector");

	tcase_add_checked_fixture(tcase, use_test_dir, drop_test_dir);
	tcase_add_test(tcase, vector);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
