/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SHAPES_H
#define SHAPES_H
/* What each call is recorded as; and of those of object.h, which argument names the object and
 * which numbers count. */
#include "event.h"

#define RESULT	 8 /* in place of an argument's number: the descriptor that was returned */
#define NOT_PATH 7 /* in place of a directory's: that string is no path */

/* Numbers of arguments, from 1; 0 for none. A name without a directory starts from the working
 * directory. */
struct shape {
	__u8 kind, family;
	__u8 fd;	  /* the object itself */
	__u8 dirfd, name; /* or its name */
	__u8 other_dirfd, other;
	__u8 word; /* a further string */
	__u8 number[2];
};

#define FILE(kind, ...)                                                                            \
	{                                                                                          \
		EVENT_##kind, FAMILY_FILE, __VA_ARGS__                                             \
	}
#define NETWORK(kind)                                                                              \
	{                                                                                          \
		EVENT_##kind, FAMILY_NETWORK, .fd = 0                                              \
	}
#define SETID                                                                                      \
	{                                                                                          \
		EVENT_SETID, FAMILY_CREDENTIAL, .fd = 0                                            \
	}
#define PERMISSION(kind, ...)                                                                      \
	{                                                                                          \
		EVENT_##kind, FAMILY_PERMISSION, __VA_ARGS__                                       \
	}
#define KERNEL(kind, ...)                                                                          \
	{                                                                                          \
		EVENT_##kind, FAMILY_KERNEL, __VA_ARGS__                                           \
	}
#define CALL_MASK 127
static const volatile struct shape shapes[CALL_MASK + 1] = {
	[CALL_OPEN] = FILE(OPEN, .name = 1),
	[CALL_CREAT] = FILE(OPEN, .name = 1),
	[CALL_OPENAT] = FILE(OPEN, .dirfd = 1, .name = 2),
	[CALL_OPENAT2] = FILE(OPEN, .dirfd = 1, .name = 2),
	[CALL_OPEN_BY_HANDLE_AT] = FILE(OPEN, .name = 0),
	[CALL_EXECVE] = { EVENT_EXEC, FAMILY_PROCESS, .name = 1 },
	[CALL_EXECVEAT] = { EVENT_EXEC, FAMILY_PROCESS, .dirfd = 1, .name = 2 },
	[CALL_CONNECT] = NETWORK(CONNECT),
	[CALL_BIND] = NETWORK(BIND),
	[CALL_LISTEN] = NETWORK(LISTEN),
	[CALL_ACCEPT] = NETWORK(ACCEPT),
	[CALL_ACCEPT4] = NETWORK(ACCEPT),
	[CALL_SETUID] = SETID,
	[CALL_SETGID] = SETID,
	[CALL_SETREUID] = SETID,
	[CALL_SETREGID] = SETID,
	[CALL_SETRESUID] = SETID,
	[CALL_SETRESGID] = SETID,
	[CALL_SETFSUID] = SETID,
	[CALL_SETFSGID] = SETID,
	[CALL_SETGROUPS] = SETID,
	[CALL_UNLINK] = FILE(UNLINK, .name = 1),
	[CALL_UNLINKAT] = FILE(UNLINK, .dirfd = 1, .name = 2, .number = { 3 }),
	[CALL_RMDIR] = FILE(UNLINK, .name = 1),
	[CALL_RENAME] = FILE(RENAME, .name = 1, .other = 2),
	[CALL_RENAMEAT] = FILE(RENAME, .dirfd = 1, .name = 2, .other_dirfd = 3, .other = 4),
	[CALL_RENAMEAT2] =
		FILE(RENAME, .dirfd = 1, .name = 2, .other_dirfd = 3, .other = 4, .number = { 5 }),
	[CALL_LINK] = FILE(LINK, .name = 1, .other = 2),
	[CALL_LINKAT] =
		FILE(LINK, .dirfd = 1, .name = 2, .other_dirfd = 3, .other = 4, .number = { 5 }),
	[CALL_SYMLINK] = FILE(LINK, .word = 1, .other = 2),
	[CALL_SYMLINKAT] = FILE(LINK, .word = 1, .other_dirfd = 2, .other = 3),
	[CALL_TRUNCATE] = FILE(TRUNCATE, .name = 1, .number = { 2 }),
	[CALL_FTRUNCATE] = FILE(TRUNCATE, .fd = 1, .number = { 2 }),
	[CALL_CHMOD] = PERMISSION(CHMOD, .name = 1, .number = { 2 }),
	[CALL_FCHMOD] = PERMISSION(CHMOD, .fd = 1, .number = { 2 }),
	[CALL_FCHMODAT] = PERMISSION(CHMOD, .dirfd = 1, .name = 2, .number = { 3 }),
	[CALL_FCHMODAT2] = PERMISSION(CHMOD, .dirfd = 1, .name = 2, .number = { 3 }),
	[CALL_CHOWN] = PERMISSION(CHOWN, .name = 1, .number = { 2, 3 }),
	[CALL_LCHOWN] = PERMISSION(CHOWN, .name = 1, .number = { 2, 3 }),
	[CALL_FCHOWN] = PERMISSION(CHOWN, .fd = 1, .number = { 2, 3 }),
	[CALL_FCHOWNAT] = PERMISSION(CHOWN, .dirfd = 1, .name = 2, .number = { 3, 4 }),
	[CALL_SETXATTR] = PERMISSION(XATTR, .name = 1, .word = 2),
	[CALL_LSETXATTR] = PERMISSION(XATTR, .name = 1, .word = 2),
	[CALL_FSETXATTR] = PERMISSION(XATTR, .fd = 1, .word = 2),
	[CALL_SETXATTRAT] = PERMISSION(XATTR, .dirfd = 1, .name = 2, .word = 4),
	[CALL_REMOVEXATTR] = PERMISSION(XATTR, .name = 1, .word = 2),
	[CALL_LREMOVEXATTR] = PERMISSION(XATTR, .name = 1, .word = 2),
	[CALL_FREMOVEXATTR] = PERMISSION(XATTR, .fd = 1, .word = 2),
	[CALL_REMOVEXATTRAT] = PERMISSION(XATTR, .dirfd = 1, .name = 2, .word = 4),
	[CALL_CAPSET] = { EVENT_CAPSET, FAMILY_CREDENTIAL, .fd = 0 },
	[CALL_INIT_MODULE] = KERNEL(MODULE, .word = 3),
	[CALL_FINIT_MODULE] = KERNEL(MODULE, .fd = 1, .word = 2, .number = { 3 }),
	[CALL_DELETE_MODULE] = KERNEL(MODULE, .other_dirfd = NOT_PATH, .other = 1, .number = { 2 }),
	[CALL_BPF] = KERNEL(BPF, .number = { 1 }),
	[CALL_PTRACE] = KERNEL(PTRACE, .number = { 1, 2 }),
	[CALL_PROCESS_VM_WRITEV] = KERNEL(PTRACE, .number = { 0, 1 }),
	[CALL_MOUNT] = KERNEL(MOUNT, .name = 2, .other_dirfd = NOT_PATH, .other = 1, .word = 3,
			      .number = { 4 }),
	[CALL_UMOUNT] = KERNEL(MOUNT, .name = 1, .number = { 2 }),
	[CALL_MOVE_MOUNT] =
		KERNEL(MOUNT, .dirfd = 3, .name = 4, .other_dirfd = 1, .other = 2, .number = { 5 }),
	[CALL_MOUNT_SETATTR] = KERNEL(MOUNT, .dirfd = 1, .name = 2, .number = { 3 }),
	[CALL_PIVOT_ROOT] = KERNEL(MOUNT, .name = 1, .other = 2),
	[CALL_CHROOT] = KERNEL(MOUNT, .name = 1),
	[CALL_SETNS] = KERNEL(NAMESPACE, .fd = 1, .number = { 2 }),
	[CALL_UNSHARE] = KERNEL(NAMESPACE, .number = { 1 }),
	[CALL_KEXEC_LOAD] = KERNEL(KEXEC, .number = { 4 }),
	[CALL_KEXEC_FILE_LOAD] = KERNEL(KEXEC, .fd = 1, .word = 4, .number = { 5 }),
	[CALL_MEMFD_CREATE] = KERNEL(MEMFD, .fd = RESULT, .word = 1, .number = { 2 }),
	[CALL_IO_URING_SETUP] = KERNEL(IO_URING, .fd = RESULT, .number = { 1 }),
};

_Static_assert((FAMILIES & (FAMILIES - 1)) == 0 && CALLS <= CALL_MASK + 1,
	       "what comes out of memory is bounded by a mask");

#endif
