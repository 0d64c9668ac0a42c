// SPDX-License-Identifier: Apache-2.0
#include "chain/verify_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t given; /* to the threads: a job, or go on, or stop */
	pthread_cond_t told;  /* to the caller */
	struct pool_job *first, **last;
	bool news;
	atomic_bool stop;
	unsigned count;
	pthread_t threads[];
};

static void *work(void *arg)
{
	struct pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		struct pool_job *job = pool->first;

		if (!job) {
			pthread_cond_wait(&pool->given, &pool->lock);
			continue;
		}
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
		pthread_mutex_unlock(&pool->lock);
		job->run(job);
		pthread_mutex_lock(&pool->lock);
		job->state = POOL_DONE;
		pthread_cond_signal(&pool->told);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are the business of the thread that was there before. */
static int start(struct pool *pool, unsigned threads)
{
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (err == 0 && pool->count < threads) {
		err = pthread_create(&pool->threads[pool->count], NULL, work, pool);
		pool->count += err == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pool->count ? 0 : -err; /* fewer will do */
}

int pool_open(struct pool **ret, unsigned threads)
{
	struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
	int err;

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->given, NULL);
	pthread_cond_init(&pool->told, NULL);
	pool->last = &pool->first;
	err = start(pool, threads);
	if (err)
		pool_close(pool);
	else
		*ret = pool;
	return err;
}

void pool_close(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->given);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->told);
	pthread_cond_destroy(&pool->given);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void pool_give(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->pool = pool;
	job->state = POOL_RUNNING;
	job->next = NULL;
	*pool->last = job;
	pool->last = &job->next;
	pthread_cond_broadcast(&pool->given);
	pthread_mutex_unlock(&pool->lock);
}

enum pool_state pool_wait(struct pool *pool, struct pool_job *job)
{
	enum pool_state state;

	pthread_mutex_lock(&pool->lock);
	while (job->state != POOL_PAUSED && job->state != POOL_DONE && !pool->news)
		pthread_cond_wait(&pool->told, &pool->lock);
	pool->news = false;
	state = job->state;
	pthread_mutex_unlock(&pool->lock);
	return state;
}

void pool_resume(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->state = POOL_RUNNING;
	pthread_cond_broadcast(&pool->given);
	pthread_mutex_unlock(&pool->lock);
}

void pool_pause(struct pool_job *job)
{
	struct pool *pool = job->pool;

	pthread_mutex_lock(&pool->lock);
	job->state = POOL_PAUSED;
	pthread_cond_signal(&pool->told);
	while (job->state == POOL_PAUSED && !pool->stop)
		pthread_cond_wait(&pool->given, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void pool_tell(struct pool_job *job)
{
	struct pool *pool = job->pool;

	pthread_mutex_lock(&pool->lock);
	pool->news = true;
	pthread_cond_signal(&pool->told);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_stops(struct pool_job *job)
{
	return atomic_load_explicit(&job->pool->stop, memory_order_relaxed);
}
