// SPDX-License-Identifier: Apache-2.0
/* Names of the numbers in records. */
#include "record/record.h"

#define NAME_AT(table, i) ((i) < sizeof(table) / sizeof(table[0]) ? table[i] : NULL)

const char *record_flag_name(unsigned int bit)
{
	static const char *const names[RECORD_FLAGS] = {
		"path_truncated", "path_lost",	      "argv_truncated", "argv_lost",
		"unverified",	  "fd_shared",	      "bind",		"detached",
		"pseudo",	  "deleted",	      "compat",		"claimed_truncated",
		"claimed_lost",	  "old_cred_guessed",
	};

	return NAME_AT(names, bit);
}

const char *record_call_name(uint64_t call)
{
	static const char *const names[RECORD_CALLS] = {
		"",
		"open",
		"creat",
		"openat",
		"openat2",
		"open_by_handle_at",
		"execve",
		"execveat",
		"connect",
		"setuid",
		"setgid",
		"setreuid",
		"setregid",
		"setresuid",
		"setresgid",
		"setfsuid",
		"setfsgid",
		"setgroups",
		"unlink",
		"unlinkat",
		"rmdir",
		"rename",
		"renameat",
		"renameat2",
		"link",
		"linkat",
		"symlink",
		"symlinkat",
		"truncate",
		"ftruncate",
		"chmod",
		"fchmod",
		"fchmodat",
		"fchmodat2",
		"chown",
		"fchown",
		"lchown",
		"fchownat",
		"setxattr",
		"lsetxattr",
		"fsetxattr",
		"setxattrat",
		"removexattr",
		"lremovexattr",
		"fremovexattr",
		"removexattrat",
		"capset",
		"bind",
		"listen",
		"accept",
		"accept4",
		"init_module",
		"finit_module",
		"delete_module",
		"bpf",
		"ptrace",
		"process_vm_writev",
		"mount",
		"umount2",
		"move_mount",
		"mount_setattr",
		"pivot_root",
		"chroot",
		"setns",
		"unshare",
		"kexec_load",
		"kexec_file_load",
		"memfd_create",
		"io_uring_setup",
		"io_uring_enter",
	};

	return NAME_AT(names, call);
}

const char *record_family_name(unsigned int family)
{
	static const char *const names[RECORD_FAMILIES] = { "process", "file", "credential",
							    "network", "self", "permission",
							    "kernel",  "login" };

	return NAME_AT(names, family);
}

const char *record_ring_name(unsigned int ring)
{
	static const char *const names[RECORD_RINGS] = { "main", "credential", "self" };

	return NAME_AT(names, ring);
}

const char *record_actor_name(unsigned int actor)
{
	static const char *const names[ACTORS] = { "unknown", "human", "service", "container",
						   "kernel" };

	return NAME_AT(names, actor);
}

const char *record_how_name(unsigned int how)
{
	static const char *const names[HOWS] = { "none",      "loginuid", "ancestor", "unit",
						 "container", "kernel",	  "guess" };

	return NAME_AT(names, how);
}
