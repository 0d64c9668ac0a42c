// SPDX-License-Identifier: Apache-2.0
/*
 * The verifier's threads: what they tell and wait for, that signals stay away from them, and that
 * whatever they share is touched under the lock. (This program's calls come before the library's.)
 */
#include "chain_util.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include "chain/verify_pool.h"

static __thread int locked; /* by this thread */
static int threads_left;    /* that can be had */
static bool counts;

#define REAL(name) ((typeof(name) *)dlsym(RTLD_NEXT, #name))

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return counts && threads_left-- <= 0 ? EAGAIN
					     : REAL(pthread_create)(thread, attr, run, arg);
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
	static typeof(pthread_mutex_lock) *real;
	int err;

	if (!real)
		real = REAL(pthread_mutex_lock);
	err = real(lock);
	locked++;
	return err;
}

int pthread_mutex_unlock(pthread_mutex_t *lock)
{
	static typeof(pthread_mutex_unlock) *real;

	if (!real)
		real = REAL(pthread_mutex_unlock);
	if (!locked--)
		abort();
	return real(lock);
}

struct job {
	struct pool_job base; /* first */
	void (*does)(struct job *job);
	sem_t go;
	int done;
};

static void run(struct pool_job *base)
{
	struct job *job = (struct job *)base;

	if (locked)
		abort();
	job->does(job);
	job->done++;
}

static struct pool *pool;

static void give(struct job *job, void (*does)(struct job *))
{
	*job = (struct job){ .base.run = run, .does = does };
	sem_init(&job->go, 0, 0);
	pool_give(pool, &job->base);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
}

static void open_pool(unsigned threads)
{
	pool = NULL;
	ck_assert_int_eq(pool_open(&pool, threads), 0);
}

/* --- what is told ---------------------------------------------------------------------------- */

static void tells(struct job *job)
{
	nap(); /* the caller waits meanwhile */
	pool_tell(&job->base);
	sem_wait(&job->go);
	nap();
}

/* Who waits hears of news before the end, once, and then of the end. */
START_TEST(news)
{
	struct job job;

	open_pool(1);
	give(&job, tells);
	ck_assert_int_eq(pool_wait(pool, &job.base), POOL_RUNNING);
	ck_assert_int_eq(job.done, 0);
	sem_post(&job.go);
	ck_assert_int_eq(pool_wait(pool, &job.base), POOL_DONE);
	ck_assert_int_eq(job.done, 1);
	pool_close(pool);
}
END_TEST

static void pauses(struct job *job)
{
	nap();
	pool_pause(&job->base);
	job->done += !pool_stops(&job->base);
}

START_TEST(pauses_and_goes_on)
{
	struct job one, two;

	open_pool(2);
	give(&one, pauses);
	give(&two, pauses);
	ck_assert_int_eq(pool_wait(pool, &two.base), POOL_PAUSED);
	ck_assert_int_eq(pool_wait(pool, &one.base), POOL_PAUSED);
	ck_assert_int_eq(one.done + two.done, 0);
	nap(); /* they wait meanwhile */
	pool_resume(pool, &one.base);
	ck_assert_int_eq(pool_wait(pool, &one.base), POOL_DONE);
	ck_assert_int_eq(one.done, 2);
	ck_assert_int_eq(two.done, 0);
	pool_close(pool); /* what has paused goes on, and sees that it is to stop */
	ck_assert_int_eq(two.done, 1);
}
END_TEST

static void waits(struct job *job)
{
	sem_wait(&job->go);
}

/* What waits for a thread has not paused, and is never run when the pool is closed. */
START_TEST(queue)
{
	struct job one, two, three;

	open_pool(1);
	give(&one, waits);
	give(&two, tells);
	sem_post(&one.go);
	ck_assert_int_eq(pool_wait(pool, &two.base), POOL_RUNNING); /* news */
	ck_assert_int_eq(pool_wait(pool, &one.base), POOL_DONE);
	give(&three, waits);
	sem_post(&two.go);
	pool_close(pool);
	ck_assert_int_eq(two.done, 1);
	ck_assert_int_eq(three.done, 0);
}
END_TEST

static void naps(struct job *job)
{
	(void)job;
	nap();
}

/* Each job is run once for each time that it is given, in that order, whoever came in between. */
START_TEST(order)
{
	struct job jobs[4];

	open_pool(1);
	nap(); /* it waits for the first */
	for (int i = 0; i < 3; i++)
		give(&jobs[i], waits);
	sem_post(&jobs[0].go);
	ck_assert_int_eq(pool_wait(pool, &jobs[0].base), POOL_DONE);
	nap(); /* the second runs, the third is in the queue */
	give(&jobs[3], naps);
	sem_post(&jobs[1].go);
	sem_post(&jobs[2].go);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(pool_wait(pool, &jobs[i].base), POOL_DONE);
	for (int times = 2; times < 4; times++) { /* again */
		for (int i = 3; i >= 0; i--) {
			jobs[i].does = naps;
			pool_give(pool, &jobs[i].base);
		}
		for (int i = 0; i < 4; i++) {
			ck_assert_int_eq(pool_wait(pool, &jobs[i].base), POOL_DONE);
			ck_assert_int_eq(jobs[i].done, times);
		}
	}
	pool_close(pool);
}
END_TEST

/* --- threads --------------------------------------------------------------------------------- */

static void looks_at_signals(struct job *job)
{
	sigset_t mask;

	sigemptyset(&mask);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	job->done += 10 * (sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1 &&
			   sigismember(&mask, SIGUSR1) == 1);
}

/* Signals are for the thread that was there before, which takes those that it took. */
START_TEST(signals)
{
	sigset_t before, mask;
	struct job job;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	open_pool(1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < 32; i++)
		ck_assert_int_eq(sigismember(&mask, i), sigismember(&before, i));
	give(&job, looks_at_signals);
	ck_assert_int_eq(pool_wait(pool, &job.base), POOL_DONE);
	ck_assert_int_eq(job.done, 11);
	pool_close(pool);
}
END_TEST

static void nothing(struct job *job)
{
	(void)job;
}

/* Fewer threads than were asked for will do, none will not. */
START_TEST(few_threads)
{
	struct job jobs[8];

	counts = true;
	for (int left = 1; left < 4; left++) {
		threads_left = left;
		open_pool(3);
		for (int i = 0; i < 8; i++)
			give(&jobs[i], nothing);
		for (int i = 0; i < 8; i++)
			ck_assert_int_eq(pool_wait(pool, &jobs[i].base), POOL_DONE);
		pool_close(pool);
	}
	threads_left = 0;
	pool = NULL;
	ck_assert_int_eq(pool_open(&pool, 3), -EAGAIN);
	ck_assert_ptr_null(pool);
	counts = false;
	pool_close(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_pool");
	TCase *tcase = tcase_create("pool");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, news);
	tcase_add_test(tcase, pauses_and_goes_on);
	tcase_add_test(tcase, queue);
	tcase_add_test(tcase, order);
	tcase_add_test(tcase, signals);
	tcase_add_test(tcase, few_threads);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
