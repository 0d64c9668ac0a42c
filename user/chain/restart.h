/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_RESTART_H
#define CHAIN_RESTART_H
/* Taking up a chain directory for writing: making a new log, or steps R1..R6 on the one there. */
#include <stdbool.h>

#include "chain/files.h"
#include "chain/keeper.h"
#include "chain/keys.h"
#include "chain/segment_file.h"

/* A log that is ours to write. */
struct log {
	char *dir;
	int dirfd; /* holds the writer's lock */
	int seals_fd;
	struct keys *keys;
	struct log_name name;
	struct seal last; /* k and size 0: none yet */
	struct tree tree; /* over everything kept */

	/* how the last segment was found; number 0: there is none */
	uint64_t number;
	uint64_t valid_len, dead_len;
	uint8_t dead_hash[CHAIN_HASH];
	uint8_t old_boot[16]; /* of the run that wrote it, if it says so */
	bool clean;	      /* closed, and nothing after */
	char heir[VKEY_MAX];  /* "", or the log that a LINK after the last seal but one names */
};

/* Copy of a chain directory's name without slashes at the end, so that dir".keys" lies beside it;
 * the caller frees it. -EINVAL for a name that cannot be. */
int chain_copy_dir(const char *dir, char **ret, struct chain_error *err);

/* Take up the log that hello speaks of. dirfd: the directory, locked already, or -1; taken over.
 * Errors as chain_open. */
int log_open(struct log *ret, const struct keeper_hello *hello, int dirfd, struct chain_error *err);
void log_close(struct log *log);

/* R4, R5: read on from the last seal; fills tree, number, valid_len, dead_len, clean. */
int log_find_end(struct log *log, const struct file_list *list, struct chain_error *err);

#endif
