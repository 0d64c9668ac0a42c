// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that do nothing, to tell what being attached costs from what recording costs. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(name)                                                                                \
	SEC("tp_btf/" #name)                                                                       \
	int on_##name(void *ctx)                                                                   \
	{                                                                                          \
		return 0;                                                                          \
	}

EMPTY(sys_enter)
EMPTY(sys_exit)
EMPTY(sched_process_exec)
EMPTY(sched_process_fork)
EMPTY(sched_process_exit)
EMPTY(inet_sock_set_state)
