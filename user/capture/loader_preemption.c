// SPDX-License-Identifier: Apache-2.0
#include "capture/loader_kernel.h"

#include <sys/syscall.h>
#include <unistd.h>

#define TRACEPOINT "events/raw_syscalls/sys_exit/id"

/* Attaching to it goes through tracefs, which need not be mounted. */
static bool has_tracefs(void)
{
	return access("/sys/kernel/tracing/" TRACEPOINT, R_OK) == 0 ||
	       access("/sys/kernel/debug/tracing/" TRACEPOINT, R_OK) == 0;
}

bool kernel_preempts_programs(void)
{
	struct preemption *skel = has_tracefs() ? preemption__open() : NULL;
	bool answer = false;

	if (!skel)
		return false;
	skel->rodata->self_pid = getpid();
	if (preemption__load(skel) == 0 && preemption__attach(skel) == 0) {
		syscall(SYS_getppid);
		answer = skel->data->depth == 0;
	}
	preemption__destroy(skel);
	return answer;
}
