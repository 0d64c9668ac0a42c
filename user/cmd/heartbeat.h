/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_HEARTBEAT_H
#define CMD_HEARTBEAT_H
/*
 * Proof of what was lost: once a second a canary (a system call of our own that must come back as
 * an event), the kernel's counters, and the records that tell of them and of whatever was done to
 * what collects. They are written only after everything before the reading has been taken from the
 * rings, so that they never run ahead of their place in the chain.
 */
#include "capture/source.h"
#include "cmd/pipeline.h"

struct heartbeat;
struct takeup;

int heartbeat_open(struct heartbeat **ret, struct source *source);
void heartbeat_close(struct heartbeat *heartbeat);

/* Before the first one: the run goes on that another collector began. */
void heartbeat_go_on(struct heartbeat *heartbeat, const struct takeup *takeup);

/* What a COUNTERS record says. 0 or -EBADMSG. */
int heartbeat_unpack(const struct record *counters, struct event_counters *ret);

/* Send the canary, read the counters, and look whether somebody had a hand in it. The rest follows
 * when the source is drained. now is monotonic. */
void heartbeat_begin(struct heartbeat *heartbeat, uint64_t now);

/* The same at the end of a run, after source_stop(): no canary, all counters are written. */
void heartbeat_begin_last(struct heartbeat *heartbeat);

/* True between heartbeat_begin and heartbeat_finish. */
bool heartbeat_is_open(const struct heartbeat *heartbeat);

/* See every event first: true when it is our canary and must not become a record. */
bool heartbeat_is_canary(struct heartbeat *heartbeat, const struct event *event);

/* Write LOSS, COUNTERS, DISTURBED and HEARTBEAT. time is epoch ns, received the events taken so
 * far. */
int heartbeat_finish(struct heartbeat *heartbeat, struct pipeline *pipeline, uint64_t time,
		     uint64_t received, uint64_t now);

/* Lost so far, as the counters last read say; program skips included. */
uint64_t heartbeat_lost(const struct heartbeat *heartbeat);

#endif
