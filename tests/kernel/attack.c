// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks on what collects, each of known size: waits for a line on standard input, does N turns in
 * DIR, and prints how many events of each kind that was. Static, so that no loader opens files.
 *
 *   attack bomb N DIR       processes that fork as long as they may, N forks in all
 *   attack connect N DIR    connects on the loopback device, taken and refused, by two processes
 *   attack argv N DIR       execs with 2 MiB of arguments
 *   attack names N DIR      opens with names of 4,095 bytes (and longer), and far down a tree
 *   attack mounts N DIR     mounts N deep, a bind mount of each; a file opened below every one
 *   attack rename N DIR     opens in a directory that another process renames
 *   attack argument N DIR   opens whose name another thread changes meanwhile
 *   attack swap N DIR       opens whose descriptor another thread puts another file under
 *
 * `argument` and `swap` open the files "right" and "wrong" (or "0" to "7") of DIR, which are there,
 * and print what each open really got, in order: opened=RWWR… or the numbers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_ROOM 5000

enum { OPEN, EXEC, FORK, EXIT, CONNECT, ACCEPT, BIND, LISTEN, RENAME, MOUNT, NAMESPACE, KINDS };
static const char *const kinds[KINDS] = { "open", "exec",   "fork",   "exit",  "connect",  "accept",
					  "bind", "listen", "rename", "mount", "namespace" };

static struct shared {
	atomic_ulong issued[KINDS], tickets;
	atomic_bool over;
} * shared;
static char opened[1 << 16]; /* what each open of argument and swap got */

static void count(int kind)
{
	shared->issued[kind]++;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int do_open(const char *name, int flags)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, name, flags, 0600);

	count(OPEN);
	return fd;
}

static void open_close(const char *name)
{
	int fd = do_open(name, O_RDONLY);

	if (fd >= 0)
		close(fd);
}

static pid_t do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		count(FORK);
		count(EXIT);
	} else {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed attack is over */
	}
	return pid;
}

/* --- processes ----------------------------------------------------------------------------------
 */

/* Every process forks until it may not; those without a ticket, and those that may not, end. */
static void bomb(unsigned long n)
{
	while (shared->tickets++ < n) {
		pid_t pid = fork();

		if (pid > 0) {
			count(FORK);
			count(EXIT);
		} else if (pid < 0) {
			shared->tickets--;
			if (getppid() != 1 && waitpid(-1, NULL, WNOHANG) < 0)
				_exit(0);
		}
	}
	_exit(0);
}

static void do_bomb(unsigned long n)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (shared->tickets < n) { /* all of them may have given up at once */
		pid_t pid = fork();

		if (pid == 0)
			bomb(n);
		if (pid > 0) {
			count(FORK);
			count(EXIT);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (wait(NULL) > 0)
		;
}

#define ARGUMENT  (120 << 10)
#define ARGUMENTS 17 /* of which the kernel takes 2 MiB in all */

static void do_argv(unsigned long n)
{
	static char long_one[ARGUMENT];
	char *argv[ARGUMENTS + 3] = { "attack" }, *none[] = { NULL };

	memset(long_one, 'x', sizeof(long_one) - 1);
	for (int i = 1; i <= ARGUMENTS; i++)
		argv[i] = long_one;
	argv[ARGUMENTS + 1] = "the one that counts";
	for (unsigned long k = 0; k < n; k++) {
		int status;

		if (do_fork() == 0) {
			execve("/proc/self/exe", argv, none);
			_exit(3);
		}
		count(EXEC);
		if (wait(&status) < 0 || status)
			die("exec");
	}
}

/* --- network ------------------------------------------------------------------------------------
 */

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger now = { 1, 0 }; /* leave no port behind that waits */

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0)
		die("socket");
	return fd;
}

static void connect_storm(unsigned long n)
{
	struct sockaddr_in closed = { .sin_family = AF_INET,
				      .sin_addr = { htonl(INADDR_LOOPBACK) },
				      .sin_port = htons(1) },
			   open = closed;
	socklen_t len = sizeof(open);
	int listener = tcp();

	open.sin_port = 0;
	if (bind(listener, (void *)&open, len) < 0 || listen(listener, 8) < 0 ||
	    getsockname(listener, (void *)&open, &len) < 0)
		die("listen");
	count(BIND);
	count(LISTEN);
	for (unsigned long k = 0; k < n; k++) {
		int fd = tcp(), other;

		if (connect(fd, (void *)&open, sizeof(open)) < 0)
			die("connect");
		other = accept(listener, NULL, NULL);
		close(fd);
		close(other);
		fd = tcp();
		if (connect(fd, (void *)&closed, sizeof(closed)) == 0)
			die("somebody listens on port 1");
		close(fd);
		count(CONNECT);
		count(CONNECT);
		count(ACCEPT);
	}
	_exit(0);
}

static void do_connects(unsigned long n)
{
	for (int worker = 0; worker < 2; worker++) {
		if (do_fork() == 0)
			connect_storm(n);
	}
	for (int status; wait(&status) > 0;) {
		if (status)
			die("worker");
	}
}

/* --- names --------------------------------------------------------------------------------------
 */

/* name in DIR, with as many "./" before it as make it that long. */
static void pad(char *to, size_t len, const char *name)
{
	size_t at = 0, rest = len - strlen(name);

	if (rest % 2)
		to[at++] = '/', to[at - 1] = '.', to[at++] = '/', to[at++] = '/';
	while (at < rest) {
		to[at++] = '.';
		to[at++] = '/';
	}
	strcpy(to + at, name);
}

static void do_names(unsigned long n)
{
	char *name = malloc(NAME_ROOM), below[256];

	memset(below, 'd', 200);
	below[200] = 0;
	for (unsigned long k = 0; k < n; k++) {
		pad(name, 4095, "right"); /* the longest that the kernel takes */
		open_close(name);
		pad(name, 4095, "absent");
		open_close(name);
		pad(name, 4096, "absent");
		open_close(name);
		pad(name, 4999, "absent");
		open_close(name);
	}
	for (int depth = 0; depth < 30; depth++) { /* 6,000 bytes in all */
		if ((mkdir(below, 0700) < 0 && errno != EEXIST) || chdir(below) < 0)
			die("mkdir");
		close(do_open("deep", O_CREAT | O_WRONLY));
	}
	free(name);
}

static void make_mount(const char *what, const char *from, const char *to, const char *type,
		       unsigned long flags)
{
	if (mount(from, to, type, flags, NULL) < 0)
		die(what);
	count(MOUNT);
}

/* m/m/m/… each a file system of its own, and beside the first of them b, bound to each in turn. */
static void do_mounts(unsigned long n)
{
	char name[NAME_ROOM] = "m", bound[NAME_ROOM];

	if (unshare(CLONE_NEWNS) < 0)
		die("unshare");
	count(NAMESPACE);
	make_mount("private", "none", "/", NULL, MS_REC | MS_PRIVATE);
	if (mkdir("m", 0700) < 0 || mkdir("b", 0700) < 0)
		die("mkdir");
	for (unsigned long k = 0; k < n; k++) {
		size_t len = strlen(name);

		make_mount("tmpfs", "none", name, "tmpfs", 0);
		strcpy(name + len, "/in");
		if (mkdir(name, 0700) < 0)
			die("mkdir");
		make_mount("bind", name, "b", NULL, MS_BIND);
		snprintf(bound, sizeof(bound), "b/by-bind-%lu", k);
		close(do_open(bound, O_CREAT | O_WRONLY));
		if (umount2("b", 0) < 0)
			die("umount");
		count(MOUNT);
		sprintf(name + len, "/by-mount-%lu", k);
		close(do_open(name, O_CREAT | O_WRONLY));
		strcpy(name + len, "/m");
		if (mkdir(name, 0700) < 0)
			die("mkdir");
	}
}

static void do_renames(unsigned long n)
{
	const char *there = "aaaaaaaaaaaaaaaaaaaa", *here = "bbbbbbbbbbbbbbbbbbbb";
	pid_t pid = do_fork();

	if (pid == 0) {
		while (!shared->over) {
			if (rename(there, here) == 0)
				count(RENAME);
			if (rename(here, there) == 0)
				count(RENAME);
		}
		_exit(0);
	}
	for (unsigned long k = 0; k < n; k++) {
		open_close("aaaaaaaaaaaaaaaaaaaa/inside");
		open_close("bbbbbbbbbbbbbbbbbbbb/inside");
	}
	shared->over = true;
	waitpid(pid, NULL, 0);
}

/* --- another thread -----------------------------------------------------------------------------
 */

static char name_in_memory[16];
static atomic_int target = -1;
static int wrong;

static void *change_names(void *none)
{
	for (unsigned long turn = 0; !shared->over; turn++)
		memcpy(name_in_memory, turn & 1 ? "right" : "wrong", 5);
	return none;
}

static void start(pthread_t *thread, void *(*run)(void *))
{
	if (pthread_create(thread, NULL, run, NULL))
		die("thread");
	count(FORK);
	count(EXIT);
}

static void do_argument(unsigned long n)
{
	struct stat right, st;
	pthread_t thread;

	if (stat("right", &right) < 0)
		die("right");
	strcpy(name_in_memory, "right");
	start(&thread, change_names);
	for (unsigned long k = 0; k < n && k < sizeof(opened) - 1; k++) {
		int fd = do_open(name_in_memory, O_RDONLY);

		opened[k] = fd < 0			? '-'
			    : fstat(fd, &st) < 0	? '?'
			    : st.st_ino == right.st_ino ? 'R'
							: 'W';
		close(fd);
	}
	shared->over = true;
	pthread_join(thread, NULL);
}

/* As soon as the descriptor could be there, and as long as it is. */
static void *change_descriptors(void *none)
{
	while (!shared->over) {
		int fd = target;

		if (fd >= 0)
			dup2(wrong, fd);
	}
	return none;
}

static void do_swap(unsigned long n)
{
	pthread_t thread;
	char name[] = "0";
	int fd;

	wrong = do_open("wrong", O_RDONLY);
	start(&thread, change_descriptors);
	for (unsigned long k = 0; k < n && k < sizeof(opened) - 1; k++) {
		name[0] = opened[k] = (char)('0' + k % 8);
		target = wrong + 1; /* the lowest that is free */
		fd = do_open(name, O_RDONLY);
		target = -1;
		if (fd >= 0)
			close(fd);
		close(wrong + 1); /* if the other thread came before or after us */
	}
	shared->over = true;
	pthread_join(thread, NULL);
}

/* --- all of it -----------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	void (*run)(unsigned long n);
} attacks[] = {
	{ "bomb", do_bomb },	     { "connect", do_connects }, { "argv", do_argv },
	{ "names", do_names },	     { "mounts", do_mounts },	 { "rename", do_renames },
	{ "argument", do_argument }, { "swap", do_swap },
};
#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

int main(int argc, char **argv)
{
	char line[16];
	size_t i = 0;

	if (argc > ARGUMENTS)
		return 0; /* what do_argv runs */
	while (i < ATTACKS && (argc != 4 || strcmp(argv[1], attacks[i].name) != 0))
		i++;
	if (i == ATTACKS || chdir(argv[3]) < 0) {
		fprintf(stderr, "usage: attack bomb|connect|argv|names|… N DIR\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || !fgets(line, sizeof(line), stdin))
		return 2;
	attacks[i].run(strtoul(argv[2], NULL, 10));
	for (int kind = 0; kind < KINDS; kind++)
		printf("%s=%lu ", kinds[kind], (unsigned long)shared->issued[kind]);
	printf("opened=%s\n", opened);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		; /* its own exit comes later and is not counted */
	return 0;
}
