// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "capture/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Text of /proc/PID/name, NUL-terminated and cut to room; -ESRCH when it cannot be read. */
static int read_text(uint32_t pid, const char *name, char *to, size_t room)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = pread_all(fd, to, room - 1, 0);
	close(fd);
	if (n < 0)
		return -ESRCH;
	to[n] = 0;
	return 0;
}

int proc_parent(uint32_t pid, uint32_t *ret_parent, uint64_t *ret_start)
{
	unsigned long long ticks;
	unsigned int parent;
	char text[1024];
	const char *p;

	if (read_text(pid, "stat", text, sizeof(text)))
		return -ESRCH;
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (!p || sscanf(p + 1,
			 " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %llu",
			 &parent, &ticks) != 2)
		return -ESRCH;
	*ret_parent = parent;
	*ret_start = ticks * TASK_TICK;
	return 0;
}

static uint32_t read_number(uint32_t pid, const char *name)
{
	char text[32];

	if (read_text(pid, name, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return UINT32_MAX;
	return (uint32_t)strtoul(text, NULL, 10);
}

#define STATUS_MAX (1u << 20) /* 65,536 groups of 11 characters, and the rest */

static void read_status(uint32_t pid, struct task_facts *f)
{
	char path[64], *text;
	uint8_t *data;
	size_t len;
	const char *p;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (read_file(AT_FDCWD, path, STATUS_MAX, &data, &len))
		return;
	text = (char *)data;
	p = strstr(text, "\nUid:");
	if (p)
		sscanf(p, "\nUid: %u %u %u %u", &f->cred.uid, &f->cred.euid, &f->cred.suid,
		       &f->cred.fsuid);
	p = strstr(text, "\nGid:");
	if (p)
		sscanf(p, "\nGid: %u %u %u %u", &f->cred.gid, &f->cred.egid, &f->cred.sgid,
		       &f->cred.fsgid);
	p = strstr(text, "\nCapPrm:");
	if (p)
		f->permitted = strtoull(p + 8, NULL, 16);
	p = strstr(text, "\nCapEff:");
	if (p)
		f->effective = strtoull(p + 8, NULL, 16);
	free(data);
}

/* The program's path; what the kernel puts behind that of an unlinked one is no part of it. Whether
 * the file has that very name is not asked: a file system of the process's own could hang us. */
static void read_exe(uint32_t pid, struct task_facts *f)
{
	static const char mark[] = " (deleted)";
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, f->exe, sizeof(f->exe) - 1);
	f->exe[n > 0 ? n : 0] = 0;
	n -= (ssize_t)strlen(mark);
	if (n > 0 && strcmp(f->exe + n, mark) == 0)
		f->exe[n] = 0;
}

int proc_read(uint32_t pid, struct task_facts *ret)
{
	uint32_t parent;
	uint64_t start;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	if (proc_parent(pid, &ret->parent, &ret->start) ||
	    read_text(pid, "comm", ret->comm, sizeof(ret->comm)))
		return -ESRCH;
	len = strlen(ret->comm);
	if (len && ret->comm[len - 1] == '\n')
		ret->comm[len - 1] = 0;
	read_exe(pid, ret);
	ret->auid = read_number(pid, "loginuid");
	ret->session = read_number(pid, "sessionid");
	read_status(pid, ret);
	if (read_text(pid, "cgroup", ret->cgroup, sizeof(ret->cgroup)))
		return -ESRCH;
	/* All of it must be of one process: its number may be another's by now. */
	if (proc_parent(pid, &parent, &start) || start != ret->start)
		return -ESRCH;
	return 0;
}

int proc_each(int (*visit)(void *ctx, uint32_t pid), void *ctx)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && !*end)
			err = visit(ctx, (uint32_t)pid);
	}
	closedir(dir);
	return err;
}
