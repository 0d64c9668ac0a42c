// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Self-test before loading: do programs on the kernel's functions load here, and do they fire? */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile int self_pid;
int fired;

SEC("lsm/file_open")
int BPF_PROG(watch, struct file *file)
{
	if (bpf_get_current_pid_tgid() >> 32 == self_pid)
		fired = 1;
	return 0;
}
