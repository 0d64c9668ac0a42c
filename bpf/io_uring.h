/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IO_URING_H
#define IO_URING_H
/*
 * What an io_uring opens, removes, renames and links, when it is submitted: no system call of its
 * own shows it. The names are the kernel's copies, which nobody can change any more; what they led
 * to and how it ended is not known: EVENT_UNVERIFIED, -EINPROGRESS. (Connections: network.h.)
 */
#include "file.h"

/* linux/io_uring.h, enum io_uring_op */
enum operation {
	OPERATION_OPENAT = 18,
	OPERATION_OPENAT2 = 28,
	OPERATION_RENAMEAT = 35,
	OPERATION_UNLINKAT = 36,
	OPERATION_SYMLINKAT = 38,
	OPERATION_LINKAT = 39,
};

/* A name in a request, a T. */
#define NAME_IN(T, request, field)                                                                 \
	(bpf_core_type_exists(struct delayed_filename)                                             \
		 ? READ(AS(T##___7_0, request), field.__incomplete_filename)                       \
		 : READ(AS(T, request), field))

static __always_inline bool begin(struct draft *d, enum event_kind kind)
{
	if (!event_begin(d, PROGRAM_IO_URING, FAMILY_FILE, kind, CALL_IO_URING_ENTER, -EINPROGRESS))
		return false;
	d->scratch->event.flags |= EVENT_UNVERIFIED;
	return true;
}

static __always_inline void add_name(struct draft *d, enum event_text slot, enum event_text base,
				     int dfd, struct filename *from)
{
	__u32 before = d->used;
	struct filename *filename = AS(struct filename, from);

	add_kernel_string(d, slot, PATH_MAX, READ(filename, name));
	if (d->used == before || d->scratch->text[BOUND(before, TEXT_MASK)] != '/')
		add_base(d, base, dfd);
}

static __always_inline void on_submit_open(void *request)
{
	struct io_open *open = AS(struct io_open, request);
	struct draft d;

	if (!begin(&d, EVENT_OPEN))
		return;
	d.scratch->event.file.argument[0] = READ(open, how.flags);
	add_name(&d, TEXT_CALLER, TEXT_BASE, READ(open, dfd),
		 NAME_IN(struct io_open, request, filename));
	event_send(&d);
}

static __always_inline void on_submit_unlink(void *request)
{
	struct io_unlink *unlink = AS(struct io_unlink, request);
	struct draft d;

	if (!begin(&d, EVENT_UNLINK))
		return;
	d.scratch->event.file.argument[0] = (__u32)READ(unlink, flags);
	add_name(&d, TEXT_CALLER, TEXT_BASE, READ(unlink, dfd),
		 NAME_IN(struct io_unlink, request, filename));
	event_send(&d);
}

static __always_inline void on_submit_rename(void *request)
{
	struct io_rename *rename = AS(struct io_rename, request);
	struct draft d;

	if (!begin(&d, EVENT_RENAME))
		return;
	d.scratch->event.file.argument[0] = (__u32)READ(rename, flags);
	add_name(&d, TEXT_CALLER, TEXT_BASE, READ(rename, old_dfd),
		 NAME_IN(struct io_rename, request, oldpath));
	add_name(&d, TEXT_OTHER, TEXT_OTHER_BASE, READ(rename, new_dfd),
		 NAME_IN(struct io_rename, request, newpath));
	event_send(&d);
}

/* What a symbolic link says is no path of ours. */
static __always_inline void on_submit_link(void *request, bool is_symbolic)
{
	struct io_link *link = AS(struct io_link, request);
	struct filename *target;
	struct draft d;

	if (!begin(&d, EVENT_LINK))
		return;
	d.scratch->event.file.argument[0] = (__u32)READ(link, flags);
	target = AS(struct filename, NAME_IN(struct io_link, request, oldpath));
	if (is_symbolic)
		add_kernel_string(&d, TEXT_ARGV, PATH_MAX, READ(target, name));
	else
		add_name(&d, TEXT_CALLER, TEXT_BASE, READ(link, old_dfd), target);
	add_name(&d, TEXT_OTHER, TEXT_OTHER_BASE, READ(link, new_dfd),
		 NAME_IN(struct io_link, request, newpath));
	event_send(&d);
}

static __always_inline int on_submit(struct io_kiocb *request)
{
	switch (request->opcode) {
	case OPERATION_OPENAT:
	case OPERATION_OPENAT2:
		on_submit_open(request);
		break;
	case OPERATION_UNLINKAT:
		on_submit_unlink(request);
		break;
	case OPERATION_RENAMEAT:
		on_submit_rename(request);
		break;
	case OPERATION_LINKAT:
		on_submit_link(request, false);
		break;
	case OPERATION_SYMLINKAT:
		on_submit_link(request, true);
		break;
	}
	return 0;
}

/* Under the one name or the other; the loader leaves out what is not there. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(io_uring_submits, struct io_kiocb *request)
{
	return on_submit(request);
}

SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(io_uring_submits_6_0, struct io_kiocb *request)
{
	return on_submit(request);
}

#endif
