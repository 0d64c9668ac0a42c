/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef INDELIBLE_EVENT_H
#define INDELIBLE_EVENT_H
/*
 * The wire between the kernel programs (bpf/) and the daemon (user/capture): what stands in the
 * rings, in the counters and in the settings. Also the body of a captured event file.
 *
 * An event is a struct event followed by its texts, text[0] first, without separators:
 *   slot             OPEN and other files  EXEC                 CONNECT, BIND, LISTEN, ACCEPT
 *   TEXT_PATH        resolved path         executable           path of the unix socket
 *   TEXT_CALLER      caller's string       name as called       caller's sockaddr (raw)
 *   TEXT_BASE        directory it is       working directory    working directory (relative
 *                    relative to                                unix address)
 *   TEXT_ARGV        a further word        arguments, each      -
 *                                          NUL-terminated
 *   TEXT_OTHER       second name; CHMOD,   -                    -
 *                    CHOWN: struct
 *                    event_before
 *   TEXT_OTHER_BASE  its directory         -                    -
 * PATH and the BASEs come from the path walk: components leaf first, each followed by '/':
 * "c/b/a/" is /a/b/c. So does TEXT_OTHER where the kernel resolved it (RENAME and LINK without
 * EVENT_UNVERIFIED). The others are bytes as the caller had them.
 */
#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#include <stdint.h>
#endif

#define EVENT_VERSION 3

enum event_kind {
	EVENT_EXEC = 1,
	EVENT_FORK,
	EVENT_EXIT,
	EVENT_OPEN,
	EVENT_SETID,
	EVENT_CONNECT,
	EVENT_UNLINK,
	EVENT_RENAME,
	EVENT_LINK,
	EVENT_TRUNCATE,
	EVENT_CHMOD,
	EVENT_CHOWN,
	EVENT_XATTR,
	EVENT_CAPSET,
	EVENT_BIND,
	EVENT_LISTEN,
	EVENT_ACCEPT,
	EVENT_MODULE,
	EVENT_BPF,
	EVENT_PTRACE,
	EVENT_MOUNT,
	EVENT_NAMESPACE,
	EVENT_KEXEC,
	EVENT_MEMFD,
	EVENT_IO_URING,
	EVENT_SIGNAL, /* to the collector */
	EVENT_LOGIN,  /* argument[0]: enum event_login; texts: user, service, tty, remote host */
	EVENT_REPEAT, /* of a recorded event, so and so often; no texts */
	EVENT_KINDS
};

/* Rings: a flood in one cannot push the others out. */
enum event_ring { RING_MAIN, RING_CREDENTIAL, RING_SELF, RINGS };

/* Loss and filtering are counted by family. SELF: whatever the collector itself does. */
enum event_family {
	FAMILY_PROCESS,
	FAMILY_FILE,
	FAMILY_CREDENTIAL,
	FAMILY_NETWORK,
	FAMILY_SELF,
	FAMILY_PERMISSION,
	FAMILY_KERNEL,
	FAMILY_LOGIN,
	FAMILIES
};

enum event_text {
	TEXT_PATH,
	TEXT_CALLER,
	TEXT_BASE,
	TEXT_ARGV,
	TEXT_OTHER,
	TEXT_OTHER_BASE,
	TEXTS
};

/* What a reader must know before believing an event. */
enum event_flag {
	EVENT_PATH_TRUNCATED = 1 << 0, /* the part nearest the root is missing */
	EVENT_PATH_LOST = 1 << 1,      /* the object was not there to be read */
	EVENT_ARGV_TRUNCATED = 1 << 2,
	EVENT_ARGV_LOST = 1 << 3,
	EVENT_UNVERIFIED = 1 << 4, /* only the caller's memory says so; it may have changed since */
	EVENT_FD_SHARED = 1 << 5, /* another task can swap descriptors: the object may be another */
	EVENT_BIND_MOUNT = 1 << 6, /* seen through a mount of a subtree: the file has other names */
	EVENT_DETACHED = 1 << 7,   /* on a mount that is in no namespace */
	EVENT_PSEUDO = 1 << 8,	   /* memfd, pipe and the like: the path is only a label */
	EVENT_DELETED = 1 << 9,	   /* has no name any more */
	EVENT_COMPAT = 1 << 10,	   /* 32-bit system call */
	EVENT_CALLER_TRUNCATED = 1 << 11,
	EVENT_CALLER_LOST = 1 << 12, /* the caller's string could not be read */
	EVENT_FLAGS = 13
};

struct event_cred {
	__u32 uid, gid, suid, sgid, euid, egid, fsuid,
		fsgid; /* order of the kernel's struct cred */
};

struct event_file { /* EXEC: the executable; whatever has no other struct */
	__u64 inode;
	__u32 device; /* kernel's internal dev_t: major << 20 | minor */
	__u32 mode;
	__u64 argument[2]; /* OPEN: its flags; else numbers the call was given, see bpf/calls.h */
};

struct event_before { /* the call: mode 0 when nobody knows */
	__u32 mode, owner, group;
};

struct event_socket {
	__u8 address[16]; /* network order; IPv4 uses the first four */
	__u32 protocol;
	__u16 port; /* host order */
	__u16 family;
};

struct event_setid {
	__u64 argument[3]; /* as passed */
};

struct event_fork {
	__u64 child_start;
	__u32 child_pid, child_tid, child_parent, padding;
};

struct event_repeat {
	__u64 count;
	__u64 seq;  /* of the event that was recorded, in the same ring of the same CPU */
	__u64 last; /* time of the last repeat */
	__u32 kind, padding;
};

struct event {
	__u64 seq;	 /* per (run, ring, cpu), from 0, no holes but losses */
	__u64 time;	 /* CLOCK_BOOTTIME, ns */
	__u64 start;	 /* of the process (thread group leader), CLOCK_BOOTTIME, ns */
	__u64 cgroup;	 /* id in the v2 hierarchy */
	__u64 effective; /* capabilities */
	__u64 permitted;
	__s64 result; /* of the system call; EXIT: exit code as wait(2) has it */
	struct event_cred cred;
	char comm[16];
	__u32 size; /* of all: this struct and the texts */
	__u32 run;
	__u32 pid, tid, parent; /* in the initial pid namespace; pid is the thread group */
	__u32 auid, session;	/* 4294967295: unset */
	__u32 mount_ns;
	__u32 flags;
	__u32 call; /* enum event_call */
	__u16 cpu;
	__u8 ring;
	__u8 kind;
	__u16 text[TEXTS]; /* length of each */
	__u32 fold;	   /* 0, or the place where its repeats are counted, plus one */
	__u32 padding;
	union {
		struct event_file file;
		struct event_socket socket;
		struct event_setid setid;
		struct event_fork fork;
		struct event_repeat repeat;
		__u64 raw[4];
	};
};

_Static_assert(sizeof(struct event_file) == 32 && sizeof(struct event_socket) == 24 &&
		       sizeof(struct event_setid) == 24 && sizeof(struct event_fork) == 24 &&
		       sizeof(struct event_repeat) == 32,
	       "no hidden padding");
_Static_assert(sizeof(struct event) == 56 + 32 + 16 + 40 + 4 + 12 + 8 + 32, "no hidden padding");

/* The walk may overrun EVENT_PATH_MAX by one component before it stops. */
#define EVENT_PATH_MAX 4096
#define EVENT_ARGV_MAX 8192
#define EVENT_TEXT_MAX 24576 /* of all texts together */

/* The system call behind an event, whatever number this architecture gives it. */
enum event_call {
	CALL_NONE,
	CALL_OPEN,
	CALL_CREAT,
	CALL_OPENAT,
	CALL_OPENAT2,
	CALL_OPEN_BY_HANDLE_AT,
	CALL_EXECVE,
	CALL_EXECVEAT,
	CALL_CONNECT,
	CALL_SETUID,
	CALL_SETGID,
	CALL_SETREUID,
	CALL_SETREGID,
	CALL_SETRESUID,
	CALL_SETRESGID,
	CALL_SETFSUID,
	CALL_SETFSGID,
	CALL_SETGROUPS,
	CALL_UNLINK,
	CALL_UNLINKAT,
	CALL_RMDIR,
	CALL_RENAME,
	CALL_RENAMEAT,
	CALL_RENAMEAT2,
	CALL_LINK,
	CALL_LINKAT,
	CALL_SYMLINK,
	CALL_SYMLINKAT,
	CALL_TRUNCATE,
	CALL_FTRUNCATE,
	CALL_CHMOD,
	CALL_FCHMOD,
	CALL_FCHMODAT,
	CALL_FCHMODAT2,
	CALL_CHOWN,
	CALL_FCHOWN,
	CALL_LCHOWN,
	CALL_FCHOWNAT,
	CALL_SETXATTR,
	CALL_LSETXATTR,
	CALL_FSETXATTR,
	CALL_SETXATTRAT,
	CALL_REMOVEXATTR,
	CALL_LREMOVEXATTR,
	CALL_FREMOVEXATTR,
	CALL_REMOVEXATTRAT,
	CALL_CAPSET,
	CALL_BIND,
	CALL_LISTEN,
	CALL_ACCEPT,
	CALL_ACCEPT4,
	CALL_INIT_MODULE,
	CALL_FINIT_MODULE,
	CALL_DELETE_MODULE,
	CALL_BPF,
	CALL_PTRACE,
	CALL_PROCESS_VM_WRITEV,
	CALL_MOUNT,
	CALL_UMOUNT,
	CALL_MOVE_MOUNT,
	CALL_MOUNT_SETATTR,
	CALL_PIVOT_ROOT,
	CALL_CHROOT,
	CALL_SETNS,
	CALL_UNSHARE,
	CALL_KEXEC_LOAD,
	CALL_KEXEC_FILE_LOAD,
	CALL_MEMFD_CREATE,
	CALL_IO_URING_SETUP,
	CALL_IO_URING_ENTER, /* or a thread of the kernel's that does what is in the ring */
	CALL_SOCKETCALL,     /* 32-bit only; recorded as the call it stands for */
	CALLS
};

/* What PAM was asked. */
enum event_login {
	LOGIN_AUTHENTICATE,
	LOGIN_ACCOUNT,
	LOGIN_OPEN_SESSION,
	LOGIN_CLOSE_SESSION,
	LOGIN_CHANGE_PASSWORD,
	LOGIN_ACTIONS
};

/* One per possible CPU. Sequence = numbers given out; settled when sent + lost catch up. Folded
 * events get no number; a repeat tells of them, and if it finds no room it is one of them that is
 * lost: issued = sent but for repeats + folded + lost + filtered. Withheld ones are among the lost:
 * a full ring's rest is kept for others. */
struct event_counters {
	__u64 seq[RINGS];
	struct {
		__u64 sent, lost, filtered, folded, withheld;
	} family[FAMILIES];
	__u64 counting; /* folded events that no repeat has told of yet: not among folded */
	__u64 padding[4];
};
_Static_assert(sizeof(struct event_counters) % 64 == 0, "a CPU's counters fill whole cache lines");

#define PROGRAMS_PER_CPU 10 /* programs that write events; each has its own scratch on each CPU */

/* What belongs to the collector, by the kernel's numbers. */
enum own_kind { OWN_MAP = 1, OWN_PROGRAM, OWN_LINK };
struct own_object {
	__u32 kind, id;
};

#define FOLDS_PER_CPU  64  /* events whose repeats are counted */
#define SHARES_PER_CPU 256 /* processes and cgroups whose share of a full ring is counted */

/* Scope of a run. */
enum event_scope { SCOPE_ALL, SCOPE_TREE, SCOPE_CGROUP };

#endif
