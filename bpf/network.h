/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NETWORK_H
#define NETWORK_H
/*
 * Network family: connect, bind, listen and accept, with their results.
 *
 * Where the address of a connect comes from:
 *   TCP            the socket's move CLOSE -> SYN_SENT, seen inside the same call, so that a
 *                  refusal has its address too (after it the socket has forgotten it);
 *   others         the socket after the call, on success or EINPROGRESS;
 *   anything else  the caller's memory, EVENT_UNVERIFIED. (After EISCONN the socket shows the old
 *                  peer, so it is not asked.)
 * A TCP connection that no connect(2) made (a sendto with MSG_FASTOPEN) is recorded when it begins;
 * that of an io_uring when its request is done (io_uring.h). The others have their own end of the
 * socket, ACCEPT the peer's; from the caller's memory where the call failed.
 */
#include "file.h"

#define AF_UNIX			  1
#define AF_INET			  2
#define AF_INET6		  10
#define TCP_SYN_SENT		  2
#define TCP_CLOSE		  7
#define S_IFMT			  0170000
#define S_IFSOCK		  0140000
#define SOCKADDR_MAX		  128
#define SYS_CONNECT_OF_SOCKETCALL 3

struct attempt {
	struct event_socket to;
	bool pending;
};

/* the TCP connection the current task has just begun */
KEPT(attempts, struct attempt);

enum end { END_LOCAL, END_PEER };

static __always_inline void read_end(struct event_socket *to, struct sock *sk, enum end end)
{
	__u32 address = end == END_PEER ? READ(sk, __sk_common.skc_daddr)
					: READ(sk, __sk_common.skc_rcv_saddr);

	to->family = READ(sk, __sk_common.skc_family);
	to->protocol = READ(sk, sk_protocol);
	to->port = 0;
	__builtin_memset(to->address, 0, sizeof(to->address));
	if (to->family == AF_INET)
		__builtin_memcpy(to->address, &address, sizeof(address));
	else if (to->family == AF_INET6)
		bpf_core_read(to->address, sizeof(to->address),
			      end == END_PEER ? &sk->__sk_common.skc_v6_daddr
					      : &sk->__sk_common.skc_v6_rcv_saddr);
	if (to->family == AF_INET || to->family == AF_INET6)
		to->port = end == END_PEER ? bpf_ntohs(READ(sk, __sk_common.skc_dport))
					   : READ(sk, __sk_common.skc_num);
}

/* Only connect goes on to use it: another call must not leave an address behind for the connect
 * that comes next. */
static __always_inline bool is_in_connect(struct task_struct *task)
{
	struct pt_regs *regs = registers_of(task);
	enum event_call call = call_of(OF(regs, orig_ax), is_compat(task));

	if (OF(task, flags) & PF_IO_WORKER) /* its registers are those of whoever made it */
		return false;
	return call == CALL_CONNECT ||
	       (call == CALL_SOCKETCALL && (__u32)OF(regs, bx) == SYS_CONNECT_OF_SOCKETCALL);
}

/* How it ends nobody tells: it is on its way. */
static __always_inline void on_other_connect(struct sock *sk)
{
	struct draft d;

	if (!event_begin(&d, PROGRAM_TCP, FAMILY_NETWORK, EVENT_CONNECT, CALL_NONE, -EINPROGRESS))
		return;
	read_end(&d.scratch->event.socket, sk, END_PEER);
	event_send(&d);
}

struct begun { /* a TCP connection that an io_uring began */
	struct event_socket to;
	__u64 time;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* struct sock's address */
	__type(value, struct begun);
} begun SEC(".maps");

#define SYS_IO_URING_ENTER 426

/* One that is recorded when its request is done: its address is kept until then. */
static __always_inline bool keep_begun(struct task_struct *task, struct sock *sk)
{
	struct tcp_sock *tcp = AS(struct tcp_sock, sk);
	struct begun begins = { .time = bpf_ktime_get_boot_ns() };
	__u64 key = (__u64)sk;

	if (!bpf_core_type_exists(struct io_cmd_data) || READ(tcp, fastopen_req))
		return false;
	if (!(OF(task, flags) & PF_IO_WORKER) &&
	    (registers_of(task)->orig_ax & ~(__u64)X32_BIT) != SYS_IO_URING_ENTER)
		return false;
	read_end(&begins.to, sk, END_PEER);
	return !bpf_map_update_elem(&begun, &key, &begins, BPF_ANY);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_begins, struct sock *sk, int old_state, int new_state)
{
	struct task_struct *task = current_task();
	struct attempt *attempt;

	if (old_state != TCP_CLOSE || new_state != TCP_SYN_SENT)
		return 0;
	if (!is_in_connect(task)) {
		if (!keep_begun(task, AS(struct sock, sk)))
			on_other_connect(AS(struct sock, sk));
		return 0;
	}
	if (!is_self(task) && !in_scope(task))
		return 0;
	attempt = MAKE_KEPT(attempts, task);
	if (!attempt)
		return 0; /* the record will say "unverified" */
	read_end(&attempt->to, AS(struct sock, sk), END_PEER);
	attempt->pending = true;
	return 0;
}

/* A unix socket: the name and the place in the file system that it was bound to. */
static __always_inline void add_unix_name(struct draft *d, struct unix_sock *socket)
{
	struct unix_address *address;
	void *dentry;
	__u32 before;
	int len;

	dentry = READ(socket, path.dentry);
	if (dentry)
		add_path(d, TEXT_PATH, dentry, READ(socket, path.mnt));
	address = AS(struct unix_address, READ(socket, addr));
	if (!address)
		return;
	before = d->used;
	len = READ(address, len);
	if (len > SOCKADDR_MAX - 1)
		len = SOCKADDR_MAX - 1;
	if (bpf_core_read(d->scratch->text + BOUND(before, TEXT_MASK), BOUND(len, 127),
			  &address->name))
		return;
	d->used = before + BOUND(len, 127);
	event_text(d, TEXT_CALLER, before);
}

static __always_inline void add_unix_peer(struct draft *d, struct sock *sk)
{
	struct unix_sock *from = AS(struct unix_sock, sk), *peer;

	peer = AS(struct unix_sock, READ(from, peer));
	if (peer)
		add_unix_name(d, peer);
}

static __always_inline void add_caller_sockaddr(struct draft *d, __u64 address, __u64 len)
{
	__u32 before = d->used, n = len > SOCKADDR_MAX - 1 ? SOCKADDR_MAX - 1 : len;

	n = BOUND(n, 127);
	d->scratch->event.flags |= EVENT_UNVERIFIED;
	if (bpf_probe_read_user(d->scratch->text + BOUND(before, TEXT_MASK), n, (void *)address)) {
		d->scratch->event.flags |= EVENT_CALLER_LOST;
		return;
	}
	d->used = before + n;
	event_text(d, TEXT_CALLER, before);
}

/* The socket behind a descriptor, NULL when it is no socket (or no longer is). */
static __always_inline struct sock *sock_behind(struct file *file)
{
	struct socket *socket;
	struct inode *inode;

	if (!file)
		return NULL;
	file = AS(struct file, file);
	inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = AS(struct socket, READ(file, private_data));
	return READ(socket, sk);
}

static __always_inline struct sock *sock_of(struct draft *d, int fd)
{
	return sock_behind(file_of(d, fd));
}

static __always_inline bool fill_connect(struct draft *d, const struct arguments *args,
					 __s64 result)
{
	struct event_socket *to = &d->scratch->event.socket;
	struct sock *sk = sock_of(d, (int)args->value[1]);
	struct attempt *attempt;

	attempt = FIND_KEPT(attempts, d->task);
	if (attempt && attempt->pending) {
		attempt->pending = false;
		*to = attempt->to;
	} else if (sk && (result == 0 || result == -EINPROGRESS)) {
		sk = AS(struct sock, sk);
		read_end(to, sk, END_PEER);
		if (to->family == AF_UNIX)
			add_unix_peer(d, sk);
		else if (to->family != AF_INET && to->family != AF_INET6)
			add_caller_sockaddr(d, args->value[2], args->value[3]);
	} else {
		if (sk) {
			sk = AS(struct sock, sk);
			to->family = READ(sk, __sk_common.skc_family);
			to->protocol = READ(sk, sk_protocol);
		}
		add_caller_sockaddr(d, args->value[2], args->value[3]);
		if (to->family == AF_UNIX)
			add_base(d, TEXT_BASE, AT_FDCWD);
	}
	return !fold_connect(d);
}

static __always_inline bool has_known_end(__u16 family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6;
}

/* What a bind was to do. */
static __always_inline void add_bind_address(struct draft *d, struct event_socket *to,
					     const struct arguments *args)
{
	add_caller_sockaddr(d, args->value[2], args->value[3]);
	if (to->family == AF_UNIX)
		add_base(d, TEXT_BASE, AT_FDCWD);
}

/* bind, listen: the socket's own end; accept: the peer of the socket that came of it. */
static __always_inline bool fill_serve(struct draft *d, enum event_kind kind,
				       const struct arguments *args, __s64 result)
{
	bool accepted = kind == EVENT_ACCEPT && result >= 0;
	struct event_socket *to = &d->scratch->event.socket;
	struct sock *sk = sock_of(d, accepted ? (int)result : (int)args->value[1]);

	if (sk) {
		sk = AS(struct sock, sk);
		read_end(to, sk, accepted ? END_PEER : END_LOCAL);
	}
	if (kind == EVENT_BIND && (result < 0 || !has_known_end(to->family)))
		add_bind_address(d, to, args);
	else if (sk && to->family == AF_UNIX)
		add_unix_name(d, AS(struct unix_sock, sk));
	return true;
}

#endif
