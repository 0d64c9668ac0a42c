// SPDX-License-Identifier: Apache-2.0
/*
 * Note:  origin "\n" size "\n" base64(root) "\n" { extension "\n" }    the body, all of it signed
 *        "\n"
 *        "— " key name " " base64(key id[4] || signature) "\n"         one line or more
 *
 * Valid if and only if it is exactly that, in UTF-8 without control characters: no line of the body
 * empty, a decimal without leading zeros, canonical base64, names without spaces and "+", a newline
 * at the end of each line and nothing after the last. Lines of unknown keys need only this form.
 *
 * Signature of type 1 (c2sp.org/signed-note): Ed25519 of the body. Of type 4 (tlog-cosignature):
 * time u64 big-endian < 2^63 || Ed25519 of "cosignature/v1\ntime " time "\n" body.
 * key id = SHA-256(name || 0A || type || pk)[:4]
 */
#include "chain/note.h"

#include <errno.h>
#include <stdio.h>
#include <sodium.h>

#include "base/escape.h"
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

/* What stands before the next `end`, which goes with it; 0 and nothing when there is none. */
static int take_until(struct bytes *text, char end, struct bytes *ret)
{
	const uint8_t *at = text->len ? memchr(text->data, end, text->len) : NULL;

	*ret = bytes_of(text->data, 0);
	if (!at)
		return 0;
	ret->len = (size_t)(at - text->data);
	*text = bytes_of(at + 1, text->len - ret->len - 1);
	return 1;
}

static int take_line(struct bytes *text, struct bytes *ret)
{
	return take_until(text, '\n', ret);
}

/* Characters that Unicode calls White_Space; of ASCII all control characters too. In valid UTF-8,
 * where what begins like one of them is whole. */
static int is_space(const uint8_t *p)
{
	static const char *const spaces[] = {
		"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
		"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
		"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (p[0] <= ' ')
		return 1;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		size_t n = strlen(spaces[i]);

		if (strncmp((const char *)p, spaces[i], n) == 0)
			return 1;
	}
	return 0;
}

static int name_is_good(struct bytes name)
{
	if (name.len == 0 || !utf8_is_valid(name))
		return 0;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '+' || is_space(name.data + i))
			return 0;
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
	if (!space || !name_is_good(bytes_of(name, (size_t)(space - name))))
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
	take_line(text, &note->origin);
	if (note->origin.len == 0)
		return -EBADMSG;
	++*line;
	*why = "size is not a canonical decimal";
	take_line(text, &size);
	if (get_decimal((const char *)size.data, size.len, &note->size) < 0)
		return -EBADMSG;
	++*line;
	*why = "root is not canonical base64 of 32 bytes";
	take_line(text, &root);
	if (get_base64((const char *)root.data, root.len, note->root, CHAIN_HASH) != CHAIN_HASH)
		return -EBADMSG;
	++*line;
	return 0;
}

/* The lines up to the blank one, which belongs to nothing. */
static int parse_extensions(struct bytes *text, struct note *note, unsigned *line, const char **why)
{
	struct bytes row;

	*why = "no blank line after the body";
	for (;;) {
		const uint8_t *at = text->data;

		if (!take_line(text, &row))
			return -EBADMSG;
		if (row.len == 0) {
			note->body.len = (size_t)(at - note->body.data);
			return 0;
		}
		note->extensions++;
		++*line;
	}
}

/* The line of the first byte that no note may hold, or 0. */
static unsigned find_bad_byte(struct bytes text)
{
	unsigned line = 1;

	for (size_t i = 0, n; i < text.len; i += n) {
		n = utf8_length(text.data + i, text.len - i);
		if (n == 0 || (text.data[i] < 0x20 && text.data[i] != '\n'))
			return line;
		line += text.data[i] == '\n';
	}
	return 0;
}

int note_parse(struct bytes text, struct note *ret, unsigned *line, const char **why)
{
	struct signature signature;
	struct note note = { .body = text };
	struct bytes row;
	int err;

	*why = "not UTF-8 without control characters";
	*line = find_bad_byte(text);
	if (*line)
		return -EBADMSG;
	*line = 1;
	err = parse_body(&text, &note, line, why);
	if (err == 0)
		err = parse_extensions(&text, &note, line, why);
	if (err)
		return err;
	note.signatures = text;
	*why = "bad signature line";
	while (text.len) {
		++*line;
		take_line(&text, &row);
		if (parse_signature(row, &signature) < 0)
			return -EBADMSG;
		note.lines++;
	}
	*why = "no signature line";
	if (note.lines == 0)
		return -EBADMSG;
	*ret = note;
	return 0;
}

int note_is_of(const struct note *note, const struct log_name *log)
{
	return bytes_equal(note->origin, bytes_of_text(log->origin));
}

/* --- keys and what they sign ------------------------------------------------------------------ */

static void derive_id(struct note_key *key)
{
	crypto_hash_sha256_state state;
	uint8_t hash[CHAIN_HASH], type[2] = { '\n', (uint8_t)key->type };

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)key->name, strlen(key->name));
	crypto_hash_sha256_update(&state, type, sizeof(type));
	crypto_hash_sha256_update(&state, key->pk, sizeof(key->pk));
	crypto_hash_sha256_final(&state, hash);
	memcpy(key->id, hash, sizeof(key->id));
}

int note_key_parse(struct bytes text, struct note_key *ret, const char **why)
{
	struct note_key key = { .name = "" };
	struct bytes name, id;
	uint8_t blob[1 + 32];
	char hex[9];

	*why = "not NAME+ID+KEY";
	take_until(&text, '+', &name);
	if (!take_until(&text, '+', &id))
		return -EBADMSG;
	*why = "no good key name";
	if (name.len >= sizeof(key.name) || !name_is_good(name))
		return -EBADMSG;
	*why = "the key is not canonical base64 of 33 bytes";
	if (get_base64((const char *)text.data, text.len, blob, sizeof(blob)) != sizeof(blob))
		return -EBADMSG;
	*why = "neither an Ed25519 key nor that of a cosigner";
	if (blob[0] != NOTE_ED25519 && blob[0] != NOTE_COSIGNATURE)
		return -EBADMSG;
	key.type = blob[0];
	memcpy(key.pk, blob + 1, sizeof(key.pk));
	memcpy(key.name, name.data, name.len);
	derive_id(&key);
	put_hex(hex, key.id, sizeof(key.id));
	*why = "the key id is not that of the key";
	if (!bytes_equal(id, bytes_of_text(hex)))
		return -EBADMSG;
	*ret = key;
	return 0;
}

static int is_signed(struct bytes body, const struct note_key *key, const uint8_t *sig)
{
	return crypto_sign_verify_detached(sig, body.data, body.len, key->pk) == 0;
}

static int is_cosigned(struct bytes body, const struct note_key *key, const uint8_t *sig,
		       size_t len, uint64_t *ret_time)
{
	struct buffer message = { 0 };
	uint64_t time = 0;
	int good;

	if (len != 8 + NOTE_SIG_LEN || sig[0] & 0x80)
		return 0;
	for (int i = 0; i < 8; i++)
		time = time << 8 | sig[i];
	buffer_print(&message, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
	buffer_add(&message, body.data, body.len);
	good = !message.failed && is_signed(bytes_of(message.data, message.len), key, sig + 8);
	buffer_free(&message);
	if (good)
		*ret_time = time;
	return good;
}

enum note_signer note_signed_by(const struct note *note, const struct note_key *key,
				uint64_t *ret_time)
{
	enum note_signer found = NOTE_UNSIGNED;
	struct bytes row, rows = note->signatures;
	struct signature s;

	while (take_line(&rows, &row)) {
		int good;

		if (parse_signature(row, &s) < 0 ||
		    !bytes_equal(s.name, bytes_of_text(key->name)) ||
		    memcmp(s.blob, key->id, 4) != 0)
			continue;
		good = key->type == NOTE_COSIGNATURE
			       ? is_cosigned(note->body, key, s.blob + 4, s.len - 4, ret_time)
			       : s.len == 4 + NOTE_SIG_LEN &&
					 is_signed(note->body, key, s.blob + 4);
		if (!good)
			return NOTE_FORGED;
		found = NOTE_SIGNED;
	}
	return found;
}

enum note_signer note_signer(const struct note *note, const struct log_name *log)
{
	struct note_key key = { .type = NOTE_ED25519 };
	uint64_t unused;

	strcpy(key.name, log->origin);
	memcpy(key.id, log->key_id, sizeof(key.id));
	memcpy(key.pk, log->idpk, sizeof(key.pk));
	return note_signed_by(note, &key, &unused);
}
