// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tracepoint set: one program at the exit of every system call, and the scheduler's and the
 * sockets' own tracepoints (process.h, network.h). No program at the entry: what a call did is
 * read from kernel objects afterwards, and what cannot be is flagged.
 *
 * The exit program comes twice, on the same body: tp_btf is cheaper; raw_syscalls is never skipped
 * where programs can be preempted. The loader switches one of them off.
 */
#include "common.h"
#include <bpf/bpf_endian.h>
#include "calls.h"
#include "credential.h"
#include "file.h"
#include "network.h"
#include "process.h"

/* i386 socketcall(SYS_CONNECT, {fd, address, length}): the arguments lie in memory. */
static __always_inline bool unpack_socketcall(struct arguments *args)
{
	__u32 packed[3];

	if (args->a != SYS_CONNECT_OF_SOCKETCALL)
		return false;
	if (bpf_probe_read_user(packed, sizeof(packed), (void *)args->b))
		__builtin_memset(packed, 0xff, sizeof(packed)); /* no such descriptor */
	args->a = packed[0];
	args->b = packed[1];
	args->c = packed[2];
	return true;
}

static __always_inline int on_sys_exit(struct task_struct *task, struct pt_regs *regs, __s64 result)
{
	__u32 compat = is_compat(task) ? EVENT_COMPAT : 0;
	enum event_call call = call_of(regs, compat);
	struct arguments args;

	if (call == CALL_NONE)
		return 0;
	if (compat) {
		args.a = (__u32)regs->bx;
		args.b = (__u32)regs->cx;
		args.c = (__u32)regs->dx;
		result = (__s32)result;
	} else {
		args.a = regs->di;
		args.b = regs->si;
		args.c = regs->dx;
	}
	switch (call) {
	case CALL_OPEN:
	case CALL_CREAT:
	case CALL_OPENAT:
	case CALL_OPENAT2:
	case CALL_OPEN_BY_HANDLE_AT:
		on_open(call, &args, result, compat);
		break;
	case CALL_EXECVE:
	case CALL_EXECVEAT:
		on_exec_refused(call, &args, result, compat);
		break;
	case CALL_SOCKETCALL:
		if (!unpack_socketcall(&args))
			break;
		/* fallthrough */
	case CALL_CONNECT:
		on_connect(&args, result, compat);
		break;
	default:
		on_setid(call, &args, result, compat);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long result)
{
	return on_sys_exit(bpf_get_current_task_btf(), regs, result);
}

struct raw_syscalls_exit { /* events/raw_syscalls/sys_exit/format */
	__u64 common;
	long id;
	long ret;
};

SEC("tracepoint/raw_syscalls/sys_exit")
int sys_exit_raw(struct raw_syscalls_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return on_sys_exit(task, (struct pt_regs *)bpf_task_pt_regs(task), ctx->ret);
}
