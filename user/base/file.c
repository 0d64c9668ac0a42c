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

/* All of fd into memory that grows with it: /proc files say that they have no size, live ones do
 * not keep to it. */
static int read_all(int fd, size_t size, size_t max, uint8_t **ret, size_t *ret_len)
{
	size_t room = size < 4096 ? 4096 : size + 1, len = 0;
	uint8_t *data;
	int err;

	if (room > max)
		room = max + 1; /* one byte more tells that it is too large */
	data = malloc(room + 1);
	err = data ? 0 : -ENOMEM;

	while (!err) {
		ssize_t n = pread_all(fd, data + len, room - len, (off_t)len);
		uint8_t *grown;

		len += n > 0 ? (size_t)n : 0;
		err = n < 0 ? (int)n : len > max ? -EFBIG : 0;
		if (err || len < room)
			break;
		room = room < max / 2 ? 2 * room : max + 1;
		grown = realloc(data, room + 1);
		err = grown ? 0 : -ENOMEM;
		data = grown ? grown : data;
	}
	if (err) {
		free(data);
		return err;
	}
	data[len] = 0;
	*ret = data;
	*ret_len = len;
	return 0;
}

int read_file(int dirfd, const char *name, size_t max, uint8_t **ret, size_t *ret_len)
{
	struct stat st;
	int err, fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err)
		err = read_all(fd, (size_t)st.st_size, max, ret, ret_len);
	close(fd);
	return err;
}
