/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SIGNAL_H
#define SIGNAL_H
/* Kernel family: signals to the collector, or to the process that holds its keys. */
#include "common.h"

#define SIGCHLD	       17
#define SIGKILL	       9
#define SENT_BY_KERNEL ((struct kernel_siginfo *)1)

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int signal, struct kernel_siginfo *info, struct task_struct *target)
{
	struct event_file *to;
	struct draft d;

	if (!is_self(target) || is_self(current_task()))
		return 0;
	/* Timers, children that ended: but not what only the kernel can do in anger. */
	if (signal == SIGCHLD || (info == SENT_BY_KERNEL && signal != SIGKILL))
		return 0;
	if (!event_begin(&d, PROGRAM_SIGNAL, FAMILY_KERNEL, EVENT_SIGNAL, CALL_NONE, 0))
		return 0;
	to = &d.scratch->event.file;
	to->argument[0] = signal;
	to->argument[1] = target->tgid;
	event_send(&d);
	return 0;
}

#endif
