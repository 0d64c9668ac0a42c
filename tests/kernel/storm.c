// SPDX-License-Identifier: Apache-2.0
/*
 * A flood of known size: waits for a line on standard input, does it with WORKERS processes at once
 * (2), and prints how much was issued.
 *
 *   storm open N [WORKERS]   N opens that succeed and N that fail, in each process
 *   storm ring N ...         the same by an io_uring, many at once, a third by its own threads
 *   storm exec N ...         N fork + exec of itself in each
 *   storm setid N ...        N setresuid that change nothing, in each
 *   storm mixed N ...        all three, and N connects to a closed port
 *
 *   opens=.. execs=.. forks=.. exits=.. setids=.. connects=..
 *
 * Static, so that no loader opens files of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"

#define WORKERS_MAX 64

static struct issued {
	unsigned long opens, execs, forks, exits, setids, connects;
} * issued; /* one a worker, shared */

static void do_opens(struct issued *i, long n)
{
	for (long k = 0; k < n; k++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY);

		if (fd >= 0)
			close(fd);
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/storm", O_RDONLY);
		i->opens += 2;
	}
}

#define BATCH 128

static void do_ring_opens(struct issued *i, long n)
{
	struct ring ring;

	if (!open_ring(&ring, BATCH))
		return; /* none were issued */
	for (long k = 0; k < 2 * n; k += BATCH) {
		for (int b = 0; b < BATCH; b++) {
			struct io_uring_sqe entry =
				entry_of(IORING_OP_OPENAT,
					 b & 1 ? "/nonexistent/storm" : "/proc/self/exe", NULL);

			entry.flags = b % 3 ? 0 : IOSQE_ASYNC;
			submit(&ring, &entry);
		}
		for (int b = 0; b < BATCH; b++) {
			long fd = await_result(&ring);

			if (fd >= 0)
				close((int)fd);
		}
		i->opens += BATCH;
	}
}

static void do_execs(struct issued *i, long n)
{
	char *argv[] = { "storm", "nothing", NULL }, *none[] = { NULL };

	for (long k = 0; k < n; k++) {
		pid_t pid = fork();

		if (pid == 0) {
			execve("/proc/self/exe", argv, none);
			_exit(1);
		}
		i->forks++;
		i->execs++;
		i->exits++;
		waitpid(pid, NULL, 0);
	}
}

static void do_setids(struct issued *i, long n)
{
	for (long k = 0; k < n; k++) {
		syscall(SYS_setresuid, -1, -1, -1);
		i->setids++;
	}
}

static void do_connects(struct issued *i, long n)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr = { htonl(INADDR_LOOPBACK) },
				 .sin_port = htons(1) };

	for (long k = 0; k < n; k++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (void *)&a, sizeof(a)) == 0)
			abort(); /* somebody listens on port 1 */
		close(fd);
		i->connects++;
	}
}

static void work(struct issued *i, const char *what, long n)
{
	int mixed = strcmp(what, "mixed") == 0;

	if (mixed || strcmp(what, "open") == 0)
		do_opens(i, n);
	if (strcmp(what, "ring") == 0)
		do_ring_opens(i, n);
	if (mixed || strcmp(what, "exec") == 0)
		do_execs(i, mixed ? n / 10 : n);
	if (mixed || strcmp(what, "setid") == 0)
		do_setids(i, n);
	if (mixed)
		do_connects(i, n);
}

int main(int argc, char **argv)
{
	struct issued sum = { 0 };
	char line[16];
	int workers = 2;

	if (argc == 2)
		return 0; /* what do_execs runs */
	if (argc == 4)
		workers = atoi(argv[3]);
	if (argc < 3 || argc > 4 || workers < 1 || workers > WORKERS_MAX) {
		fprintf(stderr, "usage: storm open|ring|exec|setid|mixed N [WORKERS]\n");
		return 2;
	}
	issued = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (issued == MAP_FAILED || !fgets(line, sizeof(line), stdin))
		return 2;
	for (int w = 0; w < workers; w++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed storm is over */
			work(&issued[w], argv[1], atol(argv[2]));
			_exit(0);
		}
		sum.forks++;
		sum.exits++;
	}
	while (wait(NULL) > 0)
		;
	for (int w = 0; w < workers; w++) {
		sum.opens += issued[w].opens;
		sum.execs += issued[w].execs;
		sum.forks += issued[w].forks;
		sum.exits += issued[w].exits;
		sum.setids += issued[w].setids;
		sum.connects += issued[w].connects;
	}
	/* Still alive when this is read: its own exit comes later and is not counted here. */
	printf("opens=%lu execs=%lu forks=%lu exits=%lu setids=%lu connects=%lu\n", sum.opens,
	       sum.execs, sum.forks, sum.exits, sum.setids, sum.connects);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
