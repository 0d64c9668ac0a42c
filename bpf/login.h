/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOGIN_H
#define LOGIN_H
/*
 * Login family: what PAM was asked and what it answered, by probes on the library that the loader
 * attaches. All of it is the memory of the program that asked, and any program can load the
 * library: always EVENT_UNVERIFIED, and to be believed of a program that runs as root.
 */
#include "common.h"

/* Of Linux-PAM's struct pam_handle (libpam/pam_private.h), the same since 0.99: pointers to text.
 */
enum pam_field { PAM_SERVICE = 40, PAM_USER = 48, PAM_RHOST = 56, PAM_TTY = 72 };

struct pam_call {
	__u64 handle;
	__u32 action;
	bool pending;
};

/* the question that the current task is waiting with */
KEPT(pam_calls, struct pam_call);

static __always_inline int on_asked(struct pt_regs *ctx, __u32 action)
{
	struct task_struct *task = current_task();
	struct pam_call *call;

	if (is_self(task) || !in_scope(task))
		return 0;
	call = MAKE_KEPT(pam_calls, task);
	if (!call) { /* no memory for it; before 5.15, no place */
		count_unseen(FAMILY_LOGIN, RING_SELF);
		return 0;
	}
	call->handle = ctx->di;
	call->action = action;
	call->pending = true;
	return 0;
}

static __always_inline void add_pam_text(struct draft *d, enum event_text slot, __u64 handle,
					 enum pam_field field)
{
	void *text = NULL;

	if (bpf_probe_read_user(&text, sizeof(text), (void *)(handle + field))) {
		d->scratch->event.flags |= EVENT_CALLER_LOST;
		return;
	}
	if (text)
		add_caller_string(d, slot, text);
}

static __always_inline int on_answered(struct pt_regs *ctx, __u32 action)
{
	struct pam_call *call = FIND_KEPT(pam_calls, current_task());
	struct draft d;

	if (!call || !call->pending || call->action != action)
		return 0;
	call->pending = false;
	if (!event_begin(&d, PROGRAM_LOGIN, FAMILY_LOGIN, EVENT_LOGIN, CALL_NONE, (__s32)ctx->ax))
		return 0;
	d.scratch->event.flags |= EVENT_UNVERIFIED;
	d.scratch->event.file.argument[0] = call->action;
	add_pam_text(&d, TEXT_CALLER, call->handle, PAM_USER);
	add_pam_text(&d, TEXT_ARGV, call->handle, PAM_SERVICE);
	add_pam_text(&d, TEXT_OTHER, call->handle, PAM_TTY);
	add_pam_text(&d, TEXT_OTHER_BASE, call->handle, PAM_RHOST);
	event_send(&d);
	return 0;
}

SEC("uprobe")
int pam_asked(struct pt_regs *ctx)
{
	return on_asked(ctx, bpf_get_attach_cookie(ctx));
}

SEC("uretprobe")
int pam_answered(struct pt_regs *ctx)
{
	return on_answered(ctx, bpf_get_attach_cookie(ctx));
}

/* Without cookies: a program for each enum event_login. */
#if OLD_KERNEL
#define PAM_PROGRAMS(action)                                                                       \
	SEC("uprobe")                                                                              \
	int pam_asked_##action(struct pt_regs *ctx)                                                \
	{                                                                                          \
		return on_asked(ctx, action);                                                      \
	}                                                                                          \
	SEC("uretprobe")                                                                           \
	int pam_answered_##action(struct pt_regs *ctx)                                             \
	{                                                                                          \
		return on_answered(ctx, action);                                                   \
	}
PAM_PROGRAMS(0)
PAM_PROGRAMS(1)
PAM_PROGRAMS(2)
PAM_PROGRAMS(3)
PAM_PROGRAMS(4)
_Static_assert(LOGIN_ACTIONS == 5, "one for each");
#endif

#endif
