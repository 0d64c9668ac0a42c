/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_PROCESS_H
#define ATTRIBUTE_PROCESS_H
/* One process as the table knows it, and what fork, exec and a login do to it. */
#include <stdbool.h>

#include "attribute/text.h"
#include "attribute/users.h"
#include "event.h"
#include "record/record.h"

#define VIA_PROGRAMS 8 /* kept: the oldest two and the latest six */

struct process {
	uint32_t pid, parent;
	uint64_t start; /* ns since boot; rounded down to a TASK_TICK while start_rounded */
	bool start_rounded;
	uint64_t cgroup; /* id the place below was found for; 0: not yet */
	uint32_t auid, session;
	uint32_t login; /* uid a login program gave this process or an ancestor */
	bool kernel_thread;
	struct text *exe, *via, *container, *unit;
	/* who it is; derived, see process_name() */
	bool named;
	unsigned int names; /* users_generation() they were derived from */
	uint8_t actor, how;
	struct text *user;
};

/* Let go of all texts (table_drop_fn). */
void process_drop(void *process);

/* child begins as a copy of its maker. */
void process_fork(struct process *child, const struct process *maker, uint32_t pid, uint64_t start,
		  uint32_t parent);

/* A new program: the one it replaces joins via. */
void process_exec(struct process *process, struct bytes exe);

/* Put it in a container or unit, as its cgroup paths say. */
void process_move(struct process *process, uint64_t cgroup, struct bytes cgroups);

/*
 * A call that worked and set the uid for good: when a login program (sshd, login, su) leaves root
 * for an account that can log in, the process and what it starts belong to that account; to the
 * account that called it, where that is known by the real uid. Inside a container nothing is a
 * login.
 */
void process_set_id(struct process *process, const struct users *users,
		    const struct record_cred *before, const struct record_cred *after);

/* Fill actor, how and user if something changed since they were derived. */
void process_name(struct process *process, struct users *users, uint32_t auid);

#endif
