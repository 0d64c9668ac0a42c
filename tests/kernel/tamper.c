// SPDX-License-Identifier: Apache-2.0
/*
 * What somebody with every privilege can do to a collector, one thing a call. Objects are found
 * through a program's id and nothing else is opened. Prints the error's name if the kernel refuses.
 *
 *   tamper ring PROGRAM MAP forward|back    move the consumer position of a ring
 *   tamper update PROGRAM MAP OLD NEW       replace a number (32 bits) in the value of a map's key
 * 0 tamper delete PROGRAM MAP               delete key 0 tamper detach LINK LINK_DETACH tamper
 * replace LINK PROGRAM             LINK_UPDATE tamper close PID FD                     make that
 * process close it tamper dup PID FROM TO                  make that process dup2(FROM, TO)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>

#define MAPS  64
#define VALUE (1 << 16)

static int done(long result)
{
	puts(result < 0 ? strerrorname_np(errno) : "done");
	return 0;
}

static int die(const char *what)
{
	fprintf(stderr, "tamper: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int by_id(int command, uint32_t id)
{
	union bpf_attr attr = { .map_id = id };

	return (int)bpf(command, &attr);
}

static void ask(int fd, void *info, uint32_t size)
{
	union bpf_attr attr = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = size, .info = (uintptr_t)info }
	};

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		die("info");
}

/* A map of that name which the program uses. */
static int open_map(uint32_t program, const char *name, struct bpf_map_info *ret)
{
	uint32_t ids[MAPS] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = MAPS, .map_ids = (uintptr_t)ids };
	int fd = by_id(BPF_PROG_GET_FD_BY_ID, program);

	if (fd < 0)
		die("program");
	ask(fd, &info, sizeof(info));
	close(fd);
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS; i++) {
		fd = by_id(BPF_MAP_GET_FD_BY_ID, ids[i]);
		if (fd < 0)
			die("map");
		memset(ret, 0, sizeof(*ret));
		ask(fd, ret, sizeof(*ret));
		if (strstr(ret->name, name))
			return fd;
		close(fd);
	}
	errno = ENOENT;
	return die(name);
}

static int move_ring(uint32_t program, const char *name, int forward)
{
	struct bpf_map_info info;
	int fd = open_map(program, name, &info);
	volatile unsigned long *consumer, *producer;

	consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	if (consumer == MAP_FAILED || producer == MAP_FAILED)
		return done(-1);
	*consumer = forward ? *producer + 8 : *consumer - info.max_entries + 8;
	return done(0);
}

static int replace_number(uint32_t program, const char *name, uint32_t old, uint32_t new)
{
	static uint8_t value[VALUE];
	struct bpf_map_info info;
	uint32_t key = 0, at;
	int fd = open_map(program, name, &info);
	union bpf_attr attr = { .map_fd = (uint32_t)fd,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)value };

	if (info.value_size > sizeof(value) || bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0)
		die("value");
	for (at = 0; at + 4 <= info.value_size && memcmp(value + at, &old, 4) != 0; at += 4)
		;
	if (at + 4 > info.value_size) {
		errno = ENOENT;
		die("number");
	}
	memcpy(value + at, &new, 4);
	return done(bpf(BPF_MAP_UPDATE_ELEM, &attr));
}

static int delete_key(uint32_t program, const char *name)
{
	struct bpf_map_info info;
	uint32_t key = 0;
	union bpf_attr attr = { .map_fd = (uint32_t)open_map(program, name, &info),
				.key = (uintptr_t)&key };

	return done(bpf(BPF_MAP_DELETE_ELEM, &attr));
}

static int detach(uint32_t link)
{
	union bpf_attr attr = { 0 };
	int fd = by_id(BPF_LINK_GET_FD_BY_ID, link);

	attr.link_detach.link_fd = (uint32_t)fd;
	return done(fd < 0 ? fd : bpf(BPF_LINK_DETACH, &attr));
}

static int replace(uint32_t link, uint32_t program)
{
	union bpf_attr attr = { 0 };
	int fd = by_id(BPF_LINK_GET_FD_BY_ID, link), to = by_id(BPF_PROG_GET_FD_BY_ID, program);

	attr.link_update.link_fd = (uint32_t)fd;
	attr.link_update.new_prog_fd = (uint32_t)to;
	return done(fd < 0 || to < 0 ? -1 : bpf(BPF_LINK_UPDATE, &attr));
}

#ifdef __x86_64__
/* It stands behind a system call instruction, which it is made to go through once more. */
static int inject(pid_t pid, long number, unsigned long first, unsigned long second)
{
	struct user_regs_struct before, regs;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
	    waitpid(pid, &status, __WALL) < 0 || ptrace(PTRACE_GETREGS, pid, 0, &before) < 0)
		die("ptrace");
	if ((ptrace(PTRACE_PEEKTEXT, pid, before.rip - 2, 0) & 0xffff) != 0x050f) {
		errno = EAGAIN; /* it was not in a system call */
		die("ptrace");
	}
	regs = before;
	regs.rip -= 2;
	regs.rax = (unsigned long)number;
	regs.orig_rax = -1ul; /* nothing to restart */
	regs.rdi = first;
	regs.rsi = second;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs) < 0 || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0 ||
	    waitpid(pid, &status, __WALL) < 0 || ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0 ||
	    ptrace(PTRACE_SETREGS, pid, 0, &before) < 0 || ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
		die("ptrace");
	errno = -(int)regs.rax;
	return done((long)regs.rax);
}
#else
static int inject(pid_t pid, long number, unsigned long first, unsigned long second)
{
	(void)pid, (void)number, (void)first, (void)second;
	errno = ENOSYS;
	return done(-1);
}
#endif

int main(int argc, char **argv)
{
	uint32_t n[6] = { 0 };

	for (int i = 2; i < argc && i < 6; i++)
		n[i] = (uint32_t)strtoul(argv[i], NULL, 10);
	if (argc == 5 && strcmp(argv[1], "ring") == 0)
		return move_ring(n[2], argv[3], strcmp(argv[4], "forward") == 0);
	if (argc == 6 && strcmp(argv[1], "update") == 0)
		return replace_number(n[2], argv[3], n[4], n[5]);
	if (argc == 4 && strcmp(argv[1], "delete") == 0)
		return delete_key(n[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "detach") == 0)
		return detach(n[2]);
	if (argc == 4 && strcmp(argv[1], "replace") == 0)
		return replace(n[2], n[3]);
	if (argc == 4 && strcmp(argv[1], "close") == 0)
		return inject((pid_t)n[2], SYS_close, n[3], 0);
	if (argc == 5 && strcmp(argv[1], "dup") == 0)
		return inject((pid_t)n[2], SYS_dup2, n[3], n[4]);
	fprintf(stderr, "tamper: no such thing to do\n");
	return 2;
}
