/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PUBLISHED_H
#define CHAIN_PUBLISHED_H
/* What a chain shows of itself without being judged: its name and its checkpoints. */
#include "chain/note.h"

/* The log's name, from the header of `seals`. -ENOENT when dir holds no chain, -EBADMSG. */
int read_log_name(const char *dir, struct log_name *ret, struct chain_error *err);

/* A note in a file. *ret_text is malloc'ed and holds what *ret points to. -EINVAL when it is no
 * note (err names the line), other -errno when it cannot be read. */
int read_note(const char *path, struct note *ret, uint8_t **ret_text, struct chain_error *err);

/*
 * A note of this log, with its signature: the one at path, or the chain's own when path is NULL.
 * As read_note; -EXDEV for another log's, -EBADMSG when it is not signed by this log's key, or when
 * the chain's own is no note.
 */
int read_checkpoint(const char *dir, const char *path, const struct log_name *log, struct note *ret,
		    uint8_t **ret_text, struct chain_error *err);

#endif
