// SPDX-License-Identifier: Apache-2.0
/*
 * What auditing adds to a system call, paired: every round measures the same loops bare, with
 * empty programs on our hooks, with empty programs on entry and exit, and under the collector
 * (watching this process alone), in an order that rotates. Prints medians over the rounds; the
 * ratios are taken round by round.
 *
 *   overhead INDELIBLE EMPTY.bpf.o [ROUNDS [MILLISECONDS a loop]]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define ROUNDS_MAX 99

static int work_port;

/* --- the loops
 * ------------------------------------------------------------------------------------ */

static void open_close(void)
{
	close((int)syscall(SYS_openat, AT_FDCWD, "/etc/hostname", O_RDONLY));
}

static void fork_exec(void)
{
	char *argv[] = { "overhead", NULL }, *none[] = { NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execve("/proc/self/exe", argv, none);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void connect_close(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons((uint16_t)work_port); /* nobody listens: refused at once */
	if (connect(fd, (void *)&a, sizeof(a)) == 0)
		work_port++; /* somebody listens there after all */
	close(fd);
}

static void set_uid(void)
{
	syscall(SYS_setuid, 0);
}

static const struct loop {
	const char *name;
	void (*run)(void);
} loops[] = {
	{ "open+close", open_close },
	{ "fork+exec", fork_exec },
	{ "connect", connect_close },
	{ "setuid", set_uid },
};
#define LOOPS (sizeof(loops) / sizeof(loops[0]))

/* --- the ways
 * ------------------------------------------------------------------------------------- */

enum way { BARE, EMPTY_EXIT, EMPTY_BOTH, COLLECTOR, WAYS };
static const char *const way_names[WAYS] = { "bare", "empty", "empty enter+exit", "indelible" };

static struct bpf_object *empty;
static struct bpf_link *links[16];
static size_t link_count;
static pid_t collector;
static char chain_dir[64];

static void die(const char *what)
{
	fprintf(stderr, "overhead: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void attach_empty(const char *path, int with_enter)
{
	struct bpf_program *program;

	empty = bpf_object__open_file(path, NULL);
	if (!empty || bpf_object__load(empty))
		die(path);
	bpf_object__for_each_program(program, empty)
	{
		if (!with_enter && strcmp(bpf_program__name(program), "on_sys_enter") == 0)
			continue;
		links[link_count] = bpf_program__attach(program);
		if (!links[link_count++])
			die("attach");
	}
}

static void detach_empty(void)
{
	while (link_count)
		bpf_link__destroy(links[--link_count]);
	bpf_object__close(empty);
	empty = NULL;
}

static void start_collector(const char *program)
{
	char scope[32], line[512];
	int out[2];
	FILE *in;

	snprintf(scope, sizeof(scope), "pid=%d", getpid());
	if (pipe(out) < 0)
		die("pipe");
	collector = fork();
	if (collector == 0) {
		cpu_set_t all;

		CPU_ZERO(&all);
		for (int i = 0; i < 64; i++)
			CPU_SET(i, &all);
		sched_setaffinity(0, sizeof(all), &all);
		dup2(out[1], 1);
		close(out[0]);
		execl(program, "indelible", "run", "--chain", chain_dir, "--scope", scope, NULL);
		_exit(127);
	}
	close(out[1]);
	in = fdopen(out[0], "r");
	do {
		if (!fgets(line, sizeof(line), in))
			die("the collector did not start");
	} while (!strstr(line, "verifier key"));
	fclose(in);
}

static void stop_collector(void)
{
	int status;

	kill(collector, SIGTERM);
	waitpid(collector, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the collector failed");
}

static double collector_cpu_ns(void)
{
	char path[64], text[1024], *p;
	unsigned long user = 0, system = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", collector);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		die(path);
	fclose(f);
	p = strrchr(text, ')');
	sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	return (double)(user + system) * 1e9 / (double)sysconf(_SC_CLK_TCK);
}

/* --- measuring
 * ------------------------------------------------------------------------------------ */

struct figure {
	double wall, own,
		daemon; /* ns a turn: elapsed, CPU of the audited process, of the daemon */
};

static double now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double own_cpu_ns(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
#define NS(t) ((double)(t).tv_sec * 1e9 + (double)(t).tv_usec * 1e3)
	return NS(self.ru_utime) + NS(self.ru_stime) + NS(children.ru_utime) +
	       NS(children.ru_stime);
#undef NS
}

static struct figure measure(const struct loop *loop, double ns, int with_daemon)
{
	double begin, end, own, daemon = 0;
	long turns = 0;

	for (int i = 0; i < 20; i++)
		loop->run();
	daemon = with_daemon ? collector_cpu_ns() : 0;
	own = own_cpu_ns();
	begin = end = now_ns(CLOCK_MONOTONIC);
	while (end - begin < ns) {
		for (int i = 0; i < 50; i++)
			loop->run();
		turns += 50;
		end = now_ns(CLOCK_MONOTONIC);
	}
	own = own_cpu_ns() - own;
	usleep(with_daemon ? 50000 : 0); /* let it take the rest */
	daemon = with_daemon ? collector_cpu_ns() - daemon : 0;
	return (struct figure){ (end - begin) / (double)turns, own / (double)turns,
				daemon / (double)turns };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *from, int n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, from, (size_t)n * sizeof(*from));
	qsort(sorted, (size_t)n, sizeof(*sorted), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static struct figure figures[LOOPS][WAYS][ROUNDS_MAX];

static double median_of(size_t loop, enum way way, int rounds, int which)
{
	double list[ROUNDS_MAX] = { 0 };

	for (int r = 0; r < rounds; r++) {
		const struct figure *f = &figures[loop][way][r];

		list[r] = which == 0 ? f->wall : which == 1 ? f->own : f->daemon;
	}
	return median(list, rounds);
}

/* Median over the rounds of what a way adds to bare, in ns, and as a part of bare. */
static void added(size_t loop, enum way way, int rounds, double *ret_ns, double *ret_ratio)
{
	double ns[ROUNDS_MAX] = { 0 }, ratio[ROUNDS_MAX] = { 0 };

	for (int r = 0; r < rounds; r++) {
		ns[r] = figures[loop][way][r].wall - figures[loop][BARE][r].wall;
		ratio[r] = ns[r] / figures[loop][BARE][r].wall;
	}
	*ret_ns = median(ns, rounds);
	*ret_ratio = median(ratio, rounds);
}

/* Once auditd has run in a boot every task takes the slow path, which makes the bare loop dearer.
 */
static const char *audit_status(void)
{
	return access("/run/auditd.pid", F_OK) == 0 ? "auditd runs" : "no auditd";
}

static void print_all(int rounds, double ms)
{
	struct utsname uts;

	uname(&uts);
	printf("kernel %s, hooks tracepoint/tp_btf, %s, %d rounds of %.0f ms, ns a turn "
	       "(median)\n\n",
	       uts.release, audit_status(), rounds, ms);
	printf("%-11s %10s %10s %12s %12s %8s %12s %12s %12s\n", "", "bare", "+empty",
	       "+enter+exit", "+indelible", "of bare", "of enter+exit", "own CPU", "daemon CPU");
	for (size_t i = 0; i < LOOPS; i++) {
		double empty_ns, both_ns, ours_ns, ratio, unused;

		added(i, EMPTY_EXIT, rounds, &empty_ns, &unused);
		added(i, EMPTY_BOTH, rounds, &both_ns, &unused);
		added(i, COLLECTOR, rounds, &ours_ns, &ratio);
		printf("%-11s %10.0f %10.0f %12.0f %12.0f %8.2f %12.2f %12.0f %12.0f\n",
		       loops[i].name, median_of(i, BARE, rounds, 0), empty_ns, both_ns, ours_ns,
		       ratio, ours_ns / both_ns,
		       median_of(i, COLLECTOR, rounds, 1) - median_of(i, BARE, rounds, 1),
		       median_of(i, COLLECTOR, rounds, 2));
	}
}

static void print_loss(const char *program)
{
	char command[512];

	printf("\nthe last round's chain: ");
	fflush(stdout);
	snprintf(command, sizeof(command), "%s verify --chain %s | head -n 4", program, chain_dir);
	if (system(command) < 0)
		die("verify");
}

static void remove_chain(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s %s.keys", chain_dir, chain_dir);
	if (system(command) < 0)
		die("rm");
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? atoi(argv[3]) : 7;
	double ms = argc > 4 ? atof(argv[4]) : 300;
	cpu_set_t one;

	if (argc == 1)
		return 0; /* what fork_exec runs */
	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: overhead INDELIBLE EMPTY.bpf.o [ROUNDS [MILLISECONDS]]\n");
		return 2;
	}
	work_port = 1;
	snprintf(chain_dir, sizeof(chain_dir), "/tmp/overhead-%d", getpid());
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int r = 0; r < rounds; r++) {
		for (int w = 0; w < WAYS; w++) {
			enum way way = (enum way)((w + r) % WAYS);

			if (way == EMPTY_EXIT || way == EMPTY_BOTH)
				attach_empty(argv[2], way == EMPTY_BOTH);
			if (way == COLLECTOR) {
				remove_chain();
				start_collector(argv[1]);
			}
			for (size_t i = 0; i < LOOPS; i++)
				figures[i][way][r] = measure(&loops[i], ms * 1e6, way == COLLECTOR);
			if (way == EMPTY_EXIT || way == EMPTY_BOTH)
				detach_empty();
			if (way == COLLECTOR)
				stop_collector();
		}
		fprintf(stderr, "\rround %d of %d (%s last)", r + 1, rounds,
			way_names[(WAYS - 1 + r) % WAYS]);
	}
	fprintf(stderr, "\r\033[K");
	print_all(rounds, ms);
	print_loss(argv[1]);
	remove_chain();
	return 0;
}
