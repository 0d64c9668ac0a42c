/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KERNEL_H
#define KERNEL_H
/*
 * How programs get at the kernel's objects, on kernels that help them more and less. One source is
 * compiled for each:
 *
 *   TYPED_READS  bpf_rdonly_cast is there (6.2): any address becomes a typed pointer;
 *   neither      the current task is a typed pointer, and so is what its fields point to (5.15);
 *   OLD_KERNEL   it is a number (5.10): every field is read by a helper.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

/* A pointer the verifier knows nothing about, as a T. */
#define AS(T, p)                                                                                   \
	({                                                                                         \
		T *_as = (T *)(p);                                                                 \
		if (TYPED_READS)                                                                   \
			_as = bpf_rdonly_cast((void *)(p), bpf_core_type_id_kernel(T));            \
		_as;                                                                               \
	})
/* A field of such a pointer: one load, or one helper call where casts do not exist. */
#define READ(p, field)                                                                             \
	({                                                                                         \
		typeof((p)->field) _value;                                                         \
		if (TYPED_READS)                                                                   \
			_value = (p)->field;                                                       \
		else                                                                               \
			bpf_core_read(&_value, sizeof(_value), &(p)->field);                       \
		_value;                                                                            \
	})

/* OF(p, a, b) is p->a->b, of a task or of what its fields point to. */
#if OLD_KERNEL
#define OF(p, ...)                                                                                 \
	({                                                                                         \
		typeof(p) _of = (p);                                                               \
		BPF_CORE_READ(_of, __VA_ARGS__);                                                   \
	})
#else
#define OF(p, ...) ___arrow(p, __VA_ARGS__)
#endif

static __always_inline struct task_struct *current_task(void)
{
	return OLD_KERNEL ? (struct task_struct *)bpf_get_current_task()
			  : bpf_get_current_task_btf();
}

#define STACK_SIZE 16384 /* x86-64; more where it is debugged, and then it is mapped */

/* What it had in its registers when it entered the kernel: they lie at the top of its stack. */
static __always_inline struct pt_regs *registers_of(struct task_struct *task)
{
	__u64 size = STACK_SIZE;

	if (!OLD_KERNEL)
		return (struct pt_regs *)bpf_task_pt_regs(task);
	if (bpf_core_field_exists(task->stack_vm_area))
		size = OF(task, stack_vm_area, nr_pages) * 4096ull;
	return OF(task, stack) + size - bpf_core_type_size(struct pt_regs);
}

/* The cgroup of the current task, or the one above it, that is so deep; 0 when none is. */
static __always_inline __u64 cgroup_at(struct task_struct *task, __u32 level)
{
	struct cgroup___before_6_0 *cgroup;
	__u64 id;

	if (!OLD_KERNEL)
		return bpf_get_current_ancestor_cgroup_id(level);
	cgroup = (void *)OF(task, cgroups, dfl_cgrp);
	if (level > (__u32)OF(cgroup, level) ||
	    bpf_probe_read_kernel(
		    &id, sizeof(id),
		    (char *)cgroup +
			    bpf_core_field_offset(struct cgroup___before_6_0, ancestor_ids) +
			    level * sizeof(id)))
		return 0;
	return id;
}

/* --- what is kept with a task --------------------------------------------------------------------
 * Where the kernel does not keep it: by the task's address, until task_ends() (process.h).
 */
const volatile __u8 nothing[128]; /* what it begins with there; too much for a stack */
#if OLD_KERNEL
#define KEPT(name, T)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, 8192);                                                         \
		__type(key, __u64);                                                                \
		__type(value, T);                                                                  \
	} name SEC(".maps")
/* NULL when nothing is; made when there was nothing: zero, and NULL when there is no memory. */
#define FIND_KEPT(name, task)                                                                      \
	({                                                                                         \
		__u64 _key = (__u64)(task);                                                        \
		(typeof((name).value))bpf_map_lookup_elem(&(name), &_key);                         \
	})
#define MAKE_KEPT(name, task)                                                                      \
	({                                                                                         \
		typeof((name).value) _kept = FIND_KEPT(name, task);                                \
		if (!_kept) {                                                                      \
			__u64 _at = (__u64)(task);                                                 \
			_Static_assert(sizeof(*(name).value) <= sizeof(nothing), "fits");          \
			bpf_map_update_elem(&(name), &_at, (const void *)nothing, BPF_NOEXIST);    \
			_kept = FIND_KEPT(name, task);                                             \
		}                                                                                  \
		_kept;                                                                             \
	})
#else
#define KEPT(name, T)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_TASK_STORAGE);                                           \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, int);                                                                  \
		__type(value, T);                                                                  \
	} name SEC(".maps")
#define FIND_KEPT(name, task) ((typeof((name).value))bpf_task_storage_get(&(name), task, 0, 0))
#define MAKE_KEPT(name, task)                                                                      \
	((typeof((name).value))bpf_task_storage_get(&(name), task, 0,                              \
						    BPF_LOCAL_STORAGE_GET_F_CREATE))
#endif
/* Not that of a kernel that keeps it itself. */
#define FORGET_KEPT(name, task)                                                                    \
	({                                                                                         \
		__u64 _key = (__u64)(task);                                                        \
		bpf_map_delete_elem(&(name), &_key);                                               \
	})

#endif
