// SPDX-License-Identifier: Apache-2.0
/* Checkpoint notes: what we write is read, and nothing that is merely like it. */
#include "chain_util.h"

#include <sodium.h>

#include "chain/note.h"
#include "chain/text.h"

#define DASH "\xe2\x80\x94"

static struct log_name name;
static uint8_t secret[64];
static char text[1024];
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
		"o\n42\n" ROOT "\nextension\n" SIGS,
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
	tcase_add_test(tcase, more_signatures);
	tcase_add_test(tcase, signer);
	tcase_add_test(tcase, base64_is_canonical);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
