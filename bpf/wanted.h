/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef WANTED_H
#define WANTED_H
/* Is it to be recorded? By family and who first; an open by its names and its identity as well. */
#include "common.h"

#define EPERM  1
#define EACCES 13

#define O_ACCMODE 00000003
#define O_WRONLY  00000001
#define O_CREAT	  00000100
#define O_EXCL	  00000200
#define O_TRUNC	  00001000

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, POLICY_SLOTS *POLICY_NAMES);
	__type(key, struct policy_name_key);
	__type(value, struct policy_name);
} policy_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, POLICY_SLOTS *POLICY_INODES);
	__type(key, struct policy_inode_key);
	__type(value, struct policy_inode);
} policy_inodes SEC(".maps");

static __always_inline bool changes_file(__u64 flags)
{
	return flags & (O_ACCMODE | O_CREAT | O_TRUNC);
}

/* The path in the scratch is the first text, leaf first: as much of it as a name can have. */
static __always_inline struct policy_name *find_from_leaf(struct scratch *s)
{
	__u32 len = s->walk.at - s->walk.begin;

	s->name.bits = POLICY_NAME_BITS(len < POLICY_NAME ? len : POLICY_NAME);
	s->name.side = POLICY_LEAF;
	for (int i = 0; i < POLICY_NAME / 8; i++)
		((__u64 *)s->name.text)[i] = ((const __u64 *)s->text)[i];
	return bpf_map_lookup_elem(&policy_names, &s->name);
}

/* The components nearest the root, in the order in which people write them. */
static __always_inline struct policy_name *find_from_root(struct scratch *s)
{
	__u32 count = s->walk.count, end = s->walk.at, to = 0;

	for (__u32 i = 1; i <= POLICY_DEPTH && i <= count; i++) {
		__u32 begin = s->walk.starts[(count - i) & WALK_STARTS_MASK];
		const __u64 *words = (const __u64 *)(s->text + BOUND(begin, TEXT_MASK));
		__u64 *copy = (__u64 *)(s->name.text + BOUND(to, POLICY_NAME - 1));

		/* What is copied too much is written over by the next, or lies past the end. */
		for (__u32 at = 0, w = 0; w < POLICY_NAME / 8 && at < end - begin; w++, at += 8)
			copy[w] = words[w];
		to += end - begin;
		end = begin;
		if (to >= POLICY_NAME) {
			to = POLICY_NAME;
			break;
		}
	}
	s->name.bits = POLICY_NAME_BITS(to);
	s->name.side = POLICY_ROOT;
	return bpf_map_lookup_elem(&policy_names, &s->name);
}

static __always_inline bool is_watched_inode(struct scratch *s, __u64 inode, __u32 device,
					     bool writes)
{
	struct policy_inode *found;

	s->inode.inode = inode;
	s->inode.device = device;
	found = bpf_map_lookup_elem(&policy_inodes, &s->inode);
	return found && (writes ? found->writes : found->reads);
}

/* Below a mount the path may have come by another way: is any directory above a watched one? */
static __always_inline bool is_below_watched(struct scratch *s, bool writes)
{
	struct dentry *dentry = AS(struct dentry, s->walk.dentry), *parent;

	for (int i = 0; i < 32; i++) {
		struct inode *inode;

		parent = READ(dentry, d_parent);
		if (parent == dentry)
			return false;
		dentry = parent;
		inode = AS(struct inode, READ(dentry, d_inode));
		if (is_watched_inode(s, READ(inode, i_ino), s->event.file.device, writes))
			return true;
	}
	return false;
}

/*
 * An open that succeeded, its file and path in the scratch; the path walk was the last one. 1 when
 * it is to be recorded. A function of its own, so that the verifier looks at it once.
 */
__noinline int policy_wants_file(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	__u32 asked = 0, now = policy_slot & (POLICY_SLOTS - 1);
	const volatile struct policy_settings *policy = &policies[now];
	struct policy_name *leaf, *root = NULL;
	bool writes;

	if (!s ||
	    s->event.flags & EVENT_PATH_TRUNCATED) /* the names nearest the root are missing */
		return 1;
	writes = changes_file(s->event.file.argument[0]);
	s->name.slot = now;
	s->inode.slot = now;
	leaf = find_from_leaf(s);
	if (leaf)
		asked = writes ? leaf->writes : leaf->reads;
	if (asked & POLICY_ANYWHERE)
		return 1;
	if (writes || asked || policy->flags & POLICY_ROOT_READS) {
		root = find_from_root(s);
		if (root && ((writes ? root->writes : root->reads) || asked & root->marks))
			return 1;
	}
	if (is_watched_inode(s, s->event.file.inode, s->event.file.device, writes))
		return 1;
	if (root && root->marks & POLICY_NONE)
		return 0;
	if (s->walk.mounts && (writes || policy->flags & POLICY_ROOT_READS))
		return is_below_watched(s, writes);
	return 0;
}

/*
 * Does the caller's string, between these places in the texts, end in the name of the file that was
 * found? If not, it may have been put in the place of another. A function of its own, as above.
 */
__noinline int is_what_was_asked(__u32 slot, __u32 from, __u32 end)
{
	struct scratch *s = scratch_of(slot);
	__u32 leaf, at;
	char *text;

	if (!s)
		return 0;
	text = s->text;
	leaf = BOUND(s->walk.leaf, 255);
	if (end - from < leaf)
		return 0;
	at = end - leaf;
	if (at > from && text[BOUND(at - 1, TEXT_MASK)] != '/')
		return 0;
	for (__u32 i = 0; i < 256 && i < leaf; i += 8) {
		__u64 differ = *(__u64 *)(text + BOUND(at + i, TEXT_MASK)) ^
			       *(__u64 *)(text + BOUND(i, 255));

		if (leaf - i < 8)
			differ <<= 64 - 8 * (leaf - i);
		if (differ)
			return 0;
	}
	return 1;
}

#endif
