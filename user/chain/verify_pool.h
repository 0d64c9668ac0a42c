/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_VERIFY_POOL_H
#define CHAIN_VERIFY_POOL_H
/* Threads that run jobs in the order in which they are given. One caller gives and waits; a job
 * belongs to its thread until pool_wait says that it has paused or is done. */
#include <stdbool.h>

struct pool;

enum pool_state { POOL_RUNNING, POOL_PAUSED, POOL_DONE }; /* what waits for a thread runs, too */

struct pool_job {
	void (*run)(struct pool_job *job);
	struct pool *pool;
	enum pool_state state;
	struct pool_job *next;
};

/* -ENOMEM, -EAGAIN: no thread can be had. */
int pool_open(struct pool **ret, unsigned threads);

/* What runs is asked to stop, what waits is never run. NULL is accepted. */
void pool_close(struct pool *pool);

void pool_give(struct pool *pool, struct pool_job *job);

/* Until the job has paused (POOL_PAUSED), is done (POOL_DONE), or any job had news (POOL_RUNNING).
 */
enum pool_state pool_wait(struct pool *pool, struct pool_job *job);

/* Let a paused job go on. */
void pool_resume(struct pool *pool, struct pool_job *job);

/* For jobs: wait for pool_resume; wake pool_wait; true when the job is to stop. */
void pool_pause(struct pool_job *job);
void pool_tell(struct pool_job *job);
bool pool_stops(struct pool_job *job);

#endif
