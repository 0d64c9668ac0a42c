// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tracepoint set: one program at the exit of every system call, beside it tracepoints of their
 * own (process.h, network.h, io_uring.h, signal.h) and probes on libpam (login.h). No program at
 * the entry of calls: what one did is read from kernel objects afterwards, and what cannot be is
 * flagged. What the object set has seen meanwhile (object_set.h) stands in place of what would be.
 *
 * The exit program comes twice, on the same body: tp_btf is cheaper; raw_syscalls is never skipped
 * where programs can be preempted. The loader switches one of them off.
 */
#include "common.h"
#include <bpf/bpf_endian.h>
#include "calls.h"
#include "credential.h"
#include "file.h"
#include "fold.h"
#include "harden.h"
#include "io_uring.h"
#include "kernel.h"
#include "login.h"
#include "network.h"
#include "object.h"
#include "process.h"
#include "signal.h"
#include "wanted.h"

static __always_inline int on_sys_exit(struct task_struct *task, struct pt_regs *regs, __s64 result)
{
	__u32 compat = is_compat(task) ? EVENT_COMPAT : 0;
	enum event_call call = call_of(regs->orig_ax, compat);
	struct arguments *args;
	struct scratch *s;

	if (call == CALL_NONE)
		return 0;
	s = scratch_of(bpf_get_smp_processor_id() * PROGRAMS_PER_CPU + PROGRAM_SYS_EXIT);
	if (!s)
		return 0; /* cannot be: the map has a slot for every possible CPU */
	args = &s->args;
	read_arguments(regs, compat, args);
	if (compat)
		result = (__s32)result;
	if (call == CALL_SOCKETCALL)
		call = unpack_socketcall(args);
	switch (call) {
	case CALL_NONE:
		break;
	case CALL_OPEN:
	case CALL_CREAT:
	case CALL_OPENAT:
	case CALL_OPENAT2:
	case CALL_OPEN_BY_HANDLE_AT:
		on_open(call, args, result, compat);
		break;
	case CALL_EXECVE:
	case CALL_EXECVEAT:
		on_exec_refused(call, args, result, compat);
		break;
	case CALL_CONNECT:
		on_connect(args, result, compat);
		break;
	case CALL_BIND:
	case CALL_LISTEN:
	case CALL_ACCEPT:
	case CALL_ACCEPT4:
		on_serve(call, args, result, compat);
		break;
	default:
		if (call >= CALL_SETUID && call <= CALL_SETGROUPS)
			on_setid(call, args, result, compat);
		else
			on_object(call, args, result, compat);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long result)
{
	return on_sys_exit(current_task(), regs, result);
}

struct raw_syscalls_exit { /* events/raw_syscalls/sys_exit/format */
	__u64 common;
	long id;
	long ret;
};

SEC("tracepoint/raw_syscalls/sys_exit")
int sys_exit_raw(struct raw_syscalls_exit *ctx)
{
	struct task_struct *task = current_task();

	return on_sys_exit(task, registers_of(task), ctx->ret);
}
