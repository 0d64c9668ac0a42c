// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int pwrite_all(int fd, const void *data, size_t len, off_t offset)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

ssize_t pread_all(int fd, void *data, size_t len, off_t offset)
{
	uint8_t *p = data;
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, p + got, len - got, offset + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int read_file(int dirfd, const char *name, size_t max, uint8_t **ret, size_t *ret_len)
{
	struct stat st;
	uint8_t *data = NULL;
	ssize_t n;
	int err, fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		err = -errno;
		goto fail;
	}
	err = S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (err)
		goto fail;
	/* Size from reading, not from stat: /proc files say 0 and live files grow. */
	data = malloc(max + 2);
	err = data ? 0 : -ENOMEM;
	if (err)
		goto fail;
	n = pread_all(fd, data, max + 1, 0);
	err = n < 0 ? (int)n : (size_t)n > max ? -EFBIG : 0;
	if (err)
		goto fail;
	data[n] = 0;
	*ret = data;
	*ret_len = (size_t)n;
	data = NULL;
fail:
	free(data);
	close(fd);
	return err;
}
