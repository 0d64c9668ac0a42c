// SPDX-License-Identifier: Apache-2.0
/*
 * Probes on the PAM library: on the copy that the dynamic loader would take, and on every other
 * copy that a process is seen to load (containers have their own).
 */
#define _GNU_SOURCE
#include "capture/loader_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define LOADER_CACHE	 "/etc/ld.so.cache"
#define LOADER_CACHE_MAX (8u << 20)
#define LIBRARY		 "libpam.so.0"

/* Order of enum event_login. */
static const char *const functions[LOGIN_ACTIONS] = { "pam_authenticate", "pam_acct_mgmt",
						      "pam_open_session", "pam_close_session",
						      "pam_chauthtok" };

static bool is_known(const struct login_probes *p, const struct stat *st)
{
	for (size_t i = 0; i < p->libraries; i++) {
		if (p->library[i].device == st->st_dev && p->library[i].inode == st->st_ino)
			return true;
	}
	return false;
}

static struct bpf_link *attach_one(struct kernel *k, const struct stat *st, const char *path,
				   int action, bool at_return)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = functions[action],
		    .bpf_cookie = k->old ? 0 : (__u64)action, .retprobe = at_return);
	struct bpf_program *program = kernel_login_program(k, action, at_return);
	struct bpf_link *link;
	char name[64];

	snprintf(name, sizeof(name), "%lx-%lx-%d-%d", (unsigned long)st->st_dev,
		 (unsigned long)st->st_ino, action, at_return);
	link = kernel_open_pinned(k, "login", name);
	if (link)
		return link;
	link = bpf_program__attach_uprobe_opts(program, -1, path, 0, &opts);
	return kernel_pin_link(k, "login", name, link);
}

static void add_link(struct login_probes *p, struct bpf_link *link)
{
	uint32_t program;

	p->link_ids[p->link_count] = 0;
	kernel_ask_link(link, &p->link_ids[p->link_count], &program);
	p->links[p->link_count++] = link;
}

int kernel_probe_library(struct kernel *k, const char *path)
{
	struct login_probes *p = &k->login;
	struct stat st;
	int attached = 0;

	if (stat(path, &st) < 0)
		return -errno;
	/* Its symbols are read in this process: nobody else may have written it. */
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & 022)
		return -EACCES;
	if (is_known(p, &st))
		return 0;
	if (p->libraries == LOGIN_LIBRARIES)
		return -ENOSPC;
	p->library[p->libraries].device = st.st_dev;
	p->library[p->libraries].inode = st.st_ino;
	p->libraries++;
	for (int action = 0; action < LOGIN_ACTIONS; action++) {
		struct bpf_link *asked, *answered;

		answered = attach_one(k, &st, path, action, true);
		asked = answered ? attach_one(k, &st, path, action, false) : NULL;
		if (!asked) {
			bpf_link__destroy(answered);
			continue; /* not in this library */
		}
		add_link(p, answered);
		add_link(p, asked);
		attached++;
	}
	return attached ? 0 : -ENOENT;
}

void kernel_drop_probes(struct kernel *k)
{
	while (k->login.link_count)
		bpf_link__destroy(k->login.links[--k->login.link_count]);
}

/* --- where the loader looks ---------------------------------------------------------------------
 */

/* glibc's cache (sysdeps/generic/dl-cache.h, struct cache_file_new): offsets into the file itself.
 */
struct cache_head {
	char magic[20];
	uint32_t count, strings;
	uint8_t flags, padding[3];
	uint32_t extensions, unused[3];
};
struct cache_entry {
	int32_t flags;
	uint32_t name, path, os_version;
	uint64_t capabilities;
};
#define CACHE_MAGIC "glibc-ld.so.cache1.1"

/* The text at an offset, NULL when it does not end inside. */
static const char *text_at(const char *cache, size_t size, uint32_t offset)
{
	return offset < size && memchr(cache + offset, 0, size - offset) ? cache + offset : NULL;
}

static void probe_cached(struct kernel *k, const char *cache, size_t size)
{
	struct cache_head head;

	if (size < sizeof(head))
		return;
	memcpy(&head, cache, sizeof(head));
	if (memcmp(head.magic, CACHE_MAGIC, sizeof(head.magic)) != 0 ||
	    head.count > (size - sizeof(head)) / sizeof(struct cache_entry))
		return;
	for (uint32_t i = 0; i < head.count; i++) {
		struct cache_entry entry;
		const char *name, *path;

		memcpy(&entry, cache + sizeof(head) + i * sizeof(entry), sizeof(entry));
		name = text_at(cache, size, entry.name);
		path = text_at(cache, size, entry.path);
		if (name && path && strcmp(name, LIBRARY) == 0)
			kernel_probe_library(k, path);
	}
}

void kernel_probe_login(struct kernel *k)
{
	uint8_t *cache;
	size_t size;

	if (read_file(AT_FDCWD, LOADER_CACHE, LOADER_CACHE_MAX, &cache, &size))
		return; /* no cache: a library is found when a process opens it */
	probe_cached(k, (const char *)cache, size);
	free(cache);
}

void kernel_saw_library(struct source *source, uint32_t pid, struct bytes path)
{
	struct kernel *k = (struct kernel *)source;
	char seen[4096 + 64];

	if (path.len > 4096 || !memmem(path.data, path.len, "/libpam.so", 10))
		return;
	snprintf(seen, sizeof(seen), "/proc/%u/root%.*s", pid, (int)path.len,
		 (const char *)path.data);
	if (kernel_probe_library(k, seen) == 0)
		kernel_harden(k);
}
