/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PROOF_TEXT_H
#define CHAIN_PROOF_TEXT_H
/* Proofs as files: one entry's (c2sp.org/tlog-proof) and that a log grew (the body of a request to
 * a witness, c2sp.org/tlog-witness). */
#include "base/buffer.h"
#include "chain/note.h"
#include "chain/path.h"

#define PROOF_EXTRA_MAX (SALT_LEN + CHAIN_RECORD_MAX)

struct proof {
	enum { PROOF_INCLUSION, PROOF_GROWTH } kind;
	uint64_t at;		       /* index of the entry, or size of the older tree */
	size_t extra;		       /* bytes of data; 0 when the file brings none */
	uint8_t data[PROOF_EXTRA_MAX]; /* salt || entry */
	struct path path;
	struct bytes text; /* of the note, as it stands there */
	struct note note;
};

/* Append the file; extra is not used for PROOF_GROWTH. */
void proof_encode(struct buffer *to, const struct proof *proof);

/* *ret points into text; after a failure it holds nothing. 0, or -EBADMSG with the line at fault
 * and why. */
int proof_parse(struct bytes text, struct proof *ret, unsigned *line, const char **why);

#endif
