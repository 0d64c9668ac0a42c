// SPDX-License-Identifier: Apache-2.0
/* Proof files of both kinds: what is read is exactly what would be written, and a proof that is
 * taken has an entry that hashes up to the root it names. */
#include "chain/proof_text.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct proof proof;
	struct buffer again = { 0 };
	const char *why = NULL;
	uint8_t leaf[CHAIN_HASH];
	unsigned line = 0;

	if (proof_parse(bytes_of(data, size), &proof, &line, &why)) {
		CHECK(why && line >= 1 && line <= size + 1);
		return 0;
	}
	CHECK(bytes_equal(note_text(&proof.note), proof.text));
	proof_encode(&again, &proof);
	CHECK(!again.failed && again.len == size && memcmp(again.data, data, size) == 0);
	buffer_free(&again);
	if (proof.kind == PROOF_GROWTH) {
		check_growth(proof.at, proof.note.root, proof.note.size, proof.note.root,
			     &proof.path);
		return 0;
	}
	if (proof.extra > SALT_LEN) {
		leaf_hash(proof.data, bytes_of(proof.data + SALT_LEN, proof.extra - SALT_LEN),
			  leaf);
		check_inclusion(proof.at, proof.note.size, leaf, &proof.path, proof.note.root);
	}
	return 0;
}
