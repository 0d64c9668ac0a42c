/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef FILE_H
#define FILE_H
/* File family: open, creat, openat, openat2, open_by_handle_at; and descriptors in general. */
#include "fold.h"
#include "object_set.h"
#include "wanted.h"

#define AT_FDCWD    -100
#define EINPROGRESS 115

/*
 * The file behind a descriptor of the current task, NULL when there is none. A second task with
 * the same table may have put another file there since the call looked: EVENT_FD_SHARED.
 */
static __always_inline struct file *file_of(struct draft *d, int fd)
{
	struct files_struct *files = OF(d->task, files);
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
		struct fs_struct *fs = OF(d->task, fs);

		if (fs)
			add_path(d, slot, OF(fs, pwd.dentry), OF(fs, pwd.mnt));
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
	struct fs_struct *fs = OF(d->task, fs);

	return dirfd == AT_FDCWD ? !fs || OF(fs, users) > 1 : shares_files(d->task);
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
static __always_inline __u32 asked_flags(enum event_call call, struct arguments *args)
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

static __always_inline bool fill_open(struct draft *d, int fd, __u32 asked, __u64 name)
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
		certain = !(e->flags & EVENT_PATH_LOST) && is_what_was_asked(d, before);
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

static __always_inline void on_open(enum event_call call, struct arguments *args, __s64 result,
				    __u32 compat)
{
	bool has_dirfd = call == CALL_OPENAT || call == CALL_OPENAT2;
	__u64 name = call == CALL_OPEN_BY_HANDLE_AT ? 0 : args->value[has_dirfd ? 2 : 1];
	struct draft d;
	bool wanted;
	__u32 asked;

	if (result < 0)
		take_seen_name(current_task(), call, args);
	else
		take_seen(current_task(), call, args);
	if (!event_choose(&d, PROGRAM_SYS_EXIT, FAMILY_FILE, EVENT_OPEN, call, result))
		return;
	d.scratch->event.flags |= compat;
	asked = asked_flags(call, args);
	if (result < 0) {
		d.scratch->event.file.argument[0] = asked;
		wanted = fill_refused_open(&d, has_dirfd ? (int)args->value[1] : AT_FDCWD, name);
	} else {
		wanted = fill_open(&d, result, asked, name);
	}
	if (!wanted)
		return;
	event_number(&d);
	fold_keep(&d);
	event_send(&d);
}

#endif
