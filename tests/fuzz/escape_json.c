// SPDX-License-Identifier: Apache-2.0
/* escape_json: the inside of a JSON string whatever goes in, and the way back exists. */
#include "base/escape.h"
#include "unescape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer json = { 0 }, value = { 0 }, back = { 0 };
	bool escaped = escape_json(&json, bytes_of(data, size));

	CHECK(escaped == !is_rfc3629(data, size));
	CHECK(json_value(&value, json.data, json.len));
	if (escaped)
		CHECK(undo_hex(&back, value.data, value.len));
	else
		buffer_add(&back, value.data, value.len);
	CHECK(bytes_equal(bytes_of(back.data, back.len), bytes_of(data, size)));
	buffer_free(&json);
	buffer_free(&value);
	buffer_free(&back);
	return 0;
}
