// SPDX-License-Identifier: Apache-2.0
/* Any run of records: a gap has a reason, and none is forgotten; and gathered in parts they say the
 * same. One input is many records, each
 * with its length in one byte before it. */
#include "fuzz.h"
#include "record/coverage_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coverage_result result, merged;
	struct coverage *coverage, *other;
	struct coverage_part *part;
	uint64_t index = 0, events = 0;

	CHECK(coverage_open(&coverage) == 0 && coverage_open(&other) == 0);
	CHECK(coverage_part_open(&part) == 0);
	if (size % 2) {
		coverage_join(coverage);
		coverage_join(other);
	}
	while (size && data[0] < size) {
		size_t len = data[0];
		struct record record;

		if (!record_decode(bytes_of(data + 1, len), &record)) {
			CHECK(coverage_record(coverage, index, &record) == 0);
			CHECK(coverage_part_record(part, index, &record, bytes_of(data + 1, len)) ==
			      0);
			if (data[len] % 4 == 0)
				CHECK(coverage_merge(other, part) == 0);
			index++;
			events += record_is_event(record.kind);
		}
		data += len + 1;
		size -= len + 1;
	}
	coverage_end(coverage, false, &result);
	coverage_close(coverage);
	CHECK(coverage_merge(other, part) == 0);
	coverage_end(other, false, &merged);
	coverage_close(other);
	coverage_part_close(part);
	CHECK(merged.events == result.events && merged.lost == result.lost &&
	      merged.open == result.open && merged.gap == result.gap &&
	      merged.gap_from == result.gap_from && merged.gap_to == result.gap_to &&
	      strcmp(merged.why, result.why) == 0);
	CHECK((result.gap == 0) == (result.why[0] == 0));
	CHECK(result.events == events);
	CHECK(result.gap_from <= result.gap_to && (!index || result.gap_to < index));
	CHECK(result.open <= index);
	return 0;
}
