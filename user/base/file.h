/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H
/* Whole-file helpers. All return 0 or -errno unless said otherwise. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Write all of len at offset; a short write is continued. */
int pwrite_all(int fd, const void *data, size_t len, off_t offset);

/* Bytes read, fewer than len only at the end of the file; or -errno. */
ssize_t pread_all(int fd, void *data, size_t len, off_t offset);

/*
 * Read a regular file of at most max bytes below dirfd (AT_FDCWD for none), O_NOFOLLOW.
 * *ret is malloc'ed and NUL-terminated for convenience (the NUL is not counted); caller frees.
 * -EFBIG when it is larger than max, -EINVAL when it is not a regular file.
 */
int read_file(int dirfd, const char *name, size_t max, uint8_t **ret, size_t *ret_len);

#endif
