/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_FILES_H
#define CHAIN_FILES_H
/* The files of a chain directory: their names, and how they are opened and replaced. */
#include "base/bytes.h"

#define FILE_SEALS	"seals"
#define FILE_CHECKPOINT "checkpoint"
#define FILE_IDENTITY	"identity.pub"

#define SEGMENT_NAME_MAX 24
void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX]); /* plain */
void packed_name(uint64_t number, char ret[SEGMENT_NAME_MAX]);

/* The name it is read by: the packed one where only that is there. */
void present_name(int dirfd, uint64_t number, char ret[SEGMENT_NAME_MAX]);

struct file_list {
	uint64_t first, last; /* lowest and highest segment number, 0 none */
	uint64_t count;	      /* files of segments: one number may be there plain and packed */
	uint64_t packed;      /* of them */
	uint64_t stray;	      /* names that have no place there */
	int seals, checkpoint;
};

int list_files(int dirfd, struct file_list *ret);

/*
 * Open a regular file for reading. -ENOENT, -EINVAL when it is there but not a regular file,
 * other -errno when it cannot be looked at.
 */
int open_regular(int dirfd, const char *name, int flags, uint64_t *ret_size);

/* Write name.tmp, fsync, rename to name: at any moment either the old or the new file is there.
 * The directory is not synced. replace_file returns 0, create_file the open descriptor. */
int create_file(int dirfd, const char *name, struct bytes data, mode_t mode);
int replace_file(int dirfd, const char *name, struct bytes data, mode_t mode);

#endif
