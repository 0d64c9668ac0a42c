/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef INDELIBLE_POLICY_MAP_H
#define INDELIBLE_POLICY_MAP_H
/*
 * What is recorded, as the kernel programs look it up. There is room for two policies: a new one
 * is put where the other one is not, then policy_slot says which is in force. At every moment it is
 * the one or the other, whole.
 */
#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define POLICY_SLOTS	2
#define POLICY_NAME	64 /* bytes of a name, each component with its '/' */
#define POLICY_DEPTH	6  /* components of a name that begins at the root */
#define POLICY_NAMES	512
#define POLICY_INODES	4096
#define POLICY_RANGES	8
#define POLICY_CGROUPS	8
#define POLICY_ANYWHERE (1u << 31) /* the mark that every place has */
#define POLICY_NONE	(1u << 30) /* a place that was taken out of a greater one */

enum policy_flag {
	POLICY_ALL_OPENS = 1 << 0,    /* nothing below is asked of an open */
	POLICY_REFUSED = 1 << 1,      /* opens that ended with EACCES or EPERM */
	POLICY_ROOT_READS = 1 << 2,   /* a name that begins at the root says so of reading */
	POLICY_ONLY_CGROUPS = 1 << 3, /* those listed; otherwise all but those */
};

/* Narrow file, permission and network events; what attribution is made of, and what nobody may go
 * unseen with, comes from everyone. */
struct policy_settings {
	__u64 fold_ns;	/* repeats within that time become one record; 0: none do */
	__u32 families; /* bit enum event_family: recorded at all */
	__u32 flags;	/* enum policy_flag */
	__u32 range_count, cgroup_count;
	struct policy_range {
		__u32 first, last; /* real uid */
	} ranges[POLICY_RANGES];
	struct policy_cgroup {
		__u64 id;
		__u32 level, padding;
	} cgroups[POLICY_CGROUPS];
};

/*
 * Names of opened files, a longest-prefix trie: from the root ("etc/ssh/": that and all below) or
 * from the leaf ("id_rsa/.ssh/": those names wherever). bits counts from `slot` on.
 */
enum policy_side { POLICY_ROOT, POLICY_LEAF };
struct policy_name_key {
	__u32 bits;
	__u16 slot, side;
	char text[POLICY_NAME];
};
#define POLICY_NAME_BITS(len) (32 + 8 * (len))

/*
 * From the root: whether to record (0, 1), and what places it is among (marks). From the leaf: the
 * marks of which the place must have one.
 */
struct policy_name {
	__u32 reads, writes, marks;
};

/* The files and directories that these names led to: they may have other names. */
struct policy_inode_key {
	__u64 inode;
	__u32 device, slot;
};
struct policy_inode {
	__u32 reads, writes;
};

#endif
