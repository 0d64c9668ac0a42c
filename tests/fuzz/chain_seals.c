// SPDX-License-Identifier: Apache-2.0
/* A file of seals, its first byte aside: header and records encode to the same bytes, a record is
 * taken at its own place only, and no change to one leaves its signature good. With checksums made
 * right if the first byte is odd. */
#include "chain_base.h"

#include "chain/seals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const uint8_t *data)
{
	struct seals_header header;
	struct log_name name;
	uint8_t again[SEAL_LEN];
	const char *why = NULL;

	if (seals_header_decode(data, &header, &why)) {
		CHECK(why);
		return;
	}
	seals_header_encode(&header, again);
	CHECK(memcmp(again, data, SEAL_LEN) == 0);
	log_name_derive(&header, &name);
	CHECK(strlen(name.origin) < ORIGIN_MAX && strlen(name.vkey) < VKEY_MAX);
	CHECK(strncmp(name.vkey, name.origin, strlen(name.origin)) == 0);
}

static void check_record(const uint8_t *data, uint64_t k)
{
	const uint8_t *seals = chain_base.file[1].data, *pk;
	uint8_t again[SEAL_LEN];
	const char *why = NULL;
	struct seal seal;

	if (seal_decode(data, k, &seal, &why)) {
		CHECK(why);
		return;
	}
	CHECK(!seal_is_torn(data));
	seal_encode(&seal, again);
	CHECK(memcmp(again, data, SEAL_LEN) == 0);
	CHECK(seal_decode(data, k + 1, &seal, &why) != 0);
	CHECK(seal_decode(data, k, &seal, &why) == 0);
	if (k > chain_base.report.seals)
		return;
	pk = k == 1 ? seals + 48 : seals + SEAL_LEN * (k - 1) + 64;
	CHECK(seal_is_signed(&seal, chain_base.report.origin, pk) ==
	      (memcmp(data, seals + SEAL_LEN * k, SEAL_LEN) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	base_make();
	if (size < 1 + SEAL_LEN)
		return 0;
	copy = malloc(size - 1);
	CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		base_fix_seals(copy, size - 1);
	check_header(copy);
	for (uint64_t k = 1; SEAL_LEN * (k + 1) <= size - 1; k++)
		check_record(copy + SEAL_LEN * k, k);
	free(copy);
	return 0;
}
