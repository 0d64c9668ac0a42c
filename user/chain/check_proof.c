// SPDX-License-Identifier: Apache-2.0
/* Proof files checked, with keys and checkpoints that the verifier brings and without the chain. */
#include "chain/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <sodium.h>

#include "chain/proof_text.h"
#include "chain/published.h"
#include "chain/text.h"

typedef unsigned long long ull;

struct check {
	const struct chain_check_options *options;
	struct proof *proof;
	struct note_key key; /* of the log */
	struct chain_held *held;
	size_t held_count;
	struct chain_error *err;
};

static bool is_of(const struct note *note, const struct note_key *key)
{
	return bytes_equal(note->origin, bytes_of_text(key->name));
}

static int origin_len(const struct note *note)
{
	return note->origin.len < 128 ? (int)note->origin.len : 127;
}

static int parse_key(struct check *c, const char *text, int type, struct note_key *ret)
{
	const char *why;

	if (note_key_parse(bytes_of_text(text), ret, &why) == 0) {
		if ((int)ret->type == type)
			return 0;
		why = type == NOTE_ED25519 ? "the key of a witness, not of a log"
					   : "the key of a log, not of a witness";
	}
	return chain_fail(c->err, -EINVAL, "'%.200s' is no verifier key: %s", text, why);
}

/* --- what is held ----------------------------------------------------------------------------- */

static int take_held_note(struct check *c, const char *path)
{
	struct chain_held *held = &c->held[c->held_count];
	struct note note;
	uint64_t unused;
	uint8_t *text;
	int code = read_note(path, &note, &text, c->err);

	if (code)
		return code;
	if (!is_of(&note, &c->key))
		code = chain_fail(c->err, -EXDEV, "%s is of %.*s, the key given is of %s", path,
				  origin_len(&note), (const char *)note.origin.data, c->key.name);
	else if (note_signed_by(&note, &c->key, &unused) != NOTE_SIGNED)
		code = chain_fail(c->err, -EXDEV, "%s is not signed by the key of %s", path,
				  c->key.name);
	held->size = note.size;
	memcpy(held->root, note.root, CHAIN_HASH);
	free(text);
	c->held_count++;
	return code;
}

static int take_held(struct check *c)
{
	const struct chain_check_options *o = c->options;
	size_t files = 0;
	int code = 0;

	while (o->checkpoints && o->checkpoints[files])
		files++;
	c->held = calloc(files + o->held_count + 1, sizeof(*c->held));
	if (!c->held)
		return -ENOMEM;
	for (size_t i = 0; i < files && code == 0; i++)
		code = take_held_note(c, o->checkpoints[i]);
	for (size_t i = 0; i < o->held_count; i++)
		c->held[c->held_count++] = o->held[i];
	return code;
}

/* Is (size, root) held? 1; 0 when nothing is held of that size; -EBADMSG when another root is. */
static int is_held(struct check *c, uint64_t size, const uint8_t root[CHAIN_HASH])
{
	int found = 0;

	for (size_t i = 0; i < c->held_count; i++) {
		if (c->held[i].size != size)
			continue;
		if (memcmp(c->held[i].root, root, CHAIN_HASH) != 0)
			return chain_fail(
				c->err, -EBADMSG,
				"not proven: the checkpoint held of size %llu has another "
				"root: another history",
				(ull)size);
		found = 1;
	}
	return found;
}

/* --- the proof -------------------------------------------------------------------------------- */

static int check_note(struct check *c)
{
	const struct note *note = &c->proof->note;
	uint64_t unused;

	if (!is_of(note, &c->key))
		return chain_fail(c->err, -EBADMSG,
				  "not proven: the proof is of %.*s, the key given is of %s",
				  origin_len(note), (const char *)note->origin.data, c->key.name);
	switch (note_signed_by(note, &c->key, &unused)) {
	case NOTE_SIGNED:
		return 0;
	case NOTE_FORGED:
		return chain_fail(c->err, -EBADMSG, "not proven: the signature of %s does not hold",
				  c->key.name);
	default:
		return chain_fail(c->err, -EBADMSG,
				  "not proven: there is no signature of the key of %s",
				  c->key.name);
	}
}

static int check_entry(struct check *c, struct chain_proven *ret)
{
	const struct proof *proof = c->proof;
	size_t len = proof->extra - SALT_LEN;

	if (proof->extra <= SALT_LEN)
		return chain_fail(c->err, -EBADMSG, "not proven: the proof brings no entry");
	leaf_hash(proof->data, bytes_of(proof->data + SALT_LEN, len), ret->leaf);
	if (check_inclusion(proof->at, proof->note.size, ret->leaf, &proof->path, proof->note.root))
		return chain_fail(c->err, -EBADMSG,
				  "not proven: the hashes do not lead from entry %llu to the root "
				  "at size %llu",
				  (ull)proof->at, (ull)proof->note.size);
	memcpy(ret->entry, proof->data + SALT_LEN, len);
	ret->entry_len = len;
	return 0;
}

/* The older tree is what the verifier holds: the proof names its size only. */
static int check_grown(struct check *c)
{
	const struct proof *proof = c->proof;
	const struct note *note = &proof->note;
	bool any = false;

	for (size_t i = 0; i < c->held_count; i++) {
		if (c->held[i].size != proof->at)
			continue;
		any = true;
		if (check_growth(proof->at, c->held[i].root, note->size, note->root, &proof->path))
			return chain_fail(
				c->err, -EBADMSG,
				"not proven: the hashes do not lead from the root held at "
				"size %llu to the one at size %llu",
				(ull)proof->at, (ull)note->size);
	}
	if (any)
		return 0;
	return chain_fail(c->err, -ENODATA,
			  "the proof begins at size %llu: give the checkpoint held of that size",
			  (ull)proof->at);
}

static int check_witness(struct check *c, const char *vkey, struct chain_proven *ret)
{
	struct chain_witness *witness = &ret->witness[ret->witness_count];
	struct note_key key;
	int code = parse_key(c, vkey, NOTE_COSIGNATURE, &key);

	if (code)
		return code;
	strcpy(witness->name, key.name);
	switch (note_signed_by(&c->proof->note, &key, &witness->time)) {
	case NOTE_FORGED:
		return chain_fail(c->err, -EBADMSG,
				  "not proven: the cosignature of %s does not hold", key.name);
	case NOTE_SIGNED:
		witness->cosigned = true;
		ret->strength = CHAIN_COSIGNED;
		break;
	default:
		break;
	}
	ret->witness_count++;
	return 0;
}

static int check_witnesses(struct check *c, struct chain_proven *ret)
{
	const char *const *w = c->options->witnesses;
	int code = 0;

	for (; code == 0 && w && *w; w++) {
		if (ret->witness_count == CHAIN_WITNESS_MAX)
			return chain_fail(c->err, -EINVAL, "more than %d witnesses were given",
					  CHAIN_WITNESS_MAX);
		code = check_witness(c, *w, ret);
	}
	return code;
}

static int check_strength(struct check *c, struct chain_proven *ret)
{
	const struct note *note = &c->proof->note;
	int held, code = check_witnesses(c, ret);

	if (code)
		return code;
	held = is_held(c, note->size, note->root);
	if (held < 0)
		return held;
	if (held || ret->growth)
		ret->strength = CHAIN_HELD;
	else
		ret->other_held = c->held[0].size; /* 0 where nothing is held */
	return 0;
}

static int check_all(struct check *c, struct bytes text, struct chain_proven *ret)
{
	const char *why = "";
	unsigned line;
	int code;

	/* What the verifier brings must be good whatever the proof is. */
	code = parse_key(c, c->options->vkey, NOTE_ED25519, &c->key);
	if (code == 0)
		code = take_held(c);
	if (code)
		return code;
	if (proof_parse(text, c->proof, &line, &why) < 0)
		return chain_fail(c->err, -EINVAL, "line %u: %s", line, why);
	ret->growth = c->proof->kind == PROOF_GROWTH;
	ret->at = c->proof->at;
	ret->size = c->proof->note.size;
	memcpy(ret->root, c->proof->note.root, CHAIN_HASH);
	code = check_note(c);
	if (code == 0)
		code = ret->growth ? check_grown(c) : check_entry(c, ret);
	if (code == 0)
		code = check_strength(c, ret);
	strcpy(ret->origin, c->key.name);
	return code;
}

int chain_check_proof(struct bytes text, const struct chain_check_options *options,
		      struct chain_proven *ret, struct chain_error *err)
{
	struct chain_proven *proven = calloc(1, sizeof(*proven));
	struct check c = { .options = options, .err = err };
	int code = -ENOMEM;

	err->text[0] = 0;
	c.proof = malloc(sizeof(*c.proof));
	if (sodium_init() < 0)
		code = chain_fail(err, -ENOSYS, "libsodium does not start");
	else if (c.proof && proven)
		code = check_all(&c, text, proven);
	if (code == 0)
		*ret = *proven;
	free(c.held);
	free(c.proof);
	free(proven);
	return code;
}
