/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PROCESS_H
#define PROCESS_H
/* Process family: exec, fork, exit. An exec that was refused is a call that failed (collect.bpf.c).
 */
#include "file.h"

/* The arguments lie where the kernel has just copied them: the new program has not run yet. */
static __always_inline void add_argv(struct draft *d, __u64 start, __u64 end)
{
	__u32 before = d->used;
	__u64 len = end - start;

	if (len > EVENT_ARGV_MAX) {
		len = EVENT_ARGV_MAX;
		d->scratch->event.flags |= EVENT_ARGV_TRUNCATED;
	}
	if (bpf_probe_read_user(d->scratch->text + BOUND(before, TEXT_MASK), len, (void *)start)) {
		d->scratch->event.flags |= EVENT_ARGV_LOST;
		return;
	}
	d->used = before + len;
	event_text(d, TEXT_ARGV, before);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	struct draft d;

	if (!event_begin(&d, PROGRAM_EXEC, FAMILY_PROCESS, EVENT_EXEC, CALL_EXECVE, 0))
		return 0;
	add_file(&d, mm->exe_file);
	add_kernel_string(&d, TEXT_CALLER, PATH_MAX, bprm->filename); /* as the caller gave it */
	add_base(&d, TEXT_BASE, AT_FDCWD);
	add_argv(&d, mm->arg_start, mm->arg_end);
	event_send(&d);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *leader = child->group_leader, *child_parent = child->real_parent;
	struct event_fork *fork;
	struct draft d;

	if (scope == SCOPE_TREE && !is_self(parent) && in_tree(parent) && !mark_member(child))
		count_unseen(FAMILY_PROCESS, RING_MAIN); /* what the child does from here on */
	if (!event_begin(&d, PROGRAM_FORK, FAMILY_PROCESS, EVENT_FORK, CALL_NONE, 0))
		return 0;
	fork = &d.scratch->event.fork;
	fork->child_start = leader->start_boottime;
	fork->child_pid = child->tgid;
	fork->child_tid = child->pid;
	fork->child_parent = child_parent->tgid;
	event_send(&d);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct draft d;

	if (event_begin(&d, PROGRAM_EXIT, FAMILY_PROCESS, EVENT_EXIT, CALL_NONE, task->exit_code))
		event_send(&d);
	return 0;
}

#endif
