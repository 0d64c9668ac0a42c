// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"

void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "%016llx.seg", (unsigned long long)number);
}

/* Segment number of "%016x" and suffix, else 0. */
static uint64_t number_of(const char *name, const char *suffix)
{
	uint64_t number = 0;

	if (strspn(name, "0123456789abcdef") != 16 || strcmp(name + 16, suffix) != 0)
		return 0;
	for (int i = 0; i < 16; i++)
		number = number << 4 |
			 (uint64_t)(name[i] <= '9' ? name[i] - '0' : name[i] - 'a' + 10);
	return number;
}

static int has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n >= s && strcmp(name + n - s, suffix) == 0;
}

static void list_one(const char *name, struct file_list *list)
{
	uint64_t number = number_of(name, ".seg");

	if (number) {
		list->count++;
		if (list->first == 0 || number < list->first)
			list->first = number;
		if (number > list->last)
			list->last = number;
	} else if (number_of(name, ".segz")) {
		list->packed++;
	} else if (strcmp(name, FILE_SEALS) == 0) {
		list->seals = 1;
	} else if (strcmp(name, FILE_CHECKPOINT) == 0) {
		list->checkpoint = 1;
	} else if (strcmp(name, FILE_IDENTITY) != 0 && !has_suffix(name, ".tmp") &&
		   strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		list->stray++;
	}
}

int list_files(int dirfd, struct file_list *ret)
{
	struct file_list list = { 0 };
	struct dirent *entry;
	int err, fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	do {
		errno = 0;
		entry = readdir(dir);
		if (entry)
			list_one(entry->d_name, &list);
	} while (entry);
	err = -errno;
	closedir(dir);
	if (err == 0)
		*ret = list;
	return err;
}

int open_regular(int dirfd, const char *name, int flags, uint64_t *ret_size)
{
	struct stat st;
	int fd = openat(dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) /* a symlink, a socket, a directory to be written */
		return errno == ELOOP || errno == ENXIO || errno == EISDIR ? -EINVAL : -errno;
	if (fstat(fd, &st) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	*ret_size = (uint64_t)st.st_size;
	return fd;
}

int segment_open(int dirfd, uint64_t number, struct segment *ret, const char **why)
{
	uint8_t head[SEGMENT_HEADER_MAX];
	char name[SEGMENT_NAME_MAX];
	ssize_t n, used;

	segment_name(number, name);
	ret->fd = open_regular(dirfd, name, O_RDONLY, &ret->size);
	if (ret->fd < 0) {
		int err = ret->fd;

		ret->fd = -1;
		*why = err == -ENOENT	? "segment is missing"
		       : err == -EINVAL ? "segment is not a regular file"
					: "segment cannot be opened";
		return err;
	}
	n = pread_all(ret->fd, head, sizeof(head), 0);
	*why = "segment header is cut short";
	used = n < 0 ? n : segment_header_decode(bytes_of(head, (size_t)n), &ret->header, why);
	if (used > 0 && ret->header.number != number) {
		*why = "segment header has another number than the file name";
		used = -EBADMSG;
	}
	if (used <= 0) {
		segment_close(ret);
		return used ? (int)used : -EBADMSG;
	}
	ret->header_len = (size_t)used;
	return 0;
}

void segment_close(struct segment *segment)
{
	if (segment->fd >= 0)
		close(segment->fd);
	segment->fd = -1;
}

int hash_range(int fd, uint64_t offset, uint64_t len, uint8_t ret[CHAIN_HASH])
{
	crypto_hash_sha256_state state;
	uint8_t buffer[16384];

	crypto_hash_sha256_init(&state);
	while (len) {
		size_t want = len < sizeof(buffer) ? (size_t)len : sizeof(buffer);
		ssize_t n = pread_all(fd, buffer, want, (off_t)offset);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		crypto_hash_sha256_update(&state, buffer, (size_t)n);
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	crypto_hash_sha256_final(&state, ret);
	return 0;
}

int create_file(int dirfd, const char *name, struct bytes data, mode_t mode)
{
	char tmp[64];
	int fd, err;

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	err = fchmod(fd, mode) < 0 ? -errno : pwrite_all(fd, data.data, data.len, 0);
	if (err == 0 && (fsync(fd) < 0 || renameat(dirfd, tmp, dirfd, name) < 0))
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	unlinkat(dirfd, tmp, 0);
	return err;
}

int replace_file(int dirfd, const char *name, struct bytes data, mode_t mode)
{
	int fd = create_file(dirfd, name, data, mode);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
