/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SEALER_H
#define CHAIN_SEALER_H
/*
 * The writing side's view of the keeper: starts it, asks it with small fixed requests, learns by
 * news, and notices when it is gone or does not answer. Nothing here waits for the disk unless it
 * says so. One thread.
 */
#include "chain/keeper.h"

struct sealer;

/*
 * Start a keeper, have it take up the log that hello speaks of, and wait for its first segment.
 * program: what to run as `PROGRAM keeper` with the socket as descriptor KEEPER_SOCKET; NULL: a
 * thread of this process. -errno with err when there is no log to be had.
 */
int sealer_start(struct sealer **ret, const struct keeper_hello *hello, const char *program,
		 struct keeper_opened *ret_opened, struct chain_error *err);

/*
 * Put another in the place of a keeper that is gone; it restarts from what is on the disk, so all
 * that can be written should be. Waits for it. 0, or -errno with err: it could not be had, or what
 * it found is another log.
 */
int sealer_restart(struct sealer *sealer, struct chain_error *err);

/* How the last keeper ended, in words. */
const char *sealer_end(const struct sealer *sealer);

/* The keeper's process id. */
uint32_t sealer_process(const struct sealer *sealer);

/* Ask for what (of enum keeper_what), for the first entries entries that lie in the first bytes
 * bytes of that segment. Requests not yet begun are merged. */
void sealer_ask(struct sealer *sealer, unsigned what, uint64_t segment, uint64_t entries,
		uint64_t bytes);

/* Take in what the keeper has told since; true if that changed anything after *seen. now: for how
 * long it has not answered; one that does not is killed, and found gone later. */
bool sealer_has_news(struct sealer *sealer, unsigned seen, uint64_t now);

/* Copy the news; *seen is brought up to date. */
void sealer_get_news(const struct sealer *sealer, struct keeper_news *ret, unsigned *seen);

/* The descriptor of the segment that the news name, now the caller's; -1 when it has it. */
int sealer_take_segment(struct sealer *sealer);

/* Is anything asked and not yet done? */
bool sealer_is_busy(const struct sealer *sealer);

/* Is the keeper gone? Then nothing that was asked will be done. */
bool sealer_is_gone(const struct sealer *sealer);

/* Wait until there is news since seen, or nothing is left to do, or the keeper is gone. */
void sealer_wait(struct sealer *sealer, unsigned seen);

/* Let the keeper end, after what it is doing now, and free. NULL is accepted. */
void sealer_stop(struct sealer *sealer);

#endif
