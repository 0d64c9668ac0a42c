/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PROOF_H
#define CHAIN_PROOF_H
/*
 * Single entries proven, and growth proven, to whoever holds a verifier key: files made from a
 * chain and checked without it. What each strength is worth: README.md in this folder.
 */
#include "base/buffer.h"
#include "chain/verify.h"

/*
 * Append to *ret the proof that entry `index` is in the log at the size of a checkpoint: the
 * chain's own, or the note in the file named. -ERANGE when it is not (yet) under that checkpoint;
 * -ENODATA when it was pruned; -EBADMSG when chain and checkpoint do not agree; -EXDEV when the
 * note is another log's; -EINVAL when it is none; other -errno. err says what.
 */
int chain_prove(const char *dir, uint64_t index, const char *checkpoint, struct buffer *ret,
		struct chain_error *err);

/* The same for the proof that the log at the size of the note `to` (NULL: the chain's own) begins
 * with all of it at the size of the note `from`; -ERANGE when that is the larger one. */
int chain_prove_growth(const char *dir, const char *from, const char *to, struct buffer *ret,
		       struct chain_error *err);

#define CHAIN_PROOF_MAX (384u << 10) /* bytes of a proof file */

/* What somebody brings to check a proof with. */
struct chain_check_options {
	const char *vkey;		/* of the log; needed */
	const char *const *checkpoints; /* signed-note files, NULL-terminated, or NULL */
	const struct chain_held *held;	/* size and root given by hand */
	size_t held_count;
	const char *const *witnesses; /* their verifier keys, NULL-terminated, or NULL */
};

#define CHAIN_WITNESS_MAX 64

struct chain_witness {
	char name[256];
	bool cosigned; /* the checkpoint of the proof */
	uint64_t time; /* when, in seconds since 1970 by the witness's clock */
};

enum chain_strength {
	CHAIN_BY_HOST_KEY, /* the log's key alone says so */
	CHAIN_COSIGNED,	   /* and so does a witness */
	CHAIN_HELD,	   /* the checkpoint is one that was held */
};

struct chain_proven {
	enum chain_strength strength;
	bool growth;   /* that the log grew, not that an entry is in it */
	uint64_t at;   /* index of the entry, or size it grew from */
	uint64_t size; /* of the checkpoint */
	uint8_t root[CHAIN_HASH];
	uint8_t leaf[CHAIN_HASH];
	char origin[256];
	struct chain_witness witness[CHAIN_WITNESS_MAX]; /* those given, in that order */
	size_t witness_count;
	uint64_t other_held; /* size of a held checkpoint that could not be compared, 0 none */
	size_t entry_len;
	uint8_t entry[CHAIN_RECORD_MAX];
};

/*
 * Check a proof file's text. 0 when it holds; -EBADMSG when it does not; -EINVAL when it is no
 * proof (err names the line), or a key or note given is none; -EXDEV when a note given is of
 * another log; -ENODATA when growth is to be compared with nothing; other -errno.
 */
int chain_check_proof(struct bytes text, const struct chain_check_options *options,
		      struct chain_proven *ret, struct chain_error *err);

#endif
