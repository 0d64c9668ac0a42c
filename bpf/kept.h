/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KEPT_H
#define KEPT_H
/* What is kept with tasks, where the kernel does not keep it: loaded there only. */
#include "credential.h"
#include "login.h"
#include "network.h"
#include "object.h"

/* Its address may be another's from here on. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(task_ends, struct task_struct *task)
{
	FORGET_KEPT(members, task);
	FORGET_KEPT(last_setids, task);
	FORGET_KEPT(pam_calls, task);
	FORGET_KEPT(attempts, task);
	FORGET_KEPT(modules, task);
	return 0;
}

/* Mark who belongs to the tree; writes one byte for each that was not. By its
 * address nobody else can. */
SEC("iter/task")
int mark_members(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	char one = 1;

	if (task && !is_member(task) && in_tree(task))
		bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	return 0;
}

#endif
