/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef FOLD_H
#define FOLD_H
/*
 * Folding: what one process does again and again is recorded once, then counted. The count follows
 * as an EVENT_REPEAT: when the time is over, when the place is needed for another event, and at
 * each heartbeat (fold_flush). Each CPU has places of its own.
 */
#include "common.h"

struct fold {
	struct event event; /* as it was recorded: what its repeats begin with */
	__u64 same[FOLD_WORDS];
	__u64 since, last;
	__u64 count;	    /* of repeats that no record tells of yet */
	__u32 family, busy; /* take_count() */
};

PER_CPU(folds, FOLDS_PER_CPU, struct fold);

#define MIX 0x9e3779b97f4a7c15ull

/*
 * The count, by whoever tells of it. Before 5.12 nothing exchanges: of two on one CPU it is the one
 * that began first and was interrupted.
 */
static __always_inline __u64 take_count(struct fold *f)
{
	volatile struct fold *v = f;
	__u64 count;

	if (!OLD_KERNEL)
		return __sync_lock_test_and_set(&f->count, 0);
	if (v->busy)
		return 0;
	v->busy = 1;
	count = v->count;
	v->count = 0;
	v->busy = count != 0;
	return count;
}

/* Tell of the repeats that were counted. The place holds a recorded event. */
static __always_inline void put_repeats(struct fold *f, struct event_counters *c, __u64 now)
{
	__u64 count = take_count(f), told = count;
	struct event *e = &f->event;
	__u32 family;

	if (!count)
		return;
	if (e->kind != EVENT_REPEAT) { /* the first time: from here on it is one */
		e->repeat.kind = e->kind;
		e->repeat.seq = e->seq;
		e->repeat.padding = 0;
		e->kind = EVENT_REPEAT;
		e->flags = 0;
		for (int i = 0; i < TEXTS; i++)
			e->text[i] = 0;
	}
	e->repeat.count = count;
	e->repeat.last = f->last;
	e->time = now;
	family = f->family;
	if (!take_number(c, e->ring, family, &e->seq) || !event_put(e, sizeof(*e), family, c))
		told--; /* one of them is the lost one */
	if (family < FAMILIES)
		__sync_fetch_and_add(&c->family[family].folded, told);
	__sync_fetch_and_add(&c->counting, -count);
	if (OLD_KERNEL)
		f->busy = 0;
}

/*
 * `same` in the scratch, with the process and the kind, says what makes two events the same. True
 * when the event is a repeat: it was counted. Otherwise it takes a place, to be filled by
 * fold_keep() once it is numbered. A function of its own, so that the verifier looks at it once.
 */
__noinline int fold_event(__u32 slot)
{
	struct task_struct *task = current_task(), *leader = OF(task, group_leader);
	const volatile struct policy_settings *policy = policy_now();
	struct scratch *s = scratch_of(slot);
	struct event_counters *c = counters_of_this_cpu();
	__u64 now, fold_ns = policy->fold_ns, hash;
	__u32 cpu = bpf_get_smp_processor_id(), place;
	struct fold *f;

	if (!s || !c || !fold_ns || s->event.ring == RING_SELF)
		return 0;
	s->event.time = now = bpf_ktime_get_boot_ns();
	hash = OF(leader, start_boottime) ^ s->event.kind;
	for (int i = 0; i < FOLD_WORDS; i++)
		hash = (hash ^ s->same[i]) * MIX;
	place = hash >> 58;
	cpu = cpu * FOLDS_PER_CPU + place;
	f = bpf_map_lookup_elem(&folds, &cpu);
	if (!f)
		return 0; /* cannot be: the map has them for every possible CPU */
	if (f->since && now - f->since < fold_ns && f->event.start == OF(leader, start_boottime) &&
	    f->event.pid == (__u32)OF(task, tgid) && f->event.call == s->event.call &&
	    f->same[0] == s->same[0] && f->same[1] == s->same[1] && f->same[2] == s->same[2] &&
	    f->same[3] == s->same[3] && f->same[4] == s->same[4]) {
		__sync_fetch_and_add(&f->count, 1);
		f->last = now;
		__sync_fetch_and_add(&c->counting, 1);
		return 1;
	}
	put_repeats(f, c, now);
	f->since = 0; /* nothing until fold_keep() */
	for (int i = 0; i < FOLD_WORDS; i++)
		f->same[i] = s->same[i];
	s->event.fold = place + 1;
	return 0;
}

/* --- what makes two events of one process the same ---------------------------------------------
 */
#define HASHED_MAX 256

static __always_inline bool is_folding(void)
{
	return policy_now()->fold_ns != 0;
}

/* Of the texts from a place on; 0 when they are too long to be told apart so. */
static __always_inline __u64 hash_text(struct draft *d, __u32 from)
{
	char *text = d->scratch->text;
	__u64 hash = fold_secret;
	__u32 len = d->used - from;

	if (len > HASHED_MAX)
		return 0;
	*(__u64 *)(text + BOUND(d->used, TEXT_MASK)) = 0; /* behind the last word */
	for (__u32 at = 0; at < HASHED_MAX && at < len; at += 8)
		hash = (hash ^ *(__u64 *)(text + BOUND(from + at, TEXT_MASK))) * MIX;
	return hash | 1;
}

/* By the same user, from the same program. */
static __always_inline __u64 who_of(struct draft *d)
{
	return ((__u64)OF(d->cred, uid.val) << 32 | OF(d->cred, fsuid.val)) ^
	       OF(d->task, self_exec_id) * MIX;
}

/* The same file by the same path (an inode alone may have two), opened in the same way. The path
 * walk was the last one; a text behind the path is what the caller asked for. */
static __always_inline bool fold_file(struct draft *d)
{
	struct scratch *s = d->scratch;

	if (!is_folding())
		return false;
	s->same[0] = s->walk.dentry ^ s->walk.vfsmount * MIX;
	s->same[1] = s->event.file.inode;
	s->same[2] = s->event.file.argument[0] | (__u64)s->event.flags << 32;
	s->same[3] = who_of(d);
	s->same[4] = hash_text(d, s->walk.at);
	return s->same[4] && fold_event(d->slot);
}

/* Failed in the same way, and all that is known of the object is the same name. */
static __always_inline bool fold_named(struct draft *d, __s64 result, __u64 argument)
{
	struct scratch *s = d->scratch;

	if (!is_folding())
		return false;
	s->same[0] = result;
	s->same[1] = d->used;
	s->same[2] = argument | (__u64)s->event.flags << 32;
	s->same[3] = who_of(d);
	s->same[4] = hash_text(d, 0);
	return s->same[4] && fold_event(d->slot);
}

/* To the same end, with the same outcome. */
static __always_inline bool fold_connect(struct draft *d)
{
	struct scratch *s = d->scratch;
	__u64 hash = is_folding() ? hash_text(d, 0) : 0;

	if (!hash)
		return false;
	s->same[0] = s->event.raw[0];
	s->same[1] = s->event.raw[1];
	s->same[2] = s->event.raw[2];
	s->same[3] = who_of(d) ^ (__u64)s->event.flags << 16;
	s->same[4] = hash ^ s->event.result;
	return fold_event(d->slot);
}

/* The event that took a place is numbered. */
static __always_inline void fold_keep(struct draft *d)
{
	struct event *e = &d->scratch->event;
	__u32 index = e->cpu * FOLDS_PER_CPU + e->fold - 1;
	struct fold *f;

	if (!e->fold)
		return;
	f = bpf_map_lookup_elem(&folds, &index);
	if (!f)
		return; /* cannot be, as above */
	f->event = *e;
	f->family = d->family;
	f->count = 0;
	f->since = f->last = e->time;
}

/* Run by the daemon, on the CPU whose places it is about. With an argument other than 0, all are
 * told of, not only those whose time is over. */
SEC("raw_tp")
int fold_flush(struct bpf_raw_tracepoint_args *ctx)
{
	const volatile struct policy_settings *policy = policy_now();
	__u64 now = bpf_ktime_get_boot_ns(), fold_ns = policy->fold_ns;
	__u32 cpu = bpf_get_smp_processor_id(), index;
	struct event_counters *c = counters_of_this_cpu();
	struct fold *f;

	if (!c)
		return 0;
	for (int i = 0; i < FOLDS_PER_CPU; i++) {
		index = cpu * FOLDS_PER_CPU + i;
		f = bpf_map_lookup_elem(&folds, &index);
		if (f && (ctx->args[0] || now - f->since >= fold_ns))
			put_repeats(f, c, now);
	}
	return 0;
}

#endif
