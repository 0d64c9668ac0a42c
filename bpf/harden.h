/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HARDEN_H
#define HARDEN_H
/*
 * `run --harden`: nobody but init, the collector and its keeper may signal them, trace them, bound
 * their resources, or take hold of their programs, maps and links. LSM programs, which are never
 * skipped. What they refuse is recorded as the call that failed; a signal has none, so it is
 * recorded here.
 */
#include "signal.h"

#define EPERM		   1
#define PTRACE_MODE_ATTACH 2

/* What is ours: filled by the loader. Key: kind and id as the kernel numbers them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct own_object);
	__type(value, __u8);
} own_objects SEC(".maps");

/* Set once all of it is attached and filled in. */
volatile __u32 hardened;

static __always_inline bool is_refused(void)
{
	struct task_struct *task = current_task();

	return hardened && !is_self(task) && OF(task, tgid) != 1;
}

static __always_inline bool is_own(__u32 kind, __u32 id)
{
	struct own_object key = { .kind = kind, .id = id };

	return bpf_map_lookup_elem(&own_objects, &key) != NULL;
}

/* LSM programs have no guard against each other: one that is preempted keeps its scratch, and what
 * comes meanwhile is counted as lost. */
static __always_inline void record_refusal(struct task_struct *target, int signal)
{
	struct scratch *s =
		scratch_of(bpf_get_smp_processor_id() * PROGRAMS_PER_CPU + PROGRAM_HARDEN);
	struct event_file *to;
	struct draft d;

	if (!s)
		return; /* cannot be: the map has a slot for every possible CPU */
	if (__sync_lock_test_and_set(&s->busy, 1)) {
		count_unseen(FAMILY_KERNEL, RING_CREDENTIAL);
		return;
	}
	if (event_begin(&d, PROGRAM_HARDEN, FAMILY_KERNEL, EVENT_SIGNAL, CALL_NONE, -EPERM)) {
		to = &d.scratch->event.file;
		to->argument[0] = signal;
		to->argument[1] = target->tgid;
		event_send(&d);
	}
	s->busy = 0;
}

SEC("lsm/task_kill")
int BPF_PROG(harden_kill, struct task_struct *target, struct kernel_siginfo *info, int signal)
{
	if (!signal || !is_self(target) || !is_refused())
		return 0;
	record_refusal(target, signal);
	return -EPERM;
}

/* A signal by way of a file that others own (F_SETOWN, F_SETSIG): who sends it nobody knows. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(harden_sigio, struct task_struct *target)
{
	return hardened && is_self(target) ? -EPERM : 0;
}

/* To be killed for using a processor for too long. */
SEC("lsm/task_setrlimit")
int BPF_PROG(harden_limits, struct task_struct *target)
{
	return is_self(target) && is_refused() ? -EPERM : 0;
}

/* Also /proc/PID/mem, process_vm_writev and pidfd_getfd. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(harden_trace, struct task_struct *target, unsigned int mode)
{
	return mode & PTRACE_MODE_ATTACH && is_self(target) && is_refused() ? -EPERM : 0;
}

/* Whoever gets a descriptor of a map or a program, by its id or where it is pinned. */
SEC("lsm/bpf_map")
int BPF_PROG(harden_map, struct bpf_map *map)
{
	return is_refused() && is_own(OWN_MAP, map->id) ? -EPERM : 0;
}

SEC("lsm/bpf_prog")
int BPF_PROG(harden_program, struct bpf_prog *program)
{
	return is_refused() && is_own(OWN_PROGRAM, program->aux->id) ? -EPERM : 0;
}

/* Links have no hook of their own. */
SEC("lsm/bpf")
int BPF_PROG(harden_link, int command, void *attributes)
{
	__u32 id;

	if (command != BPF_LINK_GET_FD_BY_ID || !is_refused() ||
	    bpf_probe_read_kernel(&id, sizeof(id), attributes)) /* union bpf_attr: link_id */
		return 0;
	return is_own(OWN_LINK, id) ? -EPERM : 0;
}

#endif
