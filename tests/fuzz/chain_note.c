// SPDX-License-Identifier: Apache-2.0
/* A checkpoint: what is read is what would be written, and no other text than the log's own is
 * signed by it. A verifier key likewise. */
#include "chain_base.h"

#include "chain/note.h"
#include "chain/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_note(const uint8_t *data, size_t size)
{
	const struct bytes own = bytes_of(chain_base.file[2].data, chain_base.file[2].len);
	struct seals_header header;
	struct log_name name;
	char body[2 * NOTE_BODY_MAX];
	const char *why = NULL;
	unsigned line = 0;
	struct note note;
	size_t len;

	if (note_parse(bytes_of(data, size), &note, &line, &why)) {
		CHECK(why && line >= 1 && line <= size + 1);
		return;
	}
	CHECK(bytes_equal(note_text(&note), bytes_of(data, size)) && note.lines >= 1);
	if (note.origin.len < 128) {
		char origin[128];

		memcpy(origin, note.origin.data, note.origin.len);
		origin[note.origin.len] = 0;
		len = note_body(origin, note.size, note.root, body);
		CHECK(note.body.len >= len && memcmp(note.body.data, body, len) == 0);
		CHECK(note.extensions || note.body.len == len);
	}
	CHECK(seals_header_decode(chain_base.file[1].data, &header, &why) == 0);
	log_name_derive(&header, &name);
	if (note_signer(&note, &name) == NOTE_SIGNED) {
		const uint8_t *blank = memmem(own.data, own.len, "\n\n", 2);

		CHECK(bytes_equal(note.body, bytes_of(own.data, (size_t)(blank + 1 - own.data))));
	}
}

static void check_key(const uint8_t *data, size_t size)
{
	struct note_key key;
	const char *why = NULL;
	char again[512], *p;
	uint8_t blob[33];

	if (note_key_parse(bytes_of(data, size), &key, &why)) {
		CHECK(why);
		return;
	}
	if (strlen(key.name) > 300)
		return;
	p = again + sprintf(again, "%s+", key.name);
	p = put_hex(p, key.id, 4);
	*p++ = '+';
	blob[0] = (uint8_t)key.type;
	memcpy(blob + 1, key.pk, 32);
	p = put_base64(p, blob, sizeof(blob));
	CHECK(size == (size_t)(p - again) && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	base_make();
	check_note(data, size);
	check_key(data, size);
	return 0;
}
