/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H
/*
 * Consumer of one BPF ring buffer (kernel/bpf/ringbuf.c), by hand: libbpf's takes everything it
 * finds in one ring, and we must look at the heads of three and stop at a position.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned long *consumer;       /* page we write */
	const unsigned long *producer; /* page the kernel writes, data behind it */
	const uint8_t *data;
	size_t size;
	unsigned long position; /* ours; *consumer follows */
	unsigned long kept; /* what is behind this the kernel may write over: position, or less */
	unsigned long written; /* what we left in *consumer */
	size_t held;	       /* bytes of the record ring_peek gave out, header included */
	bool moved;	       /* somebody else wrote *consumer */
	bool keeps;	       /* what was taken stays there until ring_give_back */
};

/* fd of a ring buffer map of size bytes (a power of two). 0 or -errno. */
int ring_open(struct ring *ret, int fd, size_t size);
void ring_close(struct ring *ring);

/* Where the kernel will write next. */
unsigned long ring_end(const struct ring *ring);

/* The record at our position, if it is whole and ends before limit, which is where a record ends;
 * NULL otherwise. */
const void *ring_peek(struct ring *ring, unsigned long limit, size_t *ret_len);

/* Give the record of the last ring_peek back to the kernel. */
void ring_release(struct ring *ring);

/* What lies before this position, which we have passed, will not be needed again. Of use where
 * `keeps` is set: whoever opens the ring after us begins there. */
void ring_give_back(struct ring *ring, unsigned long position);

/*
 * Whoever has the map can move the position up to which the kernel may write anew: forward, and
 * what we have not read is written over; back, and the kernel finds no room. We go by our own, and
 * put it there again. True when it had been moved since the last call.
 */
bool ring_guard(struct ring *ring);

/* What we have not read is partly written over: true, and go on behind it all. */
bool ring_skip_overrun(struct ring *ring);

#endif
