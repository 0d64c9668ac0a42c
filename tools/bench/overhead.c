// SPDX-License-Identifier: Apache-2.0
/*
 * What auditing adds to a system call, paired: every round measures the same loops bare, with
 * empty programs on our hooks, with empty programs on entry and exit, and under the collector: with
 * its own policy, with --all-opens, and with every event recorded for itself, in an order that
 * rotates. Prints medians over the rounds, each with half of the distance between the quartiles;
 * what is added is taken round by round.
 *
 *   overhead [--rounds N] [--ms N] [--peer NAME=COMMAND]... [--scope SCOPE] INDELIBLE EMPTY.bpf.o
 *
 * --ms is how long a loop runs; --scope what the collector watches (default: this process and its
 * children, which costs a look at the task's own storage). A peer is measured in rounds of its own,
 * after the others and against their bare rounds: "COMMAND start" starts it and prints the ids of
 * its processes, "COMMAND stop" ends it. Peers watch the whole machine: in a virtual machine only
 * (tools/bench/vm).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "measure.h"

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

#define WAYS_MAX 16
#define PIDS_MAX 16

struct way {
	enum { BARE, EMPTY_EXIT, EMPTY_BOTH, COLLECTOR, PEER } kind;
	const char *name, *option; /* option: of indelible run, or the command of a peer */
	char said[256];		   /* of the last run */
};

static struct way ways[WAYS_MAX] = {
	{ BARE, "bare", NULL, "" },
	{ EMPTY_EXIT, "empty exit", NULL, "" },
	{ EMPTY_BOTH, "empty enter+exit", NULL, "" },
	{ COLLECTOR, "indelible", NULL, "" },
};
static size_t way_count = 4;

static const char *indelible, *empty_path;
static char hooks[128], chain_dir[64], policy_path[64], own_tree[32];
static const char *scope = own_tree; /* watched */
static struct bpf_object *empty;
static struct bpf_link *links[16];
static size_t link_count;
static pid_t pids[PIDS_MAX];
static int pid_count;

static void die(const char *what)
{
	fprintf(stderr, "overhead: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void attach_empty(bool with_enter)
{
	struct bpf_program *program;

	empty = bpf_object__open_file(empty_path, NULL);
	if (!empty || bpf_object__load(empty))
		die(empty_path);
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

static void use_every_cpu(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
}

/* What a command prints; it runs on any processor. */
static FILE *read_from(char *const argv[], pid_t *ret_pid)
{
	int out[2];

	if (pipe(out) < 0)
		die("pipe");
	*ret_pid = fork();
	if (*ret_pid == 0) {
		use_every_cpu();
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	return fdopen(out[0], "r");
}

static void remove_chain(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s %s.keys", chain_dir, chain_dir);
	if (system(command) != 0)
		die("rm");
}

static void start_collector(const struct way *way)
{
	char line[512], *p;
	char *argv[] = { (char *)indelible, (char *)"run", (char *)"--chain",	chain_dir,
			 (char *)"--scope", (char *)scope, (char *)"--no-pack", (char *)way->option,
			 policy_path,	    NULL };
	FILE *said;

	if (!way->option || strcmp(way->option, "--policy") != 0)
		argv[8] = NULL;
	remove_chain();
	said = read_from(argv, &pids[0]);
	pid_count = 1;
	do {
		if (!fgets(line, sizeof(line), said))
			die("the collector did not start");
		p = strstr(line, "hooks ");
		if (p && strstr(p, ", kernel"))
			snprintf(hooks, sizeof(hooks), "%.*s", (int)(strstr(p, ", kernel") - p), p);
	} while (!strstr(line, "verifier key"));
	fclose(said);
}

static double number_in(const char *json, const char *name)
{
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "\"%s\":", name);
	p = strstr(json, key);
	return p ? strtod(p + strlen(key), NULL) : -1;
}

static double chain_bytes(void)
{
	char pattern[96];
	struct stat st;
	double sum = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*", chain_dir);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (stat(found.gl_pathv[i], &st) == 0)
				sum += (double)st.st_size;
		globfree(&found);
	}
	return sum;
}

/* Ends it, and what its chain says goes into way->said. */
static void stop_collector(struct way *way)
{
	char *argv[] = { (char *)indelible,
			 (char *)"verify",
			 (char *)"--chain",
			 chain_dir,
			 (char *)"--format",
			 (char *)"json",
			 NULL };
	char json[8192];
	int status;
	size_t n;
	pid_t pid;
	FILE *said;

	kill(pids[0], SIGTERM);
	waitpid(pids[0], &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the collector failed");
	said = read_from(argv, &pid);
	n = fread(json, 1, sizeof(json) - 1, said);
	json[n] = 0;
	fclose(said);
	waitpid(pid, &status, 0);
	snprintf(way->said, sizeof(way->said),
		 "%.0f events, %.0f lost, %.0f uncounted, %.0f bytes an event, not packed",
		 number_in(json, "events"), number_in(json, "lost"), number_in(json, "gap"),
		 chain_bytes() / number_in(json, "events"));
}

static void run_peer(struct way *way, const char *verb)
{
	char command[512];
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", command, NULL };
	int status, id;
	pid_t pid;
	FILE *said;

	snprintf(command, sizeof(command), "%s %s", way->option, verb);
	said = read_from(argv, &pid);
	pid_count = 0;
	while (pid_count < PIDS_MAX && fscanf(said, "%d", &id) == 1)
		pids[pid_count++] = id;
	fclose(said);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(command);
	if (strcmp(verb, "start") == 0)
		snprintf(way->said, sizeof(way->said), "%s", audit_status());
}

static void begin(struct way *way)
{
	pid_count = 0;
	if (way->kind == EMPTY_EXIT || way->kind == EMPTY_BOTH)
		attach_empty(way->kind == EMPTY_BOTH);
	else if (way->kind == COLLECTOR)
		start_collector(way);
	else if (way->kind == PEER)
		run_peer(way, "start");
}

static void end(struct way *way)
{
	if (way->kind == EMPTY_EXIT || way->kind == EMPTY_BOTH)
		detach_empty();
	else if (way->kind == COLLECTOR)
		stop_collector(way);
	else if (way->kind == PEER)
		run_peer(way, "stop");
}

/* --- measuring
 * ------------------------------------------------------------------------------------ */

struct figure {
	double wall, own,
		daemon; /* ns a turn: elapsed, CPU of the audited process, of the daemon */
};

typedef struct figure figures_of_loop[WAYS_MAX][ROUNDS_MAX];
static figures_of_loop *figures; /* shared with the process that measures */

static double daemon_cpu_ns(void)
{
	double sum = 0;

	for (int i = 0; i < pid_count; i++)
		sum += cpu_of(pids[i]);
	return sum;
}

static struct figure measure(const struct loop *loop, double ns)
{
	double start, stop, own, daemon;
	long turns = 0;

	for (int i = 0; i < 20; i++)
		loop->run();
	daemon = daemon_cpu_ns();
	own = own_cpu_ns();
	start = stop = now_ns();
	while (stop - start < ns) {
		for (int i = 0; i < 50; i++)
			loop->run();
		turns += 50;
		stop = now_ns();
	}
	own = own_cpu_ns() - own;
	usleep(pid_count ? 50000 : 0); /* let it take the rest */
	daemon = daemon_cpu_ns() - daemon;
	return (struct figure){ (stop - start) / (double)turns, own / (double)turns,
				daemon / (double)turns };
}

/* In a process of its own, begun under what is measured: audit leaves alone what was there before.
 */
static void run_way(size_t w, int round, double ms)
{
	int status;
	pid_t pid;

	begin(&ways[w]);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < LOOPS; i++)
			figures[i][w][round] = measure(&loops[i], ms * 1e6);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die("measuring");
	end(&ways[w]);
	if (isatty(2))
		fprintf(stderr, "\r\033[Kround %d, %s", round + 1, ways[w].name);
}

enum view { WALL, OWN, DAEMON };

static double view_of(const struct figure *f, enum view view)
{
	return view == WALL ? f->wall : view == OWN ? f->own : f->daemon;
}

/* Of a way, or with bare of what it adds to bare. */
static struct spread over_rounds(size_t loop, size_t way, enum view view, bool added, int rounds)
{
	double list[ROUNDS_MAX] = { 0 };

	for (int r = 0; r < rounds; r++)
		list[r] = view_of(&figures[loop][way][r], view) -
			  (added ? view_of(&figures[loop][0][r], view) : 0);
	return spread_of(list, rounds);
}

/* --- printing
 * ------------------------------------------------------------------------------------- */

static void print_row(size_t loop, size_t way, int rounds)
{
	struct spread wall = over_rounds(loop, way, WALL, way != 0, rounds);
	struct spread own = over_rounds(loop, way, OWN, way != 0, rounds);
	struct spread daemon = over_rounds(loop, way, DAEMON, false, rounds);
	double bare[] = { over_rounds(loop, 0, WALL, false, rounds).median,
			  over_rounds(loop, 0, OWN, false, rounds).median };
	double both[] = { over_rounds(loop, 2, WALL, true, rounds).median,
			  over_rounds(loop, 2, OWN, true, rounds).median };

	if (way == 0) {
		printf("%-25s %9.0f ±%-6.0f %15s %9.0f ±%-6.0f\n", loops[loop].name, wall.median,
		       wall.half, "", own.median, own.half);
		return;
	}
	printf("  %-23s %+9.0f ±%-6.0f %7.2f %7.1f %+9.0f ±%-6.0f %7.2f %7.1f %9.0f\n",
	       ways[way].name, wall.median, wall.half, wall.median / bare[0], wall.median / both[0],
	       own.median, own.half, own.median / bare[1], own.median / both[1], daemon.median);
}

static void print_all(int rounds, double ms, const char *audit)
{
	struct utsname uts;

	uname(&uts);
	printf("kernel %s, %s, scope %s, %s; %d rounds of %.0f ms a loop\n"
	       "ns a turn: median ±half of the distance between the quartiles; + is added to "
	       "bare;\n"
	       "\"x e+e\" is times what empty enter+exit adds\n\n"
	       "%-25s %17s %7s %7s %17s %7s %7s %9s\n",
	       uts.release, hooks, scope, audit, rounds, ms, "", "on the clock    ", "of bare",
	       "x e+e", "its own CPU    ", "of bare", "x e+e", "daemon");
	for (size_t i = 0; i < LOOPS; i++)
		for (size_t w = 0; w < way_count; w++)
			print_row(i, w, rounds);
	printf("\n");
	for (size_t w = 0; w < way_count; w++)
		if (ways[w].said[0])
			printf("%s: %s\n", ways[w].name, ways[w].said);
}

/* --- from the command line
 * ------------------------------------------------------------------------ */

static void add_way(int kind, const char *name, const char *option)
{
	if (way_count == WAYS_MAX) {
		fprintf(stderr, "overhead: more than %d ways\n", WAYS_MAX);
		exit(2);
	}
	ways[way_count].kind = kind;
	ways[way_count].name = name;
	ways[way_count++].option = option;
}

/* Nothing is left out or counted together. */
static void write_policy(void)
{
	FILE *policy;

	snprintf(policy_path, sizeof(policy_path), "/tmp/overhead-%d.policy", getpid());
	policy = fopen(policy_path, "we");
	if (!policy || fputs("policy 1\nopens all\nfold off\n", policy) < 0 || fclose(policy))
		die(policy_path);
}

static bool parse(int argc, char **argv, int *ret_rounds, double *ret_ms)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'm' },
		{ "peer", required_argument, NULL, 'p' },
		{ "scope", required_argument, NULL, 's' },
		{ 0 },
	};
	char *peers[WAYS_MAX];
	size_t peer_count = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			*ret_rounds = atoi(optarg);
		else if (opt == 'm')
			*ret_ms = atof(optarg);
		else if (opt == 's')
			scope = optarg;
		else if (opt == 'p' && strchr(optarg, '=') && peer_count < WAYS_MAX)
			peers[peer_count++] = optarg;
		else
			return false;
	}
	if (argc != optind + 2 || *ret_rounds < 1 || *ret_rounds > ROUNDS_MAX || *ret_ms <= 0)
		return false;
	indelible = argv[optind];
	empty_path = argv[optind + 1];
	add_way(COLLECTOR, "indelible --all-opens", "--all-opens");
	add_way(COLLECTOR, "every one, not folded", "--policy");
	for (size_t i = 0; i < peer_count; i++) {
		char *command = strchr(peers[i], '=');

		*command = 0;
		add_way(PEER, peers[i], command + 1);
	}
	return true;
}

int main(int argc, char **argv)
{
	int rounds = 7;
	double ms = 300;
	size_t in_turn;
	char audit[96];
	cpu_set_t one;

	if (argc == 1)
		return 0; /* what fork_exec runs */
	if (!parse(argc, argv, &rounds, &ms)) {
		fprintf(stderr, "usage: overhead [--rounds N] [--ms N] [--peer NAME=COMMAND]... "
				"[--scope SCOPE] INDELIBLE EMPTY.bpf.o\n");
		return 2;
	}
	snprintf(own_tree, sizeof(own_tree), "pid=%d", getpid());
	write_policy();
	figures = mmap(NULL, LOOPS * sizeof(*figures), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (figures == MAP_FAILED)
		die("mmap");
	work_port = 1;
	snprintf(chain_dir, sizeof(chain_dir), "/tmp/overhead-%d", getpid());
	snprintf(audit, sizeof(audit), "%s", audit_status());
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (in_turn = 0; in_turn < way_count && ways[in_turn].kind != PEER; in_turn++)
		;
	for (int r = 0; r < rounds; r++)
		for (size_t w = 0; w < in_turn; w++)
			run_way((w + (size_t)r) % in_turn, r, ms);
	for (size_t w = in_turn; w < way_count; w++)
		for (int r = 0; r < rounds; r++)
			run_way(w, r, ms);
	if (isatty(2))
		fprintf(stderr, "\r\033[K");
	print_all(rounds, ms, audit);
	remove_chain();
	unlink(policy_path);
	return 0;
}
