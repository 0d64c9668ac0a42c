// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/tile_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* The groups before the last, each with its x. */
static char *put_groups(char *p, uint64_t number)
{
	if (number >= 1000)
		p = put_groups(p, number / 1000);
	return p + sprintf(p, "x%03u/", (unsigned)(number % 1000));
}

void tile_path(const struct tile *tile, char ret[TILE_PATH_MAX])
{
	char *p = ret;

	if (tile->level == TILE_ENTRIES)
		p += sprintf(p, "tile/entries/");
	else
		p += sprintf(p, "tile/%d/", tile->level);
	if (tile->number >= 1000)
		p = put_groups(p, tile->number / 1000);
	p += sprintf(p, "%03u", (unsigned)(tile->number % 1000));
	if (tile->width < TILE_WIDTH)
		sprintf(p, ".p/%u", tile->width);
}

static int make_parents(int dirfd, const char *path)
{
	char part[TILE_PATH_MAX + 8];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(dirfd, part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int holds(int dirfd, const char *path, struct bytes data)
{
	uint8_t *there;
	size_t len;
	int same;

	if (read_file(dirfd, path, data.len, &there, &len))
		return 0;
	same = bytes_equal(bytes_of(there, len), data);
	free(there);
	return same;
}

int tile_write(int dirfd, const struct tile *tile, struct bytes data)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	char path[TILE_PATH_MAX], tmp[TILE_PATH_MAX + 8];
	int fd, err = 0;

	tile_path(tile, path);
	if (holds(dirfd, path, data))
		return 0;
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = openat(dirfd, tmp, flags, 0600);
	if (fd < 0 && errno == ENOENT) {
		err = make_parents(dirfd, tmp);
		fd = err ? -1 : openat(dirfd, tmp, flags, 0600);
	}
	if (fd < 0)
		return err ? err : -errno;
	err = pwrite_all(fd, data.data, data.len, 0);
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		err = -errno;
	if (err)
		unlinkat(dirfd, tmp, 0);
	return err;
}

int tile_read(int dirfd, const struct tile *tile, size_t max, uint8_t **ret, size_t *ret_len)
{
	char path[TILE_PATH_MAX];

	tile_path(tile, path);
	return read_file(dirfd, path, max, ret, ret_len);
}

void tile_drop_partial(int dirfd, const struct tile *tile)
{
	struct tile full = { tile->level, tile->number, TILE_WIDTH };
	char path[TILE_PATH_MAX + 4];
	struct dirent *entry;
	DIR *dir;
	int fd;

	tile_path(&full, path);
	strcat(path, ".p");
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
	unlinkat(dirfd, path, AT_REMOVEDIR);
}
