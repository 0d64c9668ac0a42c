// SPDX-License-Identifier: Apache-2.0
/* How strong a proof is, and that no other file is that proof. */
#include "chain_edge.h"
#include "chain_proof.h"

#include "base/hash.h"
#include "chain/proof_text.h"

/* --- strengths ---------------------------------------------------------------------------------
 */

START_TEST(held_or_not)
{
	struct buffer proof = prove(5, note_at(40));
	const char *same[] = { note_at(40), NULL }, *other[] = { note_at(41), NULL };
	struct chain_check_options with = { .checkpoints = same };
	struct chain_held by_hand = { .size = 40 };

	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_HELD);
	/* one of another size says nothing */
	with.checkpoints = other;
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_uint_eq(proven.other_held, 41);
	with.held = &by_hand;
	with.held_count = 1;
	root_at(40, by_hand.root);
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_HELD);
	ck_assert_uint_eq(proven.other_held, 0);
	/* another root of that size: two histories under one key */
	by_hand.root[7] ^= 1;
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "another history"));
	with.checkpoints = same;
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	buffer_free(&proof);
}
END_TEST

/* The verifier key of a cosigner, and its line under a note. */
static void cosign(const char *who, uint8_t type, char *note, char vkey[512])
{
	uint8_t seed[32] = { 9 }, blob[4 + 8 + 64] = { [11] = 77 }, id[32], named[300], secret[64];
	size_t n = strlen(who), body = (size_t)(strstr(note, "\n\n") + 1 - note);
	char message[1024], *p;

	memcpy(named, who, n);
	named[n] = '\n';
	named[n + 1] = type;
	crypto_sign_seed_keypair(named + n + 2, secret, seed);
	crypto_hash_sha256(id, named, n + 34);
	p = put_hex(vkey + sprintf(vkey, "%s+", who), id, 4);
	*p++ = '+';
	put_base64(p, named + n + 1, 33);
	memcpy(blob, id, 4);
	n = (size_t)sprintf(message, "cosignature/v1\ntime 77\n%.*s", (int)body, note);
	crypto_sign_detached(blob + 12, NULL, (const uint8_t *)message, n, secret);
	p = note + strlen(note);
	p += sprintf(p, "\xe2\x80\x94 %s ", who);
	strcpy(put_base64(p, blob, sizeof(blob)), "\n");
}

START_TEST(cosigned)
{
	char note[2048], vkey[512], other[512], scratch[2048];
	const char *witnesses[] = { other, vkey, NULL };
	const struct chain_check_options with = { .witnesses = witnesses };
	uint8_t root[CHAIN_HASH];
	struct buffer proof;

	root_at(50, root);
	sign_note(50, root, note);
	strcpy(scratch, note);
	cosign("other.example", NOTE_COSIGNATURE, scratch, other);
	cosign("witness.example/w", NOTE_COSIGNATURE, note, vkey);
	spew("../cosigned", note, strlen(note));
	proof = prove(5, file_path("../cosigned"));
	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_COSIGNED);
	ck_assert_uint_eq(proven.witness_count, 2);
	ck_assert_str_eq(proven.witness[0].name, "other.example");
	ck_assert(!proven.witness[0].cosigned);
	ck_assert_str_eq(proven.witness[1].name, "witness.example/w");
	ck_assert(proven.witness[1].cosigned);
	ck_assert_uint_eq(proven.witness[1].time, 77);
	/* one that has not signed counts for nothing, by itself or beside the checkpoint held */
	witnesses[1] = NULL;
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_uint_eq(proven.witness_count, 1);
	ck_assert(!proven.witness[0].cosigned);
	witnesses[1] = vkey;
	/* a cosignature that does not hold is no reason to fall back */
	change(&proof.data[proof.len - 20]);
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	/* the key of a log is no witness */
	cosign("log.example", NOTE_ED25519, scratch, other);
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "the key of a log, not of a witness"));
	buffer_free(&proof);
}
END_TEST

/* All that is said of a proof is about that proof, and nothing is said of one that fails. */
START_TEST(what_is_told)
{
	static struct chain_proven untouched;
	const char *held[] = { note_at(9), NULL };
	const struct chain_check_options with = { .checkpoints = held };
	struct buffer proof = prove(5, note_at(40)), grown = prove_growth(held[0], note_at(40));
	struct chain_reader *reader;
	struct chain_entry entry;
	uint8_t root[CHAIN_HASH];

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	root_at(40, root);
	strcpy(chain_err.text, "of another call");
	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	ck_assert_str_eq(chain_err.text, "");
	ck_assert(!proven.growth);
	ck_assert_uint_eq(proven.at, 5);
	ck_assert_uint_eq(proven.size, 40);
	ck_assert_mem_eq(proven.root, root, CHAIN_HASH);
	ck_assert_mem_eq(proven.leaf, leaves[5], CHAIN_HASH);
	ck_assert_str_eq(proven.origin, log_name.origin);
	ck_assert_uint_eq(proven.entry_len, entry.bytes.len);
	ck_assert_mem_eq(proven.entry, entry.bytes.data, entry.bytes.len);
	ck_assert_uint_eq(proven.witness_count, 0);
	ck_assert_uint_eq(proven.other_held, 0);
	chain_reader_close(reader);

	ck_assert_int_eq(check_buffer(&grown, &with), 0);
	ck_assert(proven.growth);
	ck_assert_uint_eq(proven.at, 9);
	ck_assert_uint_eq(proven.size, 40);
	ck_assert_mem_eq(proven.root, root, CHAIN_HASH);
	ck_assert_int_eq(proven.strength, CHAIN_HELD);
	ck_assert_uint_eq(proven.other_held, 0);
	ck_assert_uint_eq(proven.entry_len, 0);

	memset(&untouched, 0x5a, sizeof(untouched));
	proven = untouched;
	change(strchr(grown.data, '\n') + 1);
	ck_assert_int_eq(check_buffer(&grown, &with), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "do not lead from the root held at size 9"));
	ck_assert_int_eq(check(bytes_of_text("x\n"), NULL), -EINVAL);
	ck_assert_str_eq(chain_err.text, "line 1: neither 'c2sp.org/tlog-proof@v1' nor 'old SIZE'");
	ck_assert_mem_eq(&proven, &untouched, sizeof(proven));
	buffer_free(&proof);
	buffer_free(&grown);
}
END_TEST

START_TEST(too_many_witnesses)
{
	char scratch[2048] = "o\n1\nx\n\n", vkey[512];
	const char *witnesses[CHAIN_WITNESS_MAX + 2] = { NULL };
	const struct chain_check_options with = { .witnesses = witnesses };
	struct buffer proof = prove(5, NULL);

	cosign("w", NOTE_COSIGNATURE, scratch, vkey);
	for (int i = 0; i < CHAIN_WITNESS_MAX; i++)
		witnesses[i] = vkey;
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_uint_eq(proven.witness_count, CHAIN_WITNESS_MAX);
	witnesses[CHAIN_WITNESS_MAX] = vkey;
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "more than"));
	buffer_free(&proof);
}
END_TEST

/* What is given beside the proof must be what it is said to be. */
START_TEST(bad_help)
{
	struct buffer proof = prove(5, NULL), grown = prove_growth(note_at(9), NULL);
	char *note_path = strdup(file_path("../note"));
	const char *held[3] = { note_path };
	struct chain_check_options with = { .checkpoints = held };
	char note[1024], vkey[512], scratch[2048] = "o\n1\nx\n\n";
	uint8_t root[CHAIN_HASH];
	size_t len;

	ck_assert_int_eq(check_buffer(&proof, &with), -ENOENT);
	root_at(30, root);
	len = sign_note(30, root, note);
	spew("../note", note, len - 1);
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "line 5"));
	change(&note[len - 9]);
	spew("../note", note, len);
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	note[0] ^= 1;
	spew("../note", note, len);
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	ck_assert_ptr_nonnull(strstr(chain_err.text, log_name.origin));
	snprintf(scratch, sizeof(scratch), "note is of iost/%.*s, the key given is of host/",
		 (int)strcspn(note, "\n") - 5, note + 5);
	ck_assert_ptr_nonnull(strstr(chain_err.text, scratch));
	/* a good one behind it makes it no better */
	held[1] = note_at(10);
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	held[1] = NULL;
	/* of an origin that is long, only the beginning is told */
	memset(scratch, 'o', 200);
	strcpy(scratch + 200, strchr(note, '\n'));
	spew("../note", scratch, strlen(scratch));
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	ck_assert_uint_eq(strspn(strstr(chain_err.text, " is of ") + 7, "o"), 127);
	strcpy(scratch, "o\n1\nx\n\n");
	with.checkpoints = NULL;
	with.vkey = "host+00000000+AAAA";
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "not canonical base64 of 33 bytes"));
	cosign("host", NOTE_COSIGNATURE, scratch, vkey);
	with.vkey = vkey;
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "the key of a witness, not of a log"));
	scratch[7] = 0;
	cosign("host", NOTE_ED25519, scratch, vkey);
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, log_name.origin));
	/* growth from what? */
	ck_assert_int_eq(check_buffer(&grown, NULL), -ENODATA);
	held[0] = note_at(10);
	with = (struct chain_check_options){ .checkpoints = held };
	ck_assert_int_eq(check_buffer(&grown, &with), -ENODATA);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "size 9"));
	free(note_path);
	buffer_free(&proof);
	buffer_free(&grown);
}
END_TEST

/* --- any other file is not that proof --------------------------------------------------------- */

/* Every bit of a proof file, and every cut. */
static void every_change(struct buffer *proof, const struct chain_check_options *with)
{
	uint8_t *copy;

	ck_assert_int_eq(check_buffer(proof, with), 0);
	for (size_t i = 0; i < 8 * proof->len; i++) {
		int err;

		proof->data[i / 8] ^= (char)(1 << i % 8);
		err = check_buffer(proof, with);
		ck_assert_msg(err == -EBADMSG || err == -EINVAL || err == -ENODATA, "bit %zu: %d",
			      i, err);
		proof->data[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t len = 0; len < proof->len; len++) {
		copy = malloc(len + 1);
		memcpy(copy, proof->data, len);
		ck_assert_int_eq(check(bytes_of(copy, len), with), -EINVAL);
		free(copy);
	}
	buffer_add(proof, "\n", 1);
	ck_assert_int_eq(check_buffer(proof, with), -EINVAL);
	buffer_free(proof);
}

START_TEST(every_bit)
{
	const char *held[] = { note_at(21), NULL };
	const struct chain_check_options with = { .checkpoints = held };
	struct buffer proof = prove(33, NULL), grown = prove_growth(held[0], NULL);

	every_change(&proof, NULL);
	every_change(&grown, &with);
}
END_TEST

/* A proof needs an entry: behind the salt, at least a byte. */
START_TEST(no_entry)
{
	struct buffer proof = prove(5, NULL), cut = { 0 };
	const char *index = strstr(proof.data, "index ");

	buffer_print(&cut, "c2sp.org/tlog-proof@v1\n%s", index);
	ck_assert_int_eq(check_buffer(&cut, NULL), -EBADMSG);
	for (size_t len = 1; len <= 17; len++) {
		uint8_t extra[17] = { 0 };
		char text[32];

		put_base64(text, extra, len);
		buffer_clear(&cut);
		buffer_print(&cut, "c2sp.org/tlog-proof@v1\nextra %s\n%s", text, index);
		ck_assert_int_eq(check_buffer(&cut, NULL), -EBADMSG);
		ck_assert((strstr(chain_err.text, "no entry") != NULL) == (len <= 16));
	}
	buffer_free(&proof);
	buffer_free(&cut);
}
END_TEST

#define ROOT  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOTE  "\no\n42\n" ROOT "\n\n\xe2\x80\x94 a AAAAAQI=\n"
#define MAGIC "c2sp.org/tlog-proof@v1\n"

static void assert_line(const char *text, unsigned want)
{
	static struct proof proof;
	const char *why = NULL;
	unsigned line = 0;
	size_t len = strlen(text);
	int err = proof_parse(bytes_of(at_the_edge(text, len), len), &proof, &line, &why);

	ck_assert_msg(err == (want ? -EBADMSG : 0), "%s: %s", text, why);
	ck_assert_msg(!want || line == want, "line %u, not %u (%s): %s", line, want, why, text);
}

START_TEST(forms)
{
	char many[64 * 45 + 512] = MAGIC "index 1\n";

	assert_line(MAGIC "index 1\n" NOTE, 0);
	assert_line(MAGIC "extra AAAA\nindex 0\n" ROOT "\n" NOTE, 0);
	assert_line("old 0\n" NOTE, 0);
	assert_line("old 7\n" ROOT "\n" NOTE, 0);
	for (int i = 0; i < 63; i++)
		strcat(many, ROOT "\n");
	strcat(many, NOTE);
	assert_line(many, 0);
	strcpy(many + strlen(many) - strlen(NOTE), ROOT "\n" NOTE);
	assert_line(many, 66);

	assert_line("", 1);
	assert_line("\n", 1);
	assert_line("c2sp.org/tlog-proof@v2\nindex 1\n" NOTE, 1);
	assert_line("c2sp.org/tlog-proof@v1\r\nindex 1\n" NOTE, 1);
	assert_line(MAGIC, 2);
	assert_line(MAGIC "index 01\n" NOTE, 2);
	assert_line(MAGIC "index \n" NOTE, 2);
	assert_line(MAGIC "index -1\n" NOTE, 2);
	assert_line(MAGIC "index 18446744073709551616\n" NOTE, 2);
	assert_line(MAGIC "extra \nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAB=\nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAA\nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAAA\nextra AAAA\nindex 1\n" NOTE, 3);
	assert_line(MAGIC "index 1\nextra AAAA\n" NOTE, 3);
	assert_line(MAGIC "index 1\nAAAA\n" NOTE, 3);
	assert_line(MAGIC "index 1\n" ROOT " \n" NOTE, 3);
	assert_line(MAGIC "index 1\n" ROOT "\n", 4);
	assert_line(MAGIC "index 1\n\n" NOTE, 4);
	assert_line(MAGIC "index 1\n\no\n042\n" ROOT "\n", 5);
	assert_line("old 07\n" NOTE, 1);
	assert_line("7\n" NOTE, 1);
	assert_line("old", 1);
	assert_line(MAGIC "5\n" NOTE, 2);
	assert_line(MAGIC "index", 2);
	assert_line(MAGIC "extra AAAA\n", 3);
	assert_line(MAGIC "extra AAAA\n5\n" NOTE, 3);
	assert_line(MAGIC "index 1\n" ROOT, 3);
	assert_line("old7\n" NOTE, 1);
	assert_line("old 7\nold 7\n" NOTE, 2);
}
END_TEST

/* The largest entry there is fits, and one byte more does not. */
START_TEST(largest_entry)
{
	static struct proof proof, again;
	static uint8_t more[PROOF_EXTRA_MAX + 1];
	struct buffer text = { 0 };
	const char *why;
	unsigned line;

	proof.kind = PROOF_INCLUSION;
	proof.extra = PROOF_EXTRA_MAX;
	memset(proof.data, 0xa5, sizeof(proof.data));
	proof.text = bytes_of_text(&NOTE[1]);
	proof_encode(&text, &proof);
	ck_assert_int_eq(proof_parse(bytes_of(text.data, text.len), &again, &line, &why), 0);
	ck_assert_uint_eq(again.extra, 65535);
	ck_assert_mem_eq(again.data, proof.data, PROOF_EXTRA_MAX);
	/* what was in it is no part of the next one */
	ck_assert_int_eq(proof_parse(bytes_of_text("old 5\n" NOTE), &again, &line, &why), 0);
	ck_assert_int_eq(again.kind, PROOF_GROWTH);
	ck_assert(bytes_equal(again.text, bytes_of_text(&NOTE[1])));
	ck_assert_uint_eq(again.extra, 0);
	ck_assert_int_eq(proof_parse(bytes_of_text(MAGIC), &again, &line, &why), -EBADMSG);
	ck_assert_str_eq(why, "the file ends before its note");
	ck_assert_int_eq(proof_parse(bytes_of_text(MAGIC "extra AAAA\n"), &again, &line, &why),
			 -EBADMSG);
	ck_assert_str_eq(why, "the file ends before its note");
	buffer_clear(&text);
	proof.extra = 0;
	proof_encode(&text, &proof);
	ck_assert_str_eq(text.data, MAGIC "index 0\n" NOTE);
	ck_assert_int_eq(proof_parse(bytes_of(text.data, text.len), &again, &line, &why), 0);
	ck_assert_int_eq(again.kind, PROOF_INCLUSION);
	ck_assert_uint_eq(again.extra, 0);
	buffer_clear(&text);
	buffer_text(&text, MAGIC "extra ");
	for (size_t i = 0; i < sizeof(more) / 3 + 1; i++)
		buffer_text(&text, "AAAA");
	buffer_text(&text, "\nindex 1\n" NOTE);
	ck_assert_int_eq(proof_parse(bytes_of(text.data, text.len), &again, &line, &why), -EBADMSG);
	ck_assert_uint_eq(line, 2);
	buffer_free(&text);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		held_or_not, cosigned, what_is_told, too_many_witnesses, bad_help,
		every_bit,   no_entry, forms,	     largest_entry,
	};

	return run_proof_tests("chain_check_proof", tests, sizeof(tests) / sizeof(tests[0]));
}
