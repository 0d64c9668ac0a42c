/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PATH_H
#define PATH_H
/*
 * From (dentry, mount) to a path, the way fs/d_path.c goes, but without its locks: a rename in
 * flight can give a mixture of the old and the new name, never a wild pointer (every load is
 * checked by the kernel). Components are written leaf first, each followed by '/'.
 */
#include "common.h"

#define PATH_COMPONENTS 256 /* also passes the verifier of 5.15; deeper paths are flagged */

/* Copy one name (at most 255 bytes) and a '/' to where the walk stands. Bytes past the name that
 * come along are written over by the next name or lie past the end: they are never sent. */
static __always_inline void put_name(struct scratch *s, struct dentry *dentry)
{
	const unsigned char *name = READ(dentry, d_name.name);
	__u32 at = s->walk.at, len = BOUND(READ(dentry, d_name.len), 255);
	char *to = s->text + BOUND(at, TEXT_MASK);

	if (TYPED_READS && len <= 40) {
		/* Eight bytes a load: five words of a structure every kernel has, laid over the
		 * name. */
		struct pt_regs *from = AS(struct pt_regs, name);
		__u64 *words = (__u64 *)to;

		words[0] = from->r15;
		words[1] = from->r14;
		if (len > 16) {
			words[2] = from->r13;
			words[3] = from->r12;
			words[4] = from->bp;
		}
	} else {
		bpf_probe_read_kernel(to, len, name);
	}
	at += len;
	s->text[BOUND(at, TEXT_MASK)] = '/';
	s->walk.at = at + 1;
}

/* The topmost mount is reached: what it says of the path. */
static __always_inline void end_walk(struct scratch *s, struct mount *mount, struct dentry *dentry)
{
	__u64 ns = (__u64)READ(mount, mnt_ns);

	if (!ns)
		s->walk.flags |= EVENT_DETACHED;
	if (ns < (__u64)-4095)
		return;
	/* An error pointer: the kernel's own mount (pipefs, memfd), where the root has a label. */
	s->walk.flags |= EVENT_PSEUDO;
	if (s->walk.at == s->walk.begin)
		put_name(s, dentry);
}

/* A function of its own, so that the verifier looks at it once. What it begins with and what it
 * finds stand in scratch->walk. */
__noinline int path_walk(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct dentry *dentry, *parent, *root;
	struct mount *mount, *up;

	if (!s)
		return 0;
	mount = AS(struct mount, s->walk.vfsmount - bpf_core_field_offset(struct mount, mnt));
	dentry = AS(struct dentry, s->walk.dentry);
	root = READ(mount, mnt.mnt_root);
	s->walk.flags = 0;
	if (!READ(dentry, d_hash.pprev) && dentry != root)
		s->walk.flags = EVENT_DELETED;
	for (int i = 0; i < PATH_COMPONENTS && s->walk.at - s->walk.begin <= EVENT_PATH_MAX; i++) {
		parent = READ(dentry, d_parent);
		if (dentry != root && dentry != parent) {
			put_name(s, dentry);
			dentry = parent;
			continue;
		}
		/* The root of this mount: go on where it is mounted, or be done. */
		up = READ(mount, mnt_parent);
		if (up == mount) {
			end_walk(s, mount, dentry);
			return 0;
		}
		if (dentry != parent)
			s->walk.flags |= EVENT_BIND_MOUNT;
		dentry = READ(mount, mnt_mountpoint);
		mount = up;
		root = READ(mount, mnt.mnt_root);
	}
	s->walk.flags |= EVENT_PATH_TRUNCATED;
	return 0;
}

/* Walk from a struct path and make the result the text of a slot. Flags count for TEXT_PATH only:
 * they describe the object, not the directory beside it. */
static __always_inline void add_path(struct draft *d, enum event_text slot, void *dentry, void *mnt)
{
	__u32 before = d->used, flags;

	d->scratch->walk.dentry = (__u64)dentry;
	d->scratch->walk.vfsmount = (__u64)mnt;
	d->scratch->walk.begin = before;
	d->scratch->walk.at = before;
	path_walk(d->slot);
	d->used = BOUND(d->scratch->walk.at, TEXT_MASK);
	flags = d->scratch->walk.flags;
	d->scratch->event.flags |= slot == TEXT_PATH ? flags : flags & EVENT_PATH_TRUNCATED;
	event_text(d, slot, before);
}

#endif
