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

static __always_inline void add_name(struct draft *d, enum event_text slot, enum event_text base,
				     int dfd, __u64 from)
{
	__u32 before = d->used;
	struct filename *filename = AS(struct filename, from);

	add_kernel_string(d, slot, PATH_MAX, READ(filename, name));
	if (d->used == before || d->scratch->text[BOUND(before, TEXT_MASK)] != '/')
		add_base(d, base, dfd);
}

/* Where the names of a request stand among struct arguments, whatever it was. */
enum { NAME = 1, DIRECTORY, OTHER_NAME, OTHER_DIRECTORY, WORD, FLAGS };

/* What the request is about; false when it is about nothing of interest. */
static __always_inline bool read_request(struct io_kiocb *request, struct arguments *ret,
					 __u32 *ret_kind)
{
	struct io_open *open = AS(struct io_open, request);
	struct io_unlink *unlink = AS(struct io_unlink, request);
	struct io_rename *rename = AS(struct io_rename, request);
	struct io_link *link = AS(struct io_link, request);

	ret->value[OTHER_NAME] = ret->value[WORD] = ret->value[NAME] = 0;
	switch (request->opcode) {
	case OPERATION_OPENAT:
	case OPERATION_OPENAT2:
		*ret_kind = EVENT_OPEN;
		ret->value[NAME] = (__u64)NAME_IN(struct io_open, request, filename);
		ret->value[DIRECTORY] = READ(open, dfd);
		ret->value[FLAGS] = READ(open, how.flags);
		return true;
	case OPERATION_UNLINKAT:
		*ret_kind = EVENT_UNLINK;
		ret->value[NAME] = (__u64)NAME_IN(struct io_unlink, request, filename);
		ret->value[DIRECTORY] = READ(unlink, dfd);
		ret->value[FLAGS] = (__u32)READ(unlink, flags);
		return true;
	case OPERATION_RENAMEAT:
		*ret_kind = EVENT_RENAME;
		ret->value[NAME] = (__u64)NAME_IN(struct io_rename, request, oldpath);
		ret->value[DIRECTORY] = READ(rename, old_dfd);
		ret->value[OTHER_NAME] = (__u64)NAME_IN(struct io_rename, request, newpath);
		ret->value[OTHER_DIRECTORY] = READ(rename, new_dfd);
		ret->value[FLAGS] = (__u32)READ(rename, flags);
		return true;
	case OPERATION_SYMLINKAT: /* what a symbolic link says is no path of ours */
	case OPERATION_LINKAT:
		*ret_kind = EVENT_LINK;
		ret->value[request->opcode == OPERATION_LINKAT ? NAME : WORD] =
			(__u64)NAME_IN(struct io_link, request, oldpath);
		ret->value[DIRECTORY] = READ(link, old_dfd);
		ret->value[OTHER_NAME] = (__u64)NAME_IN(struct io_link, request, newpath);
		ret->value[OTHER_DIRECTORY] = READ(link, new_dfd);
		ret->value[FLAGS] = (__u32)READ(link, flags);
		return true;
	}
	return false;
}

static __always_inline int on_submit(struct io_kiocb *request)
{
	__u32 slot = bpf_get_smp_processor_id() * PROGRAMS_PER_CPU + PROGRAM_IO_URING, kind;
	struct scratch *s = scratch_of(slot);
	struct arguments *args;
	struct draft d;

	if (!s)
		return 0; /* cannot be: the map has a slot for every possible CPU */
	args = &s->args;
	if (!read_request(request, args, &kind) ||
	    !event_begin(&d, PROGRAM_IO_URING, FAMILY_FILE, kind, CALL_IO_URING_ENTER,
			 -EINPROGRESS))
		return 0;
	d.scratch->event.flags |= EVENT_UNVERIFIED;
	d.scratch->event.file.argument[0] = args->value[FLAGS];
	if (args->value[NAME])
		add_name(&d, TEXT_CALLER, TEXT_BASE, args->value[DIRECTORY], args->value[NAME]);
	if (args->value[WORD]) {
		struct filename *word = AS(struct filename, args->value[WORD]);

		add_kernel_string(&d, TEXT_ARGV, PATH_MAX, READ(word, name));
	}
	if (args->value[OTHER_NAME])
		add_name(&d, TEXT_OTHER, TEXT_OTHER_BASE, args->value[OTHER_DIRECTORY],
			 args->value[OTHER_NAME]);
	event_send(&d);
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
