// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return 0;
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static double of_timeval(struct timeval t)
{
	return (double)t.tv_sec * 1e9 + (double)t.tv_usec * 1e3;
}

double own_cpu_ns(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return of_timeval(self.ru_utime) + of_timeval(self.ru_stime) +
	       of_timeval(children.ru_utime) + of_timeval(children.ru_stime);
}

double cpu_of(pid_t pid)
{
	char path[64];
	clockid_t clock;
	double sum = 0;
	FILE *children;
	int child;

	if (clock_getcpuclockid(pid, &clock) == 0)
		sum = clock_ns(clock);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	children = fopen(path, "r");
	while (children && fscanf(children, "%d", &child) == 1)
		sum += cpu_of(child);
	if (children)
		fclose(children);
	return sum;
}

double idle_ns(void)
{
	unsigned long long user, nice, system, idle = 0, wait = 0;
	FILE *f = fopen("/proc/stat", "r");

	if (f &&
	    fscanf(f, "cpu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait) != 5)
		idle = wait = 0;
	if (f)
		fclose(f);
	return (double)(idle + wait) * 1e9 / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(const double *sorted, int n, double q)
{
	double at = q * (n - 1);
	int i = (int)at;

	return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

struct spread spread_of(const double *values, int n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)n * sizeof(*values));
	qsort(sorted, (size_t)n, sizeof(*sorted), compare);
	return (struct spread){ quantile(sorted, n, 0.5),
				(quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25)) / 2 };
}

const char *audit_status(void)
{
	static char text[96];
	struct {
		struct nlmsghdr head;
		char body[512];
	} message = { .head = { .nlmsg_len = NLMSG_LENGTH(0),
				.nlmsg_type = AUDIT_GET,
				.nlmsg_flags = NLM_F_REQUEST } };
	struct timeval patience = { .tv_sec = 1 };
	const struct audit_status *status = NLMSG_DATA(&message.head);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	ssize_t n = -1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    send(fd, &message, message.head.nlmsg_len, 0) > 0)
		n = recv(fd, &message, sizeof(message), 0);
	if (n < (ssize_t)NLMSG_LENGTH(24) || message.head.nlmsg_type != AUDIT_GET)
		snprintf(text, sizeof(text), "audit unknown (%s)",
			 fd < 0 || n < 0 ? strerror(errno) : "refused");
	else
		snprintf(text, sizeof(text), "audit %s, auditd %s", status->enabled ? "on" : "off",
			 status->pid ? "runs" : "does not run");
	if (fd >= 0)
		close(fd);
	return text;
}
