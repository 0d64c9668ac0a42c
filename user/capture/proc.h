/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_PROC_H
#define CAPTURE_PROC_H
/* Facts about processes from /proc: never arguments, never environments. */
#include "task.h"

/* 0, or -ESRCH when the process is gone (also when it went while we looked). */
int proc_read(uint32_t pid, struct task_facts *ret);

/* Call visit for every process; stops at the first non-zero result and returns it. */
int proc_each(int (*visit)(void *ctx, uint32_t pid), void *ctx);

/* Parent and start time alone (ns, rounded down to a TASK_TICK). 0 or -ESRCH. */
int proc_parent(uint32_t pid, uint32_t *ret_parent, uint64_t *ret_start);

#endif
