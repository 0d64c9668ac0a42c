// SPDX-License-Identifier: Apache-2.0
/*
 * Proof of an entry                           Proof that a log grew
 *
 *   c2sp.org/tlog-proof@v1                      old SIZE
 *   extra base64(salt[16] || entry)             base64(hash)
 *   index INDEX                                 ...
 *   base64(hash), leaf's sibling first
 *   ...                                         a note
 *
 *   a note
 *
 * Valid if and only if it is exactly that: decimals without leading zeros, canonical base64, at
 * most 63 hashes, a blank line before the note, and a note as note.c reads it. The line with extra
 * may be missing. Whether the proof holds is another question.
 */
#include "chain/proof_text.h"

#include <errno.h>

#include "chain/text.h"

static const char MAGIC[] = "c2sp.org/tlog-proof@v1";

static void add_base64(struct buffer *to, const uint8_t *data, size_t len)
{
	char group[5];

	for (size_t at = 0; at < len; at += 3) {
		put_base64(group, data + at, len - at < 3 ? len - at : 3);
		buffer_add(to, group, 4);
	}
}

void proof_encode(struct buffer *to, const struct proof *proof)
{
	if (proof->kind == PROOF_INCLUSION) {
		buffer_print(to, "%s\n", MAGIC);
		if (proof->extra) {
			buffer_text(to, "extra ");
			add_base64(to, proof->data, proof->extra);
			buffer_text(to, "\n");
		}
		buffer_print(to, "index %llu\n", (unsigned long long)proof->at);
	} else {
		buffer_print(to, "old %llu\n", (unsigned long long)proof->at);
	}
	for (unsigned i = 0; i < proof->path.count; i++) {
		add_base64(to, proof->path.hash[i], CHAIN_HASH);
		buffer_add(to, "\n", 1);
	}
	buffer_add(to, "\n", 1);
	buffer_add(to, proof->text.data, proof->text.len);
}

/* What stands behind word and a space; 0 when the line does not begin so. */
static int take_word(struct bytes *line, const char *word)
{
	size_t len = strlen(word);

	if (line->len <= len || memcmp(line->data, word, len) != 0 || line->data[len] != ' ')
		return 0;
	*line = bytes_of(line->data + len + 1, line->len - len - 1);
	return 1;
}

struct lines {
	struct bytes rest, row; /* row: the one in hand */
	unsigned number;	/* of it */
	const char **why;
};

static int next_line(struct lines *in)
{
	const uint8_t *end = in->rest.len ? memchr(in->rest.data, '\n', in->rest.len) : NULL;

	in->number++;
	*in->why = "the file ends before its note";
	if (!end)
		return -EBADMSG;
	in->row = bytes_of(in->rest.data, (size_t)(end - in->rest.data));
	in->rest = bytes_of(end + 1, in->rest.len - in->row.len - 1);
	return 0;
}

/* The optional line of extra data, and the one of the index. */
static int parse_entry(struct lines *in, struct proof *proof)
{
	ssize_t n;

	if (next_line(in) < 0)
		return -EBADMSG;
	if (take_word(&in->row, "extra")) {
		*in->why = "extra data is not canonical base64 of 1 to 65,535 bytes";
		n = get_base64((const char *)in->row.data, in->row.len, proof->data,
			       sizeof(proof->data));
		if (n <= 0)
			return -EBADMSG;
		proof->extra = (size_t)n;
		if (next_line(in) < 0)
			return -EBADMSG;
	}
	*in->why = "not 'index' and a canonical decimal";
	if (!take_word(&in->row, "index"))
		return -EBADMSG;
	return get_decimal((const char *)in->row.data, in->row.len, &proof->at);
}

static int parse_hashes(struct lines *in, struct path *path)
{
	for (;;) {
		if (next_line(in) < 0)
			return -EBADMSG;
		if (in->row.len == 0)
			return 0;
		*in->why = "more than 63 hashes";
		if (path->count == PROOF_HASHES)
			return -EBADMSG;
		*in->why = "hash is not canonical base64 of 32 bytes";
		if (get_base64((const char *)in->row.data, in->row.len, path->hash[path->count],
			       CHAIN_HASH) != CHAIN_HASH)
			return -EBADMSG;
		path->count++;
	}
}

int proof_parse(struct bytes text, struct proof *ret, unsigned *line, const char **why)
{
	struct lines in = { .rest = text, .why = why };
	unsigned note_line = 0;
	int err;

	next_line(&in); /* or none, which is neither */
	ret->extra = 0;
	ret->path.count = 0;
	if (bytes_equal(in.row, bytes_of_text(MAGIC))) {
		ret->kind = PROOF_INCLUSION;
		err = parse_entry(&in, ret);
	} else if (take_word(&in.row, "old")) {
		ret->kind = PROOF_GROWTH;
		*why = "not 'old' and a canonical decimal";
		err = get_decimal((const char *)in.row.data, in.row.len, &ret->at);
	} else {
		*why = "neither 'c2sp.org/tlog-proof@v1' nor 'old SIZE'";
		err = -EBADMSG;
	}
	if (err == 0)
		err = parse_hashes(&in, &ret->path);
	if (err == 0) {
		ret->text = in.rest;
		err = note_parse(in.rest, &ret->note, &note_line, why);
	}
	*line = in.number + note_line;
	return err;
}
