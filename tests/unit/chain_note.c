// SPDX-License-Identifier: Apache-2.0
/* Checkpoint notes: what we write is read, and nothing that is merely like it. */
#include "chain_edge.h"

#include <sodium.h>

#include "chain/note.h"
#include "chain/text.h"

#define DASH "\xe2\x80\x94"

static struct log_name name;
static uint8_t secret[64];
static char text[2048];
static size_t text_len;

static void setup(void)
{
	struct seals_header header = { .name = "host" };
	uint8_t seed[32] = { 7 }, root[32] = { 1, 2, 3 }, sig[64];
	char body[NOTE_BODY_MAX];
	size_t len;

	crypto_sign_seed_keypair(header.idpk, secret, seed);
	log_name_derive(&header, &name);
	len = note_body(name.origin, 42, root, body);
	crypto_sign_detached(sig, NULL, (const uint8_t *)body, len, secret);
	text_len = note_encode(body, &name, sig, text);
	text[text_len] = 0;
}

static int parse(const char *note, size_t len, struct note *ret)
{
	const char *why = NULL;
	unsigned line;
	int err = note_parse(bytes_of(note, len), ret, &line, &why);

	if (err)
		ck_assert_ptr_nonnull(why);
	return err;
}

START_TEST(round_trip)
{
	struct note note;

	ck_assert_int_eq(parse(text, text_len, &note), 0);
	ck_assert_uint_eq(note.size, 42);
	ck_assert_uint_eq(note.root[2], 3);
	ck_assert_uint_eq(note.lines, 1);
	ck_assert(note_is_of(&note, &name));
	ck_assert_int_eq(note_signer(&note, &name), NOTE_SIGNED);
}
END_TEST

/* No bit, no cut, no byte more. */
START_TEST(every_change)
{
	struct note note;

	for (size_t i = 0; i < 8 * text_len; i++) {
		text[i / 8] ^= (char)(1 << i % 8);
		if (parse(text, text_len, &note) == 0)
			ck_assert_int_ne(note_signer(&note, &name), NOTE_SIGNED);
		text[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t len = 0; len < text_len; len++)
		ck_assert_int_eq(parse(text, len, &note), -EBADMSG);
	for (int c = 0; c < 256; c++) {
		text[text_len] = (char)c;
		ck_assert_int_eq(parse(text, text_len + 1, &note), -EBADMSG);
	}
}
END_TEST

/* Other ways to write the same thing. */
START_TEST(not_canonical)
{
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIGS "\n" DASH " a AAAAAQI=\n"
	static const char *const bad[] = {
		"o\n042\n" ROOT "\n" SIGS,
		"o\n+42\n" ROOT "\n" SIGS,
		"o\n 42\n" ROOT "\n" SIGS,
		"o\n\n" ROOT "\n" SIGS,
		"o\n18446744073709551616\n" ROOT "\n" SIGS,
		"o\n42\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n" SIGS,
		"o\n42\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" SIGS,
		"o\n42\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" SIGS,
		"o\n42\n" ROOT "\nextension\n\nextension\n" SIGS,
		"o\n42\n" ROOT "\nexten\tsion\n" SIGS,
		"o\n42\n" ROOT "\nexten\xffsion\n" SIGS,
		"o\x01\n42\n" ROOT "\n" SIGS,
		"o\xed\xa0\x80\n42\n" ROOT "\n" SIGS,
		"o\n42\n" ROOT "\n\n" DASH " a+b AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n" DASH " a\xc2\xa0"
		"b AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n" DASH " a\xe2\x80\xaf"
		"b AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n" DASH " a\xe3\x80\x80 AAAAAQI=\n",
		"o\n42\n" ROOT "\n",
		"o\n42\n" ROOT "\n\n",
		"o\r\n42\r\n" ROOT "\r\n" SIGS,
		"\n42\n" ROOT "\n" SIGS,
		"o\n42\n" ROOT "\n\n" DASH " a AAAAAQI\n",
		"o\n42\n" ROOT "\n\n" DASH " a AAAAAQJ=\n",
		"o\n42\n" ROOT "\n\n" DASH " a AAAA AQI=\n",
		"o\n42\n" ROOT "\n\n" DASH " a AAAAAA==\n",
		"o\n42\n" ROOT "\n\n" DASH "  AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n- a AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n\n" DASH " a AAAAAQI=\n",
		"o\n42\n" ROOT "\n\n" DASH " a AAAAAQI=\n\n",
	};
	struct note note;

	ck_assert_int_eq(parse("o\n42\n" ROOT "\n" SIGS, strlen("o\n42\n" ROOT "\n" SIGS), &note),
			 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse(bad[i], strlen(bad[i]), &note) == -EBADMSG, "row %zu", i);
}
END_TEST

/* Lines after the root are part of what is signed, and another log may have them. */
START_TEST(extension_lines)
{
	static const char note_text[] = "o\n42\n" ROOT "\none\ntwo\n" SIGS;
	struct note note;

	ck_assert_int_eq(parse(note_text, strlen(note_text), &note), 0);
	ck_assert_uint_eq(note.extensions, 2);
	ck_assert_uint_eq(note.body.len, strlen("o\n42\n" ROOT "\none\ntwo\n"));
	ck_assert_uint_eq(note.lines, 1);
}
END_TEST

/* Sixteen cosigners with signatures of the largest kind must fit, and so must odd names. */
START_TEST(many_signatures)
{
	static char big[NOTE_MAX], blob[7000];
	static uint8_t sig[5000];
	size_t len = text_len;
	struct note note;

	put_base64(blob, sig, sizeof(sig));
	memcpy(big, text, text_len);
	for (int i = 0; i < 16; i++)
		len += (size_t)sprintf(big + len, DASH " w\xc3\xa4hler.example/%d %s\n", i, blob);
	ck_assert_uint_lt(len, NOTE_MAX);
	ck_assert_int_eq(parse(big, len, &note), 0);
	ck_assert_uint_eq(note.lines, 17);
	ck_assert_int_eq(note_signer(&note, &name), NOTE_SIGNED);
}
END_TEST

/* --- verifier keys and cosignatures ----------------------------------------------------------- */

static int parse_key(const char *vkey, struct note_key *ret)
{
	const char *why = NULL;
	int err = note_key_parse(bytes_of_text(vkey), ret, &why);

	if (err)
		ck_assert_ptr_nonnull(why);
	return err;
}

/* The cosigner of the example in c2sp.org/tlog-cosignature has no public key there: ours. */
static struct note_key witness;
static uint8_t witness_secret[64];

/* The verifier key of a cosigner by this name. */
static void make_key_of(const char *who, char type, char vkey[512])
{
	uint8_t seed[32] = { 9 }, id[32], named[300];
	size_t n = strlen(who);
	char *p;

	memcpy(named, who, n);
	named[n] = '\n';
	named[n + 1] = (uint8_t)type;
	crypto_sign_seed_keypair(named + n + 2, witness_secret, seed);
	crypto_hash_sha256(id, named, n + 34);
	p = put_hex(vkey + sprintf(vkey, "%s+", who), id, 4);
	*p++ = '+';
	put_base64(p, named + n + 1, 33);
}

static void make_key(const char *who, char vkey[512])
{
	make_key_of(who, NOTE_COSIGNATURE, vkey);
}

START_TEST(verifier_keys)
{
	struct note_key key, other;
	char vkey[VKEY_MAX + 2];
	size_t len = strlen(name.vkey);

	ck_assert_int_eq(parse_key(name.vkey, &key), 0);
	ck_assert_int_eq(key.type, NOTE_ED25519);
	ck_assert_str_eq(key.name, name.origin);
	ck_assert_mem_eq(key.id, name.key_id, 4);
	ck_assert_mem_eq(key.pk, name.idpk, 32);
	/* no bit of it can be another: name and key are under the id */
	strcpy(vkey, name.vkey);
	for (size_t i = 0; i < 8 * len; i++) {
		vkey[i / 8] ^= (char)(1 << i % 8);
		ck_assert_msg(parse_key(vkey, &other) == -EBADMSG, "bit %zu: %s", i, vkey);
		vkey[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < len; i++) {
		strcpy(vkey, name.vkey);
		vkey[i] = 0;
		ck_assert_int_eq(parse_key(vkey, &other), -EBADMSG);
	}
	/* and nothing stands behind it, whoever wrote it there */
	for (int c = 0; c < 256; c++) {
		const char *why;

		memcpy(vkey, name.vkey, len);
		vkey[len] = (char)c;
		ck_assert_int_eq(note_key_parse(bytes_of(vkey, len + 1), &other, &why), -EBADMSG);
	}
}
END_TEST

START_TEST(no_keys)
{
	static const char *const parts[] = { "", "a", "a+b", "+", "\n" };
	static char huge[1 << 20];
	struct note_key key;
	const char *why;
	char vkey[512];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = strlen(parts[i]);
		struct bytes part = bytes_of(at_the_edge(parts[i], len), len);

		ck_assert_int_eq(note_key_parse(part, &key, &why), -EBADMSG);
		ck_assert_str_eq(why, "not NAME+ID+KEY");
	}
	/* a name that is longer than the memory of it */
	memset(huge, 'a', sizeof(huge));
	memcpy(huge + sizeof(huge) - 200, name.vkey + strlen(name.origin),
	       strlen(name.vkey + strlen(name.origin)) + 1);
	ck_assert_int_eq(note_key_parse(bytes_of_text(huge), &key, &why), -EBADMSG);
	ck_assert_str_eq(why, "no good key name");
	/* keys of other kinds, with the ids that those have */
	for (int type = 0; type < 256; type++) {
		make_key_of("witness", (char)type, vkey);
		if (type == NOTE_ED25519 || type == NOTE_COSIGNATURE) {
			ck_assert_int_eq(parse_key(vkey, &key), 0);
			ck_assert_int_eq(key.type, type);
			continue;
		}
		ck_assert_int_eq(note_key_parse(bytes_of_text(vkey), &key, &why), -EBADMSG);
		ck_assert_str_eq(why, "neither an Ed25519 key nor that of a cosigner");
	}
}
END_TEST

/* One more line, of the witness. */
static size_t cosign(const char *who, uint64_t time, char *note)
{
	size_t len, body = (size_t)(strstr(note, "\n\n") + 1 - note);
	char message[1024], vkey[512], *p;
	uint8_t blob[4 + 8 + 64];

	make_key(who, vkey);
	ck_assert_int_eq(parse_key(vkey, &witness), 0);
	memcpy(blob, witness.id, 4);
	for (int i = 0; i < 8; i++)
		blob[4 + i] = (uint8_t)(time >> (56 - 8 * i));
	len = (size_t)sprintf(message, "cosignature/v1\ntime %llu\n%.*s", (unsigned long long)time,
			      (int)body, note);
	crypto_sign_detached(blob + 12, NULL, (const uint8_t *)message, len, witness_secret);
	p = note + strlen(note);
	p += sprintf(p, DASH " %s ", who);
	p = put_base64(p, blob, sizeof(blob));
	strcpy(p, "\n");
	return strlen(note);
}

START_TEST(key_names)
{
	static const char *const bad[] = {
		"",	     "a b",	     "a\tb",  "a\nb",	     "a\x01",
		"a\xc2\x85", "\xe1\x9a\x80", "a\xff", "\xed\xa0\x80"
	};
	static const char *const good[] = { "a", "example.com/x", "w\xc3\xa4hler",
					    "\xf0\x9f\x90\xa7" };
	char vkey[512], longest[NOTE_NAME_MAX + 1] = "";
	struct note_key key;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_key(bad[i], vkey);
		ck_assert_msg(parse_key(vkey, &key) == -EBADMSG, "row %zu", i);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		make_key(good[i], vkey);
		ck_assert_msg(parse_key(vkey, &key) == 0, "row %zu", i);
		ck_assert_str_eq(key.name, good[i]);
	}
	memset(longest, 'n', NOTE_NAME_MAX - 1);
	make_key(longest, vkey);
	ck_assert_int_eq(parse_key(vkey, &key), 0);
	longest[NOTE_NAME_MAX - 1] = 'n';
	make_key(longest, vkey);
	ck_assert_int_eq(parse_key(vkey, &key), -EBADMSG);
}
END_TEST

START_TEST(cosignatures)
{
	uint64_t time = 7;
	struct note note;
	size_t len, log_len = text_len;

	len = cosign("witness.example/w", 1679315147, text);
	ck_assert_int_eq(parse(text, len, &note), 0);
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_SIGNED);
	ck_assert_uint_eq(time, 1679315147);
	ck_assert_int_eq(note_signer(&note, &name), NOTE_SIGNED);
	/* any bit of the line */
	for (size_t i = 8 * log_len; i < 8 * len; i++) {
		text[i / 8] ^= (char)(1 << i % 8);
		if (parse(text, len, &note) == 0)
			ck_assert_int_ne(note_signed_by(&note, &witness, &time), NOTE_SIGNED);
		text[i / 8] ^= (char)(1 << i % 8);
	}
	/* of a cosigner the plain signature does not count, nor the other way round */
	ck_assert_int_eq(parse(text, len, &note), 0);
	witness.type = NOTE_ED25519;
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_FORGED);
	ck_assert_uint_eq(time, 1679315147);
	/* the time of one that does not hold is not told */
	witness.type = NOTE_COSIGNATURE;
	witness.pk[0] ^= 1;
	time = 7;
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_FORGED);
	ck_assert_uint_eq(time, 7);
}
END_TEST

/* A signature that holds, with a byte more or less behind the key id: another signature. */
START_TEST(signature_lengths)
{
	static uint8_t blob[256];
	static char again[2048];
	uint64_t time = 7;
	struct note note;

	cosign("w", 42, text);
	for (int own = 0; own < 2; own++) {
		const char *last = own ? text + text_len : strrchr(text, ' ') + 1;
		size_t head, b64, whole = own ? 4 + 64 : 4 + 8 + 64;

		if (own) {
			for (last = text + text_len - 1; last[-1] != ' '; last--)
				;
		}
		head = (size_t)(last - text);
		b64 = strcspn(last, "\n");
		ck_assert_int_eq(get_base64(last, b64, blob, sizeof(blob)), whole);
		for (size_t n = 5; n < whole + 5; n++) {
			bool good = n == whole;
			char *p;

			memcpy(again, text, head);
			p = put_base64(again + head, blob, n);
			strcpy(p, "\n");
			ck_assert_int_eq(parse(again, strlen(again), &note), 0);
			ck_assert_int_eq(own ? note_signer(&note, &name)
					     : note_signed_by(&note, &witness, &time),
					 good ? NOTE_SIGNED : NOTE_FORGED);
		}
	}
}
END_TEST

/* Out of memory for what was signed: the part of it that found room does not count. */
START_TEST(cosigned_in_part)
{
	static const char message[] = "cosignature/v1\ntime 1000\n";
	struct note note;
	uint64_t time = 7;
	uint8_t blob[4 + 8 + 64];
	char *p;

	cosign("w", 1000, text);
	memcpy(blob, witness.id, 4);
	put_be64(blob + 4, 1000);
	crypto_sign_detached(blob + 12, NULL, (const uint8_t *)message, strlen(message),
			     witness_secret);
	p = put_base64(text + text_len + strlen(DASH " w "), blob, sizeof(blob));
	strcpy(p, "\n");
	ck_assert_int_eq(parse(text, strlen(text), &note), 0);
	note.body.len = 0; /* it is good for no body at all, */
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_SIGNED);
	ck_assert_uint_eq(time, 1000);
	note.body.len = SIZE_MAX / 4; /* and not for one that there is no room for */
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_FORGED);
}
END_TEST

/* The end of memory behind each of them: nothing is looked for there. */
START_TEST(cut_at_the_edge)
{
	static const char *const cut[] = {
		"",
		"o",
		"o\n",
		"o\n42",
		"o\n42\n",
		"o\n42\n" ROOT,
		"o\n42\n" ROOT "\n",
		"o\n42\n" ROOT "\n\n",
		"o\n42\n" ROOT "\n\n\n",
		"o\n42\n" ROOT "\n\n\xe2\n",
		"o\n42\n" ROOT "\n\n" DASH "\n",
		"o\n42\n" ROOT "\n\n" DASH " \n",
		"o\n42\n" ROOT "\n\n" DASH " a\n",
		"o\n42\n" ROOT "\n\n" DASH " a \n",
	};
	struct note note;

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		size_t len = strlen(cut[i]);

		ck_assert_msg(parse((char *)at_the_edge(cut[i], len), len, &note) == -EBADMSG,
			      "row %zu", i);
	}
	ck_assert_int_eq(parse((char *)at_the_edge(text, text_len), text_len, &note), 0);
	ck_assert_int_eq(note_signer(&note, &name), NOTE_SIGNED);
}
END_TEST

START_TEST(lines_at_fault)
{
	static const struct {
		unsigned line;
		const char *why, *text;
	} rows[] = {
		{ 1, "no origin line", "" },
		{ 1, "no origin line", "o" },
		{ 2, "size is not a canonical decimal", "o\n" },
		{ 2, "size is not a canonical decimal", "o\n42" },
		{ 3, "root is not canonical base64 of 32 bytes", "o\n42\n" },
		{ 3, "root is not canonical base64 of 32 bytes", "o\n42\n" ROOT },
		{ 4, "no blank line after the body", "o\n42\n" ROOT "\n" },
		{ 5, "no blank line after the body", "o\n42\n" ROOT "\none\n" },
		{ 4, "no signature line", "o\n42\n" ROOT "\n\n" },
		{ 5, "bad signature line", "o\n42\n" ROOT "\n\nx\n" },
		{ 7, "bad signature line", "o\n42\n" ROOT "\none\ntwo\n\nx\n" },
		{ 6, "bad signature line", "o\n42\n" ROOT "\n" SIGS "x\n" },
		{ 1, "not UTF-8 without control characters", "o\x01\n42\n" },
		{ 3, "not UTF-8 without control characters", "o\n42\n\xff\n" },
		{ 5, "not UTF-8 without control characters", "o\n42\n" ROOT "\n\n\t\n" },
	};
	struct note note;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		unsigned line = 0;

		ck_assert_int_eq(note_parse(bytes_of_text(rows[i].text), &note, &line, &why),
				 -EBADMSG);
		ck_assert_msg(line == rows[i].line && strcmp(why, rows[i].why) == 0,
			      "row %zu: line %u: %s", i, line, why);
	}
}
END_TEST

START_TEST(cosignature_times)
{
	struct note note;
	uint64_t time = 7;
	size_t len = cosign("w", (1ull << 63) - 1, text);

	ck_assert_int_eq(parse(text, len, &note), 0);
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_SIGNED);
	ck_assert_uint_eq(time, (1ull << 63) - 1);
	text[text_len] = 0;
	len = cosign("w", 1ull << 63, text);
	ck_assert_int_eq(parse(text, len, &note), 0);
	ck_assert_int_eq(note_signed_by(&note, &witness, &time), NOTE_FORGED);
}
END_TEST

/* Witness lines are passed over; a second line in our name must hold as well. */
START_TEST(more_signatures)
{
	struct note note;
	size_t line = strlen(strstr(text, DASH)), len;

	len = text_len + (size_t)sprintf(text + text_len, DASH " witness.example/w AAAAAQID\n");
	ck_assert_int_eq(parse(text, len, &note), 0);
	ck_assert_uint_eq(note.lines, 2);
	ck_assert_int_eq(note_signer(&note, &name), NOTE_SIGNED);
	memcpy(text + len, text + text_len - line, line);
	text[len + line - 20] ^= 1;
	ck_assert_int_eq(parse(text, len + line, &note), 0);
	ck_assert_int_eq(note_signer(&note, &name), NOTE_FORGED);
}
END_TEST

START_TEST(signer)
{
	struct log_name other = name;
	struct note note;

	ck_assert_int_eq(parse(text, text_len, &note), 0);
	other.key_id[0] ^= 1;
	ck_assert_int_eq(note_signer(&note, &other), NOTE_UNSIGNED);
	other = name;
	other.idpk[0] ^= 1;
	ck_assert_int_eq(note_signer(&note, &other), NOTE_FORGED);
	other.origin[0] = 'x';
	ck_assert_int_eq(note_signer(&note, &other), NOTE_UNSIGNED);
	ck_assert(!note_is_of(&note, &other));
}
END_TEST

/* Every text that decodes is the text its bytes encode to. */
START_TEST(base64_is_canonical)
{
	char group[5], again[5];
	uint8_t data[3];

	for (int i = 0; i < 256; i++) {
		for (int j = 0; j < 256; j++) {
			ssize_t n;

			memcpy(group, (char[]){ 'A', (char)i, (char)j, '=' }, 4);
			n = get_base64(group, 4, data, sizeof(data));
			put_base64(again, data, n > 0 ? (size_t)n : 0);
			ck_assert(n < 0 || memcmp(group, again, 4) == 0);
			memcpy(group, (char[]){ (char)i, 'B', (char)j, 'C' }, 4);
			n = get_base64(group, 4, data, sizeof(data));
			put_base64(again, data, n > 0 ? (size_t)n : 0);
			ck_assert(n < 0 || memcmp(group, again, 4) == 0);
		}
	}
	ck_assert_int_eq(get_base64("AAAA", 4, data, 2), -EBADMSG);
	ck_assert_int_eq(get_base64("", 0, data, 3), 0);
	for (size_t len = 1; len < 12; len++)
		ck_assert_int_eq(get_base64("AAA!AAAA====", len, data, 3), -EBADMSG);
}
END_TEST

START_TEST(decimals)
{
	static const char *const bad[] = { "",
					   "00",
					   "1 ",
					   "-1",
					   "/",
					   ":",
					   "18446744073709551616",
					   "18446744073709551620",
					   "36893488147419103232",
					   "184467440737095516160",
					   "99999999999999999999" };
	uint64_t got = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(get_decimal(bad[i], strlen(bad[i]), &got) == -EBADMSG, "row %zu", i);
	ck_assert_uint_eq(got, 7);
	ck_assert_int_eq(get_decimal("0", 1, &got), 0);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(get_decimal("18446744073709551615", 20, &got), 0);
	ck_assert_uint_eq(got, UINT64_MAX);
	ck_assert_int_eq(chain_fail(NULL, -EIO, "to nobody"), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_note");
	TCase *tcase = tcase_create("note");

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, every_change);
	tcase_add_test(tcase, not_canonical);
	tcase_add_test(tcase, extension_lines);
	tcase_add_test(tcase, many_signatures);
	tcase_add_test(tcase, verifier_keys);
	tcase_add_test(tcase, no_keys);
	tcase_add_test(tcase, signature_lengths);
	tcase_add_test(tcase, cosigned_in_part);
	tcase_add_test(tcase, cut_at_the_edge);
	tcase_add_test(tcase, lines_at_fault);
	tcase_add_test(tcase, key_names);
	tcase_add_test(tcase, cosignatures);
	tcase_add_test(tcase, cosignature_times);
	tcase_add_test(tcase, more_signatures);
	tcase_add_test(tcase, signer);
	tcase_add_test(tcase, base64_is_canonical);
	tcase_add_test(tcase, decimals);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
