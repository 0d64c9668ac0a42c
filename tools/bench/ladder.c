// SPDX-License-Identifier: Apache-2.0
/*
 * Runs itself, which then does nothing, at given rates and says what that cost, a line a rate:
 *
 *   ladder SECONDS RATE,RATE... [PID...]
 *
 *   rate reached own busy collectors     per second; per second; ns an exec; ns an exec; %
 *
 * own: CPU of this process and what it ran, which is where hooks in the kernel do their work; busy:
 * of all processors, whoever used it; collectors: CPU of the processes PID and of their children,
 * in per cent of one processor.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define PIDS_MAX  16
#define SETTLE_NS 1e9 /* for what is still on its way to a collector */

static pid_t pids[PIDS_MAX];
static int pid_count;

static double collectors_ns(void)
{
	double sum = 0;

	for (int i = 0; i < pid_count; i++)
		sum += cpu_of(pids[i]);
	return sum;
}

static void sleep_until(double ns)
{
	struct timespec t = { (time_t)(ns / 1e9), 0 };

	t.tv_nsec = (long)(ns - (double)t.tv_sec * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void run_once(void)
{
	char *argv[] = { (char *)"ladder", NULL }, *none[] = { NULL };
	pid_t pid;
	int status;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, none) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "ladder: cannot run itself\n");
		exit(2);
	}
}

static void climb(double seconds, double rate)
{
	long turns = (long)(seconds * rate);
	double begin, end, own, idle, collectors;

	sleep_until(now_ns() + SETTLE_NS);
	own = own_cpu_ns();
	idle = idle_ns();
	collectors = collectors_ns();
	begin = now_ns();
	for (long i = 0; i < turns; i++) {
		run_once();
		sleep_until(begin + (double)(i + 1) * 1e9 / rate);
	}
	end = now_ns();
	own = own_cpu_ns() - own;
	sleep_until(now_ns() + SETTLE_NS);
	collectors = collectors_ns() - collectors;
	idle = now_ns() - begin - (idle_ns() - idle) / (double)sysconf(_SC_NPROCESSORS_ONLN);
	printf("%.0f %.1f %.0f %.0f %.3f\n", rate, (double)turns * 1e9 / (end - begin),
	       own / (double)turns, idle / (double)turns, collectors / (end - begin) * 100);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char *rate;

	if (argc == 1)
		return 0;
	if (argc < 3 || argc > 3 + PIDS_MAX) {
		fprintf(stderr, "usage: ladder SECONDS RATE,RATE... [PID...]\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		pids[pid_count++] = atoi(argv[i]);
	for (int i = 0; i < 20; i++)
		run_once();
	for (rate = strtok(argv[2], ","); rate; rate = strtok(NULL, ","))
		climb(atof(argv[1]), atof(rate));
	return 0;
}
