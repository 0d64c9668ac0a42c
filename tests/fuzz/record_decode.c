// SPDX-License-Identifier: Apache-2.0
/* record_decode: canonical or refused. What decodes encodes to the same bytes. */
#include "fuzz.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[RECORD_MAX + 128];
	struct record r;
	uint64_t values[32];

	if (size > RECORD_MAX || record_decode(bytes_of(data, size), &r))
		return 0;
	CHECK(record_encode(&r, again, sizeof(again)) == (ssize_t)size);
	CHECK(memcmp(again, data, size) == 0);
	record_unpack(r.values, values, sizeof(values) / sizeof(values[0]));
	return 0;
}
