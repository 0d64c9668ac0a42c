// SPDX-License-Identifier: Apache-2.0
/* Any record that decodes: one line of text without a control character, one line of JSON. (That
 * the JSON is well-formed is checked by tests/unit/output_json.c.) */
#include "base/escape.h"
#include "fuzz.h"
#include "output/output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct buffer *line)
{
	CHECK(!line->failed && line->len && line->data[line->len - 1] == '\n');
	for (size_t i = 0; i + 1 < line->len; i++)
		CHECK((uint8_t)line->data[i] >= 0x20 && line->data[i] != 0x7f);
	CHECK(utf8_is_valid(bytes_of(line->data, line->len)));
	buffer_free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t hash[32];
	struct output_context context = { .host = "" };
	struct record record;
	struct output_entry entry = { 1, hash, &record, &context };
	struct buffer line = { 0 };

	if (record_decode(bytes_of(data, size), &record))
		return 0;
	output_follow(&context, &record);
	output_text(&line, &entry);
	check_line(&line);
	output_json(&line, &entry);
	check_line(&line);
	return 0;
}
