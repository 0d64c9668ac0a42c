/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CALLS_H
#define CALLS_H
/* System call numbers to calls: x86-64 (with x32, whose own numbers begin at 512) and i386. */
#include "event.h"
#include "kernel.h"

#define CALL_NUMBERS 548
#define X32_BIT	     0x40000000

static const volatile __u8 native_calls[CALL_NUMBERS] = {
	[2] = CALL_OPEN,
	[42] = CALL_CONNECT,
	[43] = CALL_ACCEPT,
	[49] = CALL_BIND,
	[50] = CALL_LISTEN,
	[59] = CALL_EXECVE,
	[76] = CALL_TRUNCATE,
	[77] = CALL_FTRUNCATE,
	[82] = CALL_RENAME,
	[84] = CALL_RMDIR,
	[85] = CALL_CREAT,
	[86] = CALL_LINK,
	[87] = CALL_UNLINK,
	[88] = CALL_SYMLINK,
	[90] = CALL_CHMOD,
	[91] = CALL_FCHMOD,
	[92] = CALL_CHOWN,
	[93] = CALL_FCHOWN,
	[94] = CALL_LCHOWN,
	[101] = CALL_PTRACE,
	[105] = CALL_SETUID,
	[106] = CALL_SETGID,
	[113] = CALL_SETREUID,
	[114] = CALL_SETREGID,
	[116] = CALL_SETGROUPS,
	[117] = CALL_SETRESUID,
	[119] = CALL_SETRESGID,
	[122] = CALL_SETFSUID,
	[123] = CALL_SETFSGID,
	[126] = CALL_CAPSET,
	[155] = CALL_PIVOT_ROOT,
	[161] = CALL_CHROOT,
	[165] = CALL_MOUNT,
	[166] = CALL_UMOUNT,
	[175] = CALL_INIT_MODULE,
	[176] = CALL_DELETE_MODULE,
	[188] = CALL_SETXATTR,
	[189] = CALL_LSETXATTR,
	[190] = CALL_FSETXATTR,
	[197] = CALL_REMOVEXATTR,
	[198] = CALL_LREMOVEXATTR,
	[199] = CALL_FREMOVEXATTR,
	[246] = CALL_KEXEC_LOAD,
	[257] = CALL_OPENAT,
	[260] = CALL_FCHOWNAT,
	[263] = CALL_UNLINKAT,
	[264] = CALL_RENAMEAT,
	[265] = CALL_LINKAT,
	[266] = CALL_SYMLINKAT,
	[268] = CALL_FCHMODAT,
	[272] = CALL_UNSHARE,
	[288] = CALL_ACCEPT4,
	[304] = CALL_OPEN_BY_HANDLE_AT,
	[308] = CALL_SETNS,
	[311] = CALL_PROCESS_VM_WRITEV,
	[313] = CALL_FINIT_MODULE,
	[316] = CALL_RENAMEAT2,
	[319] = CALL_MEMFD_CREATE,
	[320] = CALL_KEXEC_FILE_LOAD,
	[321] = CALL_BPF,
	[322] = CALL_EXECVEAT,
	[425] = CALL_IO_URING_SETUP,
	[429] = CALL_MOVE_MOUNT,
	[437] = CALL_OPENAT2,
	[442] = CALL_MOUNT_SETATTR,
	[452] = CALL_FCHMODAT2,
	[463] = CALL_SETXATTRAT,
	[466] = CALL_REMOVEXATTRAT,
	[520] = CALL_EXECVE,
	[521] = CALL_PTRACE,
	[528] = CALL_KEXEC_LOAD,
	[540] = CALL_PROCESS_VM_WRITEV,
	[545] = CALL_EXECVEAT,
};

static const volatile __u8 compat_calls[CALL_NUMBERS] = {
	[5] = CALL_OPEN,
	[8] = CALL_CREAT,
	[9] = CALL_LINK,
	[10] = CALL_UNLINK,
	[11] = CALL_EXECVE,
	[15] = CALL_CHMOD,
	[16] = CALL_LCHOWN,
	[21] = CALL_MOUNT,
	[22] = CALL_UMOUNT,
	[23] = CALL_SETUID,
	[26] = CALL_PTRACE,
	[38] = CALL_RENAME,
	[40] = CALL_RMDIR,
	[46] = CALL_SETGID,
	[52] = CALL_UMOUNT,
	[61] = CALL_CHROOT,
	[70] = CALL_SETREUID,
	[71] = CALL_SETREGID,
	[81] = CALL_SETGROUPS,
	[83] = CALL_SYMLINK,
	[92] = CALL_TRUNCATE,
	[93] = CALL_FTRUNCATE,
	[94] = CALL_FCHMOD,
	[95] = CALL_FCHOWN,
	[102] = CALL_SOCKETCALL,
	[128] = CALL_INIT_MODULE,
	[129] = CALL_DELETE_MODULE,
	[138] = CALL_SETFSUID,
	[139] = CALL_SETFSGID,
	[164] = CALL_SETRESUID,
	[170] = CALL_SETRESGID,
	[182] = CALL_CHOWN,
	[185] = CALL_CAPSET,
	[193] = CALL_TRUNCATE,
	[194] = CALL_FTRUNCATE,
	[198] = CALL_LCHOWN,
	[203] = CALL_SETREUID,
	[204] = CALL_SETREGID,
	[206] = CALL_SETGROUPS,
	[207] = CALL_FCHOWN,
	[208] = CALL_SETRESUID,
	[210] = CALL_SETRESGID,
	[212] = CALL_CHOWN,
	[213] = CALL_SETUID,
	[214] = CALL_SETGID,
	[215] = CALL_SETFSUID,
	[216] = CALL_SETFSGID,
	[217] = CALL_PIVOT_ROOT,
	[226] = CALL_SETXATTR,
	[227] = CALL_LSETXATTR,
	[228] = CALL_FSETXATTR,
	[235] = CALL_REMOVEXATTR,
	[236] = CALL_LREMOVEXATTR,
	[237] = CALL_FREMOVEXATTR,
	[283] = CALL_KEXEC_LOAD,
	[295] = CALL_OPENAT,
	[298] = CALL_FCHOWNAT,
	[301] = CALL_UNLINKAT,
	[302] = CALL_RENAMEAT,
	[303] = CALL_LINKAT,
	[304] = CALL_SYMLINKAT,
	[306] = CALL_FCHMODAT,
	[310] = CALL_UNSHARE,
	[342] = CALL_OPEN_BY_HANDLE_AT,
	[346] = CALL_SETNS,
	[348] = CALL_PROCESS_VM_WRITEV,
	[350] = CALL_FINIT_MODULE,
	[353] = CALL_RENAMEAT2,
	[356] = CALL_MEMFD_CREATE,
	[357] = CALL_BPF,
	[358] = CALL_EXECVEAT,
	[361] = CALL_BIND,
	[362] = CALL_CONNECT,
	[363] = CALL_LISTEN,
	[364] = CALL_ACCEPT4,
	[425] = CALL_IO_URING_SETUP,
	[429] = CALL_MOVE_MOUNT,
	[437] = CALL_OPENAT2,
	[442] = CALL_MOUNT_SETATTR,
	[452] = CALL_FCHMODAT2,
	[463] = CALL_SETXATTRAT,
	[466] = CALL_REMOVEXATTRAT,
};

/* i386: calls that hand a long length over in two registers, and one without flags. */
#define I386_UMOUNT	 22
#define I386_TRUNCATE64	 193
#define I386_FTRUNCATE64 194

/* What socketcall(2) can stand for. */
static const volatile __u8 socket_calls[] = {
	[2] = CALL_BIND,   [3] = CALL_CONNECT,	[4] = CALL_LISTEN,
	[5] = CALL_ACCEPT, [18] = CALL_ACCEPT4,
};
#define SOCKET_CALLS (sizeof(socket_calls) / sizeof(socket_calls[0]))

/* What the caller passed, whatever the registers it came in; value[0] is not used, so that an
 * argument's number is its place. Kept in the scratch, and volatile: the verifier forgets how it
 * came there and looks at what follows once, not once for each way. */
struct arguments {
	volatile __u64 value[8];
};

#define TS_COMPAT 2

/* Which table the number belongs to comes before the number. */
static __always_inline bool is_compat(struct task_struct *task)
{
	return OF(task, thread_info.status) & TS_COMPAT;
}

static __always_inline enum event_call call_of(__u64 number, bool compat)
{
	__u64 nr = number & ~(__u64)X32_BIT;

	if (nr >= CALL_NUMBERS)
		return CALL_NONE;
	return compat ? compat_calls[nr] : native_calls[nr];
}

static __always_inline void read_arguments(struct pt_regs *regs, bool compat, struct arguments *ret)
{
	ret->value[0] = ret->value[7] = 0;
	if (!compat) {
		ret->value[1] = regs->di;
		ret->value[2] = regs->si;
		ret->value[3] = regs->dx;
		ret->value[4] = regs->r10;
		ret->value[5] = regs->r8;
		ret->value[6] = regs->r9;
		return;
	}
	ret->value[1] = (__u32)regs->bx;
	ret->value[2] = (__u32)regs->cx;
	ret->value[3] = (__u32)regs->dx;
	ret->value[4] = (__u32)regs->si;
	ret->value[5] = (__u32)regs->di;
	ret->value[6] = (__u32)regs->bp;
	if (regs->orig_ax == I386_UMOUNT)
		ret->value[2] = 0;
	if (regs->orig_ax == I386_TRUNCATE64 || regs->orig_ax == I386_FTRUNCATE64)
		ret->value[2] |= ret->value[3] << 32;
}

/* socketcall(CALL, {arguments}): they lie in the caller's memory. */
static __always_inline enum event_call unpack_socketcall(struct arguments *args)
{
	__u64 number = args->value[1];
	__u32 packed[3];

	if (number >= SOCKET_CALLS || !socket_calls[number])
		return CALL_NONE;
	if (bpf_probe_read_user(packed, sizeof(packed), (void *)args->value[2]))
		__builtin_memset(packed, 0xff, sizeof(packed)); /* no such descriptor */
	args->value[1] = packed[0];
	args->value[2] = packed[1];
	args->value[3] = packed[2];
	return socket_calls[number];
}

#endif
