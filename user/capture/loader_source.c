// SPDX-License-Identifier: Apache-2.0
/* Taking events from the rings, in causal order, and the counters beside them. */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "capture/event_check.h"

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Three rings drain at different speeds, and a task's events may stand in different ones. Take
 * only what is older than the moment before the ends were read: whatever such an event follows
 * from was written out before it and lies before the ends, so picking the oldest head keeps every
 * task's events in order.
 */
static void begin_batch(struct kernel *k)
{
	k->batch_time = boottime();
	for (int i = 0; i < RINGS; i++) {
		ring_skip_overrun(&k->rings[i]);
		k->batch[i] = ring_end(&k->rings[i]);
	}
}

static const struct event *take_oldest(struct kernel *k)
{
	const struct event *best = NULL;
	struct ring *from = NULL;

	for (int i = 0; i < RINGS; i++) {
		struct ring *r = &k->rings[i];
		const struct event *e;
		size_t len;

		if (r->moved && ring_skip_overrun(r))
			continue;
		if (r->position >= k->batch[i])
			continue;
		e = ring_peek(r, k->batch[i], &len);
		if (!e && r->position < k->batch[i])
			return NULL; /* being written: what stands behind it must wait too */
		if (!e)
			continue;
		if (!event_is_whole(e, len)) {
			k->corrupt = !ring_skip_overrun(r);
			return NULL;
		}
		if (e->time <= k->batch_time && (!best || e->time < best->time)) {
			best = e;
			from = r;
		}
	}
	k->taken = from;
	return best;
}

static const struct event *kernel_next(struct source *source)
{
	struct kernel *k = (struct kernel *)source;
	const struct event *e;

	if (k->taken)
		ring_release(k->taken);
	k->taken = NULL;
	e = take_oldest(k);
	if (!e) {
		begin_batch(k);
		e = take_oldest(k);
	}
	k->had_events |= e != NULL;
	return e;
}

static bool anything_waits(const struct kernel *k)
{
	for (int i = 0; i < RINGS; i++) {
		if (ring_end(&k->rings[i]) != k->rings[i].position)
			return true;
	}
	return false;
}

/* A woken consumer costs the waking program 2.6 us: while events come, look again every so often
 * instead; after a quiet spell, sleep until woken. */
#define POLL_NS	 4000000
#define QUIET_NS 50000000

static bool is_busy(struct kernel *k)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (k->had_events)
		k->last_event = now;
	k->had_events = false;
	return now - k->last_event < QUIET_NS;
}

static int kernel_wait(struct source *source, int timeout_ms)
{
	struct kernel *k = (struct kernel *)source;
	struct timespec nap = { .tv_nsec = POLL_NS };
	struct epoll_event event;
	int n = 0;

	if (k->corrupt)
		return -EBADMSG;
	if (timeout_ms > 0 && is_busy(k)) {
		nanosleep(&nap, NULL);
		return anything_waits(k);
	}
	/* Announce the sleep before the last look, so that nothing falls in between. An event
	 * whose program read the flag just before is found at the time-out. */
	__atomic_store_n(&k->skel->bss->asleep, 1, __ATOMIC_SEQ_CST);
	if (!anything_waits(k))
		n = epoll_wait(k->epoll, &event, 1, timeout_ms);
	__atomic_store_n(&k->skel->bss->asleep, 0, __ATOMIC_RELAXED);
	return n < 0 && errno != EINTR ? -errno : anything_waits(k);
}

static void kernel_mark(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		k->marks[i] = ring_end(&k->rings[i]);
}

static bool kernel_drained(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++) {
		unsigned long at = k->rings[i].position;

		if (k->taken == &k->rings[i])
			at += k->rings[i].held;
		if (at < k->marks[i])
			return false;
	}
	return true;
}

static const struct event_counters *kernel_counters(struct source *source, uint32_t cpu)
{
	struct kernel *k = (struct kernel *)source;
	const volatile uint64_t *from = (const volatile void *)&k->counters[cpu];
	uint64_t *to = (void *)&k->copy;

	for (size_t i = 0; i < sizeof(k->copy) / sizeof(*to); i++)
		to[i] = from[i];
	return &k->copy;
}

static uint64_t kernel_misses(struct source *source)
{
	struct kernel *k = (struct kernel *)source;
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, k->skel->obj)
	{
		struct bpf_prog_info info;

		if (!kernel_is_of_object_set(program) && !kernel_ask_program(k, program, &info))
			sum += info.recursion_misses;
	}
	return sum;
}

static void kernel_fill(struct source *source, uint64_t ret[RINGS])
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		ret[i] = ring_end(&k->rings[i]) - k->rings[i].position;
}

static int kernel_stop(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	if (k->pin.dir) { /* they go on */
		return 0;
	}
	/* Closing a tracepoint link waits until no program runs any more. */
	kernel_drop_probes(k);
	k->guarded_count = 0;
	collect__detach(k->skel);
	return 0;
}

static void kernel_set_keeper(struct source *source, uint32_t pid)
{
	struct kernel *k = (struct kernel *)source;

	k->keeper_pid = (int)pid;
	k->skel->bss->keeper_pid = (int)pid;
}

static void kernel_close(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		ring_close(&k->rings[i]);
	if (k->counters)
		munmap(k->counters, k->counters_size);
	if (k->epoll >= 0)
		close(k->epoll);
	kernel_pin_end(k);
	kernel_drop_probes(k);
	collect__destroy(k->skel);
	free(k);
}

const struct source_ops kernel_ops = {
	.next = kernel_next,
	.wait = kernel_wait,
	.counters = kernel_counters,
	.mark = kernel_mark,
	.drained = kernel_drained,
	.misses = kernel_misses,
	.fill = kernel_fill,
	.check = kernel_check,
	.start = kernel_start,
	.stop = kernel_stop,
	.note = kernel_note,
	.goes_on = kernel_goes_on,
	.set_keeper = kernel_set_keeper,
	.saw_library = kernel_saw_library,
	.set_policy = kernel_set_policy,
	.flush = kernel_flush,
	.close = kernel_close,
};
