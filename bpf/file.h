/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef FILE_H
#define FILE_H
/* File family: open, creat, openat, openat2, open_by_handle_at; and descriptors in general. */
#include "fold.h"
#include "object_set.h"
#include "shapes.h"
#include "wanted.h"

#define AT_FDCWD    -100
#define EINPROGRESS 115

static __always_inline __u64 argument(const struct arguments *args, __u8 number)
{
	return args->value[number & 7];
}

static __always_inline int directory(const struct arguments *args, __u8 number)
{
	return number ? (int)argument(args, number) : AT_FDCWD;
}

/*
 * The file behind a descriptor of the current task, NULL when there is none. A second task with
 * the same table may have put another file there since the call looked: EVENT_FD_SHARED.
 */
static __always_inline struct file *file_of(struct draft *d, int fd)
{
	struct files_struct *files = d->files;
	struct fdtable *table;
	struct file **slot;
	struct file *file = NULL;

	if (!files)
		return NULL;
	if (OF(files, count.counter) > 1)
		d->scratch->event.flags |= EVENT_FD_SHARED;
	table = OF(files, fdt);
	if (fd < 0 || (__u32)fd >= OF(table, max_fds))
		return NULL;
	slot = OF(table, fd) + fd;
	if (TYPED_READS) {
		/* A kiocb begins with a file pointer: read the array element as one. */
		struct kiocb *element = AS(
			struct kiocb, (char *)slot - bpf_core_field_offset(struct kiocb, ki_filp));

		return element->ki_filp;
	}
	bpf_probe_read_kernel(&file, sizeof(file), slot);
	return file;
}

/* Identity and path of a file; the address is all that is known of it. */
static __always_inline void add_file(struct draft *d, void *address)
{
	struct event_file *to = &d->scratch->event.file;
	struct file *file = AS(struct file, address);
	struct inode *inode = READ(file, f_inode);
	struct super_block *sb = READ(inode, i_sb);

	to->inode = READ(inode, i_ino);
	to->device = READ(sb, s_dev);
	to->mode = READ(inode, i_mode);
	to->argument[0] = READ(file, f_flags);
	add_path(d, TEXT_PATH, READ(file, f_path.dentry), READ(file, f_path.mnt));
}

/* The directory that a relative name starts from, for calls that gave us only a name. */
static __always_inline void add_base(struct draft *d, enum event_text slot, int dirfd)
{
	struct file *dir;

	if (dirfd == AT_FDCWD) {
		if (d->fs)
			add_path(d, slot, OF(d->fs, pwd.dentry), OF(d->fs, pwd.mnt));
		return;
	}
	dir = file_of(d, dirfd);
	if (dir) {
		struct file *file = AS(struct file, dir);

		add_path(d, slot, READ(file, f_path.dentry), READ(file, f_path.mnt));
	}
}

/* A name that only the caller's memory knows, with its directory when it is relative. */
static __always_inline void add_unverified_name(struct draft *d, enum event_text slot,
						enum event_text base, int dirfd, __u64 name)
{
	__u32 before = d->used;

	d->scratch->event.flags |= EVENT_UNVERIFIED;
	add_caller_string(d, slot, (void *)name);
	if (d->used == before || d->scratch->text[BOUND(before, TEXT_MASK)] != '/')
		add_base(d, base, dirfd);
}

/* Can what a relative name starts from have been changed by another thread since? */
static __always_inline bool shares_directory(struct draft *d, int dirfd)
{
	return dirfd == AT_FDCWD ? !d->fs || OF(d->fs, users) > 1 : shares_files(d->files);
}

/* The name of an open that failed: the kernel's copy, or the caller's word for it. */
static __always_inline void add_failed_name(struct draft *d, int dirfd, __u64 name)
{
	__u32 before = d->used;

	if (!add_seen_name(d)) {
		add_unverified_name(d, TEXT_CALLER, TEXT_BASE, dirfd, name);
		return;
	}
	if (d->used != before && d->scratch->text[BOUND(before, TEXT_MASK)] == '/')
		return;
	if (shares_directory(d, dirfd))
		d->scratch->event.flags |= EVENT_UNVERIFIED;
	add_base(d, TEXT_BASE, dirfd);
}

#define O_ON_OPEN (O_CREAT | O_EXCL | O_TRUNC) /* what do_dentry_open takes out of f_flags */

/* The flags as asked for: in registers, but for openat2, which has them in memory. */
static __always_inline __u32 asked_flags(enum event_call call, const struct arguments *args)
{
	__u64 flags = 0;

	if (call == CALL_CREAT)
		return O_WRONLY | O_CREAT | O_TRUNC;
	if (call == CALL_OPEN)
		return args->value[2];
	if (call == CALL_OPENAT2) /* struct open_how begins with them */
		bpf_probe_read_user(&flags, sizeof(flags), (void *)args->value[3]);
	else
		flags = args->value[3];
	return flags;
}

/* An open that failed: there is a name, and only the caller says so. False: not to be recorded. */
static __always_inline bool fill_refused_open(struct draft *d, int dirfd, __u64 name)
{
	const volatile struct policy_settings *policy = policy_now();
	struct event *e = &d->scratch->event;

	if (!(policy->flags & POLICY_ALL_OPENS) && d->family != FAMILY_SELF &&
	    !(policy->flags & POLICY_REFUSED && (e->result == -EACCES || e->result == -EPERM))) {
		count_filtered(d->counters, d->family);
		return false;
	}
	if (name)
		add_failed_name(d, dirfd, name);
	else
		e->flags |= EVENT_PATH_LOST;
	return !fold_named(d, e->result, e->file.argument[0]);
}

static __always_inline bool fill_opened(struct draft *d, int fd, __u32 asked, __u64 name)
{
	const volatile struct policy_settings *policy = policy_now();
	struct event *e = &d->scratch->event;
	bool certain = true;
	struct file *file;
	__u32 before;

	if (!add_seen(d, EVENT_OPEN)) {
		file = file_of(d, fd);
		if (file)
			add_file(d, file);
		else
			e->flags |= EVENT_PATH_LOST;
	}
	e->file.argument[0] |= asked & O_ON_OPEN;
	/* May have been swapped: put beside it what the caller asked for. */
	before = d->used;
	if (e->flags & (EVENT_FD_SHARED | EVENT_PATH_LOST) && name) {
		add_caller_string(d, TEXT_CALLER, (void *)name);
		certain = !(e->flags & EVENT_PATH_LOST) &&
			  is_what_was_asked(d->slot, before, d->used);
	}
	if (e->flags & EVENT_PATH_LOST)
		return true;
	if (!(policy->flags & POLICY_ALL_OPENS) && d->family != FAMILY_SELF && certain &&
	    !policy_wants_file(d->slot)) {
		count_filtered(d->counters, d->family);
		return false;
	}
	return !fold_file(d);
}

static __always_inline bool fill_open(struct draft *d, enum event_call call,
				      const volatile struct shape *shape,
				      const struct arguments *args, __s64 result)
{
	__u64 name = argument(args, shape->name);
	__u32 asked = asked_flags(call, args);

	if (result >= 0)
		return fill_opened(d, result, asked, name);
	d->scratch->event.file.argument[0] = asked;
	return fill_refused_open(d, directory(args, shape->dirfd), name);
}

#endif
