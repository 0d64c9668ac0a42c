// SPDX-License-Identifier: Apache-2.0
/*
 * Note:  origin "\n" size "\n" base64(root) "\n"      the body, signed with its last newline
 *        "\n"
 *        "— " key name " " base64(key id[4] || signature) "\n"         one line or more
 *
 * Valid if and only if it is exactly that: decimal without leading zeros, canonical base64, no
 * other body line, a newline at the end of each line and nothing after the last.
 */
#include "chain/note.h"

#include <errno.h>
#include <stdio.h>
#include <sodium.h>

#include "chain/text.h"

static const char DASH[] = "\xe2\x80\x94 ";
#define SIGNATURE_MAX 8192 /* decoded bytes of one line: post-quantum cosigners fit */

size_t note_body(const char *origin, uint64_t size, const uint8_t root[CHAIN_HASH],
		 char ret[NOTE_BODY_MAX])
{
	char *p = ret + sprintf(ret, "%s\n%llu\n", origin, (unsigned long long)size);

	p = put_base64(p, root, CHAIN_HASH);
	*p++ = '\n';
	*p = 0;
	return (size_t)(p - ret);
}

size_t note_encode(const char *body, const struct log_name *log, const uint8_t sig[NOTE_SIG_LEN],
		   char *ret)
{
	uint8_t blob[4 + NOTE_SIG_LEN];
	char *p = ret + sprintf(ret, "%s\n%s%s ", body, DASH, log->origin);

	memcpy(blob, log->key_id, 4);
	memcpy(blob + 4, sig, NOTE_SIG_LEN);
	p = put_base64(p, blob, sizeof(blob));
	*p++ = '\n';
	return (size_t)(p - ret);
}

/* The next line without its newline; 0 when text does not hold a whole one. */
static int take_line(struct bytes *text, struct bytes *ret)
{
	const uint8_t *end = text->len ? memchr(text->data, '\n', text->len) : NULL;

	if (!end)
		return 0;
	*ret = bytes_of(text->data, (size_t)(end - text->data));
	*text = bytes_of(end + 1, text->len - ret->len - 1);
	return 1;
}

struct signature {
	struct bytes name;
	size_t len;
	uint8_t blob[SIGNATURE_MAX];
};

static int parse_signature(struct bytes line, struct signature *ret)
{
	size_t dash = sizeof(DASH) - 1;
	const uint8_t *space, *name = line.data + dash;
	ssize_t n;

	if (line.len < dash || memcmp(line.data, DASH, dash) != 0)
		return -EBADMSG;
	space = memchr(name, ' ', line.len - dash);
	if (!space || space == name)
		return -EBADMSG;
	n = get_base64((const char *)space + 1, (size_t)(line.data + line.len - space) - 1,
		       ret->blob, sizeof(ret->blob));
	if (n < 5)
		return -EBADMSG;
	ret->name = bytes_of(name, (size_t)(space - name));
	ret->len = (size_t)n;
	return 0;
}

static int parse_body(struct bytes *text, struct note *note, unsigned *line, const char **why)
{
	struct bytes size, root;

	*why = "no origin line";
	if (!take_line(text, &note->origin) || note->origin.len == 0)
		return -EBADMSG;
	++*line;
	*why = "size is not a canonical decimal";
	if (!take_line(text, &size) ||
	    get_decimal((const char *)size.data, size.len, &note->size) < 0)
		return -EBADMSG;
	++*line;
	*why = "root is not canonical base64 of 32 bytes";
	if (!take_line(text, &root) ||
	    get_base64((const char *)root.data, root.len, note->root, CHAIN_HASH) != CHAIN_HASH)
		return -EBADMSG;
	++*line;
	return 0;
}

int note_parse(struct bytes text, struct note *ret, unsigned *line, const char **why)
{
	const uint8_t *start = text.data;
	struct signature signature;
	struct bytes row;
	int err;

	*line = 1;
	err = parse_body(&text, ret, line, why);
	if (err)
		return err;
	ret->body = bytes_of(start, (size_t)(text.data - start));
	*why = "no blank line after the root";
	if (!take_line(&text, &row) || row.len != 0)
		return -EBADMSG;
	ret->signatures = text;
	ret->lines = 0;
	*why = "bad signature line";
	while (text.len) {
		++*line;
		if (!take_line(&text, &row) || parse_signature(row, &signature) < 0)
			return -EBADMSG;
		ret->lines++;
	}
	*why = "no signature line";
	return ret->lines ? 0 : -EBADMSG;
}

int note_is_of(const struct note *note, const struct log_name *log)
{
	return bytes_equal(note->origin, bytes_of_text(log->origin));
}

enum note_signer note_signer(const struct note *note, const struct log_name *log)
{
	enum note_signer found = NOTE_UNSIGNED;
	struct bytes row, rows = note->signatures;
	struct signature s;

	while (take_line(&rows, &row)) {
		if (parse_signature(row, &s) < 0 ||
		    !bytes_equal(s.name, bytes_of_text(log->origin)) ||
		    memcmp(s.blob, log->key_id, 4) != 0)
			continue;
		if (s.len != 4 + NOTE_SIG_LEN ||
		    crypto_sign_verify_detached(s.blob + 4, note->body.data, note->body.len,
						log->idpk) != 0)
			return NOTE_FORGED;
		found = NOTE_SIGNED;
	}
	return found;
}
