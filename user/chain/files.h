/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_FILES_H
#define CHAIN_FILES_H
/* The files of a chain directory: their names, and how they are opened and replaced. */
#include "chain/segment.h"

#define FILE_SEALS	"seals"
#define FILE_CHECKPOINT "checkpoint"
#define FILE_IDENTITY	"identity.pub"

#define SEGMENT_NAME_MAX 24
void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX]);

struct file_list {
	uint64_t first, last; /* lowest and highest segment number, 0 none */
	uint64_t count;	      /* plain segments */
	uint64_t packed;
	uint64_t stray; /* names that have no place there */
	int seals, checkpoint;
};

int list_files(int dirfd, struct file_list *ret);

/*
 * Open a regular file for reading. -ENOENT, -EINVAL when it is there but not a regular file,
 * other -errno when it cannot be looked at.
 */
int open_regular(int dirfd, const char *name, int flags, uint64_t *ret_size);

/* An open segment whose header is whole. */
struct segment {
	int fd; /* -1 none */
	uint64_t size;
	size_t header_len;
	struct segment_header header;
};

/* As open_regular; -EBADMSG and -EPROTONOSUPPORT with why for a bad header. */
int segment_open(int dirfd, uint64_t number, struct segment *ret, const char **why);
void segment_close(struct segment *segment);

/* SHA-256 of len bytes at offset; of fewer when the file ends before. */
int hash_range(int fd, uint64_t offset, uint64_t len, uint8_t ret[CHAIN_HASH]);

/* Write name.tmp, fsync, rename to name: at any moment either the old or the new file is there.
 * The directory is not synced. replace_file returns 0, create_file the open descriptor. */
int create_file(int dirfd, const char *name, struct bytes data, mode_t mode);
int replace_file(int dirfd, const char *name, struct bytes data, mode_t mode);

#endif
