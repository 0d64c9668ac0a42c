/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDELIBLE_TASK_H
#define INDELIBLE_TASK_H
/* What /proc says of a process: between capture, which reads it, and attribute, which needs it. */
#include "event.h"

#define TASK_TICK 10000000 /* ns; /proc counts start times in hundredths of a second */

struct task_facts {
	uint32_t pid, parent;
	uint64_t start; /* CLOCK_BOOTTIME ns, rounded down to a TASK_TICK */
	uint32_t auid, session;
	struct event_cred cred;
	uint64_t effective, permitted;
	char comm[17];
	char exe[4096];	   /* "" for kernel threads and the unreadable */
	char cgroup[4096]; /* text of /proc/PID/cgroup */
};

#endif
