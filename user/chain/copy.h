/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_COPY_H
#define CHAIN_COPY_H
/*
 * A copy of what is published of a chain, in another directory, that a verifier accepts by itself.
 * Files only ever grow there and names appear when what they name is whole, so that a stop at any
 * moment leaves a copy that is good so far, and the next round goes on from there.
 *
 * What is there already is compared with the chain, byte for byte, once by each struct chain_copy;
 * what is added is read back. A copy that differs below what its own checkpoint covers is not
 * touched. Whether what is there is right is the verifier's to say: chain/verify.h.
 */
#include <stdbool.h>

#include "chain/chain.h"

struct chain_copy;

struct chain_copied {
	uint64_t size; /* entries that are there now */
	uint8_t root[CHAIN_HASH];
	uint64_t bytes; /* written in this round */
	bool created;	/* the directory held nothing before */
	char vkey[256];
};

/* -ENOMEM. from and to: directories. */
int chain_copy_open(struct chain_copy **ret, const char *from, const char *to);
void chain_copy_close(struct chain_copy *copy);

/*
 * Bring the copy up to the present checkpoint. expected: it held this many entries before; if it
 * holds nothing now it is the wrong place (0: may be empty, or not be there at all).
 *
 * 0; -EBADMSG: the chain or the copy is not what it was; -ENOENT: nothing is published yet;
 * -EKEYREJECTED: the copy is another log's, or no copy; -EINVAL: the places lie in each other;
 * -EWOULDBLOCK: another process copies to it; other -errno. err is filled.
 */
int chain_copy_round(struct chain_copy *copy, uint64_t expected, struct chain_copied *ret,
		     struct chain_error *err);

#endif
