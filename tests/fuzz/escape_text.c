// SPDX-License-Identifier: Apache-2.0
/* escape_text: one clean line whatever goes in, and the way back exists. */
#include "base/escape.h"
#include "unescape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer text = { 0 }, back = { 0 };

	escape_text(&text, bytes_of(data, size));
	CHECK(is_rfc3629(text.data, text.len));
	CHECK(unescape_text(&back, text.data, text.len));
	CHECK(bytes_equal(bytes_of(back.data, back.len), bytes_of(data, size)));
	buffer_free(&text);
	buffer_free(&back);
	return 0;
}
