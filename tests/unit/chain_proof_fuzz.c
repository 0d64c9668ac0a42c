// SPDX-License-Identifier: Apache-2.0
/* Parsers of proofs, notes and verifier keys, around good input and far from it. */
#include <sodium.h>

#include "base_fuzz.h"
#include "chain/text.h"
#define LLVMFuzzerTestOneInput fuzz_proof
#include "../fuzz/proof.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_cosignature
#include "../fuzz/cosignature.c"
#undef LLVMFuzzerTestOneInput

static char note_file[1024], vkey[VKEY_MAX];

static void setup(void)
{
	struct seals_header header = { .name = "host" };
	uint8_t seed[32] = { 7 }, root[32] = { 1, 2, 3 }, sig[64], secret[64], blob[76] = { 0 };
	char body[NOTE_BODY_MAX], *p;
	struct log_name name;
	size_t len;

	crypto_sign_seed_keypair(header.idpk, secret, seed);
	log_name_derive(&header, &name);
	strcpy(vkey, name.vkey);
	len = note_body(name.origin, 42, root, body);
	crypto_sign_detached(sig, NULL, (const uint8_t *)body, len, secret);
	p = note_file + note_encode(body, &name, sig, note_file);
	memcpy(p, "\xe2\x80\x94 w.example ", 14);
	strcpy(put_base64(p + 14, blob, sizeof(blob)), "\n");
}

START_TEST(proofs)
{
	static struct proof proof;
	struct buffer text = { 0 };

	for (int kind = PROOF_INCLUSION; kind <= PROOF_GROWTH; kind++) {
		proof.kind = kind;
		proof.at = 41;
		proof.extra = 60;
		proof.path.count = 6;
		proof.text = bytes_of_text(note_file);
		buffer_clear(&text);
		proof_encode(&text, &proof);
		fuzz_around(fuzz_proof, text.data, text.len, 20000);
	}
	fuzz_noise(fuzz_proof, 200, 5000);
	buffer_free(&text);
}
END_TEST

START_TEST(cosignatures)
{
	struct buffer text = { 0 };

	buffer_print(&text, "%s\n%s", vkey, note_file);
	fuzz_around(fuzz_cosignature, text.data, text.len, 20000);
	buffer_clear(&text);
	buffer_print(&text, "\n%s", note_file);
	fuzz_around(fuzz_cosignature, text.data, text.len, 20000);
	fuzz_noise(fuzz_cosignature, 200, 5000);
	buffer_free(&text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { proofs, cosignatures };

	return sodium_init() < 0 || RUN_TESTS_WITH("chain_proof_fuzz", tests, setup, NULL);
}
