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

/* Where a walk writes to: text that begins at any place below the mask can hold one more name. */
#define WALK_SLACK (256 + 40)

/* Copy one name (at most 255 bytes) and a '/' to where the walk stands. Bytes past the name that
 * come along are written over by the next name or lie past the end: they are never sent. */
static __always_inline void put_name(struct walk *w, char *text, __u32 mask, struct dentry *dentry)
{
	const unsigned char *name = READ(dentry, d_name.name);
	__u32 at = w->at, len = BOUND(READ(dentry, d_name.len), 255);
	char *to = text + BOUND(at, mask);
	__u32 count = w->count;

	w->starts[count & WALK_STARTS_MASK] = at;
	w->count = count + 1;
	if (count == 0)
		w->leaf = len;
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
	text[BOUND(at, mask)] = '/';
	w->at = at + 1;
}

/* The topmost mount is reached: what it says of the path. */
static __always_inline void end_walk(struct walk *w, char *text, __u32 mask, struct mount *mount,
				     struct dentry *dentry)
{
	__u64 ns = (__u64)READ(mount, mnt_ns);

	if (!ns)
		w->flags |= EVENT_DETACHED;
	if (!ns || dentry != READ(dentry, d_parent)) /* it goes on, by names that the path lacks */
		w->mounts = 1;
	if (ns < (__u64)-4095)
		return;
	/* An error pointer: the kernel's own mount (pipefs, memfd), where the root has a label. */
	w->flags |= EVENT_PSEUDO;
	if (w->at == w->begin)
		put_name(w, text, mask, dentry);
}

/* What it begins with and what it finds stand in *w; it stops when it has written `most` bytes. */
static __always_inline void walk_up(struct walk *w, char *text, __u32 mask, __u32 most)
{
	struct dentry *dentry, *parent, *root;
	struct mount *mount, *up;

	mount = AS(struct mount, w->vfsmount - bpf_core_field_offset(struct mount, mnt));
	dentry = AS(struct dentry, w->dentry);
	root = READ(mount, mnt.mnt_root);
	w->flags = w->count = w->mounts = 0;
	if (!READ(dentry, d_hash.pprev) && dentry != root)
		w->flags = EVENT_DELETED;
	for (int i = 0; i < PATH_COMPONENTS && w->at - w->begin <= most; i++) {
		parent = READ(dentry, d_parent);
		if (dentry != root && dentry != parent) {
			put_name(w, text, mask, dentry);
			dentry = parent;
			continue;
		}
		/* The root of this mount: go on where it is mounted, or be done. */
		up = READ(mount, mnt_parent);
		if (up == mount) {
			end_walk(w, text, mask, mount, dentry);
			return;
		}
		if (dentry != parent)
			w->flags |= EVENT_BIND_MOUNT;
		w->mounts = 1;
		dentry = READ(mount, mnt_mountpoint);
		mount = up;
		root = READ(mount, mnt.mnt_root);
	}
	w->flags |= EVENT_PATH_TRUNCATED;
}

/* A function of its own, so that the verifier looks at it once. */
__noinline int path_walk(__u32 slot)
{
	struct scratch *s = scratch_of(slot);

	if (s)
		walk_up(&s->walk, s->text, TEXT_MASK, EVENT_PATH_MAX);
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
