/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_LOADER_KERNEL_H
#define CAPTURE_LOADER_KERNEL_H
/* The loaded programs as a source: what loader*.c share. Nobody else may know it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture/ring.h"
#include "capture/source.h"
#include "collect.skel.h"

struct kernel {
	struct source source;
	struct collect *skel;
	struct ring rings[RINGS];
	unsigned long batch[RINGS]; /* take up to here, then look again */
	unsigned long marks[RINGS];
	uint64_t batch_time; /* nothing later than this in the batch */
	enum event_scope scope;
	uint32_t scope_pid;
	struct ring *taken;		 /* ring of the event that source_next gave out last */
	struct event_counters *counters; /* mapped */
	size_t counters_size;
	struct event_counters copy;
	int epoll;
	uint64_t last_event; /* monotonic, as of the last time we had nothing to do */
	bool had_events;
	bool corrupt;
};

/* Operations of a source that reads the rings; all but start. */
extern const struct source_ops kernel_ops;

/* Mark what descends from root, once the programs run. 0 or -errno. */
int kernel_mark_descendants(struct kernel *k, uint32_t root);

/* Id and depth of a cgroup of the v2 hierarchy; -errno when path is none. */
int kernel_find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level);

/* One clear line into err; returns code. */
__attribute__((format(printf, 4, 5))) int kernel_fail(char *err, size_t err_size, int code,
						      const char *format, ...);

/* Attach every program, then mark the scope; source_ops.start. */
int kernel_start(struct source *source, char *err, size_t err_size);

#endif
