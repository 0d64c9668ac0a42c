// SPDX-License-Identifier: Apache-2.0
/* What a run watches: a process and its descendants, or a cgroup. */
#define _GNU_SOURCE
#include "capture/loader_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/proc.h"

struct family_tree {
	uint32_t root;
	int map, added;
};

static bool descends_from(uint32_t pid, uint32_t root)
{
	uint64_t start;

	for (int depth = 0; pid > 1 && depth < 4096; depth++) {
		if (pid == root)
			return true;
		if (proc_parent(pid, &pid, &start))
			return false;
	}
	return false;
}

static int mark_member(void *ctx, uint32_t pid)
{
	struct family_tree *tree = ctx;
	uint8_t yes = 1, marked;
	int fd;

	if (pid == tree->root || !descends_from(pid, tree->root))
		return 0;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return 0; /* gone */
	if (bpf_map_lookup_elem(tree->map, &fd, &marked) &&
	    !bpf_map_update_elem(tree->map, &fd, &yes, BPF_ANY))
		tree->added++;
	close(fd);
	return 0;
}

/*
 * The programs run already, so a child forked by a marked process is marked by the kernel; look
 * again until a whole pass finds nobody new. (A descendant whose parent dies before the parent was
 * marked is missed: it has become somebody else's child.)
 */
int kernel_mark_descendants(struct kernel *k, uint32_t root)
{
	struct family_tree tree = { root, bpf_map__fd(k->skel->maps.members), 0 };
	int err = 0;

	if (k->old)
		return kernel_mark_old(k);
	do {
		tree.added = 0;
		err = proc_each(mark_member, &tree);
	} while (!err && tree.added);
	return err;
}

/* The id of a v2 cgroup is its inode number; its depth is counted up to the mount. */
int kernel_find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level)
{
	struct stat st, up;
	char name[4096 + 64];
	uint32_t level = 0;

	snprintf(name, sizeof(name), "%s/cgroup.controllers", path);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || access(name, F_OK) < 0)
		return -ENOENT;
	*ret_id = st.st_ino;
	snprintf(name, sizeof(name), "%s", path);
	for (;;) {
		if (strlen(name) + 3 >= sizeof(name))
			return -ENAMETOOLONG;
		strcat(name, "/..");
		if (stat(name, &up) < 0)
			return -errno;
		if (up.st_dev != st.st_dev)
			break;
		level++;
	}
	*ret_level = level;
	return 0;
}
