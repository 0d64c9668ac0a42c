// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Self-test before loading: can a program on tp_btf/sys_exit be preempted here? Then other tasks
 * on its CPU skip the program meanwhile, and another hook is better.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile int self_pid;
int depth = -1; /* how often preemption was switched off when it ran; -1: nobody knows */

#define PREEMPT_MASK 0xff /* of linux/preempt.h: the part that preempt_disable() counts */

extern const int __preempt_count __ksym __weak; /* x86; from 6.2 to 6.14 it stood elsewhere */

SEC("tp_btf/sys_exit")
int BPF_PROG(look, struct pt_regs *regs, long result)
{
	if (bpf_get_current_pid_tgid() >> 32 == self_pid && &__preempt_count)
		depth = *(int *)bpf_this_cpu_ptr(&__preempt_count) & PREEMPT_MASK;
	return 0;
}
