/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_READER_H
#define CHAIN_READER_H
/*
 * Reading a chain in order, without judging it (chain/verify.h does that). Works on a chain that
 * is being written: the end is simply where valid blocks end, and reading can go on later.
 * Needs no key and takes no lock.
 */
#include "chain/chain.h"

struct chain_entry {
	uint64_t index;
	struct bytes bytes; /* valid until the next call; first byte is the type */
	uint64_t segment;
	uint64_t offset; /* of the entry's bytes in the (plain) segment */
};

struct chain_reader;

/* First index present is 0 unless the chain was pruned. -ENOENT: no chain in dir. */
int chain_reader_open(struct chain_reader **ret, const char *dir, struct chain_error *err);

/* Start at the segment that holds index from (entries before it in that segment are skipped). */
int chain_reader_seek(struct chain_reader *reader, uint64_t from);

/* Start at the beginning of a segment counted from the end, 0 being the last. 1 when that is the
 * first one there is, 0 when more lie before it, -errno. */
int chain_reader_seek_back(struct chain_reader *reader, uint64_t segments);

/* 1 with an entry, 0 at the present end (call again later to follow), or -errno:
 * -EBADMSG where a block that another block or segment follows is damaged. */
int chain_reader_next(struct chain_reader *reader, struct chain_entry *ret);

/* Leaf hash H(00 || salt || record) of the entry last returned. */
void chain_reader_leaf(const struct chain_reader *reader, const struct chain_entry *entry,
		       uint8_t ret[CHAIN_HASH]);

/* The salt in it. */
#define CHAIN_SALT 16
void chain_reader_salt(const struct chain_reader *reader, const struct chain_entry *entry,
		       uint8_t ret[CHAIN_SALT]);

/* The tree before the first entry of the segment that is open, as its header has it: nobody has
 * compared it with a seal. Valid until the next call. */
struct tree;
const struct tree *chain_reader_start(const struct chain_reader *reader);

/* Where reading failed, as "file, offset, why". */
const char *chain_reader_error(const struct chain_reader *reader);

void chain_reader_close(struct chain_reader *reader);

/* 1 when a process holds the writer's lock on dir, 0 when none does, -errno. */
int chain_is_live(const char *dir);

#endif
