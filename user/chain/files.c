// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

void segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "%016llx.seg", (unsigned long long)number);
}

void packed_name(uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "%016llx.segz", (unsigned long long)number);
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
	uint64_t packed = number_of(name, ".segz");
	uint64_t number = packed ? packed : number_of(name, ".seg");

	list->packed += packed != 0;
	if (number) {
		list->count++;
		if (list->first == 0 || number < list->first)
			list->first = number;
		if (number > list->last)
			list->last = number;
	} else if (strcmp(name, FILE_SEALS) == 0) {
		list->seals = 1;
	} else if (strcmp(name, FILE_CHECKPOINT) == 0) {
		list->checkpoint = 1;
	} else if (strcmp(name, FILE_IDENTITY) != 0 && !has_suffix(name, ".tmp") &&
		   strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		list->stray++;
	}
}

static bool is_there(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_segment(int dirfd, uint64_t number)
{
	char plain[SEGMENT_NAME_MAX], packed[SEGMENT_NAME_MAX];

	segment_name(number, plain);
	packed_name(number, packed);
	return is_there(dirfd, plain) || is_there(dirfd, packed);
}

void present_name(int dirfd, uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	char plain[SEGMENT_NAME_MAX];

	segment_name(number, plain);
	packed_name(number, ret);
	if (is_there(dirfd, plain) || !is_there(dirfd, ret))
		strcpy(ret, plain);
}

/* A segment that is packed while a directory is listed may be seen under neither name. */
static void widen(int dirfd, struct file_list *list)
{
	while (list->first > 1 && has_segment(dirfd, list->first - 1))
		list->first--;
	while (list->count && list->last < UINT64_MAX && has_segment(dirfd, list->last + 1))
		list->last++;
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
	if (err)
		return err;
	widen(dirfd, &list);
	*ret = list;
	return 0;
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
