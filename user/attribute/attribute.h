/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_ATTRIBUTE_H
#define ATTRIBUTE_ATTRIBUTE_H
/*
 * Who did it, and how we know: events in, records out. Keeps a bounded table of processes (pid and
 * start time) and of the credential each thread had last; fork, exec and exit events keep it true,
 * /proc fills it at the start and where an event was lost.
 */
#include "event.h"
#include "record/record.h"
#include "task.h"

#define ATTRIBUTE_PROCESSES 32768
#define ATTRIBUTE_THREADS   65536

struct attribute;

struct attribute_options {
	const char *passwd;	     /* path; NULL for /etc/passwd */
	uint64_t boot_time;	     /* epoch ns of boottime 0 */
	uint32_t processes, threads; /* table sizes; 0 for the defaults above */
	/* Ask for a process we do not know; 0 with facts, or -ESRCH. NULL: nobody to ask. */
	int (*look_up)(void *ctx, uint32_t pid, struct task_facts *ret);
	void *ctx;
};

int attribute_open(struct attribute **ret, const struct attribute_options *options);
void attribute_close(struct attribute *attribute);

/* The clock was set: epoch ns of boottime 0 from here on. */
void attribute_set_boot_time(struct attribute *attribute, uint64_t boot_time);

/* What /proc says of a running process (the snapshot). A process already known from events, or
 * one that started later, is not touched. */
void attribute_task(struct attribute *attribute, const struct task_facts *facts);

/*
 * Attribute one event; the result's bytes live until the next call. Always succeeds: what is not
 * known stays empty, and `how` says so.
 */
void attribute_event(struct attribute *attribute, const struct event *event, struct record *ret);

/* Re-read the passwd file if it changed; call now and then. */
void attribute_refresh(struct attribute *attribute);

/* Next record (USER, LOGINUID) that must stand in the chain before the one just made; false when
 * none. Its bytes live as long as that one's. */
bool attribute_next_binding(struct attribute *attribute, struct record *ret);

#endif
