// SPDX-License-Identifier: Apache-2.0
/* A verifier key, a line break, and a note: a key and a note of any content, and a signature that
 * holds only where the body, the key and the line are untouched. */
#include "chain/note.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char witness[] =
		"w.example+9ce4deac+BP1yTY5vHaFPdzkNzwZS2H6FQdnb/gEWHtRAhN7XV4rv";
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t first = end ? (size_t)(end - data) : size;
	struct note_key key;
	struct note note;
	const char *why = NULL;
	uint64_t time = 0;
	unsigned line = 0;

	if (note_key_parse(bytes_of(data, first), &key, &why) < 0) {
		CHECK(why);
		CHECK(note_key_parse(bytes_of_text(witness), &key, &why) == 0);
	} else {
		CHECK(strlen(key.name) > 0 && !strpbrk(key.name, "+ \n"));
	}
	if (note_parse(bytes_of(data + first, size - first), &note, &line, &why) < 0) {
		CHECK(why && line >= 1);
		return 0;
	}
	CHECK(note_text(&note).len == size - first);
	CHECK(note.lines >= 1 && note.body.len > note.origin.len);
	if (note_signed_by(&note, &key, &time) == NOTE_SIGNED)
		CHECK(time < 1ull << 63);
	return 0;
}
