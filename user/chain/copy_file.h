/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_COPY_FILE_H
#define CHAIN_COPY_FILE_H
/*
 * Files of a copy: what is written is synced and read back before it counts. Every call returns 0
 * or -errno with the round's error filled, which names the file.
 */
#include <stdbool.h>

#include "chain/copy.h"
#include "chain/extent.h"
#include "chain/files.h"

#define COPY_CHUNK (256u << 10)

struct chain_copy {
	char *from, *to;
	bool begun;		  /* a round was whole */
	struct chain_place place; /* up to here segments were compared */
	uint64_t seals;		  /* bytes of seals that were */
	uint8_t *ours, *theirs;	  /* COPY_CHUNK bytes each */
};

struct round {
	struct chain_copy *copy;
	struct extent p;
	int dirfd, lock;
	struct file_list list;	       /* of the copy */
	uint64_t covered;	       /* entries its checkpoint covers */
	struct chain_place covered_at; /* where those end */
	struct chain_copied *ret;
	struct chain_error *err;
};

/* One file on its way. Offsets are of what is read, which for a packed segment may be plain. */
struct job {
	const struct round *r;
	const char *name; /* at the copy */
	const char *from_name;
	struct segment from, to;
};

/* Something is wrong with a file of the copy, or of the chain. why: NULL when the code says it. */
int copy_fail(const struct round *r, int code, const char *name, const char *why);
int copy_fail_source(const struct round *r, int code, const char *name, const char *why);

/* *ret: where the two first differ in [at, end), or end. */
int copy_compare(struct job *j, uint64_t at, uint64_t end, uint64_t *ret);

/* A file that is there: the same as far as it goes, then longer. Below `known` it was compared
 * before; from `covered` on the copy never said that it had it: a stop in the middle. */
int copy_extend(struct job *j, uint64_t have, uint64_t known, uint64_t covered, uint64_t end);

/* A new file, whole or not at all; j->to is then open. */
int copy_create(struct job *j, uint64_t end);

/* A small file with these bytes in the place of what has that name. */
int copy_put(const struct round *r, const char *name, struct bytes data, mode_t mode);

int copy_sync_dir(const struct round *r);

#endif
