// SPDX-License-Identifier: Apache-2.0
/* place_of: what it finds lies in the text, and is what it is said to be. */
#include "attribute/place.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lies_within(struct bytes part, const uint8_t *data, size_t size)
{
	return part.len == 0 || (part.data >= data && part.data + part.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct place place = place_of(bytes_of(data, size));

	CHECK(lies_within(place.container, data, size));
	CHECK(lies_within(place.unit, data, size));
	CHECK(place.container.len == 0 || place.container.len == CONTAINER_ID);
	for (size_t i = 0; i < place.container.len; i++)
		CHECK(strchr("0123456789abcdef", place.container.data[i]));
	for (size_t i = 0; i < place.unit.len; i++)
		CHECK(place.unit.data[i] != '/' && place.unit.data[i] != '\n');
	CHECK(place.unit.len == 0 ||
	      memcmp(place.unit.data + place.unit.len - 8, ".service", 8) == 0);
	return 0;
}
