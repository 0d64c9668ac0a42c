/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef COMMON_H
#define COMMON_H
/*
 * What every family uses: settings, rings, counters, scratch, scope, and the head of an event.
 * One record path: event_choose() says whether, the family fills it, event_number() numbers it and
 * event_send() puts it out. What is recorded in any case is numbered first: event_begin().
 */
#include "event.h"
#include "policy_map.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "calls.h"
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- settings: written by the loader before load ------------------------------------------------
 */
const volatile __u32 run_id;
const volatile __u32 scope; /* enum event_scope */
const volatile int scope_pid;
const volatile __u64 scope_start, scope_start_end; /* when scope_pid was started: a reused
						    * number is not in scope */
const volatile __u64 scope_cgroup;
const volatile __u32 scope_level; /* depth of scope_cgroup */

/* The collector, and the process that holds the keys; others may take their places. */
volatile int self_pid, keeper_pid;

/* The kernel's functions are watched too: what a change by name was done to is known
 * (object_set.h).
 */
const volatile bool object_set;

/* The daemon sets it before it sleeps; whoever sends next clears it and wakes the daemon. */
volatile __u32 asleep;

/* What is recorded; the daemon writes the one that is not in force, then names it here. */
volatile struct policy_settings policies[POLICY_SLOTS];
volatile __u32 policy_slot;

const volatile __u32 main_ring_size; /* bytes */
const volatile __u64 fold_secret;    /* nobody can make two names that hash the same */

/* --- maps ----------------------------------------------------------------------------------------
 */
#define RING(name)                                                                                 \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, 1 << 18);                                                      \
	} name SEC(".maps")
RING(ring_main);
RING(ring_credential);
RING(ring_self);

/* So many for each CPU; the loader knows how many CPUs there can be. */
#define PER_CPU(name, count, T)                                                                    \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(max_entries, count);                                                        \
		__type(key, __u32);                                                                \
		__type(value, T);                                                                  \
	} name SEC(".maps")

struct { /* sized to the possible CPUs by the loader */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

/* Each program has its own scratch on each CPU: one that interrupts another must not write over
 * what the other is about to send. */
enum program {
	PROGRAM_SYS_EXIT,
	PROGRAM_EXEC,
	PROGRAM_FORK,
	PROGRAM_EXIT,
	PROGRAM_TCP,
	PROGRAM_SIGNAL,
	PROGRAM_LOGIN,
	PROGRAM_IO_URING,
	PROGRAM_IO_URING_END,
	PROGRAM_HARDEN
};

/* A text, and each component of a path, begins at a masked offset: two names and their
 * directories come to 17,000 bytes at most. The slack holds the longest that can begin there. */
#define TEXT_MASK	 0x7fff
#define TEXT_SIZE	 (TEXT_MASK + 1 + EVENT_ARGV_MAX)
#define WALK_STARTS_MASK 7
#define FOLD_WORDS	 5
/* State of a path walk. In memory, and volatile: the verifier forgets what it knew of a number
 * there and sees one state at each turn of the loop, not one for each way it could have come; kept
 * in registers it looked at eight times as many instructions. */
struct walk {
	__u64 dentry, vfsmount;
	volatile __u32 begin, at, flags;
	volatile __u32 count, mounts; /* components; the path is not all there is above */
	volatile __u32 leaf, unused;  /* length of the first component */
	volatile __u32 starts[WALK_STARTS_MASK + 1]; /* of the last components */
};

struct scratch {
	struct event event;
	char text[TEXT_SIZE];
	struct walk walk;
	struct policy_name_key name; /* whose text goes on: */
	char name_slack[POLICY_NAME];
	struct policy_inode_key inode;
	__u64 same[FOLD_WORDS]; /* what an event has in common with its repeats */
	struct arguments args;	/* of the system call */
	volatile __u32 used;	/* struct draft's, across a call of a function */
	__u32 busy;		/* harden.h */
};

PER_CPU(scratches, PROGRAMS_PER_CPU, struct scratch);

/* members of the --scope pid= tree */
KEPT(members, __u8);

/* --- small tools ---------------------------------------------------------------------------------
 */
/* Keep a bound where the verifier can see it: the compiler must not move or merge it. */
#define BOUND(v, mask)                                                                             \
	({                                                                                         \
		__u32 _bound = (v);                                                                \
		asm volatile("%0 &= %1" : "+r"(_bound) : "i"(mask));                               \
		_bound;                                                                            \
	})

static __always_inline struct scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

static __always_inline struct event_counters *counters_of_this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

static __always_inline bool is_member(struct task_struct *task)
{
	struct task_struct *leader = OF(task, group_leader);

	return (OF(task, tgid) == scope_pid && OF(leader, start_boottime) >= scope_start &&
		OF(leader, start_boottime) < scope_start_end) ||
	       FIND_KEPT(members, task);
}

/* False when the kernel had no memory for it. */
static __always_inline bool mark_member(struct task_struct *task)
{
	return MAKE_KEPT(members, task) != NULL;
}

static __always_inline bool in_tree(struct task_struct *task)
{
	struct task_struct *leader = OF(task, group_leader);

	if (is_member(task))
		return true;
	/* A thread from before we started: its leader was marked by the loader. Or nobody could
	 * mark it when it was forked. */
	if ((OF(task, pid) == OF(task, tgid) || !is_member(leader)) &&
	    !is_member(OF(leader, real_parent)))
		return false;
	mark_member(task);
	return true;
}

static __always_inline bool in_scope(struct task_struct *task)
{
	if (scope == SCOPE_TREE)
		return in_tree(task);
	if (scope == SCOPE_CGROUP)
		return cgroup_at(task, scope_level) == scope_cgroup;
	return true;
}

/* --- an event from begin to send -----------------------------------------------------------------
 */
struct draft {
	struct task_struct *task;
	/* What the task has, read once: to follow a trusted pointer makes the verifier search all
	 * names of the kernel's types, for milliseconds, on each way there is to the place. */
	const struct cred *cred;
	struct files_struct *files;
	struct fs_struct *fs;
	struct scratch *scratch;
	struct event_counters *counters;
	__u32 slot; /* of the scratch */
	__u32 used; /* bytes of text so far */
	__u32 family;
};

static __always_inline void draft_of_current(struct draft *d)
{
	d->task = current_task();
	d->cred = OF(d->task, real_cred);
	d->files = OF(d->task, files);
	d->fs = OF(d->task, fs);
}

/* A set of capabilities: one number, two halves of it before 6.3. */
#define CAPABILITIES(cred, set)                                                                    \
	({                                                                                         \
		__u64 _caps;                                                                       \
		if (bpf_core_field_exists((cred)->set.val)) {                                      \
			_caps = OF(cred, set.val);                                                 \
		} else {                                                                           \
			const struct cred___before_6_3 *_old = (const void *)(cred);               \
			_caps = OF(_old, set.cap[0]) | (__u64)OF(_old, set.cap[1]) << 32;          \
		}                                                                                  \
		_caps;                                                                             \
	})

static __always_inline void fill_head(struct event *e, struct task_struct *task,
				      const struct cred *cred)
{
	struct task_struct *leader = OF(task, group_leader), *parent = OF(task, real_parent);

	if (!e->time) /* or fold_event() has asked already: a clock is a good part of an event's
			 cost */
		e->time = bpf_ktime_get_boot_ns();
	e->start = OF(leader, start_boottime);
	e->cgroup = OF(task, cgroups, dfl_cgrp, kn, id);
	e->effective = CAPABILITIES(cred, cap_effective);
	e->permitted = CAPABILITIES(cred, cap_permitted);
	e->cred.uid = OF(cred, uid.val);
	e->cred.gid = OF(cred, gid.val);
	e->cred.suid = OF(cred, suid.val);
	e->cred.sgid = OF(cred, sgid.val);
	e->cred.euid = OF(cred, euid.val);
	e->cred.egid = OF(cred, egid.val);
	e->cred.fsuid = OF(cred, fsuid.val);
	e->cred.fsgid = OF(cred, fsgid.val);
	if (OLD_KERNEL)
		bpf_core_read(e->comm, sizeof(e->comm), &task->comm);
	else
		__builtin_memcpy(e->comm, task->comm, sizeof(e->comm));
	e->run = run_id;
	e->pid = OF(task, tgid);
	e->tid = OF(task, pid);
	e->parent = OF(parent, tgid);
	e->auid = -1;
	e->session = -1;
	if (bpf_core_field_exists(task->loginuid)) {
		e->auid = OF(task, loginuid.val);
		e->session = OF(task, sessionid);
	}
	e->mount_ns = 0;
	if (OF(task, nsproxy)) /* gone late in exit */
		e->mount_ns = OF(task, nsproxy, mnt_ns, ns.inum);
}

static __always_inline bool is_self(const struct task_struct *task)
{
	return OF(task, tgid) == self_pid || OF(task, tgid) == keeper_pid;
}

static __always_inline const volatile struct policy_settings *policy_now(void)
{
	return &policies[policy_slot & (POLICY_SLOTS - 1)];
}

/* Does the policy take this family at all, and of this task? */
static __always_inline bool policy_wants(struct task_struct *task, enum event_family family)
{
	const volatile struct policy_settings *policy = policy_now();
	__u32 uid, count = policy->range_count;
	bool within = false;

	if (!(policy->families >> family & 1))
		return false;
	if (family != FAMILY_FILE && family != FAMILY_PERMISSION && family != FAMILY_NETWORK)
		return true;
	if (count) {
		uid = OF(task, real_cred, uid.val);
		for (__u32 i = 0; i < POLICY_RANGES && i < count; i++)
			within |= uid >= policy->ranges[i].first && uid <= policy->ranges[i].last;
		if (!within)
			return false;
	}
	count = policy->cgroup_count;
	if (!count)
		return true;
	within = false;
	for (__u32 i = 0; i < POLICY_CGROUPS && i < count; i++)
		within |= cgroup_at(task, policy->cgroups[i].level) == policy->cgroups[i].id;
	return within == !!(policy->flags & POLICY_ONLY_CGROUPS);
}

static __always_inline void count_filtered(struct event_counters *c, __u32 family)
{
	if (family < FAMILIES)
		__sync_fetch_and_add(&c->family[family].filtered, 1);
}

/* Decide by family and task whether it is recorded; then it has a scratch to be filled. */
static __always_inline bool event_choose(struct draft *d, enum program program,
					 enum event_family family, enum event_kind kind,
					 enum event_call call, __s64 result)
{
	__u32 cpu = bpf_get_smp_processor_id(), ring = RING_MAIN;
	struct event_counters *c = bpf_map_lookup_elem(&counters, &cpu);
	struct event *e;

	if (!c)
		return false;
	draft_of_current(d);
	if (is_self(d->task)) {
		/* Our daily work on files and our own socket: counted, not recorded, or it would
		 * make more of it. The canary is an open that fails. */
		bool daily = family == FAMILY_FILE || kind == EVENT_ACCEPT;

		family = FAMILY_SELF;
		ring = RING_SELF;
		if (daily && result >= 0) {
			count_filtered(c, family);
			return false;
		}
	} else if (!in_scope(d->task) || !policy_wants(d->task, family)) {
		count_filtered(c, family);
		return false;
	} else if (family == FAMILY_CREDENTIAL || family == FAMILY_KERNEL) {
		ring = RING_CREDENTIAL;
	} else if (family == FAMILY_LOGIN) {
		ring = RING_SELF;
	}
	d->counters = c;
	d->family = family;
	d->used = 0;
	d->slot = cpu * PROGRAMS_PER_CPU + program;
	d->scratch = scratch_of(d->slot);
	if (!d->scratch)
		return false; /* cannot be: the map has a slot for every possible CPU */
	e = &d->scratch->event;
	e->time = 0;
	e->result = result;
	e->flags = 0;
	e->call = call;
	e->cpu = cpu;
	e->ring = ring;
	e->kind = kind;
	e->fold = 0;
	e->padding = 0;
	for (int i = 0; i < TEXTS; i++)
		e->text[i] = 0;
	for (int i = 0; i < 4; i++)
		e->raw[i] = 0;
	return true;
}

/*
 * The next number, given out once. False: it was lost, and is counted. Before 5.12 nothing adds and
 * says what there was: a number is ours when nobody came in between; else one of those given out is
 * nobody's, and lost.
 */
static __always_inline bool take_number(struct event_counters *c, __u32 ring, __u32 family,
					__u64 *ret)
{
	volatile __u64 *next = &c->seq[ring & 3];

	if (!OLD_KERNEL) {
		*ret = __sync_fetch_and_add(&c->seq[ring & 3], 1);
		return true;
	}
	for (int i = 0; i < 3; i++) {
		__u64 number = *next;

		__sync_fetch_and_add(next, 1);
		if (*next == number + 1) {
			*ret = number;
			return true;
		}
		__sync_fetch_and_add(&c->family[BOUND(family, FAMILIES - 1)].lost, 1);
	}
	return false;
}

/*
 * It will be recorded: number it and write the rest of the head. The number is taken before the
 * ring is asked for room: whatever is lost later leaves a hole. False: it was lost.
 */
static __always_inline bool event_number(struct draft *d)
{
	struct event *e = &d->scratch->event;

	if (!take_number(d->counters, e->ring, d->family, &e->seq))
		return false;
	fill_head(e, d->task, d->cred);
	return true;
}

static __always_inline bool event_begin(struct draft *d, enum program program,
					enum event_family family, enum event_kind kind,
					enum event_call call, __s64 result)
{
	return event_choose(d, program, family, kind, call, result) && event_number(d);
}

/* Everything added since `before` is the text of this slot. */
static __always_inline void event_text(struct draft *d, enum event_text slot, __u32 before)
{
	d->scratch->event.text[slot] = d->used - before;
}

/*
 * One that fills the ring must not blind the collector to the others: of the last half a process
 * gets a small share, of the last quarter a cgroup does (many short-lived processes have one).
 */
struct share {
	__u64 who, window, bytes;
};
#define SHARE_WINDOW 27 /* bits of a time in ns: 134 ms */

PER_CPU(shares, SHARES_PER_CPU, struct share);

static __always_inline bool is_over_share(__u32 cpu, __u64 who, __u64 time, __u32 size)
{
	__u32 index = cpu * SHARES_PER_CPU + (who * 0x9e3779b97f4a7c15ull >> 56);
	struct share *share = bpf_map_lookup_elem(&shares, &index);

	if (!share)
		return false; /* cannot be: the map has them for every possible CPU */
	if (share->who != who || share->window < time >> SHARE_WINDOW) {
		share->who = who;
		share->window = time >> SHARE_WINDOW;
		share->bytes = 0;
	}
	share->bytes += size;
	return share->bytes > main_ring_size / 64;
}

static __always_inline bool is_to_withhold(const struct event *e, __u32 size)
{
	__u64 waiting = bpf_ringbuf_query(&ring_main, BPF_RB_AVAIL_DATA);

	if (waiting < main_ring_size / 2)
		return false;
	return is_over_share(e->cpu, e->start ^ e->pid, e->time, size) ||
	       (waiting > main_ring_size / 4 * 3 &&
		is_over_share(e->cpu, ~e->cgroup, e->time, size));
}

/* Out with an event that is whole, its texts behind it. False: it was lost. */
static __always_inline bool event_put(struct event *e, __u32 size, __u32 family,
				      struct event_counters *c)
{
	__u32 flags = BPF_RB_NO_WAKEUP;
	bool withheld = false;
	long err;

	e->size = size;
	if (asleep) {
		asleep = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (e->ring == RING_MAIN) {
		withheld = is_to_withhold(e, size);
		err = withheld || bpf_ringbuf_output(&ring_main, e, size, flags);
	} else if (e->ring == RING_CREDENTIAL) {
		err = bpf_ringbuf_output(&ring_credential, e, size, flags);
	} else {
		err = bpf_ringbuf_output(&ring_self, e, size, flags);
	}
	if (family >= FAMILIES)
		return false; /* cannot be; the verifier wants to hear it */
	if (withheld)
		__sync_fetch_and_add(&c->family[family].withheld, 1);
	if (err)
		__sync_fetch_and_add(&c->family[family].lost, 1);
	else
		__sync_fetch_and_add(&c->family[family].sent, 1);
	return !err;
}

static __always_inline void event_send(struct draft *d)
{
	__u32 size = d->used;

	if (size > TEXT_SIZE)
		size = TEXT_SIZE; /* cannot be; the verifier wants to hear it */
	event_put(&d->scratch->event, size + sizeof(struct event), d->family, d->counters);
}

/* Something is known to go unseen: a number without an event, counted as lost. */
static __always_inline void count_unseen(enum event_family family, enum event_ring ring)
{
	struct event_counters *c = counters_of_this_cpu();

	if (!c)
		return;
	__sync_fetch_and_add(&c->seq[ring], 1);
	__sync_fetch_and_add(&c->family[family].lost, 1);
}

#define PATH_MAX 4096 /* of a name as a call takes it, with its NUL */

/* A string that the kernel holds, in at most that many bytes. */
static __always_inline void add_kernel_string(struct draft *d, enum event_text slot, __u32 most,
					      const void *from)
{
	__u32 before = d->used;
	long n = bpf_probe_read_kernel_str(d->scratch->text + BOUND(before, TEXT_MASK), most, from);

	if (n > 0)
		d->used = before + ((n - 1) & 0xfff);
	event_text(d, slot, before);
}

/* A string from the caller's memory. */
static __always_inline void add_caller_string(struct draft *d, enum event_text slot,
					      const void *from)
{
	__u32 before = d->used;
	/* One more than PATH_MAX: a string that fills it was cut. */
	long n = bpf_probe_read_user_str(d->scratch->text + BOUND(before, TEXT_MASK), PATH_MAX + 1,
					 from);

	if (n <= 0) {
		d->scratch->event.flags |= EVENT_CALLER_LOST;
		return;
	}
	if (n == PATH_MAX + 1)
		d->scratch->event.flags |= EVENT_CALLER_TRUNCATED;
	d->used = before + ((n - 1) & 0x1fff);
	event_text(d, slot, before);
}

#endif
