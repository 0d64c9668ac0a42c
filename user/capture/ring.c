// SPDX-License-Identifier: Apache-2.0
#include "capture/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

/* A record: u32 length with two flag bits, u32 page offset, data, padded to 8 bytes. */
#define HEADER 8

int ring_open(struct ring *ret, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ring r = { .size = size };
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r.consumer = p;
	/* The data is mapped twice in a row: a record never wraps. */
	p = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(r.consumer, page);
		return err;
	}
	r.producer = p;
	r.data = (const uint8_t *)p + page;
	r.position = r.kept = r.written = *r.consumer;
	*ret = r;
	return 0;
}

void ring_close(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap((void *)(uintptr_t)r->producer, page + 2 * r->size);
	memset(r, 0, sizeof(*r));
}

unsigned long ring_end(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

const void *ring_peek(struct ring *r, unsigned long limit, size_t *ret_len)
{
	while (r->position < limit) {
		const uint8_t *at = r->data + (r->position & (r->size - 1));
		uint32_t len =
			__atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		r->held = (HEADER + (len & ~(uint32_t)BPF_RINGBUF_DISCARD_BIT) + 7) & ~(size_t)7;
		if (r->held > limit - r->position) {
			r->held = 0;
			return NULL; /* written over, see ring_skip_overrun */
		}
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			*ret_len = len;
			return at + HEADER;
		}
		ring_release(r);
	}
	return NULL;
}

static void write_position(struct ring *r)
{
	if (__atomic_load_n(r->consumer, __ATOMIC_RELAXED) != r->written)
		r->moved = true;
	r->written = r->kept;
	__atomic_store_n(r->consumer, r->kept, __ATOMIC_RELEASE);
}

void ring_release(struct ring *r)
{
	r->position += r->held;
	r->held = 0;
	if (!r->keeps)
		ring_give_back(r, r->position);
}

void ring_give_back(struct ring *r, unsigned long position)
{
	r->kept = position;
	write_position(r);
}

bool ring_guard(struct ring *r)
{
	bool moved;

	if (__atomic_load_n(r->consumer, __ATOMIC_RELAXED) != r->written)
		write_position(r);
	moved = r->moved;
	r->moved = false;
	return moved;
}

bool ring_skip_overrun(struct ring *r)
{
	unsigned long end = ring_end(r);

	if (end - r->position <= r->size)
		return false;
	r->position = end;
	r->held = 0;
	ring_give_back(r, end);
	return true;
}
