// SPDX-License-Identifier: Apache-2.0
/* Any run of records: a gap has a reason, and none is forgotten. One input is many records, each
 * with its length in one byte before it. */
#include "fuzz.h"
#include "record/coverage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coverage_result result;
	struct coverage *coverage;
	uint64_t index = 0, events = 0;

	CHECK(coverage_open(&coverage) == 0);
	if (size % 2)
		coverage_join(coverage);
	while (size && data[0] < size) {
		size_t len = data[0];
		struct record record;

		if (!record_decode(bytes_of(data + 1, len), &record)) {
			CHECK(coverage_record(coverage, index++, &record) == 0);
			events += record_is_event(record.kind);
		}
		data += len + 1;
		size -= len + 1;
	}
	coverage_end(coverage, false, &result);
	coverage_close(coverage);
	CHECK((result.gap == 0) == (result.why[0] == 0));
	CHECK(result.events == events);
	CHECK(result.gap_from <= result.gap_to && (!index || result.gap_to < index));
	CHECK(result.open <= index);
	return 0;
}
