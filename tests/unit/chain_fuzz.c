// SPDX-License-Identifier: Apache-2.0
/* Every parser of chain/ around good input and far from it, in bounded memory. */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "base_fuzz.h"

#define LLVMFuzzerTestOneInput fuzz_segment
#include "../fuzz/chain_segment.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_entry
#include "../fuzz/chain_entry.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_seals
#include "../fuzz/chain_seals.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_note
#include "../fuzz/chain_note.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_key
#include "../fuzz/chain_key.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_packed
#include "../fuzz/chain_packed.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_directory
#include "../fuzz/chain_directory.c"
#undef LLVMFuzzerTestOneInput
#include "../fuzz/chain_seeds.h"

static const struct row {
	const char *name;
	int (*harness)(const uint8_t *, size_t);
	int rounds; /* around each seed */
	size_t noise;
} rows[] = {
	{ "chain_segment", fuzz_segment, 1500, 600 }, { "chain_entry", fuzz_entry, 10000, 200 },
	{ "chain_seals", fuzz_seals, 400, 600 },      { "chain_note", fuzz_note, 5000, 400 },
	{ "chain_key", fuzz_key, 2000, 1100 },	      { "chain_packed", fuzz_packed, 500, 300 },
	{ "chain_directory", fuzz_directory, 8, 60 },
};

static const struct row *row;
static int inputs;

static int counted(const uint8_t *data, size_t size)
{
	inputs++;
	return row->harness(data, size);
}

static void around(const char *name, const uint8_t *data, size_t len)
{
	uint8_t copy[4096];

	if (strcmp(name, row->name) != 0)
		return;
	memcpy(copy, data, len);
	fuzz_around(counted, copy, len, row->rounds);
}

/* Not with a sanitizer, which reserves terabytes. */
static void bound_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit limit = { 256 << 20, 256 << 20 };

	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
#endif
}

START_TEST(parser)
{
	row = &rows[_i];
	bound_memory();
	each_chain_seed(around);
	fuzz_noise(counted, row->noise, row->rounds);
	printf("%s: %d inputs\n", row->name, inputs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_fuzz");
	TCase *tcase = tcase_create("parsers");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, parser, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed != 0;
}
