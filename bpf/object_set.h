/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OBJECT_SET_H
#define OBJECT_SET_H
/*
 * The object set: where the kernel allows programs on its functions, they look at what a call by
 * name resolved to, while it is being done. They record nothing: they keep it with the task until
 * the call's exit, which makes the record as ever and takes it from there. So a program that is
 * skipped costs no record, only the certainty: the record says EVENT_UNVERIFIED, as without them.
 *
 * Each is an LSM program where the kernel lets them be (those are never skipped) or sits at the
 * entry of the function that asks the LSMs; the loader chooses. No scratch of a CPU is used: a
 * program that is preempted must not find another's work in it.
 */
#include "path.h"
#include "shapes.h"

#define PF_IO_WORKER 0x10

/* Of what is kept: made while the call was done; found to be of the call that ends. */
enum readiness { NOTHING, MADE, TAKEN };

#define TRAIL_MASK 0xfff
/* One more name may begin below the mask. Longer paths are left to the caller's word. */
#define TRAIL_MOST (TRAIL_MASK - 256)

struct trail {
	struct walk walk;
	char text[TRAIL_MASK + 1 + WALK_SLACK];
};

/* What a call is being done to. `first` and `second` go into the record in this order. */
struct seen {
	__u32 call;	       /* enum event_call */
	__u32 ready;	       /* enum readiness */
	struct arguments args; /* of that call: another's is not taken for it */
	__u64 inode, mount;    /* addresses */
	struct event_file file;
	struct event_before before;
	__u8 slot[2]; /* enum event_text of each trail; NO_TEXT: not used */
	__u8 padding[2];
	struct trail first;
};
#define NO_TEXT 0xff

/* Two, because what is kept with a task is 8 KiB at most. */
KEPT(seen_first, struct seen);
KEPT(seen_second, struct trail);

/* The name of an open that failed. Nearly every process has one; longer ones are left to the
 * caller's word. */
struct seen_name {
	__u32 call, ready, len, padding;
	struct arguments args;
	char text[384];
};
KEPT(seen_names, struct seen_name);

/* --- while the call is being done --------------------------------------------------------------
 */

/* A function of its own, so that the verifier looks at it once. */
__noinline int trail_walk(struct trail *to)
{
	if (!to)
		return 0;
	to->walk.begin = to->walk.at = 0;
	walk_up(&to->walk, to->text, TRAIL_MASK, TRAIL_MOST);
	return 0;
}

static __always_inline bool follow(struct trail *to, const void *dentry, const void *mount)
{
	to->walk.dentry = (__u64)dentry;
	to->walk.vfsmount = (__u64)mount;
	trail_walk(to);
	return !(to->walk.flags & EVENT_PATH_TRUNCATED);
}

static __always_inline bool follow_text(struct trail *to, const void *from)
{
	long n = bpf_probe_read_kernel_str(to->text, PATH_MAX, from);

	to->walk.at = n > 0 ? n - 1 : 0;
	to->walk.flags = 0;
	return n > 0;
}

/* The call that the current task is in, if what it does is to be kept. */
static __always_inline enum event_call watched_call(struct task_struct *task)
{
	if (OF(task, flags) & PF_IO_WORKER) /* its registers are those of whoever made it */
		return CALL_NONE;
	if (is_self(task) || !in_scope(task))
		return CALL_NONE;
	return call_of(registers_of(task)->orig_ax, is_compat(task));
}

/* A place to keep what the call does; what was there before is no more. */
static __always_inline struct seen *keep_seen(struct task_struct *task, enum event_call call)
{
	struct seen *seen;

	seen = bpf_task_storage_get(&seen_first, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!seen)
		return NULL; /* the record will say "unverified" */
	seen->ready = NOTHING;
	seen->call = call;
	seen->slot[0] = seen->slot[1] = NO_TEXT;
	seen->file.inode = 0;
	seen->before.mode = 0;
	seen->mount = 0;
	read_arguments(registers_of(task), is_compat(task), &seen->args);
	return seen;
}

/* The same, if the call is of this kind. */
static __always_inline struct seen *begin_seen(enum event_kind kind)
{
	struct task_struct *task = current_task();
	enum event_call call = watched_call(task);

	return shapes[BOUND(call, CALL_MASK)].kind == kind ? keep_seen(task, call) : NULL;
}

static __always_inline struct trail *second_trail(void)
{
	return bpf_task_storage_get(&seen_second, current_task(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void see_inode(struct seen *seen, struct inode *inode)
{
	seen->inode = (__u64)inode;
	if (!inode)
		return;
	seen->file.inode = inode->i_ino;
	seen->file.device = inode->i_sb->s_dev;
	seen->file.mode = seen->before.mode = inode->i_mode;
	seen->before.owner = inode->i_uid.val;
	seen->before.group = inode->i_gid.val;
}

/* A thing by its name: what is there now, and its path. */
static __always_inline int see(enum event_kind kind, struct dentry *dentry, void *mount)
{
	struct seen *seen = begin_seen(kind);

	if (!seen)
		return 0;
	see_inode(seen, dentry->d_inode);
	seen->slot[0] = TEXT_PATH;
	seen->ready = follow(&seen->first, dentry, mount);
	return 0;
}

static __always_inline int see_two(enum event_kind kind, struct dentry *old, void *old_mount,
				   struct dentry *new, void *new_mount)
{
	struct seen *seen = begin_seen(kind);
	struct trail *second;

	if (!seen)
		return 0;
	second = second_trail();
	if (!second)
		return 0;
	see_inode(seen, old->d_inode);
	seen->slot[0] = TEXT_PATH;
	seen->slot[1] = TEXT_OTHER;
	seen->ready = follow(&seen->first, old, old_mount) && follow(second, new, new_mount);
	return 0;
}

SEC("lsm/path_unlink")
int BPF_PROG(sees_unlink, const struct path *dir, struct dentry *dentry)
{
	return see(EVENT_UNLINK, dentry, dir->mnt);
}

SEC("lsm/path_rmdir")
int BPF_PROG(sees_rmdir, const struct path *dir, struct dentry *dentry)
{
	return see(EVENT_UNLINK, dentry, dir->mnt);
}

SEC("lsm/path_rename")
int BPF_PROG(sees_rename, const struct path *old_dir, struct dentry *old,
	     const struct path *new_dir, struct dentry *new)
{
	return see_two(EVENT_RENAME, old, old_dir->mnt, new, new_dir->mnt);
}

/* Both names are on one mount. */
SEC("lsm/path_link")
int BPF_PROG(sees_link, struct dentry *old, const struct path *new_dir, struct dentry *new)
{
	return see_two(EVENT_LINK, old, new_dir->mnt, new, new_dir->mnt);
}

SEC("lsm/path_symlink")
int BPF_PROG(sees_symlink, const struct path *dir, struct dentry *dentry, const char *target)
{
	struct seen *seen = begin_seen(EVENT_LINK);
	struct trail *second;

	if (!seen)
		return 0;
	second = second_trail();
	if (!second)
		return 0;
	seen->slot[0] = TEXT_ARGV;
	seen->slot[1] = TEXT_OTHER;
	seen->ready = follow_text(&seen->first, target) && follow(second, dentry, dir->mnt);
	return 0;
}

SEC("lsm/path_truncate")
int BPF_PROG(sees_truncate, const struct path *path)
{
	return see(EVENT_TRUNCATE, path->dentry, path->mnt);
}

SEC("lsm/path_chmod")
int BPF_PROG(sees_chmod, const struct path *path)
{
	return see(EVENT_CHMOD, path->dentry, path->mnt);
}

SEC("lsm/path_chown")
int BPF_PROG(sees_chown, const struct path *path)
{
	return see(EVENT_CHOWN, path->dentry, path->mnt);
}

/* Extended attributes are asked about without the mount: it was taken for writing before. A file
 * system on top of another does both again below: the first is the caller's. */
SEC("fentry/mnt_want_write")
int BPF_PROG(sees_mount, struct vfsmount *mount)
{
	struct task_struct *task = current_task();
	struct seen *seen = bpf_task_storage_get(&seen_first, task, 0, 0);

	if (seen && seen->mount)
		return 0;
	seen = begin_seen(EVENT_XATTR);
	if (seen)
		seen->mount = (__u64)mount;
	return 0;
}

static __always_inline int see_attribute(struct dentry *dentry, const char *name)
{
	struct task_struct *task = current_task();
	struct seen *seen = bpf_task_storage_get(&seen_first, task, 0, 0);
	struct trail *second;

	if (!seen || seen->ready || !seen->mount)
		return 0;
	second = second_trail();
	if (!second)
		return 0;
	see_inode(seen, dentry->d_inode);
	seen->slot[0] = TEXT_PATH;
	seen->slot[1] = TEXT_ARGV;
	seen->ready =
		follow(&seen->first, dentry, (void *)seen->mount) && follow_text(second, name);
	return 0;
}

#define SEES_ATTRIBUTE(name, hook)                                                                 \
	SEC("lsm/" #hook)                                                                          \
	int BPF_PROG(name, void *idmap, struct dentry *dentry, const char *attribute)              \
	{                                                                                          \
		return see_attribute(dentry, attribute);                                           \
	}
SEES_ATTRIBUTE(sees_setxattr, inode_setxattr)
SEES_ATTRIBUTE(sees_removexattr, inode_removexattr)
/* From 6.2 on ACLs go a way of their own. */
SEES_ATTRIBUTE(sees_set_acl, inode_set_acl)
SEES_ATTRIBUTE(sees_remove_acl, inode_remove_acl)

/* --- opens -------------------------------------------------------------------------------------
 */

static __always_inline bool is_open(enum event_call call)
{
	return call == CALL_OPEN || call == CALL_CREAT || call == CALL_OPENAT ||
	       call == CALL_OPENAT2;
}

/* Can another task put another file where this one's is going to be? */
static __always_inline bool shares_files(struct files_struct *files)
{
	return files && OF(files, count.counter) > 1;
}

static __always_inline void see_file(struct task_struct *task, enum event_call call,
				     struct file *file)
{
	struct seen *seen = keep_seen(task, call);

	if (!seen)
		return;
	see_inode(seen, file->f_inode);
	seen->file.argument[0] = file->f_flags;
	seen->slot[0] = TEXT_PATH;
	seen->ready = follow(&seen->first, file->f_path.dentry, file->f_path.mnt);
}

static __always_inline void see_name(struct task_struct *task, enum event_call call,
				     struct filename *filename)
{
	struct seen_name *seen;
	long n;

	seen = bpf_task_storage_get(&seen_names, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!seen)
		return;
	n = bpf_probe_read_kernel_str(seen->text, sizeof(seen->text), filename->name);
	seen->ready = n > 0 && n < (long)sizeof(seen->text);
	seen->len = n - 1;
	seen->call = call;
	read_arguments(registers_of(task), is_compat(task), &seen->args);
}

/* Every open goes through here, and not only those of system calls. What worked is read at the
 * exit, out of the descriptor, unless another thread could have put something else there by then.
 */
static __always_inline int on_opened(struct filename *filename, struct file *file)
{
	struct task_struct *task = current_task();
	bool failed = (__u64)file >= (__u64)-4095;
	enum event_call call;

	if (!failed && !shares_files(OF(task, files)))
		return 0;
	call = watched_call(task);
	if (!is_open(call))
		return 0;
	if (failed)
		see_name(task, call, filename);
	else
		see_file(task, call, file);
	return 0;
}

/* Under the one name or the other; the loader leaves out what is not there. */
SEC("fexit/do_filp_open")
int BPF_PROG(sees_open, int dirfd, struct filename *filename, void *how, struct file *file)
{
	return on_opened(filename, file);
}

SEC("fexit/do_file_open")
int BPF_PROG(sees_open_7_0, int dirfd, struct filename *filename, void *how, struct file *file)
{
	return on_opened(filename, file);
}

/* --- at the exit of the call -------------------------------------------------------------------
 */

static __always_inline __u32 is_of(__u32 ready, const struct arguments *kept,
				   const struct arguments *args)
{
	return ready == MADE && kept->value[1] == args->value[1] &&
			       kept->value[2] == args->value[2] && kept->value[3] == args->value[3]
		       ? TAKEN
		       : NOTHING;
}

/* At every exit of a call, whether it is recorded or not: what was kept of this very call is taken
 * for it, and nothing is left for another. */
static __always_inline void take_seen(struct task_struct *task, enum event_call call,
				      const struct arguments *args, __s64 result)
{
	struct seen_name *name;
	struct seen *seen;

	if (!object_set)
		return;
	if (result < 0 && is_open(call)) {
		name = bpf_task_storage_get(&seen_names, task, 0, 0);
		if (name)
			name->ready = name->call == call ? is_of(name->ready, &name->args, args)
							 : NOTHING;
		return;
	}
	seen = bpf_task_storage_get(&seen_first, task, 0, 0);
	if (!seen)
		return;
	seen->ready = seen->call == call ? is_of(seen->ready, &seen->args, args) : NOTHING;
	seen->mount = 0;
}

static __always_inline void add_trail(struct draft *d, __u8 slot, const struct trail *from)
{
	__u32 before = d->used, len = BOUND(from->walk.at, 0x1fff), flags = from->walk.flags;

	if (slot >= TEXTS)
		return;
	if (bpf_probe_read_kernel(d->scratch->text + BOUND(before, TEXT_MASK), len, from->text))
		return; /* cannot be */
	d->used = before + len;
	event_text(d, slot, before);
	if (slot == TEXT_PATH)
		d->scratch->event.flags |= flags;
}

/* The mode as the call left it, if that inode is still that inode. */
static __always_inline __u32 mode_now(const struct seen *seen)
{
	struct inode *inode = AS(struct inode, seen->inode);
	struct super_block *sb;

	if (!seen->file.inode || READ(inode, i_ino) != seen->file.inode)
		return seen->file.mode;
	sb = READ(inode, i_sb);
	if (READ(sb, s_dev) != seen->file.device)
		return seen->file.mode;
	return READ(inode, i_mode);
}

/* In place of the caller's names, what they led to. False: nothing is known. */
static __always_inline bool add_seen(struct draft *d, enum event_kind kind)
{
	struct event_file *to = &d->scratch->event.file;
	struct trail *second;
	struct seen *seen;
	__u32 before;

	if (!object_set)
		return false;
	seen = bpf_task_storage_get(&seen_first, d->task, 0, 0);
	if (!seen || seen->ready != TAKEN || seen->call != d->scratch->event.call)
		return false; /* nothing, or of a call before: not every call takes what was seen */
	second = bpf_task_storage_get(&seen_second, d->task, 0, 0);
	if (!second && seen->slot[1] != NO_TEXT)
		return false;
	to->inode = seen->file.inode;
	to->device = seen->file.device;
	to->mode = kind == EVENT_CHMOD || kind == EVENT_CHOWN ? mode_now(seen) : seen->file.mode;
	if (kind == EVENT_OPEN) { /* as if the walk had been here */
		to->argument[0] = seen->file.argument[0];
		d->scratch->walk = seen->first.walk;
	}
	add_trail(d, seen->slot[0], &seen->first);
	if (second)
		add_trail(d, seen->slot[1], second);
	if (kind != EVENT_CHMOD && kind != EVENT_CHOWN)
		return true;
	before = d->used;
	bpf_probe_read_kernel(d->scratch->text + BOUND(before, TEXT_MASK), sizeof(seen->before),
			      &seen->before);
	d->used = before + sizeof(seen->before);
	event_text(d, TEXT_OTHER, before);
	return true;
}

/* The name that a failed open was given. */
static __always_inline bool add_seen_name(struct draft *d)
{
	struct seen_name *seen;
	__u32 before = d->used, len;

	if (!object_set)
		return false;
	seen = bpf_task_storage_get(&seen_names, d->task, 0, 0);
	if (!seen || seen->ready != TAKEN)
		return false;
	len = BOUND(seen->len, 511);
	if (bpf_probe_read_kernel(d->scratch->text + BOUND(before, TEXT_MASK), len, seen->text))
		return false; /* cannot be */
	d->used = before + len;
	event_text(d, TEXT_CALLER, before);
	return true;
}

#endif
