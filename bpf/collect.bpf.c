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
#include "kept.h"
#include "kernel.h"
#include "login.h"
#include "network.h"
#include "object.h"
#include "process.h"
#include "shapes.h"
#include "signal.h"
#include "wanted.h"

/* --- which calls are recorded ------------------------------------------------------------------
 */

/* What reads and writes maps, and what only asks: the daily work of whoever uses bpf. */
#define BPF_DAILY                                                                                  \
	(1ull << BPF_MAP_LOOKUP_ELEM | 1ull << BPF_MAP_UPDATE_ELEM | 1ull << BPF_MAP_DELETE_ELEM | \
	 1ull << BPF_MAP_GET_NEXT_KEY | 1ull << BPF_PROG_TEST_RUN | 1ull << BPF_PROG_GET_NEXT_ID | \
	 1ull << BPF_MAP_GET_NEXT_ID | 1ull << BPF_BTF_GET_NEXT_ID |                               \
	 1ull << BPF_LINK_GET_NEXT_ID | 1ull << BPF_OBJ_GET_INFO_BY_FD |                           \
	 1ull << BPF_MAP_LOOKUP_AND_DELETE_ELEM | 1ull << BPF_MAP_LOOKUP_BATCH |                   \
	 1ull << BPF_MAP_LOOKUP_AND_DELETE_BATCH | 1ull << BPF_MAP_UPDATE_BATCH |                  \
	 1ull << BPF_MAP_DELETE_BATCH)

#define PTRACE_ATTACH 16
#define PTRACE_SEIZE  0x4206
#define EAGAIN	      11

static __always_inline bool is_deed(enum event_call call, const struct arguments *args,
				    __s64 result)
{
	__u64 first = args->value[1];

	switch (call) {
	case CALL_EXECVE: /* that it worked, sched_process_exec says: this call's numbers are gone
			   */
	case CALL_EXECVEAT:
		return result < 0;
	case CALL_ACCEPT: /* nobody was there */
	case CALL_ACCEPT4:
		return result != -EAGAIN;
	case CALL_BPF:
		return (__u32)first > 63 || !(BPF_DAILY >> (__u32)first & 1);
	case CALL_PTRACE: /* it goes on with many requests; what it takes is the attaching */
		return first == PTRACE_ATTACH || first == PTRACE_SEIZE;
	default:
		return true;
	}
}

/* --- one call: choose, fill, send --------------------------------------------------------------
 */

/* False: it is not to be recorded, or was counted as a repeat. */
static __always_inline bool fill(struct draft *d, enum event_call call,
				 const volatile struct shape *shape, const struct arguments *args,
				 __s64 result)
{
	enum event_kind kind = shape->kind;

	switch (kind) {
	case EVENT_OPEN:
		return fill_open(d, call, shape, args, result);
	case EVENT_CONNECT:
		return fill_connect(d, args, result);
	case EVENT_BIND:
	case EVENT_LISTEN:
	case EVENT_ACCEPT:
		return fill_serve(d, kind, args, result);
	case EVENT_SETID:
		return fill_setid(d, args);
	default:
		return fill_call(d, shape, args);
	}
}

static __always_inline int on_sys_exit(struct task_struct *task, struct pt_regs *regs, __s64 result)
{
	__u32 compat = is_compat(task) ? EVENT_COMPAT : 0;
	enum event_call call = call_of(regs->orig_ax, compat);
	const volatile struct shape *shape;
	struct arguments *args;
	struct scratch *s;
	struct draft d;

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
	if (call == CALL_NONE || !is_deed(call, args, result))
		return 0;
	shape = &shapes[BOUND(call, CALL_MASK)];
	if (shape->family == FAMILY_FILE || shape->family == FAMILY_PERMISSION)
		take_seen(task, call, args, result);
	if (!event_choose(&d, PROGRAM_SYS_EXIT, BOUND(shape->family, FAMILIES - 1), shape->kind,
			  call, result))
		return 0;
	s->event.flags |= compat;
	if (!fill(&d, call, shape, args, result))
		return 0;
	s->used = d.used; /* the verifier is to forget on which way it came */
	d.used = BOUND(s->used, TEXT_MASK);
	if (!event_number(&d))
		return 0;
	fold_keep(&d);
	event_send(&d);
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
