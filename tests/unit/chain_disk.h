/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_DISK_H
#define TESTS_CHAIN_DISK_H
/*
 * A disk that fails on command. The calls by which chain/ changes files are taken over here (this
 * program's symbols come before the C library's), counted, and made to fail, or to be the last
 * thing the process does. What is durable is kept beside the real files: contents as of the last
 * fsync or fdatasync, names as of the last fsync of their directory.
 */
#include "chain_util.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum disk_mode {
	DISK_GOOD,
	DISK_EXIT,	/* call number `at` is the last: nothing after it happens */
	DISK_FAIL_ONE,	/* that call fails */
	DISK_FAIL_REST, /* that and all later ones fail */
	DISK_LIE,	/* that pwrite writes something else */
};

enum disk_call {
	CALL_PWRITE = 1,
	CALL_FSYNC = 2,
	CALL_RENAME = 4,
	CALL_TRUNCATE = 8,
	CALL_DATASYNC = 16,
	CALL_SYNC = CALL_FSYNC | CALL_DATASYNC,
	CALL_ANY = 31,
	CALL_UNLINK = 32, /* not of a writer: only packing removes what counts */
};

#define RENAMES 64 /* between two syncs of a directory */

static struct {
	enum disk_mode mode;
	unsigned which; /* calls that count */
	int at, count;
	int error;
	bool short_write;      /* a failing pwrite first writes half */
	char shadow[80];       /* directory of what is durable, "" for none */
	void (*renamed)(void); /* called after every rename */
	int renames;
	char from[RENAMES][160], to[RENAMES][160];
} disk;
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;

/* Path below test_dir of an open file; 0 if it lies elsewhere. */
static int disk_path(int fd, char *ret)
{
	char link[32], path[160];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	if (n <= 0 || strncmp(path, test_dir, strlen(test_dir)) != 0)
		return 0;
	strcpy(ret, path + strlen(test_dir));
	return 1;
}

static void copy_file(const char *from, const char *to)
{
	uint8_t *data;
	size_t len;
	int fd;

	if (read_file(AT_FDCWD, from, 64 << 20, &data, &len) < 0)
		return;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		size_t done = 0;

		while (done < len) {
			ssize_t n = write(fd, data + done, len - done);

			if (n <= 0)
				break;
			done += (size_t)n;
		}
		close(fd);
	}
	free(data);
}

/* fd was synced: the file's bytes are durable, or the directory's names are. */
static void disk_synced(int fd)
{
	char path[160], from[256], to[256];
	struct stat st;

	if (!disk.shadow[0] || !disk_path(fd, path) || fstat(fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode)) {
		snprintf(from, sizeof(from), "%s%s", test_dir, path);
		snprintf(to, sizeof(to), "%s%s", disk.shadow, path);
		copy_file(from, to);
		return;
	}
	for (int i = 0; i < disk.renames && i < RENAMES; i++) {
		size_t n = strlen(path);

		if (strncmp(disk.from[i], path, n) != 0 || strchr(disk.from[i] + n + 1, '/'))
			continue;
		snprintf(from, sizeof(from), "%s%s", disk.shadow, disk.from[i]);
		snprintf(to, sizeof(to), "%s%s", disk.shadow, disk.to[i]);
		rename(from, to);
		disk.from[i][0] = '?';
	}
}

/* Count a call; true when it is to fail. */
static bool disk_fails(enum disk_call call, int fd)
{
	char path[160];

	if (!(disk.which & call) || !disk_path(fd, path))
		return false;
	disk.count++;
	if (disk.mode == DISK_EXIT && disk.count == disk.at &&
	    !(disk.short_write && call == CALL_PWRITE))
		_exit(9); /* else pwrite does so, when half is written */
	return (disk.mode != DISK_GOOD && disk.count == disk.at) ||
	       (disk.mode == DISK_FAIL_REST && disk.count > disk.at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t n;

	pthread_mutex_lock(&disk_lock);
	if (!disk_fails(CALL_PWRITE, fd)) {
		n = syscall(SYS_pwrite64, fd, data, len, offset);
	} else if (disk.short_write && len > 1) {
		n = syscall(SYS_pwrite64, fd, data, len / 2, offset);
		if (disk.mode == DISK_EXIT)
			_exit(9);
	} else if (disk.mode == DISK_LIE) {
		uint8_t wrong = (uint8_t) ~((const uint8_t *)data)[len / 2];

		n = syscall(SYS_pwrite64, fd, data, len, offset);
		syscall(SYS_pwrite64, fd, &wrong, 1, offset + (off_t)len / 2);
	} else {
		errno = disk.error;
		n = -1;
	}
	pthread_mutex_unlock(&disk_lock);
	return n;
}

static int disk_sync(int fd, long number)
{
	int n;

	pthread_mutex_lock(&disk_lock);
	if (disk_fails(number == SYS_fsync ? CALL_FSYNC : CALL_DATASYNC, fd))
		errno = disk.error, n = -1;
	else
		n = (int)syscall(number, fd);
	if (n == 0)
		disk_synced(fd);
	pthread_mutex_unlock(&disk_lock);
	return n;
}

int fdatasync(int fd)
{
	return disk_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
	return disk_sync(fd, SYS_fsync);
}

int ftruncate(int fd, off_t len)
{
	int n;

	pthread_mutex_lock(&disk_lock);
	if (disk_fails(CALL_TRUNCATE, fd))
		errno = disk.error, n = -1;
	else
		n = (int)syscall(SYS_ftruncate, fd, len);
	pthread_mutex_unlock(&disk_lock);
	return n;
}

int unlinkat(int fd, const char *name, int flags)
{
	int n;

	pthread_mutex_lock(&disk_lock);
	if (disk_fails(CALL_UNLINK, fd))
		errno = disk.error, n = -1;
	else
		n = (int)syscall(SYS_unlinkat, fd, name, flags);
	pthread_mutex_unlock(&disk_lock);
	return n;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	char path[160];
	int n;

	pthread_mutex_lock(&disk_lock);
	if (disk_fails(CALL_RENAME, from_fd))
		errno = disk.error, n = -1;
	else
		n = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
	if (n == 0 && disk.shadow[0] && disk_path(from_fd, path)) {
		int i = disk.renames++ % RENAMES;

		snprintf(disk.from[i], sizeof(disk.from[i]), "%.100s/%.50s", path, from);
		snprintf(disk.to[i], sizeof(disk.to[i]), "%.100s/%.50s", path, to);
	}
	pthread_mutex_unlock(&disk_lock);
	if (n == 0 && disk.renamed)
		disk.renamed();
	return n;
}

#endif
