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
#define OF(p, ...) BPF_CORE_READ(p, __VA_ARGS__)
#else
#define OF(p, ...) ___arrow(p, __VA_ARGS__)
#endif

static __always_inline struct task_struct *current_task(void)
{
	return OLD_KERNEL ? (struct task_struct *)bpf_get_current_task()
			  : bpf_get_current_task_btf();
}

/* What it had in its registers when it entered the kernel. */
static __always_inline struct pt_regs *registers_of(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

#endif
