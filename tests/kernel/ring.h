/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RING_H
#define RING_H
/* An io_uring by hand. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	unsigned *tail, *mask, *array, *done, *done_tail, *done_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
};

static inline void fail_ring(const char *what)
{
	perror(what);
	exit(2);
}

static inline int open_ring(struct ring *ring, unsigned entries)
{
	struct io_uring_params p = { 0 };
	unsigned char *at, *cq;

	ring->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (ring->fd < 0)
		return 0; /* switched off here: nothing to see */
	at = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
		  ring->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*ring->results),
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, p.sq_entries * sizeof(*ring->entries), PROT_READ | PROT_WRITE,
			     MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (at == MAP_FAILED || cq == MAP_FAILED || ring->entries == MAP_FAILED)
		fail_ring("mmap");
	ring->tail = (void *)(at + p.sq_off.tail);
	ring->mask = (void *)(at + p.sq_off.ring_mask);
	ring->array = (void *)(at + p.sq_off.array);
	ring->done = (void *)(cq + p.cq_off.head);
	ring->done_tail = (void *)(cq + p.cq_off.tail);
	ring->done_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->results = (void *)(cq + p.cq_off.cqes);
	return 1;
}

/* Nobody waits for its end. */
static inline void submit(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned at = *ring->tail & *ring->mask;

	ring->entries[at] = *entry;
	ring->array[at] = at;
	__atomic_store_n(ring->tail, *ring->tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0L) < 0)
		fail_ring("io_uring_enter");
}

/* What came of the next that is done. */
static inline long await_result(struct ring *ring)
{
	long result;

	while (__atomic_load_n(ring->done_tail, __ATOMIC_ACQUIRE) == *ring->done) {
		if (syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0L) <
		    0)
			fail_ring("io_uring_enter");
	}
	result = ring->results[*ring->done & *ring->done_mask].res;
	__atomic_store_n(ring->done, *ring->done + 1, __ATOMIC_RELEASE);
	return result;
}

static inline long ask(struct ring *ring, const struct io_uring_sqe *entry)
{
	submit(ring, entry);
	return await_result(ring);
}

static inline struct io_uring_sqe entry_of(int operation, const char *name, const char *second)
{
	return (struct io_uring_sqe){ .opcode = (unsigned char)operation,
				      .fd = AT_FDCWD,
				      .addr = (unsigned long)name,
				      .len = second ? (unsigned)AT_FDCWD : 0,
				      .off = (unsigned long)second };
}

#endif
