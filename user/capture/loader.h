/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_LOADER_H
#define CAPTURE_LOADER_H
/* The kernel as a source: load the programs; source_start() attaches them. */
#include "capture/policy.h"
#include "capture/source.h"

/* The object set is the tracepoint set and programs on the kernel's functions beside it. */
enum loader_hooks { HOOKS_BEST, HOOKS_TRACEPOINT, HOOKS_OBJECT };

struct loader_options {
	enum event_scope scope;
	uint32_t pid;	    /* SCOPE_TREE: this process and its descendants */
	const char *cgroup; /* SCOPE_CGROUP: a directory in the v2 hierarchy */
	enum loader_hooks hooks;
	bool harden;	   /* refuse others to signal or trace us, or to take what is ours */
	size_t ring_bytes; /* of the main ring, a power of two; 0 means 16 MiB */
	uint32_t run;	   /* identity of this run, not 0 */
	const struct policy *policy; /* in force from the start; must stay until another is set */
	const char *pin; /* a directory in a bpffs: programs and rings outlive us; NULL: not */
};

/*
 * 0, or -errno with one clear line in err: -EPERM no privilege, -ENOTSUP the kernel lacks what we
 * need (says what), -ESRCH no such process, -ENOENT no such cgroup, others from the system.
 * *ret is closed with source_close().
 */
int loader_open(struct source **ret, const struct loader_options *options, char *err,
		size_t err_size);

#endif
