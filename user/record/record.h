/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H
/*
 * The audited fact as it stands in the chain: one struct for all kinds, one table (types.c) that
 * says which kind has which fields, in which order and form. Encoding, decoding, the SCHEMA text
 * and the JSON names all come from that table.
 *
 * On disk: kind u8, then the kind's fields in table order: numbers as shortest varints (signed
 * ones zigzag), times as 8 bytes big-endian, bytes as varint length and content. What decodes
 * encodes to the same bytes.
 */
#include <stdbool.h>

#include "base/bytes.h"

#define RECORD_VERSION 3     /* forms, and fields of the kinds there are; not that there are more */
#define RECORD_MAX     65519 /* bytes of an encoded record, the chain's limit */
#define RECORD_UNSET   UINT32_MAX /* auid, session: nobody has logged in */

/* First byte of a record; below 0x10 is the chain's own. */
enum record_kind {
	RECORD_START = 0x10,
	RECORD_HEARTBEAT = 0x11,
	RECORD_COUNTERS = 0x12,
	RECORD_LOSS = 0x13,
	RECORD_STOP = 0x14,
	RECORD_USER = 0x15,	 /* a uid and the name it has from here on */
	RECORD_ARCHIVE = 0x16,	 /* a copy of the chain was made elsewhere, or could not be */
	RECORD_PRUNE = 0x17,	 /* who had segments deleted, and why that was right */
	RECORD_KEEPER = 0x18,	 /* the process that holds the keys was replaced */
	RECORD_LOGINUID = 0x19,	 /* a thread has another login uid than when it was last seen */
	RECORD_DISTURBED = 0x1a, /* somebody's hand was in what the collector collects with */
	RECORD_CONFIG = 0x1b,	 /* what is recorded from here on, and who said so */
	RECORD_PAUSE = 0x1c,	 /* the collector ends, the programs go on */
	RECORD_RESUME = 0x1d,	 /* behind a START: that run goes on, nothing began anew */
	RECORD_ALERT = 0x20,
	RECORD_DIGEST = 0x21, /* of the model, for replay --check */
	RECORD_EXEC = 0x40,
	RECORD_FORK = 0x41,
	RECORD_EXIT = 0x42,
	RECORD_OPEN = 0x43,
	RECORD_SETUID = 0x44, /* the set*id family; `call` says which */
	RECORD_CONNECT = 0x45,
	RECORD_UNLINK = 0x46,
	RECORD_RENAME = 0x47,
	RECORD_LINK = 0x48, /* symbolic ones too; `call` says which */
	RECORD_TRUNCATE = 0x49,
	RECORD_CHMOD = 0x4a,
	RECORD_CHOWN = 0x4b,
	RECORD_XATTR = 0x4c, /* set or removed */
	RECORD_CAPSET = 0x4d,
	RECORD_BIND = 0x4e,
	RECORD_LISTEN = 0x4f,
	RECORD_ACCEPT = 0x50,
	RECORD_MODULE = 0x51, /* loaded or removed */
	RECORD_BPF = 0x52,
	RECORD_PTRACE = 0x53, /* attached, or wrote another's memory */
	RECORD_MOUNT = 0x54,  /* and umount, pivot_root, chroot, … */
	RECORD_NAMESPACE = 0x55,
	RECORD_KEXEC = 0x56,
	RECORD_MEMFD = 0x57,
	RECORD_IO_URING = 0x58,
	RECORD_SIGNAL = 0x59, /* to the collector or its keeper */
	RECORD_LOGIN = 0x5a,  /* what PAM was asked and answered */
	RECORD_REPEAT = 0x5b, /* of an event that was recorded, so and so often */
};

/* Rings and families that are counted apart, as COUNTERS lists them. */
#define RECORD_RINGS	 3
#define RECORD_FAMILIES	 8
#define RECORD_COUNTS	 5 /* of a family: enum record_count */
#define RECORD_VALUES	 (RECORD_RINGS + RECORD_COUNTS * RECORD_FAMILIES)
#define RECORD_RING_SELF 2 /* what the collector itself did */

/* Withheld events are among the lost. */
enum record_count { COUNT_SENT, COUNT_LOST, COUNT_FILTERED, COUNT_FOLDED, COUNT_WITHHELD };

/* What a reader must know before believing an event; bits of `flags`. Values are on disk. */
enum record_flag {
	RECORD_PATH_TRUNCATED = 1 << 0, /* the part nearest the root is missing */
	RECORD_PATH_LOST = 1 << 1,	/* the object was not there to be read */
	RECORD_ARGV_TRUNCATED = 1 << 2,
	RECORD_ARGV_LOST = 1 << 3,
	RECORD_UNVERIFIED = 1 << 4, /* only the caller's memory said so */
	RECORD_FD_SHARED = 1 << 5,  /* another task could have swapped the descriptor */
	RECORD_BIND_MOUNT = 1 << 6, /* seen through a mount of a subtree */
	RECORD_DETACHED = 1 << 7,   /* on a mount that is in no namespace */
	RECORD_PSEUDO = 1 << 8,	    /* memfd, pipe: the path is only a label */
	RECORD_DELETED = 1 << 9,    /* had no name any more */
	RECORD_COMPAT = 1 << 10,    /* 32-bit system call */
	RECORD_CLAIM_TRUNCATED = 1 << 11,
	RECORD_CLAIM_LOST = 1 << 12,
	RECORD_OLD_CRED_GUESSED = 1 << 13, /* the thread's first event: before is what /proc or its
					    * process had, else the same as after */
	RECORD_FLAGS = 14
};

/* System call behind an event; values are on disk. */
enum record_call {
	RECORD_CALL_NONE,
	RECORD_CALL_OPEN,
	RECORD_CALL_CREAT,
	RECORD_CALL_OPENAT,
	RECORD_CALL_OPENAT2,
	RECORD_CALL_OPEN_BY_HANDLE_AT,
	RECORD_CALL_EXECVE,
	RECORD_CALL_EXECVEAT,
	RECORD_CALL_CONNECT,
	RECORD_CALL_SETUID,
	RECORD_CALL_SETGID,
	RECORD_CALL_SETREUID,
	RECORD_CALL_SETREGID,
	RECORD_CALL_SETRESUID,
	RECORD_CALL_SETRESGID,
	RECORD_CALL_SETFSUID,
	RECORD_CALL_SETFSGID,
	RECORD_CALL_SETGROUPS,
	RECORD_CALL_UNLINK,
	RECORD_CALL_UNLINKAT,
	RECORD_CALL_RMDIR,
	RECORD_CALL_RENAME,
	RECORD_CALL_RENAMEAT,
	RECORD_CALL_RENAMEAT2,
	RECORD_CALL_LINK,
	RECORD_CALL_LINKAT,
	RECORD_CALL_SYMLINK,
	RECORD_CALL_SYMLINKAT,
	RECORD_CALL_TRUNCATE,
	RECORD_CALL_FTRUNCATE,
	RECORD_CALL_CHMOD,
	RECORD_CALL_FCHMOD,
	RECORD_CALL_FCHMODAT,
	RECORD_CALL_FCHMODAT2,
	RECORD_CALL_CHOWN,
	RECORD_CALL_FCHOWN,
	RECORD_CALL_LCHOWN,
	RECORD_CALL_FCHOWNAT,
	RECORD_CALL_SETXATTR,
	RECORD_CALL_LSETXATTR,
	RECORD_CALL_FSETXATTR,
	RECORD_CALL_SETXATTRAT,
	RECORD_CALL_REMOVEXATTR,
	RECORD_CALL_LREMOVEXATTR,
	RECORD_CALL_FREMOVEXATTR,
	RECORD_CALL_REMOVEXATTRAT,
	RECORD_CALL_CAPSET,
	RECORD_CALL_BIND,
	RECORD_CALL_LISTEN,
	RECORD_CALL_ACCEPT,
	RECORD_CALL_ACCEPT4,
	RECORD_CALL_INIT_MODULE,
	RECORD_CALL_FINIT_MODULE,
	RECORD_CALL_DELETE_MODULE,
	RECORD_CALL_BPF,
	RECORD_CALL_PTRACE,
	RECORD_CALL_PROCESS_VM_WRITEV,
	RECORD_CALL_MOUNT,
	RECORD_CALL_UMOUNT,
	RECORD_CALL_MOVE_MOUNT,
	RECORD_CALL_MOUNT_SETATTR,
	RECORD_CALL_PIVOT_ROOT,
	RECORD_CALL_CHROOT,
	RECORD_CALL_SETNS,
	RECORD_CALL_UNSHARE,
	RECORD_CALL_KEXEC_LOAD,
	RECORD_CALL_KEXEC_FILE_LOAD,
	RECORD_CALL_MEMFD_CREATE,
	RECORD_CALL_IO_URING_SETUP,
	RECORD_CALL_IO_URING_ENTER,
	RECORD_CALLS
};

/* Why we say who did it; attribution.md. Order is on disk. */
enum record_how {
	HOW_NONE,
	HOW_LOGINUID,
	HOW_ANCESTOR,
	HOW_UNIT,
	HOW_CONTAINER,
	HOW_KERNEL,
	HOW_GUESS,
	HOWS
};
enum record_actor {
	ACTOR_UNKNOWN,
	ACTOR_HUMAN,
	ACTOR_SERVICE,
	ACTOR_CONTAINER,
	ACTOR_KERNEL,
	ACTORS
};

struct record_cred {
	uint32_t uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	uint64_t effective; /* capabilities */
	uint64_t permitted;
};

/*
 * Bytes fields point into what was decoded (or what the maker owns) and live as long as that.
 * Fields a kind does not have are zero.
 */
struct record {
	uint8_t kind;
	uint64_t time; /* ns since the epoch */

	/* where it was seen: events only */
	uint32_t run, cpu, ring;
	uint64_t seq;
	uint64_t flags; /* enum record_flag */
	uint64_t call;	/* enum record_call */
	int64_t result;

	/* who: events only */
	uint32_t pid, tid, ppid;
	uint64_t start; /* of the process, ns since boot: with pid and boot an identity */
	uint32_t auid, session;
	uint64_t cgroup;
	uint32_t mount_ns;
	struct record_cred cred;     /* after the event */
	struct record_cred old_cred; /* before: SETUID, EXEC */
	struct bytes comm, exe;
	uint8_t actor, how; /* enum record_actor, record_how */
	struct bytes user;  /* login name, unit or container the actor is known by; may be empty */
	struct bytes acting_as; /* name of the effective uid; may be empty */
	struct bytes via;	/* programs that led here, oldest first, '\0' between */
	struct bytes container; /* id; empty on the host */

	/* OPEN, EXEC, CONNECT */
	struct bytes path; /* OPEN: the file, EXEC: what was refused or run, CONNECT: unix peer */
	struct bytes claimed; /* what the caller said, where that differs or may */
	uint64_t inode;
	uint32_t device, mode, open_flags;
	struct bytes argv; /* '\0' after each */
	struct bytes cwd;
	uint32_t old_mode, old_owner, old_group; /* CHMOD, CHOWN: before; mode 0: nobody knows */

	uint64_t argument[3]; /* numbers as passed; record.c says which, by kind */
	struct bytes other;   /* second name: RENAME, LINK: the new one; MODULE, BPF: its own;
			       * LOGIN: tty */
	struct bytes word; /* XATTR: attribute; MOUNT: type; LINK: what a symbolic one says; LOGIN:
			    * service. LOGIN has the account in `name`, the far host in
			    * `place` */

	/* CONNECT, BIND, LISTEN, ACCEPT */
	uint32_t family, port, protocol;
	struct bytes address; /* 4 or 16 bytes, network order; unix: the socket's name */

	/* FORK: the new task; its parent differs from pid after CLONE_PARENT */
	uint32_t child_pid, child_tid, child_parent;
	uint64_t child_start;

	/* START */
	uint8_t boot_id[16];
	struct bytes host, kernel, version, hooks, scope;
	struct bytes programs; /* name:id:tag, one a line */
	uint32_t cpus;
	uint64_t boot_time;  /* epoch ns of boottime 0, as of this start */
	uint64_t model_from; /* first record that the model of this run has seen */

	/* HEARTBEAT; RESUME has what waited */
	uint64_t canary_seq, canary_cpu; /* the canary event that came back */
	uint32_t canary;		 /* enum record_canary */
	uint64_t misses;		 /* recursion_misses of all programs since start */
	struct bytes fill;		 /* varints: bytes waiting in each ring */
	uint64_t received;		 /* events taken from the rings since start */

	/* COUNTERS, one a CPU (in `cpu`): varints, RINGS sequences, then RECORD_COUNTS of each
	 * family */
	struct bytes values;

	/* KEEPER: `pid` is the new one, `count` how many times in this run, `name` how the last one
	 * ended */

	/* REPEAT: `count` times the event with number `at` of this ring and CPU, the last one at
	 * `since`; its object again */

	/* LOSS */
	uint64_t count, since; /* events; epoch ns of the last time it was known to be complete */
	uint32_t reason, lost_family;

	/* DISTURBED: `reason` is an enum record_disturbance; in `name` what it was done to;
	 * `result` 0 when it was put right again, else -errno; `count` events that the kernel lost
	 * since */

	/* CONFIG; `uid` and `pid` asked for it (0, the collector's own: at its start) */
	struct bytes policy; /* the text */

	/* USER; LOGINUID: the one before */
	uint32_t id;
	struct bytes name;

	/* ARCHIVE: entries [0, size) are at place if result is 0, else -errno and why */
	struct bytes place, root; /* root of the tree at size, 32 bytes */
	uint64_t size;

	/* PRUNE; why also in ARCHIVE */
	uint32_t uid; /* who asked; their process is `pid` */
	uint64_t keep_number, keep_first;
	struct bytes why;

	/* ALERT, DIGEST */
	uint64_t at;	 /* ALERT: index of the record that caused it; DIGEST: records scored */
	int64_t score;	 /* Q10 bits: 1024 is one bit */
	int64_t limit;	 /* of the accumulator, Q10 */
	uint64_t digest; /* of the model */
	struct bytes entity;
	struct bytes parts; /* see score/alert.h */
	uint64_t first;	    /* ALERT: index where the accumulation began */
};

enum record_canary { CANARY_NONE, CANARY_SEEN, CANARY_LATE };
enum record_loss { LOSS_RING_FULL, LOSS_PROGRAM_SKIPPED, LOSS_WITHHELD };

/* What a heartbeat found. Order is on disk. */
enum record_disturbance {
	DISTURBED_STALLED,  /* the collector stood still, from `since` on */
	DISTURBED_CANARY,   /* a system call of its own did not come back as an event */
	DISTURBED_LINK,	    /* a program was detached */
	DISTURBED_PROGRAM,  /* another program runs in its place */
	DISTURBED_RING,	    /* somebody else moved on in the ring */
	DISTURBED_COUNTERS, /* went back, or lag behind what came through the ring */
	DISTURBED_SETTINGS, /* are not what they were set to */
	DISTURBANCES
};

enum record_form {
	FORM_U8,
	FORM_U32,
	FORM_U64,
	FORM_S64,
	FORM_BYTES,
	FORM_CRED,
	FORM_RAW16,
	FORM_BE64
};

struct record_field {
	const char *name; /* in JSON and in the schema */
	uint16_t offset;  /* in struct record */
	uint8_t form;	  /* enum record_form */
};

/* Name and fields of a kind; NULL for an unknown one. The list ends with a NULL name. */
struct record_type {
	uint8_t kind;
	const char *name;
	const struct record_field *fields;
};
const struct record_type *record_type(uint8_t kind);

/* All known kinds in order; NULL past the last. */
const struct record_type *record_type_at(size_t position);

/* Encoded length, at most room; -EMSGSIZE when it does not fit, -EINVAL for an unknown kind. */
ssize_t record_encode(const struct record *record, uint8_t *to, size_t room);

/* 0; -EPROTONOSUPPORT for a kind this build does not know, -EBADMSG for anything that does not
 * encode to the same bytes. *ret is untouched on failure. */
int record_decode(struct bytes from, struct record *ret);

/* Text of the SCHEMA entry: version, context, then every kind with its fields, so that a chain
 * can be read without this program. NUL-terminated; -EMSGSIZE when room is too small. */
ssize_t record_schema(char *to, size_t room, const char *context);

/* Version of the records behind a SCHEMA text; -EBADMSG: not of this program. Decode only what has
 * RECORD_VERSION: the same bytes may mean something else in another. */
int record_schema_version(struct bytes text, uint32_t *ret);

/* Names of flag bits, calls, families ("file"), rings, actors ("human") and ways of knowing
 * ("loginuid"); NULL past the last. */
const char *record_flag_name(unsigned int bit);
const char *record_call_name(uint64_t call);
const char *record_family_name(unsigned int family);
const char *record_ring_name(unsigned int ring);
const char *record_actor_name(unsigned int actor);
const char *record_how_name(unsigned int how);

/* Unpack a list of varints (`values`, `fill`): how many there were, at most room; -EBADMSG. */
int record_unpack(struct bytes from, uint64_t *to, size_t room);

/* True for kinds that accuse nobody but speak of the host: what it lost, what was done to us. */
static inline bool record_is_of_host(uint8_t kind)
{
	return kind == RECORD_LOSS || kind == RECORD_KEEPER || kind == RECORD_DISTURBED;
}

/* True for kinds that stand for one kernel event (they carry run, ring, cpu and seq). */
static inline bool record_is_event(uint8_t kind)
{
	return kind >= RECORD_EXEC && kind <= RECORD_REPEAT;
}

#endif
