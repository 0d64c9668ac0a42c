// SPDX-License-Identifier: Apache-2.0
/*
 * Takes hold of a process in every way that `run --harden` refuses, and of a child of its own in
 * the same ways, which nobody refuses; then of every program, map and link of the kernel.
 *
 *   harden PID...
 *
 * A line each: what, the process, and the result as the kernel returned it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static long result_of(long r)
{
	return r < 0 ? -errno : r;
}

static void say(const char *what, pid_t pid, long result)
{
	printf("%s %d %ld\n", what, pid, result < 0 ? result : 0);
	fflush(stdout);
}

static void trace(const char *what, pid_t pid, int request)
{
	long r = result_of(ptrace(request, pid, 0, 0));

	say(what, pid, r);
	if (r < 0)
		return;
	if (request == PTRACE_SEIZE)
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

/* A file that tells its owner by a signal, and one that shows. */
static void send_by_file(pid_t pid)
{
	int pipe[2];
	FILE *status;
	char path[64], line[256];

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return;
	fcntl(pipe[0], F_SETOWN, pid);
	fcntl(pipe[0], F_SETSIG, SIGSTOP);
	fcntl(pipe[0], F_SETFL, O_ASYNC);
	if (write(pipe[1], "x", 1) != 1)
		return;
	usleep(50000);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status)) {
		char state;

		if (sscanf(line, "State: %c", &state) == 1)
			say("sigio", pid, state == 'T' ? 0 : -EPERM);
	}
	if (status)
		fclose(status);
}

static void attack(pid_t pid)
{
	struct rlimit limit = { 100000, 100000 };
	char byte = 0, path[64];
	struct iovec iov = { &byte, 1 };
	int fd;

	say("kill", pid, result_of(kill(pid, SIGWINCH)));
	say("ask", pid, result_of(kill(pid, 0)));
	trace("attach", pid, PTRACE_ATTACH);
	trace("seize", pid, PTRACE_SEIZE);
	say("write", pid, result_of(process_vm_writev(pid, &iov, 1, &iov, 1, 0)));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	say("mem", pid, result_of(open(path, O_RDWR)));
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	say("getfd", pid, result_of(syscall(SYS_pidfd_getfd, fd, 0, 0)));
	say("limit", pid, result_of(prlimit(pid, RLIMIT_CPU, &limit, NULL)));
	send_by_file(pid);
}

static void take_all(const char *what, int next, int get)
{
	union bpf_attr id = { 0 }, of = { 0 };

	while (syscall(SYS_bpf, next, &id, sizeof(id)) == 0) {
		long fd;

		of.prog_id = id.next_id;
		fd = result_of(syscall(SYS_bpf, get, &of, sizeof(of)));
		say(what, (pid_t)id.next_id, fd);
		if (fd >= 0)
			close((int)fd);
		id.start_id = id.next_id;
	}
}

int main(int argc, char **argv)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	pid_t victim = fork();

	if (victim == 0) {
		for (;;)
			pause();
	}
	printf("victim %d 0\n", victim);
	attack(victim);
	for (int i = 1; i < argc; i++)
		attack(atoi(argv[i]));
	take_all("program", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
	take_all("map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
	take_all("link", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID);
	say("create", 0, result_of(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map))));
	kill(victim, SIGKILL);
	return 0;
}
