/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CALLS_H
#define CALLS_H
/* System call numbers to calls: x86-64 (with x32, whose own numbers begin at 512) and i386. */
#include "event.h"
#include <bpf/bpf_helpers.h>

#define CALL_NUMBERS 548
#define X32_BIT	     0x40000000

static const volatile __u8 native_calls[CALL_NUMBERS] = {
	[2] = CALL_OPEN,	[42] = CALL_CONNECT,	[59] = CALL_EXECVE,
	[85] = CALL_CREAT,	[105] = CALL_SETUID,	[106] = CALL_SETGID,
	[113] = CALL_SETREUID,	[114] = CALL_SETREGID,	[116] = CALL_SETGROUPS,
	[117] = CALL_SETRESUID, [119] = CALL_SETRESGID, [122] = CALL_SETFSUID,
	[123] = CALL_SETFSGID,	[257] = CALL_OPENAT,	[304] = CALL_OPEN_BY_HANDLE_AT,
	[322] = CALL_EXECVEAT,	[437] = CALL_OPENAT2,	[520] = CALL_EXECVE,
	[545] = CALL_EXECVEAT,
};

static const volatile __u8 compat_calls[CALL_NUMBERS] = {
	[5] = CALL_OPEN,	[8] = CALL_CREAT,	[11] = CALL_EXECVE,
	[23] = CALL_SETUID,	[46] = CALL_SETGID,	[70] = CALL_SETREUID,
	[71] = CALL_SETREGID,	[81] = CALL_SETGROUPS,	[102] = CALL_SOCKETCALL,
	[138] = CALL_SETFSUID,	[139] = CALL_SETFSGID,	[164] = CALL_SETRESUID,
	[170] = CALL_SETRESGID, [203] = CALL_SETREUID,	[204] = CALL_SETREGID,
	[206] = CALL_SETGROUPS, [208] = CALL_SETRESUID, [210] = CALL_SETRESGID,
	[213] = CALL_SETUID,	[214] = CALL_SETGID,	[215] = CALL_SETFSUID,
	[216] = CALL_SETFSGID,	[295] = CALL_OPENAT,	[342] = CALL_OPEN_BY_HANDLE_AT,
	[358] = CALL_EXECVEAT,	[362] = CALL_CONNECT,	[437] = CALL_OPENAT2,
};

#define TS_COMPAT		  2
#define SYS_CONNECT_OF_SOCKETCALL 3

/* Which table the number belongs to comes before the number. */
static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

static __always_inline enum event_call call_of(struct pt_regs *regs, bool compat)
{
	__u64 nr = regs->orig_ax & ~(__u64)X32_BIT;

	if (nr >= CALL_NUMBERS)
		return CALL_NONE;
	return compat ? compat_calls[nr] : native_calls[nr];
}

#endif
