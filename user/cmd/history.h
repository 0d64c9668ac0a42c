/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_HISTORY_H
#define CMD_HISTORY_H
/*
 * A model from a chain: the key of its feature hashes from the first SCHEMA entry, its state from
 * the records. Live start-up and replay build it the same way, so they agree.
 */
#include "chain/reader.h"
#include "cmd/cmd.h"
#include "score/score.h"

/*
 * At most this many records are gone through at a start; the first is a multiple of half of it, so
 * that one start after another begins at the same place and replay need not begin anew.
 */
#define HISTORY_HORIZON 2000000

/* First record the model of a run sees that begins at index next. */
uint64_t history_from(uint64_t next);

/* The same, of what was not pruned. 0 or -errno with err filled. */
int history_begin(const char *dir, uint64_t next, uint64_t *ret, struct chain_error *err);

/* Does this build read the records behind a SCHEMA entry? 0, or -EPROTONOSUPPORT with what they are
 * in err. */
int history_read_schema(struct bytes entry, struct chain_error *err);

/* The same of the first SCHEMA entry of the chain in dir; 0 also when nothing was written yet. */
int history_check(const char *dir, struct chain_error *err);

/* The score key that stands in the log's first SCHEMA entry. 0, -ENOENT for no chain or no entry,
 * -EBADMSG when there is none in it, -EPROTONOSUPPORT as above. */
int history_key(const char *dir, uint8_t ret[16], struct chain_error *err);

/* Text of the SCHEMA entry: the records' table, this host, and the key. Its length; -EMSGSIZE. */
#define SCHEMA_ROOM 16384
ssize_t history_schema(const struct host *host, const uint8_t key[16], char ret[SCHEMA_ROOM]);

/* Score the records [from, to) of the chain. 0 or -errno with err filled. */
int history_learn(struct score *score, const char *dir, uint64_t from, uint64_t to,
		  struct chain_error *err);

#endif
