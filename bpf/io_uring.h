/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IO_URING_H
#define IO_URING_H
/*
 * What an io_uring opens, removes, renames, links and connects to: no system call of its own shows
 * it. The event is made when a request is submitted and kept until that is done, maybe in another
 * thread; then its result is known, and of an open that succeeded the file. What nobody saw end is
 * sent after a while, and what finds no place to be kept in at once: -EINPROGRESS, whatever the
 * policy says of the file. The names are the kernel's copies, which nobody can change any more;
 * what else they led to is not known: EVENT_UNVERIFIED.
 */
#include "file.h"
#include "network.h"

/* linux/io_uring.h, enum io_uring_op */
enum operation {
	OPERATION_CONNECT = 16,
	OPERATION_OPENAT = 18,
	OPERATION_OPENAT2 = 28,
	OPERATION_RENAMEAT = 35,
	OPERATION_UNLINKAT = 36,
	OPERATION_SYMLINKAT = 38,
	OPERATION_LINKAT = 39,
};
#define OPERATIONS                                                                                 \
	(1ull << OPERATION_CONNECT | 1ull << OPERATION_OPENAT | 1ull << OPERATION_OPENAT2 |        \
	 1ull << OPERATION_RENAMEAT | 1ull << OPERATION_UNLINKAT | 1ull << OPERATION_SYMLINKAT |   \
	 1ull << OPERATION_LINKAT)

static __always_inline bool is_of_interest(__u8 operation)
{
	return operation < 64 && OPERATIONS >> operation & 1;
}

/* Where the names of a request stand among struct arguments, whatever it was. */
enum { NAME = 1, DIRECTORY, OTHER_NAME, OTHER_DIRECTORY, WORD, FLAGS, SLOT };

/* --- requests on their way -----------------------------------------------------------------------
 */
#define REQUESTS     1024
#define REQUEST_WAYS 8 /* places for each */
#define REQUEST_TEXT 2048
#define REQUEST_WAIT 3000000000ull /* ns */

/* Whoever changes it from WAITS to HELD, or from FREE, has the place to itself. */
enum { REQUEST_FREE, REQUEST_HELD, REQUEST_WAITS };

struct request {
	struct event event; /* as it was submitted, its texts behind it */
	char text[REQUEST_TEXT];
	__u64 state;
	__u64 address;	   /* of the kernel's struct */
	__u64 files, sock; /* where an opened file is to be found; of a connect */
	__u32 used, family;
	bool direct; /* an open into the ring's own table */
	__u8 padding[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REQUESTS);
	__type(key, __u32);
	__type(value, struct request);
} requests SEC(".maps");

__u64 requests_kept; /* none: nothing to flush */

static __always_inline struct request *request_at(__u32 index)
{
	return bpf_map_lookup_elem(&requests, &index);
}

static __always_inline __u32 place_of(__u64 address, __u32 way)
{
	return ((address * MIX >> 32) + way) & (REQUESTS - 1);
}

static __always_inline bool hold(struct request *r, __u64 from)
{
	return __sync_val_compare_and_swap(&r->state, from, REQUEST_HELD) == from;
}

static __always_inline void free_request(struct request *r)
{
	__sync_fetch_and_add(&requests_kept, -1);
	__sync_lock_test_and_set(&r->state, REQUEST_FREE);
}

/* Hold that of this address: its place, or REQUESTS. */
static __always_inline __u32 hold_request(__u64 address)
{
	for (__u32 way = 0; way < REQUEST_WAYS; way++) {
		__u32 index = place_of(address, way);
		struct request *r = request_at(index);

		if (!r || r->address != address || !hold(r, REQUEST_WAITS))
			continue;
		if (r->address == address)
			return index;
		r->state = REQUEST_WAITS;
	}
	return REQUESTS;
}

/* The address that a connect used, where that is known: then the caller's is not needed. */
static __always_inline void settle_connect(struct request *r)
{
	struct sock *sk = AS(struct sock, r->sock);
	struct event *e = &r->event;
	__u64 key = r->sock;
	struct begun *began;

	if (!key)
		return;
	began = bpf_map_lookup_elem(&begun, &key);
	if (began && began->time >= e->time) {
		e->socket = began->to;
		bpf_map_delete_elem(&begun, &key);
	} else if (e->result == 0) {
		read_end(&e->socket, sk, END_PEER);
	}
	if (e->socket.family != AF_INET && e->socket.family != AF_INET6)
		return;
	e->flags &= ~(EVENT_UNVERIFIED | EVENT_CALLER_LOST | EVENT_FD_SHARED);
	e->text[TEXT_CALLER] = e->text[TEXT_BASE] = 0;
	r->used = 0;
}

/* Out with one that is held. A function of its own, so that the verifier looks at it once. */
__noinline int put_request(__u32 index)
{
	struct event_counters *c = counters_of_this_cpu();
	struct request *r = request_at(index);
	struct event *e;

	if (!r || !c)
		return 0;
	e = &r->event;
	if (e->kind == EVENT_CONNECT)
		settle_connect(r);
	e->cpu = bpf_get_smp_processor_id();
	if (take_number(c, e->ring, r->family, &e->seq))
		event_put(e, sizeof(*e) + BOUND(r->used, REQUEST_TEXT - 1), r->family, c);
	free_request(r);
	return 0;
}

/* Keep an event that is whole but for its number. False: it must be sent. */
static __always_inline bool keep_request(struct draft *d, __u64 address, __u64 sock)
{
	__u32 used = d->used;

	if (used >= REQUEST_TEXT)
		return false;
	for (__u32 way = 0; way < REQUEST_WAYS; way++) {
		struct request *r = request_at(place_of(address, way));

		if (!r || !hold(r, REQUEST_FREE))
			continue;
		__sync_fetch_and_add(&requests_kept, 1);
		fill_head(&d->scratch->event, d->task, d->cred);
		r->event = d->scratch->event;
		bpf_probe_read_kernel(r->text, BOUND(used, REQUEST_TEXT - 1), d->scratch->text);
		r->used = used;
		r->family = d->family;
		r->address = address;
		r->sock = sock;
		r->direct = d->scratch->event.kind == EVENT_OPEN && d->scratch->args.value[SLOT];
		r->files = (__u64)d->files;
		__sync_lock_test_and_set(&r->state, REQUEST_WAITS);
		return true;
	}
	return false;
}

/* Run by the daemon. With an argument other than 0, all are sent, not only those that have waited.
 */
SEC("raw_tp")
int io_uring_flush(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 now = bpf_ktime_get_boot_ns();

	for (__u32 i = 0; i < REQUESTS; i++) {
		struct request *r = request_at(i);

		if (r && r->state == REQUEST_WAITS &&
		    (ctx->args[0] || now - r->event.time >= REQUEST_WAIT) && hold(r, REQUEST_WAITS))
			put_request(i);
	}
	return 0;
}

/* --- submission ----------------------------------------------------------------------------------
 */

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

/* What the request is about; false when it is about nothing of interest. Before 6.0 links have
 * another struct, and their end is not seen: an open's place in the ring's table is of no use. */
static __always_inline bool read_request(struct io_kiocb *request, __u8 operation, bool is_6_0,
					 struct arguments *ret, __u32 *ret_kind)
{
	struct io_open *open = AS(struct io_open, request);
	struct io_unlink *unlink = AS(struct io_unlink, request);
	struct io_rename *rename = AS(struct io_rename, request);
	struct io_link *link = AS(struct io_link, request);

	ret->value[OTHER_NAME] = ret->value[WORD] = ret->value[NAME] = 0;
	switch (operation) {
	case OPERATION_OPENAT:
	case OPERATION_OPENAT2:
		*ret_kind = EVENT_OPEN;
		ret->value[NAME] = (__u64)NAME_IN(struct io_open, request, filename);
		ret->value[DIRECTORY] = READ(open, dfd);
		ret->value[FLAGS] = READ(open, how.flags);
		if (is_6_0)
			ret->value[SLOT] = READ(open, file_slot);
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
		if (!is_6_0)
			return false;
		*ret_kind = EVENT_LINK;
		ret->value[operation == OPERATION_LINKAT ? NAME : WORD] =
			(__u64)NAME_IN(struct io_link, request, oldpath);
		ret->value[DIRECTORY] = READ(link, old_dfd);
		ret->value[OTHER_NAME] = (__u64)NAME_IN(struct io_link, request, newpath);
		ret->value[OTHER_DIRECTORY] = READ(link, new_dfd);
		ret->value[FLAGS] = (__u32)READ(link, flags);
		return true;
	}
	return false;
}

#define REQUEST_FIXED_FILE 1 /* linux/io_uring_types.h: its descriptor is one of the ring's */

/* Whom a connect is to reach, as the caller has it. */
static __always_inline void add_connect_address(struct draft *d, struct io_kiocb *request)
{
	struct io_connect *connect = AS(struct io_connect, request);

	add_caller_sockaddr(d, (__u64)READ(connect, addr), READ(connect, addr_len));
	if (d->used >= 2 && *(__u16 *)d->scratch->text == AF_UNIX)
		add_base(d, TEXT_BASE, AT_FDCWD);
}

/* Returns the socket as well, 0 when nobody knows yet. */
static __always_inline __u64 add_connect(struct draft *d, struct io_kiocb *request)
{
	add_connect_address(d, request);
	if (READ(request, flags) & REQUEST_FIXED_FILE)
		return 0;
	return (__u64)sock_of(d, READ(request, cqe.fd));
}

static __always_inline void add_names_of(struct draft *d, struct arguments *args)
{
	if (args->value[NAME])
		add_name(d, TEXT_CALLER, TEXT_BASE, args->value[DIRECTORY], args->value[NAME]);
	if (args->value[WORD]) {
		struct filename *word = AS(struct filename, args->value[WORD]);

		add_kernel_string(d, TEXT_ARGV, PATH_MAX, READ(word, name));
	}
	if (args->value[OTHER_NAME])
		add_name(d, TEXT_OTHER, TEXT_OTHER_BASE, args->value[OTHER_DIRECTORY],
			 args->value[OTHER_NAME]);
	d->scratch->event.file.argument[0] = args->value[FLAGS];
}

static __always_inline int on_submit(struct io_kiocb *request)
{
	__u32 slot = bpf_get_smp_processor_id() * PROGRAMS_PER_CPU + PROGRAM_IO_URING, kind, old;
	__u64 address, sock = 0;
	bool connects = request->opcode == OPERATION_CONNECT;
	struct scratch *s = scratch_of(slot);
	struct draft d;

	if (!s)
		return 0; /* cannot be: the map has a slot for every possible CPU */
	if (!connects && !read_request(request, request->opcode, true, &s->args, &kind))
		return 0;
	s->args.value[0] = (__u64)request;
	address = s->args.value[0]; /* out of memory: a number, no pointer */
	old = hold_request(address);
	if (old < REQUESTS) /* its end was not seen, and the struct is used again */
		put_request(old);
	if (!event_choose(&d, PROGRAM_IO_URING, connects ? FAMILY_NETWORK : FAMILY_FILE,
			  connects ? EVENT_CONNECT : kind, CALL_IO_URING_ENTER, -EINPROGRESS))
		return 0;
	d.scratch->event.flags |= EVENT_UNVERIFIED;
	if (connects)
		sock = add_connect(&d, request);
	else
		add_names_of(&d, &s->args);
	if (keep_request(&d, address, sock))
		return 0;
	if (event_number(&d))
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

#define IPPROTO_TCP 6

/* From 5.14 to 5.19 the request is the second argument, and whoever tells of the end does not say
 * of which: it is recorded at once. A TCP connection is when it begins: network.h. */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(io_uring_submits_5_14, void *ring, void *address)
{
	struct io_kiocb *request = AS(struct io_kiocb, address);
	__u32 slot = bpf_get_smp_processor_id() * PROGRAMS_PER_CPU + PROGRAM_IO_URING, kind;
	__u8 operation = READ(request, opcode);
	bool connects = operation == OPERATION_CONNECT;
	struct scratch *s = scratch_of(slot);
	struct sock *sk;
	struct draft d;

	if (!s)
		return 0; /* cannot be: the map has a slot for every possible CPU */
	if (connects) {
		kind = EVENT_CONNECT;
		sk = sock_behind(READ(request, file));
		if (sk) {
			sk = AS(struct sock, sk);
			if (READ(sk, sk_protocol) == IPPROTO_TCP)
				return 0;
		}
	} else if (!read_request(request, operation, false, &s->args, &kind)) {
		return 0;
	}
	if (!event_begin(&d, PROGRAM_IO_URING, connects ? FAMILY_NETWORK : FAMILY_FILE, kind,
			 CALL_IO_URING_ENTER, -EINPROGRESS))
		return 0;
	d.scratch->event.flags |= EVENT_UNVERIFIED;
	if (connects)
		add_connect_address(&d, request);
	else
		add_names_of(&d, &s->args);
	event_send(&d);
	return 0;
}

/* --- the end -------------------------------------------------------------------------------------
 */

/* The file that an open gave, with all that is to be said of the open, in the scratch. False when
 * it is not found, so that the event stays as it is. */
static __always_inline bool find_opened(struct draft *d, const struct request *r)
{
	struct event *e = &d->scratch->event;
	struct file *file;

	if ((__u64)d->files != r->files || r->direct)
		return false;
	*e = r->event;
	e->flags = 0;
	for (int i = 0; i < TEXTS; i++)
		e->text[i] = 0;
	file = file_of(d, (int)e->result);
	if (!file)
		return false;
	add_file(d, file);
	e->file.argument[0] |= r->event.file.argument[0] & O_ON_OPEN;
	return true;
}

/* The same check and the same doubts as of any open's: file.h. */
static __always_inline bool wants_opened(struct draft *d, const struct request *r)
{
	const volatile struct policy_settings *policy = policy_now();
	__u32 before = d->used, len = BOUND(r->event.text[TEXT_CALLER], REQUEST_TEXT - 1);
	bool certain = true;

	if (d->scratch->event.flags & EVENT_FD_SHARED) {
		bpf_probe_read_kernel(d->scratch->text + BOUND(before, TEXT_MASK), len, r->text);
		d->used = before + len;
		event_text(d, TEXT_CALLER, before);
		certain = is_what_was_asked(d->slot, before, d->used);
	}
	return policy->flags & POLICY_ALL_OPENS || !certain || policy_wants_file(d->slot);
}

static __always_inline bool wants_refused(__s64 result)
{
	const volatile struct policy_settings *policy = policy_now();

	return policy->flags & POLICY_ALL_OPENS ||
	       (policy->flags & POLICY_REFUSED && (result == -EACCES || result == -EPERM));
}

/* False: the event that is kept tells all that is known, and is to be sent. */
static __always_inline bool end_open(struct request *r)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct draft d = { .counters = counters_of_this_cpu(),
			   .slot = cpu * PROGRAMS_PER_CPU + PROGRAM_IO_URING_END,
			   .family = r->family };
	struct event *e;

	draft_of_current(&d);
	d.scratch = scratch_of(d.slot);
	if (!d.scratch || !d.counters)
		return false; /* cannot be, as above */
	e = &d.scratch->event;
	if (r->event.result < 0) {
		if (wants_refused(r->event.result))
			return false;
		count_filtered(d.counters, d.family);
		return true;
	}
	if (!find_opened(&d, r))
		return false;
	if (!wants_opened(&d, r)) {
		count_filtered(d.counters, d.family);
		return true;
	}
	e->cpu = cpu;
	if (take_number(d.counters, e->ring, d.family, &e->seq))
		event_send(&d);
	return true;
}

static __always_inline int on_complete(struct io_kiocb *request, __u64 address)
{
	__u32 index = hold_request(address);
	struct request *r = request_at(index);

	if (!r)
		return 0;
	r->event.result = READ(request, cqe.res);
	if (r->event.kind == EVENT_CONNECT)
		r->sock = (__u64)sock_behind(READ(request, file));
	if (r->event.kind == EVENT_OPEN && end_open(r))
		free_request(r);
	else
		put_request(index);
	return 0;
}

/* Without a request: a further result of one that is not done yet. */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(io_uring_completes, void *ring, void *address)
{
	struct io_kiocb *request = AS(struct io_kiocb, address);

	if (!address || !is_of_interest(READ(request, opcode)))
		return 0;
	return on_complete(request, (__u64)address);
}

#endif
